//! Expressions: each kind and its type. What is asked for flows down, types flow up.

use motet_program::data::Elem;

use super::constants::as_dim;
use super::context::{Body, Checked, Reported, Want, Why};
use super::dim::{Comparison, Dim};
use super::tree::{Expr, ExprKind, Ty};
use super::types::{Lead, tensor};
use crate::diagnostics::Diagnostic;
use crate::parse::ast;
use crate::source::Span;

impl Body<'_, '_> {
    /// An expression and its type; what is wanted is a hint, not a demand.
    pub fn expr(&mut self, e: &ast::Expr, want: Want) -> Checked<Expr> {
        let span = e.span;
        if let Some((value, suffix)) = Self::integer_literal(e) {
            return self.integer(value, suffix, want, span);
        }
        if let Some(value) = self.decimal_value(e) {
            return self.decimal(&value, want, span);
        }
        match &e.kind {
            ast::ExprKind::Int { .. } => Err(Reported),
            ast::ExprKind::Decimal(text) => {
                Err(self.error("out-of-range", format!("`{text}` is not a number"), span, ""))
            }
            ast::ExprKind::Bool(b) => self.make(ExprKind::Const((*b).into()), Ty::Scalar(Elem::Bool), span),
            ast::ExprKind::Path(path) => self.path(path, want, span),
            ast::ExprKind::Unary(op, operand) => self.unary(*op, operand, want, span),
            ast::ExprKind::Binary(op, l, r) => self.binary(*op, l, r, want, span),
            ast::ExprKind::Call { callee, args } => self.call(callee, args, want, span),
            ast::ExprKind::Index { base, indices } => self.index(base, indices, span),
            ast::ExprKind::Field(base, name) => self.field(base, name, span),
            ast::ExprKind::Part(base, index, at) => self.part(base, *index, *at, span),
            ast::ExprKind::Cast(of, ty) => self.cast(of, ty, span),
            ast::ExprKind::If { cond, then, otherwise } => {
                self.branch(cond, then, otherwise.as_deref(), want, false, span)
            }
            ast::ExprKind::Block(block) => self.block(block, want, false),
            ast::ExprKind::Array(parts) => self.array(parts, want, span),
            ast::ExprKind::Repeat(of, n) => self.repeat(of, n, want, span),
            ast::ExprKind::Tuple(parts) => self.tuple(parts, want, span),
            ast::ExprKind::Struct { path, fields } => self.struct_literal(path, fields, want, span),
            ast::ExprKind::Closure { .. } => Err(self.report(
                Diagnostic::error("closure", "a closure cannot stand here", span, "")
                    .help("functions are values only as arguments of `map`, `fold` and the like"),
            )),
        }
    }

    /// An expression of a given type.
    pub fn expect(&mut self, e: &ast::Expr, ty: &Ty, why: Why) -> Checked<Expr> {
        let typed = self.expr(e, Want::Ty(ty))?;
        self.coerce(typed, ty, &why)
    }

    /// Whether an expression takes its type from what is asked for, so that others should be looked at first.
    pub fn needs_hint(&mut self, e: &ast::Expr) -> bool {
        if Self::integer_literal(e).is_some_and(|(_, suffix)| suffix.is_none()) {
            return true;
        }
        match &e.kind {
            ast::ExprKind::Decimal(_) => true,
            ast::ExprKind::Path(path) => {
                use super::context::Constant;
                matches!(self.constant_named(path), Some(Constant::Decimal(_) | Constant::Int(_) | Constant::Large(_)))
            }
            ast::ExprKind::Unary(_, of) | ast::ExprKind::Repeat(of, _) => self.needs_hint(of),
            ast::ExprKind::Binary(_, l, r) => self.needs_hint(l) && self.needs_hint(r),
            ast::ExprKind::Array(parts) => parts.iter().all(|p| self.needs_hint(p)),
            ast::ExprKind::Block(b) => b.tail.as_ref().is_some_and(|t| self.needs_hint(t)),
            ast::ExprKind::If { then, otherwise, .. } => {
                then.tail.as_ref().is_some_and(|t| self.needs_hint(t))
                    && otherwise.as_ref().is_some_and(|o| self.needs_hint(o))
            }
            _ => self.is_shapeless(e),
        }
    }

