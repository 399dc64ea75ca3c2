//! Rewrites that save cryptography and change no result, made on the program before it is planned.
//!
//! *A maximum with a constant* (a ReLU) *before a maximum over windows* goes after it, where there are fewer elements:
//! `max_i max(x_i, c) = max(max_i x_i, c)`, whatever reshapes, transposes and slices come between, also where a loop takes
//! the windows some at a time.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::data::Type;
use crate::ir::{Binary, Block, Constant, Node, Op, Program, Reduction, Site, Value};

/// A rewrite that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// What was done.
    pub kind: RewriteKind,
    /// Where in the source the operation comes from that has moved.
    pub site: Site,
    /// Elements that it acted on.
    pub before: u64,
    /// Elements that it acts on now.
    pub after: u64,
}

/// What a rewrite does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RewriteKind {
    /// A maximum with a constant follows a maximum over windows instead of coming before it.
    MaxAfterPooling,
}

/// The program as it is planned, with the values that are added after its own, and what was done.
pub(super) fn rewrite(program: &Program) -> (Program, Vec<Rewrite>) {
    let mut program = program.clone();
    let mut facts = Facts::default();
    facts.block(&program.body);
    let mut body = std::mem::take(&mut program.body);
    let mut made = Made { program: &mut program, facts, rewrites: Vec::new() };
    made.block(&mut body);
    let rewrites = made.rewrites;
    program.body = body;
    (program, rewrites)
}

/// What is known of values.
#[derive(Default)]
struct Facts {
    uses: HashMap<Value, u32>,
    /// Values that are one constant in every element.
    splats: HashMap<Value, u64>,
}

impl Facts {
    fn block(&mut self, block: &Block) {
        for node in &block.ops {
            node.op.for_each_operand(|v| *self.uses.entry(v).or_default() += 1);
            let splat = match &node.op {
                Op::Const(Constant::Splat(word)) => Some(*word),
                Op::Broadcast(v) | Op::Reshape(v) => self.splats.get(v).copied(),
                _ => None,
            };
            if let (Some(word), [result]) = (splat, node.results.as_slice()) {
                self.splats.insert(*result, word);
            }
            node.op.blocks().into_iter().for_each(|b| self.block(b));
        }
        block.results.iter().for_each(|v| *self.uses.entry(*v).or_default() += 1);
    }

    /// How often a loop turns, as far as is known.
    fn turns(&self, from: Value, to: Value) -> u64 {
        match (self.splats.get(&from), self.splats.get(&to)) {
            (Some(from), Some(to)) => (i128::from(*to as i64) - i128::from(*from as i64)).max(0) as u64,
            _ => u64::MAX,
        }
    }
}

struct Made<'a> {
    program: &'a mut Program,
    facts: Facts,
    rewrites: Vec<Rewrite>,
}

