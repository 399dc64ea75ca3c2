//! Moving elements around: `concat stack reshape transpose broadcast slice gather pad`.

use motet_program::data::Elem;

use crate::diagnostics::Diagnostic;
use crate::parse::ast;
use crate::source::Span;
use crate::typed::context::{Body, Checked, Reported, Want};
use crate::typed::dim::{Comparison, Dim};
use crate::typed::exprs::product;
use crate::typed::print;
use crate::typed::tree::{Builtin, Expr, Ty};
use crate::typed::types::{row, tensor};

impl Body<'_, '_> {
    /// `concat(a, b, …)` along the first axis, `stack(a, b, …)` along a new one.
    pub(super) fn join(&mut self, f: &str, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        self.unnamed(f, args)?;
        let elem = want.elem().map_or(Want::Any, Want::Elem);
        let typed: Vec<_> = args.iter().map(|a| self.expr(&a.value, elem)).collect();
        let typed = typed.into_iter().collect::<Checked<Vec<_>>>()?;
        let element = |e: &Expr| row_or_self(f, &e.ty);
        let Some(first) = typed.iter().find(|e| e.ty.elem() != Some(Elem::Int)).or(typed.first()) else {
            return Err(self.error("arguments", format!("`{f}` needs at least one argument"), span, ""));
        };
        let Some(lead) = element(first) else {
            let shown = self.show(&first.ty);
            let diagnostic =
                Diagnostic::error("type-mismatch", format!("`{f}` joins tensors, not `{shown}`"), first.span, "");
            return Err(self.report(diagnostic.help("numbers are put together by `[a, b]`")));
        };
        let why = Some((first.span, format!("`{}`, which the others are joined with", self.show(&first.ty))));
        let mut total = Dim::number(0);
        let mut out = Vec::new();
        for e in typed {
            let n = match (f, &e.ty) {
                ("concat", Ty::Tensor(_, shape)) => shape[0].clone(),
                _ => Dim::number(1),
            };
            let wanted = if f == "concat" { tensor(lead.clone(), vec![n.clone()]) } else { lead.clone() };
            total = match total.add(&n) {
                Ok(t) => t,
                Err(e) => return Err(self.error("int-arithmetic", e.to_string(), span, "")),
            };
            out.push(self.coerce(e, &wanted, &why)?);
        }
        let builtin = if f == "concat" { Builtin::Concat } else { Builtin::Stack };
        self.operation(builtin, out, tensor(lead, vec![total]), span)
    }

    /// `reshape(x, [..])`; one size may be -1: what is left.
    pub(super) fn reshape(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("reshape", &["x", "shape"], 2, args, span)?;
        let (value, sizes) = (self.at(&given, 0)?, self.at(&given, 1)?);
        let hint = want.elem().map_or(Want::Any, Want::Elem);
        let x = self.expr(value, hint);
        let shape = self.ints(sizes);
        let (x, shape) = (x?, shape?);
        let element = element(&x.ty);
        let shape = self.filled_in(&x, shape, sizes.span)?;
        let (have, asked) = (product(x.ty.shape()), product(&shape));
        if let (Some(have), Some(asked)) = (have, asked)
            && have.compare(&asked) == Comparison::Different
        {
            let from = self.show(&x.ty);
            let message = format!("`reshape` keeps the number of elements: {have} do not become {asked}");
            return Err(self.report(
                Diagnostic::error("shape-mismatch", message, span, "")
                    .label(x.span, format!("`{from}` has {have} elements"))
                    .label(sizes.span, format!("[{}] asks for {asked}", print::join(&shape))),
            ));
        }
        self.operation(Builtin::Reshape, vec![x], tensor(element, shape), span)
    }

