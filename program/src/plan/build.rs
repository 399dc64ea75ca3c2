//! From a program to its plan: places, groups, kernels, then what must be shared and what may be freed.

use std::collections::BTreeSet;

use motet_circuits::Known;
use thiserror::Error;

use super::addends::{OnAddends, Wanted};
use super::cost::cost;
use super::group::{Group, Head, is_scalar};
use super::kernel::Kernels;
use super::merge::{Merge, merge};
use super::rewrite::rewrite;
use super::templates::Templates;
use super::view::Views;
use super::{
    Carried, Circuits, Joined, Kernel, KernelInput, Link, Plan, Planned, Protocol, Step, Transfers, Walk, liveness, way,
};
use crate::data::{Elem, Type};
use crate::ir::{Binary, Block, Constant, Node, Op, Party, Program, Site, Value};
use crate::place::{Place, places, places_where};

/// Most ANDs (roughly) of a fused template.
const GROUP_WEIGHT: u64 = 30_000;
/// Most table bits that stand whole inside the template of an oblivious read or write.
const TABLE_BITS: u64 = 1 << 14;

/// Why a program has no plan under a protocol.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Too many parties.
    #[error("protocol `{0}` is for two parties, and this program has {1}: {2}")]
    Parties(&'static str, usize, String),
    /// Too many gates in its templates, loops and batches counted once.
    #[error(
        "the program's circuits have more than {MAX_GATES} gates, loops and batches counted once: move repeated work into loops or tensor operations"
    )]
    Gates,
}

/// Iterations of a loop whose bounds are not known, where plans are compared.
const ASSUMED_TRIPS: u64 = 16;

/// Most gates of a plan's templates together.
const MAX_GATES: u64 = 50_000_000;

/// The plan of a program that has been validated, in a local network.
///
/// # Errors
/// Where the protocol cannot run the program.
pub fn plan(program: &Program, protocol: Protocol) -> Result<Plan, PlanError> {
    plan_over(program, protocol, Link::LAN)
}

/// The plan of a program that has been validated, over the link: the one of its [`candidates`] that takes the least time.
///
/// # Errors
/// Where the protocol cannot run the program.
pub fn plan_over(program: &Program, protocol: Protocol, link: Link) -> Result<Plan, PlanError> {
    let mut candidates = candidates(program, protocol, link)?;
    let seconds = |plan: &Plan| cost(program, plan, ASSUMED_TRIPS).seconds(link);
    let mut best = candidates.remove(0);
    for other in candidates {
        if seconds(&other) < seconds(&best) {
            best = other;
        }
    }
    Ok(best)
}

/// A plan for each way in which the protocol may run circuits, at least one; where values between products may stay addends,
/// one without that and one with it.
///
/// # Errors
/// Where the protocol cannot run the program.
pub fn candidates(program: &Program, protocol: Protocol, link: Link) -> Result<Vec<Plan>, PlanError> {
    if program.parties.len() > 2 {
        return Err(PlanError::Parties(protocol.name(), program.parties.len(), program.parties.join(", ")));
    }
    let (mut plans, mut refused) = (Vec::new(), PlanError::Gates);
    for circuits in protocol.circuits() {
        for addends in [false, true] {
            match build(program, protocol, *circuits, link, addends, places) {
                Ok(plan) if plans.last() == Some(&plan) => {}
                Ok(plan) => plans.push(plan),
                Err(error) => refused = error,
            }
            if protocol == Protocol::Yao {
                break;
            }
        }
    }
    if plans.is_empty() { Err(refused) } else { Ok(plans) }
}

/// A plan in which nobody knows any parameter: what a flat circuit is made from.
pub(crate) fn plan_as_one(program: &Program) -> Result<Plan, PlanError> {
    let of_input = |param: u32| {
        let ints = program.params[param as usize].ty.leaves().iter().all(|t| t.elem == Elem::Int);
        if ints { Place::Public } else { Place::Shared }
    };
    build(program, Protocol::Yao, Circuits::Garbled, Link::LAN, false, |rewritten| places_where(rewritten, &of_input))
}

