//! The interpreter: expressions, calls, branches.

use motet_program::data::Elem;

use super::Options;
use super::access::{self, At, Axis};
use super::branch::Undo;
use super::builtins::leaf;
use super::elementwise;
use super::error::{Exit, SimulateErrorKind as Kind};
use super::reports::Reports;
use super::tape::{Computation, Tape, computes};
use super::value::{Array, Stack, Value};
use crate::parse::ast::BinaryOp;
use crate::secrecy::{InstanceId, Labels};
use crate::source::Span;
use crate::typed::dim::Dim;
use crate::typed::tree::{Builtin, Expr, ExprKind, Function, FunctionId, Index, Tree, Ty};

/// Deepest nesting of evaluations; `STACK` has room for it.
const MAX_DEPTH: usize = 20_000;
/// Bytes of stack that the interpreter's thread is given.
pub(super) const STACK: usize = 512 << 20;

/// A result, or why evaluation left early.
pub(super) type Flow<T> = std::result::Result<T, Exit<Value>>;

/// The state of a simulation.
pub(super) struct Interpreter<'t> {
    pub tree: &'t Tree,
    pub labels: &'t Labels,
    pub options: &'t Options,
    pub reports: Reports,
    /// The calls that are open, outermost first.
    pub calls: Vec<Span>,
    depth: usize,
    pub steps: u64,
    /// How many sides of secret branches are open whose results will not be taken.
    pub idle: usize,
    pub random: u64,
    /// What has been computed inside a `grad`, while one is open.
    pub tape: Option<Tape>,
}

/// A call's variables.
pub(super) struct Frame<'t> {
    pub function: &'t Function,
    pub instance: InstanceId,
    pub locals: Vec<Value>,
    /// On a side of a secret branch whose results will not be taken: what stood where it has assigned.
    pub undo: Option<Vec<Undo>>,
}

impl<'t> Interpreter<'t> {
    pub fn new(tree: &'t Tree, labels: &'t Labels, options: &'t Options) -> Self {
        Interpreter {
            tree,
            labels,
            options,
            reports: Reports::default(),
            calls: Vec::new(),
            depth: 0,
            steps: 0,
            idle: 0,
            random: options.seed,
            tape: None,
        }
    }

    /// Runs a function on its arguments.
    pub fn call(&mut self, id: FunctionId, instance: InstanceId, args: Vec<Value>) -> Flow<Value> {
        let function = &self.tree.functions[id.0 as usize];
        let locals = vec![Value::unit(); function.locals.len()];
        let mut frame = Frame { function, instance, locals, undo: None };
        for (param, arg) in function.params.iter().zip(args) {
            frame.locals[param.0 as usize] = arg;
        }
        match self.eval(&mut frame, &function.body) {
            Err(Exit::Return(value)) => Ok(value),
            other => other,
        }
    }

    /// The value of an expression.
    pub fn eval(&mut self, frame: &mut Frame<'t>, e: &'t Expr) -> Flow<Value> {
        self.spend(1, e.span)?;
        if self.depth >= MAX_DEPTH {
            return Err(self.fail(Kind::TooDeep(MAX_DEPTH), e.span));
        }
        self.depth += 1;
        let value = self.eval_kind(frame, e)?;
        self.depth -= 1;
        Ok(value)
    }

