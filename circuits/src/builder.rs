//! Building circuits: every gate is folded, rewritten and shared as it is made.
//!
//! Exclusive ors are free, so all the effort goes into not making an AND. The product of two bits is determined, up to
//! free exclusive ors, by the plane that the two span: `u∧v`, `¬u∧v` and `u∧(u⊕v)` cost one AND together. The builder
//! therefore keeps at most one AND for a pair of nodes, whatever the complements, and looks the pair's sum up as well.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;

use crate::circuit::{Bit, Circuit, Gate};

/// Most nodes that a circuit may have, so that a node and its complement fit a `Bit`.
pub const MAX_NODES: u32 = 1 << 31;

/// Which form gadgets take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// Fewest ANDs: for garbled circuits, which pay for each and for nothing else.
    #[default]
    Small,
    /// Few ANDs in a logarithmic number of levels, for protocols that pay a round for each and run large batches.
    Balanced,
    /// Fewest levels of ANDs, for such protocols and small batches.
    Shallow,
}

/// A circuit under construction.
///
/// Bits of one builder mean nothing to another.
#[derive(Debug)]
pub struct Builder {
    inputs: u32,
    form: Form,
    gates: Vec<Gate>,
    /// Exclusive ors by their two nodes, the lower first.
    xors: HashMap<(u32, u32), u32, RandomState>,
    /// ANDs by their two nodes, the lower first, whatever their complements.
    ands: HashMap<(u32, u32), u32, RandomState>,
}

impl Builder {
    /// A builder of a circuit with so many input bits.
    ///
    /// # Panics
    /// If there are 2³¹ - 1 inputs or more.
    pub fn new(inputs: u32) -> Builder {
        Builder::with_form(inputs, Form::Small)
    }

    /// A builder of a circuit with so many input bits, whose gadgets take this form.
    ///
    /// # Panics
    /// If there are 2³¹ - 1 inputs or more.
    pub fn with_form(inputs: u32, form: Form) -> Builder {
        assert!(inputs < MAX_NODES - 1, "too many inputs");
        Builder { inputs, form, gates: Vec::new(), xors: HashMap::default(), ands: HashMap::default() }
    }

    /// Which form gadgets take.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Input bit `i`.
    ///
    /// # Panics
    /// If there is no such input.
    pub fn input(&self, i: u32) -> Bit {
        assert!(i < self.inputs, "input {i} of {}", self.inputs);
        Bit::of(1 + i)
    }

    /// A range of input bits.
    ///
    /// # Panics
    /// If there are no such inputs.
    pub fn inputs(&self, range: Range<u32>) -> Vec<Bit> {
        range.map(|i| self.input(i)).collect()
    }

    /// `a ⊕ b`: free.
    pub fn xor(&mut self, a: Bit, b: Bit) -> Bit {
        if let Some(known) = self.existing_xor(a, b) {
            return known;
        }
        let (x, y) = ordered(a.node(), b.node());
        let inverted = a.inverted() ^ b.inverted();
        // (p ⊕ q) ⊕ (p ⊕ r) = q ⊕ r, which may not exist yet.
        if let (Some((p, q)), Some((r, s))) = (self.as_xor(x), self.as_xor(y)) {
            let rest = match () {
                () if p == r => Some((q, s)),
                () if p == s => Some((q, r)),
                () if q == r => Some((p, s)),
                () if q == s => Some((p, r)),
                () => None,
            };
            if let Some((t, u)) = rest {
                return flip(self.xor(Bit::of(t), Bit::of(u)), inverted);
            }
        }
        let node = self.push(Gate::Xor(Bit::of(x), Bit::of(y)));
        self.xors.insert((x, y), node);
        flip(Bit::of(node), inverted)
    }

