//! The check that catches a malicious sender of trees: what the receiver has must be the sender's leaves, but for Δ at one
//! place of each tree.
//!
//! Paper: Yang and others, "Ferret" (CCS 2020), section 4.2, with another universal hash: `h(x) = Σ_j χ_j · x_j`, where `·`
//! of two blocks is the sum of the products of their halves as polynomials over F₂. It is linear, `χ · uΔ = (uχ) · Δ` for a
//! bit `u`, and `h` of anything but zero is zero with probability 2^-64.
//!
//! After the sender has sent everything, the receiver draws the χ_j and sends their seed, together with `φ = Σ χ_j u_j`
//! hidden by the choices of [`super::MASKS`] more OTs. So `h(w) = h(v) + φ · Δ`, which both compute; the OTs' blocks, each
//! times a power of x, hide what `φ`'s mask adds. The sender sends a digest of its value, the receiver compares.
//!
//! A receiver has nothing to cheat with: whatever its choices are, they are the noise; and a wrong φ has itself fail. A
//! sender that makes leaves which fit some points and not others learns whether it was right.

use crate::crypto::isa::{Isa, Kernel, Vector};
use crate::crypto::{Block, Kdf, Prg, SessionId, Stream};

/// Blocks for which the χ are drawn together.
const PIECE: usize = 512;

/// `h` of all blocks, as 127 bits, and the sum of the χ_j whose block has its lowest bit set.
pub(super) fn hash(isa: Isa, seed: Block, blocks: &[Block]) -> (Block, Block) {
    let mut factors = [Block::ZERO; PIECE];
    let mut prg = Prg::from_seed(seed, Stream(0));
    let mut sums = [Block::ZERO; 2];
    for blocks in blocks.chunks(PIECE) {
        let factors = &mut factors[..blocks.len()];
        prg.fill(factors);
        let [hash, chosen] = isa.run(Dot { factors, blocks });
        sums[0] ^= hash;
        sums[1] ^= chosen;
    }
    (sums[0], sums[1])
}

/// `φ · Δ`.
pub(super) fn product(isa: Isa, a: Block, b: Block) -> Block {
    let blocks = [[a, Block::ZERO, Block::ZERO, Block::ZERO], [b, Block::ZERO, Block::ZERO, Block::ZERO]];
    isa.run(Dot { factors: &blocks[0], blocks: &blocks[1] })[0]
}

/// What 128 correlated OTs are as one of a block: with the packed choices `u` of the OTs, `mask(w) = mask(v) + u · Δ`.
pub(super) fn mask(ots: &[Block]) -> Block {
    let powers = ots.iter().enumerate().map(|(j, ot)| {
        let half = (ot.value() >> (j & 64)) as u64;
        u128::from(half) << (j % 64)
    });
    Block::new(powers.fold(0, |sum, term| sum ^ term))
}

/// What is compared.
pub(super) fn digest(session: &SessionId, iteration: u64, value: Block) -> [u8; 32] {
    Kdf::new("silent OT check", session).number(iteration).field(&value.to_bytes()).digest()
}

/// Lengths are multiples of four.
struct Dot<'a> {
    factors: &'a [Block],
    blocks: &'a [Block],
}

impl Kernel for Dot<'_> {
    type Output = [Block; 2];

    #[inline(always)]
    fn run<V: Vector>(self) -> [Block; 2] {
        let zero = V::splat(Block::ZERO);
        let mut sums = [zero; 2];
        for (factors, blocks) in self.factors.chunks_exact(V::LANES).zip(self.blocks.chunks_exact(V::LANES)) {
            let (factors, blocks) = (V::load(factors), V::load(blocks));
            sums[0] = sums[0].xor(blocks.carryless_dot(factors));
            sums[1] = sums[1].xor_where(blocks.colours(), factors);
        }
        sums.map(|sum| {
            let mut lanes = [Block::ZERO; 4];
            sum.store(&mut lanes);
            lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(a: u64, b: u64) -> u128 {
        (0..64).fold(0, |sum, bit| sum ^ (u128::from(a) << bit & u128::from(b >> bit & 1).wrapping_neg()))
    }

    fn dot(a: Block, b: Block) -> u128 {
        let (a, b) = (a.value(), b.value());
        times(a as u64, b as u64) ^ times((a >> 64) as u64, (b >> 64) as u64)
    }

    #[test]
    fn the_hash_is_what_it_should_be() {
        let mut blocks = vec![Block::ZERO; PIECE + 128];
        Prg::from_seed(Block::new(5), Stream(0)).fill(&mut blocks);
        let mut factors = blocks.clone();
        Prg::from_seed(Block::new(6), Stream(0)).fill(&mut factors);
        let expected = blocks.iter().zip(&factors).fold(0, |sum, (block, factor)| sum ^ dot(*block, *factor));
        let chosen =
            blocks.iter().zip(&factors).fold(Block::ZERO, |sum, (block, factor)| sum ^ factor.when(block.colour()));
        for isa in Isa::available() {
            let (got, bits) = hash(isa, Block::new(6), &blocks);
            assert!(got == Block::new(expected) && bits == chosen, "{}", isa.name());
            assert!(product(isa, blocks[0], blocks[1]).value() == dot(blocks[0], blocks[1]), "{}", isa.name());
        }
    }

    #[test]
    fn masks_are_products() {
        let mut prg = Prg::from_seed(Block::new(7), Stream(0));
        let (delta, choices) = (prg.block(), prg.block());
        let mut v = vec![Block::ZERO; 128];
        prg.fill(&mut v);
        let w: Vec<Block> = v.iter().enumerate().map(|(j, v)| *v ^ delta.when(choices.value() >> j & 1 == 1)).collect();
        assert!(mask(&w) == mask(&v) ^ product(Isa::detect(), choices, delta));
    }
}
