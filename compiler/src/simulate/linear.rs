//! Sums, extremes along an axis, matrix products and convolutions: summed in the ring and rescaled once.

use motet_program::data::Elem;

use super::elementwise::{broadcast_shape, for_each_offset};
use super::error::SimulateErrorKind as Kind;
use super::number::{self, signed};
use super::reports::{Left, RangeKind};
use super::value::Array;

type Result<T> = std::result::Result<T, Kind>;

/// An array's axes around the one that is reduced: how many before it, along it, after it; and the shape without it.
pub(super) fn around(shape: &[usize], axis: Option<usize>) -> Result<([usize; 3], Vec<usize>)> {
    match axis {
        None => Ok(([1, shape.iter().product(), 1], Vec::new())),
        Some(k) if k < shape.len() => {
            let mut rest = shape.to_vec();
            let n = rest.remove(k);
            Ok(([shape[..k].iter().product(), n, shape[k + 1..].iter().product()], rest))
        }
        Some(_) => Err(Kind::Malformed("an axis that is none")),
    }
}

/// `sum(x)`, `sum(x, axis)`.
pub(super) fn sum(x: &Array, axis: Option<usize>, left: &mut Left) -> Result<Array> {
    let ([outer, n, inner], shape) = around(&x.shape, axis)?;
    let (elem, data) = (x.elem, x.data());
    let mut out = Vec::with_capacity(outer * inner);
    for o in 0..outer {
        for i in 0..inner {
            let column = (0..n).map(|k| data[(o * n + k) * inner + i]);
            out.push(match elem {
                Elem::Int | Elem::Fix { .. } => {
                    // At most 2^32 numbers of 64 bits: exact in 128.
                    let exact: i128 = column.map(|x| elem.number(x)).sum();
                    if !number::fits_signed(exact, elem.bits()) {
                        if elem == Elem::Int {
                            return Err(Kind::IntSumOverflow);
                        }
                        left.note(RangeKind::Sum, exact);
                    }
                    exact as u64 & elem.mask()
                }
                _ => column.fold(0u64, |a, x| a.wrapping_add(x)) & elem.mask(),
            });
        }
    }
    Ok(Array::new(elem, shape, out))
}

/// `min(x)`, `max(x)` and along an axis.
pub(super) fn extreme(x: &Array, axis: Option<usize>, greatest: bool) -> Result<Array> {
    let ([outer, n, inner], shape) = around(&x.shape, axis)?;
    let (elem, data) = (x.elem, x.data());
    if n == 0 && outer * inner > 0 {
        return Err(Kind::EmptyReduction);
    }
    let mut out = Vec::with_capacity(outer * inner);
    for o in 0..outer {
        for i in 0..inner {
            let at = |k: usize| data[(o * n + k) * inner + i];
            out.push((1..n).fold(at(0), |a, k| if number::less(a, at(k), elem) == greatest { at(k) } else { a }));
        }
    }
    Ok(Array::new(elem, shape, out))
}

/// `matmul(a, b)`: NumPy's, vectors and leading axes included.
pub(super) fn matmul(a: &Array, b: &Array, left: &mut Left) -> Result<Array> {
    let Matrices { places, dims: [m, k, n], shape } = Matrices::of(a, b)?;
    let mut out = vec![0; places.len() * m * n];
    let ring = Ring::of(a.elem, a, b, k);
    for (p, (i, j)) in places.into_iter().enumerate() {
        let a = &a.data()[i * m * k..(i + 1) * m * k];
        let b = &b.data()[j * k * n..(j + 1) * k * n];
        ring.product(a, b, [m, k, n], &mut out[p * m * n..(p + 1) * m * n], left)?;
    }
    Ok(Array::new(a.elem, shape, out))
}

/// The matrices that a product is of.
pub(super) struct Matrices {
    /// For each matrix of the result, which of either operand's.
    pub places: Vec<(usize, usize)>,
    /// `[m, k] × [k, n]`.
    pub dims: [usize; 3],
    /// The result's shape.
    pub shape: Vec<usize>,
}

