//! The circuit: an XOR-AND graph with complemented edges.

use serde::{Deserialize, Serialize};

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circuit {
    /// Number of input bits.
    pub inputs: u32,
    /// Gates in topological order.
    pub gates: Vec<Gate>,
    /// The output bits.
    pub outputs: Vec<Bit>,
}
