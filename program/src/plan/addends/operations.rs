//! Which operations are done on addends, and what they become.
//!
//! A value that leads to a product (`wanted`) is kept as addends as soon as it is there as such: the result of a product,
//! sums and selections of those, weights that a loop carries. It has no labels then, until a circuit reads it: its addends
//! are joined first. A value that a circuit has made is taken apart once, however many products read it.

use std::collections::{HashMap, HashSet};

use super::script::{Addends, Script};
use crate::data::{Elem, Type};
use crate::ir::{Binary, Block, Node, Op, Site, Unary, Value};
use crate::place::Place;
use crate::plan::bridge::{Factor, Product};
use crate::plan::build::{Planner, planned};
use crate::plan::view::View;
use crate::plan::{Planned, Step};

/// Narrowest ring in which positive numbers are told by a sign: the least number is taken for one.
const WIDE: u32 = 32;

/// The values that are there as addends.
#[derive(Clone, Default)]
pub(in crate::plan) struct OnAddends {
    /// Their addends.
    pub of: HashMap<Value, Addends>,
    /// Those that have no other representation.
    bare: HashSet<Value>,
    /// Secret bits that have been taken apart.
    halves: HashMap<Value, [Value; 2]>,
    /// Of some, n such that their magnitude is at most 2^n.
    within: HashMap<Value, u32>,
}

