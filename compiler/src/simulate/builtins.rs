//! Built-in operations: which function computes each.

use motet_program::data::Elem;

use super::access::{self, Axis};
use super::elementwise;
use super::error::SimulateErrorKind as Kind;
use super::interpret::{Flow, Interpreter};
use super::linear::{self, Geometry};
use super::number;
use super::value::{Array, Stack, Value};
use crate::source::Span;
use crate::typed::tree::{Builtin, Expr};

type Result<T> = std::result::Result<T, Kind>;

impl<'t> Interpreter<'t> {
    /// Applies a built-in operation to its arguments; `rank` is the number of axes of the first one (its leaves have
    /// more where it is a tensor of structs).
    pub fn builtin(&mut self, builtin: &'t Builtin, args: Vec<Value>, rank: usize, e: &'t Expr) -> Flow<Value> {
        let span = e.span;
        self.room(&e.ty, span)?;
        let lead = self.shape(e.ty.shape(), span)?;
        match builtin {
            Builtin::Zeros => self.zero(&e.ty, span),
            Builtin::Ones => self.filled(&e.ty, span, &number::one),
            Builtin::Iota => Ok(Value::Leaf(access::iota(lead.iter().product()))),
            Builtin::Full | Builtin::Broadcast => {
                let x = self.one(args, span)?;
                self.at(
                    span,
                    each(&x, &mut |a| {
                        let inner = &a.shape[rank.min(a.shape.len())..];
                        let ones = vec![1; lead.len().saturating_sub(rank)];
                        let aligned = a.clone().reshaped([&ones, a.shape.as_slice()].concat());
                        elementwise::broadcast(&aligned, &[&lead, inner].concat())
                    }),
                )
            }
            Builtin::Reshape => {
                let x = self.one(args, span)?;
                self.at(
                    span,
                    each(&x, &mut |a| {
                        let shape = [&lead, &a.shape[rank.min(a.shape.len())..]].concat();
                        if shape.iter().product::<usize>() != a.data().len() {
                            return Err(Kind::Malformed("a reshape to another number of elements"));
                        }
                        Ok(a.clone().reshaped(shape))
                    }),
                )
            }
            Builtin::Zip => Ok(Value::Group(args)),
            Builtin::WithSlope => args.into_iter().next().ok_or_else(|| self.fail(Kind::Malformed("no value"), span)),
            Builtin::Concat => self.at(span, joined(&args, &mut |parts| access::concat(parts))),
            Builtin::Stack => {
                let mut stack = Stack::new();
                args.iter().for_each(|a| stack.push(a, args.len()));
                stack.finish().map_or_else(|| self.zero(&e.ty, span), Ok)
            }
            Builtin::Transpose(perm) => {
                let x = self.one(args, span)?;
                let perm = match perm.is_empty() && rank >= 2 {
                    true => (0..rank - 2).chain([rank - 1, rank - 2]).collect(),
                    false => perm.clone(),
                };
                self.at(
                    span,
                    each(&x, &mut |a| {
                        let whole: Vec<usize> = perm.iter().copied().chain(rank..a.shape.len()).collect();
                        access::transpose(a, &whole)
                    }),
                )
            }
            Builtin::Slice { axis } => {
                let [x, start] = self.two(args, span)?;
                let sliced = slice(&x, &start, *axis, &lead);
                self.at(span, sliced)
            }
            Builtin::Gather => Err(self.fail(Kind::Malformed("a gather of something that is no tensor"), span)),
            Builtin::Pad(widths) => {
                let [x, fill] = self.two(args, span)?;
                let mut sizes = Vec::with_capacity(widths.len());
                for [before, after] in widths {
                    sizes.push([self.dim(before, span)? as usize, self.dim(after, span)? as usize]);
                }
                self.at(span, leaf(&x).and_then(|x| access::pad(x, &sizes, leaf(&fill)?)).map(Value::Leaf))
            }
            Builtin::MatMul | Builtin::Dot => {
                let [a, b] = self.two(args, span)?;
                if let Value::Leaf(b) = &b {
                    let inner = b.shape.len().checked_sub(2).map_or(b.data().len(), |k| b.shape[k]);
                    self.spend(lead.iter().product::<usize>().saturating_mul(inner) as u64, span)?;
                }
                self.noting(&e.ty, span, |left| linear::matmul(leaf(&a)?, leaf(&b)?, left).map(Value::Leaf))
            }
            Builtin::Conv2d { stride, padding, dilation, groups } => {
                let [x, w] = self.two(args, span)?;
                let geometry = Geometry::of(*stride, *padding, *dilation, *groups);
                if let Value::Leaf(w) = &w {
                    let taps: usize = w.shape.iter().skip(1).product();
                    self.spend(lead.iter().product::<usize>().saturating_mul(taps) as u64, span)?;
                }
                self.noting(&e.ty, span, |left| linear::conv2d(leaf(&x)?, leaf(&w)?, &geometry, left).map(Value::Leaf))
            }
            Builtin::Sum(axis) => {
                let x = self.one(args, span)?;
                self.noting(&e.ty, span, |left| linear::sum(leaf(&x)?, *axis, left).map(Value::Leaf))
            }
            Builtin::ReduceMin(axis) | Builtin::ReduceMax(axis) => {
                let x = self.one(args, span)?;
                let greatest = matches!(builtin, Builtin::ReduceMax(_));
                self.at(span, leaf(&x).and_then(|x| linear::extreme(x, *axis, greatest)).map(Value::Leaf))
            }
            Builtin::Min | Builtin::Max => {
                let [a, b] = self.two(args, span)?;
                let greater = *builtin == Builtin::Max;
                let pair = leaf(&a).and_then(|a| elementwise::extreme(a, leaf(&b)?, greater));
                self.at(span, pair.map(Value::Leaf))
            }
            Builtin::Abs => {
                let x = self.one(args, span)?;
                self.at(span, leaf(&x).map(|a| Value::Leaf(elementwise::map(a, a.elem, |v| number::abs(v, a.elem)))))
            }
            Builtin::Select => {
                let [c, a, b]: [Value; 3] = self.exactly(args, span)?;
                self.at(span, leaf(&c).and_then(|c| elementwise::select(c, &a, &b)))
            }
            Builtin::Reveal => {
                let x = self.one(args, span)?;
                let mut elements = 0;
                x.for_each_leaf(&mut |a| elements += a.data().len() as u64);
                self.reports.reveal(span, elements);
                Ok(x)
            }
            Builtin::Assert => {
                let c = self.one(args, span)?;
                let holds = leaf(&c).map(|c| c.data().iter().all(|&b| b == 1));
                if self.at(span, holds)? { Ok(Value::unit()) } else { Err(self.fail(Kind::AssertFailed, span)) }
            }
            Builtin::RandomPublic => {
                let bound = self.one(args, span)?;
                let bound = leaf(&bound).map(|b| b.data()[0] as i64);
                let bound = self.at(span, bound)?;
                let Some(below) = u64::try_from(bound).ok().filter(|b| *b > 0) else {
                    return Err(self.fail(Kind::RandomBound(bound), span));
                };
                let numbers = (0..lead.iter().product::<usize>()).map(|_| self.random_below(below)).collect();
                Ok(Value::Leaf(Array::new(Elem::Int, lead, numbers)))
            }
        }
    }

