//! Finished code: operations on slots, cut into pieces whose tables stay in cache.

use super::flow::Flow;
use super::op::{Gate, NONE, Op};
use super::{Source, TABLE_BYTES};

/// Consecutive operations, and how many ciphertexts an instance has in them.
#[derive(Clone, Debug)]
struct Segment {
    end: usize,
    ciphertexts: usize,
}

/// Operations on slots; input `i` stands in slot `i`.
pub(in crate::garble) struct Code {
    pub ops: Vec<Op>,
    pub sources: Vec<Source>,
    pub slots: usize,
    /// The slot of zeros, where there is one.
    pub zeros: Option<usize>,
    segments: Vec<Segment>,
}

impl Code {
    /// Gives values their slots. `batch` is how many instances there are at most.
    pub(super) fn new(mut flow: Flow, batch: impl FnOnce(usize) -> usize) -> (Code, usize) {
        let slots = assign(&mut flow);
        mark_runs(&mut flow.ops, slots);
        let batch = batch(slots);
        let segments = segments(&flow.ops, TABLE_BYTES / (16 * batch));
        (Code { ops: flow.ops, sources: flow.sources, slots, zeros: None, segments }, batch)
    }

    /// Has the operands that are not there read a slot of their own, which holds zeros: where there are few instances,
    /// a branch costs more than a load.
    pub(super) fn with_zeros(mut self) -> Code {
        let zeros = self.slots as u32;
        self.slots += 1;
        for op in &mut self.ops {
            let places = op.a.iter_mut().chain(&mut op.b).chain([&mut op.add]);
            places.filter(|place| **place == NONE).for_each(|place| *place = zeros);
        }
        self.zeros = Some(zeros as usize);
        self
    }

    /// Ciphertexts of an instance.
    pub fn ciphertexts(&self) -> usize {
        self.segments.iter().map(|segment| segment.ciphertexts).sum()
    }

    /// The pieces for a batch of `n`: as many operations as have their tables in one chunk, and the chunk's bytes.
    pub fn pieces(&self, n: usize) -> impl Iterator<Item = (&[Op], usize)> {
        let (mut start, mut next) = (0, 0);
        std::iter::from_fn(move || {
            let mut piece = self.segments.get(next)?.clone();
            next += 1;
            while let Some(more) = self.segments.get(next) {
                if (piece.ciphertexts + more.ciphertexts) * 16 * n > TABLE_BYTES {
                    break;
                }
                piece = Segment { end: more.end, ciphertexts: piece.ciphertexts + more.ciphertexts };
                next += 1;
            }
            let ops = &self.ops[start..piece.end];
            start = piece.end;
            Some((ops, piece.ciphertexts * 16 * n))
        })
    }
}

/// Replaces values by slots; returns how many there are. A slot is free after its value's last use, and the one freed
/// last, still in cache, is taken first.
fn assign(flow: &mut Flow) -> usize {
    let values = flow.ops.iter().map(|op| op.dst as usize + 1).max().unwrap_or(0).max(flow.inputs);
    let mut uses = vec![0u32; values];
    flow.ops.iter().flat_map(Op::operands).for_each(|operand| uses[operand as usize] += 1);
    for source in &flow.sources {
        if let Source::Slot { slot, .. } | Source::Derived { slot, .. } = source {
            uses[*slot as usize] += 1;
        }
    }
    let mut slot_of: Vec<u32> = (0..values as u32).collect();
    let mut count = flow.inputs as u32;
    let mut free: Vec<u32> = (0..count).filter(|input| uses[*input as usize] == 0).collect();
    for op in &mut flow.ops {
        for operand in op.operands_mut() {
            let left = &mut uses[*operand as usize];
            *left -= 1;
            *operand = slot_of[*operand as usize];
            if *left == 0 {
                free.push(*operand);
            }
        }
        let slot = free.pop().unwrap_or_else(|| {
            count += 1;
            count - 1
        });
        slot_of[op.dst as usize] = slot;
        op.dst = slot;
    }
    for source in &mut flow.sources {
        if let Source::Slot { slot, .. } | Source::Derived { slot, .. } = source {
            *slot = slot_of[*slot as usize];
        }
    }
    count as usize
}

/// Finds the operations that go together.
fn mark_runs(ops: &mut [Op], slots: usize) {
    // In which run a gate last wrote to a slot.
    let mut written = vec![0u32; slots];
    let (mut number, mut start) = (0, 0);
    for at in 0..ops.len() {
        let op = ops[at];
        let first = ops[start];
        let goes_on = at > start
            && at - start < usize::from(u16::MAX)
            && (op.gate, op.bits) == (first.gate, first.bits)
            && match op.gate {
                Gate::Xor => op.plain() && first.plain(),
                Gate::And(_) => op.ciphertexts() > 0 && op.operands().all(|slot| written[slot as usize] != number),
            };
        if !goes_on {
            ops[start..at].iter_mut().rev().zip(1..).for_each(|(op, run)| op.run = run);
            start = at;
            number += 1;
        }
        written[op.dst as usize] = number;
    }
    ops[start..].iter_mut().rev().zip(1..).for_each(|(op, run)| op.run = run);
}

/// Cuts the operations into pieces of at most so many ciphertexts an instance.
fn segments(ops: &[Op], most: usize) -> Vec<Segment> {
    let mut out = Vec::new();
    let mut held = 0;
    for (index, op) in ops.iter().enumerate() {
        let more = op.ciphertexts();
        if held + more > most {
            out.push(Segment { end: index, ciphertexts: held });
            held = 0;
        }
        held += more;
    }
    out.push(Segment { end: ops.len(), ciphertexts: held });
    out
}
