//! From a scalar operation of the program to gates: which gadget, for which type.

use motet_circuits::{Bit, Builder, gadgets};

use crate::data::Elem;
use crate::ir::{Binary, Reduction, Unary};

/// The bits of a constant.
pub fn constant(elem: Elem, word: u64) -> Vec<Bit> {
    (0..elem.bits()).map(|b| if word >> b & 1 == 1 { Bit::TRUE } else { Bit::FALSE }).collect()
}

/// An operation of one operand.
pub fn unary(b: &mut Builder, op: Unary, elem: Elem, x: &[Bit]) -> Vec<Bit> {
    match op {
        Unary::Not => x.iter().map(|&bit| !bit).collect(),
        Unary::Neg => gadgets::neg(b, x),
        Unary::Abs if elem.signed() => gadgets::abs(b, x),
        Unary::Abs => x.to_vec(),
    }
}

/// A product whose first factor one party knows: the gadgets for it take fewer bytes.
pub fn mul_known(b: &mut Builder, elem: Elem, x: &[Bit], y: &[Bit]) -> Vec<Bit> {
    match elem {
        Elem::Fix { frac, .. } => gadgets::fix_mul_known(b, x, y, usize::from(frac)),
        _ => gadgets::mul_known(b, x, y),
    }
}

/// An operation of two operands of one element type (the amount of a shift may have another).
pub fn binary(b: &mut Builder, op: Binary, elem: Elem, x: &[Bit], y: &[Bit]) -> Vec<Bit> {
    let signed = elem.signed();
    let bitwise = |b: &mut Builder, f: fn(&mut Builder, Bit, Bit) -> Bit| {
        x.iter().zip(y).map(|(&p, &q)| f(b, p, q)).collect::<Vec<_>>()
    };
    match op {
        Binary::Add => gadgets::add(b, x, y),
        Binary::Sub => gadgets::sub(b, x, y),
        Binary::Mul => match elem {
            Elem::Fix { frac, .. } => gadgets::fix_mul(b, x, y, usize::from(frac)),
            _ => gadgets::mul(b, x, y),
        },
        Binary::Div => match elem {
            Elem::Fix { frac, .. } => gadgets::fix_div(b, x, y, usize::from(frac)),
            _ => gadgets::div_rem(b, x, y, signed).0,
        },
        Binary::Rem => gadgets::div_rem(b, x, y, signed).1,
        Binary::Shl => gadgets::shl(b, x, y),
        Binary::Shr => gadgets::shr(b, x, y, signed),
        Binary::And => bitwise(b, Builder::and),
        Binary::Or => bitwise(b, Builder::or),
        Binary::Xor => bitwise(b, Builder::xor),
        Binary::Eq => vec![gadgets::eq(b, x, y)],
        Binary::Lt => vec![gadgets::lt(b, x, y, signed)],
        Binary::Min => gadgets::min(b, x, y, signed),
        Binary::Max => gadgets::max(b, x, y, signed),
        // Powers are of public ints alone, which the planner never puts into a circuit.
        Binary::Pow => x.to_vec(),
    }
}

/// `as`, as the language page defines it for each pair of types.
pub fn cast(b: &mut Builder, from: Elem, to: Elem, x: &[Bit]) -> Vec<Bit> {
    let frac = |e| if let Elem::Fix { frac, .. } = e { usize::from(frac) } else { 0 };
    let (f, t) = (frac(from), frac(to));
    let width = to.bits() as usize;
    if t >= f {
        // More fractional bits (or the same): zeros come in below.
        let mut bits = vec![Bit::FALSE; t - f];
        bits.extend_from_slice(x);
        return gadgets::resize(&bits, from.signed(), width);
    }
    if !matches!(to, Elem::Fix { .. }) {
        // To an integer: toward minus infinity.
        return gadgets::resize(&x[f..], from.signed(), width);
    }
    // Fewer fractional bits: add the bit below the last that stays; one bit more, so that it never wraps early.
    let kept = gadgets::resize(&x[f - t..], from.signed(), width.max(x.len() - (f - t) + 1));
    let half = gadgets::resize(&[x[f - t - 1]], false, kept.len());
    let rounded = gadgets::add(b, &kept, &half);
    gadgets::resize(&rounded, true, width)
}

/// What a reduction starts from.
pub fn identity(op: Reduction, elem: Elem) -> u64 {
    let least = if elem.signed() { 1 << (elem.bits() - 1) } else { 0 };
    match op {
        Reduction::Add | Reduction::Or | Reduction::Xor => 0,
        Reduction::And => elem.mask(),
        Reduction::Max => least,
        Reduction::Min => elem.mask() ^ least,
    }
}

/// Joins several elements, a tree of them where it is no sum.
pub fn reduce(b: &mut Builder, op: Reduction, elem: Elem, mut words: Vec<Vec<Bit>>) -> Vec<Bit> {
    if op == Reduction::Add && !words.is_empty() {
        return gadgets::sum(b, &words);
    }
    while words.len() > 1 {
        words = words
            .chunks(2)
            .map(|pair| match pair {
                [x, y] => binary(b, op.binary(), elem, x, y),
                rest => rest.concat(),
            })
            .collect();
    }
    words.pop().unwrap_or_else(|| constant(elem, identity(op, elem)))
}
