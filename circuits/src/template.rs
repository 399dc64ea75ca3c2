//! A circuit made ready to run over many instances: scheduled, register-allocated, its ANDs sorted by what they cost.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Who knows a bit in the clear while the circuit runs.
///
/// Exclusive or of bits that one party knows is known to that party; see `AndKind` for what that saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Known {
    /// Both parties.
    Public,
    /// The garbler alone.
    Garbler,
    /// The evaluator alone.
    Evaluator,
    /// Nobody.
    Nobody,
}

/// What an AND costs, by what is known of its first operand `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AndKind {
    /// `a` is public: a copy of `b` or the constant 0; free.
    Public,
    /// Both operands are known to the garbler: free (a label derived afresh). The result is known to the garbler.
    Garbler,
    /// `a` is known to the garbler: one ciphertext (the garbler's half).
    GarblerHalf,
    /// `a` is known to the evaluator: one ciphertext (the evaluator's half). Where `b` is as well, so is the result.
    EvaluatorHalf,
    /// Nothing is known: two ciphertexts.
    Full,
}

/// One step over a whole batch. Operands and results are slots, each holding one wire of every instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Instr {
    /// `dst = a ⊕ b ⊕ invert`. `dst` may be `a` or `b`.
    Xor {
        /// Where the result goes.
        dst: u32,
        /// First operand.
        a: u32,
        /// Second operand.
        b: u32,
        /// Whether the result is complemented.
        invert: bool,
    },
    /// `dst = (a ⊕ invert_a) ∧ (b ⊕ invert_b)`. `dst` may be `a` or `b`.
    And {
        /// What it costs.
        kind: AndKind,
        /// Where the result goes.
        dst: u32,
        /// First operand: the known one, where one is.
        a: u32,
        /// Second operand.
        b: u32,
        /// Whether the first operand is complemented.
        invert_a: bool,
        /// Whether the second operand is complemented.
        invert_b: bool,
    },
}

/// An output bit of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Output {
    /// A slot at the end of the code, possibly complemented.
    Slot {
        /// Which slot.
        slot: u32,
        /// Whether it is complemented.
        invert: bool,
    },
    /// A constant.
    Const(bool),
}

/// How many gates of each kind an instance has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counts {
    /// Exclusive ors.
    pub xor: u64,
    /// ANDs that cost nothing (`Public`, `Garbler`).
    pub free: u64,
    /// ANDs of one ciphertext.
    pub half: u64,
    /// ANDs of two ciphertexts.
    pub full: u64,
}

impl Counts {
    /// Bytes of garbled tables for one instance (16 a ciphertext).
    pub fn table_bytes(&self) -> u64 {
        16 * self.half + 32 * self.full
    }
}

/// A circuit ready to run over a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Who knows each input bit. Input `i` is in slot `i` before the first instruction.
    pub inputs: Vec<Known>,
    /// Number of slots (at least the number of inputs).
    pub slots: u32,
    /// The instructions, in order.
    pub code: Vec<Instr>,
    /// The output bits.
    pub outputs: Vec<Output>,
    /// What an instance costs.
    pub counts: Counts,
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

/// Why a template from elsewhere is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Slots that no instruction can have asked for, or too few for the inputs.
    #[error("{slots} slots for {inputs} inputs and {code} instructions")]
    Slots {
        /// The number of slots.
        slots: u32,
        /// The number of inputs.
        inputs: usize,
        /// The number of instructions.
        code: usize,
    },
    /// An instruction names a slot that isn't there or reads one that nothing has been written to.
    #[error("instruction {at} uses slot {slot}, which {}", if *.missing { "does not exist" } else { "holds nothing yet" })]
    Slot {
        /// Which instruction.
        at: usize,
        /// The slot.
        slot: u32,
        /// Whether it is the slot that is missing.
        missing: bool,
    },
    /// An AND of another kind than who knows its operands makes it.
    #[error("instruction {at} is an AND of kind {found:?}; what is known of its operands makes it {expected:?}")]
    Kind {
        /// Which instruction.
        at: usize,
        /// The kind it has.
        found: AndKind,
        /// The kind it should have.
        expected: AndKind,
    },
    /// An AND whose operands are the wrong way round.
    #[error("instruction {at} is an AND whose second operand is the known one")]
    Order {
        /// Which instruction.
        at: usize,
    },
    /// An output of a slot that isn't there or holds nothing.
    #[error("output {output} is slot {slot}, which holds nothing")]
    Output {
        /// Which output.
        output: usize,
        /// The slot.
        slot: u32,
    },
    /// Counts that are not those of the code.
    #[error("the counts are {found:?}, but the code makes {expected:?}")]
    Counts {
        /// The counts it has.
        found: Counts,
        /// The counts it should have.
        expected: Counts,
    },
}

