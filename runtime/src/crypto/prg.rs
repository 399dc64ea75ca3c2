//! The one pseudorandom generator: AES-128 in counter mode.
//!
//! Seeded from the operating system for whatever a party draws for itself, or by a seed that a protocol derived. One
//! seed serves several purposes through [`Stream`]s, disjoint ranges of the counter: bits 64 to 127 are the stream,
//! bits 0 to 63 the block's index. Blocks of one seed are distinct, which shows only after some 2^64 of them.

use zeroize::Zeroize;

use super::Block;
use super::aes::Schedule;
use super::isa::Isa;
use crate::memcheck;

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct RandomError(#[from] getrandom::Error);

/// Which of a seed's disjoint streams to draw from. What the number means is the user's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream(pub u64);

/// A generator. Its key is wiped on drop.
pub struct Prg {
    key: Schedule,
    stream: Stream,
    next: u64,
}

impl Prg {
    /// A generator with a seed that the operating system draws.
    ///
    /// # Errors
    /// The system's own.
    pub fn from_os() -> Result<Self, RandomError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        memcheck::secret(&mut bytes);
        let prg = Prg::from_seed(Block::from_bytes(bytes), Stream(0));
        bytes.zeroize();
        Ok(prg)
    }

    /// A generator whose output the seed and the stream decide.
    pub fn from_seed(seed: Block, stream: Stream) -> Self {
        Prg::with_isa(Isa::detect(), seed, stream)
    }

    fn with_isa(isa: Isa, seed: Block, stream: Stream) -> Self {
        Prg { key: Schedule::new(isa, seed), stream, next: 0 }
    }

    /// The next block.
    pub fn block(&mut self) -> Block {
        let block = self.block_at(self.next);
        self.next += 1;
        block
    }

    /// Fills a slice with the next blocks.
    pub fn fill(&mut self, out: &mut [Block]) {
        self.fill_at(self.next, out);
        self.next += out.len() as u64;
    }

    /// Fills a slice with the next bytes. Part of a block that is left over is skipped.
    pub fn fill_bytes(&mut self, out: &mut [u8]) {
        let mut blocks = [Block::ZERO; 32];
        for bytes in out.chunks_mut(16 * blocks.len()) {
            let blocks = &mut blocks[..bytes.len().div_ceil(16)];
            self.fill(blocks);
            for (bytes, block) in bytes.chunks_mut(16).zip(blocks) {
                bytes.copy_from_slice(&block.to_bytes()[..bytes.len()]);
            }
        }
        blocks.zeroize();
    }

    /// Adds the next blocks to those of a slice.
    pub fn mask(&mut self, blocks: &mut [Block]) {
        self.key.add_counter(self.stream.0, self.next, blocks);
        self.next += blocks.len() as u64;
    }

    /// The block at an index, whatever has been drawn: the same as the `index`-th call of [`Prg::block`] gives.
    pub fn block_at(&self, index: u64) -> Block {
        let mut out = [Block::ZERO];
        self.fill_at(index, &mut out);
        out[0]
    }

    /// The blocks from an index on, whatever has been drawn.
    pub fn fill_at(&self, index: u64, out: &mut [Block]) {
        self.key.counter(self.stream.0, index, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_access_agrees_with_the_sequence() {
        let mut prg = Prg::from_seed(Block::new(7), Stream(3));
        let mut blocks = vec![Block::ZERO; 77];
        prg.fill(&mut blocks[..13]);
        blocks[13] = prg.block();
        prg.fill(&mut blocks[14..]);
        for (index, block) in blocks.iter().enumerate() {
            assert!(prg.block_at(index as u64) == *block);
        }
        let mut bytes = [0; 77];
        Prg::from_seed(Block::new(7), Stream(3)).fill_bytes(&mut bytes);
        let expected: Vec<u8> = blocks.iter().flat_map(|block| block.to_bytes()).take(77).collect();
        assert_eq!(bytes.as_slice(), expected);
    }

    #[test]
    fn masking_adds_what_filling_writes() {
        for n in [0, 1, 5, 32, 100] {
            let generator = || Prg::from_seed(Block::new(11), Stream(2));
            let (mut mask, mut blocks) = (vec![Block::ZERO; n], vec![Block::ONE; n]);
            generator().fill(&mut mask);
            generator().mask(&mut blocks);
            assert!(mask.iter().zip(blocks).all(|(mask, block)| *mask ^ Block::ONE == block));
        }
    }

    #[test]
    fn seeds_and_streams_differ() {
        let first = |seed, stream| Prg::from_seed(Block::new(seed), Stream(stream)).block();
        assert!(first(1, 0) != first(1, 1));
        assert!(first(1, 0) != first(2, 0));
        assert!(Prg::from_os().unwrap().block() != Prg::from_os().unwrap().block());
    }
}
