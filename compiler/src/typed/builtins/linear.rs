//! Linear algebra: `matmul dot conv2d`.

use crate::diagnostics::Diagnostic;
use crate::parse::ast;
use crate::source::Span;
use crate::typed::context::{Body, Checked, Reported, Want};
use crate::typed::dim::{Comparison, Dim, DimError};
use crate::typed::tree::{Builtin, Expr, Ty};
use crate::typed::types::tensor;

impl Body<'_, '_> {
    /// Both factors, of one element type.
    fn factors(&mut self, f: &str, a: &ast::Expr, b: &ast::Expr, want: Want) -> Checked<(Expr, Expr)> {
        let hint = want.elem().map_or(Want::Any, Want::Elem);
        let (a, b) = (self.numbers(f, a, hint), self.numbers(f, b, hint));
        let (a, b) = (a?, b?);
        self.numeric(f, &a)?;
        self.numeric(f, &b)?;
        use motet_program::data::Elem;
        match (a.ty.elem(), b.ty.elem()) {
            (Some(x), Some(y)) if x == y => Ok((a, b)),
            (Some(Elem::Int), Some(y)) => Ok((self.in_elem(a, y, &None)?, b)),
            (Some(x), Some(Elem::Int)) => Ok((a, self.in_elem(b, x, &None)?)),
            _ => {
                let (left, right) = (self.show(&a.ty), self.show(&b.ty));
                let message = format!("the factors of `{f}` have different types, `{left}` and `{right}`");
                Err(self.report(
                    Diagnostic::error("type-mismatch", message, a.span, format!("`{left}`"))
                        .label(b.span, format!("`{right}`"))
                        .help("convert one of them by `as`"),
                ))
            }
        }
    }

    /// `matmul(a, b)`, by NumPy's rule: vectors are a row on the left, a column on the right; axes before the last two
    /// are broadcast.
    pub(super) fn matmul(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("matmul", &["a", "b"], 2, args, span)?;
        let (a, b) = self.factors("matmul", self.at(&given, 0)?, self.at(&given, 1)?, want)?;
        let (s, t) = (a.ty.shape().to_vec(), b.ty.shape().to_vec());
        if s.is_empty() || t.is_empty() {
            let scalar = if s.is_empty() { &a } else { &b };
            let shown = self.show(&scalar.ty);
            let diagnostic = Diagnostic::error(
                "shape-mismatch",
                format!("`matmul` multiplies matrices and vectors, not `{shown}`"),
                scalar.span,
                "",
            );
            return Err(self.report(diagnostic.help("`*` multiplies by a number")));
        }
        let inner_a = &s[s.len() - 1];
        let inner_b = &t[t.len().saturating_sub(2).min(t.len() - 1)];
        let batch = self.broadcast_shapes(&s[..s.len().saturating_sub(2)], &t[..t.len().saturating_sub(2)]);
        let (true, Some(mut shape)) = (inner_a.compare(inner_b) != Comparison::Different, batch) else {
            return Err(self.matmul_mismatch(&a, &b, span));
        };
        if s.len() >= 2 {
            shape.push(s[s.len() - 2].clone());
        }
        if t.len() >= 2 {
            shape.push(t[t.len() - 1].clone());
        }
        let ty = tensor(Ty::Scalar(a.ty.elem().ok_or(Reported)?), shape);
        self.operation(Builtin::MatMul, vec![a, b], ty, span)
    }

    fn matmul_mismatch(&mut self, a: &Expr, b: &Expr, span: Span) -> Reported {
        let (left, right) = (self.show(&a.ty), self.show(&b.ty));
        let (s, t) = (a.ty.shape(), b.ty.shape());
        let message = format!("`matmul` of `{left}` and `{right}` does not fit");
        let inner = (&s[s.len() - 1], &t[t.len().saturating_sub(2).min(t.len() - 1)]);
        let mut diagnostic = Diagnostic::error(
            "shape-mismatch",
            message,
            span,
            format!("{} columns on the left, {} rows on the right", inner.0, inner.1),
        )
        .label(a.span, format!("`{left}`"))
        .label(b.span, format!("`{right}`"));
        let last = t.last().filter(|_| t.len() >= 2);
        if last.is_some_and(|n| n.compare(inner.0) == Comparison::Equal) {
            diagnostic = diagnostic.help(format!("did you mean `transpose({})`?", self.checker.text(b.span)));
        } else if s.len() >= 2 && s[s.len() - 2].compare(inner.1) == Comparison::Equal {
            diagnostic = diagnostic.help(format!("did you mean `transpose({})`?", self.checker.text(a.span)));
        }
        self.report(diagnostic)
    }

