//! Evaluation in the clear: what parties do with public values and with their own, and a reference for the passes.
//!
//! `evaluate` takes one operation without blocks; `run` a whole program, core or finished, as if nothing were secret.

pub mod scalar;
pub mod structural;

mod batch;

use std::collections::HashMap;

use thiserror::Error;

use crate::data::{Elem, Tensor, Type};
use crate::ir::{Block, Constant, Node, Op, Program, Site, Value};

pub use batch::{conv2d, matmul, triangular};

/// Why an operation on public values has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// An index or slice outside its axis.
    #[error("index {index} is out of range for an axis of {size}{}", if *.len == 1 { String::new() } else { format!(" ({} elements are read from there)", .len) })]
    OutOfRange {
        /// The index, or the slice's start.
        index: i64,
        /// Length of the slice.
        len: u64,
        /// Size of the axis.
        size: u64,
    },
    /// `Int` arithmetic left 64 bits, or divided by zero.
    #[error("this `int` arithmetic overflows 64 bits or divides by zero")]
    Overflow,
    /// An `Int` does not fit the type asked for.
    #[error("{number} does not fit the type asked for ({elem:?})")]
    DoesNotFit {
        /// The number.
        number: i64,
        /// The type.
        elem: Elem,
    },
    /// `assert` of false.
    #[error("assertion failed")]
    Assert,
    /// `random_public` below a bound that is not positive.
    #[error("the bound of `random_public` must be positive, not {0}")]
    Bound(i64),
}

/// A fault and where in the source it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{fault}")]
pub struct ClearError {
    /// What happened.
    pub fault: Fault,
    /// Where.
    pub site: Site,
}

/// A source of public random words.
pub type Random<'a> = dyn FnMut() -> u64 + 'a;

/// Evaluates an operation without blocks. `types` are the types of all values (the plan's own included); operands come
/// from `get`, whose tensors have the types that `types` says. Results come in the order of `node.results`.
///
/// # Errors
/// Where an operation on public values has no result: see `Fault`.
pub fn evaluate<'a>(
    program: &Program,
    types: &[Type],
    node: &Node,
    get: &dyn Fn(Value) -> &'a Tensor,
    random: &mut Random<'_>,
) -> Result<Vec<Tensor>, ClearError> {
    operation(program, types, node, get, random).map_err(|fault| ClearError { fault, site: node.site })
}

fn operation<'a>(
    program: &Program,
    types: &[Type],
    node: &Node,
    get: &dyn Fn(Value) -> &'a Tensor,
    random: &mut Random<'_>,
) -> Result<Vec<Tensor>, Fault> {
    let Some(result) = node.results.first() else {
        if let Op::Assert(v) = node.op
            && get(v).data.first() != Some(&1)
        {
            return Err(Fault::Assert);
        }
        return Ok(Vec::new());
    };
    let ty = &types[result.0 as usize];
    let scalars = |vs: &[Value]| vs.iter().map(|v| get(*v).data[0] as i64).collect::<Vec<_>>();
    let tensor = match &node.op {
        Op::Const(constant) => materialise(constant, ty),
        Op::RandomPublic(bound) => random_below(get(*bound).data[0] as i64, ty, random)?,
        Op::Reveal(v) => get(*v).clone(),
        Op::Reshape(v) => Tensor { ty: ty.clone(), data: get(*v).data.clone() },
        Op::Broadcast(v) => structural::broadcast(get(*v), ty),
        Op::Transpose(v, perm) => structural::transpose(get(*v), perm, ty),
        Op::Slice(v, starts) => structural::slice(get(*v), &scalars(starts), ty)?,
        Op::Update { base, part, starts } => structural::update(get(*base).clone(), get(*part), &scalars(starts))?,
        Op::Concat(vs, axis) => {
            structural::concat(&vs.iter().map(|v| get(*v)).collect::<Vec<_>>(), usize::from(*axis), ty)
        }
        Op::Pad { value, fill, widths } => structural::pad(get(*value), get(*fill).data[0], widths, ty)?,
        Op::Gather(v, indices) => structural::gather(get(*v), get(*indices), ty)?,
        Op::MatMul(a, b) => batch::matmul(get(*a), get(*b), ty),
        Op::Conv2d(x, w, geometry) => batch::conv2d(get(*x), get(*w), geometry, ty),
        Op::Unary(op, v) => each(ty, &[get(*v)], |e| scalar::unary(*op, ty.elem, e[0]))?,
        Op::Binary(op, a, b) => {
            let (a, b) = (get(*a), get(*b));
            each(ty, &[a, b], |e| scalar::binary(*op, a.ty.elem, b.ty.elem, e[0], e[1]))?
        }
        Op::Cast(v) => each(ty, &[get(*v)], |e| Ok(scalar::cast(get(*v).ty.elem, ty.elem, e[0])))?,
        Op::Coerce(v) => each(ty, &[get(*v)], |e| scalar::coerce(ty.elem, e[0]))?,
        Op::Select(c, a, b) => each(ty, &[get(*c), get(*a), get(*b)], |e| Ok(if e[0] == 1 { e[1] } else { e[2] }))?,
        Op::Reduce(op, v, axis) => batch::reduce(*op, get(*v), usize::from(*axis), ty)?,
        Op::Read { table, index } => batch::read(get(*table), get(*index), ty),
        Op::Write { table, index, value } => batch::write(get(*table).clone(), get(*index), get(*value)),
        Op::Circuit { circuit, batch, args } => {
            let args: Vec<&Tensor> = args.iter().map(|v| get(*v)).collect();
            let types: Vec<&Type> = node.results.iter().map(|r| &types[r.0 as usize]).collect();
            return Ok(batch::circuit(
                &program.circuits[*circuit as usize].circuit,
                usize::from(*batch),
                &args,
                &types,
            ));
        }
        Op::Input { .. } | Op::Assert(_) | Op::Loop { .. } | Op::Each { .. } | Op::If { .. } => return Ok(Vec::new()),
    };
    Ok(vec![tensor])
}

