//! `motet compile FILE -o FILE`: a program ahead of time, with its plan.

use std::path::PathBuf;

use clap::Args;
use motet_program::artifact;

use crate::failure::Failure;
use crate::program::{self, Execution, Settings};

/// Compile a program ahead of time, circuits included, into a file for all parties
#[derive(Args)]
#[command(after_help = "\
Examples:
  motet compile model.mpc                      writes model.mpcx
  motet compile batch.mpc --set N=32           dimension parameters need values
  motet compile model.mpc --entry score -o score.mpcx
Every party must run the same file; when a session begins, digests are compared.")]
pub struct Arguments {
    /// The program's source
    file: PathBuf,
    /// The file to write [default: the source's name with .mpcx]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    execution: Execution,
}

/// Compiles and writes the artifact.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.execution.named_link()?;
    let (program, plan) = program::compile(&arguments.file, &arguments.settings, &arguments.execution)?;
    let path = arguments.output.clone().unwrap_or_else(|| arguments.file.with_extension("mpcx"));
    let bytes = artifact::write(&program, &plan);
    std::fs::write(&path, &bytes).map_err(Failure::file(&path))?;
    tracing::info!("{}: {} bytes, program {}", path.display(), bytes.len(), program.digest());
    Ok(())
}
