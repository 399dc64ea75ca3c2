//! `x[i, a..b, ..]`, and what is assigned: variables, elements, slices and fields.

use motet_program::data::Elem;

use super::constants::as_dim;
use super::context::{Body, Checked, Reported, Want};
use super::dim::Dim;
use super::operators::symbol;
use super::tree::{Builtin, Expr, ExprKind, Index, LocalId, Place, Step, StmtKind, Ty};
use super::types::tensor;
use crate::diagnostics::Diagnostic;
use crate::parse::ast::{self, BinaryOp};
use crate::source::Span;

impl Body<'_, '_> {
    /// `base[indices]`.
    pub fn index(&mut self, base: &ast::Expr, indices: &[ast::Index], span: Span) -> Checked<Expr> {
        let base = self.expr(base, Want::Any)?;
        let (indices, ty) = self.indices(&base.ty, indices, span)?;
        self.make(ExprKind::Index(Box::new(base), indices), ty, span)
    }

    /// One index for every axis, and the type of what is indexed.
    fn indices(&mut self, base: &Ty, indices: &[ast::Index], span: Span) -> Checked<(Vec<Index>, Ty)> {
        let Ty::Tensor(of, shape) = base else {
            let shown = self.show(base);
            let diagnostic =
                Diagnostic::error("type-mismatch", format!("`{shown}` cannot be indexed"), span, "it is not a tensor");
            return Err(self.report(match base {
                Ty::Tuple(_) => diagnostic.help("parts of a tuple are read by `t.0`"),
                Ty::Struct(_) => diagnostic.help("fields of a struct are read by `s.name`"),
                Ty::Scalar(Elem::Uint(_) | Elem::Sint(_)) => diagnostic.help("bits are read by `(x >> i) & 1`"),
                _ => diagnostic,
            }));
        };
        if indices.len() > shape.len() {
            let shown = self.show(base);
            let message = format!("`{shown}` has {} dimensions, but {} indices are given", shape.len(), indices.len());
            return Err(self.error("shape-mismatch", message, span, ""));
        }
        // The last `..` stands for all axes that are left.
        let missing = shape.len() - indices.len();
        let last_rest = indices.iter().rposition(|i| matches!(i, ast::Index::Rest(_)));
        let mut out = Vec::new();
        let mut left = Vec::new();
        let mut axis = 0;
        for (i, index) in indices.iter().enumerate() {
            match index {
                ast::Index::At(e) => out.push(Index::At(self.element(e, &shape[axis])?)),
                ast::Index::Range(from, to, at) => {
                    let (start, len) = self.range(from.as_ref(), to.as_ref(), &shape[axis], *at)?;
                    left.push(len.clone());
                    out.push(Index::Range(start, len));
                }
                ast::Index::Rest(_) => {
                    let axes = if Some(i) == last_rest { missing + 1 } else { 1 };
                    for _ in 0..axes {
                        left.push(shape[axis].clone());
                        out.push(Index::All);
                        axis += 1;
                    }
                    continue;
                }
            }
            axis += 1;
        }
        for dim in &shape[axis..] {
            left.push(dim.clone());
            out.push(Index::All);
        }
        Ok((out, tensor((**of).clone(), left)))
    }

    /// The index of one element: an integer, in range where it is known.
    fn element(&mut self, e: &ast::Expr, axis: &Dim) -> Checked<Expr> {
        let index = self.expr(e, Want::Any)?;
        match &index.ty {
            Ty::Scalar(Elem::Int | Elem::Uint(_) | Elem::Sint(_)) => {}
            other => {
                let shown = self.show(other);
                let diagnostic = Diagnostic::error(
                    "type-mismatch",
                    format!("an index is an integer, not `{shown}`"),
                    index.span,
                    "",
                );
                return Err(self.report(match other {
                    Ty::Tensor(..) => diagnostic.help("several elements at once are read by `gather(x, indices)`"),
                    _ => diagnostic,
                }));
            }
        }
        if let Some(n) = as_dim(&index).and_then(|d| d.known())
            && (n < 0 || axis.known().is_some_and(|len| n >= len))
        {
            let message = format!("index {n} is out of range");
            let note = match (n < 0, axis.known()) {
                (true, _) => "an index is not negative".to_owned(),
                (_, Some(0)) => "the dimension is 0".to_owned(),
                (_, Some(len)) => format!("the dimension is {len}: indices go from 0 to {}", len - 1),
                (_, None) => String::new(),
            };
            return Err(self.error("index-range", message, index.span, note));
        }
        Ok(index)
    }