    /// `dot(a, b)` of two vectors.
    pub(super) fn dot(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("dot", &["a", "b"], 2, args, span)?;
        let (a, b) = self.factors("dot", self.at(&given, 0)?, self.at(&given, 1)?, want)?;
        let fits = a.ty.shape().len() == 1 && self.same_shape(a.ty.shape(), b.ty.shape());
        if !fits {
            let (left, right) = (self.show(&a.ty), self.show(&b.ty));
            let diagnostic = Diagnostic::error(
                "shape-mismatch",
                format!("`dot` takes two vectors of one length, not `{left}` and `{right}`"),
                span,
                "",
            )
            .label(a.span, format!("`{left}`"))
            .label(b.span, format!("`{right}`"));
            return Err(self.report(diagnostic.help("matrices are multiplied by `matmul`")));
        }
        let ty = Ty::Scalar(a.ty.elem().ok_or(Reported)?);
        self.operation(Builtin::Dot, vec![a, b], ty, span)
    }

    /// `conv2d(x, w, stride, padding, dilation, groups)` of `[N, C, H, W]` and `[O, C / groups, K, L]`.
    pub(super) fn conv2d(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let names = ["x", "w", "stride", "padding", "dilation", "groups"];
        let given = self.given("conv2d", &names, 2, args, span)?;
        let (x, w) = self.factors("conv2d", self.at(&given, 0)?, self.at(&given, 1)?, want)?;
        let stride = self.pair(given[2], 1, 1)?;
        let padding = self.pair(given[3], 0, 0)?;
        let dilation = self.pair(given[4], 1, 1)?;
        let groups = match given[5] {
            Some(e) => self.pair(Some(e), 1, 1)?[0],
            None => 1,
        };
        let ([n, c, h, width], [o, per_group, k, l]) = (x.ty.shape(), w.ty.shape()) else {
            let (image, kernel) = (self.show(&x.ty), self.show(&w.ty));
            let message = format!("`conv2d` takes `[N, C, H, W]` and `[O, C, K, L]`, not `{image}` and `{kernel}`");
            return Err(self.report(
                Diagnostic::error("shape-mismatch", message, span, "")
                    .label(x.span, format!("`{image}`"))
                    .label(w.span, format!("`{kernel}`")),
            ));
        };
        let channels = per_group.mul(&Dim::number(groups as i64)).map(|d| d.compare(c));
        let split = o.known().is_none_or(|o| o % groups as i64 == 0);
        if channels != Ok(Comparison::Equal) && channels != Ok(Comparison::Undecided) || !split {
            let (image, kernel) = (self.show(&x.ty), self.show(&w.ty));
            let message = format!(
                "the channels of `conv2d` do not fit: `{image}` and `{kernel}` in {groups} group{}",
                if groups == 1 { "" } else { "s" }
            );
            return Err(self.report(
                Diagnostic::error("shape-mismatch", message, span, "")
                    .label(x.span, format!("{c} channels"))
                    .label(w.span, format!("{per_group} channels a group, {o} results")),
            ));
        }
        let out = |size: &Dim, kernel: &Dim, axis: usize| -> Result<Dim, DimError> {
            let number = |n: u64| Dim::number(n as i64);
            let reach = kernel.sub(&number(1))?.mul(&number(dilation[axis]))?;
            let free = size.add(&number(2 * padding[axis]))?.sub(&reach)?.sub(&number(1))?;
            match free.known() {
                Some(n) if n < 0 => Ok(Dim::number(-1)),
                _ => free.div(&number(stride[axis]))?.add(&number(1)),
            }
        };
        let (rows, columns) = match (out(h, k, 0), out(width, l, 1)) {
            (Ok(r), Ok(c)) => (r, c),
            (Err(e), _) | (_, Err(e)) => return Err(self.error("int-arithmetic", e.to_string(), span, "")),
        };
        if [&rows, &columns].iter().any(|d| d.known() == Some(-1)) {
            let message = format!("the kernel of {k} by {l} is larger than the image of {h} by {width}");
            return Err(self.error("shape-mismatch", message, span, "with its padding"));
        }
        let ty = tensor(Ty::Scalar(x.ty.elem().ok_or(Reported)?), vec![n.clone(), o.clone(), rows, columns]);
        self.operation(Builtin::Conv2d { stride, padding, dilation, groups }, vec![x, w], ty, span)
    }

    /// A constant by height and width: one number, or `[a, b]`.
    fn pair(&mut self, e: Option<&ast::Expr>, default: u64, least: u64) -> Checked<[u64; 2]> {
        let Some(e) = e else { return Ok([default; 2]) };
        let dims = self.ints(e)?;
        let mut out = Vec::new();
        for dim in &dims {
            let n = self.needs_number(dim, e.span, "this number")?;
            match u64::try_from(n) {
                Ok(n) if (least..=1 << 20).contains(&n) => out.push(n),
                _ => {
                    return Err(self.error(
                        "out-of-range",
                        format!("{n} cannot stand here"),
                        e.span,
                        format!("at least {least}"),
                    ));
                }
            }
        }
        match out.as_slice() {
            [both] => Ok([*both; 2]),
            [height, width] => Ok([*height, *width]),
            _ => {
                Err(self.error("arguments", "one number, or one for height and one for width, is expected", e.span, ""))
            }
        }
    }
}
