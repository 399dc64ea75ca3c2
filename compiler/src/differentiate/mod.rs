//! Reverse-mode differentiation of a block of the core.
//!
//! `gradient` writes the block once forwards and once backwards. What the forward pass computed is used again: inside a
//! loop it is kept in a tensor led by the loop's axis, which the backward loop reads from its end. Loops stay loops.
//! Everything is kept at first; what the backward pass does not read is taken out by `simplify`.

mod adjoint;
mod batch;
mod prepare;

pub use batch::{at_once, opaque};

use std::collections::{HashMap, HashSet};

use motet_program::data::{Elem, Type};
use motet_program::ir::{Binary, Block, Node, Op, Site, Value};

use crate::passes::build::{Builder, Scope};
use crate::passes::rewrite::{for_each_read, with_operands};

/// What `with_slope` says of a value: its derivative in `x` is the slope, whatever it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The argument: its shape begins with that of the value.
    pub x: Value,
    /// Of its shape.
    pub slope: Value,
}

/// The values that have a slope, each an `opaque` one.
pub type Units = HashMap<Value, Unit>;

/// An operation through which no gradient can be taken.
#[derive(Debug, thiserror::Error)]
#[error("{what} has no derivative here")]
pub struct NoDerivative {
    /// What it is.
    pub what: &'static str,
    /// Where it stands.
    pub site: Site,
}

type Fails<T> = Result<T, NoDerivative>;

/// Writes a block (of no use afterwards) on the arguments, and the gradient of its only result, a `Fix` scalar, in the
/// first `wanted` parameters. Gives the result and the gradients.
///
/// # Errors
/// Where the result depends on them through an operation that has no derivative.
pub fn gradient(
    b: &mut Builder,
    units: &mut Units,
    block: Block,
    args: &[Value],
    wanted: usize,
) -> Fails<(Value, Vec<Value>)> {
    let block = prepare::plain(b, block);
    let mut active = HashSet::new();
    active.extend(block.params[..wanted].iter().copied().filter(|p| matches!(b.elem(*p), Elem::Fix { .. })));
    prepare::activity(b, units, &block, &mut active);
    let params = block.params[..wanted].to_vec();
    let mut d = Differentiation { b, units, active, at: HashMap::new(), adjoints: HashMap::new(), nested: 0 };
    d.at.extend(block.params.iter().copied().zip(args.iter().copied()));
    d.forward(&block)?;
    let value = d.get(block.results[0]);
    let ty = d.b.ty(value).clone();
    let one = d.b.constant(crate::lower::one(ty.elem), ty);
    d.add(block.results[0], one);
    d.backward(&block)?;
    let gradients = params.iter().map(|p| d.adjoint(*p)).collect();
    Ok((value, gradients))
}

struct Differentiation<'b> {
    b: &'b mut Builder,
    units: &'b mut Units,
    /// Old values that depend on what the gradient is taken in.
    active: HashSet<Value>,
    /// What stands for an old value: itself where it is from outside; inside a loop that has been left, all its rows.
    at: HashMap<Value, Value>,
    adjoints: HashMap<Value, Value>,
    /// How many loops and branches the block is in that is being written backwards.
    nested: usize,
}

