//! Independent iterations inside `grad`, done at once before anything is differentiated: the gradient of a layer over a
//! batch is then one product of matrices, summed in the ring, not a sum of products of vectors.
//!
//! What the backward pass needs of all iterations is kept in any case, so there is no bound here on what that takes.

use motet_program::data::Type;
use motet_program::ir::{Block, MAX_ELEMENTS, Node, Op, Value};

use super::{Unit, Units};
use crate::passes::build::{Builder, Scope};
use crate::passes::vectorise::{Lifted, Lifter, acts};

/// Writes the iterations `0..count` of the body as operations over all of them, where each of its operations has a form
/// for that and none acts on the world; gives the results, stacked.
pub fn at_once(b: &mut Builder, units: &mut Units, count: u64, body: &Block) -> Option<Vec<Value>> {
    let fits = |v: &Value| b.ty(*v).count().saturating_mul(count) <= MAX_ELEMENTS;
    if body.ops.iter().any(|node| acts(node) || holds_iterations(node) || !node.results.iter().all(fits)) {
        return None;
    }
    let (depth, site) = (b.depth(), b.site);
    let first = b.int(0);
    b.open(Scope::Always, []);
    let mut lifter = Lifter::new(b, count, body.params[0], first);
    for node in &body.ops {
        if !unit(&mut lifter, units, node) && lifter.node(node).is_err() {
            b.abandon(depth);
            b.site = site;
            return None;
        }
    }
    let results = body.results.iter().map(|v| lifter.batch(*v)).collect();
    let written = b.close(Vec::new());
    b.splice(written);
    b.site = site;
    Some(results)
}

/// Whether there are iterations in a node's blocks.
fn holds_iterations(node: &Node) -> bool {
    let nodes = || node.op.blocks().into_iter().flat_map(|block| &block.ops);
    nodes().any(|inner| matches!(inner.op, Op::Each { .. }) || holds_iterations(inner))
}

/// Lifts a value that has a slope: so has what it is in all iterations.
fn unit(lifter: &mut Lifter, units: &mut Units, node: &Node) -> bool {
    let [result] = node.results[..] else { return false };
    let (Some(Unit { x, slope }), Op::Each { body, .. }) = (units.get(&result).copied(), &node.op) else {
        return false;
    };
    lifter.b.site = node.site;
    let parts = [body.results[0], x, slope];
    if let [Lifted::Same(value), Lifted::Same(x), Lifted::Same(slope)] = parts.map(|v| lifter.get(v)) {
        let led = opaque(lifter.b, value);
        units.insert(led, Unit { x, slope });
        lifter.set(result, Lifted::Same(led));
        return true;
    }
    let [value, x, slope] = parts.map(|v| lifter.batch(v));
    let led = opaque(lifter.b, value);
    units.insert(led, Unit { x, slope });
    let shape = lifter.b.shape(value).clone();
    let rows = lifter.b.reshape(led, [&shape[..1], &[1], &shape[1..]].concat());
    lifter.set(result, Lifted::Batch(rows));
    true
}

/// The value, led by an axis of length 1, as an operation that nothing looks through.
pub fn opaque(b: &mut Builder, value: Value) -> Value {
    let ty = b.ty(value);
    let led = Type { elem: ty.elem, shape: [&[1], ty.shape.as_slice()].concat() };
    let (from, to) = (b.int(0), b.int(1));
    b.open_loop(from, to, []);
    let body = b.close(vec![value]);
    b.push_many(Op::Each { count: 1, body }, [led])[0]
}
