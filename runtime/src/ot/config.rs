//! How OTs are made: what parties agree on beforehand.

use motet_program::plan::Transfers;

use super::Subfield;

/// How OTs are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which protocol makes the bulk of them.
    pub method: Method,
    /// The field of the small VOLEs that make all OTs, or the first ones: bytes against work.
    pub subfield: Subfield,
    /// What the peer may do.
    pub adversary: Adversary,
}

/// Which protocol makes the bulk of the OTs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// SoftSpokenOT: 16/k bytes an OT, as many at a time as are needed.
    SoftSpoken,
    /// Silent OT: a third of a byte an OT, at several times the work and nearly a million at a time, which takes 16 MB; the
    /// sender's Δ must have its lowest bit set.
    Silent,
}

/// What the peer may do without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adversary {
    /// It follows the protocol, and thinks about what it saw.
    SemiHonest,
    /// It sends what it likes. What is made is checked, for one more round trip each time the pool is filled.
    Malicious,
}

impl Config {
    /// As a plan says; semi-honest.
    pub fn of(transfers: Transfers) -> Config {
        let method = if transfers == Transfers::Silent { Method::Silent } else { Method::SoftSpoken };
        let subfield = Subfield::of(transfers.subfield_bits()).unwrap_or(Subfield::Bits2);
        Config { method, subfield, adversary: Adversary::SemiHonest }
    }
}

impl Default for Config {
    /// k = 2, the fastest where the link is fast; semi-honest.
    fn default() -> Self {
        Config { method: Method::SoftSpoken, subfield: Subfield::Bits2, adversary: Adversary::SemiHonest }
    }
}
