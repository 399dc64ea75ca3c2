//! Operators: their operands' types, broadcasting, and what is folded.

use motet_program::data::Elem;

use super::constants::as_dim;
use super::context::{Body, Checked, Reported, Want, Why};
use super::dim::{Comparison, Dim};
use super::print;
use super::tree::{Expr, ExprKind, StructTy, Ty};
use super::types::tensor;
use crate::diagnostics::Diagnostic;
use crate::parse::ast::{self, BinaryOp, UnaryOp};
use crate::source::Span;

impl Body<'_, '_> {
    /// `-e`, `!e`.
    pub fn unary(&mut self, op: UnaryOp, operand: &ast::Expr, want: Want, span: Span) -> Checked<Expr> {
        let e = self.expr(operand, want)?;
        if op == UnaryOp::Neg
            && let Some(d) = as_dim(&e)
        {
            return self.dim_expr(d.neg(), span);
        }
        let fine = match (op, e.ty.elem(), &e.ty) {
            (UnaryOp::Neg, None, Ty::Struct(s)) => self.numeric_struct(s, span, "-").is_ok(),
            (UnaryOp::Neg, Some(elem), _) => elem != Elem::Bool,
            (UnaryOp::Not, Some(elem), _) => matches!(elem, Elem::Bool | Elem::Uint(_) | Elem::Sint(_)),
            _ => false,
        };
        if !fine {
            let (sign, shown) = (if op == UnaryOp::Neg { "-" } else { "!" }, self.show(&e.ty));
            let diagnostic = Diagnostic::error("operator", format!("`{sign}` does not apply to `{shown}`"), span, "");
            return Err(self.report(match (op, e.ty.elem()) {
                (UnaryOp::Neg, Some(Elem::Bool)) => diagnostic.help("`!` negates a `bool`"),
                (UnaryOp::Not, Some(Elem::Int)) => {
                    diagnostic.help("`int` has no fixed width; say one, as in `x as u32`")
                }
                _ => diagnostic,
            }));
        }
        let ty = e.ty.clone();
        self.make(ExprKind::Unary(op, Box::new(e)), ty, span)
    }

    /// `l op r`.
    pub fn binary(&mut self, op: BinaryOp, l: &ast::Expr, r: &ast::Expr, want: Want, span: Span) -> Checked<Expr> {
        match op {
            BinaryOp::Shl | BinaryOp::Shr => {
                let left = self.expr(l, want);
                let right = self.expr(r, Want::Any);
                self.shift(op, left?, right?, span)
            }
            BinaryOp::Pow => {
                let int = Ty::Scalar(Elem::Int);
                let left = self.expect(l, &int, Some((span, "`**` is for `int` alone".into())));
                let right = self.expect(r, &int, Some((span, "`**` is for `int` alone".into())));
                self.combine(op, left?, right?, span)
            }
            _ => {
                let (left, right) = self.operands(op, l, r, want);
                self.combine(op, left?, right?, span)
            }
        }
    }

    /// Both operands, each a hint for the other.
    fn operands(&mut self, op: BinaryOp, l: &ast::Expr, r: &ast::Expr, want: Want) -> (Checked<Expr>, Checked<Expr>) {
        let compares =
            matches!(op, BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge | BinaryOp::Eq | BinaryOp::Ne);
        let outer = match want.elem() {
            Some(e) if !compares && matches!(e, Elem::Fix { .. }) => Want::Elem(e),
            _ => Want::Any,
        };
        let first = |e: &ast::Expr| if Self::integer_literal(e).is_some() { Want::Any } else { outer };
        if self.needs_hint(l) && !self.needs_hint(r) {
            let right = self.expr(r, first(r));
            let left = self.second(l, right.as_ref().ok());
            (left, right)
        } else {
            let left = self.expr(l, first(l));
            let right = self.second(r, left.as_ref().ok());
            (left, right)
        }
    }

    /// The operand that is checked second, with the first's type as a hint.
    fn second(&mut self, e: &ast::Expr, other: Option<&Expr>) -> Checked<Expr> {
        let Some(other) = other else { return self.expr(e, Want::Any) };
        match first_elem(&other.ty) {
            Some(Elem::Int) | None => self.expr(e, Want::Any),
            Some(_) if self.is_shapeless(e) => self.expr(e, Want::Ty(&other.ty)),
            Some(elem) => self.expr(e, Want::Elem(elem)),
        }
    }

