//! What can go wrong in oblivious transfer.

use crate::crypto::RandomError;
use crate::net::NetError;

/// Why oblivious transfer failed.
#[derive(Debug, thiserror::Error)]
pub enum OtError {
    /// The link failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A point that the peer sent is not one, or is the neutral one.
    #[error("{peer} sent something that is no point of the Ristretto group")]
    Point {
        /// The other party.
        peer: String,
    },
    /// OTs were asked for after an error, which spent what they are made of.
    #[error("oblivious transfer failed before in this session")]
    Failed,
    /// The peer's messages contradict each other: it does not follow the protocol.
    #[error("{peer} cheated in oblivious transfer: {what}")]
    Cheating {
        /// The other party.
        peer: String,
        /// Which check failed.
        what: &'static str,
    },
}
