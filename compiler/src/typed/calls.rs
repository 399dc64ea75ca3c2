//! Calls: which function, which argument is which parameter, what the parameters of its signature stand for.

use motet_program::data::Elem;

use super::context::{Body, Checked, Constant, Reported, Want};
use super::dim::Dim;
use super::similar;
use super::tree::{Expr, ExprKind, Ty};
use super::types::{Lead, with_lead};
use super::unify::{Origin, Unifier};
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

    /// Reports an argument that does not fit, and where what it should be comes from.
    fn argument_mismatch(&mut self, arg: &Expr, param: &ast::Param, ty: &Ty, u: &Unifier, f: &ast::Fn) -> Reported {
        let (found, wanted) = (self.show(&arg.ty), self.show(ty));
        let (name, function) = (&param.name.name, &f.name.name);
        let message = format!("`{name}` of `{function}` should be `{wanted}` here, but the argument is `{found}`");
        let code = if arg.ty.elem() == ty.elem() { "shape-mismatch" } else { "type-mismatch" };
        let mut diagnostic = Diagnostic::error(code, message, arg.span, format!("this is `{found}`"));
        let mut names = Vec::new();
        mentioned(&param.ty, &mut names);
        for name in names {
            if let Some(Origin { span, text }) = u.origins.get(&name).filter(|o| o.span != arg.span) {
                diagnostic = diagnostic.label(*span, format!("`{name}` is {text} by this argument"));
            }
        }
        if let (Some((lead, span)), true) = (&u.lead, has_rest(&param.ty))
            && !lead.is_empty()
            && *span != arg.span
        {
            diagnostic = diagnostic.label(*span, format!("`..` is `[{}]` by this argument", super::print::join(lead)));
        }
        let declared = self.checker.text(param.ty.span);
        diagnostic = diagnostic.label(param.span, format!("`{name}` of `{function}` is declared `{declared}` here"));
        let help = match (arg.ty.elem(), ty.elem()) {
            (Some(a), Some(b)) if a != b && b != Elem::Bool && self.same_shape(arg.ty.shape(), ty.shape()) => {
                Some(format!("`as {}` converts it", super::print::elem(b, self.checker.fix)))
            }
            _ => self.transposed(arg, ty, u),
        };
        self.report(Diagnostic { help, ..diagnostic })
    }

    /// Whether an argument is the transpose of what is needed: itself, or the matrix that a dimension came from.
    fn transposed(&self, arg: &Expr, ty: &Ty, u: &Unifier) -> Option<String> {
        if let ([a, b], [c, d]) = (arg.ty.shape(), ty.shape())
            && self.same_shape(&[a.clone(), b.clone()], &[d.clone(), c.clone()])
        {
            return Some(format!("did you mean `transpose({})`?", self.checker.text(arg.span)));
        }
        // The dimension that differs was taken from a matrix whose other dimension would fit.
        let (found, wanted) = (arg.ty.shape().last()?, ty.shape().last()?);
        if arg.ty.shape().len() != ty.shape().len() {
            return None;
        }
        let taken = u.env.dims.iter().find(|(_, d)| *d == wanted)?;
        let origin = u.origins.get(taken.0)?;
        let other = u
            .env
            .dims
            .iter()
            .any(|(n, d)| n != taken.0 && d == found && u.origins.get(n).is_some_and(|o| o.span == origin.span));
        other.then(|| {
            let text = self.checker.text(origin.span);
            format!("`{text}` looks transposed: did you mean `transpose({text})`?")
        })
    }

    /// Which argument is which parameter's.
    fn arrange<'a>(
        &mut self,
        item: ItemRef,
        params: &[ast::Param],
        args: &'a [ast::Arg],
        span: Span,
    ) -> Checked<Vec<Option<&'a ast::Expr>>> {
        let name = self.checker.modules.path(item);
        let names: Vec<&str> = params.iter().map(|p| p.name.name.as_str()).collect();
        let declared = crate::modules::name(self.checker.modules.item(item)).map(|n| n.span);
        let given = self.arrange_names(&name, &names, args, span, declared)?;
        let missing: Vec<String> = params
            .iter()
            .zip(&given)
            .filter(|(p, g)| g.is_none() && p.default.is_none())
            .map(|(p, _)| format!("`{}`", p.name.name))
            .collect();
        if missing.is_empty() {
            return Ok(given);
        }
        let message = format!("`{name}` needs {}", missing.join(", "));
        let count = if args.len() == 1 { "1 argument is".to_owned() } else { format!("{} arguments are", args.len()) };
        let mut diagnostic = Diagnostic::error("arguments", message, span, format!("{count} given"));
        if let Some(declared) = declared {
            diagnostic = diagnostic.label(declared, "declared here");
        }
        Err(self.report(diagnostic))
    }

    /// Arguments by position, then by name.
    pub fn arrange_names<'a>(
        &mut self,
        function: &str,
        names: &[&str],
        args: &'a [ast::Arg],
        span: Span,
        declared: Option<Span>,
    ) -> Checked<Vec<Option<&'a ast::Expr>>> {
        let mut given: Vec<Option<&ast::Expr>> = vec![None; names.len()];
        let at = |d: Diagnostic| match declared {
            Some(span) => d.label(span, "declared here"),
            None => d,
        };
        let mut named = false;
        for (i, arg) in args.iter().enumerate() {
            let index = match &arg.name {
                None if named => {
                    return Err(self.error(
                        "arguments",
                        "an argument without a name stands after one with a name",
                        arg.value.span,
                        "",
                    ));
                }
                None if i >= names.len() => {
                    let takes =
                        if names.len() == 1 { "1 argument".to_owned() } else { format!("{} arguments", names.len()) };
                    let message = format!("`{function}` takes {takes}, but {} are given", args.len());
                    return Err(self.report(at(Diagnostic::error(
                        "arguments",
                        message,
                        arg.value.span,
                        "this one is too many",
                    ))));
                }
                None => i,
                Some(name) => {
                    named = true;
                    let Some(index) = names.iter().position(|n| *n == name.name) else {
                        let message = format!("`{function}` has no parameter `{}`", name.name);
                        let diagnostic = at(Diagnostic::error("arguments", message, name.span, ""));
                        let help = match similar(&name.name, names.iter().copied()) {
                            Some(close) => format!("did you mean `{close}`?"),
                            None => format!("its parameters are `{}`", names.join("`, `")),
                        };
                        return Err(self.report(diagnostic.help(help)));
                    };
                    index
                }
            };
            if let Some(first) = given[index] {
                let message = format!("`{}` of `{function}` is given twice", names[index]);
                return Err(self.report(
                    Diagnostic::error("arguments", message, arg.value.span, "again here")
                        .label(first.span, "first here"),
                ));
            }
            given[index] = Some(&arg.value);
        }
        let _ = span;
        Ok(given)
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

    /// `const` parameters that are `int`s: dimensions may be made of them.
    fn constant_arguments(
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
    fn later_constants(
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

    fn default_value(&mut self, item: ItemRef, param: &ast::Param, ty: &Ty, u: &Unifier) -> Checked<Expr> {
        let Some(default) = &param.default else { return Err(Reported) };
        let mut body = Body::new(self.checker, item.module, u.env.clone());
        let why = Some((param.span, format!("declared as `{}`", body.show(ty))));
        let e = body.expect(default, ty, why)?;
        let constant = body.constant(e, &format!("the default of `{}`", param.name.name))?;
        let e = body.constant_expr(constant, Want::Ty(ty), default.span)?;
        body.coerce(e, ty, &None)
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

    /// Type parameters that nothing has said anything about, and the bounds of all.
    fn type_parameters(&mut self, u: &mut Unifier, f: &ast::Fn, typed: &[Option<Expr>], span: Span) -> Checked<()> {
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
    fn dimension_parameters(
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