    /// The operation on two typed operands.
    pub fn combine(&mut self, op: BinaryOp, l: Expr, r: Expr, span: Span) -> Checked<Expr> {
        if let (Some(a), Some(b)) = (as_dim(&l), as_dim(&r))
            && let Some(folded) = self.fold(op, &a, &b, span)
        {
            return folded;
        }
        if has_struct(&l.ty) || has_struct(&r.ty) {
            return self.struct_operation(op, l, r, span);
        }
        let (l, r) = self.one_element(op, l, r)?;
        let elem = l.ty.elem().ok_or(Reported)?;
        let allowed = match op {
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => elem != Elem::Bool,
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => elem != Elem::Bool,
            BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor => !matches!(elem, Elem::Fix { .. }),
            BinaryOp::And | BinaryOp::Or => elem == Elem::Bool,
            BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Pow | BinaryOp::Shl | BinaryOp::Shr => true,
        };
        if !allowed {
            return Err(self.not_for(op, &l, span));
        }
        let shape = self.broadcast(&l, &r, symbol(op))?;
        let result = match op {
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge | BinaryOp::Eq | BinaryOp::Ne => Elem::Bool,
            _ => elem,
        };
        // On tensors both sides are evaluated anyway.
        let op = match op {
            BinaryOp::And if !shape.is_empty() => BinaryOp::BitAnd,
            BinaryOp::Or if !shape.is_empty() => BinaryOp::BitOr,
            op => op,
        };
        let ty = self.bounded(tensor(Ty::Scalar(result), shape), span)?;
        self.make(ExprKind::Binary(op, Box::new(l), Box::new(r)), ty, span)
    }

    fn not_for(&mut self, op: BinaryOp, l: &Expr, span: Span) -> Reported {
        let shown = self.show(&l.ty);
        let diagnostic =
            Diagnostic::error("operator", format!("`{}` does not apply to `{shown}`", symbol(op)), span, "");
        let help = match (op, l.ty.elem()) {
            (BinaryOp::And, Some(_)) => Some("`&` works bit by bit; `x != 0` makes a `bool`"),
            (BinaryOp::Or, Some(_)) => Some("`|` works bit by bit; `x != 0` makes a `bool`"),
            (BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul, Some(Elem::Bool)) => {
                Some("convert first, as in `b as u32`")
            }
            _ => None,
        };
        self.report(Diagnostic { help: help.map(Into::into), ..diagnostic })
    }

    /// Makes the operands' element types one: an `int` becomes what the other is.
    fn one_element(&mut self, op: BinaryOp, l: Expr, r: Expr) -> Checked<(Expr, Expr)> {
        let (Some(a), Some(b)) = (l.ty.elem(), r.ty.elem()) else {
            let wrong = if l.ty.elem().is_none() { &l } else { &r };
            let span = wrong.span;
            return Err(self.not_for(op, &wrong.clone(), span));
        };
        match (a, b) {
            _ if a == b => Ok((l, r)),
            (Elem::Int, _) => Ok((self.in_elem(l, b, &None)?, r)),
            (_, Elem::Int) => Ok((l, self.in_elem(r, a, &None)?)),
            _ => {
                let (left, right) = (self.show(&l.ty), self.show(&r.ty));
                let message = format!("the two sides of `{}` have different types, `{left}` and `{right}`", symbol(op));
                let target = print::elem(a, self.checker.fix);
                Err(self.report(
                    Diagnostic::error("type-mismatch", message, l.span, format!("`{left}`"))
                        .label(r.span, format!("`{right}`"))
                        .help(match (a, b) {
                            (_, Elem::Bool) | (Elem::Bool, _) => {
                                "a `bool` becomes a number by `as`, a number a `bool` by `!= 0`".to_owned()
                            }
                            _ => format!("convert one of them, as in `… as {target}`"),
                        }),
                ))
            }
        }
    }

    /// The shape that two operands are broadcast to, by NumPy's rule.
    pub fn broadcast(&mut self, l: &Expr, r: &Expr, what: &str) -> Checked<Vec<Dim>> {
        match self.broadcast_shapes(l.ty.shape(), r.ty.shape()) {
            Some(shape) => Ok(shape),
            None => {
                let (left, right) = (self.show(&l.ty), self.show(&r.ty));
                let message = format!("the shapes of the two sides of `{what}` do not fit: `{left}` and `{right}`");
                Err(self.report(
                    Diagnostic::error("shape-mismatch", message, l.span, format!("`{left}`"))
                        .label(r.span, format!("`{right}`"))
                        .help("counted from the last, dimensions must be equal, or one of them 1 or missing"),
                ))
            }
        }
    }

    /// The shape that two shapes are broadcast to, if they fit.
    pub fn broadcast_shapes(&self, a: &[Dim], b: &[Dim]) -> Option<Vec<Dim>> {
        let rank = a.len().max(b.len());
        let one = Dim::number(1);
        let at = |shape: &[Dim], i: usize| (i + shape.len()).checked_sub(rank).map(|i| shape[i].clone());
        (0..rank)
            .map(|i| match (at(a, i), at(b, i)) {
                (Some(x), Some(y)) => match x.compare(&y) {
                    _ if x == one => Some(y),
                    _ if y == one => Some(x),
                    Comparison::Equal => Some(x),
                    Comparison::Undecided => Some(if x.has_opaque() { y } else { x }),
                    Comparison::Different => None,
                },
                (x, y) => x.or(y),
            })
            .collect()
    }

