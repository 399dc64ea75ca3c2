//! Struct literals, and calls of imported circuits.

use super::context::{Body, Checked, Reported, Want};
use super::similar;
use super::tree::{Expr, ExprKind, Ty};
use super::types::Lead;
use super::unify::Unifier;
use crate::diagnostics::Diagnostic;
use crate::modules::ItemRef;
use crate::parse::ast;
use crate::source::Span;

impl Body<'_, '_> {
    /// `Model { w: zeros(), b }`.
    pub fn struct_literal(
        &mut self,
        path: &ast::Path,
        fields: &[(ast::Ident, ast::Expr)],
        want: Want,
        span: Span,
    ) -> Checked<Expr> {
        let item = self.item(path, "struct")?;
        let modules = self.checker.modules;
        let name = modules.path(item);
        let ast::Item::Struct(s) = modules.item(item) else {
            return Err(self.error("not-a-type", format!("`{name}` is not a struct"), span, ""));
        };
        let given = self.fields(s, &name, fields, span)?;
        let ty = match want {
            Want::Ty(ty @ Ty::Struct(wanted)) if wanted.name == name && wanted.fields.len() == s.fields.len() => {
                ty.clone()
            }
            _ if s.types.is_empty() && s.dims.is_empty() => self.structure_in(item, s, Default::default())?,
            _ => self.inferred(item, s, &given, span)?,
        };
        let Ty::Struct(of) = &ty else { return Err(Reported) };
        let mut typed = Vec::new();
        for ((field, value), (_, ty)) in s.fields.iter().zip(&given).zip(&of.fields) {
            let note = format!("field `{}` is `{}`", field.name.name, self.show(ty));
            typed.push(self.expect(value, ty, Some((field.name.span, note))));
        }
        let typed = typed.into_iter().collect::<Checked<Vec<_>>>()?;
        self.make(ExprKind::Aggregate(typed), ty, span)
    }

    /// The values in order of declaration.
    fn fields<'a>(
        &mut self,
        s: &ast::Struct,
        name: &str,
        fields: &'a [(ast::Ident, ast::Expr)],
        span: Span,
    ) -> Checked<Vec<&'a ast::Expr>> {
        let mut given: Vec<Option<&ast::Expr>> = vec![None; s.fields.len()];
        for (field, value) in fields {
            let Some(i) = s.fields.iter().position(|f| f.name.name == field.name) else {
                let names = s.fields.iter().map(|f| f.name.name.as_str());
                let diagnostic =
                    Diagnostic::error("no-field", format!("`{name}` has no field `{}`", field.name), field.span, "")
                        .label(s.name.span, "declared here");
                return Err(self.report(match similar(&field.name, names) {
                    Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
                    None => diagnostic,
                }));
            };
            if given[i].is_some() {
                return Err(self.error(
                    "duplicate",
                    format!("field `{}` is given twice", field.name),
                    field.span,
                    "again here",
                ));
            }
            given[i] = Some(value);
        }
        let missing: Vec<String> = s
            .fields
            .iter()
            .zip(&given)
            .filter(|(_, g)| g.is_none())
            .map(|(f, _)| format!("`{}`", f.name.name))
            .collect();
        if !missing.is_empty() {
            let message = format!("`{name}` needs {}", missing.join(", "));
            return Err(
                self.report(Diagnostic::error("missing-field", message, span, "").label(s.name.span, "declared here"))
            );
        }
        Ok(given.into_iter().flatten().collect())
    }

    /// The struct whose parameters are those that the values of its fields say.
    fn inferred(&mut self, item: ItemRef, s: &ast::Struct, given: &[&ast::Expr], span: Span) -> Checked<Ty> {
        let mut u = Unifier::new(item.module, &s.types, &s.dims);
        for (field, value) in s.fields.iter().zip(given) {
            if self.needs_hint(value) && !matches!(value.kind, ast::ExprKind::Array(_)) {
                continue;
            }
            let typed = self.expr(value, Want::Any)?;
            self.unify(&mut u, &field.ty, &typed.ty, typed.span);
        }
        self.solve(&mut u);
        let unknown = s.types.iter().map(|t| &t.name).find(|n| !u.env.types.contains_key(&n.name));
        let unknown = unknown.or_else(|| s.dims.iter().find(|d| !u.env.dims.contains_key(&d.name)));
        if let Some(unknown) = unknown {
            let message = format!("`{}` of `{}` is not known here", unknown.name, s.name.name);
            return Err(self.report(
                Diagnostic::error("unknown-type", message, span, "no field's value says it")
                    .label(unknown.span, "declared here")
                    .help("say the type, as in `let m: Dense[3, 4] = …`"),
            ));
        }
        self.structure_in(item, s, u.env)
    }

    /// A call of an imported circuit.
    pub fn call_extern(&mut self, item: ItemRef, e: &ast::Extern, args: &[ast::Arg], span: Span) -> Checked<Expr> {
        let names: Vec<&str> = e.params.iter().map(|p| p.name.name.as_str()).collect();
        let given = self.arrange_names(&e.name.name, &names, args, span, Some(e.name.span))?;
        let mut typed = Vec::new();
        for (param, arg) in e.params.iter().zip(given) {
            let ty = Body::new(self.checker, item.module, Default::default()).resolve(&param.ty, Lead::Forbidden)?;
            let Some(arg) = arg else {
                let message = format!("`{}` needs `{}`", e.name.name, param.name.name);
                return Err(
                    self.report(Diagnostic::error("arguments", message, span, "").label(e.name.span, "declared here"))
                );
            };
            let note = format!("`{}` is `{}`", param.name.name, self.show(&ty));
            typed.push(self.expect(arg, &ty, Some((param.span, note))));
        }
        let typed = typed.into_iter().collect::<Checked<Vec<_>>>()?;
        let index = self.checker.extern_circuit(item, e)?;
        let ty = Body::new(self.checker, item.module, Default::default()).resolve(&e.result, Lead::Forbidden)?;
        self.make(ExprKind::Extern(index, typed), ty, span)
    }
}
