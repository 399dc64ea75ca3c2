//! A session: two parties meet, see that they run the same thing, run it, and part.
//!
//! [`Session::open`] meets the other party; [`Session::exchange_dimensions`] may then settle what must be known before
//! compiling; [`Session::run`] does the rest. [`Session::prepare`] makes for a later run what needs no inputs.

mod checkpoint;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod handshake;
mod measure;
mod prepare;
mod store;

pub use checkpoint::{CheckpointError, Checkpointed, Checkpoints, What};
pub use error::RunError;
pub use handshake::{Course, Disagreement, Purpose};
use store::Entry;
pub use store::{Offline, Store, StoreError};

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use motet_program::data::Tensor;
use motet_program::ir::{Party, Program};
use motet_program::plan::Plan;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::checkpoint::{Binding, Found, OFFERS, Offer, Writer};
use self::handshake::{INTRODUCTION_LIMIT, Introduction, OPENING_LIMIT, Opening, Terms, digest_of};
use crate::crypto::SessionId;
use crate::net::{self, Channel, Config, Endpoint, Security};
use crate::protocol::{self, Job, Keeping, Meter, Outputs, Progress, ProtocolError, State};

/// Most bytes of what a party offers of its checkpoints.
const OFFERS_LIMIT: usize = OFFERS * 32 + 16;
/// The other party, before it has a name.
const SOMEONE: &str = "the other party";

/// A session with the other party, before the run.
pub struct Session {
    channel: Channel,
    ours: Introduction,
    theirs: Introduction,
    connect: Duration,
    ahead: usize,
    /// The fingerprint of the peer's key, where the line has keys.
    key: Option<String>,
    store: Option<Store>,
    /// What the run has taken from it.
    used: Option<Entry>,
}

/// What a run took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Bytes sent to the other party.
    pub sent: u64,
    /// Bytes received from it.
    pub received: u64,
    /// AND gates that cost ciphertexts, over all instances.
    pub ands: u64,
    /// How long it took to meet, the wait for the other party included.
    pub connect: Duration,
    /// What was made ahead for this run, where it used a store: not among the other figures.
    pub prepared: Option<Offline>,
    /// What keeping checkpoints took, where they were kept.
    pub checkpoints: Option<Checkpointed>,
    /// How long it took to agree.
    pub handshake: Duration,
    /// How long the protocol took to begin, with what was to be made ahead.
    pub setup: Duration,
    /// How long the protocol took from there on, its base OTs included where they were not made ahead, until both sides
    /// had everything.
    pub run: Duration,
}

impl Session {
    /// Meets the other party: `party` is this side's name, `peer` the other's where it is known before it has introduced
    /// itself.
    ///
    /// # Errors
    ///
    /// Where the other party does not come or is not who it should be.
    pub fn open(
        endpoint: Endpoint,
        security: &Security,
        party: &str,
        peer: Option<&str>,
        config: &Config,
    ) -> Result<Session, RunError> {
        let start = Instant::now();
        let channel = net::open(endpoint, security, peer.unwrap_or(SOMEONE), config)?;
        let mut session = Session::over(channel, party, peer, start)?;
        if let Security::Keys { peer, .. } = security {
            session.key = Some(peer.fingerprint().to_string());
        }
        Ok(session)
    }

