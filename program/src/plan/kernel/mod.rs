//! From a group of operations, or an operation that stands alone, to a kernel with its templates.

mod product;
mod reduce;
mod table;
mod triangular;

use std::collections::HashMap;

use motet_circuits::{Bit, Builder, Form, Known, gadgets};

use super::group::{Group, Head};
use crate::data::Type;
use crate::ir::{Binary, Node, Op, Program, Site, Value};
use crate::place::Place;
use crate::plan::addends::OnAddends;
use crate::plan::shared_bits::Sent;
use crate::plan::templates::Templates;
use crate::plan::view::{View, Views};
use crate::plan::{Circuits, Kernel, KernelInput, KernelOutput, Link, Protocol, Step, Walk, bridge, scalar};

/// What kernels are made from.
pub struct Kernels<'a> {
    /// The program.
    pub program: &'a Program,
    /// Where its values are known.
    pub places: &'a [Place],
    /// How the program is executed.
    pub protocol: Protocol,
    /// The link between the parties.
    pub link: Link,
    /// How circuits are run.
    pub circuits: Circuits,
    /// The form of gadgets in what is made next.
    pub form: Form,
    /// Who garbles.
    pub garbler: crate::ir::Party,
    /// What values are, seen through renamings.
    pub views: Views,
    /// The templates so far.
    pub templates: Templates,
    /// The values that the plan adds so far: types, and who knows them.
    pub extra: Vec<(Type, Place)>,
    /// The values that are there as addends.
    pub on_addends: OnAddends,
}

/// A value and how it is read: the walk along its axes, and the axes that stand whole in an instance.
type Read = (Value, Vec<Option<Walk>>, Vec<u8>);

/// The inputs of a template while it is made.
#[derive(Default)]
pub(super) struct Inputs {
    pub list: Vec<KernelInput>,
    bits: Vec<usize>,
    index: HashMap<Read, usize>,
}

impl Inputs {
    pub fn add(&mut self, input: KernelInput, bits: usize) -> usize {
        let key = (input.value, input.walk.clone(), input.inner.clone());
        *self.index.entry(key).or_insert_with(|| {
            self.list.push(input);
            self.bits.push(bits);
            self.list.len() - 1
        })
    }

    pub fn known(&self) -> Vec<Known> {
        let each = self.list.iter().zip(&self.bits);
        each.flat_map(|(input, &bits)| std::iter::repeat_n(input.known, bits)).collect()
    }

    pub fn total(&self) -> usize {
        self.bits.iter().sum()
    }

    /// The bits of each input, from the template's first input bit on.
    pub fn words(&self, b: &Builder, first: usize) -> Vec<Vec<Bit>> {
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
pub(super) enum Source {
    Input(usize),
    Constant(Vec<Bit>),
}

impl Kernels<'_> {
    /// Who knows a value, of the program's or the plan's own.
    pub fn place(&self, v: Value) -> Place {
        let v = v.0 as usize;
        self.places.get(v).copied().unwrap_or_else(|| self.extra[v - self.places.len()].1)
    }

    fn known(&self, v: Value) -> Known {
        match self.place(v) {
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

    /// The operands of scalar operations that the operations do not make themselves; all elements along the `inner` axes of
    /// each stand in an instance.
    pub(super) fn outside(
        &self,
        nodes: &[Node],
        made: &[Value],
        along: &[Option<Walk>],
        inner: &[u8],
        inputs: &mut Inputs,
    ) -> HashMap<Value, Source> {
        let mut sources = HashMap::new();
        let mut inside: Vec<Value> = made.to_vec();
        for node in nodes {
            node.op.for_each_operand(|v| {
                if !inside.contains(&v) && !sources.contains_key(&v) {
                    sources.insert(v, self.operand(inputs, v, along, inner));
                }
            });
            inside.extend(&node.results);
        }
        sources
    }

    /// Gates of scalar operations; `values` holds their operands' bits and takes their results'.
    pub(super) fn gates(
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

    /// A builder of a template's circuit.
    pub fn builder(&self, inputs: usize) -> Builder {
        Builder::with_form(inputs as u32, self.form)
    }

    /// A value that the plan adds.
    pub fn extra_value(&mut self, ty: Type, place: Place) -> Value {
        self.extra.push((ty, place));
        Value((self.program.values.len() + self.extra.len() - 1) as u32)
    }

    /// The kernel of a group, after the steps that it needs. `wanted` are the values that are used outside the group.
    pub fn group(&mut self, group: &Group, wanted: &[Value]) -> Vec<Step> {
        self.in_best_form(|kernels| kernels.in_form(group, wanted), |steps| steps.as_slice())
    }

    /// What is made with the form of gadgets in which its kernels are fastest over the link.
    pub fn in_best_form<T>(&mut self, make: impl Fn(&mut Self) -> T, steps: impl Fn(&T) -> &[Step]) -> T {
        let forms = self.circuits.forms();
        let (usual, mut best, mut least) = (forms[0], forms[0], f64::INFINITY);
        for form in forms.iter().filter(|_| forms.len() > 1) {
            let before = (self.templates.all.len(), self.templates.gates, self.extra.len(), self.on_addends.clone());
            self.form = *form;
            let made = make(self);
            let kernels = steps(&made).iter().filter_map(|step| match step {
                Step::Kernel(kernel) => Some(Sent::of(kernel, &self.templates.all).seconds(self.link)),
                _ => None,
            });
            let seconds = kernels.sum();
            if seconds < least {
                (least, best) = (seconds, *form);
            }
            let (templates, gates, extra, on_addends) = before;
            self.templates.truncate(templates, gates);
            self.extra.truncate(extra);
            self.on_addends = on_addends;
        }
        self.form = best;
        let made = make(self);
        self.form = usual;
        made
    }

    fn in_form(&mut self, group: &Group, wanted: &[Value]) -> Vec<Step> {
        match &group.head {
            Head::None => vec![Step::Kernel(self.map(group, wanted))],
            Head::Reduce { op, value } => vec![Step::Kernel(self.reduction(group, *op, *value, wanted))],
            Head::Product(node) => match (self.protocol, bridge::operands(&node.op)) {
                (Protocol::Mixed | Protocol::Gmw, Some(operands)) => self.bridged(group, node, operands, wanted),
                _ => self.product(group, node, wanted),
            },
        }
    }

    pub(super) fn outputs(&self, wanted: &[Value]) -> Vec<KernelOutput> {
        wanted.iter().map(|&value| KernelOutput { value, inner: 1 }).collect()
    }

    fn map(&mut self, group: &Group, wanted: &[Value]) -> Kernel {
        let along = identity(&group.kept);
        let mut inputs = Inputs::default();
        let sources = self.outside(&group.body, &[], &along, &[], &mut inputs);
        let mut b = self.builder(inputs.total());
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
}

pub(super) fn identity(axes: &[usize]) -> Vec<Option<Walk>> {
    axes.iter().map(|&axis| Some(Walk { axis: axis as u8, step: 1 })).collect()
}

pub(super) fn bits_of(sources: &HashMap<Value, Source>, words: &[Vec<Bit>]) -> HashMap<Value, Vec<Bit>> {
    let bits = |s: &Source| match s {
        Source::Input(i) => words[*i].clone(),
        Source::Constant(bits) => bits.clone(),
    };
    sources.iter().map(|(v, s)| (*v, bits(s))).collect()
}

pub(super) fn sorted(ands: HashMap<Site, u64>) -> Vec<(Site, u64)> {
    let mut out: Vec<_> = ands.into_iter().filter(|(_, n)| *n > 0).collect();
    out.sort_unstable();
    out
}
