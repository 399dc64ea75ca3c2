//! Steps on addends: what becomes of a number that is a sum mod 2^N of what the garbler knows and what the evaluator knows.
//!
//! Sums, renamings and products with public numbers are each party's own affair. Rescaling needs two bits of the sum of
//! both addends, the carry into the first bit that stays and the carry out of the last: a circuit finds them, and they go
//! back to addends by one oblivious transfer each ([`Choose`]). A selection by a secret bit takes a transfer each way.
//! All of it is exact. Words are `Uint(N)` here, whatever the type of the value; a `Reshape` makes one the other.

use motet_circuits::{Bit, Known, gadgets};

use crate::data::{Elem, Shape, Type};
use crate::ir::{Binary, Constant, Node, Op, Party, Site, Unary, Value};
use crate::place::Place;
use crate::plan::kernel::{Kernels, identity};
use crate::plan::{Choose, Kernel, KernelInput, KernelOutput, Step};

/// The addends of a value: the garbler's, the evaluator's; what is absent is zero.
pub(in crate::plan) type Addends = [Option<Value>; 2];

/// Steps that are being written for one operation.
pub(in crate::plan) struct Script<'k, 'p> {
    pub kernels: &'k mut Kernels<'p>,
    pub steps: &'k mut Vec<Step>,
    pub site: Site,
}

impl Script<'_, '_> {
    fn place_of(&self, side: usize) -> Place {
        let garbler = self.kernels.garbler;
        Place::Private(if side == 0 { garbler } else { Party(1 - garbler.0) })
    }

    /// An operation that one party does, or both where the result is public.
    fn clear(&mut self, op: Op, ty: Type, place: Place) -> Value {
        let result = self.kernels.extra_value(ty, place);
        self.steps.push(Step::Clear(Node { op, results: vec![result], site: self.site }));
        result
    }

    pub fn on(&mut self, side: usize, op: Op, ty: &Type) -> Value {
        let place = self.place_of(side);
        self.clear(op, ty.clone(), place)
    }

    fn splat(&mut self, word: u64, ty: &Type) -> Value {
        self.clear(Op::Const(Constant::Splat(word & ty.elem.mask())), ty.clone(), Place::Public)
    }

    /// The words of a value that is not shared, as addends.
    pub fn of_known(&mut self, v: Value) -> Addends {
        let ty = self.words(v);
        match self.kernels.place(v) {
            Place::Private(party) if party != self.kernels.garbler => [None, Some(self.on(1, Op::Reshape(v), &ty))],
            _ => [Some(self.on(0, Op::Reshape(v), &ty)), None],
        }
    }

    /// The type of the words of a value of the program.
    pub fn words(&self, v: Value) -> Type {
        let ty = self.kernels.program.ty(v);
        Type { elem: Elem::Uint(ty.elem.bits() as u8), shape: ty.shape.clone() }
    }

    /// Both addends, zeros where one is absent.
    pub fn whole(&mut self, addends: Addends, ty: &Type) -> [Value; 2] {
        [0, 1].map(|side| addends[side].unwrap_or_else(|| self.on(side, Op::Const(Constant::Splat(0)), ty)))
    }

    /// What each party does with its addend alone.
    pub fn each(&mut self, addends: Addends, ty: &Type, op: impl Fn(Value) -> Op) -> Addends {
        [0, 1].map(|side| addends[side].map(|v| self.on(side, op(v), ty)))
    }

    /// The sum, or the difference.
    pub fn sum(&mut self, x: Addends, y: Addends, minus: bool, ty: &Type) -> Addends {
        [0, 1].map(|side| match (x[side], y[side]) {
            (Some(x), Some(y)) => {
                let op = if minus { Binary::Sub } else { Binary::Add };
                Some(self.on(side, Op::Binary(op, x, y), ty))
            }
            (None, Some(y)) if minus => Some(self.on(side, Op::Unary(Unary::Neg, y), ty)),
            (x, y) => x.or(y),
        })
    }

    /// The product with a public number, mod 2^N.
    pub fn scaled(&mut self, x: Addends, by: Value, ty: &Type) -> Addends {
        let by = self.clear(Op::Reshape(by), ty.clone(), Place::Public);
        self.each(x, ty, |v| Op::Binary(Binary::Mul, v, by))
    }

    fn plus(&mut self, side: usize, v: Value, word: u64, ty: &Type) -> Value {
        let word = self.splat(word, ty);
        self.on(side, Op::Binary(Binary::Add, v, word), ty)
    }

