//! The instruction sets that kernels are compiled for, and the one place where one is chosen.
//!
//! A kernel is a value with a method generic over [`Vector`] (see [`Kernel`]). [`Isa::run`] compiles that method once
//! for each instruction set, inside a function with the features switched on, and calls the right one. Kernels are safe
//! code; the intrinsics are in the files below, one for each instruction set.

#[cfg(target_arch = "x86_64")]
mod aesni;
mod portable;
#[cfg(target_arch = "x86_64")]
mod vaes256;
#[cfg(target_arch = "x86_64")]
mod vaes512;

use super::Block;

/// The round keys of AES-128, wherever they lie.
pub(crate) trait RoundKeys: Copy {
    /// Round key `round`, 0 to 10. Number 0 is the key itself.
    fn round(self, round: usize) -> Block;
}

/// As many blocks side by side as the instruction set's registers hold.
pub(crate) trait Vector: Copy {
    /// Blocks in a vector.
    const LANES: usize;
    /// A bit for each lane.
    type Mask: Copy;
    /// One block, for what does not fill a vector.
    type Narrow: Vector;

    /// The first `LANES` blocks of a slice.
    fn load(blocks: &[Block]) -> Self;
    /// Writes the first `LANES` blocks of a slice.
    fn store(self, blocks: &mut [Block]);
    /// The first `16 * LANES` bytes of a slice.
    fn load_bytes(bytes: &[u8]) -> Self;
    /// Writes the first `16 * LANES` bytes of a slice.
    fn store_bytes(self, bytes: &mut [u8]);
    /// The same block in every lane.
    fn splat(block: Block) -> Self;
    /// The counter blocks from `index` on: lane `j` is `stream · 2^64 + index + j`, the latter sum modulo 2^64.
    fn counter(stream: u64, index: u64) -> Self;
    /// Lane `q` of vector `j` to `blocks[q * stride + j]`.
    fn scatter(vectors: [Self; 4], blocks: &mut [Block], stride: usize);
    /// `self ⊕ other`.
    fn xor(self, other: Self) -> Self;
    /// [`Block::sigma`] of every lane.
    fn sigma(self) -> Self;
    /// The colour bits: bit 0 of every lane.
    fn colours(self) -> Self::Mask;
    /// The lanes whose bit is set in the `LANES` low bits.
    fn mask(bits: u8) -> Self::Mask;
    /// `self ∧ other`.
    fn and(self, other: Self) -> Self;
    /// `self ⊕ other` in the lanes of the mask, `self` in the others.
    fn xor_where(self, mask: Self::Mask, other: Self) -> Self;
    /// In each lane the bytes of `self` and `other` by turns: those of their low halves, then those of their high
    /// halves.
    fn interleave(self, other: Self) -> [Self; 2];
    /// In each lane, of two polynomials over F₂ in each operand, the product of the low ones plus that of the high ones.
    fn carryless_dot(self, other: Self) -> Self;
    /// Each 8 bytes as a matrix of 8 × 8 bits (a byte a row, the lowest bit first), transposed.
    fn transpose_bits(self) -> Self;
    /// AES-128 of all lanes of all vectors under one key. With about eight vectors the units are kept busy.
    fn encrypt<K: RoundKeys, const N: usize>(key: K, blocks: [Self; N]) -> [Self; N];
    /// From a round key of each lane's key schedule the next one, `rcon` being that round's constant. An instruction
    /// set whose [`Vector::encrypt`] reads the key alone leaves it as it is.
    fn next_round_key(self, rcon: u8) -> Self;
}

/// Work that is compiled for every instruction set. `run` must be `#[inline(always)]`, as must all that it calls with
/// vectors, so that it is compiled with the features of the instruction set.
pub(crate) trait Kernel {
    /// What the work gives.
    type Output;
    /// Does the work.
    fn run<V: Vector>(self) -> Self::Output;
}

/// An instruction set that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Level);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    AesNi(aesni::Present),
    #[cfg(target_arch = "x86_64")]
    Vaes256(vaes256::Present),
    #[cfg(target_arch = "x86_64")]
    Vaes512(vaes512::Present),
}

impl Isa {
    /// The fastest instruction set of this machine.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let vaes512 = || vaes512::Present::detect().map(Level::Vaes512);
            let vaes256 = || vaes256::Present::detect().map(Level::Vaes256);
            let aesni = || aesni::Present::detect().map(Level::AesNi);
            if let Some(level) = vaes512().or_else(vaes256).or_else(aesni) {
                return Isa(level);
            }
        }
        Isa::portable()
    }

    /// The one that runs everywhere.
    pub fn portable() -> Self {
        Isa(Level::Portable)
    }

    /// All that this machine has, the portable one first.
    pub fn available() -> Vec<Self> {
        let mut all = vec![Isa::portable()];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(aesni::Present::detect().map(|present| Isa(Level::AesNi(present))));
            all.extend(vaes256::Present::detect().map(|present| Isa(Level::Vaes256(present))));
            all.extend(vaes512::Present::detect().map(|present| Isa(Level::Vaes512(present))));
        }
        all
    }

    /// Its name, for benchmarks and logs.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::AesNi(_) => "AES-NI",
            #[cfg(target_arch = "x86_64")]
            Level::Vaes256(_) => "AVX2 + VAES",
            #[cfg(target_arch = "x86_64")]
            Level::Vaes512(_) => "AVX-512 + VAES",
        }
    }

    /// Runs a kernel compiled for this instruction set.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            Level::Portable => portable::run(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::AesNi(present) => present.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Vaes256(present) => present.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Vaes512(present) => present.run(kernel),
        }
    }
}
