//! Simplifies one operation by what its operands are: constants, views of views, identities.
//!
//! Every rule keeps the errors that a run can end with: an index or an `Int` sum is folded only where it is known to be
//! in range.

use motet_program::clear::scalar;
use motet_program::data::{Elem, Shape, Type};
use motet_program::ir::{Binary, Constant, Op, Reduction, Unary, Value};

use super::build::Builder;
use super::rewrite::with_operands;

impl Builder {
    /// A value that equals the operation's result, where there is a simpler one.
    pub(super) fn simplified(&mut self, op: &Op, ty: &Type) -> Option<Value> {
        self.simpler(op, ty).or_else(|| self.before_reshape(op, ty))
    }

    fn simpler(&mut self, op: &Op, ty: &Type) -> Option<Value> {
        match op {
            Op::Reshape(v) => self.reshape_of(*v, ty),
            Op::Broadcast(v) => self.broadcast_of(*v, ty),
            Op::Transpose(v, perm) => self.transpose_of(*v, perm, ty),
            Op::Slice(v, starts) => self.slice_of(*v, starts, ty),
            Op::Update { base, part, starts } => self.update_of(*base, *part, starts, ty),
            Op::Concat(parts, _) if parts.len() == 1 => Some(parts[0]),
            Op::Pad { value, widths, .. } if widths.iter().all(|w| *w == [0, 0]) => Some(*value),
            Op::Gather(v, indices) => self.gather_of(*v, *indices, ty),
            Op::Unary(op, v) => self.unary_of(*op, *v, ty),
            Op::Binary(op, a, b) => self.binary_of(*op, *a, *b, ty),
            Op::Cast(v) if self.elem(*v) == ty.elem => Some(*v),
            Op::Cast(v) => {
                let ring = scalar::cast(self.elem(*v), ty.elem, self.splat(*v)?);
                Some(self.constant(ring, ty.clone()))
            }
            Op::Coerce(v) if self.elem(*v) == ty.elem => Some(*v),
            Op::Coerce(v) => {
                let ring = scalar::coerce(ty.elem, self.splat(*v)?).ok()?;
                Some(self.constant(ring, ty.clone()))
            }
            Op::Select(c, a, b) => self.select_of(*c, *a, *b, ty),
            Op::Reduce(op, v, axis) => self.reduce_of(*op, *v, *axis, ty),
            Op::Read { table, index } => self.read_of(*table, *index, ty),
            Op::Write { table, index, value } => self.write_of(*table, *index, *value, ty),
            _ => None,
        }
    }

    fn reshape_of(&mut self, v: Value, ty: &Type) -> Option<Value> {
        if self.shape(v) == &ty.shape {
            return Some(v);
        }
        match self.def(v).as_deref()? {
            Op::Reshape(x) => Some(self.reshape(*x, ty.shape.clone())),
            Op::Const(Constant::Splat(ring)) => Some(self.constant(*ring, ty.clone())),
            Op::Const(Constant::Iota) if ty.shape.is_empty() => Some(self.constant(0, ty.clone())),
            Op::Broadcast(x) if self.ty(*x).count() == 1 => {
                let scalar = self.reshape(*x, Vec::new());
                Some(self.broadcast(scalar, &ty.shape))
            }
            _ => None,
        }
    }

    fn computes(&self, v: Value) -> bool {
        let ops = |op: &Op| {
            matches!(
                op,
                Op::MatMul(..)
                    | Op::Conv2d(..)
                    | Op::Unary(..)
                    | Op::Binary(..)
                    | Op::Cast(_)
                    | Op::Select(..)
                    | Op::Read { .. }
            )
        };
        self.def(v).as_deref().is_some_and(ops)
    }

