//! A source program through every stage of the compiler and between two parties, all compared with `simulate`.

use std::collections::HashMap;

use motet_compiler::diagnostics::Diagnostic;
use motet_compiler::passes::PASSES;
use motet_compiler::passes::print::print;
use motet_compiler::simulate::{self, simulate};
use motet_compiler::{Failure, Options, Success, core, tree};
use motet_program::clear;
use motet_program::data::Tensor;
use motet_program::ir::Program;
use motet_program::plan::Protocol;
use motet_program::validate::{Form, validate};

use crate::two::two_parties;

/// Compiles the source and runs each stage's program in the clear on the inputs that `inputs` makes for it.
///
/// # Errors
/// A description of the first stage that disagrees with `simulate`, with its program as text.
pub fn agree(
    name: &str,
    files: &HashMap<String, String>,
    options: &Options,
    inputs: impl Fn(&Program) -> Vec<Vec<Tensor>>,
) -> Result<Agreed, String> {
    let Success { value: tree, sources, .. } = tree(name, files, options).map_err(|f| failure(&f))?;
    let mut current = core(&tree, &sources).map_err(|d| describe(&d))?;
    let inputs = inputs(&current);
    let options = simulate::Options { steps: 1 << 32, ..Default::default() };
    let expected = match simulate(&tree, &inputs, &options) {
        Ok(simulation) => Ok(simulation.outputs.into_iter().flat_map(|(_, leaves)| leaves).collect::<Vec<_>>()),
        Err(e) => Err(e.to_string()),
    };
    same("lower", &current, &inputs, &expected)?;
    for (k, (name, pass)) in PASSES.iter().enumerate() {
        current = pass(&current);
        let form = if k + 1 == PASSES.len() { Form::Finished } else { Form::Core };
        validate(&current, form).map_err(|e| format!("after {name}: {e}\n{}", print(&current)))?;
        same(name, &current, &inputs, &expected)?;
    }
    if current.parties.len() <= 2 {
        for protocol in [Protocol::Yao, Protocol::Mixed, Protocol::Gmw] {
            shown(&current, &inputs, &expected, protocol).map_err(|e| format!("under {}: {e}", protocol.name()))?;
        }
    }
    Ok(Agreed { program: current, error: expected.err() })
}

/// What each of two parties is shown under a protocol, against what `simulate` gives.
fn shown(
    program: &Program,
    inputs: &[Vec<Tensor>],
    expected: &Result<Vec<Tensor>, String>,
    protocol: Protocol,
) -> Result<(), String> {
    let recipients: Vec<_> = program.outputs.iter().flat_map(|o| o.ty.leaves().into_iter().map(|_| &o.to)).collect();
    for (party, leaves) in two_parties(program, inputs, protocol)?.into_iter().enumerate() {
        match (leaves, expected) {
            (Ok(leaves), Ok(expected)) => {
                for ((leaf, expected), to) in leaves.iter().zip(expected).zip(&recipients) {
                    let due = to.iter().any(|p| usize::from(p.0) == party);
                    if due && leaf.as_ref().map(|t| &t.data) != Some(&expected.data) {
                        let name = program.parties.get(party);
                        return Err(format!("another result at {name:?}\n{}", print(program)));
                    }
                }
            }
            (Err(_), Err(_)) => {}
            (Err(e), Ok(_)) => return Err(format!("{e}\n{}", print(program))),
            (Ok(_), Err(e)) => return Err(format!("no error, but simulate: {e}\n{}", print(program))),
        }
    }
    Ok(())
}

/// What all stages agree on.
pub struct Agreed {
    /// The finished program.
    pub program: Program,
    /// The error that its run ends with, if it does.
    pub error: Option<String>,
}

fn same(
    stage: &str,
    program: &Program,
    inputs: &[Vec<Tensor>],
    expected: &Result<Vec<Tensor>, String>,
) -> Result<(), String> {
    let found = clear::run(program, inputs, &mut || 0).map_err(|e| e.to_string());
    let words = |r: &Result<Vec<Tensor>, String>| match r {
        Ok(tensors) => Ok(tensors.iter().map(|t| t.data.clone()).collect::<Vec<_>>()),
        Err(e) => Err(e.clone()),
    };
    match (words(&found), words(expected)) {
        (Ok(found), Ok(expected)) if found == expected => Ok(()),
        (Err(_), Err(_)) => Ok(()),
        (found, expected) => {
            Err(format!("after {stage}: {found:?}, but simulate gives {expected:?}\n{}", print(program)))
        }
    }
}

fn failure(failure: &Failure) -> String {
    failure.diagnostics.iter().map(describe).collect::<Vec<_>>().join("\n")
}

fn describe(diagnostic: &Diagnostic) -> String {
    let labels: Vec<&str> = diagnostic.labels.iter().map(|(_, note)| note.as_str()).collect();
    format!("{}: {} {labels:?}", diagnostic.code, diagnostic.message)
}