/// `addends` says whether values between products may stay addends; `place`, where the values of the program are known,
/// once it is rewritten.
fn build(
    original: &Program,
    protocol: Protocol,
    circuits: Circuits,
    link: Link,
    addends: bool,
    place: impl Fn(&Program) -> Vec<Place>,
) -> Result<Plan, PlanError> {
    let own = original.values.len();
    let (program, rewrites) = rewrite(original);
    let program = &program;
    let mut of = place(program);
    let garbler = garbler(program);
    let mut uses = vec![0; program.values.len()];
    count_uses(&program.body, &mut uses);
    let (views, templates) = (Views::default(), Templates::default());
    let (extra, on_addends) = (Vec::new(), OnAddends::default());
    let form = circuits.forms()[0];
    let kernels =
        Kernels { program, places: &of, protocol, link, circuits, form, garbler, views, templates, extra, on_addends };
    let wanted = if addends { Wanted::of(program, &of) } else { Wanted::default() };
    let mut planner = Planner { program, uses, kernels, wanted, loops: 0, shared: BTreeSet::new(), open: Vec::new() };
    let mut steps = planner.block(&program.body, |planner, steps| {
        planner.joined_all(&program.body.results, Site(0), steps);
    });
    planner.outputs(&mut steps);
    if planner.kernels.templates.gates > MAX_GATES {
        return Err(PlanError::Gates);
    }
    let Planner { mut shared, kernels: Kernels { mut templates, extra, .. }, .. } = planner;
    let (added, extra_places): (Vec<Type>, Vec<Place>) = extra.into_iter().unzip();
    of.extend(extra_places);
    liveness::drop_unused(&mut steps);
    if circuits == Circuits::Garbled {
        let types: Vec<Type> = program.values.iter().chain(&added).cloned().collect();
        let (types, places, templates, shared) = (&types, &of, &mut templates, &mut shared);
        merge(Merge { program, types, places, garbler, templates, shared }, &mut steps);
    }
    let extra = program.values[own..].iter().cloned().chain(added).collect();
    share_after_definition(&mut steps, &shared);
    liveness::mark_last_uses(&mut steps);
    let mut plan = Plan {
        protocol,
        link,
        circuits,
        transfers: Transfers::SoftSpoken4,
        garbler,
        extra,
        places: of,
        templates: templates.all,
        revealed: 0,
        rewrites,
        steps,
    };
    // How products are computed decides how many transfers there are, and how those are made, what products cost.
    plan.revealed = way::choose(program, (link, plan.transfers), &mut plan.steps);
    plan.transfers = Transfers::of(link, cost(original, &plan, ASSUMED_TRIPS).transfers);
    plan.revealed = way::choose(program, (link, plan.transfers), &mut plan.steps);
    Ok(plan)
}

/// The garbler is the party with more input bits: its inputs cost nothing, the evaluator's an oblivious transfer each.
fn garbler(program: &Program) -> Party {
    let bits = |party: Party| {
        let own = program.params.iter().filter(|p| p.owner == Some(party));
        own.flat_map(|p| p.ty.leaves()).map(|t| t.count().saturating_mul(u64::from(t.elem.bits()))).sum::<u64>()
    };
    if program.parties.len() == 2 && bits(Party(1)) > bits(Party(0)) { Party(1) } else { Party(0) }
}

fn count_uses(block: &Block, uses: &mut [u32]) {
    for node in &block.ops {
        node.op.for_each_operand(|v| uses[v.0 as usize] += 1);
        node.op.blocks().into_iter().for_each(|b| count_uses(b, uses));
    }
    block.results.iter().for_each(|v| uses[v.0 as usize] += 1);
}

pub(super) struct Planner<'a> {
    pub program: &'a Program,
    uses: Vec<u32>,
    pub kernels: Kernels<'a>,
    /// Which values are wanted as addends.
    pub wanted: Wanted,
    /// How many loops the block is in.
    pub loops: u32,
    /// Public and private values that need a shared representation too.
    shared: BTreeSet<Value>,
    open: Vec<Group>,
}