    /// `a ∧ b`: what a circuit costs.
    pub fn and(&mut self, a: Bit, b: Bit) -> Bit {
        let (mut a, mut b) = if a.node() <= b.node() { (a, b) } else { (b, a) };
        loop {
            if a.node() == 0 {
                return if a == Bit::TRUE { b } else { Bit::FALSE };
            }
            if a.node() == b.node() {
                return if a == b { a } else { Bit::FALSE };
            }
            // The later operand may be made of the earlier: given that this is 1, it simplifies.
            match self.given(b, a) {
                None => break,
                Some(Given::Never) => return Bit::FALSE,
                Some(Given::Implied(whole)) => return whole,
                Some(Given::Becomes(x, y)) => (a, b) = if x.node() <= y.node() { (x, y) } else { (y, x) },
            }
        }
        let (x, y) = (a.node(), b.node());
        if self.exclusive(x, y) {
            // Of two products at most one is 1, so their disjunction is a sum.
            return match (a.inverted(), b.inverted()) {
                (false, false) => Bit::FALSE,
                (false, true) => a,
                (true, false) => b,
                (true, true) => !self.xor(!a, !b),
            };
        }
        if let Some(&node) = self.ands.get(&(x, y)) {
            return self.product_from(node, a, b);
        }
        // x∧y = x ⊕ x∧(x⊕y), where that AND exists.
        if let Some(sum) = self.existing_xor(Bit::of(x), Bit::of(y)) {
            for (kept, other) in [(a, b), (b, a)] {
                if let Some(&node) = self.ands.get(&ordered(kept.node(), sum.node())) {
                    // kept∧other = kept∧¬(kept⊕other), and kept⊕other is the sum up to complements.
                    let rest = flip(sum, kept.inverted() ^ other.inverted());
                    return self.product_from(node, kept, !rest);
                }
            }
        }
        let node = self.push(Gate::And(a, b));
        self.ands.insert((x, y), node);
        Bit::of(node)
    }

    /// `a ∨ b`: one AND.
    pub fn or(&mut self, a: Bit, b: Bit) -> Bit {
        !self.and(!a, !b)
    }

    /// `then` where `cond`, else `otherwise`: one AND.
    pub fn mux(&mut self, cond: Bit, then: Bit, otherwise: Bit) -> Bit {
        match (then, otherwise) {
            (t, Bit::FALSE) => self.and(cond, t),
            (t, Bit::TRUE) => !self.and(cond, !t),
            (Bit::FALSE, e) => self.and(!cond, e),
            (Bit::TRUE, e) => !self.and(!cond, !e),
            (t, e) => {
                let differ = self.xor(t, e);
                let change = self.and(cond, differ);
                self.xor(e, change)
            }
        }
    }

    /// ANDs made so far, dead ones included.
    pub fn and_count(&self) -> usize {
        self.ands.len()
    }

    /// The circuit of these outputs, without the gates that none of them needs.
    pub fn finish(self, outputs: Vec<Bit>) -> Circuit {
        let Builder { inputs, gates, .. } = self;
        Circuit { inputs, gates, outputs }.without_dead_gates()
    }

    /// `a ⊕ b` where it needs no new gate.
    fn existing_xor(&self, a: Bit, b: Bit) -> Option<Bit> {
        let (x, y) = ordered(a.node(), b.node());
        let inverted = a.inverted() ^ b.inverted();
        if x == y {
            return Some(flip(Bit::FALSE, inverted));
        }
        if x == 0 {
            return Some(flip(Bit::of(y), inverted));
        }
        // (x ⊕ q) ⊕ x = q; the later node is the one that can contain the other.
        if let Some((p, q)) = self.as_xor(y) {
            if p == x {
                return Some(flip(Bit::of(q), inverted));
            }
            if q == x {
                return Some(flip(Bit::of(p), inverted));
            }
        }
        self.xors.get(&(x, y)).map(|&node| flip(Bit::of(node), inverted))
    }

