//! Fixed point: products and rescaling, rounded to nearest, ties up.

use super::{add, constant, extended, mul_add, mul_add_known};
use crate::builder::Builder;
use crate::circuit::Bit;

/// The fixed-point product: `x · y` mod 2^N, plus 2^(frac-1), shifted right arithmetically by `frac`: as many ANDs
/// as `mul`.
pub fn fix_mul(b: &mut Builder, x: &[Bit], y: &[Bit], frac: usize) -> Vec<Bit> {
    let product = mul_add(b, x, y, &half(frac, x.len()));
    shifted(&product, frac)
}

/// The fixed-point product where one party knows `x`.
pub fn fix_mul_known(b: &mut Builder, x: &[Bit], y: &[Bit], frac: usize) -> Vec<Bit> {
    let product = mul_add_known(b, x, y, &half(frac, x.len()));
    shifted(&product, frac)
}

/// `x` plus 2^(frac-1), mod 2^N, shifted right arithmetically by `frac`: N - frac - 1 ANDs.
pub fn rescale(b: &mut Builder, x: &[Bit], frac: usize) -> Vec<Bit> {
    let rounded = add(b, x, &half(frac, x.len()));
    shifted(&rounded, frac)
}

/// `rescale` of `x + y`, where one party knows `x`: the rounding goes into what it knows, so that it costs nothing beside
/// the sum.
pub fn rescale_sum_known(b: &mut Builder, x: &[Bit], y: &[Bit], frac: usize) -> Vec<Bit> {
    let rounding = add(b, x, &half(frac, x.len()));
    let sum = add(b, &rounding, y);
    shifted(&sum, frac)
}

/// 2^(frac-1), or 0 where there is nothing to round.
fn half(frac: usize, bits: usize) -> Vec<Bit> {
    let mut half = constant(0, bits);
    if let Some(bit) = frac.checked_sub(1).and_then(|i| half.get_mut(i)) {
        *bit = Bit::TRUE;
    }
    half
}

fn shifted(x: &[Bit], frac: usize) -> Vec<Bit> {
    let kept = x.len().saturating_sub(frac).max(1);
    extended(&x[x.len().saturating_sub(kept)..], x.len())
}
