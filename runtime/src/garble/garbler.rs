//! The garbler: holds Δ and the labels of 0, and makes the tables, straight in the link's send buffer.

use motet_circuits::AndKind;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::keys::Keys;
use super::lanes::{self, Few, LANES};
use super::prepared::{Gate, Op, Source, WIDE};
use super::{Batch, MAX_BATCH, Prepared, all};
use crate::crypto::gate::{Garble, GarbleEvaluatorHalf, GarbleFull, GarbleGarblerHalf, GarbleGate, Xor};
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
        for (ops, bytes) in template.code(batch.n).pieces(batch.n) {
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
        for (ops, bytes) in template.code(batch.n).pieces(batch.n) {
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
        match template.code(batch.n).sources[index] {
            Source::Slot { slot, invert } => {
                let inverted = self.delta.0.when(invert);
                for (to, from) in out.iter_mut().zip(batch.labels(slot as usize)) {
                    *to = *from ^ inverted;
                }
            }
            Source::Derived { slot, invert } => self.derive(batch.bits(slot as usize) ^ all(invert), out),
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
        self.kernels.isa().run(Add { delta: self.delta.0, bits, labels: out });
    }
}

/// Adds Δ to the labels of set bits: by masks, as compilers make a branch of a bit that selects.
struct Add<'a> {
    delta: Block,
    bits: u128,
    labels: &'a mut [Block],
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Add { delta, mut bits, labels } = self;
        let vectors = labels.len() - labels.len() % V::LANES;
        let (wide, narrow) = labels.split_at_mut(vectors);
        for labels in wide.chunks_exact_mut(V::LANES) {
            add_where::<V>(delta, bits, labels);
            bits = bits.checked_shr(V::LANES as u32).unwrap_or(0);
        }
        for labels in narrow.chunks_exact_mut(V::Narrow::LANES) {
            add_where::<V::Narrow>(delta, bits, labels);
            bits >>= V::Narrow::LANES;
        }
    }
}

/// Adds Δ in the lanes of set bits.
#[inline(always)]
fn add_where<V: Vector>(delta: Block, bits: u128, labels: &mut [Block]) {
    V::load(labels).xor_where(V::mask(bits as u8), V::splat(delta)).store(labels);
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
        let Piece { garbler, mut ops, batch, mut tables } = self;
        let n = batch.n;
        // As many lanes as one key may serve.
        let side_by_side = MAX_BATCH / n;
        let delta = garbler.delta.0;
        let (labels, bits, lanes) = batch.parts();
        let mut work = Work { n, delta, labels, bits, lanes };
        while let Some(op) = ops.first() {
            let most = if op.gate == Gate::Xor { ops.len() } else { side_by_side.min(ops.len()) };
            let count = most.min(op.run as usize);
            let (gates, rest) = ops.split_at(count);
            ops = rest;
            match op.gate {
                Gate::Xor => work.xor::<V>(gates),
                Gate::And(AndKind::Public) if op.labels => {
                    let bits = lanes::first_bits(op, work.bits);
                    garbler.select(work.labels, n, op.dst as usize, op.b[0] as usize, bits, op.invert[1]);
                }
                Gate::And(AndKind::Garbler) if op.labels => {
                    let dst = op.dst as usize;
                    garbler.derive(op.known(work.bits), &mut work.labels[dst * n..(dst + 1) * n]);
                }
                Gate::And(AndKind::Public | AndKind::Garbler) => {}
                Gate::And(AndKind::GarblerHalf) => {
                    let (tables, key) = (take(&mut tables, 16 * n * count), garbler.keys.one(n * count));
                    work.and::<V, _>(gates, tables, |[_, invert], bits| GarbleGarblerHalf { bits, invert, delta, key });
                }
                Gate::And(AndKind::EvaluatorHalf) => {
                    let (tables, key) = (take(&mut tables, 16 * n * count), garbler.keys.one(n * count));
                    work.and::<V, _>(gates, tables, |invert, _| GarbleEvaluatorHalf { invert, delta, key });
                }
                Gate::And(AndKind::Full) => {
                    let (tables, keys) = (take(&mut tables, 32 * n * count), garbler.keys.two(n * count));
                    work.and::<V, _>(gates, tables, |invert, _| GarbleFull { invert, delta, keys });
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
    delta: Block,
    labels: &'a mut [Block],
    bits: &'a mut [u128],
    lanes: &'a mut [Block],
}

impl Work<'_> {
    #[inline(always)]
    fn xor<V: Vector>(&mut self, ops: &[Op]) {
        if self.n < WIDE && ops[0].plain() {
            return Few::new(self.labels, self.n, self.delta).xor::<V>(ops);
        }
        for op in ops.iter().filter(|op| op.labels) {
            let extra = self.delta.when(op.invert[2]);
            Xor { slots: self.labels, n: self.n, sums: op.sums(), extra }.run::<V>();
        }
    }

    /// Gates of one kind under the same keys; `make` makes one that is inverted so and whose first operand is known so.
    #[inline(always)]
    fn and<V: Vector, T: GarbleGate>(&mut self, gates: &[Op], tables: &mut [u8], make: impl Fn([bool; 2], u128) -> T) {
        let Work { n, delta, labels, bits, lanes } = self;
        let (n, delta) = (*n, *delta);
        if n < WIDE {
            Few::new(labels, n, delta).collect::<V>(gates, lanes);
            let known = if T::READS_BITS { lanes::known(gates, bits, n) } else { 0 };
            let (n_lanes, gate) = (n * gates.len(), make([false; 2], known));
            Garble { slots: lanes, n: n_lanes, first: 0, sums: LANES, extra: Block::ZERO, tables, gate }.run::<V>();
            Few::new(labels, n, delta).distribute::<V>(gates, &lanes[..n_lanes]);
            return;
        }
        for (g, (op, tables)) in gates.iter().zip(tables.chunks_exact_mut(16 * T::CIPHERTEXTS * n)).enumerate() {
            let [invert_a, invert_b, invert] = op.invert;
            let known = if T::READS_BITS { lanes::first_bits(op, bits) << (g * n) } else { 0 };
            let gate = make([invert_a, invert_b], known);
            let extra = delta.when(invert);
            Garble { slots: labels, n, first: g * n, sums: op.sums(), extra, tables, gate }.run::<V>();
        }
    }
}

/// The next bytes of the tables.
fn take<'a>(tables: &mut &'a mut [u8], bytes: usize) -> &'a mut [u8] {
    let (first, rest) = std::mem::take(tables).split_at_mut(bytes);
    *tables = rest;
    first
}
