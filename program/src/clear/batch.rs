//! Products, reductions, oblivious access and circuits, on plain tensors.

use motet_circuits::Circuit;

use super::scalar;
use super::structural::{for_each_offset, strides};
use crate::data::{Elem, Tensor, Type};
use crate::ir::{Conv2d, Reduction};
use crate::plan::{Triangular, Walk};

/// `[batch.., M, K] × [batch.., K, N]`, rescaled once.
pub fn matmul(a: &Tensor, b: &Tensor, ty: &Type) -> Tensor {
    let rank = ty.shape.len();
    let (m, n) = (ty.shape[rank - 2] as usize, ty.shape[rank - 1] as usize);
    let k = a.ty.shape[rank - 1] as usize;
    let batch = ty.shape[..rank - 2].iter().product::<u64>() as usize;
    let mut data = vec![0u64; batch * m * n];
    for g in 0..batch {
        for i in 0..m {
            let row = &mut data[(g * m + i) * n..][..n];
            for l in 0..k {
                let x = a.data[(g * m + i) * k + l];
                let from = &b.data[(g * k + l) * n..][..n];
                row.iter_mut().zip(from).for_each(|(to, y)| *to = to.wrapping_add(x.wrapping_mul(*y)));
            }
        }
    }
    rescaled(data, ty)
}

/// `[N, C, H, W]` with `[O, C / groups, K, L]`, rescaled once.
pub fn conv2d(x: &Tensor, w: &Tensor, geometry: &Conv2d, ty: &Type) -> Tensor {
    let [n, o, h, width] = [0, 1, 2, 3].map(|i| ty.shape[i] as usize);
    let [c, k, l] = [1, 2, 3].map(|i| w.ty.shape[i] as usize);
    let (xs, ws) = (strides(&x.ty.shape), strides(&w.ty.shape));
    let per_group = o / geometry.groups as usize;
    let [sh, sw] = geometry.stride.map(|s| s as usize);
    let [dh, dw] = geometry.dilation.map(|d| d as usize);
    let mut data = Vec::with_capacity(n * o * h * width);
    for (image, out) in (0..n).flat_map(|i| (0..o).map(move |j| (i, j))) {
        let first = out / per_group * c;
        for (y, z) in (0..h).flat_map(|i| (0..width).map(move |j| (i, j))) {
            let mut sum = 0u64;
            for channel in 0..c {
                for (i, j) in (0..k).flat_map(|i| (0..l).map(move |j| (i, j))) {
                    let at = image * xs[0] + (first + channel) * xs[1] + (y * sh + i * dh) * xs[2] + (z * sw + j * dw);
                    let weight = w.data[out * ws[0] + channel * ws[1] + i * ws[2] + j];
                    sum = sum.wrapping_add(x.data[at].wrapping_mul(weight));
                }
            }
            data.push(sum);
        }
    }
    rescaled(data, ty)
}

fn rescaled(mut data: Vec<u64>, ty: &Type) -> Tensor {
    data.iter_mut().for_each(|word| *word = scalar::rescale(ty.elem, *word));
    Tensor { ty: ty.clone(), data }
}

/// Reduces an axis. `Min` and `Max` of an empty axis do not occur (the validator refuses them).
pub fn reduce(op: Reduction, x: &Tensor, axis: usize, ty: &Type) -> Result<Tensor, super::Fault> {
    let elem = x.ty.elem;
    let n = x.ty.shape[axis] as usize;
    let inner = x.ty.shape[axis + 1..].iter().product::<u64>() as usize;
    let outer = x.ty.shape[..axis].iter().product::<u64>() as usize;
    let mut data = Vec::with_capacity(outer * inner);
    for (i, j) in (0..outer).flat_map(|i| (0..inner).map(move |j| (i, j))) {
        let mut elements = (0..n).map(|k| x.data[(i * n + k) * inner + j]);
        let step = |a, b| combine(op, elem, a, b);
        data.push(match identity(op, elem) {
            Some(start) => elements.try_fold(start, step)?,
            None => {
                let first = elements.next().unwrap_or_default();
                elements.try_fold(first, step)?
            }
        });
    }
    Ok(Tensor { ty: ty.clone(), data })
}

