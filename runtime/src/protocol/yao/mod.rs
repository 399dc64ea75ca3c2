//! Two parties, semi-honest: garbled circuits, throughout (`yao`) or for all but products (`mixed`), or circuits on
//! shared bits in their place (`gmw`).
//!
//! **Follows** Yao's protocol with half-gates (see `garble`), and oblivious transfer for the evaluator's inputs (see
//! `ot`); on shared bits, Goldreich, Micali and Wigderson's (see `gmw`). **Protects** each party's inputs, and all that is not opened, against the other party, as long as that one
//! follows the protocol. `docs/protocols.md` says what each message is and who learns what.

mod ahead;
mod bits;
mod checkpoint;
mod deferred;
mod encrypted;
mod kernel;
mod open;
mod opened;
mod operand;
mod party;
mod product;
mod results;
mod shared_bits;
mod steps;
mod values;

#[cfg(test)]
mod tests;

use std::time::Instant;

use motet_program::data::Type;
use motet_program::plan::Circuits;

use super::error::ProtocolError;
use super::{Job, Keeping, Meter, Outputs, Profile};
use crate::crypto::{Kdf, Prg, Stream};
use crate::garble::Prepared;
use crate::net::Channel;
use checkpoint::{Schedule, Trail};
use deferred::deferred;
use kernel::Templates;
use opened::opened;
use party::Side;
use shared_bits::SharedBits;
use steps::Run;
use values::Values;

/// Runs a plan.
///
/// # Errors
/// As `protocol::run`.
pub(super) fn run<'a>(
    job: &'a Job<'a>,
    channel: &'a mut Channel,
    meter: &'a mut Meter,
    mut keeping: Option<Keeping<'a>>,
) -> Result<Outputs, ProtocolError> {
    if job.program.parties.len() > 2 {
        return Err(ProtocolError::Plan("the protocol is for two parties"));
    }
    let start = Instant::now();
    let types: Vec<Type> = job.program.values.iter().chain(&job.plan.extra).cloned().collect();
    let prepared = job.plan.templates.iter().map(Prepared::new).collect::<Result<_, _>>()?;
    let leaves = job.program.body.results.len();
    let state = keeping.as_mut().and_then(|keeping| keeping.resume.take());
    let mut run = Run {
        job,
        values: Values::new(types.len()),
        deferred: deferred(job.plan, &types),
        types,
        templates: Templates::new(prepared, opened(job.plan)),
        shared_bits: None,
        side: Side::begin(job, channel, meter)?,
        random: Prg::from_seed(Kdf::new("random public", &job.session).block(), Stream(0)),
        outputs: vec![None; leaves],
        profile: Profile::default(),
        trail: Trail::default(),
        schedule: keeping.map(Schedule::new),
    };
    run.side.prepare(job.ahead)?;
    let setup = start.elapsed();
    if job.plan.circuits == Circuits::SharedBits {
        let keys = run.side.product_keys();
        run.shared_bits = Some(SharedBits::new(job.plan, run.side.garbles(), keys));
    }
    if let Some(state) = state {
        run.resume(&state)?;
    }
    let done = run.block(&job.plan.steps);
    // What stops this party stops the other at the same step: it must be able to get there.
    if !matches!(done, Err(ProtocolError::Net(_) | ProtocolError::Ot(_))) {
        run.side.channel.flush()?;
    }
    done?;
    Ok(Outputs { leaves: run.outputs, ands: run.side.meter.ands(), setup, profile: run.profile })
}