    /// What is done element by element to reshaped results of computations is done before they are reshaped: it then has
    /// the shape of what made them, and fuses with it.
    fn before_reshape(&mut self, op: &Op, ty: &Type) -> Option<Value> {
        if !matches!(op, Op::Unary(..) | Op::Binary(..) | Op::Cast(_) | Op::Select(..)) {
            return None;
        }
        let mut shape: Option<Shape> = None;
        let mut fits = true;
        op.for_each_operand(|v| match self.def(v).as_deref() {
            Some(Op::Reshape(x)) if !self.computes(*x) => fits = false,
            Some(Op::Reshape(x)) => fits &= shape.get_or_insert_with(|| self.shape(*x).clone()) == self.shape(*x),
            Some(Op::Const(Constant::Splat(_))) => {}
            Some(Op::Broadcast(x)) => fits &= self.ty(*x).count() == 1,
            _ => fits = false,
        });
        let shape = shape.filter(|_| fits)?;
        let op = with_operands(op, |v| match self.def(v).as_deref() {
            Some(Op::Reshape(x)) => *x,
            _ => self.reshape(v, shape.clone()),
        });
        let result = self.push(op, Type { elem: ty.elem, shape });
        Some(self.reshape(result, ty.shape.clone()))
    }

    fn broadcast_of(&mut self, v: Value, ty: &Type) -> Option<Value> {
        if self.shape(v) == &ty.shape {
            return Some(v);
        }
        match self.def(v).as_deref()? {
            Op::Broadcast(x) => Some(self.broadcast(*x, &ty.shape)),
            Op::Const(Constant::Splat(ring)) => Some(self.constant(*ring, ty.clone())),
            _ => None,
        }
    }

    fn transpose_of(&mut self, v: Value, perm: &[u8], ty: &Type) -> Option<Value> {
        // Where only axes of one element move, the elements stay in order.
        let kept: Vec<u8> = perm.iter().copied().filter(|&p| self.shape(v)[p as usize] != 1).collect();
        if kept.is_sorted() {
            return Some(self.reshape(v, ty.shape.clone()));
        }
        match self.def(v).as_deref()? {
            Op::Transpose(x, inner) => {
                let both = perm.iter().map(|&p| inner[p as usize]).collect();
                Some(self.transpose(*x, both))
            }
            Op::Const(Constant::Splat(ring)) => Some(self.constant(*ring, ty.clone())),
            _ => None,
        }
    }

    /// The starts, where all are known and the box of the shape lies inside.
    pub(super) fn known_box(&self, outer: &[u64], starts: &[Value], shape: &[u64]) -> Option<Vec<u64>> {
        let starts: Option<Vec<u64>> =
            starts.iter().map(|s| self.known(*s).and_then(|s| u64::try_from(s).ok())).collect();
        let inside = |starts: &Vec<u64>| {
            starts
                .iter()
                .zip(shape)
                .zip(outer)
                .all(|((s, len), size)| s.checked_add(*len).is_some_and(|end| end <= *size))
        };
        starts.filter(inside)
    }

