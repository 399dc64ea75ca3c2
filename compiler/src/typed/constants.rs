//! Values known when compiling: `const` items, and expressions where a number is needed.

use motet_program::data::Elem;

use super::context::{Body, Checked, Constant, Env, Reported, Want};
use super::dim::{Dim, DimError};
use super::tree::{Expr, ExprKind, Ty};
use super::types::Lead;
use crate::diagnostics::Diagnostic;
use crate::modules::ItemRef;
use crate::parse::ast;
use crate::source::Span;

impl Body<'_, '_> {
    /// The constant that a path names, if it names one.
    pub fn constant_named(&mut self, path: &ast::Path) -> Option<Constant> {
        if let [name] = path.segments.as_slice() {
            if let Some(binding) = self.lookup(&name.name) {
                return binding.constant.clone().map(Constant::Int);
            }
            if let Some(constant) = self.parameter(&name.name) {
                return Some(constant);
            }
        }
        let item = self.item_quietly(path)?;
        match self.checker.modules.item(item) {
            ast::Item::Const(c) => self.constant_item(item, c).ok(),
            _ => None,
        }
    }

    /// The value of a `const` item.
    pub fn constant_item(&mut self, item: ItemRef, c: &ast::Const) -> Checked<Constant> {
        match self.checker.constants.get(&item) {
            Some(Some(known)) => return known.clone(),
            Some(None) => {
                let message = format!("`{}` is defined by itself", c.name.name);
                return Err(self.error("const-circle", message, c.name.span, "its value needs itself"));
            }
            None => {}
        }
        self.checker.constants.insert(item, None);
        let value = Body::new(self.checker, item.module, Env::default()).evaluate_item(item, c);
        self.checker.constants.insert(item, Some(value.clone()));
        value
    }

    fn evaluate_item(&mut self, item: ItemRef, c: &ast::Const) -> Checked<Constant> {
        let ty = c.ty.as_ref().map(|t| self.resolve(t, Lead::Forbidden)).transpose()?;
        if let (true, Some(&set)) = (item.module.0 == 0, self.checker.options.sets.get(&c.name.name)) {
            return self.set_item(c, ty.as_ref(), set);
        }
        if ty.is_none() {
            if let Some((Some(n), None)) = Self::integer_literal(&c.value)
                && let (Err(_), Ok(large)) = (i64::try_from(n), u64::try_from(n))
            {
                return Ok(Constant::Large(large));
            }
            if let Some(decimal) = self.decimal_constant(&c.value) {
                return Ok(Constant::Decimal(decimal));
            }
        }
        let value = match &ty {
            Some(ty) => {
                self.expect(&c.value, ty, Some((c.name.span, format!("`{}` is `{}`", c.name.name, self.show(ty)))))?
            }
            None => self.expr(&c.value, Want::Any)?,
        };
        self.constant(value, &format!("the value of `{}`", c.name.name))
    }

    /// A constant that is given at the command line.
    fn set_item(&mut self, c: &ast::Const, ty: Option<&Ty>, set: i64) -> Checked<Constant> {
        match ty {
            None | Some(Ty::Scalar(Elem::Int)) => Ok(Constant::Int(Dim::number(set))),
            Some(Ty::Scalar(elem)) => {
                let ring = self.fits(set.into(), *elem, c.name.span)?;
                Ok(Constant::Value(Expr { kind: ExprKind::Const(ring), ty: Ty::Scalar(*elem), span: c.name.span }))
            }
            Some(ty) => {
                let shown = self.show(ty);
                Err(self.error(
                    "set",
                    format!("`{}` cannot be set from outside", c.name.name),
                    c.name.span,
                    format!("it is `{shown}`, not a number"),
                ))
            }
        }
    }

    /// An expression's value as a constant.
    pub fn constant(&mut self, value: Expr, what: &str) -> Checked<Constant> {
        let span = value.span;
        let value = self.known(value, what)?;
        Ok(match (&value.kind, &value.ty) {
            (ExprKind::Const(n), Ty::Scalar(Elem::Int)) => Constant::Int(Dim::number(*n as i64)),
            (ExprKind::Dim(d), _) => Constant::Int(d.clone()),
            _ => Constant::Value(Expr { span, ..value }),
        })
    }

    /// The number that an expression stands for when compiling.
    pub fn constant_int(&mut self, e: &ast::Expr, what: &str) -> Checked<Dim> {
        let value = self.expect(e, &Ty::Scalar(Elem::Int), Some((e.span, format!("{what} is an `int`"))))?;
        match self.constant(value, what)? {
            Constant::Int(d) => Ok(d),
            _ => Err(Reported),
        }
    }

    /// The expression with its value in place of how to compute it, or an error where that isn't known.
    fn known(&mut self, value: Expr, what: &str) -> Checked<Expr> {
        if is_constant(&value) {
            return Ok(value);
        }
        if let Some(evaluated) = self.evaluate(&value)? {
            return Ok(evaluated);
        }
        let diagnostic = Diagnostic::error(
            "not-constant",
            format!("{what} must be known when compiling"),
            value.span,
            "this is known only when running",
        );
        Err(self.report(
            diagnostic
                .help("constants, dimensions, `const` parameters and arithmetic on them are known when compiling"),
        ))
    }

    /// A constant as an expression.
    pub fn constant_expr(&mut self, constant: Constant, want: Want, span: Span) -> Checked<Expr> {
        match constant {
            Constant::Int(dim) => self.dim_expr(Ok(dim), span),
            Constant::Large(n) => self.integer(Some(n.into()), None, want, span),
            Constant::Decimal(r) => self.decimal(&r, want, span),
            Constant::Value(e) => {
                self.checker.spend(size(&e), span)?;
                Ok(Expr { span, ..e })
            }
        }
    }

    /// An `int` that is known, or the error that its computation made.
    pub fn dim_expr(&mut self, dim: Result<Dim, DimError>, span: Span) -> Checked<Expr> {
        let kind = match dim {
            Ok(d) => match d.known() {
                Some(n) => ExprKind::Const(n as u64),
                None => ExprKind::Dim(d),
            },
            Err(e) => return Err(self.error("int-arithmetic", e.to_string(), span, "")),
        };
        self.make(kind, Ty::Scalar(Elem::Int), span)
    }
}

/// Whether an expression is a value already.
pub(crate) fn is_constant(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Const(_) | ExprKind::Dim(_) => true,
        ExprKind::Array(parts) | ExprKind::Aggregate(parts) => parts.iter().all(is_constant),
        ExprKind::Repeat(of, _) => is_constant(of),
        _ => false,
    }
}

/// The `int` that an expression is, where it is known.
pub(crate) fn as_dim(e: &Expr) -> Option<Dim> {
    match (&e.kind, &e.ty) {
        (ExprKind::Const(n), Ty::Scalar(Elem::Int)) => Some(Dim::number(*n as i64)),
        (ExprKind::Dim(d), _) => Some(d.clone()),
        _ => None,
    }
}

fn size(e: &Expr) -> u64 {
    match &e.kind {
        ExprKind::Array(parts) | ExprKind::Aggregate(parts) => 1 + parts.iter().map(size).sum::<u64>(),
        _ => 1,
    }
}
