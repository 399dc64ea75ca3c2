//! Files read, written, refused; the circuits that everybody uses compute what they should.

use std::io::Read;
use std::path::Path;

use super::*;
use crate::fuzz;

fn error(text: &str) -> String {
    Bristol::parse(text).expect_err("should be refused").to_string()
}

#[test]
fn every_kind_of_gate() {
    let text = "\n6 11\n2 2 1\n1 6\n \n2 1 0 1 3 XOR\n4 2 0 1 1 2 4 5 MAND\n1 1 3 6 INV\n1 1 1 7 EQ\n\n1 1 4 8 EQW\n 2 1  6 5 9 AND \n";
    let text = text.replace("6 11", "6 10");
    let bristol = Bristol::parse(&text).unwrap();
    assert_eq!((bristol.inputs.as_slice(), bristol.outputs.as_slice()), (&[2, 1][..], &[6][..]));
    let outputs = bristol.circuit.evaluate_words(&[0b1100, 0b1010, 0b0110]);
    // Wires 4 to 9: a∧b, b∧c, ¬(a⊕b), 1, a∧b, ¬(a⊕b)∧b∧c.
    let (a, b, c) = (0b1100u64, 0b1010u64, 0b0110u64);
    assert_eq!(outputs, [a & b, b & c, !(a ^ b), !0, a & b, !(a ^ b) & b & c]);
    let again = Bristol::parse(&bristol.to_string()).unwrap();
    assert_eq!(again.circuit.evaluate_words(&[a, b, c]), outputs);
}

#[test]
fn outputs_that_are_no_gates() {
    let inputs = vec![2];
    let circuit = Circuit {
        inputs: 2,
        gates: vec![crate::Gate::And(!crate::Bit::of(1), crate::Bit::of(2))],
        outputs: [1, 0, 2, 3, 6, 7, 6, 2].map(crate::Bit).to_vec(),
    };
    let bristol = Bristol { circuit, inputs, outputs: vec![8] };
    let again = Bristol::parse(&bristol.to_string()).unwrap();
    assert_eq!(again.circuit.evaluate_words(&[0b0011, 0b0101]), bristol.circuit.evaluate_words(&[0b0011, 0b0101]));
    assert_eq!(again.circuit.and_count(), 1);
}

#[test]
fn errors_name_the_line() {
    assert_eq!(error(""), "line 1: the file ends where the number of gates should stand");
    assert_eq!(error("0 2\n1 2\n"), "line 2: the file ends where the number of values should stand");
    let file = |gate: &str| format!("1 3\n1 2\n1 1\n\n{gate}\n");
    assert_eq!(error(&file("2 1 0 1 2 NAND")), "line 5: `NAND` stands where XOR, AND, INV, EQ, EQW or MAND should");
    assert_eq!(error(&file("2 1 0 x 2 AND")), "line 5: `x` stands where a wire's number should");
    assert_eq!(error(&file("2 1 0 -1 2 AND")), "line 5: `-1` stands where a wire's number should");
    assert_eq!(error(&file("2 1 0 3 2 AND")), "line 5: wire 3 is beyond the 3 that the header speaks of");
    assert_eq!(error(&file("2 1 0 2 2 AND")), "line 5: wire 2 is used before it is set");
    assert_eq!(error(&file("2 1 0 1 1 AND")), "line 5: wire 1 is set a second time");
    assert_eq!(error(&file("1 1 0 2 AND")), "line 5: AND does not take 1 wires in and 1 out");
    assert_eq!(error(&file("3 1 0 1 1 2 MAND")), "line 5: MAND does not take 3 wires in and 1 out");
    assert_eq!(error(&file("1 1 2 2 EQ")), "line 5: `2` stands where 0 or 1 should");
    assert_eq!(error(&file("2 1 0 1 2 1 AND")), "line 5: `1` stands where XOR, AND, INV, EQ, EQW or MAND should");
    assert_eq!(error(&file("2 1 0 1 2 AND\n2 1 0 1 2 AND")), "line 6: the header speaks of 1 gates, and here is more");
    assert_eq!(
        error("1 4\n1 2\n1 1\n2 1 0 1 2 AND"),
        "line 4: the header speaks of 4 wires, but inputs and gates make 3"
    );
}

