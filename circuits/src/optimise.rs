//! Making an existing circuit smaller: for circuits from elsewhere, for which gadgets did not already count ANDs.
//!
//! Two passes take turns while they save ANDs. *Rebuilding* sends every gate through the builder, which folds constants,
//! shares what is the same and applies its local rewrites. *Forms* looks at sums of products: a sum of ANDs that serve
//! nothing else is a quadratic form over GF(2), and a form of rank 2r needs r ANDs, no more and no fewer (Dickson 1901),
//! however many it was written with. This turns `ab ⊕ ac` into one AND, `ab ⊕ bc ⊕ ca` (majority) into one, and
//! `ca ⊕ ¬cb` (selection) as well.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::builder::Builder;
use crate::circuit::{Bit, Circuit, Gate, translate};

/// Most rounds of both passes.
const ROUNDS: usize = 8;

impl Circuit {
    /// The same function with fewer gates: never more ANDs than before.
    ///
    /// # Panics
    /// If the circuit would not pass `check`.
    pub fn optimise(&self) -> Circuit {
        let mut best = rebuild(self, &Forms::default());
        for _ in 0..ROUNDS {
            let reduced = rebuild(&best, &find_forms(&best));
            if reduced.and_count() >= best.and_count() {
                break;
            }
            best = reduced;
        }
        if best.and_count() <= self.and_count() { best } else { self.clone() }
    }
}

/// Sums to be made in another way, by the node of the sum.
type Forms = HashMap<u32, Form, RandomState>;

/// A sum of bits and of products of sums.
struct Form {
    sum: Vec<Bit>,
    products: Vec<(Vec<u32>, Vec<u32>)>,
}

/// The circuit sent through a builder, with these sums made as told.
fn rebuild(circuit: &Circuit, forms: &Forms) -> Circuit {
    let mut b = Builder::new(circuit.inputs);
    let mut made = vec![Bit::FALSE];
    made.extend(b.inputs(0..circuit.inputs));
    for (gate, node) in circuit.gates.iter().zip(1 + circuit.inputs..) {
        let read = |bit: Bit| translate(&made, bit);
        let bit = match (forms.get(&node), gate) {
            (Some(form), _) => {
                let mut total = Bit::FALSE;
                for &bit in &form.sum {
                    total = b.xor(total, read(bit));
                }
                for (x, y) in &form.products {
                    let mut sum = |nodes: &[u32]| nodes.iter().fold(Bit::FALSE, |s, &n| b.xor(s, read(Bit::of(n))));
                    let (x, y) = (sum(x), sum(y));
                    let product = b.and(x, y);
                    total = b.xor(total, product);
                }
                total
            }
            (None, Gate::Xor(x, y)) => b.xor(read(*x), read(*y)),
            (None, Gate::And(x, y)) => b.and(read(*x), read(*y)),
        };
        made.push(bit);
    }
    let outputs = circuit.outputs.iter().map(|&bit| translate(&made, bit)).collect();
    b.finish(outputs)
}

/// The sums of products that fewer ANDs can make.
fn find_forms(circuit: &Circuit) -> Forms {
    let graph = Graph::new(circuit);
    let mut forms = Forms::default();
    for (gate, node) in circuit.gates.iter().zip(1 + circuit.inputs..) {
        if matches!(gate, Gate::Xor(..)) && !graph.inside_sum[node as usize] {
            forms.extend(graph.reduce(node).map(|form| (node, form)));
        }
    }
    forms
}

/// A circuit with what is needed to find its sums.
struct Graph<'a> {
    circuit: &'a Circuit,
    uses: Vec<u32>,
    /// Whether the node's one use is in an exclusive or: it belongs to the sum that this is part of.
    inside_sum: Vec<bool>,
}

