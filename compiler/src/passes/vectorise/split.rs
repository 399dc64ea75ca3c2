//! A loop, split: what does not depend on the iteration before becomes operations over all iterations, or over a chunk of
//! them where that would take too much memory; what is left stays a loop.

use std::collections::HashSet;

use motet_program::data::Type;
use motet_program::ir::{Binary, Block, MAX_ELEMENTS, Op, Value};

use super::lift::{Lifted, Lifter};
use super::roles::{Body, Role, Roles, acts};
use super::together::{Terms, placed};
use super::weight::{light, value_bits, weight};
use crate::passes::build::Builder;
use crate::passes::rewrite::for_each_read;

/// Most bits of one intermediate value: 64 MiB of wire labels. What the program itself keeps may be larger.
const BUDGET: u64 = 1 << 22;
/// Fewest iterations that are worth an operation of their own.
const FEWEST: u64 = 2;
/// How often operations that cannot be lifted are put back before the loop is left as it is.
const ATTEMPTS: usize = 16;

/// A loop whose body has been built.
pub(super) struct Loop {
    pub from: Value,
    pub to: Value,
    pub init: Vec<Value>,
    pub body: Block,
}

/// Writes the loop, split where that is possible and worth it; gives its results.
pub(super) fn split(b: &mut Builder, mut l: Loop) -> Vec<Value> {
    prune(&mut l.body);
    if let (Some(from), Some(to)) = (b.known(l.from), b.known(l.to))
        && from < to
    {
        return narrow(b, l);
    }
    whole(b, l)
}

/// Carries only that part of a tensor which iterations read and write, where it is the same in each.
fn narrow(b: &mut Builder, l: Loop) -> Vec<Value> {
    let body = Body::of(b, &l.body);
    let Some((k, at)) = (0..l.init.len()).find_map(|k| Some((k, body.fixed_place(k)?))) else { return whole(b, l) };
    let Op::Update { part, starts, .. } = &l.body.ops[at].op else { return whole(b, l) };
    // Axes of one element are left out, as they are where its elements are computed with.
    let shape = b.shape(*part).clone();
    let bare: Vec<u64> = shape.iter().copied().filter(|n| *n != 1).collect();
    let mut init = l.init.clone();
    let place = b.slice(l.init[k], starts.clone(), shape.clone());
    init[k] = b.reshape(place, bare.clone());
    let tys: Vec<Type> = init.iter().map(|v| b.ty(*v).clone()).collect();
    let params = b.open_loop(l.from, l.to, tys);
    let tensor = l.body.params[k + 1];
    let mut copier = Lifter::new(b, 1, l.body.params[0], l.from);
    l.body.params.iter().zip(&params).for_each(|(old, new)| copier.set(*old, Lifted::Same(*new)));
    let read = copier.b.reshape(params[k + 1], shape.clone());
    for (_, node) in l.body.ops.iter().enumerate().filter(|(other, _)| *other != at) {
        match &node.op {
            Op::Slice(v, _) if *v == tensor => copier.set(node.results[0], Lifted::Same(read)),
            _ => copier.copy(node),
        }
    }
    let mut yields: Vec<Value> = l.body.results.iter().map(|v| copier.same(*v)).collect();
    let written = copier.same(*part);
    yields[k] = copier.b.reshape(written, bare);
    let body = b.close(yields);
    let mut results = split(b, Loop { from: l.from, to: l.to, init, body });
    let place = b.reshape(results[k], shape);
    results[k] = b.update(l.init[k], place, starts.clone());
    results
}

/// Drops operations of a body that nothing in it needs.
fn prune(body: &mut Block) {
    let mut needed: HashSet<Value> = body.results.iter().copied().collect();
    let mut kept = Vec::with_capacity(body.ops.len());
    for node in std::mem::take(&mut body.ops).into_iter().rev() {
        if acts(&node) || node.results.iter().any(|r| needed.contains(r)) {
            for_each_read(&node, &mut |v| {
                needed.insert(v);
            });
            kept.push(node);
        }
    }
    kept.reverse();
    body.ops = kept;
}

/// Writes the loop, all of what it carries as it is.
fn whole(b: &mut Builder, l: Loop) -> Vec<Value> {
    if let (Some(from), Some(to)) = (b.known(l.from), b.known(l.to))
        && let Ok(count) = u64::try_from(i128::from(to) - i128::from(from))
        && let Some(results) = try_split(b, &l, count)
    {
        return results;
    }
    let tys: Vec<Type> = l.init.iter().map(|v| b.ty(*v).clone()).collect();
    b.push_many(Op::Loop { from: l.from, to: l.to, init: l.init, body: l.body }, tys)
}

