//! Statements, blocks, branches and patterns.

use motet_program::data::Elem;

use super::constants::as_dim;
use super::context::{Binding, Body, Checked, Reported, Want};
use super::tree::{Builtin, Expr, ExprKind, Pattern, Stmt, StmtKind, Ty};
use super::types::{Lead, row};
use crate::diagnostics::Diagnostic;
use crate::parse::ast;
use crate::source::Span;

impl Body<'_, '_> {
    /// A block in a scope of its own. In tail position of a function a last `return e;` is its value.
    pub fn block(&mut self, block: &ast::Block, want: Want, tail: bool) -> Checked<Expr> {
        self.scoped(|body| body.block_inside(block, want, tail))
    }

    fn block_inside(&mut self, block: &ast::Block, want: Want, tail: bool) -> Checked<Expr> {
        let (stmts, last) = if tail { tail_of(block) } else { (block.stmts.as_slice(), Last::of(block)) };
        let mut typed = Vec::new();
        let mut failed = false;
        for stmt in stmts {
            match self.statement(stmt) {
                Ok(s) => typed.push(s),
                Err(Reported) => failed = true,
            }
        }
        let value = match last {
            Last::Nothing => None,
            Last::Value(e) => Some(self.tail_expr(e, want, tail)),
            Last::Unit => Some(self.make(ExprKind::Aggregate(Vec::new()), Ty::unit(), block.span)),
        };
        let value = value.transpose()?;
        if failed {
            return Err(Reported);
        }
        let ty = value.as_ref().map_or_else(Ty::unit, |v| v.ty.clone());
        self.make(ExprKind::Block(typed, value.map(Box::new)), ty, block.span)
    }

    fn tail_expr(&mut self, e: &ast::Expr, want: Want, tail: bool) -> Checked<Expr> {
        match &e.kind {
            ast::ExprKind::If { cond, then, otherwise } if tail => {
                self.branch(cond, then, otherwise.as_deref(), want, true, e.span)
            }
            ast::ExprKind::Block(block) if tail => self.block(block, want, true),
            _ => self.expr(e, want),
        }
    }

    fn statement(&mut self, stmt: &ast::Stmt) -> Checked<Stmt> {
        let span = stmt.span;
        let kind = match &stmt.kind {
            ast::StmtKind::Let { pattern, ty, value } => self.let_statement(pattern, ty.as_ref(), value)?,
            ast::StmtKind::Assign { target, op, value } => self.assignment(target, *op, value, span)?,
            ast::StmtKind::For { pattern, iter, body } => self.for_loop(pattern, iter, body)?,
            ast::StmtKind::Return(value) => self.return_statement(value.as_ref(), span)?,
            ast::StmtKind::Expr(e) => {
                let e = self.expr(e, Want::Any)?;
                // Revealing does something by itself.
                let reveals = matches!(e.kind, ExprKind::Builtin(Builtin::Reveal, _));
                if e.ty != Ty::unit() && !reveals {
                    let shown = self.show(&e.ty);
                    let warning =
                        Diagnostic::warning("unused-value", format!("this `{shown}` is not used"), e.span, "");
                    self.report(warning.help("bind it with `let`, or leave the expression out"));
                }
                StmtKind::Expr(e)
            }
        };
        Ok(Stmt { kind, span })
    }

    fn let_statement(
        &mut self,
        pattern: &ast::Pattern,
        ty: Option<&ast::Type>,
        value: &ast::Expr,
    ) -> Checked<StmtKind> {
        let declared = ty.map(|t| self.resolve(t, Lead::Forbidden)).transpose();
        let typed = match &declared {
            Ok(Some(ty)) => {
                let note = format!("declared as `{}`", self.show(ty));
                let span = ty_span(pattern, value.span);
                self.expect(value, ty, Some((span, note)))
            }
            _ => self.expr(value, Want::Any),
        };
        match (typed, declared) {
            (Ok(typed), Ok(_)) => {
                let constant = as_dim(&typed);
                let bound = self.pattern(pattern, Some(&typed.ty), constant);
                Ok(StmtKind::Let(bound?, typed))
            }
            (_, declared) => {
                // What fails is reported; the names are known all the same, so that their uses are no errors as well.
                let ty = declared.ok().flatten();
                let _ = self.pattern(pattern, ty.as_ref(), None);
                Err(Reported)
            }
        }
    }