impl Matrices {
    pub fn of(a: &Array, b: &Array) -> Result<Matrices> {
        let row = |shape: &[usize]| [&[1], shape].concat();
        let (a_shape, b_shape) = match (a.shape.as_slice(), b.shape.as_slice()) {
            ([], _) | (_, []) => return Err(Kind::Malformed("a matrix product of scalars")),
            (a, b) => {
                let column = |n: usize| vec![n, 1];
                (if a.len() == 1 { row(a) } else { a.to_vec() }, if b.len() == 1 { column(b[0]) } else { b.to_vec() })
            }
        };
        let (a_lead, [m, k]) = last_two(&a_shape)?;
        let (b_lead, [k2, n]) = last_two(&b_shape)?;
        if k != k2 {
            return Err(Kind::Malformed("a matrix product of matrices that do not fit"));
        }
        let lead = broadcast_shape(a_lead, b_lead)?;
        let places = matrices(a_lead, &lead).into_iter().zip(matrices(b_lead, &lead)).collect();
        let mut shape = lead;
        shape.extend((a.shape.len() > 1).then_some(m));
        shape.extend((b.shape.len() > 1).then_some(n));
        Ok(Matrices { places, dims: [m, k, n], shape })
    }
}

/// For each point of the broadcast leading axes, which of an operand's matrices stands there.
fn matrices(own: &[usize], lead: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; lead.len()];
    let mut stride = 1;
    for (k, &size) in own.iter().enumerate().rev() {
        strides[lead.len() - own.len() + k] = if size == 1 { 0 } else { stride };
        stride *= size;
    }
    let mut at = Vec::new();
    for_each_offset(lead, &strides, &mut |offset| at.push(offset));
    at
}

fn last_two(shape: &[usize]) -> Result<(&[usize], [usize; 2])> {
    match shape {
        [lead @ .., m, n] => Ok((lead, [*m, *n])),
        _ => Err(Kind::Malformed("a matrix without two axes")),
    }
}

/// How products are summed: the ring, and whether sums may leave its range at all.
struct Ring {
    elem: Elem,
    /// No sum can leave the range, whatever the elements: no need to look at each.
    safe: bool,
}

impl Ring {
    /// For sums of `k` products of elements of the two.
    fn of(elem: Elem, a: &Array, b: &Array, k: usize) -> Ring {
        let safe = match elem {
            Elem::Int | Elem::Fix { .. } => {
                let greatest =
                    |x: &Array| x.data().iter().map(|&x| elem.number(x).unsigned_abs()).max().unwrap_or_default();
                let sum = greatest(a).saturating_mul(greatest(b)).saturating_mul(k as u128);
                let frac = if let Elem::Fix { frac, .. } = elem { frac } else { 0 };
                sum.saturating_add(1 << frac) < 1 << (elem.bits() - 1)
            }
            _ => true,
        };
        Ring { elem, safe }
    }

    /// `[m, k] × [k, n]`, rescaled.
    fn product(&self, a: &[u64], b: &[u64], [m, k, n]: [usize; 3], out: &mut [u64], left: &mut Left) -> Result<()> {
        let elem = self.elem;
        let bits = elem.bits();
        let sign = |x: u64| if elem.signed() { signed(x, bits) as u64 } else { x };
        for i in 0..m {
            let row = &mut out[i * n..(i + 1) * n];
            for j in 0..k {
                let x = sign(a[i * k + j]);
                if x == 0 {
                    continue;
                }
                for (sum, &y) in row.iter_mut().zip(&b[j * n..(j + 1) * n]) {
                    *sum = sum.wrapping_add(x.wrapping_mul(y));
                }
            }
            for (c, sum) in row.iter_mut().enumerate() {
                if !self.safe {
                    let exact = (0..k)
                        .map(|j| elem.number(a[i * k + j]) * elem.number(b[j * n + c]))
                        .fold(0i128, i128::saturating_add);
                    self.check(exact, left)?;
                }
                *sum = match elem {
                    Elem::Fix { frac, .. } => number::fix_rescale(*sum, bits, u32::from(frac)),
                    _ => *sum & elem.mask(),
                };
            }
        }
        Ok(())
    }

