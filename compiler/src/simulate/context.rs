//! What the interpreter's parts share: errors with their places, the budget, shapes of types, values of a type.

use motet_program::data::Elem;

use super::error::{Exit, SimulateError, SimulateErrorKind as Kind};
use super::interpret::{Flow, Interpreter};
use super::reports::Left;
use super::value::{Array, Value};
use crate::source::Span;
use crate::typed::dim::Dim;
use crate::typed::tree::Ty;

impl Interpreter<'_> {
    /// Runs an operation that may note results out of range.
    pub fn noting(
        &mut self,
        ty: &Ty,
        span: Span,
        f: impl FnOnce(&mut Left) -> std::result::Result<Value, Kind>,
    ) -> Flow<Value> {
        let mut left = Left::default();
        let value = f(&mut left);
        if left.noted() && self.idle == 0 {
            // The operands' type: a struct's fields may differ, then the first `fix` among them speaks for all.
            if let Some(elem) = first_fix(ty) {
                self.reports.range(left, elem, span, &self.calls);
            }
        }
        self.at(span, value)
    }

    /// An error of an operation, at its place.
    pub fn at<T>(&self, span: Span, result: std::result::Result<T, Kind>) -> Flow<T> {
        result.map_err(|kind| self.fail(kind, span))
    }

    /// An error at a place, with the calls that led there.
    pub fn fail(&self, kind: Kind, span: Span) -> Exit<Value> {
        Exit::Error(Box::new(SimulateError { kind, span: Some(span), calls: self.calls.clone() }))
    }

    /// Counts steps against the budget.
    pub fn spend(&mut self, steps: u64, span: Span) -> Flow<()> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > self.options.steps {
            return Err(self.fail(Kind::OutOfBudget(self.options.steps), span));
        }
        Ok(())
    }

    /// Refuses a value of the type where it is larger than allowed; counts its elements as steps.
    pub fn room(&mut self, ty: &Ty, span: Span) -> Flow<()> {
        if matches!(ty, Ty::Scalar(_)) {
            return Ok(());
        }
        let elements = self.elements(ty, span)?;
        if elements > self.options.elements {
            return Err(self.fail(Kind::TooLarge { elements, limit: self.options.elements }, span));
        }
        self.spend(elements, span)
    }

    fn elements(&self, ty: &Ty, span: Span) -> Flow<u64> {
        let sum = |mut parts: Vec<u64>| parts.drain(..).fold(0u64, u64::saturating_add);
        match ty {
            Ty::Scalar(_) => Ok(1),
            Ty::Tensor(of, dims) => {
                let mut count = self.elements(of, span)?;
                for d in dims {
                    count = count.saturating_mul(self.dim(d, span)? as u64);
                }
                Ok(count)
            }
            Ty::Tuple(parts) => Ok(sum(parts.iter().map(|t| self.elements(t, span)).collect::<Flow<_>>()?)),
            Ty::Struct(s) => Ok(sum(s.fields.iter().map(|(_, t)| self.elements(t, span)).collect::<Flow<_>>()?)),
        }
    }

    /// A dimension's number; never negative where it stands in a shape.
    pub fn dim(&self, dim: &Dim, span: Span) -> Flow<i64> {
        dim.known().ok_or_else(|| self.fail(Kind::Malformed("a dimension that is not known"), span))
    }

    /// A shape.
    pub fn shape(&self, dims: &[Dim], span: Span) -> Flow<Vec<usize>> {
        dims.iter()
            .map(|d| {
                usize::try_from(self.dim(d, span)?).map_err(|_| self.fail(Kind::Malformed("a negative size"), span))
            })
            .collect()
    }

    /// How many rows a loop over a value of the type has.
    pub fn rows(&self, ty: &Ty, span: Span) -> Flow<usize> {
        match ty {
            Ty::Tensor(_, dims) if !dims.is_empty() => Ok(self.shape(&dims[..1], span)?[0]),
            Ty::Tuple(parts) if !parts.is_empty() => self.rows(&parts[0], span),
            _ => Err(self.fail(Kind::Malformed("rows of something that has none"), span)),
        }
    }

    /// The element type of a scalar or tensor.
    pub fn elem(&self, ty: &Ty, span: Span) -> Flow<Elem> {
        ty.elem().ok_or_else(|| self.fail(Kind::Malformed("an element type of a group"), span))
    }

    /// `fill` of each leaf's element type in every element of a value of the type; public.
    pub fn filled(&mut self, ty: &Ty, span: Span, fill: &impl Fn(Elem) -> u64) -> Flow<Value> {
        self.room(ty, span)?;
        self.filled_under(&[], ty, span, fill)
    }

    fn filled_under(&self, lead: &[usize], ty: &Ty, span: Span, fill: &impl Fn(Elem) -> u64) -> Flow<Value> {
        let group = |parts: Vec<&Ty>| {
            Ok(Value::Group(
                parts.into_iter().map(|t| self.filled_under(lead, t, span, fill)).collect::<Flow<Vec<_>>>()?,
            ))
        };
        match ty {
            Ty::Scalar(elem) => Ok(Value::Leaf(Array::splat(*elem, lead.to_vec(), fill(*elem)))),
            Ty::Tensor(of, dims) => self.filled_under(&[lead, &self.shape(dims, span)?].concat(), of, span, fill),
            Ty::Tuple(parts) => group(parts.iter().collect()),
            Ty::Struct(s) => group(s.fields.iter().map(|(_, t)| t).collect()),
        }
    }

    /// Zeros of the type.
    pub fn zero(&mut self, ty: &Ty, span: Span) -> Flow<Value> {
        self.filled(ty, span, &|_| 0)
    }

    /// A public random number below the bound, by SplitMix64. Only the distribution matters here: parties that run a
    /// program agree on numbers of their own.
    pub fn random_below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * u128::from(bound)) >> 64) as u64
    }
}

/// The first `fix` type among the leaves of a type.
fn first_fix(ty: &Ty) -> Option<Elem> {
    match ty {
        Ty::Scalar(elem @ Elem::Fix { .. }) => Some(*elem),
        Ty::Scalar(_) => None,
        Ty::Tensor(of, _) => first_fix(of),
        Ty::Tuple(parts) => parts.iter().find_map(first_fix),
        Ty::Struct(s) => s.fields.iter().find_map(|(_, t)| first_fix(t)),
    }
}
