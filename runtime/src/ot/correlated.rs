//! Correlated OTs of chosen bits, from a pool of random ones made ahead.
//!
//! A random correlated OT `q`, `t = q ⊕ u·Δ` becomes one of the receiver's bit `c` by Beaver's derandomisation (CRYPTO
//! 1995): the receiver sends `d = c ⊕ u`, one bit, and the sender's label is `q ⊕ d·Δ`. Then the sender draws a seed and
//! sends it, and both add a pseudorandom mask to all labels of the call: whatever the receiver did up to there, the
//! labels are fresh and random, as the gate hash needs them.

use zeroize::Zeroizing;

use super::extension::{Receiver, Sender};
use super::pool::Pool;
use super::stock::{ReceiverStock, SenderStock};
use super::{Config, OtError};
use crate::crypto::{Block, Prg, SessionId, Stream};
use crate::net::Channel;

/// OTs that are made at once where none are in the pool, at most; the pool grows beyond it only when told to.
const PIECE: usize = 1 << 16;

/// The side that has Δ: gets the labels of false.
pub struct CotSender {
    /// Set up when the first OTs are made: never, where a stock is enough.
    extension: Option<Sender>,
    session: SessionId,
    config: Config,
    delta: Zeroizing<Block>,
    pool: Pool,
    /// Where the masks' seeds come from.
    seeds: Prg,
}

impl CotSender {
    /// Sets up with the peer's [`CotReceiver::setup`]. Δ is secret, random but for its lowest bit, which is 1, and used in
    /// no other session; `config` must be the peer's.
    ///
    /// # Errors
    /// Where the link fails, the system has no randomness, or the peer's points are none.
    ///
    /// # Panics
    /// Where Δ's lowest bit is 0, with silent OT.
    pub fn setup(channel: &mut Channel, session: &SessionId, delta: Block, config: Config) -> Result<Self, OtError> {
        Ok(CotSender {
            extension: Some(Sender::setup(channel, session, delta, config)?),
            session: *session,
            config,
            delta: Zeroizing::new(delta),
            pool: Pool::default(),
            seeds: Prg::from_os()?,
        })
    }

    /// Takes over what another session made, where the peer takes over the other side of it; nothing is sent.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn from_stock(stock: &SenderStock, session: &SessionId, config: Config) -> Result<Self, OtError> {
        Ok(CotSender {
            extension: None,
            session: *session,
            config,
            delta: stock.delta.clone(),
            pool: Pool::of(&stock.labels),
            seeds: Prg::from_os()?,
        })
    }

    /// At least `count` OTs for another session, made with the peer's [`CotReceiver::stock`]. Δ is secret, random, and
    /// used in no other session.
    ///
    /// # Errors
    /// As [`setup`](Self::setup).
    pub fn stock(
        channel: &mut Channel,
        session: &SessionId,
        delta: Block,
        config: Config,
        count: usize,
    ) -> Result<SenderStock, OtError> {
        let mut sender = CotSender::setup(channel, session, delta, config)?;
        sender.prepare(channel, count)?;
        let made = sender.ready();
        Ok(SenderStock { delta: sender.delta, labels: Zeroizing::new(sender.pool.take(made).to_vec()) })
    }

    /// OTs in the pool.
    pub fn ready(&self) -> usize {
        self.pool.len()
    }

    /// Makes OTs ahead, with the peer's [`CotReceiver::prepare`], until there are at least `count`.
    ///
    /// # Errors
    /// Where the link fails.
    pub fn prepare(&mut self, channel: &mut Channel, count: usize) -> Result<(), OtError> {
        while self.ready() < count {
            let extension = match &mut self.extension {
                Some(extension) => extension,
                none => none.insert(Sender::setup(channel, &self.session, *self.delta, self.config)?),
            };
            let batch = extension.batch(count - self.pool.len());
            extension.extend(channel, self.pool.room(0, batch.made()))?;
            self.pool.add(batch.usable);
        }
        Ok(())
    }

    /// A random OT for each place in `out`, with the peer's [`CotReceiver::random`]: the labels of false. They must be
    /// hashed before they are labels of wires.
    ///
    /// # Errors
    /// Where the link fails.
    pub fn random(&mut self, channel: &mut Channel, out: &mut [Block]) -> Result<(), OtError> {
        for piece in out.chunks_mut(PIECE) {
            self.prepare(channel, piece.len())?;
            piece.copy_from_slice(self.pool.take(piece.len()));
        }
        Ok(())
    }

    /// One OT for each place in `out`, with the peer's [`CotReceiver::correlated`]: the labels of false.
    ///
    /// # Errors
    /// Where the link fails.
    pub fn correlated(&mut self, channel: &mut Channel, out: &mut [Block]) -> Result<(), OtError> {
        if out.is_empty() {
            return Ok(());
        }
        let mut bytes = [0; PIECE / 8];
        for piece in out.chunks_mut(PIECE) {
            self.prepare(channel, piece.len())?;
            let corrections = &mut bytes[..piece.len().div_ceil(8)];
            channel.receive(corrections)?;
            let ready = self.pool.take(piece.len());
            for (byte, (labels, ready)) in corrections.iter().zip(piece.chunks_mut(8).zip(ready.chunks(8))) {
                for (bit, (label, ready)) in labels.iter_mut().zip(ready).enumerate() {
                    *label = *ready ^ self.delta.when(byte >> bit & 1 == 1);
                }
            }
        }
        let seed = self.seeds.block();
        channel.send(&seed.to_bytes())?;
        mask(seed, out);
        Ok(())
    }
}

