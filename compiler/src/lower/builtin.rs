//! Built-in operations. Those on shapes act on each leaf; a tensor of structs has its own axes in front of a leaf's.

use motet_program::data::{Elem, Type};
use motet_program::ir::{Binary, Conv2d, Op, Reduction, Unary, Value};

use super::types::one;
use super::{Fails, Lowerer};
use crate::typed::tree::{Builtin, Expr};

impl<'t> Lowerer<'t> {
    pub(super) fn builtin(&mut self, builtin: &'t Builtin, args: &'t [Expr], expr: &'t Expr) -> Fails<Vec<Value>> {
        let operands = self.all(args)?;
        let tys = self.leaves(&expr.ty, expr.span)?;
        // The leaves of the only, or first, operand with the result's types.
        let first = || operands.first().into_iter().flatten().copied().zip(tys.iter().cloned());
        Ok(match builtin {
            Builtin::Zeros => tys.into_iter().map(|ty| self.b.constant(0, ty)).collect(),
            Builtin::Ones => tys.into_iter().map(|ty| self.b.constant(one(ty.elem), ty)).collect(),
            Builtin::Iota => tys.into_iter().map(|ty| self.b.iota(ty.shape[0])).collect(),
            Builtin::Full => first().map(|(v, ty)| self.b.broadcast(v, &ty.shape)).collect(),
            Builtin::Concat => (0..tys.len())
                .map(|leaf| {
                    let parts = operands.iter().map(|o| o[leaf]).collect();
                    self.b.concat(parts, 0)
                })
                .collect(),
            Builtin::Stack => self.stack(&operands, expr)?,
            Builtin::Zip => operands.concat(),
            Builtin::WithSlope => operands[0].clone(),
            Builtin::Reshape => first().map(|(v, ty)| self.b.reshape(v, ty.shape)).collect(),
            Builtin::Broadcast => {
                let (from, to) = (args[0].ty.shape().len(), expr.ty.shape().len());
                let broadcast = first().map(|(v, ty)| self.aligned(v, from, to, &ty));
                broadcast.collect()
            }
            Builtin::Transpose(perm) => {
                let rank = args[0].ty.shape().len();
                first().map(|(v, _)| self.transposed(v, rank, perm)).collect()
            }
            Builtin::Slice { axis } => {
                let start = self.b.cast(operands[1][0], Elem::Int);
                first().map(|(v, ty)| self.b.slice_axis(v, *axis, start, ty.shape[*axis])).collect()
            }
            Builtin::Gather => {
                let (indices, secret) = (operands[1][0], self.is_secret(&args[1]));
                first().map(|(v, ty)| self.gather(v, indices, secret, ty)).collect()
            }
            Builtin::Pad(widths) => {
                let mut numbers = Vec::new();
                for [before, after] in widths {
                    numbers.push([self.dim(before, expr.span)?, self.dim(after, expr.span)?]);
                }
                let (value, fill) = (operands[0][0], operands[1][0]);
                tys.into_iter().map(|ty| self.b.push(Op::Pad { value, fill, widths: numbers.clone() }, ty)).collect()
            }
            Builtin::MatMul => vec![self.matmul(operands[0][0], operands[1][0])],
            Builtin::Dot => vec![self.matmul(operands[0][0], operands[1][0])],
            Builtin::Conv2d { stride, padding, dilation, groups } => {
                let conv = Conv2d { stride: *stride, dilation: *dilation, groups: *groups };
                vec![self.conv2d(operands[0][0], operands[1][0], *padding, conv, tys[0].clone())]
            }
            Builtin::Sum(axis) => vec![self.reduce(Reduction::Add, operands[0][0], *axis)],
            Builtin::ReduceMin(axis) => vec![self.reduce(Reduction::Min, operands[0][0], *axis)],
            Builtin::ReduceMax(axis) => vec![self.reduce(Reduction::Max, operands[0][0], *axis)],
            Builtin::Min => vec![self.pair(Binary::Min, operands[0][0], operands[1][0], &tys[0])],
            Builtin::Max => vec![self.pair(Binary::Max, operands[0][0], operands[1][0], &tys[0])],
            Builtin::Abs => first().map(|(v, _)| self.b.unary(Unary::Abs, v)).collect(),
            Builtin::Select => {
                let cond = operands[0][0];
                let sides = operands[1].iter().zip(&operands[2]).zip(tys);
                sides
                    .map(|((a, b), ty)| {
                        let cond = self.b.broadcast(cond, &ty.shape);
                        let (a, b) = (self.b.broadcast(*a, &ty.shape), self.b.broadcast(*b, &ty.shape));
                        self.b.select(cond, a, b)
                    })
                    .collect()
            }
            Builtin::Reveal => first()
                .map(|(v, ty)| match ty.elem {
                    Elem::Int => v,
                    _ => self.b.push(Op::Reveal(v), ty),
                })
                .collect(),
            Builtin::Assert => self.b.push_many(Op::Assert(operands[0][0]), []),
            Builtin::RandomPublic => {
                let bound = operands[0][0];
                tys.into_iter().map(|ty| self.b.push(Op::RandomPublic(bound), ty)).collect()
            }
        })
    }

