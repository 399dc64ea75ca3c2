//! The gates themselves, over vectors of any instruction set.
//!
//! [`Garble`] and [`Evaluate`] walk over a batch, in groups of vectors that keep the AES units busy, and hand each group
//! to one of the gates below. What does not fill a vector goes one instance at a time.

use super::super::Block;
use super::super::isa::{Kernel, Vector};
use super::keys::GateKey;
use super::{MAX_BATCH, NOWHERE, Sums};

/// Vectors in a group.
const GROUP: usize = 4;

/// How a gate is garbled: from labels of false to the result's labels of false and up to two ciphertexts.
pub(crate) trait GarbleGate: Copy {
    /// Ciphertexts an instance.
    const CIPHERTEXTS: usize;
    /// Whether it reads what this party knows of the first operand.
    const READS_BITS: bool = false;
    /// Garbles `G` vectors of instances, the first of which has number `at`.
    fn garble<V: Vector, const G: usize>(self, at: usize, a: [V; G], b: [V; G]) -> ([V; G], [[V; G]; 2]);
}

/// How a gate is evaluated: from active labels and ciphertexts to the result's active labels.
pub(crate) trait EvaluateGate: Copy {
    /// Ciphertexts an instance.
    const CIPHERTEXTS: usize;
    /// Whether it reads what this party knows of the first operand.
    const READS_BITS: bool = false;
    /// Evaluates `G` vectors of instances, the first of which has number `at`.
    fn evaluate<V: Vector, const G: usize>(self, at: usize, a: [V; G], b: [V; G], tables: [[V; G]; 2]) -> [V; G];
}

/// A gate to be garbled over a batch.
pub(crate) struct Garble<'a, T> {
    pub slots: &'a mut [Block],
    pub n: usize,
    /// The first instance's number under the gate's keys.
    pub first: usize,
    pub sums: Sums,
    /// Added to the result: Δ where it is inverted.
    pub extra: Block,
    pub tables: &'a mut [u8],
    pub gate: T,
}

impl<T: GarbleGate> Kernel for Garble<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        assert!(self.first + self.n <= MAX_BATCH && self.tables.len() == 16 * T::CIPHERTEXTS * self.n);
        let mut at = 0;
        while at + GROUP * V::LANES <= self.n {
            self.group::<V, GROUP>(at);
            at += GROUP * V::LANES;
        }
        while at + V::LANES <= self.n {
            self.group::<V, 1>(at);
            at += V::LANES;
        }
        while at < self.n {
            self.group::<V::Narrow, 1>(at);
            at += 1;
        }
    }
}

impl<T: GarbleGate> Garble<'_, T> {
    #[inline(always)]
    fn group<V: Vector, const G: usize>(&mut self, at: usize) {
        let a = load_sum::<V, G>(self.slots, self.n, self.sums.a, at);
        let b = load_sum::<V, G>(self.slots, self.n, self.sums.b, at);
        let (out, tables) = self.gate.garble(self.first + at, a, b);
        let out = add(out, V::splat(self.extra));
        store_sum(self.slots, self.n, self.sums, at, out);
        for (half, table) in tables.into_iter().enumerate().take(T::CIPHERTEXTS) {
            let bytes = &mut self.tables[16 * (half * self.n + at)..][..16 * G * V::LANES];
            for (g, vector) in table.into_iter().enumerate() {
                vector.store_bytes(&mut bytes[16 * g * V::LANES..]);
            }
        }
    }
}

/// A gate to be evaluated over a batch.
pub(crate) struct Evaluate<'a, T> {
    pub slots: &'a mut [Block],
    pub n: usize,
    /// The first instance's number under the gate's keys.
    pub first: usize,
    pub sums: Sums,
    pub tables: &'a [u8],
    pub gate: T,
}

impl<T: EvaluateGate> Kernel for Evaluate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        assert!(self.first + self.n <= MAX_BATCH && self.tables.len() == 16 * T::CIPHERTEXTS * self.n);
        let mut at = 0;
        while at + GROUP * V::LANES <= self.n {
            self.group::<V, GROUP>(at);
            at += GROUP * V::LANES;
        }
        while at + V::LANES <= self.n {
            self.group::<V, 1>(at);
            at += V::LANES;
        }
        while at < self.n {
            self.group::<V::Narrow, 1>(at);
            at += 1;
        }
    }
}

