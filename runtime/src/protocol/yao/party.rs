//! What a party holds for the length of a run: its side of the garbling and of oblivious transfer.
//!
//! The garbler opens with a seed, from which and from the session's id both derive the start of the gate keys and the
//! active labels of wires that the garbler knows: they say nothing of values or of Δ. Δ comes from the operating system,
//! through a generator that yields nothing else. Oblivious transfer is set up when the evaluator first shares a value;
//! a program in which it shares none does without.

use motet_program::plan::{BACK, Link};
use zeroize::Zeroizing;

use super::super::Job;
use super::super::array::{Array, buffer};
use super::super::clear::Clear;
use super::super::error::ProtocolError;
use super::super::made::{Front, Made, Reader, Tape};
use super::super::progress::Meter;
use super::encrypted::Keys;
use super::values::Shared;
use super::{ahead, bits};
use crate::crypto::{Block, Kdf, Kernels, Prg, SessionId, Stream, TweakKeys};
use crate::garble::{self, Engine, Evaluator, Garbler, MAX_BATCH, Prepared};
use crate::gmw::{Batch, Levels, Products, Source};
use crate::net::Channel;
use crate::ot::{Config as OtConfig, CotReceiver, CotSender, OtError, Requested, Stock};

const OTHER_SIDE: ProtocolError = ProtocolError::Plan("what was made ahead is the other side's");

/// A party's side of the protocol, and its link to the other.
pub(super) struct Side<'a> {
    pub engine: Engine,
    pub channel: &'a mut Channel,
    pub meter: &'a mut Meter,
    transfer: Transfer,
    /// Transfers in which the garbler chooses.
    back: Transfer,
    session: SessionId,
    /// Pads made so far.
    pads: u64,
    /// The keys of encryption.
    pub keys: Keys,
    /// Elements that encrypted products have revealed.
    pub revealed: u64,
    /// How OTs are made.
    config: OtConfig,
    /// How many pieces of a value's labels the evaluator asks for ahead.
    pub pieces_ahead: usize,
    /// Keys of pads for numbers of which a bit is chosen.
    pub pad_keys: TweakKeys,
    /// What the keys of gates and the labels of what the garbler knows are derived from.
    seed: [u8; 16],
    /// What of a run is done.
    pub phase: Phase<'a>,
    /// Whether circuits are garbled in the offline phase, in a run that has one.
    pub garbled: bool,
    /// Cross terms of products: made in the offline phase, or not used yet in the online phase.
    pub products: u64,
    /// Tables: the evaluator's of the offline phase.
    pub tables: Vec<u8>,
    /// Those that are left, in the online phase.
    tables_left: Reader<'a>,
    /// Draws what this party masks its values by, in both phases the same.
    pub masks: Prg,
    /// The seed of it.
    secret: Zeroizing<Block>,
}

/// What of a run is done.
pub(super) enum Phase<'a> {
    /// All of it.
    Whole,
    /// What needs no inputs but those that are there; it writes what the rest will read.
    Offline(Tape),
    /// The rest.
    Online(Reader<'a>),
}

/// One side of oblivious transfer.
enum Transfer {
    Sender { delta: Zeroizing<Block>, ready: Option<Box<CotSender>> },
    Receiver { ready: Option<Box<CotReceiver>> },
}

/// One side of oblivious transfer, set up.
enum Begun<'t> {
    Sender(&'t mut CotSender),
    Receiver(&'t mut CotReceiver),
}

impl Begun<'_> {
    /// A correlated OT for each place in `labels`, by the receiver's choices.
    fn correlated(
        self,
        channel: &mut Channel,
        choices: Option<&[u64]>,
        labels: &mut [Block],
    ) -> Result<(), ProtocolError> {
        match self {
            Begun::Sender(sender) => sender.correlated(channel, labels)?,
            Begun::Receiver(receiver) => {
                let choices = choices.ok_or(ProtocolError::Plan("a value is shared by who does not know it"))?;
                receiver.correlated(channel, choices, labels)?;
            }
        }
        Ok(())
    }
}

impl Transfer {
    /// Sets up where that has not been done yet.
    fn begun(&mut self, channel: &mut Channel, session: &SessionId, config: OtConfig) -> Result<Begun<'_>, OtError> {
        Ok(match self {
            Transfer::Sender { ready: Some(sender), .. } => Begun::Sender(sender),
            Transfer::Sender { delta, ready } => {
                Begun::Sender(ready.insert(Box::new(CotSender::setup(channel, session, **delta, config)?)))
            }
            Transfer::Receiver { ready: Some(receiver) } => Begun::Receiver(receiver),
            Transfer::Receiver { ready } => {
                Begun::Receiver(ready.insert(Box::new(CotReceiver::setup(channel, session, config)?)))
            }
        })
    }
}