    /// A session over a channel that is open: between threads, for tests and benchmarks.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn over_channel(channel: Channel, party: &str) -> Result<Session, RunError> {
        Session::over(channel, party, None, Instant::now())
    }

    fn over(mut channel: Channel, party: &str, peer: Option<&str>, start: Instant) -> Result<Session, RunError> {
        match introduce(&mut channel, party, peer) {
            Ok((ours, theirs)) => Ok(Session {
                channel,
                ours,
                theirs,
                connect: start.elapsed(),
                ahead: 0,
                key: None,
                store: None,
                used: None,
            }),
            Err(error) => Err(fail(channel, error)),
        }
    }

    /// Tells the other party the dimensions of this one's data and takes its own, both by name: for sides that have a
    /// source, and compile it when they know them.
    ///
    /// # Errors
    ///
    /// Where the link or the peer fails, or the peer has a compiled program; the session is over then.
    pub fn exchange_dimensions(
        mut self,
        ours: &BTreeMap<String, i64>,
    ) -> Result<(Session, BTreeMap<String, i64>), RunError> {
        let theirs = send_and_receive(&mut self.channel, &Opening::Dimensions(ours.clone()), OPENING_LIMIT);
        match theirs {
            Ok(Opening::Dimensions(theirs)) => Ok((self, theirs)),
            Ok(Opening::Terms(_)) => {
                let error = Disagreement::Form { peer: self.channel.peer().to_owned(), compiled: false };
                Err(fail(self.channel, error.into()))
            }
            Ok(Opening::Measure) => {
                let error = Disagreement::Measure { peer: self.channel.peer().to_owned(), measures: true };
                Err(fail(self.channel, error.into()))
            }
            Err(error) => Err(fail(self.channel, error)),
        }
    }

    /// Sees that the other party is about to do the same.
    fn agree(&mut self, ours: &Terms) -> Result<(), RunError> {
        let theirs = send_and_receive(&mut self.channel, &Opening::Terms(ours.clone()), OPENING_LIMIT)?;
        let peer = self.channel.peer();
        match theirs {
            Opening::Terms(theirs) => Ok(ours.check(&theirs, peer)?),
            Opening::Dimensions(_) => Err(Disagreement::Form { peer: peer.to_owned(), compiled: true }.into()),
            Opening::Measure => Err(Disagreement::Measure { peer: peer.to_owned(), measures: true }.into()),
        }
    }

    /// Has so many oblivious transfers made before the program begins; the other party must ask for as many.
    pub fn prepare_transfers(&mut self, count: usize) {
        self.ahead = count;
    }

    /// Has the run use an entry of the store; the other party must do so too.
    pub fn use_store(&mut self, store: Store) {
        self.store = Some(store);
    }

    /// Ends the session without a run and tells the other party why. The reason must hold nothing secret.
    pub fn abort(self, reason: &str) {
        self.channel.abort(reason);
    }

    /// Agrees on what is run, runs it, and parts. `inputs` holds for each parameter its leaves, where they are this
    /// party's or public; `progress` is told now and then how far the run is.
    ///
    /// # Errors
    ///
    /// Where the sides differ, the link or the peer fails, or an operation on public values has no result.
    pub fn run(
        self,
        program: &Program,
        plan: &Plan,
        inputs: &[Option<Vec<Tensor>>],
        progress: impl FnMut(Progress) + 'static,
    ) -> Result<(Outputs, Report), RunError> {
        self.run_kept(program, plan, inputs, progress, None)
    }

    /// The same, keeping checkpoints, and going on from one where they say so. A session whose line breaks may then be
    /// followed by another: see [`Checkpoints::takes_up`].
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and where the checkpoints are of another run.
    pub fn run_kept(
        mut self,
        program: &Program,
        plan: &Plan,
        inputs: &[Option<Vec<Tensor>>],
        progress: impl FnMut(Progress) + 'static,
        mut checkpoints: Option<&mut Checkpoints>,
    ) -> Result<(Outputs, Report), RunError> {
        match self.agree_and_run(program, plan, inputs, progress, checkpoints.as_deref_mut()) {
            Ok((outputs, mut report, start)) => {
                (report.sent, report.received) = (self.channel.sent(), self.channel.received());
                self.channel.goodbye()?;
                report.run = start.elapsed() - report.setup;
                if let Some(checkpoints) = checkpoints {
                    checkpoints.ended()?;
                }
                Ok((outputs, report))
            }
            // The other side is to find the line broken too, and not that this side has stopped.
            Err(error) if checkpoints.is_some() && error.line_broke() => Err(error),
            Err(error) => Err(fail(self.channel, error)),
        }
    }

    fn agree_and_run(
        &mut self,
        program: &Program,
        plan: &Plan,
        inputs: &[Option<Vec<Tensor>>],
        progress: impl FnMut(Progress) + 'static,
        checkpoints: Option<&mut Checkpoints>,
    ) -> Result<(Outputs, Report, Instant), RunError> {
        let start = Instant::now();
        let party = self.find_party(program)?;
        let mut ours = terms(program, plan, inputs, true)?;
        if self.store.is_some() {
            ours.purpose = Purpose::RunFromStore;
        }
        ours.checkpoints = match &checkpoints {
            None => Course::Unkept,
            Some(checkpoints) if checkpoints.resumes() => Course::Resume,
            Some(_) => Course::Begin,
        };
        self.agree(&ours)?;
        let session = ours.session(&self.ours, &self.theirs);
        let kept = checkpoints.map(|checkpoints| {
            let binding = self.bind(program, &ours, party, inputs)?;
            self.find_checkpoint(checkpoints, binding, session)
        });
        let (mut writer, state) = kept.transpose()?.unzip();
        let entry = self.store.clone().map(|store| self.entry(&store, program, plan, inputs)).transpose()?;
        let handshake = start.elapsed();

        let start = Instant::now();
        let mut meter = Meter::new(progress);
        let made = entry.as_ref().map(|entry| &entry.made);
        let job = Job { program, plan, party, inputs, session, ahead: self.ahead, made };
        let keeping = writer.as_mut().map(|keeper| Keeping { every: keeper.every(), keeper, resume: state.flatten() });
        let outputs = protocol::run_kept(&job, &mut self.channel, &mut meter, keeping)?;
        self.channel.flush()?;
        let Outputs { ands, setup, .. } = outputs;
        let checkpoints = writer.map(|writer| writer.took);
        let prepared = entry.as_ref().map(|entry| entry.offline);
        // It is wiped when the run is over, and measured.
        self.used = entry;
        let report =
            Report { ands, prepared, checkpoints, connect: self.connect, handshake, setup, ..Report::default() };
        Ok((outputs, report, start))
    }

    /// What this run's checkpoints are bound to.
    fn bind(
        &self,
        program: &Program,
        terms: &Terms,
        party: Party,
        inputs: &[Option<Vec<Tensor>>],
    ) -> Result<Binding, RunError> {
        let own = program.params.iter().zip(inputs).filter(|(param, _)| param.owner == Some(party));
        let own: Vec<&Option<Vec<Tensor>>> = own.map(|(_, leaves)| leaves).collect();
        let unencoded = |_| RunError::Protocol(ProtocolError::Plan("its inputs cannot be encoded"));
        Ok(Binding {
            party: self.ours.party.clone(),
            peer: self.theirs.party.clone(),
            key: self.key.clone(),
            program: terms.program,
            plan: terms.plan,
            public: digest_of(&terms.public).map_err(unencoded)?,
            private: digest_of(&own).map_err(unencoded)?,
        })
    }

    /// What writes this session's checkpoints, and where it goes on.
    fn find_checkpoint<'c>(
        &mut self,
        checkpoints: &'c mut Checkpoints,
        binding: Binding,
        session: SessionId,
    ) -> Result<(Writer<'c>, Option<State>), RunError> {
        let mut common = None;
        if checkpoints.resumes() {
            let found = Found::read(checkpoints, &binding)?;
            let offers: Vec<Offer> = found.offers();
            let theirs: Vec<Offer> = send_and_receive(&mut self.channel, &offers, OFFERS_LIMIT)?;
            common = found.common(&theirs, checkpoints, self.channel.peer())?;
        }
        let (base, state) = common.unzip();
        match base {
            Some(Offer { number, .. }) => tracing::info!("going on from checkpoint {number}"),
            None => tracing::info!("beginning, with checkpoints"),
        }
        Ok((Writer::new(checkpoints, binding, session, base), state))
    }

    fn find_party(&self, program: &Program) -> Result<Party, RunError> {
        let wrong = || RunError::Party { party: self.ours.party.clone(), parties: program.parties.clone() };
        let place = |name: &str| program.parties.iter().position(|p| p == name);
        let party = place(&self.ours.party).ok_or_else(wrong)?;
        place(&self.theirs.party).ok_or_else(wrong)?;
        u8::try_from(party).map(Party).map_err(|_| wrong())
    }
}

