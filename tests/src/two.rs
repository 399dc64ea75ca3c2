//! A program run by two parties, a thread each, over a channel in memory.

use motet_program::data::Tensor;
use motet_program::ir::{Party, Program};
use motet_program::plan::{Link, Protocol, plan_over};
use motet_runtime::crypto::SessionId;
use motet_runtime::net::Channel;
use motet_runtime::protocol::{Job, Meter, run};

/// For each party, the leaves of the result that it is shown, or why its run ended.
pub type Shown = [Result<Vec<Option<Tensor>>, String>; 2];

/// A slow rate and a short way: circuits on shared bits take other forms of gadgets than in a local network.
const SLOW: Link = Link { rate: 1_250_000, round_trip: 1000 };

/// Plans the program for the protocol, `gmw` for a slow link, and runs it; `inputs` are the leaves of every parameter, of which each party gets its own and the
/// public ones.
///
/// # Errors
/// Where the program has no plan.
pub fn two_parties(program: &Program, inputs: &[Vec<Tensor>], protocol: Protocol) -> Result<Shown, String> {
    let link = if protocol == Protocol::Gmw { SLOW } else { Link::LAN };
    let plan = plan_over(program, protocol, link).map_err(|e| e.to_string())?;
    let party = |party: Party, mut channel: Channel| {
        let owned = program.params.iter().zip(inputs);
        let inputs: Vec<_> = owned
            .map(|(param, leaves)| param.owner.is_none_or(|owner| owner == party).then(|| leaves.clone()))
            .collect();
        let job =
            Job { program, plan: &plan, party, inputs: &inputs, session: SessionId([3; 32]), ahead: 0, made: None };
        let outputs = run(&job, &mut channel, &mut Meter::new(|_| {})).map_err(|e| e.to_string())?;
        channel.goodbye().map_err(|e| e.to_string())?;
        Ok(outputs.leaves)
    };
    let (left, right) = Channel::pair();
    Ok(std::thread::scope(|scope| {
        let first = scope.spawn(|| party(Party(0), left));
        let second = party(Party(1), right);
        [first.join().unwrap_or_else(|_| Err("a party panicked".into())), second]
    }))
}