    fn eval_kind(&mut self, frame: &mut Frame<'t>, e: &'t Expr) -> Flow<Value> {
        let span = e.span;
        match &e.kind {
            ExprKind::Const(ring) => {
                let elem = self.elem(&e.ty, span)?;
                self.computed(Computation::Opaque, Vec::new(), span, |_, _| Ok(Value::scalar(elem, *ring)))
            }
            ExprKind::Dim(dim) => Ok(Value::scalar(Elem::Int, self.dim(dim, span)? as u64)),
            ExprKind::Local(id) => Ok(frame.locals[id.0 as usize].clone()),
            ExprKind::Unary(op, x) => {
                let x = self.eval(frame, x)?;
                self.computed(Computation::Negation, vec![x], span, |this, x| {
                    this.noting(&e.ty, span, |left| elementwise::unary(*op, &x[0], left))
                })
            }
            ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), a, b) => {
                let secret = self.is_secret(frame, a);
                let a = self.leaf(frame, a)?;
                let decides = u64::from(*op == BinaryOp::Or);
                if !secret && a.shape.is_empty() && a.data()[0] == decides {
                    return Ok(Value::Leaf(a));
                }
                let b = self.eval(frame, b)?;
                self.noting(&e.ty, span, |left| elementwise::binary(*op, &Value::Leaf(a), &b, left))
            }
            ExprKind::Binary(op, a, b) => {
                let (a, b) = (self.eval(frame, a)?, self.eval(frame, b)?);
                self.room(&e.ty, span)?;
                self.computed(Computation::Operator(*op), vec![a, b], span, |this, of| {
                    this.noting(&e.ty, span, |left| elementwise::binary(*op, &of[0], &of[1], left))
                })
            }
            ExprKind::Cast(x) => {
                let (x, to) = (self.eval(frame, x)?, self.elem(&e.ty, span)?);
                self.computed(Computation::Conversion, vec![x], span, |this, x| {
                    this.at(span, leaf(&x[0]).map(|x| Value::Leaf(elementwise::cast(x, to))))
                })
            }
            ExprKind::Coerce(x) => {
                let (x, to) = (self.eval(frame, x)?, self.elem(&e.ty, span)?);
                self.computed(Computation::Conversion, vec![x], span, |this, x| {
                    this.at(span, leaf(&x[0]).and_then(|x| elementwise::coerce(x, to)).map(Value::Leaf))
                })
            }
            ExprKind::Call { function, lead, args } => self.eval_call(frame, e, *function, lead, args),
            ExprKind::Extern(index, args) => {
                let args = args.iter().map(|a| self.eval(frame, a)).collect::<Flow<Vec<_>>>()?;
                let circuit = &self.tree.externs[*index].circuit;
                self.computed(Computation::Opaque, args, span, |this, args| {
                    let zero = this.zero(&e.ty, span)?;
                    this.at(span, super::circuit::evaluate(circuit, &args, zero))
                })
            }
            ExprKind::Builtin(Builtin::WithSlope, args) => self.with_slope(frame, args, span),
            ExprKind::Builtin(builtin, args) => {
                let rank = args.first().map_or(0, |a| a.ty.shape().len());
                let secret = args.get(1).is_some_and(|indices| self.is_secret(frame, indices));
                let args = args.iter().map(|a| self.eval(frame, a)).collect::<Flow<Vec<_>>>()?;
                if let (Builtin::Gather, [x, Value::Leaf(indices)]) = (builtin, args.as_slice()) {
                    self.room(&e.ty, span)?;
                    return self.at(span, access::gather(x, indices, secret));
                }
                if !computes(builtin) {
                    return self.builtin(builtin, args, rank, e);
                }
                let how = Computation::Builtin(builtin);
                self.computed(how, args, span, |this, args| this.builtin(builtin, args, rank, e))
            }
            ExprKind::Map { xs, closure } => {
                let operands = xs.iter().map(|x| self.eval(frame, x)).collect::<Flow<Vec<_>>>()?;
                let lead = self.shape(xs.first().map_or(&[], |x| x.ty.shape()), span)?;
                self.over(&lead, &e.ty, span, |this, point| {
                    for (pattern, operand) in closure.params.iter().zip(&operands) {
                        this.bind(frame, pattern, point(operand), span)?;
                    }
                    this.eval(frame, &closure.body)
                })
            }
            ExprKind::Fold { start, xs, closure } => {
                let [accumulator, row] = closure.params.as_slice() else {
                    return Err(self.fail(Kind::Malformed("a fold without two parameters"), span));
                };
                let mut value = self.eval(frame, start)?;
                let rows = self.rows(&xs.ty, span)?;
                let xs = self.eval(frame, xs)?;
                for r in 0..rows {
                    self.bind(frame, accumulator, value, span)?;
                    self.bind(frame, row, xs.row(r), span)?;
                    value = self.eval(frame, &closure.body)?;
                }
                Ok(value)
            }
            ExprKind::Grad { function, args, with_value } => self.gradient(frame, *function, args, *with_value, e),
            ExprKind::Index(base, indices) => self.eval_index(frame, base, indices, span),
            ExprKind::Field(base, field) => {
                if let Some(value) = peek(frame, e) {
                    return Ok(value.clone());
                }
                match self.eval(frame, base)? {
                    Value::Group(mut parts) if *field < parts.len() => Ok(parts.swap_remove(*field)),
                    _ => Err(self.fail(Kind::Malformed("a field of something that has none"), span)),
                }
            }
            ExprKind::Aggregate(parts) => {
                Ok(Value::Group(parts.iter().map(|p| self.eval(frame, p)).collect::<Flow<_>>()?))
            }
            ExprKind::Array(rows) => {
                self.room(&e.ty, span)?;
                let mut stack = Stack::new();
                for row in rows {
                    stack.push(&self.eval(frame, row)?, rows.len());
                }
                stack.finish().map_or_else(|| self.zero(&e.ty, span), Ok)
            }
            ExprKind::Repeat(row, count) => {
                let row = self.eval(frame, row)?;
                self.room(&e.ty, span)?;
                let count = self.dim(count, span)? as usize;
                let mut stack = Stack::new();
                (0..count).for_each(|_| stack.push(&row, count));
                stack.finish().map_or_else(|| self.zero(&e.ty, span), Ok)
            }
            ExprKind::If { cond, then, otherwise } => self.eval_if(frame, cond, then, otherwise),
            ExprKind::Block(stmts, value) => {
                for stmt in stmts {
                    self.run(frame, stmt)?;
                }
                value.as_ref().map_or(Ok(Value::unit()), |v| self.eval(frame, v))
            }
        }
    }

    fn eval_call(
        &mut self,
        frame: &mut Frame<'t>,
        e: &'t Expr,
        function: FunctionId,
        lead: &'t [Dim],
        args: &'t [(Expr, bool)],
    ) -> Flow<Value> {
        let values = args.iter().map(|(a, _)| self.eval(frame, a)).collect::<Flow<Vec<_>>>()?;
        let instance = self.labels.callee(frame.instance, e);
        self.calls.push(e.span);
        let result = if lead.is_empty() {
            self.call(function, instance, values)?
        } else {
            let lead = self.shape(lead, e.span)?;
            self.over(&lead, &e.ty, e.span, |this, point| {
                let args = args.iter().zip(&values).map(|((_, mapped), v)| if *mapped { point(v) } else { v.clone() });
                let args = args.collect();
                this.call(function, instance, args)
            })?
        };
        self.calls.pop();
        Ok(result)
    }

    /// Evaluates `f` once for each point of the leading axes and stacks what it gives; `f` is handed a function that
    /// takes that point's part of a value.
    fn over(
        &mut self,
        lead: &[usize],
        ty: &Ty,
        span: Span,
        mut f: impl FnMut(&mut Self, &dyn Fn(&Value) -> Value) -> Flow<Value>,
    ) -> Flow<Value> {
        self.room(ty, span)?;
        let count = lead.iter().product();
        let mut stack = Stack::new();
        for p in 0..count {
            let value = f(self, &|operand| access::point(operand, lead.len(), p))?;
            stack.push(&value, count);
        }
        match stack.finish() {
            Some(value) => {
                Ok(value.reshaped(&|shape| lead.iter().chain(shape.iter().skip(1)).copied().collect::<Vec<_>>()))
            }
            None => self.zero(ty, span),
        }
    }

    fn eval_index(&mut self, frame: &mut Frame<'t>, base: &'t Expr, indices: &'t [Index], span: Span) -> Flow<Value> {
        let mut axes = self.whole(base.ty.shape(), span)?;
        let value = if peek(frame, base).is_some() { None } else { Some(self.eval(frame, base)?) };
        let within = self.narrow(frame, &mut axes, indices, span)?;
        let read = match (&value, peek(frame, base)) {
            (Some(value), _) | (None, Some(value)) => access::read(value, &axes, within),
            (None, None) => Err(Kind::Malformed("an index into nothing")),
        };
        self.at(span, read)
    }

    /// Every axis whole.
    pub fn whole(&self, dims: &[Dim], span: Span) -> Flow<Vec<Axis>> {
        Ok(self.shape(dims, span)?.into_iter().map(|len| Axis { start: 0, len, kept: true }).collect())
    }

    /// Evaluates indices and narrows the axes: whether all secret ones are within range.
    pub fn narrow(&mut self, frame: &mut Frame<'t>, axes: &mut [Axis], indices: &'t [Index], span: Span) -> Flow<bool> {
        let mut at = Vec::with_capacity(indices.len());
        for index in indices {
            at.push(match index {
                Index::All => At::All,
                Index::At(i) => At::Index { index: self.number(frame, i)?, secret: self.is_secret(frame, i) },
                Index::Range(start, len) => {
                    At::Range { start: self.number(frame, start)?, len: self.dim(len, span)? as usize }
                }
            });
        }
        let within = access::narrow(axes, &at);
        self.at(span, within)
    }

    /// The scalar or tensor that an expression gives.
    pub fn leaf(&mut self, frame: &mut Frame<'t>, e: &'t Expr) -> Flow<Array> {
        match self.eval(frame, e)? {
            Value::Leaf(a) => Ok(a),
            Value::Group(_) => Err(self.fail(Kind::Malformed("a group where a tensor is needed"), e.span)),
        }
    }

    /// Whether an index or a condition is secret.
    pub fn is_secret(&self, frame: &Frame<'t>, e: &Expr) -> bool {
        self.labels.is_secret(frame.instance, e)
    }

    /// The number that a scalar of an integer type gives.
    pub fn number(&mut self, frame: &mut Frame<'t>, e: &'t Expr) -> Flow<i128> {
        let a = self.leaf(frame, e)?;
        Ok(a.elem.number(a.data()[0]))
    }
}

/// The value of a variable or a field of one, without copying it.
fn peek<'f>(frame: &'f Frame<'_>, e: &Expr) -> Option<&'f Value> {
    match &e.kind {
        ExprKind::Local(id) => frame.locals.get(id.0 as usize),
        ExprKind::Field(base, field) => match peek(frame, base)? {
            Value::Group(parts) => parts.get(*field),
            Value::Leaf(_) => None,
        },
        _ => None,
    }
}