impl Made<'_> {
    fn block(&mut self, block: &mut Block) {
        block.ops.iter_mut().flat_map(|node| node.op.blocks_mut()).for_each(|inner| self.block(inner));
        let mut at = 0;
        while at < block.ops.len() {
            if !self.sink(block, at) {
                at += 1;
            }
        }
    }

    /// Moves the operation at `at` behind the last maximum over windows that it comes before, on each way that its result
    /// takes, if it is one to move.
    fn sink(&mut self, block: &mut Block, at: usize) -> bool {
        let Op::Binary(Binary::Max, a, b) = block.ops[at].op else { return false };
        let (value, word) = match (self.facts.splats.get(&a), self.facts.splats.get(&b)) {
            (None, Some(word)) => (a, *word),
            (Some(word), None) => (b, *word),
            _ => return false,
        };
        let (moved, site) = (block.ops[at].results[0], block.ops[at].site);
        let before = self.program.ty(moved).count();
        let Some(found) = self.find(&block.ops[at + 1..], moved) else { return false };
        if Some(&found.uses) != self.facts.uses.get(&moved) || found.elements > before {
            return false;
        }
        self.move_to(block, at + 1, &Moved { from: moved, to: value, word, site });
        block.ops.remove(at);
        *self.facts.uses.entry(value).or_default() += found.uses - 1;
        self.rewrites.push(Rewrite { kind: RewriteKind::MaxAfterPooling, site, before, after: found.elements });
        true
    }

    /// What reads the value, blocks included; `None` where one that does leads to no maximum over windows.
    fn find(&self, ops: &[Node], moved: Value) -> Option<Found> {
        let mut found = Found { uses: 0, elements: 0 };
        for (at, node) in ops.iter().enumerate() {
            if reads(node, moved) {
                let last = self.last_maximum(ops, at)?;
                found.uses += 1;
                found.elements = found.elements.saturating_add(self.program.ty(ops[last].results[0]).count());
            }
            let times = match &node.op {
                Op::Loop { from, to, .. } => self.facts.turns(*from, *to),
                Op::Each { count, .. } => *count,
                _ => 1,
            };
            for block in node.op.blocks() {
                let inside = self.find(&block.ops, moved)?;
                found.uses += inside.uses;
                found.elements = found.elements.saturating_add(inside.elements.saturating_mul(times));
            }
        }
        Some(found)
    }

    /// Puts the operation behind the last maximum on each way from `first` on.
    fn move_to(&mut self, block: &mut Block, first: usize, moved: &Moved) {
        let mut at = first;
        while at < block.ops.len() {
            block.ops[at].op.blocks_mut().into_iter().for_each(|inner| self.move_to(inner, 0, moved));
            if reads(&block.ops[at], moved.from)
                && let Some(last) = self.last_maximum(&block.ops, at)
            {
                block.ops[at].op.for_each_operand_mut(|v| rename(v, moved.from, moved.to));
                self.put_behind(block, last, moved);
            }
            at += 1;
        }
    }

    fn put_behind(&mut self, block: &mut Block, last: usize, moved: &Moved) {
        let pooled = block.ops[last].results[0];
        let ty = self.program.ty(pooled).clone();
        let [constant, result] = [ty.clone(), ty].map(|ty: Type| self.program.fresh(ty));
        let node = |op, result| Node { op, results: vec![result], site: moved.site };
        block.ops.insert(last + 1, node(Op::Const(Constant::Splat(moved.word)), constant));
        block.ops.insert(last + 2, node(Op::Binary(Binary::Max, pooled, constant), result));
        rename_in(&mut block.ops[last + 3..], pooled, result);
        block.results.iter_mut().for_each(|v| rename(v, pooled, result));
        let uses = self.facts.uses.insert(pooled, 1).unwrap_or(0);
        self.facts.uses.extend([(constant, 1), (result, uses)]);
        self.facts.splats.insert(constant, moved.word);
    }

    /// The last maximum over windows in the chain of single uses that begins with the operation at `at`.
    fn last_maximum(&self, ops: &[Node], mut at: usize) -> Option<usize> {
        let mut last = None;
        loop {
            match &ops[at].op {
                Op::Reduce(Reduction::Max, ..) => last = Some(at),
                Op::Reshape(_) | Op::Transpose(..) | Op::Slice(..) | Op::Gather(..) => {}
                _ => return last,
            }
            let value = ops[at].results[0];
            let next = (at + 1..ops.len()).find(|i| reads(&ops[*i], value));
            match next.filter(|_| self.facts.uses.get(&value) == Some(&1)) {
                Some(next) => at = next,
                None => return last,
            }
        }
    }
}

/// What reads a value that is to be moved.
struct Found {
    uses: u32,
    /// Elements behind the last maximum on each way, over all turns of loops.
    elements: u64,
}

/// A maximum with a constant that is moved.
struct Moved {
    /// Its result.
    from: Value,
    /// Its operand.
    to: Value,
    /// The constant.
    word: u64,
    site: Site,
}

fn reads(node: &Node, value: Value) -> bool {
    let mut reads = false;
    node.op.for_each_operand(|v| reads |= v == value);
    reads
}

/// Reads `new` where `old` was read.
fn rename(v: &mut Value, old: Value, new: Value) {
    if *v == old {
        *v = new;
    }
}

/// The same in operations and their blocks.
fn rename_in(ops: &mut [Node], old: Value, new: Value) {
    for node in ops {
        node.op.for_each_operand_mut(|v| rename(v, old, new));
        for block in node.op.blocks_mut() {
            rename_in(&mut block.ops, old, new);
            block.results.iter_mut().for_each(|v| rename(v, old, new));
        }
    }
}