/// The side that has bits: gets the active labels.
pub struct CotReceiver {
    /// Set up when the first OTs are made: never, where a stock is enough.
    extension: Option<Receiver>,
    session: SessionId,
    config: Config,
    pool: Pool,
    /// The random choices of the pool, 128 a block; one of which some are used is still here.
    choices: Pool,
}

impl CotReceiver {
    /// Sets up with the peer's [`CotSender::setup`]; `config` must be the peer's.
    ///
    /// # Errors
    /// Where the link fails, the system has no randomness, or the peer's points are none.
    pub fn setup(channel: &mut Channel, session: &SessionId, config: Config) -> Result<Self, OtError> {
        Ok(CotReceiver {
            extension: Some(Receiver::setup(channel, session, config)?),
            session: *session,
            config,
            pool: Pool::default(),
            choices: Pool::default(),
        })
    }

    /// Takes over what another session made, where the peer takes over the other side of it; nothing is sent.
    pub fn from_stock(stock: &ReceiverStock, session: &SessionId, config: Config) -> Self {
        let (pool, choices) = (Pool::of(&stock.labels), Pool::of(&stock.choices));
        CotReceiver { extension: None, session: *session, config, pool, choices }
    }

    /// At least `count` OTs for another session, made with the peer's [`CotSender::stock`].
    ///
    /// # Errors
    /// As [`setup`](Self::setup).
    pub fn stock(
        channel: &mut Channel,
        session: &SessionId,
        config: Config,
        count: usize,
    ) -> Result<ReceiverStock, OtError> {
        let mut receiver = CotReceiver::setup(channel, session, config)?;
        receiver.prepare(channel, count)?;
        let made = receiver.ready();
        Ok(ReceiverStock {
            choices: Zeroizing::new(receiver.choices.take(made / 128).to_vec()),
            labels: Zeroizing::new(receiver.pool.take(made).to_vec()),
        })
    }

    /// OTs in the pool.
    pub fn ready(&self) -> usize {
        self.pool.len()
    }

    /// Makes OTs ahead, with the peer's [`CotSender::prepare`], until there are at least `count`.
    ///
    /// # Errors
    /// Where the link fails.
    pub fn prepare(&mut self, channel: &mut Channel, count: usize) -> Result<(), OtError> {
        while self.ready() < count {
            let extension = match &mut self.extension {
                Some(extension) => extension,
                none => none.insert(Receiver::setup(channel, &self.session, self.config)?),
            };
            let batch = extension.batch(count - self.pool.len());
            // Choices go by whole blocks, and the pool with them.
            let partial = self.pool.used() % 128;
            self.choices.take(self.pool.used() / 128);
            let choices = self.choices.room(0, batch.made() / 128);
            extension.extend(channel, choices, self.pool.room(partial, batch.made()))?;
            self.pool.add(batch.usable);
            self.choices.add(batch.usable / 128);
        }
        Ok(())
    }

