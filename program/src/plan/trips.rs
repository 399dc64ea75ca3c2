//! How often loops run, where a plan tells.

use std::collections::HashMap;

use super::Step;
use crate::ir::{Constant, Op, Value};

/// Public scalars that are constants, noted as steps are walked through in order.
#[derive(Default)]
pub(super) struct Trips {
    ints: HashMap<Value, i64>,
}

impl Trips {
    /// Notes what a step defines.
    pub fn note(&mut self, step: &Step) {
        if let Step::Clear(node) = step
            && let (Op::Const(Constant::Splat(word)), [result]) = (&node.op, node.results.as_slice())
        {
            self.ints.insert(*result, *word as i64);
        }
    }

    /// How often a loop runs; `None` where that is known only when running.
    pub fn of(&self, from: Value, to: Value) -> Option<u64> {
        let (from, to) = (self.ints.get(&from)?, self.ints.get(&to)?);
        Some((i128::from(*to) - i128::from(*from)).max(0) as u64)
    }
}
