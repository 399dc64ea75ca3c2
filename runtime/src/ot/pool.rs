//! What oblivious transfer made ahead: a buffer that is filled at its end, used from its front, and kept.

use crate::crypto::{Block, Buffer};

/// Blocks in the order in which they were made. The buffer is wiped when it is dropped or outgrown.
#[derive(Default)]
pub(super) struct Pool {
    buffer: Buffer,
    used: usize,
    filled: usize,
}

impl Pool {
    /// A pool of these blocks.
    pub(super) fn of(blocks: &[Block]) -> Pool {
        let mut pool = Pool::default();
        pool.room(0, blocks.len()).copy_from_slice(blocks);
        pool.add(blocks.len());
        pool
    }

    /// Blocks that are left.
    pub(super) fn len(&self) -> usize {
        self.filled - self.used
    }

    /// Blocks used since room was last made.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Forgets the blocks that were used but for the last `keep`, and tells where `count` more are to be written before
    /// they are [`Pool::add`]ed. What stands there is unspecified.
    pub(super) fn room(&mut self, keep: usize, count: usize) -> &mut [Block] {
        let forgotten = self.used - keep;
        self.buffer.copy_within(forgotten..self.filled, 0);
        self.used = keep;
        self.filled -= forgotten;
        let end = self.filled + count;
        if self.buffer.len() < end {
            // A little more than is needed, as the next may be a little more.
            let mut larger = Buffer::new(end + end / 8);
            larger[..self.filled].copy_from_slice(&self.buffer[..self.filled]);
            self.buffer = larger;
        }
        &mut self.buffer[self.filled..end]
    }

    /// Adds the first `count` blocks that were written where [`Pool::room`] said.
    pub(super) fn add(&mut self, count: usize) {
        self.filled += count;
        debug_assert!(self.filled <= self.buffer.len());
    }

    /// All blocks from the first that was not forgotten.
    pub(super) fn kept(&self) -> &[Block] {
        &self.buffer[..self.filled]
    }

    /// Uses the next `count` blocks.
    pub(super) fn take(&mut self, count: usize) -> &[Block] {
        self.used += count;
        &self.buffer[self.used - count..self.used]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_first_out() {
        let mut pool = Pool::default();
        let (mut made, mut taken) = (0, 0);
        for (count, take) in [(5, 3), (0, 2), (7, 0), (40, 47), (9, 1)] {
            for block in pool.room(pool.used() % 2, count + 1).iter_mut().take(count) {
                *block = Block::new(made);
                made += 1;
            }
            pool.add(count);
            for block in pool.take(take) {
                assert!(*block == Block::new(taken));
                taken += 1;
            }
            assert_eq!(pool.len() as u128, made - taken);
        }
    }
}
