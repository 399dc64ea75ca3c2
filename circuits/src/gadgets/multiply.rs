//! Multiplication with one AND for each pair of bits.
//!
//! The school's method spends two ANDs on a pair of bits: one makes the partial product `x_i ∧ y_j`, one adds it. Here
//! the bits of `x` are read as digits ±1 instead, and `±y` is free (`(y ⊕ s) + s`, the last `s` riding in as a carry).
//! With `x = x_0 + Σ_{i≥1} x_i 2^i`, N bits in two's complement, and `s_i = 1 - 2x_i`:
//!
//! ```text
//! -x·y = ¬x_0·y + Σ_{1≤i<N-1} s_i 2^(i-1) y - s_(N-1) 2^(N-2) y
//! ```
//!
//! (the sum of all the `2^(i-1)` that halving the digits leaves over is -1, which turns `-x_0 y` into `¬x_0 y`). Only
//! the first row needs partial products, and a product of N × N bits to N costs N(N+1)/2 ANDs, plus the N - 2 of the
//! negation at the end: 2,142 at 64 bits, where Bristol's circuit has 4,033. A product that is added to something
//! spends the negation on that (`mul_add`), and is cheaper than a product and a sum.
//!
//! Where one party knows `x`, an AND with a bit of `x` takes one ciphertext instead of two, and it pays to take two
//! digits at a time: they make ±1 or ±3, the choice between `y` and `3y` is a half gate, and a row then serves two
//! bits: 24 bytes of table a pair of bits instead of 32.

use super::add::{add, minus, sub, sum_into};
use super::compare::{masked, select};
use super::square::minus_square;
use super::sum::Columns;
use super::{extended, is_constant, trimmed};
use crate::builder::{Builder, Form};
use crate::circuit::Bit;

/// `x · y` mod 2^N: N(N+3)/2 - 2 ANDs; fewer where an operand is constant or narrow, or where both are the same.
pub fn mul(b: &mut Builder, x: &[Bit], y: &[Bit]) -> Vec<Bit> {
    multiply(b, x, y, None, Rows::Single)
}

/// `x · y` mod 2^N, where one party knows `x`: about 12 N² bytes of garbled table, where `mul` takes 16 N².
pub fn mul_known(b: &mut Builder, x: &[Bit], y: &[Bit]) -> Vec<Bit> {
    multiply(b, x, y, None, Rows::Double)
}

/// `x · y + acc` mod 2^N: one AND more than `mul`.
pub fn mul_add(b: &mut Builder, x: &[Bit], y: &[Bit], acc: &[Bit]) -> Vec<Bit> {
    multiply(b, x, y, Some(acc), Rows::Single)
}

/// `x · y + acc` mod 2^N, where one party knows `x`.
pub fn mul_add_known(b: &mut Builder, x: &[Bit], y: &[Bit], acc: &[Bit]) -> Vec<Bit> {
    multiply(b, x, y, Some(acc), Rows::Double)
}

/// How many digits of the multiplier a row takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// One: ±1, for a multiplier that nobody knows.
    Single,
    /// Two: ±1 or ±3, for a multiplier that one party knows.
    Double,
}

fn multiply(b: &mut Builder, x: &[Bit], y: &[Bit], acc: Option<&[Bit]>, rows: Rows) -> Vec<Bit> {
    assert_eq!(x.len(), y.len(), "widths of a product");
    assert_eq!(x.len(), acc.map_or(x.len(), <[Bit]>::len), "widths of a product and a sum");
    if x == y && b.form() == Form::Small {
        let negative = minus_square(b, x);
        return finish(b, &negative, acc, x.len());
    }
    // Trailing zeros only shift.
    let zeros_x = x.iter().take_while(|&&x| x == Bit::FALSE).count();
    let zeros_y = y.iter().take_while(|&&y| y == Bit::FALSE).count();
    let zeros = zeros_x + zeros_y;
    if zeros >= x.len() {
        return acc.map_or(vec![Bit::FALSE; x.len()], <[Bit]>::to_vec);
    }
    let width = x.len() - zeros;
    let (x, y) = (trimmed(&x[zeros_x..]), trimmed(&y[zeros_y..]));
    let (x, y) = (&x[..x.len().min(width)], &y[..y.len().min(width)]);

    let (low, acc) = acc.map_or((vec![Bit::FALSE; zeros], None), |acc| (acc[..zeros].to_vec(), Some(&acc[zeros..])));
    let high = if x.iter().all(|&x| is_constant(x)) {
        multiple(b, x, y, acc, width)
    } else if y.iter().all(|&y| is_constant(y)) {
        multiple(b, y, x, acc, width)
    } else {
        product(b, cheapest(x, y, width, rows), acc, width)
    };
    [low, high].concat()
}

