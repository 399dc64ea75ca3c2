//! Reading and writing parts of values: a box of a tensor, a field of every struct in it.

use motet_program::data::Elem;

use super::error::SimulateErrorKind as Kind;
use super::value::{Array, Value};

type Result<T> = std::result::Result<T, Kind>;

/// What is taken of one axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub start: usize,
    pub len: usize,
    /// Whether the axis stays in the result; else it has been indexed away.
    pub kept: bool,
}

/// One index, evaluated.
pub(super) enum At {
    /// A scalar index.
    Index { index: i128, secret: bool },
    /// A box of this many elements from a public start.
    Range { start: i128, len: usize },
    /// The whole axis.
    All,
}

/// Applies one index for each kept axis. `false`: a secret index is out of range, so that nothing is read or written.
pub(super) fn narrow(axes: &mut [Axis], indices: &[At]) -> Result<bool> {
    let mut within = true;
    let mut kept = axes.iter_mut().filter(|a| a.kept);
    for at in indices {
        let Some(axis) = kept.next() else { return Err(Kind::Malformed("more indices than axes")) };
        match *at {
            At::All => {}
            At::Index { index, secret } => {
                let inside = (0..axis.len as i128).contains(&index);
                if !inside && !secret {
                    return Err(Kind::IndexOutOfRange { index, size: axis.len as u64 });
                }
                within &= inside;
                *axis = Axis { start: axis.start + if inside { index as usize } else { 0 }, len: 1, kept: false };
            }
            At::Range { start, len } => {
                if start < 0 || start + len as i128 > axis.len as i128 {
                    return Err(Kind::SliceOutOfRange { start, len: len as u64, size: axis.len as u64 });
                }
                *axis = Axis { start: axis.start + start as usize, len, kept: true };
            }
        }
    }
    Ok(within)
}

/// The offsets at which a box's runs of neighbouring elements begin, and their length.
struct Runs {
    base: usize,
    /// Axes to walk over: size and stride.
    outer: Vec<(usize, usize)>,
    run: usize,
}

impl Runs {
    fn of(shape: &[usize], axes: &[Axis]) -> Runs {
        let mut stride: usize = shape[axes.len()..].iter().product();
        let (mut base, mut run, mut outer, mut whole) = (0, stride, Vec::new(), true);
        for (axis, &size) in axes.iter().zip(shape).rev() {
            base += axis.start * stride;
            if whole {
                run *= axis.len;
            } else if axis.len != 1 {
                outer.push((axis.len, stride));
            }
            whole &= axis.len == size;
            stride *= size;
        }
        outer.reverse();
        Runs { base, outer, run }
    }

    fn for_each(&self, f: &mut impl FnMut(usize)) {
        fn walk(outer: &[(usize, usize)], at: usize, f: &mut impl FnMut(usize)) {
            match outer {
                [] => f(at),
                [(n, stride), rest @ ..] => (0..*n).for_each(|i| walk(rest, at + i * stride, f)),
            }
        }
        if self.run > 0 {
            walk(&self.outer, self.base, f);
        }
    }
}

/// The shape of a box of an array.
fn shape_of(shape: &[usize], axes: &[Axis]) -> Vec<usize> {
    axes.iter().filter(|a| a.kept).map(|a| a.len).chain(shape[axes.len()..].iter().copied()).collect()
}

/// The box of every leaf; zero where `within` does not hold.
pub(super) fn read(value: &Value, axes: &[Axis], within: bool) -> Result<Value> {
    match value {
        Value::Group(parts) => Ok(Value::Group(parts.iter().map(|p| read(p, axes, within)).collect::<Result<_>>()?)),
        Value::Leaf(a) => {
            if a.shape.len() < axes.len() {
                return Err(Kind::Malformed("an index into too few axes"));
            }
            let shape = shape_of(&a.shape, axes);
            if !within {
                return Ok(Value::Leaf(Array::splat(a.elem, shape, 0)));
            }
            let runs = Runs::of(&a.shape, axes);
            if shape.is_empty() {
                return Ok(Value::Leaf(Array::scalar(a.elem, a.data()[runs.base])));
            }
            let mut out = Vec::with_capacity(shape.iter().product());
            runs.for_each(&mut |at| out.extend_from_slice(&a.data()[at..at + runs.run]));
            Ok(Value::Leaf(Array::new(a.elem, shape, out)))
        }
    }
}

/// Replaces the box of every leaf.
pub(super) fn write(value: &mut Value, axes: &[Axis], part: &Value) -> Result<()> {
    match (value, part) {
        (Value::Group(parts), Value::Group(new)) if parts.len() == new.len() => {
            parts.iter_mut().zip(new).try_for_each(|(p, n)| write(p, axes, n))
        }
        (Value::Leaf(a), Value::Leaf(new)) => {
            if a.shape.len() < axes.len() || shape_of(&a.shape, axes) != new.shape {
                return Err(Kind::Malformed("an assignment of another shape"));
            }
            let runs = Runs::of(&a.shape, axes);
            let (into, mut from) = (a.data_mut(), new.data().chunks(runs.run.max(1)));
            runs.for_each(&mut |at| {
                if let Some(chunk) = from.next() {
                    into[at..at + chunk.len()].copy_from_slice(chunk);
                }
            });
            Ok(())
        }
        _ => Err(Kind::Malformed("an assignment of another form")),
    }
}

