//! Seeing through operations that only rename elements: a kernel reads the tensor below them, at no cost.

use std::collections::HashMap;

use super::Walk;
use crate::ir::{Constant, Node, Op, Program, Value};

/// What a value is, seen through broadcasts, transpositions and axes of one element.
#[derive(Clone, Debug)]
pub enum View {
    /// One constant in every element.
    Splat(u64),
    /// Elements of `base`: for each axis of the value, the axis of `base` that it moves along, if any.
    Of {
        /// The tensor below.
        base: Value,
        /// One for each axis of the value.
        axes: Vec<Option<Walk>>,
    },
}

/// The views of a program's values, recorded in order of definition.
#[derive(Default)]
pub struct Views {
    known: HashMap<Value, View>,
    /// Constants that are small enough to stand in a template.
    constants: HashMap<Value, Vec<u64>>,
}

/// Most elements of a constant that a template may hold.
const SMALL: usize = 1 << 14;

impl Views {
    /// The view of a value.
    pub fn get(&self, program: &Program, v: Value) -> View {
        self.known.get(&v).cloned().unwrap_or_else(|| {
            let axes = (0..program.shape(v).len()).map(|axis| Some(Walk { axis: axis as u8, step: 1 })).collect();
            View::Of { base: v, axes }
        })
    }

    /// The elements of a value that is the same small constant at each point of its first `batch` axes, row-major.
    pub fn constant(&self, program: &Program, v: Value, batch: usize) -> Option<&[u64]> {
        let View::Of { base, axes } = self.get(program, v) else { return None };
        let whole = (0..program.shape(base).len()).map(|axis| Some(Walk { axis: axis as u8, step: 1 }));
        let repeated = axes[..batch].iter().all(Option::is_none);
        let elements = self.constants.get(&base).filter(|_| repeated && whole.eq(axes[batch..].iter().copied()))?;
        Some(elements)
    }

    /// Records what an operation's result is.
    pub fn record(&mut self, program: &Program, node: &Node) {
        let Some(&result) = node.results.first() else { return };
        if let Op::Const(Constant::Dense(words)) = &node.op
            && words.len() <= SMALL
        {
            self.constants.insert(result, words.clone());
        }
        let shape = program.shape(result);
        let view = match &node.op {
            Op::Const(Constant::Splat(word)) => Some(View::Splat(*word)),
            Op::Broadcast(v) => Some(self.through(program, *v, |axes, from| {
                let lead = shape.len() - from.len();
                let kept = |k: usize| k.checked_sub(lead).filter(|&i| from[i] == shape[k]).and_then(|i| axes[i]);
                (0..shape.len()).map(kept).collect()
            })),
            Op::Transpose(v, perm) => {
                Some(self.through(program, *v, |axes, _| perm.iter().map(|&p| axes[usize::from(p)]).collect()))
            }
            Op::Reshape(v) => {
                let wide = |s: &[u64]| s.iter().copied().filter(|n| *n != 1).collect::<Vec<_>>();
                (wide(program.shape(*v)) == wide(shape)).then(|| {
                    self.through(program, *v, |axes, from| {
                        let mut kept = axes.iter().zip(from).filter(|(_, n)| **n != 1).map(|(walk, _)| *walk);
                        shape.iter().map(|n| if *n == 1 { None } else { kept.next().flatten() }).collect()
                    })
                })
            }
            _ => None,
        };
        if let Some(view) = view {
            self.known.insert(result, view);
        }
    }

    fn through(
        &self,
        program: &Program,
        v: Value,
        axes_of: impl FnOnce(&[Option<Walk>], &[u64]) -> Vec<Option<Walk>>,
    ) -> View {
        match self.get(program, v) {
            View::Splat(word) => View::Splat(word),
            View::Of { base, axes } => View::Of { base, axes: axes_of(&axes, program.shape(v)) },
        }
    }
}

/// Whether an operation only renames elements, so that nothing is lost where no step uses its result.
pub fn only_renames(op: &Op) -> bool {
    matches!(op, Op::Const(_) | Op::Broadcast(_) | Op::Transpose(..) | Op::Reshape(_))
}
