//! Element by element: operators with NumPy's broadcasting, casts, selection.

use motet_program::data::Elem;

use super::error::SimulateErrorKind as Kind;
use super::number::{self, signed};
use super::reports::{Left, RangeKind};
use super::value::{Array, Value};
use crate::parse::ast::{BinaryOp, UnaryOp};

type Result<T> = std::result::Result<T, Kind>;

/// The shape that two shapes are broadcast to: axes aligned at the last, sizes of 1 repeated.
pub(super) fn broadcast_shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |s: &[usize], k: usize| (k + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    (0..rank)
        .map(|k| match (size(a, k), size(b, k)) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            _ => Err(Kind::Malformed("shapes that do not broadcast")),
        })
        .collect()
}

/// The array with its elements repeated to the shape.
pub(super) fn broadcast(a: &Array, shape: &[usize]) -> Result<Array> {
    if a.shape == shape {
        return Ok(a.clone());
    }
    if broadcast_shape(&a.shape, shape)? != shape {
        return Err(Kind::Malformed("a shape that does not broadcast to the one asked for"));
    }
    let count: usize = shape.iter().product();
    let from = a.data();
    if from.len() == 1 {
        return Ok(Array::splat(a.elem, shape.to_vec(), from[0]));
    }
    // Strides of the operand along the result's axes: 0 where it is repeated.
    let mut strides = vec![0; shape.len()];
    let (mut stride, lead) = (1, shape.len() - a.shape.len());
    for k in (0..a.shape.len()).rev() {
        strides[lead + k] = if a.shape[k] == 1 { 0 } else { stride };
        stride *= a.shape[k];
    }
    let mut out = Vec::with_capacity(count);
    for_each_offset(shape, &strides, &mut |at| out.push(from[at]));
    Ok(Array::new(a.elem, shape.to_vec(), out))
}

/// Calls `f` with the offset of each point of a box, row-major.
pub(super) fn for_each_offset(shape: &[usize], strides: &[usize], f: &mut impl FnMut(usize)) {
    fn walk(shape: &[usize], strides: &[usize], at: usize, f: &mut impl FnMut(usize)) {
        match shape {
            [] => f(at),
            [n, rest @ ..] => (0..*n).for_each(|i| walk(rest, &strides[1..], at + i * strides[0], f)),
        }
    }
    walk(shape, strides, 0, f);
}

/// `f` of every element.
pub(super) fn map(a: &Array, elem: Elem, mut f: impl FnMut(u64) -> u64) -> Array {
    if a.shape.is_empty() {
        return Array::scalar(elem, f(a.data()[0]));
    }
    Array::new(elem, a.shape.clone(), a.data().iter().map(|&x| f(x)).collect())
}

/// `f` of every pair of elements, after broadcasting.
pub(super) fn zip(a: &Array, b: &Array, elem: Elem, mut f: impl FnMut(u64, u64) -> u64) -> Result<Array> {
    if a.shape.is_empty() && b.shape.is_empty() {
        return Ok(Array::scalar(elem, f(a.data()[0], b.data()[0])));
    }
    let shape = broadcast_shape(&a.shape, &b.shape)?;
    let out = if a.shape == b.shape {
        a.data().iter().zip(b.data()).map(|(&x, &y)| f(x, y)).collect()
    } else if b.shape.is_empty() {
        let y = b.data()[0];
        a.data().iter().map(|&x| f(x, y)).collect()
    } else if a.shape.is_empty() {
        let x = a.data()[0];
        b.data().iter().map(|&y| f(x, y)).collect()
    } else {
        let (a, b) = (broadcast(a, &shape)?, broadcast(b, &shape)?);
        a.data().iter().zip(b.data()).map(|(&x, &y)| f(x, y)).collect()
    };
    Ok(Array::new(elem, shape, out))
}

/// `f` of every pair, which may fail.
fn try_zip(a: &Array, b: &Array, elem: Elem, mut f: impl FnMut(u64, u64) -> Result<u64>) -> Result<Array> {
    let mut failed = None;
    let out = zip(a, b, elem, |x, y| {
        f(x, y).unwrap_or_else(|e| {
            failed.get_or_insert(e);
            0
        })
    })?;
    failed.map_or(Ok(out), Err)
}

/// A unary operator; on structs field by field.
pub(super) fn unary(op: UnaryOp, value: &Value, left: &mut Left) -> Result<Value> {
    match value {
        Value::Leaf(a) => Ok(Value::Leaf(unary_leaf(op, a, left)?)),
        Value::Group(parts) => Ok(Value::Group(parts.iter().map(|p| unary(op, p, left)).collect::<Result<_>>()?)),
    }
}

