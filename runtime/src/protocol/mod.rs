//! Executing a plan with the other parties: `run` dispatches to the plan's protocol.
//!
//! A folder for each family of protocols: `yao` runs garbled circuits between two parties, with products on shares
//! (`mixed`) or without. What protocols share, plain values and
//! structural operations on whatever stands for an element, is here.

mod array;
mod clear;
mod error;
mod layout;
mod made;
mod profile;
mod progress;
mod state;
mod structural;
mod yao;

pub use array::OutOfMemory;
pub use error::ProtocolError;
pub use made::Made;
pub use profile::{Profile, Spent};
pub use progress::{Meter, Progress, Revealed, Turn};
pub use state::{Half, KeepError, Keeper, Kept, Packed, State};

use std::time::Duration;

use motet_program::data::Tensor;
use motet_program::ir::{Party, Program};
use motet_program::plan::{Plan, Protocol};

use crate::crypto::SessionId;
use crate::net::Channel;

/// What a party runs. All parties agree on everything but `party` and `inputs`: the handshake has seen to it.
pub struct Job<'a> {
    /// The program, validated.
    pub program: &'a Program,
    /// Its plan.
    pub plan: &'a Plan,
    /// Which party this is.
    pub party: Party,
    /// For each parameter its leaves, where they are this party's or public.
    pub inputs: &'a [Option<Vec<Tensor>>],
    /// The session, fresh and agreed.
    pub session: SessionId,
    /// How many oblivious transfers are made before the first step, the same number at both parties; what is needed
    /// beyond them is made on the way.
    pub ahead: usize,
    /// What an earlier session with the same party made for this one, to be used once; the peer has its other half.
    pub made: Option<&'a Made>,
}

/// How a run keeps checkpoints. The other party keeps them too, and resumes from the same one where this one does.
pub struct Keeping<'k> {
    /// What writes them.
    pub keeper: &'k mut dyn Keeper,
    /// About how long from one to the next; zero: at each turn of each loop. The garbler's is what counts.
    pub every: Duration,
    /// Where the run goes on; at the start where there is none.
    pub resume: Option<State>,
}

/// What a party is shown: for each leaf of the result, its value where it is shown to this party.
pub struct Outputs {
    /// The leaves, in order.
    pub leaves: Vec<Option<Tensor>>,
    /// ANDs that cost ciphertexts, over all instances.
    pub ands: u64,
    /// How long it took until the first step.
    pub setup: Duration,
    /// What each place in the source took from there on.
    pub profile: Profile,
}

/// Runs a plan with the other party.
///
/// # Errors
/// The link or the peer failed; an operation on public values has no result (at every party alike); or what was given
/// does not fit together.
pub fn run(job: &Job<'_>, channel: &mut Channel, meter: &mut Meter) -> Result<Outputs, ProtocolError> {
    run_kept(job, channel, meter, None)
}

/// Runs a plan with the other party and keeps checkpoints, from the start or from the state of an earlier one.
///
/// # Errors
/// As [`run`].
pub fn run_kept<'a>(
    job: &'a Job<'a>,
    channel: &'a mut Channel,
    meter: &'a mut Meter,
    keeping: Option<Keeping<'a>>,
) -> Result<Outputs, ProtocolError> {
    match job.plan.protocol {
        Protocol::Yao | Protocol::Mixed | Protocol::Gmw => yao::run(job, channel, meter, keeping),
    }
}

/// Does with the other party what of a run needs no inputs but those that are `given` (of both parties; `job` holds this
/// party's), and makes at least `transfers` oblivious transfers for the rest, if there is a rest that takes any.
///
/// # Errors
/// As [`run`].
pub fn prepare(
    job: &Job<'_>,
    given: &[bool],
    transfers: usize,
    channel: &mut Channel,
    meter: &mut Meter,
) -> Result<Made, ProtocolError> {
    match job.plan.protocol {
        Protocol::Yao | Protocol::Mixed | Protocol::Gmw => yao::prepare(job, given, transfers, channel, meter),
    }
}
