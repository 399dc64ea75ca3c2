//! The working memory of a batch: labels and known bits of every slot.

use zeroize::Zeroizing;

use super::{MAX_BATCH, Prepared};
use crate::crypto::Block;

/// Blocks in a cache line.
const LINE: usize = 4;

/// Labels and known bits of up to `MAX_BATCH` instances of a template; made once and used for template after template.
#[derive(Default)]
pub struct Batch {
    pub(super) n: usize,
    /// From `first` on; see `begin`.
    labels: Zeroizing<Vec<Block>>,
    first: usize,
    /// Where the operands of gates side by side are brought together.
    lanes: Zeroizing<Vec<Block>>,
    /// Bit `i` of a slot's word: what this party knows of instance `i`'s bit; meaningless where it knows nothing.
    pub(super) bits: Zeroizing<Vec<u128>>,
}

impl Batch {
    /// Makes room for `n` instances of the template.
    pub fn begin(&mut self, template: &Prepared, n: usize) {
        debug_assert!((1..=template.batch()).contains(&n));
        self.n = n;
        let code = template.code(n);
        let slots = code.slots;
        self.lanes.resize(2 * MAX_BATCH, Block::ZERO);
        if self.labels.len() < slots * n + LINE {
            self.labels.resize(slots * n + LINE, Block::ZERO);
            // A vector that crosses cache lines takes twice as long to load or store.
            self.first = self.labels.as_ptr().align_offset(16 * LINE).min(LINE);
        }
        if self.bits.len() < slots {
            self.bits.resize(slots, 0);
        }
        if let Some(zeros) = code.zeros {
            self.labels_mut(zeros).fill(Block::ZERO);
        }
    }

    /// Instances of the batch.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.n
    }

    /// All labels and known bits, slot by slot, and room for lanes.
    pub(super) fn parts(&mut self) -> (&mut [Block], &mut [u128], &mut [Block]) {
        (&mut self.labels[self.first..], &mut self.bits, &mut self.lanes)
    }

    /// The labels of a slot, one for each instance.
    pub fn labels(&self, slot: usize) -> &[Block] {
        &self.labels[self.first + slot * self.n..][..self.n]
    }

    /// The labels of a slot, to be written.
    pub fn labels_mut(&mut self, slot: usize) -> &mut [Block] {
        &mut self.labels[self.first + slot * self.n..][..self.n]
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