    /// Binds the names of a pattern to the parts of a type (`None`: unknown, which has been reported).
    pub fn pattern(
        &mut self,
        pattern: &ast::Pattern,
        ty: Option<&Ty>,
        constant: Option<super::dim::Dim>,
    ) -> Checked<Pattern> {
        match pattern {
            ast::Pattern::Wild(_) => Ok(Pattern::Wild),
            ast::Pattern::Name { mutable, name } => {
                let local = self.local(&name.name, ty.cloned().unwrap_or_else(Ty::unit), name.span);
                let closures = self.closures;
                let constant = constant.filter(|_| !mutable);
                let binding = Binding {
                    local,
                    ty: ty.cloned(),
                    mutable: *mutable,
                    constant,
                    closures,
                    span: name.span,
                    used: false,
                };
                self.bind(&name.name, binding);
                Ok(Pattern::Local(local))
            }
            ast::Pattern::Tuple(parts, span) => {
                let types: Option<Vec<Ty>> = match ty {
                    Some(Ty::Tuple(types)) if types.len() == parts.len() => Some(types.clone()),
                    Some(other) => {
                        let shown = self.show(other);
                        let message = format!("this pattern has {} parts, the value is `{shown}`", parts.len());
                        self.error("pattern", message, *span, "");
                        None
                    }
                    None => None,
                };
                let bound: Vec<_> = parts
                    .iter()
                    .enumerate()
                    .map(|(i, p)| self.pattern(p, types.as_ref().map(|t| &t[i]), None))
                    .collect();
                let bound = bound.into_iter().collect::<Checked<_>>()?;
                if types.is_none() && ty.is_some() {
                    return Err(Reported);
                }
                Ok(Pattern::Tuple(bound))
            }
        }
    }

    fn for_loop(&mut self, pattern: &ast::Pattern, iter: &ast::Iter, block: &ast::Block) -> Checked<StmtKind> {
        match iter {
            ast::Iter::Range(from, to) => {
                let (from, to) = (self.bound(from), self.bound(to));
                let int = Ty::Scalar(Elem::Int);
                let (pattern, body) = self.loop_body(pattern, Some(&int), block)?;
                Ok(StmtKind::Range { pattern, from: from?, to: to?, body })
            }
            ast::Iter::Rows(xs) => {
                let xs = self.expr(xs, Want::Any);
                let rows = match &xs {
                    Ok(xs) => Some(self.rows(xs)),
                    Err(_) => None,
                };
                let ty = rows.as_ref().and_then(|r| r.as_ref().ok());
                let (pattern, body) = self.loop_body(pattern, ty, block)?;
                if let Some(Err(r)) = rows {
                    return Err(r);
                }
                Ok(StmtKind::Rows { pattern, xs: xs?, body })
            }
        }
    }

    fn loop_body(&mut self, pattern: &ast::Pattern, ty: Option<&Ty>, block: &ast::Block) -> Checked<(Pattern, Expr)> {
        self.scoped(|body| {
            let pattern = body.pattern(pattern, ty, None);
            mark_used(body);
            let unit = Ty::unit();
            let typed = body.block(block, Want::Ty(&unit), false)?;
            let typed = body.coerce(typed, &unit, &Some((block.span, "the body of a loop has no value".into())))?;
            Ok((pattern?, typed))
        })
    }

    /// A bound of a loop: an integer.
    fn bound(&mut self, e: &ast::Expr) -> Checked<Expr> {
        let typed = self.expr(e, Want::Any)?;
        match typed.ty {
            Ty::Scalar(Elem::Int | Elem::Uint(_) | Elem::Sint(_)) => Ok(typed),
            _ => {
                let shown = self.show(&typed.ty);
                Err(self.error("type-mismatch", format!("a loop's bound is an integer, not `{shown}`"), typed.span, ""))
            }
        }
    }

    /// What a loop over a tensor, or a tuple of tensors of one length, yields.
    pub fn rows(&mut self, xs: &Expr) -> Checked<Ty> {
        match &xs.ty {
            Ty::Tensor(..) => row(&xs.ty).map(|(_, r)| r).ok_or(Reported),
            Ty::Tuple(parts) if !parts.is_empty() => {
                let rows: Option<Vec<_>> = parts.iter().map(row).collect();
                let Some(rows) = rows else { return Err(self.not_rows(xs)) };
                self.one_length(&rows.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>(), xs.span)?;
                Ok(Ty::Tuple(rows.into_iter().map(|(_, r)| r).collect()))
            }
            _ => Err(self.not_rows(xs)),
        }
    }

    /// Reports first dimensions that differ.
    pub fn one_length(&mut self, lengths: &[super::dim::Dim], span: Span) -> Checked<()> {
        for other in &lengths[1..] {
            if lengths[0].compare(other) == super::dim::Comparison::Different {
                let message =
                    format!("tensors that are run over together have one length, not {} and {other}", lengths[0]);
                return Err(self.error("shape-mismatch", message, span, ""));
            }
        }
        Ok(())
    }

