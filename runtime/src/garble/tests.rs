//! The engine against templates evaluated in the clear.

use motet_circuits::{AndKind, Counts, Instr, Known, Output, Template};
use proptest::prelude::*;

use super::*;
use crate::crypto::isa::Isa;
use crate::crypto::{Kernels, Prg, Stream, TweakKeys};

pub(super) const DELTA: Block = Block::new(0x9b1f_33c8_5a21_77e0_4d60_2f83_b1c5_a9d7);
const CLASSES: [Known; 4] = [Known::Public, Known::Garbler, Known::Evaluator, Known::Nobody];

/// A garbler and an evaluator of one session.
pub(super) fn engines() -> (Engine, Engine) {
    engines_on([Isa::detect(); 2])
}

/// A garbler and an evaluator of one session, each on its own machine.
fn engines_on([garbler, evaluator]: [Isa; 2]) -> (Engine, Engine) {
    let keys = |isa| TweakKeys::new(isa, Block::new(77), 0);
    let derived = || Prg::from_seed(Block::new(78), Stream(0));
    let garbler = Garbler::new(Kernels::with(garbler), DELTA, keys(garbler), derived());
    let evaluator = Evaluator::new(Kernels::with(evaluator), keys(evaluator), derived());
    (Engine::Garbler(garbler), Engine::Evaluator(evaluator))
}

/// Makes the labels of an input that has this bit in each instance: of the garbler, and of the evaluator.
pub(super) fn input(prg: &mut Prg, known: Known, bits: u128, n: usize) -> [Vec<Block>; 2] {
    let value = |i: usize| bits >> i & 1 == 1;
    let zeros = match known {
        Known::Public => (0..n).map(|i| DELTA.when(value(i))).collect(),
        _ => {
            let mut labels = vec![Block::ZERO; n];
            prg.fill(&mut labels);
            labels
        }
    };
    let active = zeros.iter().enumerate().map(|(i, zero)| *zero ^ DELTA.when(value(i))).collect();
    [zeros, active]
}

/// Runs a template and returns the outputs' bits, which must be opened alike by their labels.
fn run(template: &Template, inputs: &[u128], n: usize, isas: [Isa; 2]) -> Vec<u128> {
    let prepared = Prepared::new(template).unwrap();
    let (garbler, evaluator) = engines_on(isas);
    let (left, right) = Channel::pair();
    let mut prg = Prg::from_seed(Block::new(5), Stream(0));
    let mut batches = [Batch::default(), Batch::default()];
    batches.iter_mut().for_each(|batch| batch.begin(&prepared, n));
    for (slot, (&known, &bits)) in template.inputs.iter().zip(inputs).enumerate() {
        let labels = input(&mut prg, known, bits, n);
        let knows = [Known::Garbler, Known::Evaluator];
        for ((batch, labels), who) in batches.iter_mut().zip(labels).zip(knows) {
            batch.labels_mut(slot).copy_from_slice(&labels);
            batch.bits_mut(slot, 1)[0] = if known == who || known == Known::Public { bits } else { 0 };
        }
    }
    let one = |mut engine: Engine, mut batch: Batch, mut channel: Channel| {
        engine.run(&prepared, &mut batch, &mut channel).unwrap();
        channel.flush().unwrap();
        let mut out = vec![vec![Block::ZERO; n]; prepared.outputs()];
        out.iter_mut().enumerate().for_each(|(i, labels)| engine.output(&prepared, &batch, i, labels));
        out
    };
    let [of_garbler, of_evaluator] = batches;
    let (zeros, active) = std::thread::scope(|scope| {
        let garbler = scope.spawn(|| one(garbler, of_garbler, left));
        let active = one(evaluator, of_evaluator, right);
        (garbler.join().unwrap(), active)
    });
    zeros
        .iter()
        .zip(&active)
        .map(|(zeros, active)| {
            (0..n).fold(0, |bits, i| {
                let difference = zeros[i] ^ active[i];
                assert!(difference == Block::ZERO || difference == DELTA, "not a label of the wire");
                bits | u128::from(difference == DELTA) << i
            })
        })
        .collect()
}

