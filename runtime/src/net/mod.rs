//! The link to the other party: a byte stream of messages over TCP (TLS 1.3 with pinned keys, or plain), or in memory.
//!
//! Everything above this layer talks through a [`Channel`]. What is on the wire stands in `docs/network.md` and
//! `frame.rs`. Nothing read is trusted: lengths are bounded before memory is taken, and a peer that is lost, silent,
//! or talks nonsense is an error that says so.

mod channel;
mod config;
mod error;
mod frame;
mod heartbeat;
mod inbox;
mod keys;
mod memory;
mod open;
mod outbox;
mod script;
mod stream;
mod tcp;
mod tls;

pub use channel::Channel;
pub use config::{Cancel, Config};
pub use error::{Malformed, NetError};
pub use frame::MAX_CHUNK;
pub use keys::{Fingerprint, Half, KeyError, PublicKey, SecretKey, generate};
pub use memory::Link;
pub use open::{Endpoint, Security, open};
pub(crate) use script::scripted;
pub use tcp::Listener;
