//! `bits` against machine integers, at odd widths.

use super::harness::{Random, Run};

fn run(function: &str, ty: &str, result: &str, xs: &[f64]) -> Vec<f64> {
    let source = format!("use bits; pub fn main[N](x: {ty}[N] @ a) -> {result} {{ bits::{function}(x) }}");
    Run::new(&source).set("N", xs.len()).input(xs.iter().copied()).result()
}

/// Random numbers of a width, and the extremes; those of `i53` and narrower are exact in `f64`.
fn samples(width: u32, signed: bool) -> Vec<i64> {
    let mut random = Random::new(u64::from(width));
    let mask = u64::MAX >> (64 - width);
    let words = (0..200).map(|i| (random.word() & mask) >> (i % width)).chain([0, 1, mask, mask >> 1, (mask >> 1) + 1]);
    words.map(|w| if signed { ((w << (64 - width)) as i64) >> (64 - width) } else { w as i64 }).collect()
}

fn floats(xs: &[i64]) -> Vec<f64> {
    xs.iter().map(|&x| x as f64).collect()
}

#[test]
fn counts() {
    for (width, signed) in [(1, false), (7, false), (13, true), (32, false), (33, true), (50, false)] {
        let ty = format!("{}{width}", if signed { 'i' } else { 'u' });
        let xs = samples(width, signed);
        let mask = u64::MAX >> (64 - width);
        let word = |x: i64| x as u64 & mask;
        let ones: Vec<f64> = xs.iter().map(|&x| f64::from(word(x).count_ones())).collect();
        assert_eq!(run("popcount", &ty, "u8[N]", &floats(&xs)), ones, "{ty}");
        let zeros: Vec<f64> = xs.iter().map(|&x| f64::from(word(x).leading_zeros() - (64 - width))).collect();
        assert_eq!(run("leading_zeros", &ty, "u8[N]", &floats(&xs)), zeros, "{ty}");
    }
}

#[test]
fn rearrangements() {
    for (width, signed) in [(7, false), (13, true), (32, false), (50, true)] {
        let ty = format!("{}{width}", if signed { 'i' } else { 'u' });
        let xs = samples(width, signed);
        let mask = u64::MAX >> (64 - width);
        let extend = |w: u64| if signed { ((w << (64 - width)) as i64) >> (64 - width) } else { w as i64 };
        let reversed: Vec<i64> = xs.iter().map(|&x| extend((x as u64 & mask).reverse_bits() >> (64 - width))).collect();
        assert_eq!(run("reverse", &ty, &format!("{ty}[N]"), &floats(&xs)), floats(&reversed), "{ty}");
        for n in [0, 1, 3, width - 1, width] {
            let rotate = |x: i64| {
                let w = x as u64 & mask;
                extend(((w << n) | w.checked_shr(width - n).unwrap_or(0)) & mask)
            };
            let rotated: Vec<i64> = xs.iter().map(|&x| rotate(x)).collect();
            let source = format!("use bits; pub fn main[N](x: {ty}[N] @ a) -> {ty}[N] {{ bits::rotate_left(x, {n}) }}");
            assert_eq!(Run::new(&source).set("N", xs.len()).input(floats(&xs)).result(), floats(&rotated), "{ty} {n}");
            let source = format!(
                "use bits; pub fn main[N](x: {ty}[N] @ a, n: u7 @ b) -> {ty}[N] {{ map(|v| bits::rotate_left(v, n), x) }}"
            );
            let result = Run::new(&source).set("N", xs.len()).input(floats(&xs)).input([f64::from(n)]).result();
            assert_eq!(result, floats(&rotated), "{ty} {n}");
        }
    }
}

#[test]
fn bits_and_back() {
    let xs = samples(13, true);
    let bits = run("to_bits", "i13", "bool[N, 13]", &floats(&xs));
    let expected: Vec<f64> = xs.iter().flat_map(|&x| (0..13).map(move |i| (x >> i & 1) as f64)).collect();
    assert_eq!(bits, expected);
    let source = "use bits; pub fn main[N](x: bool[N, 13] @ a) -> i13[N] { bits::from_bits(x) }";
    assert_eq!(Run::new(source).set("N", xs.len()).input(bits).result(), floats(&xs));
}
