//! The server: the party with the weights, which computes on the client's ciphertexts.
//!
//! Follows Cheetah (USENIX Security 2022), section 3: the product in the transformed domain, a fresh public-key
//! encryption of zero, a mask (the server's share), flooding (see `lattice/params.rs` of the program crate), fewer bits, and of the one half of the
//! ciphertext only the coefficients that hold elements of y. For a semi-honest client, which knows its key, its
//! ciphertexts and their noise, and is to learn nothing of the weights.

use motet_program::lattice::{N, PRIME_BITS, Product, SEED, half_len, public_key_len};
use zeroize::Zeroizing;

use super::bits::{pack, unpack};
use super::client::embed;
use super::length::{check_elements, check_length};
use super::modulus::PRIMES;
use super::rns::{Basis, transforms};
use super::{RlweError, sample};
use crate::crypto::{Block, Prg};

/// A client's public key.
pub struct PublicKey {
    /// Both halves, transformed, prime after prime.
    halves: [Vec<u64>; 2],
}

impl PublicKey {
    /// Reads a public key as [`super::SecretKey::public_key`] wrote it.
    ///
    /// # Errors
    /// Where it has another length, or a coefficient that is not reduced.
    pub fn decode(bytes: &[u8]) -> Result<Self, RlweError> {
        check_length("public key", public_key_len(), bytes.len())?;
        let (seed, rest) = seed(bytes);
        let mut halves = [vec![0; PRIMES.len() * N], vec![0; PRIMES.len() * N]];
        read_ciphertext("public key", seed, 0, rest, &mut halves)?;
        Ok(PublicKey { halves })
    }
}

/// A server's weights, encoded once for a product; wiped on drop.
pub struct Weights {
    product: Product,
    /// Transformed polynomials: of a tile, prime after prime; tiles by output, then input.
    encoded: Zeroizing<Vec<u64>>,
}

/// A response before it is switched to fewer bits, modulo each prime.
pub(super) struct Response {
    pub(super) halves: [Zeroizing<Vec<u64>>; 2],
}

impl Weights {
    /// Encodes w, whose elements count modulo the ring and there as signed numbers.
    ///
    /// # Errors
    /// Where w has another length than its layer, or an element is greater than the parameters say.
    pub fn prepare(product: &Product, w: &[u64]) -> Result<Self, RlweError> {
        check_elements("w", product.layer().w_len(), w.len())?;
        let parameters = product.parameters();
        let spare = 64 - parameters.ring_bits();
        let signed = |w: u64| ((w << spare) as i64) >> spare;
        let bits = parameters.weight_bits();
        if let Some(index) = w.iter().position(|w| signed(*w).unsigned_abs() > 1 << bits) {
            return Err(RlweError::Weight { index, bits });
        }
        let size = parameters.primes() * N;
        let tiles = product.tiling().output_tiles() * product.tiling().input_tiles();
        let mut encoded = Zeroizing::new(vec![0; tiles * size]);
        for (tile, encoded) in encoded.chunks_exact_mut(size).enumerate() {
            let (output_tile, input_tile) =
                (tile / product.tiling().input_tiles(), tile % product.tiling().input_tiles());
            product.tiling().for_w(input_tile, output_tile, |place, element| {
                for (ntt, encoded) in transforms().iter().zip(encoded.chunks_exact_mut(N)) {
                    encoded[place] = ntt.modulus.signed(signed(w[element]).into());
                }
            });
            for (ntt, encoded) in transforms().iter().zip(encoded.chunks_exact_mut(N)) {
                ntt.forward(encoded);
            }
        }
        Ok(Weights { product: *product, encoded })
    }

    /// The response to a request, and the server's share of y: uniform in the ring.
    ///
    /// # Errors
    /// Where the request has another length than the product needs or a coefficient that is not reduced, or the system
    /// gives no randomness.
    pub fn respond(&self, key: &PublicKey, request: &[u8]) -> Result<(Vec<u8>, Zeroizing<Vec<u64>>), RlweError> {
        let product = &self.product;
        check_length("request", product.request_len(), request.len())?;
        let basis = Basis::new(product.parameters().primes(), product.parameters().ring_bits());
        let mut prg = Prg::from_os()?;
        let mut share = sample::words(&mut prg, product.layer().y_len());
        share.iter_mut().for_each(|share| *share &= product.ring_mask());
        let mut response = Vec::with_capacity(product.response_len());
        for item_tile in 0..product.tiling().item_tiles() {
            let uploads = self.read_uploads(request, item_tile)?;
            for output_tile in 0..product.tiling().output_tiles() {
                let mut sum = self.multiply(key, &uploads, output_tile, &mut prg);
                self.cover(&basis, (item_tile, output_tile), &share, &mut sum, &mut prg);
                self.write(&basis, (item_tile, output_tile), &sum, &mut response);
            }
        }
        Ok((response, share))
    }

    /// The ciphertexts of an item tile, one for each input tile.
    fn read_uploads(&self, request: &[u8], item_tile: usize) -> Result<Vec<[Vec<u64>; 2]>, RlweError> {
        let primes = self.product.parameters().primes();
        let (seed, rest) = seed(request);
        let inputs = self.product.tiling().input_tiles();
        let read = |upload: usize| {
            let mut halves = [vec![0; primes * N], vec![0; primes * N]];
            let bytes = &rest[upload * primes * half_len()..];
            read_ciphertext("request", seed, (upload * primes) as u64, bytes, &mut halves)?;
            Ok(halves)
        };
        (item_tile * inputs..(item_tile + 1) * inputs).map(read).collect()
    }