/// What a reduction of nothing gives; `None` for `Min` and `Max`.
fn identity(op: Reduction, elem: Elem) -> Option<u64> {
    match op {
        Reduction::Add | Reduction::Or | Reduction::Xor => Some(0),
        Reduction::And => Some(elem.mask()),
        Reduction::Min | Reduction::Max => None,
    }
}

fn combine(op: Reduction, elem: Elem, a: u64, b: u64) -> Result<u64, super::Fault> {
    scalar::binary(op.binary(), elem, elem, a, b)
}

/// What a product by triangular numbers needs of one operand.
pub fn triangular(x: &Tensor, sums: &Triangular, ty: &Type) -> Tensor {
    let own = strides(&x.ty.shape);
    let stride = |walk: &Option<Walk>| walk.map_or(0, |w| own[usize::from(w.axis)] * w.step as usize);
    let strides: Vec<usize> = sums.input.walk.iter().map(stride).collect();
    let (rows, summed) = strides.split_at(sums.shape.len());
    let unused = 64 - ty.elem.bits();
    let mut data = Vec::with_capacity(ty.count() as usize);
    for_each_offset(&sums.shape, rows, 0, &mut |first| {
        let mut sum = 0u64;
        for_each_offset(&sums.extents, summed, first, &mut |i| {
            let z = i128::from(((x.data[i] << unused) as i64) >> unused);
            sum = sum.wrapping_sub((z * (z + 1) / 2) as u64);
        });
        data.push(sum & ty.elem.mask());
    });
    Tensor { ty: ty.clone(), data }
}

/// Row of a table at which an index points; `None` where it is out of range.
fn row_of(index: &Tensor, point: usize, rows: usize) -> Option<usize> {
    let number = index.ty.elem.number(index.data[point]);
    usize::try_from(number).ok().filter(|&i| i < rows)
}

/// Oblivious read: zero out of range.
pub fn read(table: &Tensor, index: &Tensor, ty: &Type) -> Tensor {
    let rows = table.ty.shape[index.ty.shape.len()] as usize;
    let row = table.ty.shape[index.ty.shape.len() + 1..].iter().product::<u64>() as usize;
    let mut data = Vec::with_capacity(ty.count() as usize);
    for point in 0..index.data.len() {
        match row_of(index, point, rows) {
            Some(i) => data.extend_from_slice(&table.data[(point * rows + i) * row..][..row]),
            None => data.resize(data.len() + row, 0),
        }
    }
    Tensor { ty: ty.clone(), data }
}

/// Oblivious write: nothing out of range.
pub fn write(mut table: Tensor, index: &Tensor, value: &Tensor) -> Tensor {
    let rows = table.ty.shape[index.ty.shape.len()] as usize;
    let row = table.ty.shape[index.ty.shape.len() + 1..].iter().product::<u64>() as usize;
    for point in 0..index.data.len() {
        if let Some(i) = row_of(index, point, rows) {
            table.data[(point * rows + i) * row..][..row].copy_from_slice(&value.data[point * row..][..row]);
        }
    }
    table
}

/// An imported circuit over a batch.
pub fn circuit(circuit: &Circuit, batch: usize, args: &[&Tensor], types: &[&Type]) -> Vec<Tensor> {
    let instances = types.first().map_or(1, |t| t.shape[..batch].iter().product::<u64>() as usize);
    let mut out: Vec<Tensor> =
        types.iter().map(|t| Tensor { ty: (*t).clone(), data: Vec::with_capacity(t.count() as usize) }).collect();
    for i in 0..instances {
        let mut bits = Vec::with_capacity(circuit.inputs as usize);
        for arg in args {
            let each = arg.data.len() / instances;
            for word in &arg.data[i * each..(i + 1) * each] {
                bits.extend((0..arg.ty.elem.bits()).map(|b| word >> b & 1 == 1));
            }
        }
        let result = circuit.evaluate(&bits);
        let mut result = result.into_iter();
        for tensor in &mut out {
            let each = tensor.ty.count() as usize / instances.max(1);
            for _ in 0..each {
                let word =
                    (0..tensor.ty.elem.bits()).fold(0u64, |w, b| w | u64::from(result.next().unwrap_or_default()) << b);
                tensor.data.push(word);
            }
        }
    }
    out
}
