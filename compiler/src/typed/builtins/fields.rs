//! `map` over structs: each element of each field, so that a step of an optimiser is written once for any model.

use crate::parse::ast;
use crate::source::Span;
use crate::typed::context::{Body, Checked, Want};
use crate::typed::tree::{Expr, ExprKind, Pattern, Stmt, StmtKind, Ty};

impl Body<'_, '_> {
    /// What `map` runs over: a tensor or a struct.
    pub(super) fn mapped(&mut self, e: &ast::Expr) -> Checked<Expr> {
        let typed = self.expr(e, Want::Any)?;
        if matches!(typed.ty, Ty::Tensor(..) | Ty::Struct(_)) {
            return Ok(typed);
        }
        let shown = self.show(&typed.ty);
        let message = format!("`map` works on tensors and structs, not on `{shown}`");
        Err(self.error("type-mismatch", message, typed.span, ""))
    }

    /// `map(f, s, …)` of structs of one type, to a struct of that type.
    pub(super) fn map_struct(&mut self, f: &ast::Expr, xs: Vec<Expr>, span: Span) -> Checked<Expr> {
        let ty = xs[0].ty.clone();
        let why = Some((xs[0].span, format!("`map` runs over structs of one type, and this is `{}`", self.show(&ty))));
        let mut lets = Vec::new();
        let mut parts = Vec::new();
        for x in xs {
            let x = self.coerce(x, &ty, &why)?;
            let local = self.local("", ty.clone(), x.span);
            parts.push(Expr { kind: ExprKind::Local(local), ty: ty.clone(), span: x.span });
            lets.push(Stmt { span: x.span, kind: StmtKind::Let(Pattern::Local(local), x) });
        }
        let value = self.map_part(f, parts, span)?;
        self.make(ExprKind::Block(lets, Some(Box::new(value))), ty, span)
    }

    /// `f` on each element of parts of one type, which the result has too.
    fn map_part(&mut self, f: &ast::Expr, parts: Vec<Expr>, span: Span) -> Checked<Expr> {
        let ty = parts[0].ty.clone();
        match &ty {
            Ty::Struct(s) => self.map_fields(f, &parts, s.fields.iter().map(|(_, ty)| ty), &ty, span),
            Ty::Tuple(types) => self.map_fields(f, &parts, types.iter(), &ty, span),
            Ty::Tensor(element, _) if matches!(**element, Ty::Scalar(_)) => {
                let params = vec![(**element).clone(); parts.len()];
                let mut closure = self.closure(f, &params, Want::Ty(element))?;
                let why = Some((f.span, format!("a field of `{}` stays what it is", self.show(element))));
                *closure.body = self.coerce_tail(*closure.body, element, &why)?;
                self.make(ExprKind::Map { xs: parts, closure }, ty, span)
            }
            Ty::Scalar(_) => {
                let params = vec![ty.clone(); parts.len()];
                let closure = self.closure(f, &params, Want::Ty(&ty))?;
                let why = Some((f.span, format!("a field of `{}` stays what it is", self.show(&ty))));
                let body = self.coerce_tail(*closure.body, &ty, &why)?;
                let bind = closure.params.into_iter().zip(parts);
                let lets = bind.map(|(pattern, part)| Stmt { span, kind: StmtKind::Let(pattern, part) }).collect();
                self.make(ExprKind::Block(lets, Some(Box::new(body))), ty, span)
            }
            Ty::Tensor(..) => {
                let message = format!("`map` of a struct does not reach into `{}`", self.show(&ty));
                Err(self.error("type-mismatch", message, span, "map over this field by itself"))
            }
        }
    }

    fn map_fields<'t>(
        &mut self,
        f: &ast::Expr,
        parts: &[Expr],
        types: impl Iterator<Item = &'t Ty>,
        whole: &Ty,
        span: Span,
    ) -> Checked<Expr> {
        let mut fields = Vec::new();
        for (i, ty) in types.enumerate() {
            let field = |part: &Expr| Expr {
                kind: ExprKind::Field(Box::new(part.clone()), i),
                ty: ty.clone(),
                span: part.span,
            };
            fields.push(self.map_part(f, parts.iter().map(field).collect(), span)?);
        }
        self.make(ExprKind::Aggregate(fields), whole.clone(), span)
    }
}
