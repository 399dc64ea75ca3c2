//! How the elements of a tensor lie in a buffer: shape, distance between neighbours along each axis, first element.
//!
//! Slices, transposes, broadcasts and most reshapes of a tensor are other layouts of the same buffer.

/// A strided view of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Sizes of the axes, outermost first.
    pub shape: Vec<usize>,
    /// Distance in the buffer between neighbours along each axis; 0 where an axis repeats one element.
    pub strides: Vec<usize>,
    /// Where the first element lies.
    pub offset: usize,
}

/// Elements at `offset`, `offset + stride`, …: `len` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub offset: usize,
    pub stride: usize,
    pub len: usize,
}

impl Layout {
    /// Row-major from the buffer's start.
    pub fn row_major(shape: &[usize]) -> Layout {
        let mut strides = vec![1; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        Layout { shape: shape.to_vec(), strides, offset: 0 }
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the elements lie in row-major order without gaps.
    pub fn contiguous(&self) -> bool {
        let mut expected = 1;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if size != 1 && stride != expected {
                return self.count() == 0;
            }
            expected *= size;
        }
        true
    }

    /// Axis `k` of the result is axis `perm[k]`.
    pub fn transpose(&self, perm: &[u8]) -> Layout {
        Layout {
            shape: perm.iter().map(|&axis| self.shape[usize::from(axis)]).collect(),
            strides: perm.iter().map(|&axis| self.strides[usize::from(axis)]).collect(),
            offset: self.offset,
        }
    }

    /// The box of the given shape at `starts`, which the caller has checked to lie inside.
    pub fn slice(&self, starts: &[usize], shape: &[usize]) -> Layout {
        let moved: usize = starts.iter().zip(&self.strides).map(|(start, stride)| start * stride).sum();
        Layout { shape: shape.to_vec(), strides: self.strides.clone(), offset: self.offset + moved }
    }

    /// To the shape by NumPy's rule: axes aligned at the last, sizes of 1 repeated.
    pub fn broadcast(&self, shape: &[usize]) -> Layout {
        let lead = shape.len() - self.shape.len();
        let strides = (0..shape.len())
            .map(|axis| match axis.checked_sub(lead) {
                Some(own) if self.shape[own] == shape[axis] => self.strides[own],
                _ => 0,
            })
            .collect();
        Layout { shape: shape.to_vec(), strides, offset: self.offset }
    }

    /// The same elements, row-major, in another shape of as many; `None` where that takes a copy.
    pub fn reshape(&self, shape: &[usize]) -> Option<Layout> {
        if self.contiguous() {
            return Some(Layout { offset: self.offset, ..Layout::row_major(shape) });
        }
        // Fill the new axes from the innermost out of merged old axes: each must divide what it is cut from.
        let merged = self.merged();
        let mut strides = vec![0; shape.len()];
        let mut old = merged.shape.len();
        let (mut left, mut stride) = (1, 0);
        for axis in (0..shape.len()).rev() {
            if shape[axis] == 1 {
                continue;
            }
            if left == 1 {
                old = old.checked_sub(1)?;
                (left, stride) = (merged.shape[old], merged.strides[old]);
            }
            if left % shape[axis] != 0 {
                return None;
            }
            strides[axis] = stride;
            stride *= shape[axis];
            left /= shape[axis];
        }
        Some(Layout { shape: shape.to_vec(), strides, offset: self.offset })
    }

    /// The same elements in the same order with the fewest axes; never without an axis.
    pub fn merged(&self) -> Layout {
        let mut shape: Vec<usize> = Vec::with_capacity(self.shape.len());
        let mut strides: Vec<usize> = Vec::with_capacity(self.shape.len());
        for (&size, &stride) in self.shape.iter().zip(&self.strides) {
            if size == 1 {
                continue;
            }
            match (shape.last_mut(), strides.last_mut()) {
                (Some(outer), Some(outer_stride)) if *outer_stride == stride * size => {
                    *outer *= size;
                    *outer_stride = stride;
                }
                _ => {
                    shape.push(size);
                    strides.push(stride);
                }
            }
        }
        if shape.is_empty() {
            shape.push(1);
            strides.push(1);
        }
        Layout { shape, strides, offset: self.offset }
    }

    /// Where the element of a row-major index lies.
    pub fn at(&self, mut index: usize) -> usize {
        let mut offset = self.offset;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            offset += index % size * stride;
            index /= size;
        }
        offset
    }

