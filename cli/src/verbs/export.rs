//! `motet export FILE --bristol FILE`: a program as one flat circuit for other tools.

use std::path::PathBuf;

use clap::Args;
use motet_circuits::Bristol;
use motet_program::flatten::flatten;

use crate::failure::Failure;
use crate::program::{self, Execution, Settings};

/// Write a program as one flat circuit, for other tools
#[derive(Args)]
#[command(after_help = "\
Example:
  motet export model.mpcx --bristol model.txt
Inputs and outputs stand in the order of the program's, each element lowest bit first. Loops are unrolled and batches
written out: a program of many gates is better left in its .mpcx.")]
pub struct Arguments {
    /// A compiled program, or a source
    file: PathBuf,
    /// The Bristol Fashion file to write
    #[arg(long, value_name = "FILE")]
    bristol: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

/// Flattens and writes.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (program, _) = program::load(&arguments.file, &arguments.settings, &Execution::default())?;
    let flat = flatten(&program)?;
    let bits = |sizes: &[u64]| sizes.iter().map(|&n| n as u32).collect();
    let (inputs, outputs) = (bits(&flat.inputs), bits(&flat.outputs));
    let text = Bristol { circuit: flat.circuit, inputs, outputs }.to_string();
    std::fs::write(&arguments.bristol, text).map_err(Failure::file(&arguments.bristol))
}
