//! The check that catches a malicious receiver of OT extension: its rows must agree on one vector of choices.
//!
//! Paper: Roy, "SoftSpokenOT" (CRYPTO 2022), the consistency check of the subspace VOLE (section 4.1), with the universal
//! hash below. (The check of Keller, Orsini and Scholl, CRYPTO 2015, is not used: its proof has a gap, as Roy shows.)
//!
//! After the receiver has sent everything, the sender draws a hash `h`, linear over F₂, of rows of bits, and sends it. The
//! receiver answers with `h(u)` of its choices and `h(v_r)` of its 128 rows. The sender checks `h(w_r) = h(v_r) +
//! Δ_r·h(u)` for all of its own rows. `h(x) = Σ χ_c · x_c` over the words of a row in F_{2^64}, plus the row's last word
//! but one, which is used for nothing else and so hides the rest of the row. Two different rows hash alike with
//! probability 2^-64.
//!
//! A receiver that cheats learns bits of Δ only by guessing them, and is caught where it guesses wrong.

use subtle::ConstantTimeEq;

use crate::crypto::isa::{Isa, Kernel, Vector};
use crate::crypto::transpose::Bytes;
use crate::crypto::{Block, Prg, Stream};

/// Bytes of an answer.
pub(super) const ANSWER: usize = 8 * 129;

/// A universal hash of rows with `length` blocks.
pub(super) struct RowHash {
    isa: Isa,
    /// Two factors a block; those of the last are zero.
    factors: Vec<Block>,
}

impl RowHash {
    /// The hash that a seed decides, of rows of a multiple of four blocks.
    pub(super) fn new(isa: Isa, seed: Block, length: usize) -> Self {
        let mut factors = vec![Block::ZERO; length];
        if let Some((_, factors)) = factors.split_last_mut() {
            Prg::from_seed(seed, Stream(0)).fill(factors);
        }
        RowHash { isa, factors }
    }

    /// Of 128 rows that were transposed.
    pub(super) fn rows(&self, transposed: &[Block]) -> [u64; 128] {
        assert!(transposed.len() == 128 * self.factors.len() && self.factors.len().is_multiple_of(4));
        let sums = self.isa.run(HashRows { transposed, factors: &self.factors });
        let last = &transposed[transposed.len() - 128..];
        std::array::from_fn(|r| {
            let word = last[..64].iter().rev().fold(0, |word, block| word << 1 | (block.value() >> r & 1) as u64);
            reduce(sums[r].value()) ^ word
        })
    }

    /// Of one row.
    fn row(&self, row: &[Block]) -> u64 {
        let sum = self.isa.run(HashRow { row, factors: &self.factors });
        reduce(sum.value()) ^ row.last().map_or(0, |block| block.value() as u64)
    }

    /// The receiver's answer.
    pub(super) fn answer(&self, choices: &[Block], transposed: &[Block]) -> [u8; ANSWER] {
        let mut bytes = [0; ANSWER];
        let words = std::iter::once(self.row(choices)).chain(self.rows(transposed));
        for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        bytes
    }

    /// Whether the receiver's answer agrees with the sender's rows.
    pub(super) fn agrees(&self, delta: Block, transposed: &[Block], answer: &[u8; ANSWER]) -> bool {
        let mut words = answer.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let choices = words.next().unwrap_or(0);
        let mut difference = 0;
        for (r, (ours, theirs)) in self.rows(transposed).into_iter().zip(words).enumerate() {
            let factor = ((delta.value() >> r & 1) as u64).wrapping_neg();
            difference |= ours ^ theirs ^ (choices & factor);
        }
        difference.ct_eq(&0).into()
    }
}

/// A product of polynomials modulo x^64 + x^4 + x^3 + x + 1.
fn reduce(product: u128) -> u64 {
    let fold = |high: u64| {
        let high = u128::from(high);
        high ^ high << 1 ^ high << 3 ^ high << 4
    };
    let once = product as u64 as u128 ^ fold((product >> 64) as u64);
    (once ^ fold((once >> 64) as u64)) as u64
}

struct HashRows<'a> {
    transposed: &'a [Block],
    factors: &'a [Block],
}

impl Kernel for HashRows<'_> {
    type Output = [Block; 128];

    #[inline(always)]
    fn run<V: Vector>(self) -> [Block; 128] {
        let mut sums = [V::splat(Block::ZERO); 128];
        let mut bytes = Bytes::new();
        for column in (0..self.factors.len()).step_by(V::LANES) {
            let factors = V::load(&self.factors[column..]);
            // Back to rows: transposing is its own inverse.
            for group in 0..16 {
                let from = 128 * column + 8 * group;
                let [a, b, c, d] = V::gather(&self.transposed[from..], 128);
                let [e, f, g, h] = V::gather(&self.transposed[from + 4..], 128);
                bytes.set(group, [a, b, c, d, e, f, g, h]);
            }
            for (p, sums) in sums.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                for (sum, row) in sums.iter_mut().zip(bytes.columns(p)) {
                    *sum = sum.xor(row.carryless_dot(factors));
                }
            }
        }
        let mut out = [Block::ZERO; 128];
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = fold(sum);
        }
        out
    }
}

struct HashRow<'a> {
    row: &'a [Block],
    factors: &'a [Block],
}

impl Kernel for HashRow<'_> {
    type Output = Block;

    #[inline(always)]
    fn run<V: Vector>(self) -> Block {
        let mut sum = V::splat(Block::ZERO);
        for (row, factors) in self.row.chunks_exact(V::LANES).zip(self.factors.chunks_exact(V::LANES)) {
            sum = sum.xor(V::load(row).carryless_dot(V::load(factors)));
        }
        fold(sum)
    }
}

/// The sum of a vector's lanes.
#[inline(always)]
fn fold<V: Vector>(vector: V) -> Block {
    let mut lanes = [Block::ZERO; 4];
    vector.store(&mut lanes);
    lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::transpose::transpose;

    /// Multiplication in F_{2^64}, a bit at a time.
    fn times(a: u64, b: u64) -> u64 {
        (0..64).rev().fold(0, |sum, bit| {
            let doubled = (sum << 1) ^ (0x1b & (sum >> 63_u32).wrapping_neg());
            doubled ^ (a & (b >> bit & 1).wrapping_neg())
        })
    }

    #[test]
    fn the_hash_is_the_polynomial() {
        let length = 12;
        let mut rows = vec![Block::ZERO; 128 * length];
        Prg::from_seed(Block::new(1), Stream(0)).fill(&mut rows);
        let mut columns = rows.clone();
        transpose(Isa::portable(), &rows, &mut columns);
        for isa in Isa::available() {
            let hash = RowHash::new(isa, Block::new(2), length);
            let hashes = hash.rows(&columns);
            for (row, got) in rows.chunks_exact(length).zip(hashes) {
                let words = |blocks: &[Block]| -> Vec<u64> {
                    blocks.iter().flat_map(|block| [block.value() as u64, (block.value() >> 64) as u64]).collect()
                };
                let (row_words, factors) = (words(row), words(&hash.factors));
                let sum = row_words.iter().zip(factors).fold(0, |sum, (word, factor)| sum ^ times(*word, factor));
                assert_eq!(got, sum ^ row_words[2 * length - 2], "{}", isa.name());
                assert_eq!(hash.row(row), got, "{}", isa.name());
            }
        }
    }
}
