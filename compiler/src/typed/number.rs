//! Arithmetic on single elements, for what is evaluated when compiling.

use motet_program::data::Elem;

use crate::parse::ast::BinaryOp;

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An `int` outside of 64 bits.
    Overflow,
    /// An `int` divided by zero.
    Division,
    /// Products and quotients of `fix` are not made when compiling.
    Unsupported,
}

/// The operation on ring bits `x` of type `a` and `y` of type `b` (the same but for shifts).
pub(crate) fn binary(op: BinaryOp, a: Elem, x: u64, b: Elem, y: u64) -> Result<(Elem, u64), Fault> {
    let (m, n) = (a.number(x), b.number(y));
    let fix = matches!(a, Elem::Fix { .. });
    let truth = |t: bool| Ok((Elem::Bool, u64::from(t)));
    let value = match op {
        BinaryOp::Lt => return truth(m < n),
        BinaryOp::Le => return truth(m <= n),
        BinaryOp::Gt => return truth(m > n),
        BinaryOp::Ge => return truth(m >= n),
        BinaryOp::Eq => return truth(m == n),
        BinaryOp::Ne => return truth(m != n),
        BinaryOp::And | BinaryOp::BitAnd => return Ok((a, x & y)),
        BinaryOp::Or | BinaryOp::BitOr => return Ok((a, x | y)),
        BinaryOp::BitXor => return Ok((a, x ^ y)),
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem if fix => return Err(Fault::Unsupported),
        BinaryOp::Add => m + n,
        BinaryOp::Sub => m - n,
        BinaryOp::Mul => m.wrapping_mul(n),
        BinaryOp::Div if n != 0 => m / n,
        BinaryOp::Rem if n != 0 => m % n,
        BinaryOp::Div | BinaryOp::Rem if a == Elem::Int => return Err(Fault::Division),
        BinaryOp::Div => -1,
        BinaryOp::Rem => m,
        BinaryOp::Pow => return power(m, n).map(|p| (a, p)),
        // Amounts are read as unsigned.
        BinaryOp::Shl if y >= a.bits().into() && b != Elem::Int || !(0..64).contains(&n) => 0,
        BinaryOp::Shl => m << n,
        BinaryOp::Shr if !(0..64).contains(&n) => {
            if m < 0 {
                -1
            } else {
                0
            }
        }
        BinaryOp::Shr => m >> n,
    };
    match a {
        Elem::Int => i64::try_from(value).map(|v| (a, v as u64)).map_err(|_| Fault::Overflow),
        _ => Ok((a, value as u64 & a.mask())),
    }
}

fn power(base: i128, exponent: i128) -> Result<u64, Fault> {
    let (Ok(base), Ok(exponent)) = (i64::try_from(base), u32::try_from(exponent)) else { return Err(Fault::Overflow) };
    base.checked_pow(exponent).map(|p| p as u64).ok_or(Fault::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_wrap_and_ints_do_not() {
        let (u, i) = (Elem::Uint(8), Elem::Sint(8));
        assert_eq!(binary(BinaryOp::Add, u, 200, u, 100), Ok((u, 44)));
        assert_eq!(binary(BinaryOp::Div, i, 0x80, i, 0), Ok((i, 0xff)));
        assert_eq!(binary(BinaryOp::Rem, i, 0x85, i, 0), Ok((i, 0x85)));
        assert_eq!(binary(BinaryOp::Shr, i, 0x80, u, 9), Ok((i, 0xff)));
        assert_eq!(binary(BinaryOp::Shl, u, 1, u, 8), Ok((u, 0)));
        assert_eq!(binary(BinaryOp::Mul, Elem::Int, 1 << 62, Elem::Int, 2), Err(Fault::Overflow));
        assert_eq!(binary(BinaryOp::Div, Elem::Int, 1, Elem::Int, 0), Err(Fault::Division));
    }
}
