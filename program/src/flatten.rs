//! A program as one flat circuit, for export to other tools: every loop unrolled, every parameter an input.

use motet_circuits::{Builder, Circuit};
use thiserror::Error;

use crate::clear::ClearError;
use crate::data::Type;
use crate::ir::{Node, Op, Program};
use crate::plan::symbolic::{Obstacle, RUN_TIME, Symbolic};
use crate::plan::{PlanError, Step, plan_as_one};

/// Most ANDs (and input bits) of a flat circuit.
pub const MAX_ANDS: usize = 20_000_000;

/// A program as one circuit.
#[derive(Clone, Debug)]
pub struct Flat {
    /// The circuit. Inputs are the parameters' leaves in order, each element lowest bit first; outputs the result's.
    pub circuit: Circuit,
    /// Bits of each leaf of the parameters, in order.
    pub inputs: Vec<u64>,
    /// Bits of each leaf of the result, in order.
    pub outputs: Vec<u64>,
}

/// Why a program is not one circuit.
#[derive(Debug, Error)]
pub enum FlatError {
    /// It has no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What it does depends on values known only when running.
    #[error("the program is not one circuit: {0}")]
    NotOne(&'static str),
    /// It fails whatever the inputs are.
    #[error("the program fails whatever its inputs are: {0}")]
    Fails(#[from] ClearError),
    /// Too large.
    #[error("the flat circuit would have more than {MAX_ANDS} ANDs; the compiled program keeps its loops and batches")]
    TooLarge,
}

impl From<Obstacle> for FlatError {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::NotOne(why) => FlatError::NotOne(why),
            Obstacle::Fails(error) => FlatError::Fails(error),
            Obstacle::TooLarge => FlatError::TooLarge,
        }
    }
}

/// Flattens a program.
///
/// # Errors
/// Where bounds, branches or indices are known only when running, where it reveals values in the middle, or where the
/// circuit would be too large.
pub fn flatten(program: &Program) -> Result<Flat, FlatError> {
    let plan = plan_as_one(program)?;
    let leaves: Vec<Vec<Type>> = program.params.iter().map(|p| p.ty.leaves()).collect();
    let inputs: Vec<u64> = leaves.iter().flatten().map(bits).collect();
    let total: u64 = inputs.iter().fold(0, |n, b| n.saturating_add(*b));
    if total > MAX_ANDS as u64 {
        return Err(FlatError::TooLarge);
    }
    let first: Vec<Vec<u64>> = leaves
        .iter()
        .scan(0, |at, types| {
            let firsts: Vec<u64> = types
                .iter()
                .map(|t| {
                    *at += bits(t);
                    *at - bits(t)
                })
                .collect();
            Some(firsts)
        })
        .collect();
    let types: Vec<Type> = program.values.iter().chain(&plan.extra).cloned().collect();
    let mut steps = Symbolic::new(program, &plan.templates, &types, Builder::new(total as u32), MAX_ANDS);
    let mut outputs = Vec::new();
    for planned in &plan.steps {
        match &planned.step {
            Step::Clear(Node { op: Op::Input { param, leaf }, results, .. }) => {
                let first = first[*param as usize][*leaf as usize];
                let bits = bits(steps.ty(results[0]));
                steps.input(results[0], first as u32..(first + bits) as u32);
            }
            Step::Output { value, .. } => outputs.push(steps.bits(*value).ok_or(RUN_TIME)?),
            step => steps.step(step)?,
        }
    }
    let lengths = outputs.iter().map(|bits| bits.len() as u64).collect();
    Ok(Flat { circuit: steps.builder.finish(outputs.concat()), inputs, outputs: lengths })
}

fn bits(ty: &Type) -> u64 {
    ty.count().saturating_mul(u64::from(ty.elem.bits()))
}
