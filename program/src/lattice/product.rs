//! An encrypted product as both parties agree on it: a layer, its parameters, its tiles, and so the length of every
//! message.

use super::params::mask_bits;
use super::tiling::Sizes;
use super::{Layer, MOST_PRIMES, N, PRIME_BITS, Parameters, Tiling, Unfit, packed_len};

/// A product that both parties have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    tiling: Tiling,
    parameters: Parameters,
}

/// Bytes of a seed.
pub const SEED: usize = 16;

impl Product {
    /// For x and y mod 2^`ring_bits`, weights of magnitude at most 2^`weight_bits` (as their type, not their values,
    /// bounds them), and `revealed` elements of y over all products of a run (at least this one's are assumed).
    ///
    /// # Errors
    /// Where the shape makes no sense, or the numbers leave no room for the noise.
    pub fn new(layer: Layer, ring_bits: u32, weight_bits: u32, revealed: u64) -> Result<Self, Unfit> {
        layer.check()?;
        let revealed = revealed.max(layer.y_len() as u64);
        let with = |primes| {
            let upload = primes * N * PRIME_BITS as usize;
            let tiling = Tiling::search(layer, Sizes { upload, download: N * mask_bits(ring_bits) as usize })?;
            let parameters = Parameters::new(primes, ring_bits, weight_bits, tiling.terms(), revealed)?;
            Ok(Product { tiling, parameters })
        };
        with(MOST_PRIMES - 1).or_else(|_: Unfit| with(MOST_PRIMES))
    }

    /// The layer.
    pub fn layer(&self) -> &Layer {
        self.tiling.layer()
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// How the layer is cut.
    pub fn tiling(&self) -> &Tiling {
        &self.tiling
    }

    /// Bytes of a request.
    pub fn request_len(&self) -> usize {
        let uploads = self.tiling.item_tiles() * self.tiling.input_tiles();
        SEED + uploads * self.parameters.primes() * half_len()
    }

    /// Bytes of a response.
    pub fn response_len(&self) -> usize {
        let values = |(item_tile, output_tile)| self.tiling.values(item_tile, output_tile);
        let bytes = |tile| self.mask_len() + packed_len(values(tile), self.parameters.value_bits());
        self.downloads().map(bytes).sum()
    }

    /// Bytes of a downloaded ciphertext's other half.
    pub fn mask_len(&self) -> usize {
        packed_len(N, self.parameters.mask_bits())
    }

    /// The item tile and the output tile of each downloaded ciphertext, in order.
    pub fn downloads(&self) -> impl Iterator<Item = (usize, usize)> {
        let outputs = self.tiling.output_tiles();
        (0..self.tiling.item_tiles()).flat_map(move |item_tile| (0..outputs).map(move |tile| (item_tile, tile)))
    }

    /// Elements of the ring from their low bits.
    pub fn ring_mask(&self) -> u64 {
        u64::MAX >> (64 - self.parameters.ring_bits())
    }
}

/// Bytes of a polynomial modulo one prime.
pub fn half_len() -> usize {
    packed_len(N, PRIME_BITS)
}

/// Bytes of a public key.
pub fn public_key_len() -> usize {
    SEED + MOST_PRIMES * half_len()
}