/// The product from its negative.
fn finish(b: &mut Builder, negative: &[Bit], acc: Option<&[Bit]>, width: usize) -> Vec<Bit> {
    match acc {
        Some(acc) => sub(b, acc, &extended(negative, width)),
        None => minus(b, negative, width),
    }
}

/// A way to multiply.
struct Way<'a> {
    multiplier: &'a [Bit],
    multiplicand: &'a [Bit],
    rows: Rows,
}

/// The way that takes the fewest bytes.
fn cheapest<'a>(x: &'a [Bit], y: &'a [Bit], width: usize, rows: Rows) -> Way<'a> {
    // Bytes of table: an AND with a bit that one party knows takes 16, another 32.
    let first = if rows == Rows::Double { 16 } else { 32 };
    let single = |multiplier: usize, multiplicand: usize| {
        let rows = (1..multiplier).map(|i| multiplicand.min(width - i)).sum::<usize>();
        first * multiplicand + 32 * rows
    };
    let double = || {
        let pairs = (1..x.len()).step_by(2).map(|i| (y.len() + 1).min(width - i)).sum::<usize>();
        16 * y.len() + 32 * (y.len() + 1) + 48 * pairs
    };
    let (by_x, by_y) = (single(x.len(), y.len()), single(y.len(), x.len()));
    if rows == Rows::Double && double() < by_x.min(by_y) {
        Way { multiplier: x, multiplicand: y, rows: Rows::Double }
    } else if by_y < by_x {
        Way { multiplier: y, multiplicand: x, rows: Rows::Single }
    } else {
        Way { multiplier: x, multiplicand: y, rows: Rows::Single }
    }
}

/// `x · y`, or `x · y + acc`, to `width` bits, of signed numbers (one that isn't has a zero on top).
fn product(b: &mut Builder, way: Way<'_>, acc: Option<&[Bit]>, width: usize) -> Vec<Bit> {
    let Way { multiplier: x, multiplicand: y, rows } = way;
    match (x, acc) {
        (&[bit, Bit::FALSE], _) => {
            let product = extended(&masked(b, bit, y), width);
            acc.map_or(product.clone(), |acc| add(b, acc, &product))
        }
        // The row of a top bit that is 0 is `y` itself: it serves as what the others are subtracted from.
        ([low @ .., Bit::FALSE], None) if !low.is_empty() && b.form() == Form::Small => {
            let top = [vec![Bit::FALSE; low.len() - 1], y.to_vec()].concat();
            let rest = sum_rows(b, low, false, y, width, rows);
            sub(b, &extended(&top, width), &extended(&rest, width))
        }
        // A number of one bit is 0 or -1.
        (&[bit], _) => {
            let negative = masked(b, bit, y);
            finish(b, &negative, acc, width)
        }
        _ if b.form() != Form::Small => product_by_columns(b, x, y, acc, width),
        _ => {
            let negative = sum_rows(b, x, true, y, width, rows);
            finish(b, &negative, acc, width)
        }
    }
}

/// `x · y`, or `x · y + acc`, of signed numbers, `x` of two bits or more: the formula's rows, each negated, are summed
/// column by column.
fn product_by_columns(b: &mut Builder, x: &[Bit], y: &[Bit], acc: Option<&[Bit]>, width: usize) -> Vec<Bit> {
    let mut columns = Columns::new(width);
    let mut subtract = |b: &mut Builder, low: usize, row: &[Bit], negative: Bit| {
        let row: Vec<Bit> = row.iter().map(|&bit| !b.xor(bit, negative)).collect();
        columns.push_signed(low, &row);
        columns.push(low, !negative);
    };
    let first = masked(b, !x[0], y);
    subtract(b, 0, &first, Bit::FALSE);
    for (i, &bit) in x.iter().enumerate().skip(1).take(width) {
        let negative = if i + 1 == x.len() { !bit } else { bit };
        subtract(b, i - 1, y, negative);
    }
    columns.push_signed(0, acc.unwrap_or_default());
    columns.reduce(b)
}

