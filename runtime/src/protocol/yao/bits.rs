//! Bits of whole values, packed: plane after plane, the elements of each in order, eight to a byte, lowest first.

use super::super::array::{Array, OutOfMemory, buffer};
use super::super::clear::Clear;
use crate::crypto::Block;

/// The bits of a value, as the choices of oblivious transfer.
pub(super) fn choices(value: &Clear, bits: usize) -> Vec<u64> {
    let mut packed = Packer::new(bits * value.count());
    for bit in 0..bits {
        value.runs(0, |words, run| {
            (0..run.len).for_each(|i| packed.push(words[run.offset + i * run.stride] >> bit & 1));
        });
    }
    packed.finish()
}

/// The bits of a value, packed.
pub(super) fn of_clear(value: &Clear, bits: usize) -> Vec<u8> {
    bytes(&choices(value, bits), bits * value.count())
}

/// The colour bits of labels, packed.
pub(super) fn colours(labels: &Array<Block>) -> Vec<u8> {
    let count = labels.planes() * labels.count();
    let mut packed = Packer::new(count);
    for plane in 0..labels.planes() {
        labels.runs(plane, |blocks, run| {
            (0..run.len).for_each(|i| packed.push(u64::from(blocks[run.offset + i * run.stride].colour())));
        });
    }
    bytes(&packed.finish(), count)
}

/// How many bytes so many bits take.
pub(super) fn packed_len(bits: usize) -> usize {
    bits.div_ceil(8)
}

/// The words of packed bits; `count` elements.
pub(super) fn unpack(packed: &[u8], bits: usize, count: usize) -> Result<Vec<u64>, OutOfMemory> {
    let mut words: Vec<u64> = buffer(1, count)?;
    for bit in 0..bits {
        for (i, word) in words.iter_mut().enumerate() {
            let at = bit * count + i;
            *word |= u64::from(packed[at / 8] >> (at % 8) & 1) << bit;
        }
    }
    Ok(words)
}

fn bytes(words: &[u64], bits: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.truncate(packed_len(bits));
    bytes
}

/// Bits, being packed into words, lowest first.
pub(super) struct Packer {
    words: Vec<u64>,
    last: u64,
    held: u32,
}

impl Packer {
    pub fn new(bits: usize) -> Self {
        Packer { words: Vec::with_capacity(bits.div_ceil(64)), last: 0, held: 0 }
    }

    pub fn push(&mut self, bit: u64) {
        self.last |= bit << self.held;
        self.held += 1;
        if self.held == 64 {
            self.words.push(std::mem::take(&mut self.last));
            self.held = 0;
        }
    }

    pub fn finish(mut self) -> Vec<u64> {
        if self.held > 0 {
            self.words.push(self.last);
        }
        self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_and_unpacked() {
        for (bits, count) in [(1, 1), (3, 70), (64, 5), (13, 0)] {
            let words: Vec<u64> = (0..count as u64)
                .map(|i| (i + 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) & (u64::MAX >> (64 - bits)))
                .collect();
            let packed = of_clear(&Array::new(1, &[count], words.clone()), bits);
            assert_eq!(packed.len(), packed_len(bits * count));
            assert_eq!(unpack(&packed, bits, count).unwrap(), words);
        }
    }
}
