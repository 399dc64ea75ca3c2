//! Memory for blocks that vectors are written to and read from again and again.

use std::ops::{Deref, DerefMut};

use zeroize::Zeroizing;

use super::Block;

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;

/// Blocks that start at the start of a cache line, so that no vector crosses into a second one. Wiped on drop.
#[derive(Default)]
pub struct Buffer {
    blocks: Zeroizing<Vec<Block>>,
    start: usize,
    length: usize,
}

impl Buffer {
    /// `length` blocks of zeros.
    pub fn new(length: usize) -> Self {
        let blocks = Zeroizing::new(vec![Block::ZERO; length + LINE / size_of::<Block>() - 1]);
        // A platform that does not tell addresses loses speed alone.
        let start = blocks.as_ptr().align_offset(LINE).min(blocks.len() - length);
        Buffer { blocks, start, length }
    }
}

impl Deref for Buffer {
    type Target = [Block];
    fn deref(&self) -> &[Block] {
        &self.blocks[self.start..][..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [Block] {
        &mut self.blocks[self.start..][..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_with_a_line_and_has_its_length() {
        assert!(Buffer::default().is_empty());
        for length in [0, 1, 2, 3, 4, 5, 100, 1 << 16] {
            let mut buffer = Buffer::new(length);
            assert_eq!(buffer.len(), length);
            assert!(buffer.iter_mut().all(|block| *block == Block::ZERO));
            assert!(buffer.as_ptr().addr().is_multiple_of(LINE));
        }
    }
}