/// The sum of the rows of the formula above, one for each digit of `x` or for two. With `signed`, the last digit's row
/// counts the other way round, which makes it `-x · y`; else it is that plus `2^(n-1) y`, for an unsigned `x` of n bits.
fn sum_rows(b: &mut Builder, x: &[Bit], signed: bool, y: &[Bit], width: usize, rows: Rows) -> Vec<Bit> {
    let mut sum = masked(b, !x[0], y);
    let mut triple = None;
    let mut i = 1;
    while i < x.len() {
        let sign = |i: usize| if signed && i + 1 == x.len() { !x[i] } else { x[i] };
        let (row, negative, taken) = if rows == Rows::Double && i + 1 < x.len() {
            let triple: &Vec<Bit> = triple.get_or_insert_with(|| times_three(b, y));
            let (low, high) = (sign(i), sign(i + 1));
            let differ = b.xor(low, high);
            (select(b, differ, &extended(y, triple.len()), triple), high, 2)
        } else {
            (y.to_vec(), sign(i), 1)
        };
        // The sum so far is y times something from -2^i (exclusive) to 2^i: i bits more than y has.
        let end = width.min(y.len() + i + taken - 1);
        let row: Vec<Bit> = row.iter().map(|&bit| b.xor(bit, negative)).collect();
        sum_into(b, &mut sum, i - 1, &row, negative, end);
        i += taken;
    }
    sum
}

/// `3y` as a signed number.
fn times_three(b: &mut Builder, y: &[Bit]) -> Vec<Bit> {
    let bits = y.len() + 2;
    let mut triple = extended(y, bits);
    sum_into(b, &mut triple, 1, y, Bit::FALSE, bits);
    triple
}

/// `x · y + acc` to `width` bits for a constant `x`: an addition for each nonzero digit of its non-adjacent form (one
/// less without `acc`).
fn multiple(b: &mut Builder, x: &[Bit], y: &[Bit], acc: Option<&[Bit]>, width: usize) -> Vec<Bit> {
    let mut digits = non_adjacent_form(x, width);
    if b.form() != Form::Small {
        let mut columns = Columns::new(width);
        columns.push_signed(0, acc.unwrap_or_default());
        for digit in digits {
            let row: Vec<Bit> = y.iter().map(|&y| if digit.minus { !y } else { y }).collect();
            columns.push_signed(digit.shift, &row);
            columns.push(digit.shift, if digit.minus { Bit::TRUE } else { Bit::FALSE });
        }
        return columns.reduce(b);
    }
    let mut sum = match acc {
        Some(acc) => acc.to_vec(),
        None => {
            // Begin with a positive digit, which needs no negation.
            let Some(first) = digits.iter().position(|d| !d.minus).or((!digits.is_empty()).then_some(0)) else {
                return vec![Bit::FALSE; width];
            };
            let first = digits.remove(first);
            let row = if first.minus { minus(b, y, (y.len() + 1).min(width)) } else { y.to_vec() };
            [vec![Bit::FALSE; first.shift], row].concat()
        }
    };
    sum.truncate(width);
    for digit in digits {
        let row: Vec<Bit> = y.iter().map(|&y| if digit.minus { !y } else { y }).collect();
        let carry = if digit.minus { Bit::TRUE } else { Bit::FALSE };
        let end = width.min(sum.len().max(digit.shift + y.len()) + 1);
        sum_into(b, &mut sum, digit.shift, &row, carry, end);
    }
    extended(&sum, width)
}

/// A digit ±2^shift.
struct Digit {
    shift: usize,
    minus: bool,
}

/// The nonzero digits of a constant in two's complement, mod 2^width, no two of them adjacent.
fn non_adjacent_form(x: &[Bit], width: usize) -> Vec<Digit> {
    let x = extended(x, width);
    let mut digits = Vec::new();
    let mut carry = false;
    for shift in 0..width {
        let bit = x[shift] == Bit::TRUE;
        if bit != carry {
            // An odd rest: the digit is the one that leaves a multiple of four.
            let minus = x.get(shift + 1) == Some(&Bit::TRUE);
            digits.push(Digit { shift, minus });
            carry = minus;
        }
    }
    digits
}
