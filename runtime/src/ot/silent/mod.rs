//! Silent OT extension: correlated OTs from few others, for less than a byte each.
//!
//! Papers: Yang, Weng, Lan, Zhang, Wang, "Ferret" (CCS 2020, ePrint 2020/924), with its single-point OTs by the
//! half-tree of Guo, Yang, Wang, Zhang, Xie, Zhang, Zhang and Zou (EUROCRYPT 2023, ePrint 2022/1431), section 4.
//!
//! Assumed: learning parity with noise (LPN), with regular noise and a code whose rows are sums of [`lpn::LOCALITY`] bits
//! of the secret; `docs/security.md` says how hard it is for these parameters. AES is an ideal cipher, SHA-256 a random
//! oracle.
//!
//! Protected against: a semi-honest peer, or with [`Adversary::Malicious`] one that sends anything (`check`), which may
//! learn a bit of where the noise is, by guessing and being caught where it guesses wrong; LPN is assumed with that.
//!
//! An iteration makes [`N`] correlated OTs `w = v ⊕ u·Δ`. Its noise is one set bit in each of [`TREES`] blocks: the sender
//! has a tree whose leaves `v` are random, the receiver the same leaves but for one place of its own random choice, where
//! it has `v ⊕ Δ`. To that both add the product of a public matrix with [`SECRET`] OTs of the iteration before: `v`'s
//! with `v`'s, `w`'s with `w`'s, so that the choices become `u = noise ⊕ secret·A`, which look random. [`RESERVED`] of the
//! OTs made are kept for the next iteration; [`super::softspoken`] makes the first ones.
//!
//! Δ's lowest bit is 1. So the choice can be the lowest bit of `w`, that of `v` being 0; whatever is linear takes it along.

mod check;
mod lpn;
mod receiver;
mod sender;
#[cfg(test)]
mod tests;
mod tree;

pub(super) use receiver::Receiver;
pub(super) use sender::Sender;

use motet_program::plan::traffic;

use super::softspoken;
use crate::crypto::isa::{Isa, Kernel, Vector};
use crate::crypto::{Block, Kdf, SessionId};

/// Trees of an iteration: set bits of its noise.
const TREES: usize = 2048;
/// Blocks of an iteration.
const N: usize = TREES * tree::LEAVES;
/// Bits of the secret.
const SECRET: usize = 1 << 16;
/// OTs that the check takes.
const MASKS: usize = 128;

/// OTs that an iteration needs of those made before.
pub(super) const RESERVED: usize = SECRET + TREES * tree::DEPTH + MASKS;
/// OTs that an iteration gives.
pub(super) const USABLE: usize = N - RESERVED;

/// OTs of which the first iteration takes [`RESERVED`].
const FIRST: usize = RESERVED.next_multiple_of(softspoken::UNIT);

// Plans predict bytes by these.
const _: () = assert!(
    USABLE as u64 == traffic::SILENT_USABLE
        && FIRST as u64 == traffic::SILENT_FIRST
        && 16 * (TREES * tree::DEPTH) as u64 == traffic::SILENT_BYTES
);

/// All but the lowest bit.
const CLEAR: Block = Block::new(!1);

/// What both sides derive alike, and use once.
struct Public {
    code: lpn::Code,
    /// The key of the next tree.
    tree_key: u128,
}

impl Public {
    fn new(session: &SessionId) -> Self {
        Public {
            code: lpn::Code::new(Kdf::new("silent OT code", session).block()),
            tree_key: Kdf::new("silent OT trees", session).block().value(),
        }
    }

    /// A key that no other tree of the session has.
    fn next_tree_key(&mut self) -> Block {
        self.tree_key = self.tree_key.wrapping_add(1);
        Block::new(self.tree_key)
    }
}

/// The lowest bits of 128 blocks each.
fn choices(isa: Isa, blocks: &[Block], out: &mut [Block]) {
    isa.run(LowestBits { blocks, out });
}

struct LowestBits<'a> {
    blocks: &'a [Block],
    out: &'a mut [Block],
}

impl Kernel for LowestBits<'_> {
    type Output = ();

    /// Left to the compiler, which has the instruction set's vectors for it here.
    #[inline(always)]
    fn run<V: Vector>(self) {
        let word = |blocks: &[Block]| {
            let bits = blocks.iter().zip(0..64).map(|(block, bit)| (block.value() as u64 & 1) << bit);
            bits.fold(0, |word, bit| word | bit)
        };
        for (out, blocks) in self.out.iter_mut().zip(self.blocks.chunks_exact(128)) {
            *out = Block::new(u128::from(word(&blocks[..64])) | u128::from(word(&blocks[64..])) << 64);
        }
    }
}
