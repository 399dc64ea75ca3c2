//! Kernels of matrix products and convolutions: a multiply-accumulate step (or half of one, `triangular`), then rescaling.

use std::collections::HashMap;

use motet_circuits::{Bit, Known, gadgets};

use super::{Group, Inputs, Kernels, Source};
use crate::data::Shape;
use crate::ir::{Node, Op, Program, Reduction, Value};
use crate::plan::{Reduce, Step, Walk};

impl Kernels<'_> {
    /// The kernel of a product, after the steps that it needs.
    pub(super) fn product(&mut self, group: &Group, node: &Node, wanted: &[Value]) -> Vec<Step> {
        let Some(product) = Product::of(self.program, &node.op) else {
            return vec![Step::Kernel(self.map(group, wanted))];
        };
        let operands = &product.operands;
        let elem = self.program.elem(node.results[0]);
        let width = elem.bits() as usize;
        let mut inputs = Inputs::default();
        let sources: Vec<Source> =
            operands.iter().map(|(v, along)| self.operand(&mut inputs, *v, along, &[])).collect();
        let mut b = self.builder(inputs.total() + width);
        let words = inputs.words(&b, 0);
        let bits = |s: &Source| match s {
            Source::Input(i) => words[*i].clone(),
            Source::Constant(bits) => bits.clone(),
        };
        let acc: Vec<Bit> = (0..width).map(|i| b.input((inputs.total() + i) as u32)).collect();
        let (mut x, mut y) = (bits(&sources[0]), bits(&sources[1]));
        // The gadget recodes its first factor where a party knows it.
        let mut known = operands.iter().map(|(v, _)| self.known_through(*v)).collect::<Vec<_>>();
        if rank(known[1]) < rank(known[0]) {
            std::mem::swap(&mut x, &mut y);
            known.swap(0, 1);
        }
        let sum = match known[0] {
            Known::Garbler | Known::Evaluator => gadgets::mul_add_known(&mut b, &x, &y, &acc),
            Known::Public | Known::Nobody => gadgets::mul_add(&mut b, &x, &y, &acc),
        };
        let mut classes = inputs.known();
        classes.extend(std::iter::repeat_n(Known::Nobody, width));
        let direct = (b.finish(sum), classes);
        let triangular = self.triangular(&product, &inputs, &sources, &direct, width);
        let (mut steps, sums) = match &triangular {
            Some(made) => self.triangular_sums(made, &product, elem, node.site),
            None => (Vec::new(), Vec::new()),
        };
        let (circuit, classes) = triangular.map_or(direct, |made| made.step);
        let Product { extents, shape, .. } = product;
        let ands = circuit.and_count() as u64;
        let step = self.templates.add(circuit, classes);
        let repeat: u64 = extents.iter().product();
        let lanes = self.lanes(shape.iter().product(), repeat);
        let reduce = Reduce {
            extents,
            start: vec![false; width],
            step,
            wide: None,
            lanes,
            combine: self.combine(Reduction::Add, elem),
            finish: Vec::new(),
        };
        let counted = HashMap::from([(node.site, ands.saturating_mul(repeat))]);
        let mut kernel = self.finish(group, inputs.list, reduce, elem, wanted, counted, &sums);
        kernel.shape = shape;
        if let Some(reduce) = &mut kernel.reduce {
            let split = kernel.shape.len() - group.shape.len();
            if split > 0 {
                // Grouped channels: the kernel has [N, groups, O / groups, H, W] for the value's [N, O, H, W].
                let per_group = kernel.shape[2];
                let by_value = reduce.finish.len() - sums.len();
                reduce.finish[..by_value].iter_mut().for_each(|input| split_channels(&mut input.walk, per_group));
            }
        }
        steps.push(Step::Kernel(kernel));
        steps
    }
}

/// The operands of a product and how the kernel's axes (instances, then reduction) move along theirs.
pub(super) struct Product {
    operands: [(Value, Vec<Option<Walk>>); 2],
    /// Extents of the reduction.
    pub extents: Shape,
    /// The instances.
    pub shape: Shape,
}

impl Product {
    fn of(program: &Program, op: &Op) -> Option<Product> {
        let axis = |a: usize, step: u64| Some(Walk { axis: a as u8, step });
        match op {
            Op::MatMul(a, b) => {
                let (x, y) = (program.shape(*a), program.shape(*b));
                let lead = x.len() - 2;
                let batch = || (0..lead).map(|k| axis(k, 1));
                Some(Product {
                    operands: [
                        (*a, batch().chain([axis(lead, 1), None, axis(lead + 1, 1)]).collect()),
                        (*b, batch().chain([None, axis(lead + 1, 1), axis(lead, 1)]).collect()),
                    ],
                    extents: vec![x[lead + 1]],
                    shape: [&x[..=lead], &y[lead + 1..]].concat(),
                })
            }
            Op::Conv2d(x, w, g) => {
                let (xs, ws) = (program.shape(*x), program.shape(*w));
                let out = |i: usize| (xs[2 + i] - (ws[2 + i] - 1) * g.dilation[i] - 1) / g.stride[i] + 1;
                let (per_group, [sh, sw], [dh, dw]) = (ws[0] / g.groups, g.stride, g.dilation);
                // Axes: image, [group,] output channel, row, column; then input channel, window row, window column.
                let mut of_x = vec![axis(0, 1), None, axis(2, sh), axis(3, sw), axis(1, 1), axis(2, dh), axis(3, dw)];
                let mut of_w = vec![None, axis(0, 1), None, None, axis(1, 1), axis(2, 1), axis(3, 1)];
                let mut shape = vec![xs[0], per_group, out(0), out(1)];
                if g.groups > 1 {
                    of_x.insert(1, axis(1, ws[1]));
                    of_w.insert(1, axis(0, per_group));
                    shape.insert(1, g.groups);
                }
                Some(Product { operands: [(*x, of_x), (*w, of_w)], extents: ws[1..].to_vec(), shape })
            }
            _ => None,
        }
    }
}

/// Replaces the walk along the channel axis by one for the group and one for the channel within it.
fn split_channels(walk: &mut Vec<Option<Walk>>, per_group: u64) {
    let of_group = walk[1].map(|w| Walk { axis: w.axis, step: w.step * per_group });
    walk.insert(1, of_group);
}

/// Public and one party's values come first.
fn rank(known: Known) -> u8 {
    match known {
        Known::Public => 0,
        Known::Garbler => 1,
        Known::Evaluator => 2,
        Known::Nobody => 3,
    }
}
