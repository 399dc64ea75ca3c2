//! A circuit made ready to run over many instances: scheduled, register-allocated, its ANDs sorted by what they cost.

use serde::{Deserialize, Serialize};

/// Who knows a bit in the clear while the circuit runs.
///
/// Exclusive or of bits that one party knows is known to that party; see `AndKind` for what that saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Known {
    /// Both parties.
    Public,
    /// The garbler alone.
    Garbler,
    /// The evaluator alone.
    Evaluator,
    /// Nobody.
    Nobody,
}

/// What an AND costs, by what is known of its first operand `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AndKind {
    /// `a` is public: a copy of `b` or the constant 0; free.
    Public,
    /// Both operands are known to the garbler: free (a label derived afresh). The result is known to the garbler.
    Garbler,
    /// `a` is known to the garbler: one ciphertext (the garbler's half).
    GarblerHalf,
    /// `a` is known to the evaluator: one ciphertext (the evaluator's half). Where `b` is as well, so is the result.
    EvaluatorHalf,
    /// Nothing is known: two ciphertexts.
    Full,
}

/// One step over a whole batch. Operands and results are slots, each holding one wire of every instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Instr {
    /// `dst = a ⊕ b ⊕ invert`. `dst` may be `a` or `b`.
    Xor {
        /// Where the result goes.
        dst: u32,
        /// First operand.
        a: u32,
        /// Second operand.
        b: u32,
        /// Whether the result is complemented.
        invert: bool,
    },
    /// `dst = (a ⊕ invert_a) ∧ (b ⊕ invert_b)`. `dst` may be `a` or `b`.
    And {
        /// What it costs.
        kind: AndKind,
        /// Where the result goes.
        dst: u32,
        /// First operand: the known one, where one is.
        a: u32,
        /// Second operand.
        b: u32,
        /// Whether the first operand is complemented.
        invert_a: bool,
        /// Whether the second operand is complemented.
        invert_b: bool,
    },
}

/// An output bit of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Output {
    /// A slot at the end of the code, possibly complemented.
    Slot {
        /// Which slot.
        slot: u32,
        /// Whether it is complemented.
        invert: bool,
    },
    /// A constant.
    Const(bool),
}

/// How many gates of each kind an instance has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counts {
    /// Exclusive ors.
    pub xor: u64,
    /// ANDs that cost nothing (`Public`, `Garbler`).
    pub free: u64,
    /// ANDs of one ciphertext.
    pub half: u64,
    /// ANDs of two ciphertexts.
    pub full: u64,
}

impl Counts {
    /// Bytes of garbled tables for one instance (16 a ciphertext).
    pub fn table_bytes(&self) -> u64 {
        16 * self.half + 32 * self.full
    }
}

/// A circuit ready to run over a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Who knows each input bit. Input `i` is in slot `i` before the first instruction.
    pub inputs: Vec<Known>,
    /// Number of slots (at least the number of inputs).
    pub slots: u32,
    /// The instructions, in order.
    pub code: Vec<Instr>,
    /// The output bits.
    pub outputs: Vec<Output>,
    /// What an instance costs.
    pub counts: Counts,
}
