//! Structural operations of a program on arrays of whatever stands for an element.

use motet_program::clear::Fault;
use motet_program::ir::{Op, Value};
use zeroize::Zeroize;

use super::array::Array;
use super::error::Failure;

/// Whether the operation is structural.
pub(super) fn is_structural(op: &Op) -> bool {
    matches!(
        op,
        Op::Reshape(_)
            | Op::Broadcast(_)
            | Op::Transpose(..)
            | Op::Slice(..)
            | Op::Update { .. }
            | Op::Concat(..)
            | Op::Pad { .. }
            | Op::Gather(..)
    )
}

/// The operands whose elements are moved; the others are public positions.
pub(super) fn data_operands(op: &Op) -> Vec<Value> {
    match op {
        Op::Reshape(v) | Op::Broadcast(v) | Op::Transpose(v, _) | Op::Slice(v, _) | Op::Gather(v, _) => vec![*v],
        Op::Update { base, part, .. } => vec![*base, *part],
        Op::Pad { value, fill, .. } => vec![*value, *fill],
        Op::Concat(parts, _) => parts.clone(),
        _ => Vec::new(),
    }
}

/// Applies a structural operation to its data operands, in the order of `data_operands`. `position` gives the public
/// `Int`s of a value.
pub(super) fn apply<E: Copy + Default + Zeroize>(
    op: &Op,
    data: Vec<Array<E>>,
    shape: &[usize],
    position: impl Fn(Value) -> Option<Vec<i64>>,
) -> Result<Array<E>, Failure> {
    if let Op::Concat(_, axis) = op {
        return concat(&data, usize::from(*axis), shape);
    }
    let mut data = data.into_iter();
    let first = data.next().ok_or(Failure::Misfit)?;
    let start = |starts: &[Value], sizes: &[usize], within: &[usize]| {
        let starts: Option<Vec<i64>> = starts.iter().map(|v| position(*v)?.first().copied()).collect();
        boxed(&starts.ok_or(Failure::Misfit)?, sizes, within)
    };
    let count: usize = shape.iter().product();
    let own = &first.layout().shape;
    match op {
        Op::Reshape(_) if count == first.count() => Ok(first.reshape(shape)?),
        Op::Broadcast(_) if broadcasts(own, shape) => Ok(first.broadcast(shape)),
        Op::Transpose(_, perm) if perm.iter().all(|axis| usize::from(*axis) < own.len()) => Ok(first.transpose(perm)),
        Op::Slice(_, starts) => {
            let starts = start(starts, shape, own)?;
            Ok(first.slice(&starts, shape))
        }
        Op::Update { starts, .. } => {
            let part = data.next().ok_or(Failure::Misfit)?;
            let starts = start(starts, &part.layout().shape, own)?;
            if part.planes() != first.planes() {
                return Err(Failure::Misfit);
            }
            Ok(first.update(&part, &starts)?)
        }
        Op::Pad { widths, .. } => {
            let fill = data.next().ok_or(Failure::Misfit)?;
            let before: Vec<usize> = widths.iter().map(|[before, _]| *before as usize).collect();
            let fits = before.len() == own.len()
                && own.len() == shape.len()
                && (0..own.len()).all(|a| before[a].saturating_add(own[a]) <= shape[a])
                && fill.count() == 1
                && fill.layout().shape.is_empty()
                && fill.planes() == first.planes();
            if !fits {
                return Err(Failure::Misfit);
            }
            Ok(first.pad(&fill, &before, shape)?)
        }
        Op::Gather(_, indices) if !own.is_empty() => {
            let indices = position(*indices).ok_or(Failure::Misfit)?;
            let indices = indices.iter().map(|&i| within(i, 1, own[0])).collect::<Result<Vec<_>, _>>()?;
            if indices.len().saturating_mul(own[1..].iter().product()) != count {
                return Err(Failure::Misfit);
            }
            Ok(first.gather(&indices, shape)?)
        }
        _ => Err(Failure::Misfit),
    }
}

fn concat<E: Copy + Default + Zeroize>(parts: &[Array<E>], axis: usize, shape: &[usize]) -> Result<Array<E>, Failure> {
    let mut total = 0usize;
    for part in parts {
        let own = &part.layout().shape;
        let fits = axis < shape.len()
            && own.len() == shape.len()
            && (0..shape.len()).all(|a| a == axis || own[a] == shape[a])
            && part.planes() == parts[0].planes();
        if !fits {
            return Err(Failure::Misfit);
        }
        total = total.saturating_add(own[axis]);
    }
    if axis >= shape.len() || total != shape[axis] {
        return Err(Failure::Misfit);
    }
    Ok(Array::concat(parts, axis, shape)?)
}

fn broadcasts(from: &[usize], to: &[usize]) -> bool {
    from.len() <= to.len() && from.iter().zip(&to[to.len() - from.len()..]).all(|(f, t)| f == t || *f == 1)
}

/// The starts of a box of the sizes that must lie within the axes.
fn boxed(starts: &[i64], sizes: &[usize], axes: &[usize]) -> Result<Vec<usize>, Failure> {
    if starts.len() != axes.len() || sizes.len() != axes.len() {
        return Err(Failure::Misfit);
    }
    starts.iter().zip(sizes).zip(axes).map(|((&start, &len), &size)| within(start, len, size)).collect()
}

fn within(index: i64, len: usize, size: usize) -> Result<usize, Failure> {
    match usize::try_from(index) {
        Ok(start) if start.checked_add(len).is_some_and(|end| end <= size) => Ok(start),
        _ => Err(Failure::Fault(Fault::OutOfRange { index, len: len as u64, size: size as u64 })),
    }
}
