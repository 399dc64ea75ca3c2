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

    /// Counter mode: `out[j] = AES(stream · 2^64 + index + j)`, the latter sum modulo 2^64.
    pub fn counter(&self, stream: u64, index: u64, out: &mut [Block]) {
        self.isa.run(Counter::<false> { key: self, stream, index, out });
    }

    /// Adds to `out` what [`Schedule::counter`] would write there.
    pub fn add_counter(&self, stream: u64, index: u64, out: &mut [Block]) {
        self.isa.run(Counter::<true> { key: self, stream, index, out });
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

    /// Round key `round` of key `lane`, which counts modulo [`Schedules::LANES`].
    #[inline(always)]
    pub(crate) fn round(&self, round: usize, lane: usize) -> Block {
        self.rounds[round][lane % Schedules::LANES]
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
        let mut keys = [V::splat(Block::ZERO); Schedules::LANES];
        let vectors = Schedules::LANES / V::LANES;
        for (keys, first) in keys.iter_mut().zip((0..Schedules::LANES).step_by(V::LANES)) {
            *keys = V::load(&self.rounds[0][first..]);
        }
        for (round, rcon) in self.rounds[1..].iter_mut().zip(RCON) {
            for (keys, first) in keys[..vectors].iter_mut().zip((0..Schedules::LANES).step_by(V::LANES)) {
                *keys = keys.next_round_key(rcon);
                keys.store(&mut round[first..]);
            }
        }
    }
}

/// Counter mode; what it gives is added to `out` or replaces it.
struct Counter<'a, const ADD: bool> {
    key: &'a Schedule,
    stream: u64,
    index: u64,
    out: &'a mut [Block],
}

impl<const ADD: bool> Kernel for Counter<'_, ADD> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Counter { key, stream, mut index, out } = self;
        let mut groups = out.chunks_exact_mut(8 * V::LANES);
        for group in &mut groups {
            let vectors = counters::<V, 8>(stream, index);
            for (g, vector) in V::encrypt(key, vectors).into_iter().enumerate() {
                let blocks = &mut group[g * V::LANES..];
                let vector = if ADD { vector.xor(V::load(blocks)) } else { vector };
                vector.store(blocks);
            }
            index = index.wrapping_add(8 * V::LANES as u64);
        }
        for blocks in groups.into_remainder().chunks_mut(V::LANES) {
            let [vector] = V::encrypt(key, counters::<V, 1>(stream, index));
            index = index.wrapping_add(V::LANES as u64);
            let mut lanes = [Block::ZERO; 4];
            vector.store(&mut lanes);
            for (block, lane) in blocks.iter_mut().zip(lanes) {
                *block = if ADD { *block ^ lane } else { lane };
            }
            lanes.zeroize();
        }
    }
}

/// `N` vectors of counter blocks.
#[inline(always)]
pub(crate) fn counters<V: Vector, const N: usize>(stream: u64, index: u64) -> [V; N] {
    let mut vectors = [V::splat(Block::ZERO); N];
    for (n, vector) in vectors.iter_mut().enumerate() {
        *vector = V::counter(stream, index.wrapping_add((n * V::LANES) as u64));
    }
    vectors
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
                Schedule::new(isa, hex(key)).counter(
                    (hex(plain).value() >> 64) as u64,
                    hex(plain).value() as u64,
                    &mut out,
                );
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
        let (stream, index) = (7, u64::MAX - 20);
        for n in [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000] {
            let mut expected = vec![Block::ZERO; n];
            Schedule::new(Isa::portable(), key).counter(stream, index, &mut expected);
            for isa in Isa::available() {
                let mut out = vec![Block::ONE; n];
                Schedule::new(isa, key).counter(stream, index, &mut out);
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
