//! Programs that ask for too much: each must end soon, with an error or a result, and never with a panic.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

use motet_compiler::{Options, check, tree};

/// The codes of what is reported when a program is checked and made a tree.
fn codes(text: &str) -> Vec<&'static str> {
    let files = HashMap::from([("main.mpc".to_owned(), text.to_owned())]);
    let started = Instant::now();
    let options = Options::default();
    let mut codes: Vec<_> = match check("main.mpc", &files, &options) {
        Ok(_) => Vec::new(),
        Err(failure) => failure.diagnostics.iter().map(|d| d.code).collect(),
    };
    if let Err(failure) = tree("main.mpc", &files, &options) {
        codes.extend(failure.diagnostics.iter().map(|d| d.code));
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(30), "took {took:?}:\n{}", &text[..text.len().min(400)]);
    codes
}

#[test]
fn functions_that_multiply_are_stopped() {
    let mut text = String::new();
    for i in 0..40 {
        let next = i + 1;
        writeln!(text, "fn f{i}[N](x: u8[N]) -> u8 {{ f{next}(x) + f{next}(concat(x, x[0..1])) }}").unwrap();
        writeln!(text, "fn g{i}<T>(x: T) -> u8 {{ g{next}((x, x)) }}").unwrap();
    }
    text += "fn f40[N](x: u8[N]) -> u8 { x[0] }\nfn g40<T>(x: T) -> u8 { 1 }\n";
    let f = codes(&format!("{text}pub fn main(x: u8[3]) -> u8 {{ f0(x) }}"));
    assert!(f.is_empty() || f.contains(&"too-large"), "{f:?}");
    let g = codes(&format!("{text}pub fn main(x: u8) -> u8 {{ g0(x) }}"));
    assert!(g.contains(&"too-large"), "{g:?}");
}

#[test]
fn calls_that_nest_deeply_are_stopped() {
    let mut text = String::from("pub fn main(x: u8) -> u8 { f0(x) }\nfn f5000(x: u8) -> u8 { x }\n");
    for i in 0..5000 {
        writeln!(text, "fn f{i}(x: u8) -> u8 {{ f{}(x) }}", i + 1).unwrap();
    }
    assert!(codes(&text).contains(&"too-deep"));
}

#[test]
fn types_that_double_are_stopped() {
    let mut text = String::from("struct S0 { a: u8, b: u8 }\n");
    for i in 1..40 {
        writeln!(text, "struct S{i} {{ a: S{0}, b: S{0} }}", i - 1).unwrap();
    }
    assert!(codes(&format!("{text}pub fn main(x: S39) -> u8 {{ 1 }}")).contains(&"too-large"));
    let doubled = "let x = (x, x); ".repeat(60);
    assert!(codes(&format!("pub fn main(x: u8) -> u8 {{ {doubled} 1 }}")).contains(&"too-large"));
    let stacked = "let x = stack(x, x); ".repeat(40);
    assert!(codes(&format!("pub fn main(x: u8) -> u8 {{ {stacked} 1 }}")).contains(&"too-large"));
}

#[test]
fn sizes_and_numbers_are_bounded() {
    for (text, code) in [
        ("pub fn main(x: u8[2 ** 100]) -> u8 { 1 }", "int-arithmetic"),
        ("pub fn main(x: u8[2 ** 40]) -> u8 { 1 }", "too-large"),
        ("pub fn main(x: u8) -> u8 { let y = [0; 9_000_000_000]; 1 }", "too-large"),
        ("const K = 1e300;\npub fn main(x: fix) -> fix { x + K }", "out-of-range"),
        ("const K: fix = 1e-300;\nconst L = 9 ** 9 ** 9;\npub fn main(x: fix) -> fix { x + K }", "int-arithmetic"),
        (
            "fn f(n: int) -> int { let mut s = 0; for i in 0..n { s += i; } s }\npub fn main(x: u8[f(10 ** 12)]) -> u8 { 1 }",
            "too-large",
        ),
        ("const A = B;\nconst B = A;\npub fn main(x: u8[A]) -> u8 { 1 }", "const-circle"),
    ] {
        assert!(codes(text).contains(&code), "{text}: {:?}", codes(text));
    }
}

#[test]
fn long_loops_are_not_run_when_compiling() {
    let text = "pub fn main(x: u32) -> u32 { let mut s: u32 = 0; for i in 0..1_000_000_000 { for j in 0..1_000_000_000 { s += x; } } s }";
    assert!(codes(text).is_empty());
}

#[test]
fn long_programs_are_quick() {
    let numbers = vec!["7"; 100_000].join(", ");
    assert!(codes(&format!("pub fn main(i: u32) -> u8 {{ let x: u8[100_000] = [{numbers}]; x[i] }}")).is_empty());
    let statements = "s += x; ".repeat(20_000);
    assert!(codes(&format!("pub fn main(x: u32) -> u32 {{ let mut s: u32 = 0; {statements} s }}")).is_empty());
    let mut nested = String::from("s += x;");
    for _ in 0..20 {
        nested = format!("for i in 0..3 {{ if s > x {{ {nested} }} }}");
    }
    let nested = format!("pub fn main(x: u32 @ alice) -> u32 {{ let mut s: u32 = 0; {nested} s }}");
    assert!(codes(&nested).is_empty(), "{:?}", codes(&nested));
}

#[test]
fn modules_that_use_each_other_are_an_error() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let files = HashMap::from([
        file("main.mpc", "use a;\npub fn main(x: u8) -> u8 { a::f(x) }"),
        file("a.mpc", "use b;\npub fn f(x: u8) -> u8 { b::f(x) }"),
        file("b.mpc", "use a;\npub fn f(x: u8) -> u8 { a::f(x) }"),
    ]);
    let failure = check("main.mpc", &files, &Options::default()).expect_err("a circle");
    assert!(failure.diagnostics.iter().any(|d| d.code == "use-circle"));
}

#[test]
fn damaged_programs_never_panic() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut samples: Vec<String> = std::fs::read_dir(folder)
        .expect("the samples")
        .filter_map(|e| Some(e.ok()?.path()).filter(|p| p.extension().is_some_and(|e| e == "mpc")))
        .filter_map(|p| std::fs::read_to_string(p).ok())
        .collect();
    samples.sort();
    let words: Vec<String> = samples.iter().flat_map(|s| s.split_whitespace().map(str::to_owned)).collect();
    let mut state = 7u64;
    let mut next = move |n: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % n.max(1)
    };
    for _ in 0..1500 {
        let sample = &samples[next(samples.len())];
        let mut parts: Vec<&str> = sample.split_inclusive(' ').collect();
        for _ in 0..1 + next(2) {
            let (at, word) = (next(parts.len()), &words[next(words.len())]);
            match next(3) {
                0 => parts[at] = word,
                1 => drop(parts.remove(at)),
                _ => parts.insert(at, parts[next(parts.len())]),
            }
            if parts.is_empty() {
                parts.push(" ");
            }
        }
        codes(&parts.join(" "));
    }
}
