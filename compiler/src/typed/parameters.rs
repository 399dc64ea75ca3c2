//! What the parameters of a called function's signature stand for: constants, types and dimensions.

use motet_program::data::Elem;

use super::context::{Body, Checked, Constant, Reported, Want};
use super::tree::{Expr, ExprKind, Ty};
use super::types::Lead;
use super::unify::Unifier;
use crate::diagnostics::Diagnostic;
use crate::modules::ItemRef;
use crate::parse::ast;
use crate::source::Span;

impl Body<'_, '_> {
    /// `const` parameters that are `int`s: dimensions may be made of them.
    pub(super) fn constant_arguments(
        &mut self,
        item: ItemRef,
        f: &ast::Fn,
        given: &[Option<&ast::Expr>],
        u: &mut Unifier,
        typed: &mut [Option<Checked<Expr>>],
    ) {
        for (i, param) in f.params.iter().enumerate().filter(|(_, p)| p.is_const && is_int(&p.ty)) {
            let what = format!("`{}` of `{}`", param.name.name, f.name.name);
            let value = match (given[i], &param.default) {
                (Some(arg), _) => self.constant_int(arg, &what),
                (None, Some(default)) => {
                    let env = u.env.clone();
                    Body::new(self.checker, item.module, env).constant_int(default, &what)
                }
                (None, None) => Err(Reported),
            };
            match value {
                Ok(dim) => {
                    u.env.consts.insert(param.name.name.clone(), Constant::Int(dim));
                }
                Err(r) => typed[i] = Some(Err(r)),
            }
        }
        // What is not an `int` waits for the type parameters.
        for (i, param) in f.params.iter().enumerate() {
            if param.is_const && typed[i].is_none() {
                typed[i] = given[i].map(|arg| {
                    let span = arg.span;
                    Ok(Expr { kind: ExprKind::Aggregate(Vec::new()), ty: Ty::unit(), span })
                });
            }
        }
    }

    /// `const` parameters of other types.
    pub(super) fn later_constants(
        &mut self,
        item: ItemRef,
        f: &ast::Fn,
        given: &[Option<&ast::Expr>],
        u: &mut Unifier,
    ) -> Checked<()> {
        for (i, param) in f.params.iter().enumerate().filter(|(_, p)| p.is_const && !is_int(&p.ty)) {
            let what = format!("`{}` of `{}`", param.name.name, f.name.name);
            let ty = Body::new(self.checker, item.module, u.env.clone()).resolve(&param.ty, Lead::Forbidden)?;
            let why = Some((param.span, format!("declared as `{}`", self.show(&ty))));
            let value = match (given[i], &param.default) {
                (Some(arg), _) => {
                    let e = self.expect(arg, &ty, why)?;
                    self.constant(e, &what)?
                }
                (None, Some(default)) => {
                    let mut body = Body::new(self.checker, item.module, u.env.clone());
                    let e = body.expect(default, &ty, why)?;
                    body.constant(e, &what)?
                }
                (None, None) => return Err(Reported),
            };
            u.env.consts.insert(param.name.name.clone(), value);
        }
        Ok(())
    }

    /// What a parameter without an argument is.
    pub(super) fn default_value(&mut self, item: ItemRef, param: &ast::Param, ty: &Ty, u: &Unifier) -> Checked<Expr> {
        let Some(default) = &param.default else { return Err(Reported) };
        let mut body = Body::new(self.checker, item.module, u.env.clone());
        let why = Some((param.span, format!("declared as `{}`", body.show(ty))));
        let e = body.expect(default, ty, why)?;
        let constant = body.constant(e, &format!("the default of `{}`", param.name.name))?;
        let e = body.constant_expr(constant, Want::Ty(ty), default.span)?;
        body.coerce(e, ty, &None)
    }

