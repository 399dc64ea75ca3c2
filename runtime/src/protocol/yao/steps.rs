//! The steps of a plan, executed in order.

use std::borrow::Cow;
use std::collections::HashSet;

use motet_program::data::{Tensor, Type};
use motet_program::ir::{Node, Op, Site, Value};
use motet_program::place::Place;
use motet_program::plan::{Carried, Joined, Planned, Step, Triangular};

use super::super::Job;
use super::super::array::Array;
use super::super::clear::{self, Clear, from_tensor, sizes, to_tensor};
use super::super::error::{Failure, ProtocolError};
use super::super::profile::{Mark, Profile};
use super::super::structural::{apply, data_operands, is_structural};
use super::checkpoint::{Schedule, Trail, UNFIT};
use super::kernel::Templates;
use super::open::Recipients;
use super::party::{Phase, Side};
use super::shared_bits::SharedBits;
use super::values::{Entry, Shared, Values};
use crate::crypto::Prg;

/// A run in progress.
pub(super) struct Run<'a, 'k> {
    pub job: &'a Job<'a>,
    /// The types of all values: the program's, then the plan's own.
    pub types: Vec<Type>,
    pub values: Values,
    /// Values of the evaluator whose labels are made where they are read.
    pub deferred: HashSet<Value>,
    pub templates: Templates,
    /// What runs circuits where they are not garbled.
    pub shared_bits: Option<SharedBits>,
    pub side: Side<'a>,
    /// Which values their owners know in the offline phase; empty in a run without one.
    pub known: &'a [bool],
    /// Whether the offline phase ends early, as what follows depends on what is not known yet.
    pub stopped: bool,
    /// Public randomness, the same at both parties.
    pub random: Prg,
    pub outputs: Vec<Option<Tensor>>,
    /// What each place in the source has taken.
    pub profile: Profile,
    /// Where the run stands.
    pub trail: Trail,
    /// When checkpoints are due, where they are kept.
    pub schedule: Option<Schedule<'k>>,
}

impl Run<'_, '_> {
    /// Executes the plan.
    ///
    /// # Errors
    /// As `protocol::run`.
    pub fn steps(&mut self) -> Result<(), ProtocolError> {
        let done = self.block(&self.job.plan.steps);
        // What stops this party stops the other at the same step: it must be able to get there.
        if !matches!(done, Err(ProtocolError::Net(_) | ProtocolError::Ot(_))) {
            self.side.channel.flush()?;
        }
        done
    }

    /// Executes steps.
    ///
    /// # Errors
    /// As `protocol::run`.
    pub fn block(&mut self, steps: &[Planned]) -> Result<(), ProtocolError> {
        let first = self.trail.enter();
        for (at, planned) in steps.iter().enumerate().skip(first) {
            self.trail.step(at);
            let before = self.mark();
            self.step(planned)?;
            self.profile.add(planned, &before, &self.mark());
            if self.stopped {
                break;
            }
            for v in &planned.last {
                self.values.take(*v);
            }
        }
        self.trail.leave();
        Ok(())
    }

    fn mark(&self) -> Mark {
        Mark::now(self.side.channel, self.side.meter.ands())
    }

    fn step(&mut self, planned: &Planned) -> Result<(), ProtocolError> {
        match self.side.phase {
            Phase::Whole => self.whole(planned),
            Phase::Offline(_) => self.offline(planned),
            Phase::Online(_) => self.online(planned),
        }
    }

