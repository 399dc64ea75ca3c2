//! Tests: what `testdata/known_answers.py`, a second implementation, computed.

use super::aes::Schedule;
use super::gate::{TweakKeys, Wires};
use super::isa::Isa;
use super::{Block, Kdf, Kernels, Prg, SessionId, Stream};

const ANSWERS: &str = include_str!("../../testdata/known_answers.txt");

/// The fields of all lines of a name.
pub(crate) fn lines(name: &str) -> Vec<Vec<&'static str>> {
    let lines: Vec<Vec<&str>> = ANSWERS
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|fields| fields[0] == name)
        .map(|fields| fields[1..].to_vec())
        .collect();
    assert!(!lines.is_empty(), "no answers for {name}");
    lines
}

/// A block as the script writes it.
pub(crate) fn block(field: &str) -> Block {
    Block::new(number(field))
}

fn number(field: &str) -> u128 {
    u128::from_str_radix(field, 16).unwrap()
}

#[test]
fn prg() {
    for line in lines("prg") {
        let (stream, index) = (number(line[1]) as u64, number(line[2]) as u64);
        assert!(Prg::from_seed(block(line[0]), Stream(stream)).block_at(index) == block(line[3]));
        for isa in Isa::available() {
            let mut out = [Block::ZERO];
            Schedule::new(isa, block(line[0])).counter(stream, index, &mut out);
            assert!(out[0] == block(line[3]), "{}", isa.name());
        }
    }
}

#[test]
fn kdf() {
    let bytes = |field: &str| -> Vec<u8> {
        let digits = field.trim_start_matches('-');
        (0..digits.len() / 2).map(|j| u8::from_str_radix(&digits[2 * j..2 * j + 2], 16).unwrap()).collect()
    };
    let session = SessionId(std::array::from_fn(|j| j as u8));
    for line in lines("kdf") {
        let kdf = Kdf::new("known answers", &session);
        let kdf = line[1..].iter().fold(kdf, |kdf, field| kdf.field(&bytes(field)));
        assert_eq!(kdf.digest().as_slice(), bytes(line[0]));
    }
}

/// With a ciphertext of zero the garbler's half evaluates to the hash of the second operand.
#[test]
fn gate_hash() {
    for line in lines("hash") {
        let instance = number(line[2]) as usize;
        let n = instance + 1;
        for isa in Isa::available() {
            let mut slots = vec![Block::ZERO; 2 * n];
            slots[n + instance] = block(line[1]);
            let wires = Wires { dst: 0, a: 0, b: 1 };
            let mut keys = TweakKeys::new(isa, block(line[0]), 0);
            Kernels::with(isa).evaluate_garbler_half(&mut slots, n, wires, keys.one(), &vec![0; 16 * n]);
            assert!(slots[instance] == block(line[3]), "{}", isa.name());
        }
    }
}

#[test]
fn garbling() {
    for (kind, ciphertexts) in [("full", 2), ("garbler-half", 1), ("evaluator-half", 1)] {
        for line in lines(kind) {
            for isa in Isa::available() {
                let delta = block(line[0]);
                let instance = number(line[2]) as usize;
                let n = instance + 1;
                let invert = [line[5] == "1", line[6] == "1"];
                let mut slots = vec![Block::ZERO; 3 * n];
                slots[instance] = block(line[3]);
                slots[n + instance] = block(line[4]);
                let wires = Wires { dst: 2, a: 0, b: 1 };
                let mut keys = TweakKeys::new(isa, block(line[1]), 0);
                let mut tables = vec![0; 16 * ciphertexts * n];
                let kernels = Kernels::with(isa);
                match kind {
                    "full" => {
                        kernels.garble_full(&mut slots, n, wires, invert, delta, keys.two(), &mut tables);
                    }
                    "garbler-half" => {
                        let known = u128::from(invert[0]) << instance;
                        let key = keys.one();
                        kernels.garble_garbler_half(&mut slots, n, wires, known, invert[1], delta, key, &mut tables);
                    }
                    _ => kernels.garble_evaluator_half(&mut slots, n, wires, invert, delta, keys.one(), &mut tables),
                }
                let tables = tables.as_chunks::<16>().0;
                for half in 0..ciphertexts {
                    let table = Block::from_bytes(tables[half * n + instance]);
                    assert!(table == block(line[7 + half]), "{kind}, {}", isa.name());
                }
                assert!(slots[2 * n + instance] == block(line[7 + ciphertexts]), "{kind}, {}", isa.name());
            }
        }
    }
}
