//! Kernels: a circuit template over a batch of instances, with or without a reduction inside each.
//!
//! Instances are taken in chunks. A chunk's operands are loaded into the slots of the batch (gathered from wherever the
//! elements lie, repeated where they are broadcast), the template is run, and its outputs are written to where they
//! stay. Nothing is as large as the kernel but its results.

use std::collections::HashSet;

use motet_program::data::Type;
use motet_program::ir::Value;
use motet_program::plan::{Kernel, KernelInput, Reduce};
use zeroize::Zeroizing;

use super::super::error::ProtocolError;
use super::super::layout::Run;
use super::operand::{Operand, Window, width};
use super::party::Side;
use super::results::Results;
use super::values::Values;
use crate::crypto::Block;
use crate::garble::{Batch, MAX_BATCH, Prepared};

/// A kernel that does not fit its templates or values.
pub(super) const MISFIT: ProtocolError = ProtocolError::Plan("a kernel does not fit its templates or its values");

/// The templates of a plan, and working memory for them.
pub(super) struct Templates {
    prepared: Vec<Prepared>,
    /// Results of which colours are enough.
    opened: HashSet<Value>,
    batch: Batch,
    runs: Vec<Run>,
    /// The reduction's accumulators: plane after plane, lane after lane, instance after instance.
    accumulators: Zeroizing<Vec<Block>>,
}

impl Templates {
    pub fn new(prepared: Vec<Prepared>, opened: HashSet<Value>) -> Self {
        Templates { prepared, opened, batch: Batch::default(), runs: Vec::new(), accumulators: Zeroizing::default() }
    }

    /// Runs a kernel and defines its results.
    ///
    /// # Errors
    /// The link failed, there is not enough memory, or the plan breaks its contract.
    pub fn run(
        &mut self,
        kernel: &Kernel,
        types: &[Type],
        values: &mut Values,
        side: &mut Side<'_>,
    ) -> Result<(), ProtocolError> {
        let instances: Vec<usize> = kernel.shape.iter().map(|size| *size as usize).collect();
        let count = instances.iter().try_fold(1usize, |n, size| n.checked_mul(*size)).ok_or(MISFIT)?;
        let Templates { prepared, opened, batch, runs, accumulators } = self;
        let mut results = Results::new(&kernel.outputs, types, opened, count)?;
        let template = |index: u32| prepared.get(index as usize).ok_or(MISFIT);
        let mut machine = Machine { side, batch, runs };
        let last = template(kernel.template)?;
        if results.bits() != last.outputs() {
            return Err(MISFIT);
        }
        let loads = !machine.side.keeps_tables();
        let resolve = |inputs: &[KernelInput], extents: &[usize], garbler: bool| {
            let resolved = inputs
                .iter()
                .filter(|_| loads)
                .map(|i| Operand::resolve(i, types, values, garbler, &instances, extents));
            resolved.collect::<Result<Vec<_>, _>>()
        };
        let garbler = machine.side.garbles();
        match &kernel.reduce {
            None => {
                if width(&kernel.inputs, types) != Some(last.inputs().len()) {
                    return Err(MISFIT);
                }
                let mut operands = resolve(&kernel.inputs, &[], garbler)?;
                read_ahead(operands.iter_mut());
                for from in (0..count).step_by(last.batch()) {
                    let to = count.min(from + last.batch());
                    machine.batch.begin(last, to - from);
                    machine.load(&mut operands, Window::of(from, to, count), last, 0)?;
                    machine.run(last)?;
                    results.store(&mut machine.side.engine, machine.batch, last, from);
                }
            }
            Some(reduce) => {
                let reduction = Reduction::new(reduce, kernel, types, template)?;
                let mut operands = resolve(&kernel.inputs, &reduction.extents, garbler)?;
                let mut finish = resolve(&reduce.finish, &[], garbler)?;
                read_ahead(operands.iter_mut().chain(&mut finish));
                for from in (0..count).step_by(reduction.group) {
                    let to = count.min(from + reduction.group);
                    reduction.accumulate(&mut machine, &mut operands, accumulators, from, to)?;
                    machine.batch.begin(last, to - from);
                    let next = machine.load(&mut finish, Window::of(from, to, count), last, 0)?;
                    reduction.load(machine.batch, next, accumulators, reduction.lanes * (to - from), 0);
                    machine.run(last)?;
                    results.store(&mut machine.side.engine, machine.batch, last, from);
                }
            }
        }
        results.define(values)
    }
}

