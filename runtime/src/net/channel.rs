//! The channel to the other party: an ordered stream of bytes each way, buffered, counted and watched.

use std::io;
use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::config::Config;
use super::error::{Malformed, NetError};
use super::frame::{self, Kind, MAX_CHUNK};
use super::heartbeat::{self, Heartbeat, Line};
use super::inbox::{Inbox, Stop};
use super::memory::{self, Link};
use super::outbox::Outbox;
use super::stream::{Attempt, Sink, Source, attempt};

/// A full enough send buffer is sent at once, so that the peer can start on it.
const SEND_AT: usize = 64 * 1024;
/// How long a failing or ending side waits for the peer to take note.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A link to the other party.
///
/// Sending is buffered: what was sent is on its way after [`flush`](Self::flush), or as soon as this side receives.
/// After an error the channel is of no use but for [`abort`](Self::abort).
pub struct Channel {
    peer: String,
    config: Config,
    source: Box<dyn Source>,
    inbox: Inbox,
    outbox: Outbox,
    line: Arc<Line>,
    sent: u64,
    /// Whether this side sent last, and how often that has changed.
    outward: bool,
    turns: u64,
    // Dropped last of all that uses the line: it joins the thread.
    _heartbeat: Heartbeat,
}

impl Channel {
    /// A channel to `peer` (its name, for messages) over the halves of a stream; greets the other side.
    pub(super) fn open(
        source: Box<dyn Source>,
        sink: Box<dyn Sink>,
        peer: &str,
        config: &Config,
    ) -> Result<Channel, NetError> {
        let lost = |cause| NetError::Lost { peer: peer.to_owned(), cause };
        let (line, heartbeat) = heartbeat::start(sink, config.heartbeat).map_err(lost)?;
        let mut channel = Channel {
            peer: peer.to_owned(),
            config: config.clone(),
            source,
            inbox: Inbox::new(),
            outbox: Outbox::new(),
            line,
            sent: 0,
            outward: true,
            turns: 0,
            _heartbeat: heartbeat,
        };
        channel.transmit(&frame::greeting())?;
        Ok(channel)
    }

    /// Waits until the peer has opened the stream in the right way.
    pub(super) fn await_greeting(&mut self) -> Result<(), NetError> {
        let since = Instant::now();
        loop {
            self.inbox.parse(1).map_err(|stop| self.told(stop))?;
            if self.inbox.greeted {
                return Ok(());
            }
            self.read_more(1, since)?;
        }
    }

    /// The two ends of a channel within the process, as fast as memory; the parties are called `alice` (the first end
    /// is hers) and `bob`.
    pub fn pair() -> (Channel, Channel) {
        Self::pair_over(Link::INSTANT, &Config::default())
    }

    /// The two ends of a channel within the process with the speed of the link.
    ///
    /// # Panics
    ///
    /// Where the operating system gives no thread.
    pub fn pair_over(link: Link, config: &Config) -> (Channel, Channel) {
        let [alice, bob] = memory::pair(link);
        let end = |(source, sink): (memory::ReadEnd, memory::WriteEnd), peer| {
            Channel::open(Box::new(source), Box::new(sink), peer, config).expect("a fresh link in memory")
        };
        (end(alice, "bob"), end(bob, "alice"))
    }

    /// The other party's name.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Gives the other party the name by which messages call it from now on.
    pub fn name_peer(&mut self, name: &str) {
        self.peer = name.to_owned();
    }

    /// Bytes sent so far, framing included (TLS's own overhead, about one in seven hundred, not).
    pub fn sent(&self) -> u64 {
        self.sent + self.outbox.held() as u64
    }

    /// Bytes received so far, framing included.
    pub fn received(&self) -> u64 {
        self.inbox.received
    }

    /// How often the direction has changed, from sending to receiving or back: on a slow link each costs half a round
    /// trip.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// Notes that this side sends (or receives) now.
    fn turn(&mut self, outward: bool) {
        self.turns += u64::from(self.outward != outward);
        self.outward = outward;
    }

    /// Fails where this side was told to stop: for long work between messages.
    ///
    /// # Errors
    ///
    /// [`NetError::Cancelled`].
    pub fn check(&self) -> Result<(), NetError> {
        if self.config.cancel.is_cancelled() { Err(NetError::Cancelled) } else { Ok(()) }
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// Where the peer is lost, silent or stopped, or this side was cancelled.
    pub fn send(&mut self, mut bytes: &[u8]) -> Result<(), NetError> {
        while !bytes.is_empty() {
            if self.outbox.room() == 0 {
                self.flush()?;
            }
            let n = bytes.len().min(self.outbox.room());
            self.outbox.reserve(n).copy_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
        }
        self.send_if_full()
    }

    /// Sends `len` bytes that `fill` writes straight into the send buffer. What stands there before is unspecified, so
    /// `fill` must write all of it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Panics
    ///
    /// Where `len` is above [`MAX_CHUNK`].
    pub fn send_with<R>(&mut self, len: usize, fill: impl FnOnce(&mut [u8]) -> R) -> Result<R, NetError> {
        assert!(len <= MAX_CHUNK, "a chunk of {len} bytes does not fit the send buffer");
        if self.outbox.room() < len {
            self.flush()?;
        }
        let filled = fill(self.outbox.reserve(len));
        self.send_if_full()?;
        Ok(filled)
    }

    /// Sends a message: its length (32 bits, little-endian), then its postcard encoding.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_message<T: Serialize>(&mut self, message: &T) -> Result<(), NetError> {
        let bytes = postcard::to_stdvec(message).map_err(|e| Malformed::Message(e).from(&self.peer))?;
        let length = u32::try_from(bytes.len())
            .map_err(|_| Malformed::Message(postcard::Error::SerializeBufferFull).from(&self.peer))?;
        self.send(&length.to_le_bytes())?;
        self.send(&bytes)
    }

