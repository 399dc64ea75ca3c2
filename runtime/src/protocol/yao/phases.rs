//! The offline and the online phase of a run.
//!
//! **Follows** the division of Delphi (Mishra, Lehmkuhl, Srinivasan, Zheng and Popa, USENIX Security 2020, section 4):
//! products of the server's matrices with random vectors, and garbled tables, are made before the inputs are there; then
//! parties show each other by how much their values differ from the random ones, and the garbler sends the labels of what
//! it did not know before. **Assumes** what the protocols of both phases do, and that an offline phase serves one run.
//! **Protects** as they do: a difference is uniform, as what is subtracted is; a label says nothing of its bit.
//!
//! Both phases walk through the same steps, and each party draws its masks from the same seed in the same order:
//!
//! - *offline*, the garbler has the labels of 0 of every wire and sends tables and decoding bits; the evaluator, whose
//!   labels mean nothing yet, keeps them;
//! - *online*, the evaluator has the active labels, and the garbler none. A bit that the garbler knows by now goes as its
//!   active label. A bit `x` that the evaluator knows by now is `c ⊕ b` with `c` its random choice of the offline phase
//!   and `b` shown to the garbler, who sends the active label of `b`.
//!
//! Where circuits are not garbled ahead, the offline phase makes products alone, as long as all that steers it is known.

use motet_program::data::Type;
use motet_program::ir::Value;
use motet_program::place::Place;
use motet_program::plan::{Planned, Step};
use zeroize::Zeroizing;

use super::super::array::{Array, buffer};
use super::super::clear::sizes;
use super::super::error::ProtocolError;
use super::bits;
use super::open::Recipients;
use super::party::{Phase, Side};
use super::steps::Run;
use super::values::Shared;
use crate::crypto::Block;

/// Labels that are sent at once: 64 KiB.
const PIECE: usize = 1 << 12;

const UNKNOWN: ProtocolError = ProtocolError::Plan("a step of the offline phase needs what is not known yet");
const NOT_MADE: ProtocolError = ProtocolError::Plan("what was made ahead is not for this step");

impl Run<'_, '_> {
    /// Whether a value's owner knows it in the offline phase.
    pub(super) fn knows(&self, v: Value) -> bool {
        self.known.get(v.0 as usize).copied().unwrap_or(false)
    }

    /// A step of the offline phase.
    pub(super) fn offline(&mut self, planned: &Planned) -> Result<(), ProtocolError> {
        match &planned.step {
            // An assertion has no result: it is the online phase's.
            Step::Clear(node) if node.results.is_empty() || !node.results.iter().all(|v| self.knows(*v)) => Ok(()),
            Step::Triangular(sums) if !self.knows(sums.result) => Ok(()),
            Step::Loop { from, to, .. } if !self.knows(*from) || !self.knows(*to) => {
                self.stopped = true;
                Ok(())
            }
            Step::If { cond, .. } if !self.knows(*cond) => {
                self.stopped = true;
                Ok(())
            }
            Step::Clear(_) | Step::Triangular(_) | Step::Loop { .. } | Step::If { .. } => self.whole(planned),
            Step::Mask(_) | Step::Product(_) => self.whole(planned),
            _ if !self.side.garbled => Ok(()),
            Step::Structural(_) | Step::Kernel(_) => self.whole(planned),
            Step::Share(value) => match self.shares(*value)? {
                Some(ty) => self.share_offline(*value, &ty),
                None => self.whole(planned),
            },
            Step::Open { value, .. } | Step::Reveal { value, .. } | Step::Output { value, .. } => {
                let to = self.recipients(&planned.step);
                self.decode(*value, to)
            }
            // Nothing is garbled ahead where there are such steps.
            Step::Halves { .. } | Step::Choose(_) => Ok(()),
        }
    }

    /// A step of the online phase.
    pub(super) fn online(&mut self, planned: &Planned) -> Result<(), ProtocolError> {
        match &planned.step {
            _ if !self.side.garbled => self.whole(planned),
            Step::Structural(_) | Step::Kernel(_) if self.side.garbles() => Ok(()),
            Step::Share(value) => match self.shares(*value)? {
                Some(ty) => self.share_online(*value, &ty),
                None => self.whole(planned),
            },
            _ => self.whole(planned),
        }
    }

    /// The type of a value that is about to be shared, if labels of it have to be made now.
    fn shares(&self, value: Value) -> Result<Option<Type>, ProtocolError> {
        let derived = match self.place(value) {
            Place::Public | Place::Shared => true,
            Place::Private(owner) => owner == self.job.plan.garbler && self.knows(value),
        };
        let done = derived || self.values.get(value).shared.is_some();
        Ok(if done { None } else { Some(self.ty(value)?.clone()) })
    }

