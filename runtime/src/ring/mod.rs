//! Bilinear maps mod 2^64 by one party alone: matrix products and convolutions, about as fast as the machine multiplies.
//!
//! Both are cut into tiles of a matrix product that stay in registers, over panels of the second operand that stay in the
//! first cache. A convolution is a matrix product of its kernels with the windows that they meet, laid out a block of
//! positions at a time. A ring of fewer bits is had by dropping the others afterwards. Time and addresses depend on shapes
//! only.

mod kernel;
#[cfg(test)]
mod tests;

use motet_program::bilinear::Bilinear;
use motet_program::ir::Conv2d;
use zeroize::Zeroizing;

use kernel::{COLUMNS, Isa, ROWS};

/// Terms of a sum at once: a panel of 32 KiB.
const DEPTH: usize = 128;
/// Elements of windows that are laid out at once: 512 KiB.
const WINDOWS: usize = 1 << 16;

/// Adds a bilinear map of two flat tensors to `out`, mod 2^64.
///
/// # Panics
/// Where a tensor is shorter than the map says.
pub fn add_product(map: &Bilinear, x: &[u64], y: &[u64], out: &mut [u64]) {
    add_product_by(Isa::detect(), map, x, y, out);
}

fn add_product_by(isa: Isa, map: &Bilinear, x: &[u64], y: &[u64], out: &mut [u64]) {
    match map {
        Bilinear::MatMul { batch, m, k, n } => {
            for g in 0..*batch {
                let (x, y) = (&x[g * m * k..][..m * k], &y[g * k * n..][..k * n]);
                add_matmul(isa, [*m, *k, *n], x, y, &mut out[g * m * n..][..m * n], *n);
            }
        }
        Bilinear::Conv2d { x: shape, w, geometry } => add_conv2d(isa, shape, w, geometry, x, y, out),
    }
}

/// Adds `a · b` of `[m, k]` and `[k, n]` to the first n columns of rows of `stride` elements.
fn add_matmul(isa: Isa, [m, k, n]: [usize; 3], a: &[u64], b: &[u64], out: &mut [u64], stride: usize) {
    let mut panel = Zeroizing::new([0; DEPTH * COLUMNS]);
    for depth in (0..k).step_by(DEPTH) {
        let terms = DEPTH.min(k - depth);
        for column in (0..n).step_by(COLUMNS) {
            let columns = COLUMNS.min(n - column);
            for (to, from) in panel.chunks_exact_mut(COLUMNS).zip(b[depth * n..].chunks_exact(n)).take(terms) {
                to[..columns].copy_from_slice(&from[column..][..columns]);
            }
            let panel = &panel[..terms * COLUMNS];
            let whole = m / ROWS * ROWS;
            let part = |row: usize| &a[row * k + depth..][..terms];
            for row in (0..whole).step_by(ROWS) {
                let sums = isa.tile::<ROWS>(std::array::from_fn(|i| part(row + i)), panel);
                add(&sums, columns, &mut out[row * stride + column..], stride);
            }
            for row in whole..m {
                add(&isa.tile::<1>([part(row)], panel), columns, &mut out[row * stride + column..], stride);
            }
        }
    }
}

/// Adds rows of a tile to rows of `stride` elements.
fn add<const R: usize>(sums: &[[u64; COLUMNS]; R], columns: usize, out: &mut [u64], stride: usize) {
    for (i, sums) in sums.iter().enumerate() {
        let row = &mut out[i * stride..][..columns];
        row.iter_mut().zip(sums).for_each(|(to, sum)| *to = to.wrapping_add(*sum));
    }
}

/// Adds the convolution of `[N, C, H, W]` with `[O, C / groups, K, L]`.
fn add_conv2d(isa: Isa, shape: &[usize; 4], w: &[usize; 4], g: &Conv2d, x: &[u64], y: &[u64], out: &mut [u64]) {
    let [stride, dilation] = [g.stride, g.dilation].map(|pair| pair.map(|n| n as usize));
    let [height, width] = [0, 1].map(|i| (shape[2 + i] - (w[2 + i] - 1) * dilation[i] - 1) / stride[i] + 1);
    let (groups, positions) = (g.groups as usize, height * width);
    let (outputs, terms) = (w[0] / groups, w[1] * w[2] * w[3]);
    let block = (WINDOWS / terms.max(1)).clamp(1, positions.max(1));
    let mut windows = Zeroizing::new(vec![0; terms * block]);
    for (image, group) in (0..shape[0]).flat_map(|i| (0..groups).map(move |j| (i, j))) {
        let channels = &x[(image * shape[1] + group * w[1]) * shape[2] * shape[3]..];
        let kernels = &y[group * outputs * terms..][..outputs * terms];
        let results = &mut out[(image * w[0] + group * outputs) * positions..][..outputs * positions];
        for first in (0..positions).step_by(block) {
            let count = block.min(positions - first);
            for (term, row) in windows[..terms * count].chunks_exact_mut(count).enumerate() {
                let (channel, k, l) = (term / (w[2] * w[3]), term / w[3] % w[2], term % w[3]);
                let channel = &channels[channel * shape[2] * shape[3]..];
                let (mut i, mut j) = (first / width, first % width);
                for to in row {
                    *to = channel[(i * stride[0] + k * dilation[0]) * shape[3] + j * stride[1] + l * dilation[1]];
                    j += 1;
                    if j == width {
                        (i, j) = (i + 1, 0);
                    }
                }
            }
            let windows = &windows[..terms * count];
            add_matmul(isa, [outputs, terms, count], kernels, windows, &mut results[first..], positions);
        }
    }
}
