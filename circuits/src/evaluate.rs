//! Plaintext evaluation, 64 instances at a time: bit `k` of every word belongs to instance `k`.

use crate::circuit::{Bit, Circuit, Gate};
use crate::template::{Instr, Output, Template};

impl Circuit {
    /// The outputs for one set of inputs.
    ///
    /// # Panics
    /// If there are not as many inputs as the circuit has, or if it would not pass `check`.
    pub fn evaluate(&self, inputs: &[bool]) -> Vec<bool> {
        to_bits(self.evaluate_words(&to_words(inputs)))
    }

    /// The outputs for 64 sets of inputs: one word for each input bit, one for each output bit.
    ///
    /// # Panics
    /// As `evaluate`.
    pub fn evaluate_words(&self, inputs: &[u64]) -> Vec<u64> {
        assert_eq!(inputs.len(), self.inputs as usize, "inputs of a circuit");
        let mut values = Vec::with_capacity(self.nodes());
        values.push(0);
        values.extend_from_slice(inputs);
        let read = |values: &[u64], bit: Bit| values[bit.node() as usize] ^ mask(bit.inverted());
        for gate in &self.gates {
            let (a, b) = gate.operands();
            let (a, b) = (read(&values, a), read(&values, b));
            values.push(match gate {
                Gate::Xor(..) => a ^ b,
                Gate::And(..) => a & b,
            });
        }
        self.outputs.iter().map(|&o| read(&values, o)).collect()
    }
}

impl Template {
    /// The outputs for one set of inputs.
    ///
    /// # Panics
    /// If there are not as many inputs as the template has, or if it would not pass `check`.
    pub fn evaluate(&self, inputs: &[bool]) -> Vec<bool> {
        to_bits(self.evaluate_words(&to_words(inputs)))
    }

    /// The outputs for 64 sets of inputs: one word for each input bit, one for each output bit.
    ///
    /// # Panics
    /// As `evaluate`.
    pub fn evaluate_words(&self, inputs: &[u64]) -> Vec<u64> {
        assert_eq!(inputs.len(), self.inputs.len(), "inputs of a template");
        let mut slots = inputs.to_vec();
        slots.resize(self.slots as usize, 0);
        for instr in &self.code {
            match *instr {
                Instr::Xor { dst, a, b, invert } => {
                    slots[dst as usize] = slots[a as usize] ^ slots[b as usize] ^ mask(invert);
                }
                Instr::And { dst, a, b, invert_a, invert_b, .. } => {
                    slots[dst as usize] = (slots[a as usize] ^ mask(invert_a)) & (slots[b as usize] ^ mask(invert_b));
                }
            }
        }
        let read = |output: &Output| match *output {
            Output::Slot { slot, invert } => slots[slot as usize] ^ mask(invert),
            Output::Const(value) => mask(value),
        };
        self.outputs.iter().map(read).collect()
    }
}

fn mask(bit: bool) -> u64 {
    0u64.wrapping_sub(u64::from(bit))
}

fn to_words(bits: &[bool]) -> Vec<u64> {
    bits.iter().map(|&b| u64::from(b)).collect()
}

fn to_bits(words: Vec<u64>) -> Vec<bool> {
    words.iter().map(|w| w & 1 == 1).collect()
}
