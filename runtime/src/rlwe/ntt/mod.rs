//! The negacyclic number-theoretic transform: polynomials modulo X^N + 1 and q as their values at the odd powers of a
//! 2N-th root of unity, in bit-reversed order.
//!
//! Follows Harvey, *Faster arithmetic for number-theoretic transforms* (2014), algorithms 2 and 3, with the twist by ψ
//! merged into the constants (Longa and Naehrig, CANS 2016, section 3). A kernel for each instruction set; all give the
//! same values. Time and addresses do not depend on the coefficients.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod portable;

use super::modulus::{Factor, Modulus};
use motet_program::lattice::N;

/// Constants of a transform, in the order in which it uses them: that of butterfly block `i` among `m` at `m + i`.
struct Constants {
    values: Vec<u64>,
    quotients: Vec<u64>,
}

/// The transform modulo one prime.
pub(super) struct Ntt {
    pub(super) modulus: Modulus,
    forward: Constants,
    inverse: Constants,
    /// 1/N.
    scale: Factor,
    isa: Isa,
}

/// The instruction sets that kernels exist for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Present),
    #[cfg(target_arch = "x86_64")]
    Ifma(ifma::Present),
}

impl Isa {
    /// All that this machine has, the best first.
    pub(super) fn available() -> Vec<Isa> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            found.extend(ifma::Present::detect().map(Isa::Ifma));
            found.extend(avx2::Present::detect().map(Isa::Avx2));
        }
        found.push(Isa::Portable);
        found
    }
}

/// Products that can be summed before they are reduced.
pub(super) const LAZY_TERMS: usize = 16;
/// Levels below this size are always computed: two registers of the widest kernel.
const LEAST_BLOCK: usize = 16;

impl Ntt {
    pub(super) fn new(q: u64, isa: Isa) -> Self {
        let modulus = Modulus::new(q);
        let root = modulus.root();
        let scale = modulus.factor(modulus.inverse(N as u64));
        let constants = |root| {
            let mut power = 1;
            let (mut values, mut quotients) = (vec![0; N], vec![0; N]);
            for exponent in 0..N {
                let place = exponent.reverse_bits() >> (usize::BITS - N.ilog2());
                let factor = modulus.factor(power);
                (values[place], quotients[place]) = (factor.value, factor.quotient);
                power = modulus.mul(power, root);
            }
            Constants { values, quotients }
        };
        Ntt { modulus, forward: constants(root), inverse: constants(modulus.inverse(root)), scale, isa }
    }

    /// Transforms N coefficients below q.
    pub(super) fn forward(&self, coefficients: &mut [u64]) {
        self.forward_low(coefficients, N);
    }

    /// Transforms the first `low` coefficients, which are below q; all others count as zero.
    ///
    /// A butterfly with zero gives its other input twice: the first levels only copy.
    pub(super) fn forward_low(&self, coefficients: &mut [u64], low: usize) {
        let coefficients: &mut [u64; N] = coefficients.try_into().expect("callers hand over whole polynomials");
        let block = low.next_power_of_two().clamp(LEAST_BLOCK, N);
        coefficients[low..block].fill(0);
        let (first, others) = coefficients.split_at_mut(block);
        others.chunks_exact_mut(block).for_each(|other| other.copy_from_slice(first));
        match self.isa {
            Isa::Portable => portable::forward(self, coefficients, block),
            #[cfg(target_arch = "x86_64")]
            Isa::Ifma(present) => present.forward(self, coefficients, block),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(present) => present.forward(self, coefficients, block),
        }
    }

    /// Undoes [`Ntt::forward`].
    pub(super) fn inverse(&self, values: &mut [u64]) {
        let values: &mut [u64; N] = values.try_into().expect("callers hand over whole polynomials");
        match self.isa {
            Isa::Portable => portable::inverse(self, values),
            #[cfg(target_arch = "x86_64")]
            Isa::Ifma(present) => present.inverse(self, values),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(present) => present.inverse(self, values),
        }
    }