/// As many pieces as fill the link while an answer is on its way, by the tables that an AND for each bit makes, up to
/// what the other party's receive buffer holds where it does not read.
fn pieces_ahead(link: Link) -> usize {
    const MOST: usize = 14;
    let on_the_way = link.rate as f64 * link.waits(1);
    (on_the_way / (ahead::BITS * 32) as f64).ceil().min(MOST as f64) as usize + 2
}

impl<'a> Side<'a> {
    /// Begins a run, or a phase of one.
    ///
    /// # Errors
    /// The link failed, the operating system gave no randomness, or what was made ahead is the other side's.
    pub fn begin(
        job: &Job<'a>,
        phase: Phase<'a>,
        garbled: bool,
        channel: &'a mut Channel,
        meter: &'a mut Meter,
    ) -> Result<Self, ProtocolError> {
        let garbler = job.party == job.plan.garbler;
        let (session, seed) = match job.made.filter(|_| garbled) {
            // Tables and labels are those of the offline phase, and so are the keys.
            Some(made) => (SessionId(made.front.session), made.front.seed),
            None => (job.session, open(garbler, channel)?),
        };
        let made = job.made.filter(|_| matches!(phase, Phase::Online(_)));
        let secret = match made {
            Some(made) => Block::from_bytes(made.front.secret),
            None => Prg::from_os()?.block(),
        };
        let derive = |label| Kdf::new(label, &session).field(&seed).block();
        let kernels = Kernels::detect();
        let keys = TweakKeys::new(kernels.isa(), derive("gate keys"), 0);
        let derived = Prg::from_seed(derive("labels of wires that the garbler knows"), Stream(0));
        let config = OtConfig::of(job.plan.transfers);
        let stock = job.made.map(|made| &made.stock);
        let pad_keys = TweakKeys::new(kernels.isa(), derive("keys of chosen numbers"), 0);
        let back = if garbler {
            Transfer::Receiver { ready: None }
        } else {
            Transfer::Sender { delta: Zeroizing::new(Prg::from_os()?.block().with_colour()), ready: None }
        };
        let (engine, transfer) = if garbler {
            let (delta, ready) = match stock {
                None => (Zeroizing::new(Prg::from_os()?.block().with_colour()), None),
                Some(Stock::Sender(stock)) => {
                    (stock.delta.clone(), Some(Box::new(CotSender::from_stock(stock, &session, config)?)))
                }
                Some(Stock::Receiver(_)) => return Err(OTHER_SIDE),
            };
            let engine = Engine::Garbler(Garbler::new(kernels, *delta, keys, derived));
            (engine, Transfer::Sender { delta, ready })
        } else {
            let ready = match stock {
                None => None,
                Some(Stock::Receiver(stock)) => Some(Box::new(CotReceiver::from_stock(stock, &session, config))),
                Some(Stock::Sender(_)) => return Err(OTHER_SIDE),
            };
            (Engine::Evaluator(Evaluator::new(kernels, keys, derived)), Transfer::Receiver { ready })
        };
        Ok(Side {
            engine,
            channel,
            meter,
            transfer,
            back,
            session,
            pads: 0,
            keys: Keys::default(),
            revealed: 0,
            config,
            pieces_ahead: pieces_ahead(job.plan.link),
            pad_keys,
            seed,
            phase,
            garbled,
            products: made.map_or(0, |made| made.front.products),
            tables: Vec::new(),
            tables_left: Reader(made.map_or(&[], |made| made.tables())),
            masks: Prg::from_seed(secret, Stream(0)),
            secret: Zeroizing::new(secret),
        })
    }

    /// Ends the offline phase: what this party keeps of it, with `transfers` OTs at least, where they are any, for the
    /// online phase.
    ///
    /// # Errors
    /// The link or the other party failed.
    pub fn finish(self, given: &[bool], transfers: usize) -> Result<Made, ProtocolError> {
        let Side { channel, transfer, session, config, seed, phase, garbled, products, secret, tables, .. } = self;
        let of_stock = SessionId(Kdf::new("stock of an offline phase", &session).digest());
        let stock = match (transfer, transfers) {
            (Transfer::Sender { delta, .. }, 0) => Stock::of_delta(*delta),
            (Transfer::Receiver { .. }, 0) => Stock::of_nothing(),
            (Transfer::Sender { delta, .. }, count) => {
                Stock::Sender(CotSender::stock(channel, &of_stock, *delta, config, count)?)
            }
            (Transfer::Receiver { .. }, count) => {
                Stock::Receiver(CotReceiver::stock(channel, &of_stock, config, count)?)
            }
        };
        channel.flush()?;
        let tape = match phase {
            Phase::Offline(tape) => tape.finish(),
            Phase::Whole | Phase::Online(_) => Zeroizing::default(),
        };
        let (session, secret, given) = (session.0, secret.to_bytes(), given.to_vec());
        Ok(Made::new(Front { session, seed, secret, given, garbled, products }, stock, tape, tables))
    }

