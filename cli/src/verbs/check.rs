//! `motet check FILE`: what is wrong with a program.

use std::path::PathBuf;

use clap::Args;

use crate::failure::{Failure, print_diagnostics};
use crate::program::{Settings, in_folder};

/// Check a program: types, shapes, parties, secrecy; prints nothing but what is wrong
#[derive(Args)]
#[command(after_help = "\
Example:
  motet check model.mpc                        dimensions need not be given")]
pub struct Arguments {
    /// The program's source
    file: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

/// Checks and prints diagnostics.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (root, folder) = in_folder(&arguments.file);
    let options = arguments.settings.options();
    let checked = motet_compiler::check(&root, &folder, &options).map_err(Box::new)?;
    print_diagnostics(&checked.warnings, &checked.sources);
    Ok(())
}
