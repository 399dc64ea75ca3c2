//! Tables read and written at a secret index.

use super::compare::{any, lt, masked, select};
use super::{constant, is_constant};
use crate::builder::Builder;
use crate::circuit::Bit;

/// `table[index]`, or zeros where the index is out of range (negative included, where `signed`).
///
/// For n rows of w bits (n - 1)·w ANDs, and w + log n more where an index can be out of range. A table of constants
/// costs less: its rows are sums of products of index bits, which all columns share.
pub fn read(b: &mut Builder, table: &[Vec<Bit>], index: &[Bit], signed: bool) -> Vec<Bit> {
    let Reach { rows, low, valid } = Reach::new(b, table.len(), index, signed);
    let table = &table[..rows];
    let Some(first) = table.first() else {
        return Vec::new();
    };
    assert!(table.iter().all(|row| row.len() == first.len()), "widths of a table");

    let by_products = if table.iter().flatten().all(|&bit| is_constant(bit)) {
        constant_levels(rows, first.len(), low.len())
    } else {
        0
    };
    let (low_bits, high_bits) = low.split_at(by_products);
    let mut layer = if by_products > 0 { constant_blocks(b, table, low_bits) } else { table.to_vec() };
    for &bit in high_bits {
        layer = layer
            .chunks(2)
            .map(|pair| match pair {
                [zero, one] => select(b, bit, one, zero),
                // A row without a partner is read at this bit's 0, or out of range.
                rest => rest.concat(),
            })
            .collect();
    }
    let row = layer.swap_remove(0);
    masked(b, valid, &row)
}

/// The table with `value` at the index, or as it was where the index is out of range (negative included, where `signed`):
/// n·w ANDs, and about n to find the place.
pub fn write(b: &mut Builder, table: &[Vec<Bit>], index: &[Bit], signed: bool, value: &[Bit]) -> Vec<Vec<Bit>> {
    let Reach { rows, low, valid } = Reach::new(b, table.len(), index, signed);
    // Which row is meant, decided from the highest bit down; what a split leaves for its other half is free.
    let mut chosen = vec![valid];
    for (level, &bit) in low.iter().enumerate().rev() {
        let mut halves = Vec::with_capacity(2 * chosen.len());
        for (block, &here) in chosen.iter().enumerate() {
            let upper = b.and(here, bit);
            halves.push(b.xor(here, upper));
            if (2 * block + 1) << level < rows {
                halves.push(upper);
            }
        }
        chosen = halves;
    }
    let mut written = table.to_vec();
    for (row, &here) in written.iter_mut().zip(&chosen).take(rows) {
        *row = select(b, here, value, row);
    }
    written
}

/// What an index can reach of a table.
struct Reach {
    /// Rows that some index means.
    rows: usize,
    /// The index's bits that tell these rows apart.
    low: Vec<Bit>,
    /// Whether the index means one of them.
    valid: Bit,
}

impl Reach {
    fn new(b: &mut Builder, rows: usize, index: &[Bit], signed: bool) -> Reach {
        // Read as unsigned, a negative index is one beyond all that a signed one can mean.
        let bits = index.len().saturating_sub(usize::from(signed));
        let rows = if bits < usize::BITS as usize - 1 { rows.min(1 << bits) } else { rows };
        let levels = index.len().min(rows.next_power_of_two().ilog2() as usize);
        let (low, high) = index.split_at(levels);
        let beyond = any(b, high);
        let mut valid = !beyond;
        if rows != 1 << levels {
            let in_table = lt(b, low, &constant(rows as i64, levels), false);
            valid = b.and(valid, in_table);
        }
        Reach { rows, low: low.to_vec(), valid }
    }
}

/// How many index bits of a table of constants are best resolved by products: 2^j - j - 1 ANDs for all columns
/// together, and the blocks that remain are selected from column by column.
fn constant_levels(rows: usize, width: usize, levels: usize) -> usize {
    let cost = |j: usize| (1usize << j) - j - 1 + (rows.div_ceil(1 << j) - 1) * width;
    (0..=levels).min_by_key(|&j| cost(j)).unwrap_or(0)
}

/// The rows of constants in blocks of 2^j, each as a word that depends on the j index bits.
fn constant_blocks(b: &mut Builder, table: &[Vec<Bit>], index: &[Bit]) -> Vec<Vec<Bit>> {
    let size = 1 << index.len();
    // products[m] is the product of the index bits in the set m.
    let mut products = vec![Bit::TRUE];
    for &bit in index {
        let with: Vec<Bit> = products.iter().map(|&product| b.and(product, bit)).collect();
        products.extend(with);
    }
    let width = table[0].len();
    let block = |rows: &[Vec<Bit>]| {
        let column = |column: usize| {
            // The algebraic normal form, by the Möbius transform.
            let mut form: Vec<bool> =
                (0..size).map(|row| rows.get(row).is_some_and(|r| r[column] == Bit::TRUE)).collect();
            for level in 0..index.len() {
                for m in (0..size).filter(|m| m >> level & 1 == 1) {
                    form[m] ^= form[m ^ (1 << level)];
                }
            }
            form
        };
        (0..width).map(column).collect::<Vec<_>>()
    };
    let forms: Vec<Vec<Vec<bool>>> = table.chunks(size).map(block).collect();
    let sum = |b: &mut Builder, form: &[bool]| {
        let terms = products.iter().zip(form).filter(|(_, present)| **present);
        terms.fold(Bit::FALSE, |sum, (&product, _)| b.xor(sum, product))
    };
    forms.iter().map(|columns| columns.iter().map(|form| sum(b, form)).collect()).collect()
}