    /// The sum of products for an output tile, plus an encryption of zero but for the error of its first half, which the
    /// flooding is.
    pub(super) fn multiply(
        &self,
        key: &PublicKey,
        uploads: &[[Vec<u64>; 2]],
        output_tile: usize,
        prg: &mut Prg,
    ) -> Response {
        let primes = self.product.parameters().primes();
        let (small, errors) = (sample::ternary(prg), sample::errors(prg));
        let mut halves = [0, 1].map(|_| Zeroizing::new(vec![0; primes * N]));
        let mut u = Zeroizing::new(vec![0; N]);
        for (prime, ntt) in transforms()[..primes].iter().enumerate() {
            let range = prime * N..(prime + 1) * N;
            embed(&ntt.modulus, &small, &mut u);
            ntt.forward(&mut u);
            for (half, sum) in halves.iter_mut().enumerate() {
                let tiles = self.encoded.chunks_exact(primes * N).skip(output_tile * uploads.len());
                let pairs =
                    uploads.iter().zip(tiles).map(|(upload, w)| (&upload[half][range.clone()], &w[range.clone()]));
                let zero = (&key.halves[half][range.clone()], u.as_slice());
                let pairs: Vec<(&[u64], &[u64])> = pairs.chain([zero]).collect();
                let sum = &mut sum[range.clone()];
                ntt.add_products(&pairs, sum);
                ntt.inverse(sum);
            }
            for (sum, error) in halves[1][range].iter_mut().zip(errors.iter()) {
                *sum = ntt.modulus.add(*sum, ntt.modulus.small(*error));
            }
        }
        Response { halves }
    }

    /// Subtracts the server's share from the elements of y, and floods their noise.
    pub(super) fn cover(
        &self,
        basis: &Basis,
        (item_tile, output_tile): (usize, usize),
        share: &[u64],
        sum: &mut Response,
        prg: &mut Prg,
    ) {
        let flood_bits = self.product.parameters().flood_bits();
        let powers: Vec<[u64; 3]> = transforms()
            .iter()
            .map(|ntt| [64, 128, flood_bits.into()].map(|exponent| ntt.modulus.pow(2, exponent)))
            .collect();
        let mut elements = 0;
        self.product.tiling().for_y(item_tile, output_tile, |_, _| elements += 1);
        let flood = sample::words(prg, WORDS * elements);
        let mut flood = flood.chunks_exact(WORDS);
        self.product.tiling().for_y(item_tile, output_tile, |place, element| {
            let mask = share[element].wrapping_neg() & self.product.ring_mask();
            let words = low_bits(flood.next().unwrap_or(&[0; WORDS]), flood_bits + 1);
            for (prime, encoded) in basis.encode(mask).enumerate() {
                let (modulus, [two64, two128, centre]) = (transforms()[prime].modulus, powers[prime]);
                let part = |word: u64, power| modulus.mul(modulus.reduce_wide(word.into()), power);
                let noise = modulus.add(part(words[0], 1), modulus.add(part(words[1], two64), part(words[2], two128)));
                let value = &mut sum.halves[0][prime * N + place];
                *value = modulus.add(modulus.add(*value, encoded), modulus.sub(noise, centre));
            }
        });
    }

    /// Appends a response in fewer bits: one half whole, of the other the elements of y.
    fn write(&self, basis: &Basis, (item_tile, output_tile): (usize, usize), sum: &Response, response: &mut Vec<u8>) {
        let parameters = self.product.parameters();
        let switch =
            |half: usize, bits, place| basis.switch(bits, sum.halves[half].iter().skip(place).step_by(N).copied());
        pack(response, parameters.mask_bits(), (0..N).map(|place| switch(1, parameters.mask_bits(), place)));
        let mut values = Vec::new();
        self.product.tiling().for_y(item_tile, output_tile, |place, _| {
            values.push(switch(0, parameters.value_bits(), place));
        });
        pack(response, parameters.value_bits(), values.into_iter());
    }

    #[cfg(test)]
    pub(super) fn uploads(&self, request: &[u8], item_tile: usize) -> Vec<[Vec<u64>; 2]> {
        self.read_uploads(request, item_tile).unwrap()
    }
}

/// Words of randomness for one flooding.
const WORDS: usize = 3;

/// The `bits` low bits of a number.
fn low_bits(words: &[u64], bits: u32) -> [u64; WORDS] {
    std::array::from_fn(|word| {
        let have = bits.saturating_sub(64 * word as u32).min(64);
        words[word] & u64::MAX.checked_shr(64 - have).unwrap_or(0)
    })
}

/// The seed at the start of a message that is long enough, and the rest.
fn seed(message: &[u8]) -> (Block, &[u8]) {
    let mut seed = [0; SEED];
    let (front, rest) = message.split_at(SEED);
    seed.copy_from_slice(front);
    (Block::from_bytes(seed), rest)
}

/// Reads a ciphertext: one half from the bytes, the other from the seed's polynomials from `index` on.
fn read_ciphertext(
    what: &'static str,
    seed: Block,
    index: u64,
    bytes: &[u8],
    [c0, c1]: &mut [Vec<u64>; 2],
) -> Result<(), RlweError> {
    let parts = c0.chunks_exact_mut(N).zip(c1.chunks_exact_mut(N)).zip(bytes.chunks_exact(half_len()));
    for (prime, ((c0, c1), bytes)) in parts.enumerate() {
        let modulus = &transforms()[prime].modulus;
        for (coefficient, value) in c0.iter_mut().zip(unpack(bytes, PRIME_BITS)) {
            *coefficient = value as u64;
        }
        if c0.iter().any(|coefficient| *coefficient >= modulus.q) {
            return Err(RlweError::Coefficient { what });
        }
        sample::uniform(seed, index + prime as u64, modulus, c1);
    }
    Ok(())
}
