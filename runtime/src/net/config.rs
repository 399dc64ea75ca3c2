//! What a link is told: how long to wait, and a way to stop it from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How a link behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// A peer from whom nothing was heard for so long while this side waited is an error.
    pub timeout: Duration,
    /// A sign of life is sent where nothing else was for so long; well below the peer's `timeout`.
    pub heartbeat: Duration,
    /// How long to wait for the other party to come to the line.
    pub patience: Duration,
    /// Stops whatever waits on the link.
    pub cancel: Cancel,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            timeout: Duration::from_secs(30),
            heartbeat: Duration::from_secs(5),
            patience: Duration::from_secs(60),
            cancel: Cancel::default(),
        }
    }
}

/// A flag that stops a run from outside (another thread, a signal handler): waiting I/O then returns
/// [`NetError::Cancelled`](super::NetError::Cancelled) within a fraction of a second.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks whatever holds this flag to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
