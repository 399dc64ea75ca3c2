//! A template made ready for the engine: checked, its gates fused and ordered, its batch size chosen, and cut into
//! pieces whose tables stay in cache.
//!
//! Both parties come to the same code, which settles the order of tables and keys: a change here is a change of the
//! protocol.

mod code;
mod flow;
mod fuse;
mod op;
mod order;

use motet_circuits::{Known, Template};

use super::MAX_BATCH;
pub(super) use code::Code;
use flow::Flow;
pub(super) use op::{Gate, Op};

/// Bytes of labels that a batch may take: what stays in a core's second-level cache. Both parties must agree.
const BATCH_BYTES: usize = 640 << 10;
/// Fewest instances of a full batch, however many slots the template has.
const MIN_BATCH: usize = 16;
/// Most bytes of tables that are written or read at once.
const TABLE_BYTES: usize = 188 << 10;
/// From so many instances on a gate fills the vectors alone, and the order that needs the fewest slots is the best.
pub(super) const WIDE: usize = 16;

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

/// An output and who knows it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// The labels of a slot.
    Slot { slot: u32, invert: bool },
    /// Known to the garbler (by the slot's bits): its labels are made afresh.
    Derived { slot: u32, invert: bool },
    /// A constant: its labels are made afresh, so that they are as random as any.
    Const(bool),
}

/// A template ready to run.
pub struct Prepared {
    wide: Code,
    narrow: Code,
    inputs: Vec<Known>,
    labelled: Vec<bool>,
    batch: usize,
    ands: u64,
}

impl Prepared {
    /// Checks a template and makes it ready.
    ///
    /// # Errors
    /// The template breaks its contract.
    pub fn new(template: &Template) -> Result<Self, TemplateError> {
        let mut flow = Flow::new(template)?;
        let ands = flow.ops.iter().filter(|op| op.ciphertexts() > 0).count() as u64;
        let labelled = flow.labelled.clone();
        fuse::fuse(&mut flow);
        let mut side_by_side = flow.clone();
        order::side_by_side(&mut side_by_side);
        let (wide, batch) = Code::new(flow, |slots| {
            let fitting = (BATCH_BYTES / (16 * slots.max(1))) & !(MIN_BATCH - 1);
            fitting.clamp(MIN_BATCH, MAX_BATCH)
        });
        let (narrow, _) = Code::new(side_by_side, |_| WIDE - 1);
        Ok(Prepared { wide, narrow: narrow.with_zeros(), labelled, inputs: template.inputs.clone(), batch, ands })
    }

    /// Most instances of a batch.
    pub fn batch(&self) -> usize {
        self.batch
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
        self.wide.sources.len()
    }

    /// ANDs of one instance that cost ciphertexts.
    pub fn ands(&self) -> u64 {
        self.ands
    }

    /// Bytes of the tables of `n` instances.
    pub fn table_bytes(&self, n: usize) -> usize {
        16 * n * self.wide.ciphertexts()
    }

    /// The code for a batch of `n`.
    pub(super) fn code(&self, n: usize) -> &Code {
        if n < WIDE { &self.narrow } else { &self.wide }
    }
}

#[cfg(test)]
mod tests {
    use motet_circuits::{Builder, gadgets};

    use super::*;

    fn prepared(inputs: u32, outputs: impl FnOnce(&mut Builder) -> Vec<motet_circuits::Bit>) -> Prepared {
        let mut builder = Builder::new(inputs);
        let outputs = outputs(&mut builder);
        let circuit = builder.finish(outputs);
        Prepared::new(&Template::new(&circuit, &vec![Known::Nobody; inputs as usize])).unwrap()
    }

    /// ANDs and exclusive ors of the code.
    fn gates(code: &Code) -> (usize, usize) {
        let xors = code.ops.iter().filter(|op| op.gate == Gate::Xor).count();
        (code.ops.len() - xors, xors)
    }

    #[test]
    fn a_full_adder_is_one_and_and_one_sum() {
        let sum = prepared(64, |b| {
            let (x, y) = (b.inputs(0..32), b.inputs(32..64));
            gadgets::add(b, &x, &y)
        });
        assert_eq!(gates(sum.code(MAX_BATCH)), (31, 32));
        assert_eq!(gates(sum.code(1)), (31, 32));
    }

    #[test]
    fn a_comparison_has_no_exclusive_ors() {
        let less = prepared(64, |b| {
            let (x, y) = (b.inputs(0..32), b.inputs(32..64));
            vec![gadgets::lt(b, &x, &y, false)]
        });
        assert_eq!(gates(less.code(MAX_BATCH)), (32, 0));
    }

    /// Trees of ANDs, given tree by tree: few instances take them level by level.
    #[test]
    fn few_instances_run_gates_side_by_side() {
        let trees = prepared(64, |b| {
            let words = [b.inputs(0..16), b.inputs(16..32), b.inputs(32..48), b.inputs(48..64)];
            let mut all = |word: &[motet_circuits::Bit]| {
                let mut level = word.to_vec();
                while level.len() > 1 {
                    level = level.chunks(2).map(|pair| b.and(pair[0], pair[1])).collect();
                }
                level[0]
            };
            words.iter().map(|word| all(word)).collect()
        });
        let runs = |code: &Code| {
            let mut runs = Vec::new();
            let mut at = 0;
            while let Some(op) = code.ops.get(at) {
                runs.push(op.run);
                at += usize::from(op.run);
            }
            runs
        };
        assert_eq!(runs(trees.code(1)), [32, 16, 8, 4]);
        assert!(trees.code(MAX_BATCH).slots <= trees.code(1).slots);
    }
}