    /// Adds to `out` the sum of the products of pairs, value by value; everything is below q.
    pub(super) fn add_products(&self, pairs: &[(&[u64], &[u64])], out: &mut [u64]) {
        for pairs in pairs.chunks(LAZY_TERMS) {
            match self.isa {
                Isa::Portable => portable::add_products(&self.modulus, pairs, out),
                #[cfg(target_arch = "x86_64")]
                Isa::Ifma(present) => present.add_products(&self.modulus, pairs, out),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2(present) => present.add_products(&self.modulus, pairs, out),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::modulus::PRIMES;
    use super::*;

    /// Coefficients from a fixed seed.
    fn polynomial(q: u64, seed: u64) -> Vec<u64> {
        let mut x = seed;
        let mut next = || {
            x = x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (x ^ (x >> 29)) % q
        };
        (0..N).map(|_| next()).collect()
    }

    /// Coefficient `k` of a product modulo X^N + 1, term by term.
    fn schoolbook(q: u64, a: &[u64], b: &[u64], k: usize) -> u64 {
        (0..N).fold(0, |sum, i| {
            let product = (a[i] as u128 * b[(k + N - i) % N] as u128 % q as u128) as u64;
            if i <= k { (sum + product) % q } else { (sum + q - product) % q }
        })
    }

    #[test]
    fn products_are_those_of_the_schoolbook() {
        for isa in Isa::available() {
            for q in PRIMES {
                let ntt = Ntt::new(q, isa);
                let (a, b) = (polynomial(q, 1), polynomial(q, 2));
                let (mut at, mut bt, mut product) = (a.clone(), b.clone(), vec![0; N]);
                ntt.forward(&mut at);
                ntt.forward(&mut bt);
                ntt.add_products(&[(&at, &bt)], &mut product);
                ntt.inverse(&mut product);
                for k in (0..N).step_by(331).chain([N - 1]) {
                    assert_eq!(product[k], schoolbook(q, &a, &b, k), "{isa:?}, coefficient {k}");
                }
            }
        }
    }

    #[test]
    fn short_polynomials_transform_as_whole_ones() {
        for ntt in Isa::available().into_iter().map(|isa| Ntt::new(PRIMES[1], isa)) {
            for low in [1, 2, 16, 17, 300, N / 2, N / 2 + 1, N] {
                let mut short = polynomial(PRIMES[1], 3);
                let mut whole = short.clone();
                whole[low..].fill(0);
                ntt.forward_low(&mut short, low);
                ntt.forward(&mut whole);
                assert!(short == whole, "{:?}, {low} coefficients", ntt.isa);
            }
        }
    }

    #[test]
    fn kernels_agree_with_the_portable_one() {
        let q = PRIMES[3];
        let reference = Ntt::new(q, Isa::Portable);
        let extremes = [vec![0; N], vec![q - 1; N], polynomial(q, 5)];
        for ntt in Isa::available().into_iter().map(|isa| Ntt::new(q, isa)) {
            for input in &extremes {
                let (mut got, mut expected) = (input.clone(), input.clone());
                ntt.forward(&mut got);
                reference.forward(&mut expected);
                assert!(got == expected);
                ntt.inverse(&mut got);
                assert!(got == *input);
                for terms in [1, LAZY_TERMS, LAZY_TERMS + 3] {
                    let pairs = vec![(input.as_slice(), expected.as_slice()); terms];
                    let (mut got, mut sum) = (input.clone(), input.clone());
                    ntt.add_products(&pairs, &mut got);
                    reference.add_products(&pairs, &mut sum);
                    assert!(got == sum);
                    let term = expected[7] as u128 * input[7] as u128 % q as u128;
                    assert_eq!(got[7] as u128, (term * terms as u128 + input[7] as u128) % q as u128);
                }
            }
        }
    }
}
