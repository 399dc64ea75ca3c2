//! Bits of whole values, packed: plane after plane, the elements of each in order, eight to a byte, lowest first.

use super::super::array::{Array, OutOfMemory, buffer};
use super::super::clear::Clear;
use crate::crypto::Block;
use crate::garble::{MAX_BATCH, from_planes, to_planes};

/// The bits of a value, as the choices of oblivious transfer.
pub(super) fn choices(value: &Clear, bits: usize) -> Vec<u64> {
    let mut packed = Packer::new(bits * value.count());
    let mut all = Vec::with_capacity(value.count());
    value.runs(0, |words, run| all.extend((0..run.len).map(|i| words[run.offset + i * run.stride])));
    packed.push_planes(&all, bits);
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
    let mut planes = [0; 64];
    for (at, words) in words.chunks_mut(MAX_BATCH).enumerate() {
        let planes = &mut planes[..bits];
        for (bit, plane) in planes.iter_mut().enumerate() {
            *plane = bits_at(packed, bit * count + at * MAX_BATCH);
        }
        from_planes(planes, words);
    }
    Ok(words)
}

/// The 128 bits from bit `at` on; zeros beyond the end.
fn bits_at(packed: &[u8], at: usize) -> u128 {
    let (first, rest) = (at / 8, at % 8);
    let mut bytes = [0; 17];
    if let Some(packed) = packed.get(first..) {
        let held = packed.len().min(bytes.len());
        bytes[..held].copy_from_slice(&packed[..held]);
    }
    let [low @ .., high] = bytes;
    let high = u128::from(high).checked_shl(128 - rest as u32).unwrap_or(0);
    u128::from_le_bytes(low) >> rest | high
}

/// The words of packed bytes.
pub(super) fn words(bytes: &[u8]) -> Vec<u64> {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    bytes.chunks(8).map(word).collect()
}

/// The bytes of so many packed bits.
pub(super) fn bytes(words: &[u64], bits: usize) -> Vec<u8> {
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

    /// Bit 0 of all words, then bit 1 of all, and so on.
    pub fn push_planes(&mut self, words: &[u64], bits: usize) {
        let mut planes = vec![0; bits * words.len().div_ceil(MAX_BATCH)];
        for (words, planes) in words.chunks(MAX_BATCH).zip(planes.chunks_mut(bits.max(1))) {
            to_planes(words, planes);
        }
        for bit in 0..bits {
            for (words, planes) in words.chunks(MAX_BATCH).zip(planes.chunks(bits)) {
                self.push_some(planes[bit] as u64, words.len().min(64) as u32);
                self.push_some((planes[bit] >> 64) as u64, words.len().saturating_sub(64) as u32);
            }
        }
    }

    /// Up to 64 bits; there are no others set.
    fn push_some(&mut self, bits: u64, count: u32) {
        self.last |= bits << self.held;
        if self.held + count >= 64 {
            self.words.push(self.last);
            self.last = bits.checked_shr(64 - self.held).unwrap_or(0);
        }
        self.held = (self.held + count) % 64;
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
    fn planes_are_pushed_like_single_bits() {
        for (bits, count) in [(1, 1), (3, 63), (5, 64), (64, 65), (7, 127), (2, 128), (33, 129), (32, 1000), (9, 0)] {
            let words: Vec<u64> = (0..count as u64).map(|i| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            let (mut planes, mut single) = (Packer::new(0), Packer::new(0));
            for lead in 0..3 {
                for _ in 0..lead {
                    planes.push(1);
                    single.push(1);
                }
                planes.push_planes(&words, bits);
                (0..bits).for_each(|bit| words.iter().for_each(|word| single.push(word >> bit & 1)));
            }
            assert_eq!(planes.finish(), single.finish(), "{bits} bits of {count} words");
        }
    }

    #[test]
    fn packed_and_unpacked() {
        for (bits, count) in [(1, 1), (3, 70), (64, 5), (13, 0), (7, 129), (32, 1000), (1, 128), (2, 127)] {
            let words: Vec<u64> = (0..count as u64)
                .map(|i| (i + 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) & (u64::MAX >> (64 - bits)))
                .collect();
            let packed = of_clear(&Array::new(1, &[count], words.clone()), bits);
            assert_eq!(packed.len(), packed_len(bits * count));
            assert_eq!(unpack(&packed, bits, count).unwrap(), words);
        }
    }
}
