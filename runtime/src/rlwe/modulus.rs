//! Arithmetic modulo the primes just below 2^50.
//!
//! Products by a known constant follow Shoup (Harvey, *Faster arithmetic for number-theoretic transforms*, 2014,
//! section 2), with quotients of 52 bits, which the vector instructions can form. Nothing here branches on a value.

use motet_program::lattice::{MOST_PRIMES, N};

/// The primes, 1 modulo 2N. The first three or all four are used.
pub(super) const PRIMES: [u64; MOST_PRIMES] =
    [0x3_ffff_ffff_c001, 0x3_ffff_fffc_c001, 0x3_ffff_ffef_4001, 0x3_ffff_ffe9_4001];
const MASK: u64 = (1 << 52) - 1;

/// A constant factor and its quotient `⌊factor·2^52 / q⌋`.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    pub(super) value: u64,
    pub(super) quotient: u64,
}

impl Factor {
    /// For public values: division takes a time that depends on them.
    fn new(value: u64, q: u64) -> Self {
        let value = value % q;
        Factor { value, quotient: (((value as u128) << 52) / q as u128) as u64 }
    }
}

/// A prime with what its arithmetic needs.
#[derive(Clone, Copy)]
pub(super) struct Modulus {
    pub(super) q: u64,
    /// 1 and 2^52.
    pub(super) one: Factor,
    pub(super) two52: Factor,
}

impl Modulus {
    pub(super) fn new(q: u64) -> Self {
        Modulus { q, one: Factor::new(1, q), two52: Factor::new(1 << 52, q) }
    }

    /// A constant factor.
    pub(super) fn factor(&self, value: u64) -> Factor {
        Factor::new(value, self.q)
    }

    /// `x·factor` in `[0, 2q)`, for `x < 2^52`.
    #[inline(always)]
    pub(super) fn mul_lazy(&self, x: u64, factor: Factor) -> u64 {
        let quotient = ((x as u128 * factor.quotient as u128) >> 52) as u64;
        x.wrapping_mul(factor.value).wrapping_sub(quotient.wrapping_mul(self.q))
    }

    /// `x·factor mod q`, for `x < 2^52`.
    #[inline(always)]
    pub(super) fn mul_by(&self, x: u64, factor: Factor) -> u64 {
        Self::below(self.mul_lazy(x, factor), self.q)
    }

    /// `x` or `x − bound`, whichever is not negative.
    #[inline(always)]
    pub(super) fn below(x: u64, bound: u64) -> u64 {
        x.min(x.wrapping_sub(bound))
    }

    /// `high·2^52 + low mod q`, for both below 2^52.
    #[inline(always)]
    pub(super) fn reduce(&self, high: u64, low: u64) -> u64 {
        let lazy = self.mul_lazy(high, self.two52) + self.mul_lazy(low, self.one);
        Self::below(Self::below(lazy, 2 * self.q), self.q)
    }

    /// `x mod q`, for `x < 2^104`.
    #[inline(always)]
    pub(super) fn reduce_wide(&self, x: u128) -> u64 {
        self.reduce((x >> 52) as u64, x as u64 & MASK)
    }

    /// `a·b mod q`, both below q.
    #[inline(always)]
    pub(super) fn mul(&self, a: u64, b: u64) -> u64 {
        self.reduce_wide(a as u128 * b as u128)
    }

    /// `a + b mod q`, both below q.
    #[inline(always)]
    pub(super) fn add(&self, a: u64, b: u64) -> u64 {
        Self::below(a + b, self.q)
    }

    /// `a − b mod q`, both below q.
    #[inline(always)]
    pub(super) fn sub(&self, a: u64, b: u64) -> u64 {
        Self::below(a + self.q - b, self.q)
    }

    /// A signed integer of magnitude at most 2^63 mod q.
    #[inline(always)]
    pub(super) fn signed(&self, x: i128) -> u64 {
        // q·2^14 > 2^63 makes it positive.
        self.reduce_wide((x + ((self.q as i128) << 14)) as u128)
    }

    /// A signed integer of magnitude below q mod q.
    #[inline(always)]
    pub(super) fn small(&self, x: i64) -> u64 {
        Self::below(self.q.wrapping_add_signed(x), self.q)
    }

    /// `base^exponent mod q`, for public numbers.
    pub(super) fn pow(&self, base: u64, mut exponent: u64) -> u64 {
        let (mut base, mut product) = (base % self.q, 1);
        while exponent > 0 {
            if exponent & 1 == 1 {
                product = self.mul(product, base);
            }
            base = self.mul(base, base);
            exponent >>= 1;
        }
        product
    }

    /// The inverse of a public number.
    pub(super) fn inverse(&self, x: u64) -> u64 {
        self.pow(x, self.q - 2)
    }

    /// A 2N-th root of unity: ψ with `ψ^N = −1`, from the least base that gives one.
    pub(super) fn root(&self) -> u64 {
        (2..)
            .map(|base| self.pow(base, (self.q - 1) / (2 * N as u64)))
            .find(|root| self.pow(*root, N as u64) == self.q - 1)
            .expect("half of all bases give one, q being prime and 1 modulo 2N")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primes_are_prime_and_fit_the_transform() {
        for q in PRIMES {
            assert!(q < 1 << 50 && q > (1 << 50) - (1 << 21) && q % (2 * N as u64) == 1);
            assert!((2..1 << 25).all(|d| q % d != 0));
        }
    }

    #[test]
    fn arithmetic_agrees_with_division() {
        for q in PRIMES {
            let modulus = Modulus::new(q);
            let mut x = 1u64;
            for _ in 0..1000 {
                x = x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                let (a, b) = (x % q, x.rotate_left(17) % q);
                assert_eq!(modulus.mul(a, b), (a as u128 * b as u128 % q as u128) as u64);
                assert_eq!(modulus.mul_by(a, modulus.factor(b)), modulus.mul(a, b));
                assert_eq!(modulus.signed(x as i64 as i128), (x as i64 as i128).rem_euclid(q as i128) as u64);
                let wide = (x as u128 * x.rotate_left(9) as u128) >> 24;
                assert_eq!(modulus.reduce_wide(wide), (wide % q as u128) as u64);
                assert_eq!(modulus.add(modulus.sub(a, b), b), a);
            }
            assert_eq!(modulus.signed(i64::MIN as i128), (i64::MIN as i128).rem_euclid(q as i128) as u64);
        }
    }
}