    /// Puts all that was sent on its way.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn flush(&mut self) -> Result<(), NetError> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        // The buffer is taken out for the while, since sending looks after the receiving half too.
        let mut outbox = std::mem::replace(&mut self.outbox, Outbox::none());
        let outcome = self.transmit(outbox.frame());
        outbox.clear();
        self.outbox = outbox;
        outcome
    }

    /// Receives exactly as many bytes as `into` holds; flushes first.
    ///
    /// # Errors
    ///
    /// Where the peer is lost, silent, stopped or talks nonsense, or this side was cancelled.
    pub fn receive(&mut self, into: &mut [u8]) -> Result<(), NetError> {
        for piece in into.chunks_mut(MAX_CHUNK) {
            self.receive_with(piece.len(), |bytes| piece.copy_from_slice(bytes))?;
        }
        Ok(())
    }

    /// Receives `len` bytes and hands `read` a view of them in the receive buffer; flushes first.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    ///
    /// # Panics
    ///
    /// Where `len` is above [`MAX_CHUNK`].
    pub fn receive_with<R>(&mut self, len: usize, read: impl FnOnce(&[u8]) -> R) -> Result<R, NetError> {
        assert!(len <= MAX_CHUNK, "a chunk of {len} bytes does not fit the receive buffer");
        self.flush()?;
        self.turn(false);
        self.await_payload(len)?;
        Ok(read(self.inbox.take(len)))
    }

    /// Receives a message of at most `limit` bytes of postcard; flushes first.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), and where the message is longer than `limit` or does not decode.
    pub fn receive_message<T: DeserializeOwned>(&mut self, limit: usize) -> Result<T, NetError> {
        let mut length = [0; 4];
        self.receive(&mut length)?;
        let length = u32::from_le_bytes(length);
        let mut left = length as usize;
        if left > limit {
            return Err(Malformed::MessageLength { length, limit }.from(&self.peer));
        }
        // Memory is taken as the bytes come, not as they are promised.
        let mut bytes = Vec::new();
        while left > 0 {
            let n = left.min(MAX_CHUNK);
            self.receive_with(n, |piece| bytes.extend_from_slice(piece))?;
            left -= n;
        }
        match postcard::take_from_bytes(&bytes) {
            Ok((message, [])) => Ok(message),
            Ok(_) => Err(Malformed::Message(postcard::Error::DeserializeBadEncoding).from(&self.peer)),
            Err(e) => Err(Malformed::Message(e).from(&self.peer)),
        }
    }

    /// Ends the session: says goodbye and waits for the peer's, so that each knows that the other has everything.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive); also where the peer sends more instead.
    pub fn goodbye(mut self) -> Result<(), NetError> {
        self.flush()?;
        self.transmit(&frame::encode(Kind::Goodbye, 0))?;
        let since = Instant::now();
        while !self.inbox.goodbye {
            self.inbox.parse(1).map_err(|stop| self.told(stop))?;
            if self.inbox.ready() > 0 {
                return Err(Malformed::AfterGoodbye.from(&self.peer));
            }
            if !self.inbox.goodbye {
                self.read_more(1, since)?;
            }
        }
        self.close();
        Ok(())
    }

    /// Tells the peer that this side stops and why (never a secret, nor anything derived from one); then waits a moment
    /// for the words to arrive. What was buffered and not sent is dropped. Does its best, and fails silently: it is
    /// called where something else has already failed.
    pub fn abort(mut self, reason: &str) {
        let reason = frame::clean_reason(reason);
        let mut words = frame::encode(Kind::Abort, reason.len()).to_vec();
        words.extend_from_slice(reason.as_bytes());
        // A cancelled side still says so.
        self.config.cancel = Default::default();
        self.config.timeout = self.config.timeout.min(LAST_WORDS);
        if self.transmit(&words).is_err() {
            return;
        }
        self.close();
        // Closing a socket with unread data would reset it, and the words could be lost on the way.
        let deadline = Instant::now() + self.config.timeout;
        let mut void = vec![0; MAX_CHUNK];
        while Instant::now() < deadline {
            match attempt(self.source.read(&mut void, true)) {
                Attempt::Done(0) | Attempt::Failed(_) => return,
                Attempt::Done(_) | Attempt::NotYet => {}
            }
        }
    }

    fn close(&self) {
        if let Some(mut sink) = self.line.try_lock() {
            sink.close();
        }
    }

    fn send_if_full(&mut self) -> Result<(), NetError> {
        if self.outbox.held() >= SEND_AT { self.flush() } else { Ok(()) }
    }

    /// Writes whole frames to the stream.
    fn transmit(&mut self, mut bytes: &[u8]) -> Result<(), NetError> {
        self.check()?;
        self.turn(true);
        let line = self.line.clone();
        let mut progress = Instant::now();
        let mut sink = self.lock(&line, progress)?;
        self.sent += bytes.len() as u64;
        loop {
            let outcome = if bytes.is_empty() { sink.flush().map(|()| 0) } else { sink.write(bytes) };
            match attempt(outcome) {
                Attempt::Done(_) if bytes.is_empty() => break,
                Attempt::Done(n) => {
                    bytes = &bytes[n..];
                    progress = Instant::now();
                }
                Attempt::NotYet => self.look_after(progress)?,
                Attempt::Failed(cause) => return Err(self.broken(cause)),
            }
        }
        line.touched();
        Ok(())
    }

    /// The sink, once the heartbeat is done with it.
    fn lock<'a>(&mut self, line: &'a Line, since: Instant) -> Result<MutexGuard<'a, Box<dyn Sink>>, NetError> {
        loop {
            if let Some(sink) = line.try_lock() {
                return Ok(sink);
            }
            thread::sleep(Duration::from_micros(200));
            self.look_after(since)?;
        }
    }

    /// What is done while the peer takes nothing: its signs of life and its last words are read. Fails where there are
    /// none for too long, or where this side was cancelled.
    fn look_after(&mut self, since: Instant) -> Result<(), NetError> {
        self.check()?;
        let space = self.inbox.space(MAX_CHUNK);
        if !space.is_empty()
            && let Attempt::Done(n @ 1..) = attempt(self.source.read(space, false))
        {
            self.inbox.came(n);
        }
        self.inbox.parse(usize::MAX).map_err(|stop| self.told(stop))?;
        self.check_silence(since)
    }

    fn check_silence(&self, since: Instant) -> Result<(), NetError> {
        if since.max(self.inbox.heard).elapsed() < self.config.timeout {
            return Ok(());
        }
        Err(NetError::Silent { peer: self.peer.clone(), seconds: self.config.timeout.as_secs_f32() })
    }

    /// Waits until `len` bytes of payload are ready.
    fn await_payload(&mut self, len: usize) -> Result<(), NetError> {
        if self.inbox.ready() >= len {
            return Ok(());
        }
        let since = Instant::now();
        loop {
            self.inbox.parse(len).map_err(|stop| self.told(stop))?;
            if self.inbox.ready() >= len {
                return Ok(());
            }
            if self.inbox.goodbye {
                return Err(NetError::Ended { peer: self.peer.clone() });
            }
            self.read_more(len, since)?;
        }
    }

    /// Reads once, waiting at most a tick.
    fn read_more(&mut self, want: usize, since: Instant) -> Result<(), NetError> {
        self.check()?;
        match attempt(self.source.read(self.inbox.space(want), true)) {
            Attempt::Done(0) if self.inbox.greeted => Err(NetError::Closed { peer: self.peer.clone() }),
            Attempt::Done(0) => Err(NetError::ClosedAtOnce { peer: self.peer.clone() }),
            Attempt::Done(n) => {
                self.inbox.came(n);
                Ok(())
            }
            Attempt::NotYet => self.check_silence(since),
            Attempt::Failed(cause) => Err(NetError::Lost { peer: self.peer.clone(), cause }),
        }
    }

    /// The error for a failed write: the peer's last words, where it left any.
    fn broken(&mut self, cause: io::Error) -> NetError {
        let deadline = Instant::now() + LAST_WORDS.min(self.config.timeout);
        while Instant::now() < deadline {
            if let Err(stop) = self.inbox.parse(usize::MAX) {
                return self.told(stop);
            }
            // Nothing more will be asked of this channel: what is ready makes room for what may follow.
            self.inbox.take(self.inbox.ready());
            match attempt(self.source.read(self.inbox.space(MAX_CHUNK), true)) {
                Attempt::Done(n @ 1..) => self.inbox.came(n),
                Attempt::Done(_) | Attempt::Failed(_) => break,
                Attempt::NotYet => {}
            }
        }
        NetError::Lost { peer: self.peer.clone(), cause }
    }

    fn told(&self, stop: Stop) -> NetError {
        match stop {
            Stop::Abort(reason) => NetError::Stopped { peer: self.peer.clone(), reason },
            Stop::Malformed(what) => what.from(&self.peer),
        }
    }
}

#[cfg(test)]
mod tests;
