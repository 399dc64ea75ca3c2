//! Matrix products and convolutions as bilinear maps: which element of the one operand meets which of the other, and
//! where their product is added.

use crate::ir::{Conv2d, Op};

/// A matrix product or convolution with the shapes of its operands.
#[derive(Clone, Debug, PartialEq)]
pub enum Bilinear {
    /// `[batch, m, k] × [batch, k, n]`.
    MatMul {
        /// Leading dimensions, as one.
        batch: usize,
        /// Rows of the first.
        m: usize,
        /// Columns of the first, rows of the second.
        k: usize,
        /// Columns of the second.
        n: usize,
    },
    /// `[images, channels, height, width]` with `[out, channels / groups, rows, columns]`.
    Conv2d {
        /// Shape of the images.
        x: [usize; 4],
        /// Shape of the kernels.
        w: [usize; 4],
        /// Stride, dilation, groups.
        geometry: Conv2d,
    },
}

impl Bilinear {
    /// The map of a validated operation; `None` where it is none.
    pub fn of(op: &Op, x: &[u64], y: &[u64]) -> Option<Bilinear> {
        let four = |shape: &[u64]| <[u64; 4]>::try_from(shape).ok().map(|s| s.map(|n| n as usize));
        match op {
            Op::MatMul(..) => {
                let (lead, [m, k]) = x.split_at_checked(x.len().checked_sub(2)?)? else { return None };
                let n = y.last()?;
                let batch = lead.iter().product::<u64>() as usize;
                Some(Bilinear::MatMul { batch, m: *m as usize, k: *k as usize, n: *n as usize })
            }
            Op::Conv2d(_, _, geometry) => Some(Bilinear::Conv2d { x: four(x)?, w: four(y)?, geometry: *geometry }),
            _ => None,
        }
    }

    /// Height and width of a convolution's result.
    fn out(x: &[usize; 4], w: &[usize; 4], g: &Conv2d) -> [usize; 2] {
        [0, 1].map(|i| (x[2 + i] - (w[2 + i] - 1) * g.dilation[i] as usize - 1) / g.stride[i] as usize + 1)
    }

    /// Elements of the first operand, the second, the result.
    pub fn counts(&self) -> [usize; 3] {
        match self {
            Bilinear::MatMul { batch, m, k, n } => [batch * m * k, batch * k * n, batch * m * n],
            Bilinear::Conv2d { x, w, geometry } => {
                let out = Self::out(x, w, geometry);
                [x.iter().product(), w.iter().product(), x[0] * w[0] * out[0] * out[1]]
            }
        }
    }

    /// Products of elements in all.
    pub fn products(&self) -> u64 {
        match self {
            Bilinear::MatMul { batch, m, k, n } => ((batch * m * k) as u64).saturating_mul(*n as u64),
            Bilinear::Conv2d { w, .. } => (self.counts()[2] as u64).saturating_mul((w[1] * w[2] * w[3]) as u64),
        }
    }

    /// Oblivious transfers, one for each bit of one operand's elements, that all products take.
    pub fn transfers(&self, first: bool, bits: u32) -> u64 {
        (self.counts()[usize::from(!first)] as u64).saturating_mul(u64::from(bits))
    }

    /// Bytes of corrections when one operand's bits are transferred obliviously: each product is in one of `bits - i` bits,
    /// in whole bytes, for each bit `i`.
    pub fn correction_bytes(&self, bits: u32) -> u64 {
        let each: u64 = (1..=bits).map(|bits| u64::from(bits.div_ceil(8))).sum();
        self.products().saturating_mul(each)
    }

    /// Calls `f` with (element of the other operand, element of the result) for each product that the element of the
    /// first (`first`) or second operand is in.
    pub fn meets(&self, first: bool, element: usize, mut f: impl FnMut(usize, usize)) {
        match self {
            Bilinear::MatMul { m, k, n, .. } => {
                let matrix = element / if first { m * k } else { k * n };
                if first {
                    let (row, column) = (element / k % m, element % k);
                    (0..*n).for_each(|j| f((matrix * k + column) * n + j, (matrix * m + row) * n + j));
                } else {
                    let (row, column) = (element / n % k, element % n);
                    (0..*m).for_each(|i| f((matrix * m + i) * k + row, (matrix * m + i) * n + column));
                }
            }
            Bilinear::Conv2d { x, w, geometry } => conv2d_meets(x, w, geometry, first, element, &mut f),
        }
    }
}