/// Who is on either side.
fn introduce(channel: &mut Channel, party: &str, peer: Option<&str>) -> Result<(Introduction, Introduction), RunError> {
    let ours = Introduction::new(party, peer).map_err(RunError::Randomness)?;
    let theirs: Introduction = send_and_receive(channel, &ours, INTRODUCTION_LIMIT)?;
    ours.check(&theirs)?;
    channel.name_peer(&theirs.shown());
    Ok((ours, theirs))
}

fn send_and_receive<T: Serialize + DeserializeOwned>(
    channel: &mut Channel,
    ours: &T,
    limit: usize,
) -> Result<T, RunError> {
    channel.send_message(ours)?;
    Ok(channel.receive_message(limit)?)
}

/// What this side is about to do, with the public inputs that it has; `all` says that it needs all.
fn terms(program: &Program, plan: &Plan, inputs: &[Option<Vec<Tensor>>], all: bool) -> Result<Terms, RunError> {
    let mut public = Vec::new();
    for (i, param) in program.params.iter().enumerate().filter(|(_, p)| p.owner.is_none()) {
        let missing = || RunError::PublicInput { parameter: param.name.clone() };
        match inputs.get(i).and_then(Option::as_ref) {
            Some(leaves) => public.push((param.name.clone(), digest_of(leaves).map_err(|_| missing())?)),
            None if all => return Err(missing()),
            None => {}
        }
    }
    let parties = program.parties.clone();
    Ok(Terms::new(plan.protocol.name().to_owned(), parties, program.digest().0, plan.digest().0, public))
}

/// Tells the peer, as far as it may know, why this side stops.
fn fail(channel: Channel, error: RunError) -> RunError {
    if let Some(words) = error.words() {
        channel.abort(&words);
    }
    error
}

#[cfg(test)]
mod tests;
