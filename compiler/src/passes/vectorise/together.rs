//! What the iterations of a loop make together: the terms that they add to a sum, and the places that they write.

use motet_program::data::{Elem, Type};
use motet_program::ir::{Binary, Block, Node, Op, Reduction, Unary, Value};

use super::lift::{Lifted, Lifter};

/// What all iterations write into places of a tensor, one after the other.
pub(super) fn placed(lifter: &mut Lifter, update: &Node, base: Value, axis: usize, step: i64) -> Option<Value> {
    let Op::Update { part, starts, .. } = &update.op else { return None };
    lifter.b.site = update.site;
    let n = lifter.n;
    let mut first = Vec::with_capacity(starts.len());
    for start in starts {
        first.push(match lifter.get(*start) {
            Lifted::Same(v) | Lifted::Affine { base: v, .. } => v,
            Lifted::Batch(_) => return None,
        });
    }
    let mut parts = lifter.batch(*part);
    if step < 0 {
        // The last iteration's place comes first.
        let (steps, last) = (lifter.b.iota(n), lifter.b.constant(n - 1, Type { elem: Elem::Int, shape: vec![n] }));
        let backwards = lifter.b.binary(Binary::Sub, last, steps);
        parts = lifter.b.gather(parts, backwards);
        let back = lifter.b.int(step.checked_mul(n as i64 - 1)?);
        first[axis] = lifter.b.binary(Binary::Add, first[axis], back);
    }
    let places = lifter.b.move_axis(parts, 0, axis);
    let mut joined = lifter.b.shape(places).clone();
    let len = joined.remove(axis + 1);
    joined[axis] *= len;
    if joined[axis] > lifter.b.shape(base)[axis] {
        return None;
    }
    let all = lifter.b.reshape(places, joined);
    Some(lifter.b.update(base, all, first))
}

/// The terms of a sum, for all iterations.
pub(super) struct Terms<'l, 'b> {
    pub lifter: &'l mut Lifter<'b>,
    pub body: &'l Block,
    pub param: Value,
    pub op: Reduction,
}

impl Terms<'_, '_> {
    /// What the iterations add to the carried value on the way to `v`: `None` for nothing.
    pub fn terms(&mut self, v: Value) -> Option<Value> {
        if v == self.param {
            return None;
        }
        let node = self.body.ops.iter().find(|node| node.results.contains(&v))?;
        match &node.op {
            Op::Binary(op, a, b) => {
                let (rest, term) = if self.on_chain(*a) { (*a, *b) } else { (*b, *a) };
                let before = self.terms(rest);
                self.lifter.b.site = node.site;
                let term = self.lifter.batch(term);
                let term = if *op == Binary::Sub { self.lifter.b.unary(Unary::Neg, term) } else { term };
                Some(self.joined(before, term))
            }
            Op::Select(cond, a, b) => {
                let made = self.body.ops.iter().find(|node| node.results.contains(cond));
                if let Some(Op::Binary(Binary::Lt, x, y)) = made.map(|node| &node.op)
                    && (self.on_chain(*x) || self.on_chain(*y))
                {
                    let (rest, term) = if self.on_chain(*a) { (*a, *b) } else { (*b, *a) };
                    let before = self.terms(rest);
                    self.lifter.b.site = node.site;
                    let term = self.lifter.batch(term);
                    return Some(self.joined(before, term));
                }
                let (then, otherwise) = (self.terms(*a), self.terms(*b));
                self.lifter.b.site = node.site;
                let cond = self.lifter.batch(*cond);
                let like = then.or(otherwise)?;
                let ty = self.lifter.b.ty(like).clone();
                let nothing = self.lifter.b.constant(identity(self.op, ty.elem), ty);
                Some(self.lifter.b.select(cond, then.unwrap_or(nothing), otherwise.unwrap_or(nothing)))
            }
            _ => None,
        }
    }

    fn joined(&mut self, before: Option<Value>, term: Value) -> Value {
        before.map_or(term, |before| self.lifter.b.binary(self.op.binary(), before, term))
    }

    /// Whether the carried value goes into `v`.
    fn on_chain(&self, v: Value) -> bool {
        v == self.param
            || self.body.ops.iter().find(|node| node.results.contains(&v)).is_some_and(|node| {
                let mut found = false;
                node.op.for_each_operand(|v| found |= self.on_chain(v));
                found
            })
    }
}

/// What adds nothing.
fn identity(op: Reduction, elem: Elem) -> u64 {
    let top = 1 << (elem.bits() - 1);
    match op {
        Reduction::Add | Reduction::Or | Reduction::Xor => 0,
        Reduction::And => elem.mask(),
        Reduction::Min => {
            if elem.signed() {
                top - 1
            } else {
                elem.mask()
            }
        }
        Reduction::Max => {
            if elem.signed() {
                top
            } else {
                0
            }
        }
    }
}
