//! Two parties, semi-honest: garbled circuits, throughout (`yao`) or for all but products (`mixed`), or circuits on
//! shared bits in their place (`gmw`).
//!
//! **Follows** Yao's protocol with half-gates (see `garble`), and oblivious transfer for the evaluator's inputs (see
//! `ot`); on shared bits, Goldreich, Micali and Wigderson's (see `gmw`). **Protects** each party's inputs, and all that is not opened, against the other party, as long as that one
//! follows the protocol. `docs/protocols.md` says what each message is and who learns what.

mod ahead;
mod bits;
mod checkpoint;
mod choose;
mod deferred;
mod encrypted;
mod kernel;
mod open;
mod opened;
mod operand;
mod party;
mod phases;
mod product;
mod reduction;
mod results;
mod shared_bits;
mod steps;
mod values;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::time::Instant;

use motet_circuits::Template;
use motet_program::data::Type;
use motet_program::plan::cost::cost;
use motet_program::plan::{Circuits, Offline};

use super::error::ProtocolError;
use super::made::{Reader, Tape};
use super::{Job, Keeping, Made, Meter, Outputs, Profile};
use crate::crypto::{Kdf, Prg, Stream};
use crate::garble::Prepared;
use crate::net::Channel;
use checkpoint::{Schedule, Trail};
use deferred::deferred;
use kernel::Templates;
use opened::opened;
use party::{Phase, Side};
use shared_bits::SharedBits;
use steps::Run;
use values::Values;

/// Most bytes of tables that are made ahead for a run.
const MOST_TABLES: u64 = 256 << 20;

/// Runs a plan.
///
/// # Errors
/// As `protocol::run`.
pub(super) fn run(
    job: &Job<'_>,
    channel: &mut Channel,
    meter: &mut Meter,
    keeping: Option<Keeping<'_>>,
) -> Result<Outputs, ProtocolError> {
    let start = Instant::now();
    // A run that may stop and go on cannot go on in an offline phase: it takes the OTs alone.
    let made = job.made.filter(|_| keeping.is_none());
    let offline = made.map(|made| Offline::of(job.program, job.plan, &made.front.given));
    let garbled = made.is_some_and(|made| made.front.garbled);
    let (phase, known) = match (made, &offline) {
        (Some(made), Some(offline)) => (Phase::Online(Reader(made.tape())), &offline.known[..]),
        _ => (Phase::Whole, &[][..]),
    };
    let plan = offline.as_ref().filter(|_| garbled).map_or(job.plan, |offline| &offline.plan);
    let job = Job { plan, ..*job };
    let mut run = begin(&job, phase, garbled, known, channel, meter)?;
    run.side.prepare(job.ahead)?;
    let setup = start.elapsed();
    if let Some(mut keeping) = keeping {
        let state = keeping.resume.take();
        run.schedule = Some(Schedule::new(keeping));
        state.map_or(Ok(()), |state| run.resume(&state))?;
    }
    run.steps()?;
    Ok(Outputs { leaves: run.outputs, ands: run.side.meter.ands(), setup, profile: run.profile })
}

/// The offline phase of a run.
///
/// # Errors
/// As `protocol::run`.
pub(super) fn prepare(
    job: &Job<'_>,
    given: &[bool],
    transfers: usize,
    channel: &mut Channel,
    meter: &mut Meter,
) -> Result<Made, ProtocolError> {
    let offline = Offline::of(job.program, job.plan, given);
    let tables = cost(job.program, &offline.plan, 1);
    let garbled = offline.garbled && tables.exact && tables.to_evaluator <= MOST_TABLES;
    let job = Job { plan: if garbled { &offline.plan } else { job.plan }, ..*job };
    let mut run = begin(&job, Phase::Offline(Tape::default()), garbled, &offline.known, channel, meter)?;
    if garbled && run.side.keeps_tables() {
        // As much as there will be, so that it is never copied.
        run.side.tables.reserve_exact(tables.to_evaluator as usize);
    }
    run.steps()?;
    run.side.finish(given, if garbled { 0 } else { transfers })
}

/// A run before its first step.
fn begin<'a, 'k>(
    job: &'a Job<'a>,
    phase: Phase<'a>,
    garbled: bool,
    known: &'a [bool],
    channel: &'a mut Channel,
    meter: &'a mut Meter,
) -> Result<Run<'a, 'k>, ProtocolError> {
    if job.program.parties.len() > 2 {
        return Err(ProtocolError::Plan("the protocol is for two parties"));
    }
    let types: Vec<Type> = job.program.values.iter().chain(&job.plan.extra).cloned().collect();
    let leaves = job.program.body.results.len();
    let side = Side::begin(job, phase, garbled, channel, meter)?;
    let templates: &[Template] = if side.garbled_before() && side.garbles() { &[] } else { &job.plan.templates };
    let prepared = templates.iter().map(Prepared::new).collect::<Result<_, _>>()?;
    let shared_bits = (job.plan.circuits == Circuits::SharedBits)
        .then(|| SharedBits::new(job.plan, side.garbles(), side.product_keys()));
    Ok(Run {
        job,
        values: Values::new(types.len()),
        deferred: if garbled { HashSet::new() } else { deferred(job.plan, &types) },
        types,
        templates: Templates::new(prepared, opened(job.plan)),
        shared_bits,
        side,
        known,
        stopped: false,
        random: Prg::from_seed(Kdf::new("random public", &job.session).block(), Stream(0)),
        outputs: vec![None; leaves],
        profile: Profile::default(),
        trail: Trail::default(),
        schedule: None,
    })
}
