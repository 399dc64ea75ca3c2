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
            square::<V>(&self.rows[column..], length, &mut self.out[128 * column..]);
        }
    }
}

/// One square a lane.
#[inline(always)]
fn square<V: Vector>(rows: &[Block], stride: usize, out: &mut [Block]) {
    // bytes[p][r]: of rows 8r to 8r + 7 the columns 16p to 16p + 15, a byte being one column of the 8 rows.
    let mut bytes = [[V::splat(Block::ZERO); 16]; 8];
    for group in 0..16 {
        let mut eight = [V::splat(Block::ZERO); 8];
        for (r, row) in eight.iter_mut().enumerate() {
            *row = V::load(&rows[(8 * group + r) * stride..]);
        }
        let eight = shuffle(shuffle(shuffle(eight)));
        for p in 0..8 {
            bytes[p][group] = eight[p].transpose_bits();
        }
    }
    for (p, sixteen) in bytes.into_iter().enumerate() {
        let columns = shuffle(shuffle(shuffle(shuffle(sixteen))));
        for (q, column) in columns.into_iter().enumerate() {
            column.scatter(&mut out[16 * p + q..], 128);
        }
    }
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
    use super::*;
    use crate::crypto::{Prg, Stream};

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
}
