//! From a group of operations, or an operation that stands alone, to a kernel with its templates.

use std::collections::HashMap;

use motet_circuits::{Bit, Builder, Circuit, Known, gadgets};

use super::group::{Group, Head};
use super::templates::Templates;
use super::view::{View, Views};
use super::{Kernel, KernelInput, KernelOutput, Reduce, Walk, Wide, scalar};
use crate::data::{Elem, Shape};
use crate::ir::{Binary, Node, Op, Program, Reduction, Site, Value};
use crate::place::Place;

/// A reduction that begins with this many ANDs or fewer is taken several indices at once.
const WIDE_ANDS: u64 = 512;
/// Most indices taken at once.
const WIDE_FACTOR: u64 = 32;
/// Instances that fill the engine's batch: a reduction of fewer is split into lanes.
const BATCH: u64 = 128;
/// Fewest reduction indices that a lane is worth.
const LANE: u64 = 16;

/// What kernels are made from.
pub struct Kernels<'a> {
    /// The program.
    pub program: &'a Program,
    /// Where its values are known.
    pub places: &'a [Place],
    /// Who garbles.
    pub garbler: crate::ir::Party,
    /// What values are, seen through renamings.
    pub views: Views,
    /// The templates so far.
    pub templates: Templates,
}

/// The inputs of a template while it is made.
#[derive(Default)]
struct Inputs {
    list: Vec<KernelInput>,
    bits: Vec<usize>,
    index: HashMap<(Value, Vec<Option<Walk>>), usize>,
}

impl Inputs {
    fn add(&mut self, input: KernelInput, bits: usize) -> usize {
        let key = (input.value, input.walk.clone());
        *self.index.entry(key).or_insert_with(|| {
            self.list.push(input);
            self.bits.push(bits);
            self.list.len() - 1
        })
    }

    fn known(&self) -> Vec<Known> {
        let each = self.list.iter().zip(&self.bits);
        each.flat_map(|(input, &bits)| std::iter::repeat_n(input.known, bits)).collect()
    }

    fn total(&self) -> usize {
        self.bits.iter().sum()
    }

    /// The bits of each input, from the template's first input bit on.
    fn words(&self, b: &Builder, first: usize) -> Vec<Vec<Bit>> {
        let mut at = first;
        self.bits
            .iter()
            .map(|&n| {
                at += n;
                (at - n..at).map(|i| b.input(i as u32)).collect()
            })
            .collect()
    }
}

/// Where an operand's bits come from.
enum Source {
    Input(usize),
    Constant(Vec<Bit>),
}