/// What the template's outputs are in the clear.
fn clear(template: &Template, inputs: &[u128], n: usize) -> Vec<u128> {
    let mut slots = vec![0u128; template.slots as usize];
    slots[..inputs.len()].copy_from_slice(inputs);
    for instr in &template.code {
        match *instr {
            Instr::Xor { dst, a, b, invert } => {
                slots[dst as usize] = slots[a as usize] ^ slots[b as usize] ^ all(invert);
            }
            Instr::And { dst, a, b, invert_a, invert_b, .. } => {
                slots[dst as usize] = (slots[a as usize] ^ all(invert_a)) & (slots[b as usize] ^ all(invert_b));
            }
        }
    }
    let mask = u128::MAX >> (128 - n);
    let of = |output: &Output| match *output {
        Output::Slot { slot, invert } => slots[slot as usize] ^ all(invert),
        Output::Const(value) => all(value),
    };
    template.outputs.iter().map(|output| of(output) & mask).collect()
}

/// A template made of random choices, its ANDs of the cheapest kind that what is known allows.
fn template(inputs: &[usize], code: &[(bool, usize, usize, usize, bool, bool)], outputs: &[(usize, bool)]) -> Template {
    let mut known: Vec<Known> = inputs.iter().map(|class| CLASSES[*class]).collect();
    let inputs = known.clone();
    let code = code.iter().map(|&(and, dst, a, b, invert_a, invert_b)| {
        let (mut a, mut b) = (a % known.len(), b % known.len());
        let dst = dst % (known.len() + 1);
        if dst == known.len() {
            known.push(Known::Public);
        }
        if !and {
            known[dst] = match (known[a], known[b]) {
                (Known::Public, other) | (other, Known::Public) => other,
                (a, b) if a == b => a,
                _ => Known::Nobody,
            };
            let (dst, a, b) = (dst as u32, a as u32, b as u32);
            return Instr::Xor { dst, a, b, invert: invert_a };
        }
        let rank = |slot: usize| CLASSES.iter().position(|class| *class == known[slot]);
        if rank(b) < rank(a) {
            std::mem::swap(&mut a, &mut b);
        }
        let (kind, result) = match (known[a], known[b]) {
            (Known::Public, other) => (AndKind::Public, other),
            (Known::Garbler, Known::Garbler) => (AndKind::Garbler, Known::Garbler),
            (Known::Garbler, _) => (AndKind::GarblerHalf, Known::Nobody),
            (Known::Evaluator, Known::Evaluator) => (AndKind::EvaluatorHalf, Known::Evaluator),
            (Known::Evaluator, _) => (AndKind::EvaluatorHalf, Known::Nobody),
            _ => (AndKind::Full, Known::Nobody),
        };
        known[dst] = result;
        let (dst, a, b) = (dst as u32, a as u32, b as u32);
        Instr::And { kind, dst, a, b, invert_a, invert_b }
    });
    let code: Vec<Instr> = code.collect();
    let slots = known.len();
    let mut outputs: Vec<Output> =
        outputs.iter().map(|&(slot, invert)| Output::Slot { slot: (slot % slots) as u32, invert }).collect();
    outputs.extend([Output::Const(false), Output::Const(true)]);
    Template { inputs, slots: slots as u32, code, outputs, counts: Counts::default() }
}

fn word(seed: u64) -> u128 {
    Prg::from_seed(Block::new(u128::from(seed)), Stream(9)).block().value()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever instruction sets the two machines have: their kernels are equal to the portable one.
    #[test]
    fn random_templates_give_what_they_give_in_the_clear(
        inputs in prop::collection::vec(0..4usize, 1..12),
        code in prop::collection::vec(any::<(bool, usize, usize, usize, bool, bool)>(), 0..60),
        outputs in prop::collection::vec(any::<(usize, bool)>(), 0..8),
        n in prop::sample::select(vec![1usize, 2, 3, 4, 5, 31, 63, 64, 65, 127, 128]),
        garbler in prop::sample::select(Isa::available()),
        evaluator in prop::sample::select(Isa::available()),
        seed in any::<u64>(),
    ) {
        let template = template(&inputs, &code, &outputs);
        let inputs: Vec<u128> = (0..template.inputs.len() as u64).map(|i| word(seed ^ i)).collect();
        prop_assert_eq!(run(&template, &inputs, n, [garbler, evaluator]), clear(&template, &inputs, n));
    }
}