    /// A step, all of it.
    pub(super) fn whole(&mut self, planned: &Planned) -> Result<(), ProtocolError> {
        let site = planned.site;
        match &planned.step {
            Step::Clear(node) => self.clear(node, &planned.last, site),
            Step::Triangular(sums) => self.triangular(sums),
            Step::Structural(node) => self.structural(node, &planned.last, site),
            Step::Share(value) => self.share(*value),
            Step::Kernel(kernel) => match &mut self.shared_bits {
                Some(circuits) => circuits.run(kernel, &self.types, &mut self.values, &mut self.side),
                None => self.templates.run(kernel, &self.types, &mut self.values, &mut self.side),
            },
            Step::Mask(value) => self.mask(*value),
            Step::Open { value, result, .. } => self.open_to(*value, self.recipients(&planned.step), *result),
            Step::Product(product) => self.product(product),
            Step::Halves { value, halves } => self.halves(*value, *halves),
            Step::Choose(choose) => self.choose(choose),
            Step::Reveal { value, result } => self.reveal(*value, self.recipients(&planned.step), *result, site),
            Step::Output { index, value, .. } => self.output(*index, *value, self.recipients(&planned.step)),
            Step::Loop { from, to, index, carried, body } => {
                let (from, to) = (self.values.int(*from)?, self.values.int(*to)?);
                self.side.meter.enter(site, u64::try_from(to.saturating_sub(from)).unwrap_or(0));
                let done = self.repeat(from..to, *index, carried, body);
                self.side.meter.leave();
                done
            }
            Step::If { cond, then, otherwise, results } => self.branch(*cond, then, otherwise, results),
        }
    }

    pub(super) fn ty(&self, v: Value) -> Result<&Type, ProtocolError> {
        self.types.get(v.0 as usize).ok_or(ProtocolError::Plan("a step uses a value that does not exist"))
    }

    pub(super) fn place(&self, v: Value) -> Place {
        self.job.plan.places.get(v.0 as usize).copied().unwrap_or(Place::Shared)
    }

    /// An operation on public values, or on values of one party, who alone does it.
    pub(super) fn clear(&mut self, node: &Node, last: &[Value], site: Site) -> Result<(), ProtocolError> {
        let owner = node.results.first().map_or(Place::Public, |v| self.place(*v));
        if matches!(owner, Place::Private(party) if party != self.job.party) {
            return Ok(());
        }
        if let Op::Input { param, leaf } = node.op {
            let tensor = self.input(param, leaf, &node.results)?;
            return self.define(node, vec![tensor]);
        }
        let done = if is_structural(&node.op) {
            self.clear_structural(node, last).map(|array| vec![array])
        } else {
            let random = &mut self.random;
            let values = &self.values;
            let get = |v: Value| values.get(v).clear.as_ref();
            clear::evaluate(self.job.program, &self.types, node, get, &mut || random.block().value() as u64)
        };
        let arrays = done.map_err(|failure| failure.at(self.job.program, site))?;
        self.define(node, arrays)
    }

    fn triangular(&mut self, sums: &Triangular) -> Result<(), ProtocolError> {
        if matches!(self.place(sums.result), Place::Private(party) if party != self.job.party) {
            return Ok(());
        }
        let missing = ProtocolError::Plan("a step sums a value that is not known");
        let clear = self.values.get(sums.input.value).clear.as_ref().ok_or(missing)?;
        let operand = to_tensor(clear, self.ty(sums.input.value)?)?;
        let made = motet_program::clear::triangular(&operand, sums, self.ty(sums.result)?);
        self.values.set_clear(sums.result, from_tensor(made))
    }

    fn define(&mut self, node: &Node, arrays: Vec<Clear>) -> Result<(), ProtocolError> {
        if arrays.len() != node.results.len() {
            return Err(ProtocolError::Plan("an operation has other results than it defines"));
        }
        node.results.iter().zip(arrays).try_for_each(|(v, array)| self.values.set_clear(*v, array))
    }

    fn input(&self, param: u32, leaf: u32, results: &[Value]) -> Result<Clear, ProtocolError> {
        let leaves = self.job.inputs.get(param as usize).and_then(Option::as_ref);
        let tensor = leaves.and_then(|leaves| leaves.get(leaf as usize));
        let ty = results.first().map(|v| self.ty(*v)).transpose()?;
        match (tensor, ty) {
            (Some(tensor), Some(ty)) if tensor.ty == *ty && tensor.data.len() as u64 == ty.count() => {
                Ok(from_tensor(tensor.clone()))
            }
            _ => {
                let name = self.job.program.params.get(param as usize).map_or("", |param| &param.name);
                Err(ProtocolError::Input { parameter: name.to_owned() })
            }
        }
    }

