//! Functions over functions: `map fold zip grad value_and_grad`, and `with_slope`.

use motet_program::data::Elem;

use super::shape::element;
use crate::diagnostics::Diagnostic;
use crate::parse::ast;
use crate::source::Span;
use crate::typed::context::{Body, Checked, Reported, Want};
use crate::typed::tree::{Builtin, Closure, Expr, ExprKind, Ty};
use crate::typed::types::{row, with_lead};

impl Body<'_, '_> {
    /// `map(f, x, …)`.
    pub(super) fn map(&mut self, args: &[ast::Arg], span: Span) -> Checked<Expr> {
        self.unnamed("map", args)?;
        let [f, xs @ ..] = args else {
            return Err(self.error(
                "arguments",
                "`map` needs a function and a tensor",
                span,
                "as in `map(|v| v * v, x)`",
            ));
        };
        if xs.is_empty() {
            return Err(self.error("arguments", "`map` needs a tensor", span, "as in `map(|v| v * v, x)`"));
        }
        let typed: Vec<_> = xs.iter().map(|x| self.mapped(&x.value)).collect();
        let typed = typed.into_iter().collect::<Checked<Vec<_>>>()?;
        if matches!(typed[0].ty, Ty::Struct(_)) {
            return self.map_struct(&f.value, typed, span);
        }
        let shape = typed[0].ty.shape().to_vec();
        if let Some(other) = typed.iter().find(|x| !self.same_shape(x.ty.shape(), &shape)) {
            let (first, second) = (self.show(&typed[0].ty), self.show(&other.ty));
            return Err(self.report(
                Diagnostic::error(
                    "shape-mismatch",
                    format!("`map` runs over tensors of one shape, not `{first}` and `{second}`"),
                    span,
                    "",
                )
                .label(typed[0].span, format!("`{first}`"))
                .label(other.span, format!("`{second}`")),
            ));
        }
        let params: Vec<Ty> = typed.iter().map(|x| element(&x.ty)).collect();
        let closure = self.closure(&f.value, &params, Want::Any)?;
        let ty = self.bounded(with_lead(closure.body.ty.clone(), &shape), span)?;
        self.make(ExprKind::Map { xs: typed, closure }, ty, span)
    }

    /// `fold(f, start, xs)`.
    pub(super) fn fold_call(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("fold", &["f", "start", "xs"], 3, args, span)?;
        let (f, start, xs) = (self.at(&given, 0)?, self.at(&given, 1)?, self.at(&given, 2)?);
        let xs = self.expr(xs, Want::Any)?;
        let row = self.rows(&xs)?;
        let mut typed = self.expr(start, want)?;
        if holds_int(&typed.ty) {
            // `fold(|n, v| n + v, 0, xs)`: the start becomes what the function gives back.
            let mut result = None;
            let params = [typed.ty.clone(), row.clone()];
            self.attempt(
                |body| {
                    result = Some(body.closure(f, &params, Want::Any)?.body.ty);
                    Ok(())
                },
                |()| false,
            );
            if let Some(ty) = result.filter(|ty| becomes(&typed.ty, ty)) {
                let why = Some((f.span, format!("the function gives back `{}`", self.show(&ty))));
                typed = self.expect(start, &ty, why)?;
            }
        }
        let acc = typed.ty.clone();
        let mut closure = self.closure(f, &[acc.clone(), row], Want::Ty(&acc))?;
        let why =
            Some((typed.span, format!("`fold` starts with a `{}`, so the function gives back one", self.show(&acc))));
        *closure.body = self.coerce_tail(*closure.body, &acc, &why)?;
        let kind = ExprKind::Fold { start: Box::new(typed), xs: Box::new(xs), closure };
        self.make(kind, acc, span)
    }

