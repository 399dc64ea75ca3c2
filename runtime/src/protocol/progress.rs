//! How far a run is, told now and then.

use std::time::{Duration, Instant};

use motet_program::data::Elem;
use motet_program::ir::Site;

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
    /// The two outermost loops that the run is in.
    pub loops: [Option<Turn>; 2],
    /// The latest number that was revealed.
    pub revealed: Option<Revealed>,
}

/// Where a run is in a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The loop.
    pub site: Site,
    /// Iterations that are done.
    pub done: u64,
    /// Iterations in all.
    pub of: u64,
}

/// A number that a program revealed in its middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revealed {
    /// Where the program does.
    pub site: Site,
    /// Its type.
    pub elem: Elem,
    /// Its bits.
    pub word: u64,
    /// How many numbers have been revealed so far, with this one.
    pub count: u64,
}

/// Counts what is done and reports it.
pub struct Meter {
    ands: u64,
    told: Instant,
    loops: Vec<Turn>,
    revealed: Option<Revealed>,
    report: Box<dyn FnMut(Progress)>,
}

impl Meter {
    /// Reports to `report`, each number that is revealed, and else at most every 50 ms.
    pub fn new(report: impl FnMut(Progress) + 'static) -> Self {
        Meter { ands: 0, told: Instant::now(), loops: Vec::new(), revealed: None, report: Box::new(report) }
    }

    /// ANDs done so far.
    pub fn ands(&self) -> u64 {
        self.ands
    }

    pub(super) fn add(&mut self, ands: u64, channel: &Channel) {
        self.ands += ands;
        if self.told.elapsed() >= PAUSE {
            self.tell(channel);
        }
    }

    /// A loop begins.
    pub(super) fn enter(&mut self, site: Site, of: u64) {
        self.loops.push(Turn { site, done: 0, of });
    }

    /// An iteration of the innermost loop is done.
    pub(super) fn turn(&mut self) {
        if let Some(turn) = self.loops.last_mut() {
            turn.done += 1;
        }
    }

    /// So many iterations of the innermost loop were done in an earlier session.
    pub(super) fn skip(&mut self, done: u64) {
        if let Some(turn) = self.loops.last_mut() {
            turn.done += done;
        }
    }

    /// The innermost loop ends.
    pub(super) fn leave(&mut self) {
        self.loops.pop();
    }

    /// A number was revealed.
    pub(super) fn reveal(&mut self, site: Site, elem: Elem, word: u64, channel: &Channel) {
        let count = self.revealed.map_or(0, |r| r.count) + 1;
        self.revealed = Some(Revealed { site, elem, word, count });
        self.tell(channel);
    }

    fn tell(&mut self, channel: &Channel) {
        self.told = Instant::now();
        (self.report)(Progress {
            ands: self.ands,
            sent: channel.sent(),
            received: channel.received(),
            loops: [self.loops.first().copied(), self.loops.get(1).copied()],
            revealed: self.revealed,
        });
    }
}