    /// The shape with -1 replaced by what is left.
    fn filled_in(&mut self, x: &Expr, mut shape: Vec<Dim>, span: Span) -> Checked<Vec<Dim>> {
        let minus: Vec<usize> = (0..shape.len()).filter(|i| shape[*i].known() == Some(-1)).collect();
        if let [at] = minus.as_slice() {
            shape[*at] = Dim::number(1);
            let rest = product(&shape).zip(product(x.ty.shape())).and_then(|(asked, have)| {
                let exact = have.rem(&asked).ok()?.known().is_none_or(|r| r == 0);
                if exact { have.div(&asked).ok() } else { None }
            });
            let Some(rest) = rest else {
                let shown = self.show(&x.ty);
                return Err(self.error(
                    "shape-mismatch",
                    format!("the elements of `{shown}` do not fill this shape"),
                    span,
                    "",
                ));
            };
            shape[*at] = rest;
        }
        match shape.iter().find_map(|d| d.known().filter(|n| *n < 0)) {
            Some(n) => Err(self.error(
                "negative-dimension",
                format!("a dimension cannot be {n}"),
                span,
                "one of them may be -1: what is left",
            )),
            None => Ok(shape),
        }
    }

    /// `transpose(x)` swaps the last two axes, `transpose(x, [perm])` reorders all.
    pub(super) fn transpose(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("transpose", &["x", "axes"], 1, args, span)?;
        let hint = want.elem().map_or(Want::Any, Want::Elem);
        let x = self.expr(self.at(&given, 0)?, hint)?;
        let rank = x.ty.shape().len();
        let axes: Vec<usize> = match given[1] {
            Some(e) => {
                let dims = self.ints(e)?;
                let axes: Checked<Vec<i64>> = dims.iter().map(|d| self.needs_number(d, e.span, "an axis")).collect();
                let axes: Vec<usize> = axes?.iter().map(|a| usize::try_from(*a).unwrap_or(usize::MAX)).collect();
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                if sorted != (0..rank).collect::<Vec<_>>() {
                    let note = format!("each of the axes 0 to {} must be named once", rank.saturating_sub(1));
                    return Err(self.error("axis", "this is no order of the axes", e.span, note));
                }
                axes
            }
            None if rank >= 2 => (0..rank - 2).chain([rank - 1, rank - 2]).collect(),
            None => {
                let shown = self.show(&x.ty);
                return Err(self.error(
                    "shape-mismatch",
                    format!("`transpose` swaps two axes; `{shown}` has {rank}"),
                    x.span,
                    "",
                ));
            }
        };
        let shape = axes.iter().map(|a| x.ty.shape()[*a].clone()).collect();
        let ty = tensor(element(&x.ty), shape);
        self.operation(Builtin::Transpose(axes), vec![x], ty, span)
    }

    /// `broadcast(x, [..])`.
    pub(super) fn broadcast_to(&mut self, args: &[ast::Arg], want: Want, span: Span) -> Checked<Expr> {
        let given = self.given("broadcast", &["x", "shape"], 2, args, span)?;
        let (value, sizes) = (self.at(&given, 0)?, self.at(&given, 1)?);
        let hint = want.elem().map_or(Want::Any, Want::Elem);
        let x = self.expr(value, hint);
        let shape = self.sizes(sizes);
        let (x, shape) = (x?, shape?);
        let fits = self.broadcast_shapes(x.ty.shape(), &shape).is_some_and(|b| self.same_shape(&b, &shape));
        if !fits {
            let shown = self.show(&x.ty);
            let message = format!("`{shown}` cannot be broadcast to [{}]", print::join(&shape));
            return Err(self.report(
                Diagnostic::error("shape-mismatch", message, span, "")
                    .label(x.span, format!("`{shown}`"))
                    .help("counted from the last, each dimension must be 1, missing or equal"),
            ));
        }
        self.operation(Builtin::Broadcast, vec![x.clone()], tensor(element(&x.ty), shape), span)
    }

    /// `slice(x, axis, start, len)`.
    pub(super) fn slice(&mut self, args: &[ast::Arg], span: Span) -> Checked<Expr> {
        let given = self.given("slice", &["x", "axis", "start", "len"], 4, args, span)?;
        let x = self.tensor_of("slice", self.at(&given, 0)?)?;
        let mut shape = x.ty.shape().to_vec();
        let axis = self.axis(self.at(&given, 1)?, shape.len())?;
        let start = self.expr(self.at(&given, 2)?, Want::Any)?;
        if !matches!(start.ty, Ty::Scalar(Elem::Int | Elem::Uint(_) | Elem::Sint(_))) {
            let shown = self.show(&start.ty);
            return Err(self.error(
                "type-mismatch",
                format!("the start of a slice is an integer, not `{shown}`"),
                start.span,
                "",
            ));
        }
        let len = self.dimension(self.at(&given, 3)?)?;
        let known = crate::typed::constants::as_dim(&start).and_then(|d| d.known());
        let end = known.zip(len.known()).map(|(s, l)| s.saturating_add(l));
        if known.is_some_and(|s| s < 0) || end.zip(shape[axis].known()).is_some_and(|(e, n)| e > n) {
            let note = format!("the dimension is {}", shape[axis]);
            return Err(self.error("index-range", "this slice is out of range", span, note));
        }
        shape[axis] = len;
        let ty = tensor(element(&x.ty), shape);
        self.operation(Builtin::Slice { axis }, vec![x, start], ty, span)
    }