fn unary_leaf(op: UnaryOp, a: &Array, left: &mut Left) -> Result<Array> {
    let elem = a.elem;
    let mask = elem.mask();
    match (op, elem) {
        (UnaryOp::Neg, Elem::Int) => binary_leaf(BinaryOp::Sub, &Array::scalar(elem, 0), a, left),
        (UnaryOp::Neg, Elem::Fix { bits, .. }) => {
            let least = 1u64 << (bits - 1);
            Ok(map(a, elem, |x| {
                if x == least {
                    left.note(RangeKind::Sum, -elem.number(x));
                }
                x.wrapping_neg() & mask
            }))
        }
        (UnaryOp::Neg, _) => Ok(map(a, elem, |x| x.wrapping_neg() & mask)),
        (UnaryOp::Not, _) => Ok(map(a, elem, |x| !x & mask)),
    }
}

/// A binary operator (but `&&` and `||`, which are `&` and `|` once both sides are known); on structs field by field.
pub(super) fn binary(op: BinaryOp, a: &Value, b: &Value, left: &mut Left) -> Result<Value> {
    match (a, b) {
        (Value::Leaf(a), Value::Leaf(b)) => Ok(Value::Leaf(binary_leaf(op, a, b, left)?)),
        (Value::Group(xs), Value::Group(ys)) if xs.len() == ys.len() => {
            Ok(Value::Group(xs.iter().zip(ys).map(|(x, y)| binary(op, x, y, left)).collect::<Result<_>>()?))
        }
        (Value::Group(xs), y) => Ok(Value::Group(xs.iter().map(|x| binary(op, x, y, left)).collect::<Result<_>>()?)),
        (x, Value::Group(ys)) => Ok(Value::Group(ys.iter().map(|y| binary(op, x, y, left)).collect::<Result<_>>()?)),
    }
}

fn binary_leaf(op: BinaryOp, a: &Array, b: &Array, left: &mut Left) -> Result<Array> {
    use BinaryOp as Op;
    let elem = a.elem;
    let mask = elem.mask();
    match (op, elem) {
        (Op::Lt, _) => return zip(a, b, Elem::Bool, |x, y| number::less(x, y, elem).into()),
        (Op::Gt, _) => return zip(a, b, Elem::Bool, |x, y| number::less(y, x, elem).into()),
        (Op::Le, _) => return zip(a, b, Elem::Bool, |x, y| (!number::less(y, x, elem)).into()),
        (Op::Ge, _) => return zip(a, b, Elem::Bool, |x, y| (!number::less(x, y, elem)).into()),
        (Op::Eq, _) => return zip(a, b, Elem::Bool, |x, y| (x == y).into()),
        (Op::Ne, _) => return zip(a, b, Elem::Bool, |x, y| (x != y).into()),
        (Op::BitAnd | Op::And, _) => return zip(a, b, elem, |x, y| x & y),
        (Op::BitOr | Op::Or, _) => return zip(a, b, elem, |x, y| x | y),
        (Op::BitXor, _) => return zip(a, b, elem, |x, y| x ^ y),
        (Op::Shr, _) => return zip(a, b, elem, |x, n| number::shr(x, n, elem)),
        (_, Elem::Int) => return try_zip(a, b, elem, |x, y| int(op, x as i64, y as i64).map(|v| v as u64)),
        _ => {}
    }
    match (op, elem) {
        (Op::Add, Elem::Fix { bits, .. }) => zip(a, b, elem, |x, y| {
            let sum = x.wrapping_add(y) & mask;
            sum_left(x, y, sum, u32::from(bits)).then(|| left.note(RangeKind::Sum, elem.number(x) + elem.number(y)));
            sum
        }),
        (Op::Sub, Elem::Fix { bits, .. }) => zip(a, b, elem, |x, y| {
            let difference = x.wrapping_sub(y) & mask;
            // x = difference + y where nothing was lost.
            sum_left(difference, y, x, u32::from(bits))
                .then(|| left.note(RangeKind::Sum, elem.number(x) - elem.number(y)));
            difference
        }),
        (Op::Mul, Elem::Fix { bits, frac }) => {
            let (bits, frac) = (u32::from(bits), u32::from(frac));
            zip(a, b, elem, |x, y| {
                let (x, y) = (signed(x, bits), signed(y, bits));
                let exact = i128::from(x) * i128::from(y);
                if !number::product_in_range(exact, bits, frac) {
                    left.note(RangeKind::Product, exact >> frac);
                }
                number::fix_rescale(exact as u64, bits, frac)
            })
        }
        (Op::Div, Elem::Fix { bits, frac }) => {
            let (bits, frac) = (u32::from(bits), u32::from(frac));
            zip(a, b, elem, |x, y| {
                let (x, y) = (signed(x, bits), signed(y, bits));
                let (quotient, in_range) = number::fix_div(x, y, bits, frac);
                if !in_range {
                    left.note(RangeKind::Quotient, (i128::from(x) << frac) / i128::from(y));
                }
                quotient
            })
        }
        (Op::Add, _) => zip(a, b, elem, |x, y| x.wrapping_add(y) & mask),
        (Op::Sub, _) => zip(a, b, elem, |x, y| x.wrapping_sub(y) & mask),
        (Op::Mul, _) => zip(a, b, elem, |x, y| x.wrapping_mul(y) & mask),
        (Op::Div, _) => zip(a, b, elem, |x, y| number::div(x, y, elem)),
        (Op::Rem, _) => zip(a, b, elem, |x, y| number::rem(x, y, elem)),
        (Op::Shl, _) => zip(a, b, elem, |x, n| number::shl(x, n, elem)),
        _ => Err(Kind::Malformed("an operator that its type does not have")),
    }
}

