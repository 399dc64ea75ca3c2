//! AVX-512 with IFMA: eight coefficients in a register, products of 52 bits.
//!
//! Everything here is reached through [`Present`], a proof that the machine has the instructions.
#![allow(unsafe_code)]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::*;

use super::{Constants, Factor, Modulus, N, Ntt};

/// Proof that this machine has the instructions.
#[derive(Clone, Copy, Debug)]
pub(in crate::rlwe) struct Present(());

const LANES: usize = 8;
/// Coefficients whose levels are done together: 32 KiB, which stay in the first cache.
const PART: usize = 4096;
const MASK: i64 = (1 << 52) - 1;

impl Present {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")).then_some(Present(()))
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

/// Constant factors lane by lane.
#[derive(Clone, Copy)]
struct Factors {
    value: __m512i,
    quotient: __m512i,
}

/// A modulus in every lane.
#[derive(Clone, Copy)]
struct Lanes {
    q: __m512i,
    two_q: __m512i,
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn load(x: &[u64]) -> __m512i {
    let x = &x[..LANES];
    // SAFETY: the slice is as long as the register; unaligned loads have no further need.
    unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn store(x: &mut [u64], value: __m512i) {
    let x = &mut x[..LANES];
    // SAFETY: the slice is as long as the register; unaligned stores have no further need.
    unsafe { _mm512_storeu_si512(x.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn splat(factor: Factor) -> Factors {
    Factors { value: _mm512_set1_epi64(factor.value as i64), quotient: _mm512_set1_epi64(factor.quotient as i64) }
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn new(q: u64) -> Self {
        Lanes { q: _mm512_set1_epi64(q as i64), two_q: _mm512_set1_epi64(2 * q as i64) }
    }

    /// [`Modulus::mul_lazy`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn mul_lazy(self, x: __m512i, w: Factors) -> __m512i {
        let zero = _mm512_setzero_si512();
        let quotient = _mm512_madd52hi_epu64(zero, x, w.quotient);
        let product = _mm512_madd52lo_epu64(zero, x, w.value);
        let multiple = _mm512_madd52lo_epu64(zero, quotient, self.q);
        _mm512_and_si512(_mm512_sub_epi64(product, multiple), _mm512_set1_epi64(MASK))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn forward(self, a: __m512i, b: __m512i, w: Factors) -> (__m512i, __m512i) {
        let sum = below(a, self.two_q);
        let product = self.mul_lazy(b, w);
        (_mm512_add_epi64(sum, product), _mm512_sub_epi64(_mm512_add_epi64(sum, self.two_q), product))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn inverse(self, a: __m512i, b: __m512i, w: Factors) -> (__m512i, __m512i) {
        let difference = _mm512_sub_epi64(_mm512_add_epi64(a, self.two_q), b);
        (below(_mm512_add_epi64(a, b), self.two_q), self.mul_lazy(difference, w))
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn below(x: __m512i, bound: __m512i) -> __m512i {
    _mm512_min_epu64(x, _mm512_sub_epi64(x, bound))
}

/// How 16 neighbours are parted into the upper and the lower inputs of butterflies with a gap below 8, and put back.
#[derive(Clone, Copy)]
struct Shuffle {
    upper: __m512i,
    lower: __m512i,
    first: __m512i,
    second: __m512i,
    /// The constant of each butterfly, among those of the 16.
    constants: __m512i,
}

impl Shuffle {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn new(gap: usize) -> Self {
        let (mut upper, mut lower, mut constants, mut back) = ([0; LANES], [0; LANES], [0; LANES], [0; 2 * LANES]);
        for lane in 0..LANES {
            let (block, offset) = (lane / gap, lane % gap);
            let place = 2 * gap * block + offset;
            upper[lane] = place as u64;
            lower[lane] = (place + gap) as u64;
            constants[lane] = block as u64;
            back[place] = lane as u64;
            back[place + gap] = (lane + LANES) as u64;
        }
        Shuffle {
            upper: load(&upper),
            lower: load(&lower),
            first: load(&back[..LANES]),
            second: load(&back[LANES..]),
            constants: load(&constants),
        }
    }
}

/// A level with gap below 8: `butterfly` on both halves of every 16 neighbours. `x` are the coefficients from `start` on.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn narrow_level<const FORWARD: bool>(lanes: Lanes, constants: &Constants, gap: usize, start: usize, x: &mut [u64]) {
    let shuffle = Shuffle::new(gap);
    let first = (N + start) / (2 * gap);
    for (j, x) in x.as_chunks_mut::<{ 2 * LANES }>().0.iter_mut().enumerate() {
        let (front, back) = (load(&x[..LANES]), load(&x[LANES..]));
        let a = _mm512_permutex2var_epi64(front, shuffle.upper, back);
        let b = _mm512_permutex2var_epi64(front, shuffle.lower, back);
        // 16 neighbours have 8, 4 or 2 constants; what is loaded beyond them is other levels' and not used.
        let start = first + j * LANES / gap;
        let w = Factors {
            value: _mm512_permutexvar_epi64(shuffle.constants, load(&constants.values[start..])),
            quotient: _mm512_permutexvar_epi64(shuffle.constants, load(&constants.quotients[start..])),
        };
        let (a, b) = if FORWARD { lanes.forward(a, b, w) } else { lanes.inverse(a, b, w) };
        store(&mut x[..LANES], _mm512_permutex2var_epi64(a, shuffle.first, b));
        store(&mut x[LANES..], _mm512_permutex2var_epi64(a, shuffle.second, b));
    }
}

/// A level with gap 8 or more. `x` are the coefficients from `start` on.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn wide_level<const FORWARD: bool>(lanes: Lanes, constants: &Constants, gap: usize, start: usize, x: &mut [u64]) {
    let first = (N + start) / (2 * gap);
    for (i, block) in x.chunks_exact_mut(2 * gap).enumerate() {
        let w = splat(Factor { value: constants.values[first + i], quotient: constants.quotients[first + i] });
        let (low, high) = block.split_at_mut(gap);
        for (low, high) in low.chunks_exact_mut(LANES).zip(high.chunks_exact_mut(LANES)) {
            let (a, b) = (load(low), load(high));
            let (a, b) = if FORWARD { lanes.forward(a, b, w) } else { lanes.inverse(a, b, w) };
            store(low, a);
            store(high, b);
        }
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn forward(ntt: &Ntt, x: &mut [u64; N], block: usize) {
    let lanes = Lanes::new(ntt.modulus.q);
    let mut gap = block / 2;
    while gap >= PART {
        wide_level::<true>(lanes, &ntt.forward, gap, 0, x);
        gap /= 2;
    }
    for (i, x) in x.chunks_exact_mut(PART).enumerate() {
        let mut gap = gap;
        while gap >= LANES {
            wide_level::<true>(lanes, &ntt.forward, gap, i * PART, x);
            gap /= 2;
        }
        for gap in [4, 2, 1] {
            narrow_level::<true>(lanes, &ntt.forward, gap, i * PART, x);
        }
        for x in x.chunks_exact_mut(LANES) {
            let value = below(below(load(x), lanes.two_q), lanes.q);
            store(x, value);
        }
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn inverse(ntt: &Ntt, x: &mut [u64; N]) {
    let lanes = Lanes::new(ntt.modulus.q);
    for (i, x) in x.chunks_exact_mut(PART).enumerate() {
        for gap in [1, 2, 4] {
            narrow_level::<false>(lanes, &ntt.inverse, gap, i * PART, x);
        }
        let mut gap = LANES;
        while gap < PART {
            wide_level::<false>(lanes, &ntt.inverse, gap, i * PART, x);
            gap *= 2;
        }
    }
    let mut gap = PART;
    while gap < N {
        wide_level::<false>(lanes, &ntt.inverse, gap, 0, x);
        gap *= 2;
    }
    let scale = splat(ntt.scale);
    for x in x.chunks_exact_mut(LANES) {
        let value = below(lanes.mul_lazy(load(x), scale), lanes.q);
        store(x, value);
    }
}

/// At most [`super::LAZY_TERMS`] pairs: the high halves are below 2^48, their sum below 2^52.
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_products(modulus: &Modulus, pairs: &[(&[u64], &[u64])], out: &mut [u64]) {
    let lanes = Lanes::new(modulus.q);
    let (one, two52) = (splat(modulus.one), splat(modulus.two52));
    let mask = _mm512_set1_epi64(MASK);
    for (j, out) in out.chunks_exact_mut(LANES).enumerate() {
        let (mut low, mut high) = (load(out), _mm512_setzero_si512());
        for (a, b) in pairs {
            let (a, b) = (load(&a[LANES * j..]), load(&b[LANES * j..]));
            low = _mm512_madd52lo_epu64(low, a, b);
            high = _mm512_madd52hi_epu64(high, a, b);
        }
        high = _mm512_add_epi64(high, _mm512_srli_epi64::<52>(low));
        low = _mm512_and_si512(low, mask);
        let sum = _mm512_add_epi64(lanes.mul_lazy(high, two52), lanes.mul_lazy(low, one));
        store(out, below(below(sum, lanes.two_q), lanes.q));
    }
}
