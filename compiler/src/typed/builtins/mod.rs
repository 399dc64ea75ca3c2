//! Built-in functions: their arguments' types and their results'.

mod create;
mod fields;
mod higher;
mod linear;
mod reduce;
mod shape;

use motet_program::data::Elem;

use super::context::{Body, Checked, Reported, Want};
use super::dim::Dim;
use super::tree::{Builtin, Expr, ExprKind, Ty};
use crate::diagnostics::Diagnostic;
use crate::parse::ast;
use crate::source::Span;

/// The names of all built-in functions.
pub(crate) const NAMES: &[&str] = &[
    "zeros",
    "ones",
    "full",
    "iota",
    "concat",
    "stack",
    "reshape",
    "transpose",
    "broadcast",
    "slice",
    "gather",
    "pad",
    "matmul",
    "dot",
    "conv2d",
    "sum",
    "map",
    "fold",
    "zip",
    "select",
    "min",
    "max",
    "abs",
    "reveal",
    "grad",
    "value_and_grad",
    "with_slope",
    "random_public",
    "assert",
];

/// The arguments of a built-in function by its parameters' order.
type Given<'a> = Vec<Option<&'a ast::Expr>>;

impl Body<'_, '_> {
    /// A call of a built-in function.
    pub fn builtin(&mut self, name: &ast::Ident, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let f = name.name.as_str();
        match f {
            "zeros" | "ones" => self.filled(f, args, want, span),
            "full" => self.full(args, want, span),
            "iota" => self.iota(args, want, span),
            "random_public" => self.random_public(args, want, span),
            "concat" | "stack" => self.join(f, args, want, span),
            "reshape" => self.reshape(args, want, span),
            "transpose" => self.transpose(args, want, span),
            "broadcast" => self.broadcast_to(args, want, span),
            "slice" => self.slice(args, span),
            "gather" => self.gather(args, span),
            "pad" => self.pad(args, span),
            "matmul" => self.matmul(args, want, span),
            "dot" => self.dot(args, want, span),
            "conv2d" => self.conv2d(args, want, span),
            "sum" => self.sum(args, want, span),
            "min" | "max" => self.extreme(f, args, want, span),
            "abs" => self.abs(args, want, span),
            "select" => self.select(args, want, span),
            "map" => self.map(args, span),
            "fold" => self.fold_call(args, want, span),
            "zip" => self.zip(args, span),
            "with_slope" => self.with_slope(args, want, span),
            "reveal" => self.reveal(args, want, span),
            "assert" => self.assert(args, span),
            _ => Err(self.report(
                Diagnostic::error("not-a-value", format!("`{f}` gives a function"), span, "")
                    .help(format!("call it as well, as in `{f}(f)(x)`")),
            )),
        }
    }

    /// A built-in operation as an expression.
    fn operation(&mut self, builtin: Builtin, args: Vec<Expr>, ty: Ty, span: Span) -> Checked<Expr> {
        let ty = self.bounded(ty, span)?;
        self.make(ExprKind::Builtin(builtin, args), ty, span)
    }

