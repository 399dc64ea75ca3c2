//! `motet completions SHELL`: a script that completes the command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::failure::Failure;

/// Print a script that completes motet's command line
#[derive(Args)]
#[command(after_help = "\
Examples:
  motet completions bash > ~/.local/share/bash-completion/completions/motet
  motet completions zsh > ~/.zfunc/_motet
  motet completions fish > ~/.config/fish/completions/motet.fish")]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut command = crate::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "motet", &mut std::io::stdout());
    Ok(())
}
