//! What an evaluator can do where a key serves an instance twice: it must recover nothing.
//!
//! The garbler's half of a gate on labels `A`, `B` is `H(A) ⊕ H(A ⊕ Δ) ⊕ p·Δ`, with `p` the colour of `B`'s label of 0.
//! Where the wire `A` meets the same key and instance in two gates, their halves differ by 0 or Δ. Who sees the tables
//! need not know where: it takes the differences of all pairs, and the one that comes again and again is Δ.

use std::collections::HashMap;

use motet_circuits::{AndKind, Counts, Instr, Known, Output, Template};

use super::tests::{DELTA, engines};
use super::*;
use crate::crypto::{Prg, Stream};

/// The difference that most pairs of ciphertexts have, if more than a few do.
fn attack(ciphertexts: &[Block]) -> Option<Block> {
    let mut pairs: HashMap<u128, usize> = HashMap::new();
    for (at, one) in ciphertexts.iter().enumerate() {
        for other in &ciphertexts[at + 1..] {
            *pairs.entry((*one ^ *other).value()).or_default() += 1;
        }
    }
    pairs.remove(&0);
    let (difference, times) = pairs.into_iter().max_by_key(|(_, times)| *times)?;
    (times > 3).then(|| Block::new(difference))
}

/// The ciphertexts of several applications (chunks, iterations of a loop) of a template in which one wire, the same
/// label in all instances, feeds two gates. `fresh` garblers start each application with the first one's keys.
fn ciphertexts(fresh: bool, applications: usize, n: usize) -> Vec<Block> {
    let and = |dst, b| Instr::And { kind: AndKind::Full, dst, a: 0, b, invert_a: false, invert_b: false };
    let template = Template {
        inputs: vec![Known::Nobody; 3],
        slots: 5,
        code: vec![and(3, 1), and(4, 2)],
        outputs: (3..5).map(|slot| Output::Slot { slot, invert: false }).collect(),
        counts: Counts::default(),
    };
    let prepared = Prepared::new(&template).unwrap();
    let mut prg = Prg::from_seed(Block::new(4), Stream(0));
    let broadcast = prg.block();
    let mut tables = Vec::new();
    let (mut garbler, _) = engines();
    for _ in 0..applications {
        if fresh {
            (garbler, _) = engines();
        }
        let (mut left, mut right) = Channel::pair();
        let mut batch = Batch::default();
        batch.begin(&prepared, n);
        batch.labels_mut(0).fill(broadcast);
        prg.fill(batch.labels_mut(1));
        prg.fill(batch.labels_mut(2));
        garbler.run(&prepared, &mut batch, &mut left).unwrap();
        left.flush().unwrap();
        let mut bytes = vec![0; 2 * 32 * n];
        right.receive(&mut bytes).unwrap();
        tables.extend(bytes.chunks_exact(16).map(|block| Block::from_bytes(block.try_into().unwrap())));
    }
    tables
}

#[test]
fn shared_wires_give_nothing_away() {
    assert!(attack(&ciphertexts(false, 4, 32)).is_none());
    // The two gates stand side by side, under one key.
    assert!(attack(&ciphertexts(false, 32, 4)).is_none());
}

/// The attack works where there is something to find: engines that begin again with the same keys.
#[test]
fn reused_keys_give_delta_away() {
    assert!(attack(&ciphertexts(true, 4, 32)) == Some(DELTA));
}
