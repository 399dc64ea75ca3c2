//! Lifting: the operations of a loop's body, made for all iterations at once.
//!
//! A value that differs between iterations becomes one with a leading axis, the iterations. Each operation has a rule; where
//! one does not fit (`Stuck`), the operation stays in a loop.

use std::collections::{HashMap, HashSet};

use motet_program::data::{Elem, Type};
use motet_program::ir::{Binary, Block, Conv2d, Node, Op, Reduction, Unary, Value};

use crate::passes::build::{Builder, Scope};
use crate::passes::rewrite::{for_each_read, with_operands};

/// Most axes of a value.
const MAX_AXES: usize = 32;

/// What a value of the body is over all iterations.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lifted {
    /// The same in each.
    Same(Value),
    /// An `Int` scalar: `base + stride · k` in iteration `k`.
    Affine {
        /// Difference between iterations.
        stride: i64,
        /// In the first.
        base: Value,
    },
    /// A value for each, stacked.
    Batch(Value),
}

/// The operation has no rule for how its operands differ between iterations.
pub(crate) struct Stuck;

/// Lifts a body over `n` iterations.
pub(crate) struct Lifter<'b> {
    pub b: &'b mut Builder,
    pub n: u64,
    map: HashMap<Value, Lifted>,
}

impl<'b> Lifter<'b> {
    /// Over `n` iterations, of which the first has index `base`.
    pub fn new(b: &'b mut Builder, n: u64, index: Value, base: Value) -> Self {
        Lifter { b, n, map: HashMap::from([(index, Lifted::Affine { stride: 1, base })]) }
    }

    /// What has become of a value; those from outside the body are the same in each iteration.
    pub fn get(&self, v: Value) -> Lifted {
        self.map.get(&v).copied().unwrap_or(Lifted::Same(v))
    }

    /// Says what has become of a value.
    pub fn set(&mut self, v: Value, lifted: Lifted) {
        self.map.insert(v, lifted);
    }

    fn varies(&self, v: Value) -> bool {
        !matches!(self.get(v), Lifted::Same(_))
    }

    /// The value with the iterations as its leading axis.
    pub fn batch(&mut self, v: Value) -> Value {
        let lifted = self.get(v);
        self.stacked(lifted)
    }

    pub(super) fn stacked(&mut self, lifted: Lifted) -> Value {
        match lifted {
            Lifted::Batch(v) => v,
            Lifted::Same(v) => {
                let shape = [&[self.n], self.b.shape(v).as_slice()].concat();
                self.b.broadcast(v, &shape)
            }
            Lifted::Affine { stride, base } => {
                let steps = self.b.iota(self.n);
                let stride = self.b.constant(stride as u64, Type { elem: Elem::Int, shape: vec![self.n] });
                let offsets = self.b.binary(Binary::Mul, steps, stride);
                let base = self.b.broadcast(base, &[self.n]);
                self.b.binary(Binary::Add, base, offsets)
            }
        }
    }

    /// Lifts a node: its results are known afterwards.
    pub fn node(&mut self, node: &Node) -> Result<(), Stuck> {
        self.b.site = node.site;
        let mut varies = matches!(node.op, Op::RandomPublic(_));
        for_each_read(node, &mut |v| varies |= self.varies(v));
        if !varies && !has_random(node) {
            self.copy(node);
            return Ok(());
        }
        if node.results.iter().any(|r| self.b.shape(*r).len() >= MAX_AXES) {
            return Err(Stuck);
        }
        match &node.op {
            Op::Loop { from, to, init, body } => self.looping(node, *from, *to, init, body),
            Op::If { cond, then, otherwise } => self.branch(node, *cond, then, otherwise),
            Op::Each { .. } => Err(Stuck),
            Op::Assert(cond) => {
                let conds = self.batch(*cond);
                let all = self.b.reduce(Reduction::And, conds, 0);
                self.b.push_many(Op::Assert(all), []);
                Ok(())
            }
            Op::Circuit { circuit, batch, args } => {
                let args = args.iter().map(|v| self.batch(*v)).collect();
                let tys: Vec<Type> = node.results.iter().map(|r| self.lifted_type(*r)).collect();
                let results = self.b.push_many(Op::Circuit { circuit: *circuit, batch: batch + 1, args }, tys);
                node.results.iter().zip(results).for_each(|(r, v)| self.set(*r, Lifted::Batch(v)));
                Ok(())
            }
            op => {
                let result = node.results[0];
                let lifted = match self.affine(op) {
                    Some(affine) => affine,
                    None => Lifted::Batch(self.operation(op, result)?),
                };
                self.set(result, lifted);
                Ok(())
            }
        }
    }

