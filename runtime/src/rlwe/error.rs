//! What can go wrong in an encrypted product.

use motet_program::lattice::Unfit;

use crate::crypto::RandomError;

/// Why an encrypted product failed.
#[derive(Debug, thiserror::Error)]
pub enum RlweError {
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// No encrypted product has the shape.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A tensor has another number of elements than its layer.
    #[error("{what}: {got} elements where the layer has {expected}")]
    Elements {
        /// Which tensor.
        what: &'static str,
        /// As the layer has it.
        expected: usize,
        /// As it was given.
        got: usize,
    },
    /// A weight is greater than the parameters, which both parties know, say.
    #[error("weight {index} is greater than 2^{bits}")]
    Weight {
        /// Its place in the tensor.
        index: usize,
        /// Bits of a weight's magnitude.
        bits: u32,
    },
    /// A message has the wrong length.
    #[error("{what}: {got} bytes where the layer needs {expected}")]
    Length {
        /// Which message.
        what: &'static str,
        /// As the layer needs it.
        expected: usize,
        /// As it came.
        got: usize,
    },
    /// A message holds a coefficient that is not reduced.
    #[error("{what}: a coefficient is out of range")]
    Coefficient {
        /// Which message.
        what: &'static str,
    },
}
