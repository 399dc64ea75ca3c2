//! A template made ready for the engine: checked, its batch size chosen, and cut into pieces whose tables stay in
//! cache.

use motet_circuits::{AndKind, Instr, Known, Output, Template};

use super::MAX_BATCH;

/// Bytes of labels that a batch may take: what stays in a core's second-level cache. Both parties must agree.
const BATCH_BYTES: usize = 640 << 10;
/// Fewest instances of a full batch, however many slots the template has.
const MIN_BATCH: usize = 16;
/// Most bytes of tables that are written or read at once.
const TABLE_BYTES: usize = 188 << 10;

/// A template that cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A slot outside of the template's, or one that nothing has been written to.
    #[error("instruction {0} of a circuit template refers to a slot that holds nothing")]
    Slot(usize),
    /// An AND of a kind that what is known of its operands does not allow.
    #[error("instruction {0} of a circuit template needs an operand that its party does not know")]
    Kind(usize),
    /// An input or output in a slot that the template does not have.
    #[error("a circuit template does not have the slots that its inputs and outputs stand in")]
    Boundary,
}

/// An instruction, and what of it is needed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    pub instr: Instr,
    /// Whether its result's bits are known to some party.
    pub bits: bool,
    /// Whether its result's labels are used.
    pub labels: bool,
}

/// Consecutive instructions, and how many ciphertexts an instance has in them.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub end: usize,
    pub ciphertexts: usize,
}

/// An output and who knows it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// The labels of a slot.
    Slot { slot: usize, invert: bool },
    /// Known to the garbler (by the slot's bits): its labels are made afresh.
    Derived { slot: usize, invert: bool },
    /// A constant: its labels are made afresh, so that they are as random as any.
    Const(bool),
}

/// A template ready to run.
pub struct Prepared {
    pub(super) ops: Vec<Op>,
    pub(super) segments: Vec<Segment>,
    pub(super) sources: Vec<Source>,
    inputs: Vec<Known>,
    labelled: Vec<bool>,
    slots: usize,
    batch: usize,
    ands: u64,
}

impl Prepared {
    /// Checks a template and makes it ready.
    ///
    /// # Errors
    /// The template breaks its contract.
    pub fn new(template: &Template) -> Result<Self, TemplateError> {
        let slots = template.slots as usize;
        if template.inputs.len() > slots {
            return Err(TemplateError::Boundary);
        }
        let mut known: Vec<_> = template.inputs.iter().copied().map(Some).collect();
        known.resize(slots, None);
        let mut ops = template
            .code
            .iter()
            .enumerate()
            .map(|(index, &instr)| follow(index, instr, &mut known))
            .collect::<Result<Vec<_>, _>>()?;
        let sources = template.outputs.iter().map(|o| source(*o, &known)).collect::<Result<Vec<_>, _>>()?;
        let labelled = mark_labels(&mut ops, &sources, slots);
        let fitting = (BATCH_BYTES / (16 * slots.max(1))) & !(MIN_BATCH - 1);
        let batch = fitting.clamp(MIN_BATCH, MAX_BATCH);
        let ands = ops.iter().filter(|op| ciphertexts(&op.instr) > 0).count() as u64;
        Ok(Prepared {
            segments: segments(&ops, TABLE_BYTES / (16 * batch)),
            ops,
            sources,
            labelled: labelled[..template.inputs.len()].to_vec(),
            inputs: template.inputs.clone(),
            slots,
            batch,
            ands,
        })
    }

    /// Most instances of a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Number of slots.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Who knows each input bit.
    pub fn inputs(&self) -> &[Known] {
        &self.inputs
    }

    /// Whether the labels of an input bit are used. Both parties see the same.
    pub fn labelled(&self, input: usize) -> bool {
        self.labelled[input]
    }

    /// Number of output bits.
    pub fn outputs(&self) -> usize {
        self.sources.len()
    }

    /// ANDs of one instance that cost ciphertexts.
    pub fn ands(&self) -> u64 {
        self.ands
    }

    /// Bytes of the tables of `n` instances.
    pub fn table_bytes(&self, n: usize) -> usize {
        16 * n * self.segments.iter().map(|segment| segment.ciphertexts).sum::<usize>()
    }

    /// The pieces for a batch of `n`: as many instructions as have their tables in one chunk.
    pub(super) fn pieces(&self, n: usize) -> impl Iterator<Item = (&[Op], usize)> {
        let (mut start, mut next) = (0, 0);
        std::iter::from_fn(move || {
            let mut piece = self.segments.get(next)?.clone();
            next += 1;
            while let Some(more) = self.segments.get(next) {
                if (piece.ciphertexts + more.ciphertexts) * 16 * n > TABLE_BYTES {
                    break;
                }
                piece = Segment { end: more.end, ciphertexts: piece.ciphertexts + more.ciphertexts };
                next += 1;
            }
            let ops = &self.ops[start..piece.end];
            start = piece.end;
            Some((ops, piece.ciphertexts * 16 * n))
        })
    }
}