    /// The start and length of a slice.
    fn range(
        &mut self,
        from: Option<&ast::Expr>,
        to: Option<&ast::Expr>,
        axis: &Dim,
        span: Span,
    ) -> Checked<(Expr, Dim)> {
        let start = match from {
            Some(e) => self.element_bound(e),
            None => self.dim_expr(Ok(Dim::number(0)), span),
        };
        let end = to.map(|e| self.element_bound(e)).transpose();
        let start = start?;
        let end = match end? {
            Some(e) => self.polynomial(&e),
            None => Some(axis.clone()),
        };
        let len = self.polynomial(&start).zip(end.clone()).and_then(|(s, e)| e.sub(&s).ok());
        let Some(len) = len.filter(|l| !has_local(l)) else {
            return Err(self.report(
                Diagnostic::error(
                    "not-constant",
                    "the length of a slice must be known when compiling",
                    span,
                    "the difference of these bounds is not a constant expression",
                )
                .help("write the end as the start and a constant, as in `x[i..i + 3]`"),
            ));
        };
        if let Some(n) = len.known().filter(|n| *n < 0) {
            return Err(self.error("index-range", format!("this slice ends {} before it starts", -n), span, ""));
        }
        let past = end.and_then(|e| axis.sub(&e).ok()).and_then(|d| d.known()).is_some_and(|d| d < 0);
        let before = as_dim(&start).and_then(|d| d.known()).is_some_and(|n| n < 0);
        if past || before {
            return Err(self.error(
                "index-range",
                "this slice is out of range",
                span,
                format!("the dimension is {axis}"),
            ));
        }
        Ok((start, len))
    }

    fn element_bound(&mut self, e: &ast::Expr) -> Checked<Expr> {
        let bound = self.expr(e, Want::Any)?;
        match &bound.ty {
            Ty::Scalar(Elem::Int | Elem::Uint(_) | Elem::Sint(_)) => Ok(bound),
            other => {
                let shown = self.show(other);
                Err(self.error(
                    "type-mismatch",
                    format!("a bound of a slice is an integer, not `{shown}`"),
                    bound.span,
                    "",
                ))
            }
        }
    }