    /// Whether the tables of this run were made in its offline phase.
    pub fn garbled_before(&self) -> bool {
        self.garbled && matches!(self.phase, Phase::Online(_))
    }

    /// Whether this party keeps tables to evaluate them later: its labels mean nothing yet.
    pub fn keeps_tables(&self) -> bool {
        !self.garbles() && matches!(self.phase, Phase::Offline(_))
    }

    /// Runs a template over the batch. Tables go over the link, or to the tape or come from it.
    ///
    /// # Errors
    /// The link failed.
    pub fn run(&mut self, template: &Prepared, batch: &mut garble::Batch) -> Result<(), ProtocolError> {
        let bytes = template.table_bytes(batch.len());
        match (&mut self.engine, &self.phase) {
            (Engine::Evaluator(_), Phase::Offline(_)) => {
                let start = self.tables.len();
                self.tables.resize(start + bytes, 0);
                self.channel.receive(&mut self.tables[start..])?;
            }
            (Engine::Evaluator(evaluator), Phase::Online(_)) if self.garbled => {
                evaluator.run_from_memory(template, batch, self.tables_left.read(bytes)?);
            }
            (engine, _) => engine.run(template, batch, self.channel)?,
        }
        Ok(())
    }

    /// Δ, at the garbler; zero at the evaluator.
    pub fn delta(&self) -> Block {
        match &self.transfer {
            Transfer::Sender { delta, .. } => **delta,
            Transfer::Receiver { .. } => Block::ZERO,
        }
    }

    /// Keys for products of random bits, the same at both parties.
    pub fn product_keys(&self) -> TweakKeys {
        let start = Kdf::new("keys of bit products", &self.session).field(&self.seed).block();
        TweakKeys::new(Kernels::detect().isa(), start, 0)
    }

    /// Runs a template on shared bits over a batch.
    ///
    /// # Errors
    /// The link or the other party failed.
    pub fn run_levels(
        &mut self,
        template: &Levels,
        batch: &mut Batch,
        products: &mut Products,
    ) -> Result<(), ProtocolError> {
        let delta = self.delta();
        let source = match self.transfer.begun(self.channel, &self.session, self.config)? {
            Begun::Sender(sender) => Source::Sender(sender, delta),
            Begun::Receiver(receiver) => Source::Receiver(receiver),
        };
        Ok(batch.run(template, products, source, self.channel)?)
    }

    /// This party's half of every bit of a shared value: all of it, or nothing, where one party knows the value.
    pub fn halves(&self, shared: &Shared, shape: &[usize]) -> Clear {
        let mine = match shared {
            Shared::Bits(halves) => Some(halves),
            Shared::Public(clear) => Some(clear).filter(|_| self.garbles()),
            Shared::Garbler(clear) | Shared::Evaluator(clear) => clear.as_ref(),
            Shared::Labels(_) => None,
        };
        mine.cloned().unwrap_or_else(|| Array::new(1, &[], vec![0]).broadcast(shape))
    }

    /// Whether this party garbles.
    pub fn garbles(&self) -> bool {
        matches!(self.engine, Engine::Garbler(_))
    }

    /// Gives a private value of the evaluator its labels, by a correlated OT for each bit: the evaluator chooses by its
    /// bits, and receives the active labels. `clear` is the value, at the evaluator.
    ///
    /// # Errors
    /// The link or the other party failed, or there is not enough memory.
    pub fn share(
        &mut self,
        clear: Option<&Clear>,
        bits: usize,
        shape: &[usize],
    ) -> Result<Array<Block>, ProtocolError> {
        let mut labels: Vec<Block> = buffer(bits, shape.iter().product())?;
        let choices = clear.map(|value| bits::choices(value, bits));
        self.transfer(choices.as_deref(), &mut labels)?;
        Ok(Array::new(bits, shape, labels))
    }

    /// A correlated OT for each place in `labels`; the choices are the evaluator's.
    ///
    /// # Errors
    /// The link or the other party failed.
    pub fn transfer(&mut self, choices: Option<&[u64]>, labels: &mut [Block]) -> Result<(), ProtocolError> {
        self.transfer.begun(self.channel, &self.session, self.config)?.correlated(self.channel, choices, labels)
    }

    /// As [`transfer`](Self::transfer), with the garbler's choices. Both ways have their own Δ.
    ///
    /// # Errors
    /// The link or the other party failed.
    pub fn transfer_back(&mut self, choices: Option<&[u64]>, labels: &mut [Block]) -> Result<(), ProtocolError> {
        let session = SessionId(Kdf::new("transfers to the garbler", &self.session).digest());
        self.back.begun(self.channel, &session, OtConfig::of(BACK))?.correlated(self.channel, choices, labels)
    }

