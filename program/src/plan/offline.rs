//! The offline phase of a plan: what can be done before inputs are there, but for those that are given ahead (a server's
//! weights). A pure function, so that both parties come to the same.
//!
//! **Contract with the executor.** Products are made ahead for masks: where a party knows its factor already it takes the
//! factor itself, else a random one, and later it shows by how much the factor differs. Where `garbled` holds, so are
//! circuits. What the garbler will know only later is then a bit like any other while tables are made: kernels take it as
//! known to nobody.

use std::collections::HashMap;

use motet_circuits::{Known, Template};

use super::{Choose, Circuits, Factor, Kernel, KernelInput, Plan, Planned, Product, Step};
use crate::ir::{Node, Op, Program, Value};
use crate::place::Place;

/// A plan with what of it can be done ahead.
#[derive(Clone, Debug, PartialEq)]
pub struct Offline {
    /// The plan, its kernels changed where the garbler knows an operand only later.
    pub plan: Plan,
    /// Which values their owners (all, of public ones) know before the other inputs are there.
    pub known: Vec<bool>,
    /// Whether circuits can be garbled ahead: all that steers them is known.
    pub garbled: bool,
}

impl Offline {
    /// What of the plan can be done where the parameters with `given` are there.
    pub fn of(program: &Program, plan: &Plan, given: &[bool]) -> Offline {
        let count = program.values.len() + plan.extra.len();
        let mut facts = Facts { plan, given, known: vec![true; count], changed: true, steers: true };
        while facts.changed {
            (facts.changed, facts.steers) = (false, true);
            facts.block(&plan.steps);
        }
        let Facts { known, steers, .. } = facts;
        let garbled = steers && plan.circuits == Circuits::Garbled;
        let mut plan = plan.clone();
        if garbled {
            let mut kernels =
                Kernels { program, old: plan.clone(), known: &known, new: Vec::new(), made: HashMap::new() };
            kernels.block(&mut plan.steps);
            plan.templates = kernels.new;
        }
        Offline { plan, known, garbled }
    }

    /// Whether a value's owner knows it ahead.
    pub fn knows(&self, v: Value) -> bool {
        self.known.get(v.0 as usize).copied().unwrap_or(false)
    }
}

/// What is known: all at first, then ever less, until nothing changes.
struct Facts<'a> {
    plan: &'a Plan,
    given: &'a [bool],
    known: Vec<bool>,
    changed: bool,
    /// Whether all that steers circuits is known.
    steers: bool,
}

