//! The client: the party with the key, which encrypts its share and decrypts the server's responses.
//!
//! Follows Cheetah (USENIX Security 2022), section 3, and BFV with a secret key (ePrint 2012/144). For a semi-honest
//! server, which sees ring-LWE samples. The uniform half of each ciphertext is sent as a seed.

use motet_program::lattice::{N, PRIME_BITS, Product, half_len, packed_len, public_key_len};
use zeroize::Zeroizing;

use super::bits::{pack, unpack};
use super::length::check_elements;
use super::modulus::{Modulus, PRIMES};
use super::ntt::Ntt;
use super::rns::{Basis, round, transforms};
use super::{RlweError, sample};
use crate::crypto::{Block, Prg};
use crate::memcheck;

/// The key, wiped on drop.
pub struct SecretKey {
    /// Transformed, prime after prime.
    s: Zeroizing<Vec<u64>>,
}

/// Primes that a decryption computes in: their product is greater than `2·N·2^76`, which bounds the key times a switched
/// half, so that the product is exact.
const DECRYPTION_PRIMES: usize = 2;

impl SecretKey {
    /// A fresh key: uniform in {−1, 0, 1}.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn generate() -> Result<Self, RlweError> {
        let ternary = sample::ternary(&mut Prg::from_os()?);
        let mut s = Zeroizing::new(vec![0; PRIMES.len() * N]);
        for (ntt, s) in transforms().iter().zip(s.chunks_exact_mut(N)) {
            embed(&ntt.modulus, &ternary, s);
            ntt.forward(s);
        }
        Ok(SecretKey { s })
    }

    /// A public key to this one, with which a server makes encryptions of zero; once for a session.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn public_key(&self) -> Result<Vec<u8>, RlweError> {
        let mut prg = Prg::from_os()?;
        let seed = memcheck::shown(prg.block());
        let mut bytes = Vec::with_capacity(public_key_len());
        bytes.extend_from_slice(&seed.to_bytes());
        let errors = sample::errors(&mut prg);
        for (prime, ntt) in transforms().iter().enumerate() {
            let mut message = Zeroizing::new(vec![0; N]);
            embed(&ntt.modulus, &errors, &mut message);
            self.encrypt_part(ntt, prime, seed, prime as u64, &mut message, &mut bytes);
        }
        Ok(bytes)
    }

    /// Encrypts x, whose elements count modulo the ring; `send` is called with one part of the request after another.
    ///
    /// # Errors
    /// Where x has another length than its layer, the system gives no randomness, or `send` fails.
    pub fn encrypt<E: From<RlweError>>(
        &self,
        product: &Product,
        x: &[u64],
        mut send: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        check_elements("x", product.layer().x_len(), x.len())?;
        let primes = product.parameters().primes();
        let basis = Basis::new(primes, product.parameters().ring_bits());
        let mut prg = Prg::from_os().map_err(RlweError::from)?;
        let seed = memcheck::shown(prg.block());
        send(&seed.to_bytes())?;
        let mut bytes = Vec::with_capacity(primes * half_len());
        let mut message = Zeroizing::new(vec![0; primes * N]);
        let mut index = 0;
        for item_tile in 0..product.tiling().item_tiles() {
            for input_tile in 0..product.tiling().input_tiles() {
                let errors = sample::errors(&mut prg);
                for (ntt, message) in transforms().iter().zip(message.chunks_exact_mut(N)) {
                    embed(&ntt.modulus, &errors, message);
                }
                product.tiling().for_x(item_tile, input_tile, |place, element| {
                    let encoded = basis.encode(x[element] & product.ring_mask());
                    for (prime, encoded) in encoded.enumerate() {
                        let coefficient = &mut message[prime * N + place];
                        *coefficient = transforms()[prime].modulus.add(*coefficient, encoded);
                    }
                });
                for (prime, message) in message.chunks_exact_mut(N).enumerate() {
                    self.encrypt_part(&transforms()[prime], prime, seed, index, message, &mut bytes);
                    index += 1;
                }
                send(&bytes)?;
                bytes.clear();
            }
        }
        Ok(())
    }

    /// Appends `message − a·s`, transformed, modulo one prime, with a the seed's uniform polynomial `index`.
    fn encrypt_part(&self, ntt: &Ntt, prime: usize, seed: Block, index: u64, message: &mut [u64], bytes: &mut Vec<u8>) {
        ntt.forward(message);
        let mut a = vec![0; N];
        sample::uniform(seed, index, &ntt.modulus, &mut a);
        let mut hidden = Zeroizing::new(vec![0; N]);
        ntt.add_products(&[(&a, &self.s[prime * N..][..N])], &mut hidden);
        pack(bytes, PRIME_BITS, message.iter().zip(hidden.iter()).map(|(m, h)| ntt.modulus.sub(*m, *h).into()));
    }

    /// The client's share of y from the server's response, whose parts `receive` reads. Any bytes give some share.
    ///
    /// # Errors
    /// Where `receive` fails.
    pub fn decrypt<E>(
        &self,
        product: &Product,
        mut receive: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Zeroizing<Vec<u64>>, E> {
        let parameters = product.parameters();
        let (ring_bits, value_bits) = (parameters.ring_bits(), parameters.value_bits());
        let mut y = Zeroizing::new(vec![0; product.layer().y_len()]);
        let (mut mask, mut packed) = (vec![0; product.mask_len()], Vec::new());
        let tiling = product.tiling();
        for (item_tile, output_tile) in product.downloads() {
            receive(&mut mask)?;
            packed.resize(packed_len(tiling.values(item_tile, output_tile), value_bits), 0);
            receive(&mut packed)?;
            let hidden = self.times(parameters.mask_bits(), &mask);
            let mut packed = unpack(&packed, value_bits);
            tiling.for_y(item_tile, output_tile, |place, element| {
                let value = packed.next().unwrap_or(0) << (128 - value_bits);
                y[element] = round(value.wrapping_add(hidden[place]), ring_bits) as u64;
            });
        }
        Ok(y)
    }

    /// The key times a polynomial mod 2^bits that is packed, as fractions of 2^bits in units of 2^-128.
    fn times(&self, bits: u32, packed: &[u8]) -> Zeroizing<Vec<u128>> {
        let mut products = Zeroizing::new(vec![0; DECRYPTION_PRIMES * N]);
        let mut residues = vec![0; N];
        for (prime, product) in products.chunks_exact_mut(N).enumerate() {
            let ntt = &transforms()[prime];
            for (residue, coefficient) in residues.iter_mut().zip(unpack(packed, bits)) {
                *residue = ntt.modulus.reduce_wide(coefficient);
            }
            ntt.forward(&mut residues);
            ntt.add_products(&[(&residues, &self.s[prime * N..][..N])], product);
            ntt.inverse(product);
        }
        // Garner: the integer of least magnitude with both residues, mod 2^128 and then mod 2^bits.
        let (first, second) = (transforms()[0].modulus, transforms()[1].modulus);
        let inverse = second.inverse(first.q % second.q);
        let whole = first.q as u128 * second.q as u128;
        let (low, high) = products.split_at(N);
        let combine = |(low, high): (&u64, &u64)| {
            let digit = second.mul(second.sub(*high, Modulus::below(*low, second.q)), inverse);
            let value = *low as u128 + first.q as u128 * digit as u128;
            let negative = ((whole / 2).wrapping_sub(value) >> 127).wrapping_neg();
            value.wrapping_sub(whole & negative) << (128 - bits)
        };
        Zeroizing::new(low.iter().zip(high).map(combine).collect())
    }

    /// The phase `c₀ + c₁·s` of a ciphertext modulo each prime, for measuring noise.
    #[cfg(test)]
    pub(super) fn phase(&self, c0: &[u64], c1: &[u64]) -> Vec<u64> {
        let mut phase = vec![0; c0.len()];
        for (prime, phase) in phase.chunks_exact_mut(N).enumerate() {
            let ntt = &transforms()[prime];
            let mut c1 = c1[prime * N..][..N].to_vec();
            ntt.forward(&mut c1);
            ntt.add_products(&[(&c1, &self.s[prime * N..][..N])], phase);
            ntt.inverse(phase);
            for (phase, c0) in phase.iter_mut().zip(&c0[prime * N..]) {
                *phase = ntt.modulus.add(*phase, *c0);
            }
        }
        phase
    }
}

/// Small coefficients modulo a prime.
pub(super) fn embed(modulus: &Modulus, small: &[i64], out: &mut [u64]) {
    for (out, small) in out.iter_mut().zip(small) {
        *out = modulus.small(*small);
    }
}
