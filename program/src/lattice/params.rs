//! Parameters of the encryption: how they are chosen, what they are secure against, and how noise is bounded.
//!
//! *Security.* N = 8192, a uniform ternary key, errors of a centred binomial distribution with standard deviation 3.24.
//! The homomorphic-encryption standard (Albrecht and others, 2018, table 1: ternary secret, σ ≈ 3.2, classical) allows a
//! modulus of at most 218 bits for 128-bit security; the largest here has 200 (four primes just below 2^50). Public key
//! and ciphertexts are samples of the same modulus or of a divisor.
//!
//! *What the noise tells.* A client that knows its key and ciphertexts sees, for each element of y, the noise
//! `n = Σ w·(e + ε) + (pk's noise)·u − …`, with the errors `e` and the rounding errors `ε` of its own encryptions. The server
//! adds flooding: the sum of three independent uniform integers from `[0, 2^f)`, less `3·2^(f−1)`. Three, since the
//! distribution `p` of such a sum is smooth: `4^f·Σ (√p(k) − √p(k−1))²` tends to a quarter of the Fisher information of
//! the sum of three uniform numbers, 1.14, and stays below 2 (a test computes it). So the sum moved by `n` has with itself a
//! Bhattacharyya coefficient of at least `1 − n²/4^f`; over all values revealed in a run, each request's errors being fresh,
//! the coefficients multiply to at least `1 − Σ E[n²]/4^f`; and what the client sees is at most `√(2·Σ E[n²])/2^f` away from
//! what it would see without the noise, in the mean over its own errors, which it drew as the protocol says. So
//! `2^f ≥ 2^40·√(2·revealed·E[n²])` keeps all values of a run together within 2^-40 of values that do not depend on the
//! weights. (A single uniform integer would need 2^f to grow with the number of values rather than with its root, and
//! leave no room for training: 2^23 values of whole 64-bit shares instead of 2^34 and more.) What the client sees of the other half
//! of a ciphertext, and of the noise beyond this, is covered by the encryption of zero (Cheetah, section 3.4; Gentry's noise
//! flooding; distances of products of distributions by their Bhattacharyya coefficients: Tsybakov, *Introduction to
//! Nonparametric Estimation*, section 2.4).

use super::{MOST_PRIMES, N, PRIME_BITS, Unfit};

/// Bits of the largest modulus that the standard allows for N = 8192, 128 bits of security and a ternary secret.
const STANDARD_MODULUS_BITS: u32 = 218;
const _: () = assert!(MOST_PRIMES as u32 * PRIME_BITS <= STANDARD_MODULUS_BITS);
/// Bits that flooding is longer than what it covers, before the number of values.
const STATISTICAL_BITS: u32 = 40;
/// Error bits: the centred binomial distribution of 2·21 coins, of variance 10.5.
pub const ERROR_COINS: u32 = 21;

/// Parameters of a product, which both parties know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    ring_bits: u32,
    weight_bits: u32,
    primes: usize,
    flood_bits: u32,
}

impl Parameters {
    /// With a number of primes; for weights of magnitude at most 2^`weight_bits` (a public bound: their type's, not their
    /// values'), and `revealed` elements of y over all products of a run.
    ///
    /// # Errors
    /// Where these primes leave too little room.
    pub(super) fn new(
        primes: usize,
        ring_bits: u32,
        weight_bits: u32,
        terms: Terms,
        revealed: u64,
    ) -> Result<Self, Unfit> {
        let room = Unfit::Room { ring_bits, weight_bits };
        if !(1..=64).contains(&ring_bits) || weight_bits >= ring_bits || terms.errors.max(terms.roundings) >= 1 << 40 {
            return Err(room);
        }
        let noise = noise(weight_bits, terms);
        let flood_bits = ceil_log2(noise) + STATISTICAL_BITS + (ceil_log2(revealed.max(1).into()) + 1).div_ceil(2);
        // Decryption rounds correctly below Q/2^(ℓ+1). Flooding takes 3/8 of that, rounding to fewer bits (below) less
        // than 0.4 of it, and the noise itself almost nothing.
        if flood_bits + ring_bits + 3 > primes as u32 * PRIME_BITS {
            return Err(room);
        }
        Ok(Parameters { ring_bits, weight_bits, primes, flood_bits })
    }

    /// ℓ: bits of the ring.
    pub fn ring_bits(&self) -> u32 {
        self.ring_bits
    }

    /// Bits of a weight's magnitude.
    pub fn weight_bits(&self) -> u32 {
        self.weight_bits
    }

    /// Primes in the modulus.
    pub fn primes(&self) -> usize {
        self.primes
    }

    /// Bits of the modulus.
    pub fn modulus_bits(&self) -> u32 {
        self.primes as u32 * PRIME_BITS
    }

