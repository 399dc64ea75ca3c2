//! Numbers as they are written, and whether they fit what is asked for.

use motet_program::data::Elem;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};

use super::context::{Body, Checked, Constant, Want};
use super::print;
use super::tree::{Expr, ExprKind, Ty};
use crate::diagnostics::Diagnostic;
use crate::parse::ast::{self, BinaryOp, UnaryOp};
use crate::source::Span;

/// Largest decimal exponent that is read; beyond it a number is out of every range.
const MAX_EXPONENT: i64 = 400;
/// Most bits of the parts of a decimal constant.
const MAX_DECIMAL_BITS: u64 = 8192;

impl Body<'_, '_> {
    /// The integer that is written: digits, perhaps with a minus; with its suffix.
    pub fn integer_literal(e: &ast::Expr) -> Option<(Option<i128>, Option<&str>)> {
        match &e.kind {
            ast::ExprKind::Int { digits, radix, suffix } => {
                let value = i128::from_str_radix(digits, *radix).ok().filter(|n| *n <= i128::from(u64::MAX));
                Some((value, suffix.as_deref()))
            }
            ast::ExprKind::Unary(UnaryOp::Neg, inner) => match &inner.kind {
                ast::ExprKind::Int { .. } => Self::integer_literal(inner).map(|(n, s)| (n.map(|n| -n), s)),
                _ => None,
            },
            _ => None,
        }
    }

    /// An integer literal, of the type of its suffix, else the one asked for directly, else `int`.
    pub fn integer(&mut self, value: Option<i128>, suffix: Option<&str>, want: Want, span: Span) -> Checked<Expr> {
        let Some(value) = value else {
            return Err(self.error(
                "out-of-range",
                "this number does not fit any type",
                span,
                "the largest is 2^64 - 1",
            ));
        };
        let asked = match suffix {
            Some(name) => match super::types::elem(name, self.checker.fix) {
                Some(Ok(e)) if e != Elem::Bool => Some(e),
                Some(Err(range)) => {
                    return Err(self.error("no-type", format!("there is no type `{name}`"), span, range));
                }
                _ => {
                    return Err(self.error(
                        "no-type",
                        format!("a number cannot end in `{name}`"),
                        span,
                        "a type such as `u8` may stand here",
                    ));
                }
            },
            None => want.elem().filter(|e| *e != Elem::Bool),
        };
        let elem = asked.unwrap_or(Elem::Int);
        if elem == Elem::Int && i64::try_from(value).is_err() {
            return Err(self.report(
                Diagnostic::error(
                    "out-of-range",
                    format!("{value} does not fit `int` ({} to {})", i64::MIN, i64::MAX),
                    span,
                    "",
                )
                .help(format!("give it a type: `{value}u64`")),
            ));
        }
        let ring = self.fits(value, elem, span)?;
        self.make(ExprKind::Const(ring), Ty::Scalar(elem), span)
    }

    /// The ring bits of an integer in an element type, or an error where it is out of range.
    pub fn fits(&mut self, value: i128, elem: Elem, span: Span) -> Checked<u64> {
        match integer_ring(value, elem) {
            Some(ring) => Ok(ring),
            None => {
                let name = print::elem(elem, self.checker.fix);
                let message = match elem {
                    Elem::Bool => format!("`bool` is expected, not the number {value}"),
                    _ => format!("{value} does not fit `{name}` ({})", range(elem)),
                };
                Err(self.error("out-of-range", message, span, ""))
            }
        }
    }

    /// A decimal as the `fix` that is asked for, else the program's.
    pub fn decimal(&mut self, value: &BigRational, want: Want, span: Span) -> Checked<Expr> {
        let elem = want.elem().filter(|e| matches!(e, Elem::Fix { .. })).unwrap_or(self.checker.fix);
        let Elem::Fix { bits, frac } = elem else { return Err(super::context::Reported) };
        let Some(ring) = decimal_ring(value, bits, frac) else {
            let name = print::elem(elem, self.checker.fix);
            let shown = value.to_f64().map_or_else(|| "this number".into(), |v| v.to_string());
            return Err(self.error(
                "out-of-range",
                format!("{shown} does not fit `{name}` ({})", range(elem)),
                span,
                "",
            ));
        };
        self.make(ExprKind::Const(ring), Ty::Scalar(elem), span)
    }

    /// The decimal that an expression stands for, where it is made of decimal literals and constants alone.
    pub fn decimal_value(&mut self, e: &ast::Expr) -> Option<BigRational> {
        let value = match &e.kind {
            ast::ExprKind::Decimal(text) => parse_decimal(text)?,
            ast::ExprKind::Unary(UnaryOp::Neg, inner) => -self.decimal_value(inner)?,
            ast::ExprKind::Path(path) => match self.constant_named(path)? {
                Constant::Decimal(r) => r,
                _ => return None,
            },
            _ => return None,
        };
        Some(value)
    }

    /// The value of a constant made of decimals: as `decimal_value`, and arithmetic on it.
    pub fn decimal_constant(&mut self, e: &ast::Expr) -> Option<BigRational> {
        let ast::ExprKind::Binary(op, l, r) = &e.kind else {
            if let ast::ExprKind::Unary(UnaryOp::Neg, inner) = &e.kind {
                return self.decimal_constant(inner).map(|v| -v);
            }
            return self.decimal_value(e);
        };
        let (a, b) = (self.decimal_operand(l), self.decimal_operand(r));
        let ((a, a_decimal), (b, b_decimal)) = (a?, b?);
        if !a_decimal && !b_decimal {
            return None;
        }
        let value = match op {
            BinaryOp::Add => a + b,
            BinaryOp::Sub => a - b,
            BinaryOp::Mul => a * b,
            BinaryOp::Div if !b.is_zero() => a / b,
            _ => return None,
        };
        (value.numer().bits() + value.denom().bits() <= MAX_DECIMAL_BITS).then_some(value)
    }