    fn lifted_type(&self, v: Value) -> Type {
        let ty = self.b.ty(v);
        Type { elem: ty.elem, shape: [&[self.n], ty.shape.as_slice()].concat() }
    }

    pub fn same(&self, v: Value) -> Value {
        match self.get(v) {
            Lifted::Same(v) => v,
            _ => v,
        }
    }

    /// A node that is the same in each iteration, once.
    pub fn copy(&mut self, node: &Node) {
        self.b.site = node.site;
        let op = with_operands(&node.op, |v| self.same(v));
        let tys: Vec<Type> = node.results.iter().map(|r| self.b.ty(*r).clone()).collect();
        let op = match op {
            Op::Loop { from, to, init, body } => {
                let params = self.b.open_loop(from, to, tys.iter().cloned());
                Op::Loop { from, to, init, body: self.copied(&body, params) }
            }
            Op::If { cond, then, otherwise } => {
                self.b.open(Scope::Branch, []);
                let then = self.copied(&then, Vec::new());
                self.b.open(Scope::Branch, []);
                Op::If { cond, then, otherwise: self.copied(&otherwise, Vec::new()) }
            }
            op => op,
        };
        self.b.site = node.site;
        let plain = op.blocks().is_empty() && !matches!(op, Op::Circuit { .. });
        let results = match &tys[..] {
            [ty] if plain => vec![self.b.push(op, ty.clone())],
            _ => self.b.push_many(op, tys),
        };
        node.results.iter().zip(results).for_each(|(r, v)| self.set(*r, Lifted::Same(v)));
    }

    fn copied(&mut self, block: &Block, params: Vec<Value>) -> Block {
        block.params.iter().zip(params).for_each(|(p, v)| self.set(*p, Lifted::Same(v)));
        block.ops.iter().for_each(|node| self.copy(node));
        let results = block.results.iter().map(|v| self.same(*v)).collect();
        self.b.close(results)
    }

    /// Index arithmetic.
    fn affine(&mut self, op: &Op) -> Option<Lifted> {
        let (kind, x, y) = match op {
            Op::Binary(op, a, b) if self.b.elem(*a) == Elem::Int && self.b.shape(*a).is_empty() => {
                (*op, self.get(*a), self.get(*b))
            }
            Op::Unary(Unary::Neg, a) if self.b.elem(*a) == Elem::Int && self.b.shape(*a).is_empty() => {
                let zero = self.b.int(0);
                (Binary::Sub, Lifted::Same(zero), self.get(*a))
            }
            _ => return None,
        };
        let parts = |lifted: Lifted| match lifted {
            Lifted::Same(v) => Some((0, v)),
            Lifted::Affine { stride, base } => Some((stride, base)),
            Lifted::Batch(_) => None,
        };
        let ((s, a), (t, b)) = (parts(x)?, parts(y)?);
        let stride = match kind {
            Binary::Add => s.checked_add(t)?,
            Binary::Sub => s.checked_sub(t)?,
            Binary::Mul if t == 0 => s.checked_mul(self.b.known(b)?)?,
            Binary::Mul if s == 0 => t.checked_mul(self.b.known(a)?)?,
            _ => return None,
        };
        let base = self.b.binary(kind, a, b);
        Some(if stride == 0 { Lifted::Same(base) } else { Lifted::Affine { stride, base } })
    }

    fn operation(&mut self, op: &Op, result: Value) -> Result<Value, Stuck> {
        let ty = self.lifted_type(result);
        let op = match op {
            Op::Unary(..)
            | Op::Binary(..)
            | Op::Cast(_)
            | Op::Coerce(_)
            | Op::Select(..)
            | Op::Reshape(_)
            | Op::Reveal(_)
            | Op::Read { .. }
            | Op::Write { .. } => with_operands(op, |v| self.batch(v)),
            Op::RandomPublic(bound) => match self.get(*bound) {
                Lifted::Same(bound) => Op::RandomPublic(bound),
                _ => return Err(Stuck),
            },
            Op::Broadcast(v) => {
                let v = self.batch(*v);
                let shape = self.b.shape(v).clone();
                let pad = ty.shape.len() - shape.len();
                let shape = [&shape[..1], &vec![1; pad], &shape[1..]].concat();
                Op::Broadcast(self.b.reshape(v, shape))
            }
            Op::Transpose(v, perm) => {
                let perm = std::iter::once(0).chain(perm.iter().map(|p| p + 1)).collect();
                Op::Transpose(self.batch(*v), perm)
            }
            Op::Concat(parts, axis) => Op::Concat(parts.iter().map(|v| self.batch(*v)).collect(), axis + 1),
            Op::Reduce(op, v, axis) => Op::Reduce(*op, self.batch(*v), axis + 1),
            Op::Pad { value, fill, widths } => match self.get(*fill) {
                Lifted::Same(fill) => {
                    let widths = std::iter::once([0, 0]).chain(widths.iter().copied()).collect();
                    Op::Pad { value: self.batch(*value), fill, widths }
                }
                _ => return Err(Stuck),
            },
            Op::Slice(v, starts) => return self.slice(*v, starts, &ty.shape[1..]),
            Op::Update { base, part, starts } => return self.update(*base, *part, starts),
            Op::Gather(v, indices) => return self.gather(*v, *indices),
            Op::MatMul(a, b) => return Ok(self.matmul(*a, *b, ty)),
            Op::Conv2d(x, w, conv) => return Ok(self.conv2d(*x, *w, *conv, ty)),
            Op::Input { .. } | Op::Const(_) | Op::Assert(_) | Op::Circuit { .. } => return Err(Stuck),
            Op::Loop { .. } | Op::Each { .. } | Op::If { .. } => return Err(Stuck),
        };
        Ok(self.b.push(op, ty))
    }

