//! Products of random bits, made from random correlated OTs some way ahead of need: for levels to come too, so that
//! the messages of a level cross on the line.

use motet_program::plan::traffic;
use zeroize::Zeroizing;

use crate::crypto::{Block, Kernels, TweakKeys};
use crate::garble::MAX_BATCH;
use crate::net::Channel;
use crate::ot::{CotReceiver, CotSender, OtError};

/// OTs whose labels are held at once.
const PIECE: usize = 1 << 15;
/// Most products that are made ahead: 2 MiB of factors and as much of shares.
const AHEAD: usize = traffic::PRODUCTS_AHEAD as usize;

/// One party's side of random products, and what it has made ahead.
pub struct Products {
    kernels: Kernels,
    keys: TweakKeys,
    labels: Zeroizing<Vec<Block>>,
    /// This party's factors, 64 a word.
    factors: Zeroizing<Vec<u64>>,
    /// Its shares of the products.
    shares: Zeroizing<Vec<u64>>,
    /// Products that are used.
    used: usize,
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
}

impl Products {
    /// `keys` are the same at both parties, and used for nothing else.
    pub fn new(kernels: Kernels, keys: TweakKeys) -> Products {
        let (factors, shares) = Default::default();
        Products { kernels, keys, labels: Zeroizing::default(), factors, shares, used: 0 }
    }

    /// Takes `bits` products: this party's factors and its shares of the products, 64 bits a word; the last word of each
    /// is filled up with zeros. Where fewer are here, some more than are missing are made, up to `ahead` in all.
    ///
    /// # Errors
    /// The link or the OTs failed.
    pub fn take(
        &mut self,
        source: Source<'_>,
        channel: &mut Channel,
        [bits, ahead]: [usize; 2],
        factors: &mut Zeroizing<Vec<u64>>,
        shares: &mut Zeroizing<Vec<u64>>,
    ) -> Result<(), OtError> {
        let ready = 64 * self.factors.len() - self.used;
        if ready < bits {
            self.make(source, channel, bits.max(ahead.min(AHEAD)) - ready)?;
        }
        for (from, to) in [(&self.factors, factors), (&self.shares, shares)] {
            to.resize(bits.div_ceil(64), 0);
            copy(from, self.used, to);
            if let (Some(last), rest @ 1..) = (to.last_mut(), bits % 64) {
                *last &= u64::MAX >> (64 - rest);
            }
        }
        self.used += bits;
        Ok(())
    }

    /// Makes at least `count` products more.
    fn make(&mut self, mut source: Source<'_>, channel: &mut Channel, count: usize) -> Result<(), OtError> {
        let count = count.next_multiple_of(64);
        let kept = self.factors.len() - self.used / 64;
        for words in [&mut self.factors, &mut self.shares] {
            words.copy_within(self.used / 64.., 0);
            words.resize(kept + count / 64, 0);
        }
        self.used %= 64;
        self.labels.resize(PIECE.min(count), Block::ZERO);
        for first in (0..count).step_by(PIECE) {
            let labels = &mut self.labels[..PIECE.min(count - first)];
            let words = kept + first / 64..kept + (first + labels.len()) / 64;
            let (factors, shares) = (&mut self.factors[words.clone()], &mut self.shares[words]);
            match &mut source {
                Source::Sender(sender, delta) => {
                    sender.random(channel, labels)?;
                    for (at, labels) in labels.chunks(MAX_BATCH).enumerate() {
                        let [factor, share] = self.kernels.sender_bits(labels, *delta, self.keys.one());
                        put(&mut factors[2 * at..], factor);
                        put(&mut shares[2 * at..], share);
                    }
                }
                Source::Receiver(receiver) => {
                    receiver.random(channel, factors, labels)?;
                    for (at, labels) in labels.chunks(MAX_BATCH).enumerate() {
                        put(&mut shares[2 * at..], self.kernels.receiver_bits(labels, self.keys.one()));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The bits of `from` from bit `at` on, as many words of them as there is room for; beyond their end zeros.
fn copy(from: &[u64], at: usize, to: &mut [u64]) {
    let (words, shift) = (&from[at / 64..], at % 64);
    let word = |i: usize| words.get(i).copied().unwrap_or(0);
    for (i, to) in to.iter_mut().enumerate() {
        *to = if shift == 0 { word(i) } else { word(i) >> shift | word(i + 1) << (64 - shift) };
    }
}

fn put(words: &mut [u64], bits: u128) {
    for (word, shift) in words.iter_mut().zip([0, 64]) {
        *word = (bits >> shift) as u64;
    }
}
