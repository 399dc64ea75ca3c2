//! The evaluator: holds the active labels, and reads the tables where the link received them.

use motet_circuits::AndKind;

use super::keys::Keys;
use super::lanes::{self, Few, LANES};
use super::prepared::{Gate, Op, Source, WIDE};
use super::{Batch, MAX_BATCH, Prepared};
use crate::crypto::gate::{Evaluate, EvaluateEvaluatorHalf, EvaluateFull, EvaluateGarblerHalf, EvaluateGate, Xor};
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
        for (ops, bytes) in template.code(batch.n).pieces(batch.n) {
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
        for (ops, bytes) in template.code(batch.n).pieces(batch.n) {
            self.piece(ops, batch, take(&mut tables, bytes));
        }
    }

    fn piece(&mut self, ops: &[Op], batch: &mut Batch, tables: &[u8]) {
        self.kernels.isa().run(Piece { evaluator: self, ops, batch, tables });
    }

    /// The labels of an output of the template that was run.
    pub fn output(&mut self, template: &Prepared, batch: &Batch, index: usize, out: &mut [Block]) {
        match template.code(batch.n).sources[index] {
            Source::Slot { slot, .. } => out.copy_from_slice(batch.labels(slot as usize)),
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
        let Piece { evaluator, mut ops, batch, mut tables } = self;
        let n = batch.n;
        // As many lanes as one key may serve.
        let side_by_side = MAX_BATCH / n;
        let (labels, bits, lanes) = batch.parts();
        let mut work = Work { n, labels, bits, lanes };
        while let Some(op) = ops.first() {
            let most = if op.gate == Gate::Xor { ops.len() } else { side_by_side.min(ops.len()) };
            let count = most.min(op.run as usize);
            let (gates, rest) = ops.split_at(count);
            ops = rest;
            match op.gate {
                Gate::Xor => work.xor::<V>(gates),
                Gate::And(AndKind::Public) if op.labels => {
                    let bits = lanes::first_bits(op, work.bits);
                    select(work.labels, n, op.dst as usize, op.b[0] as usize, bits);
                }
                Gate::And(AndKind::Garbler) if op.labels => {
                    let dst = op.dst as usize;
                    evaluator.derived.fill(&mut work.labels[dst * n..(dst + 1) * n]);
                }
                Gate::And(AndKind::Public | AndKind::Garbler) => {}
                Gate::And(AndKind::GarblerHalf) => {
                    let (tables, key) = (take(&mut tables, 16 * n * count), evaluator.keys.one(n * count));
                    work.and::<V, _>(gates, tables, |_| EvaluateGarblerHalf { key });
                }
                Gate::And(AndKind::EvaluatorHalf) => {
                    let (tables, key) = (take(&mut tables, 16 * n * count), evaluator.keys.one(n * count));
                    work.and::<V, _>(gates, tables, |bits| EvaluateEvaluatorHalf { bits, key });
                }
                Gate::And(AndKind::Full) => {
                    let (tables, keys) = (take(&mut tables, 32 * n * count), evaluator.keys.two(n * count));
                    work.and::<V, _>(gates, tables, |_| EvaluateFull { keys });
                }
            }
            // An operand may stand where the result goes, so its bits stay until they are used.
            if op.bits {
                gates.iter().for_each(|op| op.follow(work.bits));
            }
        }
    }
}

/// What gates work on.
struct Work<'a> {
    n: usize,
    labels: &'a mut [Block],
    bits: &'a mut [u128],
    lanes: &'a mut [Block],
}

impl Work<'_> {
    #[inline(always)]
    fn xor<V: Vector>(&mut self, ops: &[Op]) {
        if self.n < WIDE && ops[0].plain() {
            return Few::new(self.labels, self.n, Block::ZERO).xor::<V>(ops);
        }
        for op in ops.iter().filter(|op| op.labels) {
            Xor { slots: self.labels, n: self.n, sums: op.sums(), extra: Block::ZERO }.run::<V>();
        }
    }

    /// Gates of one kind under the same keys; `make` makes one whose first operand is known so.
    #[inline(always)]
    fn and<V: Vector, T: EvaluateGate>(&mut self, gates: &[Op], tables: &[u8], make: impl Fn(u128) -> T) {
        let Work { n, labels, bits, lanes } = self;
        let n = *n;
        if n < WIDE {
            Few::new(labels, n, Block::ZERO).collect::<V>(gates, lanes);
            let known = if T::READS_BITS { lanes::known(gates, bits, n) } else { 0 };
            let n_lanes = n * gates.len();
            Evaluate { slots: lanes, n: n_lanes, first: 0, sums: LANES, tables, gate: make(known) }.run::<V>();
            Few::new(labels, n, Block::ZERO).distribute::<V>(gates, &lanes[..n_lanes]);
            return;
        }
        for (g, (op, tables)) in gates.iter().zip(tables.chunks_exact(16 * T::CIPHERTEXTS * n)).enumerate() {
            let known = if T::READS_BITS { lanes::first_bits(op, bits) << (g * n) } else { 0 };
            Evaluate { slots: labels, n, first: g * n, sums: op.sums(), tables, gate: make(known) }.run::<V>();
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
