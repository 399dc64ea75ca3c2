//! Transposing bits: from 128 rows, as OT extension makes them, to a block for each OT.
//!
//! In each lane of a vector a matrix of 128 × 128 bits: first 8 × 8 bits at a time within 8 rows (bytes interleaved,
//! then the bits of 8 bytes transposed), then the bytes of the 16 groups of rows. 2.5 vector operations an OT and lane.

use crate::crypto::Block;
use crate::crypto::isa::{Isa, Kernel, Vector};

/// Transposes 128 rows of equal length (a multiple of four blocks): bit `r` of `out[j]` is bit `j` of row `r`.
pub(super) fn transpose(isa: Isa, rows: &[Block], out: &mut [Block]) {
    assert!(rows.len() == out.len() && rows.len().is_multiple_of(4 * 128));
    isa.run(Transpose { rows, out });
}

struct Transpose<'a> {
    rows: &'a [Block],
    out: &'a mut [Block],
}

impl Kernel for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let length = self.rows.len() / 128;
        for column in (0..length).step_by(V::LANES) {
            let mut bytes = [[V::splat(Block::ZERO); 16]; 8];
            for group in 0..16 {
                let mut rows = [V::splat(Block::ZERO); 8];
                for (r, row) in rows.iter_mut().enumerate() {
                    *row = V::load(&self.rows[(8 * group + r) * length + column..]);
                }
                eight_rows(rows, &mut bytes, group);
            }
            for (p, bytes) in bytes.iter().enumerate() {
                let columns = sixteen_columns(bytes);
                for (q, columns) in columns.as_chunks::<4>().0.iter().enumerate() {
                    V::scatter(*columns, &mut self.out[128 * column + 16 * p + 4 * q..], 128);
                }
            }
        }
    }
}

/// The first half: of rows `8 · group` on, `bytes[p][group]` are columns 16p to 16p + 15, a byte one column of 8 rows.
#[inline(always)]
pub(super) fn eight_rows<V: Vector>(rows: [V; 8], bytes: &mut [[V; 16]; 8], group: usize) {
    let pairs = shuffle(shuffle(shuffle(rows)));
    for (p, pair) in pairs.into_iter().enumerate() {
        bytes[p][group] = pair.transpose_bits();
    }
}

/// The second half: 16 columns from their bytes.
#[inline(always)]
pub(super) fn sixteen_columns<V: Vector>(bytes: &[V; 16]) -> [V; 16] {
    shuffle(shuffle(shuffle(shuffle(*bytes))))
}

/// Interleaves the first half of the vectors with the second. After log₂ N rounds the bytes at one place of all `N`
/// vectors stand together.
#[inline(always)]
fn shuffle<V: Vector, const N: usize>(vectors: [V; N]) -> [V; N] {
    let mut out = vectors;
    for j in 0..N / 2 {
        let [low, high] = vectors[j].interleave(vectors[N / 2 + j]);
        out[2 * j] = low;
        out[2 * j + 1] = high;
    }
    out
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::crypto::{Prg, Stream, known_answers};

    #[test]
    fn every_bit_goes_to_its_place() {
        for length in [4, 8, 20] {
            let mut rows = vec![Block::ZERO; 128 * length];
            Prg::from_seed(Block::new(length as u128), Stream(0)).fill(&mut rows);
            for isa in Isa::available() {
                let mut out = vec![Block::ZERO; rows.len()];
                transpose(isa, &rows, &mut out);
                for (j, block) in out.iter().enumerate() {
                    for r in 0..128 {
                        let bit = rows[r * length + j / 128].value() >> (j % 128) & 1;
                        assert_eq!(block.value() >> r & 1, bit, "{} row {r} column {j}", isa.name());
                    }
                }
            }
        }
    }

    #[test]
    fn known_answer() {
        for line in known_answers::lines("transpose") {
            let mut rows = vec![Block::ZERO; 512];
            Prg::from_seed(known_answers::block(line[0]), Stream(0)).fill(&mut rows);
            // The script draws block c of row r at index 4r + c.
            for isa in Isa::available() {
                let mut out = rows.clone();
                transpose(isa, &rows, &mut out);
                let mut hash = Sha256::new();
                for block in out {
                    hash.update(block.to_bytes());
                }
                let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(hex, line[1], "{}", isa.name());
            }
        }
    }
}
