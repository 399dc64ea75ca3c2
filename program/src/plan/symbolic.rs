//! Steps of a plan, executed on the bits of a circuit under construction: loops unrolled, batches taken one by one.

use std::collections::HashMap;
use std::ops::Range;

use motet_circuits::{Bit, Builder, Instr, Output, Template};

use super::scalar::constant;
use super::{Kernel, KernelInput, Planned, Reduce, Step};
use crate::clear::{self, ClearError, structural};
use crate::data::{Tensor, Type};
use crate::ir::{Node, Op, Program, Value};

/// Why steps are not one circuit.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// What they do depends on values known only when running.
    NotOne(&'static str),
    /// They fail whatever the inputs are.
    Fails(ClearError),
    /// Too large.
    TooLarge,
}

impl From<ClearError> for Obstacle {
    fn from(error: ClearError) -> Self {
        Obstacle::Fails(error)
    }
}

/// What is needed is not known yet.
pub(crate) const RUN_TIME: Obstacle = Obstacle::NotOne("a bound, branch or index is known only when it runs");

/// An execution.
pub(crate) struct Symbolic<'a> {
    program: &'a Program,
    templates: &'a [Template],
    types: &'a [Type],
    /// The circuit so far.
    pub builder: Builder,
    /// Most ANDs that it may have.
    most_ands: usize,
    /// The bits of every element made so far.
    elements: Vec<Vec<Bit>>,
    /// Values that are known.
    pub clear: HashMap<Value, Tensor>,
    /// Tensors whose words are indices into `elements`: structural operations move them like any words.
    shared: HashMap<Value, Tensor>,
}

impl<'a> Symbolic<'a> {
    /// An execution in which nothing is known yet. `types` are those of all values.
    pub fn new(
        program: &'a Program,
        templates: &'a [Template],
        types: &'a [Type],
        builder: Builder,
        most_ands: usize,
    ) -> Self {
        let (elements, clear, shared) = (Vec::new(), HashMap::new(), HashMap::new());
        Symbolic { program, templates, types, builder, most_ands, elements, clear, shared }
    }

    /// A value's type.
    pub fn ty(&self, v: Value) -> &Type {
        &self.types[v.0 as usize]
    }

    fn scalar(&self, v: Value) -> Result<i64, Obstacle> {
        self.clear.get(&v).map(|t| t.data[0] as i64).ok_or(RUN_TIME)
    }

    fn element(&mut self, bits: Vec<Bit>) -> u64 {
        self.elements.push(bits);
        self.elements.len() as u64 - 1
    }

    /// Executes steps.
    ///
    /// # Errors
    /// As `step`.
    pub fn steps(&mut self, steps: &[Planned]) -> Result<(), Obstacle> {
        for planned in steps {
            self.step(&planned.step)?;
        }
        Ok(())
    }

    /// Executes a step.
    ///
    /// # Errors
    /// What it does is known only when running, or is too large.
    pub fn step(&mut self, step: &Step) -> Result<(), Obstacle> {
        match step {
            Step::Clear(Node { op: Op::Input { .. }, .. }) | Step::Output { .. } => return Err(RUN_TIME),
            Step::Clear(Node { op: Op::RandomPublic(_), .. }) => {
                return Err(Obstacle::NotOne("it draws public random numbers"));
            }
            Step::Clear(node) => {
                let mut known = true;
                node.op.for_each_operand(|v| known &= self.clear.contains_key(&v));
                if !known {
                    return Err(RUN_TIME);
                }
                let values = &self.clear;
                let results = clear::evaluate(self.program, self.types, node, &|v| &values[&v], &mut || 0)?;
                node.results.iter().copied().zip(results).for_each(|(v, tensor)| self.define(v, tensor));
            }
            Step::Triangular(sums) => {
                let x = self.clear.get(&sums.input.value).ok_or(RUN_TIME)?;
                let made = clear::triangular(x, sums, &self.types[sums.result.0 as usize]);
                self.define(sums.result, made);
            }
            Step::Structural(node) => {
                node.op.for_each_data_operand(|v| self.share(v));
                let mut known = true;
                node.op.for_each_operand(|v| known &= self.shared.contains_key(&v) || self.clear.contains_key(&v));
                if !known {
                    return Err(RUN_TIME);
                }
                let (shared, clear) = (&self.shared, &self.clear);
                let get = |v| shared.get(&v).unwrap_or_else(|| &clear[&v]);
                let results = clear::evaluate(self.program, self.types, node, &get, &mut || 0)?;
                self.shared.extend(node.results.iter().copied().zip(results));
            }
            Step::Share(v) => self.share(*v),
            Step::Kernel(kernel) => self.kernel(kernel),
            Step::Mask(_) | Step::Open { .. } | Step::Product(_) | Step::Halves { .. } | Step::Choose(_) => {
                return Err(Obstacle::NotOne("its products are on arithmetic shares"));
            }
            Step::Reveal { .. } => return Err(Obstacle::NotOne("it reveals values in the middle")),
            Step::Loop { from, to, index, carried, body } => {
                let range = self.scalar(*from)?..self.scalar(*to)?;
                let init: Vec<Value> = carried.iter().map(|c| c.init).collect();
                let params: Vec<Value> = carried.iter().map(|c| c.param).collect();
                let yielded: Vec<Value> = carried.iter().map(|c| c.yielded).collect();
                let results: Vec<Value> = carried.iter().map(|c| c.result).collect();
                self.hand_over(&init, &results);
                for i in range {
                    self.define(*index, Tensor { ty: self.ty(*index).clone(), data: vec![i as u64] });
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
        if self.builder.and_count() > self.most_ands { Err(Obstacle::TooLarge) } else { Ok(()) }
    }

    /// Defines a value that is known, perhaps again: in a loop's next iteration its bits are others.
    fn define(&mut self, v: Value, tensor: Tensor) {
        self.shared.remove(&v);
        self.clear.insert(v, tensor);
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

    /// Has a value's bits be inputs of the circuit.
    pub fn input(&mut self, v: Value, bits: Range<u32>) {
        let ty = self.ty(v).clone();
        let bits = self.builder.inputs(bits);
        let data = bits.chunks(ty.elem.bits() as usize).map(|bits| self.element(bits.to_vec())).collect();
        self.shared.insert(v, Tensor { ty, data });
    }

    /// The bits of a value, element after element, if it has been made.
    pub fn bits(&mut self, v: Value) -> Option<Vec<Bit>> {
        self.share(v);
        let words = &self.shared.get(&v)?.data;
        Some(words.iter().flat_map(|word| self.elements[*word as usize].iter().copied()).collect())
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
            if self.builder.and_count() > self.most_ands {
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
        let template: &Template = &self.templates[template as usize];
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
