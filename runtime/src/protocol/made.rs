//! What a party made ahead for one run: its half of the offline phase.
//!
//! It is what later steps of this party's read in the order in which earlier ones wrote it (the *tape*), tables, which are
//! no secret, and what both phases derive alike from seeds. The peer holds the other half; together they serve one run.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::ProtocolError;
use crate::crypto::Block;
use crate::ot::Stock;

/// The half of an offline phase.
pub struct Made {
    pub(super) front: Front,
    /// Oblivious transfers that are left, with the Δ of all of it.
    pub(super) stock: Stock,
    /// The tape, from `start` on.
    bytes: Zeroizing<Vec<u8>>,
    start: usize,
    tables: Vec<u8>,
}

/// What stands before the stock and the tape.
#[derive(Serialize, Deserialize)]
pub(super) struct Front {
    /// The id that all of it is bound to; a run from it has another.
    pub session: [u8; 32],
    /// What the garbler opened with: keys of gates and labels of what it knows are derived of it.
    pub seed: [u8; 16],
    /// What this party's own masks are drawn from.
    pub secret: [u8; 16],
    /// The parameters that were there.
    pub given: Vec<bool>,
    /// Whether circuits were garbled.
    pub garbled: bool,
    /// Cross terms of products that were made.
    pub products: u64,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl Made {
    pub(super) fn new(front: Front, stock: Stock, tape: Zeroizing<Vec<u8>>, tables: Vec<u8>) -> Made {
        Made { front, stock, bytes: tape, start: 0, tables }
    }

    /// One of nothing much, for tests of what keeps it.
    #[cfg(test)]
    pub(crate) fn example() -> Made {
        let stock = Stock::of_delta(Block::new(5).with_colour());
        let given = vec![true, false];
        let front = Front { session: [3; 32], seed: [4; 16], secret: [6; 16], given, garbled: true, products: 7 };
        Made::new(front, stock, vec![8; 99].into(), vec![9; 77])
    }

    /// Oblivious transfers that are left.
    pub fn transfers(&self) -> u64 {
        self.stock.count() as u64
    }

    /// Cross terms of products that were made.
    pub fn products(&self) -> u64 {
        self.front.products
    }

    /// Whether circuits were garbled.
    pub fn garbled(&self) -> bool {
        self.front.garbled
    }

    /// What later steps read.
    pub(super) fn tape(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Garbled tables, at the evaluator: what the garbler has sent, kept apart from secrets.
    pub fn tables(&self) -> &[u8] {
        &self.tables
    }

    /// Calls `write` with the bytes that stand for it in a file, part after part: all but the tables.
    ///
    /// # Errors
    /// What `write` returns.
    pub fn encode<E>(&self, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let stock = self.stock.encode();
        // The front is a few words and cannot fail to be written.
        let front = Zeroizing::new(postcard::to_stdvec(&(&self.front, stock.len() as u64)).unwrap_or_default());
        write(&(front.len() as u32).to_le_bytes())?;
        write(&front)?;
        write(&stock)?;
        write(self.tape())
    }

    /// What [`Made::encode`] made, from `start` on, with its tables; `None` where the bytes are nothing of the kind.
    pub fn decode(bytes: Zeroizing<Vec<u8>>, start: usize, tables: Vec<u8>) -> Option<Made> {
        let (length, rest) = bytes.get(start..)?.split_first_chunk::<4>()?;
        let (front, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let (front, stock): (Front, u64) = postcard::from_bytes(front).ok()?;
        let (stock, tape) = rest.split_at_checked(usize::try_from(stock).ok()?)?;
        let stock = Stock::decode(stock)?;
        let start = bytes.len() - tape.len();
        Some(Made { front, stock, bytes, start, tables })
    }
}

/// A tape being written.
#[derive(Default)]
pub(super) struct Tape(Zeroizing<Vec<u8>>);

impl Tape {
    pub fn write(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
    }

    pub fn words(&mut self, words: &[u64]) {
        let out = self.room(8 * words.len());
        out.chunks_exact_mut(8).zip(words).for_each(|(to, word)| to.copy_from_slice(&word.to_le_bytes()));
    }

    pub fn blocks(&mut self, blocks: &[Block]) {
        let out = self.room(16 * blocks.len());
        out.chunks_exact_mut(16).zip(blocks).for_each(|(to, block)| to.copy_from_slice(&block.to_bytes()));
    }

    /// The next bytes, to be written.
    pub fn room(&mut self, count: usize) -> &mut [u8] {
        let start = self.0.len();
        if self.0.capacity() - start < count {
            // By hand, so that what is outgrown is wiped.
            let mut larger = Zeroizing::new(Vec::with_capacity((start + count).max(2 * self.0.capacity())));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.resize(start + count, 0);
        &mut self.0[start..]
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// A tape being read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next bytes.
    ///
    /// # Errors
    /// There are fewer: it was made for something else.
    pub fn read(&mut self, count: usize) -> Result<&'a [u8], ProtocolError> {
        let (next, rest) =
            self.0.split_at_checked(count).ok_or(ProtocolError::Plan("what was made ahead is too short"))?;
        self.0 = rest;
        Ok(next)
    }

    /// The next words.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn words(&mut self, count: usize) -> Result<impl Iterator<Item = u64> + use<'a>, ProtocolError> {
        let bytes = self.read(8 * count)?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)))
    }

    /// The next blocks.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn blocks(&mut self, count: usize) -> Result<impl Iterator<Item = Block> + use<'a>, ProtocolError> {
        let bytes = self.read(16 * count)?;
        Ok(bytes.as_chunks::<16>().0.iter().map(|block| Block::from_bytes(*block)))
    }
}