    fn slice_of(&mut self, v: Value, starts: &[Value], ty: &Type) -> Option<Value> {
        if let Some(Op::Update { part, starts: written, .. }) = self.def(v).as_deref()
            && self.shape(*part) == &ty.shape
            && self.same_ints(written, starts)
        {
            return Some(*part);
        }
        let outer = self.shape(v).clone();
        let known = self.known_box(&outer, starts, &ty.shape)?;
        if outer == ty.shape {
            return Some(v);
        }
        match self.def(v).as_deref()? {
            Op::Const(Constant::Splat(ring)) => Some(self.constant(*ring, ty.clone())),
            Op::Const(Constant::Iota) if ty.shape == [1] => Some(self.constant(known[0], ty.clone())),
            Op::Const(Constant::Dense(rings)) if ty.count() == 1 => {
                let at = known.iter().zip(&outer).fold(0, |at, (start, size)| at * size + start);
                Some(self.constant(*rings.get(at as usize)?, ty.clone()))
            }
            Op::Slice(x, inner) => {
                let inner = self.known_box(&self.shape(*x).clone(), inner, &outer)?;
                let sums = inner.iter().zip(&known).map(|(a, b)| (a + b) as i64).collect::<Vec<_>>();
                let starts = sums.into_iter().map(|s| self.int(s)).collect();
                Some(self.slice(*x, starts, ty.shape.clone()))
            }
            Op::Broadcast(x) => {
                // An axis that is repeated can be cut anywhere; the others as they are.
                let skip = outer.len() - self.shape(*x).len();
                let from = self.shape(*x).clone();
                let zero = self.int(0);
                let mut starts = starts[skip..].to_vec();
                let mut shape = ty.shape[skip..].to_vec();
                for (axis, size) in from.iter().enumerate() {
                    if *size == 1 {
                        (starts[axis], shape[axis]) = (zero, shape[axis].min(1));
                    }
                }
                let part = self.slice(*x, starts, shape);
                Some(self.broadcast(part, &ty.shape))
            }
            Op::Concat(parts, axis) => {
                let axis = *axis as usize;
                let mut start = known[axis];
                for part in parts {
                    let size = self.shape(*part)[axis];
                    if start + ty.shape[axis] <= size && ty.shape[axis] > 0 {
                        let mut starts = starts.to_vec();
                        starts[axis] = self.int(start as i64);
                        return Some(self.slice(*part, starts, ty.shape.clone()));
                    }
                    start = start.checked_sub(size)?;
                }
                None
            }
            _ => None,
        }
    }

    /// Whether two lists of `Int`s are the same values or the same known numbers.
    pub fn same_ints(&self, a: &[Value], b: &[Value]) -> bool {
        a.len() == b.len()
            && a.iter().zip(b).all(|(a, b)| a == b || self.known(*a).is_some() && self.known(*a) == self.known(*b))
    }

    fn update_of(&mut self, base: Value, part: Value, starts: &[Value], ty: &Type) -> Option<Value> {
        if self.shape(part) == &ty.shape && self.known_box(&ty.shape, starts, &ty.shape).is_some() {
            return Some(part);
        }
        match self.def(base).as_deref()? {
            Op::Update { base: below, part: hidden, starts: written }
                if self.shape(*hidden) == self.shape(part) && self.same_ints(written, starts) =>
            {
                Some(self.update(*below, part, starts.to_vec()))
            }
            _ => None,
        }
    }

    fn gather_of(&mut self, v: Value, indices: Value, ty: &Type) -> Option<Value> {
        match self.def(indices).as_deref()? {
            Op::Const(Constant::Iota) if self.shape(indices)[0] == self.shape(v)[0] => Some(v),
            Op::Const(Constant::Iota) if self.shape(indices)[0] < self.shape(v)[0] => {
                let zero = self.int(0);
                Some(self.slice_axis(v, 0, zero, self.shape(indices)[0]))
            }
            Op::Const(Constant::Splat(k)) if *k < self.shape(v)[0] => {
                let index = self.int(*k as i64);
                let row = self.row(v, index);
                let mut shape = vec![1; self.shape(indices).len()];
                shape.extend_from_slice(self.shape(row));
                let row = self.reshape(row, shape);
                Some(self.broadcast(row, &ty.shape))
            }
            Op::Reshape(of) => {
                let rows = self.gather(v, *of);
                Some(self.reshape(rows, ty.shape.clone()))
            }
            _ => None,
        }
    }

    fn unary_of(&mut self, op: Unary, v: Value, ty: &Type) -> Option<Value> {
        match self.def(v).as_deref()? {
            Op::Const(Constant::Splat(x)) => {
                let ring = scalar::unary(op, ty.elem, *x).ok()?;
                Some(self.constant(ring, ty.clone()))
            }
            Op::Unary(inner, x) if *inner == op && (op == Unary::Not || op == Unary::Neg && ty.elem != Elem::Int) => {
                Some(*x)
            }
            _ => None,
        }
    }

