//! The server: the party with the weights, which computes on the client's ciphertexts.
//!
//! Follows Cheetah (USENIX Security 2022), section 3: the product in the transformed domain, a fresh public-key
//! encryption of zero, a mask (the server's share), flooding (see `lattice/params.rs` of the program crate), fewer bits, and of the one half of the
//! ciphertext only the coefficients that hold elements of y. For a semi-honest client, which knows its key, its
//! ciphertexts and their noise, and is to learn nothing of the weights.

use std::ops::Range;

use motet_program::lattice::{N, PRIME_BITS, Product, SEED, half_len, public_key_len};
use zeroize::Zeroizing;

use super::bits::{pack, unpack};
use super::client::embed;
use super::length::{check_elements, check_length};
use super::modulus::PRIMES;
use super::ntt::{LAZY_TERMS, Ntt};
use super::rns::{Basis, transforms};
use super::{RlweError, sample};
use crate::crypto::{Block, Prg};
use crate::memcheck;

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

/// Bytes of encoded weights that are kept where a product uses them more than once.
const KEPT: usize = 64 << 20;

/// A server's weights for a product; wiped on drop.
pub struct Weights {
    product: Product,
    /// As signed numbers.
    w: Zeroizing<Vec<i64>>,
    /// All encoded, where that pays: polynomials by group, output tile, prime, and input tile.
    kept: Option<Zeroizing<Vec<u64>>>,
}

/// A response before it is switched to fewer bits, modulo each prime.
pub(super) struct Response {
    pub(super) halves: [Zeroizing<Vec<u64>>; 2],
}

/// The coefficients of an output tile's polynomials that may be other than zero.
struct Tile {
    /// For each input tile: their places and values.
    coefficients: Vec<Zeroizing<Vec<(usize, i64)>>>,
    /// All are before this.
    low: usize,
}

impl Tile {
    /// Encodes some input tiles modulo one prime, one after another.
    fn encode(&self, input_tiles: Range<usize>, ntt: &Ntt, encoded: &mut [u64]) {
        for (coefficients, encoded) in self.coefficients[input_tiles].iter().zip(encoded.chunks_exact_mut(N)) {
            encoded[..self.low].fill(0);
            coefficients.iter().for_each(|(place, w)| encoded[*place] = ntt.modulus.signed((*w).into()));
            ntt.forward_low(encoded, self.low);
        }
    }
}

impl Weights {
    /// Takes w, whose elements count modulo the ring and there as signed numbers.
    ///
    /// # Errors
    /// Where w has another length than its layer, or an element is greater than the parameters say.
    pub fn prepare(product: &Product, w: &[u64]) -> Result<Self, RlweError> {
        check_elements("w", product.layer().w_len(), w.len())?;
        let parameters = product.parameters();
        let spare = 64 - parameters.ring_bits();
        let w: Zeroizing<Vec<i64>> = Zeroizing::new(w.iter().map(|w| ((w << spare) as i64) >> spare).collect());
        let bits = parameters.weight_bits();
        // All are looked at, whichever is too great.
        let too_great = w.iter().fold(false, |any, w| any | (w.unsigned_abs() > 1 << bits));
        if memcheck::shown(too_great) {
            let index = w.iter().position(|w| w.unsigned_abs() > 1 << bits).unwrap_or(0);
            return Err(RlweError::Weight { index, bits });
        }
        let mut weights = Weights { product: *product, w, kept: None };
        let tiling = product.tiling();
        let tiles = (product.layer().groups * tiling.output_tiles()).saturating_mul(tiling.input_tiles());
        let words = tiles.saturating_mul(parameters.primes() * N);
        if tiling.item_tiles_of_group() > 1 && words <= KEPT / size_of::<u64>() {
            let mut kept = Zeroizing::new(vec![0; words]);
            let size = tiling.input_tiles() * N;
            for (tile, kept) in kept.chunks_exact_mut(parameters.primes() * size).enumerate() {
                let tile = weights.tile(tile / tiling.output_tiles(), tile % tiling.output_tiles());
                for (ntt, kept) in transforms().iter().zip(kept.chunks_exact_mut(size)) {
                    tile.encode(0..tiling.input_tiles(), ntt, kept);
                }
            }
            weights.kept = Some(kept);
        }
        Ok(weights)
    }

