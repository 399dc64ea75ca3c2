//! Random polynomials: uniform ones that both parties expand from a seed, and the secret small ones.

use zeroize::Zeroizing;

use super::modulus::Modulus;
use crate::crypto::{Block, Prg, Stream};
use motet_program::lattice::{ERROR_COINS, N, PRIME_BITS};

/// N uniform values below q from a public seed; `index` tells the polynomials of a seed apart.
///
/// What AES-128 gives under a key that both know is taken for uniform (the ideal-cipher model). Rejection depends on
/// the seed alone.
pub(super) fn uniform(seed: Block, index: u64, modulus: &Modulus, out: &mut [u64]) {
    let mut prg = Prg::from_seed(seed, Stream(index));
    let mut blocks = [Block::ZERO; 64];
    let mut drawn = 0;
    while drawn < out.len() {
        prg.fill(&mut blocks);
        for block in blocks {
            for word in [block.value() as u64, (block.value() >> 64) as u64] {
                let value = word >> (64 - PRIME_BITS);
                if value < modulus.q && drawn < out.len() {
                    out[drawn] = value;
                    drawn += 1;
                }
            }
        }
    }
}

/// A secret of `count` words, wiped on drop.
pub(super) fn words(prg: &mut Prg, count: usize) -> Zeroizing<Vec<u64>> {
    let mut blocks = Zeroizing::new(vec![Block::ZERO; count.div_ceil(2)]);
    prg.fill(&mut blocks);
    let mut words = Zeroizing::new(vec![0; count]);
    for (pair, block) in words.chunks_mut(2).zip(blocks.iter()) {
        let halves = [block.value() as u64, (block.value() >> 64) as u64];
        pair.copy_from_slice(&halves[..pair.len()]);
    }
    words
}

/// Coefficients −1, 0 and 1, each as likely (to within 2^-62).
pub(super) fn ternary(prg: &mut Prg) -> Zeroizing<Vec<i64>> {
    let words = words(prg, N);
    Zeroizing::new(words.iter().map(|word| ((*word as u128 * 3) >> 64) as i64 - 1).collect())
}

/// Errors: heads less tails of [`ERROR_COINS`] coins each, a centred binomial distribution.
pub(super) fn errors(prg: &mut Prg) -> Zeroizing<Vec<i64>> {
    let words = words(prg, N);
    let mask = (1 << ERROR_COINS) - 1;
    let coins = |word: u64| i64::from((word & mask).count_ones());
    Zeroizing::new(words.iter().map(|word| coins(*word) - coins(*word >> ERROR_COINS)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_have_their_moments() {
        let mut prg = Prg::from_seed(Block::new(5), Stream(0));
        let moments = |values: &[i64]| {
            let sum = |power: u32| values.iter().map(|x| x.pow(power) as f64).sum::<f64>() / N as f64;
            (sum(1), sum(2))
        };
        let (mean, square) = moments(&ternary(&mut prg));
        assert!(mean.abs() < 0.05 && (square - 2.0 / 3.0).abs() < 0.04);
        let (mean, square) = moments(&errors(&mut prg));
        assert!(mean.abs() < 0.25 && (square - 10.5).abs() < 1.2);
    }

    #[test]
    fn what_a_seed_gives_is_reduced_and_differs_by_index() {
        let modulus = Modulus::new(super::super::modulus::PRIMES[3]);
        let expand = |index| {
            let mut out = vec![0; N];
            uniform(Block::new(9), index, &modulus, &mut out);
            out
        };
        let (first, second) = (expand(0), expand(1));
        assert!(first == expand(0) && first != second);
        assert!(first.iter().all(|value| *value < modulus.q));
        let mean = first.iter().map(|x| *x as f64 / modulus.q as f64).sum::<f64>() / N as f64;
        assert!((mean - 0.5).abs() < 0.02);
    }
}