    fn clear_structural(&mut self, node: &Node, last: &[Value]) -> Result<Clear, Failure> {
        let data = take_operands(&node.op, last, |v, taken| {
            if taken {
                self.values.entry(v).ok().and_then(|entry| entry.clear.take())
            } else {
                self.values.get(v).clear.clone()
            }
        });
        let shape = self.result_shape(node)?;
        apply(&node.op, data.ok_or(Failure::Misfit)?, &shape, |v| self.values.ints(v))
    }

    fn result_shape(&self, node: &Node) -> Result<Vec<usize>, Failure> {
        let ty = node.results.first().and_then(|v| self.types.get(v.0 as usize));
        ty.map(sizes).ok_or(Failure::Misfit)
    }

    /// A structural operation on shared values: on labels, or on the clear values that labels are made of later.
    fn structural(&mut self, node: &Node, last: &[Value], site: Site) -> Result<(), ProtocolError> {
        let data = take_operands(&node.op, last, |v, taken| {
            if taken {
                self.values.entry(v).ok().and_then(|entry| entry.shared.take())
            } else {
                self.values.get(v).shared.clone()
            }
        });
        let data = data.ok_or(ProtocolError::Plan("a step uses a value that is not shared"))?;
        let [result] = node.results[..] else {
            return Err(ProtocolError::Plan("a structural operation has one result"));
        };
        let shape = self.result_shape(node).map_err(|failure| failure.at(self.job.program, site))?;
        let shared = if data.iter().all(|shared| matches!(shared, Shared::Public(_))) {
            self.move_clear(node, &data, &shape).map(Shared::Public)
        } else if data.iter().all(|shared| matches!(shared, Shared::Public(_) | Shared::Garbler(_))) {
            if self.side.garbles() {
                self.move_clear(node, &data, &shape).map(|clear| Shared::Garbler(Some(clear)))
            } else {
                Ok(Shared::Garbler(None))
            }
        } else if self.shared_bits.is_some() {
            let operands = data_operands(&node.op);
            let mut halves = Vec::with_capacity(data.len());
            for (v, shared) in operands.iter().zip(&data) {
                halves.push(self.side.halves(shared, &sizes(self.ty(*v)?)));
            }
            drop(data);
            apply(&node.op, halves, &shape, |v| self.values.ints(v)).map(Shared::Bits)
        } else {
            let operands = data_operands(&node.op);
            let mut labels = Vec::with_capacity(data.len());
            for (v, shared) in operands.iter().zip(data) {
                labels.push(match shared {
                    Shared::Labels(labels) => labels,
                    other => {
                        let ty = self.ty(*v)?;
                        let (bits, shape) = (ty.elem.bits() as usize, sizes(ty));
                        self.side.labels(&other, bits, &shape)?
                    }
                });
            }
            apply(&node.op, labels, &shape, |v| self.values.ints(v)).map(Shared::Labels)
        };
        let shared = shared.map_err(|failure| failure.at(self.job.program, site))?;
        self.values.set_shared(result, shared)
    }

    fn move_clear(&self, node: &Node, data: &[Shared], shape: &[usize]) -> Result<Clear, Failure> {
        let clear = |shared: &Shared| match shared {
            Shared::Public(clear) | Shared::Garbler(Some(clear)) => Some(clear.clone()),
            Shared::Garbler(None) | Shared::Evaluator(_) | Shared::Labels(_) | Shared::Bits(_) => None,
        };
        let data: Option<Vec<Clear>> = data.iter().map(clear).collect();
        apply(&node.op, data.ok_or(Failure::Misfit)?, shape, |v| self.values.ints(v))
    }

