//! What can be wrong with a file.

use std::fmt;

use super::MAX_INPUT_BITS;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BristolError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file stops before all was said.
    #[error("the file ends where {0} should stand")]
    Ends(Expected),
    /// A word that isn't what the format has here.
    #[error("`{found}` stands where {expected} should")]
    Unexpected {
        /// What should stand here.
        expected: Expected,
        /// What does, shortened.
        found: String,
    },
    /// A gate of another number of wires than its kind has.
    #[error("{kind} does not take {inputs} wires in and {outputs} out")]
    Arity {
        /// Which gate.
        kind: &'static str,
        /// Wires in.
        inputs: u64,
        /// Wires out.
        outputs: u64,
    },
    /// A wire number that the header does not allow.
    #[error("wire {wire} is beyond the {wires} that the header speaks of")]
    NoSuchWire {
        /// The number.
        wire: u64,
        /// How many there are.
        wires: u64,
    },
    /// A wire is used before a gate sets it.
    #[error("wire {0} is used before it is set")]
    Unset(u64),
    /// An output wire that no gate sets.
    #[error("no gate sets wire {0}, which is an output")]
    UnsetOutput(u64),
    /// A wire is set again.
    #[error("wire {0} is set a second time")]
    SetTwice(u64),
    /// More gates than such a file has room for.
    #[error("{gates} gates cannot stand in a file of {bytes} bytes")]
    Gates {
        /// What the header says.
        gates: u64,
        /// The file's length.
        bytes: usize,
    },
    /// More inputs than are taken.
    #[error("inputs of {0} bits; {MAX_INPUT_BITS} is the limit")]
    Inputs(u64),
    /// The wires are not as many as inputs and gates make.
    #[error("the header speaks of {wires} wires, but inputs and gates make {made}")]
    Wires {
        /// What the header says.
        wires: u64,
        /// What there are.
        made: u64,
    },
    /// More output bits than wires.
    #[error("outputs of {bits} bits, but only {wires} wires")]
    Outputs {
        /// Bits of the outputs.
        bits: u64,
        /// Wires there are.
        wires: u64,
    },
    /// Something after the last gate.
    #[error("the header speaks of {0} gates, and here is more")]
    Surplus(u64),
}

/// What the format has at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The number of gates.
    GateCount,
    /// The number of wires.
    WireCount,
    /// The number of input or output values.
    ValueCount,
    /// The number of bits of a value.
    Bits,
    /// How many wires a gate has.
    Arity,
    /// A wire's number.
    Wire,
    /// 0 or 1.
    Constant,
    /// What a gate does.
    Kind,
    /// Nothing more on this line.
    LineEnd,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Expected::GateCount => "the number of gates",
            Expected::WireCount => "the number of wires",
            Expected::ValueCount => "the number of values",
            Expected::Bits => "the number of bits of a value",
            Expected::Arity => "the number of a gate's wires",
            Expected::Wire => "a wire's number",
            Expected::Constant => "0 or 1",
            Expected::Kind => "XOR, AND, INV, EQ, EQW or MAND",
            Expected::LineEnd => "the end of the line",
        })
    }
}
