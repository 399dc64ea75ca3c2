//! Random circuits for tests.

use proptest::prelude::*;

use crate::circuit::{Bit, Circuit, Gate};

/// Circuits of so many inputs and at most so many gates; operands are mostly recent nodes, so that there is depth and
/// sharing, and now and then constants.
pub fn random_circuit(inputs: u32, gates: usize) -> impl Strategy<Value = Circuit> {
    let gate = (any::<bool>(), any::<u32>(), any::<u32>());
    (prop::collection::vec(gate, 1..gates), prop::collection::vec(any::<u32>(), 1..10)).prop_map(
        move |(seeds, outputs)| {
            let mut circuit = Circuit { inputs, gates: Vec::new(), outputs: Vec::new() };
            let pick = |seed: u32, nodes: u32| {
                let back = (seed >> 1) % if seed.is_multiple_of(3) { nodes } else { nodes.min(8) };
                Bit((nodes - 1 - back) << 1 | seed & 1)
            };
            for (and, a, b) in seeds {
                let nodes = circuit.nodes() as u32;
                let (a, b) = (pick(a, nodes), pick(b, nodes));
                circuit.gates.push(if and { Gate::And(a, b) } else { Gate::Xor(a, b) });
            }
            let nodes = circuit.nodes() as u32;
            circuit.outputs = outputs.into_iter().map(|seed| pick(seed, nodes)).collect();
            circuit
        },
    )
}