/// Whether `x + y` left the range of `bits` bits of two's complement: both have a sign that the sum has not.
fn sum_left(x: u64, y: u64, sum: u64, bits: u32) -> bool {
    ((x ^ sum) & (y ^ sum)) >> (bits - 1) & 1 == 1
}

/// An operator on public numbers, checked.
fn int(op: BinaryOp, a: i64, b: i64) -> Result<i64> {
    use BinaryOp as Op;
    let (value, operator) = match op {
        Op::Add => (a.checked_add(b), "+"),
        Op::Sub => (a.checked_sub(b), "-"),
        Op::Mul => (a.checked_mul(b), "*"),
        Op::Div | Op::Rem if b == 0 => return Err(Kind::IntDivision(a)),
        Op::Div => (a.checked_div(b), "/"),
        Op::Rem => (a.checked_rem(b), "%"),
        Op::Pow if b < 0 => return Err(Kind::NegativePower(b)),
        Op::Pow => (power(a, b as u64), "**"),
        Op::Shl if a == 0 => (Some(0), "<<"),
        Op::Shl => (u32::try_from(b).ok().filter(|&n| n < 64 && (a << n) >> n == a).map(|n| a << n), "<<"),
        _ => return Err(Kind::Malformed("an operator that `int` does not have")),
    };
    value.ok_or(Kind::IntOverflow { a, operator, b })
}

/// `a ** n`; the exponent may be huge where the base is -1, 0 or 1.
fn power(a: i64, n: u64) -> Option<i64> {
    match a {
        0 | 1 => Some(if n == 0 { 1 } else { a }),
        -1 => Some(if n.is_multiple_of(2) { 1 } else { -1 }),
        _ => a.checked_pow(u32::try_from(n).ok()?),
    }
}

/// `as`, element by element.
pub(super) fn cast(a: &Array, to: Elem) -> Array {
    let from = a.elem;
    map(a, to, |x| number::cast(x, from, to))
}

/// Public numbers as another type; out of its range is an error.
pub(super) fn coerce(a: &Array, to: Elem) -> Result<Array> {
    if a.elem != Elem::Int {
        return Err(Kind::Malformed("a coercion of something that is no `int`"));
    }
    match a.data().iter().find(|&&x| !number::int_fits(x as i64, to)) {
        Some(&x) => Err(Kind::DoesNotFit { value: x as i64, elem: to }),
        None => Ok(cast(a, to)),
    }
}

/// The lesser or greater of each pair.
pub(super) fn extreme(a: &Array, b: &Array, greater: bool) -> Result<Array> {
    let elem = a.elem;
    zip(a, b, elem, |x, y| if number::less(x, y, elem) == greater { y } else { x })
}

/// `a` where `c`, else `b`; tuples and structs part by part.
pub(super) fn select(c: &Array, a: &Value, b: &Value) -> Result<Value> {
    match (a, b) {
        (Value::Group(xs), Value::Group(ys)) if xs.len() == ys.len() => {
            Ok(Value::Group(xs.iter().zip(ys).map(|(x, y)| select(c, x, y)).collect::<Result<_>>()?))
        }
        (Value::Leaf(a), Value::Leaf(b)) => {
            let shape = broadcast_shape(&broadcast_shape(&a.shape, &b.shape)?, &c.shape)?;
            if c.shape.is_empty() {
                return broadcast(if c.data()[0] == 1 { a } else { b }, &shape).map(Value::Leaf);
            }
            let (c, a, b) = (broadcast(c, &shape)?, broadcast(a, &shape)?, broadcast(b, &shape)?);
            let pairs = a.data().iter().zip(b.data());
            let out = c.data().iter().zip(pairs).map(|(&c, (&x, &y))| if c == 1 { x } else { y }).collect();
            Ok(Value::Leaf(Array::new(a.elem, shape, out)))
        }
        _ => Err(Kind::Malformed("a selection between values of different form")),
    }
}
