//! Comparison and selection.

use super::add::{add_with, full_adder};
use super::{common_width, is_constant, shallow};
use crate::builder::{Builder, Form};
use crate::circuit::Bit;

/// Whether `x < y`, as signed or unsigned numbers: N ANDs.
pub fn lt(b: &mut Builder, x: &[Bit], y: &[Bit], signed: bool) -> Bit {
    assert_eq!(x.len(), y.len(), "widths of a comparison");
    // Extending signs keeps the order, also that of the words read as unsigned.
    let bits = common_width(x, y);
    let (x, y) = (&x[..bits], &y[..bits]);
    let (Some((&sign_x, low_x)), Some((&sign_y, low_y))) = (x.split_last(), y.split_last()) else {
        return Bit::FALSE;
    };
    // The borrow of x - y; a sign bit counts the other way round.
    let (top_x, top_y) = if signed { (sign_y, sign_x) } else { (sign_x, sign_y) };
    if b.form() != Form::Small {
        let complement: Vec<Bit> = low_x.iter().chain([&top_x]).map(|&x| !x).collect();
        let y = [low_y, &[top_y]].concat();
        return shallow::carry_out(b, &complement, &y, Bit::FALSE);
    }
    let mut borrow = Bit::FALSE;
    for (&x, &y) in low_x.iter().zip(low_y) {
        borrow = full_adder(b, !x, y, borrow).1;
    }
    full_adder(b, !top_x, top_y, borrow).1
}

/// Whether `x = y`: N - 1 ANDs.
pub fn eq(b: &mut Builder, x: &[Bit], y: &[Bit]) -> Bit {
    assert_eq!(x.len(), y.len(), "widths of a comparison");
    let same: Vec<Bit> = x.iter().zip(y).map(|(&x, &y)| !b.xor(x, y)).collect();
    all(b, same)
}

/// `x` where `cond`, else `y`: N ANDs.
pub fn select(b: &mut Builder, cond: Bit, x: &[Bit], y: &[Bit]) -> Vec<Bit> {
    assert_eq!(x.len(), y.len(), "widths of a selection");
    x.iter().zip(y).map(|(&x, &y)| b.mux(cond, x, y)).collect()
}

/// The lesser of two numbers: 2 N ANDs.
pub fn min(b: &mut Builder, x: &[Bit], y: &[Bit], signed: bool) -> Vec<Bit> {
    let (x, y) = constant_last(x, y);
    let less = lt(b, x, y, signed);
    select(b, less, x, y)
}

/// The greater of two numbers: 2 N ANDs; of a number and 0, as ReLU, N - 1 in either order.
pub fn max(b: &mut Builder, x: &[Bit], y: &[Bit], signed: bool) -> Vec<Bit> {
    let (x, y) = constant_last(x, y);
    let less = lt(b, x, y, signed);
    select(b, less, y, x)
}

/// Both words, a constant as the second: whether `x < 0` costs nothing, whether `0 < x` does.
fn constant_last<'a>(x: &'a [Bit], y: &'a [Bit]) -> (&'a [Bit], &'a [Bit]) {
    if x.iter().all(|&bit| is_constant(bit)) { (y, x) } else { (x, y) }
}

/// The magnitude of a signed number, mod 2^N (the least number is its own): N - 1 ANDs.
pub fn abs(b: &mut Builder, x: &[Bit]) -> Vec<Bit> {
    let sign = x.last().copied().unwrap_or(Bit::FALSE);
    negate_if(b, sign, x)
}

/// `-x` where `cond`, else `x`, mod 2^N: N - 1 ANDs.
pub(super) fn negate_if(b: &mut Builder, cond: Bit, x: &[Bit]) -> Vec<Bit> {
    let flipped: Vec<Bit> = x.iter().map(|&x| b.xor(x, cond)).collect();
    add_with(b, &flipped, &vec![Bit::FALSE; x.len()], cond)
}

/// Whether all bits are 1, as a tree: one AND less than there are bits.
pub(super) fn all(b: &mut Builder, mut bits: Vec<Bit>) -> Bit {
    while bits.len() > 1 {
        bits = bits.chunks(2).map(|pair| pair.iter().fold(Bit::TRUE, |all, &bit| b.and(all, bit))).collect();
    }
    bits.first().copied().unwrap_or(Bit::TRUE)
}

/// Whether any bit is 1: one AND less than there are bits.
pub(super) fn any(b: &mut Builder, bits: &[Bit]) -> Bit {
    !all(b, bits.iter().map(|&bit| !bit).collect())
}

/// Every bit of a word, where `cond`, else zeros: N ANDs.
pub(super) fn masked(b: &mut Builder, cond: Bit, x: &[Bit]) -> Vec<Bit> {
    x.iter().map(|&x| b.and(cond, x)).collect()
}
