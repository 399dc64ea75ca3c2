//! What a party keeps of a run to go on from it in another session: its share of every value that is still needed.
//!
//! Nothing in it depends on Δ, on a label or on a key: of a garbled value each party keeps the colours of its labels, whose
//! exclusive or is the value, as it is of shared bits; of a value that one party knows, that party keeps the value. Both
//! shares of one bit are uniform; each alone says nothing.

use std::fmt;
use std::io;
use std::path::PathBuf;

use motet_program::plan::Position;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Revealed;

/// One party's side of a run that stands before the body of a turn of a loop.
#[derive(Serialize, Deserialize)]
pub struct State {
    /// Where, from the outermost block inwards.
    pub trail: Vec<Position>,
    /// Elements that encrypted products have revealed.
    pub revealed: u64,
    /// ANDs done so far.
    pub ands: u64,
    /// Numbers that the program has revealed so far, the first of them where they are many.
    pub shown: Vec<Revealed>,
    /// The values that are still needed, by ascending number.
    pub values: Vec<(u32, Kept)>,
}

/// A value's representations.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    /// In the clear, where this party knows it and it is no input.
    pub clear: Option<Packed>,
    /// Shared.
    pub shared: Option<Half>,
}

/// A shared representation.
#[derive(Serialize, Deserialize)]
pub enum Half {
    /// It follows from the clear one.
    FromClear,
    /// Known to both.
    Public(Packed),
    /// Known to the garbler.
    Garbler(Option<Packed>),
    /// Known to the evaluator.
    Evaluator(Option<Packed>),
    /// Garbled: this party's half of each bit, the colour of its label.
    Labels(Packed),
    /// On shared bits: this party's half of each.
    Bits(Packed),
}

/// Elements in as many bits as their type has, plane after plane, eight to a byte, lowest first. Wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Packed(pub Vec<u8>);

/// Writes checkpoints and reads none: which one a run goes on from is settled before it begins.
pub trait Keeper {
    /// Writes a state so that it outlives the process.
    ///
    /// # Errors
    /// The system's own.
    fn write(&mut self, state: &State) -> Result<(), KeepError>;

    /// What was written last has been written by the other party too: older ones may go.
    ///
    /// # Errors
    /// The system's own.
    fn confirm(&mut self) -> Result<(), KeepError>;
}

/// A checkpoint could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}")]
pub struct KeepError {
    /// Which file or folder.
    pub path: PathBuf,
    /// Why.
    pub cause: io::Error,
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Packed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("packed bits")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Packed, E> {
                Ok(Packed(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}
