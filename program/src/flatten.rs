//! A program as one flat circuit, for export to other tools: every loop unrolled, every parameter an input.

use std::collections::HashMap;

use motet_circuits::{Bit, Builder, Circuit, Instr, Output, Template};
use thiserror::Error;

use crate::clear::{self, ClearError, structural};
use crate::data::{Tensor, Type};
use crate::ir::{Node, Op, Program, Value};
use crate::plan::scalar::constant;
use crate::plan::{Kernel, KernelInput, Plan, PlanError, Planned, Reduce, Step, plan_as_one};

/// Most ANDs (and input bits) of a flat circuit.
pub const MAX_ANDS: usize = 20_000_000;

/// A program as one circuit.
#[derive(Clone, Debug)]
pub struct Flat {
    /// The circuit. Inputs are the parameters' leaves in order, each element lowest bit first; outputs the result's.
    pub circuit: Circuit,
    /// Bits of each leaf of the parameters, in order.
    pub inputs: Vec<u64>,
    /// Bits of each leaf of the result, in order.
    pub outputs: Vec<u64>,
}

/// Why a program is not one circuit.
#[derive(Debug, Error)]
pub enum FlatError {
    /// It has no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What it does depends on values known only when running.
    #[error("the program is not one circuit: {0}")]
    NotOne(&'static str),
    /// It fails whatever the inputs are.
    #[error("the program fails whatever its inputs are: {0}")]
    Fails(#[from] ClearError),
    /// Too large.
    #[error("the flat circuit would have more than {MAX_ANDS} ANDs; the compiled program keeps its loops and batches")]
    TooLarge,
}

/// Flattens a program.
///
/// # Errors
/// Where bounds, branches or indices are known only when running, where it reveals values in the middle, or where the
/// circuit would be too large.
pub fn flatten(program: &Program) -> Result<Flat, FlatError> {
    let plan = plan_as_one(program)?;
    let leaves: Vec<Vec<Type>> = program.params.iter().map(|p| p.ty.leaves()).collect();
    let inputs: Vec<u64> = leaves.iter().flatten().map(bits).collect();
    let total: u64 = inputs.iter().fold(0, |n, b| n.saturating_add(*b));
    if total > MAX_ANDS as u64 {
        return Err(FlatError::TooLarge);
    }
    let first = leaves
        .iter()
        .scan(0, |at, types| {
            let firsts: Vec<u64> = types
                .iter()
                .map(|t| {
                    *at += bits(t);
                    *at - bits(t)
                })
                .collect();
            Some(firsts)
        })
        .collect();
    let types: Vec<Type> = program.values.iter().chain(&plan.extra).cloned().collect();
    let mut flatten = Flatten {
        program,
        plan: &plan,
        types,
        first,
        builder: Builder::new(total as u32),
        elements: Vec::new(),
        clear: HashMap::new(),
        shared: HashMap::new(),
        outputs: Vec::new(),
    };
    flatten.steps(&plan.steps)?;
    let outputs = flatten.outputs.iter().map(|bits| bits.len() as u64).collect();
    let out = flatten.outputs.concat();
    Ok(Flat { circuit: flatten.builder.finish(out), inputs, outputs })
}

fn bits(ty: &Type) -> u64 {
    ty.count().saturating_mul(u64::from(ty.elem.bits()))
}

struct Flatten<'a> {
    program: &'a Program,
    plan: &'a Plan,
    types: Vec<Type>,
    /// First input bit of each parameter's leaves.
    first: Vec<Vec<u64>>,
    builder: Builder,
    /// The bits of every element made so far.
    elements: Vec<Vec<Bit>>,
    clear: HashMap<Value, Tensor>,
    /// Tensors whose words are indices into `elements`: structural operations move them like any words.
    shared: HashMap<Value, Tensor>,
    outputs: Vec<Vec<Bit>>,
}

const RUN_TIME: FlatError = FlatError::NotOne("a bound, branch or index is known only when it runs");

impl Flatten<'_> {
    fn ty(&self, v: Value) -> &Type {
        &self.types[v.0 as usize]
    }

    fn scalar(&self, v: Value) -> Result<i64, FlatError> {
        self.clear.get(&v).map(|t| t.data[0] as i64).ok_or(RUN_TIME)
    }

    fn element(&mut self, bits: Vec<Bit>) -> u64 {
        self.elements.push(bits);
        self.elements.len() as u64 - 1
    }