impl Planner<'_> {
    /// Does an operation on addends, where that serves.
    pub(in crate::plan) fn on_addends(&mut self, node: &Node, steps: &mut Vec<Planned>) -> bool {
        let [result] = node.results[..] else { return false };
        if let Some(x) = self.wanted.positive(&node.op)
            && self.native(x)
            && self.program.elem(x).bits() >= WIDE
            && matches!(self.program.elem(x), Elem::Fix { .. })
        {
            let (addends, ty) = (self.kernels.on_addends.of[&x], self.words(x));
            self.script(node.site, steps, |script| script.sign(addends, 1, result, &ty));
            return true;
        }
        if !self.wanted.has(result) || !self.serves(&node.op, result) {
            return false;
        }
        let (made, within) = match &node.op {
            Op::MatMul(..) | Op::Conv2d(..) => self.product_on_addends(node, steps),
            _ => (self.linear(node, steps), self.magnitude(&node.op)),
        };
        let state = &mut self.kernels.on_addends;
        state.of.insert(result, made);
        state.bare.insert(result);
        let most = self.program.elem(result).bits() - 1;
        state.within.extend(within.filter(|n| *n < most).map(|n| (result, n)));
        true
    }

    /// Whether it costs less on addends than in a circuit.
    fn serves(&self, op: &Op, result: Value) -> bool {
        let operands = self.wanted.operands(op, self.kernels.places);
        let made = |v: &&Value| self.is_shared(**v) && !self.native(**v);
        let by_circuits = operands.iter().filter(made).count();
        match op {
            Op::MatMul(..) | Op::Conv2d(..) => self.loops > 0 || self.many(result),
            Op::Reshape(_) | Op::Transpose(..) | Op::Broadcast(_) | Op::Concat(..) | Op::Pad { .. } => true,
            Op::Update { base, .. } => !self.is_shared(*base) || self.native(*base),
            Op::Binary(Binary::Add | Binary::Sub, ..) => by_circuits < operands.len() && by_circuits <= 1,
            Op::Select(c, ..) => by_circuits == 0 && matches!(self.place(*c), Place::Shared | Place::Public),
            _ => !operands.is_empty() && by_circuits == 0,
        }
    }

    /// Whether a value has so many elements that the bytes which addends save outweigh their messages.
    fn many(&self, v: Value) -> bool {
        const SAVED: u64 = 3500;
        const MORE_ROUNDS: u64 = 4;
        let (link, count) = (self.kernels.link, self.program.ty(v).count());
        link.seconds(SAVED.saturating_mul(count)) > link.waits(MORE_ROUNDS)
    }

    /// Whether a shared value is there as addends.
    fn native(&self, v: Value) -> bool {
        self.kernels.on_addends.of.contains_key(&v)
    }

    fn words(&self, v: Value) -> Type {
        let ty = self.program.ty(v);
        Type { elem: Elem::Uint(ty.elem.bits() as u8), shape: ty.shape.clone() }
    }

    /// Writes steps.
    fn script<T>(&mut self, site: Site, steps: &mut Vec<Planned>, write: impl FnOnce(&mut Script<'_, '_>) -> T) -> T {
        let mut made = Vec::new();
        let result = write(&mut Script { kernels: &mut self.kernels, steps: &mut made, site });
        self.push_steps(made, site, steps);
        result
    }

    pub(in crate::plan) fn push_steps(&mut self, made: Vec<Step>, site: Site, steps: &mut Vec<Planned>) {
        for step in made {
            match step {
                Step::Kernel(kernel) => self.push_kernel(kernel, site, steps),
                other => steps.push(planned(other, site)),
            }
        }
    }

    /// The addends of a value.
    fn addends(&mut self, v: Value, site: Site, steps: &mut Vec<Planned>) -> Addends {
        if let Some(addends) = self.kernels.on_addends.of.get(&v) {
            return *addends;
        }
        if !self.is_shared(v) {
            return self.script(site, steps, |script| script.of_known(v));
        }
        self.close(steps, |g| g.makes(v));
        let mut made = Vec::new();
        let factor = self.kernels.factor(v, &mut made);
        self.push_steps(made, site, steps);
        match factor {
            Factor::Addends { garbler, evaluator } => [garbler, evaluator],
            Factor::Public(v) => [Some(v), None],
        }
    }

    /// Makes the labels of a value that is there as addends alone.
    pub(in crate::plan) fn join(&mut self, v: Value, site: Site, steps: &mut Vec<Planned>) {
        if self.kernels.on_addends.bare.remove(&v) {
            let (addends, ty) = (self.kernels.on_addends.of[&v], self.words(v));
            self.script(site, steps, |script| script.joined(addends, v, &ty));
        }
    }

    fn product_on_addends(&mut self, node: &Node, steps: &mut Vec<Planned>) -> (Addends, Option<u32>) {
        let (Op::MatMul(x, y) | Op::Conv2d(x, y, _)) = node.op else { return ([None, None], None) };
        let factors = [x, y].map(|v| {
            self.close(steps, |g| g.makes(v));
            let mut made = Vec::new();
            let factor = self.kernels.factor(v, &mut made);
            self.push_steps(made, node.site, steps);
            factor
        });
        let (elem, ty) = (self.program.elem(node.results[0]), self.words(node.results[0]));
        let frac = frac(elem);
        let made = self.script(node.site, steps, |script| {
            let result = script.sides(&ty);
            let product = Product { node: node.clone(), factors, result, ways: Vec::new() };
            script.steps.push(Step::Product(product));
            script.rescaled(result.map(Some), frac, false, &ty)
        });
        (made, (frac > 0).then(|| elem.bits() - 1 - u32::from(frac)))
    }

    fn linear(&mut self, node: &Node, steps: &mut Vec<Planned>) -> Addends {
        let site = node.site;
        let result = node.results[0];
        let operands = self.wanted.operands(&node.op, self.kernels.places);
        let types: Vec<Type> = operands.iter().map(|v| self.words(*v)).collect();
        let of: Vec<Addends> = operands.iter().map(|v| self.addends(*v, site, steps)).collect();
        let (elem, ty) = (self.program.elem(result), self.words(result));
        match &node.op {
            Op::Binary(op @ (Binary::Add | Binary::Sub), ..) => {
                self.script(site, steps, |script| script.sum(of[0], of[1], *op == Binary::Sub, &ty))
            }
            Op::Unary(Unary::Neg, _) => self.script(site, steps, |s| s.each(of[0], &ty, |v| Op::Unary(Unary::Neg, v))),
            Op::Reduce(op, _, axis) => self.script(site, steps, |s| s.each(of[0], &ty, |v| Op::Reduce(*op, v, *axis))),
            Op::Binary(Binary::Mul, x, y) => {
                let by = if *x == operands[0] { *y } else { *x };
                let small = self.stays_small(operands[0], by);
                self.script(site, steps, |script| {
                    let product = script.scaled(of[0], by, &ty);
                    script.rescaled(product, frac(elem), small, &ty)
                })
            }
            Op::Binary(Binary::Max, ..) => {
                let bit = self.script(site, steps, |script| {
                    let bit = script.flag(&ty.shape);
                    script.sign(of[0], 0, bit, &ty);
                    bit
                });
                let halves = self.halves(bit, &ty, site, steps);
                self.script(site, steps, |script| script.selected(halves, of[0], &ty))
            }
            Op::Select(c, x, y) => self.selection(*c, [*x, *y], [of[0], of[1]], &ty, site, steps),
            op => self.script(site, steps, |script| {
                let parts: Vec<[Value; 2]> = of.iter().zip(&types).map(|(of, ty)| script.whole(*of, ty)).collect();
                [0, 1].map(|side| {
                    let mut own = op.clone();
                    own.for_each_operand_mut(|v| {
                        if let Some(at) = operands.iter().position(|operand| operand == v) {
                            *v = parts[at][side];
                        }
                    });
                    Some(script.on(side, own, &ty))
                })
            }),
        }
    }

    fn selection(
        &mut self,
        c: Value,
        [x, y]: [Value; 2],
        of: [Addends; 2],
        ty: &Type,
        site: Site,
        steps: &mut Vec<Planned>,
    ) -> Addends {
        if !self.is_shared(c) {
            return self.script(site, steps, |script| {
                let [x, y] = of.map(|addends| script.whole(addends, ty));
                [0, 1].map(|side| Some(script.on(side, Op::Select(c, x[side], y[side]), ty)))
            });
        }
        let halves = self.halves(c, ty, site, steps);
        let [of_x, of_y] = of;
        if self.wanted.zero(y) {
            return self.script(site, steps, |script| script.selected(halves, of_x, ty));
        }
        if self.wanted.zero(x) {
            return self.script(site, steps, |script| {
                let turned = script.turned(halves, &ty.shape);
                script.selected(turned, of_y, ty)
            });
        }
        self.script(site, steps, |script| {
            let difference = script.sum(of_x, of_y, true, ty);
            let chosen = script.selected(halves, difference, ty);
            script.sum(chosen, of_y, false, ty)
        })
    }

    /// A secret bit taken apart, once.
    fn halves(&mut self, bit: Value, ty: &Type, site: Site, steps: &mut Vec<Planned>) -> [Value; 2] {
        if let Some(halves) = self.kernels.on_addends.halves.get(&bit) {
            return *halves;
        }
        self.close(steps, |g| g.makes(bit));
        let halves = self.script(site, steps, |script| script.halves(bit, &ty.shape));
        self.kernels.on_addends.halves.insert(bit, halves);
        halves
    }

    /// Whether a product with a public constant stays below a quarter of the ring before it is rescaled.
    fn stays_small(&self, x: Value, by: Value) -> bool {
        let elem = self.program.elem(x);
        let View::Splat(word) = self.kernels.views.get(self.program, by) else { return false };
        let Some(within) = self.kernels.on_addends.within.get(&x) else { return false };
        let bits = elem.bits();
        let (number, frac) = (elem.number(word).unsigned_abs(), u32::from(frac(elem)));
        let magnitude = number.checked_mul(1 << within).and_then(|n| n.checked_add(1 << frac));
        frac + 2 <= bits && magnitude.is_some_and(|n| n < 1 << (bits - 2))
    }

    /// n such that the result's magnitude is at most 2^n, where that is known.
    fn magnitude(&self, op: &Op) -> Option<u32> {
        let within = |v: Value| {
            let known = self.kernels.on_addends.within.get(&v).copied();
            if self.wanted.zero(v) { Some(0) } else { known }
        };
        let all = |vs: &[Value]| vs.iter().try_fold(0, |most, v| within(*v).map(|n| most.max(n)));
        match op {
            Op::Binary(Binary::Mul, x, _) => {
                let elem = self.program.elem(*x);
                matches!(elem, Elem::Fix { .. }).then(|| elem.bits() - 1 - u32::from(frac(elem)))
            }
            Op::Binary(Binary::Add | Binary::Sub, x, y) => all(&[*x, *y]).map(|n| n + 1),
            Op::Reduce(_, v, axis) => {
                let terms = self.program.shape(*v)[usize::from(*axis)];
                within(*v).map(|n| n + u64::BITS - terms.leading_zeros())
            }
            op => all(&self.wanted.operands(op, self.kernels.places)),
        }
    }

    /// Where loops and branches end: the values that they hand out get the representation that is asked for.
    pub(in crate::plan) fn joined_all(&mut self, values: &[Value], site: Site, steps: &mut Vec<Planned>) {
        values.iter().for_each(|v| self.join(*v, site, steps));
    }

    /// The carried values of a loop that are addends in it.
    pub(in crate::plan) fn carried_as_addends(&self, body: &Block, results: &[Value]) -> Vec<bool> {
        let carried = body.params[1..].iter().zip(results);
        carried.map(|(param, result)| self.is_shared(*result) && self.wanted.has(*param)).collect()
    }

    /// Both addends of a value.
    pub(in crate::plan) fn whole(&mut self, v: Value, site: Site, steps: &mut Vec<Planned>) -> [Value; 2] {
        let (addends, ty) = (self.addends(v, site, steps), self.words(v));
        self.script(site, steps, |script| script.whole(addends, &ty))
    }

    /// Gives a value, which a loop hands to its body or out, new addends.
    pub(in crate::plan) fn fresh_addends(&mut self, v: Value) -> [Value; 2] {
        let ty = self.words(v);
        let mut unused = Vec::new();
        let sides = Script { kernels: &mut self.kernels, steps: &mut unused, site: Site(0) }.sides(&ty);
        let state = &mut self.kernels.on_addends;
        state.of.insert(v, sides.map(Some));
        state.bare.insert(v);
        sides
    }
}

/// Fractional bits of a type.
fn frac(elem: Elem) -> u8 {
    if let Elem::Fix { frac, .. } = elem { frac } else { 0 }
}
