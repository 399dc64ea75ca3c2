//! An ideal executor: a plan's steps on plain tensors, kernels instance by instance through their templates; what `last`
//! says is freed.

use std::collections::HashMap;

use motet_program::clear;
use motet_program::data::{Elem, Shape, Tensor, Type};
use motet_program::ir::{Node, Op, Program, Value};
use motet_program::plan::{Kernel, KernelInput, Plan, Planned, Product, Step};

/// Runs a plan on plain tensors.
pub struct Ideal<'a> {
    program: &'a Program,
    plan: &'a Plan,
    inputs: &'a [Vec<Tensor>],
    types: Vec<Type>,
    values: HashMap<Value, Tensor>,
    outputs: Vec<Tensor>,
}

impl Ideal<'_> {
    /// The results. What is not freed in the end is a panic.
    pub fn run(program: &Program, plan: &Plan, inputs: &[Vec<Tensor>]) -> Vec<Tensor> {
        let types = program.values.iter().chain(&plan.extra).cloned().collect();
        let mut ideal = Ideal { program, plan, inputs, types, values: HashMap::new(), outputs: Vec::new() };
        ideal.steps(&plan.steps);
        assert!(ideal.values.is_empty(), "never freed: {:?}", ideal.values.keys());
        ideal.outputs
    }

    fn steps(&mut self, steps: &[Planned]) {
        for planned in steps {
            self.step(&planned.step);
            planned.last.iter().for_each(|v| {
                self.values.remove(v).unwrap_or_else(|| panic!("{v:?} is freed twice"));
            });
        }
    }

    /// The garbler's addend is that of the products of what it knows, the evaluator's what is missing from the whole.
    fn product(&mut self, product: &Product) {
        let ty = |v: Value| {
            let ty = &self.types[v.0 as usize];
            Type { elem: Elem::Uint(ty.elem.bits() as u8), shape: ty.shape.clone() }
        };
        let (Op::MatMul(x, y) | Op::Conv2d(x, y, _)) = product.node.op else { panic!("a product") };
        let out = ty(product.result[0]);
        let whole = |parts: [Vec<Value>; 2]| {
            let sum = |values: &[Value], ty: Type| {
                let mut data = vec![0u64; ty.count() as usize];
                for v in values {
                    data.iter_mut().zip(&self.values[v].data).for_each(|(to, word)| *to = to.wrapping_add(*word));
                }
                data.iter_mut().for_each(|word| *word &= ty.elem.mask());
                Tensor { ty, data }
            };
            let (x, y) = (sum(&parts[0], ty(x)), sum(&parts[1], ty(y)));
            match product.node.op {
                Op::Conv2d(_, _, geometry) => clear::conv2d(&x, &y, &geometry, &out),
                _ => clear::matmul(&x, &y, &out),
            }
        };
        let garbler = whole(product.factors.map(|f| f.known(true).into_iter().collect()));
        let mut rest = whole(product.factors.map(|f| f.values().collect()));
        rest.data.iter_mut().zip(&garbler.data).for_each(|(to, word)| *to = to.wrapping_sub(*word) & out.elem.mask());
        for (v, made) in product.result.into_iter().zip([garbler, rest]) {
            let ty = self.types[v.0 as usize].clone();
            self.values.insert(v, Tensor { ty, data: made.data });
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Clear(Node { op: Op::Input { param, leaf }, results, .. }) => {
                self.values.insert(results[0], self.inputs[*param as usize][*leaf as usize].clone());
            }
            Step::Clear(node) | Step::Structural(node) => {
                let values = &self.values;
                let results = clear::evaluate(self.program, &self.types, node, &|v| &values[&v], &mut || 0).unwrap();
                self.values.extend(node.results.iter().copied().zip(results));
            }
            Step::Triangular(sums) => {
                let made =
                    clear::triangular(&self.values[&sums.input.value], sums, &self.types[sums.result.0 as usize]);
                self.values.insert(sums.result, made);
            }
            Step::Mask(v) => {
                let ty = self.types[v.0 as usize].clone();
                // Any value does: the results must not depend on it.
                let data = (0..ty.count()).map(|i| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) & ty.elem.mask());
                self.values.insert(*v, Tensor { data: data.collect(), ty });
            }
            Step::Open { value, result, .. } => {
                self.values.insert(*result, self.values[value].clone());
            }
            Step::Product(product) => self.product(product),
            Step::Halves { value, halves } => {
                // Any half does.
                let bits = self.values[value].clone();
                let mine = Tensor { data: (0..bits.ty.count()).map(|i| i * i % 3 % 2).collect(), ty: bits.ty.clone() };
                let theirs = bits.data.iter().zip(&mine.data).map(|(bit, half)| bit ^ half).collect();
                self.values.insert(halves[0], mine);
                self.values.insert(halves[1], Tensor { data: theirs, ty: bits.ty });
            }
            Step::Choose(choose) => {
                let (bits, numbers) = (&self.values[&choose.bits], &self.values[&choose.numbers]);
                let mask = numbers.ty.elem.mask();
                assert!(numbers.data.iter().all(|n| n.trailing_zeros() >= u32::from(choose.low)));
                // The same here: any addend does, as long as both sum to the product.
                let mine: Vec<u64> =
                    (0..numbers.ty.count()).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask).collect();
                let products = bits.data.iter().zip(&numbers.data).map(|(bit, n)| bit * n);
                let theirs = products.zip(&mine).map(|(n, mine)| n.wrapping_sub(*mine) & mask).collect();
                let ty = numbers.ty.clone();
                self.values.insert(choose.result[0], Tensor { ty: ty.clone(), data: mine });
                self.values.insert(choose.result[1], Tensor { ty, data: theirs });
            }
            Step::Share(v) => assert!(self.values.contains_key(v)),
            Step::Reveal { value, result } => {
                self.values.insert(*result, self.values[value].clone());
            }
            Step::Output { index, value, .. } => {
                assert_eq!(*index as usize, self.outputs.len());
                self.outputs.push(self.values[value].clone());
            }
            Step::Kernel(kernel) => self.kernel(kernel),
            Step::Loop { from, to, index, carried, body } => {
                let bound = |v: &Value| self.values[v].data[0] as i64;
                let range = bound(from)..bound(to);
                let mut now: Vec<Tensor> = carried.iter().map(|c| self.values[&c.init].clone()).collect();
                for i in range {
                    self.values.insert(*index, Tensor { ty: Type::scalar(Elem::Int), data: vec![i as u64] });
                    self.values.extend(carried.iter().map(|c| c.param).zip(now));
                    self.steps(body);
                    now = carried.iter().map(|c| self.values[&c.yielded].clone()).collect();
                    self.forget(body);
                    carried.iter().map(|c| c.param).chain([*index]).for_each(|v| {
                        self.values.remove(&v);
                    });
                }
                self.values.extend(carried.iter().map(|c| c.result).zip(now));
            }
            Step::If { cond, then, otherwise, results } => {
                let taken = self.values[cond].data[0] == 1;
                let side = if taken { then } else { otherwise };
                self.steps(side);
                for j in results {
                    let value = self.values[if taken { &j.then } else { &j.otherwise }].clone();
                    self.values.insert(j.result, value);
                }
                self.forget(side);
            }
        }
    }

    /// Forgets what a block defined and yielded.
    fn forget(&mut self, block: &[Planned]) {
        block.iter().flat_map(|p| p.step.defines()).for_each(|v| {
            self.values.remove(&v);
        });
    }

    fn bits(&self, input: &KernelInput, at: &[u64]) -> Vec<bool> {
        let tensor = &self.values[&input.value];
        let strides = clear::structural::strides(&tensor.ty.shape);
        let mut base = 0;
        for (walk, i) in input.walk.iter().zip(at) {
            if let Some(w) = walk {
                base += (*i * w.step) as usize * strides[usize::from(w.axis)];
            }
        }
        let sizes: Vec<u64> = input.inner.iter().map(|&a| tensor.ty.shape[usize::from(a)]).collect();
        let inner: Vec<usize> = input.inner.iter().map(|&a| strides[usize::from(a)]).collect();
        let mut out = Vec::new();
        clear::structural::for_each_offset(&sizes, &inner, base, &mut |offset| {
            out.extend((0..tensor.ty.elem.bits()).map(|b| tensor.data[offset] >> b & 1 == 1));
        });
        out
    }

    fn kernel(&mut self, kernel: &Kernel) {
        let templates = &self.plan.templates;
        let mut outputs: Vec<Vec<u64>> = vec![Vec::new(); kernel.outputs.len()];
        for at in points(&kernel.shape) {
            let gather = |inputs: &[KernelInput], at: &[u64]| -> Vec<bool> {
                inputs.iter().flat_map(|i| self.bits(i, at)).collect()
            };
            let bits = match &kernel.reduce {
                None => templates[kernel.template as usize].evaluate(&gather(&kernel.inputs, &at)),
                Some(reduce) => {
                    let all = points(&reduce.extents);
                    let whole = |r: &[u64]| [at.as_slice(), r].concat();
                    let apply = |acc: Vec<bool>, range: std::ops::Range<usize>| {
                        let mut acc = acc;
                        let mut i = range.start;
                        while let Some(wide) = reduce.wide.filter(|w| i + w.factor as usize <= range.end) {
                            let n = wide.factor as usize;
                            let mut bits: Vec<bool> =
                                (i..i + n).flat_map(|r| gather(&kernel.inputs, &whole(&all[r]))).collect();
                            bits.extend(&acc);
                            acc = templates[wide.template as usize].evaluate(&bits);
                            i += n;
                        }
                        for point in &all[i..range.end] {
                            let mut bits = gather(&kernel.inputs, &whole(point));
                            bits.extend(&acc);
                            acc = templates[reduce.step as usize].evaluate(&bits);
                        }
                        acc
                    };
                    let lanes = reduce.lanes as usize;
                    let factor = reduce.wide.map_or(1, |w| w.factor as usize);
                    let n = all.len() / lanes / factor * factor;
                    let mut accs: Vec<Vec<bool>> =
                        (0..lanes).map(|l| apply(reduce.start.clone(), l * n..(l + 1) * n)).collect();
                    accs[0] = apply(accs[0].clone(), lanes * n..all.len());
                    let mut k = lanes;
                    while k > 1 {
                        let h = k / 2;
                        for i in 0..h {
                            let pair = [accs[i].clone(), accs[k - h + i].clone()].concat();
                            accs[i] = templates[reduce.combine as usize].evaluate(&pair);
                        }
                        k -= h;
                    }
                    let mut bits = gather(&reduce.finish, &at);
                    bits.extend(&accs[0]);
                    templates[kernel.template as usize].evaluate(&bits)
                }
            };
            let mut bits = bits.into_iter();
            for (out, words) in kernel.outputs.iter().zip(&mut outputs) {
                let width = self.types[out.value.0 as usize].elem.bits();
                for _ in 0..out.inner {
                    words.push((0..width).fold(0, |w, b| w | u64::from(bits.next().unwrap()) << b));
                }
            }
        }
        for (out, data) in kernel.outputs.iter().zip(outputs) {
            let ty = self.types[out.value.0 as usize].clone();
            assert_eq!(data.len() as u64, ty.count());
            self.values.insert(out.value, Tensor { ty, data });
        }
    }
}

fn points(shape: &Shape) -> Vec<Vec<u64>> {
    shape.iter().fold(vec![Vec::new()], |points, &n| {
        points.iter().flat_map(|p| (0..n).map(move |i| [p.as_slice(), &[i]].concat())).collect()
    })
}
