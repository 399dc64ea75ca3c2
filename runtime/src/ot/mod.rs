//! Oblivious transfer: correlated OTs, whose outputs become wire labels.
//!
//! [`base`] OTs by elliptic curves start the session; [`softspoken`] extends them to any number, or [`silent`] does what
//! that has begun; [`CotSender`] and [`CotReceiver`] keep a pool of what was made ahead and turn it into OTs of chosen
//! bits.
//!
//! What comes out is what free-XOR wants: the sender gets `W₀`, the receiver `W₀ ⊕ c·Δ` for its bit `c`, with the
//! sender's Δ. The receiver has no influence on the labels: all are shifted by a mask that the sender draws after the
//! receiver has said everything.

pub mod base;
#[cfg(test)]
mod cheating;
mod check;
mod config;
mod correlated;
mod error;
mod extension;
mod pool;
mod puncture;
mod silent;
mod softspoken;
mod stock;

pub use config::{Adversary, Config, Method};
pub use correlated::{CotReceiver, CotSender, Requested};
pub use error::OtError;
pub use softspoken::Subfield;
pub use stock::{ReceiverStock, SenderStock, Stock};

use crate::memcheck;

/// Whether a check has passed. This much is public: where it has not, the other party sees it.
fn passed(check: subtle::Choice) -> bool {
    memcheck::shown(check.unwrap_u8()) == 1
}
