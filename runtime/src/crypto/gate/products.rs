//! Products of random bits out of correlated OTs, by the gates' hash; and pads of whole labels, by the same.
//!
//! Of an OT `q`, `t = q ⊕ u·Δ` the sender takes `α = H(q) ⊕ H(q ⊕ Δ)` and `γ = H(q)`, the receiver `β = u` and
//! `γ' = H(t)`, one bit of each: `αβ = γ ⊕ γ'`. Hashes and keys are as for gates.

use super::super::Block;
use super::super::isa::{Kernel, Vector};
use super::MAX_BATCH;
use super::kernels::{hash, hash_both};
use super::keys::GateKey;

/// Vectors in a group.
const GROUP: usize = 4;

/// The sender's side: `α` and `γ`.
pub(crate) struct SenderBits<'a> {
    pub labels: &'a [Block],
    pub delta: Block,
    pub key: GateKey<'a>,
}

impl Kernel for SenderBits<'_> {
    type Output = [u128; 2];

    #[inline(always)]
    fn run<V: Vector>(self) -> [u128; 2] {
        let mut hashes = [Block::ZERO; MAX_BATCH];
        let mut sums = [Block::ZERO; MAX_BATCH];
        let step = GROUP * V::LANES;
        let whole = self.labels.len() / step * step;
        for at in (0..whole).step_by(step) {
            let labels: [V; GROUP] = std::array::from_fn(|g| V::load(&self.labels[at + g * V::LANES..]));
            let (zero, both) = hash_both(self.key, at, labels, self.delta);
            for g in 0..GROUP {
                zero[g].store(&mut hashes[at + g * V::LANES..]);
                both[g].store(&mut sums[at + g * V::LANES..]);
            }
        }
        for at in whole..self.labels.len() {
            let label = [V::Narrow::load(&self.labels[at..])];
            let (zero, both) = hash_both(self.key, at, label, self.delta);
            zero[0].store(&mut hashes[at..]);
            both[0].store(&mut sums[at..]);
        }
        let bits = [colours(&sums[..self.labels.len()]), colours(&hashes[..self.labels.len()])];
        wipe(&mut sums);
        wipe(&mut hashes);
        bits
    }
}

/// The receiver's side: `γ'`.
pub(crate) struct ReceiverBits<'a> {
    pub labels: &'a [Block],
    pub key: GateKey<'a>,
}

impl Kernel for ReceiverBits<'_> {
    type Output = u128;

    #[inline(always)]
    fn run<V: Vector>(self) -> u128 {
        let mut hashes = [Block::ZERO; MAX_BATCH];
        let step = GROUP * V::LANES;
        let whole = self.labels.len() / step * step;
        for at in (0..whole).step_by(step) {
            let labels: [V; GROUP] = std::array::from_fn(|g| V::load(&self.labels[at + g * V::LANES..]));
            for (g, hash) in hash(self.key, at, labels).into_iter().enumerate() {
                hash.store(&mut hashes[at + g * V::LANES..]);
            }
        }
        for at in whole..self.labels.len() {
            let [hash] = hash(self.key, at, [V::Narrow::load(&self.labels[at..])]);
            hash.store(&mut hashes[at..]);
        }
        let bits = colours(&hashes[..self.labels.len()]);
        wipe(&mut hashes);
        bits
    }
}

/// Hashes of labels, in their places.
pub(crate) struct Hashes<'a> {
    pub labels: &'a mut [Block],
    pub key: GateKey<'a>,
}

impl Kernel for Hashes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let step = GROUP * V::LANES;
        let whole = self.labels.len() / step * step;
        for at in (0..whole).step_by(step) {
            let labels: [V; GROUP] = std::array::from_fn(|g| V::load(&self.labels[at + g * V::LANES..]));
            for (g, hash) in hash(self.key, at, labels).into_iter().enumerate() {
                hash.store(&mut self.labels[at + g * V::LANES..]);
            }
        }
        for at in whole..self.labels.len() {
            let [hash] = hash(self.key, at, [V::Narrow::load(&self.labels[at..])]);
            hash.store(&mut self.labels[at..]);
        }
    }
}

#[inline(always)]
fn colours(blocks: &[Block]) -> u128 {
    blocks.iter().enumerate().fold(0, |bits, (i, block)| bits | u128::from(block.colour()) << i)
}

fn wipe(blocks: &mut [Block]) {
    use zeroize::Zeroize;
    blocks.zeroize();
}
