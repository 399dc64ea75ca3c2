//! Products of random bits, made from random correlated OTs: one of the evaluator's with up to 128 of the garbler's for
//! each OT. OTs are made some way ahead of need, so that the messages of a level cross on the line.

use motet_program::plan::traffic;
use zeroize::Zeroizing;

use super::words::deposit;
use crate::crypto::{Block, Kernels, TweakKeys};
use crate::garble::MAX_BATCH;
use crate::net::Channel;
use crate::ot::{CotReceiver, CotSender, OtError};

/// OTs whose labels are taken at once.
const PIECE: usize = 1 << 15;
/// Most OTs that are made ahead.
const AHEAD: usize = traffic::TRANSFERS_AHEAD as usize;

/// One party's side of random products.
pub struct Products {
    kernels: Kernels,
    keys: TweakKeys,
    labels: Zeroizing<Vec<Block>>,
}

/// Which products are made: for each fan so many, `lane` times, OT after OT in that order.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Products of each fan.
    pub fans: &'a [usize],
    /// OTs of each fan.
    pub lane: usize,
    /// OTs that will be wanted soon, these among them.
    pub ahead: usize,
}

/// One side of the OTs that they are made of.
pub enum Source<'a> {
    /// The garbler's, with its Δ.
    Sender(&'a mut CotSender, Block),
    /// The evaluator's.
    Receiver(&'a mut CotReceiver),
}

impl Source<'_> {
    /// The same once more.
    pub(super) fn again(&mut self) -> Source<'_> {
        match self {
            Source::Sender(sender, delta) => Source::Sender(sender, *delta),
            Source::Receiver(receiver) => Source::Receiver(receiver),
        }
    }

    /// Where fewer than `count` OTs are here, makes as many as are wanted soon.
    fn prepare(&mut self, channel: &mut Channel, count: usize, ahead: usize) -> Result<(), OtError> {
        let ahead = ahead.clamp(count.min(AHEAD), AHEAD);
        match self {
            Source::Sender(sender, _) if sender.ready() < count => sender.prepare(channel, ahead),
            Source::Receiver(receiver) if receiver.ready() < count => receiver.prepare(channel, ahead),
            _ => Ok(()),
        }
    }
}

impl Products {
    /// `keys` are the same at both parties, and used for nothing else.
    pub fn new(kernels: Kernels, keys: TweakKeys) -> Products {
        Products { kernels, keys, labels: Zeroizing::default() }
    }

    /// Makes products: at the garbler its factors, at the evaluator its factor of each fan; and a party's shares of the
    /// products, which stand fan after fan, product after product, instance after instance.
    ///
    /// # Errors
    /// The link or the OTs failed.
    pub(super) fn make(
        &mut self,
        mut source: Source<'_>,
        channel: &mut Channel,
        wanted: Wanted<'_>,
        factors: &mut Zeroizing<Vec<u64>>,
        shares: &mut Zeroizing<Vec<u64>>,
    ) -> Result<(), OtError> {
        let Wanted { fans, lane, ahead } = wanted;
        let count = fans.len() * lane;
        source.prepare(channel, count, ahead)?;
        let words = (lane * fans.iter().sum::<usize>()).div_ceil(64);
        factors.clear();
        factors.resize(if matches!(source, Source::Sender(..)) { words } else { count.div_ceil(64) }, 0);
        shares.clear();
        shares.resize(words, 0);
        self.labels.resize(PIECE.min(count), Block::ZERO);
        let mut ones = Zeroizing::new([Block::ZERO; MAX_BATCH]);
        let mut place = Place { fan: 0, offset: 0 };
        for first in (0..count).step_by(PIECE) {
            let labels = &mut self.labels[..PIECE.min(count - first)];
            match &mut source {
                Source::Sender(sender, _) => sender.random(channel, labels)?,
                Source::Receiver(receiver) => {
                    let factors = &mut factors[first / 64..];
                    receiver.random(channel, factors, labels)?;
                    if let (Some(last), rest @ 1..) = (factors.get_mut(labels.len() / 64), labels.len() % 64) {
                        *last &= u64::MAX >> (64 - rest);
                    }
                }
            }
            for (at, pads) in labels.chunks_mut(MAX_BATCH).enumerate() {
                let (first, key) = (first + at * MAX_BATCH, self.keys.one());
                if let Source::Sender(_, delta) = &source {
                    // `α` of `H(q) ⊕ H(q ⊕ Δ)`, `γ` of `H(q)`.
                    let ones = &mut ones[..pads.len()];
                    ones.iter_mut().zip(pads.iter()).for_each(|(one, zero)| *one = *zero ^ *delta);
                    self.kernels.hashes(pads, key);
                    self.kernels.hashes(ones, key);
                    ones.iter_mut().zip(pads.iter()).for_each(|(one, zero)| *one ^= *zero);
                    place.clone().spread(wanted, first, ones, factors);
                } else {
                    self.kernels.hashes(pads, key);
                }
                place.spread(wanted, first, pads, shares);
            }
        }
        Ok(())
    }
}

/// A fan, and how many products come before its own.
#[derive(Clone)]
struct Place {
    fan: usize,
    offset: usize,
}

impl Place {
    /// Puts the bits of pads where they belong: bit `k` of a pad is of product `k` of its fan. The first pad is of OT
    /// `first`, which is not before this place.
    fn spread(&mut self, wanted: Wanted<'_>, first: usize, pads: &[Block], words: &mut [u64]) {
        let (lane, end) = (wanted.lane, first + pads.len());
        let mut at = first;
        while at < end {
            while self.fan < at / lane {
                self.offset += wanted.fans[self.fan];
                self.fan += 1;
            }
            let instance = at % lane;
            // Lanes of 64 and more are whole words, and so is what is taken of them.
            let run = (lane - instance).min(64).min(end - at);
            let pads = &pads[at - first..][..run];
            for product in 0..wanted.fans[self.fan] {
                let bits = pads.iter().rev().fold(0, |bits, pad| bits << 1 | (pad.value() >> product) as u64 & 1);
                deposit(words, (self.offset + product) * lane + instance, bits);
            }
            at += run;
        }
    }
}
