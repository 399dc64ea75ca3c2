//! What ends a command badly: what people are told, and the exit status.

use std::io;
use std::path::{Path, PathBuf};

use motet_compiler::diagnostics::Diagnostic;
use motet_compiler::simulate::SimulateError;
use motet_compiler::source::Sources;
use motet_program::artifact::ArtifactError;
use motet_program::clear::Fault;
use motet_program::flatten::FlatError;
use motet_program::plan::PlanError;
use motet_runtime::net::KeyError;
use motet_runtime::session::RunError;
use thiserror::Error;

use crate::input::InputError;
use crate::output::OutputError;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The program is wrong.
    #[error(transparent)]
    Program(#[from] Box<motet_compiler::Failure>),
    /// The program failed in simulation.
    #[error("{error}")]
    Simulate {
        /// What happened.
        error: Box<SimulateError>,
        /// The files to point into.
        sources: Sources,
    },
    /// An input cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A result cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A file cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A compiled program is refused.
    #[error("{path}: {cause}")]
    Artifact {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: ArtifactError,
    },
    /// The program cannot be run under the protocol.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A key file cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The run with the other party failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The program is no circuit.
    #[error(transparent)]
    Flat(#[from] FlatError),
    /// The program failed in the clear.
    #[error("{place}: {fault}")]
    Clear {
        /// Where in the source.
        place: String,
        /// What happened.
        fault: Fault,
    },
    /// Both parties' data have a dimension that must be the same.
    #[error("`{name}` is {own} in this party's data and {theirs} in the other's")]
    Dimension {
        /// The dimension parameter.
        name: String,
        /// On this side.
        own: i64,
        /// On the other.
        theirs: i64,
    },
    /// The command line asks for something that does not go together.
    #[error("{0}")]
    Usage(String),
    /// A process that ran one party's side failed.
    #[error("the process of {party} failed:\n{said}")]
    Side {
        /// Which.
        party: &'static str,
        /// What it said.
        said: String,
        /// Its exit status.
        status: u8,
    },
}

impl Failure {
    /// For `map_err` where a file is read or written.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Failure {
        let path = path.to_owned();
        |cause| Failure::File { path, cause }
    }

    /// The exit status that belongs to it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Run(error) => error.exit_code(),
            Failure::Side { status, .. } => *status,
            _ => 1,
        }
    }

    /// Tells people on stderr.
    pub fn print(&self) {
        match self {
            Failure::Program(failure) => print_diagnostics(&failure.diagnostics, &failure.sources),
            Failure::Simulate { error, sources } => match error.diagnostic() {
                Some(diagnostic) => print_diagnostics(&[diagnostic], sources),
                None => eprintln!("error: {error}"),
            },
            _ => eprintln!("error: {self}"),
        }
    }
}

/// Prints diagnostics with their places in the source.
pub fn print_diagnostics(diagnostics: &[Diagnostic], sources: &Sources) {
    for diagnostic in diagnostics {
        eprintln!("{:?}", miette::Report::new(diagnostic.report(sources)));
    }
}
