//! The send buffer: one data frame under construction, its header's place kept free in front.

use super::frame::{HEADER, Kind, MAX_FRAME, encode};
use crate::memcheck;

pub(super) struct Outbox {
    buffer: Box<[u8]>,
    filled: usize,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Outbox { buffer: vec![0; HEADER + MAX_FRAME].into_boxed_slice(), filled: HEADER }
    }

    /// A buffer of no size, to stand in for one that is being sent.
    pub(super) fn none() -> Self {
        Outbox { buffer: Box::default(), filled: HEADER }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filled == HEADER
    }

    /// Bytes of payload so far.
    pub(super) fn held(&self) -> usize {
        self.filled - HEADER
    }

    /// Bytes of payload that still fit.
    pub(super) fn room(&self) -> usize {
        self.buffer.len() - self.filled
    }

    /// The next `len` bytes of payload, at most `room()`, to be written by the caller.
    pub(super) fn reserve(&mut self, len: usize) -> &mut [u8] {
        let start = self.filled;
        self.filled += len;
        &mut self.buffer[start..start + len]
    }

    /// The finished frame; `clear` after it was sent.
    pub(super) fn frame(&mut self) -> &[u8] {
        let header = encode(Kind::Data, self.held());
        self.buffer[..HEADER].copy_from_slice(&header);
        memcheck::public(&mut self.buffer[..self.filled]);
        &self.buffer[..self.filled]
    }

    pub(super) fn clear(&mut self) {
        self.filled = HEADER;
    }
}