/// The part of a value at point `p`, row-major, of its first `rank` axes.
pub(super) fn point(value: &Value, rank: usize, p: usize) -> Value {
    match value {
        Value::Group(parts) => Value::Group(parts.iter().map(|part| point(part, rank, p)).collect()),
        Value::Leaf(a) => {
            let shape = a.shape.get(rank..).unwrap_or_default().to_vec();
            if shape.is_empty() {
                return Value::Leaf(Array::scalar(a.elem, a.data()[p]));
            }
            let size: usize = shape.iter().product();
            Value::Leaf(Array::new(a.elem, shape, a.data()[p * size..(p + 1) * size].to_vec()))
        }
    }
}

/// `gather(x, indices)`: rows along the first axis. Secret indices out of range give zero.
pub(super) fn gather(value: &Value, indices: &Array, secret: bool) -> Result<Value> {
    match value {
        Value::Group(parts) => {
            Ok(Value::Group(parts.iter().map(|p| gather(p, indices, secret)).collect::<Result<_>>()?))
        }
        Value::Leaf(a) => {
            let [rows, rest @ ..] = a.shape.as_slice() else {
                return Err(Kind::Malformed("a gather from a scalar"));
            };
            let size: usize = rest.iter().product();
            let mut out = Vec::with_capacity(indices.data().len() * size);
            for &ring in indices.data() {
                let index = indices.elem.number(ring);
                if (0..*rows as i128).contains(&index) {
                    let at = index as usize * size;
                    out.extend_from_slice(&a.data()[at..at + size]);
                } else if secret {
                    out.resize(out.len() + size, 0);
                } else {
                    return Err(Kind::IndexOutOfRange { index, size: *rows as u64 });
                }
            }
            let shape = indices.shape.iter().chain(rest).copied().collect();
            Ok(Value::Leaf(Array::new(a.elem, shape, out)))
        }
    }
}

/// `transpose(x, perm)`: axis `k` of the result is `perm[k]`.
pub(super) fn transpose(a: &Array, perm: &[usize]) -> Result<Array> {
    let mut seen = vec![false; a.shape.len()];
    for &k in perm {
        match seen.get_mut(k) {
            Some(s) if !*s => *s = true,
            _ => return Err(Kind::Malformed("a permutation that is none")),
        }
    }
    if perm.len() != a.shape.len() {
        return Err(Kind::Malformed("a permutation of other axes"));
    }
    let mut strides = vec![1; a.shape.len()];
    for k in (1..a.shape.len()).rev() {
        strides[k - 1] = strides[k] * a.shape[k];
    }
    let shape: Vec<usize> = perm.iter().map(|&k| a.shape[k]).collect();
    let strides: Vec<usize> = perm.iter().map(|&k| strides[k]).collect();
    let mut out = Vec::with_capacity(a.data().len());
    super::elementwise::for_each_offset(&shape, &strides, &mut |at| out.push(a.data()[at]));
    Ok(Array::new(a.elem, shape, out))
}

/// Joins along the first axis.
pub(super) fn concat(parts: &[&Array]) -> Result<Array> {
    let Some([_, rest @ ..]) = parts.first().map(|a| a.shape.as_slice()) else {
        return Err(Kind::Malformed("a concatenation of nothing"));
    };
    if parts.iter().any(|a| a.shape.get(1..) != Some(rest)) {
        return Err(Kind::Malformed("a concatenation of different rows"));
    }
    let shape = std::iter::once(parts.iter().map(|a| a.shape[0]).sum()).chain(rest.iter().copied()).collect();
    let out = parts.iter().flat_map(|a| a.data()).copied().collect();
    Ok(Array::new(parts[0].elem, shape, out))
}

/// `pad(x, widths, v)`.
pub(super) fn pad(a: &Array, widths: &[[usize; 2]], fill: &Array) -> Result<Array> {
    if widths.len() != a.shape.len() {
        return Err(Kind::Malformed("padding of other axes"));
    }
    let sizes = a.shape.iter().zip(widths);
    let shape: Vec<usize> = sizes.clone().map(|(n, [before, after])| before + n + after).collect();
    let axes: Vec<Axis> = sizes.map(|(&len, &[start, _])| Axis { start, len, kept: true }).collect();
    let mut out = Value::Leaf(Array::splat(a.elem, shape, fill.data()[0]));
    write(&mut out, &axes, &Value::Leaf(a.clone()))?;
    match out {
        Value::Leaf(out) => Ok(out),
        Value::Group(_) => Err(Kind::Malformed("padding of a group")),
    }
}

/// `0, 1, 2, …`
pub(super) fn iota(count: usize) -> Array {
    Array::new(Elem::Int, vec![count], (0..count as u64).collect())
}
