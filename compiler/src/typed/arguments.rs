//! The arguments of a call: which is which parameter's, and what is said of one that does not fit.

use motet_program::data::Elem;

use super::calls::has_rest;
use super::context::{Body, Checked, Reported};
use super::parameters::mentioned;
use super::similar;
use super::tree::{Expr, Ty};
use super::unify::{Origin, Unifier};
use crate::diagnostics::Diagnostic;
use crate::modules::ItemRef;
use crate::parse::ast;
use crate::source::Span;

impl Body<'_, '_> {
    /// Which argument is which parameter's.
    pub(super) fn arrange<'a>(
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

    /// Reports an argument that does not fit, and where what it should be comes from.
    pub(super) fn argument_mismatch(
        &mut self,
        arg: &Expr,
        param: &ast::Param,
        ty: &Ty,
        u: &Unifier,
        f: &ast::Fn,
    ) -> Reported {
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
}