    /// Rescaled by `frac` bits, to nearest, ties up: exactly `⌊(x + 2^(frac-1)) / 2^frac⌋` of the signed `x`.
    ///
    /// With `2^(N-1)` added to `x`, it is a number `u` from 0, and its addends `u₀` and `u₁` sum to `u + w 2^N`, `w` the carry
    /// out. So `⌊u / 2^frac⌋ = ⌊u₀ / 2^frac⌋ + ⌊u₁ / 2^frac⌋ + c - w 2^(N-frac)`, `c` the carry into bit `frac`. Where `x` is
    /// known to be below `2^(N-2)` in magnitude, that much is added instead: `u` is below `2^(N-1)`, and `w` is whether
    /// either addend is not.
    pub fn rescaled(&mut self, x: Addends, frac: u8, small: bool, ty: &Type) -> Addends {
        if frac == 0 {
            return x;
        }
        let (bits, frac) = (ty.elem.bits(), u32::from(frac));
        let [x0, x1] = self.whole(x, ty);
        let lift = if small { bits - 2 } else { bits - 1 };
        let u0 = self.plus(0, x0, (1 << lift) | (1 << (frac - 1)), ty);
        let shift = self.splat(u64::from(frac), ty);
        let shifted = [(0, u0), (1, x1)].map(|(side, v)| self.on(side, Op::Binary(Binary::Shr, v, shift), ty));
        let lowered = self.plus(0, shifted[0], (1u64 << (lift - frac)).wrapping_neg(), ty);
        let mut sum = [Some(lowered), Some(shifted[1])];
        let top = (1u64 << (bits - frac)).wrapping_neg();
        let carry = if small {
            let narrow = Type { elem: Elem::Uint(frac as u8), shape: ty.shape.clone() };
            let low = [(0, u0), (1, x1)].map(|(side, v)| self.on(side, Op::Cast(v), &narrow));
            let carry = self.carries(low, &narrow, frac)[0];
            // Whether either addend's last bit is set: `1 - (1 - m₀)(1 - m₁)`.
            let last = self.splat(u64::from(bits - 1), ty);
            let one = self.splat(1, ty);
            let [m0, m1] = [(0, u0), (1, x1)].map(|(side, v)| self.on(side, Op::Binary(Binary::Shr, v, last), ty));
            let unset = self.on(0, Op::Binary(Binary::Sub, one, m0), ty);
            let top = self.splat(top, ty);
            let number = self.on(0, Op::Binary(Binary::Mul, unset, top), ty);
            let flag = Type { elem: Elem::Bool, shape: ty.shape.clone() };
            let bit = self.on(1, Op::Cast(m1), &flag);
            let product = self.chosen(bit, number, bits - frac, ty);
            let own = self.on(0, Op::Binary(Binary::Mul, m0, top), ty);
            sum = self.sum(sum, product, false, ty);
            sum = self.sum(sum, [Some(own), None], false, ty);
            carry
        } else {
            let [carry, out] = self.carries([u0, x1], ty, frac);
            let out = self.bit_times(out, top, bits - frac, ty);
            sum = self.sum(sum, out, false, ty);
            carry
        };
        let carry = self.bit_times(carry, 1, 0, ty);
        self.sum(sum, carry, false, ty)
    }

    /// Two secret bits of the sum of words: the carry into bit `low`, and the carry out (the same where `low` is all).
    fn carries(&mut self, [mine, theirs]: [Value; 2], ty: &Type, low: u32) -> [Value; 2] {
        let low = low as usize;
        let all = ty.elem.bits() as usize;
        let made = self.circuit([mine, theirs], ty, if low == all { 1 } else { 2 }, |b, x, y| {
            let (_, carry) = gadgets::add_carry(b, &x[..low], &y[..low], Bit::FALSE);
            if low == all {
                return vec![carry];
            }
            let (_, out) = gadgets::add_carry(b, &x[low..], &y[low..], carry);
            vec![carry, out]
        });
        [made[0], *made.last().unwrap_or(&made[0])]
    }

    /// Whether the number less `than` is not negative, as `result`.
    pub fn sign(&mut self, x: Addends, than: u64, result: Value, ty: &Type) {
        let [mine, theirs] = self.whole(x, ty);
        let mine = if than == 0 { mine } else { self.plus(0, mine, than.wrapping_neg(), ty) };
        let output = KernelOutput { value: result, inner: 1 };
        self.kernel([mine, theirs], ty, vec![output], |b, x, y| {
            gadgets::add(b, x, y).last().map(|bit| !*bit).into_iter().collect()
        });
    }

    /// A secret bit for each element.
    pub fn flag(&mut self, shape: &Shape) -> Value {
        self.kernels.extra_value(Type { elem: Elem::Bool, shape: shape.clone() }, Place::Shared)
    }

    /// The garbler's half of a bit, turned.
    pub fn turned(&mut self, [mine, theirs]: [Value; 2], shape: &Shape) -> [Value; 2] {
        let flag = Type { elem: Elem::Bool, shape: shape.clone() };
        [self.on(0, Op::Unary(Unary::Not, mine), &flag), theirs]
    }

