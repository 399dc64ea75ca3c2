//! Builds a program's blocks, one operation after the other; each is simplified as it is made (see `peephole`).
//!
//! Lowering and every pass make their output through a `Builder`, so that what one stage leaves is already in the simple
//! form that the next one looks for: equal operations are made once, and what does not depend on a loop stands before it.

use std::collections::HashMap;
use std::rc::Rc;

use motet_program::data::{Elem, Shape, Type};
use motet_program::ir::{Binary, Block, Constant, Node, Op, Program, Reduction, Site, Unary, Value};

use super::key::Key;

/// What becomes of an operation in an open block that could as well stand before the operation with that block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The block runs at least once: it moves out.
    Always,
    /// The block may never run: it moves out where it cannot fail.
    Maybe,
    /// A branch: what only one side needs stays there.
    Branch,
}

struct Open {
    block: Block,
    scope: Scope,
    /// What the block has already computed.
    made: HashMap<Key, Value>,
}

/// A program's values and the blocks that are being written.
pub struct Builder {
    values: Vec<Type>,
    /// The position of the open block that defines each value.
    levels: Vec<u32>,
    /// What defines each value, where that is an operation without blocks.
    defs: Vec<Option<Rc<Op>>>,
    /// Least and greatest value of loops' indices, where they are known.
    indices: HashMap<Value, (i64, i64)>,
    /// The open blocks, innermost last.
    open: Vec<Open>,
    /// Where the operations that are made come from.
    pub site: Site,
    /// How many operations have been made.
    made: usize,
}

impl Builder {
    /// A builder with one open block, the program's body.
    pub fn new() -> Self {
        let body = Open { block: Block::default(), scope: Scope::Branch, made: HashMap::new() };
        Builder {
            values: Vec::new(),
            levels: Vec::new(),
            defs: Vec::new(),
            indices: HashMap::new(),
            open: vec![body],
            site: Site(0),
            made: 0,
        }
    }

    /// The program with the values and the body that were built, all else as in `frame`.
    pub fn finish(mut self, results: Vec<Value>, frame: Program) -> Program {
        let body = self.close(results);
        Program { values: self.values, body, ..frame }
    }

    /// How many operations have been made so far.
    pub fn made(&self) -> usize {
        self.made
    }

    /// How many blocks are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Opens a block with parameters of the types.
    pub fn open(&mut self, scope: Scope, params: impl IntoIterator<Item = Type>) -> Vec<Value> {
        let level = self.open.len();
        let params: Vec<Value> = params.into_iter().map(|ty| self.fresh(ty, None, level)).collect();
        let block = Block { params: params.clone(), ops: Vec::new(), results: Vec::new() };
        self.open.push(Open { block, scope, made: HashMap::new() });
        params
    }

    /// Opens the body of a loop over `from..to`; gives its parameters, the index first.
    pub fn open_loop(&mut self, from: Value, to: Value, carried: impl IntoIterator<Item = Type>) -> Vec<Value> {
        let (first, end) = (self.range(from), self.range(to));
        let scope = match (first, end) {
            (Some((_, from)), Some((to, _))) if from < to => Scope::Always,
            _ => Scope::Maybe,
        };
        let params = self.open(scope, std::iter::once(Type::scalar(Elem::Int)).chain(carried));
        if let (Some((least, _)), Some((_, end))) = (first, end) {
            self.indices.insert(params[0], (least, end.saturating_sub(1)));
        }
        params
    }

    /// Least and greatest number that an `Int` scalar can be, where that is known.
    pub fn range(&self, v: Value) -> Option<(i64, i64)> {
        self.range_within(v, 16)
    }

    fn range_within(&self, v: Value, depth: u32) -> Option<(i64, i64)> {
        if let Some(n) = self.known(v) {
            return Some((n, n));
        }
        if let Some(range) = self.indices.get(&v) {
            return Some(*range);
        }
        match self.elem(v) {
            Elem::Int if depth > 0 => self.range_of(self.defs[v.0 as usize].as_deref()?, depth - 1),
            _ => None,
        }
    }

