//! Products on arithmetic shares: what protocol `mixed` does with matrix products and convolutions.
//!
//! A value is a sum mod 2^N of two *addends*, one that the garbler knows and one that the evaluator knows. A private value
//! is one addend alone. A shared value is taken apart: the garbler draws a mask, a circuit subtracts it, and the evaluator
//! sees the difference, which is uniform. Of the bilinear product of two such sums each party computes the products of
//! its own addends; the products of one party's with the other's (the *cross terms*) leave an addend with each. The
//! circuit that follows adds both addends, and rescales: the result is exact.

use std::collections::HashMap;

use motet_circuits::{Bit, Builder, Known, gadgets};
use serde::{Deserialize, Serialize};

use super::group::Group;
use super::kernel::{Inputs, Kernels, bits_of, identity, sorted};
use super::{Kernel, KernelInput, KernelOutput, Step, Way};
use crate::data::{Elem, Type};
use crate::ir::{Node, Op, Value};
use crate::place::Place;

/// A matrix product or convolution of public values and sums of addends, without rescaling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// `MatMul` or `Conv2d`: its operands' types are the factors'.
    pub node: Node,
    /// The operands.
    pub factors: [Factor; 2],
    /// The addends of the result: the garbler's, the evaluator's.
    pub result: [Value; 2],
    /// How each of `cross` is computed.
    pub ways: Vec<Way>,
}

/// An operand of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factor {
    /// Both parties know it.
    Public(Value),
    /// A sum of what the garbler knows and what the evaluator knows; what is absent is zero.
    Addends {
        /// Private to the garbler.
        garbler: Option<Value>,
        /// Private to the evaluator.
        evaluator: Option<Value>,
    },
}

impl Factor {
    /// The values.
    pub fn values(self) -> impl Iterator<Item = Value> {
        let (one, other) = match self {
            Factor::Public(v) => (Some(v), None),
            Factor::Addends { garbler, evaluator } => (garbler, evaluator),
        };
        one.into_iter().chain(other)
    }

    /// What a party knows of it.
    pub fn known(self, to_garbler: bool) -> Option<Value> {
        match self {
            Factor::Public(v) => Some(v),
            Factor::Addends { garbler, evaluator } => {
                if to_garbler {
                    garbler
                } else {
                    evaluator
                }
            }
        }
    }
}

/// A product of the garbler's addend of one factor with the evaluator's of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cross {
    /// The garbler's.
    pub garbler: Value,
    /// The evaluator's.
    pub evaluator: Value,
    /// Whether the evaluator's is the first operand.
    pub evaluator_first: bool,
}

impl Product {
    /// The cross terms, in the order in which they are computed.
    pub fn cross(&self) -> Vec<Cross> {
        let mut found = Vec::new();
        for (mine, theirs) in [(0, 1), (1, 0)] {
            if let (
                Factor::Addends { garbler: Some(garbler), .. },
                Factor::Addends { evaluator: Some(evaluator), .. },
            ) = (self.factors[mine], self.factors[theirs])
            {
                found.push(Cross { garbler, evaluator, evaluator_first: theirs == 0 });
            }
        }
        found
    }

    /// The values that it reads.
    pub fn reads(&self) -> impl Iterator<Item = Value> {
        self.factors.into_iter().flat_map(Factor::values)
    }
}