    /// The arguments by the parameters' names; the first `required` must be there.
    fn given<'a>(
        &mut self,
        f: &str,
        names: &[&str],
        required: usize,
        args: &'a [ast::Arg],
        span: Span,
    ) -> Checked<Given<'a>> {
        let given = self.arrange_names(f, names, args, span, None)?;
        let missing: Vec<String> =
            (0..required).filter(|i| given[*i].is_none()).map(|i| format!("`{}`", names[i])).collect();
        if missing.is_empty() {
            return Ok(given);
        }
        let message = format!("`{f}` needs {}", missing.join(", "));
        let usage = format!("it is called as `{f}({})`", names[..required.max(1)].join(", "));
        Err(self.report(Diagnostic::error("arguments", message, span, "").help(usage)))
    }

    /// Arguments without names, of any number.
    fn unnamed(&mut self, f: &str, args: &[ast::Arg]) -> Checked<()> {
        match args.iter().find_map(|a| a.name.as_ref()) {
            Some(name) => {
                Err(self.error("arguments", format!("`{f}` has no parameter `{}`", name.name), name.span, ""))
            }
            None => Ok(()),
        }
    }

    /// A required argument.
    fn at<'a>(&self, given: &Given<'a>, i: usize) -> Checked<&'a ast::Expr> {
        given[i].ok_or(Reported)
    }

    /// A tensor or scalar of numbers or `bool`s; not a struct or tuple.
    fn numbers(&mut self, f: &str, e: &ast::Expr, want: Want) -> Checked<Expr> {
        let typed = self.expr(e, want)?;
        if typed.ty.elem().is_some() {
            return Ok(typed);
        }
        let shown = self.show(&typed.ty);
        Err(self.error("type-mismatch", format!("`{f}` works on tensors of numbers, not on `{shown}`"), typed.span, ""))
    }

    /// A tensor, of anything.
    fn tensor_of(&mut self, f: &str, e: &ast::Expr) -> Checked<Expr> {
        let typed = self.expr(e, Want::Any)?;
        if matches!(typed.ty, Ty::Tensor(..)) {
            return Ok(typed);
        }
        let shown = self.show(&typed.ty);
        Err(self.error("type-mismatch", format!("`{f}` works on tensors, not on `{shown}`"), typed.span, ""))
    }

    /// An element type that can be ordered or added.
    fn numeric(&mut self, f: &str, e: &Expr) -> Checked<Elem> {
        match e.ty.elem() {
            Some(Elem::Bool) | None => {
                let shown = self.show(&e.ty);
                let diagnostic =
                    Diagnostic::error("type-mismatch", format!("`{f}` works on numbers, not on `{shown}`"), e.span, "");
                Err(self.report(match e.ty.elem() {
                    Some(_) => diagnostic.help("convert first, as in `x as u32`"),
                    None => diagnostic,
                }))
            }
            Some(elem) => Ok(elem),
        }
    }

    /// A list of sizes: `[N, 2]`, or one size alone.
    fn sizes(&mut self, e: &ast::Expr) -> Checked<Vec<Dim>> {
        let sizes = self.ints(e)?;
        match sizes.iter().find_map(|d| d.known().filter(|n| *n < 0)) {
            Some(n) => Err(self.error("negative-dimension", format!("a dimension cannot be {n}"), e.span, "")),
            None => Ok(sizes),
        }
    }

    /// A list of constant `int`s, or one alone.
    fn ints(&mut self, e: &ast::Expr) -> Checked<Vec<Dim>> {
        if let ast::ExprKind::Array(parts) = &e.kind {
            let parts: Vec<_> = parts.iter().map(|p| self.constant_int(p, "a size")).collect();
            return parts.into_iter().collect();
        }
        let typed = self.expr(e, Want::Any)?;
        if typed.ty.elem() != Some(Elem::Int) || typed.ty.shape().len() > 1 {
            let shown = self.show(&typed.ty);
            return Err(self.error(
                "type-mismatch",
                format!("a list of sizes is expected, not `{shown}`"),
                typed.span,
                "as in `[N, 2]`",
            ));
        }
        use super::context::Constant;
        match self.constant(typed, "a size")? {
            Constant::Int(d) => Ok(vec![d]),
            Constant::Value(Expr { kind: ExprKind::Array(parts), .. }) => {
                parts.iter().map(|p| super::constants::as_dim(p).ok_or(Reported)).collect()
            }
            Constant::Value(Expr { kind: ExprKind::Repeat(of, n), span, .. }) => {
                let n = self.needs_number(&n, span, "a number of dimensions")?;
                let d = super::constants::as_dim(&of).ok_or(Reported)?;
                Ok(vec![d; n.clamp(0, 64) as usize])
            }
            _ => Err(Reported),
        }
    }

    /// An axis of a tensor: a constant, counted from the last where negative.
    fn axis(&mut self, e: &ast::Expr, rank: usize) -> Checked<usize> {
        let dim = self.constant_int(e, "an axis")?;
        let n = self.needs_number(&dim, e.span, "an axis")?;
        let index = if n < 0 { n + rank as i64 } else { n };
        if (0..rank as i64).contains(&index) {
            return Ok(index as usize);
        }
        let note =
            if rank == 0 { "a number has no axes".to_owned() } else { format!("axes go from 0 to {}", rank - 1) };
        Err(self.error("axis", format!("there is no axis {n}"), e.span, note))
    }

    fn reveal(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("reveal", &["x"], 1, args, span)?;
        let x = self.expr(self.at(&given, 0)?, want)?;
        if self.checker.options.deny_reveal {
            return Err(self.error(
                "reveal-denied",
                "this reveals a value in the middle of the program",
                span,
                "`--deny-reveal` refuses it",
            ));
        }
        let ty = x.ty.clone();
        self.operation(Builtin::Reveal, vec![x], ty, span)
    }

    fn assert(&mut self, args: &[ast::Arg], span: Span) -> Checked<Expr> {
        let given = self.given("assert", &["condition"], 1, args, span)?;
        let why = Some((span, "`assert` takes a `bool`".to_owned()));
        let c = self.expect(self.at(&given, 0)?, &Ty::Scalar(Elem::Bool), why)?;
        self.operation(Builtin::Assert, vec![c], Ty::unit(), span)
    }
}