fn try_split(b: &mut Builder, l: &Loop, count: u64) -> Option<Vec<Value>> {
    if count < FEWEST {
        return None;
    }
    let (depth, site) = (b.depth(), b.site);
    let mut stuck = HashSet::new();
    for _ in 0..ATTEMPTS {
        let plan = Plan::of(b, l, &stuck)?;
        let chunk = plan.chunk(b, l, count)?;
        b.open(crate::passes::build::Scope::Always, []);
        match plan.write(b, l, count, chunk) {
            Ok(results) => {
                let written = b.close(Vec::new());
                b.splice(written);
                b.site = site;
                return Some(results);
            }
            Err(at) => {
                b.abandon(depth);
                b.site = site;
                stuck.insert(at);
            }
        }
    }
    None
}

/// What is done with each operation of the body.
struct Plan {
    roles: Roles,
    /// Positions of what is lifted.
    lifted: Vec<bool>,
    /// Positions of what stays in the loop, or is done there once more.
    kept: Vec<bool>,
    /// Values of lifted operations that the loop reads.
    crossing: HashSet<Value>,
}

impl Plan {
    fn of(b: &Builder, l: &Loop, stuck: &HashSet<usize>) -> Option<Plan> {
        let body = Body::of(b, &l.body);
        let roles = body.roles(stuck);
        let ops = &l.body.ops;
        let light = light(b, &l.body, &roles);
        let (mut lifted, mut kept) = (vec![false; ops.len()], vec![false; ops.len()]);
        let mut crossing = HashSet::new();
        // Backwards from what the loop must still do.
        let mut needed: HashSet<Value> = HashSet::new();
        for (k, role) in roles.of.iter().enumerate() {
            if *role == Role::Carried {
                needed.insert(l.body.results[k]);
            }
        }
        for (at, node) in ops.iter().enumerate().rev() {
            let dependent = roles.dependent.contains(&at);
            let read = node.results.iter().any(|r| needed.contains(r));
            if !(read || dependent && acts(node)) {
                continue;
            }
            if dependent || light[at] {
                kept[at] = true;
                for_each_read(node, &mut |v| {
                    needed.insert(v);
                });
            } else {
                lifted[at] = true;
                crossing.extend(node.results.iter().filter(|r| needed.contains(r)));
            }
        }
        // Backwards from what is done for all iterations at once.
        let mut wanted: HashSet<Value> = HashSet::new();
        let mut gains = !crossing.is_empty();
        for role in &roles.of {
            match role {
                Role::Sum(_, chain) => {
                    gains = true;
                    for at in chain {
                        ops[*at].op.for_each_operand(|v| {
                            wanted.insert(v);
                        });
                    }
                }
                Role::Places { update, .. } => {
                    gains = true;
                    ops[*update].op.for_each_operand(|v| {
                        wanted.insert(v);
                    });
                }
                Role::Fixed | Role::Carried => {}
            }
        }
        let skipped: HashSet<usize> = roles.of.iter().flat_map(Role::own).collect();
        for (at, node) in ops.iter().enumerate().rev() {
            if roles.dependent.contains(&at) || skipped.contains(&at) {
                continue;
            }
            if lifted[at] || acts(node) || node.results.iter().any(|r| wanted.contains(r)) {
                gains |= acts(node);
                lifted[at] = true;
                for_each_read(node, &mut |v| {
                    wanted.insert(v);
                });
            }
        }
        gains.then_some(Plan { roles, lifted, kept, crossing })
    }

    /// How many iterations are done at once.
    fn chunk(&self, b: &Builder, l: &Loop, count: u64) -> Option<u64> {
        let (mut bits, mut elements) = (1, 1);
        for (node, _) in l.body.ops.iter().zip(&self.lifted).filter(|(_, lifted)| **lifted) {
            bits = bits.max(weight(b, node));
            elements = node.results.iter().map(|r| b.ty(*r).count()).fold(elements, u64::max);
        }
        let places = |role: &Role| matches!(role, Role::Places { .. });
        let kept: u64 =
            l.init.iter().zip(&self.roles.of).filter(|(_, r)| places(r)).map(|(v, _)| value_bits(b, *v)).sum();
        let fit = if bits.saturating_mul(count) <= BUDGET.max(kept) { count } else { BUDGET / bits };
        let chunk = fit.min(MAX_ELEMENTS / elements.max(1));
        (chunk >= FEWEST).then_some(chunk)
    }

    /// Writes the loop in chunks; an error is the position of an operation that cannot be lifted.
    fn write(&self, b: &mut Builder, l: &Loop, count: u64, chunk: u64) -> Result<Vec<Value>, usize> {
        let mut state = l.init.clone();
        let chunks = count / chunk;
        let mut done = 0;
        if chunks > 1 {
            let (first, end) = (b.int(0), b.int(chunks as i64));
            let tys: Vec<Type> = state.iter().map(|v| b.ty(*v).clone()).collect();
            let params = b.open_loop(first, end, tys.iter().cloned());
            let size = b.int(chunk as i64);
            let offset = b.binary(Binary::Mul, params[0], size);
            let base = b.binary(Binary::Add, l.from, offset);
            let results = self.part(b, l, base, chunk, params[1..].to_vec())?;
            let body = b.close(results);
            state = b.push_many(Op::Loop { from: first, to: end, init: state, body }, tys);
            done = chunks * chunk;
        }
        while done < count {
            let size = chunk.min(count - done);
            let offset = b.int(done as i64);
            let base = b.binary(Binary::Add, l.from, offset);
            state = self.part(b, l, base, size, state)?;
            done += size;
        }
        Ok(state)
    }

