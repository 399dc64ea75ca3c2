//! Values in the clear: public ones at every party, private ones at their owner.

use motet_program::clear::{self, ClearError, Random};
use motet_program::data::{Tensor, Type};
use motet_program::ir::{Node, Program, Value};

use super::array::{Array, OutOfMemory};
use super::error::Failure;

/// A plain tensor.
pub(super) type Clear = Array<u64>;

/// The sizes of a value's axes.
pub(super) fn sizes(ty: &Type) -> Vec<usize> {
    ty.shape.iter().map(|size| *size as usize).collect()
}

/// An array of a tensor whose data fits its type.
pub(super) fn from_tensor(tensor: Tensor) -> Clear {
    Array::new(1, &sizes(&tensor.ty), tensor.data)
}

/// A tensor of an array.
pub(super) fn to_tensor(array: &Clear, ty: &Type) -> Result<Tensor, OutOfMemory> {
    Ok(Tensor { ty: ty.clone(), data: array.to_vec()? })
}

/// Evaluates an operation that is not structural.
pub(super) fn evaluate<'a>(
    program: &Program,
    types: &[Type],
    node: &Node,
    get: impl Fn(Value) -> Option<&'a Clear>,
    random: &mut Random<'_>,
) -> Result<Vec<Clear>, Failure> {
    let mut operands: Vec<(Value, Option<Result<Tensor, OutOfMemory>>)> = Vec::new();
    node.op.for_each_operand(|v| {
        if operands.iter().all(|(seen, _)| *seen != v) {
            operands.push((v, get(v).map(|array| to_tensor(array, &types[v.0 as usize]))));
        }
    });
    let operands = operands
        .into_iter()
        .map(|(v, tensor)| Ok((v, tensor.ok_or(Failure::Misfit)??)))
        .collect::<Result<Vec<(Value, Tensor)>, Failure>>()?;
    let none = Tensor { ty: Type { elem: motet_program::data::Elem::Bool, shape: vec![0] }, data: Vec::new() };
    let find = |v: Value| operands.iter().find(|(seen, _)| *seen == v).map_or(&none, |(_, tensor)| tensor);
    match clear::evaluate(program, types, node, &find, random) {
        Ok(results) => Ok(results.into_iter().map(from_tensor).collect()),
        Err(ClearError { fault, .. }) => Err(Failure::Fault(fault)),
    }
}
