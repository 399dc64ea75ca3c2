//! Evaluation at compile time, where a constant is needed: integers and `bool`s, arrays and tuples of them, through
//! functions, loops and branches, for a bounded number of steps.

use motet_program::data::Elem;

use super::context::{Body, Checked, Reported};
use super::number;
use super::tree::*;
use crate::diagnostics::Diagnostic;
use crate::parse::ast::{BinaryOp, UnaryOp};
use crate::source::Span;

/// Most steps of one evaluation.
const MAX_STEPS: u64 = 2_000_000;

/// A value.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    /// Ring bits of one element.
    One(Elem, u64),
    /// The rows of a tensor, or the parts of a tuple or struct.
    Many(Vec<Value>),
}

/// Why there is no value.
enum Stop {
    /// It is known only when running.
    Unknown,
    /// It depends on a dimension that is not known.
    Symbolic,
    /// It takes too many steps.
    TooLong(Span),
    /// It fails whatever is done.
    Fault(&'static str, Span),
    /// `return` was met.
    Return(Value),
}

impl Body<'_, '_> {
    /// The value of an expression as a constant expression; `None` where it is known only when running.
    pub fn evaluate(&mut self, e: &Expr) -> Checked<Option<Expr>> {
        let mut evaluator = Evaluator { functions: &self.checker.functions, locals: Vec::new(), steps: 0 };
        match evaluator.expr(e) {
            Ok(value) => Ok(value.into_expr(&e.ty, e.span)),
            Err(Stop::Unknown | Stop::Return(_)) => Ok(None),
            Err(Stop::Symbolic) if self.checker.symbolic => Err(Reported),
            Err(Stop::Symbolic) => Ok(None),
            Err(Stop::TooLong(span)) => {
                let message = format!("this takes more than {MAX_STEPS} steps when compiling");
                let diagnostic = Diagnostic::error("too-large", message, e.span, "this must be known when compiling");
                Err(self.report(if span == e.span {
                    diagnostic
                } else {
                    diagnostic.label(span, "the limit is reached here")
                }))
            }
            Err(Stop::Fault(what, span)) => Err(self.error("int-arithmetic", what, span, "when this is evaluated")),
        }
    }
}

impl Value {
    fn into_expr(self, ty: &Ty, span: Span) -> Option<Expr> {
        let kind = match (self, ty) {
            (Value::One(_, ring), Ty::Scalar(_)) => ExprKind::Const(ring),
            (Value::Many(rows), Ty::Tensor(..)) => {
                let (_, row) = super::types::row(ty)?;
                ExprKind::Array(rows.into_iter().map(|r| r.into_expr(&row, span)).collect::<Option<_>>()?)
            }
            (Value::Many(parts), Ty::Tuple(types)) => {
                let parts = parts.into_iter().zip(types).map(|(p, t)| p.into_expr(t, span));
                ExprKind::Aggregate(parts.collect::<Option<_>>()?)
            }
            (Value::Many(parts), Ty::Struct(s)) => {
                let parts = parts.into_iter().zip(&s.fields).map(|(p, (_, t))| p.into_expr(t, span));
                ExprKind::Aggregate(parts.collect::<Option<_>>()?)
            }
            _ => return None,
        };
        Some(Expr { kind, ty: ty.clone(), span })
    }

    fn int(&self) -> Option<i64> {
        match self {
            Value::One(elem, ring) => i64::try_from(elem.number(*ring)).ok(),
            Value::Many(_) => None,
        }
    }
}

struct Evaluator<'a> {
    functions: &'a [Function],
    locals: Vec<Option<Value>>,
    steps: u64,
}

