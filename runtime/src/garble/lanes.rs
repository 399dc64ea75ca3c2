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
pub(super) struct Few<'a> {
    slots: &'a mut [Block],
    n: usize,
    /// What an inversion adds.
    delta: Block,
}

impl<'a> Few<'a> {
    /// Labels of `n` instances; `delta` is what an inversion adds (0 at the evaluator).
    #[inline(always)]
    pub fn new(slots: &'a mut [Block], n: usize, delta: Block) -> Self {
        Few { slots, n, delta }
    }

    /// Exclusive ors one after another.
    #[inline(always)]
    pub fn xor<V: Vector>(&mut self, ops: &[Op]) {
        if self.n == 1 { self.xor_each::<V>(ops, 1) } else { self.xor_each::<V>(ops, self.n) }
    }

    /// Brings the gates' operands together.
    #[inline(always)]
    pub fn collect<V: Vector>(&self, gates: &[Op], lanes: &mut [Block]) {
        if self.n == 1 { self.collect_each::<V>(gates, 1, lanes) } else { self.collect_each::<V>(gates, self.n, lanes) }
    }

    /// Puts the gates' results in their slots.
    #[inline(always)]
    pub fn distribute<V: Vector>(&mut self, gates: &[Op], lanes: &[Block]) {
        if self.n == 1 {
            self.distribute_each::<V>(gates, 1, lanes);
        } else {
            self.distribute_each::<V>(gates, self.n, lanes);
        }
    }

    #[inline(always)]
    fn xor_each<V: Vector>(&mut self, ops: &[Op], n: usize) {
        let extras = self.extras::<V>();
        for op in ops {
            let mut at = 0;
            while at + V::LANES <= n {
                self.xor_at(op, n, at, &extras.0);
                at += V::LANES;
            }
            for at in at..n {
                self.xor_at(op, n, at, &extras.1);
            }
        }
    }

    #[inline(always)]
    fn xor_at<W: Vector>(&mut self, op: &Op, n: usize, at: usize, extras: &[W; 2]) {
        let [a, b, c, d, _] = op.places();
        let first = self.load::<W>(a, n, at).xor(self.load(b, n, at));
        let second = self.load::<W>(c, n, at).xor(self.load(d, n, at));
        self.store(op.dst, n, at, first.xor(second).xor(extras[usize::from(op.invert[2])]));
    }

    #[inline(always)]
    fn collect_each<V: Vector>(&self, gates: &[Op], n: usize, lanes: &mut [Block]) {
        let extras = self.extras::<V>();
        let (a, b) = lanes.split_at_mut(gates.len() * n);
        for ((op, a), b) in gates.iter().zip(a.chunks_exact_mut(n)).zip(b.chunks_exact_mut(n)) {
            let mut at = 0;
            while at + V::LANES <= n {
                self.collect_at(op, n, at, &extras.0, a, b);
                at += V::LANES;
            }
            for at in at..n {
                self.collect_at(op, n, at, &extras.1, a, b);
            }
        }
    }

    #[inline(always)]
    fn collect_at<W: Vector>(&self, op: &Op, n: usize, at: usize, extras: &[W; 2], a: &mut [Block], b: &mut [Block]) {
        for ((out, [first, second]), invert) in [(a, op.a), (b, op.b)].into_iter().zip(op.invert) {
            let sum = self.load::<W>(first, n, at).xor(self.load(second, n, at));
            sum.xor(extras[usize::from(invert)]).store(&mut out[at..]);
        }
    }

    #[inline(always)]
    fn distribute_each<V: Vector>(&mut self, gates: &[Op], n: usize, lanes: &[Block]) {
        let extras = self.extras::<V>();
        for (op, lanes) in gates.iter().zip(lanes.chunks_exact(n)) {
            let mut at = 0;
            while at + V::LANES <= n {
                self.distribute_at(op, n, at, &extras.0, lanes);
                at += V::LANES;
            }
            for at in at..n {
                self.distribute_at(op, n, at, &extras.1, lanes);
            }
        }
    }

    #[inline(always)]
    fn distribute_at<W: Vector>(&mut self, op: &Op, n: usize, at: usize, extras: &[W; 2], lanes: &[Block]) {
        let sum = W::load(&lanes[at..]).xor(self.load(op.add, n, at));
        self.store(op.dst, n, at, sum.xor(extras[usize::from(op.invert[2])]));
    }

    /// What is added where something is not inverted, and where it is.
    #[inline(always)]
    fn extras<V: Vector>(&self) -> ([V; 2], [V::Narrow; 2]) {
        let extras = [Block::ZERO, self.delta];
        (extras.map(V::splat), extras.map(V::Narrow::splat))
    }

    #[inline(always)]
    fn load<W: Vector>(&self, slot: u32, n: usize, at: usize) -> W {
        W::load(&self.slots[slot as usize * n + at..])
    }

    #[inline(always)]
    fn store<W: Vector>(&mut self, slot: u32, n: usize, at: usize, labels: W) {
        labels.store(&mut self.slots[slot as usize * n + at..]);
    }
}
