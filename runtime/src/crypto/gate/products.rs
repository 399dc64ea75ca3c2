//! Pads of correlated OTs' labels, by the gates' hash.

use super::super::Block;
use super::super::isa::{Kernel, Vector};
use super::kernels::hash;
use super::keys::GateKey;

/// Vectors in a group.
const GROUP: usize = 4;

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
