//! `stats` against `f64`.

use super::harness::{Random, Run};

fn close(got: &[f64], expected: &[f64], bound: f64) {
    assert_eq!(got.len(), expected.len());
    for (g, e) in got.iter().zip(expected) {
        assert!((g - e).abs() <= bound, "{got:?} is not {expected:?}");
    }
}

fn values(seed: u64, count: usize) -> Vec<f64> {
    let mut random = Random::new(seed);
    (0..count).map(|_| (random.between(-10.0, 10.0) * 65536.0).round() / 65536.0).collect()
}

fn mean(xs: &[f64]) -> f64 {
    xs.iter().sum::<f64>() / xs.len() as f64
}

fn var(xs: &[f64]) -> f64 {
    xs.iter().map(|x| (x - mean(xs)).powi(2)).sum::<f64>() / xs.len() as f64
}

#[test]
fn moments() {
    let xs = values(1, 3 * 50);
    let run = |f: &str| {
        let source = format!("use stats; pub fn main(x: fix[3, 50] @ a) -> fix[3] {{ stats::{f}(x) }}");
        Run::new(&source).input(xs.iter().copied()).result()
    };
    let rows = |f: fn(&[f64]) -> f64| xs.chunks(50).map(f).collect::<Vec<_>>();
    close(&run("mean"), &rows(mean), 2e-5);
    close(&run("var"), &rows(var), 1e-3);
    close(&run("std"), &rows(|x| var(x).sqrt()), 1e-4);
}

#[test]
fn quantiles() {
    let xs = values(2, 11);
    let mut sorted = xs.clone();
    sorted.sort_by(f64::total_cmp);
    for q in [0.0, 0.25, 0.5, 0.61, 1.0] {
        let place = q * 10.0;
        let i = (place as usize).min(9);
        let expected = sorted[i] + (sorted[i + 1] - sorted[i]) * (place - i as f64);
        for owner in ["", " @ b"] {
            let source =
                format!("use stats; pub fn main(x: fix[11] @ a, q: fix{owner}) -> fix {{ stats::quantile(x, q) }}");
            close(&Run::new(&source).input(xs.iter().copied()).input([q]).result(), &[expected], 5e-3);
        }
    }
}

#[test]
fn histograms() {
    let xs: Vec<f64> = (0..40).map(|i| f64::from(i % 11)).collect();
    let source = "use stats; pub fn main(x: i8[40] @ a, edges: i8[4]) -> u8[3] { stats::histogram(x, edges) }";
    let got = Run::new(source).input(xs.iter().copied()).input([1.0, 4.0, 7.0, 10.0]).result();
    let within = |low: f64, high: f64| xs.iter().filter(|&&x| x >= low && x < high).count() as f64;
    assert_eq!(got, [within(1.0, 4.0), within(4.0, 7.0), within(7.0, 10.5)]);
}

#[test]
fn columns_are_standardized() {
    let xs = values(3, 60);
    let source = "use stats; pub fn main(x: fix[20, 3] @ a) -> fix[20, 3] { stats::standardize(x) }";
    let got = Run::new(source).input(xs.iter().copied()).result();
    let column = |c: usize| xs.iter().skip(c).step_by(3).copied().collect::<Vec<_>>();
    let expected: Vec<f64> =
        xs.iter().enumerate().map(|(i, x)| (x - mean(&column(i % 3))) / var(&column(i % 3)).sqrt()).collect();
    close(&got, &expected, 3e-4);
}

#[test]
fn a_line_is_found() {
    let xs: Vec<f64> = values(4, 40 * 3).iter().map(|x| (x * 6553.6).round() / 65536.0).collect();
    let weights = [1.5, -2.0, 0.25];
    let ys: Vec<f64> = xs.chunks(3).map(|r| r.iter().zip(weights).map(|(a, b)| a * b).sum::<f64>() + 3.0).collect();
    let source =
        "use stats; pub fn main(x: fix[40, 3] @ a, y: fix[40] @ b) -> (fix[3], fix) { stats::linear_regression(x, y) }";
    let results = Run::new(source).input(xs).input(ys).results();
    close(&results[0], &weights, 5e-3);
    close(&results[1], &[3.0], 5e-3);
}