    fn matmul(&mut self, a: Value, b: Value, ty: Type) -> Value {
        let plain = self.b.shape(a).len() == 2;
        let n = self.n;
        match (self.get(a), self.get(b)) {
            // One matrix on a side: the other's iterations are more of its rows, or columns.
            (Lifted::Batch(a), Lifted::Same(b)) if plain => self.rows_of(a, b, n, ty.shape),
            (Lifted::Same(a), Lifted::Batch(b)) if plain => {
                let (a, b) = (self.b.transpose(a, vec![1, 0]), self.b.transpose(b, vec![0, 2, 1]));
                let shape = vec![ty.shape[0], ty.shape[2], ty.shape[1]];
                let product = self.rows_of(b, a, n, shape);
                self.b.transpose(product, vec![0, 2, 1])
            }
            _ => {
                let (a, b) = (self.batch(a), self.batch(b));
                self.b.push(Op::MatMul(a, b), ty)
            }
        }
    }

    /// `[n, M, K] × [K, N]` as `[n·M, K] × [K, N]`.
    fn rows_of(&mut self, a: Value, b: Value, n: u64, shape: Vec<u64>) -> Value {
        let (m, k) = (self.b.shape(a)[1], self.b.shape(a)[2]);
        let flat = self.b.reshape(a, vec![n * m, k]);
        let ty = Type { elem: self.b.elem(a), shape: vec![n * m, shape[2]] };
        let product = self.b.push(Op::MatMul(flat, b), ty);
        self.b.reshape(product, shape)
    }

    fn conv2d(&mut self, x: Value, w: Value, conv: Conv2d, ty: Type) -> Value {
        let merged = |shape: &[u64]| [&[shape[0] * shape[1]], &shape[2..]].concat();
        if let Lifted::Same(w) = self.get(w) {
            // The iterations are more images.
            let x = self.batch(x);
            let images = merged(self.b.shape(x));
            let x = self.b.reshape(x, images);
            let flat = Type { elem: ty.elem, shape: merged(&ty.shape) };
            let out = self.b.push(Op::Conv2d(x, w, conv), flat);
            return self.b.reshape(out, ty.shape);
        }
        // The iterations are more groups of channels.
        let (x, w) = (self.batch(x), self.batch(w));
        let [n, images, channels, height, width] = self.b.shape(x)[..] else { return x };
        let x = self.b.move_axis(x, 0, 1);
        let x = self.b.reshape(x, vec![images, n * channels, height, width]);
        let kernels = merged(self.b.shape(w));
        let w = self.b.reshape(w, kernels);
        let conv = Conv2d { groups: conv.groups * n, ..conv };
        let flat = Type { elem: ty.elem, shape: vec![images, n * ty.shape[2], ty.shape[3], ty.shape[4]] };
        let out = self.b.push(Op::Conv2d(x, w, conv), flat);
        let out = self.b.reshape(out, vec![images, n, ty.shape[2], ty.shape[3], ty.shape[4]]);
        self.b.move_axis(out, 1, 0)
    }

    /// Adds the results of a block's nodes that depend on what varies.
    fn mark(&self, block: &Block, varying: &mut HashSet<Value>) {
        for node in &block.ops {
            let mut varies = has_random(node);
            for_each_read(node, &mut |v| varies |= varying.contains(&v) || self.varies(v));
            if varies {
                varying.extend(&node.results);
            }
        }
    }