    /// Gives a public or private value its shared representation too.
    pub(super) fn share(&mut self, value: Value) -> Result<(), ProtocolError> {
        if self.values.get(value).shared.is_some() {
            return Ok(());
        }
        let shared = match self.place(value) {
            Place::Public => Shared::Public(self.values.clear(value)?.clone()),
            Place::Private(party) if party == self.job.plan.garbler => {
                Shared::Garbler(if self.side.garbles() { Some(self.values.clear(value)?.clone()) } else { None })
            }
            Place::Private(_) if self.shared_bits.is_some() || self.deferred.contains(&value) => {
                Shared::Evaluator(if self.side.garbles() { None } else { Some(self.values.clear(value)?.clone()) })
            }
            Place::Private(_) => {
                let ty = self.ty(value)?;
                let (bits, shape) = (ty.elem.bits() as usize, sizes(ty));
                let clear = self.values.get(value).clear.as_ref();
                Shared::Labels(self.side.share(clear, bits, &shape)?)
            }
            Place::Shared => return Err(ProtocolError::Plan("a shared value is shared again")),
        };
        self.values.entry(value)?.shared = Some(shared);
        Ok(())
    }

    fn reveal(&mut self, value: Value, to: Recipients, result: Value, site: Site) -> Result<(), ProtocolError> {
        let words = self.open(value, to)?.ok_or(ProtocolError::Plan("a revealed value is not shown"))?;
        let ty = self.ty(value)?;
        let (elem, shape) = (ty.elem, sizes(ty));
        if let [word] = words[..] {
            self.side.meter.reveal(site, elem, word, self.side.channel);
        }
        self.values.set_clear(result, Array::new(1, &shape, words))
    }

    fn open_to(&mut self, value: Value, to: Recipients, result: Value) -> Result<(), ProtocolError> {
        let Some(words) = self.open(value, to)? else { return Ok(()) };
        let shape = sizes(self.ty(value)?);
        self.values.set_clear(result, Array::new(1, &shape, words))
    }

    /// Who is shown the value that a step opens.
    pub(super) fn recipients(&self, step: &Step) -> Recipients {
        let garbler = self.job.plan.garbler;
        match step {
            Step::Open { to, .. } => Recipients { garbler: *to == garbler, evaluator: *to != garbler },
            Step::Output { to, .. } => {
                Recipients { garbler: to.contains(&garbler), evaluator: to.iter().any(|party| *party != garbler) }
            }
            _ => Recipients { garbler: true, evaluator: true },
        }
    }

    fn output(&mut self, index: u32, value: Value, to: Recipients) -> Result<(), ProtocolError> {
        let Some(data) = self.open(value, to)? else { return Ok(()) };
        let tensor = Tensor { ty: self.ty(value)?.clone(), data };
        let slot = self.outputs.get_mut(index as usize);
        *slot.ok_or(ProtocolError::Plan("a result is shown that the program does not have"))? = Some(tensor);
        Ok(())
    }

    /// Opens a value; its words, where this party is to see them.
    fn open(&mut self, value: Value, to: Recipients) -> Result<Option<Vec<u64>>, ProtocolError> {
        let garbler = self.job.plan.garbler;
        let ty = self.ty(value)?;
        let (bits, count) = (ty.elem.bits() as usize, ty.count() as usize);
        let shared = match self.place(value) {
            Place::Public => Cow::Owned(Shared::Public(self.values.clear(value)?.clone())),
            Place::Shared if self.side.garbled_before() => {
                return self.side.open_decoded(self.values.get(value).shared.as_ref(), bits, count, to);
            }
            Place::Shared => Cow::Borrowed(self.values.shared(value)?),
            Place::Private(owner) => return self.open_private(value, owner == garbler, bits, count, to),
        };
        self.side.open(&shared, bits, count, to)
    }