    /// Type parameters that nothing has said anything about, and the bounds of all.
    pub(super) fn type_parameters(
        &mut self,
        u: &mut Unifier,
        f: &ast::Fn,
        typed: &[Option<Expr>],
        span: Span,
    ) -> Checked<()> {
        for param in &f.types {
            let name = &param.name.name;
            let bound = param.bound.as_ref().map(|b| b.name.as_str());
            let in_arguments = f.params.iter().any(|p| {
                let mut names = Vec::new();
                mentioned(&p.ty, &mut names);
                names.contains(name)
            });
            let known = u.env.types.get(name);
            if known.is_none_or(|ty| {
                !in_arguments && bound == Some("int") && !satisfies(bound, ty)
                    || !in_arguments && ty.elem() == Some(Elem::Int)
            }) {
                if bound != Some("int") || in_arguments {
                    let message = format!("the type `{name}` of `{}` is not known here", f.name.name);
                    let diagnostic = Diagnostic::error("unknown-type", message, span, "");
                    let diagnostic = typed
                        .iter()
                        .flatten()
                        .fold(diagnostic, |d, e| d.label(e.span, format!("this is `{}`", self.show(&e.ty))));
                    return Err(self.report(diagnostic.label(f.span, "declared here")));
                }
                u.env.types.insert(name.clone(), Ty::Scalar(Elem::Uint(32)));
            }
            let ty = u.env.types[name].clone();
            if !satisfies(bound, &ty) {
                let (shown, bound) = (self.show(&ty), bound.unwrap_or_default());
                let place = u.origins.get(name).map_or(span, |o| o.span);
                let message = format!("`{}` needs a type that is `{bound}` for `{name}`, not `{shown}`", f.name.name);
                let note = match bound {
                    "int" => "integers are `int`",
                    _ => "integers and `fix` are",
                };
                return Err(self
                    .report(Diagnostic::error("bound", message, place, note).label(param.name.span, "declared here")));
            }
        }
        Ok(())
    }

    /// Every dimension parameter must be known now.
    pub(super) fn dimension_parameters(
        &mut self,
        u: &mut Unifier,
        item: ItemRef,
        f: &ast::Fn,
        typed: &[Option<Expr>],
        span: Span,
    ) -> Checked<()> {
        let Some(unknown) = f.dims.iter().find(|d| !u.env.dims.contains_key(&d.name)) else { return Ok(()) };
        // Most often an argument has too few dimensions.
        for (param, arg) in f.params.iter().zip(typed) {
            let mut names = Vec::new();
            mentioned(&param.ty, &mut names);
            let Some(arg) = arg.as_ref().filter(|_| names.contains(&unknown.name) && !param.is_const) else { continue };
            let (found, declared) = (self.show(&arg.ty), self.checker.text(param.ty.span));
            let message = format!(
                "`{}` of `{}` should be `{declared}`, but the argument is `{found}`",
                param.name.name, f.name.name
            );
            return Err(self.report(
                Diagnostic::error("shape-mismatch", message, arg.span, format!("this is `{found}`"))
                    .label(param.span, "declared here"),
            ));
        }
        let name = self.checker.modules.path(item);
        let message = format!("the dimension `{}` of `{name}` is not known here", unknown.name);
        Err(self.report(
            Diagnostic::error("unknown-dimension", message, span, "no argument says it")
                .label(unknown.span, "declared here"),
        ))
    }
}

/// Whether a type is within the bound of a type parameter.
fn satisfies(bound: Option<&str>, ty: &Ty) -> bool {
    match (bound, ty) {
        (None, _) => true,
        (Some("int"), Ty::Scalar(e)) => matches!(e, Elem::Int | Elem::Uint(_) | Elem::Sint(_)),
        (Some(_), Ty::Scalar(e)) => *e != Elem::Bool,
        _ => false,
    }
}

fn is_int(ty: &ast::Type) -> bool {
    matches!(&ty.kind, ast::TypeKind::Named { path, .. } if path.segments.len() == 1 && path.segments[0].name == "int")
}

/// The names that occur in a declared type.
pub(crate) fn mentioned(ty: &ast::Type, out: &mut Vec<String>) {
    fn in_expr(e: &ast::Expr, out: &mut Vec<String>) {
        match &e.kind {
            ast::ExprKind::Path(p) if p.segments.len() == 1 => out.push(p.segments[0].name.clone()),
            ast::ExprKind::Unary(_, of) => in_expr(of, out),
            ast::ExprKind::Binary(_, l, r) => {
                in_expr(l, out);
                in_expr(r, out);
            }
            _ => {}
        }
    }
    match &ty.kind {
        ast::TypeKind::Named { path, args } => {
            out.extend(path.segments.iter().map(|s| s.name.clone()));
            for arg in args {
                match arg {
                    ast::TypeArg::Type(t) => mentioned(t, out),
                    ast::TypeArg::Expr(e) => in_expr(e, out),
                }
            }
        }
        ast::TypeKind::Indexed { base, dims } => {
            mentioned(base, out);
            for dim in dims {
                if let ast::DimArg::Expr(e) = dim {
                    in_expr(e, out);
                }
            }
        }
        ast::TypeKind::Tuple(parts) => parts.iter().for_each(|p| mentioned(p, out)),
    }
}
