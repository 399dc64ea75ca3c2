//! Calls: what is called, with its arguments typed against the parameters of its signature.

use motet_program::data::Elem;

use super::context::{Body, Checked, Reported, Want};
use super::dim::Dim;
use super::tree::{Expr, ExprKind, Ty};
use super::types::{Lead, with_lead};
use super::unify::Unifier;
use crate::diagnostics::Diagnostic;
use crate::modules::ItemRef;
use crate::parse::ast;
use crate::source::Span;

impl Body<'_, '_> {
    /// `callee(args)`.
    pub fn call(&mut self, callee: &ast::Expr, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        if let ast::ExprKind::Call { callee: outer, args: functions } = &callee.kind
            && let Some(with_value) = self.gradient_of(outer)
        {
            return self.gradient(functions, args, with_value, span);
        }
        let ast::ExprKind::Path(path) = &callee.kind else {
            return Err(self.error("not-a-function", "only functions can be called", callee.span, ""));
        };
        if let [name] = path.segments.as_slice() {
            if let Some(binding) = self.lookup(&name.name) {
                let declared = binding.span;
                let message = format!("`{}` is a variable, not a function", name.name);
                return Err(self.report(
                    Diagnostic::error("not-a-function", message, callee.span, "").label(declared, "declared here"),
                ));
            }
            if self.checker.modules.find(self.module, &name.name).is_none() {
                if super::builtins::NAMES.contains(&name.name.as_str()) {
                    return self.builtin(name, args, want, span);
                }
                if super::types::elem(&name.name, self.checker.fix).is_some() || self.env.types.contains_key(&name.name)
                {
                    let message = format!("`{}` is a type, not a function", name.name);
                    let help = format!("convert by `as`, as in `x as {}`", name.name);
                    return Err(self.report(Diagnostic::error("not-a-function", message, callee.span, "").help(help)));
                }
            }
        }
        let item = self.item(path, "function")?;
        let modules = self.checker.modules;
        match modules.item(item) {
            ast::Item::Fn(f) => self.call_function(item, f, args, want, span),
            ast::Item::Extern(e) => self.call_extern(item, e, args, span),
            _ => {
                let name = modules.path(item);
                let diagnostic =
                    Diagnostic::error("not-a-function", format!("`{name}` is not a function"), callee.span, "");
                Err(self.report(match modules.item(item) {
                    ast::Item::Struct(s) => {
                        let fields: Vec<String> = s.fields.iter().map(|f| format!("{}: …", f.name.name)).collect();
                        diagnostic.help(format!("a struct is written `{name} {{ {} }}`", fields.join(", ")))
                    }
                    _ => diagnostic,
                }))
            }
        }
    }

    /// A call of a function of the program.
    pub fn call_function(
        &mut self,
        item: ItemRef,
        f: &ast::Fn,
        args: &[ast::Arg],
        want: Want,
        span: Span,
    ) -> Checked<Expr> {
        let given = self.arrange(item, &f.params, args, span)?;
        let mut u = Unifier::new(item.module, &f.types, &f.dims);
        let mut typed: Vec<Option<Checked<Expr>>> = f.params.iter().map(|_| None).collect();
        self.constant_arguments(item, f, &given, &mut u, &mut typed);
        // Arguments that have a type of their own come first; those that take one follow.
        let mut later = Vec::new();
        for (i, (param, arg)) in f.params.iter().zip(&given).enumerate() {
            let Some(arg) = arg.filter(|_| typed[i].is_none()) else { continue };
            if self.needs_hint(arg) {
                later.push(i);
                continue;
            }
            let e = self.argument_hinted(&mut u, param, arg);
            if let Ok(e) = &e {
                self.unify(&mut u, &param.ty, &e.ty, e.span);
            }
            typed[i] = Some(e);
        }
        self.solve(&mut u);
        self.unify_result(&mut u, f, want, span);
        for i in later {
            let (param, Some(arg)) = (&f.params[i], given[i]) else { continue };
            let e = self.argument_hinted(&mut u, param, arg);
            if let Ok(e) = &e {
                self.unify(&mut u, &param.ty, &e.ty, e.span);
            }
            typed[i] = Some(e);
        }
        self.solve(&mut u);
        if typed.iter().flatten().any(Result::is_err) {
            return Err(Reported);
        }
        let typed: Vec<Option<Expr>> = typed.into_iter().map(|t| t.and_then(Result::ok)).collect();
        self.type_parameters(&mut u, f, &typed, span)?;
        self.dimension_parameters(&mut u, item, f, &typed, span)?;
        self.later_constants(item, f, &given, &mut u)?;
        self.rows_left_out(item, &u.env, span);
        self.apply(item, f, u, typed, span)
    }

