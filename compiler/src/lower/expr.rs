//! Expressions, to the leaves of their values.

use motet_program::data::Elem;
use motet_program::ir::{Op, Value};

use super::types::{field, width};
use super::{Fails, Lowerer};
use crate::diagnostics::Diagnostic;
use crate::typed::tree::{Builtin, Expr, ExprKind, Pattern, Ty};

impl<'t> Lowerer<'t> {
    /// The leaves of an expression's value.
    pub(super) fn expr(&mut self, expr: &'t Expr) -> Fails<Vec<Value>> {
        self.step(expr)?;
        let outer = self.b.site;
        self.b.site = self.site(expr.span);
        self.nesting += 1;
        let leaves = self.kind(expr);
        self.nesting -= 1;
        self.b.site = outer;
        leaves
    }

    /// The value of an expression that has one leaf.
    pub(super) fn single(&mut self, expr: &'t Expr) -> Fails<Value> {
        let leaves = self.expr(expr)?;
        match leaves[..] {
            [value] => Ok(value),
            _ => Err(Diagnostic::error("internal", "a single value is needed here", expr.span, "")),
        }
    }

    /// A public integer as an `Int`.
    pub(super) fn int(&mut self, expr: &'t Expr) -> Fails<Value> {
        let value = self.single(expr)?;
        Ok(self.b.cast(value, Elem::Int))
    }

    fn kind(&mut self, expr: &'t Expr) -> Fails<Vec<Value>> {
        match &expr.kind {
            ExprKind::Const(ring) => {
                let tys = self.leaves(&expr.ty, expr.span)?;
                Ok(tys.into_iter().map(|ty| self.b.constant(*ring, ty)).collect())
            }
            ExprKind::Dim(dim) => match dim.known() {
                Some(n) => Ok(vec![self.b.int(n)]),
                None => self.dim(dim, expr.span).map(|n| vec![self.b.int(n as i64)]),
            },
            ExprKind::Local(local) => self.local(*local, expr.span),
            ExprKind::Unary(op, a) => self.unary(*op, a),
            ExprKind::Binary(op, a, b) => self.binary(*op, a, b, expr),
            ExprKind::Cast(a) => self.convert(a, expr, true),
            ExprKind::Coerce(a) => self.convert(a, expr, false),
            ExprKind::Call { function, lead, args } => self.call(*function, lead, args, expr),
            ExprKind::Extern(index, args) => {
                let args = self.all(args)?.concat();
                let ty = self.leaves(&expr.ty, expr.span)?;
                Ok(self.b.push_many(Op::Circuit { circuit: *index as u32, batch: 0, args }, ty))
            }
            ExprKind::Builtin(Builtin::WithSlope, args) => self.with_slope(args),
            ExprKind::Builtin(builtin, args) => self.builtin(builtin, args, expr),
            ExprKind::Map { xs, closure } => self.map(xs, closure, expr),
            ExprKind::Fold { start, xs, closure } => self.fold(start, xs, closure),
            ExprKind::Grad { function, args, with_value } => self.gradient(*function, args, *with_value, expr),
            ExprKind::Index(base, indices) => self.index(base, indices),
            ExprKind::Field(base, index) => {
                let leaves = self.expr(base)?;
                let (from, ty) = field(&base.ty, *index);
                Ok(leaves[from..from + width(ty)].to_vec())
            }
            ExprKind::Aggregate(parts) => Ok(self.all(parts)?.concat()),
            ExprKind::Array(parts) => {
                let parts = self.all(parts)?;
                self.stack(&parts, expr)
            }
            ExprKind::Repeat(of, _) => {
                let leaves = self.expr(of)?;
                let tys = self.leaves(&expr.ty, expr.span)?;
                Ok(leaves.into_iter().zip(tys).map(|(v, ty)| self.b.broadcast(v, &ty.shape)).collect())
            }
            ExprKind::If { cond, then, otherwise } => self.branch(cond, then, otherwise),
            ExprKind::Block(stmts, tail) => self.block(stmts, tail.as_deref(), &expr.ty, expr.span),
        }
    }

    /// The leaves of each.
    pub(super) fn all(&mut self, exprs: &'t [Expr]) -> Fails<Vec<Vec<Value>>> {
        exprs.iter().map(|e| self.expr(e)).collect()
    }

    /// Values of one type, stacked leaf by leaf.
    pub(super) fn stack(&mut self, parts: &[Vec<Value>], expr: &Expr) -> Fails<Vec<Value>> {
        let tys = self.leaves(&expr.ty, expr.span)?;
        Ok(tys
            .into_iter()
            .enumerate()
            .map(|(leaf, ty)| {
                let parts: Vec<Value> = parts.iter().map(|p| p[leaf]).collect();
                if parts.is_empty() { self.b.constant(0, ty) } else { self.b.stack(&parts) }
            })
            .collect())
    }

    fn convert(&mut self, from: &'t Expr, to: &'t Expr, wraps: bool) -> Fails<Vec<Value>> {
        let value = self.single(from)?;
        let tys = self.leaves(&to.ty, to.span)?;
        let elem = match &tys[..] {
            [ty] => ty.elem,
            _ => return Err(Diagnostic::error("internal", "a conversion to more than one value", to.span, "")),
        };
        Ok(vec![if wraps { self.b.cast(value, elem) } else { self.b.coerce(value, elem) }])
    }

    /// Binds the leaves of a value.
    pub(super) fn bind(&mut self, pattern: &Pattern, ty: &Ty, leaves: &[Value]) {
        match (pattern, ty) {
            (Pattern::Local(local), _) => self.frame.locals[local.0 as usize] = Some(leaves.to_vec()),
            (Pattern::Tuple(patterns), Ty::Tuple(tys)) => {
                let mut from = 0;
                for (pattern, ty) in patterns.iter().zip(tys) {
                    let width = width(ty);
                    self.bind(pattern, ty, &leaves[from..from + width]);
                    from += width;
                }
            }
            (Pattern::Tuple(_) | Pattern::Wild, _) => {}
        }
    }
}