    /// What turns a label into that of the other choice, at the sender of either way's transfers.
    pub fn delta_of(&self, back: bool) -> Option<Block> {
        match if back { &self.back } else { &self.transfer } {
            Transfer::Sender { delta, .. } => Some(**delta),
            Transfer::Receiver { .. } => None,
        }
    }

    /// At the evaluator, asks for OTs by its choices, to be answered later.
    ///
    /// # Errors
    /// The link or the other party failed.
    pub fn request(&mut self, choices: &[u64], labels: Zeroizing<Vec<Block>>) -> Result<Requested, ProtocolError> {
        match self.transfer.begun(self.channel, &self.session, self.config)? {
            Begun::Receiver(receiver) => Ok(receiver.request(self.channel, choices, labels)?),
            Begun::Sender(_) => Err(ProtocolError::Plan("the garbler chooses nothing")),
        }
    }

    /// Whether so many OTs can be asked for without waiting for the other party.
    pub fn at_once(&self, count: usize) -> bool {
        matches!(&self.transfer, Transfer::Receiver { ready: Some(receiver) } if receiver.at_once(count))
    }

    /// Makes so many OTs ahead of need.
    ///
    /// # Errors
    /// The link or the other party failed.
    pub fn prepare(&mut self, count: usize) -> Result<(), ProtocolError> {
        if count == 0 {
            return Ok(());
        }
        match self.transfer.begun(self.channel, &self.session, self.config)? {
            Begun::Sender(sender) => sender.prepare(self.channel, count)?,
            Begun::Receiver(receiver) => receiver.prepare(self.channel, count)?,
        }
        Ok(self.channel.flush()?)
    }

    /// Adds the garbler's half of each bit, packed, to the labels of the evaluator's half: by masks, as compilers make a
    /// branch of a bit that selects.
    pub fn add_halves(&self, own: &[u8], labels: &mut [Block]) {
        if let Transfer::Sender { delta, .. } = &self.transfer {
            for (at, label) in labels.iter_mut().enumerate() {
                *label ^= **delta & Block::mask(own[at / 8] >> (at % 8) & 1 == 1);
            }
        }
    }

    /// What a label from `transfer` is expanded to, numbered as it comes: the pad of the choice 0 (at the garbler) or of
    /// its own choice (at the evaluator), and at the garbler that of the choice 1.
    pub fn pads(&mut self, label: Block) -> (Prg, Option<Prg>) {
        self.pads += 1;
        let pad = |label: Block| {
            let kdf = Kdf::new("pads of oblivious transfer", &self.session).number(self.pads);
            Prg::from_seed(kdf.field(&label.to_bytes()).block(), Stream(0))
        };
        match &self.transfer {
            Transfer::Sender { delta, .. } => (pad(label), Some(pad(label ^ **delta))),
            Transfer::Receiver { .. } => (pad(label), None),
        }
    }

    /// Labels for each bit of a shared value, made now where they were left for later.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn labels(&mut self, shared: &Shared, bits: usize, shape: &[usize]) -> Result<Array<Block>, ProtocolError> {
        let clear = match shared {
            Shared::Labels(labels) => return Ok(labels.clone()),
            Shared::Public(clear) => Some(clear),
            Shared::Garbler(clear) => clear.as_ref(),
            Shared::Evaluator(clear) => return self.share(clear.as_ref(), bits, shape),
            Shared::Bits(_) => return Err(ProtocolError::Plan("a value on shared bits is not garbled")),
        };
        let words = clear.map(Array::to_vec).transpose()?;
        let count = shape.iter().product::<usize>();
        let mut labels = buffer(bits, count)?;
        for bit in 0..bits {
            let plane: &mut [Block] = &mut labels[bit * count..(bit + 1) * count];
            for (at, out) in plane.chunks_mut(MAX_BATCH).enumerate() {
                let known = words.as_ref().map_or(0, |words| {
                    let words = words.iter().skip(at * MAX_BATCH).take(out.len());
                    words.enumerate().fold(0, |known, (i, word)| known | u128::from(word >> bit & 1) << i)
                });
                self.engine.derive(known, out);
            }
        }
        Ok(Array::new(bits, shape, labels))
    }
}

/// The garbler's seed, which opens a run.
fn open(garbler: bool, channel: &mut Channel) -> Result<[u8; 16], ProtocolError> {
    let mut seed = [0; 16];
    if garbler {
        Prg::from_os()?.fill_bytes(&mut seed);
        channel.send(&seed)?;
    } else {
        channel.receive(&mut seed)?;
    }
    Ok(seed)
}