    /// Writes `n` iterations from index `base` on.
    fn part(&self, b: &mut Builder, l: &Loop, base: Value, n: u64, state: Vec<Value>) -> Result<Vec<Value>, usize> {
        let body = &l.body;
        let mut lifter = Lifter::new(b, n, body.params[0], base);
        for (param, value) in body.params[1..].iter().zip(&state) {
            lifter.set(*param, Lifted::Same(*value));
        }
        for (at, node) in body.ops.iter().enumerate().filter(|(at, _)| self.lifted[*at]) {
            lifter.node(node).map_err(|_| at)?;
        }
        let mut results = state.clone();
        for (k, role) in self.roles.of.iter().enumerate() {
            match role {
                Role::Sum(op, _) => {
                    let mut sum = Terms { lifter: &mut lifter, body, param: body.params[k + 1], op: *op };
                    let Some(terms) = sum.terms(body.results[k]) else { continue };
                    let total = lifter.b.reduce(*op, terms, 0);
                    results[k] = lifter.b.binary(op.binary(), state[k], total);
                }
                Role::Places { axis, step, update } => {
                    let placed = placed(&mut lifter, &body.ops[*update], state[k], *axis, *step);
                    results[k] = placed.ok_or(*update)?;
                }
                Role::Fixed | Role::Carried => {}
            }
        }
        if self.kept.iter().any(|kept| *kept) || self.roles.of.contains(&Role::Carried) {
            self.remainder(&mut lifter, body, base, &mut results);
        }
        Ok(results)
    }

    /// Writes the loop over what depends on the iteration before.
    fn remainder(&self, lifter: &mut Lifter, body: &Block, base: Value, results: &mut [Value]) {
        let n = lifter.n;
        let carried: Vec<usize> = (0..results.len()).filter(|k| self.roles.of[*k] == Role::Carried).collect();
        let (first, end) = (lifter.b.int(0), lifter.b.int(n as i64));
        let init: Vec<Value> = carried.iter().map(|k| results[*k]).collect();
        let tys: Vec<Type> = init.iter().map(|v| lifter.b.ty(*v).clone()).collect();
        let crossing: Vec<(Value, Lifted)> = body
            .ops
            .iter()
            .flat_map(|node| &node.results)
            .filter(|r| self.crossing.contains(r))
            .map(|r| (*r, lifter.get(*r)))
            .collect();
        let params = lifter.b.open_loop(first, end, tys.iter().cloned());
        // In here everything is of one iteration: the copier knows values as they are in it.
        let mut inner = Lifter::new(lifter.b, 1, body.params[0], base);
        let index = inner.b.binary(Binary::Add, base, params[0]);
        inner.set(body.params[0], Lifted::Same(index));
        for (k, role) in self.roles.of.iter().enumerate() {
            if *role == Role::Fixed {
                inner.set(body.params[k + 1], Lifted::Same(results[k]));
            }
        }
        for (k, param) in carried.iter().zip(&params[1..]) {
            inner.set(body.params[k + 1], Lifted::Same(*param));
        }
        for (old, lifted) in crossing {
            let one = match lifted {
                Lifted::Batch(v) => inner.b.row(v, params[0]),
                Lifted::Same(v) => v,
                Lifted::Affine { stride, base } => {
                    let stride = inner.b.int(stride);
                    let offset = inner.b.binary(Binary::Mul, params[0], stride);
                    inner.b.binary(Binary::Add, base, offset)
                }
            };
            inner.set(old, Lifted::Same(one));
        }
        for (node, _) in body.ops.iter().zip(&self.kept).filter(|(_, kept)| **kept) {
            inner.copy(node);
        }
        let yields = carried.iter().map(|k| inner.same(body.results[*k])).collect();
        let block = lifter.b.close(yields);
        let out = lifter.b.push_many(Op::Loop { from: first, to: end, init, body: block }, tys);
        carried.iter().zip(out).for_each(|(k, v)| results[*k] = v);
    }
}

impl Role {
    /// Positions of the operations that stand for the role and are not lifted as they are.
    fn own(&self) -> Vec<usize> {
        match self {
            Role::Sum(_, chain) => chain.iter().copied().collect(),
            Role::Places { update, .. } => vec![*update],
            Role::Fixed | Role::Carried => Vec::new(),
        }
    }
}
