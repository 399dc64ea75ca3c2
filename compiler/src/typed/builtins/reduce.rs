//! Reductions, extremes and selection: `sum min max abs select`.

use motet_program::data::Elem;

use crate::diagnostics::Diagnostic;
use crate::parse::ast;
use crate::source::Span;
use crate::typed::context::{Body, Checked, Reported, Want};
use crate::typed::tree::{Builtin, Expr, Ty};
use crate::typed::types::tensor;

impl Body<'_, '_> {
    /// `sum(x)`, `sum(x, axis)`.
    pub(super) fn sum(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("sum", &["x", "axis"], 1, args, span)?;
        let hint = want.elem().map_or(Want::Any, Want::Elem);
        let x = self.numbers("sum", self.at(&given, 0)?, hint)?;
        self.numeric("sum", &x)?;
        let axis = given[1].map(|e| self.axis(e, x.ty.shape().len())).transpose()?;
        let ty = reduced(&x.ty, axis)?;
        self.operation(Builtin::Sum(axis), vec![x], ty, span)
    }

    /// `max(x)`, `max(x, axis = 0)`, `max(a, b)`; `min` likewise.
    pub(super) fn extreme(&mut self, f: &str, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let max = f == "max";
        let reduces = args.len() == 1 || args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.name == "axis"));
        if reduces {
            let given = self.given(f, &["x", "axis"], 1, args, span)?;
            let hint = want.elem().map_or(Want::Any, Want::Elem);
            let x = self.numbers(f, self.at(&given, 0)?, hint)?;
            self.numeric(f, &x)?;
            let axis = given[1].map(|e| self.axis(e, x.ty.shape().len())).transpose()?;
            let over = |i: usize| x.ty.shape()[i].known() == Some(0);
            let empty = match axis {
                Some(axis) => over(axis),
                None => (0..x.ty.shape().len()).any(over),
            };
            if empty {
                return Err(self.error("shape-mismatch", format!("`{f}` of no elements has no value"), span, ""));
            }
            let ty = reduced(&x.ty, axis)?;
            return self.operation(
                if max { Builtin::ReduceMax(axis) } else { Builtin::ReduceMin(axis) },
                vec![x],
                ty,
                span,
            );
        }
        let given = self.given(f, &["a", "b"], 2, args, span)?;
        let (a, b) = self.alike(f, self.at(&given, 0)?, self.at(&given, 1)?, want)?;
        let elem = self.numeric(f, &a)?;
        let shape = self.broadcast(&a, &b, f)?;
        self.operation(if max { Builtin::Max } else { Builtin::Min }, vec![a, b], tensor(Ty::Scalar(elem), shape), span)
    }

    /// `abs(x)`.
    pub(super) fn abs(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("abs", &["x"], 1, args, span)?;
        let x = self.numbers("abs", self.at(&given, 0)?, want)?;
        self.numeric("abs", &x)?;
        let ty = x.ty.clone();
        self.operation(Builtin::Abs, vec![x], ty, span)
    }

    /// `select(c, a, b)`.
    pub(super) fn select(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("select", &["c", "a", "b"], 3, args, span)?;
        let c = self.numbers("select", self.at(&given, 0)?, Want::Elem(Elem::Bool))?;
        if c.ty.elem() != Some(Elem::Bool) {
            let shown = self.show(&c.ty);
            return Err(self.error(
                "type-mismatch",
                format!("what `select` decides by is a `bool`, not `{shown}`"),
                c.span,
                "",
            ));
        }
        let (a, b) = self.two("select", self.at(&given, 1)?, self.at(&given, 2)?, want)?;
        if a.ty.elem().is_none() || b.ty.elem().is_none() {
            let why = Some((a.span, format!("the other is `{}`", self.show(&a.ty))));
            let ty = a.ty.clone();
            let b = self.coerce(b, &ty, &why)?;
            if !c.ty.shape().is_empty() {
                let shown = self.show(&ty);
                return Err(self.error(
                    "type-mismatch",
                    format!("a tensor of conditions does not select between `{shown}`"),
                    c.span,
                    "one `bool` does",
                ));
            }
            return self.operation(Builtin::Select, vec![c, a, b], ty, span);
        }
        let (a, b) = self.one(a, b, "select")?;
        let shape = self.broadcast(&a, &b, "select")?;
        let both = Expr { ty: tensor(Ty::Scalar(Elem::Bool), shape), ..c.clone() };
        let shape = self.broadcast(&c, &both, "select")?;
        let ty = tensor(Ty::Scalar(a.ty.elem().ok_or(Reported)?), shape);
        self.operation(Builtin::Select, vec![c, a, b], ty, span)
    }

    /// Two arguments, each a hint for the other.
    fn two(&mut self, f: &str, a: &ast::Expr, b: &ast::Expr, want: Want) -> Checked<(Expr, Expr)> {
        let _ = f;
        let outer = match want {
            Want::Ty(ty) if ty.elem().is_some() => ty.elem().map_or(Want::Any, Want::Elem),
            other => other,
        };
        let hint = |e: &Checked<Expr>| e.as_ref().ok().map(|e| e.ty.clone());
        let swap = self.needs_hint(a) && !self.needs_hint(b);
        let (first, second) = if swap { (b, a) } else { (a, b) };
        let one = self.expr(first, outer);
        let ty = hint(&one).filter(|t| t.elem() != Some(Elem::Int));
        let other = match &ty {
            Some(ty) if self.is_shapeless(second) || ty.elem().is_none() => self.expr(second, Want::Ty(ty)),
            Some(ty) => self.expr(second, ty.elem().map_or(outer, Want::Elem)),
            None => self.expr(second, outer),
        };
        let (one, other) = (one?, other?);
        Ok(if swap { (other, one) } else { (one, other) })
    }

    /// Two arguments of numbers of one element type.
    fn alike(&mut self, f: &str, a: &ast::Expr, b: &ast::Expr, want: Want) -> Checked<(Expr, Expr)> {
        let (a, b) = self.two(f, a, b, want)?;
        self.one(a, b, f)
    }

    fn one(&mut self, a: Expr, b: Expr, f: &str) -> Checked<(Expr, Expr)> {
        match (a.ty.elem(), b.ty.elem()) {
            (Some(x), Some(y)) if x == y => Ok((a, b)),
            (Some(Elem::Int), Some(y)) => Ok((self.in_elem(a, y, &None)?, b)),
            (Some(x), Some(Elem::Int)) => Ok((a, self.in_elem(b, x, &None)?)),
            _ => {
                let (left, right) = (self.show(&a.ty), self.show(&b.ty));
                let message = format!("the arguments of `{f}` have different types, `{left}` and `{right}`");
                Err(self.report(
                    Diagnostic::error("type-mismatch", message, a.span, format!("`{left}`"))
                        .label(b.span, format!("`{right}`"))
                        .help("convert one of them by `as`"),
                ))
            }
        }
    }
}

/// The type after a reduction.
fn reduced(ty: &Ty, axis: Option<usize>) -> Checked<Ty> {
    let elem = Ty::Scalar(ty.elem().ok_or(Reported)?);
    let Some(axis) = axis else { return Ok(elem) };
    let mut shape = ty.shape().to_vec();
    shape.remove(axis);
    Ok(tensor(elem, shape))
}
