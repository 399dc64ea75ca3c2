//! One element in, one element out: the language's arithmetic on ring bits, in machine words.

use super::Fault;
use crate::data::Elem;
use crate::ir::{Binary, Unary};

/// The ring bits of a number, modulo 2^bits.
fn ring(elem: Elem, number: i128) -> u64 {
    number as u64 & elem.mask()
}

/// The ring bits of an `Int`, which must fit in 64 bits.
fn int(number: Option<i128>) -> Result<u64, Fault> {
    number.and_then(|n| i64::try_from(n).ok()).map(|n| n as u64).ok_or(Fault::Overflow)
}

/// An operation of one operand.
pub fn unary(op: Unary, elem: Elem, a: u64) -> Result<u64, Fault> {
    let number = elem.number(a);
    Ok(match (op, elem) {
        (Unary::Neg, Elem::Int) => int(Some(-number))?,
        (Unary::Abs, Elem::Int) => int(Some(number.abs()))?,
        (Unary::Neg, _) => ring(elem, -number),
        (Unary::Abs, _) => ring(elem, number.abs()),
        (Unary::Not, _) => !a & elem.mask(),
    })
}

/// An operation of two operands of one type (the amount of a shift may have another integer type).
pub fn binary(op: Binary, elem: Elem, amount: Elem, a: u64, b: u64) -> Result<u64, Fault> {
    let (x, y) = (elem.number(a), elem.number(b));
    if elem == Elem::Int {
        match op {
            Binary::Add => return int(Some(x + y)),
            Binary::Sub => return int(Some(x - y)),
            Binary::Mul => return int(x.checked_mul(y)),
            Binary::Div => return int(x.checked_div(y)),
            Binary::Rem => return int(x.checked_rem(y)),
            Binary::Pow => return int(power(x, y)),
            Binary::Shl => return int(shift_left_int(x, unsigned(amount, b))),
            _ => {}
        }
    }
    Ok(match op {
        Binary::Add => ring(elem, x + y),
        Binary::Sub => ring(elem, x - y),
        Binary::Mul => rescale(elem, a.wrapping_mul(b)),
        Binary::Div => divide(elem, x, y),
        Binary::Rem => ring(elem, if y == 0 { x } else { x % y }),
        Binary::Pow => return Err(Fault::Overflow),
        Binary::Shl => match unsigned(amount, b) {
            n if n < u64::from(elem.bits()) => a << n & elem.mask(),
            _ => 0,
        },
        Binary::Shr => ring(elem, x >> unsigned(amount, b).min(127)),
        Binary::And => a & b,
        Binary::Or => a | b,
        Binary::Xor => a ^ b,
        Binary::Eq => u64::from(a == b),
        Binary::Lt => u64::from(x < y),
        Binary::Min => {
            if x <= y {
                a
            } else {
                b
            }
        }
        Binary::Max => {
            if x >= y {
                a
            } else {
                b
            }
        }
    })
}

/// A shift amount, read as unsigned.
fn unsigned(amount: Elem, bits: u64) -> u64 {
    bits & amount.mask()
}

fn power(base: i128, exponent: i128) -> Option<i128> {
    match (u32::try_from(exponent).ok()?, base) {
        (0, _) | (_, 1) => Some(1),
        (_, 0) => Some(0),
        (n, -1) => Some(if n % 2 == 0 { 1 } else { -1 }),
        (n, _) if n > 64 => None,
        (n, _) => base.checked_pow(n),
    }
}

fn shift_left_int(x: i128, amount: u64) -> Option<i128> {
    if x == 0 {
        Some(0)
    } else if amount < 64 {
        x.checked_mul(1 << amount)
    } else {
        None
    }
}

/// A ring product brought back to the type: of `Fix`, plus 2^(frac-1), shifted right arithmetically by frac.
pub fn rescale(elem: Elem, product: u64) -> u64 {
    match elem {
        Elem::Fix { frac, .. } if frac > 0 => {
            let rounded = product.wrapping_add(1 << (frac - 1));
            ring(elem, elem.number(rounded) >> frac)
        }
        _ => product & elem.mask(),
    }
}

fn divide(elem: Elem, x: i128, y: i128) -> u64 {
    match elem {
        Elem::Fix { bits, .. } if y == 0 => match x.signum() {
            0 => 0,
            1 => elem.mask() >> 1,
            _ => 1 << (bits - 1),
        },
        Elem::Fix { frac, .. } => ring(elem, (x << frac) / y),
        _ if y == 0 => elem.mask(),
        _ => ring(elem, x / y),
    }
}

/// `as`: wraps; to fewer fractional bits to nearest, ties up; from `Fix` to an integer toward minus infinity.
pub fn cast(from: Elem, to: Elem, a: u64) -> u64 {
    let frac = |e| if let Elem::Fix { frac, .. } = e { u32::from(frac) } else { 0 };
    let (f, t, x) = (frac(from), frac(to), from.number(a));
    ring(
        to,
        match (from, to) {
            (Elem::Fix { .. }, Elem::Fix { .. }) if t < f => (x + (1 << (f - t - 1))) >> (f - t),
            (Elem::Fix { .. }, Elem::Fix { .. }) => x << (t - f),
            (Elem::Fix { .. }, _) => x >> f,
            _ => x << t,
        },
    )
}

/// An `Int` as another type; an error where it does not fit.
pub fn coerce(to: Elem, a: u64) -> Result<u64, Fault> {
    let number = i128::from(a as i64);
    let bits = cast(Elem::Int, to, a);
    let frac = if let Elem::Fix { frac, .. } = to { frac } else { 0 };
    if to.number(bits) == number << frac { Ok(bits) } else { Err(Fault::DoesNotFit { number: a as i64, elem: to }) }
}
