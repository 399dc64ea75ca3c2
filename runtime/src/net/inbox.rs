//! The receive buffer: what came off the stream, unframed in place.
//!
//! ```text
//! 0        start              end              filled        len
//! |  free  |  payload, ready  |  not yet parsed  |  free      |
//! ```
//!
//! A frame's header is dropped by moving the payload before it up over it. A reader that takes chunks as they were sent
//! has no payload left when the next header comes, so nothing moves and a chunk is viewed where the socket put it.

use std::time::Instant;

use super::error::Malformed;
use super::frame::{self, GREETING, HEADER, Kind, MAX_CHUNK};

/// Bytes that are read beyond what is asked for: the headers and small messages that follow, for one system call.
const READ_AHEAD: usize = 16 * 1024;
/// Bytes that are held beyond that while this side sends and does not read: what a peer may send before its turn.
pub(super) const UNREAD: usize = 1 << 20;
/// Up to so many bytes are moved to the front rather than read behind.
const CHEAP_MOVE: usize = 4 * 1024;

pub(super) struct Inbox {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    filled: usize,
    /// Bytes of the current data frame that have not come yet.
    frame_left: usize,
    /// Whether the peer opened the stream in the right way.
    pub(super) greeted: bool,
    /// Whether the peer said goodbye.
    pub(super) goodbye: bool,
    /// When bytes last came.
    pub(super) heard: Instant,
    /// Bytes that came, framing included.
    pub(super) received: u64,
}

/// Why no more can be parsed.
pub(super) enum Stop {
    /// The peer sent an abort with this reason.
    Abort(String),
    /// What came breaks the wire format.
    Malformed(Malformed),
}

impl From<Malformed> for Stop {
    fn from(what: Malformed) -> Self {
        Stop::Malformed(what)
    }
}

impl Inbox {
    pub(super) fn new() -> Self {
        Inbox {
            buffer: vec![0; MAX_CHUNK + 2 * READ_AHEAD + UNREAD].into_boxed_slice(),
            start: 0,
            end: 0,
            filled: 0,
            frame_left: 0,
            greeted: false,
            goodbye: false,
            heard: Instant::now(),
            received: 0,
        }
    }

    /// Bytes of payload that are ready.
    pub(super) fn ready(&self) -> usize {
        self.end - self.start
    }

    /// Takes `len` ready bytes.
    pub(super) fn take(&mut self, len: usize) -> &[u8] {
        debug_assert!(len <= self.ready());
        let start = self.start;
        self.start += len;
        &self.buffer[start..start + len]
    }

    /// Room for the next read, sized so that `want` payload bytes can be completed and little more is read. Empty only
    /// where the buffer is full.
    pub(super) fn space(&mut self, want: usize) -> &mut [u8] {
        let aim = want.saturating_sub(self.ready()) + READ_AHEAD;
        let held = self.filled - self.start;
        if self.start > 0 && (held <= CHEAP_MOVE || self.buffer.len() - self.filled < aim) {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.end -= self.start;
            self.filled = held;
            self.start = 0;
        }
        let to = self.buffer.len().min(self.filled + aim);
        &mut self.buffer[self.filled..to]
    }

    /// Notes that `n` bytes were read into `space`.
    pub(super) fn came(&mut self, n: usize) {
        self.filled += n;
        self.received += n as u64;
        self.heard = Instant::now();
    }

    /// Parses what came until `want` payload bytes are ready or nothing is left to parse.
    pub(super) fn parse(&mut self, want: usize) -> Result<(), Stop> {
        while self.ready() < want {
            let unparsed = self.filled - self.end;
            if self.frame_left > 0 && unparsed > 0 {
                let n = self.frame_left.min(unparsed);
                self.frame_left -= n;
                self.end += n;
            } else if !self.greeted && unparsed >= GREETING {
                frame::check_greeting(self.peek())?;
                self.greeted = true;
                self.skip(GREETING);
            } else if self.greeted && unparsed >= HEADER {
                let (kind, length) = frame::decode(self.peek())?;
                if self.goodbye && kind != Kind::Abort {
                    return Err(Malformed::AfterGoodbye.into());
                }
                match kind {
                    Kind::Data => self.frame_left = length,
                    Kind::Heartbeat => {}
                    Kind::Goodbye => self.goodbye = true,
                    Kind::Abort if unparsed < HEADER + length => break,
                    Kind::Abort => {
                        let reason = &self.buffer[self.end + HEADER..][..length];
                        return Err(Stop::Abort(frame::clean_reason(&String::from_utf8_lossy(reason))));
                    }
                }
                self.skip(HEADER);
            } else {
                break;
            }
        }
        Ok(())
    }

    /// The next unparsed bytes.
    fn peek<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.buffer[self.end..self.end + N]);
        bytes
    }

    /// Drops unparsed bytes, moving the payload before them up.
    fn skip(&mut self, n: usize) {
        self.buffer.copy_within(self.start..self.end, self.start + n);
        self.start += n;
        self.end += n;
    }
}
