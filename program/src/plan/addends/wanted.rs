//! Which values are wanted as addends: those that lead to a product by sums, renamings, selections and rescaling.

use std::collections::HashSet;

use crate::data::Elem;
use crate::ir::{Binary, Block, Constant, Node, Op, Program, Reduction, Unary, Value};
use crate::place::Place;

/// The values that are wanted as addends.
#[derive(Default)]
pub(in crate::plan) struct Wanted {
    values: HashSet<Value>,
    /// Signed values that are zero in every element.
    zeros: HashSet<Value>,
}

impl Wanted {
    /// Those of a program.
    pub fn of(program: &Program, places: &[Place]) -> Wanted {
        let mut search = Search { program, places, found: Wanted::default() };
        search.zeros(&program.body);
        // What a loop's parameters want its body must yield: each round follows that once more.
        loop {
            let before = search.found.values.len();
            search.block(&program.body);
            if search.found.values.len() == before {
                return search.found;
            }
        }
    }

    /// Whether a value is wanted.
    pub fn has(&self, v: Value) -> bool {
        self.values.contains(&v)
    }

    /// Whether a signed value is known to be zero in every element.
    pub fn zero(&self, v: Value) -> bool {
        self.zeros.contains(&v)
    }

    /// What a maximum with zero is taken of: the operand of a ReLU.
    pub fn rectified(&self, op: &Op) -> Option<Value> {
        match op {
            Op::Binary(Binary::Max, x, zero) | Op::Binary(Binary::Max, zero, x) if self.zeros.contains(zero) => {
                Some(*x)
            }
            _ => None,
        }
    }

    /// What is compared: `0 < x`.
    pub fn positive(&self, op: &Op) -> Option<Value> {
        match op {
            Op::Binary(Binary::Lt, zero, x) if self.zeros.contains(zero) => Some(*x),
            _ => None,
        }
    }

    /// The operands that an operation on addends takes as addends; none where it is not done on addends.
    pub fn operands(&self, op: &Op, places: &[Place]) -> Vec<Value> {
        let public = |v: &Value| places[v.0 as usize] == Place::Public;
        match op {
            Op::Reshape(v) | Op::Broadcast(v) | Op::Transpose(v, _) | Op::Slice(v, _) | Op::Gather(v, _) => vec![*v],
            Op::Update { base, part, .. } => vec![*base, *part],
            Op::Concat(vs, _) => vs.clone(),
            Op::Pad { value, fill, .. } => vec![*value, *fill],
            Op::Unary(Unary::Neg, v) | Op::Reduce(Reduction::Add, v, _) => vec![*v],
            Op::Binary(Binary::Add | Binary::Sub, x, y) | Op::Select(_, x, y) => vec![*x, *y],
            Op::Binary(Binary::Mul, x, y) if public(x) != public(y) => vec![if public(x) { *y } else { *x }],
            op => self.rectified(op).into_iter().collect(),
        }
    }
}

/// Whether numbers of the type are taken apart into addends.
pub(in crate::plan) fn on_ring(elem: Elem) -> bool {
    matches!(elem, Elem::Uint(_) | Elem::Sint(_) | Elem::Fix { .. }) && elem.bits() > 1
}

struct Search<'a> {
    program: &'a Program,
    places: &'a [Place],
    found: Wanted,
}

impl Search<'_> {
    fn zeros(&mut self, block: &Block) {
        for node in &block.ops {
            let zero = match &node.op {
                Op::Const(Constant::Splat(0)) => true,
                Op::Broadcast(v) | Op::Reshape(v) => self.found.zeros.contains(v),
                _ => false,
            };
            let signed = node.results.iter().all(|r| self.program.elem(*r).signed());
            if zero && signed {
                self.found.zeros.extend(&node.results);
            }
            node.op.blocks().into_iter().for_each(|inner| self.zeros(inner));
        }
    }

    fn want(&mut self, v: Value) {
        if self.places[v.0 as usize] == Place::Shared && on_ring(self.program.elem(v)) {
            self.found.values.insert(v);
        }
    }

    fn block(&mut self, block: &Block) {
        for node in block.ops.iter().rev() {
            self.node(node);
        }
    }

    fn node(&mut self, node: &Node) {
        match &node.op {
            Op::Loop { init, body, .. } => {
                self.block(body);
                for ((start, param), yielded) in init.iter().zip(&body.params[1..]).zip(&body.results) {
                    if self.found.has(*param) {
                        self.want(*start);
                        self.want(*yielded);
                    }
                }
            }
            Op::If { then, otherwise, .. } => {
                self.block(then);
                self.block(otherwise);
            }
            Op::MatMul(x, y) | Op::Conv2d(x, y, _) => {
                // One that a party computes alone reads nothing shared.
                self.want(*x);
                self.want(*y);
            }
            op if node.results.iter().any(|r| self.found.has(*r)) => {
                for v in self.found.operands(op, self.places) {
                    self.want(v);
                }
            }
            _ => {}
        }
    }
}