/// Cross terms with the same factor of the evaluator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fan {
    /// At least one, at most [`Fan::MOST`].
    pub terms: Vec<CrossTerm>,
}

impl Fan {
    /// Most terms of a fan: bits of a block.
    pub const MOST: usize = 128;
}

/// A product of a bit that the garbler holds with one that the evaluator holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrossTerm {
    /// The AND, by its number in the template's code.
    pub instr: usize,
    /// Whether the garbler's factor is of the AND's first operand, and the evaluator's of the second.
    pub garblers_first: bool,
}

impl Template {
    /// Checks a template from elsewhere: slots exist and are written before they are read, every AND is of the kind that
    /// the knowledge of its operands makes it, and the counts are true. Memory taken is in proportion to the template.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(&self) -> Result<(), TemplateError> {
        let (inputs, code) = (self.inputs.len(), self.code.len());
        let slots = self.slots as usize;
        if slots < inputs || slots > inputs.saturating_add(code) {
            return Err(TemplateError::Slots { slots: self.slots, inputs, code });
        }
        let mut known: Vec<Option<Known>> = self.inputs.iter().copied().map(Some).collect();
        known.resize(slots, None);
        let mut counts = Counts::default();
        for (at, instr) in self.code.iter().enumerate() {
            let read = |slot: u32| match known.get(slot as usize) {
                Some(Some(known)) => Ok(*known),
                missing => Err(TemplateError::Slot { at, slot, missing: missing.is_none() }),
            };
            let (dst, a, b) = instr.slots();
            let (known_a, known_b) = (read(a)?, read(b)?);
            match *instr {
                Instr::Xor { .. } => counts.xor += 1,
                Instr::And { kind, .. } => {
                    let (expected, swapped) = AndKind::of(known_a, known_b);
                    if kind != expected {
                        return Err(TemplateError::Kind { at, found: kind, expected });
                    }
                    if swapped {
                        return Err(TemplateError::Order { at });
                    }
                    counts.add(kind);
                }
            }
            match known.get_mut(dst as usize) {
                Some(slot) => *slot = Some(known_a.join(known_b)),
                None => return Err(TemplateError::Slot { at, slot: dst, missing: true }),
            }
        }
        if self.counts != counts {
            return Err(TemplateError::Counts { found: self.counts, expected: counts });
        }
        for (output, value) in self.outputs.iter().enumerate() {
            if let Output::Slot { slot, .. } = *value
                && !matches!(known.get(slot as usize), Some(Some(_)))
            {
                return Err(TemplateError::Output { output, slot });
            }
        }
        Ok(())
    }

    /// The *cross terms*, products of a bit that the garbler holds with one that the evaluator holds, that an instance has
    /// on shared bits, by level: those of a level do not depend on each other. An AND has two, one where a party knows an
    /// operand, and none where it knows both. Those of a level with the same factor of the evaluator's are one [`Fan`].
    ///
    /// # Panics
    /// If the template would not pass `check`.
    pub fn fans(&self) -> Vec<Vec<Fan>> {
        let mut known = self.inputs.clone();
        known.resize(self.slots as usize, Known::Public);
        let mut level = vec![0; self.slots as usize];
        // What stands in a slot, by the instruction that wrote it.
        let mut wire: Vec<usize> = (0..self.slots as usize).collect();
        let mut fans: Vec<Vec<Fan>> = Vec::new();
        let mut open: HashMap<(usize, usize, bool), usize> = HashMap::new();
        for (number, instr) in self.code.iter().enumerate() {
            let (dst, a, b) = instr.slots();
            let (dst, a, b) = (dst as usize, a as usize, b as usize);
            let result = known[a].join(known[b]);
            let at: usize = level[a].max(level[b]);
            // The evaluator's factors, each with whether it complements its bit, which of a shared one the garbler does.
            let factor = |slot: usize, invert: bool| (slot, invert && known[slot] == Known::Evaluator);
            let factors: &[((usize, bool), bool)] = match *instr {
                Instr::Xor { .. } | Instr::And { kind: AndKind::Public | AndKind::Garbler, .. } => &[],
                Instr::And { .. } if result == Known::Evaluator => &[],
                Instr::And { kind: AndKind::GarblerHalf, invert_b, .. } => &[(factor(b, invert_b), true)],
                Instr::And { kind: AndKind::EvaluatorHalf, invert_a, .. } => &[(factor(a, invert_a), false)],
                Instr::And { kind: AndKind::Full, invert_a, invert_b, .. } => {
                    &[(factor(b, invert_b), true), (factor(a, invert_a), false)]
                }
            };
            fans.resize_with(fans.len().max(at + usize::from(!factors.is_empty())), Vec::new);
            for ((slot, invert), garblers_first) in factors {
                let level = &mut fans[at];
                let term = CrossTerm { instr: number, garblers_first: *garblers_first };
                let key = (at, wire[*slot], *invert);
                match open.get(&key).filter(|fan| level[**fan].terms.len() < Fan::MOST) {
                    Some(fan) => level[*fan].terms.push(term),
                    None => {
                        open.insert(key, level.len());
                        level.push(Fan { terms: vec![term] });
                    }
                }
            }
            known[dst] = result;
            level[dst] = at + usize::from(!factors.is_empty());
            wire[dst] = self.slots as usize + number;
        }
        fans
    }

    /// The same gates for inputs known as told: each AND becomes of the kind that the knowledge of its operands makes it.
    ///
    /// # Panics
    /// If there are not as many inputs, or the template would not pass `check`.
    #[must_use]
    pub fn knowing(&self, inputs: Vec<Known>) -> Template {
        assert_eq!(inputs.len(), self.inputs.len(), "knowledge of inputs");
        let mut known = inputs.clone();
        known.resize(self.slots as usize, Known::Public);
        let mut counts = Counts::default();
        let mut code = self.code.clone();
        for instr in &mut code {
            let (dst, a, b) = instr.slots();
            let [known_a, known_b] = [a, b].map(|slot| known[slot as usize]);
            known[dst as usize] = known_a.join(known_b);
            match instr {
                Instr::Xor { .. } => counts.xor += 1,
                Instr::And { kind, a, b, invert_a, invert_b, .. } => {
                    let (cheapest, swapped) = AndKind::of(known_a, known_b);
                    if swapped {
                        std::mem::swap(a, b);
                        std::mem::swap(invert_a, invert_b);
                    }
                    *kind = cheapest;
                    counts.add(cheapest);
                }
            }
        }
        Template { inputs, slots: self.slots, code, outputs: self.outputs.clone(), counts }
    }

    /// Who knows each output.
    ///
    /// # Panics
    /// If the template would not pass `check`.
    pub fn known_outputs(&self) -> Vec<Known> {
        let mut known = self.inputs.clone();
        known.resize(self.slots as usize, Known::Public);
        for instr in &self.code {
            let (dst, a, b) = instr.slots();
            known[dst as usize] = known[a as usize].join(known[b as usize]);
        }
        let output = |output: &Output| match *output {
            Output::Slot { slot, .. } => known[slot as usize],
            Output::Const(_) => Known::Public,
        };
        self.outputs.iter().map(output).collect()
    }
}

impl Instr {
    /// The slots of the result and of the operands.
    pub fn slots(&self) -> (u32, u32, u32) {
        match *self {
            Instr::Xor { dst, a, b, .. } | Instr::And { dst, a, b, .. } => (dst, a, b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, gadgets};

    /// Sizes of the fans of a selection between words of so many bits.
    fn selection(bits: u32) -> Vec<usize> {
        let mut b = Builder::new(1 + 2 * bits);
        let (x, y) = (b.inputs(1..1 + bits), b.inputs(1 + bits..1 + 2 * bits));
        let cond = b.input(0);
        let chosen = gadgets::select(&mut b, cond, &x, &y);
        let template = Template::new(&b.finish(chosen), &vec![Known::Nobody; 1 + 2 * bits as usize]);
        let levels = template.fans();
        assert_eq!(levels.len(), 1);
        let mut sizes: Vec<usize> = levels[0].iter().map(|fan| fan.terms.len()).collect();
        sizes.sort_unstable();
        sizes
    }

    #[test]
    fn a_selection_is_a_fan_of_its_condition() {
        assert_eq!(selection(64), [vec![1; 64], vec![64]].concat());
        assert_eq!(selection(200), [vec![1; 200], vec![72, 128]].concat());
    }
}
