//! `crypto` against the standards' own examples.

use super::harness::Run;

fn bytes(hex: &str) -> Vec<f64> {
    (0..hex.len() / 2).map(|i| f64::from(u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex"))).collect()
}

/// FIPS 197, appendices B and C.1.
#[test]
fn aes128_encrypts_the_standards_blocks() {
    let source = "use crypto; pub fn main(k: u8[16] @ a, b: u8[16] @ b) -> u8[16] { crypto::aes128(k, b) }";
    for (key, plain, cipher) in [
        ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"),
        ("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),
    ] {
        assert_eq!(Run::new(source).input(bytes(key)).input(bytes(plain)).result(), bytes(cipher));
    }
}

/// FIPS 180-4's examples: none, one and two blocks, and a length that just needs another.
#[test]
fn sha256_digests_the_standards_messages() {
    let source = "use crypto; pub fn main[N](m: u8[N] @ a) -> u8[32] { crypto::sha256(m) }";
    for (message, digest) in [
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
        ),
    ] {
        let input = message.bytes().map(f64::from);
        assert_eq!(Run::new(source).set("N", message.len()).input(input).result(), bytes(digest), "{message}");
    }
}