    /// Labels of a private value, as far as they are known before the value is.
    fn share_offline(&mut self, value: Value, ty: &Type) -> Result<(), ProtocolError> {
        let (bits, shape) = (ty.elem.bits() as usize, sizes(ty));
        let count = bits * ty.count() as usize;
        let known = self.knows(value);
        let of_evaluator = self.place(value) != Place::Private(self.job.plan.garbler);
        let mut labels: Vec<Block> = buffer(bits, ty.count() as usize)?;
        if of_evaluator {
            let choices = match (self.side.garbles(), known) {
                (true, _) => None,
                (false, true) => Some(Zeroizing::new(bits::choices(self.values.clear(value)?, bits))),
                (false, false) => Some(self.side.draw_bits(count)),
            };
            self.side.transfer(choices.as_ref().map(|words| words.as_slice()), &mut labels)?;
        }
        let garbles = self.side.garbles();
        match &mut self.side.phase {
            Phase::Offline(tape) if of_evaluator && !garbles => tape.blocks(&labels),
            _ if garbles && !known => self.side.masks.mask(&mut labels),
            _ => {}
        }
        self.values.entry(value)?.shared = Some(Shared::Labels(Array::new(bits, &shape, labels)));
        Ok(())
    }

    /// The active labels of that value, now that it is known.
    fn share_online(&mut self, value: Value, ty: &Type) -> Result<(), ProtocolError> {
        let (bits, shape) = (ty.elem.bits() as usize, sizes(ty));
        let count = bits * ty.count() as usize;
        let known = self.knows(value);
        let of_evaluator = self.place(value) != Place::Private(self.job.plan.garbler);
        if self.side.garbles() {
            // It has no labels now, but the value is shared.
            self.values.entry(value)?.shared = Some(Shared::Garbler(None));
            return match (known, of_evaluator) {
                (true, _) => Ok(()),
                (false, false) => {
                    let own = Zeroizing::new(bits::choices(self.values.clear(value)?, bits));
                    self.side.send_active(&own, count)
                }
                (false, true) => {
                    let mut shown = vec![0; bits::packed_len(count)];
                    self.side.channel.receive(&mut shown)?;
                    self.side.send_active(&bits::words(&shown), count)
                }
            };
        }
        let mut labels: Vec<Block> = buffer(bits, ty.count() as usize)?;
        if !known {
            if of_evaluator {
                let mut shown = self.side.draw_bits(count);
                let own = Zeroizing::new(bits::choices(self.values.clear(value)?, bits));
                shown.iter_mut().zip(own.iter()).for_each(|(shown, own)| *shown ^= own);
                self.side.channel.send(&bits::bytes(&shown, count))?;
            }
            self.side.receive_active(&mut labels)?;
        }
        if of_evaluator {
            let Phase::Online(tape) = &mut self.side.phase else { return Err(NOT_MADE) };
            let made = tape.blocks(count)?;
            labels.iter_mut().zip(made).for_each(|(label, made)| *label ^= made);
        }
        self.values.entry(value)?.shared = Some(Shared::Labels(Array::new(bits, &shape, labels)));
        Ok(())
    }

    /// The garbler's part of opening a shared value, before there is one: who will see it keeps what it takes.
    fn decode(&mut self, value: Value, to: Recipients) -> Result<(), ProtocolError> {
        if self.place(value) != Place::Shared {
            return Ok(());
        }
        let ty = self.ty(value)?;
        let (bits, count) = (ty.elem.bits() as usize, ty.count() as usize);
        let shared = self.values.shared(value)?.clone();
        self.side.decode(&shared, bits, count, to)
    }
}

/// How the garbler reads the answer when a value is opened to it.
const BY_COLOURS: u8 = 0;
const KNOWN: u8 = 1;

