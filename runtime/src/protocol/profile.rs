//! Where a run's time, bytes and rounds went, by place in the source.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use motet_program::ir::Site;
use motet_program::plan::{Planned, Step};

use crate::net::Channel;

/// What a part of a run took at this party.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Time that passed, waiting for the other party included.
    pub time: Duration,
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
    /// Changes of direction on the line.
    pub rounds: u64,
    /// ANDs that cost ciphertexts.
    pub ands: u64,
}

/// What a run took, by place in the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// By index into the program's sites.
    pub sites: BTreeMap<u32, Spent>,
}

/// Counters as they stand at a moment.
pub(super) struct Mark {
    at: Instant,
    sent: u64,
    received: u64,
    rounds: u64,
    ands: u64,
}

impl Mark {
    /// Now.
    pub fn now(channel: &Channel, ands: u64) -> Mark {
        let (sent, received, rounds) = (channel.sent(), channel.received(), channel.turns());
        Mark { at: Instant::now(), sent, received, rounds, ands }
    }

    /// What has been spent since an earlier moment.
    fn since(&self, earlier: &Mark) -> Spent {
        Spent {
            time: self.at - earlier.at,
            sent: self.sent - earlier.sent,
            received: self.received - earlier.received,
            rounds: self.rounds - earlier.rounds,
            ands: self.ands - earlier.ands,
        }
    }
}

impl Profile {
    /// Adds what a step took. A kernel's is shared out to the places that its gates come from, by their ANDs; loops and
    /// branches count as what is in them.
    pub(super) fn add(&mut self, planned: &Planned, before: &Mark, after: &Mark) {
        let spent = after.since(before);
        let places: &[(Site, u64)] = match &planned.step {
            Step::Loop { .. } | Step::If { .. } => return,
            Step::Kernel(kernel) => &kernel.ands,
            _ => &[],
        };
        let whole: u64 = places.iter().fold(0, |sum, (_, ands)| sum.saturating_add(*ands));
        if whole == 0 {
            return self.at(planned.site).add(&spent);
        }
        let mut done = 0;
        for (site, ands) in places {
            let next = done + ands;
            self.at(*site).add(&spent.part(done, next, whole));
            done = next;
        }
    }

    fn at(&mut self, site: Site) -> &mut Spent {
        self.sites.entry(site.0).or_default()
    }
}

impl Spent {
    /// Adds up.
    pub fn add(&mut self, other: &Spent) {
        self.time += other.time;
        self.sent += other.sent;
        self.received += other.received;
        self.rounds += other.rounds;
        self.ands += other.ands;
    }

    /// What falls between `from` and `to` of `whole`: such parts sum to all of it.
    fn part(&self, from: u64, to: u64, whole: u64) -> Spent {
        let up_to = |n: u64, end: u64| (u128::from(n) * u128::from(end) / u128::from(whole)) as u64;
        let part = |n: u64| up_to(n, to) - up_to(n, from);
        Spent {
            time: Duration::from_nanos(part(u64::try_from(self.time.as_nanos()).unwrap_or(u64::MAX))),
            sent: part(self.sent),
            received: part(self.received),
            rounds: part(self.rounds),
            ands: part(self.ands),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_sum_to_the_whole() {
        let spent = Spent { time: Duration::from_nanos(1_000_003), sent: 7, received: 101, rounds: 1, ands: 64 };
        let mut sum = Spent::default();
        [(0, 1), (1, 4), (4, 10)].into_iter().for_each(|(from, to)| sum.add(&spent.part(from, to, 10)));
        assert_eq!(sum, spent);
    }
}
