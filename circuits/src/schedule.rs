//! From a circuit to a template: order, slots, and what each AND costs given who knows the inputs.

use std::borrow::Cow;

use crate::builder::Builder;
use crate::circuit::{Bit, Circuit, Gate};
use crate::order::order;
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
        let mut known = vec![Known::Public; circuit.nodes()];
        known[1..first].copy_from_slice(inputs);
        for (input, node) in (0..circuit.inputs).zip(1..) {
            if uses.left[node] == 0 {
                slots.free(input);
            }
        }

        let mut code = Vec::with_capacity(circuit.gates.len());
        let mut counts = Counts::default();
        for node in order(&circuit) {
            let gate = &circuit.gates[node as usize - first];
            let (mut a, mut b) = gate.operands();
            let (slot_a, slot_b) = (slot_of[a.node() as usize], slot_of[b.node() as usize]);
            let (known_a, known_b) = (known[a.node() as usize], known[b.node() as usize]);
            uses.release(a, slot_a, &mut slots);
            uses.release(b, slot_b, &mut slots);
            let dst = slots.take();
            slot_of[node as usize] = dst;
            known[node as usize] = known_a.join(known_b);
            code.push(match gate {
                Gate::Xor(..) => {
                    counts.xor += 1;
                    Instr::Xor { dst, a: slot_a, b: slot_b, invert: a.inverted() ^ b.inverted() }
                }
                Gate::And(..) => {
                    let (kind, swap) = AndKind::of(known_a, known_b);
                    counts.add(kind);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gadgets;
    use crate::template::TemplateError;
    use crate::testing::random_circuit;
    use proptest::prelude::*;

    const ALL: [Known; 4] = [Known::Public, Known::Garbler, Known::Evaluator, Known::Nobody];

    proptest! {
        #[test]
        fn keeps_the_function(
            circuit in random_circuit(12, 200),
            known in prop::collection::vec(prop::sample::select(&ALL[..]), 12),
            inputs in prop::collection::vec(any::<u64>(), 12),
        ) {
            let template = Template::new(&circuit, &known);
            prop_assert_eq!(template.check(), Ok(()));
            prop_assert_eq!(template.evaluate_words(&inputs), circuit.evaluate_words(&inputs));
            // What a party is said to know must not depend on what it doesn't know.
            for party in [Known::Garbler, Known::Evaluator] {
                let hidden = |k: Known| k != Known::Public && k != party;
                let other = inputs.iter().zip(&known).map(|(&word, &k)| if hidden(k) { !word } else { word });
                let other = circuit.evaluate_words(&other.collect::<Vec<_>>());
                for ((a, b), k) in circuit.evaluate_words(&inputs).into_iter().zip(other).zip(template.known_outputs()) {
                    prop_assert!(a == b || hidden(k));
                }
            }
        }

        #[test]
        fn changed_templates_are_refused_or_run(
            circuit in random_circuit(6, 40),
            at in any::<prop::sample::Index>(),
            slot in 0..50u32,
            what in 0..6,
        ) {
            let mut template = Template::new(&circuit, &[Known::Nobody; 6]);
            match (what, template.code.len()) {
                (0, _) => template.slots = slot,
                (1, _) => template.outputs = vec![Output::Slot { slot, invert: false }],
                (2, _) => template.inputs.truncate(slot as usize),
                (_, 0) => {}
                (3, len) => { template.code.remove(at.index(len)); }
                (_, len) => match &mut template.code[at.index(len)] {
                    Instr::Xor { dst, a, .. } | Instr::And { dst, a, .. } => *if what == 4 { dst } else { a } = slot,
                },
            }
            if template.check().is_ok() {
                template.evaluate_words(&vec![0; template.inputs.len()]);
            }
        }
    }

    /// The template of one AND of two inputs.
    fn and(a: Known, b: Known) -> Template {
        let mut builder = Builder::new(2);
        let output = builder.and(builder.input(0), !builder.input(1));
        let circuit = builder.finish(vec![output]);
        Template::new(&circuit, &[a, b])
    }

    #[test]
    fn kinds_of_ands() {
        use Known::{Evaluator, Garbler, Nobody, Public};
        for (a, b, kind, result) in [
            (Public, Public, AndKind::Public, Public),
            (Public, Garbler, AndKind::Public, Garbler),
            (Public, Nobody, AndKind::Public, Nobody),
            (Garbler, Garbler, AndKind::Garbler, Garbler),
            (Garbler, Evaluator, AndKind::GarblerHalf, Nobody),
            (Garbler, Nobody, AndKind::GarblerHalf, Nobody),
            (Evaluator, Evaluator, AndKind::EvaluatorHalf, Evaluator),
            (Evaluator, Nobody, AndKind::EvaluatorHalf, Nobody),
            (Nobody, Nobody, AndKind::Full, Nobody),
        ] {
            for (a, b) in [(a, b), (b, a)] {
                let template = and(a, b);
                assert!(matches!(template.code[..], [Instr::And { kind: k, .. }] if k == kind), "{a:?} {b:?}");
                assert_eq!(template.known_outputs(), [result]);
                assert!(and(Known::Nobody, Known::Nobody).knowing(vec![a, b]) == template, "{a:?} {b:?}");
                assert_eq!(template.evaluate(&[true, false]), [true]);
                assert_eq!(template.evaluate(&[false, true]), [false]);
            }
        }
    }

    #[test]
    fn false_claims_are_refused() {
        let mut template = and(Known::Nobody, Known::Garbler);
        if let Instr::And { a, b, .. } = &mut template.code[0] {
            std::mem::swap(a, b);
        }
        assert!(matches!(template.check(), Err(TemplateError::Kind { .. } | TemplateError::Order { .. })));
        let mut template = and(Known::Nobody, Known::Nobody);
        template.inputs[0] = Known::Garbler;
        assert!(matches!(template.check(), Err(TemplateError::Kind { at: 0, .. })));
        let mut template = and(Known::Nobody, Known::Nobody);
        template.counts.full = 0;
        assert!(matches!(template.check(), Err(TemplateError::Counts { .. })));
        let mut template = and(Known::Nobody, Known::Nobody);
        template.slots = u32::MAX;
        assert!(matches!(template.check(), Err(TemplateError::Slots { .. })));
    }

    #[test]
    fn few_slots() {
        let mut b = Builder::new(128);
        let (x, y) = (b.inputs(0..64), b.inputs(64..128));
        let product = gadgets::mul(&mut b, &x, &y);
        let template = Template::new(&b.finish(product), &[Known::Nobody; 128]);
        assert!(template.slots < 200, "the operands, a sum and little else: {}", template.slots);
    }

    #[test]
    fn a_garblers_factor_saves_tables() {
        let bytes = |known: bool| {
            let mut b = Builder::new(128);
            let (x, y) = (b.inputs(0..64), b.inputs(64..128));
            let product = if known { gadgets::mul_known(&mut b, &x, &y) } else { gadgets::mul(&mut b, &x, &y) };
            let inputs: Vec<Known> = (0..128).map(|i| if i < 64 { Known::Garbler } else { Known::Nobody }).collect();
            Template::new(&b.finish(product), &inputs).counts.table_bytes()
        };
        assert_eq!(bytes(true), 54_128);
        assert_eq!(bytes(false), 67_520);
    }
}