    fn shift(&mut self, op: BinaryOp, l: Expr, r: Expr, span: Span) -> Checked<Expr> {
        if let (Some(a), Some(b)) = (as_dim(&l), as_dim(&r))
            && let Some(folded) = self.fold(op, &a, &b, span)
        {
            return folded;
        }
        let integer = |e: &Expr| matches!(e.ty.elem(), Some(Elem::Int | Elem::Uint(_) | Elem::Sint(_)));
        // A shift moves the ring's bits, of a `fix` too: it multiplies by a power of two, or divides toward minus infinity.
        if !integer(&l) && !matches!(l.ty.elem(), Some(Elem::Fix { .. })) {
            return Err(self.not_for(op, &l, span));
        }
        if !integer(&r) {
            let shown = self.show(&r.ty);
            return Err(self.error("operator", format!("a shift amount is an integer, not `{shown}`"), r.span, ""));
        }
        let shape = self.broadcast(&l, &r, symbol(op))?;
        let ty = tensor(Ty::Scalar(l.ty.elem().ok_or(Reported)?), shape);
        self.make(ExprKind::Binary(op, Box::new(l), Box::new(r)), ty, span)
    }

    /// Arithmetic on `int`s that are known; `None` where it must wait.
    fn fold(&mut self, op: BinaryOp, a: &Dim, b: &Dim, span: Span) -> Option<Checked<Expr>> {
        let dim = match op {
            BinaryOp::Add => a.add(b),
            BinaryOp::Sub => a.sub(b),
            BinaryOp::Mul => a.mul(b),
            BinaryOp::Div => a.div(b),
            BinaryOp::Rem => a.rem(b),
            BinaryOp::Pow => a.pow(b),
            BinaryOp::Shl => a.mul(&Dim::number(1i64.checked_shl(u32::try_from(b.known()?).ok()?).filter(|p| *p > 0)?)),
            BinaryOp::Shr => Ok(Dim::number(a.known()? >> u32::try_from(b.known()?).ok()?.min(63))),
            BinaryOp::BitAnd => Ok(Dim::number(a.known()? & b.known()?)),
            BinaryOp::BitOr => Ok(Dim::number(a.known()? | b.known()?)),
            BinaryOp::BitXor => Ok(Dim::number(a.known()? ^ b.known()?)),
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge | BinaryOp::Eq | BinaryOp::Ne => {
                let order = a.sub(b).ok()?.known()?.cmp(&0);
                let holds = match op {
                    BinaryOp::Lt => order.is_lt(),
                    BinaryOp::Le => order.is_le(),
                    BinaryOp::Gt => order.is_gt(),
                    BinaryOp::Ge => order.is_ge(),
                    BinaryOp::Eq => order.is_eq(),
                    _ => order.is_ne(),
                };
                return Some(self.make(ExprKind::Const(holds.into()), Ty::Scalar(Elem::Bool), span));
            }
            BinaryOp::And | BinaryOp::Or => return None,
        };
        Some(self.dim_expr(dim, span))
    }

    /// `+` and `-` of structs, `*` of a struct and a scalar.
    fn struct_operation(&mut self, op: BinaryOp, l: Expr, r: Expr, span: Span) -> Checked<Expr> {
        let sign = symbol(op);
        match (op, l.ty.clone(), r.ty.clone()) {
            (BinaryOp::Add | BinaryOp::Sub, Ty::Struct(a), _) => {
                self.numeric_struct(&a, span, sign)?;
                let ty = l.ty.clone();
                let r = self.coerce(r, &ty, &Some((l.span, format!("the left side is `{}`", a.name))))?;
                self.make(ExprKind::Binary(op, Box::new(l), Box::new(r)), ty, span)
            }
            (BinaryOp::Mul, Ty::Struct(s), Ty::Scalar(_)) => {
                let elem = self.numeric_struct(&s, span, sign)?;
                let ty = l.ty.clone();
                let r =
                    self.coerce(r, &Ty::Scalar(elem), &Some((l.span, format!("the fields of `{}` are such", s.name))))?;
                self.make(ExprKind::Binary(op, Box::new(l), Box::new(r)), ty, span)
            }
            (BinaryOp::Mul, Ty::Scalar(_), Ty::Struct(s)) => {
                let elem = self.numeric_struct(&s, span, sign)?;
                let ty = r.ty.clone();
                let l =
                    self.coerce(l, &Ty::Scalar(elem), &Some((r.span, format!("the fields of `{}` are such", s.name))))?;
                self.make(ExprKind::Binary(op, Box::new(l), Box::new(r)), ty, span)
            }
            (_, a, b) => {
                let message = format!("`{sign}` does not apply to `{}` and `{}`", self.show(&a), self.show(&b));
                Err(self.report(
                    Diagnostic::error("operator", message, span, "")
                        .help("on structs there are `+` and `-` of two of the same type, and `*` with a number"),
                ))
            }
        }
    }