    /// Calls `f` on the elements `from..to` in row-major order, as runs along the innermost axis.
    ///
    /// Meant for merged layouts, whose runs are long.
    pub fn runs(&self, from: usize, to: usize, mut f: impl FnMut(Run)) {
        let (Some(&inner), Some(&stride)) = (self.shape.last(), self.strides.last()) else {
            if from < to {
                f(Run { offset: self.offset, stride: 1, len: 1 });
            }
            return;
        };
        let mut at = from;
        while at < to {
            let offset = self.at(at);
            let len = (inner - at % inner).min(to - at);
            f(Run { offset, stride, len });
            at += len;
        }
    }
}

/// Copies between layouts of one shape.
pub(crate) fn copy<E: Copy>(to: &mut [E], to_layout: &Layout, from: &[E], from_layout: &Layout) {
    let count = to_layout.count();
    let (to_layout, from_layout) = (to_layout.merged(), from_layout.merged());
    let mut done = 0;
    to_layout.runs(0, count, |target| {
        let mut at = target.offset;
        from_layout.runs(done, done + target.len, |source| {
            if target.stride == 1 && source.stride == 1 {
                to[at..at + source.len].copy_from_slice(&from[source.offset..source.offset + source.len]);
            } else {
                for i in 0..source.len {
                    to[at + i * target.stride] = from[source.offset + i * source.stride];
                }
            }
            at += source.len * target.stride;
        });
        done += target.len;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(layout: &Layout) -> Vec<usize> {
        let mut out = Vec::new();
        layout.runs(0, layout.count(), |run| out.extend((0..run.len).map(|i| run.offset + i * run.stride)));
        out
    }

    #[test]
    fn views_name_the_right_elements() {
        let base = Layout::row_major(&[2, 3, 4]);
        assert_eq!(elements(&base), (0..24).collect::<Vec<_>>());
        let turned = base.transpose(&[2, 0, 1]);
        assert_eq!(elements(&turned)[..6], [0, 4, 8, 12, 16, 20]);
        assert_eq!(elements(&turned.merged()), elements(&turned));
        let part = base.slice(&[1, 1, 2], &[1, 2, 2]);
        assert_eq!(elements(&part), [18, 19, 22, 23]);
        assert_eq!(elements(&part.merged()), [18, 19, 22, 23]);
        let row = Layout::row_major(&[1, 2]).broadcast(&[3, 2]);
        assert_eq!(elements(&row), [0, 1, 0, 1, 0, 1]);
        assert!(!row.contiguous() && base.contiguous());
    }

    #[test]
    fn reshapes_are_views_where_they_can_be() {
        let base = Layout::row_major(&[4, 6]);
        assert_eq!(base.reshape(&[2, 2, 6]), Some(Layout::row_major(&[2, 2, 6])));
        let columns = base.slice(&[0, 0], &[4, 4]);
        assert_eq!(elements(&columns.reshape(&[2, 2, 2, 2]).unwrap()), elements(&columns));
        assert_eq!(columns.reshape(&[16]), None);
        assert_eq!(base.transpose(&[1, 0]).reshape(&[24]), None);
        assert_eq!(
            elements(&base.transpose(&[1, 0]).reshape(&[3, 2, 1, 4]).unwrap()),
            elements(&base.transpose(&[1, 0]))
        );
        let same = Layout::row_major(&[]).broadcast(&[5]);
        assert_eq!(elements(&same.reshape(&[5, 1]).unwrap()), [0; 5]);
    }

    #[test]
    fn copies_between_layouts() {
        let from: Vec<u32> = (0..24).collect();
        let turned = Layout::row_major(&[4, 6]).transpose(&[1, 0]);
        let mut to = vec![99; 48];
        let target = Layout::row_major(&[6, 8]).slice(&[0, 3], &[6, 4]);
        copy(&mut to, &target, &from, &turned);
        for i in 0..6 {
            for j in 0..8 {
                let expected = if (3..7).contains(&j) { from[(j - 3) * 6 + i] } else { 99 };
                assert_eq!(to[i * 8 + j], expected);
            }
        }
    }
}
