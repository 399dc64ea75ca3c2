//! The transform in plain Rust: the reference for the others, and what runs where none of them does.

use super::{Modulus, N, Ntt};
use crate::rlwe::modulus::Factor;

/// From the level on whose blocks have a size. Values are below 4q between levels, and below q at the end.
pub(super) fn forward(ntt: &Ntt, x: &mut [u64; N], block: usize) {
    let modulus = &ntt.modulus;
    let two_q = 2 * modulus.q;
    let mut gap = block / 2;
    while gap > 0 {
        let first = N / (2 * gap);
        for (i, block) in x.chunks_exact_mut(2 * gap).enumerate() {
            let w = Factor { value: ntt.forward.values[first + i], quotient: ntt.forward.quotients[first + i] };
            let (low, high) = block.split_at_mut(gap);
            for (a, b) in low.iter_mut().zip(high) {
                let sum = Modulus::below(*a, two_q);
                let product = modulus.mul_lazy(*b, w);
                (*a, *b) = (sum + product, sum + two_q - product);
            }
        }
        gap /= 2;
    }
    for a in x {
        *a = Modulus::below(Modulus::below(*a, two_q), modulus.q);
    }
}

/// Values are below 2q between levels, and below q at the end.
pub(super) fn inverse(ntt: &Ntt, x: &mut [u64; N]) {
    let modulus = &ntt.modulus;
    let two_q = 2 * modulus.q;
    let mut gap = 1;
    while gap < N {
        let first = N / (2 * gap);
        for (i, block) in x.chunks_exact_mut(2 * gap).enumerate() {
            let w = Factor { value: ntt.inverse.values[first + i], quotient: ntt.inverse.quotients[first + i] };
            let (low, high) = block.split_at_mut(gap);
            for (a, b) in low.iter_mut().zip(high) {
                let difference = *a + two_q - *b;
                (*a, *b) = (Modulus::below(*a + *b, two_q), modulus.mul_lazy(difference, w));
            }
        }
        gap *= 2;
    }
    for a in x {
        *a = Modulus::below(modulus.mul_lazy(*a, ntt.scale), modulus.q);
    }
}

/// At most [`super::LAZY_TERMS`] pairs.
pub(super) fn add_products(modulus: &Modulus, pairs: &[(&[u64], &[u64])], out: &mut [u64]) {
    for (j, out) in out.iter_mut().enumerate() {
        let sum = pairs.iter().fold(*out as u128, |sum, (a, b)| sum + a[j] as u128 * b[j] as u128);
        *out = modulus.reduce_wide(sum);
    }
}
