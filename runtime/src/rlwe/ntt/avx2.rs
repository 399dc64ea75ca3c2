//! AVX2 with FMA: four coefficients in a register, as doubles, since there is no wide multiplication of integers.
//!
//! Follows van der Hoeven, Lecerf and Quintin, *Modular SIMD arithmetic in Mathemagix* (ACM TOMS 2016), section 3.2: with
//! `h = x·w` rounded and `l = x·w − h` (exact by a fused multiplication), `c = round(h/q)` gives `x·w − c·q = (h − c·q) +
//! l`, both exact. Coefficients are integers of magnitude below 2q between levels: `c` is then off by less than 3·2^-53 ·
//! 4q < 3/2, and the differences are below 2^53.
//!
//! Everything here is reached through [`Present`], a proof that the machine has the instructions.
#![allow(unsafe_code)]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::*;

use super::{Modulus, N, Ntt};

/// Proof that this machine has the instructions.
#[derive(Clone, Copy, Debug)]
pub(in crate::rlwe) struct Present(());

const LANES: usize = 4;
/// 2^52 as a double: its lowest bits are those of an integer below 2^52 that is added to it.
const MAGIC: f64 = (1u64 << 52) as f64;

impl Present {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Present(()))
    }

    pub(super) fn forward(self, ntt: &Ntt, x: &mut [u64; N], block: usize) {
        // SAFETY: `self` exists only where `detect` found the features.
        unsafe { forward(ntt, x, block) }
    }

    pub(super) fn inverse(self, ntt: &Ntt, x: &mut [u64; N]) {
        // SAFETY: as above.
        unsafe { inverse(ntt, x) }
    }

    pub(super) fn add_products(self, modulus: &Modulus, pairs: &[(&[u64], &[u64])], out: &mut [u64]) {
        // SAFETY: as above.
        unsafe { add_products(modulus, pairs, out) }
    }
}

/// Doubles as they lie in a polynomial's memory.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn load(x: &[u64]) -> __m256d {
    let x = &x[..LANES];
    // SAFETY: the slice is as long as the register; unaligned loads have no further need.
    unsafe { _mm256_loadu_pd(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store(x: &mut [u64], value: __m256d) {
    let x = &mut x[..LANES];
    // SAFETY: the slice is as long as the register; unaligned stores have no further need.
    unsafe { _mm256_storeu_pd(x.as_mut_ptr().cast(), value) }
}

/// Integers below 2^52 as doubles.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn to_doubles(x: __m256d) -> __m256d {
    let magic = _mm256_set1_pd(MAGIC);
    _mm256_sub_pd(_mm256_or_pd(x, magic), magic)
}

/// A modulus in every lane.
#[derive(Clone, Copy)]
struct Lanes {
    q: __m256d,
    inverse: __m256d,
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn new(q: u64) -> Self {
        Lanes { q: _mm256_set1_pd(q as f64), inverse: _mm256_set1_pd(1.0 / q as f64) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn quotient(self, x: __m256d) -> __m256d {
        _mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(_mm256_mul_pd(x, self.inverse))
    }

    /// The residue of magnitude at most q/2, or little more.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn centre(self, x: __m256d) -> __m256d {
        _mm256_fnmadd_pd(self.quotient(x), self.q, x)
    }

    /// The product's residue, of magnitude below 2q.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn mul(self, x: __m256d, w: __m256d) -> __m256d {
        let high = _mm256_mul_pd(x, w);
        let low = _mm256_fmsub_pd(x, w, high);
        _mm256_add_pd(_mm256_fnmadd_pd(self.quotient(high), self.q, high), low)
    }

    /// The residue in `[0, q)`, as an integer.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn finish(self, x: __m256d) -> __m256d {
        let x = self.centre(x);
        let negative = _mm256_cmp_pd::<_CMP_LT_OQ>(x, _mm256_setzero_pd());
        let magic = _mm256_set1_pd(MAGIC);
        _mm256_xor_pd(_mm256_add_pd(_mm256_add_pd(x, _mm256_and_pd(negative, self.q)), magic), magic)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn butterfly<const FORWARD: bool>(self, a: __m256d, b: __m256d, w: __m256d) -> (__m256d, __m256d) {
        if FORWARD {
            let (a, product) = (self.centre(a), self.mul(b, w));
            (_mm256_add_pd(a, product), _mm256_sub_pd(a, product))
        } else {
            (self.centre(_mm256_add_pd(a, b)), self.mul(_mm256_sub_pd(a, b), w))
        }
    }
}

/// A level with gap 4 or more.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn wide_level<const FORWARD: bool>(lanes: Lanes, constants: &[u64], gap: usize, x: &mut [u64; N]) {
    let first = N / (2 * gap);
    for (block, w) in x.chunks_exact_mut(2 * gap).zip(&constants[first..]) {
        let w = _mm256_set1_pd(*w as f64);
        let (low, high) = block.split_at_mut(gap);
        for (low, high) in low.chunks_exact_mut(LANES).zip(high.chunks_exact_mut(LANES)) {
            let (a, b) = lanes.butterfly::<FORWARD>(load(low), load(high), w);
            store(low, a);
            store(high, b);
        }
    }
}

