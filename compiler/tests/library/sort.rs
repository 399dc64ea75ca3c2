//! `sort` against the standard library's.

use super::harness::{Random, Run};

fn values(count: usize, bound: u64) -> Vec<f64> {
    let mut random = Random::new(count as u64 + 100);
    (0..count).map(|_| random.below(bound) as f64 - (bound / 2) as f64).collect()
}

fn sorted(xs: &[f64]) -> Vec<f64> {
    let mut ys = xs.to_vec();
    ys.sort_by(f64::total_cmp);
    ys
}

/// Places in the order of `by`, equal ones in their own.
fn places(xs: &[f64], by: impl Fn(f64, f64) -> std::cmp::Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..xs.len()).collect();
    order.sort_by(|&i, &j| by(xs[i], xs[j]));
    order
}

#[test]
fn every_length_is_sorted() {
    for n in (1..=20).chain([31, 32, 33, 64, 100]) {
        // Many equal ones, then few.
        let xs = values(n, if n % 2 == 0 { 4 } else { 200 });
        let run = |source| Run::new(source).set("N", n).input(xs.iter().copied()).result();
        let ys = run("use sort; pub fn main[N](x: i16[N] @ a) -> i16[N] { sort::sort(x) }");
        assert_eq!(ys, sorted(&xs), "{n}");
        let order = run("use sort; pub fn main[N](x: i16[N] @ a) -> u8[N] { sort::argsort(x) }");
        let expected: Vec<f64> = places(&xs, |a, b| a.total_cmp(&b)).into_iter().map(|i| i as f64).collect();
        assert_eq!(order, expected, "{n}");
    }
    for n in [1, 6, 7] {
        let xs = values(n, 200);
        let source = "use sort; pub fn main[N](x: i16[N] @ a) -> i16 { sort::median(x) }";
        let median = Run::new(source).set("N", n).input(xs.iter().copied()).result();
        assert_eq!(median, [sorted(&xs)[(n - 1) / 2]], "{n}");
    }
}

#[test]
fn rows_are_sorted_each() {
    let xs = values(15, 50);
    let ys = Run::new("use sort; pub fn main(x: fix[3, 5] @ a) -> fix[3, 5] { sort::sort(x) }")
        .input(xs.iter().copied())
        .result();
    assert_eq!(ys, xs.chunks(5).flat_map(sorted).collect::<Vec<_>>());
}

#[test]
fn the_greatest_come_first() {
    for n in [3, 8, 13] {
        let xs = values(n, 6);
        let source = "use sort; pub fn main[N](x: i16[N] @ a) -> (i16[3], u8[3]) { sort::top_k(x, 3) }";
        let results = Run::new(source).set("N", n).input(xs.iter().copied()).results();
        let order = places(&xs, |a, b| b.total_cmp(&a));
        assert_eq!(results[0], order[..3].iter().map(|&i| xs[i]).collect::<Vec<_>>());
        assert_eq!(results[1], order[..3].iter().map(|&i| i as f64).collect::<Vec<_>>());
    }
}

#[test]
fn shuffling_keeps_all() {
    let xs: Vec<f64> = (0..50).map(f64::from).collect();
    let source = "use sort; pub fn main[N](x: i16[N] @ a) -> i16[N] { sort::shuffle(x) }";
    let ys = Run::new(source).random().set("N", 50).input(xs.iter().copied()).result();
    assert_ne!(ys, xs);
    assert_eq!(sorted(&ys), xs);
}