    /// `gather(x, indices)` along the first axis.
    pub(super) fn gather(&mut self, args: &[ast::Arg], span: Span) -> Checked<Expr> {
        let given = self.given("gather", &["x", "indices"], 2, args, span)?;
        let x = self.tensor_of("gather", self.at(&given, 0)?);
        let indices = self.numbers("gather", self.at(&given, 1)?, Want::Any);
        let (x, indices) = (x?, indices?);
        if !matches!(indices.ty.elem(), Some(Elem::Int | Elem::Uint(_) | Elem::Sint(_))) {
            let shown = self.show(&indices.ty);
            return Err(self.error("type-mismatch", format!("indices are integers, not `{shown}`"), indices.span, ""));
        }
        let (_, each) = row(&x.ty).ok_or(Reported)?;
        let ty = tensor(each, indices.ty.shape().to_vec());
        self.operation(Builtin::Gather, vec![x, indices], ty, span)
    }

    /// `pad(x, [[1, 1], [0, 2]], v)`.
    pub(super) fn pad(&mut self, args: &[ast::Arg], span: Span) -> Checked<Expr> {
        let given = self.given("pad", &["x", "widths", "v"], 3, args, span)?;
        let x = self.tensor_of("pad", self.at(&given, 0)?)?;
        let widths = self.widths(self.at(&given, 1)?, x.ty.shape().len())?;
        let Some(elem) = x.ty.elem() else {
            let shown = self.show(&x.ty);
            return Err(self.error(
                "type-mismatch",
                format!("`pad` works on tensors of numbers, not on `{shown}`"),
                x.span,
                "",
            ));
        };
        let why = Some((x.span, format!("what is padded is `{}`", self.show(&x.ty))));
        let v = self.expect(self.at(&given, 2)?, &Ty::Scalar(elem), why)?;
        let shape: Result<Vec<Dim>, _> =
            x.ty.shape().iter().zip(&widths).map(|(d, [front, back])| d.add(front)?.add(back)).collect();
        let Ok(shape) = shape else { return Err(self.error("int-arithmetic", "this shape is too large", span, "")) };
        self.operation(Builtin::Pad(widths), vec![x, v], tensor(Ty::Scalar(elem), shape), span)
    }

    fn widths(&mut self, e: &ast::Expr, rank: usize) -> Checked<Vec<[Dim; 2]>> {
        let wrong = |body: &mut Self| {
            let message = format!("`pad` takes the front and back of each of the {rank} axes");
            body.report(Diagnostic::error("arguments", message, e.span, "").help("as in `[[1, 1], [0, 2]]`"))
        };
        let ast::ExprKind::Array(axes) = &e.kind else { return Err(wrong(self)) };
        if axes.len() != rank {
            return Err(wrong(self));
        }
        let mut out = Vec::new();
        for axis in axes {
            let sizes: [Dim; 2] = match self.sizes(axis)?.try_into() {
                Ok(pair) => pair,
                Err(_) => return Err(wrong(self)),
            };
            out.push(sizes);
        }
        Ok(out)
    }
}

/// What a tensor is made of: its element type without the shape.
pub(super) fn element(ty: &Ty) -> Ty {
    match ty {
        Ty::Tensor(of, _) => (**of).clone(),
        other => other.clone(),
    }
}

fn row_or_self(f: &str, ty: &Ty) -> Option<Ty> {
    if f == "concat" { row(ty).map(|(_, r)| r) } else { Some(ty.clone()) }
}