    fn binary_of(&mut self, op: Binary, a: Value, b: Value, ty: &Type) -> Option<Value> {
        let elem = self.elem(a);
        let (x, y) = (self.splat(a), self.splat(b));
        if let (Some(x), Some(y)) = (x, y)
            && let Ok(ring) = scalar::binary(op, elem, self.elem(b), x, y)
        {
            return Some(self.constant(ring, ty.clone()));
        }
        let integer = !matches!(elem, Elem::Fix { .. });
        let ones = Some(elem.mask());
        match op {
            Binary::Add | Binary::Or | Binary::Xor if x == Some(0) => Some(b),
            Binary::Add | Binary::Sub | Binary::Or | Binary::Xor | Binary::Shl | Binary::Shr if y == Some(0) => Some(a),
            Binary::Mul if integer && x == Some(1) => Some(b),
            Binary::Mul | Binary::Div if integer && y == Some(1) => Some(a),
            Binary::Mul | Binary::And if x == Some(0) => Some(a),
            Binary::Mul | Binary::And if y == Some(0) => Some(b),
            Binary::And if x == ones => Some(b),
            Binary::And if y == ones => Some(a),
            Binary::Or if x == ones => Some(a),
            Binary::Or if y == ones => Some(b),
            Binary::And | Binary::Or | Binary::Min | Binary::Max if a == b => Some(a),
            Binary::Sub | Binary::Xor if a == b => Some(self.constant(0, ty.clone())),
            Binary::Eq if a == b => Some(self.constant(1, ty.clone())),
            Binary::Lt if a == b => Some(self.constant(0, ty.clone())),
            Binary::Xor if elem == Elem::Bool && x == Some(1) => Some(self.unary(Unary::Not, b)),
            Binary::Xor if elem == Elem::Bool && y == Some(1) => Some(self.unary(Unary::Not, a)),
            Binary::Eq if elem == Elem::Bool && x == Some(1) => Some(b),
            Binary::Eq if elem == Elem::Bool && y == Some(1) => Some(a),
            // (k + c) - c, which loops over rows leave behind; `k + c` has been checked.
            Binary::Sub => match self.def(a).as_deref()? {
                Op::Binary(Binary::Add, k, c) if *c == b || self.same_ints(&[*c], &[b]) => Some(*k),
                Op::Binary(Binary::Add, c, k) if *c == b || self.same_ints(&[*c], &[b]) => Some(*k),
                _ => None,
            },
            _ => None,
        }
    }

    fn select_of(&mut self, c: Value, a: Value, b: Value, ty: &Type) -> Option<Value> {
        if a == b {
            return Some(a);
        }
        if let Some(c) = self.splat(c) {
            return Some(if c == 1 { a } else { b });
        }
        if let Some(Op::Unary(Unary::Not, inner)) = self.def(c).as_deref() {
            return Some(self.select(*inner, b, a));
        }
        if let Some(Op::Broadcast(x)) = self.def(c).as_deref()
            && let Some(Op::Unary(Unary::Not, inner)) = self.def(*x).as_deref()
        {
            let c = self.broadcast(*inner, &ty.shape);
            return Some(self.select(c, b, a));
        }
        if ty.elem == Elem::Bool {
            match (self.splat(a), self.splat(b)) {
                (Some(1), Some(0)) => return Some(c),
                (Some(0), Some(1)) => return Some(self.unary(Unary::Not, c)),
                (_, Some(0)) => return Some(self.binary(Binary::And, c, a)),
                (Some(1), _) => return Some(self.binary(Binary::Or, c, b)),
                (Some(0), _) => {
                    let not = self.unary(Unary::Not, c);
                    return Some(self.binary(Binary::And, not, b));
                }
                (_, Some(1)) => {
                    let not = self.unary(Unary::Not, c);
                    return Some(self.binary(Binary::Or, not, a));
                }
                _ => {}
            }
        }
        // A tensor of which one side changed a part: select that part.
        if let Some(Op::Update { base, part, starts }) = self.def(a).as_deref()
            && let Some(old) = self.box_of(b, *base, starts, *part)
        {
            let c = self.condition_box(c, starts, *part);
            let part = self.select(c, *part, old);
            return Some(self.update(*base, part, starts.clone()));
        }
        if let Some(Op::Update { base, part, starts }) = self.def(b).as_deref()
            && let Some(old) = self.box_of(a, *base, starts, *part)
        {
            let c = self.condition_box(c, starts, *part);
            let part = self.select(c, old, *part);
            return Some(self.update(*base, part, starts.clone()));
        }
        match self.def(a).as_deref() {
            Some(Op::Select(d, x, _)) if *d == c => return Some(self.select(c, *x, b)),
            _ => {}
        }
        match self.def(b).as_deref() {
            Some(Op::Select(d, _, y)) if *d == c => Some(self.select(c, a, *y)),
            _ => None,
        }
    }

