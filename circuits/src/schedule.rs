//! From a circuit to a template: order, slots, and what each AND costs given who knows the inputs.

use std::borrow::Cow;

use crate::builder::Builder;
use crate::circuit::{Bit, Circuit, Gate};
use crate::template::{AndKind, Counts, Instr, Known, Output, Template};

impl Template {
    /// The circuit made ready to run, for inputs known as told. Dead gates and constants are left out.
    ///
    /// # Panics
    /// If `inputs` does not have one entry for each input, or if the circuit would not pass `Circuit::check`.
    pub fn new(circuit: &Circuit, inputs: &[Known]) -> Template {
        assert_eq!(inputs.len(), circuit.inputs as usize, "knowledge of inputs");
        let circuit = without_constants(circuit);
        let first = 1 + circuit.inputs as usize;

        let mut uses = Uses::new(&circuit);
        let mut slots = Slots::new(circuit.inputs);
        let mut slot_of: Vec<u32> = (0..circuit.nodes() as u32).map(|node| node.saturating_sub(1)).collect();
        let mut known = Vec::with_capacity(circuit.nodes());
        known.push(Known::Public);
        known.extend_from_slice(inputs);
        for (input, node) in (0..circuit.inputs).zip(1..) {
            if uses.left[node] == 0 {
                slots.free(input);
            }
        }

        let mut code = Vec::with_capacity(circuit.gates.len());
        let mut counts = Counts::default();
        for (gate, node) in circuit.gates.iter().zip(first..) {
            let (mut a, mut b) = gate.operands();
            let (slot_a, slot_b) = (slot_of[a.node() as usize], slot_of[b.node() as usize]);
            let (known_a, known_b) = (known[a.node() as usize], known[b.node() as usize]);
            uses.release(a, slot_a, &mut slots);
            uses.release(b, slot_b, &mut slots);
            let dst = slots.take();
            slot_of[node] = dst;
            code.push(match gate {
                Gate::Xor(..) => {
                    counts.xor += 1;
                    known.push(known_a.join(known_b));
                    Instr::Xor { dst, a: slot_a, b: slot_b, invert: a.inverted() ^ b.inverted() }
                }
                Gate::And(..) => {
                    let (kind, swap) = AndKind::of(known_a, known_b);
                    counts.add(kind);
                    known.push(known_a.join(known_b));
                    let (mut slot_a, mut slot_b) = (slot_a, slot_b);
                    if swap {
                        std::mem::swap(&mut a, &mut b);
                        std::mem::swap(&mut slot_a, &mut slot_b);
                    }
                    let (invert_a, invert_b) = (a.inverted(), b.inverted());
                    Instr::And { kind, dst, a: slot_a, b: slot_b, invert_a, invert_b }
                }
            });
        }
        let output = |&bit: &Bit| match bit.node() {
            0 => Output::Const(bit.inverted()),
            node => Output::Slot { slot: slot_of[node as usize], invert: bit.inverted() },
        };
        let outputs = circuit.outputs.iter().map(output).collect();
        Template { inputs: inputs.to_vec(), slots: slots.count, code, outputs, counts }
    }
}

impl Known {
    /// Who knows the exclusive or of two bits.
    pub fn join(self, other: Known) -> Known {
        match (self, other) {
            (Known::Public, k) | (k, Known::Public) => k,
            (a, b) if a == b => a,
            _ => Known::Nobody,
        }
    }
}

impl AndKind {
    /// The cheapest kind for operands known so, and whether the second has to come first.
    pub fn of(a: Known, b: Known) -> (AndKind, bool) {
        match (a, b) {
            (Known::Public, _) => (AndKind::Public, false),
            (_, Known::Public) => (AndKind::Public, true),
            (Known::Garbler, Known::Garbler) => (AndKind::Garbler, false),
            (Known::Garbler, _) => (AndKind::GarblerHalf, false),
            (_, Known::Garbler) => (AndKind::GarblerHalf, true),
            (Known::Evaluator, _) => (AndKind::EvaluatorHalf, false),
            (_, Known::Evaluator) => (AndKind::EvaluatorHalf, true),
            (Known::Nobody, Known::Nobody) => (AndKind::Full, false),
        }
    }
}

impl Counts {
    /// Counts an AND of this kind.
    pub fn add(&mut self, kind: AndKind) {
        match kind {
            AndKind::Public | AndKind::Garbler => self.free += 1,
            AndKind::GarblerHalf | AndKind::EvaluatorHalf => self.half += 1,
            AndKind::Full => self.full += 1,
        }
    }
}

/// The circuit, built anew if a gate has a constant operand or no use.
fn without_constants(circuit: &Circuit) -> Cow<'_, Circuit> {
    let mut used = vec![false; circuit.nodes()];
    for bit in &circuit.outputs {
        used[bit.node() as usize] = true;
    }
    let mut clean = true;
    for (g, gate) in circuit.gates.iter().enumerate().rev() {
        let (a, b) = gate.operands();
        clean &= used[1 + circuit.inputs as usize + g] && a.node() != 0 && b.node() != 0;
        used[a.node() as usize] = true;
        used[b.node() as usize] = true;
    }
    if clean {
        return Cow::Borrowed(circuit);
    }
    let mut builder = Builder::new(circuit.inputs);
    let inputs = builder.inputs(0..circuit.inputs);
    let outputs = circuit.inline(&mut builder, &inputs);
    Cow::Owned(builder.finish(outputs))
}

/// How many uses of each node are still to come; an output's never ends.
struct Uses {
    left: Vec<u32>,
}

impl Uses {
    fn new(circuit: &Circuit) -> Uses {
        let mut left = vec![0u32; circuit.nodes()];
        let operands = circuit.gates.iter().flat_map(|gate| <[Bit; 2]>::from(gate.operands()));
        for bit in operands.chain(circuit.outputs.iter().copied()) {
            left[bit.node() as usize] += 1;
        }
        Uses { left }
    }

    /// One use less; the last one frees the slot.
    fn release(&mut self, bit: Bit, slot: u32, slots: &mut Slots) {
        let uses = &mut self.left[bit.node() as usize];
        *uses -= 1;
        if *uses == 0 {
            slots.free(slot);
        }
    }
}

/// Slots in use and free; the one freed last, still in cache, is taken first.
struct Slots {
    count: u32,
    free: Vec<u32>,
}

impl Slots {
    fn new(count: u32) -> Slots {
        Slots { count, free: Vec::new() }
    }

    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }

    fn free(&mut self, slot: u32) {
        self.free.push(slot);
    }
}