    /// Opens a value that one party knows: it sends it to the other, if that one is to see it.
    fn open_private(
        &mut self,
        value: Value,
        of_garbler: bool,
        bits: usize,
        count: usize,
        to: Recipients,
    ) -> Result<Option<Vec<u64>>, ProtocolError> {
        let mine = if self.side.garbles() { to.garbler } else { to.evaluator };
        let others = if of_garbler { to.evaluator } else { to.garbler };
        if self.side.garbles() == of_garbler {
            let clear = self.values.clear(value)?;
            if others {
                self.side.send_words(clear, bits)?;
            }
            Ok(if mine { Some(clear.to_vec()?) } else { None })
        } else if mine {
            Ok(Some(self.side.receive_words(bits, count)?))
        } else {
            Ok(None)
        }
    }

    fn repeat(
        &mut self,
        range: std::ops::Range<i64>,
        index: Value,
        carried: &[Carried],
        body: &[Planned],
    ) -> Result<(), ProtocolError> {
        let mut local = Vec::new();
        defined(body, &mut local);
        // Where a run goes on inside the loop, the turn's values are there already.
        let mut taken_up = self.trail.taken_up();
        let first = taken_up.unwrap_or(range.start);
        if taken_up.is_some() && !range.contains(&first) {
            return Err(UNFIT);
        }
        self.side.meter.skip(first.abs_diff(range.start));
        let mut state: Vec<Entry> = match taken_up {
            Some(_) => Vec::new(),
            None => carried.iter().map(|c| self.carry(c.init, c.param)).collect(),
        };
        for i in first..range.end {
            self.side.channel.check()?;
            self.trail.turn(i);
            if taken_up.take().is_none() {
                for (carried, entry) in carried.iter().zip(state.drain(..)) {
                    *self.values.entry(carried.param)? = entry;
                }
                self.values.set_clear(index, Array::new(1, &[], vec![i as u64]))?;
                self.reached()?;
            }
            self.block(body)?;
            if self.stopped {
                return Ok(());
            }
            state.extend(carried.iter().map(|c| self.carry(c.yielded, c.param)));
            // What the body holds goes before the next iteration, so that it may write where nobody else looks.
            for v in &local {
                self.values.take(*v);
            }
            carried.iter().for_each(|c| drop(self.values.take(c.param)));
            self.side.meter.turn();
        }
        for (carried, entry) in carried.iter().zip(state) {
            *self.values.entry(carried.result)? = entry;
        }
        Ok(())
    }

    /// The representation of `value` that `into` has.
    fn carry(&self, value: Value, into: Value) -> Entry {
        let entry = self.values.get(value);
        match self.place(into) {
            Place::Shared => Entry { clear: None, shared: entry.shared.clone() },
            Place::Public | Place::Private(_) => Entry { clear: entry.clear.clone(), shared: None },
        }
    }

    fn branch(
        &mut self,
        cond: Value,
        then: &[Planned],
        otherwise: &[Planned],
        results: &[Joined],
    ) -> Result<(), ProtocolError> {
        let holds = self.values.int(cond)? & 1 == 1;
        self.trail.taken_up();
        self.trail.turn(i64::from(holds));
        self.block(if holds { then } else { otherwise })?;
        for joined in results {
            let from = if holds { joined.then } else { joined.otherwise };
            *self.values.entry(joined.result)? = self.carry(from, joined.result);
        }
        Ok(())
    }
}

/// The data operands of a structural operation. The tensor that an update replaces part of is taken where nothing uses
/// it later, so that it can be written in place.
fn take_operands<T>(op: &Op, last: &[Value], mut get: impl FnMut(Value, bool) -> Option<T>) -> Option<Vec<T>> {
    match op {
        Op::Update { base, part, .. } => {
            let part_data = get(*part, false)?;
            let base_data = get(*base, last.contains(base) && base != part)?;
            Some(vec![base_data, part_data])
        }
        _ => data_operands(op).into_iter().map(|v| get(v, false)).collect(),
    }
}

/// The values that steps define, those in branches included (a loop drops its own).
fn defined(steps: &[Planned], out: &mut Vec<Value>) {
    for planned in steps {
        out.extend(planned.step.defines());
        if let Step::If { then, otherwise, .. } = &planned.step {
            defined(then, out);
            defined(otherwise, out);
        }
    }
}
