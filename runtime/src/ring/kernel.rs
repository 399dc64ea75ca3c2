//! A tile of a matrix product mod 2^64 whose sums stay in registers: one body, compiled for each instruction set.
#![allow(unsafe_code)]

/// Rows of a whole tile.
pub(super) const ROWS: usize = 4;
/// Columns of a tile: four registers of 512 bits.
pub(super) const COLUMNS: usize = 32;

/// The instruction sets that the body is compiled for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Present),
    #[cfg(target_arch = "x86_64")]
    Avx512(Present),
}

/// Proof that this machine has the instructions of the variant that holds it.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Present(());

impl Isa {
    /// All that this machine has, the best first.
    pub(super) fn available() -> Vec<Isa> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected;
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                found.push(Isa::Avx512(Present(())));
            }
            if is_x86_feature_detected!("avx2") {
                found.push(Isa::Avx2(Present(())));
            }
        }
        found.push(Isa::Portable);
        found
    }

    pub(super) fn detect() -> Isa {
        Self::available()[0]
    }

    /// The product of rows of equal length with a panel of as many rows of [`COLUMNS`].
    pub(super) fn tile<const R: usize>(self, rows: [&[u64]; R], panel: &[u64]) -> [[u64; COLUMNS]; R] {
        match self {
            Isa::Portable => tile(rows, panel),
            // SAFETY: the variant exists only where `available` found the features.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(Present(())) => unsafe { tile_avx2(rows, panel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(Present(())) => unsafe { tile_avx512(rows, panel) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn tile_avx2<const R: usize>(rows: [&[u64]; R], panel: &[u64]) -> [[u64; COLUMNS]; R] {
    tile(rows, panel)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn tile_avx512<const R: usize>(rows: [&[u64]; R], panel: &[u64]) -> [[u64; COLUMNS]; R] {
    tile(rows, panel)
}

#[inline(always)]
fn tile<const R: usize>(rows: [&[u64]; R], panel: &[u64]) -> [[u64; COLUMNS]; R] {
    let panel = panel.as_chunks::<COLUMNS>().0;
    let rows = rows.map(|row| &row[..panel.len()]);
    let mut sums = [[0u64; COLUMNS]; R];
    for (term, panel) in panel.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let x = row[term];
            for (sum, y) in sums.iter_mut().zip(panel) {
                *sum = sum.wrapping_add(x.wrapping_mul(*y));
            }
        }
    }
    sums
}