    fn not_rows(&mut self, xs: &Expr) -> Reported {
        let shown = self.show(&xs.ty);
        let diagnostic =
            Diagnostic::error("type-mismatch", format!("a loop runs over a tensor, not over `{shown}`"), xs.span, "");
        self.report(match xs.ty {
            Ty::Scalar(Elem::Int | Elem::Uint(_) | Elem::Sint(_)) => diagnostic.help("write `0..n` to count"),
            _ => diagnostic.help("rows of several tensors at once are `zip(a, b)`"),
        })
    }

    fn return_statement(&mut self, value: Option<&ast::Expr>, span: Span) -> Checked<StmtKind> {
        if self.closures > 0 {
            return Err(self.error(
                "return",
                "`return` cannot stand in a closure",
                span,
                "the closure's value is its last expression",
            ));
        }
        let Some((ty, declared)) = self.result.clone() else {
            return Err(self.error("return", "`return` cannot stand here", span, "there is no function to leave"));
        };
        let why = Some((declared, format!("the result is `{}`", self.show(&ty))));
        let value = match value {
            Some(e) => self.expect(e, &ty, why)?,
            None => {
                let unit = self.make(ExprKind::Aggregate(Vec::new()), Ty::unit(), span)?;
                self.coerce(unit, &ty, &why)?
            }
        };
        Ok(StmtKind::Return(value))
    }

    /// `if`. A condition that is known when compiling decides which side there is.
    pub fn branch(
        &mut self,
        cond: &ast::Expr,
        then: &ast::Block,
        otherwise: Option<&ast::Expr>,
        want: Want,
        tail: bool,
        span: Span,
    ) -> Checked<Expr> {
        let bool_ty = Ty::Scalar(Elem::Bool);
        let cond = self.expect(cond, &bool_ty, Some((cond.span, "a condition is a `bool`".into())));
        if let Ok(Expr { kind: ExprKind::Const(holds), .. }) = cond {
            return match (holds, otherwise) {
                (1, _) if otherwise.is_some() => self.block(then, want, tail),
                (1, _) => {
                    let then = self.block(then, Want::Ty(&Ty::unit()), tail)?;
                    self.unit_branch(then)
                }
                (_, Some(otherwise)) => self.tail_expr(otherwise, want, tail),
                (_, None) => self.make(ExprKind::Aggregate(Vec::new()), Ty::unit(), span),
            };
        }
        let Some(otherwise) = otherwise else {
            let then = self.block(then, Want::Ty(&Ty::unit()), false);
            let then = self.unit_branch(then?)?;
            let nothing = self.make(ExprKind::Aggregate(Vec::new()), Ty::unit(), span)?;
            let kind = ExprKind::If { cond: Box::new(cond?), then: Box::new(then), otherwise: Box::new(nothing) };
            return self.make(kind, Ty::unit(), span);
        };
        let (a, b) = self.sides(then, otherwise, want, tail);
        let (cond, a, b) = (cond?, a?, b?);
        let (a, b) = self.one_type(a, b, leaves(then), leaves_expr(otherwise))?;
        let ty = a.ty.clone();
        let kind = ExprKind::If { cond: Box::new(cond), then: Box::new(a), otherwise: Box::new(b) };
        self.make(kind, ty, span)
    }

    fn unit_branch(&mut self, then: Expr) -> Checked<Expr> {
        if then.ty == Ty::unit() {
            return Ok(then);
        }
        let shown = self.show(&then.ty);
        Err(self.report(
            Diagnostic::error(
                "missing-else",
                format!("an `if` without `else` has no value, but this one yields `{shown}`"),
                then.span,
                "",
            )
            .help("add an `else`, or end the last expression with `;`"),
        ))
    }

    /// Both sides of an `if`; one that takes its type from what is asked for is checked second.
    fn sides(
        &mut self,
        then: &ast::Block,
        otherwise: &ast::Expr,
        want: Want,
        tail: bool,
    ) -> (Checked<Expr>, Checked<Expr>) {
        let known = matches!(want, Want::Ty(_));
        let then_last = !known && then.tail.as_ref().is_some_and(|t| self.needs_hint(t)) && !self.needs_hint(otherwise);
        if then_last {
            let b = self.tail_expr(otherwise, want, tail);
            let ty = b.as_ref().ok().map(|b| b.ty.clone());
            let a = self.block(then, hint(want, ty.as_ref()), tail);
            (a, b)
        } else {
            let a = self.block(then, want, tail);
            let ty = a.as_ref().ok().map(|a| a.ty.clone()).filter(|_| !known);
            let b = self.tail_expr(otherwise, hint(want, ty.as_ref()), tail);
            (a, b)
        }
    }