/// Tables of many pieces.
#[test]
fn long_templates_are_cut_into_pieces() {
    let inputs = vec![Known::Nobody; 3];
    let code = (0..1000).map(|i| match i % 3 {
        0 => Instr::Xor { dst: 0, a: 0, b: 2, invert: true },
        _ => Instr::And { kind: AndKind::Full, dst: i % 3, a: 0, b: i % 3, invert_a: i % 2 == 0, invert_b: i % 5 == 0 },
    });
    let outputs = (0..3).map(|slot| Output::Slot { slot, invert: slot == 1 }).collect();
    let template = Template { inputs, slots: 3, code: code.collect(), outputs, counts: Counts::default() };
    for n in [1, 128] {
        let inputs = [word(1), word(2), word(3)];
        assert_eq!(run(&template, &inputs, n, [Isa::detect(), Isa::portable()]), clear(&template, &inputs, n));
        let prepared = Prepared::new(&template).unwrap();
        let code = prepared.code(n);
        let pieces: Vec<_> = code.pieces(n).map(|(ops, bytes)| (ops.len(), bytes)).collect();
        assert_eq!(pieces.iter().map(|p| p.0).sum::<usize>(), code.ops.len());
        assert_eq!(pieces.iter().map(|p| p.1).sum::<usize>(), 666 * 32 * n);
        assert_eq!(pieces.len(), if n == 1 { 1 } else { 15 });
    }
}

#[test]
fn templates_that_break_their_contract_are_refused() {
    let refused = |inputs: &[Known], slots, code: Vec<Instr>, output: u32| {
        let outputs = vec![Output::Slot { slot: output, invert: false }];
        let template = Template { inputs: inputs.to_vec(), slots, code, outputs, counts: Counts::default() };
        Prepared::new(&template).err()
    };
    let xor = |dst, a, b| Instr::Xor { dst, a, b, invert: false };
    let and = |kind| Instr::And { kind, dst: 0, a: 0, b: 1, invert_a: false, invert_b: false };
    let [public, garbler, evaluator, nobody] = CLASSES;
    assert_eq!(refused(&[nobody; 2], 1, vec![], 0), Some(TemplateError::Boundary));
    assert_eq!(refused(&[nobody; 2], 3, vec![], 2), Some(TemplateError::Boundary));
    assert_eq!(refused(&[nobody; 2], 3, vec![xor(3, 0, 1)], 0), Some(TemplateError::Slot(0)));
    assert_eq!(refused(&[nobody; 2], 3, vec![xor(2, 0, 1), xor(0, 1, 5)], 0), Some(TemplateError::Slot(1)));
    assert_eq!(refused(&[nobody; 2], 3, vec![xor(1, 0, 2)], 0), Some(TemplateError::Slot(0)));
    assert_eq!(refused(&[garbler, nobody], 2, vec![and(AndKind::Public)], 0), Some(TemplateError::Kind(0)));
    assert_eq!(refused(&[garbler, nobody], 2, vec![and(AndKind::Garbler)], 0), Some(TemplateError::Kind(0)));
    assert_eq!(refused(&[evaluator, nobody], 2, vec![and(AndKind::GarblerHalf)], 0), Some(TemplateError::Kind(0)));
    assert_eq!(refused(&[garbler, nobody], 2, vec![and(AndKind::EvaluatorHalf)], 0), Some(TemplateError::Kind(0)));
    assert_eq!(refused(&[public, nobody], 2, vec![and(AndKind::GarblerHalf)], 0), None);
}

