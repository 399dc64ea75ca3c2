//! Filling stores, and taking the same entry out of both.

use std::collections::HashMap;
use std::time::Instant;

use motet_program::data::Tensor;
use motet_program::ir::{Party, Program};
use motet_program::plan::Plan;
use motet_program::plan::cost::cost;

use super::handshake::{OPENING_LIMIT, Purpose, digest_of};
use super::store::{Baked, Binding, Entry, Id, OFFERS, Offline, Store};
use super::{Report, RunError, Session, fail, send_and_receive, terms};
use crate::crypto::{Kdf, SessionId};
use crate::protocol::{self, Job, Made, Meter};

/// Most oblivious transfers of an entry: 64 MiB. A run that needs more makes the rest on the way.
const MOST_TRANSFERS: u64 = 1 << 22;
/// Bytes of a message about an id.
const ID_LIMIT: usize = 32;

impl Session {
    /// Makes what `runs` runs of the program need and no input decides but those that are given, and puts an entry for each
    /// into both parties' stores. `inputs` holds for each parameter its leaves, where they are given: this party's, and
    /// public ones, which the other party must give too.
    ///
    /// # Errors
    /// Where the sides differ, the link or the peer fails, or the store cannot be written.
    pub fn prepare(
        mut self,
        program: &Program,
        plan: &Plan,
        inputs: &[Option<Vec<Tensor>>],
        store: &Store,
        runs: u32,
    ) -> Result<(Offline, Report), RunError> {
        match self.agree_and_prepare(program, plan, inputs, store, runs) {
            Ok((made, mut report)) => {
                (report.sent, report.received) = (self.channel.sent(), self.channel.received());
                self.channel.goodbye()?;
                Ok((made, report))
            }
            Err(error) => Err(fail(self.channel, error)),
        }
    }

    fn agree_and_prepare(
        &mut self,
        program: &Program,
        plan: &Plan,
        inputs: &[Option<Vec<Tensor>>],
        store: &Store,
        runs: u32,
    ) -> Result<(Offline, Report), RunError> {
        let start = Instant::now();
        let party = self.find_party(program)?;
        let mut ours = terms(program, plan, inputs, false)?;
        ours.purpose = Purpose::Prepare(runs);
        self.agree(&ours)?;
        let session = ours.session(&self.ours, &self.theirs);
        let own: Vec<u32> = (0..).zip(inputs).filter(|(_, input)| input.is_some()).map(|(param, _)| param).collect();
        let theirs: Vec<u32> = send_and_receive(&mut self.channel, &own, OPENING_LIMIT)?;
        let given = given(program, party, &own, &theirs);
        let baked = baked(inputs, own).ok_or_else(|| RunError::PublicInput { parameter: program.entry.clone() })?;
        let report = Report { connect: self.connect, handshake: start.elapsed(), ..Report::default() };

        let start = Instant::now();
        let binding = self.binding(program, plan);
        let transfers = cost(program, plan, 1).transfers.min(MOST_TRANSFERS) as usize;
        let mut all = Offline::default();
        for run in 0..u64::from(runs) {
            let of_run = SessionId(Kdf::new("entries of a store", &session).number(run).digest());
            let id = Kdf::new("id of an entry", &of_run).block().to_bytes();
            let job = Job { program, plan, party, inputs, session: of_run, ahead: 0, made: None };
            let (made, offline) = self.entry_of(&job, &given, transfers)?;
            store.write(id, &binding, &baked, offline, &made)?;
            // An entry is offered once the other party has its half.
            let () = send_and_receive(&mut self.channel, &(), ID_LIMIT)?;
            store.publish(&id)?;
            all.transfers += offline.transfers;
            all.products += offline.products;
            all.garbled += offline.garbled;
            all.sent += offline.sent;
            all.received += offline.received;
        }
        all.seconds = start.elapsed().as_secs_f64();
        Ok((all, Report { setup: start.elapsed(), ..report }))
    }

    /// Makes the entry of a run: its own Δ and base OTs, bound to the job's session.
    fn entry_of(&mut self, job: &Job<'_>, given: &[bool], transfers: usize) -> Result<(Made, Offline), RunError> {
        let (start, sent, received) = (Instant::now(), self.channel.sent(), self.channel.received());
        let made = protocol::prepare(job, given, transfers, &mut self.channel, &mut Meter::new(|_| {}))?;
        let offline = Offline {
            transfers: made.transfers(),
            products: made.products(),
            garbled: made.garbled().into(),
            sent: self.channel.sent() - sent,
            received: self.channel.received() - received,
            seconds: start.elapsed().as_secs_f64(),
        };
        Ok((made, offline))
    }

    /// Takes an entry that both parties have out of both stores. The garbler offers, the evaluator chooses and takes its
    /// half, and the garbler takes its own; where another process was faster, they go on to the next.
    pub(super) fn entry(
        &mut self,
        store: &Store,
        program: &Program,
        plan: &Plan,
        inputs: &[Option<Vec<Tensor>>],
    ) -> Result<Entry, RunError> {
        let binding = self.binding(program, plan);
        let mut seen = HashMap::new();
        let offers = store.offers(&binding, |entry| {
            let own = seen.entry(entry.params.clone()).or_insert_with(|| baked(inputs, entry.params.clone()));
            own.as_ref() == Some(entry)
        })?;
        if self.find_party(program)? == plan.garbler {
            self.channel.send_message(&offers)?;
            while let Some(id) = self.channel.receive_message::<Option<Id>>(ID_LIMIT)? {
                let entry = if offers.contains(&id) { store.take(&id, &binding)? } else { None };
                self.channel.send_message(&entry.is_some())?;
                if let Some(entry) = entry {
                    return Ok(entry);
                }
            }
            return Err(store.empty(self.channel.peer()).into());
        }
        let theirs: Vec<Id> = self.channel.receive_message(OFFERS * size_of::<Id>() + ID_LIMIT)?;
        for id in theirs.into_iter().filter(|id| offers.contains(id)) {
            let Some(entry) = store.take(&id, &binding)? else { continue };
            self.channel.send_message(&Some(id))?;
            if self.channel.receive_message(ID_LIMIT)? {
                return Ok(entry);
            }
        }
        self.channel.send_message(&None::<Id>)?;
        self.channel.flush()?;
        Err(store.empty(self.channel.peer()).into())
    }

    fn binding(&self, program: &Program, plan: &Plan) -> Binding {
        Binding {
            party: self.ours.party.clone(),
            peer: self.theirs.party.clone(),
            key: self.key.clone(),
            program: program.digest().0,
            plan: plan.digest().0,
        }
    }
}

/// Which parameters are given, `own` being those that this party gives and `theirs` those of the other.
fn given(program: &Program, party: Party, own: &[u32], theirs: &[u32]) -> Vec<bool> {
    let of = |(i, owner): (u32, Option<Party>)| match owner {
        // The terms say that both give the same.
        None => own.contains(&i),
        Some(owner) if owner == party => own.contains(&i),
        Some(_) => theirs.contains(&i),
    };
    (0..).zip(program.params.iter().map(|param| param.owner)).map(of).collect()
}

/// What goes into an entry of the parameters; `None` where one is not there.
fn baked(inputs: &[Option<Vec<Tensor>>], params: Vec<u32>) -> Option<Baked> {
    let values: Option<Vec<_>> = params.iter().map(|param| inputs.get(*param as usize)?.as_ref()).collect();
    let digest = digest_of(&values?).ok()?;
    Some(Baked { params, digest })
}
