//! What a channel asks of the byte stream under it: two halves that wait only for a moment at a time.

use std::io;
use std::time::Duration;

/// How long a half waits before it says `WouldBlock` or `TimedOut`, so that its user can look at the clock and at
/// the cancel flag.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// The half that is read.
pub(super) trait Source: Send {
    /// Reads some bytes; 0 at the end of the stream. Where none come it waits for a tick (or, with `wait` false, hardly
    /// at all) and says `WouldBlock` or `TimedOut`.
    fn read(&mut self, into: &mut [u8], wait: bool) -> io::Result<usize>;
}

/// The half that is written.
pub(super) trait Sink: Send {
    /// Takes some of the bytes, at least one. Where there is no room for a tick it says `WouldBlock` or `TimedOut`.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Sends on what `write` took and kept; waits like it.
    fn flush(&mut self) -> io::Result<()>;

    /// Ends the stream: the peer's source says 0 after all that was sent.
    fn close(&mut self);
}

/// What became of an attempt to read or write.
pub(super) enum Attempt<T> {
    Done(T),
    NotYet,
    Failed(io::Error),
}

/// Sorts the outcome of an attempt.
pub(super) fn attempt<T>(outcome: io::Result<T>) -> Attempt<T> {
    match outcome {
        Ok(value) => Attempt::Done(value),
        Err(e) => match e.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => Attempt::NotYet,
            _ => Attempt::Failed(e),
        },
    }
}