impl<T: EvaluateGate> Evaluate<'_, T> {
    #[inline(always)]
    fn group<V: Vector, const G: usize>(&mut self, at: usize) {
        let a = load_sum::<V, G>(self.slots, self.n, self.sums.a, at);
        let b = load_sum::<V, G>(self.slots, self.n, self.sums.b, at);
        let mut tables = [[V::splat(Block::ZERO); G]; 2];
        for (half, table) in tables.iter_mut().enumerate().take(T::CIPHERTEXTS) {
            let bytes = &self.tables[16 * (half * self.n + at)..][..16 * G * V::LANES];
            for (g, vector) in table.iter_mut().enumerate() {
                *vector = V::load_bytes(&bytes[16 * g * V::LANES..]);
            }
        }
        let out = self.gate.evaluate(self.first + at, a, b, tables);
        store_sum(self.slots, self.n, self.sums, at, out);
    }
}

/// Both halves, figure 2 of the paper.
#[derive(Clone, Copy)]
pub(crate) struct GarbleFull<'k> {
    pub invert: [bool; 2],
    pub delta: Block,
    pub keys: [GateKey<'k>; 2],
}

impl GarbleGate for GarbleFull<'_> {
    const CIPHERTEXTS: usize = 2;

    #[inline(always)]
    fn garble<V: Vector, const G: usize>(self, at: usize, a: [V; G], b: [V; G]) -> ([V; G], [[V; G]; 2]) {
        let delta = V::splat(self.delta);
        let a = add(a, V::splat(self.delta.when(self.invert[0])));
        let b = add(b, V::splat(self.delta.when(self.invert[1])));

        // The garbler's half: a ∧ p_b, p_b being the colour of b.
        let (a0, both) = hash_both(self.keys[0], at, a, self.delta);
        let mut garbler = a0;
        let mut out = a0;
        for g in 0..G {
            garbler[g] = both[g].xor_where(b[g].colours(), delta);
            out[g] = a0[g].xor_where(a[g].colours(), garbler[g]);
        }

        // The evaluator's half: a ∧ (b ⊕ p_b), where the evaluator sees b ⊕ p_b.
        let (b0, both) = hash_both(self.keys[1], at, b, self.delta);
        let mut evaluator = b0;
        for g in 0..G {
            evaluator[g] = both[g].xor(a[g]);
            out[g] = out[g].xor(b0[g]).xor_where(b[g].colours(), both[g]);
        }
        (out, [garbler, evaluator])
    }
}

/// Both halves.
#[derive(Clone, Copy)]
pub(crate) struct EvaluateFull<'k> {
    pub keys: [GateKey<'k>; 2],
}

impl EvaluateGate for EvaluateFull<'_> {
    const CIPHERTEXTS: usize = 2;

    #[inline(always)]
    fn evaluate<V: Vector, const G: usize>(self, at: usize, a: [V; G], b: [V; G], tables: [[V; G]; 2]) -> [V; G] {
        let mut out = hash(self.keys[0], at, a);
        let evaluator = hash(self.keys[1], at, b);
        for g in 0..G {
            out[g] = out[g].xor(evaluator[g]).xor_where(a[g].colours(), tables[0][g]);
            out[g] = out[g].xor_where(b[g].colours(), tables[1][g].xor(a[g]));
        }
        out
    }
}

/// The garbler's half alone: `a` is known to the garbler.
#[derive(Clone, Copy)]
pub(crate) struct GarbleGarblerHalf<'k> {
    pub bits: u128,
    pub invert: bool,
    pub delta: Block,
    pub key: GateKey<'k>,
}

