//! Half-gates over batches.
//!
//! Garbling: Zahur, Rosulek and Evans, "Two Halves Make a Whole" (EUROCRYPT 2015), section 3 and figure 2: free-XOR,
//! point-and-permute (the colour is a label's bit 0, that of Δ is 1), two ciphertexts an AND, or one where a party
//! knows the first operand.
//!
//! Hash: Guo, Katz, Wang, Weng and Yu, "Better Concrete Security for Half-Gates Garbling" (CRYPTO 2020), section 5:
//! `H(x) = AES_k(σ(x) ⊕ i) ⊕ σ(x) ⊕ i`, with a key `k` for each half-gate of each application of a circuit
//! ([`TweakKeys`]) and `i` the instance's number under it. Gates of a batch that do not depend on each other may share a
//! key, their instances numbered on. As σ is linear this is their construction at `x ⊕ σ⁻¹(i)` under the tweak `k`.
//!
//! Assumed: AES is an ideal cipher; labels are random to the evaluator; keys are used once. A key then serves at most
//! [`MAX_BATCH`] instances, two labels each, and an adversary who calls AES 2^p times learns Δ with probability about
//! 2^(p − 119). Protected against: a semi-honest evaluator learning anything of the garbler's labels or of the wires'
//! values. A garbler who garbles another circuit is not caught here.

mod kernels;
mod keys;
mod products;

pub(crate) use kernels::{
    Evaluate, EvaluateEvaluatorHalf, EvaluateFull, EvaluateGarblerHalf, EvaluateGate, Garble, GarbleEvaluatorHalf,
    GarbleFull, GarbleGarblerHalf, GarbleGate, Xor,
};
pub use keys::{GateKey, TweakKeys};

use products::Hashes;

use super::Block;
use super::isa::Isa;

/// Instances in a batch, at most.
pub const MAX_BATCH: usize = 128;

/// The gate kernels for this machine.
///
/// Labels are in slots: slot `s` of a batch of `n` instances is `slots[s * n..(s + 1) * n]`. The garbler's slots hold
/// the labels of false, the evaluator's the active labels. `dst` may be one of the operands. The methods panic on a
/// slot outside of `slots`, a batch of more than [`MAX_BATCH`], or tables of the wrong length: the caller has validated
/// its template, and cuts tables to size.
///
/// Where a party knows the first operand, `bits` holds its clear value: bit `j` is instance `j`'s, *after* the
/// operand's inversion, and what is above bit `n` does not matter. Inversions are otherwise the garbler's affair.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    isa: Isa,
}

/// Where the operands and the result of a gate are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wires {
    /// Where the result goes.
    pub dst: usize,
    /// The first operand: the known one, where one is.
    pub a: usize,
    /// The second operand.
    pub b: usize,
}

/// No slot.
pub(crate) const NOWHERE: usize = usize::MAX;

/// Where the operands and the result of a fused gate are: `dst = (a₀ ⊕ a₁) ∧ (b₀ ⊕ b₁) ⊕ add`, or the sum of all of
/// them. `NOWHERE` stands for an operand that is not there; `a₀` and `b₀` always are.
#[derive(Clone, Copy)]
pub(crate) struct Sums {
    pub dst: usize,
    pub a: [usize; 2],
    pub b: [usize; 2],
    pub add: usize,
}

impl From<Wires> for Sums {
    fn from(Wires { dst, a, b }: Wires) -> Self {
        Sums { dst, a: [a, NOWHERE], b: [b, NOWHERE], add: NOWHERE }
    }
}

impl Kernels {
    /// The fastest of this machine.
    pub fn detect() -> Self {
        Kernels { isa: Isa::detect() }
    }

    /// Those that run everywhere.
    pub fn portable() -> Self {
        Kernels { isa: Isa::portable() }
    }

    /// Those of an instruction set.
    pub fn with(isa: Isa) -> Self {
        Kernels { isa }
    }

    /// The instruction set that they are compiled for.
    pub fn isa(self) -> Isa {
        self.isa
    }

    /// Replaces each label by its hash. At most [`MAX_BATCH`]; of correlated OTs both labels of either choice may go under
    /// one key, each at the same place.
    pub fn hashes(self, labels: &mut [Block], key: GateKey<'_>) {
        assert!(labels.len() <= MAX_BATCH, "a key serves a batch");
        self.isa.run(Hashes { labels, key });
    }

