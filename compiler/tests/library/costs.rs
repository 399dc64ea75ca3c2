//! What the library costs under garbled circuits: `docs/library.md` states it, never too little, and never 5 % too much.

use std::collections::HashMap;
use std::path::Path;

use motet_compiler::{Options, compile};
use motet_program::plan::{Protocol, cost::cost, plan};

/// Functions of one number that neither party knows.
const NUMBERS: &[(&str, &str)] = &[
    ("product of two numbers", "v * w"),
    ("quotient of two numbers", "v / w"),
    ("`math::exp`", "math::exp(v)"),
    ("`math::log`", "math::log(v)"),
    ("`math::sqrt`", "math::sqrt(v)"),
    ("`math::rsqrt`", "math::rsqrt(v)"),
    ("`math::reciprocal`", "math::reciprocal(v)"),
    ("`math::sin`, `math::cos`", "math::sin(v)"),
    ("`math::erf`", "math::erf(v)"),
    ("`math::pow`", "math::pow(v, w)"),
    ("`math::logistic`, `nn::sigmoid`", "nn::sigmoid(v)"),
    ("`math::tanh`, `nn::tanh`", "nn::tanh(v)"),
    ("`nn::relu`", "nn::relu(v)"),
    ("`nn::leaky_relu`", "nn::leaky_relu(v)"),
    ("`nn::gelu`", "nn::gelu(v)"),
    ("`nn::silu`", "nn::silu(v)"),
];

/// Whole programs, by their results and parameters.
const PROGRAMS: &[(&str, &str)] = &[
    ("`nn::softmax` of 10", "main(x: fix[10] @ a, y: fix[10] @ b) -> fix[10] { nn::softmax(x + y) }"),
    ("`nn::argmax` of 10", "main(x: fix[10] @ a, y: fix[10] @ b) -> u8 { nn::argmax(x + y) }"),
    ("`nn::top_k`, 3 of 10", "main(x: fix[10] @ a, y: fix[10] @ b) -> (fix[3], u8[3]) { nn::top_k(x + y, 3) }"),
    ("`sort::sort` of 1,024 `u32`", "main(x: u32[512] @ a, y: u32[512] @ b) -> u32[1024] { sort::sort(concat(x, y)) }"),
    (
        "`sort::argsort` of 1,024 `u32`",
        "main(x: u32[512] @ a, y: u32[512] @ b) -> u16[1024] { sort::argsort(concat(x, y)) }",
    ),
    ("`bits::popcount` of `u64`", "main(x: u64 @ a, y: u64 @ b) -> u8 { bits::popcount(x ^ y) }"),
    ("`bits::leading_zeros` of `u64`", "main(x: u64 @ a, y: u64 @ b) -> u8 { bits::leading_zeros(x ^ y) }"),
    (
        "`bits::rotate_left` of `u64` by a secret `u6`",
        "main(x: u64 @ a, y: u64 @ b, m: u6 @ a, n: u6 @ b) -> u64 { bits::rotate_left(x ^ y, m ^ n) }",
    ),
    ("`crypto::aes128`", "main(x: u8[16] @ a, y: u8[16] @ b) -> u8[16] { crypto::aes128(x ^ y, y) }"),
    (
        "`crypto::sha256_block`",
        "main(s: u32[8] @ a, t: u32[8] @ b, x: u32[16] @ a, y: u32[16] @ b) -> u32[8] \
         { crypto::sha256_block(s ^ t, x ^ y) }",
    ),
    (
        "`loss::bce_with_logits` of 100",
        "main(x: fix[100] @ a, z: fix[100] @ b, y: fix[100] @ b) -> fix { loss::bce_with_logits(x + z, y) }",
    ),
    (
        "`loss::softmax_cross_entropy` of 100 rows of 10",
        "main(x: fix[100, 10] @ a, z: fix[100, 10] @ b, y: u8[100] @ b) -> fix { loss::softmax_cross_entropy(x + z, y) }",
    ),
    (
        "`optim::adam`, two steps of 100 weights",
        "main(x: fix[100] @ a, y: fix[100] @ b) -> fix[100] { \
         let s = optim::start_adam(x + y); optim::adam(optim::adam(s, x - y), x + y).model }",
    ),
    (
        "`optim::shuffle_by`, 128 rows of 8, keys of one party",
        "main(x: fix[128, 7] @ a, z: fix[128, 7] @ b, y: fix[128] @ b, k: u64[128] @ a) -> (fix[128, 7], fix[128]) { \
         optim::shuffle_by(x + z, y, k) }",
    ),
];

fn ands(text: &str, fix: (u8, u8)) -> u64 {
    let source = format!("use bits; use crypto; use loss; use math; use nn; use optim; use sort; pub fn {text}");
    let files = HashMap::from([("main.mpc".to_string(), source)]);
    let options = Options { fix: Some(fix), ..Options::default() };
    let program = compile("main.mpc", &files, &options)
        .unwrap_or_else(|failure| panic!("{text}: {:?}", failure.diagnostics[0].message))
        .value;
    let cost = cost(&program, &plan(&program, Protocol::Yao).expect("a plan"), 1);
    assert!(cost.exact, "{text}");
    cost.ands
}

fn of_numbers(expression: &str, fix: (u8, u8)) -> u64 {
    let body = |result: &str| {
        format!("main(x: fix @ a, y: fix @ b) -> (fix, fix, fix) {{ let v = x + y; let w = x - y; ({result}, v, w) }}")
    };
    ands(&body(expression), fix) - ands(&body("v"), fix)
}

#[test]
fn the_page_states_what_is_measured() {
    let mut measured: Vec<(&str, Vec<u64>)> = Vec::new();
    for (name, expression) in NUMBERS {
        measured.push((name, [(40, 13), (64, 16)].map(|fix| of_numbers(expression, fix)).to_vec()));
    }
    measured.extend(PROGRAMS.iter().map(|(name, program)| (*name, vec![ands(program, (64, 16))])));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/library.md");
    let page = std::fs::read_to_string(page).unwrap_or_default();
    for (name, costs) in measured {
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("| {name} | "))).unwrap_or("");
        let stated: Vec<u64> = line.split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
        let close = |(stated, cost): (&u64, &u64)| cost <= stated && *stated as f64 <= 1.05 * *cost as f64;
        let fits = stated.len() == costs.len() && stated.iter().zip(&costs).all(close);
        assert!(fits, "docs/library.md says {stated:?} of {name}: {costs:?}");
    }
}

#[test]
fn ciphers_reach_the_best_circuits_known() {
    assert!(ands(PROGRAMS[8].1, (64, 16)) <= 6400);
    assert!(ands(PROGRAMS[9].1, (64, 16)) <= 22_573);
}
