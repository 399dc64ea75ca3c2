//! Drops what nobody needs: unused operations and carried values, carried values that never change, loops that run once
//! or never. What `Builder` does (constants, equal operations, code that does not depend on its loop) is done again.

use motet_program::ir::{Block, Node, Op, Program, Value};

use super::rewrite::{Output, Rewrite, rewrite};

/// Simplifies a program until nothing is left to drop.
pub fn simplify(program: &Program) -> Program {
    let mut program = pass(program);
    // Each round may leave something to drop for the next; few are needed, and none is for being right.
    for _ in 0..4 {
        let next = pass(&program);
        if next == program {
            break;
        }
        program = next;
    }
    program
}

fn pass(program: &Program) -> Program {
    rewrite(program, Simplify { live: Liveness::of(program), out: Output::of(program) })
}

struct Simplify {
    live: Liveness,
    out: Output,
}

impl Rewrite for Simplify {
    fn output(&mut self) -> &mut Output {
        &mut self.out
    }

    fn node(&mut self, node: &Node) {
        if !self.live.needs(node) {
            return;
        }
        match &node.op {
            Op::Loop { from, to, init, body } => self.looping(node, *from, *to, init, body),
            Op::If { cond, then, otherwise } => self.branch(node, *cond, then, otherwise),
            _ => self.copy(node),
        }
    }
}

impl Simplify {
    fn looping(&mut self, node: &Node, from: Value, to: Value, init: &[Value], body: &Block) {
        let (first, end) = (self.out.get(from), self.out.get(to));
        let known = self.out.b.known(first).zip(self.out.b.known(end));
        match known.map(|(first, end)| i128::from(end) - i128::from(first)) {
            Some(..=0) => {
                return node.results.iter().zip(init).for_each(|(r, v)| {
                    let v = self.out.get(*v);
                    self.out.set(*r, v);
                });
            }
            Some(1) => {
                let values: Vec<Value> = std::iter::once(from).chain(init.iter().copied()).collect();
                let values: Vec<Value> = values.into_iter().map(|v| self.out.get(v)).collect();
                body.params.iter().zip(values).for_each(|(p, v)| self.out.set(*p, v));
                let results = self.inline(body);
                return node.results.iter().zip(results).for_each(|(r, v)| self.out.set(*r, v));
            }
            _ => {}
        }
        let carried = |k: &usize| self.live.has(node.results[*k]) || self.live.has(body.params[k + 1]);
        let (same, kept): (Vec<usize>, Vec<usize>) =
            (0..init.len()).filter(carried).partition(|k| body.results[*k] == body.params[k + 1]);
        for k in same {
            let value = self.out.get(init[k]);
            self.out.set(body.params[k + 1], value);
            self.out.set(node.results[k], value);
        }
        let pick = |vs: &[Value]| kept.iter().map(|k| vs[*k]).collect::<Vec<_>>();
        let body = Block {
            params: std::iter::once(body.params[0]).chain(pick(&body.params[1..])).collect(),
            ops: body.ops.clone(),
            results: pick(&body.results),
        };
        let op = Op::Loop { from, to, init: pick(init), body };
        self.copy(&Node { op, results: pick(&node.results), site: node.site });
    }

    fn branch(&mut self, node: &Node, cond: Value, then: &Block, otherwise: &Block) {
        let value = self.out.get(cond);
        if let Some(holds) = self.out.b.splat(value) {
            let results = self.inline(if holds == 1 { then } else { otherwise });
            return node.results.iter().zip(results).for_each(|(r, v)| self.out.set(*r, v));
        }
        let kept: Vec<usize> = (0..node.results.len()).filter(|k| self.live.has(node.results[*k])).collect();
        let pick = |vs: &[Value]| kept.iter().map(|k| vs[*k]).collect::<Vec<_>>();
        let side = |b: &Block| Block { params: Vec::new(), ops: b.ops.clone(), results: pick(&b.results) };
        let op = Op::If { cond, then: side(then), otherwise: side(otherwise) };
        self.copy(&Node { op, results: pick(&node.results), site: node.site });
    }
}

/// Which values are needed for the results, and for what must happen: reveals, assertions, public randomness.
struct Liveness {
    live: Vec<bool>,
    grew: bool,
}

impl Liveness {
    fn of(program: &Program) -> Self {
        let mut liveness = Liveness { live: vec![false; program.values.len()], grew: true };
        while liveness.grew {
            liveness.grew = false;
            liveness.block(&program.body, |_| true);
        }
        liveness
    }

    fn has(&self, v: Value) -> bool {
        self.live[v.0 as usize]
    }

    fn mark(&mut self, v: Value) {
        self.grew |= !self.has(v);
        self.live[v.0 as usize] = true;
    }

    fn needs(&self, node: &Node) -> bool {
        node.results.iter().any(|r| self.has(*r)) || acts(&node.op)
    }

    fn block(&mut self, block: &Block, result: impl Fn(usize) -> bool) {
        for (k, v) in block.results.iter().enumerate() {
            if result(k) {
                self.mark(*v);
            }
        }
        for node in block.ops.iter().rev() {
            if self.needs(node) {
                self.node(node);
            }
        }
    }

    fn node(&mut self, node: &Node) {
        match &node.op {
            Op::Loop { from, to, init, body } => {
                [*from, *to].into_iter().for_each(|v| self.mark(v));
                for (k, v) in init.iter().enumerate() {
                    if self.has(node.results[k]) || self.has(body.params[k + 1]) {
                        self.mark(*v);
                    }
                }
                let live: Vec<bool> =
                    (0..init.len()).map(|k| self.has(node.results[k]) || self.has(body.params[k + 1])).collect();
                self.block(body, |k| live[k]);
            }
            Op::If { cond, then, otherwise } => {
                self.mark(*cond);
                let live: Vec<bool> = node.results.iter().map(|r| self.has(*r)).collect();
                self.block(then, |k| live[k]);
                self.block(otherwise, |k| live[k]);
            }
            Op::Each { body, .. } => self.block(body, |_| true),
            op => op.for_each_operand(|v| self.mark(v)),
        }
    }
}

/// Whether the operation must happen though nobody uses its value.
fn acts(op: &Op) -> bool {
    matches!(op, Op::Reveal(_) | Op::Assert(_))
        || op.blocks().iter().any(|block| block.ops.iter().any(|node| acts(&node.op)))
}