    fn tile(&self, group: usize, output_tile: usize) -> Tile {
        let tiling = self.product.tiling();
        let mut low = 1;
        let coefficients = (0..tiling.input_tiles()).map(|input_tile| {
            let mut found = Zeroizing::new(Vec::new());
            tiling.for_w(group, input_tile, output_tile, |place, element| {
                found.push((place, self.w[element]));
                low = low.max(place + 1);
            });
            found
        });
        Tile { coefficients: coefficients.collect(), low }
    }

    /// Responds to a request: `send` is called with one part after another. Gives the server's share of y, which is uniform
    /// in the ring.
    ///
    /// # Errors
    /// Where the request has another length than the product needs or a coefficient that is not reduced, the system gives
    /// no randomness, or `send` fails.
    pub fn respond<E: From<RlweError>>(
        &self,
        key: &PublicKey,
        request: &[u8],
        mut send: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Zeroizing<Vec<u64>>, E> {
        let product = &self.product;
        let tiling = product.tiling();
        check_length("request", product.request_len(), request.len())?;
        let basis = Basis::new(product.parameters().primes(), product.parameters().ring_bits());
        let mut prg = Prg::from_os().map_err(RlweError::from)?;
        let mut share = sample::words(&mut prg, product.layer().y_len());
        share.iter_mut().for_each(|share| *share &= product.ring_mask());
        let mut part = Vec::new();
        let mut uploads = self.uploads();
        let mut work = Work::new(product);
        for item_tile in 0..tiling.item_tiles() {
            self.read_uploads(request, item_tile, &mut uploads)?;
            for output_tile in 0..tiling.output_tiles() {
                self.multiply(key, &uploads, (item_tile, output_tile), &mut work, &mut prg);
                self.cover(&basis, (item_tile, output_tile), &share, &mut work.response, &mut prg);
                self.write(&basis, (item_tile, output_tile), &work.response, &mut part);
                send(&part)?;
                part.clear();
            }
        }
        Ok(share)
    }

    /// Room for the ciphertexts of an item tile, one for each input tile.
    pub(super) fn uploads(&self) -> Vec<[Vec<u64>; 2]> {
        let size = self.product.parameters().primes() * N;
        (0..self.product.tiling().input_tiles()).map(|_| [vec![0; size], vec![0; size]]).collect()
    }

    /// Reads the ciphertexts of an item tile.
    pub(super) fn read_uploads(
        &self,
        request: &[u8],
        item_tile: usize,
        uploads: &mut [[Vec<u64>; 2]],
    ) -> Result<(), RlweError> {
        let primes = self.product.parameters().primes();
        let (seed, rest) = seed(request);
        let first = item_tile * uploads.len();
        for (upload, halves) in (first..).zip(uploads) {
            let bytes = &rest[upload * primes * half_len()..];
            read_ciphertext("request", seed, (upload * primes) as u64, bytes, halves)?;
        }
        Ok(())
    }

    /// Leaves in `work` the sum of products for an item tile and an output tile, plus an encryption of zero but for the error of its first
    /// half, which the flooding is.
    pub(super) fn multiply(
        &self,
        key: &PublicKey,
        uploads: &[[Vec<u64>; 2]],
        (item_tile, output_tile): (usize, usize),
        work: &mut Work,
        prg: &mut Prg,
    ) {
        let primes = self.product.parameters().primes();
        let tiling = self.product.tiling();
        let group = item_tile / tiling.item_tiles_of_group();
        let (small, errors) = (sample::ternary(prg), sample::errors(prg));
        let tile = self.kept.is_none().then(|| self.tile(group, output_tile));
        let Work { response, u, encoded } = work;
        for (prime, ntt) in transforms()[..primes].iter().enumerate() {
            let range = prime * N..(prime + 1) * N;
            embed(&ntt.modulus, &small, u);
            ntt.forward(u);
            for (half, sum) in response.halves.iter_mut().enumerate() {
                let sum = &mut sum[range.clone()];
                sum.fill(0);
                ntt.add_products(&[(&key.halves[half][range.clone()], u.as_slice())], sum);
            }
            for first in (0..uploads.len()).step_by(LAZY_TERMS) {
                let inputs = first..(first + LAZY_TERMS).min(uploads.len());
                let encoded = match (&tile, &self.kept) {
                    (Some(tile), _) => {
                        tile.encode(inputs.clone(), ntt, encoded);
                        &encoded[..inputs.len() * N]
                    }
                    (_, kept) => {
                        let tile = group * tiling.output_tiles() + output_tile;
                        let start = (tile * primes + prime) * uploads.len() + first;
                        let kept = kept.as_deref().map_or(&[][..], Vec::as_slice);
                        &kept[start * N..(start + inputs.len()) * N]
                    }
                };
                for (half, sum) in response.halves.iter_mut().enumerate() {
                    let uploads = uploads[inputs.clone()].iter().map(|upload| &upload[half][range.clone()]);
                    let pairs: Vec<(&[u64], &[u64])> = uploads.zip(encoded.chunks_exact(N)).collect();
                    ntt.add_products(&pairs, &mut sum[range.clone()]);
                }
            }
            response.halves.iter_mut().for_each(|sum| ntt.inverse(&mut sum[range.clone()]));
            for (sum, error) in response.halves[1][range].iter_mut().zip(errors.iter()) {
                *sum = ntt.modulus.add(*sum, ntt.modulus.small(*error));
            }
        }
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
            .map(|ntt| {
                let centre = ntt.modulus.mul(3, ntt.modulus.pow(2, u64::from(flood_bits) - 1));
                [ntt.modulus.pow(2, 64), ntt.modulus.pow(2, 128), centre]
            })
            .collect();
        let mut elements = 0;
        self.product.tiling().for_y(item_tile, output_tile, |_, _| elements += 1);
        let flood = sample::words(prg, 3 * WORDS * elements);
        let mut flood = flood.chunks_exact(3 * WORDS);
        self.product.tiling().for_y(item_tile, output_tile, |place, element| {
            let mask = share[element].wrapping_neg() & self.product.ring_mask();
            let words = sum_of_three(flood.next().unwrap_or(&[0; 3 * WORDS]), flood_bits);
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
}

/// Buffers of a response, used for one tile after another.
pub(super) struct Work {
    pub(super) response: Response,
    /// A transformed polynomial of the encryption of zero.
    u: Zeroizing<Vec<u64>>,
    /// Weights encoded where they are used.
    encoded: Zeroizing<Vec<u64>>,
}

impl Work {
    pub(super) fn new(product: &Product) -> Self {
        let size = product.parameters().primes() * N;
        Work {
            response: Response { halves: [0, 1].map(|_| Zeroizing::new(vec![0; size])) },
            u: Zeroizing::new(vec![0; N]),
            encoded: Zeroizing::new(vec![0; LAZY_TERMS.min(product.tiling().input_tiles()) * N]),
        }
    }
}

/// Words of a number of as many bits as flooding has.
const WORDS: usize = 3;

/// The sum of three numbers of so many bits: flooding, but for its centre.
fn sum_of_three(random: &[u64], bits: u32) -> [u64; WORDS] {
    random.chunks_exact(WORDS).fold([0; WORDS], |sum, words| add(sum, low_bits(words, bits)))
}

/// The sum of two numbers that leave room for it.
fn add(a: [u64; WORDS], b: [u64; WORDS]) -> [u64; WORDS] {
    let mut carry = 0;
    std::array::from_fn(|word| {
        let sum = u128::from(a[word]) + u128::from(b[word]) + carry;
        carry = sum >> 64;
        sum as u64
    })
}

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