pub(super) fn planned(step: Step, site: Site) -> Planned {
    Planned { step, last: Vec::new(), site }
}

impl Planner<'_> {
    pub fn place(&self, v: Value) -> Place {
        self.kernels.place(v)
    }

    pub fn is_shared(&self, v: Value) -> bool {
        self.place(v) == Place::Shared
    }

    /// Marks a value that is needed in its shared representation.
    fn need(&mut self, v: Value) {
        if !self.is_shared(v) {
            self.shared.insert(v);
        }
    }

    /// The steps of a block, and of what `finish` does with its values. What is made in it for other blocks' values, its
    /// alone, is forgotten.
    fn block(&mut self, block: &Block, finish: impl FnOnce(&mut Self, &mut Vec<Planned>)) -> Vec<Planned> {
        let outer = std::mem::take(&mut self.open);
        let on_addends = self.kernels.on_addends.clone();
        let mut steps = Vec::new();
        for node in &block.ops {
            if self.kernels.templates.gates > MAX_GATES {
                break;
            }
            self.node(node, &mut steps);
        }
        self.close(&mut steps, |_| true);
        finish(self, &mut steps);
        self.open = outer;
        self.kernels.on_addends = on_addends;
        steps
    }

    fn node(&mut self, node: &Node, steps: &mut Vec<Planned>) {
        if matches!(node.op, Op::Loop { .. } | Op::If { .. }) {
            self.control(node, steps);
        } else if !self.on_addends(node, steps) {
            self.on_labels(node, steps);
            self.kernels.views.record(self.program, node);
        }
    }

    fn on_labels(&mut self, node: &Node, steps: &mut Vec<Planned>) {
        let shared = node.results.iter().any(|r| self.is_shared(*r));
        node.op.for_each_operand(|v| self.join(v, node.site, steps));
        match &node.op {
            Op::Reveal(v) if self.place(*v) != Place::Public => {
                self.close(steps, |g| g.makes(*v));
                steps.push(planned(Step::Reveal { value: *v, result: node.results[0] }, node.site));
            }
            Op::Input { .. } => steps.push(planned(Step::Clear(node.clone()), node.site)),
            _ if !shared => steps.push(planned(Step::Clear(node.clone()), node.site)),
            op if is_scalar(op) => self.scalar(node, steps),
            Op::Reduce(op, v, axis) => self.reduce(node, *op, *v, usize::from(*axis), steps),
            Op::MatMul(..) | Op::Conv2d(..) => {
                self.close_operands(node, steps);
                let (result, shape) = (node.results[0], self.program.shape(node.results[0]));
                self.open.push(Group::headed(Head::Product(node.clone()), result, shape, None));
            }
            Op::Read { .. } | Op::Write { .. } | Op::Circuit { .. } => {
                self.close_operands(node, steps);
                let kernel = self.alone(node, steps);
                self.push_kernel(kernel, node.site, steps);
            }
            _ => self.structural(node, steps),
        }
    }

    fn structural(&mut self, node: &Node, steps: &mut Vec<Planned>) {
        self.close_operands(node, steps);
        match &node.op {
            Op::Concat(vs, _) => vs.iter().for_each(|v| self.need(*v)),
            Op::Update { base: a, part: b, .. } | Op::Pad { value: a, fill: b, .. } => {
                self.need(*a);
                self.need(*b);
            }
            _ => {}
        }
        steps.push(planned(Step::Structural(node.clone()), node.site));
    }

    /// Joins the groups that make the operands, or opens one.
    fn scalar(&mut self, node: &Node, steps: &mut Vec<Planned>) {
        let shape = self.program.shape(node.results[0]).clone();
        let weight = weight(self.program, node);
        let mut operands = Vec::new();
        node.op.for_each_operand(|v| operands.push(v));
        let fits = |g: &Group| g.result_shape() == shape && g.weight + weight <= GROUP_WEIGHT;
        let joins = |g: &Group| fits(g) && (operands.iter().any(|v| g.offers(*v)) || g.mirrors(&node.op));
        // One group with a reduction may be joined at most: the latest one; what else is needed is closed.
        let latest = self.open.iter().rposition(|g| joins(g) && g.finishing());
        let mut index = 0;
        let mut candidates = Vec::new();
        self.open.retain(|g| {
            let take = joins(g) && (!g.finishing() || Some(index) == latest);
            index += 1;
            if take {
                candidates.push(g.clone());
            }
            !take
        });
        let needed = |g: &Group, candidates: &[Group]| {
            operands.iter().any(|v| g.makes(*v))
                || candidates.iter().flat_map(Group::nodes).any(|n| {
                    let mut uses = false;
                    n.op.for_each_operand(|v| uses |= g.makes(v));
                    uses
                })
        };
        self.close(steps, |g| needed(g, &candidates));
        candidates.sort_by_key(|g| !g.finishing());
        let mut candidates = candidates.into_iter();
        let group = match candidates.next() {
            None => Group::scalar(node, &shape, weight),
            Some(mut group) => {
                candidates.for_each(|other| group.absorb(other));
                group.join(node, weight);
                group
            }
        };
        self.open.push(group);
    }

    fn reduce(&mut self, node: &Node, op: crate::ir::Reduction, v: Value, axis: usize, steps: &mut Vec<Planned>) {
        let result = node.results[0];
        let alone = |g: &Group| {
            let extends = match &g.head {
                Head::None => true,
                Head::Reduce { op: same, .. } => *same == op && g.head_result == Some(v) && g.finish.is_empty(),
                Head::Product(_) => false,
            };
            let only_use = self.uses[v.0 as usize] == 1;
            let kept = g.nodes().flat_map(|n| &n.results).all(|r| *r == v || g.own_uses(*r) == self.uses[r.0 as usize]);
            extends && only_use && kept && g.offers(v)
        };
        if let Some(at) = self.open.iter().position(alone) {
            let mut group = self.open.remove(at);
            group.reduce(op, v, result, axis);
            self.open.push(group);
            return;
        }
        self.close_operands(node, steps);
        let head = Head::Reduce { op, value: v };
        self.open.push(Group::headed(head, result, self.program.shape(v), Some(axis)));
    }

    /// The kernel of an operation that is not fused.
    fn alone(&mut self, node: &Node, steps: &mut Vec<Planned>) -> Kernel {
        match &node.op {
            Op::Circuit { circuit, batch, args } => {
                let circuit = &self.program.circuits[*circuit as usize].circuit;
                self.kernels.circuit(node, circuit, usize::from(*batch), args)
            }
            Op::Read { table, index } => match self.numbers(*table, *index, node, steps) {
                Some(numbers) => self.kernels.read_large(node, *table, *index, numbers),
                None => self.kernels.read(node, *table, *index),
            },
            Op::Write { table, index, value } => match self.numbers(*table, *index, node, steps) {
                Some(numbers) => self.kernels.write_large(node, *table, *index, *value, numbers),
                None => self.kernels.write(node, *table, *index, *value),
            },
            _ => Kernel {
                shape: Vec::new(),
                inputs: Vec::new(),
                reduce: None,
                template: 0,
                outputs: Vec::new(),
                ands: Vec::new(),
            },
        }
    }

    /// For a table too large to stand inside a template: the numbers of its entries, as a public input that moves
    /// along the last axis of the kernel.
    fn numbers(&mut self, table: Value, index: Value, node: &Node, steps: &mut Vec<Planned>) -> Option<KernelInput> {
        let batch = self.program.shape(index).len();
        let shape = self.program.shape(table);
        let (rows, elem) = (shape[batch], self.program.elem(index));
        let bits = shape[batch..].iter().product::<u64>().saturating_mul(u64::from(self.program.elem(table).bits()));
        let countable = elem.bits() - u32::from(elem.signed()) >= 64 - rows.saturating_sub(1).leading_zeros();
        if bits <= TABLE_BITS || !countable {
            return None;
        }
        let counted = self.kernels.extra_value(Type { elem: Elem::Int, shape: vec![rows] }, Place::Public);
        let value = self.kernels.extra_value(Type { elem, shape: vec![rows] }, Place::Public);
        for (op, result) in [(Op::Const(Constant::Iota), counted), (Op::Cast(counted), value)] {
            steps.push(planned(Step::Clear(Node { op, results: vec![result], site: node.site }), node.site));
        }
        let kernel_axes = match node.op {
            Op::Read { .. } => shape.len() - 1,
            _ => 0,
        };
        let mut walk = vec![None; kernel_axes];
        walk.push(Some(Walk { axis: 0, step: 1 }));
        Some(KernelInput { value, known: Known::Public, walk, inner: Vec::new() })
    }

    fn control(&mut self, node: &Node, steps: &mut Vec<Planned>) {
        self.close(steps, |_| true);
        let step = match &node.op {
            Op::Loop { from, to, init, body } => {
                let (carried, body_steps) = self.looping(node, init, body, steps);
                Step::Loop { from: *from, to: *to, index: body.params[0], carried, body: body_steps }
            }
            Op::If { cond, then, otherwise } => {
                let [taken, other] = [then, otherwise]
                    .map(|side| self.block(side, |planner, steps| planner.joined_all(&side.results, node.site, steps)));
                let mut results = Vec::new();
                for (i, &result) in node.results.iter().enumerate() {
                    let joined = Joined { then: then.results[i], otherwise: otherwise.results[i], result };
                    if self.is_shared(result) {
                        self.need(joined.then);
                        self.need(joined.otherwise);
                    }
                    results.push(joined);
                }
                Step::If { cond: *cond, then: taken, otherwise: other, results }
            }
            _ => return,
        };
        steps.push(planned(step, node.site));
    }

    /// What a loop carries, and the steps of its body. A value that is wanted as addends is carried as such.
    fn looping(
        &mut self,
        node: &Node,
        init: &[Value],
        body: &Block,
        steps: &mut Vec<Planned>,
    ) -> (Vec<Carried>, Vec<Planned>) {
        let as_addends = self.carried_as_addends(body, &node.results);
        let mut carried = Vec::new();
        for (i, &result) in node.results.iter().enumerate() {
            let c = Carried { init: init[i], param: body.params[i + 1], yielded: body.results[i], result };
            if as_addends[i] {
                let [inits, params, results] =
                    [self.whole(c.init, node.site, steps), self.fresh_addends(c.param), self.fresh_addends(result)];
                carried.extend([0, 1].map(|side| Carried {
                    init: inits[side],
                    param: params[side],
                    yielded: c.yielded,
                    result: results[side],
                }));
                continue;
            }
            self.join(c.init, node.site, steps);
            if self.is_shared(result) {
                self.need(c.init);
                self.need(c.yielded);
            }
            carried.push(c);
        }
        let mut at = 0;
        self.loops += 1;
        let inner = self.block(body, |planner, steps| {
            for (i, &v) in body.results.iter().enumerate() {
                if as_addends[i] {
                    let yields = planner.whole(v, node.site, steps);
                    [0, 1].into_iter().for_each(|side| carried[at + side].yielded = yields[side]);
                    at += 2;
                } else {
                    planner.join(v, node.site, steps);
                    at += 1;
                }
            }
        });
        self.loops -= 1;
        (carried, inner)
    }

    fn close_operands(&mut self, node: &Node, steps: &mut Vec<Planned>) {
        let mut operands = Vec::new();
        node.op.for_each_operand(|v| operands.push(v));
        self.close(steps, |g| operands.iter().any(|v| g.makes(*v)));
    }

    /// Closes the open groups that `which` names: each becomes a kernel here.
    pub(super) fn close(&mut self, steps: &mut Vec<Planned>, which: impl Fn(&Group) -> bool) {
        let open = std::mem::take(&mut self.open);
        let (closing, open): (Vec<Group>, Vec<Group>) = open.into_iter().partition(which);
        self.open = open;
        for group in closing {
            let made = group.nodes().flat_map(|n| n.results.iter().copied());
            let wanted: Vec<Value> = group
                .head_result
                .into_iter()
                .chain(made)
                .filter(|v| group.own_uses(*v) < self.uses[v.0 as usize])
                .collect();
            if wanted.is_empty() {
                continue;
            }
            let site = match &group.head {
                Head::Product(node) => node.site,
                _ => group.nodes().last().map_or(Site(0), |n| n.site),
            };
            let made = self.kernels.group(&group, &wanted);
            self.push_steps(made, site, steps);
        }
    }

    pub(super) fn push_kernel(&mut self, kernel: Kernel, site: Site, steps: &mut Vec<Planned>) {
        let finish = kernel.reduce.iter().flat_map(|r| &r.finish);
        let private: Vec<Value> =
            kernel.inputs.iter().chain(finish).filter(|i| i.known != Known::Public).map(|i| i.value).collect();
        private.into_iter().for_each(|v| self.need(v));
        steps.push(planned(Step::Kernel(kernel), site));
    }

    /// The leaves of the result, each to those who are shown it.
    fn outputs(&mut self, steps: &mut Vec<Planned>) {
        let recipients = self.program.outputs.iter().flat_map(|o| o.ty.leaves().into_iter().map(|_| o.to.clone()));
        for (index, (value, to)) in self.program.body.results.iter().zip(recipients).enumerate() {
            let step = Step::Output { index: index as u32, value: *value, to };
            steps.push(planned(step, Site(0)));
        }
    }
}

