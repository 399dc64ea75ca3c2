//! Garbled circuits: a circuit template run over a batch of instances by the garbler and the evaluator.
//!
//! **Follows** Zahur, Rosulek and Evans, "Two Halves Make a Whole" (EUROCRYPT 2015), section 3 (half-gates), with
//! free-XOR and point-and-permute, and the multi-instance gate hash of Guo, Katz, Wang, Weng and Yu, "Better Concrete
//! Security for Half-Gates Garbling" (CRYPTO 2020), section 5. **Assumes** AES under a fresh public key for each
//! half-gate is an ideal cipher. **Protects** against a semi-honest garbler and evaluator.
//!
//! The garbler holds `W0`, the label of 0, of each wire; the label of 1 is `W0 ⊕ Δ`. The evaluator holds the *active*
//! label, that of the wire's value. Both hold the labels of a batch in structure-of-arrays order: slot by slot, all
//! instances of a wire side by side.
//!
//! What a party knows of a wire in the clear saves ciphertexts (`AndKind`): each carries, next to the labels, the bits
//! that it knows. Labels of wires that the garbler knows are derived: the active label comes from a seed that both
//! hold and that nothing else uses, so it says nothing, and `W0 = active ⊕ value·Δ` stays with the garbler. Wires that
//! both know have the active label 0.
//!
//! Each half-gate of each application of a template takes a fresh key, and an instance its number within the batch.
//! Where instances are few, gates side by side share a key, and the numbers go on from gate to gate. A pair of key and
//! number serves one half-gate of one wire, once in a session.

mod batch;
mod bits;
mod evaluator;
mod garbler;
mod keys;
mod lanes;
mod prepared;

pub use batch::Batch;
pub(crate) use bits::transpose;
pub use bits::{from_planes, to_planes};
pub use evaluator::Evaluator;
pub use garbler::Garbler;
pub use prepared::{Prepared, TemplateError};

use crate::crypto::Block;
use crate::net::{Channel, NetError};

/// Most instances of a batch: what one gate key may serve.
pub const MAX_BATCH: usize = 128;

/// Either side of a garbled circuit.
// There is one in a session, so the difference in size costs nothing.
#[allow(clippy::large_enum_variant)]
pub enum Engine {
    /// Makes the tables.
    Garbler(Garbler),
    /// Reads them.
    Evaluator(Evaluator),
}

impl Engine {
    /// Runs a template over the batch, whose input slots hold the inputs' labels and known bits.
    ///
    /// # Errors
    /// The link failed.
    pub fn run(&mut self, template: &Prepared, batch: &mut Batch, channel: &mut Channel) -> Result<(), NetError> {
        match self {
            Engine::Garbler(garbler) => garbler.run(template, batch, channel),
            Engine::Evaluator(evaluator) => evaluator.run(template, batch, channel),
        }
    }

    /// Writes the labels of output `index` of the template that was run.
    pub fn output(&mut self, template: &Prepared, batch: &Batch, index: usize, out: &mut [Block]) {
        match self {
            Engine::Garbler(garbler) => garbler.output(template, batch, index, out),
            Engine::Evaluator(evaluator) => evaluator.output(template, batch, index, out),
        }
    }

    /// Makes labels for bits that the garbler knows (`bits`: of each instance; zero at the evaluator), from the seed
    /// that both hold.
    pub fn derive(&mut self, bits: u128, out: &mut [Block]) {
        match self {
            Engine::Garbler(garbler) => garbler.derive(bits, out),
            Engine::Evaluator(evaluator) => evaluator.derive(out),
        }
    }

    /// Makes labels for bits that both know.
    pub fn public(&self, bits: u128, out: &mut [Block]) {
        match self {
            Engine::Garbler(garbler) => garbler.public(bits, out),
            Engine::Evaluator(_) => out.fill(Block::ZERO),
        }
    }
}

/// The bit, for every instance.
fn all(bit: bool) -> u128 {
    u128::from(bit).wrapping_neg()
}

#[cfg(test)]
mod attack;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use keys::TAKEN;
