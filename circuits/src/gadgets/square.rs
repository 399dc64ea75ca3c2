//! Squaring with one AND for each pair of different bits.
//!
//! With `x_i x_j = (x_i + x_j - (x_i ⊕ x_j)) / 2`, the products of different bits of a number in two's complement, each
//! twice in its square, become exclusive ors, which are free, and what is left over sums to `-x`:
//!
//! ```text
//! x² = -x - Σ_{i<j} w_i w_j (x_i ⊕ x_j),   w_i = 2^i, the last one negative
//! ```

use super::add::{neg, sum_into};
use super::{extended, trimmed};
use crate::builder::Builder;
use crate::circuit::Bit;

/// `x²` mod 2^N: about N²/4 + 2N ANDs, half of a product.
pub fn square(b: &mut Builder, x: &[Bit]) -> Vec<Bit> {
    let width = x.len();
    let zeros = x.iter().take_while(|&&x| x == Bit::FALSE).count();
    if 2 * zeros >= width {
        return vec![Bit::FALSE; width];
    }
    let result = square_odd(b, trimmed(&x[zeros..]), width - 2 * zeros);
    let mut shifted = vec![Bit::FALSE; 2 * zeros];
    shifted.extend(result);
    shifted
}

/// The square of a signed number to `width` bits.
fn square_odd(b: &mut Builder, x: &[Bit], width: usize) -> Vec<Bit> {
    let mut negative = x[..x.len().min(width)].to_vec();
    for i in 0..x.len() {
        let low = 2 * i + 1;
        if low >= width || i + 1 == x.len() {
            break;
        }
        let row: Vec<Bit> = x[i + 1..].iter().take(width - low).map(|&other| b.xor(x[i], other)).collect();
        let end = width.min(negative.len().max(low + row.len()) + 1);
        sum_into(b, &mut negative, low, &row, Bit::FALSE, end);
    }
    let bits = width.min(negative.len() + 1);
    let square = neg(b, &extended(&negative, bits));
    extended(&square, width)
}
