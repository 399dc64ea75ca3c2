//! The types of an entry point's parameters and results as data: what parties supply and are shown.

use motet_program::data::{DataType, Shape, Type};
use thiserror::Error;

use super::dim::Dim;
use super::tree::{Tree, Ty};

/// A dimension that is not a number yet, so that data cannot be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a dimension of the entry point is not known")]
pub struct UnknownDimension;

/// A parameter of an entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Whose it is (index into the tree's parties); `None` where it is public.
    pub owner: Option<usize>,
    /// Its type.
    pub ty: DataType,
}

/// An entry point's parameters and the parts of its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Parameters, in order.
    pub params: Vec<Param>,
    /// The parts of the result: those of a tuple, else one.
    pub outputs: Vec<DataType>,
}

/// The entry point's signature.
pub fn signature(tree: &Tree) -> Result<Signature, UnknownDimension> {
    let function = &tree.functions[tree.entry.0 as usize];
    let mut params = Vec::with_capacity(function.params.len());
    for (id, owner) in function.params.iter().zip(&tree.owners) {
        let local = &function.locals[id.0 as usize];
        params.push(Param { name: local.name.clone(), owner: *owner, ty: data_type(&local.ty)? });
    }
    let outputs = match &function.result {
        Ty::Tuple(parts) if tree.tuple_result => parts.iter().map(data_type).collect::<Result<_, _>>()?,
        whole => vec![data_type(whole)?],
    };
    Ok(Signature { params, outputs })
}

/// A type as data.
pub fn data_type(ty: &Ty) -> Result<DataType, UnknownDimension> {
    Ok(match ty {
        Ty::Scalar(elem) => DataType::Leaf(Type::scalar(*elem)),
        Ty::Tensor(of, dims) => match of.as_ref() {
            Ty::Scalar(elem) => DataType::Leaf(Type { elem: *elem, shape: shape(dims)? }),
            of => DataType::Array(shape(dims)?, Box::new(data_type(of)?)),
        },
        Ty::Tuple(parts) => DataType::Tuple(parts.iter().map(data_type).collect::<Result<_, _>>()?),
        Ty::Struct(s) => {
            let fields = s.fields.iter().map(|(name, t)| Ok((name.clone(), data_type(t)?)));
            DataType::Struct(s.name.clone(), fields.collect::<Result<_, _>>()?)
        }
    })
}

/// Sizes of dimensions that are all numbers.
pub fn shape(dims: &[Dim]) -> Result<Shape, UnknownDimension> {
    dims.iter().map(|d| d.known().and_then(|n| u64::try_from(n).ok()).ok_or(UnknownDimension)).collect()
}