impl Kernels<'_> {
    /// The steps of a product whose factors are not all known to one party.
    pub(super) fn bridged(&mut self, group: &Group, node: &Node, operands: [Value; 2], wanted: &[Value]) -> Vec<Step> {
        let mut steps = Vec::new();
        let factors = operands.map(|v| self.factor(v, &mut steps));
        let result_type = Type { elem: self.program.elem(node.results[0]), shape: group.result_shape() };
        let evaluator = Place::Private(self.evaluator());
        let result =
            [Place::Private(self.garbler), evaluator].map(|place| self.extra_value(result_type.clone(), place));
        steps.push(Step::Product(Product { node: node.clone(), factors, result, ways: Vec::new() }));
        steps.push(Step::Kernel(self.after_product(group, node, result, wanted)));
        steps
    }

    /// A value as a public one or as addends; a shared one is taken apart, once.
    pub(super) fn factor(&mut self, v: Value, steps: &mut Vec<Step>) -> Factor {
        if let Some([garbler, evaluator]) = self.on_addends.of.get(&v) {
            return Factor::Addends { garbler: *garbler, evaluator: *evaluator };
        }
        match self.place(v) {
            Place::Public => Factor::Public(v),
            Place::Private(party) if party == self.garbler => Factor::Addends { garbler: Some(v), evaluator: None },
            Place::Private(_) => Factor::Addends { garbler: None, evaluator: Some(v) },
            Place::Shared => {
                let elem = Elem::Uint(self.program.elem(v).bits() as u8);
                let ty = Type { elem, shape: self.program.shape(v).clone() };
                let mask = self.extra_value(ty.clone(), Place::Private(self.garbler));
                let masked = self.extra_value(ty.clone(), Place::Shared);
                let shown = self.extra_value(ty.clone(), Place::Private(self.evaluator()));
                steps.push(Step::Mask(mask));
                steps.push(Step::Kernel(self.subtract(&ty, v, mask, masked)));
                steps.push(Step::Open { value: masked, to: self.evaluator(), result: shown });
                self.on_addends.of.insert(v, [Some(mask), Some(shown)]);
                Factor::Addends { garbler: Some(mask), evaluator: Some(shown) }
            }
        }
    }

    fn evaluator(&self) -> crate::ir::Party {
        crate::ir::Party(1 - self.garbler.0)
    }

    fn subtract(&mut self, ty: &Type, from: Value, mask: Value, result: Value) -> Kernel {
        let walk = identity(&(0..ty.shape.len()).collect::<Vec<_>>());
        let input = |value, known| KernelInput { value, known, walk: walk.clone(), inner: Vec::new() };
        let width = ty.elem.bits();
        let mut b = self.builder(2 * width as usize);
        let word = |b: &Builder, first: u32| (first..first + width).map(|i| b.input(i)).collect::<Vec<Bit>>();
        let (x, y) = (word(&b, 0), word(&b, width));
        let difference = gadgets::sub(&mut b, &x, &y);
        let known = [Known::Nobody, Known::Garbler].map(|k| vec![k; width as usize]).concat();
        Kernel {
            shape: ty.shape.clone(),
            inputs: vec![input(from, Known::Nobody), input(mask, Known::Garbler)],
            reduce: None,
            template: self.templates.add(b.finish(difference), known),
            outputs: vec![KernelOutput { value: result, inner: 1 }],
            ands: Vec::new(),
        }
    }

    /// Adds the addends of a product, rescales, and does what follows in the group.
    fn after_product(&mut self, group: &Group, node: &Node, addends: [Value; 2], wanted: &[Value]) -> Kernel {
        let elem = self.program.elem(node.results[0]);
        let width = elem.bits() as usize;
        let along = identity(&(0..group.kept.len()).collect::<Vec<_>>());
        let mut inputs = Inputs::default();
        let [mine, theirs] = [(addends[0], Known::Garbler), (addends[1], Known::Evaluator)].map(|(value, known)| {
            inputs.add(KernelInput { value, known, walk: along.clone(), inner: Vec::new() }, width)
        });
        let sources = self.outside(&group.finish, &[node.results[0]], &along, &[], &mut inputs);
        let mut b = self.builder(inputs.total());
        let words = inputs.words(&b, 0);
        let mut values = bits_of(&sources, &words);
        let [mine, theirs] = [&words[mine], &words[theirs]];
        let scaled = match elem {
            Elem::Fix { frac, .. } => gadgets::rescale_sum_known(&mut b, mine, theirs, usize::from(frac)),
            _ => gadgets::add(&mut b, mine, theirs),
        };
        let mut ands = HashMap::from([(node.site, b.and_count() as u64)]);
        values.insert(node.results[0], scaled);
        self.gates(&mut b, &group.finish, &mut values, &mut ands);
        let out = wanted.iter().flat_map(|v| values[v].clone()).collect();
        Kernel {
            shape: group.result_shape(),
            template: self.templates.add(b.finish(out), inputs.known()),
            inputs: inputs.list,
            reduce: None,
            outputs: self.outputs(wanted),
            ands: sorted(ands),
        }
    }
}

/// The operands of a product.
pub(super) fn operands(op: &Op) -> Option<[Value; 2]> {
    match op {
        Op::MatMul(a, b) | Op::Conv2d(a, b, _) => Some([*a, *b]),
        _ => None,
    }
}