impl GarbleGate for GarbleGarblerHalf<'_> {
    const CIPHERTEXTS: usize = 1;
    const READS_BITS: bool = true;

    #[inline(always)]
    fn garble<V: Vector, const G: usize>(self, at: usize, _: [V; G], b: [V; G]) -> ([V; G], [[V; G]; 2]) {
        let delta = V::splat(self.delta);
        let b = add(b, V::splat(self.delta.when(self.invert)));
        let (b0, both) = hash_both(self.key, at, b, self.delta);
        let mut table = b0;
        let mut out = b0;
        for g in 0..G {
            let known = V::mask((self.bits >> (at + g * V::LANES)) as u8);
            table[g] = both[g].xor_where(known, delta);
            out[g] = b0[g].xor_where(b[g].colours(), table[g]);
        }
        (out, [table, table])
    }
}

/// The garbler's half alone.
#[derive(Clone, Copy)]
pub(crate) struct EvaluateGarblerHalf<'k> {
    pub key: GateKey<'k>,
}

impl EvaluateGate for EvaluateGarblerHalf<'_> {
    const CIPHERTEXTS: usize = 1;

    #[inline(always)]
    fn evaluate<V: Vector, const G: usize>(self, at: usize, _: [V; G], b: [V; G], tables: [[V; G]; 2]) -> [V; G] {
        let mut out = hash(self.key, at, b);
        for g in 0..G {
            out[g] = out[g].xor_where(b[g].colours(), tables[0][g]);
        }
        out
    }
}

/// The evaluator's half alone: `a` is known to the evaluator.
#[derive(Clone, Copy)]
pub(crate) struct GarbleEvaluatorHalf<'k> {
    pub invert: [bool; 2],
    pub delta: Block,
    pub key: GateKey<'k>,
}

impl GarbleGate for GarbleEvaluatorHalf<'_> {
    const CIPHERTEXTS: usize = 1;

    #[inline(always)]
    fn garble<V: Vector, const G: usize>(self, at: usize, a: [V; G], b: [V; G]) -> ([V; G], [[V; G]; 2]) {
        let a = add(a, V::splat(self.delta.when(self.invert[0])));
        let b = add(b, V::splat(self.delta.when(self.invert[1])));
        let (a0, both) = hash_both(self.key, at, a, self.delta);
        let mut table = a0;
        for g in 0..G {
            table[g] = both[g].xor(b[g]);
        }
        (a0, [table, table])
    }
}

/// The evaluator's half alone.
#[derive(Clone, Copy)]
pub(crate) struct EvaluateEvaluatorHalf<'k> {
    pub bits: u128,
    pub key: GateKey<'k>,
}

impl EvaluateGate for EvaluateEvaluatorHalf<'_> {
    const CIPHERTEXTS: usize = 1;
    const READS_BITS: bool = true;

    #[inline(always)]
    fn evaluate<V: Vector, const G: usize>(self, at: usize, a: [V; G], b: [V; G], tables: [[V; G]; 2]) -> [V; G] {
        let mut out = hash(self.key, at, a);
        for g in 0..G {
            let known = V::mask((self.bits >> (at + g * V::LANES)) as u8);
            out[g] = out[g].xor_where(known, tables[0][g].xor(b[g]));
        }
        out
    }
}

/// Exclusive or over a batch: of all operands, as if each were added.
pub(crate) struct Xor<'a> {
    pub slots: &'a mut [Block],
    pub n: usize,
    pub sums: Sums,
    pub extra: Block,
}

impl Kernel for Xor<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Xor { slots, n, sums, extra } = self;
        let mut at = 0;
        while at + GROUP * V::LANES <= n {
            xor_group::<V, GROUP>(slots, n, sums, at, extra);
            at += GROUP * V::LANES;
        }
        while at + V::LANES <= n {
            xor_group::<V, 1>(slots, n, sums, at, extra);
            at += V::LANES;
        }
        for at in at..n {
            xor_group::<V::Narrow, 1>(slots, n, sums, at, extra);
        }
    }
}

#[inline(always)]
fn xor_group<V: Vector, const G: usize>(slots: &mut [Block], n: usize, sums: Sums, at: usize, extra: Block) {
    let mut out = add(load_sum::<V, G>(slots, n, sums.a, at), V::splat(extra));
    let b = load_sum::<V, G>(slots, n, sums.b, at);
    for g in 0..G {
        out[g] = out[g].xor(b[g]);
    }
    store_sum(slots, n, sums, at, out);
}

