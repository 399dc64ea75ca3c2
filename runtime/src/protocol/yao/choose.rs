//! From secret bits to addends: bits taken apart, and products of one party's bits with the other's numbers.
//!
//! **Follows** the correlated OT of Asharov, Lindell, Schneider and Zohner (CCS 2013, section 5.1): whose numbers they are
//! sends, whose bits they are chooses. Of pads `r₀` and `r₁` mod 2^n the sender keeps `-r₀` and sends `r₀ + x - r₁`; the
//! chooser of 0 keeps `r₀`, of 1 `r₁` plus what was sent. **Assumes** that the gates' hash of a label is a pad (see
//! `crypto::gate`), and a peer that follows the protocol. **Protects** the numbers by the pad of the choice that was not
//! taken, the bits as oblivious transfer does. Halves of a bit are colours of labels, which are there already and random.

use std::hint::black_box;

use motet_program::ir::Value;
use motet_program::place::Place;
use motet_program::plan::{Choose, traffic};
use zeroize::Zeroizing;

use super::super::array::{Array, buffer};
use super::super::clear::sizes;
use super::super::error::ProtocolError;
use super::party::Side;
use super::product::choices;
use super::steps::Run;
use super::values::Shared;
use crate::crypto::{Block, Kernels};
use crate::garble::MAX_BATCH;

/// Oblivious transfers at once: 4 MiB of labels.
const PIECE: usize = traffic::PRODUCT_TRANSFERS as usize;

impl Run<'_, '_> {
    /// Takes a shared bit apart.
    pub(super) fn halves(&mut self, value: Value, halves: [Value; 2]) -> Result<(), ProtocolError> {
        let shape = sizes(self.ty(value)?);
        let own = match self.values.shared(value)? {
            Shared::Labels(labels) => {
                let labels = labels.to_vec()?;
                Array::new(1, &shape, labels.iter().map(|label| u64::from(label.colour())).collect())
            }
            other => self.side.halves(other, &shape),
        };
        self.values.set_clear(halves[usize::from(!self.side.garbles())], own)
    }

    /// This party's addends of products of bits with numbers.
    pub(super) fn choose(&mut self, choose: &Choose) -> Result<(), ProtocolError> {
        let back = self.place(choose.bits) == Place::Private(self.job.plan.garbler);
        let garbles = self.side.garbles();
        let ty = self.ty(choose.numbers)?;
        let (bits, mask, shape) = (ty.elem.bits(), ty.elem.mask(), sizes(ty));
        let low = u32::from(choose.low);
        if low >= bits || self.ty(choose.bits)?.count() != ty.count() {
            return Err(ProtocolError::Plan("bits and numbers do not fit"));
        }
        let own = if back == garbles { choose.bits } else { choose.numbers };
        let own = Zeroizing::new(self.values.clear(own)?.to_vec()?);
        let mut sum = buffer(1, own.len())?;
        let width = bits - low;
        for (own, sum) in own.chunks(PIECE).zip(sum.chunks_mut(PIECE)) {
            if back == garbles {
                self.side.pick_numbers(back, own, width, sum)?;
            } else {
                let numbers: Zeroizing<Vec<u64>> = Zeroizing::new(own.iter().map(|number| number >> low).collect());
                self.side.offer_numbers(back, &numbers, width, sum)?;
            }
            sum.iter_mut().for_each(|word| *word = *word << low & mask);
        }
        self.values.set_clear(choose.result[usize::from(!garbles)], Array::new(1, &shape, sum))
    }
}

impl Side<'_> {
    /// The sender's side, with numbers of `width` bits.
    fn offer_numbers(&mut self, back: bool, numbers: &[u64], width: u32, sum: &mut [u64]) -> Result<(), ProtocolError> {
        let delta = self.delta_of(back).ok_or(ProtocolError::Plan("the other party has the numbers"))?;
        let mut labels: Zeroizing<Vec<Block>> = Zeroizing::new(buffer(1, numbers.len())?);
        if back {
            self.transfer_back(None, &mut labels)?;
        } else {
            self.transfer(None, &mut labels)?;
        }
        let bytes = width.div_ceil(8) as usize;
        let mask = u64::MAX >> (64 - width);
        let kernels = Kernels::detect();
        let mut message = vec![0; bytes * numbers.len()];
        let mut ones = Zeroizing::new([Block::ZERO; MAX_BATCH]);
        let parts = numbers.chunks(MAX_BATCH).zip(labels.chunks_mut(MAX_BATCH)).zip(sum.chunks_mut(MAX_BATCH));
        for (((numbers, zeros), sum), out) in parts.zip(message.chunks_mut(bytes * MAX_BATCH)) {
            let ones = &mut ones[..zeros.len()];
            ones.iter_mut().zip(zeros.iter()).for_each(|(one, zero)| *one = *zero ^ delta);
            let key = self.pad_keys.one();
            kernels.hashes(zeros, key);
            kernels.hashes(ones, key);
            for (i, out) in out.chunks_exact_mut(bytes).enumerate() {
                let [zero, one] = [zeros[i], ones[i]].map(|pad| pad.value() as u64);
                let correction = zero.wrapping_add(numbers[i]).wrapping_sub(one) & mask;
                out.copy_from_slice(&correction.to_le_bytes()[..bytes]);
                sum[i] = zero.wrapping_neg();
            }
        }
        Ok(self.channel.send(&message)?)
    }

    /// The chooser's side, with a bit in each word.
    fn pick_numbers(&mut self, back: bool, bits: &[u64], width: u32, sum: &mut [u64]) -> Result<(), ProtocolError> {
        let mut labels: Zeroizing<Vec<Block>> = Zeroizing::new(buffer(1, bits.len())?);
        let choices = Zeroizing::new(choices(bits, 1));
        if back {
            self.transfer_back(Some(&choices), &mut labels)?;
        } else {
            self.transfer(Some(&choices), &mut labels)?;
        }
        let bytes = width.div_ceil(8) as usize;
        let kernels = Kernels::detect();
        let mut message = vec![0; bytes * bits.len()];
        self.channel.receive(&mut message)?;
        let parts = bits.chunks(MAX_BATCH).zip(labels.chunks_mut(MAX_BATCH)).zip(sum.chunks_mut(MAX_BATCH));
        for (((bits, labels), sum), message) in parts.zip(message.chunks(bytes * MAX_BATCH)) {
            kernels.hashes(labels, self.pad_keys.one());
            for (i, read) in message.chunks_exact(bytes).enumerate() {
                let mut word = [0; 8];
                word[..bytes].copy_from_slice(read);
                // All ones where the bit is 1: no branch depends on it, as no compiler knows what it is.
                let taken = black_box(bits[i]).wrapping_neg();
                sum[i] = (labels[i].value() as u64).wrapping_add(u64::from_le_bytes(word) & taken);
            }
        }
        Ok(())
    }
}
