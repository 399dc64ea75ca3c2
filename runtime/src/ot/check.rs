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

use super::passed;
use crate::crypto::isa::{Isa, Kernel, Vector};
use crate::crypto::{Block, Prg, Stream};

/// Bytes of an answer.
pub(super) const ANSWER: usize = 8 * 129;

/// A universal hash of rows, fed piece by piece.
pub(super) struct RowHash {
    isa: Isa,
    /// Two factors for each block of a row; those of the last are zero.
    factors: Vec<Block>,
    /// Of the choices, then of the 128 rows: sums that are to be reduced.
    sums: [Block; 129],
}

impl RowHash {
    /// The hash that a seed decides, of rows of `length` blocks.
    pub(super) fn new(isa: Isa, seed: Block, length: usize) -> Self {
        let mut factors = vec![Block::ZERO; length];
        if let Some((_, factors)) = factors.split_last_mut() {
            Prg::from_seed(seed, Stream(0)).fill(factors);
        }
        RowHash { isa, factors, sums: [Block::ZERO; 129] }
    }

    /// Takes the choices' blocks from `at` on, a multiple of four.
    pub(super) fn choices(&mut self, at: usize, choices: &[Block]) {
        absorb(self.isa, &self.factors, at, choices, &mut self.sums[..1]);
    }

    /// Takes the blocks of the 128 rows from `at` on, a multiple of four in each row.
    pub(super) fn rows(&mut self, at: usize, rows: &[Block]) {
        absorb(self.isa, &self.factors, at, rows, &mut self.sums[1..]);
    }

    fn hashes(&self) -> impl Iterator<Item = u64> {
        self.sums.iter().map(|sum| reduce(sum.value()))
    }

    /// The receiver's answer.
    pub(super) fn answer(&self) -> [u8; ANSWER] {
        let mut bytes = [0; ANSWER];
        for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.hashes()) {
            *bytes = word.to_le_bytes();
        }
        bytes
    }

    /// Whether the receiver's answer agrees with the sender's rows.
    pub(super) fn agrees(&self, delta: Block, answer: &[u8; ANSWER]) -> bool {
        let mut words = answer.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let choices = words.next().unwrap_or(0);
        let mut difference = 0;
        for (r, (ours, theirs)) in self.hashes().skip(1).zip(words).enumerate() {
            let factor = ((delta.value() >> r & 1) as u64).wrapping_neg();
            difference |= ours ^ theirs ^ (choices & factor);
        }
        passed(difference.ct_eq(&0))
    }
}

/// Adds to each sum the products of a row with its factors; after the last block also that block's low word.
fn absorb(isa: Isa, factors: &[Block], at: usize, rows: &[Block], sums: &mut [Block]) {
    let length = rows.len() / sums.len();
    isa.run(HashRows { rows, factors: &factors[at..at + length], sums });
    if at + length == factors.len() {
        for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(length)) {
            *sum ^= row.last().map_or(Block::ZERO, |block| Block::new(u128::from(block.value() as u64)));
        }
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
    rows: &'a [Block],
    factors: &'a [Block],
    sums: &'a mut [Block],
}

impl Kernel for HashRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let HashRows { rows, factors, sums } = self;
        for (row, out) in rows.chunks_exact(factors.len()).zip(sums) {
            let mut sum = V::splat(Block::ZERO);
            for (row, factors) in row.chunks_exact(V::LANES).zip(factors.chunks_exact(V::LANES)) {
                sum = sum.xor(V::load(row).carryless_dot(V::load(factors)));
            }
            let mut lanes = [Block::ZERO; 4];
            sum.store(&mut lanes);
            *out = *out ^ lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiplication in F_{2^64}, a bit at a time.
    fn times(a: u64, b: u64) -> u64 {
        (0..64).rev().fold(0, |sum, bit| {
            let doubled = (sum << 1) ^ (0x1b & (sum >> 63_u32).wrapping_neg());
            doubled ^ (a & (b >> bit & 1).wrapping_neg())
        })
    }

    #[test]
    fn the_hash_is_the_polynomial() {
        let length = 20;
        let mut rows = vec![Block::ZERO; 129 * length];
        Prg::from_seed(Block::new(1), Stream(0)).fill(&mut rows);
        let piece = |from: usize, to: usize| -> Vec<Block> {
            rows.chunks_exact(length).flat_map(|row| row[from..to].to_vec()).collect()
        };
        for isa in Isa::available() {
            let mut hash = RowHash::new(isa, Block::new(2), length);
            for (from, to) in [(0, 12), (12, 16), (16, 20)] {
                let (choices, rows) = (&rows[from..to], &piece(from, to)[to - from..]);
                hash.choices(from, choices);
                hash.rows(from, rows);
            }
            for (row, got) in rows.chunks_exact(length).zip(hash.hashes()) {
                let words = |blocks: &[Block]| -> Vec<u64> {
                    blocks.iter().flat_map(|block| [block.value() as u64, (block.value() >> 64) as u64]).collect()
                };
                let (row_words, factors) = (words(row), words(&hash.factors));
                let sum = row_words.iter().zip(factors).fold(0, |sum, (word, factor)| sum ^ times(*word, factor));
                assert_eq!(got, sum ^ row_words[2 * length - 2], "{}", isa.name());
            }
        }
    }
}