impl Differentiation<'_> {
    fn get(&self, old: Value) -> Value {
        self.at.get(&old).copied().unwrap_or(old)
    }

    /// Adds to the adjoint of an old value.
    fn add(&mut self, old: Value, adjoint: Value) {
        if !self.active.contains(&old) {
            return;
        }
        let sum = match self.adjoints.get(&old) {
            Some(before) => self.b.binary(Binary::Add, *before, adjoint),
            None => adjoint,
        };
        self.adjoints.insert(old, sum);
    }

    /// The adjoint of an old value, zeros where nothing has been added.
    fn adjoint(&mut self, old: Value) -> Value {
        match self.adjoints.get(&old) {
            Some(adjoint) => *adjoint,
            None => {
                let ty = self.b.ty(old).clone();
                self.b.constant(0, ty)
            }
        }
    }

    /// Whether the gradient goes through a node.
    fn is_active(&self, node: &Node) -> bool {
        node.results.iter().any(|r| self.active.contains(r))
    }

    /// How often the body of a loop runs, at most: its bounds may follow from the index of a loop around it.
    fn most(&self, node: &Node) -> Fails<u64> {
        match &node.op {
            Op::Each { count, .. } => Ok(*count),
            Op::Loop { from, to, .. } => match (self.b.range(*from), self.b.range(*to)) {
                (Some((from, _)), Some((_, to))) => Ok(to.saturating_sub(from).max(0) as u64),
                _ => Err(NoDerivative { what: "a loop whose bounds are known only when running", site: node.site }),
            },
            _ => Ok(1),
        }
    }

    /// How often it runs.
    fn count(&mut self, node: &Node) -> Value {
        match &node.op {
            Op::Loop { from, to, .. } => {
                let (from, to) = (self.get(*from), self.get(*to));
                let count = self.b.binary(Binary::Sub, to, from);
                let none = self.b.int(0);
                self.b.binary(Binary::Max, count, none)
            }
            Op::Each { count, .. } => self.b.int(*count as i64),
            _ => self.b.int(1),
        }
    }

    /// What is kept of a node's blocks, and in what form when the node has been left.
    fn kept(&self, node: &Node) -> Fails<Vec<(Value, Type)>> {
        let mut kept = Vec::new();
        if !self.is_active(node) {
            return Ok(kept);
        }
        let lead = match &node.op {
            Op::Loop { .. } | Op::Each { .. } => Some(self.most(node)?),
            _ => None,
        };
        for block in node.op.blocks() {
            let cheap = self.cheap(node, block);
            let carried = block.params.iter().skip(1);
            let plain = carried.chain(block.ops.iter().flat_map(|n| &n.results)).filter(|v| !cheap.contains(v));
            kept.extend(plain.map(|v| (*v, self.b.ty(*v).clone())));
            for inner in &block.ops {
                kept.extend(self.kept(inner)?);
            }
        }
        if let Some(n) = lead {
            kept.iter_mut().for_each(|(_, ty)| ty.shape.insert(0, n));
        }
        Ok(kept)
    }

    /// What of a node's block is made again backwards, for it follows from the index and from outside at no cost.
    fn cheap(&self, node: &Node, block: &Block) -> HashSet<Value> {
        let mut dear: HashSet<Value> = match node.op {
            Op::If { .. } => HashSet::new(),
            _ => block.params.iter().skip(1).copied().collect(),
        };
        let mut cheap = HashSet::new();
        for node in &block.ops {
            let free = match (&node.op, &node.results[..]) {
                (Op::Const(_) | Op::Slice(..) | Op::Reshape(_) | Op::Broadcast(_) | Op::Transpose(..), _) => true,
                (Op::Unary(..) | Op::Binary(..) | Op::Cast(_), [r]) => self.b.elem(*r) == Elem::Int,
                _ => false,
            };
            let mut follows = free;
            node.op.for_each_operand(|v| follows &= !dear.contains(&v));
            if follows { cheap.extend(&node.results) } else { dear.extend(&node.results) }
        }
        cheap
    }

    // --- forwards

    fn forward(&mut self, block: &Block) -> Fails<()> {
        block.ops.iter().try_for_each(|node| self.forward_node(node))
    }

    fn results(&self, block: &Block) -> Vec<Value> {
        block.results.iter().map(|v| self.get(*v)).collect()
    }

    fn forward_node(&mut self, node: &Node) -> Fails<()> {
        self.b.site = node.site;
        let op = with_operands(&node.op, |v| self.get(v));
        let mut tys: Vec<Type> = node.results.iter().map(|r| self.b.ty(*r).clone()).collect();
        let kept = self.kept(node)?;
        let keys: Vec<Value> = node.results.iter().copied().chain(kept.iter().map(|(v, _)| *v)).collect();
        let results = match op {
            Op::Loop { from, to, mut init, body } => {
                for (_, ty) in &kept {
                    init.push(self.b.constant(0, ty.clone()));
                }
                tys.extend(kept.iter().map(|(_, ty)| ty.clone()));
                let params = self.b.open_loop(from, to, tys.clone());
                let own = body.params.len();
                self.at.extend(body.params.iter().copied().zip(params[..own].iter().copied()));
                self.forward(&body)?;
                let mut results = self.results(&body);
                let row = self.b.binary(Binary::Sub, params[0], from);
                for ((v, _), stack) in kept.iter().zip(&params[own..]) {
                    let value = self.get(*v);
                    results.push(self.set_row(*stack, row, value));
                }
                let body = Block { params, ..self.b.close(results) };
                self.b.push_many(Op::Loop { from, to, init, body }, tys)
            }
            Op::Each { count, body } => {
                tys.extend(kept.iter().map(|(_, ty)| ty.clone()));
                let (from, to) = (self.b.int(0), self.b.int(count as i64));
                let params = self.b.open_loop(from, to, []);
                self.at.insert(body.params[0], params[0]);
                self.forward(&body)?;
                let mut results = self.results(&body);
                results.extend(kept.iter().map(|(v, _)| self.get(*v)));
                let body = self.b.close(results);
                self.b.push_many(Op::Each { count, body }, tys)
            }
            Op::If { cond, then, otherwise } => {
                tys.extend(kept.iter().map(|(_, ty)| ty.clone()));
                let mut sides = Vec::new();
                for block in [&then, &otherwise] {
                    self.b.open(Scope::Branch, []);
                    self.forward(block)?;
                    let mut results = self.results(block);
                    for (v, ty) in &kept {
                        let own = defined(block).contains(v);
                        results.push(if own { self.get(*v) } else { self.b.constant(0, ty.clone()) });
                    }
                    sides.push(self.b.close(results));
                }
                let otherwise = sides.pop().unwrap_or_default();
                let then = sides.pop().unwrap_or_default();
                self.b.push_many(Op::If { cond, then, otherwise }, tys)
            }
            op if tys.len() == 1 && !matches!(op, Op::Circuit { .. }) => vec![self.b.push(op, tys.remove(0))],
            op => self.b.push_many(op, tys),
        };
        for (key, result) in keys.into_iter().zip(results) {
            self.at.insert(key, result);
            if let Some(Unit { x, slope }) = self.units.get(&key).copied() {
                let unit = Unit { x: self.get(x), slope: self.get(slope) };
                self.units.insert(result, unit);
            }
        }
        Ok(())
    }

    /// The stack with a row replaced.
    fn set_row(&mut self, stack: Value, row: Value, value: Value) -> Value {
        let shape = [&[1], self.b.shape(value).as_slice()].concat();
        let part = self.b.reshape(value, shape.clone());
        let mut starts = vec![self.b.int(0); shape.len()];
        starts[0] = row;
        self.b.update(stack, part, starts)
    }

    // --- backwards

    fn backward(&mut self, block: &Block) -> Fails<()> {
        for node in block.ops.iter().rev().filter(|n| self.is_active(n)).collect::<Vec<_>>() {
            if !node.results.iter().any(|r| self.adjoints.contains_key(r)) {
                continue;
            }
            self.b.site = node.site;
            match &node.op {
                Op::Loop { .. } | Op::Each { .. } if !self.units.contains_key(&node.results[0]) => {
                    self.backward_loop(node)?;
                }
                Op::If { .. } => self.backward_if(node)?,
                _ => self.backward_plain(node)?,
            }
        }
        Ok(())
    }

    /// Old values from outside that a node's blocks read, and that have a gradient.
    fn outside(&self, node: &Node) -> Vec<Value> {
        let mut own = HashSet::new();
        let mut seen = HashSet::new();
        let mut read = Vec::new();
        for block in node.op.blocks() {
            own.extend(&block.params);
            own.extend(defined(block));
            block.ops.iter().for_each(|n| for_each_read(n, &mut |v| read.push(v)));
            self.arguments(block, &mut read);
            read.extend(&block.results);
        }
        read.retain(|v| self.active.contains(v) && !own.contains(v) && seen.insert(*v));
        read
    }

    /// Adds what the values of a block that have a slope have it in: the operations that stand for them do not read it.
    fn arguments(&self, block: &Block, read: &mut Vec<Value>) {
        for node in &block.ops {
            read.extend(node.results.iter().filter_map(|r| self.units.get(r)).map(|unit| unit.x));
            node.op.blocks().into_iter().for_each(|inner| self.arguments(inner, read));
        }
    }

    /// Makes again what has not been kept of the node's block.
    fn remake(&mut self, node: &Node, block: &Block) {
        let cheap = self.cheap(node, block);
        for inner in block.ops.iter().filter(|n| n.results.iter().any(|r| cheap.contains(r))) {
            let op = with_operands(&inner.op, |v| self.get(v));
            let ty = self.b.ty(inner.results[0]).clone();
            let value = self.b.push(op, ty);
            self.at.insert(inner.results[0], value);
        }
    }

    fn backward_loop(&mut self, node: &Node) -> Fails<()> {
        let kept = self.kept(node)?;
        let outside = self.outside(node);
        let (body, first, init): (&Block, _, &[Value]) = match &node.op {
            Op::Loop { from, init, body, .. } => (body, self.get(*from), init),
            Op::Each { body, .. } => (body, self.b.int(0), &[]),
            _ => return Ok(()),
        };
        // The loop carries the adjoints of what the forward loop carried, then of what it read from outside.
        let carried: Vec<usize> = (0..init.len()).filter(|k| self.active.contains(&node.results[*k])).collect();
        let mut start: Vec<Value> = carried.iter().map(|k| self.adjoint(node.results[*k])).collect();
        start.extend(outside.iter().map(|v| self.adjoint(*v)).collect::<Vec<_>>());
        let rows: Vec<(usize, Value)> = match &node.op {
            Op::Each { .. } => {
                let active = node.results.iter().enumerate().filter(|(_, r)| self.adjoints.contains_key(r));
                active.map(|(k, r)| (k, self.adjoints[r])).collect()
            }
            _ => Vec::new(),
        };
        let tys: Vec<Type> = start.iter().map(|v| self.b.ty(*v).clone()).collect();
        let (from, to, last) = (self.b.int(0), self.count(node), self.b.int(1));
        let last = self.b.binary(Binary::Sub, to, last);
        let params = self.b.open_loop(from, to, tys.clone());
        let row = match &node.op {
            Op::Each { .. } => params[0],
            _ => self.b.binary(Binary::Sub, last, params[0]),
        };
        let (at, adjoints) = (self.at.clone(), self.adjoints.clone());
        for (v, _) in &kept {
            let value = self.b.row(self.at[v], row);
            self.at.insert(*v, value);
        }
        let index = self.b.binary(Binary::Add, row, first);
        self.at.insert(body.params[0], index);
        self.remake(node, body);
        for (v, param) in outside.iter().zip(&params[1 + carried.len()..]) {
            self.adjoints.insert(*v, *param);
        }
        for (k, param) in carried.iter().zip(&params[1..]) {
            self.add(body.results[*k], *param);
        }
        for (k, stack) in rows {
            let adjoint = self.b.row(stack, row);
            self.add(body.results[k], adjoint);
        }
        self.nested += 1;
        self.backward(body)?;
        self.nested -= 1;
        let mut results: Vec<Value> = carried.iter().map(|k| self.adjoint(body.params[1 + k])).collect();
        results.extend(outside.iter().map(|v| self.adjoint(*v)).collect::<Vec<_>>());
        let body = Block { params, ..self.b.close(results) };
        (self.at, self.adjoints) = (at, adjoints);
        let results = self.b.push_many(Op::Loop { from, to, init: start, body }, tys);
        for (v, new) in outside.iter().zip(&results[carried.len()..]) {
            self.adjoints.insert(*v, *new);
        }
        for (k, new) in carried.iter().zip(&results) {
            self.add(init[*k], *new);
        }
        Ok(())
    }

    fn backward_if(&mut self, node: &Node) -> Fails<()> {
        let Op::If { cond, then, otherwise } = &node.op else { return Ok(()) };
        let outside = self.outside(node);
        let (at, adjoints) = (self.at.clone(), self.adjoints.clone());
        let mut sides = Vec::new();
        for block in [then, otherwise] {
            self.b.open(Scope::Branch, []);
            self.remake(node, block);
            for (result, inner) in node.results.iter().zip(&block.results) {
                if let Some(adjoint) = adjoints.get(result) {
                    self.add(*inner, *adjoint);
                }
            }
            self.nested += 1;
            self.backward(block)?;
            self.nested -= 1;
            let results = outside.iter().map(|v| self.adjoint(*v)).collect();
            sides.push(self.b.close(results));
            (self.at, self.adjoints) = (at.clone(), adjoints.clone());
        }
        let otherwise = sides.pop().unwrap_or_default();
        let then = sides.pop().unwrap_or_default();
        let tys: Vec<Type> = outside.iter().map(|v| self.b.ty(*v).clone()).collect();
        let cond = self.get(*cond);
        let results = self.b.push_many(Op::If { cond, then, otherwise }, tys);
        self.adjoints.extend(outside.into_iter().zip(results));
        Ok(())
    }
}

/// Every value that a block and those inside it define, parameters of those inside included.
fn defined(block: &Block) -> HashSet<Value> {
    let mut all = HashSet::new();
    for node in &block.ops {
        all.extend(&node.results);
        for inner in node.op.blocks() {
            all.extend(&inner.params);
            all.extend(defined(inner));
        }
    }
    all
}
