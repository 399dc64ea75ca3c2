//! A program run by two parties, a thread each, over a channel in memory.

use std::time::Duration;

use motet_program::data::Tensor;
use motet_program::ir::{Party, Program};
use motet_program::plan::{Link, Plan, Protocol, plan_over};
use motet_runtime::crypto::SessionId;
use motet_runtime::net::Channel;
use motet_runtime::protocol::{Job, KeepError, Keeper, Keeping, Meter, State, run_kept};

/// For each party, the leaves of the result that it is shown, or why its run ended.
pub type Shown = [Result<Vec<Option<Tensor>>, String>; 2];

/// A slow rate and a short way: circuits on shared bits take other forms of gadgets than in a local network.
const SLOW: Link = Link { rate: 1_250_000, round_trip: 1000 };

/// For each party, the leaves of the result and its checkpoints, in order.
pub type ShownAndKept = [Result<(Vec<Option<Tensor>>, Vec<Vec<u8>>), String>; 2];

/// Plans the program for the protocol, `gmw` for a slow link, and runs it; `inputs` are the leaves of every parameter, of which each party gets its own and the
/// public ones.
///
/// # Errors
/// Where the program has no plan.
pub fn two_parties(program: &Program, inputs: &[Vec<Tensor>], protocol: Protocol) -> Result<Shown, String> {
    let link = if protocol == Protocol::Gmw { SLOW } else { Link::LAN };
    let plan = plan_over(program, protocol, link).map_err(|e| e.to_string())?;
    let run = |job: &Job<'_>, mut channel: Channel| {
        let outputs = run_kept(job, &mut channel, &mut Meter::new(|_| {}), None).map_err(|e| e.to_string())?;
        channel.goodbye().map_err(|e| e.to_string())?;
        Ok(outputs.leaves)
    };
    Ok(both(program, &plan, inputs, SessionId([3; 32]), run))
}

/// Runs a plan in a session of its own, keeping a checkpoint at every turn of every loop, from the start or from both parties'
/// checkpoints of another session.
pub fn two_parties_kept(
    program: &Program,
    plan: &Plan,
    inputs: &[Vec<Tensor>],
    session: SessionId,
    from: Option<[&[u8]; 2]>,
) -> ShownAndKept {
    both(program, plan, inputs, session, |job, mut channel| {
        let mut kept = Recorder(Vec::new());
        let resume = from.map(|from| postcard::from_bytes(from[usize::from(job.party.0)]));
        let resume = resume.transpose().map_err(|e| e.to_string())?;
        let keeping = Keeping { keeper: &mut kept, every: Duration::ZERO, resume };
        let done = run_kept(job, &mut channel, &mut Meter::new(|_| {}), Some(keeping));
        let leaves = done.map_err(|e| e.to_string())?.leaves;
        channel.goodbye().map_err(|e| e.to_string())?;
        Ok((leaves, kept.0))
    })
}

fn both<T: Send>(
    program: &Program,
    plan: &Plan,
    inputs: &[Vec<Tensor>],
    session: SessionId,
    run: impl Fn(&Job<'_>, Channel) -> Result<T, String> + Sync,
) -> [Result<T, String>; 2] {
    let party = |party: Party, channel: Channel| {
        let owned = program.params.iter().zip(inputs);
        let inputs: Vec<_> = owned
            .map(|(param, leaves)| param.owner.is_none_or(|owner| owner == party).then(|| leaves.clone()))
            .collect();
        run(&Job { program, plan, party, inputs: &inputs, session, ahead: 0, made: None }, channel)
    };
    let (left, right) = Channel::pair();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| party(Party(0), left));
        let second = party(Party(1), right);
        [first.join().unwrap_or_else(|_| Err("a party panicked".into())), second]
    })
}

/// Keeps states in memory.
struct Recorder(Vec<Vec<u8>>);

impl Keeper for Recorder {
    fn write(&mut self, state: &State) -> Result<(), KeepError> {
        let bytes = postcard::to_stdvec(state).map_err(std::io::Error::other);
        self.0.push(bytes.map_err(|cause| KeepError { path: "memory".into(), cause })?);
        Ok(())
    }

    fn confirm(&mut self) -> Result<(), KeepError> {
        Ok(())
    }
}
