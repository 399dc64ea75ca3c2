//! Why checkpoints cannot be used, and what to do about it.

use std::path::PathBuf;

use thiserror::Error;

use super::SECRET;
use crate::protocol::KeepError;

/// Why checkpoints cannot be used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The system's own.
    #[error(transparent)]
    File(#[from] KeepError),
    /// Another process has the folder.
    #[error("{folder} is in use by another run: give each run a folder of its own")]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A run is to begin where another one can be gone on with.
    #[error(
        "{folder} holds checkpoints of a run that has not ended: go on with it by --resume (both parties), or name another folder"
    )]
    Unfinished {
        /// The folder.
        folder: PathBuf,
    },
    /// It does not open.
    #[error(
        "{path} cannot be opened: it was changed, cut short, or sealed with another key (this party's --key, or {SECRET} in the folder)"
    )]
    Sealed {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to another run.
    #[error("{path} is of a run with another {what}: run with the same as then, or begin a new run in another folder")]
    Other {
        /// The file.
        path: PathBuf,
        /// What is not the same.
        what: What,
    },
    /// Both parties have checkpoints, and none of them together.
    #[error(
        "{folder} and {peer}'s folder have no checkpoint in common: give both parties the folders of the same run, or begin a new one without --resume"
    )]
    NoneInCommon {
        /// The folder.
        folder: PathBuf,
        /// The other party.
        peer: String,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness ({0})")]
    Randomness(getrandom::Error),
}

/// What a checkpoint is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// This party's name.
    Party,
    /// The other party's name.
    Peer,
    /// The other party's key.
    Key,
    /// The program.
    Program,
    /// The plan: protocol and link.
    Plan,
    /// The public inputs.
    PublicInputs,
    /// This party's inputs.
    Inputs,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            What::Party => "--party",
            What::Peer => "other party",
            What::Key => "key of the other party",
            What::Program => "program (source, --entry, --set or --fix)",
            What::Plan => "plan (--protocol, --link or version of motet)",
            What::PublicInputs => "value of a public input",
            What::Inputs => "value of this party's inputs",
        })
    }
}