/// Has labels asked for ahead where one operand alone has them transferred: with several, they would not be asked for in
/// the order in which they are loaded.
fn read_ahead<'o, 'a: 'o>(operands: impl Iterator<Item = &'o mut Operand<'a>>) {
    let mut transferred = operands.filter_map(Operand::transferred);
    if let (Some(ahead), None) = (transferred.next(), transferred.next()) {
        ahead.alone = true;
    }
}

/// What runs a template over one batch.
struct Machine<'m, 's> {
    side: &'m mut Side<'s>,
    batch: &'m mut Batch,
    runs: &'m mut Vec<Run>,
}

impl Machine<'_, '_> {
    /// Loads operands from input `slot` on; returns the next input.
    fn load(
        &mut self,
        operands: &mut [Operand<'_>],
        window: Window,
        template: &Prepared,
        slot: usize,
    ) -> Result<usize, ProtocolError> {
        operands
            .iter_mut()
            .try_fold(slot, |slot, operand| operand.load(window, slot, template, self.batch, self.side, self.runs))
    }

    fn run(&mut self, template: &Prepared) -> Result<(), ProtocolError> {
        self.side.run(template, self.batch)?;
        self.side.meter.add(template.ands() * self.batch.len() as u64, self.side.channel);
        Ok(())
    }
}

impl Window {
    /// Instances of a kernel without a reduction.
    fn of(from: usize, to: usize, count: usize) -> Window {
        Window { from, to, first: 0, apart: 0, lanes: 1, most_instances: count - from, most_indices: 1 }
    }
}

/// A sequential reduction inside each instance, split into lanes; see `plan::Reduce`.
struct Reduction<'t> {
    start: &'t [bool],
    step: &'t Prepared,
    wide: Option<(usize, &'t Prepared)>,
    combine: Option<&'t Prepared>,
    lanes: usize,
    /// Indices that a lane takes, without what is left for lane 0.
    share: usize,
    /// All indices.
    total: usize,
    /// Instances that are taken together.
    group: usize,
    /// Lanes of instances that are run at once.
    batch: usize,
    extents: Vec<usize>,
}

impl<'t> Reduction<'t> {
    fn new(
        reduce: &'t Reduce,
        kernel: &Kernel,
        types: &[Type],
        template: impl Fn(u32) -> Result<&'t Prepared, ProtocolError>,
    ) -> Result<Self, ProtocolError> {
        let bits = reduce.start.len();
        let operands = width(&kernel.inputs, types);
        let fits = |template: &Prepared, operands: Option<usize>, outputs: usize| {
            operands.and_then(|n| n.checked_add(bits)) == Some(template.inputs().len()) && template.outputs() == outputs
        };
        let last = template(kernel.template)?;
        let step = template(reduce.step)?;
        let mut fit = fits(step, operands, bits) && fits(last, width(&reduce.finish, types), last.outputs());
        let wide = match reduce.wide {
            None => None,
            Some(wide) => {
                let factor = wide.factor as usize;
                let template = template(wide.template)?;
                fit &= factor > 0 && fits(template, operands.and_then(|n| n.checked_mul(factor)), bits);
                Some((factor, template))
            }
        };
        let lanes = reduce.lanes as usize;
        let combine = if lanes > 1 { Some(template(reduce.combine)?) } else { None };
        fit &= lanes > 0 && combine.is_none_or(|combine| fits(combine, Some(bits), bits));
        let extents: Vec<usize> = reduce.extents.iter().map(|size| *size as usize).collect();
        let total = extents.iter().try_fold(1usize, |n, size| n.checked_mul(*size));
        let (Some(total), true) = (total, fit) else { return Err(MISFIT) };
        let share = total / lanes;
        let share = wide.map_or(share, |(factor, _)| share / factor * factor);
        let batch = [Some(step), wide.map(|wide| wide.1), combine, Some(last)];
        let batch = batch.into_iter().flatten().map(Prepared::batch).min().unwrap_or(1);
        let group = (batch / lanes).max(1);
        Ok(Reduction { start: &reduce.start, step, wide, combine, lanes, share, total, group, batch, extents })
    }

