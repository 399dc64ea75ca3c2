//! Transposing bits: from 128 rows, as OT extension makes them, to a block for each OT.
//!
//! In each lane of a vector a matrix of 128 × 128 bits: first 8 × 8 bits at a time within 8 rows (bytes interleaved,
//! then the bits of 8 bytes transposed), then the bytes of the 16 groups of rows. 2.5 vector operations an OT and lane.

use crate::crypto::Block;
use crate::crypto::isa::{Isa, Kernel, Vector};

/// Transposes 128 rows of equal length (a multiple of four blocks): bit `r` of `out[j]` is bit `j` of row `r`.
///
/// # Panics
/// Where the lengths do not fit.
pub fn transpose(isa: Isa, rows: &[Block], out: &mut [Block]) {
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
        let mut bytes = Bytes::new();
        for column in (0..length).step_by(V::LANES) {
            for (group, rows) in self.rows.chunks_exact(8 * length).enumerate() {
                bytes.set(group, std::array::from_fn(|r| V::load(&rows[r * length + column..])));
            }
            for p in 0..8 {
                for (q, columns) in bytes.columns(p).as_chunks::<4>().0.iter().enumerate() {
                    V::scatter(*columns, &mut self.out[128 * column + 16 * p + 4 * q..], 128);
                }
            }
        }
    }
}

/// A matrix half-way: 128 columns of `V::LANES` matrices, each column in bytes of 8 rows. Vector `group` of `self.0[p]`
/// has columns 16p to 16p + 15 of rows `8 · group` on.
struct Bytes<V>([[V; 16]; 8]);

impl<V: Vector> Bytes<V> {
    #[inline(always)]
    fn new() -> Self {
        Bytes([[V::splat(Block::ZERO); 16]; 8])
    }

    /// The first half of the work: takes rows `8 · group` on.
    #[inline(always)]
    fn set(&mut self, group: usize, rows: [V; 8]) {
        let pairs = shuffle_eight(shuffle_eight(shuffle_eight(rows)));
        for (bytes, pair) in self.0.iter_mut().zip(pairs) {
            bytes[group] = pair.transpose_bits();
        }
    }

    /// The second half: columns 16p to 16p + 15.
    #[inline(always)]
    fn columns(&self, p: usize) -> [V; 16] {
        shuffle_sixteen(shuffle_sixteen(shuffle_sixteen(shuffle_sixteen(self.0[p]))))
    }
}

/// Interleaves the first half of the vectors with the second. After three rounds the bytes at one place of all eight
/// vectors stand together. (Written out, as it is with loops that the compiler keeps vectors in memory.)
#[inline(always)]
fn shuffle_eight<V: Vector>([a, b, c, d, e, f, g, h]: [V; 8]) -> [V; 8] {
    let ([a, b], [c, d], [e, f], [g, h]) = (a.interleave(e), b.interleave(f), c.interleave(g), d.interleave(h));
    [a, b, c, d, e, f, g, h]
}

/// The same of sixteen, for four rounds.
#[inline(always)]
fn shuffle_sixteen<V: Vector>([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]: [V; 16]) -> [V; 16] {
    let low = (a.interleave(i), b.interleave(j), c.interleave(k), d.interleave(l));
    let high = (e.interleave(m), f.interleave(n), g.interleave(o), h.interleave(p));
    let (([a, b], [c, d], [e, f], [g, h]), ([i, j], [k, l], [m, n], [o, p])) = (low, high);
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
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
