//! Tensors as views of shared buffers, and the structural operations on them.
//!
//! An element has one or more *planes*: a tensor of plain words has one, a tensor of wire labels has one for each bit
//! (plane `b` holds bit `b`'s label of every element, so that a batch of one bit is read in one piece). Structural
//! operations do not depend on what an element is. They are views where they can be and copies else.

use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use super::layout::{Layout, Run, copy};

/// Memory for a value could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is not enough memory for a value of {bytes} bytes")]
pub struct OutOfMemory {
    /// How much was asked for.
    pub bytes: u64,
}

/// A tensor. Its buffer may be shared with other tensors, and is wiped when the last of them goes.
#[derive(Clone)]
pub(crate) struct Array<E: Zeroize> {
    data: Arc<Zeroizing<Vec<E>>>,
    /// Distance between the planes.
    plane: usize,
    planes: usize,
    layout: Layout,
}

impl<E: Copy + Default + Zeroize> Array<E> {
    /// A tensor of a row-major buffer, plane after plane. The buffer has `planes` times the shape's elements.
    pub fn new(planes: usize, shape: &[usize], data: Vec<E>) -> Self {
        let layout = Layout::row_major(shape);
        debug_assert_eq!(data.len(), planes * layout.count());
        Array { data: Arc::new(Zeroizing::new(data)), plane: layout.count(), planes, layout }
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub fn planes(&self) -> usize {
        self.planes
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.layout.count()
    }

    /// The buffer of one plane, which the layout refers to.
    pub fn plane(&self, plane: usize) -> &[E] {
        &self.data[plane * self.plane..(plane + 1) * self.plane]
    }

    /// The first element of the first plane; the tensor is not empty.
    pub fn first(&self) -> E {
        self.data[self.layout.offset]
    }

    /// The elements of one plane in row-major order.
    pub fn runs<'a>(&'a self, plane: usize, mut f: impl FnMut(&'a [E], Run)) {
        let buffer = self.plane(plane);
        self.layout.merged().runs(0, self.count(), |run| f(buffer, run));
    }

    /// All elements, plane after plane, row-major.
    pub fn to_vec(&self) -> Result<Vec<E>, OutOfMemory> {
        let mut out = buffer(self.planes, self.count())?;
        let target = Layout::row_major(&self.layout.shape);
        self.copy_to(&mut out, &target);
        Ok(out)
    }

    fn copy_to(&self, out: &mut [E], target: &Layout) {
        let plane = out.len() / self.planes.max(1);
        for p in 0..self.planes {
            copy(&mut out[p * plane..(p + 1) * plane], target, self.plane(p), &self.layout);
        }
    }

    fn view(&self, layout: Layout) -> Self {
        Array { data: Arc::clone(&self.data), plane: self.plane, planes: self.planes, layout }
    }

    /// The same elements, row-major, in a shape of as many.
    pub fn reshape(&self, shape: &[usize]) -> Result<Self, OutOfMemory> {
        match self.layout.reshape(shape) {
            Some(layout) => Ok(self.view(layout)),
            None => Ok(Array::new(self.planes, shape, self.to_vec()?)),
        }
    }

    /// To the shape by NumPy's rule.
    pub fn broadcast(&self, shape: &[usize]) -> Self {
        self.view(self.layout.broadcast(shape))
    }

    /// Axis `k` of the result is axis `perm[k]`.
    pub fn transpose(&self, perm: &[u8]) -> Self {
        self.view(self.layout.transpose(perm))
    }

    /// The box of the shape at `starts`, which the caller has checked to lie inside.
    pub fn slice(&self, starts: &[usize], shape: &[usize]) -> Self {
        self.view(self.layout.slice(starts, shape))
    }

    /// Replaces the box at `starts` by `part`: in place where nobody else sees the buffer.
    pub fn update(mut self, part: &Self, starts: &[usize]) -> Result<Self, OutOfMemory> {
        if !self.layout.contiguous() || Arc::get_mut(&mut self.data).is_none() {
            self = Array::new(self.planes, &self.layout.shape, self.to_vec()?);
        }
        let target = self.layout.slice(starts, &part.layout.shape);
        let (plane, planes) = (self.plane, self.planes);
        if let Some(data) = Arc::get_mut(&mut self.data) {
            for p in 0..planes {
                copy(&mut data[p * plane..(p + 1) * plane], &target, part.plane(p), &part.layout);
            }
        }
        Ok(self)
    }

    /// Joins tensors along the axis into the shape.
    pub fn concat(parts: &[Self], axis: usize, shape: &[usize]) -> Result<Self, OutOfMemory> {
        let layout = Layout::row_major(shape);
        let planes = parts.first().map_or(1, |part| part.planes);
        let mut out = buffer(planes, layout.count())?;
        let mut starts = vec![0; shape.len()];
        for part in parts {
            part.copy_to(&mut out, &layout.slice(&starts, &part.layout.shape));
            starts[axis] += part.layout.shape[axis];
        }
        Ok(Array::new(planes, shape, out))
    }

    /// Adds elements of the scalar `fill` around: `before` of each axis, and as many after as the shape asks for.
    pub fn pad(&self, fill: &Self, before: &[usize], shape: &[usize]) -> Result<Self, OutOfMemory> {
        let layout = Layout::row_major(shape);
        let mut out = buffer(self.planes, layout.count())?;
        fill.broadcast(shape).copy_to(&mut out, &layout);
        self.copy_to(&mut out, &layout.slice(before, &self.layout.shape));
        Ok(Array::new(self.planes, shape, out))
    }

    /// Rows of the first axis, by indices that the caller has checked to lie inside.
    pub fn gather(&self, indices: &[usize], shape: &[usize]) -> Result<Self, OutOfMemory> {
        let (row_shape, row_strides) = (&self.layout.shape[1..], &self.layout.strides[1..]);
        let row = Layout { shape: row_shape.to_vec(), strides: row_strides.to_vec(), offset: 0 };
        let row_start = |index: usize| self.layout.offset + index * self.layout.strides[0];
        if let [index] = *indices {
            return self.view(Layout { offset: row_start(index), ..row }).reshape(shape);
        }
        let (merged, count) = (row.merged(), row.count());
        let mut out = buffer(self.planes, indices.len() * count)?;
        let mut at = 0;
        for p in 0..self.planes {
            let plane = self.plane(p);
            for &index in indices {
                let start = row_start(index);
                merged.runs(0, count, |run| {
                    for i in 0..run.len {
                        out[at + i] = plane[start + run.offset + i * run.stride];
                    }
                    at += run.len;
                });
            }
        }
        Ok(Array::new(self.planes, shape, out))
    }
}

/// A buffer of as many zeros, if there is memory for it.
pub(crate) fn buffer<E: Copy + Default>(planes: usize, count: usize) -> Result<Vec<E>, OutOfMemory> {
    let len = planes.saturating_mul(count);
    let mut out = Vec::new();
    let bytes = (len as u64).saturating_mul(size_of::<E>() as u64);
    out.try_reserve_exact(len).map_err(|_| OutOfMemory { bytes })?;
    out.resize(len, E::default());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iota(planes: usize, shape: &[usize]) -> Array<u64> {
        let count = planes * shape.iter().product::<usize>();
        Array::new(planes, shape, (0..count as u64).collect())
    }

    #[test]
    fn operations_act_on_every_plane() {
        let a = iota(2, &[2, 3]);
        let turned = a.transpose(&[1, 0]);
        assert_eq!(turned.to_vec().unwrap(), [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
        let flat = turned.reshape(&[6]).unwrap();
        assert_eq!(flat.slice(&[4], &[2]).to_vec().unwrap(), [2, 5, 8, 11]);
        let joined = Array::concat(&[a.clone(), turned.slice(&[0, 0], &[2, 1])], 1, &[2, 4]).unwrap();
        assert_eq!(joined.to_vec().unwrap()[..8], [0, 1, 2, 0, 3, 4, 5, 1]);
        let padded = a.pad(&iota(2, &[]), &[0, 1], &[2, 5]).unwrap();
        assert_eq!(padded.to_vec().unwrap(), [0, 0, 1, 2, 0, 0, 3, 4, 5, 0, 1, 6, 7, 8, 1, 1, 9, 10, 11, 1]);
        assert_eq!(a.gather(&[1, 0, 1], &[3, 3]).unwrap().to_vec().unwrap()[..9], [3, 4, 5, 0, 1, 2, 3, 4, 5]);
        assert_eq!(a.gather(&[1], &[3]).unwrap().to_vec().unwrap(), [3, 4, 5, 9, 10, 11]);
    }

    #[test]
    fn updates_in_place_only_where_unshared() {
        let a = iota(1, &[4]);
        let seen = a.clone();
        let place = seen.plane(0).as_ptr();
        let part = Array::new(1, &[2], vec![70, 80]);
        let copied = a.update(&part, &[1]).unwrap();
        assert_eq!(copied.to_vec().unwrap(), [0, 70, 80, 3]);
        assert_eq!(seen.to_vec().unwrap(), [0, 1, 2, 3]);
        drop(copied);
        let written = seen.update(&part, &[2]).unwrap();
        assert_eq!(written.to_vec().unwrap(), [0, 1, 70, 80]);
        assert_eq!(written.plane(0).as_ptr(), place);
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert!(buffer::<u64>(usize::MAX, 2).is_err());
    }
}