    /// f: flooding is the sum of three uniform integers from `[0, 2^f)`, less 3·2^(f−1).
    pub fn flood_bits(&self) -> u32 {
        self.flood_bits
    }

    /// Bits of a downloaded value: rounding costs half a unit, 2^-3 of the room.
    pub fn value_bits(&self) -> u32 {
        self.ring_bits + 3
    }

    /// Bits of a coefficient of a downloaded ciphertext's other half.
    pub fn mask_bits(&self) -> u32 {
        mask_bits(self.ring_bits)
    }
}

/// Bits of a coefficient of a downloaded ciphertext's half that the key multiplies: its N errors of at most half a unit
/// sum to more than `√(N·ln(2^81)/2) < 480` with probability below 2^-80 (Hoeffding), 0.24 of the room.
pub(super) fn mask_bits(ring_bits: u32) -> u32 {
    ring_bits + 12
}

/// How many terms the noise of an element of y sums up.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Errors of encryptions times weights. Every coefficient of a ciphertext has an error, so that all weights in the
    /// same polynomials count, also those that belong to other elements of y.
    pub(super) errors: usize,
    /// Rounding errors times weights: the products that the element itself is the sum of, since zeros are exact.
    pub(super) roundings: usize,
}

/// Bounds the root of the mean square of a product's noise before flooding; the noise itself is within 2^5 of this bound but with
/// probability 2^-80 (Hoeffding), and so next to nothing of the flooding.
///
/// A sum of errors, each of variance 10.5 and multiplied by at most 2^`weight_bits`, has that deviation times the root of
/// their number; a rounding error is at most ½. The encryption of zero adds at most `e·u + e₁·s` of 2·21·N.
fn noise(weight_bits: u32, terms: Terms) -> u128 {
    let (errors, roundings) = (terms.errors as u128, terms.roundings as u128);
    (((21 * errors / 2).isqrt() + 1 + roundings / 2 + 1) << weight_bits) + 2 * u128::from(ERROR_COINS) * N as u128
}

fn ceil_log2(x: u128) -> u32 {
    (x - 1).checked_ilog2().map_or(0, |bits| bits + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(primes: usize, ring_bits: u32, weight_bits: u32, terms: usize, revealed: u64) -> Option<Parameters> {
        Parameters::new(primes, ring_bits, weight_bits, Terms { errors: terms, roundings: terms }, revealed).ok()
    }

    #[test]
    fn every_modulus_is_one_that_the_standard_allows() {
        for ring_bits in 1..=64 {
            for weight_bits in 0..ring_bits {
                let parameters = with(4, ring_bits, weight_bits, 8192, 1 << 16).unwrap();
                assert!(parameters.modulus_bits() <= STANDARD_MODULUS_BITS);
                assert!(parameters.flood_bits >= weight_bits + 40 + 8);
                assert!(parameters.flood_bits + parameters.ring_bits + 3 <= parameters.modulus_bits());
            }
        }
    }

    #[test]
    fn small_weights_need_three_primes_and_whole_ring_elements_four() {
        assert!(with(3, 64, 20, 3 * 8192, 128).is_some());
        assert!(with(3, 64, 63, 1, 1).is_none());
        assert!(with(3, 32, 31, 8192, 128).is_some());
        assert!(with(4, 64, 63, 4000, 1 << 20).is_some());
        assert!(with(4, 64, 63, 4000, 1 << 34).is_some());
        assert!(with(4, 64, 63, 4000, 1 << 60).is_none());
        assert!(with(4, 65, 20, 1, 1).is_none());
        assert!(with(4, 0, 0, 1, 1).is_none());
    }

    /// `4^f·Σ (√p(k) − √p(k−1))²` of the sum of three uniform integers, on which the length of flooding rests.
    #[test]
    fn the_sum_of_three_uniform_integers_is_smooth() {
        for bits in 1..=10 {
            let m = 1usize << bits;
            let window = |p: &[f64]| -> Vec<f64> {
                (0..p.len() + m - 1).map(|k| p[k.saturating_sub(m - 1)..p.len().min(k + 1)].iter().sum()).collect()
            };
            let one = vec![1.0; m];
            let p: Vec<f64> = window(&window(&one)).iter().map(|ways| ways / (m as f64).powi(3)).collect();
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let roots: Vec<f64> = [0.0].into_iter().chain(p.iter().map(|p| p.sqrt())).chain([0.0]).collect();
            let steps: f64 = roots.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
            let smoothness = steps * (m as f64).powi(2);
            assert!(smoothness < 2.0, "{bits} bits: {smoothness}");
            if bits == 10 {
                assert!((smoothness - 1.1405).abs() < 0.01, "{smoothness}");
            }
        }
    }
}
