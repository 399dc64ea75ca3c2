//! What tells apart operations that compute different things, so that equal ones are made once.

use motet_program::data::Type;
use motet_program::ir::{Constant, Op, Value};

/// Equal for operations that compute the same value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key {
    kind: std::mem::Discriminant<Op>,
    attributes: Vec<u64>,
    operands: Vec<Value>,
    ty: Type,
}

/// Longest constant that is compared.
const LONGEST: usize = 256;

impl Key {
    /// The key of an operation with one result; `None` for those that must be made each time.
    pub fn of(op: &Op, ty: &Type) -> Option<Key> {
        let attributes = match op {
            // A second reveal of a value shows nothing new, but is the program's to make.
            Op::Reveal(_) | Op::RandomPublic(_) | Op::Assert(_) => return None,
            Op::Loop { .. } | Op::Each { .. } | Op::If { .. } | Op::Circuit { .. } => return None,
            Op::Input { param, leaf } => vec![u64::from(*param), u64::from(*leaf)],
            Op::Const(Constant::Splat(ring)) => vec![0, *ring],
            Op::Const(Constant::Iota) => vec![1],
            Op::Const(Constant::Dense(rings)) if rings.len() <= LONGEST => {
                std::iter::once(2).chain(rings.iter().copied()).collect()
            }
            Op::Const(Constant::Dense(_)) => return None,
            Op::Transpose(_, perm) => perm.iter().map(|p| u64::from(*p)).collect(),
            Op::Concat(_, axis) => vec![u64::from(*axis)],
            Op::Pad { widths, .. } => widths.concat(),
            Op::Conv2d(_, _, conv) => [conv.stride.as_slice(), &conv.dilation, &[conv.groups]].concat(),
            Op::Unary(op, _) => vec![*op as u64],
            Op::Binary(op, _, _) => vec![*op as u64],
            Op::Reduce(op, _, axis) => vec![*op as u64, u64::from(*axis)],
            Op::Reshape(_) | Op::Broadcast(_) | Op::Slice(..) | Op::Update { .. } | Op::Gather(..) => Vec::new(),
            Op::MatMul(..) | Op::Cast(_) | Op::Coerce(_) | Op::Select(..) | Op::Read { .. } | Op::Write { .. } => {
                Vec::new()
            }
        };
        let mut operands = Vec::new();
        op.for_each_operand(|v| operands.push(v));
        Some(Key { kind: std::mem::discriminant(op), attributes, operands, ty: ty.clone() })
    }
}
