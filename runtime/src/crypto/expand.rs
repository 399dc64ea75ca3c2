//! The small-field VOLE of SoftSpokenOT, locally: from seeds to rows of bits. This is where OT extension spends its
//! AES.
//!
//! Paper: Roy, "SoftSpokenOT" (CRYPTO 2022), section 3: with `r_x` the pseudorandom bits of seed `x`,
//! `u = Σ r_x` and `v = Σ r_x · x`, an element of F_{2^k} for every bit; bit `b` of all those elements is a row.

use crate::crypto::Block;
use crate::crypto::aes::{Schedule, counters};
use crate::crypto::isa::{Isa, Kernel, Vector};

/// The stream of a seed that is expanded to rows.
const ROWS: u64 = 0;

/// Vectors of a row that are worked on together.
const GROUP: usize = 4;

/// Blocks of a row are a multiple of this: the lanes of the widest vector.
pub const ROW_UNIT: usize = 4;

/// What the sender subtracts from `v`: the receiver's correction `d` times its element `Δ` of the field.
#[derive(Clone, Copy)]
pub struct Correction<'a> {
    /// The bits of `d`, 16 bytes a block of the row.
    pub bytes: &'a [u8],
    /// Bit `b` of Δ is to be added to row `b`.
    pub delta: u8,
}

/// Expands seeds `first..2^K` (as many as there are keys) to blocks `index..` of `u` and of the `K` rows of `v`, which
/// lie one after the other. Row lengths are multiples of [`ROW_UNIT`].
///
/// # Panics
/// Where the lengths do not fit.
pub fn expand<const K: usize>(
    isa: Isa,
    keys: &[Schedule],
    index: u64,
    correction: Option<Correction<'_>>,
    u: &mut [Block],
    v: &mut [Block],
) {
    assert!(keys.len() <= 1 << K && u.len().is_multiple_of(ROW_UNIT) && v.len() == K * u.len());
    isa.run(Expand::<K> { keys, index, correction, u, v });
}

struct Expand<'a, const K: usize> {
    keys: &'a [Schedule],
    index: u64,
    correction: Option<Correction<'a>>,
    u: &'a mut [Block],
    v: &'a mut [Block],
}

impl<const K: usize> Kernel for Expand<'_, K> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let mut at = 0;
        while at + GROUP * V::LANES <= self.u.len() {
            self.group::<V, GROUP>(at);
            at += GROUP * V::LANES;
        }
        while at < self.u.len() {
            self.group::<V, 1>(at);
            at += V::LANES;
        }
    }
}

impl<const K: usize> Expand<'_, K> {
    /// Bits of a seed's number whose rows are kept in registers.
    const LOW: usize = if K < 4 { K } else { 4 };

    #[inline(always)]
    fn group<V: Vector, const G: usize>(&mut self, at: usize) {
        let zero = V::splat(Block::ZERO);
        let mut u = [zero; G];
        let mut v = [[zero; G]; K];
        if let Some(Correction { bytes, delta }) = self.correction {
            for (bit, row) in v.iter_mut().enumerate() {
                let factor = V::splat(Block::new(u128::MAX).when(delta >> bit & 1 == 1));
                for (g, vector) in row.iter_mut().enumerate() {
                    *vector = V::load_bytes(&bytes[16 * (at + g * V::LANES)..]).and(factor);
                }
            }
        }
        let missing = (1 << K) - self.keys.len();
        let counters = counters::<V, G>(ROWS, self.index + at as u64);
        // Sums over 2^LOW seeds at a time, whose higher bits are the same.
        for high in 0..1 << (K - Self::LOW) {
            let first = high << Self::LOW;
            let mut sum = [zero; G];
            for x in first.max(missing)..first + (1 << Self::LOW) {
                let random = V::encrypt(&self.keys[x - missing], counters);
                for g in 0..G {
                    sum[g] = sum[g].xor(random[g]);
                }
                for (bit, row) in v[..Self::LOW].iter_mut().enumerate() {
                    if x >> bit & 1 == 1 {
                        for g in 0..G {
                            row[g] = row[g].xor(random[g]);
                        }
                    }
                }
            }
            for g in 0..G {
                u[g] = u[g].xor(sum[g]);
            }
            for (bit, row) in v[Self::LOW..].iter_mut().enumerate() {
                if high >> bit & 1 == 1 {
                    for g in 0..G {
                        row[g] = row[g].xor(sum[g]);
                    }
                }
            }
        }
        let length = self.u.len();
        for g in 0..G {
            u[g].store(&mut self.u[at + g * V::LANES..]);
            for (bit, row) in v.iter().enumerate() {
                row[g].store(&mut self.v[bit * length + at + g * V::LANES..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Prg, Stream, known_answers};

    #[test]
    fn rows_are_the_sums_of_the_paper() {
        check::<2>();
        check::<4>();
        check::<8>();
    }

    fn check<const K: usize>() {
        let (length, index) = (36, 5);
        for (first, delta) in [(0, None), (1, None), (1, Some(0b1001_0110))] {
            let mut bytes = vec![0; 16 * length];
            Prg::from_seed(Block::new(4), Stream(0)).fill_bytes(&mut bytes);
            let seeds: Vec<Block> = (first..1 << K).map(|x| Block::new(x as u128 * 77 + 5)).collect();
            let mut u = vec![Block::ZERO; length];
            let mut v = vec![Block::ZERO; K * length];
            for (j, bytes) in bytes.as_chunks::<16>().0.iter().enumerate() {
                for bit in 0..K {
                    v[bit * length + j] = Block::from_bytes(*bytes).when(delta.unwrap_or(0) >> bit & 1 == 1);
                }
            }
            for (number, &seed) in seeds.iter().enumerate() {
                let mut random = vec![Block::ZERO; length];
                Schedule::new(Isa::portable(), seed).counter(ROWS, index, &mut random);
                for (j, block) in random.into_iter().enumerate() {
                    u[j] ^= block;
                    for bit in 0..K {
                        v[bit * length + j] ^= block.when((first + number) >> bit & 1 == 1);
                    }
                }
            }
            for isa in Isa::available() {
                let keys: Vec<Schedule> = seeds.iter().map(|&seed| Schedule::new(isa, seed)).collect();
                let mut got = (vec![Block::ONE; length], vec![Block::ONE; K * length]);
                let correction = delta.map(|delta| Correction { bytes: &bytes, delta });
                expand::<K>(isa, &keys, index, correction, &mut got.0, &mut got.1);
                assert!(got.0 == u && got.1 == v, "{}", isa.name());
            }
        }
    }

    #[test]
    fn known_answer() {
        for line in known_answers::lines("vole") {
            let blocks: Vec<Block> = line.iter().map(|field| known_answers::block(field)).collect();
            for isa in Isa::available() {
                let keys: Vec<Schedule> = blocks[..4].iter().map(|&seed| Schedule::new(isa, seed)).collect();
                let mut got = vec![Block::ZERO; 12];
                let (u, v) = got.split_at_mut(4);
                expand::<2>(isa, &keys, 5, None, u, v);
                assert!(got == blocks[4..], "{}", isa.name());
            }
        }
    }
}
