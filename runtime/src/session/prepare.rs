//! Filling stores, and taking the same entry out of both.

use std::time::Instant;

use motet_program::ir::Program;
use motet_program::plan::Plan;
use motet_program::plan::cost::cost;
use zeroize::Zeroizing;

use super::handshake::{Purpose, Terms};
use super::store::{Binding, Entry, Id, OFFERS, Offline, Store};
use super::{Report, RunError, Session, fail, send_and_receive};
use crate::crypto::{Kdf, Prg, SessionId};
use crate::ot::{Config, CotReceiver, CotSender, Stock};
use crate::protocol::ProtocolError;

/// Most oblivious transfers of an entry: 64 MiB. A run that needs more makes the rest on the way.
const MOST_TRANSFERS: u64 = 1 << 22;
/// Bytes of a message about an id.
const ID_LIMIT: usize = 32;

impl Session {
    /// Makes what `runs` runs of the program need and no input decides, and puts an entry for each into both parties'
    /// stores.
    ///
    /// # Errors
    /// Where the sides differ, the link or the peer fails, or the store cannot be written.
    pub fn prepare(
        mut self,
        program: &Program,
        plan: &Plan,
        store: &Store,
        runs: u32,
    ) -> Result<(Offline, Report), RunError> {
        match self.agree_and_prepare(program, plan, store, runs) {
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
        store: &Store,
        runs: u32,
    ) -> Result<(Offline, Report), RunError> {
        let start = Instant::now();
        let party = self.find_party(program)?;
        let (name, parties) = (plan.protocol.name().to_owned(), program.parties.clone());
        let mut ours = Terms::new(name, parties, program.digest().0, plan.digest().0, Vec::new());
        ours.purpose = Purpose::Prepare(runs);
        self.agree(&ours)?;
        let session = ours.session(&self.ours, &self.theirs);
        let report = Report { connect: self.connect, handshake: start.elapsed(), ..Report::default() };

        let start = Instant::now();
        let binding = self.binding(program, plan);
        let transfers = cost(program, plan, 1).transfers.min(MOST_TRANSFERS) as usize;
        let mut all = Offline::default();
        for run in 0..u64::from(runs) {
            let made = self.entry_of(run, &session, party == plan.garbler, (Config::of(plan.transfers), transfers))?;
            store.write(made.id, &binding, made.offline, &made.stock)?;
            // An entry is offered once the other party has its half.
            let () = send_and_receive(&mut self.channel, &(), ID_LIMIT)?;
            store.publish(&made.id)?;
            all.transfers += made.offline.transfers;
            all.sent += made.offline.sent;
            all.received += made.offline.received;
        }
        all.seconds = start.elapsed().as_secs_f64();
        Ok((all, Report { setup: start.elapsed(), ..report }))
    }

    /// Makes the entry of a run: its own Δ and base OTs, bound to the session and the run's number.
    fn entry_of(
        &mut self,
        run: u64,
        session: &SessionId,
        garbler: bool,
        (config, transfers): (Config, usize),
    ) -> Result<Made, RunError> {
        let (start, sent, received) = (Instant::now(), self.channel.sent(), self.channel.received());
        let of_run = SessionId(Kdf::new("entries of a store", session).number(run).digest());
        let channel = &mut self.channel;
        let stock = if garbler {
            let delta = Prg::from_os().map_err(ProtocolError::from)?.block().with_colour();
            let delta = Zeroizing::new(delta);
            CotSender::stock(channel, &of_run, *delta, config, transfers).map(Stock::Sender)
        } else {
            CotReceiver::stock(channel, &of_run, config, transfers).map(Stock::Receiver)
        };
        let stock = stock.map_err(ProtocolError::from)?;
        self.channel.flush()?;
        let offline = Offline {
            transfers: stock.count() as u64,
            sent: self.channel.sent() - sent,
            received: self.channel.received() - received,
            seconds: start.elapsed().as_secs_f64(),
        };
        Ok(Made { id: Kdf::new("id of an entry", &of_run).block().to_bytes(), stock, offline })
    }

    /// Takes an entry that both parties have out of both stores. The garbler offers, the evaluator chooses and takes its
    /// half, and the garbler takes its own; where another process was faster, they go on to the next.
    pub(super) fn entry(&mut self, store: &Store, program: &Program, plan: &Plan) -> Result<Entry, RunError> {
        let binding = self.binding(program, plan);
        let offers = store.offers(&binding)?;
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

/// An entry, and what making it took.
struct Made {
    id: Id,
    stock: Stock,
    offline: Offline,
}
