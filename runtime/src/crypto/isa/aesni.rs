//! AES-NI with SSSE3: one block in a register.
//!
//! [`Vector`]'s methods are safe to call only from inside [`Present::run`], where the features are switched on. The
//! vector type is handed to kernels by that function, and those of the wider instruction sets, alone, which take a proof
//! that the machine has them.
#![allow(unsafe_code)]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::*;

use super::{Kernel, RoundKeys, Vector};
use crate::crypto::Block;

/// Proof that this machine has the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Present(());

impl Present {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("aes") && is_x86_feature_detected!("ssse3") && is_x86_feature_detected!("pclmulqdq"))
            .then_some(Present(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "aes,ssse3,pclmulqdq")]
        fn with_features<K: Kernel>(kernel: K) -> K::Output {
            kernel.run::<Sse>()
        }
        // SAFETY: `self` exists only where `detect` found all of the features named.
        unsafe { with_features(kernel) }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Sse(__m128i);

impl Vector for Sse {
    const LANES: usize = 1;
    type Mask = __m128i;
    type Narrow = Sse;

    #[inline(always)]
    fn load(blocks: &[Block]) -> Self {
        let blocks = &blocks[..1];
        // SAFETY: the slice is as long as the register; unaligned loads have no further need.
        Sse(unsafe { _mm_loadu_si128(blocks.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, blocks: &mut [Block]) {
        let blocks = &mut blocks[..1];
        // SAFETY: the slice is as long as the register; unaligned stores have no further need.
        unsafe { _mm_storeu_si128(blocks.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn load_bytes(bytes: &[u8]) -> Self {
        let bytes = &bytes[..16];
        // SAFETY: the slice is as long as the register; unaligned loads have no further need.
        Sse(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store_bytes(self, bytes: &mut [u8]) {
        let bytes = &mut bytes[..16];
        // SAFETY: the slice is as long as the register; unaligned stores have no further need.
        unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn splat(block: Block) -> Self {
        let bytes = block.to_bytes();
        // SAFETY: features as above; 16 bytes are read, as many as there are.
        Sse(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
    }

    #[inline(always)]
    fn counter(stream: u64, index: u64) -> Self {
        // SAFETY: features as above.
        Sse(unsafe { _mm_set_epi64x(stream as i64, index as i64) })
    }

    #[inline(always)]
    fn scatter(vectors: [Self; 4], blocks: &mut [Block], _: usize) {
        let blocks = &mut blocks[..4];
        for j in 0..4 {
            vectors[j].store(&mut blocks[j..]);
        }
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: features as above.
        Sse(unsafe { _mm_xor_si128(self.0, other.0) })
    }

    #[inline(always)]
    fn sigma(self) -> Self {
        // SAFETY: features as above.
        Sse(unsafe {
            let swapped = _mm_shuffle_epi32::<0b01_00_11_10>(self.0);
            _mm_xor_si128(swapped, _mm_and_si128(self.0, _mm_set_epi64x(-1, 0)))
        })
    }

    #[inline(always)]
    fn colours(self) -> Self::Mask {
        // SAFETY: features as above.
        unsafe { _mm_srai_epi32::<31>(_mm_slli_epi32::<31>(_mm_shuffle_epi32::<0>(self.0))) }
    }

    #[inline(always)]
    fn mask(bits: u8) -> Self::Mask {
        // SAFETY: features as above.
        unsafe { _mm_set1_epi64x(-i64::from(bits & 1)) }
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: features as above.
        Sse(unsafe { _mm_and_si128(self.0, other.0) })
    }

    #[inline(always)]
    fn xor_where(self, mask: Self::Mask, other: Self) -> Self {
        // SAFETY: features as above.
        Sse(unsafe { _mm_xor_si128(self.0, _mm_and_si128(mask, other.0)) })
    }

    #[inline(always)]
    fn interleave(self, other: Self) -> [Self; 2] {
        // SAFETY: features as above.
        unsafe { [Sse(_mm_unpacklo_epi8(self.0, other.0)), Sse(_mm_unpackhi_epi8(self.0, other.0))] }
    }

    #[inline(always)]
    fn carryless_dot(self, other: Self) -> Self {
        // SAFETY: features as above.
        Sse(unsafe {
            let low = _mm_clmulepi64_si128::<0x00>(self.0, other.0);
            _mm_xor_si128(low, _mm_clmulepi64_si128::<0x11>(self.0, other.0))
        })
    }

    #[inline(always)]
    fn transpose_bits(self) -> Self {
        // Warren, "Hacker's Delight", section 7-3.
        // SAFETY: features as above.
        Sse(unsafe {
            let x = self.0;
            let t = _mm_and_si128(_mm_xor_si128(x, _mm_srli_epi64::<7>(x)), _mm_set1_epi64x(0x00aa_00aa_00aa_00aa));
            let x = _mm_xor_si128(x, _mm_xor_si128(t, _mm_slli_epi64::<7>(t)));
            let t = _mm_and_si128(_mm_xor_si128(x, _mm_srli_epi64::<14>(x)), _mm_set1_epi64x(0x0000_cccc_0000_cccc));
            let x = _mm_xor_si128(x, _mm_xor_si128(t, _mm_slli_epi64::<14>(t)));
            let t = _mm_and_si128(_mm_xor_si128(x, _mm_srli_epi64::<28>(x)), _mm_set1_epi64x(0x0000_0000_f0f0_f0f0));
            _mm_xor_si128(x, _mm_xor_si128(t, _mm_slli_epi64::<28>(t)))
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
                block.0 = unsafe { _mm_aesenc_si128(block.0, round_key.0) };
            }
        }
        let last = Self::splat(key.round(10));
        for block in &mut blocks {
            // SAFETY: features as above.
            block.0 = unsafe { _mm_aesenclast_si128(block.0, last.0) };
        }
        blocks
    }

    #[inline(always)]
    fn next_round_key(self, rcon: u8) -> Self {
        // With the rotated last word in all four columns, ShiftRows moves nothing, and the last round of AES is
        // SubBytes and the addition of its key.
        // SAFETY: features as above.
        Sse(unsafe {
            let rotated = _mm_shuffle_epi8(self.0, _mm_set1_epi32(0x0c0f_0e0d));
            let substituted = _mm_aesenclast_si128(rotated, _mm_set1_epi32(i32::from(rcon)));
            let pairs = _mm_xor_si128(self.0, _mm_slli_si128::<4>(self.0));
            let sums = _mm_xor_si128(pairs, _mm_slli_si128::<8>(pairs));
            _mm_xor_si128(sums, substituted)
        })
    }
}
