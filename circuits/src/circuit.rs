//! The circuit: an XOR-AND graph with complemented edges.

use serde::{Deserialize, Serialize};

use crate::builder::{Builder, MAX_NODES};

/// A reference to a node's bit, possibly complemented: `node << 1 | complement`.
///
/// Node 0 is the constant false; nodes `1..=inputs` are the inputs; gate `g` is node `1 + inputs + g`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bit(pub u32);

impl Bit {
    /// The constant 0.
    pub const FALSE: Bit = Bit(0);
    /// The constant 1.
    pub const TRUE: Bit = Bit(1);

    /// The bit of a node, not complemented.
    pub fn of(node: u32) -> Bit {
        Bit(node << 1)
    }
    /// The node.
    pub fn node(self) -> u32 {
        self.0 >> 1
    }
    /// Whether the node's bit is complemented.
    pub fn inverted(self) -> bool {
        self.0 & 1 == 1
    }
}

impl std::ops::Not for Bit {
    type Output = Bit;
    fn not(self) -> Bit {
        Bit(self.0 ^ 1)
    }
}

/// A gate. Its operands refer to earlier nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Gate {
    /// Exclusive or: free.
    Xor(Bit, Bit),
    /// And: what a circuit costs.
    And(Bit, Bit),
}

/// A Boolean circuit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Circuit {
    /// Number of input bits.
    pub inputs: u32,
    /// Gates in topological order.
    pub gates: Vec<Gate>,
    /// The output bits.
    pub outputs: Vec<Bit>,
}

impl Gate {
    /// The operands.
    pub fn operands(self) -> (Bit, Bit) {
        match self {
            Gate::Xor(a, b) | Gate::And(a, b) => (a, b),
        }
    }
}

/// Why a circuit from elsewhere is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CircuitError {
    /// More nodes than a `Bit` can name.
    #[error("the circuit has {0} nodes; {MAX_NODES} is the limit")]
    TooLarge(u64),
    /// A gate refers to itself or to a later one.
    #[error("gate {gate} uses node {node}, which is not made before it")]
    Operand {
        /// The gate's number.
        gate: u32,
        /// The node it refers to.
        node: u32,
    },
    /// An output refers to a node that isn't there.
    #[error("output {output} is node {node}, which the circuit does not have")]
    Output {
        /// The output's number.
        output: u32,
        /// The node it refers to.
        node: u32,
    },
}

impl Circuit {
    /// The number of ANDs.
    pub fn and_count(&self) -> usize {
        self.gates.iter().filter(|g| matches!(g, Gate::And(..))).count()
    }

    /// The longest chain of ANDs from an input to an output.
    pub fn and_depth(&self) -> usize {
        let mut depth = vec![0u32; self.nodes()];
        for (gate, node) in self.gates.iter().zip(1 + self.inputs as usize..) {
            let (a, b) = gate.operands();
            let below = depth[a.node() as usize].max(depth[b.node() as usize]);
            depth[node] = below + u32::from(matches!(gate, Gate::And(..)));
        }
        self.outputs.iter().map(|o| depth[o.node() as usize] as usize).max().unwrap_or(0)
    }

    /// The number of nodes: the constant, the inputs, and the gates.
    pub fn nodes(&self) -> usize {
        1 + self.inputs as usize + self.gates.len()
    }

    /// Checks that every operand and output refers to an earlier node, as the other functions assume.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(&self) -> Result<(), CircuitError> {
        let nodes = 1 + u64::from(self.inputs) + self.gates.len() as u64;
        if nodes > u64::from(MAX_NODES) {
            return Err(CircuitError::TooLarge(nodes));
        }
        let first = 1 + self.inputs;
        for (gate, i) in self.gates.iter().zip(0..) {
            let (a, b) = gate.operands();
            let node = a.node().max(b.node());
            if node >= first + i {
                return Err(CircuitError::Operand { gate: i, node });
            }
        }
        for (output, i) in self.outputs.iter().zip(0..) {
            if u64::from(output.node()) >= nodes {
                return Err(CircuitError::Output { output: i, node: output.node() });
            }
        }
        Ok(())
    }

    /// The same circuit inside another: its outputs for these inputs, built anew so that all of the builder's rewrites
    /// apply across the border.
    ///
    /// # Panics
    /// If there are not as many bits as the circuit has inputs.
    pub fn inline(&self, builder: &mut Builder, inputs: &[Bit]) -> Vec<Bit> {
        assert_eq!(inputs.len(), self.inputs as usize, "inputs of an inlined circuit");
        let mut made = Vec::with_capacity(self.nodes());
        made.push(Bit::FALSE);
        made.extend_from_slice(inputs);
        for gate in &self.gates {
            let (a, b) = gate.operands();
            let (a, b) = (translate(&made, a), translate(&made, b));
            made.push(match gate {
                Gate::Xor(..) => builder.xor(a, b),
                Gate::And(..) => builder.and(a, b),
            });
        }
        self.outputs.iter().map(|&o| translate(&made, o)).collect()
    }

    /// The circuit without gates that no output needs.
    pub fn without_dead_gates(mut self) -> Circuit {
        let first = 1 + self.inputs as usize;
        let mut live = vec![false; self.nodes()];
        for output in &self.outputs {
            live[output.node() as usize] = true;
        }
        for (g, gate) in self.gates.iter().enumerate().rev() {
            if live[first + g] {
                let (a, b) = gate.operands();
                live[a.node() as usize] = true;
                live[b.node() as usize] = true;
            }
        }
        let mut moved: Vec<Bit> = (0..first as u32).map(Bit::of).collect();
        let mut kept = Vec::with_capacity(self.gates.len());
        for (g, gate) in self.gates.iter().enumerate() {
            moved.push(Bit::of((first + kept.len()) as u32));
            if live[first + g] {
                kept.push(match *gate {
                    Gate::Xor(a, b) => Gate::Xor(translate(&moved, a), translate(&moved, b)),
                    Gate::And(a, b) => Gate::And(translate(&moved, a), translate(&moved, b)),
                });
            }
        }
        for output in &mut self.outputs {
            *output = translate(&moved, *output);
        }
        Circuit { gates: kept, ..self }
    }
}

/// What a bit of one circuit is in another, given what each node is there.
pub(crate) fn translate(nodes: &[Bit], bit: Bit) -> Bit {
    let node = nodes[bit.node() as usize];
    if bit.inverted() { !node } else { node }
}
