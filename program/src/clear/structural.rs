//! Operations that move elements and compute nothing, on plain tensors.

use super::Fault;
use crate::data::{Shape, Tensor, Type};

/// Elements from one point of an axis to the next, for a row-major tensor of the shape.
pub fn strides(shape: &[u64]) -> Vec<usize> {
    let mut out = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        out[axis - 1] = out[axis] * shape[axis] as usize;
    }
    out
}

/// Calls `f` with the offset `start + Σ index·stride` of every point of the shape, row-major.
pub fn for_each_offset(shape: &[u64], strides: &[usize], start: usize, f: &mut impl FnMut(usize)) {
    match (shape, strides) {
        ([], _) => f(start),
        ([n], [s]) => (0..*n as usize).for_each(|i| f(start + i * s)),
        ([n, inner @ ..], [s, rest @ ..]) => {
            (0..*n as usize).for_each(|i| for_each_offset(inner, rest, start + i * s, f));
        }
        _ => {}
    }
}

fn gathered(ty: &Type, data: &[u64], strides: &[usize], start: usize) -> Tensor {
    let mut out = Vec::with_capacity(ty.count() as usize);
    for_each_offset(&ty.shape, strides, start, &mut |i| out.push(data[i]));
    Tensor { ty: ty.clone(), data: out }
}

/// NumPy's broadcast.
pub fn broadcast(x: &Tensor, ty: &Type) -> Tensor {
    let own = strides(&x.ty.shape);
    let lead = ty.shape.len() - x.ty.shape.len();
    let mut along = vec![0; ty.shape.len()];
    for (axis, &size) in x.ty.shape.iter().enumerate() {
        along[lead + axis] = if size == 1 { 0 } else { own[axis] };
    }
    gathered(ty, &x.data, &along, 0)
}

/// Axis `k` of the result is axis `perm[k]`.
pub fn transpose(x: &Tensor, perm: &[u8], ty: &Type) -> Tensor {
    let own = strides(&x.ty.shape);
    gathered(ty, &x.data, &perm.iter().map(|&p| own[p as usize]).collect::<Vec<_>>(), 0)
}

/// Checks that a box of `size` at `starts` lies inside `shape`; its first element's offset.
pub fn box_offset(shape: &[u64], size: &[u64], starts: &[i64]) -> Result<usize, Fault> {
    let mut offset = 0;
    for (((&start, &n), &whole), stride) in starts.iter().zip(size).zip(shape).zip(strides(shape)) {
        let end = i128::from(start) + i128::from(n);
        if start < 0 || end > i128::from(whole) {
            return Err(Fault::OutOfRange { index: start, len: n, size: whole });
        }
        offset += start as usize * stride;
    }
    Ok(offset)
}

/// A box.
pub fn slice(x: &Tensor, starts: &[i64], ty: &Type) -> Result<Tensor, Fault> {
    let start = box_offset(&x.ty.shape, &ty.shape, starts)?;
    Ok(gathered(ty, &x.data, &strides(&x.ty.shape), start))
}

/// Overwrites a box.
pub fn update(mut base: Tensor, part: &Tensor, starts: &[i64]) -> Result<Tensor, Fault> {
    let start = box_offset(&base.ty.shape, &part.ty.shape, starts)?;
    let mut from = part.data.iter();
    let along = strides(&base.ty.shape);
    for_each_offset(&part.ty.shape, &along, start, &mut |i| {
        if let Some(&word) = from.next() {
            base.data[i] = word;
        }
    });
    Ok(base)
}

/// Joins along an axis.
pub fn concat(parts: &[&Tensor], axis: usize, ty: &Type) -> Tensor {
    let run = |shape: &Shape| shape[axis..].iter().product::<u64>() as usize;
    let outer = ty.shape[..axis].iter().product::<u64>() as usize;
    let mut data = Vec::with_capacity(ty.count() as usize);
    for i in 0..outer {
        for part in parts {
            let n = run(&part.ty.shape);
            data.extend_from_slice(&part.data[i * n..(i + 1) * n]);
        }
    }
    Tensor { ty: ty.clone(), data }
}

/// Adds elements around.
pub fn pad(x: &Tensor, fill: u64, widths: &[[u64; 2]], ty: &Type) -> Result<Tensor, Fault> {
    let base = Tensor { ty: ty.clone(), data: vec![fill; ty.count() as usize] };
    update(base, x, &widths.iter().map(|w| w[0] as i64).collect::<Vec<_>>())
}

/// `x[indices]` along the first axis.
pub fn gather(x: &Tensor, indices: &Tensor, ty: &Type) -> Result<Tensor, Fault> {
    let row = x.ty.shape[1..].iter().product::<u64>() as usize;
    let mut data = Vec::with_capacity(ty.count() as usize);
    for &index in &indices.data {
        let i = index as i64;
        if i < 0 || i as u64 >= x.ty.shape[0] {
            return Err(Fault::OutOfRange { index: i, len: 1, size: x.ty.shape[0] });
        }
        data.extend_from_slice(&x.data[i as usize * row..(i as usize + 1) * row]);
    }
    Ok(Tensor { ty: ty.clone(), data })
}