    /// An integer expression as a polynomial over dimensions and variables, so that differences can be taken.
    fn polynomial(&self, e: &Expr) -> Option<Dim> {
        match &e.kind {
            ExprKind::Const(n) => match e.ty {
                Ty::Scalar(elem) => i64::try_from(elem.number(*n)).ok().map(Dim::number),
                _ => None,
            },
            ExprKind::Dim(d) => Some(d.clone()),
            ExprKind::Local(LocalId(id)) => Some(Dim::parameter(format!("#{id}"))),
            ExprKind::Coerce(of) => self.polynomial(of),
            ExprKind::Cast(of) if e.ty == Ty::Scalar(Elem::Int) => self.polynomial(of),
            ExprKind::Binary(op, l, r) => {
                let (l, r) = (self.polynomial(l)?, self.polynomial(r)?);
                match op {
                    BinaryOp::Add => l.add(&r).ok(),
                    BinaryOp::Sub => l.sub(&r).ok(),
                    BinaryOp::Mul => l.mul(&r).ok(),
                    BinaryOp::Div => l.div(&r).ok(),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `target = value`, `target += value`.
    pub fn assignment(
        &mut self,
        target: &ast::Expr,
        op: Option<BinaryOp>,
        value: &ast::Expr,
        span: Span,
    ) -> Checked<StmtKind> {
        let place = self.place(target);
        let Some(op) = op else {
            let place = match place {
                Ok(place) => place,
                Err(r) => {
                    let _ = self.expr(value, Want::Any);
                    return Err(r);
                }
            };
            let note = format!("what is assigned is `{}`", self.show(&place.ty));
            let typed = self.expr(value, Want::Ty(&place.ty))?;
            let typed = self.fill(typed, &place)?;
            let typed = self.coerce(typed, &place.ty, &Some((target.span, note)))?;
            return Ok(StmtKind::Assign(place, typed));
        };
        let place = place?;
        let old = self.expr(target, Want::Any)?;
        let new = match op {
            BinaryOp::Shl | BinaryOp::Shr => self.expr(value, Want::Any)?,
            _ if self.is_shapeless(value) => self.expr(value, Want::Ty(&place.ty))?,
            _ => self.expr(value, place.ty.elem().filter(|e| *e != Elem::Int).map_or(Want::Any, Want::Elem))?,
        };
        if place.ty.elem() == Some(Elem::Int)
            && new.ty.elem().is_some_and(|e| e != Elem::Int)
            && !matches!(op, BinaryOp::Shl | BinaryOp::Shr)
        {
            return Err(self.int_variable(&place, &new, target.span));
        }
        let sum = self.combine(op, old, new, span)?;
        let note = format!("`{}=` keeps the type of the variable", symbol(op));
        let sum = self.coerce(sum, &place.ty, &Some((target.span, note)))?;
        Ok(StmtKind::Assign(place, sum))
    }

    fn int_variable(&mut self, place: &Place, new: &Expr, span: Span) -> Reported {
        let local = &self.locals[place.local.0 as usize];
        let (name, declared, shown) = (local.name.clone(), local.span, self.show(&new.ty));
        self.report(
            Diagnostic::error("type-mismatch", format!("`{name}` is an `int`, this value is `{shown}`"), new.span, "")
                .label(span, "assigned here")
                .label(declared, format!("`{name}` has no type here, so it is an `int`, a public number"))
                .help(format!("give it a type: `let mut {name}: {shown} = …`")),
        )
    }

    /// A scalar that is assigned to a slice fills it.
    fn fill(&mut self, value: Expr, place: &Place) -> Checked<Expr> {
        let slice = matches!(place.path.last(), Some(Step::Index(_)));
        match (&value.ty, &place.ty) {
            (Ty::Scalar(_), Ty::Tensor(of, shape)) if slice => {
                let element = self.coerce(value, of, &None)?;
                let (span, ty) = (element.span, tensor((**of).clone(), shape.clone()));
                self.make(ExprKind::Builtin(Builtin::Broadcast, vec![element]), ty, span)
            }
            _ => Ok(value),
        }
    }

    /// What is assigned: a variable that may be, or a part of it.
    fn place(&mut self, target: &ast::Expr) -> Checked<Place> {
        match &target.kind {
            ast::ExprKind::Path(path) => self.variable(path, target.span),
            ast::ExprKind::Field(base, name) => {
                let place = self.place(base)?;
                let (index, ty) = self.field_of(&place.ty, name)?;
                Ok(place.then(Step::Field(index), ty))
            }
            ast::ExprKind::Part(base, index, at) => {
                let place = self.place(base)?;
                let ty = self.part_of(&place.ty, *index, *at)?;
                Ok(place.then(Step::Field(*index as usize), ty))
            }
            ast::ExprKind::Index { base, indices } => {
                let place = self.place(base)?;
                let (indices, ty) = self.indices(&place.ty, indices, target.span)?;
                Ok(place.then(Step::Index(indices), ty))
            }
            _ => Err(self.error(
                "assignment",
                "this cannot be assigned to",
                target.span,
                "only variables, their elements and fields can",
            )),
        }
    }

    fn variable(&mut self, path: &ast::Path, span: Span) -> Checked<Place> {
        let [name] = path.segments.as_slice() else {
            return Err(self.error(
                "assignment",
                "this cannot be assigned to",
                span,
                "only variables, their elements and fields can",
            ));
        };
        let closures = self.closures;
        let Some(binding) = self.lookup(&name.name) else {
            if self.parameter(&name.name).is_some() || self.item_quietly(path).is_some() {
                let message = format!("`{}` cannot be assigned to", name.name);
                return Err(self.error("assignment", message, span, "it is not a variable"));
            }
            return Err(self.unknown(name, "variable"));
        };
        let binding = binding.clone();
        if !binding.mutable {
            return Err(self.report(
                Diagnostic::error("immutable", format!("`{}` cannot be assigned to", name.name), span, "")
                    .label(binding.span, "declared here, without `mut`")
                    .help(format!("declare it `mut {}`", name.name)),
            ));
        }
        if binding.closures < closures {
            return Err(self.report(
                Diagnostic::error("closure", format!("a closure cannot assign `{}`", name.name), span, "")
                    .label(binding.span, "declared outside of the closure")
                    .help("a closure gives back its value; write a loop to change variables"),
            ));
        }
        Ok(Place { local: binding.local, path: Vec::new(), ty: binding.ty.ok_or(Reported)? })
    }
}

impl Place {
    fn then(mut self, step: Step, ty: Ty) -> Place {
        self.path.push(step);
        Place { ty, ..self }
    }
}

/// Whether a polynomial holds a variable, whose value is not known.
fn has_local(dim: &Dim) -> bool {
    dim.to_string().contains('#')
}
