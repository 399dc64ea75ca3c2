//! What the engine executes: gates whose operands are sums.
//!
//! An exclusive or is read and written like any other gate, which costs as much as a third of an AND; where its result
//! goes into an AND or another exclusive or, or an AND's result into it, the gates are one operation and the wire
//! between them is never stored.

use motet_circuits::AndKind;

use crate::crypto::gate::{NOWHERE, Sums};
use crate::garble::all;

/// No operand.
pub(in crate::garble) const NONE: u32 = u32::MAX;

/// What an operation computes of its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::garble) enum Gate {
    /// The sum of all operands.
    Xor,
    /// `a ∧ b ⊕ add`.
    And(AndKind),
}

/// An operation. `dst` and the operands are slots once the code is finished, and values before: the inputs, then one for
/// each operation.
#[derive(Clone, Copy, Debug)]
pub(in crate::garble) struct Op {
    pub gate: Gate,
    /// Whether `a`, `b` and the result are complemented. An exclusive or has the last alone.
    pub invert: [bool; 3],
    /// Whether its result's bits are known to some party.
    pub bits: bool,
    /// Whether its result's labels are used.
    pub labels: bool,
    /// How many operations from this one on go together: exclusive ors of labels alone one after another, or gates of
    /// one kind that can be computed side by side.
    pub run: u16,
    pub dst: u32,
    /// Two values at most; the first is there.
    pub a: [u32; 2],
    /// Two values at most; the first is there.
    pub b: [u32; 2],
    /// What is added to an AND's result; for an exclusive or another operand.
    pub add: u32,
}

impl Op {
    /// The places of operands; those of an exclusive or are taken in this order.
    #[inline(always)]
    pub fn places(&self) -> [u32; 5] {
        [self.a[0], self.b[0], self.a[1], self.b[1], self.add]
    }

    /// All operands.
    #[inline]
    pub fn operands(&self) -> impl Iterator<Item = u32> + use<> {
        self.places().into_iter().filter(|operand| *operand != NONE)
    }

    /// Where its operands and result are.
    #[inline]
    pub fn sums(&self) -> Sums {
        let place = |slot: u32| if slot == NONE { NOWHERE } else { slot as usize };
        Sums { dst: self.dst as usize, a: self.a.map(place), b: self.b.map(place), add: place(self.add) }
    }

    /// All places of operands.
    pub fn operands_mut(&mut self) -> impl Iterator<Item = &mut u32> {
        let (a, b) = (self.a.iter_mut(), self.b.iter_mut());
        a.chain(b).chain([&mut self.add]).filter(|operand| **operand != NONE)
    }

    /// How many ciphertexts of an instance it has.
    pub fn ciphertexts(&self) -> usize {
        match self.gate {
            Gate::Xor | Gate::And(AndKind::Public | AndKind::Garbler) => 0,
            Gate::And(AndKind::GarblerHalf | AndKind::EvaluatorHalf) => 1,
            Gate::And(AndKind::Full) => 2,
        }
    }

    /// What is known of the result, by what is known of the operands.
    #[inline(always)]
    pub fn known(&self, bits: &[u128]) -> u128 {
        let [a, b] = [self.a[0], self.b[0]].map(|slot| bits[slot as usize]);
        match self.gate {
            Gate::Xor => a ^ b ^ all(self.invert[2]),
            Gate::And(_) => (a ^ all(self.invert[0])) & (b ^ all(self.invert[1])),
        }
    }

    /// Notes what is known of the result.
    #[inline(always)]
    pub fn follow(&self, bits: &mut [u128]) {
        if self.bits {
            bits[self.dst as usize] = self.known(bits);
        }
    }

    /// Whether it is labels alone: what may be fused.
    pub fn plain(&self) -> bool {
        self.labels && !self.bits
    }
}
