//! The command line: a face over the compiler and the runtime, with no logic of its own.
//!
//! One file per verb in `verbs`; `input` and `output` read and write data files; `failure` says what went wrong and ends
//! with the exit status that the language page promises.

mod checkpoint;
mod failure;
mod history;
pub mod input;
mod line;
mod link;
pub mod output;
mod page;
mod processes;
mod profile;
mod program;
mod progress;
mod usage;
mod verbs;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// The version with the commit that it was built from.
pub const VERSION: &str = env!("MOTET_VERSION");

/// Secure computation for .mpc programs: parties compute together, and nobody shows their data.
#[derive(Parser)]
#[command(name = "motet", version = VERSION, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    /// Tell on stderr what is done; -vv in detail
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Begin here:
  motet demo                                   see it work, on handwritten digits
  motet new hello && cd hello                  a project of your own, with a README

Then, with a program of yours:
  motet check model.mpc                        what is wrong with it
  motet simulate model.mpc --input x=5         what it computes, in the clear
  motet compile model.mpc -o model.mpcx        ahead of time, for all parties
  motet explain model.mpcx                     who learns what, and what it costs
  motet run model.mpcx --party server …        the real thing; `motet run --help` shows both sides

Exit status:
  0 success, 1 the program or its input is wrong, 2 usage, 3 the other party or the network failed,
  4 a security check failed";

#[derive(Subcommand)]
enum Verb {
    New(verbs::new::Arguments),
    Check(verbs::check::Arguments),
    Compile(verbs::compile::Arguments),
    Explain(verbs::explain::Arguments),
    Simulate(verbs::simulate::Arguments),
    Keygen(verbs::keygen::Arguments),
    Prepare(verbs::prepare::Arguments),
    Plot(verbs::plot::Arguments),
    Run(verbs::run::Arguments),
    Export(verbs::export::Arguments),
    Demo(verbs::demo::Arguments),
    Bench(verbs::bench::Arguments),
    Completions(verbs::completions::Arguments),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.verbose);
    let done = match &arguments.verb {
        Verb::New(a) => verbs::new::run(a),
        Verb::Check(a) => verbs::check::run(a),
        Verb::Compile(a) => verbs::compile::run(a),
        Verb::Explain(a) => verbs::explain::run(a),
        Verb::Simulate(a) => verbs::simulate::run(a),
        Verb::Keygen(a) => verbs::keygen::run(a),
        Verb::Prepare(a) => verbs::prepare::run(a),
        Verb::Plot(a) => verbs::plot::run(a),
        Verb::Run(a) => verbs::run::run(a),
        Verb::Export(a) => verbs::export::run(a),
        Verb::Demo(a) => verbs::demo::run(a),
        Verb::Bench(a) => verbs::bench::run(a),
        Verb::Completions(a) => verbs::completions::run(a),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Logs by how often `-v` was given; `MOTET_LOG` overrides it with tracing's own filters.
fn log_to_stderr(verbose: u8) {
    let level = ["warn", "info", "debug", "trace"][usize::from(verbose.min(3))];
    let filter = EnvFilter::try_from_env("MOTET_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .init();
}