    /// The call itself: arguments against the parameters' types, the instance, leading dimensions.
    fn apply(&mut self, item: ItemRef, f: &ast::Fn, u: Unifier, typed: Vec<Option<Expr>>, span: Span) -> Checked<Expr> {
        let lead = u.lead.as_ref().map(|(l, _)| l.clone()).unwrap_or_default();
        let mut args = Vec::new();
        let mut failed = false;
        for (param, typed) in f.params.iter().zip(typed) {
            if param.is_const {
                continue;
            }
            let ty = Body::new(self.checker, item.module, u.env.clone()).resolve(&param.ty, Lead::Dropped)?;
            let arg = match typed {
                Some(arg) => self.argument(arg, param, &ty, &lead, &u, f),
                None => self.default_value(item, param, &ty, &u).map(|e| (e, false)),
            };
            match arg {
                Ok(arg) => args.push(arg),
                // One wrong argument often makes dimensions wrong for the others.
                Err(Reported) if !f.dims.is_empty() => return Err(Reported),
                Err(Reported) => failed = true,
            }
        }
        if failed {
            return Err(Reported);
        }
        let lead = if args.iter().any(|(_, mapped)| *mapped) { lead } else { Vec::new() };
        let function = self.checker.instance(item, f, u.env, Some(span))?;
        let result = self.checker.functions[function.0 as usize].result.clone();
        let ty = self.bounded(with_lead(result, &lead), span)?;
        self.make(ExprKind::Call { function, lead, args }, ty, span)
    }

    /// An argument as a value of its parameter's type, and whether it is sliced along the leading dimensions.
    fn argument(
        &mut self,
        arg: Expr,
        param: &ast::Param,
        ty: &Ty,
        lead: &[Dim],
        u: &Unifier,
        f: &ast::Fn,
    ) -> Checked<(Expr, bool)> {
        let whole = arg.ty.shape().len() == ty.shape().len() || lead.is_empty() || !has_rest(&param.ty);
        let full = if whole { ty.clone() } else { with_lead(ty.clone(), lead) };
        let int = arg.ty.elem() == Some(Elem::Int)
            && full.elem().is_some_and(|e| e != Elem::Bool)
            && self.same_shape(arg.ty.shape(), full.shape());
        if self.same(&arg.ty, &full) || int {
            return Ok((self.coerce(arg, &full, &None)?, !whole));
        }
        Err(self.argument_mismatch(&arg, param, &full, u, f))
    }

    /// An argument, hinted by its parameter's type as far as that is known.
    fn argument_hinted(&mut self, u: &mut Unifier, param: &ast::Param, arg: &ast::Expr) -> Checked<Expr> {
        let rest = has_rest(&param.ty);
        // What takes its whole type from here is taken without leading dimensions.
        let lead = if rest && self.is_shapeless(arg) { Lead::Dropped } else { Lead::Forbidden };
        let declared = {
            let mut body = Body::new(self.checker, u.module, u.env.clone());
            let full = match (rest, lead) {
                (true, Lead::Forbidden) => None,
                _ => body.attempt(|b| b.resolve(&param.ty, lead), |_| true),
            };
            let element = full.as_ref().and_then(Ty::elem).or_else(|| {
                let base = element_of(&param.ty);
                body.attempt(|b| b.resolve(base, Lead::Forbidden), |_| true).and_then(|t| t.elem())
            });
            (full, element)
        };
        match &declared {
            (Some(ty), _) => self.expr(arg, Want::Ty(ty)),
            (None, Some(elem)) if *elem != Elem::Int => self.expr(arg, Want::Elem(*elem)),
            _ => self.expr(arg, Want::Any),
        }
    }

    /// What is asked of the result says something about parameters that no argument does.
    fn unify_result<'a>(&mut self, u: &mut Unifier<'a>, f: &'a ast::Fn, want: Want, span: Span) {
        let lead = u.lead.clone();
        match (want, &f.result) {
            (Want::Ty(ty), Some(ast::ResultType::One(shown))) => self.unify(u, &shown.ty, ty, span),
            (Want::Ty(Ty::Tuple(tys)), Some(ast::ResultType::Parts(parts, _))) if tys.len() == parts.len() => {
                parts.iter().zip(tys).for_each(|(p, ty)| self.unify(u, &p.ty, ty, span));
            }
            (Want::Elem(elem), Some(ast::ResultType::One(shown))) => {
                self.unify(u, element_of(&shown.ty), &Ty::Scalar(elem), span);
            }
            _ => {}
        }
        // Only arguments have leading dimensions.
        u.lead = lead;
    }
}

/// Whether a declared type has leading dimensions.
pub(crate) fn has_rest(ty: &ast::Type) -> bool {
    match &ty.kind {
        ast::TypeKind::Indexed { dims, base } => {
            dims.iter().any(|d| matches!(d, ast::DimArg::Rest(_))) || has_rest(base)
        }
        ast::TypeKind::Tuple(parts) => parts.iter().any(has_rest),
        ast::TypeKind::Named { .. } => false,
    }
}

/// What stands before the brackets.
fn element_of(ty: &ast::Type) -> &ast::Type {
    match &ty.kind {
        ast::TypeKind::Indexed { base, .. } => element_of(base),
        _ => ty,
    }
}