impl Facts<'_> {
    fn get(&self, v: Value) -> bool {
        self.known.get(v.0 as usize).copied().unwrap_or(false)
    }

    fn set(&mut self, v: Value, known: bool) {
        if let Some(slot) = self.known.get_mut(v.0 as usize)
            && *slot
            && !known
        {
            *slot = false;
            self.changed = true;
        }
    }

    fn block(&mut self, steps: &[Planned]) {
        steps.iter().for_each(|planned| self.step(&planned.step));
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Clear(node) => self.clear(node),
            Step::Triangular(sums) => self.set(sums.result, self.get(sums.input.value)),
            Step::Structural(node) => {
                let mut positions = Vec::new();
                match &node.op {
                    Op::Slice(_, starts) | Op::Update { starts, .. } => positions.extend(starts),
                    Op::Gather(_, indices) => positions.push(*indices),
                    _ => {}
                }
                self.steers &= positions.iter().all(|v| self.get(*v));
                node.results.iter().for_each(|v| self.set(*v, false));
            }
            Step::Share(v) => self.steers &= self.place(*v) != Some(Place::Public) || self.get(*v),
            Step::Kernel(kernel) => {
                let finish = kernel.reduce.iter().flat_map(|reduce| &reduce.finish);
                let public = kernel.inputs.iter().chain(finish).filter(|input| input.known == Known::Public);
                self.steers &= public.into_iter().all(|input| self.get(input.value));
                kernel.outputs.iter().for_each(|output| self.set(output.value, false));
            }
            Step::Mask(_) | Step::Output { .. } => {}
            // Not made ahead yet.
            Step::Halves { halves: made, .. } | Step::Choose(Choose { result: made, .. }) => {
                self.steers = false;
                made.iter().for_each(|v| self.set(*v, false));
            }
            Step::Open { result, .. } | Step::Reveal { result, .. } => self.set(*result, false),
            Step::Product(product) => self.product(product),
            Step::Loop { from, to, index, carried, body } => {
                let bounds = self.get(*from) && self.get(*to);
                self.steers &= bounds;
                self.set(*index, bounds);
                for c in carried {
                    let known = bounds && self.get(c.init) && self.get(c.yielded);
                    self.set(c.param, known);
                    self.set(c.result, known);
                }
                self.block(body);
            }
            Step::If { cond, then, otherwise, results } => {
                self.steers &= self.get(*cond);
                self.block(then);
                self.block(otherwise);
                for joined in results {
                    let known = self.get(*cond) && self.get(joined.then) && self.get(joined.otherwise);
                    self.set(joined.result, known);
                }
            }
        }
    }

    fn place(&self, v: Value) -> Option<Place> {
        self.plan.places.get(v.0 as usize).copied()
    }

    fn clear(&mut self, node: &Node) {
        let mut known = match node.op {
            Op::Input { param, .. } => self.given.get(param as usize).copied().unwrap_or(false),
            Op::RandomPublic(_) => false,
            _ => true,
        };
        node.op.for_each_operand(|v| known &= self.get(v));
        node.results.iter().for_each(|v| self.set(*v, known));
    }

    /// A party's addend is known where that party has nothing to add later: its own part is known, and of each cross term
    /// the other party's factor.
    fn product(&mut self, product: &Product) {
        let crosses = product.cross();
        for (to_garbler, result) in [true, false].into_iter().zip(product.result) {
            let own = product.factors.map(|factor: Factor| factor.known(to_garbler));
            let own = match own {
                [Some(x), Some(y)] => self.get(x) && self.get(y),
                _ => true,
            };
            let others = crosses.iter().map(|cross| if to_garbler { cross.evaluator } else { cross.garbler });
            let known = own && others.into_iter().all(|v| self.get(v));
            self.set(result, known);
        }
    }
}

/// Kernels, changed where the garbler knows an operand only later.
struct Kernels<'a> {
    program: &'a Program,
    old: Plan,
    known: &'a [bool],
    new: Vec<Template>,
    made: HashMap<(u32, Vec<Known>), u32>,
}

impl Kernels<'_> {
    fn block(&mut self, steps: &mut [Planned]) {
        for planned in steps {
            match &mut planned.step {
                Step::Kernel(kernel) => self.kernel(kernel),
                Step::Loop { body, .. } => self.block(body),
                Step::If { then, otherwise, .. } => {
                    self.block(then);
                    self.block(otherwise);
                }
                _ => {}
            }
        }
    }

    fn kernel(&mut self, kernel: &mut Kernel) {
        let inputs = self.inputs(&mut kernel.inputs);
        let mut last = inputs.clone();
        if let Some(reduce) = &mut kernel.reduce {
            last = self.inputs(&mut reduce.finish);
            if let Some(wide) = &mut reduce.wide {
                wide.template = self.template(wide.template, inputs.repeat(wide.factor as usize));
            }
            reduce.step = self.template(reduce.step, inputs);
            reduce.combine = self.template(reduce.combine, Vec::new());
        }
        kernel.template = self.template(kernel.template, last);
    }

    /// Who knows each bit of the operands.
    fn inputs(&self, inputs: &mut [KernelInput]) -> Vec<Known> {
        let mut bits = Vec::new();
        for input in inputs {
            if input.known == Known::Garbler && !self.known[input.value.0 as usize] {
                input.known = Known::Nobody;
            }
            let ty = self.old.ty(self.program, input.value);
            let inner: u64 = input.inner.iter().map(|axis| ty.shape[usize::from(*axis)]).product();
            bits.resize(bits.len() + (inner * u64::from(ty.elem.bits())) as usize, input.known);
        }
        bits
    }

    /// The template for operands whose bits are known so; what follows them, accumulators, stays as it is.
    fn template(&mut self, old: u32, mut operands: Vec<Known>) -> u32 {
        let template = &self.old.templates[old as usize];
        operands.extend(template.inputs.iter().skip(operands.len()));
        let new = &mut self.new;
        *self.made.entry((old, operands)).or_insert_with_key(|(_, operands)| {
            new.push(template.knowing(operands.clone()));
            new.len() as u32 - 1
        })
    }
}
