//! `motet`: secure computation for `.mpc` programs.

use std::process::ExitCode;

fn main() -> ExitCode {
    motet_cli::main()
}
