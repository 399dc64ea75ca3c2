//! Arithmetic on words of bits, by families.
//!
//! A word is a slice of bits, the lowest first; unless said otherwise its value is taken modulo 2^N, N being its
//! length, and the two words of an operation have the same length (anything else is a mistake of the caller, and
//! panics). Widths adapt to what is known of a word: constant bits fold away, and where the top bits of a word repeat
//! (zeros above an unsigned value, a sign extended), `mul`, `sum` and their kin work on the narrow value.
//!
//! Costs are in ANDs; exclusive or and complement are free. They are those of the small form; in the shallow one
//! (`Form::Balanced`, `Form::Shallow`) additions, comparisons, sums and products take more ANDs in a logarithmic number of levels.

mod add;
mod compare;
mod divide;
mod fixed;
mod multiply;
mod shallow;
mod shift;
mod square;
mod sum;
mod table;

pub use add::{add, add_carry, neg, sub};
pub use compare::{abs, eq, lt, max, min, select};
pub use divide::{div_rem, fix_div};
pub use fixed::{fix_mul, fix_mul_known, rescale, rescale_sum_known};
pub use multiply::{mul, mul_add, mul_add_known, mul_known};
pub use shift::{resize, shl, shr};
pub use square::{square, sub_triangular};
pub use sum::{popcount, sum};
pub use table::{read, write};

use crate::circuit::Bit;

/// The constant `value` as a word of `bits` bits, the value's sign extended.
pub fn constant(value: i64, bits: usize) -> Vec<Bit> {
    (0..bits).map(|i| if value >> i.min(63) & 1 == 1 { Bit::TRUE } else { Bit::FALSE }).collect()
}

/// The shortest word that is this one when its sign is extended: at least one bit, unless there is none.
fn trimmed(x: &[Bit]) -> &[Bit] {
    let mut len = x.len();
    while len > 1 && x[len - 1] == x[len - 2] {
        len -= 1;
    }
    &x[..len]
}

/// How many bits both words need, signed.
fn common_width(x: &[Bit], y: &[Bit]) -> usize {
    trimmed(x).len().max(trimmed(y).len())
}

/// The word's low `bits` bits, its sign extended where it has fewer (zeros where it has none).
fn extended(x: &[Bit], bits: usize) -> Vec<Bit> {
    let sign = x.last().copied().unwrap_or(Bit::FALSE);
    (0..bits).map(|i| x.get(i).copied().unwrap_or(sign)).collect()
}

fn is_constant(bit: Bit) -> bool {
    bit.node() == 0
}

#[cfg(test)]
mod counts;
#[cfg(test)]
mod tests;