impl Side<'_> {
    /// Random bits, packed.
    fn draw_bits(&mut self, count: usize) -> Zeroizing<Vec<u64>> {
        let mut blocks = Zeroizing::new(vec![Block::ZERO; count.div_ceil(128)]);
        self.masks.fill(&mut blocks);
        let words = blocks.iter().flat_map(|block| [block.value() as u64, (block.value() >> 64) as u64]);
        let mut words: Zeroizing<Vec<u64>> = Zeroizing::new(words.take(count.div_ceil(64)).collect());
        if let (Some(last), rest @ 1..) = (words.last_mut(), count % 64) {
            *last &= u64::MAX >> (64 - rest);
        }
        words
    }

    /// At the garbler: draws the labels of 0 again, and sends those of the packed bits.
    fn send_active(&mut self, of: &[u64], count: usize) -> Result<(), ProtocolError> {
        let delta = self.delta();
        let mut labels = Zeroizing::new(vec![Block::ZERO; PIECE]);
        // In one go offline, in pieces here: the generator's blocks are the same.
        for (piece, of) in of.chunks(PIECE / 64).enumerate() {
            let labels = &mut labels[..PIECE.min(count - piece * PIECE)];
            self.masks.fill(labels);
            self.channel.send_with(16 * labels.len(), |out| {
                for (i, (label, out)) in labels.iter().zip(out.as_chunks_mut::<16>().0).enumerate() {
                    *out = (*label ^ delta.when(of[i / 64] >> (i % 64) & 1 == 1)).to_bytes();
                }
            })?;
        }
        Ok(())
    }

    /// At the evaluator: receives what the garbler sends by `send_active`.
    fn receive_active(&mut self, labels: &mut [Block]) -> Result<(), ProtocolError> {
        for labels in labels.chunks_mut(PIECE) {
            self.channel.receive_with(16 * labels.len(), |bytes| {
                let read = bytes.as_chunks::<16>().0.iter();
                labels.iter_mut().zip(read).for_each(|(label, bytes)| *label = Block::from_bytes(*bytes));
            })?;
        }
        Ok(())
    }

    fn decode(&mut self, shared: &Shared, bits: usize, count: usize, to: Recipients) -> Result<(), ProtocolError> {
        let (how, own) = match shared {
            Shared::Public(_) | Shared::Evaluator(_) if !self.garbles() => return Ok(()),
            Shared::Public(clear) | Shared::Garbler(Some(clear)) => (KNOWN, bits::of_clear(clear, bits)),
            Shared::Garbler(None) => (KNOWN, Vec::new()),
            Shared::Labels(labels) => (BY_COLOURS, bits::colours(labels)),
            Shared::Bits(colours) => (BY_COLOURS, bits::of_clear(colours, bits)),
            Shared::Evaluator(_) => return Err(UNKNOWN),
        };
        let garbles = self.garbles();
        let Phase::Offline(tape) = &mut self.phase else { return Err(NOT_MADE) };
        if !garbles {
            if to.evaluator {
                self.channel.receive(tape.room(bits::packed_len(bits * count)))?;
            }
            return Ok(());
        }
        if to.evaluator && !matches!(shared, Shared::Public(_)) {
            self.channel.send(&own)?;
        }
        if to.garbler {
            tape.write(&[how]);
            tape.write(&own);
        }
        Ok(())
    }

    /// Opens a shared value that is decoded by what the offline phase made; the words, where this party is to see them.
    ///
    /// # Errors
    /// The link failed, or there is not enough memory.
    pub(super) fn open_decoded(
        &mut self,
        shared: Option<&Shared>,
        bits: usize,
        count: usize,
        to: Recipients,
    ) -> Result<Option<Vec<u64>>, ProtocolError> {
        let length = bits::packed_len(bits * count);
        let garbles = self.garbles();
        let Phase::Online(tape) = &mut self.phase else { return Err(NOT_MADE) };
        if garbles {
            if !to.garbler {
                return Ok(None);
            }
            let how = tape.read(1)?[0];
            let mut packed = Zeroizing::new(tape.read(length)?.to_vec());
            if how == BY_COLOURS {
                let mut colours = vec![0; length];
                self.channel.receive(&mut colours)?;
                packed.iter_mut().zip(&colours).for_each(|(own, theirs)| *own ^= theirs);
            }
            return Ok(Some(bits::unpack(&packed, bits, count)?));
        }
        let own = match shared {
            Some(Shared::Public(clear)) => return Ok(if to.evaluator { Some(clear.to_vec()?) } else { None }),
            Some(Shared::Garbler(_)) => None,
            Some(Shared::Labels(labels)) => Some(bits::colours(labels)),
            Some(Shared::Bits(colours)) => Some(bits::of_clear(colours, bits)),
            _ => return Err(NOT_MADE),
        };
        if let Some(own) = own.as_ref().filter(|_| to.garbler) {
            self.channel.send(own)?;
        }
        if !to.evaluator {
            return Ok(None);
        }
        let mut packed = Zeroizing::new(tape.read(length)?.to_vec());
        if let Some(own) = &own {
            packed.iter_mut().zip(own).for_each(|(packed, own)| *packed ^= own);
        }
        Ok(Some(bits::unpack(&packed, bits, count)?))
    }
}
