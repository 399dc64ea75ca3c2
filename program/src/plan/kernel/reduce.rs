//! Kernels that reduce: steps taken one or several indices at once, lanes, and what finishes them.

use std::collections::HashMap;

use motet_circuits::{Bit, Known, gadgets};

use super::{Group, Head, Inputs, Kernels, bits_of, identity, sorted};
use crate::data::{Elem, Shape};
use crate::ir::{Reduction, Site, Value};
use crate::plan::view::View;
use crate::plan::{Circuits, Kernel, KernelInput, Reduce, Wide, scalar};

/// A reduction that begins with this many ANDs or fewer is taken several indices at once.
const WIDE_ANDS: u64 = 512;
/// Most indices taken at once.
const WIDE_FACTOR: u64 = 32;
/// Instances that fill the engine's batch: a reduction of fewer is split into lanes.
const BATCH: u64 = 128;
/// Fewest reduction indices that a lane is worth.
const LANE: u64 = 16;

/// Most input bits of a template that reduces all indices of an instance by itself, so that its wires stay in cache.
const WHOLE_BITS: u64 = 512;
/// Most ANDs of such a template, about.
const WHOLE_ANDS: u64 = 8192;

impl Kernels<'_> {
    pub(super) fn reduction(&mut self, group: &Group, op: Reduction, value: Value, wanted: &[Value]) -> Kernel {
        if self.fits_at_once(group, value) {
            return self.at_once(group, op, value, wanted);
        }
        let elem = self.program.elem(value);
        let along = identity(&[group.kept.as_slice(), &group.reduced].concat());
        let mut inputs = Inputs::default();
        let mut sources = self.outside(&group.body, &[], &along, &[], &mut inputs);
        if group.body.is_empty() {
            sources.insert(value, self.operand(&mut inputs, value, &along, &[]));
        }
        let extents: Shape = group.reduced.iter().map(|&axis| group.shape[axis]).collect();
        let instances: u64 = group.result_shape().iter().product();
        let mut ands = HashMap::new();
        let step = |factor: u64, ands: &mut HashMap<Site, u64>| {
            let width = elem.bits() as usize;
            let each = inputs.total();
            let mut b = self.builder(each * factor as usize + width);
            let mut words = Vec::new();
            for i in 0..factor as usize {
                let mut values = bits_of(&sources, &inputs.words(&b, i * each));
                self.gates(&mut b, &group.body, &mut values, ands);
                words.push(values[&value].clone());
            }
            let first = each * factor as usize;
            words.push((first..first + width).map(|i| b.input(i as u32)).collect());
            let acc = scalar::reduce(&mut b, op, elem, words);
            let ands = b.and_count() as u64;
            let mut known = inputs.known().repeat(factor as usize);
            known.extend(std::iter::repeat_n(Known::Nobody, width));
            (b.finish(acc), known, ands)
        };
        let (circuit, known, each) = step(1, &mut ands);
        let lanes = self.lanes(instances, extents.iter().product());
        let per_lane = extents.iter().product::<u64>() / lanes;
        let factor = wide_factor(each, per_lane).filter(|_| self.circuits == Circuits::Garbled);
        let wide_circuit = factor.map(|factor| (factor, step(factor, &mut HashMap::new())));
        let step = self.templates.add(circuit, known);
        let wide = wide_circuit
            .map(|(factor, (circuit, known, _))| Wide { factor, template: self.templates.add(circuit, known) });
        let total: u64 = ands.values().sum();
        *ands.entry(group.nodes().next().map_or(Site(0), |n| n.site)).or_default() += each - total.min(each);
        let repeat = extents.iter().product::<u64>();
        ands.values_mut().for_each(|n| *n = n.saturating_mul(repeat));
        let reduce = Reduce {
            extents,
            start: word_bits(elem, scalar::identity(op, elem)),
            step,
            wide,
            lanes,
            combine: self.combine(op, elem),
            finish: Vec::new(),
        };
        self.finish(group, inputs.list, reduce, elem, wanted, ands, &[])
    }

    /// Whether a reduction is small enough for one template, and its operands have all elements that it needs.
    fn fits_at_once(&self, group: &Group, value: Value) -> bool {
        let count = group.reduced.iter().fold(1u64, |n, axis| n.saturating_mul(group.shape[*axis]));
        let mut bits = 0;
        let mut repeated = false;
        let mut operand = |v: Value| {
            bits += u64::from(self.program.elem(v).bits());
            if let View::Of { axes, .. } = self.views.get(self.program, v) {
                repeated |= group.reduced.iter().any(|axis| axes[*axis].is_none());
            }
        };
        if group.body.is_empty() {
            operand(value);
        }
        let made: Vec<Value> = group.body.iter().flat_map(|n| n.results.iter().copied()).collect();
        group.body.iter().for_each(|n| {
            n.op.for_each_operand(|v| {
                if !made.contains(&v) {
                    operand(v)
                }
            })
        });
        let small = |n: u64, most: u64| n.saturating_mul(count) <= most;
        count > 0 && small(bits, WHOLE_BITS) && small(group.weight, WHOLE_ANDS) && !repeated
    }

    /// A reduction all of whose indices stand in an instance: it starts with no identity, and needs no steps.
    fn at_once(&mut self, group: &Group, op: Reduction, value: Value, wanted: &[Value]) -> Kernel {
        let elem = self.program.elem(value);
        let along = identity(&group.kept);
        let inner: Vec<u8> = group.reduced.iter().map(|axis| *axis as u8).collect();
        let count = group.reduced.iter().map(|axis| group.shape[*axis] as usize).product();
        let mut inputs = Inputs::default();
        let mut sources = self.outside(&group.body, &[], &along, &inner, &mut inputs);
        if group.body.is_empty() {
            sources.insert(value, self.operand(&mut inputs, value, &along, &inner));
        }
        let result = group.head_result.unwrap_or(value);
        let after = identity(&(0..group.kept.len()).collect::<Vec<_>>());
        let finishing = self.outside(&group.finish, &[result], &after, &[], &mut inputs);
        let mut b = self.builder(inputs.total());
        let mut ands = HashMap::new();
        let words = inputs.words(&b, 0);
        let all = bits_of(&sources, &words);
        let mut elements = Vec::with_capacity(count);
        for i in 0..count {
            let element = |(v, bits): (&Value, &Vec<Bit>)| {
                let width = bits.len() / count;
                (*v, bits[i * width..(i + 1) * width].to_vec())
            };
            let mut values: HashMap<Value, Vec<Bit>> = all.iter().map(element).collect();
            self.gates(&mut b, &group.body, &mut values, &mut ands);
            elements.push(values[&value].clone());
        }
        let before = b.and_count() as u64;
        let acc = scalar::reduce(&mut b, op, elem, elements);
        *ands.entry(group.nodes().next().map_or(Site(0), |n| n.site)).or_default() += b.and_count() as u64 - before;
        let mut values = bits_of(&finishing, &words);
        values.insert(result, acc);
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

    /// Into how many lanes a reduction is split: garbled, as many as fill a batch; on shared bits, where steps in sequence
    /// cost rounds, into one for each index.
    pub(super) fn lanes(&self, instances: u64, extent: u64) -> u64 {
        match self.circuits {
            Circuits::SharedBits => extent.max(1),
            Circuits::Garbled if instances * 2 > BATCH => 1,
            Circuits::Garbled => (BATCH / instances.max(1)).min(extent / LANE).max(1),
        }
    }

    pub(super) fn combine(&mut self, op: Reduction, elem: Elem) -> u32 {
        let width = elem.bits();
        let mut b = self.builder(2 * width as usize);
        let words = [0, width].map(|first| (first..first + width).map(|i| b.input(i)).collect()).to_vec();
        let acc = scalar::reduce(&mut b, op, elem, words);
        self.templates.add(b.finish(acc), vec![Known::Nobody; 2 * width as usize])
    }

    /// The finishing template: rescaling of a product, then the group's last scalar operations. A product by triangular
    /// numbers is `sums` less what was accumulated.
    #[expect(clippy::too_many_arguments, reason = "all of them are parts of one kernel")]
    pub(super) fn finish(
        &mut self,
        group: &Group,
        inputs: Vec<KernelInput>,
        mut reduce: Reduce,
        elem: Elem,
        wanted: &[Value],
        mut ands: HashMap<Site, u64>,
        sums: &[KernelInput],
    ) -> Kernel {
        let result = group.head_result.unwrap_or(Value(0));
        let along = identity(&(0..group.kept.len()).collect::<Vec<_>>());
        let mut finishing = Inputs::default();
        let sources = self.outside(&group.finish, &[result], &along, &[], &mut finishing);
        let width = elem.bits() as usize;
        let sums: Vec<usize> = sums.iter().map(|sum| finishing.add(sum.clone(), width)).collect();
        let mut b = self.builder(finishing.total() + width);
        let words = finishing.words(&b, 0);
        let mut values = bits_of(&sources, &words);
        let acc: Vec<Bit> = (0..width).map(|i| b.input((finishing.total() + i) as u32)).collect();
        let acc = match sums.as_slice() {
            [first, second] => {
                let both = gadgets::add(&mut b, &words[*first], &words[*second]);
                gadgets::sub(&mut b, &both, &acc)
            }
            _ => acc,
        };
        let scaled = match (&group.head, elem) {
            (Head::Product(_), Elem::Fix { frac, .. }) => gadgets::rescale(&mut b, &acc, usize::from(frac)),
            _ => acc,
        };
        if let Head::Product(node) = &group.head {
            *ands.entry(node.site).or_default() += b.and_count() as u64;
        }
        values.insert(result, scaled);
        self.gates(&mut b, &group.finish, &mut values, &mut ands);
        let out = wanted.iter().flat_map(|v| values[v].clone()).collect();
        let mut known = finishing.known();
        known.extend(std::iter::repeat_n(Known::Nobody, width));
        let template = self.templates.add(b.finish(out), known);
        reduce.finish = finishing.list;
        Kernel {
            shape: group.result_shape(),
            inputs,
            reduce: Some(reduce),
            template,
            outputs: self.outputs(wanted),
            ands: sorted(ands),
        }
    }
}

fn word_bits(elem: Elem, word: u64) -> Vec<bool> {
    (0..elem.bits()).map(|b| word >> b & 1 == 1).collect()
}

/// How many indices a cheap step takes at once.
fn wide_factor(ands: u64, per_lane: u64) -> Option<u64> {
    let most = WIDE_FACTOR.min(per_lane).min(WIDE_ANDS / ands.max(1));
    (most >= 2).then(|| 1 << most.ilog2())
}