    /// Leaves the reduced instances `from..to` in lane 0 of the accumulators.
    fn accumulate(
        &self,
        machine: &mut Machine<'_, '_>,
        operands: &mut [Operand<'_>],
        accumulators: &mut Zeroizing<Vec<Block>>,
        from: usize,
        to: usize,
    ) -> Result<(), ProtocolError> {
        let instances = to - from;
        let items = self.lanes * instances;
        accumulators.resize(self.start.len() * items, Block::ZERO);
        for (plane, bit) in accumulators.chunks_mut(items).zip(self.start) {
            for labels in plane.chunks_mut(MAX_BATCH) {
                machine.side.engine.derive(u128::from(*bit).wrapping_neg(), labels);
            }
        }
        // All instances of as many lanes as fill a batch; a group of one instance may have more lanes than that.
        let lanes_at_once = (self.batch / instances).max(1);
        for lane in (0..self.lanes).step_by(lanes_at_once) {
            let lanes = lanes_at_once.min(self.lanes - lane);
            let first = lane * self.share;
            let window =
                Window { first, apart: self.share, lanes, most_indices: self.share, ..Window::of(from, to, to) };
            self.steps(machine, operands, accumulators, window, lane * instances, items, self.share)?;
        }
        let done = self.lanes * self.share;
        let left = self.total - done;
        let window = Window { first: done, most_indices: left, ..Window::of(from, to, to) };
        self.steps(machine, operands, accumulators, window, 0, items, left)?;
        self.fold_lanes(machine, accumulators, instances)
    }

    /// Takes `count` indices from the window's on: as many wide steps as fit, then single ones. `item` is where the
    /// window's accumulators stand.
    #[allow(clippy::too_many_arguments)]
    fn steps(
        &self,
        machine: &mut Machine<'_, '_>,
        operands: &mut [Operand<'_>],
        accumulators: &mut [Block],
        window: Window,
        item: usize,
        items: usize,
        count: usize,
    ) -> Result<(), ProtocolError> {
        let n = window.lanes * (window.to - window.from);
        let mut done = 0;
        while done < count {
            let (taken, template) = match self.wide {
                Some((factor, template)) if count - done >= factor => (factor, template),
                _ => (1, self.step),
            };
            machine.batch.begin(template, n);
            let slot = (done..done + taken).try_fold(0, |slot, index| {
                let at = Window { first: window.first + index, most_indices: count - index, ..window };
                machine.load(operands, at, template, slot)
            })?;
            self.load(machine.batch, slot, accumulators, items, item);
            machine.run(template)?;
            self.store(machine, template, accumulators, items, item);
            done += taken;
        }
        Ok(())
    }

    /// Combines lanes pairwise until one remains.
    fn fold_lanes(
        &self,
        machine: &mut Machine<'_, '_>,
        accumulators: &mut [Block],
        instances: usize,
    ) -> Result<(), ProtocolError> {
        let Some(combine) = self.combine else { return Ok(()) };
        let items = self.lanes * instances;
        let mut lanes = self.lanes;
        while lanes > 1 {
            let half = lanes / 2;
            let (end, other) = (half * instances, (lanes - half) * instances);
            for item in (0..end).step_by(self.batch) {
                machine.batch.begin(combine, self.batch.min(end - item));
                self.load(machine.batch, 0, accumulators, items, item);
                self.load(machine.batch, self.start.len(), accumulators, items, other + item);
                machine.run(combine)?;
                self.store(machine, combine, accumulators, items, item);
            }
            lanes -= half;
        }
        Ok(())
    }

    /// Loads the accumulators from `item` on into the template's inputs from `slot` on.
    fn load(&self, batch: &mut Batch, slot: usize, accumulators: &[Block], items: usize, item: usize) {
        let n = batch.len();
        for bit in 0..self.start.len() {
            batch.labels_mut(slot + bit).copy_from_slice(&accumulators[bit * items + item..][..n]);
        }
    }

    fn store(
        &self,
        machine: &mut Machine<'_, '_>,
        template: &Prepared,
        accumulators: &mut [Block],
        items: usize,
        item: usize,
    ) {
        let n = machine.batch.len();
        for bit in 0..self.start.len() {
            let out = &mut accumulators[bit * items + item..][..n];
            machine.side.engine.output(template, machine.batch, bit, out);
        }
    }
}