    /// A function given to `map` or `fold`, for parameters of these types: a closure, or the name of a function.
    pub(super) fn closure(&mut self, f: &ast::Expr, params: &[Ty], want: Want) -> Checked<Closure> {
        let named;
        let (patterns, body) = match &f.kind {
            ast::ExprKind::Closure { params, body } => (params, body.as_ref()),
            ast::ExprKind::Path(_) => {
                named = eta(f, params.len());
                (&named.0, &named.1)
            }
            _ => {
                let diagnostic = Diagnostic::error("type-mismatch", "a function is expected here", f.span, "");
                return Err(
                    self.report(diagnostic.help("write a closure, as in `|v| v * v`, or the name of a function"))
                );
            }
        };
        if patterns.len() != params.len() {
            let message = format!("this function takes {}, but is given {}", patterns.len(), params.len());
            return Err(self.error("arguments", message, f.span, ""));
        }
        self.closures += 1;
        let out = self.scoped(|inner| {
            let bound: Vec<_> = patterns.iter().zip(params).map(|(p, ty)| inner.pattern(p, Some(ty), None)).collect();
            let typed = inner.expr(body, want)?;
            Ok(Closure { params: bound.into_iter().collect::<Checked<_>>()?, body: Box::new(typed) })
        });
        self.closures -= 1;
        out
    }

    /// `zip(a, b, …)`.
    pub(super) fn zip(&mut self, args: &[ast::Arg], span: Span) -> Checked<Expr> {
        self.unnamed("zip", args)?;
        let typed: Vec<_> = args.iter().map(|a| self.tensor_of("zip", &a.value)).collect();
        let typed = typed.into_iter().collect::<Checked<Vec<_>>>()?;
        let lengths: Option<Vec<_>> = typed.iter().map(|t| row(&t.ty).map(|(n, _)| n)).collect();
        let lengths = lengths.filter(|l| !l.is_empty());
        let Some(lengths) = lengths else {
            return Err(self.error("arguments", "`zip` needs tensors", span, "as in `zip(xs, ys)`"));
        };
        self.one_length(&lengths, span)?;
        let ty = Ty::Tuple(typed.iter().map(|t| t.ty.clone()).collect());
        self.operation(Builtin::Zip, typed, ty, span)
    }

    /// `with_slope(y, x, slope)`.
    pub(super) fn with_slope(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("with_slope", &["y", "x", "slope"], 3, args, span)?;
        let y = self.at(&given, 0)?;
        let y = self.numbers("with_slope", y, want)?;
        let x = self.at(&given, 1)?;
        let x = self.numbers("with_slope", x, Want::Any)?;
        let why =
            Some((x.span, format!("this is a `{}`, and the slope has a number for each of its", self.show(&x.ty))));
        let slope = self.expect(self.at(&given, 2)?, &x.ty, why)?;
        let (of, shape) = (y.ty.shape(), x.ty.shape());
        if y.ty.elem() != x.ty.elem() || of.len() > shape.len() || !self.same_shape(of, &shape[..of.len()]) {
            let (y, x) = (self.show(&y.ty), self.show(&x.ty));
            let message =
                format!("a `{y}` cannot have a slope in a `{x}`: the shape of the one begins that of the other");
            return Err(self.error("shape-mismatch", message, span, ""));
        }
        let ty = y.ty.clone();
        self.operation(Builtin::WithSlope, vec![y, x, slope], ty, span)
    }

    /// Whether this is `grad` (`Some(false)`) or `value_and_grad` (`Some(true)`).
    pub fn gradient_of(&mut self, e: &ast::Expr) -> Option<bool> {
        let ast::ExprKind::Path(path) = &e.kind else { return None };
        let [name] = path.segments.as_slice() else { return None };
        let hidden = self.checker.modules.find(self.module, &name.name).is_some() || self.lookup(&name.name).is_some();
        match name.name.as_str() {
            _ if hidden => None,
            "grad" => Some(false),
            "value_and_grad" => Some(true),
            _ => None,
        }
    }