impl Kernels<'_> {
    fn known(&self, v: Value) -> Known {
        match self.places[v.0 as usize] {
            Place::Public => Known::Public,
            Place::Private(p) if p == self.garbler => Known::Garbler,
            Place::Private(_) => Known::Evaluator,
            Place::Shared => Known::Nobody,
        }
    }

    fn bits(&self, v: Value) -> usize {
        self.program.elem(v).bits() as usize
    }

    /// An operand whose axes (of the value itself) the kernel's axes follow as `along` says.
    fn operand(&self, inputs: &mut Inputs, v: Value, along: &[Option<Walk>], inner: &[u8]) -> Source {
        match self.views.get(self.program, v) {
            View::Splat(word) => {
                let each = inner.iter().map(|&axis| self.program.shape(v)[usize::from(axis)]).product::<u64>();
                Source::Constant(scalar::constant(self.program.elem(v), word).repeat(each as usize))
            }
            View::Of { base, axes } => {
                let walk = along
                    .iter()
                    .map(|w| {
                        let w = (*w)?;
                        let below = axes[usize::from(w.axis)]?;
                        Some(Walk { axis: below.axis, step: w.step * below.step })
                    })
                    .collect();
                let inner_below: Option<Vec<u8>> =
                    inner.iter().map(|&axis| axes[usize::from(axis)].map(|w| w.axis)).collect();
                let each = inner.iter().map(|&axis| self.program.shape(v)[usize::from(axis)]).product::<u64>();
                let bits = each as usize * self.bits(v);
                let input = match inner_below {
                    Some(inner) => KernelInput { value: base, known: self.known(base), walk, inner },
                    // An axis inside the template is repeated: read the value itself, not what is below it.
                    None => KernelInput { value: v, known: self.known(v), walk: along.to_vec(), inner: inner.to_vec() },
                };
                Source::Input(inputs.add(input, bits))
            }
        }
    }

    /// The operands of scalar operations that the operations do not make themselves.
    fn outside(
        &self,
        nodes: &[Node],
        made: &[Value],
        along: &[Option<Walk>],
        inputs: &mut Inputs,
    ) -> HashMap<Value, Source> {
        let mut sources = HashMap::new();
        let mut inside: Vec<Value> = made.to_vec();
        for node in nodes {
            node.op.for_each_operand(|v| {
                if !inside.contains(&v) && !sources.contains_key(&v) {
                    sources.insert(v, self.operand(inputs, v, along, &[]));
                }
            });
            inside.extend(&node.results);
        }
        sources
    }

    /// Gates of scalar operations; `values` holds their operands' bits and takes their results'.
    fn gates(
        &self,
        b: &mut Builder,
        nodes: &[Node],
        values: &mut HashMap<Value, Vec<Bit>>,
        ands: &mut HashMap<Site, u64>,
    ) {
        for node in nodes {
            let before = b.and_count() as u64;
            let bits = |v: &Value| values[v].as_slice();
            let elem = |v: &Value| self.program.elem(*v);
            let made = match &node.op {
                Op::Unary(op, v) => scalar::unary(b, *op, elem(v), bits(v)),
                Op::Binary(Binary::Mul, x, y) if self.one_knows(*x) => scalar::mul_known(b, elem(x), bits(x), bits(y)),
                Op::Binary(Binary::Mul, x, y) if self.one_knows(*y) => scalar::mul_known(b, elem(x), bits(y), bits(x)),
                Op::Binary(op, x, y) => scalar::binary(b, *op, elem(x), bits(x), bits(y)),
                Op::Cast(v) => scalar::cast(b, elem(v), elem(&node.results[0]), bits(v)),
                Op::Select(c, x, y) => gadgets::select(b, bits(c)[0], bits(x), bits(y)),
                _ => continue,
            };
            values.insert(node.results[0], made);
            *ands.entry(node.site).or_default() += b.and_count() as u64 - before;
        }
    }

    /// The kernel of a group. `wanted` are the values that are used outside it.
    pub fn group(&mut self, group: &Group, wanted: &[Value]) -> Kernel {
        match &group.head {
            Head::None => self.map(group, wanted),
            Head::Reduce { op, value } => self.reduction(group, *op, *value, wanted),
            Head::Product(node) => self.product(group, node, wanted),
        }
    }

    fn outputs(&self, wanted: &[Value]) -> Vec<KernelOutput> {
        wanted.iter().map(|&value| KernelOutput { value, inner: 1 }).collect()
    }

    fn map(&mut self, group: &Group, wanted: &[Value]) -> Kernel {
        let along = identity(&group.kept);
        let mut inputs = Inputs::default();
        let sources = self.outside(&group.body, &[], &along, &mut inputs);
        let mut b = Builder::new(inputs.total() as u32);
        let mut ands = HashMap::new();
        let mut values = bits_of(&sources, &inputs.words(&b, 0));
        self.gates(&mut b, &group.body, &mut values, &mut ands);
        let out = wanted.iter().flat_map(|v| values[v].clone()).collect();
        let template = self.templates.add(b.finish(out), inputs.known());
        Kernel {
            shape: group.shape.clone(),
            inputs: inputs.list,
            reduce: None,
            template,
            outputs: self.outputs(wanted),
            ands: sorted(ands),
        }
    }

    fn reduction(&mut self, group: &Group, op: Reduction, value: Value, wanted: &[Value]) -> Kernel {
        let elem = self.program.elem(value);
        let along = identity(&[group.kept.as_slice(), &group.reduced].concat());
        let mut inputs = Inputs::default();
        let mut sources = self.outside(&group.body, &[], &along, &mut inputs);
        if group.body.is_empty() {
            sources.insert(value, self.operand(&mut inputs, value, &along, &[]));
        }
        let extents: Shape = group.reduced.iter().map(|&axis| group.shape[axis]).collect();
        let instances: u64 = group.result_shape().iter().product();
        let mut ands = HashMap::new();
        let step = |factor: u64, ands: &mut HashMap<Site, u64>| {
            let width = elem.bits() as usize;
            let each = inputs.total();
            let mut b = Builder::new((each * factor as usize + width) as u32);
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
        let lanes = lanes(instances, extents.iter().product());
        let per_lane = extents.iter().product::<u64>() / lanes;
        let factor = wide_factor(each, per_lane);
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
        self.finish(group, inputs.list, reduce, elem, wanted, ands)
    }

    fn combine(&mut self, op: Reduction, elem: Elem) -> u32 {
        let width = elem.bits();
        let mut b = Builder::new(2 * width);
        let words = [0, width].map(|first| (first..first + width).map(|i| b.input(i)).collect()).to_vec();
        let acc = scalar::reduce(&mut b, op, elem, words);
        self.templates.add(b.finish(acc), vec![Known::Nobody; 2 * width as usize])
    }

    fn product(&mut self, group: &Group, node: &Node, wanted: &[Value]) -> Kernel {
        let Some(Product { operands, extents, shape }) = Product::of(self.program, &node.op) else {
            return self.map(group, wanted);
        };
        let elem = self.program.elem(node.results[0]);
        let width = elem.bits() as usize;
        let mut inputs = Inputs::default();
        let sources: Vec<Source> =
            operands.iter().map(|(v, along)| self.operand(&mut inputs, *v, along, &[])).collect();
        let mut b = Builder::new((inputs.total() + width) as u32);
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
        let ands = b.and_count() as u64;
        let mut classes = inputs.known();
        classes.extend(std::iter::repeat_n(Known::Nobody, width));
        let step = self.templates.add(b.finish(sum), classes);
        let repeat: u64 = extents.iter().product();
        let lanes = lanes(shape.iter().product(), repeat);
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
        let mut kernel = self.finish(group, inputs.list, reduce, elem, wanted, counted);
        kernel.shape = shape;
        if let Some(reduce) = &mut kernel.reduce {
            let split = kernel.shape.len() - group.shape.len();
            if split > 0 {
                // Grouped channels: the kernel has [N, groups, O / groups, H, W] for the value's [N, O, H, W].
                let per_group = kernel.shape[2];
                reduce.finish.iter_mut().for_each(|input| split_channels(&mut input.walk, per_group));
            }
        }
        kernel
    }

    /// Whether one party alone knows an operand.
    fn one_knows(&self, v: Value) -> bool {
        matches!(self.known_through(v), Known::Garbler | Known::Evaluator)
    }

    fn known_through(&self, v: Value) -> Known {
        match self.views.get(self.program, v) {
            View::Splat(_) => Known::Public,
            View::Of { base, .. } => self.known(base),
        }
    }

    /// The finishing template: rescaling of a product, then the group's last scalar operations.
    fn finish(
        &mut self,
        group: &Group,
        inputs: Vec<KernelInput>,
        mut reduce: Reduce,
        elem: Elem,
        wanted: &[Value],
        mut ands: HashMap<Site, u64>,
    ) -> Kernel {
        let result = group.head_result.unwrap_or(Value(0));
        let along = identity(&(0..group.kept.len()).collect::<Vec<_>>());
        let mut finishing = Inputs::default();
        let sources = self.outside(&group.finish, &[result], &along, &mut finishing);
        let width = elem.bits() as usize;
        let mut b = Builder::new((finishing.total() + width) as u32);
        let mut values = bits_of(&sources, &finishing.words(&b, 0));
        let acc: Vec<Bit> = (0..width).map(|i| b.input((finishing.total() + i) as u32)).collect();
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

    /// The kernel of an imported circuit.
    pub fn circuit(&mut self, node: &Node, circuit: &Circuit, batch: usize, args: &[Value]) -> Kernel {
        let shape =
            node.results.first().or(args.first()).map_or(Vec::new(), |v| self.program.shape(*v)[..batch].to_vec());
        self.whole(node, &shape, args, |b, words| circuit.inline(b, &words.concat()))
    }

    /// A kernel whose instances take whole entries of the operands' inner axes: those after the batch.
    fn whole(
        &mut self,
        node: &Node,
        shape: &Shape,
        args: &[Value],
        make: impl FnOnce(&mut Builder, &[Vec<Bit>]) -> Vec<Bit>,
    ) -> Kernel {
        let along = identity(&(0..shape.len()).collect::<Vec<_>>());
        let mut inputs = Inputs::default();
        let sources: Vec<Source> = args
            .iter()
            .map(|&v| {
                let inner: Vec<u8> = (shape.len()..self.program.shape(v).len()).map(|axis| axis as u8).collect();
                self.operand(&mut inputs, v, &along, &inner)
            })
            .collect();
        let mut b = Builder::new(inputs.total() as u32);
        let words = inputs.words(&b, 0);
        let args: Vec<Vec<Bit>> = sources
            .iter()
            .map(|s| match s {
                Source::Input(i) => words[*i].clone(),
                Source::Constant(bits) => bits.clone(),
            })
            .collect();
        let out = make(&mut b, &args);
        let ands = b.and_count() as u64;
        let template = self.templates.add(b.finish(out), inputs.known());
        let outputs = node
            .results
            .iter()
            .map(|&value| {
                let inner = self.program.shape(value)[shape.len()..].iter().product();
                KernelOutput { value, inner }
            })
            .collect();
        Kernel {
            shape: shape.clone(),
            inputs: inputs.list,
            reduce: None,
            template,
            outputs,
            ands: vec![(node.site, ands)],
        }
    }

    /// An oblivious read whose table stands inside the template: a tree of multiplexers.
    pub fn read(&mut self, node: &Node, table: Value, index: Value) -> Kernel {
        let shape = self.program.shape(index).clone();
        let (rows, signed) = (self.program.shape(table)[shape.len()], self.program.elem(index).signed());
        self.whole(node, &shape, &[table, index], |b, words| {
            gadgets::read(b, &rows_of(&words[0], rows), &words[1], signed)
        })
    }

    /// An oblivious write whose table stands inside the template.
    pub fn write(&mut self, node: &Node, table: Value, index: Value, value: Value) -> Kernel {
        let shape = self.program.shape(index).clone();
        let (rows, signed) = (self.program.shape(table)[shape.len()], self.program.elem(index).signed());
        self.whole(node, &shape, &[table, index, value], |b, words| {
            gadgets::write(b, &rows_of(&words[0], rows), &words[1], signed, &words[2]).concat()
        })
    }

    /// An oblivious read of a large table: the exclusive or of every entry where its number is the index. `numbers` is
    /// a public vector `0, 1, 2, …` of the index's type.
    pub fn read_large(&mut self, node: &Node, table: Value, index: Value, numbers: KernelInput) -> Kernel {
        let batch = self.program.shape(index).clone();
        let entry = self.program.shape(table)[batch.len() + 1..].to_vec();
        let shape = [batch.as_slice(), &entry].concat();
        let elem = self.program.elem(table);
        let width = self.bits(table);
        let rank = shape.len();
        let axis = |a: usize| Some(Walk { axis: a as u8, step: 1 });
        // Kernel axes: batch, entry, rows; the table has batch, rows, entry.
        let table_along: Vec<_> =
            (0..rank).map(|k| if k < batch.len() { axis(k) } else { axis(k + 1) }).chain([axis(batch.len())]).collect();
        let index_along: Vec<_> = (0..=rank).map(|k| if k < batch.len() { axis(k) } else { None }).collect();
        let mut inputs = Inputs::default();
        let sources =
            [self.operand(&mut inputs, table, &table_along, &[]), self.operand(&mut inputs, index, &index_along, &[])];
        let bits = self.bits(index);
        let number = inputs.add(numbers, bits);
        let mut b = Builder::new((inputs.total() + width) as u32);
        let words = inputs.words(&b, 0);
        let [row, at] = sources.map(|s| match s {
            Source::Input(i) => words[i].clone(),
            Source::Constant(bits) => bits,
        });
        let hit = gadgets::eq(&mut b, &at, &words[number]);
        let acc = (0..width)
            .map(|i| {
                let entry = b.and(hit, row[i]);
                let acc = b.input((inputs.total() + i) as u32);
                b.xor(acc, entry)
            })
            .collect();
        let ands = b.and_count() as u64;
        let mut known = inputs.known();
        known.extend(std::iter::repeat_n(Known::Nobody, width));
        let step = self.templates.add(b.finish(acc), known);
        let rows = self.program.shape(table)[batch.len()];
        let lanes = lanes(shape.iter().product(), rows);
        let reduce = Reduce {
            extents: vec![rows],
            start: vec![false; width],
            step,
            wide: None,
            lanes,
            combine: self.combine(Reduction::Xor, elem),
            finish: Vec::new(),
        };
        let b = Builder::new(width as u32);
        let out = b.inputs(0..width as u32);
        let template = self.templates.add(b.finish(out), vec![Known::Nobody; width]);
        Kernel {
            shape,
            inputs: inputs.list,
            reduce: Some(reduce),
            template,
            outputs: vec![KernelOutput { value: node.results[0], inner: 1 }],
            ands: vec![(node.site, ands.saturating_mul(rows))],
        }
    }

    /// An oblivious write to a large table: each entry is replaced where its number is the index.
    pub fn write_large(
        &mut self,
        node: &Node,
        table: Value,
        index: Value,
        value: Value,
        numbers: KernelInput,
    ) -> Kernel {
        let shape = self.program.shape(table).clone();
        let batch = self.program.shape(index).len();
        let axis = |a: usize| Some(Walk { axis: a as u8, step: 1 });
        let along = identity(&(0..shape.len()).collect::<Vec<_>>());
        let index_along: Vec<_> = (0..shape.len()).map(|k| if k < batch { axis(k) } else { None }).collect();
        let value_along: Vec<_> = (0..shape.len())
            .map(|k| match k {
                _ if k < batch => axis(k),
                _ if k == batch => None,
                _ => axis(k - 1),
            })
            .collect();
        let mut inputs = Inputs::default();
        let sources = [
            self.operand(&mut inputs, table, &along, &[]),
            self.operand(&mut inputs, index, &index_along, &[]),
            self.operand(&mut inputs, value, &value_along, &[]),
        ];
        let number = inputs.add(
            KernelInput {
                walk: (0..shape.len()).map(|k| if k == batch { axis(0) } else { None }).collect(),
                ..numbers
            },
            self.bits(index),
        );
        let mut b = Builder::new(inputs.total() as u32);
        let words = inputs.words(&b, 0);
        let [old, at, new] = sources.map(|s| match s {
            Source::Input(i) => words[i].clone(),
            Source::Constant(bits) => bits,
        });
        let hit = gadgets::eq(&mut b, &at, &words[number]);
        let out = gadgets::select(&mut b, hit, &new, &old);
        let ands = b.and_count() as u64;
        let template = self.templates.add(b.finish(out), inputs.known());
        let outputs = vec![KernelOutput { value: node.results[0], inner: 1 }];
        Kernel { shape, inputs: inputs.list, reduce: None, template, outputs, ands: vec![(node.site, ands)] }
    }
}

/// The operands of a product and how the kernel's axes (instances, then reduction) move along theirs.
struct Product {
    operands: [(Value, Vec<Option<Walk>>); 2],
    extents: Shape,
    shape: Shape,
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

fn identity(axes: &[usize]) -> Vec<Option<Walk>> {
    axes.iter().map(|&axis| Some(Walk { axis: axis as u8, step: 1 })).collect()
}

fn bits_of(sources: &HashMap<Value, Source>, words: &[Vec<Bit>]) -> HashMap<Value, Vec<Bit>> {
    let bits = |s: &Source| match s {
        Source::Input(i) => words[*i].clone(),
        Source::Constant(bits) => bits.clone(),
    };
    sources.iter().map(|(v, s)| (*v, bits(s))).collect()
}

fn rows_of(bits: &[Bit], rows: u64) -> Vec<Vec<Bit>> {
    bits.chunks((bits.len() / rows.max(1) as usize).max(1)).map(<[Bit]>::to_vec).collect()
}

fn word_bits(elem: Elem, word: u64) -> Vec<bool> {
    (0..elem.bits()).map(|b| word >> b & 1 == 1).collect()
}

/// Into how many lanes a reduction of few instances is split.
fn lanes(instances: u64, extent: u64) -> u64 {
    if instances * 2 > BATCH { 1 } else { (BATCH / instances.max(1)).min(extent / LANE).max(1) }
}

/// How many indices a cheap step takes at once.
fn wide_factor(ands: u64, per_lane: u64) -> Option<u64> {
    let most = WIDE_FACTOR.min(per_lane).min(WIDE_ANDS / ands.max(1));
    (most >= 2).then(|| 1 << most.ilog2())
}

fn sorted(ands: HashMap<Site, u64>) -> Vec<(Site, u64)> {
    let mut out: Vec<_> = ands.into_iter().filter(|(_, n)| *n > 0).collect();
    out.sort_unstable();
    out
}