    /// Makes the types of both sides one.
    fn one_type(&mut self, a: Expr, b: Expr, a_leaves: bool, b_leaves: bool) -> Checked<(Expr, Expr)> {
        if a.ty == b.ty {
            return Ok((a, b));
        }
        let never = |leaves: bool, e: &Expr| leaves && matches!(e.kind, ExprKind::Block(_, None));
        if never(a_leaves, &a) {
            return Ok((self.never(a, &b.ty)?, b));
        }
        if never(b_leaves, &b) {
            let b = self.never(b, &a.ty)?;
            return Ok((a, b));
        }
        let note = |body: &Self, e: &Expr| Some((value_span(e), format!("the other side is `{}`", body.show(&e.ty))));
        if a.ty.elem() == Some(Elem::Int) && b.ty.elem() != Some(Elem::Int) {
            let why = note(self, &b);
            let a = self.coerce_tail(a, &b.ty.clone(), &why)?;
            return Ok((a, b));
        }
        let why = note(self, &a);
        let b = self.coerce_tail(b, &a.ty.clone(), &why)?;
        Ok((a, b))
    }

    /// Coerces the value of a block, so that constants in it are checked where they stand.
    pub fn coerce_tail(&mut self, e: Expr, ty: &Ty, why: &super::context::Why) -> Checked<Expr> {
        match e.kind {
            ExprKind::Block(stmts, Some(value)) => {
                let value = self.coerce_tail(*value, ty, why)?;
                Ok(Expr { ty: value.ty.clone(), kind: ExprKind::Block(stmts, Some(Box::new(value))), span: e.span })
            }
            kind => self.coerce(Expr { kind, ..e }, ty, why),
        }
    }

    /// A block that leaves the function, as a value of any type.
    fn never(&mut self, e: Expr, ty: &Ty) -> Checked<Expr> {
        let ExprKind::Block(stmts, None) = e.kind else { return Ok(e) };
        let value = self.make(ExprKind::Builtin(Builtin::Zeros, Vec::new()), ty.clone(), e.span)?;
        self.make(ExprKind::Block(stmts, Some(Box::new(value))), ty.clone(), e.span)
    }
}

/// What a block ends with.
enum Last<'a> {
    Value(&'a ast::Expr),
    /// `return;`
    Unit,
    Nothing,
}

impl<'a> Last<'a> {
    fn of(block: &'a ast::Block) -> Last<'a> {
        block.tail.as_deref().map_or(Last::Nothing, Last::Value)
    }
}

/// The statements and the value of a block that a function ends with: a last `return e;` gives the value, and so does
/// an `if` both of whose sides leave the function.
fn tail_of(block: &ast::Block) -> (&[ast::Stmt], Last<'_>) {
    if let (None, Some((last, rest))) = (&block.tail, block.stmts.split_last()) {
        match &last.kind {
            ast::StmtKind::Return(Some(e)) => return (rest, Last::Value(e)),
            ast::StmtKind::Return(None) => return (rest, Last::Unit),
            ast::StmtKind::Expr(e) if leaves_expr(e) => return (rest, Last::Value(e)),
            _ => {}
        }
    }
    (&block.stmts, Last::of(block))
}

/// Whether a block always leaves the function.
fn leaves(block: &ast::Block) -> bool {
    block.tail.as_deref().is_some_and(leaves_expr)
        || block.stmts.iter().any(|s| match &s.kind {
            ast::StmtKind::Return(_) => true,
            ast::StmtKind::Expr(e) => leaves_expr(e),
            _ => false,
        })
}

fn leaves_expr(e: &ast::Expr) -> bool {
    match &e.kind {
        ast::ExprKind::Block(b) => leaves(b),
        ast::ExprKind::If { then, otherwise: Some(o), .. } => leaves(then) && leaves_expr(o),
        _ => false,
    }
}

/// The hint for a second branch: what is wanted, else the first branch's type.
fn hint<'t>(want: Want<'t>, first: Option<&'t Ty>) -> Want<'t> {
    match first {
        Some(ty) if !matches!(ty.elem(), Some(Elem::Int)) => Want::Ty(ty),
        _ => want,
    }
}

/// The place of a block's value.
fn value_span(e: &Expr) -> Span {
    match &e.kind {
        ExprKind::Block(_, Some(value)) => value_span(value),
        _ => e.span,
    }
}

fn ty_span(pattern: &ast::Pattern, default: Span) -> Span {
    match pattern {
        ast::Pattern::Name { name, .. } => name.span,
        ast::Pattern::Tuple(_, span) => *span,
        ast::Pattern::Wild(_) => default,
    }
}

/// Loop variables need not be used.
fn mark_used(body: &mut Body) {
    if let Some(scope) = body.scopes.last_mut() {
        scope.values_mut().for_each(|b| b.used = true);
    }
}

/// Whether a block ends with an expression whose value a `;` drops.
pub(crate) fn ends_with_statement(block: &ast::Block) -> bool {
    matches!(block.stmts.last(), Some(ast::Stmt { kind: ast::StmtKind::Expr(_), .. }) if block.tail.is_none())
}