    /// A random OT for each place in `out`, with the peer's [`CotSender::random`]: the labels of the choices that are
    /// written to `choices`, packed as those of [`CotReceiver::correlated`].
    ///
    /// # Errors
    /// Where the link fails.
    ///
    /// # Panics
    /// Where there is no room for as many choices as places.
    pub fn random(&mut self, channel: &mut Channel, choices: &mut [u64], out: &mut [Block]) -> Result<(), OtError> {
        assert!(choices.len() >= out.len().div_ceil(64), "a choice for each OT");
        for (choices, piece) in choices.chunks_mut(PIECE / 64).zip(out.chunks_mut(PIECE)) {
            self.prepare(channel, piece.len())?;
            let (random, used) = (self.choices.kept(), self.pool.used());
            for (word, choices) in choices.iter_mut().enumerate().take(piece.len().div_ceil(64)) {
                *choices = bits(random, used + 64 * word);
            }
            piece.copy_from_slice(self.pool.take(piece.len()));
        }
        Ok(())
    }

    /// One OT for each place in `out`, with the peer's [`CotSender::correlated`]: the label of false where bit `j` of
    /// the packed `choices` (bit `j % 64` of word `j / 64`) is 0, the label of true where it is 1.
    ///
    /// # Errors
    /// Where the link fails.
    ///
    /// # Panics
    /// Where there are fewer choices than places.
    pub fn correlated(&mut self, channel: &mut Channel, choices: &[u64], out: &mut [Block]) -> Result<(), OtError> {
        self.choose(channel, choices, out)?;
        finish(channel, out)
    }

    /// The first half of [`correlated`](Self::correlated), for as many OTs as `labels` has places: this side's messages.
    /// The peer answers calls in the order of their first halves.
    ///
    /// # Errors
    /// Where the link fails.
    ///
    /// # Panics
    /// Where there are fewer choices than places.
    pub fn request(
        &mut self,
        channel: &mut Channel,
        choices: &[u64],
        mut labels: Zeroizing<Vec<Block>>,
    ) -> Result<Requested, OtError> {
        self.choose(channel, choices, &mut labels)?;
        Ok(Requested(labels))
    }

    /// Whether so many OTs can be [`request`](Self::request)ed without waiting for the peer.
    pub fn at_once(&self, count: usize) -> bool {
        count <= self.ready() || self.extension.as_ref().is_some_and(Receiver::one_way)
    }

    fn choose(&mut self, channel: &mut Channel, choices: &[u64], out: &mut [Block]) -> Result<(), OtError> {
        assert!(choices.len() >= out.len().div_ceil(64), "a choice for each OT");
        for (choices, piece) in choices.chunks(PIECE / 64).zip(out.chunks_mut(PIECE)) {
            self.prepare(channel, piece.len())?;
            let (random, used) = (self.choices.kept(), self.pool.used());
            channel.send_with(piece.len().div_ceil(8), |corrections| {
                for (word, (choice, bytes)) in choices.iter().zip(corrections.chunks_mut(8)).enumerate() {
                    let correction = choice ^ bits(random, used + 64 * word);
                    bytes.copy_from_slice(&correction.to_le_bytes()[..bytes.len()]);
                }
                // What is above the last bit would show random choices of OTs to come.
                if let (Some(last), rest @ 1..) = (corrections.last_mut(), piece.len() % 8) {
                    *last &= u8::MAX >> (8 - rest);
                }
            })?;
            piece.copy_from_slice(self.pool.take(piece.len()));
        }
        Ok(())
    }
}

/// OTs whose answer is on its way: until it is there, what stands in their place are no labels.
pub struct Requested(Zeroizing<Vec<Block>>);

impl Requested {
    /// Waits for the answer; the labels.
    ///
    /// # Errors
    /// Where the link fails.
    pub fn finish(mut self, channel: &mut Channel) -> Result<Zeroizing<Vec<Block>>, OtError> {
        finish(channel, &mut self.0)?;
        Ok(self.0)
    }
}

