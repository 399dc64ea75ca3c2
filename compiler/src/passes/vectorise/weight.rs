//! What the operations of a loop's body weigh: which are as good as free, and how much room the others' results take.

use std::collections::HashMap;

use motet_program::data::Elem;
use motet_program::ir::{Block, Node, Op, Value};

use super::roles::{Role, Roles, acts};
use crate::passes::build::Builder;

/// Positions of what is as cheap to do in the loop as to fetch from before it: views, and what follows from the index.
pub(super) fn light(b: &Builder, body: &Block, roles: &Roles) -> Vec<bool> {
    let mut public: HashMap<Value, bool> = HashMap::from([(body.params[0], true)]);
    let places = |v: &Value| {
        let carried = body.params[1..].iter().zip(&roles.of);
        carried.into_iter().any(|(p, role)| p == v && matches!(role, Role::Places { .. }))
    };
    body.ops
        .iter()
        .map(|node| {
            let is_public =
                |v: Value| public.get(&v).copied().unwrap_or(b.elem(v) == Elem::Int || b.splat(v).is_some());
            let (mut all_public, mut of_places) = (true, false);
            node.op.for_each_operand(|v| {
                all_public &= is_public(v);
                of_places |= places(&v);
            });
            let plain = node.op.blocks().is_empty() && !acts(node) && !matches!(node.op, Op::RandomPublic(_));
            let cheap = plain && all_public;
            node.results.iter().for_each(|r| {
                public.insert(*r, cheap);
            });
            plain && !of_places && (cheap || structural(&node.op))
        })
        .collect()
}

fn structural(op: &Op) -> bool {
    matches!(
        op,
        Op::Const(_)
            | Op::Reshape(_)
            | Op::Broadcast(_)
            | Op::Transpose(..)
            | Op::Slice(..)
            | Op::Update { .. }
            | Op::Concat(..)
            | Op::Pad { .. }
            | Op::Gather(..)
    )
}

/// Bits of the largest value that is not only a view of others.
pub(super) fn weight(b: &Builder, node: &Node) -> u64 {
    let inner = node.op.blocks().into_iter().flat_map(|block| &block.ops).map(|node| weight(b, node));
    let own = if structural(&node.op) { 0 } else { node.results.iter().map(|r| value_bits(b, *r)).max().unwrap_or(0) };
    inner.fold(own, u64::max)
}

/// Bits of all values of a block that are not only views of others.
pub(super) fn total_bits(b: &Builder, block: &Block) -> u64 {
    block.ops.iter().fold(0, |sum, node| sum.saturating_add(weight(b, node)))
}

/// Bits of a value's wires; an `int` counts as one.
pub(super) fn value_bits(b: &Builder, v: Value) -> u64 {
    let ty = b.ty(v);
    let bits = if ty.elem == Elem::Int { 1 } else { u64::from(ty.elem.bits()) };
    ty.count().saturating_mul(bits)
}
