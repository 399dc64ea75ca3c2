//! How far a run is, told now and then.

use std::time::{Duration, Instant};

use crate::net::Channel;

/// Shortest time between two reports.
const PAUSE: Duration = Duration::from_millis(50);

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// ANDs done that cost ciphertexts, over all instances.
    pub ands: u64,
    /// Bytes sent to the other party.
    pub sent: u64,
    /// Bytes received from it.
    pub received: u64,
}

/// Counts what is done and reports it.
pub struct Meter {
    ands: u64,
    told: Instant,
    report: Box<dyn FnMut(Progress)>,
}

impl Meter {
    /// Reports to `report`, at most every 50 ms.
    pub fn new(report: impl FnMut(Progress) + 'static) -> Self {
        Meter { ands: 0, told: Instant::now(), report: Box::new(report) }
    }

    /// ANDs done so far.
    pub fn ands(&self) -> u64 {
        self.ands
    }

    pub(super) fn add(&mut self, ands: u64, channel: &Channel) {
        self.ands += ands;
        if self.told.elapsed() >= PAUSE {
            self.told = Instant::now();
            (self.report)(Progress { ands: self.ands, sent: channel.sent(), received: channel.received() });
        }
    }
}