    fn check(&self, exact: i128, left: &mut Left) -> Result<()> {
        match self.elem {
            Elem::Int if !number::fits_signed(exact, 64) => Err(Kind::IntSumOverflow),
            Elem::Fix { bits, frac } if !number::product_in_range(exact, u32::from(bits), u32::from(frac)) => {
                left.note(RangeKind::Product, exact >> frac);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Geometry of a convolution, by height and width.
pub(super) struct Geometry {
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
}

impl Geometry {
    /// From what the typed tree holds.
    pub fn of(stride: [u64; 2], padding: [u64; 2], dilation: [u64; 2], groups: u64) -> Geometry {
        let pair = |[h, w]: [u64; 2]| [h as usize, w as usize];
        Geometry { stride: pair(stride), padding: pair(padding), dilation: pair(dilation), groups: groups as usize }
    }
}

/// `conv2d(x, w)` of `[N, C, H, W]` with `[O, C / groups, K, L]`.
pub(super) fn conv2d(x: &Array, w: &Array, geometry: &Geometry, left: &mut Left) -> Result<Array> {
    let ring = Ring::of(x.elem, x, w, w.shape.iter().skip(1).product());
    let mut out = Vec::new();
    let shape = windows(x, w, geometry, &mut |weights, columns, dims, at| {
        out.resize(at + dims[0] * dims[2], 0);
        ring.product(weights, columns, dims, &mut out[at..], left)
    })?;
    Ok(Array::new(x.elem, shape, out))
}

/// A convolution as products of matrices, one for each image and group: calls `f` with the kernels, the windows as
/// columns, `[O / groups, taps, points]`, and where the product's elements begin in the result, whose shape it gives.
/// What padding adds is 0.
pub(super) fn windows(
    x: &Array,
    w: &Array,
    geometry: &Geometry,
    f: &mut impl FnMut(&[u64], &[u64], [usize; 3], usize) -> Result<()>,
) -> Result<Vec<usize>> {
    let (&[n, c, height, width], &[o, c_group, kh, kw]) = (x.shape.as_slice(), w.shape.as_slice()) else {
        return Err(Kind::Malformed("a convolution without four axes"));
    };
    let groups = geometry.groups;
    if groups == 0 || c_group * groups != c || o % groups != 0 || geometry.stride.contains(&0) {
        return Err(Kind::Malformed("a convolution whose channels do not fit"));
    }
    let extent = |size: usize, kernel: usize, d: usize| {
        let reach = kernel.saturating_sub(1) * geometry.dilation[d] + 1;
        (size + 2 * geometry.padding[d]).checked_sub(reach).map_or(0, |room| room / geometry.stride[d] + 1)
    };
    let (out_h, out_w) = (extent(height, kh, 0), extent(width, kw, 1));
    let (taps, points, o_group) = (c_group * kh * kw, out_h * out_w, o / groups);

    let mut columns = vec![0; taps * points];
    for image in 0..n {
        for group in 0..groups {
            for tap in 0..taps {
                let (channel, dy, dx) =
                    (tap / (kh * kw), tap / kw % kh * geometry.dilation[0], tap % kw * geometry.dilation[1]);
                let plane = ((image * c + group * c_group + channel) * height) * width;
                for y in 0..out_h {
                    let row = (y * geometry.stride[0] + dy).checked_sub(geometry.padding[0]).filter(|&r| r < height);
                    for z in 0..out_w {
                        let column =
                            (z * geometry.stride[1] + dx).checked_sub(geometry.padding[1]).filter(|&c| c < width);
                        columns[tap * points + y * out_w + z] = match (row, column) {
                            (Some(r), Some(c)) => x.data()[plane + r * width + c],
                            _ => 0,
                        };
                    }
                }
            }
            let weights = &w.data()[group * o_group * taps..(group + 1) * o_group * taps];
            let at = (image * o + group * o_group) * points;
            f(weights, &columns, [o_group, taps, points], at)?;
        }
    }
    Ok(vec![n, o, out_h, out_w])
}
