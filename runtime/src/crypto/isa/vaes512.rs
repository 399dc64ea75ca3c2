//! AVX-512 with VAES and GFNI: four blocks in a register.
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
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("vaes")
            && is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("vpclmulqdq")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("gfni"))
        .then_some(Present(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512bw,vaes,aes,gfni,vpclmulqdq,pclmulqdq")]
        fn with_features<K: Kernel>(kernel: K) -> K::Output {
            kernel.run::<Avx512>()
        }
        // SAFETY: `self` exists only where `detect` found all of the features named.
        unsafe { with_features(kernel) }
    }
}

#[derive(Clone, Copy)]
struct Avx512(__m512i);

impl Avx512 {
    /// Lane `j` of vector `q` becomes lane `q` of vector `j`.
    #[inline(always)]
    fn transpose_lanes(vectors: [Self; 4]) -> [Self; 4] {
        let [a, b, c, d] = vectors;
        // SAFETY: features as above.
        unsafe {
            let ab_low = _mm512_shuffle_i64x2::<0x44>(a.0, b.0);
            let ab_high = _mm512_shuffle_i64x2::<0xee>(a.0, b.0);
            let cd_low = _mm512_shuffle_i64x2::<0x44>(c.0, d.0);
            let cd_high = _mm512_shuffle_i64x2::<0xee>(c.0, d.0);
            [
                Avx512(_mm512_shuffle_i64x2::<0x88>(ab_low, cd_low)),
                Avx512(_mm512_shuffle_i64x2::<0xdd>(ab_low, cd_low)),
                Avx512(_mm512_shuffle_i64x2::<0x88>(ab_high, cd_high)),
                Avx512(_mm512_shuffle_i64x2::<0xdd>(ab_high, cd_high)),
            ]
        }
    }
}

impl Vector for Avx512 {
    const LANES: usize = 4;
    type Mask = __mmask8;
    type Narrow = Sse;

    #[inline(always)]
    fn load(blocks: &[Block]) -> Self {
        let blocks = &blocks[..4];
        // SAFETY: the slice is as long as the register; unaligned loads have no further need.
        Avx512(unsafe { _mm512_loadu_si512(blocks.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, blocks: &mut [Block]) {
        let blocks = &mut blocks[..4];
        // SAFETY: the slice is as long as the register; unaligned stores have no further need.
        unsafe { _mm512_storeu_si512(blocks.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn load_bytes(bytes: &[u8]) -> Self {
        let bytes = &bytes[..64];
        // SAFETY: the slice is as long as the register; unaligned loads have no further need.
        Avx512(unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store_bytes(self, bytes: &mut [u8]) {
        let bytes = &mut bytes[..64];
        // SAFETY: the slice is as long as the register; unaligned stores have no further need.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn splat(block: Block) -> Self {
        let bytes = block.to_bytes();
        // SAFETY: features as above; 16 bytes are read, as many as there are.
        Avx512(unsafe { _mm512_broadcast_i32x4(_mm_loadu_si128(bytes.as_ptr().cast())) })
    }

    #[inline(always)]
    fn counter(stream: u64, index: u64) -> Self {
        // SAFETY: features as above.
        Avx512(unsafe {
            let first = _mm512_set4_epi64(stream as i64, index as i64, stream as i64, index as i64);
            _mm512_add_epi64(first, _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0))
        })
    }

    #[inline(always)]
    fn scatter(vectors: [Self; 4], blocks: &mut [Block], stride: usize) {
        for (lane, row) in Self::transpose_lanes(vectors).into_iter().enumerate() {
            row.store(&mut blocks[lane * stride..]);
        }
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: features as above.
        Avx512(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn sigma(self) -> Self {
        // SAFETY: features as above.
        Avx512(unsafe {
            let swapped = _mm512_shuffle_epi32::<0b01_00_11_10>(self.0);
            let high = _mm512_set4_epi64(-1, 0, -1, 0);
            // swapped ⊕ (self ∧ high)
            _mm512_ternarylogic_epi64::<0x78>(swapped, self.0, high)
        })
    }

    #[inline(always)]
    fn colours(self) -> Self::Mask {
        // SAFETY: features as above.
        unsafe { _mm512_test_epi64_mask(_mm512_unpacklo_epi64(self.0, self.0), _mm512_set1_epi64(1)) }
    }

    #[inline(always)]
    fn mask(bits: u8) -> Self::Mask {
        // SAFETY: features as above.
        unsafe { _mm512_test_epi64_mask(_mm512_set1_epi64(i64::from(bits)), _mm512_set_epi64(8, 8, 4, 4, 2, 2, 1, 1)) }
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: features as above.
        Avx512(unsafe { _mm512_and_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn xor_where(self, mask: Self::Mask, other: Self) -> Self {
        // SAFETY: features as above.
        Avx512(unsafe { _mm512_mask_xor_epi64(self.0, mask, self.0, other.0) })
    }

    #[inline(always)]
    fn interleave(self, other: Self) -> [Self; 2] {
        // SAFETY: features as above.
        unsafe { [Avx512(_mm512_unpacklo_epi8(self.0, other.0)), Avx512(_mm512_unpackhi_epi8(self.0, other.0))] }
    }

    #[inline(always)]
    fn carryless_dot(self, other: Self) -> Self {
        // SAFETY: features as above.
        Avx512(unsafe {
            let low = _mm512_clmulepi64_epi128::<0x00>(self.0, other.0);
            _mm512_xor_si512(low, _mm512_clmulepi64_epi128::<0x11>(self.0, other.0))
        })
    }

    #[inline(always)]
    fn transpose_bits(self) -> Self {
        // SAFETY: features as above.
        Avx512(unsafe {
            // The affine instruction takes a matrix's rows from the last byte to the first, and gives a byte's bit j
            // from row j: with the unit vectors as its operand it gives the matrix's columns.
            let reverse = _mm512_set4_epi32(0x0809_0a0b, 0x0c0d_0e0f, 0x0001_0203, 0x0405_0607);
            let rows = _mm512_shuffle_epi8(self.0, reverse);
            let units = _mm512_set1_epi64(0x8040_2010_0804_0201_u64 as i64);
            _mm512_gf2p8affine_epi64_epi8::<0>(units, rows)
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
                block.0 = unsafe { _mm512_aesenc_epi128(block.0, round_key.0) };
            }
        }
        let last = Self::splat(key.round(10));
        for block in &mut blocks {
            // SAFETY: features as above.
            block.0 = unsafe { _mm512_aesenclast_epi128(block.0, last.0) };
        }
        blocks
    }

    #[inline(always)]
    fn next_round_key(self, rcon: u8) -> Self {
        // With the rotated last word in all four columns, ShiftRows moves nothing, and the last round of AES is
        // SubBytes and the addition of its key.
        // SAFETY: features as above.
        Avx512(unsafe {
            let rotated = _mm512_shuffle_epi8(self.0, _mm512_set1_epi32(0x0c0f_0e0d));
            let substituted = _mm512_aesenclast_epi128(rotated, _mm512_set1_epi32(i32::from(rcon)));
            let pairs = _mm512_xor_si512(self.0, _mm512_bslli_epi128::<4>(self.0));
            let sums = _mm512_xor_si512(pairs, _mm512_bslli_epi128::<8>(pairs));
            _mm512_xor_si512(sums, substituted)
        })
    }
}
