//! Sizes of linear layers under lattice-based encryption: how a layer is cut into polynomials, with which modulus, and so
//! how long every message is. Pure arithmetic: the plan weighs it, and both parties derive the same from it. What computes
//! with it, and the papers, are in the runtime's `rlwe`.

mod layer;
mod params;
mod product;
mod tiling;

use thiserror::Error;

pub use layer::Layer;
pub use params::{ERROR_COINS, Parameters};
pub use product::{Product, SEED, half_len, public_key_len};
pub use tiling::Tiling;

/// Degree of the polynomials: all arithmetic is modulo X^N + 1.
pub const N: usize = 8192;
/// Bits of a prime of the modulus.
pub const PRIME_BITS: u32 = 50;
/// Most primes in a modulus; products take one less where they can.
pub const MOST_PRIMES: usize = 4;

/// Why no encrypted product has a shape.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// A layer's shape makes no sense, or its parts do not fit into a polynomial.
    #[error("no encrypted product has this shape: {0}")]
    Shape(&'static str),
    /// Ring, weights and flooding need more room than the largest secure modulus has.
    #[error("weights of {weight_bits} bits in a ring of {ring_bits} leave no room for the noise that must cover them")]
    Room {
        /// Bits of the ring.
        ring_bits: u32,
        /// Bits of a weight's magnitude.
        weight_bits: u32,
    },
}

/// Bytes for `count` values of `bits` bits, packed.
pub fn packed_len(count: usize, bits: u32) -> usize {
    (count * bits as usize).div_ceil(8)
}
