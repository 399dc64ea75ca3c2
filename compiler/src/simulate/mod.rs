//! The reference: an interpreter of the typed tree with machine integers.
//!
//! It shares no code with lowering, circuits or protocols; they are tested against it. What an index out of range does,
//! and whether both sides of a branch run, is decided by what [`crate::secrecy`] says of the index and the condition.
//!
//! A gradient is read off a tape (`tape`), with adjoints in double precision: what a run computes in `fix` is compared with
//! it within what the language page says of gradients.

mod access;
mod branch;
mod builtins;
mod circuit;
mod context;
mod elementwise;
mod error;
mod gradient;
mod interpret;
mod linear;
mod number;
mod reports;
mod statements;
mod tape;
#[cfg(test)]
mod tests;
mod value;

use motet_program::data::{DataType, Tensor, Type};

pub use error::{SimulateError, SimulateErrorKind};
pub use reports::{RangeKind, RangeReport, RevealReport};

use crate::secrecy::{self, Labels};
use crate::typed::data_types::{Signature, signature};
use crate::typed::tree::Tree;
use error::Exit;
use interpret::Interpreter;
use value::{Array, Value};

/// Bounds of a simulation, and the seed of its public random numbers.
#[derive(Clone, Debug)]
pub struct Options {
    /// Evaluations and elements that may be computed.
    pub steps: u64,
    /// Elements that one value may have.
    pub elements: u64,
    /// Seed of `random_public`.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { steps: 1 << 40, elements: 1 << 28, seed: 0 }
    }
}

/// What a simulation made.
#[derive(Clone, PartialEq)]
pub struct Simulation {
    /// The parts of the result: the type of each, and its leaves.
    pub outputs: Vec<(DataType, Vec<Tensor>)>,
    /// Places where `fix` left its range, in order of first appearance.
    pub ranges: Vec<RangeReport>,
    /// The `reveal`s that were passed, in order of first appearance.
    pub reveals: Vec<RevealReport>,
}

/// Runs the entry point on the leaves of each parameter.
///
/// Fails where the program does (an assertion, an index, an overflow of `int`), where a bound of the options is reached,
/// and where the inputs are not of the parameters' types.
pub fn simulate(tree: &Tree, inputs: &[Vec<Tensor>], options: &Options) -> Result<Simulation, Box<SimulateError>> {
    let signature = signature(tree).map_err(|_| bare(SimulateErrorKind::Malformed("an unknown dimension")))?;
    check_inputs(&signature, inputs)?;
    // Evaluation recurses by the nesting of expressions and calls: on a stack of its own, whatever the caller's is.
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("simulate".into())
            .stack_size(interpret::STACK)
            .spawn_scoped(scope, || run(tree, &signature, inputs, options))
            .map_err(|e| bare(SimulateErrorKind::NoThread(e.to_string())))?
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn run(
    tree: &Tree,
    signature: &Signature,
    inputs: &[Vec<Tensor>],
    options: &Options,
) -> Result<Simulation, Box<SimulateError>> {
    let mut args = Vec::with_capacity(inputs.len());
    for (param, leaves) in signature.params.iter().zip(inputs) {
        args.push(from_leaves(&param.ty, &mut leaves.iter()));
    }
    let labels = secrecy::labels(tree);
    let mut interpreter = Interpreter::new(tree, &labels, options);
    let result = match interpreter.call(tree.entry, Labels::ENTRY, args) {
        Ok(value) | Err(Exit::Return(value)) => value,
        Err(Exit::Error(error)) => return Err(error),
    };
    let parts = match (tree.tuple_result, result) {
        (true, Value::Group(parts)) => parts,
        (_, value) => vec![value],
    };
    let outputs = signature.outputs.iter().cloned().zip(parts.iter().map(to_leaves)).collect();
    Ok(Simulation { outputs, ranges: interpreter.reports.ranges, reveals: interpreter.reports.reveals })
}

fn bare(kind: SimulateErrorKind) -> Box<SimulateError> {
    Box::new(SimulateError { kind, span: None, calls: Vec::new() })
}

/// Whether the inputs are what the parameters ask for.
fn check_inputs(signature: &Signature, inputs: &[Vec<Tensor>]) -> Result<(), Box<SimulateError>> {
    let count = |what: String, expected: usize, found: usize| {
        if expected == found { Ok(()) } else { Err(bare(SimulateErrorKind::InputCount { what, expected, found })) }
    };
    count("inputs".into(), signature.params.len(), inputs.len())?;
    for (param, leaves) in signature.params.iter().zip(inputs) {
        let types = param.ty.leaves();
        count(format!("leaves of `{}`", param.name), types.len(), leaves.len())?;
        for (expected, leaf) in types.into_iter().zip(leaves) {
            if leaf.ty != expected {
                let (param, found) = (param.name.clone(), leaf.ty.clone());
                return Err(bare(SimulateErrorKind::InputType { param, expected, found }));
            }
            if leaf.data.len() as u64 != expected.count() || leaf.data.iter().any(|&x| x > expected.elem.mask()) {
                return Err(bare(SimulateErrorKind::InputData(param.name.clone())));
            }
        }
    }
    Ok(())
}

/// A value from its leaves, in order.
fn from_leaves<'a>(ty: &DataType, leaves: &mut impl Iterator<Item = &'a Tensor>) -> Value {
    match ty {
        DataType::Leaf(_) => match leaves.next() {
            Some(t) => {
                let shape = t.ty.shape.iter().map(|&d| d as usize).collect();
                Value::Leaf(Array::new(t.ty.elem, shape, t.data.clone()))
            }
            None => Value::unit(),
        },
        DataType::Tuple(parts) => Value::Group(parts.iter().map(|t| from_leaves(t, leaves)).collect()),
        DataType::Struct(_, fields) => Value::Group(fields.iter().map(|(_, t)| from_leaves(t, leaves)).collect()),
        // The leaves of a tensor of structs carry its axes themselves.
        DataType::Array(_, of) => from_leaves(of, leaves),
    }
}

/// The leaves of a value, in order.
fn to_leaves(value: &Value) -> Vec<Tensor> {
    let mut leaves = Vec::new();
    value.for_each_leaf(&mut |a| {
        let shape = a.shape.iter().map(|&d| d as u64).collect();
        leaves.push(Tensor { ty: Type { elem: a.elem, shape }, data: a.data().to_vec() });
    });
    leaves
}
