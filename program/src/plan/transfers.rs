//! How oblivious transfers are made: chosen by a plan for its link and for how many it takes.

use serde::{Deserialize, Serialize};

use super::Link;
use super::traffic::{self, EXTENSION_UNIT, Line, ROWS, SILENT_BYTES, SILENT_FIRST, SILENT_USABLE, To};

/// How oblivious transfers are made. The garbler is the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transfers {
    /// SoftSpokenOT over small fields of 2^2 elements: 8 bytes a transfer.
    SoftSpoken2,
    /// Of 2^4 elements: 4 bytes.
    SoftSpoken4,
    /// Of 2^8 elements: 2 bytes.
    SoftSpoken8,
    /// Silent: some 460 KB for up to 964,480, and 295 KB for each so many more.
    Silent,
}

/// How those are made in which the garbler chooses: a few, for selections.
pub const BACK: Transfers = Transfers::SoftSpoken4;

impl Transfers {
    /// All of them.
    pub const ALL: [Transfers; 4] =
        [Transfers::SoftSpoken2, Transfers::SoftSpoken4, Transfers::SoftSpoken8, Transfers::Silent];

    /// What is best over the link for so many. Equal ones go to the first.
    pub fn of(link: Link, count: u64) -> Transfers {
        let seconds = |way: &Transfers| {
            let mut line = Line::default();
            way.set_up(&mut line);
            let extension = way.extension(count);
            let bytes = line.to_evaluator + line.to_garbler + extension[0].saturating_add(extension[1]);
            link.seconds(bytes) + way.work(count)
        };
        let [first, rest @ ..] = Transfers::ALL;
        rest.into_iter().fold(first, |best, way| if seconds(&way) < seconds(&best) { way } else { best })
    }

    /// k of the fields of SoftSpokenOT, which makes all transfers, or those that the silent ones begin with: a punctured
    /// tree of k levels serves k base OTs.
    pub fn subfield_bits(self) -> u64 {
        match self {
            Transfers::SoftSpoken2 => 2,
            Transfers::SoftSpoken4 => 4,
            Transfers::SoftSpoken8 | Transfers::Silent => 8,
        }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Transfers::SoftSpoken2 => "SoftSpokenOT, k = 2",
            Transfers::SoftSpoken4 => "SoftSpokenOT, k = 4",
            Transfers::SoftSpoken8 => "SoftSpokenOT, k = 8",
            Transfers::Silent => "silent OT",
        }
    }

    /// What goes over the line before the first: base OTs, in which the garbler chooses, sums of each level of each tree,
    /// and the transfers that silent ones begin with.
    pub(super) fn set_up(self, line: &mut Line) {
        traffic::set_up_transfers(line, self.subfield_bits());
        if self == Transfers::Silent {
            line.say(To::Garbler, self.small_fields(SILENT_FIRST));
        }
    }

    /// Bytes to the evaluator and to the garbler for so many transfers.
    pub fn extension(self, count: u64) -> [u64; 2] {
        match self {
            Transfers::Silent => [count.div_ceil(SILENT_USABLE).saturating_mul(SILENT_BYTES), 0],
            _ => [0, self.small_fields(count)],
        }
    }

    /// Bytes both ways that so many transfers take beside others.
    pub(super) fn share(self, count: u64) -> u64 {
        match self {
            Transfers::Silent => (u128::from(count) * u128::from(SILENT_BYTES) / u128::from(SILENT_USABLE)) as u64,
            _ => self.small_fields(count),
        }
    }

    fn small_fields(self, count: u64) -> u64 {
        let units = count.div_ceil(EXTENSION_UNIT);
        units.saturating_mul(EXTENSION_UNIT / 8 * (ROWS / self.subfield_bits() - 1))
    }

    /// Seconds of work at the slower side. (Roughly what a core of 4 GHz takes; where it is off, the choice is a little
    /// worse, and no result another.)
    pub(super) fn work(self, count: u64) -> f64 {
        if count == 0 {
            return 0.0;
        }
        // A whole iteration of silent ones at least.
        let first = if self == Transfers::Silent { 16e-3 } else { 0.0 };
        first + self.work_beside(count)
    }

    /// Seconds of work for so many beside others.
    pub(super) fn work_beside(self, count: u64) -> f64 {
        let each = match self {
            Transfers::SoftSpoken2 => 4e-9,
            Transfers::SoftSpoken4 => 5e-9,
            Transfers::SoftSpoken8 => 40e-9,
            Transfers::Silent => 12e-9,
        };
        each * count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_links_and_many_transfers_are_worth_work() {
        let slow = Link { rate: 1_250_000, round_trip: 50_000 };
        assert_eq!(Transfers::of(Link::LAN, 1000), Transfers::SoftSpoken4);
        assert_eq!(Transfers::of(slow, 10_000), Transfers::SoftSpoken8);
        assert_eq!(Transfers::of(slow, 1_000_000), Transfers::Silent);
        assert_eq!(Transfers::of(Link::WAN, 100_000_000), Transfers::Silent);
    }
}
