//! Batches of few instances: where they do not fill the vectors, the instances of several gates do.
//!
//! Lane `g · n + i` is instance `i` of gate `g`. The gates' first operands are brought together in slot 0 of a batch of
//! that many lanes, their second ones in slot 1, and the results are taken from slot 0.
//!
//! All operands of an operation are there in such a batch's code, some of them zero. One instance is the case that
//! matters most, so each loop is compiled for it alone too.

use super::all;
use super::prepared::Op;
use crate::crypto::Block;
use crate::crypto::gate::{NOWHERE, Sums};
use crate::crypto::isa::Vector;

/// Where the lanes' operands and results are.
pub(super) const LANES: Sums = Sums { dst: 0, a: [0, NOWHERE], b: [1, NOWHERE], add: NOWHERE };

/// What is known of the first operand.
#[inline(always)]
pub(super) fn first_bits(op: &Op, bits: &[u128]) -> u128 {
    bits[op.a[0] as usize] ^ all(op.invert[0])
}

/// What is known of the gates' first operands, by lane.
#[inline(always)]
pub(super) fn known(gates: &[Op], bits: &[u128], n: usize) -> u128 {
    let mask = all(true) >> (128 - n);
    gates.iter().enumerate().fold(0, |known, (g, op)| known | (first_bits(op, bits) & mask) << (g * n))
}

/// The labels of a batch of few instances.
pub(super) struct Few<'a, V> {
    slots: &'a mut [Block],
    n: usize,
    /// What is added where something is not inverted, and where it is.
    extras: [V; 2],
}

impl<'a, V: Vector> Few<'a, V> {
    /// Labels of `n` instances; `delta` is what an inversion adds (0 at the evaluator).
    #[inline(always)]
    pub fn new(slots: &'a mut [Block], n: usize, delta: Block) -> Self {
        Few { slots, n, extras: [Block::ZERO, delta].map(V::splat) }
    }

    /// Exclusive ors one after another.
    #[inline(always)]
    pub fn xor(&mut self, ops: &[Op]) {
        if self.n == 1 { self.xor_each(ops, 1) } else { self.xor_each(ops, self.n) }
    }

    /// Brings the gates' operands together.
    #[inline(always)]
    pub fn collect(&self, gates: &[Op], lanes: &mut [Block]) {
        let (a, b) = lanes.split_at_mut(gates.len() * self.n);
        if self.n == 1 { self.collect_each(gates, 1, a, b) } else { self.collect_each(gates, self.n, a, b) }
    }

    /// Puts the gates' results in their slots.
    #[inline(always)]
    pub fn distribute(&mut self, gates: &[Op], lanes: &[Block]) {
        if self.n == 1 { self.distribute_each(gates, 1, lanes) } else { self.distribute_each(gates, self.n, lanes) }
    }

    #[inline(always)]
    fn xor_each(&mut self, ops: &[Op], n: usize) {
        for op in ops {
            let [a, b, c, d, _] = op.places();
            for i in 0..n {
                let first = self.load(a, n, i).xor(self.load(b, n, i));
                let second = self.load(c, n, i).xor(self.load(d, n, i));
                self.store(op.dst, n, i, first.xor(second).xor(self.extra(op.invert[2])));
            }
        }
    }

    #[inline(always)]
    fn collect_each(&self, gates: &[Op], n: usize, a: &mut [Block], b: &mut [Block]) {
        for ((op, a), b) in gates.iter().zip(a.chunks_exact_mut(n)).zip(b.chunks_exact_mut(n)) {
            for ((out, [first, second]), invert) in [(a, op.a), (b, op.b)].into_iter().zip(op.invert) {
                for (i, out) in out.chunks_exact_mut(1).enumerate() {
                    let sum = self.load(first, n, i).xor(self.load(second, n, i));
                    sum.xor(self.extra(invert)).store(out);
                }
            }
        }
    }

    #[inline(always)]
    fn distribute_each(&mut self, gates: &[Op], n: usize, lanes: &[Block]) {
        for (op, lanes) in gates.iter().zip(lanes.chunks_exact(n)) {
            for (i, lane) in lanes.chunks_exact(1).enumerate() {
                let sum = V::load(lane).xor(self.load(op.add, n, i));
                self.store(op.dst, n, i, sum.xor(self.extra(op.invert[2])));
            }
        }
    }

    #[inline(always)]
    fn load(&self, slot: u32, n: usize, i: usize) -> V {
        V::load(&self.slots[slot as usize * n + i..])
    }

    #[inline(always)]
    fn store(&mut self, slot: u32, n: usize, i: usize, labels: V) {
        labels.store(&mut self.slots[slot as usize * n + i..]);
    }

    #[inline(always)]
    fn extra(&self, invert: bool) -> V {
        self.extras[usize::from(invert)]
    }
}