impl Evaluator<'_> {
    fn step(&mut self, n: u64, span: Span) -> Result<(), Stop> {
        self.steps = self.steps.saturating_add(n);
        if self.steps > MAX_STEPS { Err(Stop::TooLong(span)) } else { Ok(()) }
    }

    fn expr(&mut self, e: &Expr) -> Result<Value, Stop> {
        self.step(1, e.span)?;
        match &e.kind {
            ExprKind::Const(ring) => Ok(Value::One(scalar(&e.ty)?, *ring)),
            ExprKind::Dim(d) => match d.known() {
                Some(n) => Ok(Value::One(Elem::Int, n as u64)),
                None => Err(Stop::Symbolic),
            },
            ExprKind::Local(id) => self.locals.get(id.0 as usize).cloned().flatten().ok_or(Stop::Unknown),
            ExprKind::Unary(op, of) => {
                let of = self.expr(of)?;
                each(&of, &mut |elem, ring| unary(*op, elem, ring, e.span))
            }
            ExprKind::Binary(op, l, r) => self.binary(*op, l, r, e.span),
            ExprKind::Cast(of) | ExprKind::Coerce(of) => {
                let checked = matches!(e.kind, ExprKind::Coerce(_));
                let to = e.ty.elem().ok_or(Stop::Unknown)?;
                let of = self.expr(of)?;
                each(&of, &mut |elem, ring| convert(elem, ring, to, checked, e.span))
            }
            ExprKind::Call { function, lead, args } if lead.is_empty() => self.call(*function, args),
            ExprKind::Index(base, indices) => {
                let base = self.expr(base)?;
                self.index(base, indices, e.span)
            }
            ExprKind::Field(base, i) => match self.expr(base)? {
                Value::Many(parts) if !matches!(base.ty, Ty::Tensor(..)) => {
                    parts.into_iter().nth(*i).ok_or(Stop::Unknown)
                }
                _ => Err(Stop::Unknown),
            },
            ExprKind::Aggregate(parts) | ExprKind::Array(parts) => {
                Ok(Value::Many(parts.iter().map(|p| self.expr(p)).collect::<Result<_, _>>()?))
            }
            ExprKind::Repeat(of, n) => {
                let n = self.length(n, e.span)?;
                let of = self.expr(of)?;
                Ok(Value::Many(vec![of; n]))
            }
            ExprKind::If { cond, then, otherwise } => match self.expr(cond)?.int() {
                Some(0) => self.expr(otherwise),
                Some(_) => self.expr(then),
                None => Err(Stop::Unknown),
            },
            ExprKind::Block(stmts, value) => {
                for stmt in stmts {
                    self.stmt(stmt)?;
                }
                value.as_ref().map_or(Ok(Value::Many(Vec::new())), |v| self.expr(v))
            }
            ExprKind::Builtin(builtin, args) => self.builtin(builtin, args, &e.ty, e.span),
            ExprKind::Map { xs, closure } => {
                let values = xs.iter().map(|x| self.expr(x)).collect::<Result<Vec<_>, _>>()?;
                self.map(closure, &values, xs[0].ty.shape().len())
            }
            ExprKind::Fold { start, xs, closure } => {
                let mut acc = self.expr(start)?;
                let Value::Many(rows) = self.expr(xs)? else { return Err(Stop::Unknown) };
                if matches!(xs.ty, Ty::Tuple(_)) {
                    return Err(Stop::Unknown);
                }
                for row in rows {
                    self.bind(&closure.params[0], acc);
                    self.bind(&closure.params[1], row);
                    acc = self.expr(&closure.body)?;
                }
                Ok(acc)
            }
            ExprKind::Call { .. } | ExprKind::Extern(..) | ExprKind::Grad { .. } => Err(Stop::Unknown),
        }
    }

    fn length(&mut self, n: &super::dim::Dim, span: Span) -> Result<usize, Stop> {
        let n = u64::try_from(n.known().ok_or(Stop::Symbolic)?).map_err(|_| Stop::Unknown)?;
        self.step(n, span)?;
        Ok(n as usize)
    }

    fn binary(&mut self, op: BinaryOp, l: &Expr, r: &Expr, span: Span) -> Result<Value, Stop> {
        let left = self.expr(l)?;
        match (op, left.int()) {
            (BinaryOp::And, Some(0)) | (BinaryOp::Or, Some(1)) => return Ok(left),
            _ => {}
        }
        let right = self.expr(r)?;
        self.zip(&left, &right, &mut |a, x, b, y| number::binary(op, a, x, b, y).map_err(|f| fault(f, span)), span)
    }

    /// Element by element; a scalar goes with every element of the other.
    fn zip(
        &mut self,
        a: &Value,
        b: &Value,
        f: &mut impl FnMut(Elem, u64, Elem, u64) -> Result<(Elem, u64), Stop>,
        span: Span,
    ) -> Result<Value, Stop> {
        self.step(1, span)?;
        match (a, b) {
            (Value::One(a, x), Value::One(b, y)) => f(*a, *x, *b, *y).map(|(e, r)| Value::One(e, r)),
            (Value::Many(xs), Value::One(..)) => {
                Ok(Value::Many(xs.iter().map(|x| self.zip(x, b, f, span)).collect::<Result<_, _>>()?))
            }
            (Value::One(..), Value::Many(ys)) => {
                Ok(Value::Many(ys.iter().map(|y| self.zip(a, y, f, span)).collect::<Result<_, _>>()?))
            }
            (Value::Many(xs), Value::Many(ys)) if xs.len() == ys.len() => {
                Ok(Value::Many(xs.iter().zip(ys).map(|(x, y)| self.zip(x, y, f, span)).collect::<Result<_, _>>()?))
            }
            _ => Err(Stop::Unknown),
        }
    }

    fn call(&mut self, function: FunctionId, args: &[(Expr, bool)]) -> Result<Value, Stop> {
        let values = args.iter().map(|(a, _)| self.expr(a)).collect::<Result<Vec<_>, _>>()?;
        let functions = self.functions;
        let function = functions.get(function.0 as usize).ok_or(Stop::Unknown)?;
        let mut locals = vec![None; function.locals.len()];
        for (param, value) in function.params.iter().zip(values) {
            locals[param.0 as usize] = Some(value);
        }
        let outer = std::mem::replace(&mut self.locals, locals);
        let result = match self.expr(&function.body) {
            Err(Stop::Return(value)) => Ok(value),
            other => other,
        };
        self.locals = outer;
        result
    }

    fn index(&mut self, base: Value, indices: &[Index], span: Span) -> Result<Value, Stop> {
        let Some((first, rest)) = indices.split_first() else { return Ok(base) };
        let Value::Many(rows) = base else { return Err(Stop::Unknown) };
        match first {
            Index::At(e) => {
                let i = self.expr(e)?.int().and_then(|i| usize::try_from(i).ok());
                let row = i.and_then(|i| rows.into_iter().nth(i));
                self.index(row.ok_or(Stop::Fault("this index is out of range", e.span))?, rest, span)
            }
            Index::All => self.each_row(rows, rest, span),
            Index::Range(start, len) => {
                let len = self.length(len, span)?;
                let from = self.expr(start)?.int().and_then(|i| usize::try_from(i).ok());
                let part = from.and_then(|f| rows.get(f..f.checked_add(len)?).map(<[Value]>::to_vec));
                self.each_row(part.ok_or(Stop::Fault("this slice is out of range", start.span))?, rest, span)
            }
        }
    }

    fn each_row(&mut self, rows: Vec<Value>, rest: &[Index], span: Span) -> Result<Value, Stop> {
        self.step(rows.len() as u64, span)?;
        Ok(Value::Many(rows.into_iter().map(|r| self.index(r, rest, span)).collect::<Result<_, _>>()?))
    }

    fn map(&mut self, closure: &Closure, xs: &[Value], rank: usize) -> Result<Value, Stop> {
        if rank == 0 {
            for (param, x) in closure.params.iter().zip(xs) {
                self.bind(param, x.clone());
            }
            return self.expr(&closure.body);
        }
        let Some(Value::Many(first)) = xs.first() else { return Err(Stop::Unknown) };
        let rows = (0..first.len()).map(|i| {
            let row = xs.iter().map(|x| match x {
                Value::Many(rows) => rows.get(i).cloned().ok_or(Stop::Unknown),
                Value::One(..) => Err(Stop::Unknown),
            });
            self.map(closure, &row.collect::<Result<Vec<_>, _>>()?, rank - 1)
        });
        Ok(Value::Many(rows.collect::<Result<_, _>>()?))
    }

    fn builtin(&mut self, builtin: &Builtin, args: &[Expr], ty: &Ty, span: Span) -> Result<Value, Stop> {
        match (builtin, args) {
            (Builtin::Zeros, []) => self.filled(Value::One(scalar_or(ty)?, 0), ty, span),
            (Builtin::Ones, []) => {
                let one = convert(Elem::Int, 1, scalar_or(ty)?, false, span)?;
                self.filled(Value::One(one.0, one.1), ty, span)
            }
            (Builtin::Full, [v]) => {
                let v = self.expr(v)?;
                self.filled(v, ty, span)
            }
            (Builtin::Iota, []) => {
                let n = self.length(ty.shape().first().ok_or(Stop::Unknown)?, span)?;
                Ok(Value::Many((0..n).map(|i| Value::One(Elem::Int, i as u64)).collect()))
            }
            (Builtin::Min | Builtin::Max, [a, b]) => {
                let (a, b) = (self.expr(a)?, self.expr(b)?);
                let max = *builtin == Builtin::Max;
                let pick = |e: Elem, x: u64, y: u64| if (e.number(x) < e.number(y)) == max { y } else { x };
                self.zip(&a, &b, &mut |e, x, _, y| Ok((e, pick(e, x, y))), span)
            }
            (Builtin::Abs, [x]) => {
                let x = self.expr(x)?;
                each(&x, &mut |e, ring| match e.signed() && e.number(ring) < 0 {
                    true => unary(UnaryOp::Neg, e, ring, span),
                    false => Ok((e, ring)),
                })
            }
            (Builtin::WithSlope, [y, ..]) => self.expr(y),
            (Builtin::Concat, parts) => {
                let mut rows = Vec::new();
                for part in parts {
                    let Value::Many(more) = self.expr(part)? else { return Err(Stop::Unknown) };
                    rows.extend(more);
                }
                Ok(Value::Many(rows))
            }
            (Builtin::Stack, parts) => Ok(Value::Many(parts.iter().map(|p| self.expr(p)).collect::<Result<_, _>>()?)),
            _ => Err(Stop::Unknown),
        }
    }

    fn filled(&mut self, v: Value, ty: &Ty, span: Span) -> Result<Value, Stop> {
        let mut out = v;
        let mut count = 1u64;
        for d in ty.shape().iter().rev() {
            let n = u64::try_from(d.known().ok_or(Stop::Symbolic)?).map_err(|_| Stop::Unknown)?;
            count = count.saturating_mul(n.max(1));
            self.step(count, span)?;
            out = Value::Many(vec![out; n as usize]);
        }
        Ok(out)
    }

    fn bind(&mut self, pattern: &Pattern, value: Value) {
        match (pattern, value) {
            (Pattern::Local(id), value) => {
                let index = id.0 as usize;
                if self.locals.len() <= index {
                    self.locals.resize(index + 1, None);
                }
                self.locals[index] = Some(value);
            }
            (Pattern::Tuple(parts), Value::Many(values)) => {
                parts.iter().zip(values).for_each(|(p, v)| self.bind(p, v));
            }
            _ => {}
        }
    }

    fn stmt(&mut self, stmt: &Stmt) -> Result<(), Stop> {
        self.step(1, stmt.span)?;
        match &stmt.kind {
            StmtKind::Let(pattern, e) => {
                let value = self.expr(e)?;
                self.bind(pattern, value);
            }
            StmtKind::Assign(place, e) => {
                let value = self.expr(e)?;
                let old = self.locals.get(place.local.0 as usize).cloned().flatten().ok_or(Stop::Unknown)?;
                let new = self.assigned(old, &place.path, value, stmt.span)?;
                self.locals[place.local.0 as usize] = Some(new);
            }
            StmtKind::Range { pattern, from, to, body } => {
                let bounds = self.expr(from)?.int().zip(self.expr(to)?.int());
                let (from, to) = bounds.ok_or(Stop::Unknown)?;
                for i in from..to {
                    self.bind(pattern, Value::One(Elem::Int, i as u64));
                    self.expr(body)?;
                }
            }
            StmtKind::Rows { pattern, xs, body } => {
                let Value::Many(rows) = self.expr(xs)? else { return Err(Stop::Unknown) };
                if matches!(xs.ty, Ty::Tuple(_)) {
                    return Err(Stop::Unknown);
                }
                for row in rows {
                    self.bind(pattern, row);
                    self.expr(body)?;
                }
            }
            StmtKind::Return(e) => return Err(Stop::Return(self.expr(e)?)),
            StmtKind::Expr(e) => {
                self.expr(e)?;
            }
        }
        Ok(())
    }

    /// A value with a part of it replaced.
    fn assigned(&mut self, old: Value, path: &[Step], new: Value, span: Span) -> Result<Value, Stop> {
        let Some((step, rest)) = path.split_first() else { return Ok(new) };
        let Value::Many(mut parts) = old else { return Err(Stop::Unknown) };
        self.step(parts.len() as u64, span)?;
        let i = match step {
            Step::Field(i) => *i,
            Step::Index(indices) => match indices.as_slice() {
                [Index::At(e)] => {
                    let i = self.expr(e)?.int().and_then(|i| usize::try_from(i).ok());
                    i.filter(|i| *i < parts.len()).ok_or(Stop::Fault("this index is out of range", e.span))?
                }
                _ => return Err(Stop::Unknown),
            },
        };
        let part = parts.get(i).cloned().ok_or(Stop::Unknown)?;
        parts[i] = self.assigned(part, rest, new, span)?;
        Ok(Value::Many(parts))
    }
}

