//! Bristol Fashion, the text format in which circuits are exchanged.
//!
//! A header tells how many gates and wires there are, how many bits each input value has, and each output value. Then
//! comes a line for every gate: how many wires go in and come out, which ones, and what it is: `XOR AND INV EQ EQW MAND`.
//! The wires of the inputs are numbered first, those of the outputs last; the lowest bit of a value has the lowest
//! number. Blank lines may stand anywhere. Files are read strictly: every wire is set once, before it is used.
//!
//! Format: <https://nigelsmart.github.io/MPC-Circuits/>

mod error;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use error::{BristolError, Expected, Problem};

use crate::circuit::Circuit;

/// Most bits that a file's inputs may have together. Wires that are set by a gate cost their file a line; inputs cost it
/// nothing, and so need a limit.
pub const MAX_INPUT_BITS: u64 = 1 << 24;

/// A circuit and how its bits group into values, as a Bristol Fashion file holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bristol {
    /// The circuit, gate for gate: complements and copies are edges, nothing else is changed.
    pub circuit: Circuit,
    /// How many bits each input value has.
    pub inputs: Vec<u32>,
    /// How many bits each output value has.
    pub outputs: Vec<u32>,
}