    fn range_of(&self, op: &Op, depth: u32) -> Option<(i64, i64)> {
        match op {
            Op::Binary(op, a, b) => {
                let (a, b) = (self.range_within(*a, depth)?, self.range_within(*b, depth)?);
                match op {
                    Binary::Add => Some((a.0.checked_add(b.0)?, a.1.checked_add(b.1)?)),
                    Binary::Sub => Some((a.0.checked_sub(b.1)?, a.1.checked_sub(b.0)?)),
                    Binary::Mul => {
                        let ends = [(a.0, b.0), (a.0, b.1), (a.1, b.0), (a.1, b.1)];
                        let ends: Vec<i64> = ends.into_iter().map(|(a, b)| a.checked_mul(b)).collect::<Option<_>>()?;
                        Some((*ends.iter().min()?, *ends.iter().max()?))
                    }
                    Binary::Min => Some((a.0.min(b.0), a.1.min(b.1))),
                    Binary::Max => Some((a.0.max(b.0), a.1.max(b.1))),
                    Binary::Div if a.0 >= 0 && b.0 > 0 => Some((a.0 / b.1, a.1 / b.0)),
                    Binary::Rem if a.0 >= 0 && b.0 > 0 => Some((0, a.1.min(b.1 - 1))),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether a box of the shape at the starts is known to lie inside.
    fn inside(&self, outer: &[u64], starts: &[Value], shape: &[u64]) -> bool {
        starts.iter().zip(outer).zip(shape).all(|((start, size), len)| {
            matches!(self.range(*start), Some((least, most)) if least >= 0 && most as u64 <= size.saturating_sub(*len))
        })
    }

    /// Closes blocks until `depth` are open; what they hold is dropped.
    pub fn abandon(&mut self, depth: usize) {
        self.open.truncate(depth);
    }

    /// Whether a value is defined by the innermost open block.
    pub fn is_innermost(&self, v: Value) -> bool {
        self.levels[v.0 as usize] as usize + 1 >= self.open.len()
    }

    /// Closes the innermost block with its results.
    pub fn close(&mut self, results: Vec<Value>) -> Block {
        let block = self.open.pop().map(|open| open.block).unwrap_or_default();
        Block { results, ..block }
    }

    /// Puts the operations of a closed block without parameters here.
    pub fn splice(&mut self, block: Block) {
        if let Some(open) = self.open.last_mut() {
            open.block.ops.extend(block.ops);
        }
    }

    fn fresh(&mut self, ty: Type, def: Option<Rc<Op>>, level: usize) -> Value {
        self.values.push(ty);
        self.levels.push(level as u32);
        self.defs.push(def);
        Value((self.values.len() - 1) as u32)
    }

    /// The type of a value.
    pub fn ty(&self, v: Value) -> &Type {
        &self.values[v.0 as usize]
    }

    /// The shape of a value.
    pub fn shape(&self, v: Value) -> &Shape {
        &self.ty(v).shape
    }

    /// The element type of a value.
    pub fn elem(&self, v: Value) -> Elem {
        self.ty(v).elem
    }

    /// The operation that defines a value, where it has no blocks.
    pub fn def(&self, v: Value) -> Option<Rc<Op>> {
        self.defs[v.0 as usize].clone()
    }

    /// The ring value that every element of a constant holds.
    pub fn splat(&self, v: Value) -> Option<u64> {
        match self.defs[v.0 as usize].as_deref() {
            Some(Op::Const(Constant::Splat(x))) => Some(*x),
            _ => None,
        }
    }

    /// The number that a constant `Int` holds in every element.
    pub fn known(&self, v: Value) -> Option<i64> {
        if self.elem(v) == Elem::Int { self.splat(v).map(|x| x as i64) } else { None }
    }

    /// Makes an operation with one result, or finds the value that it would have.
    pub fn push(&mut self, op: Op, ty: Type) -> Value {
        match self.simplified(&op, &ty) {
            Some(value) => value,
            None => self.push_as_is(op, ty),
        }
    }

    /// Makes an operation with one result as it stands, unless an equal one has been made.
    pub fn push_as_is(&mut self, op: Op, ty: Type) -> Value {
        let key = Key::of(&op, &ty);
        if let Some(key) = &key
            && let Some(value) = self.open.iter().rev().find_map(|open| open.made.get(key))
        {
            return *value;
        }
        let level = if key.is_some() { self.home(&op, &ty) } else { self.open.len() - 1 };
        let result = self.fresh(ty, Some(Rc::new(op.clone())), level);
        self.node(op, vec![result], level);
        if let Some(key) = key {
            self.open[level].made.insert(key, result);
        }
        result
    }

    /// The outermost open block where the operation can stand.
    fn home(&self, op: &Op, ty: &Type) -> usize {
        let mut lowest = 0;
        op.for_each_operand(|v| lowest = lowest.max(self.levels[v.0 as usize] as usize));
        let mut level = self.open.len() - 1;
        while level > lowest {
            let leaves = match self.open[level].scope {
                Scope::Always => true,
                Scope::Maybe => !self.may_fail(op, ty),
                Scope::Branch => matches!(op, Op::Const(_)),
            };
            if !leaves {
                break;
            }
            level -= 1;
        }
        level
    }

    /// Whether a run can end at the operation.
    pub fn may_fail(&self, op: &Op, ty: &Type) -> bool {
        match op {
            Op::Slice(v, starts) => !self.inside(self.shape(*v), starts, &ty.shape),
            Op::Update { part, starts, .. } => !self.inside(&ty.shape, starts, self.shape(*part)),
            // The operands' ranges bound the result.
            Op::Binary(Binary::Add | Binary::Sub | Binary::Mul, a, b)
                if ty.elem == Elem::Int && self.range(*a).is_some() && self.range(*b).is_some() =>
            {
                self.range_of(op, 16).is_none()
            }
            Op::Unary(..) => ty.elem == Elem::Int,
            Op::Binary(Binary::Eq | Binary::Lt | Binary::Min | Binary::Max, ..) => false,
            Op::Binary(..) | Op::MatMul(..) | Op::Reduce(Reduction::Add, ..) => ty.elem == Elem::Int,
            Op::Assert(_) | Op::Coerce(_) | Op::Gather(..) | Op::RandomPublic(_) | Op::Reveal(_) => true,
            op => !op.blocks().is_empty(),
        }
    }

    /// Makes an operation with blocks, or without results.
    pub fn push_many(&mut self, op: Op, tys: impl IntoIterator<Item = Type>) -> Vec<Value> {
        let level = self.open.len() - 1;
        let results: Vec<Value> = tys.into_iter().map(|ty| self.fresh(ty, None, level)).collect();
        self.node(op, results.clone(), level);
        results
    }

    fn node(&mut self, op: Op, results: Vec<Value>, level: usize) {
        self.made += 1;
        self.open[level].block.ops.push(Node { op, results, site: self.site });
    }

    /// A constant `Int` scalar.
    pub fn int(&mut self, n: i64) -> Value {
        self.constant(n as u64, Type::scalar(Elem::Int))
    }

    /// A tensor with one ring value in every element.
    pub fn constant(&mut self, ring: u64, ty: Type) -> Value {
        self.push_as_is(Op::Const(Constant::Splat(ring)), ty)
    }

    /// `0, 1, …, n - 1`.
    pub fn iota(&mut self, n: u64) -> Value {
        self.push_as_is(Op::Const(Constant::Iota), Type { elem: Elem::Int, shape: vec![n] })
    }

    /// Elementwise, of one operand.
    pub fn unary(&mut self, op: Unary, v: Value) -> Value {
        let ty = self.ty(v).clone();
        self.push(Op::Unary(op, v), ty)
    }

    /// Elementwise; operands of one shape.
    pub fn binary(&mut self, op: Binary, a: Value, b: Value) -> Value {
        let mut ty = self.ty(a).clone();
        if matches!(op, Binary::Eq | Binary::Lt) {
            ty.elem = Elem::Bool;
        }
        self.push(Op::Binary(op, a, b), ty)
    }

    /// `a` where `cond`, else `b`; `cond` is a scalar or has their shape.
    pub fn select(&mut self, cond: Value, a: Value, b: Value) -> Value {
        let ty = self.ty(a).clone();
        let cond = self.broadcast(cond, &ty.shape);
        self.push(Op::Select(cond, a, b), ty)
    }

    /// To the shape.
    pub fn broadcast(&mut self, v: Value, shape: &[u64]) -> Value {
        let ty = Type { elem: self.elem(v), shape: shape.to_vec() };
        self.push(Op::Broadcast(v), ty)
    }

    /// The same elements in the shape.
    pub fn reshape(&mut self, v: Value, shape: Shape) -> Value {
        let ty = Type { elem: self.elem(v), shape };
        self.push(Op::Reshape(v), ty)
    }

    /// Axis `k` of the result is axis `perm[k]` of the operand.
    pub fn transpose(&mut self, v: Value, perm: Vec<u8>) -> Value {
        let old = self.ty(v);
        let ty = Type { elem: old.elem, shape: perm.iter().map(|&p| old.shape[p as usize]).collect() };
        self.push(Op::Transpose(v, perm), ty)
    }

    /// Moves an axis to another position, the others keeping their order.
    pub fn move_axis(&mut self, v: Value, from: usize, to: usize) -> Value {
        let mut perm: Vec<u8> = (0..self.shape(v).len() as u8).collect();
        let axis = perm.remove(from);
        perm.insert(to, axis);
        self.transpose(v, perm)
    }

    /// A box of the shape.
    pub fn slice(&mut self, v: Value, starts: Vec<Value>, shape: Shape) -> Value {
        let ty = Type { elem: self.elem(v), shape };
        self.push(Op::Slice(v, starts), ty)
    }

    /// `len` elements of one axis, the others whole.
    pub fn slice_axis(&mut self, v: Value, axis: usize, start: Value, len: u64) -> Value {
        let mut shape = self.shape(v).clone();
        let zero = self.int(0);
        let mut starts = vec![zero; shape.len()];
        starts[axis] = start;
        shape[axis] = len;
        self.slice(v, starts, shape)
    }

    /// Entry `index` along the first axis, which is dropped.
    pub fn row(&mut self, v: Value, index: Value) -> Value {
        let row = self.slice_axis(v, 0, index, 1);
        let shape = self.shape(v)[1..].to_vec();
        self.reshape(row, shape)
    }

    /// `base` with `part` at `starts`.
    pub fn update(&mut self, base: Value, part: Value, starts: Vec<Value>) -> Value {
        let ty = self.ty(base).clone();
        self.push(Op::Update { base, part, starts }, ty)
    }

    /// Joins along an axis.
    pub fn concat(&mut self, parts: Vec<Value>, axis: usize) -> Value {
        let mut ty = self.ty(parts[0]).clone();
        ty.shape[axis] = parts.iter().map(|p| self.shape(*p)[axis]).sum();
        self.push(Op::Concat(parts, axis as u8), ty)
    }

    /// Stacks values of one type along a new first axis.
    pub fn stack(&mut self, parts: &[Value]) -> Value {
        let of = self.ty(parts[0]).clone();
        let shape = [&[parts.len() as u64], of.shape.as_slice()].concat();
        if let Some(constant) = self.constants(parts, of.count()) {
            return self.push(Op::Const(constant), Type { elem: of.elem, shape });
        }
        let rows = [&[1], of.shape.as_slice()].concat();
        let parts = parts.iter().map(|p| self.reshape(*p, rows.clone())).collect();
        self.concat(parts, 0)
    }

    /// The elements of constants of `count` elements each, one after the other.
    fn constants(&self, parts: &[Value], count: u64) -> Option<Constant> {
        let mut rings = Vec::new();
        for part in parts {
            match self.defs[part.0 as usize].as_deref()? {
                Op::Const(Constant::Splat(x)) if count <= 1 << 16 => rings.extend((0..count).map(|_| *x)),
                Op::Const(Constant::Dense(xs)) => rings.extend_from_slice(xs),
                _ => return None,
            }
        }
        match rings.first() {
            Some(first) if rings.iter().all(|x| x == first) => Some(Constant::Splat(*first)),
            _ => Some(Constant::Dense(rings)),
        }
    }

    /// Reduces one axis.
    pub fn reduce(&mut self, op: Reduction, v: Value, axis: usize) -> Value {
        let mut ty = self.ty(v).clone();
        ty.shape.remove(axis);
        self.push(Op::Reduce(op, v, axis as u8), ty)
    }

    /// `v[indices]` along the first axis.
    pub fn gather(&mut self, v: Value, indices: Value) -> Value {
        let shape = [self.shape(indices).as_slice(), &self.shape(v)[1..]].concat();
        let ty = Type { elem: self.elem(v), shape };
        self.push(Op::Gather(v, indices), ty)
    }

    /// Wrapping conversion of the elements.
    pub fn cast(&mut self, v: Value, elem: Elem) -> Value {
        let ty = Type { elem, shape: self.shape(v).clone() };
        self.push(Op::Cast(v), ty)
    }

    /// Checked conversion of public `Int`s.
    pub fn coerce(&mut self, v: Value, elem: Elem) -> Value {
        let ty = Type { elem, shape: self.shape(v).clone() };
        self.push(Op::Coerce(v), ty)
    }

    /// Oblivious read of an entry of each batch's table.
    pub fn read(&mut self, table: Value, index: Value) -> Value {
        let batch = self.shape(index).len();
        let mut ty = self.ty(table).clone();
        ty.shape.remove(batch);
        self.push(Op::Read { table, index }, ty)
    }

    /// Oblivious write of an entry of each batch's table.
    pub fn write(&mut self, table: Value, index: Value, value: Value) -> Value {
        let ty = self.ty(table).clone();
        self.push(Op::Write { table, index, value }, ty)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}
