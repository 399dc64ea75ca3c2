//! Addition and its kin: one AND for each carry that somebody needs.

use super::{common_width, extended, shallow};
use crate::builder::{Builder, Form};
use crate::circuit::Bit;

/// `x + y` mod 2^N: N - 1 ANDs.
pub fn add(b: &mut Builder, x: &[Bit], y: &[Bit]) -> Vec<Bit> {
    add_with(b, x, y, Bit::FALSE)
}

/// `x + y + carry` and the carry out: N ANDs.
pub fn add_carry(b: &mut Builder, x: &[Bit], y: &[Bit], carry: Bit) -> (Vec<Bit>, Bit) {
    assert_eq!(x.len(), y.len(), "widths of a sum");
    if b.form() != Form::Small {
        let carries = shallow::carries(b, x, y, carry);
        let into = std::iter::once(carry).chain(carries.iter().copied());
        let sum = x.iter().zip(y).zip(into).map(|((&x, &y), carry)| {
            let sum = b.xor(x, y);
            b.xor(sum, carry)
        });
        return (sum.collect(), carries.last().copied().unwrap_or(carry));
    }
    let mut carry = carry;
    let mut sum = Vec::with_capacity(x.len());
    for (&x, &y) in x.iter().zip(y) {
        let (s, c) = full_adder(b, x, y, carry);
        sum.push(s);
        carry = c;
    }
    (sum, carry)
}

/// `x - y` mod 2^N: N - 1 ANDs.
pub fn sub(b: &mut Builder, x: &[Bit], y: &[Bit]) -> Vec<Bit> {
    let inverted: Vec<Bit> = y.iter().map(|&y| !y).collect();
    add_with(b, x, &inverted, Bit::TRUE)
}

/// `-x` mod 2^N: N - 2 ANDs.
pub fn neg(b: &mut Builder, x: &[Bit]) -> Vec<Bit> {
    sub(b, &vec![Bit::FALSE; x.len()], x)
}

/// `x + y + carry` mod 2^N: N - 1 ANDs, fewer where both are narrower words extended.
pub(super) fn add_with(b: &mut Builder, x: &[Bit], y: &[Bit], carry: Bit) -> Vec<Bit> {
    assert_eq!(x.len(), y.len(), "widths of a sum");
    let bits = x.len().min(common_width(x, y) + 1);
    let Some(last) = bits.checked_sub(1) else { return Vec::new() };
    let (mut sum, carry) = add_carry(b, &x[..last], &y[..last], carry);
    let top = b.xor(x[last], y[last]);
    sum.push(b.xor(top, carry));
    extended(&sum, x.len())
}

/// `-x` of a signed number, to `width` bits.
pub(super) fn minus(b: &mut Builder, x: &[Bit], width: usize) -> Vec<Bit> {
    neg(b, &extended(x, width))
}

/// Adds `row · 2^low + carry · 2^low` to `sum`, both signed, and leaves `end` bits: `end - low - 1` ANDs.
pub(super) fn sum_into(b: &mut Builder, sum: &mut Vec<Bit>, low: usize, row: &[Bit], carry: Bit, end: usize) {
    let bits = end.saturating_sub(low);
    let sign = sum.last().copied().unwrap_or(Bit::FALSE);
    let upper: Vec<Bit> = (low..end).map(|i| sum.get(i).copied().unwrap_or(sign)).collect();
    let upper = add_with(b, &upper, &extended(row, bits), carry);
    sum.resize(low.min(end), sign);
    sum.extend(upper);
}

/// The sum of three bits and the carry: one AND (Boyar, Peralta and Pochuev 2000: `c ⊕ (x⊕c)∧(y⊕c)`).
pub(super) fn full_adder(b: &mut Builder, x: Bit, y: Bit, c: Bit) -> (Bit, Bit) {
    let xc = b.xor(x, c);
    let yc = b.xor(y, c);
    let change = b.and(xc, yc);
    (b.xor(xc, y), b.xor(c, change))
}
