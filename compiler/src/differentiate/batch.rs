//! Independent iterations inside `grad`, done at once before anything is differentiated: the gradient of a layer over a
//! batch is then one product of matrices, summed in the ring, not a sum of products of vectors.
//!
//! What the backward pass needs of all iterations is kept in any case, so there is no bound here on what that takes.

use motet_program::data::Type;
use motet_program::ir::{Block, MAX_ELEMENTS, Node, Op, Value};

use super::Units;
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

/// Lifts the result of a library function that has a rule: the same function of all iterations' arguments.
fn unit(lifter: &mut Lifter, units: &mut Units, node: &Node) -> bool {
    let [result] = node.results[..] else { return false };
    let (Some((rule, x)), Op::Each { body, .. }) = (units.get(&result).copied(), &node.op) else { return false };
    lifter.b.site = node.site;
    if let (Lifted::Same(value), Lifted::Same(x)) = (lifter.get(body.results[0]), lifter.get(x)) {
        let led = lifter.b.ty(result).clone();
        let unit = mark(lifter.b, value, led);
        units.insert(unit, (rule, x));
        lifter.set(result, Lifted::Same(unit));
        return true;
    }
    let (value, x) = (lifter.batch(body.results[0]), lifter.batch(x));
    let shape = lifter.b.shape(value).clone();
    let ty = Type { elem: lifter.b.elem(value), shape: [&[1], shape.as_slice()].concat() };
    let unit = mark(lifter.b, value, ty);
    units.insert(unit, (rule, x));
    let rows = [&shape[..1], &[1], &shape[1..]].concat();
    let rows = lifter.b.reshape(unit, rows);
    lifter.set(result, Lifted::Batch(rows));
    true
}

/// The value, led by an axis of length 1, as an operation that nothing looks through.
pub fn mark(b: &mut Builder, value: Value, led: Type) -> Value {
    let (from, to) = (b.int(0), b.int(1));
    b.open_loop(from, to, []);
    let body = b.close(vec![value]);
    b.push_many(Op::Each { count: 1, body }, [led])[0]
}
