//! `loss` against `f64`.

use super::harness::{Random, Run};

fn close(got: &[f64], expected: f64, bound: f64) {
    assert!(got.len() == 1 && (got[0] - expected).abs() <= bound, "{got:?} is not {expected} within {bound}");
}

fn mean(parts: impl Iterator<Item = f64>) -> f64 {
    let parts: Vec<f64> = parts.collect();
    parts.iter().sum::<f64>() / parts.len() as f64
}

/// Types of `fix`, and their units.
const TYPES: [((u8, u8), f64); 3] = [((64, 16), 1.0 / 65536.0), ((40, 13), 1.0 / 8192.0), ((48, 20), 1.0 / 1048576.0)];

fn values(random: &mut Random, count: usize, size: f64, unit: f64) -> Vec<f64> {
    (0..count).map(|_| (random.between(-size, size) / unit).round() * unit).collect()
}

fn of_rows(call: &str, fix: (u8, u8), z: &[f64], y: &[f64]) -> Vec<f64> {
    let source = format!("use loss; pub fn main[N](z: fix[N] @ a, y: fix[N] @ b) -> fix {{ loss::{call}(z, y) }}");
    let run = Run::new(&source).fix(fix.0, fix.1).set("N", z.len());
    run.input(z.iter().copied()).input(y.iter().copied()).result()
}

fn of_classes(call: &str, fix: (u8, u8), classes: usize, z: &[f64], labels: &[f64]) -> Vec<f64> {
    let source = format!(
        "use loss; pub fn main[N, C](z: fix[N, C] @ a, labels: u8[N] @ b) -> fix {{ loss::{call}(z, labels) }}"
    );
    let run = Run::new(&source).fix(fix.0, fix.1).set("N", labels.len()).set("C", classes);
    run.input(z.iter().copied()).input(labels.iter().copied()).result()
}

#[test]
fn losses_of_numbers() {
    let mut random = Random::new(1);
    for (fix, unit) in TYPES {
        for n in [1, 7, 128] {
            let (z, y) = (values(&mut random, n, 3.0, unit), values(&mut random, n, 3.0, unit));
            let rows = || z.iter().zip(&y);
            close(&of_rows("mse", fix, &z, &y), mean(rows().map(|(z, y)| (z - y).powi(2))), 2.0 * unit);
            let signs: Vec<f64> = (0..n).map(|_| if random.below(2) == 0 { -1.0 } else { 1.0 }).collect();
            let expected = mean(z.iter().zip(&signs).map(|(z, y)| (1.0 - z * y).max(0.0)));
            close(&of_rows("hinge", fix, &z, &signs), expected, 2.0 * unit);
        }
    }
}

#[test]
fn cross_entropy_of_two() {
    let mut random = Random::new(2);
    for (fix, unit) in TYPES {
        for size in [0.5, 12.0, 100.0] {
            let z = values(&mut random, 100, size, unit);
            let y: Vec<f64> = z.iter().map(|_| random.below(2) as f64).collect();
            let expected = mean(z.iter().zip(&y).map(|(z, y)| z.max(0.0) + (-z.abs()).exp().ln_1p() - z * y));
            close(&of_rows("bce_with_logits", fix, &z, &y), expected, 4.0 * unit + 2f64.powi(-20));
        }
    }
}

#[test]
fn cross_entropy_of_many() {
    let mut random = Random::new(3);
    for (fix, unit) in TYPES {
        for (classes, size) in [(2, 4.0), (10, 1.0), (10, 30.0), (100, 4.0)] {
            let z = values(&mut random, 20 * classes, size, unit);
            // The last is no class.
            let labels: Vec<f64> = (0..20).map(|_| random.below(classes as u64 + 1) as f64).collect();
            let expected = mean(z.chunks(classes).zip(&labels).map(|(z, &label)| {
                let most = z.iter().copied().fold(f64::MIN, f64::max);
                let total: f64 = z.iter().map(|z| (z - most).exp()).sum();
                most + total.ln() - z.get(label as usize).copied().unwrap_or(0.0)
            }));
            let bound = (classes + 3) as f64 * unit + classes as f64 * 2f64.powi(-21);
            close(&of_classes("softmax_cross_entropy", fix, classes, &z, &labels), expected, bound);
        }
    }
}

#[test]
fn parts_that_are_right() {
    let z = [1.0, 3.0, 2.0, 5.0, 5.0, 1.0, 0.0, 0.5, 0.25];
    for (fix, unit) in TYPES {
        close(&of_classes("accuracy", fix, 3, &z, &[1.0, 1.0, 1.0]), 2.0 / 3.0, unit);
        close(&of_rows("binary_accuracy", fix, &[0.5, -3.0, 2.0], &[1.0, 0.0, 0.0]), 2.0 / 3.0, unit);
        close(&of_rows("binary_accuracy", fix, &[0.5, -3.0, 2.0, 1.0], &[1.0, -1.0, -1.0, 1.0]), 0.75, unit);
    }
}
