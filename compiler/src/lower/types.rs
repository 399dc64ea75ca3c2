//! From the typed tree's types to those of values: structs, tuples and tensors of them become leaves.

use motet_program::data::{Elem, Shape, Type};

use super::{Fails, Lowerer};
use crate::diagnostics::Diagnostic;
use crate::source::Span;
use crate::typed::dim::Dim;
use crate::typed::tree::Ty;

/// How many leaves a value of the type has.
pub(super) fn width(ty: &Ty) -> usize {
    match ty {
        Ty::Scalar(_) => 1,
        Ty::Tensor(of, _) => width(of),
        Ty::Tuple(parts) => parts.iter().map(width).sum(),
        Ty::Struct(s) => s.fields.iter().map(|(_, ty)| width(ty)).sum(),
    }
}

/// Where the leaves of a field or part begin, and how many there are; of a tensor of structs too.
pub(super) fn field(ty: &Ty, index: usize) -> (usize, &Ty) {
    match ty {
        Ty::Tensor(of, _) => field(of, index),
        Ty::Tuple(parts) => (parts[..index].iter().map(width).sum(), &parts[index]),
        Ty::Struct(s) => (s.fields[..index].iter().map(|(_, ty)| width(ty)).sum(), &s.fields[index].1),
        Ty::Scalar(_) => (0, ty),
    }
}

/// The ring value of one.
pub(super) fn one(elem: Elem) -> u64 {
    match elem {
        Elem::Fix { frac, .. } => (1 << frac) & elem.mask(),
        _ => 1,
    }
}

impl Lowerer<'_> {
    /// A dimension's number.
    pub(super) fn dim(&self, dim: &Dim, span: Span) -> Fails<u64> {
        dim.known().and_then(|n| u64::try_from(n).ok()).ok_or_else(|| {
            Diagnostic::error("unknown-dimension", "a dimension is not known here", span, "of this")
                .help("give the entry point's dimensions: `--set N=8`")
        })
    }

    /// The numbers of a shape.
    pub(super) fn dims(&self, dims: &[Dim], span: Span) -> Fails<Shape> {
        dims.iter().map(|d| self.dim(d, span)).collect()
    }

    /// The types of a type's leaves, in order.
    pub(super) fn leaves(&self, ty: &Ty, span: Span) -> Fails<Vec<Type>> {
        let mut out = Vec::new();
        self.collect(ty, &[], span, &mut out)?;
        Ok(out)
    }

    fn collect(&self, ty: &Ty, lead: &[u64], span: Span, out: &mut Vec<Type>) -> Fails<()> {
        match ty {
            Ty::Scalar(elem) => out.push(Type { elem: *elem, shape: lead.to_vec() }),
            Ty::Tensor(of, dims) => {
                let lead = [lead, &self.dims(dims, span)?].concat();
                self.collect(of, &lead, span, out)?;
            }
            Ty::Tuple(parts) => parts.iter().try_for_each(|p| self.collect(p, lead, span, out))?,
            Ty::Struct(s) => s.fields.iter().try_for_each(|(_, f)| self.collect(f, lead, span, out))?,
        }
        Ok(())
    }
}
