//! Labels of a deferred value of the evaluator, transferred some way ahead of where a kernel loads them.
//!
//! The value is read in pieces. The evaluator chooses the labels of several before it needs those of the first, where
//! that takes no answer: so the garbler, which comes to a piece long before the evaluator does, finds the choices there and
//! need not wait. The pieces, and what is said of each, are the same at both parties; only the evaluator knows how far
//! ahead it asks.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::super::clear::Clear;
use super::super::error::ProtocolError;
use super::super::layout::Run;
use super::bits::Packer;
use super::operand::{Cursor, MISFIT, Window, collect};
use super::party::Side;
use crate::crypto::Block;
use crate::ot::Requested;

/// Bits of a piece, about: 128 KiB of labels, which stay in the second-level cache.
pub(super) const BITS: usize = 1 << 13;
/// Pieces that are asked for at once, at most: so few that the line takes them while nobody reads.
const AT_ONCE: usize = 2;

/// A part of the value: all of `window`, at `indices` reduction indices one after another.
#[derive(Clone, Copy, Default)]
struct Piece {
    window: Window,
    indices: usize,
    /// Instances that are loaded together.
    batch: usize,
}

impl Piece {
    /// The piece that begins where the window does; `width` bits stand inside an instance.
    fn at(window: Window, width: usize) -> Piece {
        let batch = (window.to - window.from).max(1);
        let instances = (BITS / width / batch * batch).max(batch).min(window.most_instances);
        let indices = (BITS / (width * instances * window.lanes).max(1)).clamp(1, window.most_indices.max(1));
        Piece { window: Window { to: window.from + instances, ..window }, indices, batch }
    }

    /// The piece after it, if the value is read on from there.
    fn next(&self, width: usize) -> Option<Piece> {
        let Window { from, to, first, most_instances, most_indices, .. } = self.window;
        let more_indices = most_indices.saturating_sub(self.indices);
        let more_instances = most_instances.saturating_sub(to - from);
        let window = if more_indices > 0 {
            Window { to: from + self.batch, first: first + self.indices, most_indices: more_indices, ..self.window }
        } else if more_instances > 0 {
            let to_next = to + self.batch.min(more_instances);
            Window { from: to, to: to_next, most_instances: more_instances, ..self.window }
        } else {
            return None;
        };
        Some(Piece::at(window, width))
    }

    /// Instances in it.
    fn instances(&self) -> usize {
        self.window.to - self.window.from
    }

    /// Bits in it.
    fn bits(&self, width: usize) -> usize {
        self.indices * width * self.instances() * self.window.lanes
    }

    fn covers(&self, window: Window) -> bool {
        let held = &self.window;
        held.lanes == window.lanes
            && held.apart == window.apart
            && held.from <= window.from
            && window.to <= held.to
            && held.first <= window.first
            && window.first < held.first + self.indices
    }
}

/// What has been transferred: by reduction index, then bit of an element inside, then lane, then instance.
#[derive(Default)]
pub(super) struct Ahead {
    held: Piece,
    labels: Zeroizing<Vec<Block>>,
    /// At the evaluator, what has been asked for after it.
    asked: VecDeque<(Piece, Requested)>,
    /// Buffers that have served.
    spare: Vec<Zeroizing<Vec<Block>>>,
    /// Whether nothing else is transferred meanwhile, so that it can be asked for ahead.
    pub alone: bool,
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
        if self.held.covers(window) {
            return Ok(());
        }
        let width = (inner * bits).max(1);
        let Some((clear, cursor)) = source else {
            self.held = Piece::at(window, width);
            self.labels.resize(self.held.bits(width), Block::ZERO);
            return side.transfer(None, &mut self.labels);
        };
        let mut ask = |piece: Piece, side: &mut Side<'_>, mut labels: Zeroizing<Vec<Block>>| {
            labels.resize(piece.bits(width), Block::ZERO);
            side.request(&choices(piece, clear, cursor, bits, runs), labels).map(|requested| (piece, requested))
        };
        if self.asked.is_empty() {
            let labels = std::mem::take(&mut self.labels);
            self.asked.push_back(ask(Piece::at(window, width), side, labels)?);
        }
        for _ in 0..AT_ONCE {
            let next = self.asked.back().and_then(|(piece, _)| piece.next(width));
            let Some(next) = next
                .filter(|piece| self.alone && self.asked.len() <= side.pieces_ahead && side.at_once(piece.bits(width)))
            else {
                break;
            };
            self.asked.push_back(ask(next, side, self.spare.pop().unwrap_or_default())?);
        }
        let Some((piece, requested)) = self.asked.pop_front().filter(|(piece, _)| piece.covers(window)) else {
            return Err(MISFIT);
        };
        self.held = piece;
        let labels = requested.finish(side.channel)?;
        self.spare.push(std::mem::replace(&mut self.labels, labels));
        Ok(())
    }

    /// Copies the labels of one bit of an instance, `bit` of `width`, for the window.
    pub fn copy(&self, window: Window, bit: usize, width: usize, out: &mut [Block]) {
        let held = self.held.instances();
        let first = self.held.window.first;
        let start = ((window.first - first) * width + bit) * held * window.lanes + window.from - self.held.window.from;
        let count = window.to - window.from;
        if count == held {
            return out.copy_from_slice(&self.labels[start..][..out.len()]);
        }
        for (lane, out) in out.chunks_mut(count).enumerate() {
            out.copy_from_slice(&self.labels[start + lane * held..][..count]);
        }
    }
}

/// The evaluator's bits of a piece, in the order of its labels.
fn choices(piece: Piece, clear: &Clear, cursor: &Cursor, bits: usize, runs: &mut Vec<Run>) -> Vec<u64> {
    let items = piece.instances() * piece.window.lanes;
    let mut packed = Packer::new(piece.bits(bits * cursor.inner.len()));
    let mut words = vec![0; items];
    for index in 0..piece.indices {
        cursor.runs(Window { first: piece.window.first + index, ..piece.window }, runs);
        for offset in &cursor.inner {
            collect(clear.plane(0), *offset, runs, &mut words);
            packed.push_planes(&words, bits);
        }
    }
    packed.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a kernel's shape, the pieces hold each batch whole and follow on each other.
    #[test]
    fn pieces_follow_on_each_other() {
        for (count, batch, width) in [(1000, 128, 32), (1, 1, 1), (129, 128, 24), (70_000, 16, 7), (300, 128, 9000)] {
            let window = |from: usize| Window {
                from,
                to: count.min(from + batch),
                first: 0,
                apart: 0,
                lanes: 1,
                most_instances: count - from,
                most_indices: 1,
            };
            let mut piece = Piece::at(window(0), width);
            for from in (0..count).step_by(batch) {
                if !piece.covers(window(from)) {
                    piece = piece.next(width).unwrap();
                    let afresh = Piece::at(window(from), width);
                    assert_eq!((piece.window.from, piece.window.to), (afresh.window.from, afresh.window.to));
                }
                assert!(piece.covers(window(from)), "{from} of {count}");
            }
            assert!(piece.next(width).is_none());
        }
        let steps = |first: usize| Window {
            from: 3,
            to: 5,
            first,
            apart: 500,
            lanes: 40,
            most_instances: 2,
            most_indices: 500 - first,
        };
        let mut piece = Piece::at(steps(0), 32);
        assert!(piece.bits(32) <= BITS);
        for first in 0..500 {
            if !piece.covers(steps(first)) {
                piece = piece.next(32).unwrap();
            }
            assert!(piece.covers(steps(first)));
        }
        assert!(piece.next(32).is_none());
    }
}
