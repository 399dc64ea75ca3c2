//! What loops of real programs become, as text; and that it does not grow with their bounds.

use std::collections::HashMap;

use motet_compiler::passes::print::print;
use motet_compiler::{Options, compile};
use motet_program::ir::Program;

fn compiled(source: &str, sets: &[(&str, i64)]) -> Program {
    let files = HashMap::from([("main.mpc".to_string(), source.to_string())]);
    let sets = sets.iter().map(|(name, n)| (name.to_string(), *n)).collect();
    let options = Options { sets, ..Options::default() };
    match compile("main.mpc", &files, &options) {
        Ok(success) => success.value,
        Err(failure) => panic!("{:?}", failure.diagnostics),
    }
}

#[test]
fn an_intersection_is_one_batch() {
    let source = "
        pub fn main[N, M](xs: u32[N] @ alice, ys: u32[M] @ bob) -> u16 @ alice {
            let mut common: u16 = 0;
            for i in 0..N { for j in 0..M { common += (xs[i] == ys[j]) as u16; } }
            common
        }";
    insta::assert_snapshot!(print(&compiled(source, &[("N", 100), ("M", 200)])));
}

#[test]
fn distances_are_a_batch_and_the_nearest_a_loop() {
    let source = "
        pub fn main[N, D](rows: u8[N, D] @ server, probe: u8[D] @ client) -> (u16 @ client, u32 @ client) {
            let mut best: u32 = 0xffff_ffff;
            let mut index: u16 = 0;
            for i in 0..N {
                let d = map(|v| v as i32, rows[i]) - map(|v| v as i32, probe);
                let distance = sum(d * d) as u32;
                if distance < best { best = distance; index = i as u16; }
            }
            (index, best)
        }";
    insta::assert_snapshot!(print(&compiled(source, &[("N", 50), ("D", 16)])));
}

#[test]
fn sums_by_category_are_a_batch() {
    let source = "
        pub fn main[N, C](ids_a: u32[N] @ a, category: u8[N] @ a, ids_b: u32[N] @ b, income: u32[N] @ b, bins: u32[C])
            -> u32[C] {
            let mut sums = bins;
            for i in 0..N { for j in 0..N {
                let paid = if ids_a[i] == ids_b[j] { income[j] } else { 0 };
                for c in 0..C { sums[c] += if category[i] == (c as u8) { paid } else { 0 }; }
            } }
            sums
        }";
    insta::assert_snapshot!(print(&compiled(source, &[("N", 10), ("C", 4)])));
}

#[test]
fn an_auction_stays_a_loop() {
    let source = "
        pub fn main[N](bids: u16[N] @ house, reserve: u16 @ seller) -> (u16 @ seller, u16 @ (seller, house)) {
            let mut best: u16 = 0;
            let mut second: u16 = reserve;
            let mut winner: u16 = 0;
            for i in 0..N {
                let bid = bids[i];
                if bid > best {
                    if best > second { second = best; }
                    best = bid;
                    winner = i as u16;
                } else { if bid > second { second = bid; } }
            }
            (winner, second)
        }";
    insta::assert_snapshot!(print(&compiled(source, &[("N", 9)])));
}

#[test]
fn a_product_in_three_loops_is_a_batch() {
    let source = "
        pub fn main(a: u32[3, 4] @ alice, b: u32[4, 5] @ bob) -> u32[3, 5] {
            let mut out: u32[3, 5] = zeros();
            for i in 0..3 { for j in 0..5 { for k in 0..4 { out[i, j] += a[i, k] * b[k, j]; } } }
            out
        }";
    insta::assert_snapshot!(print(&compiled(source, &[])));
}

#[test]
fn a_batch_that_is_too_large_is_cut_into_chunks() {
    let source = "
        pub fn main[N, M](xs: u32[N] @ alice, ys: u32[M] @ bob) -> u32 @ alice {
            let mut common: u32 = 0;
            for i in 0..N { for j in 0..M { common += (xs[i] == ys[j]) as u32; } }
            common
        }";
    insta::assert_snapshot!(print(&compiled(source, &[("N", 1_000_003), ("M", 1_000)])));
}

#[test]
fn a_long_training_loop_is_a_small_program() {
    let source = "
        pub fn main(x: fix[512, 784] @ a, y: fix[512] @ b, steps: u32) -> fix[784] {
            let mut w: fix[784] = zeros();
            for step in 0..10000 {
                for row in 0..512 {
                    let p = dot(x[row], w);
                    let d = p - y[row];
                    if d > 0.5 { w = w - x[row] * 0.125; }
                }
                for k in 0..steps { w[3] += 0.5; }
            }
            w
        }";
    let program = compiled(source, &[]);
    let text = print(&program);
    assert!(text.lines().count() < 120, "{text}");
}
