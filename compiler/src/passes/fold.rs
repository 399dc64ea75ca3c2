//! Arithmetic on constants. `None` where an operation is left to the run: it would be an error there, or it is not worth
//! a second implementation (products and quotients of fixed-point numbers).

use motet_program::data::Elem;
use motet_program::ir::{Binary, Unary};

/// The ring bits of a number in an element type; `None` for an `Int` that overflows.
fn ring(elem: Elem, n: i128) -> Option<u64> {
    match elem {
        Elem::Int => i64::try_from(n).ok().map(|n| n as u64),
        _ => Some(n as u64 & elem.mask()),
    }
}

/// One operand.
pub fn unary(op: Unary, elem: Elem, x: u64) -> Option<u64> {
    match op {
        Unary::Neg => ring(elem, -elem.number(x)),
        Unary::Not => Some(!x & elem.mask()),
        Unary::Abs => ring(elem, elem.number(x).abs()),
    }
}

/// Two operands of one element type (no shifts, whose amount may be of another).
pub fn binary(op: Binary, elem: Elem, x: u64, y: u64) -> Option<u64> {
    let (a, b) = (elem.number(x), elem.number(y));
    let fix = matches!(elem, Elem::Fix { .. });
    match op {
        Binary::Add => ring(elem, a + b),
        Binary::Sub => ring(elem, a - b),
        Binary::Mul if !fix => ring(elem, a * b),
        Binary::Div if !fix && b != 0 => ring(elem, a / b),
        Binary::Rem if !fix && b != 0 => ring(elem, a % b),
        Binary::Pow => a.checked_pow(u32::try_from(b).ok()?).and_then(|n| ring(elem, n)),
        Binary::And => Some(x & y),
        Binary::Or => Some(x | y),
        Binary::Xor => Some(x ^ y),
        Binary::Eq => Some(u64::from(x == y)),
        Binary::Lt => Some(u64::from(a < b)),
        Binary::Min => Some(if b < a { y } else { x }),
        Binary::Max => Some(if a < b { y } else { x }),
        Binary::Mul | Binary::Div | Binary::Rem | Binary::Shl | Binary::Shr => None,
    }
}

/// A wrapping conversion.
pub fn cast(from: Elem, to: Elem, x: u64) -> Option<u64> {
    match (from, to) {
        (Elem::Fix { .. }, _) | (_, Elem::Bool) => None,
        (_, Elem::Fix { frac, .. }) => Some(((from.number(x) as u64) << frac) & to.mask()),
        _ => Some(from.number(x) as u64 & to.mask()),
    }
}

/// A checked conversion of an `Int`.
pub fn coerce(to: Elem, x: u64) -> Option<u64> {
    let n = i128::from(x as i64) << if let Elem::Fix { frac, .. } = to { frac } else { 0 };
    let ring = n as u64 & to.mask();
    (to.number(ring) == n).then_some(ring)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_wrap_and_ints_do_not() {
        assert_eq!(binary(Binary::Add, Elem::Uint(8), 250, 10), Some(4));
        assert_eq!(binary(Binary::Sub, Elem::Sint(5), 0, 1), Some(31));
        assert_eq!(binary(Binary::Add, Elem::Int, i64::MAX as u64, 1), None);
        assert_eq!(binary(Binary::Pow, Elem::Int, 2, 100), None);
        assert_eq!(unary(Unary::Neg, Elem::Int, i64::MIN as u64), None);
    }

    #[test]
    fn conversions() {
        assert_eq!(cast(Elem::Int, Elem::Uint(4), (-1i64) as u64), Some(15));
        assert_eq!(coerce(Elem::Uint(4), 16), None);
        assert_eq!(coerce(Elem::Sint(4), (-8i64) as u64), Some(8));
        assert_eq!(coerce(Elem::Fix { bits: 8, frac: 4 }, 8), None);
        assert_eq!(coerce(Elem::Fix { bits: 8, frac: 4 }, 7), Some(0x70));
        assert_eq!(coerce(Elem::Bool, 1), Some(1));
    }
}
