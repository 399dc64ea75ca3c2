//! From the typed tree's types to those of values: structs, tuples and tensors of them become leaves.

use motet_program::data::{DataType, Elem, Shape, Type};

use super::{Fails, Lowerer};
use crate::diagnostics::Diagnostic;
use crate::source::Span;
use crate::typed::data_types::data_type;
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
pub(crate) fn one(elem: Elem) -> u64 {
    match elem {
        Elem::Fix { frac, .. } => (1 << frac) & elem.mask(),
        _ => 1,
    }
}

impl Lowerer<'_> {
    /// A dimension's number.
    pub(super) fn dim(&self, dim: &Dim, span: Span) -> Fails<u64> {
        dim.known().and_then(|n| u64::try_from(n).ok()).ok_or_else(|| unknown(span))
    }

    /// The numbers of a shape.
    pub(super) fn dims(&self, dims: &[Dim], span: Span) -> Fails<Shape> {
        dims.iter().map(|d| self.dim(d, span)).collect()
    }

    /// A type as data.
    pub(super) fn data(&self, ty: &Ty, span: Span) -> Fails<DataType> {
        data_type(ty).map_err(|_| unknown(span))
    }

    /// The types of a type's leaves, in order.
    pub(super) fn leaves(&self, ty: &Ty, span: Span) -> Fails<Vec<Type>> {
        self.data(ty, span).map(|data| data.leaves())
    }
}

fn unknown(span: Span) -> Diagnostic {
    Diagnostic::error("unknown-dimension", "a dimension is not known here", span, "of this")
        .help("give the entry point's dimensions: `--set N=8`")
}