    fn steps(&mut self, steps: &[Planned]) -> Result<(), FlatError> {
        for planned in steps {
            self.step(&planned.step)?;
            if self.builder.and_count() > MAX_ANDS {
                return Err(FlatError::TooLarge);
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), FlatError> {
        match step {
            Step::Clear(Node { op: Op::Input { param, leaf }, results, .. }) => {
                self.input(results[0], self.first[*param as usize][*leaf as usize]);
            }
            Step::Clear(Node { op: Op::RandomPublic(_), .. }) => {
                return Err(FlatError::NotOne("it draws public random numbers"));
            }
            Step::Clear(node) => {
                let mut known = true;
                node.op.for_each_operand(|v| known &= self.clear.contains_key(&v));
                if !known {
                    return Err(RUN_TIME);
                }
                let values = &self.clear;
                let results = clear::evaluate(self.program, &self.types, node, &|v| &values[&v], &mut || 0)?;
                self.clear.extend(node.results.iter().copied().zip(results));
            }
            Step::Triangular(sums) => {
                let x = self.clear.get(&sums.input.value).ok_or(RUN_TIME)?;
                let made = clear::triangular(x, sums, &self.types[sums.result.0 as usize]);
                self.clear.insert(sums.result, made);
            }
            Step::Structural(node) => {
                let mut known = true;
                node.op.for_each_operand(|v| known &= self.shared.contains_key(&v) || self.clear.contains_key(&v));
                if !known {
                    return Err(RUN_TIME);
                }
                let (shared, clear) = (&self.shared, &self.clear);
                let get = |v| shared.get(&v).unwrap_or_else(|| &clear[&v]);
                let results = clear::evaluate(self.program, &self.types, node, &get, &mut || 0)?;
                self.shared.extend(node.results.iter().copied().zip(results));
            }
            Step::Share(v) => self.share(*v),
            Step::Kernel(kernel) => self.kernel(kernel),
            Step::Mask(_) | Step::Open { .. } | Step::Product(_) | Step::Halves { .. } | Step::Choose(_) => {
                return Err(FlatError::NotOne("its products are on arithmetic shares"));
            }
            Step::Reveal { .. } => return Err(FlatError::NotOne("it reveals values in the middle")),
            Step::Output { value, .. } => {
                self.share(*value);
                let words = self.shared[value].data.clone();
                self.outputs.push(words.iter().flat_map(|&w| self.elements[w as usize].clone()).collect());
            }
            Step::Loop { from, to, index, carried, body } => {
                let range = self.scalar(*from)?..self.scalar(*to)?;
                let init: Vec<Value> = carried.iter().map(|c| c.init).collect();
                let params: Vec<Value> = carried.iter().map(|c| c.param).collect();
                let yielded: Vec<Value> = carried.iter().map(|c| c.yielded).collect();
                let results: Vec<Value> = carried.iter().map(|c| c.result).collect();
                self.hand_over(&init, &results);
                for i in range {
                    self.clear.insert(*index, Tensor { ty: self.ty(*index).clone(), data: vec![i as u64] });
                    self.hand_over(&results, &params);
                    self.steps(body)?;
                    self.hand_over(&yielded, &results);
                }
            }
            Step::If { cond, then, otherwise, results } => {
                let taken = self.scalar(*cond)? == 1;
                self.steps(if taken { then } else { otherwise })?;
                for j in results {
                    self.hand_over(&[if taken { j.then } else { j.otherwise }], &[j.result]);
                }
            }
        }
        Ok(())
    }

    /// Gives values, all at once, to others.
    fn hand_over(&mut self, from: &[Value], to: &[Value]) {
        let taken: Vec<_> = from.iter().map(|v| (self.clear.get(v).cloned(), self.shared.get(v).cloned())).collect();
        for ((clear, shared), to) in taken.into_iter().zip(to) {
            match clear {
                Some(tensor) => self.clear.insert(*to, tensor),
                None => self.clear.remove(to),
            };
            match shared {
                Some(tensor) => self.shared.insert(*to, tensor),
                None => self.shared.remove(to),
            };
        }
    }

    fn input(&mut self, v: Value, first: u64) {
        let (ty, width) = (self.ty(v).clone(), u64::from(self.ty(v).elem.bits()));
        let data = (0..ty.count())
            .map(|i| {
                let at = (first + i * width) as u32;
                let bits = self.builder.inputs(at..at + width as u32);
                self.element(bits)
            })
            .collect();
        self.shared.insert(v, Tensor { ty, data });
    }

    /// A public value's bits as constants.
    fn share(&mut self, v: Value) {
        if self.shared.contains_key(&v) {
            return;
        }
        let Some(tensor) = self.clear.get(&v).cloned() else { return };
        let data = tensor.data.iter().map(|&w| self.element(constant(tensor.ty.elem, w))).collect();
        self.shared.insert(v, Tensor { ty: tensor.ty, data });
    }

    fn bits_at(&self, inputs: &[KernelInput], at: &[u64]) -> Vec<Bit> {
        let mut out = Vec::new();
        for input in inputs {
            let Some(tensor) = self.shared.get(&input.value) else { continue };
            let strides = structural::strides(&tensor.ty.shape);
            let moved = input.walk.iter().zip(at).filter_map(|(w, i)| w.map(|w| (w, *i)));
            let base = moved.map(|(w, i)| (i * w.step) as usize * strides[usize::from(w.axis)]).sum();
            let sizes: Vec<u64> = input.inner.iter().map(|&a| tensor.ty.shape[usize::from(a)]).collect();
            let inner: Vec<usize> = input.inner.iter().map(|&a| strides[usize::from(a)]).collect();
            structural::for_each_offset(&sizes, &inner, base, &mut |offset| {
                out.extend(&self.elements[tensor.data[offset] as usize]);
            });
        }
        out
    }

    fn kernel(&mut self, kernel: &Kernel) {
        let inputs = kernel.inputs.iter().chain(kernel.reduce.iter().flat_map(|r| &r.finish));
        inputs.for_each(|input| self.share(input.value));
        let mut made: Vec<Vec<u64>> = vec![Vec::new(); kernel.outputs.len()];
        for at in points(&kernel.shape) {
            let bits = match &kernel.reduce {
                None => self.bits_at(&kernel.inputs, &at),
                Some(reduce) => self.reduced(kernel, reduce, &at),
            };
            let bits = self.apply(kernel.template, &bits);
            let mut bits = bits.into_iter();
            for (out, words) in kernel.outputs.iter().zip(&mut made) {
                let width = self.ty(out.value).elem.bits() as usize;
                for _ in 0..out.inner {
                    let element = bits.by_ref().take(width).collect();
                    words.push(self.element(element));
                }
            }
            if self.builder.and_count() > MAX_ANDS {
                return;
            }
        }
        for (out, data) in kernel.outputs.iter().zip(made) {
            self.shared.insert(out.value, Tensor { ty: self.ty(out.value).clone(), data });
        }
    }

    /// The finishing template's input: the accumulator after every index, one after another.
    fn reduced(&mut self, kernel: &Kernel, reduce: &Reduce, at: &[u64]) -> Vec<Bit> {
        let mut acc: Vec<Bit> = reduce.start.iter().map(|bit| if *bit { Bit::TRUE } else { Bit::FALSE }).collect();
        for index in points(&reduce.extents) {
            let mut bits = self.bits_at(&kernel.inputs, &[at, &index].concat());
            bits.extend(acc);
            acc = self.apply(reduce.step, &bits);
        }
        let mut bits = self.bits_at(&reduce.finish, at);
        bits.extend(acc);
        bits
    }

    fn apply(&mut self, template: u32, inputs: &[Bit]) -> Vec<Bit> {
        let template: &Template = &self.plan.templates[template as usize];
        let mut slots = inputs.to_vec();
        slots.resize(template.slots as usize, Bit::FALSE);
        let flip = |bit: Bit, invert: bool| if invert { !bit } else { bit };
        for instr in &template.code {
            match *instr {
                Instr::Xor { dst, a, b, invert } => {
                    let sum = self.builder.xor(slots[a as usize], slots[b as usize]);
                    slots[dst as usize] = flip(sum, invert);
                }
                Instr::And { dst, a, b, invert_a, invert_b, .. } => {
                    let (x, y) = (flip(slots[a as usize], invert_a), flip(slots[b as usize], invert_b));
                    slots[dst as usize] = self.builder.and(x, y);
                }
            }
        }
        let output = |out: &Output| match *out {
            Output::Slot { slot, invert } => flip(slots[slot as usize], invert),
            Output::Const(bit) => {
                if bit {
                    Bit::TRUE
                } else {
                    Bit::FALSE
                }
            }
        };
        template.outputs.iter().map(output).collect()
    }
}

/// The points of a shape, row-major.
fn points(shape: &[u64]) -> impl Iterator<Item = Vec<u64>> + use<> {
    let shape = shape.to_vec();
    let count = shape.iter().fold(1u64, |n, d| n.saturating_mul(*d));
    (0..count).map(move |mut flat| {
        let mut point = vec![0; shape.len()];
        for (axis, n) in shape.iter().enumerate().rev() {
            point[axis] = flat % n;
            flat /= n;
        }
        point
    })
}