    /// The sum of the addends, as a shared value.
    pub fn joined(&mut self, x: Addends, result: Value, ty: &Type) {
        let both = self.whole(x, ty);
        let output = KernelOutput { value: result, inner: 1 };
        self.kernel(both, ty, vec![output], gadgets::add);
    }

    /// Secret bits that a circuit makes of an addend of either party.
    fn circuit(
        &mut self,
        addends: [Value; 2],
        ty: &Type,
        results: usize,
        gates: impl Fn(&mut motet_circuits::Builder, &[Bit], &[Bit]) -> Vec<Bit>,
    ) -> Vec<Value> {
        let made: Vec<Value> = (0..results).map(|_| self.flag(&ty.shape)).collect();
        let outputs = made.iter().map(|&value| KernelOutput { value, inner: 1 }).collect();
        self.kernel(addends, ty, outputs, gates);
        made
    }

    fn kernel(
        &mut self,
        addends: [Value; 2],
        ty: &Type,
        outputs: Vec<KernelOutput>,
        gates: impl Fn(&mut motet_circuits::Builder, &[Bit], &[Bit]) -> Vec<Bit>,
    ) {
        let bits = ty.elem.bits();
        let walk = identity(&(0..ty.shape.len()).collect::<Vec<_>>());
        let known = [Known::Garbler, Known::Evaluator];
        let inputs: Vec<KernelInput> = addends
            .into_iter()
            .zip(known)
            .map(|(value, known)| KernelInput { value, known, walk: walk.clone(), inner: Vec::new() })
            .collect();
        let known = known.map(|k| vec![k; bits as usize]).concat();
        let site = self.site;
        let make = |kernels: &mut Kernels<'_>| {
            let mut b = kernels.builder(2 * bits as usize);
            let word = |b: &motet_circuits::Builder, first: u32| (first..first + bits).map(|i| b.input(i)).collect();
            let (x, y): (Vec<Bit>, Vec<Bit>) = (word(&b, 0), word(&b, bits));
            let out = gates(&mut b, &x, &y);
            let ands = vec![(site, b.and_count() as u64)];
            let template = kernels.templates.add(b.finish(out), known.clone());
            let (inputs, outputs) = (inputs.clone(), outputs.clone());
            Step::Kernel(Kernel { shape: ty.shape.clone(), inputs, reduce: None, template, outputs, ands })
        };
        self.steps.push(self.kernels.in_best_form(make, std::slice::from_ref));
    }

    /// A secret bit taken apart: the exclusive or of two bits, of which each party knows one.
    pub fn halves(&mut self, bit: Value, shape: &Shape) -> [Value; 2] {
        let halves = self.sides(&Type { elem: Elem::Bool, shape: shape.clone() });
        self.steps.push(Step::Halves { value: bit, halves });
        halves
    }

    /// A secret bit times a constant, a multiple of `2^low`.
    fn bit_times(&mut self, bit: Value, word: u64, low: u32, ty: &Type) -> Addends {
        let halves = self.halves(bit, &ty.shape);
        let [word, minus] = [word, word.wrapping_neg()].map(|word| self.splat(word, ty));
        let zero = self.splat(0, ty);
        // (p ⊕ e) k = p k + e (1 - 2p) k
        let number = self.on(0, Op::Select(halves[0], minus, word), ty);
        let own = self.on(0, Op::Select(halves[0], word, zero), ty);
        let product = self.chosen(halves[1], number, low, ty);
        self.sum([Some(own), None], product, false, ty)
    }

    /// A secret bit, taken apart, times a number.
    pub fn selected(&mut self, halves: [Value; 2], x: Addends, ty: &Type) -> Addends {
        let zero = self.splat(0, ty);
        let mut sum = [None, None];
        for side in [0, 1] {
            let Some(x) = x[side] else { continue };
            // As above, for the addend of either party and the other's half.
            let minus = self.on(side, Op::Unary(Unary::Neg, x), ty);
            let number = self.on(side, Op::Select(halves[side], minus, x), ty);
            let own = self.on(side, Op::Select(halves[side], x, zero), ty);
            let product = self.chosen(halves[1 - side], number, 0, ty);
            let mut alone = [None, None];
            alone[side] = Some(own);
            sum = self.sum(sum, alone, false, ty);
            sum = self.sum(sum, product, false, ty);
        }
        sum
    }

    /// A new value of either party.
    pub fn sides(&mut self, ty: &Type) -> [Value; 2] {
        [0, 1].map(|side| {
            let place = self.place_of(side);
            self.kernels.extra_value(ty.clone(), place)
        })
    }

    /// The product of one party's bits with the other's numbers, multiples of `2^low`.
    fn chosen(&mut self, bits: Value, numbers: Value, low: u32, ty: &Type) -> Addends {
        let result = self.sides(ty);
        self.steps.push(Step::Choose(Choose { bits, numbers, low: low as u8, result }));
        result.map(Some)
    }
}
