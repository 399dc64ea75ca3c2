//! A link within the process, as fast as memory or as slow as a network: for tests and benchmarks.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::stream::{Sink, Source, TICK};

/// The speed of a link in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// How long a byte takes from one side to the other (half the round trip).
    pub latency: Duration,
    /// Bytes a second that fit through each way; `None` for no limit.
    pub rate: Option<f64>,
}

impl Link {
    /// As fast as memory.
    pub const INSTANT: Link = Link { latency: Duration::ZERO, rate: None };

    /// Bytes that may be under way: what a well-tuned socket buffer holds, and at least twice the bandwidth-delay
    /// product.
    fn capacity(&self) -> usize {
        let under_way = self.rate.map_or(0.0, |rate| 2.0 * rate * self.latency.as_secs_f64());
        (under_way as usize).max(4 << 20)
    }
}

/// Both ends of a link.
pub(super) fn pair(link: Link) -> [(ReadEnd, WriteEnd); 2] {
    let there = Arc::new(Pipe::new(link));
    let back = Arc::new(Pipe::new(link));
    [(ReadEnd(back.clone()), WriteEnd(there.clone())), (ReadEnd(there), WriteEnd(back))]
}

/// One direction.
struct Pipe {
    link: Link,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    parcels: VecDeque<Parcel>,
    /// Buffers of parcels that came, for those to come.
    spare: Vec<Vec<u8>>,
    held: usize,
    line_free: Option<Instant>,
    closed: bool,
    abandoned: bool,
}

/// Bytes that arrive together.
struct Parcel {
    bytes: Vec<u8>,
    taken: usize,
    arrives: Instant,
}

pub(super) struct ReadEnd(Arc<Pipe>);
pub(super) struct WriteEnd(Arc<Pipe>);

impl Pipe {
    fn new(link: Link) -> Self {
        Pipe { link, state: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, until: Instant) -> MutexGuard<'a, State> {
        let time = until.saturating_duration_since(Instant::now());
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Source for ReadEnd {
    fn read(&mut self, into: &mut [u8], wait: bool) -> io::Result<usize> {
        let deadline = Instant::now() + if wait { TICK } else { Duration::ZERO };
        let mut state = self.0.lock();
        loop {
            let now = Instant::now();
            let arrives = state.parcels.front().map(|p| p.arrives);
            match arrives {
                Some(at) if at <= now => break,
                None if state.closed => return Ok(0),
                _ if now >= deadline => return Err(io::ErrorKind::WouldBlock.into()),
                at => state = self.0.wait(state, at.map_or(deadline, |at| at.min(deadline))),
            }
        }
        let now = Instant::now();
        let mut done = 0;
        while let Some(parcel) = state.parcels.front_mut().filter(|p| p.arrives <= now && done < into.len()) {
            let n = (into.len() - done).min(parcel.bytes.len() - parcel.taken);
            into[done..done + n].copy_from_slice(&parcel.bytes[parcel.taken..parcel.taken + n]);
            parcel.taken += n;
            done += n;
            if parcel.taken == parcel.bytes.len() {
                let came = state.parcels.pop_front();
                state.spare.extend(came.map(|parcel| parcel.bytes));
            }
        }
        state.held -= done;
        self.0.changed.notify_all();
        Ok(done)
    }
}

impl Sink for WriteEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let deadline = Instant::now() + TICK;
        let capacity = self.0.link.capacity();
        let mut state = self.0.lock();
        while state.held >= capacity && !state.abandoned {
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            state = self.0.wait(state, deadline);
        }
        if state.abandoned || state.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let n = bytes.len().min(capacity - state.held);
        let now = Instant::now();
        let mut sent = state.line_free.map_or(now, |free| free.max(now));
        if let Some(rate) = self.0.link.rate {
            sent += Duration::from_secs_f64(n as f64 / rate);
        }
        state.line_free = Some(sent);
        state.held += n;
        let arrives = sent + self.0.link.latency;
        let mut buffer = state.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(&bytes[..n]);
        state.parcels.push_back(Parcel { bytes: buffer, taken: 0, arrives });
        self.0.changed.notify_all();
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn close(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

impl Drop for ReadEnd {
    fn drop(&mut self) {
        self.0.lock().abandoned = true;
        self.0.changed.notify_all();
    }
}

impl Drop for WriteEnd {
    fn drop(&mut self) {
        self.close();
    }
}