    /// `a ∧ b` from the AND of the same two nodes with other complements:
    /// `(x⊕i)∧(y⊕j) ⊕ (x⊕k)∧(y⊕l) = (i⊕k)∧y ⊕ (j⊕l)∧x ⊕ i∧j ⊕ k∧l`.
    fn product_from(&mut self, node: u32, a: Bit, b: Bit) -> Bit {
        let Some(Gate::And(c, d)) = self.gate(node) else {
            return Bit::of(node);
        };
        let (a, b) = if a.node() == c.node() { (a, b) } else { (b, a) };
        let mut product = Bit::of(node);
        if a.inverted() != c.inverted() {
            product = self.xor(product, Bit::of(b.node()));
        }
        if b.inverted() != d.inverted() {
            product = self.xor(product, Bit::of(a.node()));
        }
        flip(product, (a.inverted() & b.inverted()) ^ (c.inverted() & d.inverted()))
    }

    /// What `bit ∧ known` simplifies to by looking one gate into `bit`.
    fn given(&self, bit: Bit, known: Bit) -> Option<Given> {
        match self.gate(bit.node())? {
            Gate::Xor(p, q) => {
                let rest = if p.node() == known.node() {
                    q
                } else if q.node() == known.node() {
                    p
                } else {
                    return None;
                };
                // The operand that is known is 1, or 0 where `known` is its complement.
                Some(Given::Becomes(known, flip(rest, !known.inverted() ^ bit.inverted())))
            }
            Gate::And(p, q) => {
                let (this, rest) = if p.node() == known.node() {
                    (p, q)
                } else if q.node() == known.node() {
                    (q, p)
                } else {
                    return None;
                };
                Some(match (this == known, bit.inverted()) {
                    (true, false) => Given::Implied(bit),
                    (true, true) => Given::Becomes(known, !rest),
                    (false, false) => Given::Never,
                    (false, true) => Given::Implied(known),
                })
            }
        }
    }

    /// Whether these are two ANDs that are plainly never both 1.
    fn exclusive(&self, x: u32, y: u32) -> bool {
        let (Some((a, b)), Some((c, d))) = (self.as_and(x), self.as_and(y)) else { return false };
        let opposed = a == !c || a == !d || b == !c || b == !d;
        opposed
            || self.refutes((a, b), c)
            || self.refutes((a, b), d)
            || self.refutes((c, d), a)
            || self.refutes((c, d), b)
    }

    /// Whether `bit` is the sum of these two, and 0 where both are 1.
    fn refutes(&self, (a, b): (Bit, Bit), bit: Bit) -> bool {
        let Some(nodes) = self.as_xor(bit.node()) else { return false };
        nodes == ordered(a.node(), b.node()) && a.inverted() ^ b.inverted() == bit.inverted()
    }

    fn as_and(&self, node: u32) -> Option<(Bit, Bit)> {
        match self.gate(node)? {
            Gate::And(a, b) => Some((a, b)),
            Gate::Xor(..) => None,
        }
    }

    fn gate(&self, node: u32) -> Option<Gate> {
        let gate = node.checked_sub(1 + self.inputs)?;
        self.gates.get(gate as usize).copied()
    }

    fn as_xor(&self, node: u32) -> Option<(u32, u32)> {
        match self.gate(node)? {
            Gate::Xor(a, b) => Some((a.node(), b.node())),
            Gate::And(..) => None,
        }
    }

    fn push(&mut self, gate: Gate) -> u32 {
        let node = 1 + self.inputs as usize + self.gates.len();
        assert!(node < MAX_NODES as usize, "a circuit of 2³¹ nodes");
        self.gates.push(gate);
        node as u32
    }
}

/// What an AND with a known operand comes to.
enum Given {
    /// The constant 0.
    Never,
    /// This bit is already the AND.
    Implied(Bit),
    /// The AND of these instead.
    Becomes(Bit, Bit),
}

fn ordered(a: u32, b: u32) -> (u32, u32) {
    if a <= b { (a, b) } else { (b, a) }
}

fn flip(bit: Bit, inverted: bool) -> Bit {
    if inverted { !bit } else { bit }
}
