//! From a template's code to operations on values: checked, and told what of each result is needed.

use motet_circuits::{AndKind, Instr, Known, Output, Template};

use super::op::{Gate, NONE, Op};
use super::{Source, TemplateError};

/// A template as operations on values.
#[derive(Clone)]
pub(super) struct Flow {
    /// Values `0..inputs` are the template's inputs.
    pub inputs: usize,
    /// In order; each defines a value of its own, the highest so far.
    pub ops: Vec<Op>,
    /// The outputs; slots are values.
    pub sources: Vec<Source>,
    /// Whether the labels of each input are used.
    pub labelled: Vec<bool>,
}

impl Flow {
    /// Reads a template.
    ///
    /// # Errors
    /// The template breaks its contract.
    pub fn new(template: &Template) -> Result<Flow, TemplateError> {
        let inputs = template.inputs.len();
        if inputs > template.slots as usize {
            return Err(TemplateError::Boundary);
        }
        let mut held: Vec<Option<u32>> = (0..inputs as u32).map(Some).collect();
        held.resize(template.slots as usize, None);
        let mut known = template.inputs.clone();
        let mut ops = Vec::with_capacity(template.code.len());
        for (index, instr) in template.code.iter().enumerate() {
            let op = follow(index, instr, &mut held, &mut known)?;
            ops.push(op);
        }
        let source = |output: &Output| source(*output, &held, &known);
        let sources = template.outputs.iter().map(source).collect::<Result<Vec<_>, _>>()?;
        let labelled = mark_labels(&mut ops, &sources, known.len());
        ops.retain(|op| op.labels || op.bits);
        Ok(Flow { inputs, ops, sources, labelled: labelled[..inputs].to_vec() })
    }
}

/// Checks an instruction against what is known of its operands, and notes what is known of its result.
fn follow(index: usize, instr: &Instr, held: &mut [Option<u32>], known: &mut Vec<Known>) -> Result<Op, TemplateError> {
    let (Instr::Xor { dst, a, b, .. } | Instr::And { dst, a, b, .. }) = *instr;
    let read = |slot: u32| held.get(slot as usize).copied().flatten().ok_or(TemplateError::Slot(index));
    let (a, b) = (read(a)?, read(b)?);
    let (of_a, of_b) = (known[a as usize], known[b as usize]);
    let knows = |of: Known, who: Known| of == who || of == Known::Public;
    let (gate, invert, allowed, result) = match *instr {
        Instr::Xor { invert, .. } => (Gate::Xor, [false, false, invert], true, of_a.join(of_b)),
        Instr::And { kind, invert_a, invert_b, .. } => {
            let (allowed, result) = match kind {
                AndKind::Public => (of_a == Known::Public, of_b),
                AndKind::Garbler => (knows(of_a, Known::Garbler) && knows(of_b, Known::Garbler), Known::Garbler),
                AndKind::GarblerHalf => (knows(of_a, Known::Garbler), Known::Nobody),
                AndKind::EvaluatorHalf => {
                    let both = knows(of_b, Known::Evaluator);
                    (knows(of_a, Known::Evaluator), if both { Known::Evaluator } else { Known::Nobody })
                }
                AndKind::Full => (true, Known::Nobody),
            };
            (Gate::And(kind), [invert_a, invert_b, false], allowed, result)
        }
    };
    if !allowed {
        return Err(TemplateError::Kind(index));
    }
    let value = known.len() as u32;
    known.push(result);
    *held.get_mut(dst as usize).ok_or(TemplateError::Slot(index))? = Some(value);
    let (a, b) = ([a, NONE], [b, NONE]);
    Ok(Op { gate, invert, bits: result != Known::Nobody, labels: true, run: 1, dst: value, a, b, add: NONE })
}

fn source(output: Output, held: &[Option<u32>], known: &[Known]) -> Result<Source, TemplateError> {
    match output {
        Output::Const(value) => Ok(Source::Const(value)),
        Output::Slot { slot, invert } => {
            let slot = held.get(slot as usize).copied().flatten().ok_or(TemplateError::Boundary)?;
            Ok(match known[slot as usize] {
                Known::Public | Known::Garbler => Source::Derived { slot, invert },
                Known::Evaluator | Known::Nobody => Source::Slot { slot, invert },
            })
        }
    }
}

/// Finds the labels that nothing hashes, combines or hands out, going backwards; returns whether each value's are needed.
fn mark_labels(ops: &mut [Op], sources: &[Source], values: usize) -> Vec<bool> {
    let mut needed = vec![false; values];
    for source in sources {
        if let Source::Slot { slot, .. } = source {
            needed[*slot as usize] = true;
        }
    }
    for op in ops.iter_mut().rev() {
        // What costs a ciphertext is always made, so that its cost does not depend on this analysis.
        op.labels = needed[op.dst as usize] || op.ciphertexts() > 0;
        if !op.labels {
            continue;
        }
        let (use_a, use_b) = match op.gate {
            Gate::Xor => (true, true),
            Gate::And(AndKind::Garbler) => (false, false),
            Gate::And(AndKind::Public | AndKind::GarblerHalf) => (false, true),
            Gate::And(AndKind::EvaluatorHalf | AndKind::Full) => (true, true),
        };
        needed[op.a[0] as usize] |= use_a;
        needed[op.b[0] as usize] |= use_b;
    }
    needed
}
