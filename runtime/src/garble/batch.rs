//! The working memory of a batch: labels and known bits of every slot.

use zeroize::Zeroizing;

use super::Prepared;
use crate::crypto::Block;

/// Labels and known bits of up to `MAX_BATCH` instances of a template; made once and used for template after template.
#[derive(Default)]
pub struct Batch {
    pub(super) n: usize,
    pub(super) labels: Zeroizing<Vec<Block>>,
    /// Bit `i` of a slot's word: what this party knows of instance `i`'s bit; meaningless where it knows nothing.
    pub(super) bits: Zeroizing<Vec<u128>>,
}

impl Batch {
    /// Makes room for `n` instances of the template.
    pub fn begin(&mut self, template: &Prepared, n: usize) {
        debug_assert!((1..=template.batch()).contains(&n));
        self.n = n;
        let slots = template.slots();
        if self.labels.len() < slots * n {
            self.labels.resize(slots * n, Block::ZERO);
        }
        if self.bits.len() < slots {
            self.bits.resize(slots, 0);
        }
    }

    /// Instances of the batch.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.n
    }

    /// The labels of a slot, one for each instance.
    pub fn labels(&self, slot: usize) -> &[Block] {
        &self.labels[slot * self.n..(slot + 1) * self.n]
    }

    /// The labels of a slot, to be written.
    pub fn labels_mut(&mut self, slot: usize) -> &mut [Block] {
        &mut self.labels[slot * self.n..(slot + 1) * self.n]
    }

    /// What this party knows of the slots from `slot` on, to be written.
    pub fn bits_mut(&mut self, slot: usize, count: usize) -> &mut [u128] {
        &mut self.bits[slot..slot + count]
    }

    /// What this party knows of a slot.
    pub fn bits(&self, slot: usize) -> u128 {
        self.bits[slot]
    }
}
