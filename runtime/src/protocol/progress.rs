//! How far a run is, told now and then.

use std::time::{Duration, Instant};

use motet_program::data::Elem;
use motet_program::ir::Site;
use serde::{Deserialize, Serialize};

use crate::net::Channel;

/// Shortest time between two reports.
const PAUSE: Duration = Duration::from_millis(50);
/// Revealed numbers that a checkpoint keeps, so that another session can tell them too.
const SHOWN: usize = 1 << 16;

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// ANDs done that cost ciphertexts, over all instances.
    pub ands: u64,
    /// The same, of the earlier sessions of a run that goes on from a checkpoint.
    pub before: u64,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    before: u64,
    told: Instant,
    loops: Vec<Turn>,
    revealed: Option<Revealed>,
    /// All that was revealed, as far as checkpoints keep it.
    shown: Vec<Revealed>,
    report: Box<dyn FnMut(Progress)>,
}

impl Meter {
    /// Reports to `report`, each number that is revealed, and else at most every 50 ms.
    pub fn new(report: impl FnMut(Progress) + 'static) -> Self {
        Meter {
            ands: 0,
            before: 0,
            told: Instant::now(),
            loops: Vec::new(),
            revealed: None,
            shown: Vec::new(),
            report: Box::new(report),
        }
    }

    /// ANDs done so far.
    pub fn ands(&self) -> u64 {
        self.ands
    }

    /// ANDs done so far in all sessions of the run, and what was revealed in them.
    pub(super) fn so_far(&self) -> (u64, Vec<Revealed>) {
        (self.before + self.ands, self.shown.clone())
    }

    /// The run goes on from where earlier sessions had come.
    pub(super) fn go_on(&mut self, ands: u64, shown: &[Revealed], channel: &Channel) {
        self.before = ands;
        self.shown = shown.to_vec();
        for revealed in shown {
            self.revealed = Some(*revealed);
            self.tell(channel);
        }
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
        let revealed = Revealed { site, elem, word, count };
        self.revealed = Some(revealed);
        if self.shown.len() < SHOWN {
            self.shown.push(revealed);
        }
        self.tell(channel);
    }

    fn tell(&mut self, channel: &Channel) {
        self.told = Instant::now();
        (self.report)(Progress {
            ands: self.ands,
            before: self.before,
            sent: channel.sent(),
            received: channel.received(),
            loops: [self.loops.first().copied(), self.loops.get(1).copied()],
            revealed: self.revealed,
        });
    }
}