impl<'a> Graph<'a> {
    fn new(circuit: &'a Circuit) -> Graph<'a> {
        let mut uses = vec![0u32; circuit.nodes()];
        let mut inside_sum = vec![false; circuit.nodes()];
        for gate in &circuit.gates {
            let (a, b) = gate.operands();
            for bit in [a, b] {
                uses[bit.node() as usize] += 1;
                inside_sum[bit.node() as usize] = matches!(gate, Gate::Xor(..));
            }
        }
        for bit in &circuit.outputs {
            uses[bit.node() as usize] += 2;
        }
        for (inside, &uses) in inside_sum.iter_mut().zip(&uses) {
            *inside &= uses == 1;
        }
        Graph { circuit, uses, inside_sum }
    }

    fn gate(&self, node: u32) -> Option<Gate> {
        let gate = node.checked_sub(1 + self.circuit.inputs)?;
        self.circuit.gates.get(gate as usize).copied()
    }

    /// The sum whose last exclusive or is `root`, if it can be made with fewer ANDs.
    fn reduce(&self, root: u32) -> Option<Form> {
        let mut form = Form { sum: Vec::new(), products: Vec::new() };
        let mut before = 0;
        let mut batch = Quadratic::default();
        let mut todo = vec![Bit::of(root)];
        while let Some(bit) = todo.pop() {
            let node = bit.node();
            let part = node == root || self.inside_sum[node as usize];
            match self.gate(node) {
                Some(Gate::Xor(a, b)) if part => {
                    todo.extend([a, b]);
                    form.sum.push(if bit.inverted() { Bit::TRUE } else { Bit::FALSE });
                }
                Some(Gate::And(a, b)) if part => {
                    before += 1;
                    let (x, y) = (self.expand(a.node()), self.expand(b.node()));
                    if !batch.has_room(&x, &y) {
                        std::mem::take(&mut batch).finish(&mut form);
                    }
                    batch.add((&x, a.inverted()), (&y, b.inverted()));
                    form.sum.push(if bit.inverted() { Bit::TRUE } else { Bit::FALSE });
                }
                _ => form.sum.push(bit),
            }
        }
        batch.finish(&mut form);
        (form.products.len() < before).then_some(form)
    }

    /// The nodes that this one is the sum of, as far as looking for them can pay.
    fn expand(&self, node: u32) -> Vec<u32> {
        let mut leaves = vec![node];
        for _ in 0..2 {
            leaves = leaves.iter().flat_map(|&node| self.operands_of_sum(node).unwrap_or(vec![node])).collect();
        }
        leaves
    }

    fn operands_of_sum(&self, node: u32) -> Option<Vec<u32>> {
        let Some(Gate::Xor(a, b)) = self.gate(node) else { return None };
        // A product that only this sum uses may vanish when the sum is made anew: it should not be used elsewhere.
        let own =
            |bit: Bit| self.uses[bit.node() as usize] == 1 && matches!(self.gate(bit.node()), Some(Gate::And(..)));
        let plain = !a.inverted() && !b.inverted();
        (plain && !own(a) && !own(b)).then(|| vec![a.node(), b.node()])
    }
}

/// A quadratic form over at most 64 variables.
#[derive(Default)]
struct Quadratic {
    variables: Vec<u32>,
    index: HashMap<u32, usize, RandomState>,
    /// The alternating matrix: bit j of row i is the coefficient of `x_i x_j`.
    rows: Vec<u64>,
    linear: u64,
    constant: bool,
}

impl Quadratic {
    fn has_room(&self, x: &[u32], y: &[u32]) -> bool {
        let new = x.iter().chain(y).filter(|node| !self.index.contains_key(node)).count();
        self.variables.len() + new <= 64
    }

    /// Adds the product of two sums, each possibly complemented.
    fn add(&mut self, (x, invert_x): (&[u32], bool), (y, invert_y): (&[u32], bool)) {
        let (x, y) = (self.mask(x), self.mask(y));
        for (i, row) in self.rows.iter_mut().enumerate() {
            *row ^= if x >> i & 1 == 1 { y } else { 0 } ^ if y >> i & 1 == 1 { x } else { 0 };
        }
        self.linear ^= (x & y) ^ if invert_x { y } else { 0 } ^ if invert_y { x } else { 0 };
        self.constant ^= invert_x && invert_y;
    }