/// How many ciphertexts of an instance the instruction has.
fn ciphertexts(instr: &Instr) -> usize {
    match instr {
        Instr::Xor { .. } | Instr::And { kind: AndKind::Public | AndKind::Garbler, .. } => 0,
        Instr::And { kind: AndKind::GarblerHalf | AndKind::EvaluatorHalf, .. } => 1,
        Instr::And { kind: AndKind::Full, .. } => 2,
    }
}

/// Checks an instruction against what is known of its operands, and notes what is known of its result.
fn follow(index: usize, instr: Instr, known: &mut [Option<Known>]) -> Result<Op, TemplateError> {
    let (Instr::Xor { dst, a, b, .. } | Instr::And { dst, a, b, .. }) = instr;
    let read = |slot: u32| known.get(slot as usize).copied().flatten().ok_or(TemplateError::Slot(index));
    let (of_a, of_b) = (read(a)?, read(b)?);
    let knows = |of: Known, who: Known| of == who || of == Known::Public;
    let (allowed, result) = match instr {
        Instr::Xor { .. } => (true, of_a.join(of_b)),
        Instr::And { kind: AndKind::Public, .. } => (of_a == Known::Public, of_b),
        Instr::And { kind: AndKind::Garbler, .. } => {
            (knows(of_a, Known::Garbler) && knows(of_b, Known::Garbler), Known::Garbler)
        }
        Instr::And { kind: AndKind::GarblerHalf, .. } => (knows(of_a, Known::Garbler), Known::Nobody),
        Instr::And { kind: AndKind::EvaluatorHalf, .. } => {
            let both = knows(of_b, Known::Evaluator);
            (knows(of_a, Known::Evaluator), if both { Known::Evaluator } else { Known::Nobody })
        }
        Instr::And { kind: AndKind::Full, .. } => (true, Known::Nobody),
    };
    if !allowed {
        return Err(TemplateError::Kind(index));
    }
    *known.get_mut(dst as usize).ok_or(TemplateError::Slot(index))? = Some(result);
    Ok(Op { instr, bits: result != Known::Nobody, labels: true })
}

fn source(output: Output, known: &[Option<Known>]) -> Result<Source, TemplateError> {
    match output {
        Output::Const(value) => Ok(Source::Const(value)),
        Output::Slot { slot, invert } => {
            let slot = slot as usize;
            match known.get(slot).copied().flatten().ok_or(TemplateError::Boundary)? {
                Known::Public | Known::Garbler => Ok(Source::Derived { slot, invert }),
                Known::Evaluator | Known::Nobody => Ok(Source::Slot { slot, invert }),
            }
        }
    }
}

/// Finds the labels that nothing hashes, combines or hands out, going backwards; returns whether each slot's are needed
/// at the start.
fn mark_labels(ops: &mut [Op], sources: &[Source], slots: usize) -> Vec<bool> {
    let mut needed = vec![false; slots];
    for source in sources {
        if let Source::Slot { slot, .. } = source {
            needed[*slot] = true;
        }
    }
    for op in ops.iter_mut().rev() {
        let (Instr::Xor { dst, a, b, .. } | Instr::And { dst, a, b, .. }) = op.instr;
        // What costs a ciphertext is always made, so that its cost does not depend on this analysis.
        op.labels = std::mem::take(&mut needed[dst as usize]) || ciphertexts(&op.instr) > 0;
        if !op.labels {
            continue;
        }
        let (use_a, use_b) = match op.instr {
            Instr::Xor { .. } => (true, true),
            Instr::And { kind: AndKind::Garbler, .. } => (false, false),
            Instr::And { kind: AndKind::Public | AndKind::GarblerHalf, .. } => (false, true),
            Instr::And { kind: AndKind::EvaluatorHalf | AndKind::Full, .. } => (true, true),
        };
        needed[a as usize] |= use_a;
        needed[b as usize] |= use_b;
    }
    needed
}

/// Cuts the instructions into pieces of at most so many ciphertexts an instance.
fn segments(ops: &[Op], most: usize) -> Vec<Segment> {
    let mut out = Vec::new();
    let mut held = 0;
    for (index, op) in ops.iter().enumerate() {
        let more = ciphertexts(&op.instr);
        if held + more > most {
            out.push(Segment { end: index, ciphertexts: held });
            held = 0;
        }
        held += more;
    }
    out.push(Segment { end: ops.len(), ciphertexts: held });
    out
}