    /// Whether an expression is one that takes its whole type from what is asked for: `zeros()` and the like.
    pub fn is_shapeless(&self, e: &ast::Expr) -> bool {
        let ast::ExprKind::Call { callee, args } = &e.kind else { return false };
        let ast::ExprKind::Path(path) = &callee.kind else { return false };
        let [name] = path.segments.as_slice() else { return false };
        let fill = match name.name.as_str() {
            "zeros" | "ones" | "iota" => args.is_empty(),
            "full" | "random_public" => args.len() == 1,
            _ => false,
        };
        fill && self.checker.modules.find(self.module, &name.name).is_none()
    }

    fn path(&mut self, path: &ast::Path, want: Want, span: Span) -> Checked<Expr> {
        if let [name] = path.segments.as_slice() {
            if let Some(binding) = self.lookup(&name.name) {
                binding.used = true;
                let (local, ty, constant) = (binding.local, binding.ty.clone(), binding.constant.clone());
                let ty = ty.ok_or(Reported)?;
                return match constant {
                    Some(dim) => self.dim_expr(Ok(dim), span),
                    None => self.make(ExprKind::Local(local), ty, span),
                };
            }
            if let Some(constant) = self.parameter(&name.name) {
                return self.constant_expr(constant, want, span);
            }
        }
        if let Some(number) = self.number_of_type(path, span) {
            return number;
        }
        if self.item_quietly(path).is_none()
            && let [name] = path.segments.as_slice()
        {
            if super::builtins::NAMES.contains(&name.name.as_str()) {
                return Err(self.not_a_value(&name.name, span));
            }
            return Err(self.unknown(name, "variable"));
        }
        let item = self.item(path, "item")?;
        let modules = self.checker.modules;
        match modules.item(item) {
            ast::Item::Const(c) => {
                let constant = self.constant_item(item, c)?;
                self.constant_expr(constant, want, span)
            }
            ast::Item::Fn(_) | ast::Item::Extern(_) => Err(self.not_a_value(&modules.path(item), span)),
            _ => {
                let name = modules.path(item);
                Err(self.error("not-a-value", format!("`{name}` is a type, not a value"), span, ""))
            }
        }
    }

    fn not_a_value(&mut self, name: &str, span: Span) -> Reported {
        self.report(Diagnostic::error("not-a-value", format!("`{name}` is a function, not a value"), span, "").help(
            format!("call it, as in `{name}(…)`; functions are values only as arguments of `map`, `fold`, `grad`"),
        ))
    }

    /// `T::BITS`, `T::FRAC`.
    fn number_of_type(&mut self, path: &ast::Path, span: Span) -> Option<Checked<Expr>> {
        let [ty, number] = path.segments.as_slice() else { return None };
        if !matches!(number.name.as_str(), "BITS" | "FRAC")
            || self.checker.modules.get(self.module).uses.contains_key(&ty.name)
        {
            return None;
        }
        let named = ast::Path { segments: vec![ty.clone()] };
        let written = ast::Type { kind: ast::TypeKind::Named { path: named, args: Vec::new() }, span: ty.span };
        Some(self.resolve(&written, Lead::Forbidden).and_then(|of| {
            let n = match (of.elem(), number.name.as_str()) {
                (Some(e), "BITS") => i64::from(e.bits()),
                (Some(Elem::Fix { frac, .. }), "FRAC") => i64::from(frac),
                (Some(_), "FRAC") => 0,
                _ => {
                    let shown = self.show(&of);
                    return Err(self.error(
                        "no-number",
                        format!("`{shown}` has no `{}`", number.name),
                        span,
                        "it is not a type of numbers",
                    ));
                }
            };
            self.dim_expr(Ok(Dim::number(n)), span)
        }))
    }

