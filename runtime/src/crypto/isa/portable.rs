//! The instruction set that is not one: plain Rust, AES by the `aes` crate (which is constant-time, and finds the
//! machine's AES instructions by itself where there are any).
//!
//! It is the reference that the others are tested against, and what runs where none of them does.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

use super::{Kernel, RoundKeys, Vector};
use crate::crypto::Block;

/// Kept out of callers that mostly run something else.
#[inline(never)]
pub(super) fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Portable<4>>()
}

/// `L` blocks, at most 8.
#[derive(Clone, Copy)]
struct Portable<const L: usize>([Block; L]);

impl<const L: usize> Portable<L> {
    fn each(self, f: impl Fn(usize, Block) -> Block) -> Self {
        let mut blocks = self.0;
        for (lane, block) in blocks.iter_mut().enumerate() {
            *block = f(lane, *block);
        }
        Portable(blocks)
    }
}

impl<const L: usize> Vector for Portable<L> {
    const LANES: usize = L;
    type Mask = u8;
    type Narrow = Portable<1>;

    fn load(blocks: &[Block]) -> Self {
        let mut lanes = [Block::ZERO; L];
        lanes.copy_from_slice(&blocks[..L]);
        Portable(lanes)
    }

    fn store(self, blocks: &mut [Block]) {
        blocks[..L].copy_from_slice(&self.0);
    }

    fn load_bytes(bytes: &[u8]) -> Self {
        let mut blocks = [Block::ZERO; L];
        for (block, bytes) in blocks.iter_mut().zip(bytes.as_chunks::<16>().0) {
            *block = Block::from_bytes(*bytes);
        }
        Portable(blocks)
    }

    fn store_bytes(self, bytes: &mut [u8]) {
        for (bytes, block) in bytes.as_chunks_mut::<16>().0.iter_mut().zip(self.0) {
            *bytes = block.to_bytes();
        }
    }

    fn splat(block: Block) -> Self {
        Portable([block; L])
    }

    fn counter(stream: u64, index: u64) -> Self {
        Self::splat(Block::ZERO).each(|lane, _| {
            let index = index.wrapping_add(lane as u64);
            Block::new(u128::from(stream) << 64 | u128::from(index))
        })
    }

    fn scatter(vectors: [Self; 4], blocks: &mut [Block], stride: usize) {
        for (j, vector) in vectors.into_iter().enumerate() {
            for (lane, block) in vector.0.into_iter().enumerate() {
                blocks[lane * stride + j] = block;
            }
        }
    }

    fn xor(self, other: Self) -> Self {
        self.each(|lane, block| block ^ other.0[lane])
    }

    fn sigma(self) -> Self {
        self.each(|_, block| block.sigma())
    }

    fn colours(self) -> u8 {
        self.0.iter().rev().fold(0, |mask, block| mask << 1 | u8::from(block.colour()))
    }

    fn mask(bits: u8) -> u8 {
        bits
    }

    fn and(self, other: Self) -> Self {
        self.each(|lane, block| block & other.0[lane])
    }

    fn xor_where(self, mask: u8, other: Self) -> Self {
        self.each(|lane, block| block ^ (other.0[lane] & Block::mask(mask >> lane & 1 == 1)))
    }

    fn interleave(self, other: Self) -> [Self; 2] {
        [0, 8].map(|half| {
            self.each(|lane, block| {
                let (a, b) = (block.to_bytes(), other.0[lane].to_bytes());
                let byte = |j: usize| {
                    if j.is_multiple_of(2) { a[half + j / 2] } else { b[half + j / 2] }
                };
                Block::from_bytes(std::array::from_fn(byte))
            })
        })
    }

    fn carryless_dot(self, other: Self) -> Self {
        let product = |a: u64, b: u64| {
            (0..64).fold(0, |sum, bit| sum ^ (u128::from(a) << bit & u128::from(b >> bit & 1).wrapping_neg()))
        };
        self.each(|lane, block| {
            let (a, b) = (block.value(), other.0[lane].value());
            Block::new(product(a as u64, b as u64) ^ product((a >> 64) as u64, (b >> 64) as u64))
        })
    }

    fn transpose_bits(self) -> Self {
        // Warren, "Hacker's Delight", section 7-3, both words at once: no bit crosses the border of a word, since the
        // masks keep what would.
        const STEPS: [(u32, u64); 3] =
            [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)];
        self.each(|_, block| {
            let mut x = block.value();
            for (shift, mask) in STEPS {
                let mask = u128::from(mask) << 64 | u128::from(mask);
                let t = (x ^ (x >> shift)) & mask;
                x ^= t ^ (t << shift);
            }
            Block::new(x)
        })
    }

    fn encrypt<K: RoundKeys, const N: usize>(key: K, blocks: [Self; N]) -> [Self; N] {
        let cipher = Aes128::new(&Array::from(key.round(0).to_bytes()));
        let mut bytes = blocks.map(|vector| vector.0.map(|block| Array::from(block.to_bytes())));
        cipher.encrypt_blocks(bytes.as_flattened_mut());
        bytes.map(|vector| Portable(vector.map(|block| Block::from_bytes(block.into()))))
    }

    fn next_round_key(self, _: u8) -> Self {
        self
    }
}
