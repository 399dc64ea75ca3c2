//! Before differentiation: `min`, `max` and `abs` become comparisons and selections, so that a comparison is kept and made
//! once; and which values depend on what the gradient is taken in.

use std::collections::HashSet;

use motet_program::data::{Elem, Type};
use motet_program::ir::{Binary, Block, Node, Op, Reduction, Site, Unary, Value};

use super::Units;
use crate::passes::build::{Builder, Scope};

/// The block with comparisons and selections for `min`, `max` and `abs` of `Fix`.
pub(super) fn plain(b: &mut Builder, block: Block) -> Block {
    let mut writer = Writer { b, ops: Vec::new(), site: Site(0) };
    for node in block.ops {
        writer.site = node.site;
        writer.node(node);
    }
    Block { params: block.params, ops: writer.ops, results: block.results }
}

struct Writer<'b> {
    b: &'b mut Builder,
    ops: Vec<Node>,
    site: Site,
}

impl Writer<'_> {
    fn node(&mut self, node: Node) {
        let fix = node.results.first().is_some_and(|r| matches!(self.b.elem(*r), Elem::Fix { .. }));
        let op = match node.op {
            Op::Binary(Binary::Max, x, y) if fix => self.choice(Binary::Max, x, y),
            Op::Binary(Binary::Min, x, y) if fix => self.choice(Binary::Min, x, y),
            Op::Reduce(r @ (Reduction::Min | Reduction::Max), v, axis) if fix => {
                self.tournament(r.binary(), v, axis as usize)
            }
            Op::Unary(Unary::Abs, x) if fix => {
                let ty = self.b.ty(x).clone();
                let zero = self.b.constant(0, ty.clone());
                let (below, above) = (self.less(x, zero), self.less(zero, x));
                let minus = self.push(Op::Unary(Unary::Neg, x), ty.clone());
                let rest = self.push(Op::Select(below, minus, zero), ty);
                Op::Select(above, x, rest)
            }
            Op::Loop { from, to, init, body } => Op::Loop { from, to, init, body: plain(self.b, body) },
            Op::Each { count, body } => Op::Each { count, body: plain(self.b, body) },
            Op::If { cond, then, otherwise } => {
                Op::If { cond, then: plain(self.b, then), otherwise: plain(self.b, otherwise) }
            }
            op => op,
        };
        self.ops.push(Node { op, ..node });
    }

    fn push(&mut self, op: Op, ty: Type) -> Value {
        let depth = self.b.depth();
        let value = self.b.open(Scope::Branch, [ty])[0];
        self.b.abandon(depth);
        self.ops.push(Node { op, results: vec![value], site: self.site });
        value
    }

    fn less(&mut self, x: Value, y: Value) -> Value {
        let ty = Type { elem: Elem::Bool, shape: self.b.shape(x).clone() };
        self.push(Op::Binary(Binary::Lt, x, y), ty)
    }

    /// The first of equal ones has all of the gradient.
    fn choice(&mut self, op: Binary, x: Value, y: Value) -> Op {
        let second = if op == Binary::Max { self.less(x, y) } else { self.less(y, x) };
        Op::Select(second, y, x)
    }

    /// Pairs of neighbours, until one is left.
    fn tournament(&mut self, op: Binary, v: Value, axis: usize) -> Op {
        let mut v = v;
        loop {
            let ty = self.b.ty(v).clone();
            let n = ty.shape[axis];
            if n <= 1 {
                return Op::Reshape(v);
            }
            let half = n / 2;
            let mut pairs = ty.shape.clone();
            pairs[axis] = half;
            pairs.insert(axis + 1, 2);
            let whole = self.part(v, axis, 0, 2 * half);
            let whole = self.push(Op::Reshape(whole), Type { elem: ty.elem, shape: pairs });
            let winners = Type {
                elem: ty.elem,
                shape: {
                    let mut s = ty.shape.clone();
                    s[axis] = half;
                    s
                },
            };
            let sides = [0, 1].map(|k| {
                let side = self.part(whole, axis + 1, k, 1);
                self.push(Op::Reshape(side), winners.clone())
            });
            let choice = self.choice(op, sides[0], sides[1]);
            let won = self.push(choice, winners);
            v = if n.is_multiple_of(2) {
                won
            } else {
                let last = self.part(v, axis, n - 1, 1);
                let mut joined = ty;
                joined.shape[axis] = half + 1;
                self.push(Op::Concat(vec![won, last], axis as u8), joined)
            };
        }
    }

    fn part(&mut self, v: Value, axis: usize, start: u64, len: u64) -> Value {
        let mut ty = self.b.ty(v).clone();
        let mut starts = vec![self.b.int(0); ty.shape.len()];
        starts[axis] = self.b.int(start as i64);
        ty.shape[axis] = len;
        self.push(Op::Slice(v, starts), ty)
    }
}

/// Adds the values of the block that depend on active ones through what has a derivative.
pub(super) fn activity(b: &Builder, units: &Units, block: &Block, active: &mut HashSet<Value>) {
    let fix = |v: &Value| matches!(b.elem(*v), Elem::Fix { .. });
    for node in &block.ops {
        match &node.op {
            Op::Loop { init, body, .. } => loop {
                let before = active.len();
                for (k, start) in init.iter().enumerate() {
                    let (param, result) = (body.params[k + 1], body.results[k]);
                    if active.contains(start) || active.contains(&result) {
                        active.extend([param, node.results[k]]);
                    }
                }
                activity(b, units, body, active);
                if active.len() == before {
                    break;
                }
            },
            op if !op.blocks().is_empty() => {
                for inner in op.blocks() {
                    activity(b, units, inner, active);
                    for (result, inner) in node.results.iter().zip(&inner.results) {
                        if active.contains(inner) {
                            active.insert(*result);
                        }
                    }
                }
                if let Some(unit) = node.results.first().and_then(|r| units.get(r))
                    && active.contains(&unit.x)
                {
                    active.extend(&node.results);
                }
            }
            op => {
                let mut depends = false;
                op.for_each_operand(|v| depends |= active.contains(&v));
                if depends {
                    active.extend(node.results.iter().copied().filter(&fix));
                }
            }
        }
    }
}
