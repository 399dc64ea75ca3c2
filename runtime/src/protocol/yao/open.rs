//! Opening values to the parties that are to see them, and to no other.
//!
//! A garbled value goes to the evaluator as the garbler's *decoding bits* (the colours of the labels of 0), and to the
//! garbler as the colours of the active labels; each alone says nothing. A party that is not to see the value is not
//! sent its half. Of a value on shared bits each party's half goes to the other alike. A private value is sent by its owner. Bits are packed, and there are as many as the type has.

use super::super::clear::Clear;
use super::super::error::ProtocolError;
use super::bits::{self, packed_len};
use super::party::Side;
use super::values::Shared;
use crate::net::NetError;

/// Who is to see a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recipients {
    pub garbler: bool,
    pub evaluator: bool,
}

impl Side<'_> {
    /// Opens a shared value of `bits` an element; the words, where this party is to see them.
    ///
    /// # Errors
    /// The link failed, or there is not enough memory.
    pub fn open(
        &mut self,
        shared: &Shared,
        bits: usize,
        count: usize,
        to: Recipients,
    ) -> Result<Option<Vec<u64>>, ProtocolError> {
        let mine = if self.garbles() { to.garbler } else { to.evaluator };
        match shared {
            Shared::Public(clear) => Ok(if mine { Some(clear.to_vec()?) } else { None }),
            Shared::Garbler(Some(clear)) | Shared::Evaluator(Some(clear)) => {
                let others = if self.garbles() { to.evaluator } else { to.garbler };
                if others {
                    self.send_words(clear, bits)?;
                }
                Ok(if mine { Some(clear.to_vec()?) } else { None })
            }
            Shared::Garbler(None) | Shared::Evaluator(None) if !mine => Ok(None),
            Shared::Garbler(None) | Shared::Evaluator(None) => Ok(Some(self.receive_words(bits, count)?)),
            Shared::Labels(labels) => self.open_halves(bits::colours(labels), bits, count, to),
            Shared::Bits(halves) => self.open_halves(bits::of_clear(halves, bits), bits, count, to),
        }
    }

    /// Opens a value of which each party holds half of every bit, `own` being this party's, packed.
    fn open_halves(
        &mut self,
        own: Vec<u8>,
        bits: usize,
        count: usize,
        to: Recipients,
    ) -> Result<Option<Vec<u64>>, ProtocolError> {
        let (send, receive) = if self.garbles() { (to.evaluator, to.garbler) } else { (to.garbler, to.evaluator) };
        // The garbler speaks first, so that two long messages never meet on the line.
        if send && self.garbles() {
            self.channel.send(&own)?;
        }
        let theirs = if receive { Some(self.receive_bits(bits * count)?) } else { None };
        if send && !self.garbles() {
            self.channel.send(&own)?;
        }
        let Some(mut colours) = theirs else { return Ok(None) };
        colours.iter_mut().zip(&own).for_each(|(theirs, own)| *theirs ^= own);
        Ok(Some(bits::unpack(&colours, bits, count)?))
    }

    /// Sends the words of a value that this party knows.
    ///
    /// # Errors
    /// The link failed.
    pub fn send_words(&mut self, clear: &Clear, bits: usize) -> Result<(), NetError> {
        self.channel.send(&bits::of_clear(clear, bits))
    }

    /// Receives the words of a value that the other party knows.
    ///
    /// # Errors
    /// The link failed, or there is not enough memory.
    pub fn receive_words(&mut self, bits: usize, count: usize) -> Result<Vec<u64>, ProtocolError> {
        let packed = self.receive_bits(bits * count)?;
        Ok(bits::unpack(&packed, bits, count)?)
    }

    fn receive_bits(&mut self, bits: usize) -> Result<Vec<u8>, NetError> {
        let mut packed = vec![0; packed_len(bits)];
        self.channel.receive(&mut packed)?;
        Ok(packed)
    }
}