/// The level with gap 2: the halves of registers change places.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn level_of_two<const FORWARD: bool>(lanes: Lanes, constants: &[u64], x: &mut [u64; N]) {
    let pairs = constants[N / 4..N / 2].as_chunks::<2>().0;
    for (x, [w, v]) in x.as_chunks_mut::<{ 2 * LANES }>().0.iter_mut().zip(pairs) {
        let (front, back) = (load(&x[..LANES]), load(&x[LANES..]));
        let a = _mm256_permute2f128_pd::<0x20>(front, back);
        let b = _mm256_permute2f128_pd::<0x31>(front, back);
        let (w, v) = (*w as f64, *v as f64);
        let (a, b) = lanes.butterfly::<FORWARD>(a, b, _mm256_setr_pd(w, w, v, v));
        store(&mut x[..LANES], _mm256_permute2f128_pd::<0x20>(a, b));
        store(&mut x[LANES..], _mm256_permute2f128_pd::<0x31>(a, b));
    }
}

/// The level with gap 1: neighbours change places, which leaves butterflies 1 and 2 exchanged.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn level_of_one<const FORWARD: bool>(lanes: Lanes, constants: &[u64], x: &mut [u64; N]) {
    let fours = constants[N / 2..].as_chunks::<LANES>().0;
    for (x, w) in x.as_chunks_mut::<{ 2 * LANES }>().0.iter_mut().zip(fours) {
        let (front, back) = (load(&x[..LANES]), load(&x[LANES..]));
        let (a, b) = (_mm256_unpacklo_pd(front, back), _mm256_unpackhi_pd(front, back));
        let w = _mm256_permute4x64_pd::<0b11_01_10_00>(to_doubles(load(w)));
        let (a, b) = lanes.butterfly::<FORWARD>(a, b, w);
        store(&mut x[..LANES], _mm256_unpacklo_pd(a, b));
        store(&mut x[LANES..], _mm256_unpackhi_pd(a, b));
    }
}

#[target_feature(enable = "avx2,fma")]
fn forward(ntt: &Ntt, x: &mut [u64; N], block: usize) {
    let (lanes, constants) = (Lanes::new(ntt.modulus.q), &ntt.forward.values);
    for x in x.chunks_exact_mut(LANES) {
        let value = to_doubles(load(x));
        store(x, value);
    }
    let mut gap = block / 2;
    while gap >= LANES {
        wide_level::<true>(lanes, constants, gap, x);
        gap /= 2;
    }
    level_of_two::<true>(lanes, constants, x);
    level_of_one::<true>(lanes, constants, x);
    for x in x.chunks_exact_mut(LANES) {
        let value = lanes.finish(load(x));
        store(x, value);
    }
}

#[target_feature(enable = "avx2,fma")]
fn inverse(ntt: &Ntt, x: &mut [u64; N]) {
    let (lanes, constants) = (Lanes::new(ntt.modulus.q), &ntt.inverse.values);
    for x in x.chunks_exact_mut(LANES) {
        let value = to_doubles(load(x));
        store(x, value);
    }
    level_of_one::<false>(lanes, constants, x);
    level_of_two::<false>(lanes, constants, x);
    let mut gap = LANES;
    while gap < N {
        wide_level::<false>(lanes, constants, gap, x);
        gap *= 2;
    }
    let scale = _mm256_set1_pd(ntt.scale.value as f64);
    for x in x.chunks_exact_mut(LANES) {
        let value = lanes.finish(lanes.mul(load(x), scale));
        store(x, value);
    }
}

#[target_feature(enable = "avx2,fma")]
fn add_products(modulus: &Modulus, pairs: &[(&[u64], &[u64])], out: &mut [u64]) {
    let lanes = Lanes::new(modulus.q);
    for (j, out) in out.chunks_exact_mut(LANES).enumerate() {
        let mut sum = to_doubles(load(out));
        for (a, b) in pairs {
            let (a, b) = (to_doubles(load(&a[LANES * j..])), to_doubles(load(&b[LANES * j..])));
            sum = lanes.centre(_mm256_add_pd(sum, lanes.mul(a, b)));
        }
        store(out, lanes.finish(sum));
    }
}