/// Tables in memory are those that go over the link.
#[test]
fn tables_in_memory() {
    let and = Instr::And { kind: AndKind::Full, dst: 2, a: 0, b: 1, invert_a: false, invert_b: true };
    let template = Template {
        inputs: vec![Known::Nobody; 2],
        slots: 3,
        code: vec![and; 2],
        outputs: vec![Output::Slot { slot: 2, invert: false }],
        counts: Counts { full: 2, ..Counts::default() },
    };
    let prepared = Prepared::new(&template).unwrap();
    let (Engine::Garbler(mut garbler), Engine::Evaluator(mut evaluator)) = engines() else { unreachable!() };
    let n = 128;
    let values = [0x0123_4567_89ab_cdef_u128 << 40, u128::MAX / 3];
    let mut prg = Prg::from_seed(Block::new(9), Stream(0));
    let mut batches = [Batch::default(), Batch::default()];
    batches.iter_mut().for_each(|batch| batch.begin(&prepared, n));
    for (slot, bits) in values.into_iter().enumerate() {
        let labels = input(&mut prg, Known::Nobody, bits, n);
        batches.iter_mut().zip(labels).for_each(|(batch, labels)| batch.labels_mut(slot).copy_from_slice(&labels));
    }
    let [mut zeros, mut active] = batches;
    let mut tables = vec![0; prepared.table_bytes(n)];
    assert_eq!(tables.len(), 2 * 32 * n);
    garbler.run_to_memory(&prepared, &mut zeros, &mut tables);
    evaluator.run_from_memory(&prepared, &mut active, &tables);
    for i in 0..n {
        let bit = (values[0] & !values[1]) >> i & 1 == 1;
        assert!(active.labels(2)[i] == zeros.labels(2)[i] ^ DELTA.when(bit), "instance {i}");
    }
}

/// Whole batches and what is left over, garbled and evaluated alike on every instruction set.
#[test]
fn every_instruction_set_makes_the_same_tables() {
    let mut b = motet_circuits::Builder::new(64);
    let (x, y) = (b.inputs(0..32), b.inputs(32..64));
    let sum = motet_circuits::gadgets::add(&mut b, &x, &y);
    let out = motet_circuits::gadgets::mul(&mut b, &sum[..8], &y[..8]);
    let template = Template::new(&b.finish(out), &[Known::Nobody; 64]);
    let prepared = Prepared::new(&template).unwrap();
    for count in [1, 63, 64, 65, 127, 128, 129, 1000] {
        let expected = on(&prepared, Isa::portable(), count);
        for isa in Isa::available() {
            assert!(on(&prepared, isa, count) == expected, "{} with {count} instances", isa.name());
        }
    }

    fn on(prepared: &Prepared, isa: Isa, count: usize) -> (Vec<u8>, Vec<Block>) {
        let (Engine::Garbler(mut garbler), Engine::Evaluator(mut evaluator)) = engines_on([isa; 2]) else {
            unreachable!()
        };
        let mut prg = Prg::from_seed(Block::new(count as u128), Stream(0));
        let (mut tables, mut active) = (Vec::new(), Vec::new());
        for from in (0..count).step_by(prepared.batch()) {
            let n = prepared.batch().min(count - from);
            let mut batch = Batch::default();
            batch.begin(prepared, n);
            (0..prepared.inputs().len()).for_each(|slot| prg.fill(batch.labels_mut(slot)));
            let mut made = vec![0; prepared.table_bytes(n)];
            garbler.run_to_memory(prepared, &mut batch, &mut made);
            batch.begin(prepared, n);
            (0..prepared.inputs().len()).for_each(|slot| prg.fill(batch.labels_mut(slot)));
            evaluator.run_from_memory(prepared, &mut batch, &made);
            for index in 0..prepared.outputs() {
                let mut labels = vec![Block::ZERO; n];
                evaluator.output(prepared, &batch, index, &mut labels);
                active.extend(labels);
            }
            tables.extend(made);
        }
        (tables, active)
    }
}