    fn exactly<const N: usize>(&self, args: Vec<Value>, span: Span) -> Flow<[Value; N]> {
        args.try_into().map_err(|_| self.fail(Kind::Malformed("a built-in with other arguments"), span))
    }

    fn one(&self, args: Vec<Value>, span: Span) -> Flow<Value> {
        let [x] = self.exactly(args, span)?;
        Ok(x)
    }

    fn two(&self, args: Vec<Value>, span: Span) -> Flow<[Value; 2]> {
        self.exactly(args, span)
    }
}

/// The scalar or tensor that an argument is.
pub(super) fn leaf(value: &Value) -> Result<&Array> {
    match value {
        Value::Leaf(a) => Ok(a),
        Value::Group(_) => Err(Kind::Malformed("a group where a tensor is needed")),
    }
}

/// `f` of every leaf.
fn each(value: &Value, f: &mut impl FnMut(&Array) -> Result<Array>) -> Result<Value> {
    match value {
        Value::Leaf(a) => f(a).map(Value::Leaf),
        Value::Group(parts) => Ok(Value::Group(parts.iter().map(|p| each(p, f)).collect::<Result<_>>()?)),
    }
}

/// `f` of the leaves that stand at the same place in several values of one form.
fn joined(values: &[Value], f: &mut impl FnMut(&[&Array]) -> Result<Array>) -> Result<Value> {
    match values.first() {
        Some(Value::Leaf(_)) => f(&values.iter().map(leaf).collect::<Result<Vec<_>>>()?).map(Value::Leaf),
        Some(Value::Group(first)) => {
            let mut parts = Vec::with_capacity(first.len());
            for k in 0..first.len() {
                let mut column = Vec::with_capacity(values.len());
                for value in values {
                    match value {
                        Value::Group(parts) if k < parts.len() => column.push(parts[k].clone()),
                        _ => return Err(Kind::Malformed("values of different form")),
                    }
                }
                parts.push(joined(&column, f)?);
            }
            Ok(Value::Group(parts))
        }
        None => Err(Kind::Malformed("a concatenation of nothing")),
    }
}

/// `slice(x, axis, start, len)`: `shape` is the result's.
fn slice(x: &Value, start: &Value, axis: usize, shape: &[usize]) -> Result<Value> {
    let start = leaf(start)?;
    let start = start.elem.number(start.data()[0]);
    each(x, &mut |a| {
        let (Some(&len), true) = (shape.get(axis), axis < a.shape.len()) else {
            return Err(Kind::Malformed("an axis that is none"));
        };
        let mut axes: Vec<Axis> = a.shape[..=axis].iter().map(|&len| Axis { start: 0, len, kept: true }).collect();
        access::narrow(&mut axes[axis..], &[access::At::Range { start, len }])?;
        leaf(&access::read(&Value::Leaf(a.clone()), &axes, true)?).cloned()
    })
}
