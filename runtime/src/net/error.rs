//! What can go wrong on the line.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use super::frame::{MAX_FRAME, WIRE_VERSION};
use super::keys::Fingerprint;

/// A failure of the link, or of the peer as seen through it.
#[derive(Debug, Error)]
pub enum NetError {
    /// This side was told to stop.
    #[error("interrupted")]
    Cancelled,
    /// Nothing came for longer than the timeout.
    #[error("{peer} has been silent for {seconds} s")]
    Silent {
        /// The other party.
        peer: String,
        /// The timeout that ran out, in seconds.
        seconds: f32,
    },
    /// The stream broke.
    #[error("the connection to {peer} was lost ({cause})")]
    Lost {
        /// The other party.
        peer: String,
        /// What the operating system says.
        cause: io::Error,
    },
    /// The stream ended without a goodbye.
    #[error("{peer} closed the connection in the middle of the run")]
    Closed {
        /// The other party.
        peer: String,
    },
    /// The stream ended before the peer said anything.
    #[error("{peer} closed the connection before the session began; does it use keys where this side has none?")]
    ClosedAtOnce {
        /// The other party.
        peer: String,
    },
    /// The peer said goodbye while this side still expected data.
    #[error("{peer} ended the session while more was expected from it")]
    Ended {
        /// The other party.
        peer: String,
    },
    /// The peer stopped and said why.
    #[error("{peer} stopped: {reason}")]
    Stopped {
        /// The other party.
        peer: String,
        /// Its words, cleaned of control characters.
        reason: String,
    },
    /// What came is not what the wire format allows.
    #[error("{peer} sent something that is not understood: {what}")]
    Malformed {
        /// The other party.
        peer: String,
        /// What was wrong.
        what: Malformed,
    },
    /// An address that names no machine.
    #[error("{address:?} leads nowhere ({cause}); write HOST:PORT, such as 127.0.0.1:7766")]
    Address {
        /// As the user gave it.
        address: String,
        /// What the operating system says.
        cause: io::Error,
    },
    /// The peer is not who it should be.
    #[error("{peer} does not have the key that it should: expected {expected}, shown {shown}")]
    WrongKey {
        /// The other party.
        peer: String,
        /// Of the key that this side was given.
        expected: Fingerprint,
        /// Of the key that the peer has.
        shown: Fingerprint,
    },
    /// The peer was given another key for this side.
    #[error("{peer} refuses this side's key {own}: it was given another one")]
    KeyRefused {
        /// The other party.
        peer: String,
        /// Of this side's key.
        own: Fingerprint,
    },
    /// The peer does not protect the line.
    #[error("{peer} does not speak TLS; was it started without keys?")]
    NotTls {
        /// The other party.
        peer: String,
    },
    /// TLS failed.
    #[error("the line to {peer} could not be protected ({cause})")]
    Tls {
        /// The other party.
        peer: String,
        /// What the TLS library says.
        cause: rustls::Error,
    },
    /// Plaintext between machines.
    #[error("{address} is not of this machine alone, and without keys what is sent there could be read and changed")]
    Plaintext {
        /// As the user gave it.
        address: String,
    },
    /// Listening failed.
    #[error("cannot listen on {address} ({cause})")]
    Listen {
        /// As the user gave it.
        address: String,
        /// What the operating system says.
        cause: io::Error,
    },
    /// The other party did not come.
    #[error("{peer} did not connect to {address} within {seconds} s")]
    NobodyCame {
        /// The other party.
        peer: String,
        /// Where this side listened.
        address: SocketAddr,
        /// How long it waited.
        seconds: f32,
    },
    /// The other party could not be reached.
    #[error("{peer} could not be reached at {address} within {seconds} s ({cause})")]
    Unreachable {
        /// The other party.
        peer: String,
        /// As the user gave it.
        address: String,
        /// How long this side tried.
        seconds: f32,
        /// Why the last attempt failed.
        cause: io::Error,
    },
}

/// How something read from the network breaks the wire format.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// The stream does not begin as it must.
    #[error("it does not speak Motet's wire format")]
    NotMotet,
    /// The peer began a TLS handshake with a side that has no keys.
    #[error("it speaks TLS, and this side was started without keys")]
    Tls,
    /// Another version of the wire format.
    #[error("it speaks version {0} of the wire format, this side version {WIRE_VERSION}")]
    Version(u16),
    /// A frame of no known kind.
    #[error("a frame of unknown kind {0}")]
    Kind(u8),
    /// A frame of an impossible length.
    #[error("a frame that claims {0} bytes, where 1 to {MAX_FRAME} are possible")]
    FrameLength(u32),
    /// A control frame of an impossible length.
    #[error("a control frame that claims {0} bytes")]
    ControlLength(u32),
    /// Something after the goodbye.
    #[error("data after its goodbye")]
    AfterGoodbye,
    /// A message longer than its kind allows.
    #[error("a message that claims {length} bytes, where {limit} are allowed")]
    MessageLength {
        /// As claimed.
        length: u32,
        /// The bound.
        limit: usize,
    },
    /// A message that does not decode.
    #[error("a message that does not decode ({0})")]
    Message(postcard::Error),
}

impl Malformed {
    pub(super) fn from(self, peer: &str) -> NetError {
        NetError::Malformed { peer: peer.to_owned(), what: self }
    }
}
