//! Products of random bits, made from random correlated OTs as they are needed.

use zeroize::Zeroizing;

use crate::crypto::{Block, Kernels, TweakKeys};
use crate::garble::MAX_BATCH;
use crate::net::Channel;
use crate::ot::{CotReceiver, CotSender, OtError};

/// OTs that are made at once.
const PIECE: usize = 1 << 15;

/// One party's side of random products.
pub struct Products {
    kernels: Kernels,
    keys: TweakKeys,
    labels: Zeroizing<Vec<Block>>,
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
        Products { kernels, keys, labels: Zeroizing::default() }
    }

    /// Makes `bits` products: this party's factors and its shares of the products, 64 bits a word; the last word of
    /// each is filled up with zeros.
    ///
    /// # Errors
    /// The link or the OTs failed.
    pub fn make(
        &mut self,
        mut source: Source<'_>,
        channel: &mut Channel,
        bits: usize,
        factors: &mut Zeroizing<Vec<u64>>,
        shares: &mut Zeroizing<Vec<u64>>,
    ) -> Result<(), OtError> {
        let words = bits.div_ceil(64);
        factors.resize(words, 0);
        shares.resize(words, 0);
        self.labels.resize(PIECE.min(bits), Block::ZERO);
        for (piece, first) in (0..bits).step_by(PIECE).enumerate() {
            let count = PIECE.min(bits - first);
            let labels = &mut self.labels[..count];
            let from = piece * PIECE / 64;
            let (factors, shares) = (&mut factors[from..], &mut shares[from..]);
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
                    let factors = &mut factors[..count.div_ceil(64)];
                    receiver.random(channel, factors, labels)?;
                    if !count.is_multiple_of(64)
                        && let Some(last) = factors.last_mut()
                    {
                        *last &= u64::MAX >> (64 - count % 64);
                    }
                    for (at, labels) in labels.chunks(MAX_BATCH).enumerate() {
                        put(&mut shares[2 * at..], self.kernels.receiver_bits(labels, self.keys.one()));
                    }
                }
            }
        }
        Ok(())
    }
}

fn put(words: &mut [u64], bits: u128) {
    for (word, shift) in words.iter_mut().zip([0, 64]) {
        *word = (bits >> shift) as u64;
    }
}