/// The mask's seed, which the sender draws once it has everything of the call.
fn finish(channel: &mut Channel, labels: &mut [Block]) -> Result<(), OtError> {
    if labels.is_empty() {
        return Ok(());
    }
    let mut seed = [0; 16];
    channel.receive(&mut seed)?;
    mask(Block::from_bytes(seed), labels);
    Ok(())
}

/// The 64 bits of `blocks` from bit `at` on; zeros beyond their end.
fn bits(blocks: &[Block], at: usize) -> u64 {
    let block = |index: usize| blocks.get(index).map_or(0, |block| block.value());
    let (index, offset) = (at / 128, at % 128);
    let high = if offset == 0 { 0 } else { block(index + 1) << (128 - offset) };
    ((block(index) >> offset) | high) as u64
}

/// Adds the mask of a seed.
fn mask(seed: Block, labels: &mut [Block]) {
    Prg::from_seed(seed, Stream(0)).mask(labels);
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::ot::{Adversary, Method, Stock, Subfield};

    const SESSION: SessionId = SessionId([9; 32]);

    fn delta() -> Block {
        Prg::from_seed(Block::new(1), Stream(0)).block().with_colour()
    }

    fn choices(count: usize) -> Vec<u64> {
        let mut prg = Prg::from_seed(Block::new(count as u128), Stream(1));
        (0..count.div_ceil(64)).map(|_| prg.block().value() as u64).collect()
    }

    /// Runs calls of the given sizes, after making `ahead` OTs.
    fn run(config: Config, ahead: usize, sizes: &[usize]) -> (Vec<Block>, Vec<Block>) {
        let (mut alice, mut bob) = Channel::pair();
        let counts = sizes.to_vec();
        let sender = thread::spawn(move || {
            let mut sender = CotSender::setup(&mut alice, &SESSION, delta(), config).unwrap();
            sender.prepare(&mut alice, ahead).unwrap();
            assert!(sender.ready() >= ahead);
            let mut all = Vec::new();
            for count in counts {
                let mut out = vec![Block::ZERO; count];
                sender.correlated(&mut alice, &mut out).unwrap();
                all.extend(out);
            }
            alice.flush().unwrap();
            all
        });
        let mut receiver = CotReceiver::setup(&mut bob, &SESSION, config).unwrap();
        receiver.prepare(&mut bob, ahead).unwrap();
        let mut all = Vec::new();
        for &count in sizes {
            let mut out = vec![Block::ZERO; count];
            receiver.correlated(&mut bob, &choices(count), &mut out).unwrap();
            all.extend(out);
        }
        (sender.join().unwrap(), all)
    }

    #[test]
    fn the_receiver_gets_the_labels_of_its_bits() {
        let sizes = [1, 63, 64, 65, 0, 127, 129, 1000, PIECE + 77, 5];
        let soft = [Subfield::Bits2, Subfield::Bits4, Subfield::Bits8].map(|field| (Method::SoftSpoken, field));
        for (method, subfield) in soft.into_iter().chain([(Method::Silent, Subfield::Bits2)]) {
            for (ahead, adversary) in
                [(0, Adversary::SemiHonest), (700, Adversary::SemiHonest), (700, Adversary::Malicious)]
            {
                let (zero, active) = run(Config { method, subfield, adversary }, ahead, &sizes);
                let mut at = 0;
                for count in sizes {
                    let choices = choices(count);
                    for j in 0..count {
                        let bit = choices[j / 64] >> (j % 64) & 1 == 1;
                        assert!(active[at + j] == zero[at + j] ^ delta().when(bit), "{j} of {count}");
                    }
                    at += count;
                }
                let mut distinct: Vec<u128> = zero.iter().map(|label| label.value()).collect();
                distinct.sort_unstable();
                distinct.dedup();
                assert_eq!(distinct.len(), zero.len());
            }
        }
    }

    /// What one session made serves another, and where it runs out more are made with the same Δ.
    #[test]
    fn a_stock_serves_another_session() {
        let sizes = [100, 1, 128 * 40, 3000];
        let (session, later) = (SESSION, SessionId([10; 32]));
        let (mut alice, mut bob) = Channel::pair();
        let config = Config::default();
        let decoded = |stock: Stock| Stock::decode(&stock.encode()).expect("what was encoded");
        let sender = thread::spawn(move || {
            let stock = CotSender::stock(&mut alice, &session, delta(), config, 4000).unwrap();
            let Stock::Sender(stock) = decoded(Stock::Sender(stock)) else { panic!("another side") };
            let mut sender = CotSender::from_stock(&stock, &later, config).unwrap();
            let mut all = Vec::new();
            for count in sizes {
                let mut out = vec![Block::ZERO; count];
                sender.correlated(&mut alice, &mut out).unwrap();
                all.extend(out);
            }
            alice.flush().unwrap();
            all
        });
        let stock = CotReceiver::stock(&mut bob, &session, config, 4000).unwrap();
        let Stock::Receiver(stock) = decoded(Stock::Receiver(stock)) else { panic!("another side") };
        let mut receiver = CotReceiver::from_stock(&stock, &later, config);
        let mut active = Vec::new();
        for count in sizes {
            let mut out = vec![Block::ZERO; count];
            receiver.correlated(&mut bob, &choices(count), &mut out).unwrap();
            active.extend(out.iter().enumerate().map(|(j, l)| (*l, choices(count)[j / 64] >> (j % 64) & 1 == 1)));
        }
        let zero = sender.join().unwrap();
        assert!(zero.iter().zip(&active).all(|(zero, (active, bit))| *active == *zero ^ delta().when(*bit)));
    }

    #[test]
    fn damaged_stocks_are_refused() {
        let labels = || Zeroizing::new(vec![Block::ONE; 128]);
        let sender = Stock::Sender(SenderStock { delta: Zeroizing::new(delta()), labels: labels() }).encode();
        let choices = Zeroizing::new(vec![Block::ZERO]);
        let receiver = Stock::Receiver(ReceiverStock { choices, labels: labels() }).encode();
        for good in [sender, receiver] {
            assert_eq!(Stock::decode(&good).map(|s| s.count()), Some(128));
            for cut in [0, 1, 8, 9, good.len() - 16, good.len() - 1] {
                assert!(Stock::decode(&good[..cut]).is_none());
            }
            for at in 0..9 {
                let mut bad = good.to_vec();
                bad[at] ^= 0x41;
                assert!(Stock::decode(&bad).is_none(), "byte {at}");
            }
        }
    }

    /// Of the receiver's random choices half are set, and what it sends of its bits are those plus random ones.
    #[test]
    fn random_choices_are_random() {
        let (mut alice, mut bob) = Channel::pair();
        let config = Config::default();
        let sender = thread::spawn(move || {
            let mut sender = CotSender::setup(&mut alice, &SESSION, delta(), config).unwrap();
            sender.prepare(&mut alice, 1 << 14).unwrap();
        });
        let mut receiver = CotReceiver::setup(&mut bob, &SESSION, config).unwrap();
        receiver.prepare(&mut bob, 1 << 14).unwrap();
        bob.flush().unwrap();
        sender.join().unwrap();
        let set: u32 = receiver.choices.kept().iter().map(|block| block.value().count_ones()).sum();
        // Eight standard deviations of 64.
        assert!(set.abs_diff(1 << 13) < 512, "{set} of 16384");
        // No column of the 128 in a block is constant over the 128 blocks.
        for column in 0..128 {
            let set = receiver.choices.kept().iter().filter(|block| block.value() >> column & 1 == 1).count();
            assert!((16..112).contains(&set), "{set} of 128 in column {column}");
        }
    }

    #[test]
    fn bits_cross_blocks() {
        let blocks = [Block::new(0x0123_4567_89ab_cdef_u128 << 64 | 5), Block::new(0xff)];
        assert_eq!(bits(&blocks, 0), 5);
        assert_eq!(bits(&blocks, 64), 0x0123_4567_89ab_cdef);
        assert_eq!(bits(&blocks, 96), 0xff_0123_4567);
        assert_eq!(bits(&blocks, 160), 0);
    }
}
