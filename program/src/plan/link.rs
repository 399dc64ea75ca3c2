//! The link between the parties, which a plan is made for, and what work costs beside it.

use serde::{Deserialize, Serialize};

/// A link's rate and delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Bytes a second, each way.
    pub rate: u64,
    /// Microseconds there and back.
    pub round_trip: u64,
}

impl Link {
    /// A local network: 10 Gbit/s, 0.2 ms.
    pub const LAN: Link = Link { rate: 1_250_000_000, round_trip: 200 };
    /// Two sites: 100 Mbit/s, 40 ms.
    pub const WAN: Link = Link { rate: 12_500_000, round_trip: 40_000 };

    /// Seconds that bytes take.
    pub fn seconds(self, bytes: u64) -> f64 {
        bytes as f64 / self.rate.max(1) as f64
    }

    /// Seconds that round trips take.
    pub fn waits(self, rounds: u64) -> f64 {
        rounds as f64 * self.round_trip as f64 * 1e-6
    }
}
