//! Indexing and assignment: public indices are slices, secret ones oblivious reads and writes, axis by axis.

use motet_program::data::{Elem, Shape};
use motet_program::ir::Value;

use super::types::{field, width};
use super::{Fails, Lowerer};
use crate::source::Span;
use crate::typed::tree::{Expr, Index, Place, Step, Ty};

/// Evaluated indices of the leading axes of a value.
pub(super) struct Access {
    axes: Vec<Axis>,
}

/// What is taken of one axis.
enum Axis {
    /// One element at an `Int`; the axis is dropped.
    At(Value),
    /// One element at a secret integer; the axis is dropped.
    Oblivious(Value),
    /// Elements from an `Int`.
    Range(Value, u64),
    /// All.
    All,
}

impl<'t> Lowerer<'t> {
    pub(super) fn index(&mut self, base: &'t Expr, indices: &'t [Index]) -> Fails<Vec<Value>> {
        let leaves = self.expr(base)?;
        let access = self.access(indices, base.span)?;
        Ok(leaves.into_iter().map(|v| self.get(v, &access)).collect())
    }

    fn access(&mut self, indices: &'t [Index], span: Span) -> Fails<Access> {
        let mut axes = Vec::with_capacity(indices.len());
        for index in indices {
            axes.push(match index {
                Index::All => Axis::All,
                Index::Range(start, len) => Axis::Range(self.int(start)?, self.dim(len, span)?),
                Index::At(at) => {
                    let secret = self.is_secret(at);
                    let at = self.single(at)?;
                    if secret { Axis::Oblivious(at) } else { Axis::At(self.b.cast(at, Elem::Int)) }
                }
            });
        }
        Ok(Access { axes })
    }

    /// The box that the `Int` indices name: its starts and shape; axes of length 1 that `At` drops are still there.
    fn window(&mut self, v: Value, access: &Access) -> (Vec<Value>, Shape) {
        let zero = self.b.int(0);
        let mut starts = vec![zero; self.b.shape(v).len()];
        let mut shape = self.b.shape(v).clone();
        for (axis, taken) in access.axes.iter().enumerate() {
            match taken {
                Axis::At(at) => (starts[axis], shape[axis]) = (*at, 1),
                Axis::Range(start, len) => (starts[axis], shape[axis]) = (*start, *len),
                Axis::Oblivious(_) | Axis::All => {}
            }
        }
        (starts, shape)
    }

    /// The box without the axes that `At` drops, and the oblivious axes of that with their indices.
    fn oblivious(&self, access: &Access, shape: &[u64]) -> (Shape, Vec<(usize, Value)>) {
        let mut dropped = Vec::new();
        let mut found = Vec::new();
        for (axis, size) in shape.iter().enumerate() {
            match access.axes.get(axis) {
                Some(Axis::At(_)) => continue,
                Some(Axis::Oblivious(at)) => found.push((dropped.len(), *at)),
                _ => {}
            }
            dropped.push(*size);
        }
        (dropped, found)
    }

    fn get(&mut self, v: Value, access: &Access) -> Value {
        let (starts, shape) = self.window(v, access);
        let part = self.b.slice(v, starts, shape.clone());
        let (shape, oblivious) = self.oblivious(access, &shape);
        let mut part = self.b.reshape(part, shape);
        for (read, (axis, at)) in oblivious.into_iter().enumerate() {
            // Axes that were read before it are gone.
            let front = self.b.move_axis(part, axis - read, 0);
            part = self.b.read(front, at);
        }
        part
    }

    fn set(&mut self, v: Value, access: &Access, value: Value) -> Value {
        let (starts, shape) = self.window(v, access);
        let (dropped, oblivious) = self.oblivious(access, &shape);
        let part = if oblivious.is_empty() {
            value
        } else {
            let old = self.b.slice(v, starts.clone(), shape.clone());
            let old = self.b.reshape(old, dropped);
            self.set_oblivious(old, &oblivious, value)
        };
        let part = self.b.reshape(part, shape);
        self.b.update(v, part, starts)
    }

    /// Writes at the first of the axes what the others make of the row that stands there.
    fn set_oblivious(&mut self, v: Value, axes: &[(usize, Value)], value: Value) -> Value {
        let Some(((axis, at), rest)) = axes.split_first() else { return value };
        let front = self.b.move_axis(v, *axis, 0);
        let row = if rest.is_empty() {
            value
        } else {
            let row = self.b.read(front, *at);
            let rest: Vec<_> = rest.iter().map(|(axis, at)| (axis - 1, *at)).collect();
            self.set_oblivious(row, &rest, value)
        };
        let written = self.b.write(front, *at, row);
        self.b.move_axis(written, 0, *axis)
    }

    pub(super) fn assign(&mut self, place: &'t Place, value: &'t Expr, span: Span) -> Fails<()> {
        let new = self.expr(value)?;
        let mut leaves = self.local(place.local, span)?;
        // Fields narrow the leaves; indices apply to each of them, one after the other.
        let function = self.frame.function;
        let mut ty = &function.locals[place.local.0 as usize].ty;
        let mut from = 0;
        let mut accesses = Vec::new();
        for step in &place.path {
            match step {
                Step::Field(index) => {
                    let (offset, part) = field(ty, *index);
                    (from, ty) = (from + offset, part);
                }
                Step::Index(indices) => {
                    accesses.push(self.access(indices, span)?);
                    // A row's fields are those of the tensor's element.
                    if let Ty::Tensor(of, _) = ty {
                        ty = of;
                    }
                }
            }
        }
        for (leaf, value) in leaves[from..from + width(ty)].iter_mut().zip(new) {
            *leaf = self.replaced(*leaf, &accesses, value);
        }
        self.frame.locals[place.local.0 as usize] = Some(leaves);
        Ok(())
    }

    fn replaced(&mut self, v: Value, accesses: &[Access], value: Value) -> Value {
        match accesses {
            [] => value,
            [last] => self.set(v, last, value),
            [first, rest @ ..] => {
                let part = self.get(v, first);
                let part = self.replaced(part, rest, value);
                self.set(v, first, part)
            }
        }
    }
}
