//! Kernels: a circuit template over a batch of instances, with or without a reduction inside each.
//!
//! Instances are taken in chunks. A chunk's operands are loaded into the slots of the batch (gathered from wherever the
//! elements lie, repeated where they are broadcast), the template is run, and its outputs are written to where they
//! stay. Nothing is as large as the kernel but its results.

use std::collections::HashSet;

use motet_program::data::Type;
use motet_program::ir::Value;
use motet_program::plan::{Kernel, KernelInput};
use zeroize::Zeroizing;

use super::super::error::ProtocolError;
use super::super::layout::Run;
use super::operand::{Operand, Window, width};
use super::party::Side;
use super::reduction::{Fold, Reduction};
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
                    let (operands, labels) = (&mut operands[..], &mut *accumulators);
                    let mut fold = Accumulate { machine: &mut machine, operands, labels };
                    reduction.accumulate(&mut fold, from, to)?;
                    fold.begin(last, to - from);
                    let next = fold.machine.load(&mut finish, Window::of(from, to, count), last, 0)?;
                    fold.load(next, reduction.bits(), reduction.lanes * (to - from), 0);
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

/// The accumulators of a reduction, as labels.
struct Accumulate<'f, 'm, 's, 'o> {
    machine: &'f mut Machine<'m, 's>,
    operands: &'f mut [Operand<'o>],
    labels: &'f mut Zeroizing<Vec<Block>>,
}

impl Fold<Prepared> for Accumulate<'_, '_, '_, '_> {
    fn start(&mut self, bits: &[bool], items: usize) -> Result<(), ProtocolError> {
        self.labels.resize(bits.len() * items, Block::ZERO);
        for (plane, bit) in self.labels.chunks_mut(items).zip(bits) {
            for labels in plane.chunks_mut(MAX_BATCH) {
                self.machine.side.engine.derive(u128::from(*bit).wrapping_neg(), labels);
            }
        }
        Ok(())
    }

    fn begin(&mut self, template: &Prepared, items: usize) {
        self.machine.batch.begin(template, items);
    }

    fn operands(&mut self, window: Window, template: &Prepared, slot: usize) -> Result<usize, ProtocolError> {
        self.machine.load(self.operands, window, template, slot)
    }

    fn load(&mut self, slot: usize, bits: usize, items: usize, item: usize) {
        let n = self.machine.batch.len();
        for bit in 0..bits {
            self.machine.batch.labels_mut(slot + bit).copy_from_slice(&self.labels[bit * items + item..][..n]);
        }
    }

    fn run(&mut self, template: &Prepared) -> Result<(), ProtocolError> {
        self.machine.run(template)
    }

    fn store(&mut self, template: &Prepared, bits: usize, items: usize, item: usize) {
        let Machine { side, batch, .. } = &mut *self.machine;
        for bit in 0..bits {
            let out = &mut self.labels[bit * items + item..][..batch.len()];
            side.engine.output(template, batch, bit, out);
        }
    }
}