    /// To the type, the first `from` of the value's axes being aligned with the first `to` of the result's.
    fn aligned(&mut self, v: Value, from: usize, to: usize, ty: &Type) -> Value {
        let shape = self.b.shape(v);
        let padded = std::iter::repeat_n(1, to - from).chain(shape.iter().copied()).collect();
        let v = self.b.reshape(v, padded);
        self.b.broadcast(v, &ty.shape)
    }

    fn transposed(&mut self, v: Value, rank: usize, perm: &[usize]) -> Value {
        let mut all: Vec<u8> = (0..self.b.shape(v).len() as u8).collect();
        match perm {
            [] if rank >= 2 => all.swap(rank - 2, rank - 1),
            perm => perm.iter().enumerate().for_each(|(axis, p)| all[axis] = *p as u8),
        }
        self.b.transpose(v, all)
    }

    fn gather(&mut self, v: Value, indices: Value, secret: bool, ty: Type) -> Value {
        if !secret {
            let indices = self.b.cast(indices, Elem::Int);
            return self.b.gather(v, indices);
        }
        // A read for each index.
        let count = self.b.ty(indices).count();
        let flat = self.b.reshape(indices, vec![count]);
        let (from, to) = (self.b.int(0), self.b.int(count as i64));
        let params = self.b.open_loop(from, to, []);
        let index = self.b.row(flat, params[0]);
        let row = self.b.read(v, index);
        let stacked = Type { elem: ty.elem, shape: [&[count], self.b.shape(row).as_slice()].concat() };
        let body = self.b.close(vec![row]);
        let rows = self.iterations(count, body, vec![stacked]);
        self.b.reshape(rows[0], ty.shape)
    }

    /// NumPy's `matmul`: vectors stand for a row or a column, leading axes are broadcast.
    fn matmul(&mut self, a: Value, b: Value) -> Value {
        let (sa, sb) = (self.b.shape(a).clone(), self.b.shape(b).clone());
        let elem = self.b.elem(a);
        let a = if sa.len() == 1 { self.b.reshape(a, vec![1, sa[0]]) } else { a };
        let b = if sb.len() == 1 { self.b.reshape(b, vec![sb[0], 1]) } else { b };
        let (ra, rb) = (self.b.shape(a).clone(), self.b.shape(b).clone());
        let ([lead_a @ .., m, k], [lead_b @ .., _, n]) = (&ra[..], &rb[..]) else { return a };
        let rank = lead_a.len().max(lead_b.len());
        let at = |lead: &[u64], axis: usize| (axis + lead.len()).checked_sub(rank).map_or(1, |axis| lead[axis]);
        let lead: Vec<u64> =
            (0..rank).map(|k| if at(lead_a, k) == 1 { at(lead_b, k) } else { at(lead_a, k) }).collect();
        let product = if lead_b.iter().all(|d| *d == 1) {
            // One matrix on the right: the left's leading axes are more rows.
            let rows = lead.iter().product::<u64>() * m;
            let a = self.b.reshape(a, vec![rows, *k]);
            let b = self.b.reshape(b, vec![*k, *n]);
            self.b.push(Op::MatMul(a, b), Type { elem, shape: vec![rows, *n] })
        } else {
            let a = self.b.broadcast(a, &[lead.as_slice(), &[*m, *k]].concat());
            let b = self.b.broadcast(b, &[lead.as_slice(), &[*k, *n]].concat());
            let shape = [lead.as_slice(), &[*m, *n]].concat();
            self.b.push(Op::MatMul(a, b), Type { elem, shape })
        };
        let rows = (sa.len() > 1).then_some(*m);
        let columns = (sb.len() > 1).then_some(*n);
        self.b.reshape(product, lead.into_iter().chain(rows).chain(columns).collect())
    }

    fn conv2d(&mut self, x: Value, w: Value, padding: [u64; 2], conv: Conv2d, ty: Type) -> Value {
        let mut padded = self.b.ty(x).clone();
        padded.shape[2] += 2 * padding[0];
        padded.shape[3] += 2 * padding[1];
        let fill = self.b.constant(0, Type::scalar(padded.elem));
        let widths = vec![[0, 0], [0, 0], [padding[0]; 2], [padding[1]; 2]];
        let x = self.b.push(Op::Pad { value: x, fill, widths }, padded);
        self.b.push(Op::Conv2d(x, w, conv), ty)
    }

    fn reduce(&mut self, op: Reduction, v: Value, axis: Option<usize>) -> Value {
        match axis {
            Some(axis) => self.b.reduce(op, v, axis),
            None => {
                let count = self.b.ty(v).count();
                let flat = self.b.reshape(v, vec![count]);
                self.b.reduce(op, flat, 0)
            }
        }
    }

    fn pair(&mut self, op: Binary, a: Value, b: Value, ty: &Type) -> Value {
        let (a, b) = (self.b.broadcast(a, &ty.shape), self.b.broadcast(b, &ty.shape));
        self.b.binary(op, a, b)
    }
}