/// A constant's tensor.
pub fn materialise(constant: &Constant, ty: &Type) -> Tensor {
    let data = match constant {
        Constant::Splat(word) => vec![*word; ty.count() as usize],
        Constant::Dense(words) => words.clone(),
        Constant::Iota => (0..ty.count()).collect(),
    };
    Tensor { ty: ty.clone(), data }
}

fn random_below(bound: i64, ty: &Type, random: &mut Random<'_>) -> Result<Tensor, Fault> {
    if bound <= 0 {
        return Err(Fault::Bound(bound));
    }
    // Words above the last multiple of the bound are drawn again, so that every number is equally likely.
    let bound = bound as u64;
    let last = u64::MAX - u64::MAX % bound;
    let mut draw = || loop {
        let word = random();
        if word < last {
            return word % bound;
        }
    };
    Ok(Tensor { ty: ty.clone(), data: (0..ty.count()).map(|_| draw()).collect() })
}

fn each(ty: &Type, operands: &[&Tensor], f: impl Fn([u64; 3]) -> Result<u64, Fault>) -> Result<Tensor, Fault> {
    let at = |o: usize, i: usize| operands.get(o).map_or(0, |t| t.data[i]);
    let count = ty.count() as usize;
    let data = (0..count).map(|i| f([at(0, i), at(1, i), at(2, i)])).collect::<Result<_, _>>()?;
    Ok(Tensor { ty: ty.clone(), data })
}

/// Runs a whole program in the clear: `inputs` are the leaves of each parameter. The results are the body's.
///
/// # Errors
/// Where an operation on public values has no result. Operations under secret conditions are evaluated as written.
pub fn run(program: &Program, inputs: &[Vec<Tensor>], random: &mut Random<'_>) -> Result<Vec<Tensor>, ClearError> {
    let mut run = Run { program, inputs, random, values: HashMap::new() };
    run.block(&program.body)
}

struct Run<'a, 'r> {
    program: &'a Program,
    inputs: &'a [Vec<Tensor>],
    random: &'a mut Random<'r>,
    values: HashMap<Value, Tensor>,
}

impl Run<'_, '_> {
    fn scalar(&self, v: Value) -> i64 {
        self.values[&v].data[0] as i64
    }

    fn block(&mut self, block: &Block) -> Result<Vec<Tensor>, ClearError> {
        for node in &block.ops {
            let results = self.node(node)?;
            self.values.extend(node.results.iter().copied().zip(results));
        }
        Ok(block.results.iter().map(|v| self.values[v].clone()).collect())
    }

    fn node(&mut self, node: &Node) -> Result<Vec<Tensor>, ClearError> {
        match &node.op {
            Op::Input { param, leaf } => Ok(vec![self.inputs[*param as usize][*leaf as usize].clone()]),
            Op::Loop { from, to, init, body } => {
                let mut carried: Vec<Tensor> = init.iter().map(|v| self.values[v].clone()).collect();
                for i in self.scalar(*from)..self.scalar(*to) {
                    self.values.insert(body.params[0], int_scalar(i));
                    self.values.extend(body.params[1..].iter().copied().zip(carried));
                    carried = self.block(body)?;
                }
                Ok(carried)
            }
            Op::Each { count, body } => {
                let mut stacked: Vec<Tensor> =
                    node.results.iter().map(|r| Tensor { ty: self.program.ty(*r).clone(), data: Vec::new() }).collect();
                for i in 0..*count {
                    self.values.insert(body.params[0], int_scalar(i as i64));
                    for (whole, row) in stacked.iter_mut().zip(self.block(body)?) {
                        whole.data.extend(row.data);
                    }
                }
                Ok(stacked)
            }
            Op::If { cond, then, otherwise } => {
                let side = if self.scalar(*cond) == 1 { then } else { otherwise };
                self.block(side)
            }
            _ => {
                let values = &self.values;
                evaluate(self.program, &self.program.values, node, &|v| &values[&v], self.random)
            }
        }
    }
}

fn int_scalar(i: i64) -> Tensor {
    Tensor { ty: Type::scalar(Elem::Int), data: vec![i as u64] }
}
