//! Labels of a deferred value of the evaluator, transferred some way ahead of where a kernel loads them.

use zeroize::Zeroizing;

use super::super::clear::Clear;
use super::super::error::ProtocolError;
use super::super::layout::Run;
use super::bits::Packer;
use super::operand::{Cursor, Window, collect};
use super::party::Side;
use crate::crypto::Block;

/// Bits that are transferred at once, about: 4 MiB of labels.
const BITS: usize = 1 << 18;

/// What has been transferred: by reduction index, then bit of an element inside, then lane, then instance.
#[derive(Default)]
pub(super) struct Ahead {
    held: Window,
    /// How many indices from the window's first.
    indices: usize,
    labels: Zeroizing<Vec<Block>>,
}

impl Ahead {
    /// Makes sure that the window's labels are here. `source` is the value and where it is read, at the evaluator;
    /// `inner` elements of `bits` stand inside an instance.
    ///
    /// # Errors
    /// The link or the other party failed.
    pub fn reach(
        &mut self,
        window: Window,
        source: Option<(&Clear, &Cursor)>,
        inner: usize,
        bits: usize,
        side: &mut Side<'_>,
        runs: &mut Vec<Run>,
    ) -> Result<(), ProtocolError> {
        if self.covers(window) {
            return Ok(());
        }
        let width = (inner * bits).max(1);
        let instances = (BITS / width).clamp(window.to - window.from, window.most_instances);
        self.held = Window { to: window.from + instances, ..window };
        let items = instances * window.lanes;
        self.indices = (BITS / (width * items)).clamp(1, window.most_indices);
        self.labels.resize(self.indices * inner * bits * items, Block::ZERO);
        let choices = source.map(|(clear, cursor)| {
            let mut packed = Packer::new(self.labels.len());
            let mut words = vec![0; items];
            for index in 0..self.indices {
                cursor.runs(Window { first: window.first + index, ..self.held }, runs);
                for element in 0..inner {
                    collect(clear.plane(0), cursor.inner[element], runs, &mut words);
                    packed.push_planes(&words, bits);
                }
            }
            packed.finish()
        });
        side.transfer(choices.as_deref(), &mut self.labels)
    }

    /// Copies the labels of one bit of an instance, `bit` of `width`, for the window.
    pub fn copy(&self, window: Window, bit: usize, width: usize, out: &mut [Block]) {
        let held = self.held.to - self.held.from;
        let start =
            ((window.first - self.held.first) * width + bit) * held * window.lanes + window.from - self.held.from;
        let count = window.to - window.from;
        for (lane, out) in out.chunks_mut(count).enumerate() {
            out.copy_from_slice(&self.labels[start + lane * held..][..count]);
        }
    }

    fn covers(&self, window: Window) -> bool {
        let held = &self.held;
        held.lanes == window.lanes
            && held.apart == window.apart
            && held.from <= window.from
            && window.to <= held.to
            && held.first <= window.first
            && window.first < held.first + self.indices
    }
}
