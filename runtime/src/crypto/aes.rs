//! AES-128 (FIPS 197): key schedules, counter mode, and many keys at once.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Block;
use super::isa::{Isa, Kernel, RoundKeys, Vector};

const RCON: [u8; 10] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36];

/// One key, expanded for an instruction set.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Schedule {
    rounds: [Block; 11],
    #[zeroize(skip)]
    isa: Isa,
}

impl RoundKeys for &Schedule {
    #[inline(always)]
    fn round(self, round: usize) -> Block {
        self.rounds[round]
    }
}

impl Schedule {
    /// Expands a key.
    pub fn new(isa: Isa, key: Block) -> Self {
        let mut schedule = Schedule { rounds: [key; 11], isa };
        isa.run(ExpandOne { rounds: &mut schedule.rounds });
        schedule
    }

    /// Counter mode: `out[j] = AES(start + j)`, sums modulo 2^128.
    pub fn counter(&self, start: u128, out: &mut [Block]) {
        self.isa.run(Counter { key: self, start, out });
    }
}

/// `LANES` keys expanded side by side: round key `r` of key `j` is `rounds[r][j]`.
#[derive(Clone)]
pub(crate) struct Schedules {
    rounds: [[Block; Schedules::LANES]; 11],
}

impl Schedules {
    pub(crate) const LANES: usize = 8;

    pub(crate) fn new(isa: Isa, keys: [Block; Schedules::LANES]) -> Self {
        let mut schedules = Schedules { rounds: [keys; 11] };
        schedules.replace(isa, keys);
        schedules
    }

    /// Expands other keys in the place of these.
    pub(crate) fn replace(&mut self, isa: Isa, keys: [Block; Schedules::LANES]) {
        self.rounds[0] = keys;
        isa.run(ExpandMany { rounds: &mut self.rounds });
    }

    /// Round key `round` of key `lane`.
    #[inline(always)]
    pub(crate) fn round(&self, round: usize, lane: usize) -> Block {
        self.rounds[round][lane]
    }
}

struct ExpandOne<'a> {
    rounds: &'a mut [Block; 11],
}

impl Kernel for ExpandOne<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let mut keys = V::splat(self.rounds[0]);
        let mut lanes = [Block::ZERO; 8];
        for (round, rcon) in self.rounds[1..].iter_mut().zip(RCON) {
            keys = keys.next_round_key(rcon);
            keys.store(&mut lanes);
            *round = lanes[0];
        }
        lanes.zeroize();
    }
}

struct ExpandMany<'a> {
    rounds: &'a mut [[Block; Schedules::LANES]; 11],
}

impl Kernel for ExpandMany<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        for (before, rcon) in RCON.into_iter().enumerate() {
            for first in (0..Schedules::LANES).step_by(V::LANES) {
                let keys = V::load(&self.rounds[before][first..]);
                keys.next_round_key(rcon).store(&mut self.rounds[before + 1][first..]);
            }
        }
    }
}

struct Counter<'a> {
    key: &'a Schedule,
    start: u128,
    out: &'a mut [Block],
}

impl Kernel for Counter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let mut start = self.start;
        let mut groups = self.out.chunks_exact_mut(8 * V::LANES);
        for group in &mut groups {
            number(group, start);
            start = start.wrapping_add(group.len() as u128);
            let mut vectors = [V::splat(Block::ZERO); 8];
            for (vector, blocks) in vectors.iter_mut().zip(group.chunks_exact(V::LANES)) {
                *vector = V::load(blocks);
            }
            let vectors = V::encrypt(self.key, vectors);
            for (vector, blocks) in vectors.into_iter().zip(group.chunks_exact_mut(V::LANES)) {
                vector.store(blocks);
            }
        }
        for blocks in groups.into_remainder().chunks_mut(V::LANES) {
            let mut lanes = [Block::ZERO; 4];
            number(&mut lanes[..V::LANES], start);
            start = start.wrapping_add(V::LANES as u128);
            let [vector] = V::encrypt(self.key, [V::load(&lanes)]);
            vector.store(&mut lanes);
            blocks.copy_from_slice(&lanes[..blocks.len()]);
            lanes.zeroize();
        }
    }
}

#[inline(always)]
fn number(blocks: &mut [Block], start: u128) {
    for (j, block) in blocks.iter_mut().enumerate() {
        *block = Block::new(start.wrapping_add(j as u128));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Block {
        Block::from_bytes(u128::from_str_radix(text, 16).unwrap().to_be_bytes())
    }

    /// FIPS 197, appendix B and C.1, and the last round key of appendix A.1.
    #[test]
    fn fips_197() {
        let cases = [
            (
                "2b7e151628aed2a6abf7158809cf4f3c",
                "3243f6a8885a308d313198a2e0370734",
                "3925841d02dc09fbdc118597196a0b32",
            ),
            (
                "000102030405060708090a0b0c0d0e0f",
                "00112233445566778899aabbccddeeff",
                "69c4e0d86a7b0430d8cdb78070b4c55a",
            ),
        ];
        for isa in Isa::available() {
            for (key, plain, cipher) in cases {
                let mut out = [Block::ZERO];
                Schedule::new(isa, hex(key)).counter(hex(plain).value(), &mut out);
                assert!(out[0] == hex(cipher), "{}", isa.name());
            }
            if isa != Isa::portable() {
                let schedule = Schedule::new(isa, hex(cases[0].0));
                assert!(schedule.rounds[10] == hex("d014f9a8c9ee2589e13f0cc8b6630ca6"), "{}", isa.name());
            }
        }
    }

    #[test]
    fn counter_mode_is_the_same_everywhere() {
        let key = Block::new(0x1234_5678_9abc_def0_0fed_cba9_8765_4321);
        let start = u128::MAX - 20;
        for n in [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 1000] {
            let mut expected = vec![Block::ZERO; n];
            Schedule::new(Isa::portable(), key).counter(start, &mut expected);
            for isa in Isa::available() {
                let mut out = vec![Block::ONE; n];
                Schedule::new(isa, key).counter(start, &mut out);
                assert!(out == expected, "{} at {n}", isa.name());
            }
        }
    }

    #[test]
    fn many_keys_are_expanded_like_one() {
        let keys = std::array::from_fn(|j| Block::new(0x9e37_79b9_7f4a_7c15_u128.wrapping_pow(j as u32 + 3)));
        for isa in Isa::available() {
            let many = Schedules::new(isa, keys);
            for (lane, key) in keys.into_iter().enumerate() {
                let one = Schedule::new(isa, key);
                for round in 0..11 {
                    assert!(many.round(round, lane) == one.rounds[round], "{}", isa.name());
                }
            }
        }
    }
}