/// A rough count of an operation's ANDs.
fn weight(program: &Program, node: &Node) -> u64 {
    let mut bits = 1;
    node.op.for_each_operand(|v| bits = bits.max(u64::from(program.elem(v).bits())));
    match node.op {
        Op::Binary(Binary::Mul | Binary::Div | Binary::Rem, ..) => bits * bits,
        Op::Binary(Binary::Shl | Binary::Shr, ..) => 6 * bits,
        Op::Binary(Binary::Xor, ..) => 0,
        _ => bits,
    }
}

/// Puts a `Share` after the definition of each value that needs one, so that inputs are transferred early.
fn share_after_definition(steps: &mut Vec<Planned>, shared: &BTreeSet<Value>) {
    let mut out = Vec::with_capacity(steps.len());
    let share = |defined: &[Value], site: Site| {
        let wanted = defined.iter().filter(|v| shared.contains(v));
        wanted.map(|v| planned(Step::Share(*v), site)).collect::<Vec<_>>()
    };
    for mut step in std::mem::take(steps) {
        match &mut step.step {
            Step::Loop { index, carried, body, .. } => {
                share_after_definition(body, shared);
                let params: Vec<Value> = std::iter::once(*index).chain(carried.iter().map(|c| c.param)).collect();
                body.splice(0..0, share(&params, step.site));
            }
            Step::If { then, otherwise, .. } => {
                share_after_definition(then, shared);
                share_after_definition(otherwise, shared);
            }
            _ => {}
        }
        let after = share(&step.step.defines(), step.site);
        out.push(step);
        out.extend(after);
    }
    *steps = out;
}

impl Step {
    /// The values that the step defines.
    pub fn defines(&self) -> Vec<Value> {
        match self {
            Step::Clear(node) | Step::Structural(node) => node.results.clone(),
            Step::Triangular(sums) => vec![sums.result],
            Step::Mask(value) => vec![*value],
            Step::Product(product) => product.result.to_vec(),
            Step::Halves { halves, .. } => halves.to_vec(),
            Step::Choose(choose) => choose.result.to_vec(),
            Step::Share(_) | Step::Output { .. } => Vec::new(),
            Step::Kernel(kernel) => kernel.outputs.iter().map(|o| o.value).collect(),
            Step::Reveal { result, .. } | Step::Open { result, .. } => vec![*result],
            Step::Loop { carried, .. } => carried.iter().map(|c| c.result).collect(),
            Step::If { results, .. } => results.iter().map(|j| j.result).collect(),
        }
    }
}