/// `H(x)` of every label `x`, and `H(x) ⊕ H(x ⊕ Δ)`.
#[inline(always)]
pub(super) fn hash_both<V: Vector, const G: usize>(
    key: GateKey<'_>,
    at: usize,
    labels: [V; G],
    delta: Block,
) -> ([V; G], [V; G]) {
    let sigma_delta = V::splat(delta.sigma());
    let zero = points(at, labels);
    let one = V::encrypt(key, add(zero, sigma_delta));
    let mut out = V::encrypt(key, zero);
    let mut both = out;
    for g in 0..G {
        // The points of the two hashes differ by σ(Δ).
        both[g] = out[g].xor(one[g]).xor(sigma_delta);
        out[g] = out[g].xor(zero[g]);
    }
    (out, both)
}

/// `H` of every label.
#[inline(always)]
pub(super) fn hash<V: Vector, const G: usize>(key: GateKey<'_>, at: usize, labels: [V; G]) -> [V; G] {
    let points = points(at, labels);
    let mut out = V::encrypt(key, points);
    for g in 0..G {
        out[g] = out[g].xor(points[g]);
    }
    out
}

/// `σ(x) ⊕ i` of every label `x` and its instance `i`.
#[inline(always)]
fn points<V: Vector, const G: usize>(at: usize, mut labels: [V; G]) -> [V; G] {
    let instances = load::<V, G>(&INSTANCES, at);
    for g in 0..G {
        labels[g] = labels[g].sigma().xor(instances[g]);
    }
    labels
}

/// The numbers of the instances.
static INSTANCES: [Block; MAX_BATCH] = {
    let mut numbers = [Block::ZERO; MAX_BATCH];
    let mut i = 0;
    while i < numbers.len() {
        numbers[i] = Block::new(i as u128);
        i += 1;
    }
    numbers
};

#[inline(always)]
fn add<V: Vector, const G: usize>(mut vectors: [V; G], block: V) -> [V; G] {
    for vector in &mut vectors {
        *vector = vector.xor(block);
    }
    vectors
}

/// An operand's labels.
#[inline(always)]
fn load_sum<V: Vector, const G: usize>(slots: &[Block], n: usize, [first, second]: [usize; 2], at: usize) -> [V; G] {
    let vectors = load(slots, first * n + at);
    if second == NOWHERE { vectors } else { add_slot(slots, n, second, at, vectors) }
}

/// Stores a result, with what is added to it.
#[inline(always)]
fn store_sum<V: Vector, const G: usize>(slots: &mut [Block], n: usize, sums: Sums, at: usize, out: [V; G]) {
    let out = if sums.add == NOWHERE { out } else { add_slot(slots, n, sums.add, at, out) };
    store(slots, sums.dst * n + at, out);
}

#[inline(always)]
fn add_slot<V: Vector, const G: usize>(
    slots: &[Block],
    n: usize,
    slot: usize,
    at: usize,
    mut vectors: [V; G],
) -> [V; G] {
    let more = load::<V, G>(slots, slot * n + at);
    for g in 0..G {
        vectors[g] = vectors[g].xor(more[g]);
    }
    vectors
}

#[inline(always)]
fn load<V: Vector, const G: usize>(blocks: &[Block], from: usize) -> [V; G] {
    let blocks = &blocks[from..from + G * V::LANES];
    let mut vectors = [V::splat(Block::ZERO); G];
    for (g, vector) in vectors.iter_mut().enumerate() {
        *vector = V::load(&blocks[g * V::LANES..]);
    }
    vectors
}

#[inline(always)]
fn store<V: Vector, const G: usize>(blocks: &mut [Block], to: usize, vectors: [V; G]) {
    let blocks = &mut blocks[to..to + G * V::LANES];
    for (g, vector) in vectors.into_iter().enumerate() {
        vector.store(&mut blocks[g * V::LANES..]);
    }
}
