//! Walking a program and writing it anew: what passes share.

use std::collections::HashMap;

use motet_program::data::Type;
use motet_program::ir::{Block, Node, Op, Program, Value};

use super::build::{Builder, Scope};

/// The operation with its own operands replaced (blocks are left as they are).
pub fn with_operands(op: &Op, mut f: impl FnMut(Value) -> Value) -> Op {
    let mut op = op.clone();
    op.for_each_operand_mut(|v| *v = f(*v));
    op
}

/// Calls `f` on every value that a node reads, in its blocks too (also what those define themselves).
pub fn for_each_read(node: &Node, f: &mut impl FnMut(Value)) {
    node.op.for_each_operand(&mut *f);
    for block in node.op.blocks() {
        block.ops.iter().for_each(|node| for_each_read(node, f));
        block.results.iter().copied().for_each(&mut *f);
    }
}

/// A pass that writes a program anew, operation by operation.
pub trait Rewrite {
    /// Where it writes to, and what has become of the old values.
    fn output(&mut self) -> &mut Output;

    /// Writes what becomes of a node.
    fn node(&mut self, node: &Node) {
        self.copy(node);
    }

    /// Writes a node as it is, its blocks rewritten.
    fn copy(&mut self, node: &Node) {
        let out = self.output();
        out.b.site = node.site;
        let op = with_operands(&node.op, |v| out.get(v));
        let op = match op {
            Op::Loop { from, to, init, body } => {
                let tys: Vec<Type> = body.params[1..].iter().map(|p| out.ty(*p).clone()).collect();
                let params = out.b.open_loop(from, to, tys);
                Op::Loop { from, to, init, body: self.block(&body, params) }
            }
            Op::Each { count, body } => {
                let (from, to) = (out.b.int(0), out.b.int(count as i64));
                let params = out.b.open_loop(from, to, []);
                Op::Each { count, body: self.block(&body, params) }
            }
            Op::If { cond, then, otherwise } => {
                out.b.open(Scope::Branch, []);
                let then = self.block(&then, Vec::new());
                self.output().b.open(Scope::Branch, []);
                Op::If { cond, then, otherwise: self.block(&otherwise, Vec::new()) }
            }
            op => op,
        };
        let out = self.output();
        out.b.site = node.site;
        out.define(node, op);
    }

    /// Rewrites a block into the one that has been opened with the parameters.
    fn block(&mut self, block: &Block, params: Vec<Value>) -> Block {
        block.params.iter().zip(params).for_each(|(old, new)| self.output().set(*old, new));
        let results = self.inline(block);
        self.output().b.close(results)
    }

    /// Writes a block's operations here, and gives its results.
    fn inline(&mut self, block: &Block) -> Vec<Value> {
        block.ops.iter().for_each(|node| self.node(node));
        block.results.iter().map(|v| self.output().get(*v)).collect()
    }
}

/// The program that a pass writes.
pub struct Output {
    /// The builder.
    pub b: Builder,
    /// Types of the old values.
    tys: Vec<Type>,
    /// What has become of them.
    new: HashMap<Value, Value>,
}

impl Output {
    /// For rewriting the program.
    pub fn of(program: &Program) -> Self {
        Output { b: Builder::new(), tys: program.values.clone(), new: HashMap::new() }
    }

    /// What has become of an old value.
    pub fn get(&self, old: Value) -> Value {
        self.new.get(&old).copied().unwrap_or(old)
    }

    /// Says what has become of an old value.
    pub fn set(&mut self, old: Value, new: Value) {
        self.new.insert(old, new);
    }

    /// The type of an old value.
    pub fn ty(&self, old: Value) -> &Type {
        &self.tys[old.0 as usize]
    }

    /// Makes the operation, whose results stand for the node's.
    pub fn define(&mut self, node: &Node, op: Op) {
        let tys: Vec<Type> = node.results.iter().map(|r| self.ty(*r).clone()).collect();
        let plain = op.blocks().is_empty() && !matches!(op, Op::Circuit { .. });
        let results = match (&node.results[..], plain) {
            ([_], true) => vec![self.b.push(op, tys[0].clone())],
            _ => self.b.push_many(op, tys),
        };
        node.results.iter().zip(results).for_each(|(old, new)| self.set(*old, new));
    }
}

/// Rewrites a whole program.
pub fn rewrite(program: &Program, mut pass: impl Rewrite) -> Program {
    let results = pass.inline(&program.body);
    let frame = Program { values: Vec::new(), body: Block::default(), ..program.clone() };
    std::mem::take(&mut pass.output().b).finish(results, frame)
}
