//! AVX2 with VAES: two blocks in a register.
//!
//! [`Vector`]'s methods are safe to call only from inside [`Present::run`], where the features are switched on. The
//! vector type is private to this file and handed to kernels by that function alone, which takes a proof that the
//! machine has them.
#![allow(unsafe_code)]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::*;

use super::aesni::Sse;
use super::{Kernel, RoundKeys, Vector};
use crate::crypto::Block;

/// Proof that this machine has the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Present(());

impl Present {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("vaes")
            && is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("vpclmulqdq")
            && is_x86_feature_detected!("pclmulqdq"))
        .then_some(Present(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,vaes,aes,vpclmulqdq,pclmulqdq")]
        fn with_features<K: Kernel>(kernel: K) -> K::Output {
            kernel.run::<Avx2>()
        }
        // SAFETY: `self` exists only where `detect` found all of the features named.
        unsafe { with_features(kernel) }
    }
}

#[derive(Clone, Copy)]
struct Avx2(__m256i);

impl Avx2 {
    /// The low lanes of both, and the high lanes of both.
    #[inline(always)]
    fn swap_lanes(self, other: Self) -> [Self; 2] {
        // SAFETY: features as above.
        unsafe {
            [
                Avx2(_mm256_permute2x128_si256::<0x20>(self.0, other.0)),
                Avx2(_mm256_permute2x128_si256::<0x31>(self.0, other.0)),
            ]
        }
    }
}

impl Vector for Avx2 {
    const LANES: usize = 2;
    type Mask = __m256i;
    type Narrow = Sse;