    /// `dst = a ⊕ b`, and `⊕ add` where given: Δ, at the garbler, for a result that is inverted.
    #[inline]
    pub fn xor(self, slots: &mut [Block], n: usize, wires: Wires, add: Option<Block>) {
        let add = add.unwrap_or(Block::ZERO);
        // Not worth a call.
        if n <= 2 {
            for at in 0..n {
                slots[wires.dst * n + at] = slots[wires.a * n + at] ^ slots[wires.b * n + at] ^ add;
            }
            return;
        }
        self.isa.run(Xor { slots, n, sums: wires.into(), extra: add });
    }

    /// Garbles `(a ⊕ invert[0]) ∧ (b ⊕ invert[1])`. Writes 32 bytes an instance: all the garbler's half ciphertexts,
    /// then all the evaluator's.
    #[allow(clippy::too_many_arguments)]
    pub fn garble_full(
        self,
        slots: &mut [Block],
        n: usize,
        wires: Wires,
        invert: [bool; 2],
        delta: Block,
        keys: [GateKey<'_>; 2],
        tables: &mut [u8],
    ) {
        self.isa.run(Garble {
            slots,
            n,
            first: 0,
            sums: wires.into(),
            extra: Block::ZERO,
            tables,
            gate: GarbleFull { invert, delta, keys },
        });
    }

    /// Evaluates what [`Kernels::garble_full`] garbled.
    pub fn evaluate_full(self, slots: &mut [Block], n: usize, wires: Wires, keys: [GateKey<'_>; 2], tables: &[u8]) {
        self.isa.run(Evaluate { slots, n, first: 0, sums: wires.into(), tables, gate: EvaluateFull { keys } });
    }

    /// Garbles `a ∧ (b ⊕ invert)` of an `a` whose bits the garbler knows. Its slot is not read. Writes 16 bytes an
    /// instance.
    #[allow(clippy::too_many_arguments)]
    pub fn garble_garbler_half(
        self,
        slots: &mut [Block],
        n: usize,
        wires: Wires,
        bits: u128,
        invert: bool,
        delta: Block,
        key: GateKey<'_>,
        tables: &mut [u8],
    ) {
        self.isa.run(Garble {
            slots,
            n,
            first: 0,
            sums: wires.into(),
            extra: Block::ZERO,
            tables,
            gate: GarbleGarblerHalf { bits, invert, delta, key },
        });
    }

    /// Evaluates what [`Kernels::garble_garbler_half`] garbled. The slot of `a` is not read.
    pub fn evaluate_garbler_half(self, slots: &mut [Block], n: usize, wires: Wires, key: GateKey<'_>, tables: &[u8]) {
        self.isa.run(Evaluate { slots, n, first: 0, sums: wires.into(), tables, gate: EvaluateGarblerHalf { key } });
    }

    /// Garbles `(a ⊕ invert[0]) ∧ (b ⊕ invert[1])` of an `a` whose bits the evaluator knows. Writes 16 bytes an
    /// instance.
    #[allow(clippy::too_many_arguments)]
    pub fn garble_evaluator_half(
        self,
        slots: &mut [Block],
        n: usize,
        wires: Wires,
        invert: [bool; 2],
        delta: Block,
        key: GateKey<'_>,
        tables: &mut [u8],
    ) {
        self.isa.run(Garble {
            slots,
            n,
            first: 0,
            sums: wires.into(),
            extra: Block::ZERO,
            tables,
            gate: GarbleEvaluatorHalf { invert, delta, key },
        });
    }

    /// Evaluates what [`Kernels::garble_evaluator_half`] garbled.
    pub fn evaluate_evaluator_half(
        self,
        slots: &mut [Block],
        n: usize,
        wires: Wires,
        bits: u128,
        key: GateKey<'_>,
        tables: &[u8],
    ) {
        self.isa.run(Evaluate {
            slots,
            n,
            first: 0,
            sums: wires.into(),
            tables,
            gate: EvaluateEvaluatorHalf { bits, key },
        });
    }
}

#[cfg(test)]
mod tests;
