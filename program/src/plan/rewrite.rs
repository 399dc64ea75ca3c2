//! Rewrites that save cryptography and change no result, made on the program before it is planned.
//!
//! *A maximum with a constant* (a ReLU) *before a maximum over windows* goes after it, where there are fewer elements:
//! `max_i max(x_i, c) = max(max_i x_i, c)`, whatever reshapes, transposes and slices come between.

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

    /// Moves the operation at `at` behind the last maximum over windows that it comes before, if it is one to move.
    fn sink(&mut self, block: &mut Block, at: usize) -> bool {
        let Op::Binary(Binary::Max, a, b) = block.ops[at].op else { return false };
        let (value, word) = match (self.facts.splats.get(&a), self.facts.splats.get(&b)) {
            (None, Some(word)) => (a, *word),
            (Some(word), None) => (b, *word),
            _ => return false,
        };
        let (moved, site) = (block.ops[at].results[0], block.ops[at].site);
        let Some((first, last)) = self.path(block, at) else { return false };
        let pooled = block.ops[last].results[0];
        block.ops[first].op.for_each_operand_mut(|v| rename(v, moved, value));
        let [before, after] = [moved, pooled].map(|v| self.program.ty(v).count());
        let ty = self.program.ty(pooled).clone();
        let [constant, result] = [ty.clone(), ty].map(|ty: Type| self.program.fresh(ty));
        let node = |op, result| Node { op, results: vec![result], site };
        block.ops.insert(last + 1, node(Op::Const(Constant::Splat(word)), constant));
        block.ops.insert(last + 2, node(Op::Binary(Binary::Max, pooled, constant), result));
        rename_in(&mut block.ops[last + 3..], pooled, result);
        block.results.iter_mut().for_each(|v| rename(v, pooled, result));
        block.ops.remove(at);
        let uses = self.facts.uses.insert(pooled, 1).unwrap_or(0);
        self.facts.uses.extend([(constant, 1), (result, uses)]);
        self.facts.splats.insert(constant, word);
        self.rewrites.push(Rewrite { kind: RewriteKind::MaxAfterPooling, site, before, after });
        true
    }

    /// From the operation's only user to the last maximum over windows, in a chain of single uses.
    fn path(&self, block: &Block, at: usize) -> Option<(usize, usize)> {
        let (mut value, mut from) = (block.ops[at].results[0], at);
        let (mut first, mut last) = (None, None);
        while self.facts.uses.get(&value) == Some(&1) {
            let user = (from + 1..block.ops.len()).find(|i| {
                let mut uses = false;
                block.ops[*i].op.for_each_operand(|v| uses |= v == value);
                uses
            })?;
            match &block.ops[user].op {
                Op::Reduce(Reduction::Max, ..) => last = Some(user),
                Op::Reshape(_) | Op::Transpose(..) | Op::Slice(..) | Op::Gather(..) => {}
                _ => break,
            }
            first = first.or(Some(user));
            (value, from) = (block.ops[user].results[0], user);
        }
        first.zip(last)
    }
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
