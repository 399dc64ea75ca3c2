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
