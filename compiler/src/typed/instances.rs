//! Function instances: a function's body checked for what its parameters stand for, once for each combination.

use super::context::{Active, Body, Checked, Checker, Env, Reported, Want};
use super::statements::ends_with_statement;
use super::tree::{ExprKind, Function, FunctionId, Ty};
use super::types::Lead;
use crate::diagnostics::Diagnostic;
use crate::modules::ItemRef;
use crate::parse::ast;
use crate::source::Span;

/// How deep calls may nest.
const MAX_CALLS: usize = 64;

impl Checker<'_> {
    /// The instance of a function for what its parameters stand for.
    pub fn instance(&mut self, item: ItemRef, f: &ast::Fn, env: Env, call: Option<Span>) -> Checked<FunctionId> {
        let name = self.modules.path(item);
        if let Some(start) = self.active.iter().position(|a| a.item == item) {
            return Err(self.recursion(start, &name, call.unwrap_or(f.span)));
        }
        let key = (item, env.key());
        if let Some(known) = self.instances.get(&key) {
            return *known;
        }
        if self.active.len() >= MAX_CALLS {
            let message = format!("calls nest more than {MAX_CALLS} deep");
            return Err(self.error("too-deep", message, call.unwrap_or(f.span), format!("`{name}` is one too many")));
        }
        self.spend(16, call.unwrap_or(f.span))?;
        self.active.push(Active { item, name: name.clone(), call });
        let made = Body::new(self, item.module, env).function(name, f);
        self.active.pop();
        let id = made.map(|function| {
            self.functions.push(function);
            FunctionId((self.functions.len() - 1) as u32)
        });
        self.instances.insert(key, id);
        id
    }

    fn recursion(&mut self, start: usize, name: &str, call: Span) -> Reported {
        let circle: Vec<String> = self.active[start..].iter().map(|a| format!("`{}`", a.name)).collect();
        let message = match circle.as_slice() {
            [_] => format!("`{name}` calls itself"),
            _ => format!("functions call each other in a circle: {} calls `{name}`", circle.join(" calls ")),
        };
        let mut diagnostic =
            Diagnostic::error("recursion", message, call, format!("`{name}` is called here, inside of itself"));
        for active in &self.active[start + 1..] {
            if let Some(call) = active.call {
                diagnostic = diagnostic.label(call, format!("`{}` is called here", active.name));
            }
        }
        self.report(diagnostic.help("recursion is not possible, since a program's size must be known: write a loop"))
    }
}

impl Body<'_, '_> {
    /// The body of a function for the parameters' values in `env`.
    fn function(mut self, name: String, f: &ast::Fn) -> Checked<Function> {
        let mut params = Vec::new();
        for param in f.params.iter().filter(|p| !p.is_const) {
            let ty = self.resolve(&param.ty, Lead::Dropped)?;
            let local = self.local(&param.name.name, ty.clone(), param.name.span);
            let binding = super::context::Binding {
                local,
                ty: Some(ty),
                mutable: false,
                constant: None,
                closures: 0,
                span: param.name.span,
                used: true,
            };
            self.bind(&param.name.name, binding);
            params.push(local);
        }
        let (ty, declared) = self.result_type(f)?;
        self.result = Some((ty.clone(), declared));
        let body = self.block(&f.body, Want::Ty(&ty), true)?;
        if body.ty == Ty::unit() && ty != Ty::unit() && !matches!(body.kind, ExprKind::Block(_, Some(_))) {
            return Err(self.no_value(f, &ty, declared));
        }
        let why = Some((declared, format!("the result of `{}` is `{}`", f.name.name, self.show(&ty))));
        let body = self.coerce_tail(body, &ty, &why)?;
        Ok(Function { name, span: f.span, params, locals: self.locals, result: ty, body })
    }

    /// The type of a function's result, for one point of its leading dimensions, and where it is written.
    fn result_type(&mut self, f: &ast::Fn) -> Checked<(Ty, Span)> {
        let (ty, span, rest) = match &f.result {
            None => (Ty::unit(), f.name.span, true),
            Some(ast::ResultType::One(shown)) => {
                (self.resolve(&shown.ty, Lead::Dropped)?, shown.ty.span, super::calls::has_rest(&shown.ty))
            }
            Some(ast::ResultType::Parts(parts, span)) => {
                let types: Vec<_> = parts.iter().map(|p| self.resolve(&p.ty, Lead::Dropped)).collect();
                let rest = parts.iter().all(|p| super::calls::has_rest(&p.ty));
                (Ty::Tuple(types.into_iter().collect::<Checked<_>>()?), *span, rest)
            }
        };
        match f.params.iter().find(|p| super::calls::has_rest(&p.ty)) {
            Some(param) if !rest => Err(self.report(
                Diagnostic::error("rest-dimension", format!("the result of `{}` needs `..`", f.name.name), span, "")
                    .label(
                        param.span,
                        "this parameter has any leading dimensions: there is a result for each point of them",
                    )
                    .help("write `..` before the dimensions of the result, as in `fix[.., N]` or `fix[..]`"),
            )),
            _ => Ok((ty, span)),
        }
    }

    fn no_value(&mut self, f: &ast::Fn, ty: &Ty, declared: Span) -> Reported {
        let shown = self.show(ty);
        let message = format!("`{}` should give a `{shown}`, but its body has no value", f.name.name);
        let last = f.body.stmts.last().map_or(f.body.span, |s| s.span);
        let diagnostic = Diagnostic::error("type-mismatch", message, last, "the body ends here without a value")
            .label(declared, format!("the result is `{shown}`"));
        self.report(match ends_with_statement(&f.body) {
            true => diagnostic.help("leave out the last `;` to make the expression the value"),
            false => diagnostic,
        })
    }
}