    /// An operand of decimal arithmetic, and whether it is a decimal itself (else an integer).
    fn decimal_operand(&mut self, e: &ast::Expr) -> Option<(BigRational, bool)> {
        if let Some(value) = self.decimal_constant(e) {
            return Some((value, true));
        }
        if let Some((Some(n), None)) = Self::integer_literal(e) {
            return Some((BigRational::from_integer(n.into()), false));
        }
        let ast::ExprKind::Path(path) = &e.kind else { return None };
        match self.constant_named(path)? {
            Constant::Int(d) => Some((BigRational::from_integer(d.known()?.into()), false)),
            _ => None,
        }
    }
}

/// The ring bits of an integer in an element type; `None` where it is out of range.
pub(crate) fn integer_ring(value: i128, elem: Elem) -> Option<u64> {
    match elem {
        Elem::Bool => None,
        Elem::Int => i64::try_from(value).ok().map(|n| n as u64),
        Elem::Uint(n) => (value >= 0 && value < 1i128 << n).then_some(value as u64),
        Elem::Sint(n) => {
            let half = 1i128 << (n - 1);
            (-half..half).contains(&value).then_some(value as u64 & elem.mask())
        }
        Elem::Fix { bits, frac } => {
            let half = 1i128 << (bits - 1 - frac);
            (-half..half).contains(&value).then(|| ((value as u64) << frac) & elem.mask())
        }
    }
}

/// The ring bits of a decimal in fixed point, to nearest, ties to even; `None` where it is out of range.
pub(crate) fn decimal_ring(value: &BigRational, bits: u8, frac: u8) -> Option<u64> {
    let scaled = value * BigRational::from_integer(BigInt::from(1u8) << frac);
    let floor = scaled.floor().to_integer();
    let rest = scaled - BigRational::from_integer(floor.clone());
    let half = BigRational::new(1.into(), 2.into());
    let even = (&floor % BigInt::from(2)).is_zero();
    let rounded = if rest > half || (rest == half && !even) { floor + 1 } else { floor };
    let n = rounded.to_i128()?;
    let limit = 1i128 << (bits - 1);
    (-limit..limit).contains(&n).then(|| n as u64 & (u64::MAX >> (64 - bits)))
}

/// A decimal literal, without underscores.
fn parse_decimal(text: &str) -> Option<BigRational> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((m, e)) => (m, e.parse::<i64>().unwrap_or(if e.starts_with('-') { i64::MIN } else { i64::MAX })),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = whole.chars().chain(fraction.chars()).take(4096).collect();
    let fraction_len = fraction.len().min(4096usize.saturating_sub(whole.len())) as i64;
    let number = BigInt::parse_bytes(digits.as_bytes(), 10)?;
    let exponent = exponent.saturating_sub(fraction_len);
    if number.is_zero() || exponent < -MAX_EXPONENT - 4096 {
        return Some(BigRational::zero());
    }
    let power = |n: i64| BigInt::from(10u8).pow(n as u32);
    let exponent = exponent.min(MAX_EXPONENT);
    let value = if exponent >= 0 {
        BigRational::from_integer(number * power(exponent))
    } else {
        BigRational::new(number, power(-exponent))
    };
    debug_assert!(!value.is_negative());
    Some(value)
}

/// The range of an element type, for messages.
pub(crate) fn range(elem: Elem) -> String {
    match elem {
        Elem::Bool => "false and true".into(),
        Elem::Int => format!("{} to {}", i64::MIN, i64::MAX),
        Elem::Uint(_) => format!("0 to {}", elem.mask()),
        Elem::Sint(n) => format!("{} to {}", -(1i128 << (n - 1)), (1i128 << (n - 1)) - 1),
        Elem::Fix { bits, frac } => {
            let half = 2f64.powi(i32::from(bits) - 1 - i32::from(frac));
            format!("{} to just below {}", -half, half)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(text: &str, bits: u8, frac: u8) -> Option<i64> {
        decimal_ring(&parse_decimal(text).unwrap(), bits, frac).map(|r| ((r << (64 - bits)) as i64) >> (64 - bits))
    }

    #[test]
    fn decimals_are_rounded_to_nearest_ties_to_even() {
        assert_eq!(ring("3.25", 64, 16), Some(212_992));
        assert_eq!(ring("0.5", 8, 0), Some(0));
        assert_eq!(ring("1.5", 8, 0), Some(2));
        assert_eq!(ring("2.5", 8, 0), Some(2));
        assert_eq!(ring("2.5000000000000000000000001", 8, 0), Some(3));
        assert_eq!(ring("127.4", 8, 0), Some(127));
        assert_eq!(ring("127.5", 8, 0), None);
        assert_eq!(ring("1e-3", 64, 16), Some(66));
        assert_eq!(ring("1e999999999999999999999", 64, 16), None);
        assert_eq!(ring("1e-999999999999999999999", 64, 16), Some(0));
    }

    #[test]
    fn integers_are_checked() {
        assert_eq!(integer_ring(255, Elem::Uint(8)), Some(255));
        assert_eq!(integer_ring(256, Elem::Uint(8)), None);
        assert_eq!(integer_ring(-128, Elem::Sint(8)), Some(128));
        assert_eq!(integer_ring(u64::MAX.into(), Elem::Uint(64)), Some(u64::MAX));
        assert_eq!(integer_ring(-1, Elem::Fix { bits: 8, frac: 4 }), Some(0xf0));
        assert_eq!(integer_ring(8, Elem::Fix { bits: 8, frac: 4 }), None);
    }
}
