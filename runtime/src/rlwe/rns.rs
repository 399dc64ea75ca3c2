//! Polynomials modulo a product of primes, prime by prime: encoding of plaintexts, and the way back to the ring.

use std::sync::OnceLock;

use super::modulus::{Factor, Modulus, PRIMES};
use super::ntt::{Isa, Ntt};

/// The transforms modulo all primes, made at first use.
pub(super) fn transforms() -> &'static [Ntt] {
    static TRANSFORMS: OnceLock<Vec<Ntt>> = OnceLock::new();
    TRANSFORMS.get_or_init(|| {
        let isa = Isa::available()[0];
        PRIMES.iter().map(|q| Ntt::new(*q, isa)).collect()
    })
}

/// What one prime contributes.
struct Part {
    modulus: Modulus,
    /// `2^-ℓ mod q`.
    unscale: Factor,
    /// `(Q/q)^-1 mod q`.
    cofactor: Factor,
    /// `⌊2^177 / q⌋`.
    reciprocal: u128,
}

/// The modulus Q, a product of the first primes, with a ring mod 2^ℓ inside it.
pub(super) struct Basis {
    parts: Vec<Part>,
    ring_bits: u32,
    /// `Q mod 2^64`.
    q_low: u64,
}

impl Basis {
    pub(super) fn new(primes: usize, ring_bits: u32) -> Self {
        let primes = &transforms()[..primes];
        let part = |ntt: &Ntt| {
            let modulus = ntt.modulus;
            let q = modulus.q as u128;
            let others = primes.iter().map(|other| other.modulus.q).filter(|other| *other != modulus.q);
            let cofactor = others.fold(1, |product, other| modulus.mul(product, other % modulus.q));
            let (whole, rest) = ((1 << 127) / q, (1 << 127) % q);
            Part {
                modulus,
                unscale: modulus.factor(modulus.inverse(modulus.pow(2, ring_bits.into()))),
                cofactor: modulus.factor(modulus.inverse(cofactor)),
                reciprocal: (whole << 50) + (rest << 50) / q,
            }
        };
        Basis {
            parts: primes.iter().map(part).collect(),
            ring_bits,
            q_low: primes.iter().fold(1u64, |product, ntt| product.wrapping_mul(ntt.modulus.q)),
        }
    }

    /// `round(Q·m / 2^ℓ)` modulo each prime, for `m` below 2^ℓ.
    pub(super) fn encode(&self, m: u64) -> impl Iterator<Item = u64> + '_ {
        // The rounded-off part r = (Q·m + 2^(ℓ-1)) mod 2^ℓ needs only low bits, and modulo a prime Q·m is 0.
        let half = 1u64 << (self.ring_bits - 1);
        let rest = self.q_low.wrapping_mul(m).wrapping_add(half) & (u64::MAX >> (64 - self.ring_bits));
        let numerator = half as i128 - rest as i128;
        self.parts.iter().map(move |part| part.modulus.mul_by(part.modulus.signed(numerator), part.unscale))
    }

    /// `x/Q` in units of 2^-128, for x given by its residues; up to eight units too small.
    pub(super) fn fraction(&self, residues: impl Iterator<Item = u64>) -> u128 {
        self.parts.iter().zip(residues).fold(0, |sum: u128, (part, residue)| {
            let y = part.modulus.mul_by(residue, part.cofactor) as u128;
            let (high, low) = (part.reciprocal >> 64, part.reciprocal & u64::MAX as u128);
            sum.wrapping_add((y * high) << 15).wrapping_add((y * low) >> 49)
        })
    }

    /// `round(x·2^bits / Q) mod 2^bits`.
    pub(super) fn switch(&self, bits: u32, residues: impl Iterator<Item = u64>) -> u128 {
        round(self.fraction(residues), bits)
    }
}

/// A fraction in units of 2^-128 to the nearest multiple of 2^-bits, modulo 1, in units of that.
pub(super) fn round(fraction: u128, bits: u32) -> u128 {
    fraction.wrapping_add(1 << (127 - bits)) >> (128 - bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_plaintext_comes_back_from_fewer_bits() {
        for primes in [2, 3, 4] {
            for ring_bits in [1, 13, 40, 63, 64] {
                let basis = Basis::new(primes, ring_bits);
                let mask = u64::MAX >> (64 - ring_bits);
                for m in [0, 1, 2, mask / 2, mask / 2 + 1, mask - 1, mask, 0x0123_4567_89ab_cdef & mask] {
                    let m = m & mask;
                    let switched = basis.switch(ring_bits + 3, basis.encode(m));
                    assert_eq!(switched, (m as u128) << 3, "{primes} primes, {ring_bits} bits");
                }
            }
        }
    }
}