fn scalar(ty: &Ty) -> Result<Elem, Stop> {
    match ty {
        Ty::Scalar(e) => Ok(*e),
        _ => Err(Stop::Unknown),
    }
}

fn scalar_or(ty: &Ty) -> Result<Elem, Stop> {
    ty.elem().ok_or(Stop::Unknown)
}

fn fault(f: number::Fault, span: Span) -> Stop {
    match f {
        number::Fault::Overflow => Stop::Fault("this is outside of the 64 bits of an `int`", span),
        number::Fault::Division => Stop::Fault("this divides by zero", span),
        number::Fault::Unsupported => Stop::Unknown,
    }
}

/// Element by element.
fn each(v: &Value, f: &mut impl FnMut(Elem, u64) -> Result<(Elem, u64), Stop>) -> Result<Value, Stop> {
    match v {
        Value::One(e, ring) => f(*e, *ring).map(|(e, r)| Value::One(e, r)),
        Value::Many(parts) => Ok(Value::Many(parts.iter().map(|p| each(p, f)).collect::<Result<_, _>>()?)),
    }
}

fn unary(op: UnaryOp, elem: Elem, ring: u64, span: Span) -> Result<(Elem, u64), Stop> {
    match (op, elem) {
        (UnaryOp::Neg, Elem::Int) => match (ring as i64).checked_neg() {
            Some(n) => Ok((elem, n as u64)),
            None => Err(fault(number::Fault::Overflow, span)),
        },
        (UnaryOp::Neg, _) => Ok((elem, ring.wrapping_neg() & elem.mask())),
        (UnaryOp::Not, _) => Ok((elem, !ring & elem.mask())),
    }
}

/// `as` and, where `checked`, the conversion of an `int` to what is asked for.
fn convert(from: Elem, ring: u64, to: Elem, checked: bool, span: Span) -> Result<(Elem, u64), Stop> {
    if checked {
        let ring = super::literals::integer_ring(from.number(ring), to);
        return ring.map(|r| (to, r)).ok_or(Stop::Fault("this number is out of the range of its type", span));
    }
    match (from, to) {
        (Elem::Fix { .. }, _) => Err(Stop::Unknown),
        (_, Elem::Fix { frac, .. }) => Ok((to, ((from.number(ring) as u64) << frac) & to.mask())),
        (_, Elem::Int) => match i64::try_from(from.number(ring)) {
            Ok(n) => Ok((to, n as u64)),
            Err(_) => Err(fault(number::Fault::Overflow, span)),
        },
        _ => Ok((to, from.number(ring) as u64 & to.mask())),
    }
}
