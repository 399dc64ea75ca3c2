//! The evaluator: holds the active labels, and reads the tables where the link received them.

use motet_circuits::{AndKind, Instr};

use super::keys::Keys;
use super::prepared::{Op, Source};
use super::{Batch, Prepared, all, wires};
use crate::crypto::gate::{Evaluate, EvaluateEvaluatorHalf, EvaluateFull, EvaluateGarblerHalf, Wires, Xor};
use crate::crypto::isa::{Kernel, Vector};
use crate::crypto::{Block, Kernels, Prg, TweakKeys};
use crate::net::{Channel, NetError};

/// Reads garbled tables.
pub struct Evaluator {
    kernels: Kernels,
    keys: Keys,
    derived: Prg,
}

impl Evaluator {
    /// An evaluator; `keys` and `derived` are as the garbler's.
    pub fn new(kernels: Kernels, keys: TweakKeys, derived: Prg) -> Self {
        Evaluator { kernels, keys: Keys::new(keys), derived }
    }

    /// Runs a template over the batch.
    ///
    /// # Errors
    /// The link failed.
    pub fn run(&mut self, template: &Prepared, batch: &mut Batch, channel: &mut Channel) -> Result<(), NetError> {
        for (ops, bytes) in template.pieces(batch.n) {
            if bytes == 0 {
                self.piece(ops, batch, &[]);
            } else {
                channel.receive_with(bytes, |tables| self.piece(ops, batch, tables))?;
            }
        }
        Ok(())
    }

    /// Runs a template over the batch with tables in memory, [`Prepared::table_bytes`] of them.
    ///
    /// # Panics
    /// Where `tables` is shorter.
    pub fn run_from_memory(&mut self, template: &Prepared, batch: &mut Batch, mut tables: &[u8]) {
        for (ops, bytes) in template.pieces(batch.n) {
            self.piece(ops, batch, take(&mut tables, bytes));
        }
    }

    fn piece(&mut self, ops: &[Op], batch: &mut Batch, tables: &[u8]) {
        self.kernels.isa().run(Piece { evaluator: self, ops, batch, tables });
    }

    /// The labels of an output of the template that was run.
    pub fn output(&mut self, template: &Prepared, batch: &Batch, index: usize, out: &mut [Block]) {
        match template.sources[index] {
            Source::Slot { slot, .. } => out.copy_from_slice(batch.labels(slot)),
            Source::Derived { .. } | Source::Const(_) => self.derive(out),
        }
    }

    /// The active labels of bits that the garbler knows.
    pub fn derive(&mut self, out: &mut [Block]) {
        self.derived.fill(out);
    }
}

/// Some instructions to be run over a batch: one kernel, so that gates follow each other without a call between them.
struct Piece<'a> {
    evaluator: &'a mut Evaluator,
    ops: &'a [Op],
    batch: &'a mut Batch,
    tables: &'a [u8],
}

impl Kernel for Piece<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Piece { evaluator, ops, batch, mut tables } = self;
        let n = batch.n;
        let labels = batch.labels.as_mut_slice();
        for op in ops {
            match op.instr {
                Instr::Xor { dst, a, b, invert } => {
                    if op.bits {
                        batch.bits[dst as usize] = batch.bits[a as usize] ^ batch.bits[b as usize] ^ all(invert);
                    }
                    if op.labels {
                        Xor { slots: labels, n, wires: wires(dst, a, b), add: Block::ZERO }.run::<V>();
                    }
                }
                Instr::And { kind, dst, a, b, invert_a, invert_b } => {
                    let wires = wires(dst, a, b);
                    let Wires { dst, a, b } = wires;
                    let a_bits = batch.bits[a] ^ all(invert_a);
                    if op.bits {
                        batch.bits[dst] = a_bits & (batch.bits[b] ^ all(invert_b));
                    }
                    match kind {
                        AndKind::Public if op.labels => select(labels, n, dst, b, a_bits),
                        AndKind::Garbler if op.labels => evaluator.derived.fill(&mut labels[dst * n..(dst + 1) * n]),
                        AndKind::Public | AndKind::Garbler => {}
                        AndKind::GarblerHalf => {
                            let tables = take(&mut tables, 16 * n);
                            let gate = EvaluateGarblerHalf { key: evaluator.keys.one(n) };
                            Evaluate { slots: labels, n, wires, tables, gate }.run::<V>();
                        }
                        AndKind::EvaluatorHalf => {
                            let tables = take(&mut tables, 16 * n);
                            let gate = EvaluateEvaluatorHalf { bits: a_bits, key: evaluator.keys.one(n) };
                            Evaluate { slots: labels, n, wires, tables, gate }.run::<V>();
                        }
                        AndKind::Full => {
                            let tables = take(&mut tables, 32 * n);
                            let gate = EvaluateFull { keys: evaluator.keys.two(n) };
                            Evaluate { slots: labels, n, wires, tables, gate }.run::<V>();
                        }
                    }
                }
            }
        }
    }
}

/// `dst = b` where the public bit is set, else the constant 0, whose active label is zero.
fn select(labels: &mut [Block], n: usize, dst: usize, b: usize, bits: u128) {
    for i in 0..n {
        labels[dst * n + i] = labels[b * n + i].when(bits >> i & 1 == 1);
    }
}

/// The next bytes of the tables.
fn take<'a>(tables: &mut &'a [u8], bytes: usize) -> &'a [u8] {
    let (first, rest) = tables.split_at(bytes);
    *tables = rest;
    first
}
