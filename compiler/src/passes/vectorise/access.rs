//! Lifting of slices, updates and gathers, whose places may differ between iterations. All of it is structural.

use motet_program::data::{Elem, Type};
use motet_program::ir::{Binary, Op, Value};

use super::lift::{Lifted, Lifter, Stuck};

impl Lifter<'_> {
    /// A box of each iteration; `shape` is one box's.
    pub(super) fn slice(&mut self, v: Value, starts: &[Value], shape: &[u64]) -> Result<Value, Stuck> {
        let starts: Vec<Lifted> = starts.iter().map(|s| self.get(*s)).collect();
        let mut current = self.get(v);
        let full = self.b.shape(v).clone();
        // Axes whose start is the same in each iteration are cut first.
        let zero = self.b.int(0);
        let mut cut = full.clone();
        let mut same = vec![zero; full.len()];
        for (axis, start) in starts.iter().enumerate() {
            if let Lifted::Same(start) = start {
                (same[axis], cut[axis]) = (*start, shape[axis]);
            }
        }
        current = match current {
            Lifted::Batch(v) => {
                let starts = std::iter::once(zero).chain(same).collect();
                Lifted::Batch(self.b.slice(v, starts, [&[self.n], cut.as_slice()].concat()))
            }
            Lifted::Same(v) => Lifted::Same(self.b.slice(v, same, cut)),
            Lifted::Affine { .. } => return Err(Stuck),
        };
        for (axis, start) in starts.iter().enumerate() {
            current = match (current, start) {
                (current, Lifted::Same(_)) => current,
                (Lifted::Batch(v), _) => Lifted::Batch(self.moving_window_of_each(v, axis, *start, shape[axis])),
                (Lifted::Same(v), _) => Lifted::Batch(self.moving_window(v, axis, *start, shape[axis])),
                (Lifted::Affine { .. }, _) => return Err(Stuck),
            };
        }
        Ok(self.stacked(current))
    }

    /// `len` elements along an axis of one value, from a start that differs between iterations.
    fn moving_window(&mut self, v: Value, axis: usize, start: Lifted, len: u64) -> Value {
        let n = self.n;
        let size = self.b.shape(v)[axis];
        if let Lifted::Affine { stride, base } = start {
            // Windows that lie one after the other are the axis itself.
            if stride > 0 && stride as u64 == len && n.checked_mul(len).is_some_and(|all| all <= size) {
                let run = self.b.slice_axis(v, axis, base, n * len);
                let mut split = self.b.shape(run).clone();
                split[axis] = len;
                split.insert(axis, n);
                let windows = self.b.reshape(run, split);
                return self.b.move_axis(windows, axis, 0);
            }
        }
        let starts = self.stacked(start);
        let indices = self.windows(starts, len);
        let front = self.b.move_axis(v, axis, 0);
        let windows = self.b.gather(front, indices);
        self.b.move_axis(windows, 1, axis + 1)
    }

    /// The same of a value of each iteration (`axis` counts without the iterations' axis).
    fn moving_window_of_each(&mut self, v: Value, axis: usize, start: Lifted, len: u64) -> Value {
        let size = self.b.shape(v)[axis + 1];
        let front = self.b.move_axis(v, axis + 1, 1);
        let starts = self.stacked(start);
        let starts = self.checked(starts, size - len + 1);
        let indices = self.windows(starts, len);
        let windows = self.gather_of_each(front, indices);
        self.b.move_axis(windows, 1, axis + 1)
    }

    /// `[n, len]`: the `len` numbers from each start.
    fn windows(&mut self, starts: Value, len: u64) -> Value {
        let shape = [self.n, len];
        let column = self.b.reshape(starts, vec![self.n, 1]);
        let starts = self.b.broadcast(column, &shape);
        let offsets = self.b.iota(len);
        let offsets = self.b.broadcast(offsets, &shape);
        self.b.binary(Binary::Add, starts, offsets)
    }

    /// The numbers as they are; one that is not below the limit is an index out of range.
    fn checked(&mut self, numbers: Value, limit: u64) -> Value {
        let all = self.b.iota(limit);
        self.b.push_as_is(Op::Gather(all, numbers), Type { elem: Elem::Int, shape: self.b.shape(numbers).clone() })
    }

    /// `[n, m, rest..]` at indices `[n, axes..]`, each iteration in its own: `[n, axes.., rest..]`. Indices are in range.
    fn gather_of_each(&mut self, v: Value, indices: Value) -> Value {
        let shape = self.b.shape(v).clone();
        let flat = self.b.reshape(v, [&[shape[0] * shape[1]], &shape[2..]].concat());
        let to = self.b.shape(indices).clone();
        let ty = Type { elem: Elem::Int, shape: vec![self.n] };
        let (rows, size) = (self.b.iota(self.n), self.b.constant(shape[1], ty));
        let offsets = self.b.binary(Binary::Mul, rows, size);
        let column = std::iter::once(self.n).chain(to[1..].iter().map(|_| 1)).collect();
        let offsets = self.b.reshape(offsets, column);
        let offsets = self.b.broadcast(offsets, &to);
        let indices = self.b.binary(Binary::Add, indices, offsets);
        self.b.gather(flat, indices)
    }

    pub(super) fn gather(&mut self, v: Value, indices: Value) -> Result<Value, Stuck> {
        Ok(match (self.get(v), self.get(indices)) {
            (Lifted::Same(v), _) => {
                let indices = self.batch(indices);
                self.b.gather(v, indices)
            }
            (Lifted::Batch(v), Lifted::Same(indices)) => {
                let rank = self.b.shape(indices).len();
                let front = self.b.move_axis(v, 0, 1);
                let gathered = self.b.gather(front, indices);
                self.b.move_axis(gathered, rank, 0)
            }
            (Lifted::Batch(v), _) => {
                let indices = self.batch(indices);
                let size = self.b.shape(v)[1];
                let indices = self.checked(indices, size);
                self.gather_of_each(v, indices)
            }
            (Lifted::Affine { .. }, _) => return Err(Stuck),
        })
    }

    /// Each iteration's base with its part written; at most one start may differ between iterations.
    pub(super) fn update(&mut self, base: Value, part: Value, starts: &[Value]) -> Result<Value, Stuck> {
        let starts: Vec<Lifted> = starts.iter().map(|s| self.get(*s)).collect();
        let (base, part) = (self.batch(base), self.batch(part));
        let zero = self.b.int(0);
        let mut same = vec![zero];
        let mut moving = None;
        for (axis, start) in starts.iter().enumerate() {
            match start {
                Lifted::Same(start) => same.push(*start),
                start => {
                    same.push(zero);
                    if moving.replace((axis + 1, *start)).is_some() {
                        return Err(Stuck);
                    }
                }
            }
        }
        let Some((axis, start)) = moving else { return Ok(self.b.update(base, part, same)) };
        // Within the box of the other axes: each element is read from the part where that covers it, else from the base.
        let (len, size) = (self.b.shape(part)[axis], self.b.shape(base)[axis]);
        let mut cut = self.b.shape(part).clone();
        cut[axis] = size;
        let old = self.b.slice(base, same.clone(), cut);
        let (old, new) = (self.b.move_axis(old, axis, 1), self.b.move_axis(part, axis, 1));
        let both = self.b.concat(vec![old, new], 1);
        let starts = self.stacked(start);
        let starts = self.checked(starts, size - len + 1);
        let shape = [self.n, size];
        let column = self.b.reshape(starts, vec![self.n, 1]);
        let starts = self.b.broadcast(column, &shape);
        let at = self.b.iota(size);
        let at = self.b.broadcast(at, &shape);
        let number = |me: &mut Self, n: u64| me.b.constant(n, Type { elem: Elem::Int, shape: shape.to_vec() });
        let (one, len, size) = (number(self, 1), number(self, len), number(self, size));
        // start - 1 < at < start + len
        let before = self.b.binary(Binary::Sub, starts, one);
        let end = self.b.binary(Binary::Add, starts, len);
        let (after, until) = (self.b.binary(Binary::Lt, before, at), self.b.binary(Binary::Lt, at, end));
        let covered = self.b.binary(Binary::And, after, until);
        let offset = self.b.binary(Binary::Sub, at, starts);
        let from_part = self.b.binary(Binary::Add, offset, size);
        let indices = self.b.select(covered, from_part, at);
        let written = self.gather_of_each(both, indices);
        let written = self.b.move_axis(written, 1, axis);
        Ok(self.b.update(base, written, same))
    }
}