    /// The condition for the box at the (checked) starts.
    fn condition_box(&mut self, c: Value, starts: &[Value], part: Value) -> Value {
        let shape = self.shape(part).clone();
        match self.def(c).as_deref() {
            Some(Op::Broadcast(x)) if self.ty(*x).count() == 1 => {
                let scalar = self.reshape(*x, Vec::new());
                self.broadcast(scalar, &shape)
            }
            _ => self.slice(c, starts.to_vec(), shape),
        }
    }

    /// What `other` holds in the box, where it equals `base` everywhere else.
    fn box_of(&mut self, other: Value, base: Value, starts: &[Value], part: Value) -> Option<Value> {
        if other == base {
            return Some(self.slice(base, starts.to_vec(), self.shape(part).clone()));
        }
        match self.def(other).as_deref()? {
            Op::Update { base: same, part: old, starts: written }
                if *same == base && self.shape(*old) == self.shape(part) && self.same_ints(written, starts) =>
            {
                Some(*old)
            }
            _ => None,
        }
    }

    fn reduce_of(&mut self, op: Reduction, v: Value, axis: u8, ty: &Type) -> Option<Value> {
        let shape = self.shape(v).clone();
        let axis = axis as usize;
        match shape[axis] {
            1 => Some(self.reshape(v, ty.shape.clone())),
            0 if !matches!(op, Reduction::Min | Reduction::Max) => {
                let ring = if op == Reduction::And { ty.elem.mask() } else { 0 };
                Some(self.constant(ring, ty.clone()))
            }
            _ => None,
        }
    }

    /// A read at one known index is a slice, or zeros.
    fn read_of(&mut self, table: Value, index: Value, ty: &Type) -> Option<Value> {
        if let (Some(Op::Reshape(places)), Some(Op::Broadcast(one))) =
            (self.def(index).as_deref(), self.def(table).as_deref())
            && self.computes(*places)
            && self.shape(*one).len() + self.shape(index).len() <= self.shape(table).len()
        {
            // One table for all: the places may as well stand in the shape that they were made in.
            let batch = self.shape(index).len();
            let whole = [self.shape(*places).as_slice(), &self.shape(table)[batch..]].concat();
            let table = self.broadcast(*one, &whole);
            let read = self.read(table, *places);
            return Some(self.reshape(read, ty.shape.clone()));
        }
        let ring = self.splat(index)?;
        let batch = self.shape(index).len();
        let at = self.elem(index).number(ring);
        if at < 0 || at >= i128::from(self.shape(table)[batch]) {
            return Some(self.constant(0, ty.clone()));
        }
        let start = self.int(at as i64);
        let part = self.slice_axis(table, batch, start, 1);
        Some(self.reshape(part, ty.shape.clone()))
    }

    /// A write at one known index is an update, or nothing.
    fn write_of(&mut self, table: Value, index: Value, value: Value, ty: &Type) -> Option<Value> {
        let ring = self.splat(index)?;
        let batch = self.shape(index).len();
        let at = self.elem(index).number(ring);
        if at < 0 || at >= i128::from(ty.shape[batch]) {
            return Some(table);
        }
        let mut shape = ty.shape.clone();
        shape[batch] = 1;
        let part = self.reshape(value, shape);
        let mut starts = vec![self.int(0); ty.shape.len()];
        starts[batch] = self.int(at as i64);
        Some(self.update(table, part, starts))
    }
}
