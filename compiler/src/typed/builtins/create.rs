//! Values from nothing: `zeros ones full iota random_public`.

use motet_program::data::Elem;

use crate::diagnostics::Diagnostic;
use crate::parse::ast;
use crate::source::Span;
use crate::typed::context::{Body, Checked, Reported, Want};
use crate::typed::dim::Dim;
use crate::typed::tree::{Builtin, Expr, Ty};
use crate::typed::types::tensor;

impl Body<'_, '_> {
    /// `zeros()`, `ones()` of the type asked for, or of a shape that is given.
    pub(super) fn filled(&mut self, f: &str, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given(f, &["shape"], 0, args, span)?;
        let ty = self.asked(f, given[0], want, span)?;
        let builtin = if f == "zeros" { Builtin::Zeros } else { Builtin::Ones };
        self.operation(builtin, Vec::new(), ty, span)
    }

    /// `full(v)` of the type asked for, or `full(v, shape)`.
    pub(super) fn full(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("full", &["v", "shape"], 1, args, span)?;
        let value = self.at(&given, 0)?;
        let hint = want.elem().map_or(Want::Any, Want::Elem);
        let v = self.expr(value, hint)?;
        let Ty::Scalar(elem) = v.ty else {
            let shown = self.show(&v.ty);
            return Err(self.error("type-mismatch", format!("`full` takes one number, not `{shown}`"), v.span, ""));
        };
        let shape = match (given[1], want) {
            (Some(sizes), _) => self.sizes(sizes)?,
            (None, Want::Ty(Ty::Tensor(_, shape))) => shape.clone(),
            (None, Want::Ty(Ty::Scalar(_))) => return Ok(v),
            _ => return Err(self.shape_unknown("full", span)),
        };
        let elem = want.elem().filter(|_| elem == Elem::Int).unwrap_or(elem);
        let v = self.coerce(v, &Ty::Scalar(elem), &None)?;
        self.operation(Builtin::Full, vec![v], tensor(Ty::Scalar(elem), shape), span)
    }

    /// `iota()` of the length asked for, or `iota(n)`.
    pub(super) fn iota(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("iota", &["n"], 0, args, span)?;
        let n = match (given[0], want) {
            (Some(n), _) => self.dimension(n)?,
            (None, Want::Ty(Ty::Tensor(_, shape))) if shape.len() == 1 => shape[0].clone(),
            _ => return Err(self.shape_unknown("iota", span)),
        };
        self.operation(Builtin::Iota, Vec::new(), tensor(Ty::Scalar(Elem::Int), vec![n]), span)
    }

    /// `random_public(bound)`: an `int`, or a tensor of them of the shape asked for.
    pub(super) fn random_public(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("random_public", &["bound", "shape"], 1, args, span)?;
        let int = Ty::Scalar(Elem::Int);
        let why = Some((span, "the bound is an `int`".to_owned()));
        let bound = self.expect(self.at(&given, 0)?, &int, why)?;
        let shape = match (given[1], want) {
            (Some(sizes), _) => self.sizes(sizes)?,
            (None, Want::Ty(ty)) => ty.shape().to_vec(),
            _ => Vec::new(),
        };
        self.operation(Builtin::RandomPublic, vec![bound], tensor(int, shape), span)
    }

    /// The type that is asked for, of a shape that may be given.
    fn asked(&mut self, f: &str, shape: Option<&ast::Expr>, want: Want, span: Span) -> Checked<Ty> {
        match (shape, want) {
            (Some(sizes), _) => {
                let elem = want.elem().unwrap_or(self.checker.fix);
                let sizes: Vec<Dim> = self.sizes(sizes)?;
                Ok(tensor(Ty::Scalar(elem), sizes))
            }
            (None, Want::Ty(ty)) => Ok(ty.clone()),
            _ => Err(self.shape_unknown(f, span)),
        }
    }

    fn shape_unknown(&mut self, f: &str, span: Span) -> Reported {
        let arguments = if f == "full" { "v, [N, 2]" } else { "[N, 2]" };
        let example = if f == "iota" { "`iota(N)`".to_owned() } else { format!("`{f}({arguments})`") };
        self.report(
            Diagnostic::error(
                "unknown-type",
                format!("the type of `{f}` is not known here"),
                span,
                "nothing says its shape",
            )
            .help(format!("say the type, as in `let x: fix[N, 2] = {f}(…)`, or give the shape, as in {example}")),
        )
    }
}