    fn mask(&mut self, nodes: &[u32]) -> u64 {
        nodes.iter().fold(0, |mask, &node| {
            let i = *self.index.entry(node).or_insert_with(|| {
                self.variables.push(node);
                self.rows.push(0);
                self.variables.len() - 1
            });
            mask ^ 1 << i
        })
    }

    /// Writes the form with as few products as its rank allows.
    fn finish(mut self, form: &mut Form) {
        for i in 0..self.rows.len() {
            let row = self.rows[i];
            if row == 0 {
                continue;
            }
            // x_i and x_j occur in the form only as the product of their derivatives, up to linear terms.
            let other = self.rows[row.trailing_zeros() as usize];
            for (k, r) in self.rows.iter_mut().enumerate() {
                *r ^= if row >> k & 1 == 1 { other } else { 0 } ^ if other >> k & 1 == 1 { row } else { 0 };
            }
            self.linear ^= row & other;
            form.products.push((self.nodes(row), self.nodes(other)));
        }
        form.sum.extend(self.nodes(self.linear).into_iter().map(Bit::of));
        form.sum.push(if self.constant { Bit::TRUE } else { Bit::FALSE });
    }

    fn nodes(&self, mask: u64) -> Vec<u32> {
        self.variables.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1).map(|(_, &node)| node).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random_circuit;
    use proptest::prelude::*;

    /// ANDs of an optimised circuit of three inputs, written with plain gates.
    fn optimised(build: impl Fn(&mut dyn FnMut(Gate) -> Bit, Bit, Bit, Bit) -> Bit) -> usize {
        let mut gates = Vec::new();
        let [a, b, c] = [1, 2, 3].map(Bit::of);
        let mut push = |gate| {
            gates.push(gate);
            Bit::of(3 + gates.len() as u32)
        };
        let output = build(&mut push, a, b, c);
        let circuit = Circuit { inputs: 3, gates, outputs: vec![output] };
        let small = circuit.optimise();
        let inputs = [0b1111_0000, 0b1100_1100, 0b1010_1010];
        assert_eq!(circuit.evaluate_words(&inputs)[0] & 0xff, small.evaluate_words(&inputs)[0] & 0xff);
        small.and_count()
    }

    #[test]
    fn common_shapes_take_one_and() {
        use Gate::{And, Xor};
        let shared_factor = optimised(|push, a, b, c| {
            let (ab, ac) = (push(And(a, b)), push(And(c, a)));
            push(Xor(ab, ac))
        });
        assert_eq!(shared_factor, 1);
        let majority = optimised(|push, a, b, c| {
            let (ab, bc, ca) = (push(And(a, b)), push(And(b, c)), push(And(c, a)));
            let sum = push(Xor(ab, bc));
            push(Xor(sum, ca))
        });
        assert_eq!(majority, 1);
        let carry = optimised(|push, a, b, c| {
            let (ab, a_or_b) = (push(And(a, b)), push(Xor(a, b)));
            let carried = push(And(a_or_b, c));
            !push(And(!ab, !carried))
        });
        assert_eq!(carry, 1);
        let selection = optimised(|push, a, b, c| {
            let (then, otherwise) = (push(And(c, a)), push(And(!c, b)));
            !push(And(!then, !otherwise))
        });
        assert_eq!(selection, 1);
        let absorbed = optimised(|push, a, b, _| {
            let or = !push(And(!a, !b));
            push(And(or, a))
        });
        assert_eq!(absorbed, 0);
    }

    proptest! {
        #[test]
        fn keeps_the_function(circuit in random_circuit(12, 200), inputs in prop::collection::vec(any::<u64>(), 12)) {
            let small = circuit.optimise();
            small.check().unwrap();
            prop_assert!(small.and_count() <= circuit.and_count());
            prop_assert_eq!(small.evaluate_words(&inputs), circuit.evaluate_words(&inputs));
        }
    }
}