    /// The one element type of all fields.
    fn numeric_struct(&mut self, s: &StructTy, span: Span, sign: &str) -> Checked<Elem> {
        fn elems(ty: &Ty, out: &mut Vec<Elem>) {
            match ty {
                Ty::Scalar(e) => out.push(*e),
                Ty::Tensor(of, _) => elems(of, out),
                Ty::Tuple(parts) => parts.iter().for_each(|p| elems(p, out)),
                Ty::Struct(s) => s.fields.iter().for_each(|(_, f)| elems(f, out)),
            }
        }
        let mut all = Vec::new();
        s.fields.iter().for_each(|(_, f)| elems(f, &mut all));
        match all.first() {
            Some(first) if *first != Elem::Bool && all.iter().all(|e| e == first) => Ok(*first),
            _ => {
                let message = format!("`{sign}` does not apply to `{}`", s.name);
                Err(self.error("operator", message, span, "its fields are not all of one type of numbers"))
            }
        }
    }

    /// The expression as a value of a type: an `int` becomes what is asked for.
    pub fn coerce(&mut self, e: Expr, ty: &Ty, why: &Why) -> Checked<Expr> {
        if self.same(&e.ty, ty) {
            return Ok(e);
        }
        if let (Some(Elem::Int), Some(elem)) = (e.ty.elem(), ty.elem())
            && elem != Elem::Int
            && elem != Elem::Bool
            && self.same_shape(e.ty.shape(), ty.shape())
        {
            return self.in_elem(e, elem, why);
        }
        Err(self.mismatch(&e, ty, why))
    }

    /// An `int`, or a tensor of them, in an element type.
    pub fn in_elem(&mut self, e: Expr, elem: Elem, why: &Why) -> Checked<Expr> {
        let ty = tensor(Ty::Scalar(elem), e.ty.shape().to_vec());
        if elem == Elem::Bool {
            return Err(self.mismatch(&e, &ty, why));
        }
        match e.kind {
            ExprKind::Const(n) if e.ty == Ty::Scalar(Elem::Int) => {
                let ring = self.fits((n as i64).into(), elem, e.span)?;
                Ok(Expr { kind: ExprKind::Const(ring), ty, span: e.span })
            }
            ExprKind::Array(parts) => {
                let parts: Vec<_> = parts.into_iter().map(|p| self.in_elem(p, elem, why)).collect();
                Ok(Expr { kind: ExprKind::Array(parts.into_iter().collect::<Checked<_>>()?), ty, span: e.span })
            }
            ExprKind::Repeat(of, n) => {
                let of = self.in_elem(*of, elem, why)?;
                Ok(Expr { kind: ExprKind::Repeat(Box::new(of), n), ty, span: e.span })
            }
            kind => {
                let span = e.span;
                self.make(ExprKind::Coerce(Box::new(Expr { kind, ..e })), ty, span)
            }
        }
    }

    /// Whether two types are equal, as far as can be decided.
    pub fn same(&self, a: &Ty, b: &Ty) -> bool {
        match (a, b) {
            (Ty::Scalar(x), Ty::Scalar(y)) => x == y,
            (Ty::Tensor(x, s), Ty::Tensor(y, t)) => self.same(x, y) && self.same_shape(s, t),
            (Ty::Tuple(x), Ty::Tuple(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| self.same(x, y)),
            (Ty::Struct(x), Ty::Struct(y)) => {
                x.name == y.name
                    && x.fields.len() == y.fields.len()
                    && x.fields.iter().zip(&y.fields).all(|((m, x), (n, y))| m == n && self.same(x, y))
            }
            _ => false,
        }
    }

    /// Whether two shapes are equal, as far as can be decided.
    pub fn same_shape(&self, a: &[Dim], b: &[Dim]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.compare(y) != Comparison::Different)
    }
}

fn has_struct(ty: &Ty) -> bool {
    matches!(ty, Ty::Struct(_))
}

/// The first element type in a type.
fn first_elem(ty: &Ty) -> Option<Elem> {
    match ty {
        Ty::Scalar(e) => Some(*e),
        Ty::Tensor(of, _) => first_elem(of),
        Ty::Tuple(parts) => parts.iter().find_map(first_elem),
        Ty::Struct(s) => s.fields.iter().find_map(|(_, f)| first_elem(f)),
    }
}

/// An operator as it is written.
pub(crate) fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
        BinaryOp::Pow => "**",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::And => "&&",
        BinaryOp::Or => "||",
    }
}
