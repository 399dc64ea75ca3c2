//! The sending half of a link, shared with a thread that sends a sign of life whenever nothing else was sent for a
//! while, so that a peer that waits can tell a party at work from a dead one.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::frame::{Kind, encode};
use super::stream::{Attempt, Sink, attempt};

/// The sending half. Whoever holds the lock writes whole frames.
pub(super) struct Line {
    sink: Mutex<Box<dyn Sink>>,
    made: Instant,
    /// Milliseconds after `made` at which something was last sent.
    last_sent: AtomicU64,
    stop: AtomicBool,
}

impl Line {
    /// The sink, unless it is being used.
    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, Box<dyn Sink>>> {
        match self.sink.try_lock() {
            Ok(sink) => Some(sink),
            Err(TryLockError::Poisoned(e)) => Some(e.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Notes that something was sent.
    pub(super) fn touched(&self) {
        self.last_sent.store(self.made.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn idle(&self) -> Duration {
        self.made.elapsed().saturating_sub(Duration::from_millis(self.last_sent.load(Ordering::Relaxed)))
    }
}

/// The thread; it ends when this is dropped.
pub(super) struct Heartbeat {
    line: Arc<Line>,
    thread: Option<JoinHandle<()>>,
}

/// Takes over the sink and keeps its line alive with a sign of life each `interval`.
pub(super) fn start(sink: Box<dyn Sink>, interval: Duration) -> io::Result<(Arc<Line>, Heartbeat)> {
    let line = Arc::new(Line {
        sink: Mutex::new(sink),
        made: Instant::now(),
        last_sent: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    });
    let theirs = line.clone();
    let thread = thread::Builder::new().name("heartbeat".into()).spawn(move || beat(&theirs, interval))?;
    Ok((line.clone(), Heartbeat { line, thread: Some(thread) }))
}

fn beat(line: &Line, interval: Duration) {
    let beat = encode(Kind::Heartbeat, 0);
    loop {
        let wait = interval.saturating_sub(line.idle());
        if wait > Duration::ZERO {
            thread::park_timeout(wait);
        }
        if line.stop.load(Ordering::Relaxed) {
            return;
        }
        if line.idle() < interval {
            continue;
        }
        // A sink in use is sign of life enough. A failed one is the main thread's to find.
        if let Some(mut sink) = line.try_lock()
            && send(&mut **sink, &beat, &line.stop).is_err()
        {
            return;
        }
        line.touched();
    }
}

fn send(sink: &mut dyn Sink, mut bytes: &[u8], stop: &AtomicBool) -> io::Result<()> {
    loop {
        let outcome = if bytes.is_empty() { sink.flush().map(|()| 0) } else { sink.write(bytes) };
        match attempt(outcome) {
            Attempt::Done(_) if bytes.is_empty() => return Ok(()),
            Attempt::Done(n) => bytes = &bytes[n..],
            Attempt::NotYet if stop.load(Ordering::Relaxed) => {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Attempt::NotYet => {}
            Attempt::Failed(e) => return Err(e),
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.line.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread does not panic; if it did, the channel is ending anyway.
            let _ = thread.join();
        }
    }
}