fn conv2d_meets(
    x: &[usize; 4],
    w: &[usize; 4],
    g: &Conv2d,
    first: bool,
    element: usize,
    f: &mut impl FnMut(usize, usize),
) {
    let out = Bilinear::out(x, w, g);
    let [stride, dilation] = [g.stride, g.dilation].map(|pair| pair.map(|n| n as usize));
    let per_group = w[0] / g.groups as usize;
    let at = |shape: &[usize; 4], i: [usize; 4]| ((i[0] * shape[1] + i[1]) * shape[2] + i[2]) * shape[3] + i[3];
    let split = |shape: &[usize; 4]| {
        let [_, b, c, d] = *shape;
        [element / (b * c * d), element / (c * d) % b, element / d % c, element % d]
    };
    let result = |image: usize, o: usize, p: usize, q: usize| ((image * w[0] + o) * out[0] + p) * out[1] + q;
    if first {
        let [image, channel, row, column] = split(x);
        let (group, inner) = (channel / w[1], channel % w[1]);
        // The output position from which a window's place `k` falls on `at`.
        let from = |axis: usize, at: usize, k: usize| {
            let start = at.checked_sub(k * dilation[axis])?;
            (start % stride[axis] == 0 && start / stride[axis] < out[axis]).then(|| start / stride[axis])
        };
        for (k, l) in (0..w[2]).flat_map(|k| (0..w[3]).map(move |l| (k, l))) {
            if let (Some(p), Some(q)) = (from(0, row, k), from(1, column, l)) {
                for o in group * per_group..(group + 1) * per_group {
                    f(at(w, [o, inner, k, l]), result(image, o, p, q));
                }
            }
        }
    } else {
        let [o, inner, k, l] = split(w);
        let channel = o / per_group * w[1] + inner;
        for image in 0..x[0] {
            for (p, q) in (0..out[0]).flat_map(|p| (0..out[1]).map(move |q| (p, q))) {
                let place = [image, channel, p * stride[0] + k * dilation[0], q * stride[1] + l * dilation[1]];
                f(at(x, place), result(image, o, p, q));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clear::{conv2d, matmul};
    use crate::data::{Elem, Tensor, Type};
    use crate::ir::Value;

    /// By the elements of either operand, the map is the operation.
    fn agrees(op: &Op, x: &[u64], y: &[u64], out: &[u64]) {
        let tensor = |shape: &[u64], seed: u64| {
            let ty = Type { elem: Elem::Uint(16), shape: shape.to_vec() };
            let data = (0..ty.count()).map(|i| (i * 7919 + seed) % 65_521).collect();
            Tensor { ty, data }
        };
        let (a, b, ty) = (tensor(x, 3), tensor(y, 11), tensor(out, 0).ty);
        let expected = match op {
            Op::Conv2d(_, _, g) => conv2d(&a, &b, g, &ty),
            _ => matmul(&a, &b, &ty),
        };
        let map = Bilinear::of(op, x, y).unwrap();
        let counts = map.counts().map(|n| n as u64);
        assert_eq!(counts, [a.ty.count(), b.ty.count(), ty.count()]);
        for first in [true, false] {
            let (mine, other) = if first { (&a, &b) } else { (&b, &a) };
            let (mut sums, mut products) = (vec![0u64; ty.count() as usize], 0);
            for (i, word) in mine.data.iter().enumerate() {
                map.meets(first, i, |j, to| {
                    products += 1;
                    sums[to] = (sums[to] + word * other.data[j]) & 0xffff;
                });
            }
            assert_eq!(sums, expected.data);
            assert_eq!(products, map.products());
        }
    }

    #[test]
    fn products_meet_as_the_operations_say() {
        let matmul = Op::MatMul(Value(0), Value(1));
        agrees(&matmul, &[3, 5], &[5, 2], &[3, 2]);
        agrees(&matmul, &[2, 3, 1, 4], &[2, 3, 4, 3], &[2, 3, 1, 3]);
        for (groups, stride, dilation) in [(1, [1, 1], [1, 1]), (2, [2, 1], [1, 2]), (4, [1, 2], [2, 1])] {
            let out = |i: usize, n: u64, k: u64| (n - (k - 1) * dilation[i] - 1) / stride[i] + 1;
            let shape = [2, 8, out(0, 7, 3), out(1, 6, 2)];
            let op = Op::Conv2d(Value(0), Value(1), Conv2d { stride, dilation, groups });
            agrees(&op, &[2, 4, 7, 6], &[8, 4 / groups, 3, 2], &shape);
        }
    }
}