    #[inline(always)]
    fn load(blocks: &[Block]) -> Self {
        let blocks = &blocks[..2];
        // SAFETY: the slice is as long as the register; unaligned loads have no further need.
        Avx2(unsafe { _mm256_loadu_si256(blocks.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, blocks: &mut [Block]) {
        let blocks = &mut blocks[..2];
        // SAFETY: the slice is as long as the register; unaligned stores have no further need.
        unsafe { _mm256_storeu_si256(blocks.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn load_bytes(bytes: &[u8]) -> Self {
        let bytes = &bytes[..32];
        // SAFETY: the slice is as long as the register; unaligned loads have no further need.
        Avx2(unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store_bytes(self, bytes: &mut [u8]) {
        let bytes = &mut bytes[..32];
        // SAFETY: the slice is as long as the register; unaligned stores have no further need.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn splat(block: Block) -> Self {
        let bytes = block.to_bytes();
        // SAFETY: features as above; 16 bytes are read, as many as there are.
        Avx2(unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.as_ptr().cast())) })
    }

    #[inline(always)]
    fn counter(stream: u64, index: u64) -> Self {
        // SAFETY: features as above.
        Avx2(unsafe { _mm256_set_epi64x(stream as i64, index.wrapping_add(1) as i64, stream as i64, index as i64) })
    }

    #[inline(always)]
    fn scatter(vectors: [Self; 4], blocks: &mut [Block], stride: usize) {
        let [a, b, c, d] = vectors;
        let ([low_ab, high_ab], [low_cd, high_cd]) = (a.swap_lanes(b), c.swap_lanes(d));
        for (lane, row) in [[low_ab, low_cd], [high_ab, high_cd]].into_iter().enumerate() {
            let blocks = &mut blocks[lane * stride..][..4];
            row[0].store(blocks);
            row[1].store(&mut blocks[2..]);
        }
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: features as above.
        Avx2(unsafe { _mm256_xor_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn sigma(self) -> Self {
        // SAFETY: features as above.
        Avx2(unsafe {
            let swapped = _mm256_shuffle_epi32::<0b01_00_11_10>(self.0);
            _mm256_xor_si256(swapped, _mm256_and_si256(self.0, _mm256_set_epi64x(-1, 0, -1, 0)))
        })
    }

    #[inline(always)]
    fn colours(self) -> Self::Mask {
        // SAFETY: features as above.
        unsafe { _mm256_srai_epi32::<31>(_mm256_slli_epi32::<31>(_mm256_shuffle_epi32::<0>(self.0))) }
    }

    #[inline(always)]
    fn mask(bits: u8) -> Self::Mask {
        // SAFETY: features as above.
        unsafe {
            let lanes = _mm256_set_epi64x(2, 2, 1, 1);
            _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(i64::from(bits)), lanes), lanes)
        }
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: features as above.
        Avx2(unsafe { _mm256_and_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn xor_where(self, mask: Self::Mask, other: Self) -> Self {
        // SAFETY: features as above.
        Avx2(unsafe { _mm256_xor_si256(self.0, _mm256_and_si256(mask, other.0)) })
    }

    #[inline(always)]
    fn interleave(self, other: Self) -> [Self; 2] {
        // SAFETY: features as above.
        unsafe { [Avx2(_mm256_unpacklo_epi8(self.0, other.0)), Avx2(_mm256_unpackhi_epi8(self.0, other.0))] }
    }

    #[inline(always)]
    fn carryless_dot(self, other: Self) -> Self {
        // SAFETY: features as above.
        Avx2(unsafe {
            let low = _mm256_clmulepi64_epi128::<0x00>(self.0, other.0);
            _mm256_xor_si256(low, _mm256_clmulepi64_epi128::<0x11>(self.0, other.0))
        })
    }

    #[inline(always)]
    fn transpose_bits(self) -> Self {
        // Warren, "Hacker's Delight", section 7-3.
        // SAFETY: features as above.
        Avx2(unsafe {
            let x = self.0;
            let t = _mm256_and_si256(
                _mm256_xor_si256(x, _mm256_srli_epi64::<7>(x)),
                _mm256_set1_epi64x(0x00aa_00aa_00aa_00aa),
            );
            let x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64::<7>(t)));
            let t = _mm256_and_si256(
                _mm256_xor_si256(x, _mm256_srli_epi64::<14>(x)),
                _mm256_set1_epi64x(0x0000_cccc_0000_cccc),
            );
            let x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64::<14>(t)));
            let t = _mm256_and_si256(
                _mm256_xor_si256(x, _mm256_srli_epi64::<28>(x)),
                _mm256_set1_epi64x(0x0000_0000_f0f0_f0f0),
            );
            _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64::<28>(t)))
        })
    }

    #[inline(always)]
    fn encrypt<K: RoundKeys, const N: usize>(key: K, mut blocks: [Self; N]) -> [Self; N] {
        let first = Self::splat(key.round(0));
        for block in &mut blocks {
            *block = block.xor(first);
        }
        for round in 1..10 {
            let round_key = Self::splat(key.round(round));
            for block in &mut blocks {
                // SAFETY: features as above.
                block.0 = unsafe { _mm256_aesenc_epi128(block.0, round_key.0) };
            }
        }
        let last = Self::splat(key.round(10));
        for block in &mut blocks {
            // SAFETY: features as above.
            block.0 = unsafe { _mm256_aesenclast_epi128(block.0, last.0) };
        }
        blocks
    }

    #[inline(always)]
    fn next_round_key(self, rcon: u8) -> Self {
        // With the rotated last word in all four columns, ShiftRows moves nothing, and the last round of AES is
        // SubBytes and the addition of its key.
        // SAFETY: features as above.
        Avx2(unsafe {
            let rotated = _mm256_shuffle_epi8(self.0, _mm256_set1_epi32(0x0c0f_0e0d));
            let substituted = _mm256_aesenclast_epi128(rotated, _mm256_set1_epi32(i32::from(rcon)));
            let pairs = _mm256_xor_si256(self.0, _mm256_bslli_epi128::<4>(self.0));
            let sums = _mm256_xor_si256(pairs, _mm256_bslli_epi128::<8>(pairs));
            _mm256_xor_si256(sums, substituted)
        })
    }
}