#[test]
fn sizes_are_refused_before_memory_is_taken() {
    let huge = u64::MAX;
    assert!(error(&format!("{huge} {huge}\n1 1\n1 1\n")).contains("cannot stand in a file"));
    assert!(error(&format!("1 {huge}\n1 1\n1 1\n2 1 0 0 1 AND\n")).contains("wires"));
    assert!(error("0 4294967295\n1 4294967295\n1 1\n").contains("inputs of 4294967295 bits"));
    assert!(error(&format!("0 1\n1 {huge}\n1 1\n")).contains("bits"));
    assert!(error(&format!("0 1\n{huge} 1\n1 1\n")).contains("ends"));
    assert!(error("0 1\n1 1\n1 2\n").contains("outputs of 2 bits"));
    assert!(error(&format!("1 2\n1 1\n1 1\n{huge} 1 0 1 MAND\n")).contains("MAND"));
    assert!(error("9999999999999999999999 1\n").contains("number of gates"));
}

#[test]
fn mutated_files() {
    let seed = "4 8\n2 2 2\n1 2\n\n2 1 0 2 4 XOR\n2 1 1 3 5 AND\n1 1 5 6 INV\n2 1 4 5 7 XOR\n";
    fuzz::bristol(seed.as_bytes());
    fuzz::mutations(seed.as_bytes(), 20_000, fuzz::bristol);
}

/// A file of the shared data, which a checkout need not have.
fn shared(name: &str) -> Option<Bristol> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/bristol-fashion").join(name);
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let bristol = Bristol::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    bristol.circuit.check().unwrap();

    // What is written is read as the same function, with as many ANDs.
    let written = bristol.to_string();
    let again = Bristol::parse(&written).unwrap();
    assert_eq!((&again.inputs, &again.outputs), (&bristol.inputs, &bristol.outputs));
    assert_eq!(again.circuit.and_count(), bristol.circuit.and_count());
    let mut words = fuzz::Words(1);
    let inputs: Vec<u64> = (0..bristol.circuit.inputs).map(|_| words.next()).collect();
    assert_eq!(again.circuit.evaluate_words(&inputs), bristol.circuit.evaluate_words(&inputs));
    assert_eq!(Bristol::parse(&again.to_string()).unwrap(), again, "written and read again, nothing changes");
    Some(bristol)
}

fn bits_of(value: u64) -> impl Iterator<Item = bool> {
    (0..64).map(move |i| value >> i & 1 == 1)
}

#[test]
fn arithmetic_files() {
    type Operation = fn(u64, u64) -> u64;
    let operations: [(&str, usize, Operation); 3] = [
        ("adder64.txt.gz", 63, u64::wrapping_add),
        ("mult64.txt.gz", 4033, u64::wrapping_mul),
        ("udivide64.txt.gz", 4285, |x, y| x.checked_div(y).unwrap_or(u64::MAX)),
    ];
    let mut words = fuzz::Words(2);
    for (name, ands, operation) in operations {
        let Some(bristol) = shared(name) else { continue };
        assert_eq!(bristol.circuit.and_count(), ands);
        for _ in 0..100 {
            let (x, y) = (words.next(), words.next() >> (words.next() % 64));
            let inputs: Vec<bool> = bits_of(x).chain(bits_of(y)).collect();
            let outputs = bristol.circuit.evaluate(&inputs);
            let value = outputs.iter().rev().fold(0, |value, &bit| value << 1 | u64::from(bit));
            assert_eq!(value, operation(x, y), "{name} of {x:x} and {y:x}");
        }
    }
}

/// Bytes as the bits of one big number written in hexadecimal, the lowest first, which is how these files have them.
fn big_endian_bits(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().rev().flat_map(|byte| (0..8).map(move |i| byte >> i & 1 == 1)).collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

#[test]
fn aes_of_fips_197() {
    let Some(bristol) = shared("aes_128.txt.gz") else { return };
    assert_eq!(bristol.circuit.and_count(), 6400);
    let vectors = [
        ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"),
        ("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),
    ];
    for (key, plain, cipher) in vectors {
        let inputs = [big_endian_bits(&hex(key)), big_endian_bits(&hex(plain))].concat();
        assert_eq!(bristol.circuit.evaluate(&inputs), big_endian_bits(&hex(cipher)));
    }
}

#[test]
fn sha256_of_abc() {
    let Some(bristol) = shared("sha256.txt.gz") else { return };
    assert_eq!(bristol.circuit.and_count(), 22573);
    let mut block = b"abc\x80".to_vec();
    block.resize(63, 0);
    block.push(24);
    let state = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19";
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let inputs = [big_endian_bits(&block), big_endian_bits(&hex(state))].concat();
    assert_eq!(bristol.circuit.evaluate(&inputs), big_endian_bits(&hex(digest)));
}
