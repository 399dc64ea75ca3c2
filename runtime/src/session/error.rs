//! Why a run failed, what the other party is told of it, and the exit status that it means.

use thiserror::Error;

use super::checkpoint::CheckpointError;
use super::handshake::Disagreement;
use super::store::StoreError;
use crate::net::NetError;
use crate::ot::OtError;
use crate::protocol::ProtocolError;

/// Why a run failed.
#[derive(Debug, Error)]
pub enum RunError {
    /// The link or the peer failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The two sides do not run the same thing.
    #[error("{0}")]
    Disagreement(#[from] Disagreement),
    /// The run itself failed.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The program is not between two parties, or this is none of them.
    #[error("`{party}` cannot run this program, whose parties are {}", parties.join(", "))]
    Party {
        /// As the user named it.
        party: String,
        /// The program's.
        parties: Vec<String>,
    },
    /// A public input that this side did not give.
    #[error("the public input `{parameter}` is missing: every party must give it")]
    PublicInput {
        /// The parameter's name.
        parameter: String,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Checkpoints cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness ({0})")]
    Randomness(getrandom::Error),
}

impl RunError {
    /// The exit status of a process that ends with this error: 1 the program or its input is wrong, 2 usage, 3 the
    /// other party or the network failed, 4 a security check failed, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        if let Some(error) = self.net() {
            return net_exit_code(error);
        }
        match self {
            RunError::Disagreement(Disagreement::Security { .. }) => 4,
            RunError::Net(_) | RunError::Disagreement(_) | RunError::Protocol(ProtocolError::Encryption(_)) => 3,
            RunError::Party { .. } => 2,
            RunError::Protocol(ProtocolError::Ot(_) | ProtocolError::Random(_)) | RunError::Randomness(_) => 4,
            RunError::Protocol(_) | RunError::PublicInput { .. } | RunError::Store(_) | RunError::Checkpoint(_) => 1,
        }
    }

    /// Whether the line broke, and neither side stopped of itself.
    pub(super) fn line_broke(&self) -> bool {
        matches!(self.net(), Some(NetError::Lost { .. } | NetError::Closed { .. } | NetError::Silent { .. }))
    }

    /// What the peer is told; `None` where it was the peer who stopped. Says nothing of values that it may not know.
    pub(super) fn words(&self) -> Option<String> {
        if let Some(error) = self.net() {
            return net_words(error).map(str::to_owned);
        }
        Some(match self {
            RunError::Disagreement(error) => error.to_string(),
            RunError::Protocol(ProtocolError::Ot(_)) => "a security check failed".to_owned(),
            RunError::Protocol(ProtocolError::Stopped { site, .. }) => {
                format!("an operation on public values failed at {}:{}:{}", site.file, site.line, site.column)
            }
            RunError::Net(_) | RunError::Protocol(_) => "its run failed".to_owned(),
            RunError::Party { .. } | RunError::PublicInput { .. } => "it was started with wrong arguments".to_owned(),
            RunError::Store(StoreError::Empty { .. }) => "its store holds nothing more for this".to_owned(),
            RunError::Store(_) => "its store cannot be used".to_owned(),
            RunError::Checkpoint(_) => "its checkpoints cannot be used".to_owned(),
            RunError::Randomness(_) => "it has no source of randomness".to_owned(),
        })
    }

    /// The link's error, at whatever depth.
    fn net(&self) -> Option<&NetError> {
        match self {
            RunError::Net(error)
            | RunError::Protocol(ProtocolError::Net(error) | ProtocolError::Ot(OtError::Net(error))) => Some(error),
            _ => None,
        }
    }
}

fn net_exit_code(error: &NetError) -> u8 {
    match error {
        NetError::Cancelled => 130,
        NetError::Address { .. } | NetError::Plaintext { .. } => 2,
        NetError::WrongKey { .. } | NetError::KeyRefused { .. } | NetError::NotTls { .. } | NetError::Tls { .. } => 4,
        _ => 3,
    }
}

fn net_words(error: &NetError) -> Option<&'static str> {
    Some(match error {
        NetError::Stopped { .. } => return None,
        NetError::Cancelled => "interrupted",
        NetError::Silent { .. } => "nothing was heard from this side for too long",
        NetError::Malformed { .. } => "what this side sent is not understood",
        _ => "the connection failed",
    })
}
