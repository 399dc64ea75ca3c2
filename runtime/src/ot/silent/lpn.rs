//! The code of the LPN assumption: sums of ten blocks at public random places.
//!
//! Paper: Yang and others, "Ferret" (CCS 2020), section 5.1, after Alekhnovich: a *d-local* linear code, here with d = 10.
//! The ten places of a row are drawn with repetition, from AES in counter mode under a public key that the session decides.

use super::SECRET;
use crate::crypto::isa::{Isa, Kernel, Vector};
use crate::crypto::{Block, Prg, Stream};

/// Bits of the secret that are added for each row.
pub(super) const LOCALITY: usize = 10;

/// Rows whose places are drawn together.
const ROWS: usize = 64;
/// Blocks of randomness for so many rows, 16 bits a place.
const RANDOM: usize = ROWS * LOCALITY / 8;

/// The public matrix, from its next row on. No row comes twice in a session.
pub(super) struct Code {
    isa: Isa,
    places: Prg,
}

impl Code {
    /// The matrix that a key decides.
    pub(super) fn new(key: Block) -> Self {
        Code { isa: Isa::detect(), places: Prg::from_seed(key, Stream(0)) }
    }

    /// Adds to each of `out` (a multiple of [`ROWS`]) the secret's blocks of the next row.
    pub(super) fn add(&mut self, secret: &[Block; SECRET], out: &mut [Block]) {
        debug_assert!(out.len().is_multiple_of(ROWS));
        let mut random = [Block::ZERO; RANDOM];
        for out in out.chunks_exact_mut(ROWS) {
            self.places.fill(&mut random);
            self.isa.run(AddRows { random: &random, secret, out });
        }
    }
}

struct AddRows<'a> {
    random: &'a [Block; RANDOM],
    secret: &'a [Block; SECRET],
    out: &'a mut [Block],
}

impl Kernel for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        // Four rows take the 40 words of five blocks.
        for (rows, random) in self.out.as_chunks_mut::<4>().0.iter_mut().zip(self.random.as_chunks::<5>().0) {
            let mut words = random.iter().flat_map(|block| {
                let (low, high) = (block.value() as u64, (block.value() >> 64) as u64);
                [low, low >> 16, low >> 32, low >> 48, high, high >> 16, high >> 32, high >> 48]
            });
            for row in rows {
                let mut sum = V::Narrow::load(std::slice::from_ref(row));
                for word in words.by_ref().take(LOCALITY) {
                    sum = sum.xor(V::Narrow::load(std::slice::from_ref(&self.secret[place(word as u16)])));
                }
                sum.store(std::slice::from_mut(row));
            }
        }
    }
}

/// A place from 16 random bits.
#[inline(always)]
fn place(word: u16) -> usize {
    usize::from(word) % SECRET
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::aes::Schedule;

    #[test]
    fn rows_are_sums_of_ten() {
        let mut secret = vec![Block::ZERO; SECRET];
        Prg::from_seed(Block::new(1), Stream(0)).fill(&mut secret);
        let secret: &[Block; SECRET] = secret.as_slice().try_into().unwrap();
        let key = Block::new(77);
        for isa in Isa::available() {
            let mut code = Code { isa, places: Prg::from_seed(key, Stream(0)) };
            let mut out = vec![Block::ONE; 3 * ROWS];
            code.add(secret, &mut out[..ROWS]);
            code.add(secret, &mut out[ROWS..]);
            for (row, got) in out.into_iter().enumerate() {
                let words = (LOCALITY * row..LOCALITY * (row + 1)).map(|number| {
                    let mut block = [Block::ZERO];
                    Schedule::new(Isa::portable(), key).counter(0, number as u64 / 8, &mut block);
                    (block[0].value() >> (16 * (number % 8))) as u16
                });
                assert!(got == words.fold(Block::ONE, |sum, word| sum ^ secret[place(word)]), "row {row}");
            }
        }
    }
}
