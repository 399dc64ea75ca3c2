//! Splits loops into batches: what does not depend on the iteration before is done for all iterations at once, sums over
//! iterations become reductions, and only what is carried from one iteration to the next stays a loop.
//!
//! Loops are taken innermost first, so that a nest of independent loops becomes one operation over all its axes. `Each` is
//! a loop whose iterations fill the rows of its results.

mod access;
mod lift;
mod roles;
mod split;
mod together;
mod weight;

use motet_program::data::Type;
use motet_program::ir::{Block, Node, Op, Program, Value};

pub(crate) use self::lift::{Lifted, Lifter};
pub(crate) use self::roles::acts;

use self::lift::is_quiet;
use self::split::{Loop, split};
use super::build::Scope;
use super::rewrite::{Output, Rewrite, rewrite};

/// Most bits that both sides of a public branch in a loop may compute for the branch to become a selection.
const FEW: u64 = 256;

/// Rewrites loops as operations over their iterations.
pub fn vectorise(program: &Program) -> Program {
    rewrite(program, Vectorise { out: Output::of(program) })
}

struct Vectorise {
    out: Output,
}

impl Rewrite for Vectorise {
    fn output(&mut self) -> &mut Output {
        &mut self.out
    }

    fn node(&mut self, node: &Node) {
        match &node.op {
            Op::Loop { from, to, init, body } => {
                let (from, to) = (self.out.get(*from), self.out.get(*to));
                let init: Vec<Value> = init.iter().map(|v| self.out.get(*v)).collect();
                let tys: Vec<Type> = init.iter().map(|v| self.out.b.ty(*v).clone()).collect();
                let params = self.out.b.open_loop(from, to, tys);
                let body = self.block(body, params);
                self.split(node, Loop { from, to, init, body });
            }
            Op::Each { count, body } => self.each(node, *count, body),
            Op::If { cond, then, otherwise } => self.branch(node, *cond, then, otherwise),
            _ => self.copy(node),
        }
    }
}

impl Vectorise {
    fn split(&mut self, node: &Node, l: Loop) {
        self.out.b.site = node.site;
        let results = split(&mut self.out.b, l);
        node.results.iter().zip(results).for_each(|(r, v)| self.out.set(*r, v));
    }

    /// Independent iterations, as a loop that fills the rows of its results.
    fn each(&mut self, node: &Node, count: u64, body: &Block) {
        let tys: Vec<Type> = node.results.iter().map(|r| self.out.ty(*r).clone()).collect();
        self.out.b.site = node.site;
        let init: Vec<Value> = tys.iter().map(|ty| self.out.b.constant(0, ty.clone())).collect();
        let (from, to) = (self.out.b.int(0), self.out.b.int(count as i64));
        let params = self.out.b.open_loop(from, to, tys);
        self.out.set(body.params[0], params[0]);
        let rows = self.inline(body);
        let b = &mut self.out.b;
        b.site = node.site;
        let mut filled = Vec::with_capacity(rows.len());
        for (row, tensor) in rows.into_iter().zip(&params[1..]) {
            let shape = [&[1], b.shape(row).as_slice()].concat();
            let part = b.reshape(row, shape);
            let zero = b.int(0);
            let mut starts = vec![zero; b.shape(*tensor).len()];
            starts[0] = params[0];
            // As it stands: a later row is no part of this one.
            let ty = b.ty(*tensor).clone();
            filled.push(b.push(Op::Update { base: *tensor, part, starts }, ty));
        }
        let body = b.close(filled);
        self.split(node, Loop { from, to, init, body });
    }

    /// A public branch whose condition changes from iteration to iteration: a selection, where both sides cost little and
    /// can do nothing but give their values, so that the loop around it can be split.
    fn branch(&mut self, node: &Node, cond: Value, then: &Block, otherwise: &Block) {
        let cond = self.out.get(cond);
        let b = &mut self.out.b;
        b.open(Scope::Branch, []);
        let left = self.block(then, Vec::new());
        self.out.b.open(Scope::Branch, []);
        let right = self.block(otherwise, Vec::new());
        let b = &mut self.out.b;
        b.site = node.site;
        let few = weight::total_bits(b, &left).saturating_add(weight::total_bits(b, &right)) <= FEW;
        let inside = b.depth() > 1 && b.is_innermost(cond);
        if !(inside && few && is_quiet(b, &left) && is_quiet(b, &right)) {
            let tys: Vec<Type> = node.results.iter().map(|r| self.out.ty(*r).clone()).collect();
            let results = self.out.b.push_many(Op::If { cond, then: left, otherwise: right }, tys);
            return node.results.iter().zip(results).for_each(|(r, v)| self.out.set(*r, v));
        }
        let left = self.inline(then);
        let right = self.inline(otherwise);
        let b = &mut self.out.b;
        b.site = node.site;
        for ((result, a), c) in node.results.iter().zip(left).zip(right) {
            let new = self.out.b.select(cond, a, c);
            self.out.set(*result, new);
        }
    }
}
