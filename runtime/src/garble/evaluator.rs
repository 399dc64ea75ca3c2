//! The evaluator: holds the active labels, and reads the tables where the link received them.

use motet_circuits::{AndKind, Instr};

use super::keys::Keys;
use super::prepared::{Op, Source};
use super::{Batch, Prepared, all, wires, xor};
use crate::crypto::gate::Wires;
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

    fn piece(&mut self, ops: &[Op], batch: &mut Batch, mut tables: &[u8]) {
        let n = batch.n;
        for op in ops {
            match op.instr {
                Instr::Xor { dst, a, b, invert } => {
                    if op.bits {
                        batch.bits[dst as usize] = batch.bits[a as usize] ^ batch.bits[b as usize] ^ all(invert);
                    }
                    if op.labels {
                        xor(self.kernels, &mut batch.labels, n, wires(dst, a, b), None);
                    }
                }
                Instr::And { kind, dst, a, b, invert_a, invert_b } => {
                    let wires = wires(dst, a, b);
                    let Wires { dst, a, b } = wires;
                    let a_bits = batch.bits[a] ^ all(invert_a);
                    if op.bits {
                        batch.bits[dst] = a_bits & (batch.bits[b] ^ all(invert_b));
                    }
                    let labels = &mut batch.labels;
                    match kind {
                        AndKind::Public if op.labels => select(labels, n, dst, b, a_bits),
                        AndKind::Garbler if op.labels => self.derived.fill(&mut labels[dst * n..(dst + 1) * n]),
                        AndKind::Public | AndKind::Garbler => {}
                        AndKind::GarblerHalf => {
                            let table = take(&mut tables, 16 * n);
                            self.kernels.evaluate_garbler_half(labels, n, wires, self.keys.one(n), table);
                        }
                        AndKind::EvaluatorHalf => {
                            let table = take(&mut tables, 16 * n);
                            self.kernels.evaluate_evaluator_half(labels, n, wires, a_bits, self.keys.one(n), table);
                        }
                        AndKind::Full => {
                            let table = take(&mut tables, 32 * n);
                            let keys = self.keys.two(n);
                            self.kernels.evaluate_full(labels, n, wires, keys, table);
                        }
                    }
                }
            }
        }
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
