//! Why a run ends without a result.

use motet_program::clear::Fault;
use motet_program::ir::{Program, Site, SourceSite};

use super::{KeepError, OutOfMemory};
use crate::crypto::RandomError;
use crate::garble::TemplateError;
use crate::net::NetError;
use crate::ot::OtError;
use crate::rlwe::RlweError;

/// Why a run ends without a result.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The link or the other party failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Oblivious transfer failed.
    #[error(transparent)]
    Ot(#[from] OtError),
    /// An encrypted product failed.
    #[error(transparent)]
    Encryption(#[from] RlweError),
    /// The operating system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// There is not enough memory.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// Checkpoints that are not needed any more cannot be removed.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// An operation on public values has no result: every party stops here.
    #[error("{}:{}:{}: {fault}", site.file, site.line, site.column)]
    Stopped {
        /// What happened.
        fault: Fault,
        /// Where in the source.
        site: SourceSite,
    },
    /// A circuit template breaks its contract.
    #[error("the plan cannot be run: {0}")]
    Template(#[from] TemplateError),
    /// The encrypted products of the run reveal more elements than the plan covers.
    #[error("a loop runs too often for its products, which are encrypted: run it in parts, or under --protocol yao")]
    Revealed,
    /// The plan breaks its contract.
    #[error("the plan cannot be run: {0}")]
    Plan(&'static str),
    /// An input that this party must supply is missing, or has another type than its parameter.
    #[error("the input `{parameter}` is missing or does not have the parameter's type")]
    Input {
        /// The parameter's name.
        parameter: String,
    },
}

/// Why one operation has no result.
pub(super) enum Failure {
    Fault(Fault),
    Memory(OutOfMemory),
    /// The operation does not fit its operands: the plan breaks its contract.
    Misfit,
}

impl From<OutOfMemory> for Failure {
    fn from(error: OutOfMemory) -> Self {
        Failure::Memory(error)
    }
}

impl Failure {
    /// The error, at a place in the source.
    pub fn at(self, program: &Program, site: Site) -> ProtocolError {
        match self {
            Failure::Memory(error) => error.into(),
            Failure::Misfit => ProtocolError::Plan("an operation does not fit its operands"),
            Failure::Fault(fault) => match program.sites.get(site.0 as usize) {
                Some(site) => ProtocolError::Stopped { fault, site: site.clone() },
                None => ProtocolError::Plan("an operation comes from nowhere in the source"),
            },
        }
    }
}
