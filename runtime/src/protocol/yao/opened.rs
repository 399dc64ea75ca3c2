//! Which results of kernels are opened or taken apart, and used for nothing else.
//!
//! Of such a value the colours of its labels are all that is ever needed: one bit each, where labels are 128.

use std::collections::HashSet;

use motet_program::ir::Value;
use motet_program::plan::{Plan, Planned, Step};

use super::super::structural::data_operands;

/// The values whose labels need not be kept.
pub(super) fn opened(plan: &Plan) -> HashSet<Value> {
    let mut uses = Uses::default();
    uses.block(&plan.steps);
    uses.made.difference(&uses.labels).copied().collect()
}

#[derive(Default)]
struct Uses {
    /// What kernels make.
    made: HashSet<Value>,
    /// What is used otherwise than by being opened.
    labels: HashSet<Value>,
}

impl Uses {
    fn block(&mut self, steps: &[Planned]) {
        steps.iter().for_each(|planned| self.step(&planned.step));
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Clear(_) | Step::Triangular(_) | Step::Mask(_) | Step::Product(_) | Step::Share(_) => {}
            Step::Open { .. } | Step::Reveal { .. } | Step::Output { .. } => {}
            Step::Halves { .. } | Step::Choose(_) => {}
            Step::Structural(node) => self.labels.extend(data_operands(&node.op)),
            Step::Kernel(kernel) => {
                let finish = kernel.reduce.iter().flat_map(|reduce| &reduce.finish);
                self.labels.extend(kernel.inputs.iter().chain(finish).map(|input| input.value));
                self.made.extend(kernel.outputs.iter().map(|output| output.value));
            }
            Step::Loop { carried, body, .. } => {
                self.labels.extend(carried.iter().flat_map(|c| [c.init, c.yielded]));
                self.block(body);
            }
            Step::If { then, otherwise, results, .. } => {
                self.labels.extend(results.iter().flat_map(|r| [r.then, r.otherwise]));
                self.block(then);
                self.block(otherwise);
            }
        }
    }
}
