//! Which values of the evaluator get their labels only where they are read.
//!
//! Labels are 128 times as large as what they stand for. A large value that one kernel reads, element by element, need
//! not have all of them at once: the kernel transfers them piece by piece. Both parties find the same values.

use std::collections::{HashMap, HashSet};

use motet_circuits::Known;
use motet_program::data::Type;
use motet_program::ir::Value;
use motet_program::place::Place;
use motet_program::plan::{Kernel, KernelInput, Plan, Planned, Step};

use super::super::structural::data_operands;

/// Bits from which a value is large: 4 MiB of labels.
const LARGE: u64 = 1 << 18;

/// The values that are shared late.
pub(super) fn deferred(plan: &Plan, types: &[Type]) -> HashSet<Value> {
    let mut uses = Uses { types, blocks: 0, shared: HashMap::new(), read: HashMap::new() };
    uses.block(&plan.steps);
    let fits = |value: &Value, block: &usize| {
        let (Some(ty), Some(place)) = (types.get(value.0 as usize), plan.places.get(value.0 as usize)) else {
            return false;
        };
        let of_evaluator = matches!(place, Place::Private(party) if *party != plan.garbler);
        let once =
            matches!(uses.read.get(value), Some(Use::Once { block: at, loads }) if at == block && *loads <= ty.count());
        of_evaluator && once && ty.count().saturating_mul(u64::from(ty.elem.bits())) > LARGE
    };
    uses.shared.iter().filter(|(value, block)| fits(value, block)).map(|(value, _)| *value).collect()
}

/// How a shared representation is used.
enum Use {
    /// By one kernel of the block, which loads so many elements.
    Once { block: usize, loads: u64 },
    /// Otherwise.
    Else,
}

struct Uses<'a> {
    types: &'a [Type],
    blocks: usize,
    /// In which block a value is shared.
    shared: HashMap<Value, usize>,
    read: HashMap<Value, Use>,
}

impl Uses<'_> {
    fn block(&mut self, steps: &[Planned]) {
        let block = self.blocks;
        self.blocks += 1;
        for planned in steps {
            match &planned.step {
                Step::Clear(_) | Step::Triangular(_) | Step::Mask(_) | Step::Product(_) | Step::Choose(_) => {}
                Step::Share(value) => drop(self.shared.insert(*value, block)),
                Step::Structural(node) => data_operands(&node.op).into_iter().for_each(|v| self.note(v, Use::Else)),
                Step::Kernel(kernel) => self.kernel(kernel, block),
                Step::Reveal { value, .. }
                | Step::Open { value, .. }
                | Step::Output { value, .. }
                | Step::Halves { value, .. } => self.note(*value, Use::Else),
                Step::Loop { carried, body, .. } => {
                    carried.iter().flat_map(|c| [c.init, c.yielded]).for_each(|v| self.note(v, Use::Else));
                    self.block(body);
                }
                Step::If { then, otherwise, results, .. } => {
                    results.iter().flat_map(|r| [r.then, r.otherwise]).for_each(|v| self.note(v, Use::Else));
                    self.block(then);
                    self.block(otherwise);
                }
            }
        }
    }

    fn kernel(&mut self, kernel: &Kernel, block: usize) {
        let points = |axes: &[u64]| axes.iter().fold(1u64, |n, size| n.saturating_mul(*size));
        let instances = points(&kernel.shape);
        let (indices, finish) = kernel.reduce.as_ref().map_or((1, &[][..]), |r| (points(&r.extents), &r.finish));
        self.inputs(&kernel.inputs, block, instances.saturating_mul(indices));
        self.inputs(finish, block, instances);
    }

    fn inputs(&mut self, inputs: &[KernelInput], block: usize, times: u64) {
        for input in inputs.iter().filter(|input| input.known != Known::Public) {
            let shape = self.types.get(input.value.0 as usize).map_or(&[][..], |ty| &ty.shape);
            let inner = input.inner.iter().filter_map(|axis| shape.get(usize::from(*axis)));
            let loads = inner.fold(times, |n, size| n.saturating_mul(*size));
            self.note(input.value, Use::Once { block, loads });
        }
    }

    fn note(&mut self, value: Value, how: Use) {
        self.read.entry(value).and_modify(|before| *before = Use::Else).or_insert(how);
    }
}
