//! What steps use: those that nothing needs are dropped, and each value's last use is marked.

use std::collections::BTreeSet;

use super::view::only_renames;
use super::{Planned, Position, Step};
use crate::ir::Value;

/// Drops renamings whose results no step uses (kernels see through them).
pub fn drop_unused(steps: &mut Vec<Planned>) {
    let mut used = BTreeSet::new();
    drop_in(steps, &mut used);
}

fn drop_in(steps: &mut Vec<Planned>, used: &mut BTreeSet<Value>) {
    let mut kept = Vec::with_capacity(steps.len());
    for mut step in std::mem::take(steps).into_iter().rev() {
        let renames = matches!(&step.step, Step::Clear(n) | Step::Structural(n) if only_renames(&n.op));
        if renames && step.step.defines().iter().all(|v| !used.contains(v)) {
            continue;
        }
        used.extend(own_uses(&step.step));
        used.extend(yields(&step.step));
        for body in blocks_mut(&mut step.step) {
            drop_in(body, used);
        }
        kept.push(step);
    }
    kept.reverse();
    *steps = kept;
}

/// Fills in `last` for every step.
pub fn mark_last_uses(steps: &mut [Planned]) {
    mark(steps, &BTreeSet::new(), &[]);
}

/// Marks a block's steps; `later` are the values that the block yields, `params` those that it is given. Returns every
/// value that the block uses and does not define.
fn mark(steps: &mut [Planned], later: &BTreeSet<Value>, params: &[Value]) -> BTreeSet<Value> {
    let own: BTreeSet<Value> = params.iter().copied().chain(steps.iter().flat_map(|s| s.step.defines())).collect();
    let mut live = later.clone();
    let mut outer: BTreeSet<Value> = later.iter().copied().filter(|v| !own.contains(v)).collect();
    for step in steps.iter_mut().rev() {
        let mut uses: BTreeSet<Value> = own_uses(&step.step).into_iter().collect();
        match &mut step.step {
            Step::Loop { index, carried, body, .. } => {
                let yields = carried.iter().map(|c| c.yielded).collect();
                let params: Vec<Value> = std::iter::once(*index).chain(carried.iter().map(|c| c.param)).collect();
                uses.extend(mark(body, &yields, &params));
            }
            Step::If { then, otherwise, results, .. } => {
                uses.extend(mark(then, &results.iter().map(|j| j.then).collect(), &[]));
                uses.extend(mark(otherwise, &results.iter().map(|j| j.otherwise).collect(), &[]));
            }
            _ => {}
        }
        let never = step.step.defines().into_iter().filter(|v| !live.contains(v));
        step.last = uses.iter().copied().filter(|v| own.contains(v) && !live.contains(v)).chain(never).collect();
        outer.extend(uses.iter().copied().filter(|v| !own.contains(v)));
        live.extend(uses);
    }
    outer
}

/// The values that a run may still use which stands inside a loop, before the body of the turn that `trail` names: what
/// the rest of each block that it is in uses, and of each loop the body again. Values of the loop's own body are among
/// them; `None` where the steps have no such place.
pub fn needed(steps: &[Planned], trail: &[Position]) -> Option<BTreeSet<Value>> {
    let mut out = BTreeSet::new();
    needed_in(steps, trail, &mut out)?;
    Some(out)
}

fn needed_in(steps: &[Planned], trail: &[Position], out: &mut BTreeSet<Value>) -> Option<()> {
    let (level, inner) = trail.split_first()?;
    let at = usize::try_from(level.step).ok()?;
    let current = steps.get(at)?;
    steps[at + 1..].iter().for_each(|planned| all_uses(&planned.step, out));
    match &current.step {
        Step::Loop { from, to, body, .. } => {
            out.extend([*from, *to]);
            out.extend(yields(&current.step));
            body.iter().for_each(|planned| all_uses(&planned.step, out));
            if inner.is_empty() { Some(()) } else { needed_in(body, inner, out) }
        }
        Step::If { cond, then, otherwise, .. } => {
            out.insert(*cond);
            out.extend(yields(&current.step));
            needed_in(if level.turn == 0 { otherwise } else { then }.as_slice(), inner, out)
        }
        _ => None,
    }
}

/// The values that a step uses, with all that its blocks use and yield.
fn all_uses(step: &Step, out: &mut BTreeSet<Value>) {
    out.extend(own_uses(step));
    out.extend(yields(step));
    blocks(step).into_iter().flatten().for_each(|planned| all_uses(&planned.step, out));
}

/// A step's blocks.
pub fn blocks(step: &Step) -> Vec<&[Planned]> {
    match step {
        Step::Loop { body, .. } => vec![body],
        Step::If { then, otherwise, .. } => vec![then, otherwise],
        _ => Vec::new(),
    }
}

/// A step's blocks, to be changed.
pub fn blocks_mut(step: &mut Step) -> Vec<&mut Vec<Planned>> {
    match step {
        Step::Loop { body, .. } => vec![body],
        Step::If { then, otherwise, .. } => vec![then, otherwise],
        _ => Vec::new(),
    }
}

/// The values that a step uses itself; what its blocks use and yield is not among them.
pub fn own_uses(step: &Step) -> Vec<Value> {
    let mut out = Vec::new();
    match step {
        Step::Clear(node) | Step::Structural(node) => node.op.for_each_operand(|v| out.push(v)),
        Step::Triangular(sums) => out.push(sums.input.value),
        Step::Mask(_) => {}
        Step::Open { value, .. } | Step::Halves { value, .. } => out.push(*value),
        Step::Choose(choose) => out.extend([choose.bits, choose.numbers]),
        Step::Product(product) => out.extend(product.reads()),
        Step::Share(v) | Step::Reveal { value: v, .. } | Step::Output { value: v, .. } => out.push(*v),
        Step::Kernel(kernel) => {
            let finish = kernel.reduce.iter().flat_map(|r| &r.finish);
            out.extend(kernel.inputs.iter().chain(finish).map(|i| i.value));
        }
        Step::Loop { from, to, carried, .. } => {
            out.extend([*from, *to]);
            out.extend(carried.iter().map(|c| c.init));
        }
        Step::If { cond, .. } => out.push(*cond),
    }
    out
}

/// The values that a step's blocks yield.
pub fn yields(step: &Step) -> Vec<Value> {
    match step {
        Step::Loop { carried, .. } => carried.iter().map(|c| c.yielded).collect(),
        Step::If { results, .. } => results.iter().flat_map(|j| [j.then, j.otherwise]).collect(),
        _ => Vec::new(),
    }
}
