//! The garbler: holds Δ and the labels of 0, and makes the tables, straight in the link's send buffer.

use motet_circuits::{AndKind, Instr};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::keys::Keys;
use super::prepared::{Op, Source};
use super::{Batch, Prepared, all, wires};
use crate::crypto::gate::{Garble, GarbleEvaluatorHalf, GarbleFull, GarbleGarblerHalf, Wires, Xor};
use crate::crypto::isa::{Kernel, Vector};
use crate::crypto::{Block, Kernels, Prg, TweakKeys};
use crate::net::{Channel, NetError};

/// Makes garbled tables.
pub struct Garbler {
    kernels: Kernels,
    delta: Delta,
    keys: Keys,
    derived: Prg,
}

/// The difference between the labels of a wire, wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Delta(Block);

impl Garbler {
    /// A garbler. `delta` has its colour bit set; `keys` and `derived` are as the evaluator's, and `derived` yields
    /// nothing but the active labels of wires that the garbler knows.
    pub fn new(kernels: Kernels, delta: Block, keys: TweakKeys, derived: Prg) -> Self {
        Garbler { kernels, delta: Delta(delta.with_colour()), keys: Keys::new(keys), derived }
    }

    /// Runs a template over the batch.
    ///
    /// # Errors
    /// The link failed.
    pub fn run(&mut self, template: &Prepared, batch: &mut Batch, channel: &mut Channel) -> Result<(), NetError> {
        for (ops, bytes) in template.pieces(batch.n) {
            if bytes == 0 {
                self.piece(ops, batch, &mut []);
            } else {
                channel.send_with(bytes, |tables| self.piece(ops, batch, tables))?;
            }
        }
        Ok(())
    }

    /// Runs a template over the batch and writes its tables to memory, [`Prepared::table_bytes`] of them.
    ///
    /// # Panics
    /// Where `tables` is shorter.
    pub fn run_to_memory(&mut self, template: &Prepared, batch: &mut Batch, mut tables: &mut [u8]) {
        for (ops, bytes) in template.pieces(batch.n) {
            self.piece(ops, batch, take(&mut tables, bytes));
        }
    }

    fn piece(&mut self, ops: &[Op], batch: &mut Batch, tables: &mut [u8]) {
        self.kernels.isa().run(Piece { garbler: self, ops, batch, tables });
    }

    /// `dst = b` where the public bit is set, else the constant 0, whose `W0` is zero.
    fn select(&self, labels: &mut [Block], n: usize, dst: usize, b: usize, bits: u128, invert: bool) {
        let inverted = self.delta.0.when(invert);
        for i in 0..n {
            labels[dst * n + i] = (labels[b * n + i] ^ inverted).when(bits >> i & 1 == 1);
        }
    }

    /// The labels of an output of the template that was run.
    pub fn output(&mut self, template: &Prepared, batch: &Batch, index: usize, out: &mut [Block]) {
        match template.sources[index] {
            Source::Slot { slot, invert } => {
                let inverted = self.delta.0.when(invert);
                for (to, from) in out.iter_mut().zip(batch.labels(slot)) {
                    *to = *from ^ inverted;
                }
            }
            Source::Derived { slot, invert } => self.derive(batch.bits[slot] ^ all(invert), out),
            Source::Const(value) => self.derive(all(value), out),
        }
    }

    /// Makes labels for bits that the garbler knows: the seed's active ones, and `W0 = active ⊕ bit·Δ`.
    pub fn derive(&mut self, bits: u128, out: &mut [Block]) {
        self.derived.fill(out);
        self.add(bits, out);
    }

    /// Makes labels for bits that both know: active 0, `W0 = bit·Δ`.
    pub fn public(&self, bits: u128, out: &mut [Block]) {
        out.fill(Block::ZERO);
        self.add(bits, out);
    }

    fn add(&self, bits: u128, out: &mut [Block]) {
        for (i, label) in out.iter_mut().enumerate() {
            *label ^= self.delta.0.when(bits >> i & 1 == 1);
        }
    }
}

/// Some instructions to be run over a batch: one kernel, so that gates follow each other without a call between them.
struct Piece<'a> {
    garbler: &'a mut Garbler,
    ops: &'a [Op],
    batch: &'a mut Batch,
    tables: &'a mut [u8],
}

impl Kernel for Piece<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Piece { garbler, ops, batch, mut tables } = self;
        let n = batch.n;
        let delta = garbler.delta.0;
        let labels = batch.labels.as_mut_slice();
        for op in ops {
            match op.instr {
                Instr::Xor { dst, a, b, invert } => {
                    if op.bits {
                        batch.bits[dst as usize] = batch.bits[a as usize] ^ batch.bits[b as usize] ^ all(invert);
                    }
                    if op.labels {
                        Xor { slots: labels, n, wires: wires(dst, a, b), add: delta.when(invert) }.run::<V>();
                    }
                }
                Instr::And { kind, dst, a, b, invert_a, invert_b } => {
                    let wires = wires(dst, a, b);
                    let Wires { dst, a, b } = wires;
                    let a_bits = batch.bits[a] ^ all(invert_a);
                    let invert = [invert_a, invert_b];
                    if op.bits {
                        batch.bits[dst] = a_bits & (batch.bits[b] ^ all(invert_b));
                    }
                    match kind {
                        AndKind::Public if op.labels => garbler.select(labels, n, dst, b, a_bits, invert_b),
                        AndKind::Garbler if op.labels => {
                            garbler.derive(batch.bits[dst], &mut labels[dst * n..(dst + 1) * n]);
                        }
                        AndKind::Public | AndKind::Garbler => {}
                        AndKind::GarblerHalf => {
                            let tables = take(&mut tables, 16 * n);
                            let key = garbler.keys.one(n);
                            let gate = GarbleGarblerHalf { bits: a_bits, invert: invert_b, delta, key };
                            Garble { slots: labels, n, wires, tables, gate }.run::<V>();
                        }
                        AndKind::EvaluatorHalf => {
                            let tables = take(&mut tables, 16 * n);
                            let gate = GarbleEvaluatorHalf { invert, delta, key: garbler.keys.one(n) };
                            Garble { slots: labels, n, wires, tables, gate }.run::<V>();
                        }
                        AndKind::Full => {
                            let tables = take(&mut tables, 32 * n);
                            let gate = GarbleFull { invert, delta, keys: garbler.keys.two(n) };
                            Garble { slots: labels, n, wires, tables, gate }.run::<V>();
                        }
                    }
                }
            }
        }
    }
}

/// The next bytes of the tables.
fn take<'a>(tables: &mut &'a mut [u8], bytes: usize) -> &'a mut [u8] {
    let (first, rest) = std::mem::take(tables).split_at_mut(bytes);
    *tables = rest;
    first
}