    fn cast(&mut self, of: &ast::Expr, ty: &ast::Type, span: Span) -> Checked<Expr> {
        let target = self.resolve(ty, Lead::Forbidden)?;
        let Some(elem) = target.elem() else {
            let shown = self.show(&target);
            let message = format!("`as` converts to a type of numbers, not to `{shown}`");
            return Err(self.error("cast", message, ty.span, ""));
        };
        let decimal = self.decimal_value(of).is_some();
        let hint = if decimal && matches!(elem, Elem::Fix { .. }) { Want::Elem(elem) } else { Want::Any };
        let large =
            Self::integer_literal(of).is_some_and(|(n, s)| s.is_none() && n.is_some_and(|n| n > i64::MAX.into()));
        let e = self.expr(of, if large { Want::Elem(Elem::Uint(64)) } else { hint })?;
        let Some(from) = e.ty.elem() else {
            let shown = self.show(&e.ty);
            return Err(self.error(
                "cast",
                format!("`{shown}` cannot be converted by `as`"),
                e.span,
                "it is not a number or a tensor of numbers",
            ));
        };
        if !target.shape().is_empty() && !self.same_shape(target.shape(), e.ty.shape()) {
            let (found, wanted) = (self.show(&e.ty), self.show(&target));
            return Err(self.report(
                Diagnostic::error(
                    "cast",
                    format!("`as` keeps the shape: `{found}` does not become `{wanted}`"),
                    span,
                    "",
                )
                .label(e.span, format!("this is `{found}`"))
                .help("write the element type alone, or `reshape` first"),
            ));
        }
        if elem == Elem::Bool && from != Elem::Bool {
            return Err(self.report(
                Diagnostic::error("cast", "a number does not become a `bool` by `as`", span, "").help("write `x != 0`"),
            ));
        }
        if from == elem {
            return Ok(Expr { span, ..e });
        }
        if let (Some(n), true) = (as_dim(&e).and_then(|d| d.known()), elem != Elem::Bool) {
            let ring = match elem {
                Elem::Fix { frac, .. } => (n as u64).checked_shl(frac.into()).unwrap_or(0),
                _ => n as u64,
            };
            return self.make(ExprKind::Const(ring & elem.mask()), Ty::Scalar(elem), span);
        }
        let ty = tensor(Ty::Scalar(elem), e.ty.shape().to_vec());
        self.make(ExprKind::Cast(Box::new(e)), ty, span)
    }

    fn field(&mut self, base: &ast::Expr, name: &ast::Ident, span: Span) -> Checked<Expr> {
        let base = self.expr(base, Want::Any)?;
        let (index, ty) = self.field_of(&base.ty, name)?;
        self.make(ExprKind::Field(Box::new(base), index), ty, span)
    }

