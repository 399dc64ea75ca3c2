//! The 128-bit block: a wire label, a seed, a key, an AES block.
//!
//! Blocks are mostly secret, so the type has no `Debug` and no `Display`; whoever owns secret blocks wipes them
//! (`Zeroizing<Vec<Block>>`).

use std::hint::black_box;
use std::ops::{BitAnd, BitXor, BitXorAssign};

use zeroize::DefaultIsZeroes;

/// 128 bits. As bytes, the lowest comes first; bit 0 is the colour (permute) bit of a label.
///
/// Comparing blocks compiles to a branch-free comparison of two words; what the caller does with the answer may leak
/// it.
#[repr(transparent)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Block(u128);

impl Block {
    /// All bits zero.
    pub const ZERO: Block = Block(0);
    /// Bit 0 alone.
    pub const ONE: Block = Block(1);

    /// The block with this value.
    pub const fn new(value: u128) -> Self {
        Block(value)
    }

    /// The value as an integer.
    pub const fn value(self) -> u128 {
        self.0
    }

    /// The 16 bytes, lowest first.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// The block with these 16 bytes, lowest first.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Block(u128::from_le_bytes(bytes))
    }

    /// The colour bit: bit 0.
    pub const fn colour(self) -> bool {
        self.0 & 1 == 1
    }

    /// All ones where `condition` holds, zero elsewhere, and no compiler knows which: for a bit that selects more than
    /// once, of which it would make a branch.
    #[must_use]
    pub fn mask(condition: bool) -> Self {
        Block(black_box(u128::from(condition)).wrapping_neg())
    }

    /// This block where `condition` holds, zero elsewhere.
    #[must_use]
    pub const fn when(self, condition: bool) -> Self {
        Block(self.0 & (condition as u128).wrapping_neg())
    }

    /// This block with its colour bit set, as free-XOR's Δ must have it.
    #[must_use]
    pub const fn with_colour(self) -> Self {
        Block(self.0 | 1)
    }

    /// The linear orthomorphism of the gate hash, `σ(x_L ‖ x_R) = (x_L ⊕ x_R) ‖ x_L`, `x_L` being the high half.
    #[must_use]
    pub const fn sigma(self) -> Self {
        let high = self.0 >> 64;
        Block((high << 64) ^ (self.0 << 64) ^ high)
    }
}

impl BitXor for Block {
    type Output = Block;
    fn bitxor(self, other: Block) -> Block {
        Block(self.0 ^ other.0)
    }
}

impl BitXorAssign for Block {
    fn bitxor_assign(&mut self, other: Block) {
        self.0 ^= other.0;
    }
}

impl BitAnd for Block {
    type Output = Block;
    fn bitand(self, other: Block) -> Block {
        Block(self.0 & other.0)
    }
}

impl DefaultIsZeroes for Block {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_and_the_lowest_byte_is_first() {
        let block = Block::new(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100);
        assert_eq!(block.to_bytes()[..3], [0, 1, 2]);
        assert!(Block::from_bytes(block.to_bytes()) == block);
    }

    #[test]
    fn when_selects() {
        let block = Block::new(u128::MAX - 6);
        assert!(block.when(true) == block);
        assert!(block.when(false) == Block::ZERO);
        assert!([true, false].into_iter().all(|condition| block & Block::mask(condition) == block.when(condition)));
    }

    /// An orthomorphism: σ and x ↦ σ(x) ⊕ x are both permutations; being linear, it is enough that no single basis
    /// combination vanishes, which the inverses show.
    #[test]
    fn sigma_is_a_linear_orthomorphism() {
        let unsigma = |y: Block| {
            let left = y.value() & u128::from(u64::MAX);
            Block::new((left << 64) | ((y.value() >> 64) ^ left))
        };
        // σ(x) ⊕ x = x_R ‖ (x_L ⊕ x_R)
        let undo = |z: Block| {
            let right = z.value() >> 64;
            let left = (z.value() & u128::from(u64::MAX)) ^ right;
            Block::new((left << 64) | right)
        };
        let mut x = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210_u128;
        for _ in 0..100 {
            x = x.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
            let (a, b) = (Block::new(x), Block::new(x.rotate_left(37)));
            assert!(unsigma(a.sigma()) == a);
            assert!(undo(a.sigma() ^ a) == a);
            assert!((a ^ b).sigma() == a.sigma() ^ b.sigma());
        }
    }
}