    fn looping(&mut self, node: &Node, from: Value, to: Value, init: &[Value], body: &Block) -> Result<(), Stuck> {
        let (Lifted::Same(from), Lifted::Same(to)) = (self.get(from), self.get(to)) else { return Err(Stuck) };
        // Which carried values differ between the outer iterations: those that start so, or become so.
        let mut varies: Vec<bool> = init.iter().map(|v| self.varies(*v)).collect();
        loop {
            let params = body.params[1..].iter().zip(&varies).filter(|(_, varies)| **varies);
            let mut varying: HashSet<Value> = params.map(|(p, _)| *p).collect();
            self.mark(body, &mut varying);
            let next: Vec<bool> =
                body.results.iter().zip(&varies).map(|(y, v)| *v || varying.contains(y) || self.varies(*y)).collect();
            if next == varies {
                break;
            }
            varies = next;
        }
        let tys: Vec<Type> = node
            .results
            .iter()
            .zip(&varies)
            .map(|(r, varies)| if *varies { self.lifted_type(*r) } else { self.b.ty(*r).clone() })
            .collect();
        let init =
            init.iter().zip(&varies).map(|(v, varies)| if *varies { self.batch(*v) } else { self.same(*v) }).collect();
        let params = self.b.open_loop(from, to, tys.iter().cloned());
        self.set(body.params[0], Lifted::Same(params[0]));
        for ((old, new), varies) in body.params[1..].iter().zip(&params[1..]).zip(&varies) {
            self.set(*old, if *varies { Lifted::Batch(*new) } else { Lifted::Same(*new) });
        }
        let body = self.lifted_block(body, &varies)?;
        self.b.site = node.site;
        let results = self.b.push_many(Op::Loop { from, to, init, body }, tys);
        self.define(node, &results, &varies);
        Ok(())
    }

    /// Lifts into the block that has been opened.
    fn lifted_block(&mut self, block: &Block, varies: &[bool]) -> Result<Block, Stuck> {
        block.ops.iter().try_for_each(|node| self.node(node))?;
        let results = block
            .results
            .iter()
            .zip(varies)
            .map(|(v, varies)| if *varies { self.batch(*v) } else { self.same(*v) })
            .collect();
        Ok(self.b.close(results))
    }

    fn define(&mut self, node: &Node, results: &[Value], varies: &[bool]) {
        for ((old, new), varies) in node.results.iter().zip(results).zip(varies) {
            self.set(*old, if *varies { Lifted::Batch(*new) } else { Lifted::Same(*new) });
        }
    }

    fn branch(&mut self, node: &Node, cond: Value, then: &Block, otherwise: &Block) -> Result<(), Stuck> {
        if let Lifted::Same(cond) = self.get(cond) {
            let mut varying = HashSet::new();
            self.mark(then, &mut varying);
            self.mark(otherwise, &mut varying);
            let differs = |me: &Self, v: &Value| varying.contains(v) || me.varies(*v);
            let sides = then.results.iter().zip(&otherwise.results);
            let varies: Vec<bool> = sides.map(|(a, b)| differs(self, a) || differs(self, b)).collect();
            let tys: Vec<Type> = node
                .results
                .iter()
                .zip(&varies)
                .map(|(r, varies)| if *varies { self.lifted_type(*r) } else { self.b.ty(*r).clone() })
                .collect();
            self.b.open(Scope::Branch, []);
            let then = self.lifted_block(then, &varies)?;
            self.b.open(Scope::Branch, []);
            let otherwise = self.lifted_block(otherwise, &varies)?;
            self.b.site = node.site;
            let results = self.b.push_many(Op::If { cond, then, otherwise }, tys);
            self.define(node, &results, &varies);
            return Ok(());
        }
        // Iterations take different sides: both are computed for all, where nothing but their values can come of it.
        if !is_quiet(self.b, then) || !is_quiet(self.b, otherwise) {
            return Err(Stuck);
        }
        then.ops.iter().chain(&otherwise.ops).try_for_each(|node| self.node(node))?;
        let conds = self.batch(cond);
        self.b.site = node.site;
        for (k, result) in node.results.iter().enumerate() {
            let (a, b) = (self.batch(then.results[k]), self.batch(otherwise.results[k]));
            let shape = self.b.shape(a).clone();
            let column = std::iter::once(self.n).chain(shape[1..].iter().map(|_| 1)).collect();
            let cond = self.b.reshape(conds, column);
            let selected = self.b.select(cond, a, b);
            self.set(*result, Lifted::Batch(selected));
        }
        Ok(())
    }
}

/// Whether a block can run where it should not: it can neither fail nor be noticed.
pub(super) fn is_quiet(b: &Builder, block: &Block) -> bool {
    block.ops.iter().all(|node| match &node.results[..] {
        [result] => !b.may_fail(&node.op, b.ty(*result)),
        _ => matches!(node.op, Op::Circuit { .. }),
    })
}

fn has_random(node: &Node) -> bool {
    matches!(node.op, Op::RandomPublic(_)) || node.op.blocks().iter().any(|b| b.ops.iter().any(has_random))
}