    /// A field's index and type; of a tensor of structs the tensor of that field.
    pub fn field_of(&mut self, base: &Ty, name: &ast::Ident) -> Checked<(usize, Ty)> {
        let (inner, shape) = match base {
            Ty::Tensor(of, shape) => (&**of, shape.clone()),
            other => (other, Vec::new()),
        };
        let Ty::Struct(s) = inner else {
            let shown = self.show(base);
            let diagnostic =
                Diagnostic::error("no-field", format!("`{shown}` has no field `{}`", name.name), name.span, "");
            return Err(self.report(match name.name.as_str() {
                "len" | "shape" | "size" => {
                    diagnostic.help("sizes are the dimension parameters of the function, as in `fn f[N](x: fix[N])`")
                }
                "T" => diagnostic.help("write `transpose(x)`"),
                "abs" | "sum" | "min" | "max" => diagnostic.help(format!("write `{}(x)`", name.name)),
                _ => diagnostic,
            }));
        };
        match s.fields.iter().position(|(n, _)| *n == name.name) {
            Some(i) => Ok((i, tensor(s.fields[i].1.clone(), shape))),
            None => {
                let message = format!("`{}` has no field `{}`", s.name, name.name);
                let names: Vec<&str> = s.fields.iter().map(|(n, _)| n.as_str()).collect();
                let help = match super::similar(&name.name, names.iter().copied()) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => format!("its fields are `{}`", names.join("`, `")),
                };
                Err(self.report(Diagnostic::error("no-field", message, name.span, "").help(help)))
            }
        }
    }

    fn part(&mut self, base: &ast::Expr, index: u32, at: Span, span: Span) -> Checked<Expr> {
        let base = self.expr(base, Want::Any)?;
        let ty = self.part_of(&base.ty, index, at)?;
        self.make(ExprKind::Field(Box::new(base), index as usize), ty, span)
    }

    /// The type of a part of a tuple; of a tensor of tuples the tensor of that part.
    pub fn part_of(&mut self, base: &Ty, index: u32, at: Span) -> Checked<Ty> {
        let (inner, shape) = match base {
            Ty::Tensor(of, shape) => (&**of, shape.clone()),
            other => (other, Vec::new()),
        };
        match inner {
            Ty::Tuple(parts) if (index as usize) < parts.len() => Ok(tensor(parts[index as usize].clone(), shape)),
            _ => {
                let shown = self.show(base);
                let diagnostic = Diagnostic::error("no-field", format!("`{shown}` has no part {index}"), at, "");
                Err(self.report(match inner {
                    Ty::Tuple(parts) => diagnostic.help(format!("it has {}, counted from 0", parts.len())),
                    Ty::Scalar(_) if !shape.is_empty() => diagnostic.help(format!("elements are read by `x[{index}]`")),
                    _ => diagnostic,
                }))
            }
        }
    }

    fn array(&mut self, parts: &[ast::Expr], want: Want, span: Span) -> Checked<Expr> {
        let asked = match want {
            Want::Ty(ty) => super::types::row(ty).map(|(_, row)| row),
            _ => None,
        };
        let hint = asked.as_ref().map_or(want.elem().map_or(Want::Any, Want::Elem), Want::Ty);
        if parts.is_empty() {
            let Some(row) = asked else {
                return Err(self.error(
                    "unknown-type",
                    "the type of `[]` is not known here",
                    span,
                    "say it, as in `let x: u8[0] = []`",
                ));
            };
            return self.make(ExprKind::Array(Vec::new()), tensor(row, vec![Dim::number(0)]), span);
        }
        let typed: Vec<_> = parts.iter().map(|p| self.expr(p, hint)).collect();
        let mut typed: Vec<Expr> = typed.into_iter().collect::<Checked<_>>()?;
        // An `int` becomes what the others are.
        let lead = asked.or_else(|| typed.iter().map(|t| &t.ty).find(|t| t.elem() != Some(Elem::Int)).cloned());
        let lead = lead.unwrap_or_else(|| typed[0].ty.clone());
        let lead = if typed.iter().all(|t| t.ty.elem() == Some(Elem::Int)) { typed[0].ty.clone() } else { lead };
        let from = typed.iter().find(|t| t.ty == lead).map_or(span, |t| t.span);
        let why = Some((from, format!("elements of an array are of one type, here `{}`", self.show(&lead))));
        let coerced: Vec<_> = typed.drain(..).map(|t| self.coerce(t, &lead, &why)).collect();
        let typed = coerced.into_iter().collect::<Checked<Vec<_>>>()?;
        let ty = self.bounded(tensor(lead, vec![Dim::number(typed.len() as i64)]), span)?;
        self.make(ExprKind::Array(typed), ty, span)
    }

    fn repeat(&mut self, of: &ast::Expr, n: &ast::Expr, want: Want, span: Span) -> Checked<Expr> {
        let asked = match want {
            Want::Ty(ty) => super::types::row(ty).map(|(_, row)| row),
            _ => None,
        };
        let hint = asked.as_ref().map_or(want.elem().map_or(Want::Any, Want::Elem), Want::Ty);
        let of = self.expr(of, hint);
        let n = self.dimension(n);
        let (of, n) = (of?, n?);
        let ty = self.bounded(tensor(of.ty.clone(), vec![n.clone()]), span)?;
        self.make(ExprKind::Repeat(Box::new(of), n), ty, span)
    }

    fn tuple(&mut self, parts: &[ast::Expr], want: Want, span: Span) -> Checked<Expr> {
        let wants: Option<&[Ty]> = match want {
            Want::Ty(Ty::Tuple(wants)) if wants.len() == parts.len() => Some(wants),
            _ => None,
        };
        let mut typed = Vec::new();
        for (i, p) in parts.iter().enumerate() {
            typed.push(match wants {
                Some(wants) => self.expr(p, Want::Ty(&wants[i])).and_then(|e| self.int_to(e, &wants[i])),
                None => self.expr(p, Want::Any),
            });
        }
        let typed = typed.into_iter().collect::<Checked<Vec<_>>>()?;
        let ty = self.bounded(Ty::Tuple(typed.iter().map(|t| t.ty.clone()).collect()), span)?;
        self.make(ExprKind::Aggregate(typed), ty, span)
    }

    /// An `int` as what is asked for; everything else as it is.
    pub fn int_to(&mut self, e: Expr, ty: &Ty) -> Checked<Expr> {
        match (e.ty.elem(), ty.elem()) {
            (Some(Elem::Int), Some(to)) if to != Elem::Int && e.ty.shape() == ty.shape() => self.coerce(e, ty, &None),
            _ => Ok(e),
        }
    }

    /// Reports that an expression has another type than is asked for.
    pub fn mismatch(&mut self, e: &Expr, ty: &Ty, why: &Why) -> Reported {
        let (found, wanted) = (self.show(&e.ty), self.show(ty));
        let mut message = format!("`{wanted}` is expected, but this is `{found}`");
        if found == wanted {
            message = format!("this `{found}` is not the `{wanted}` that is expected: {}", self.difference(&e.ty, ty));
        }
        let code = if e.ty.elem().is_some() && e.ty.elem() == ty.elem() { "shape-mismatch" } else { "type-mismatch" };
        let mut diagnostic = Diagnostic::error(code, message, e.span, format!("this is `{found}`"));
        if let Some((span, note)) = why.as_ref().filter(|(span, _)| *span != e.span) {
            diagnostic = diagnostic.label(*span, note.clone());
        }
        let help = self.conversion(&e.ty, ty);
        self.report(Diagnostic { help, ..diagnostic })
    }

    /// What would make one type the other.
    fn conversion(&self, from: &Ty, to: &Ty) -> Option<String> {
        let (a, b) = (from.elem(), to.elem());
        match (a, b, from.shape(), to.shape()) {
            (Some(Elem::Bool), Some(Elem::Int), ..) => None,
            (Some(_), Some(Elem::Bool), s, t) if self.same_shape(s, t) => {
                Some("`x != 0` makes a `bool` of a number".into())
            }
            (Some(a), Some(b), s, t) if a != b && self.same_shape(s, t) => {
                Some(format!("`as {}` converts it", super::print::elem(b, self.checker.fix)))
            }
            (Some(_), Some(_), [x, y], [u, v])
                if x.compare(v) == Comparison::Equal && y.compare(u) == Comparison::Equal =>
            {
                Some("`transpose(…)` swaps the two dimensions".into())
            }
            (Some(a), Some(b), s, t) if a == b && product(s).is_some() && product(s) == product(t) && s != t => {
                Some(format!("`reshape(…, [{}])` has the same elements", super::print::join(t)))
            }
            (Some(_), Some(_), [], _) => Some("`full(x)` fills a tensor with one value".into()),
            (_, _, _, _) if *to == Ty::unit() => Some("end it with `;` to drop the value".into()),
            _ => None,
        }
    }

    fn difference(&self, a: &Ty, b: &Ty) -> String {
        if let (Ty::Struct(a), Ty::Struct(b)) = (a, b) {
            for ((name, x), (_, y)) in a.fields.iter().zip(&b.fields) {
                if !self.same(x, y) {
                    return format!(
                        "field `{name}` is `{}` in the one and `{}` in the other",
                        self.show(x),
                        self.show(y)
                    );
                }
            }
        }
        "they differ in a dimension".into()
    }
}

/// The number of elements of a shape.
pub(crate) fn product(shape: &[Dim]) -> Option<Dim> {
    shape.iter().try_fold(Dim::number(1), |p, d| p.mul(d)).ok()
}