    /// `grad(f)(x, …)`.
    pub fn gradient(
        &mut self,
        functions: &[ast::Arg],
        args: &[ast::Arg],
        with_value: bool,
        span: Span,
    ) -> Checked<Expr> {
        let [ast::Arg { name: None, value: f }] = functions else {
            return Err(self.error(
                "arguments",
                "`grad` takes one function",
                span,
                "as in `grad(objective)(model, x, y)`",
            ));
        };
        let ast::ExprKind::Path(path) = &f.kind else {
            return Err(self.report(
                Diagnostic::error("type-mismatch", "`grad` takes the name of a function", f.span, "")
                    .help("write what is to be differentiated as a `fn`, and name it here"),
            ));
        };
        let item = self.item(path, "function")?;
        let modules = self.checker.modules;
        let ast::Item::Fn(function) = modules.item(item) else {
            return Err(self.error(
                "not-a-function",
                format!("`{}` is not a function", modules.path(item)),
                f.span,
                "",
            ));
        };
        let call = self.call_function(item, function, args, Want::Any, span)?;
        let value = call.ty.clone();
        let ExprKind::Call { function: id, lead, args } = call.kind else { return Err(Reported) };
        let fixed = matches!(value, Ty::Scalar(Elem::Fix { .. }));
        if !fixed || !lead.is_empty() {
            let shown = self.show(&value);
            let message =
                format!("only a function to one `fix` has a gradient; `{}` gives `{shown}`", function.name.name);
            return Err(
                self.report(Diagnostic::error("gradient", message, f.span, "").label(function.span, "declared here"))
            );
        }
        let Some((first, _)) = args.first() else {
            return Err(self.error(
                "gradient",
                format!("`{}` has no parameter", function.name.name),
                f.span,
                "the gradient is taken in the first",
            ));
        };
        if !all_fix(&first.ty) {
            let shown = self.show(&first.ty);
            let message = format!("a gradient is taken in `fix` numbers, not in `{shown}`");
            return Err(self.error(
                "gradient",
                message,
                first.span,
                format!("the first argument of `{}`", function.name.name),
            ));
        }
        let gradient = first.ty.clone();
        let ty = if with_value { Ty::Tuple(vec![value, gradient]) } else { gradient };
        let args = args.into_iter().map(|(a, _)| a).collect();
        self.make(ExprKind::Grad { function: id, args, with_value }, ty, span)
    }
}

/// `f` as `|a0, a1| f(a0, a1)`.
fn eta(f: &ast::Expr, params: usize) -> (Vec<ast::Pattern>, ast::Expr) {
    let names: Vec<ast::Ident> = (0..params).map(|i| ast::Ident { name: format!("_{i}"), span: f.span }).collect();
    let args = names.iter().map(|n| ast::Arg {
        name: None,
        value: ast::Expr { kind: ast::ExprKind::Path(ast::Path { segments: vec![n.clone()] }), span: f.span },
    });
    let call = ast::ExprKind::Call { callee: Box::new(f.clone()), args: args.collect() };
    let patterns = names.into_iter().map(|name| ast::Pattern::Name { mutable: false, name }).collect();
    (patterns, ast::Expr { kind: call, span: f.span })
}

fn holds_int(ty: &Ty) -> bool {
    match ty {
        Ty::Scalar(e) => *e == Elem::Int,
        Ty::Tensor(of, _) => holds_int(of),
        Ty::Tuple(parts) => parts.iter().any(holds_int),
        Ty::Struct(_) => false,
    }
}

/// Whether one type becomes the other by making some `int`s something else.
fn becomes(from: &Ty, to: &Ty) -> bool {
    match (from, to) {
        (Ty::Tuple(a), Ty::Tuple(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| becomes(a, b)),
        (a, b) => a == b || a.elem() == Some(Elem::Int) && b.elem().is_some() && a.shape() == b.shape(),
    }
}

fn all_fix(ty: &Ty) -> bool {
    match ty {
        Ty::Scalar(e) => matches!(e, Elem::Fix { .. }),
        Ty::Tensor(of, _) => all_fix(of),
        Ty::Tuple(parts) => parts.iter().all(all_fix),
        Ty::Struct(s) => s.fields.iter().all(|(_, f)| all_fix(f)),
    }
}
