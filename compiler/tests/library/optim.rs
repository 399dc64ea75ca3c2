//! `optim` against `f64`.

use super::harness::{Random, Run};

const UNIT: f64 = 1.0 / 65536.0;

fn close(got: &[f64], expected: &[f64], bound: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= bound, "at {i}: {g} is not {e}");
    }
}

/// A model of three weights and a constant, which is trained towards `(x, y)` for so many steps of `step`; its gradients
/// are its distance from there.
fn trained(start: &str, step: &str, steps: usize, target: [f64; 4], fix: (u8, u8)) -> Vec<f64> {
    let source = format!(
        "use optim; struct Model {{ w: fix[3], b: fix }}
         pub fn main(w: fix[3] @ a, b: fix @ a) -> Model {{
             let target = Model {{ w: w, b: b }};
             let model = Model {{ w: [1.0, -2.0, 0.5], b: 0.25 }};
             let mut s = {start};
             for t in 0..{steps} {{ let g = s.model - target; s = {step}; }}
             s.model
         }}"
    );
    let run = Run::new(&source).fix(fix.0, fix.1).input(target[..3].iter().copied()).input([target[3]]);
    run.results().concat()
}

const START: [f64; 4] = [1.0, -2.0, 0.5, 0.25];
const TARGET: [f64; 4] = [-0.5, 0.75, 0.5, 3.0];

#[test]
fn plain_steps_and_decay() {
    let source = "use optim; struct Model { w: fix[3], b: fix }
         pub fn main(m: fix[3] @ a, n: fix @ a, g: fix[3] @ b, h: fix @ b, v: fix[2] @ a) -> (Model, Model, fix[2]) {
             let (m, g) = (Model { w: m, b: n }, Model { w: g, b: h });
             (optim::sgd(m, g, 0.5), optim::decay(m, 0.25), optim::sgd(v, v, 0.5))
         }";
    let run = Run::new(source).input([1.0, 2.0, 3.0]).input([4.0]).input([2.0, 2.0, -8.0]).input([1.0]);
    let results = run.input([1.0, 6.0]).results().concat();
    assert_eq!(results, [0.0, 1.0, 7.0, 3.5, 0.75, 1.5, 2.25, 3.0, 0.5, 3.0]);
}

#[test]
fn momentum_gathers_speed() {
    let expected: Vec<f64> = (0..4)
        .map(|i| {
            let (mut w, mut v) = (START[i], 0.0);
            for _ in 0..20 {
                v = 0.8 * v + (w - TARGET[i]);
                w -= 0.05 * v;
            }
            w
        })
        .collect();
    let got = trained("optim::start_momentum(model)", "optim::momentum(s, g, 0.05, keep = 0.8)", 20, TARGET, (64, 16));
    close(&got, &expected, 100.0 * UNIT);
}

#[test]
fn adam_steps_as_published() {
    let expected: Vec<f64> = (0..4)
        .map(|i| {
            let (mut w, mut m, mut v) = (START[i], 0.0, 0.0);
            for t in 1..=50 {
                let g: f64 = w - TARGET[i];
                m = 0.9 * m + 0.1 * g;
                v = 0.999 * v + 0.001 * g * g;
                let rate = 0.02 * (1.0 - 0.999f64.powi(t)).sqrt() / (1.0 - 0.9f64.powi(t));
                w -= rate * m / (v + 1e-6).sqrt();
            }
            w
        })
        .collect();
    for (fix, bound) in [((64, 16), 2e-3), ((40, 13), 3e-2)] {
        let got = trained("optim::start_adam(model)", "optim::adam(s, g, 0.02)", 50, TARGET, fix);
        close(&got, &expected, bound);
    }
}

#[test]
fn rates() {
    let run = |call: &str| {
        Run::new(&format!("use optim; pub fn main() -> fix[10] {{ map(|t| optim::{call}, iota(10)) }}")).result()
    };
    let all = |f: &dyn Fn(f64) -> f64| (0..10).map(|t| f(f64::from(t))).collect::<Vec<_>>();
    close(&run("stairs(0.5, t, 3, 0.5)"), &all(&|t| 0.5f64.powf((t / 3.0).floor() + 1.0)), UNIT);
    close(&run("cosine(0.5, t, 9)"), &all(&|t| 0.25 * (1.0 + (std::f64::consts::PI * t / 9.0).cos())), UNIT);
    close(&run("warm_up(0.5, t, 4)"), &all(&|t| 0.125 * (t + 1.0).min(4.0)), UNIT);
}

#[test]
fn batches_in_order() {
    let source = "use optim; pub fn main(x: fix[7, 2] @ a, y: u8[7] @ b) -> (fix[3, 2, 2], u8[3, 2]) \
                  { optim::batches(x, y, 2) }";
    let results = Run::new(source).input((0..14).map(f64::from)).input((0..7).map(f64::from)).results();
    assert_eq!(results[0], (0..12).map(f64::from).collect::<Vec<_>>());
    assert_eq!(results[1], (0..6).map(f64::from).collect::<Vec<_>>());
    let source = "use optim; pub fn main(x: fix[7, 2] @ a, y: fix[7] @ b) -> fix[2] {
         let mut s: fix[2] = zeros();
         for (bx, by) in optim::batches(x, y, 3) { s = 2.0 * s + matmul(by, bx); }
         s
     }";
    let got = Run::new(source).input((0..14).map(f64::from)).input((0..7).map(f64::from)).result();
    assert_eq!(got, [2.0 * 10.0 + 100.0, 2.0 * 13.0 + 112.0]);
}

#[test]
fn shuffles_keep_rows_together() {
    let rows: Vec<f64> = (0..50).flat_map(|i| [f64::from(i), f64::from(i) + 0.5]).collect();
    let labels: Vec<f64> = (0..50).map(|i| f64::from(100 - i)).collect();
    let check = |results: Vec<Vec<f64>>| {
        let (x, y) = (&results[0], &results[1]);
        assert!(x.chunks(2).zip(y).all(|(x, y)| x[0] + 0.5 == x[1] && 100.0 - x[0] == *y), "{x:?} {y:?}");
        let mut sorted: Vec<f64> = y.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(sorted, labels);
        y.clone()
    };
    let source = "use optim; pub fn main(x: fix[50, 2] @ a, y: fix[50] @ b) -> (fix[50, 2], fix[50]) \
                  { optim::shuffle(x, y) }";
    let order = check(Run::new(source).random().input(rows.clone()).input(labels.clone()).results());
    assert_ne!(order, labels);

    let source = "use optim; pub fn main(x: fix[50, 2] @ a, y: fix[50] @ b, k: u16[50] @ a, l: u16[50] @ b)
                  -> (fix[50, 2], fix[50]) {
                      let (x, y) = optim::shuffle_by(x, y, k);
                      optim::shuffle_by(x, y, l)
                  }";
    let mut random = Random::new(5);
    let [k, l]: [Vec<f64>; 2] = [0, 1].map(|_| (0..50).map(|_| random.below(1 << 16) as f64).collect());
    let run = Run::new(source).input(rows).input(labels.clone()).input(k.clone()).input(l.clone());
    let mut order: Vec<usize> = (0..50).collect();
    order.sort_by(|a, b| k[*a].total_cmp(&k[*b]));
    let second: Vec<f64> = order.iter().map(|i| labels[*i]).collect();
    let mut order: Vec<usize> = (0..50).collect();
    order.sort_by(|a, b| l[*a].total_cmp(&l[*b]));
    assert_eq!(check(run.results()), order.iter().map(|i| second[*i]).collect::<Vec<_>>());
}

#[test]
fn first_weights() {
    let run = |call: &str| Run::new(&format!("use optim; pub fn main() -> fix[30, 40] {{ optim::{call} }}")).result();
    for (call, bound) in
        [("uniform(7, 0.5)", 0.5), ("he(7)", (6.0f64 / 40.0).sqrt()), ("glorot(7)", (6.0f64 / 70.0).sqrt())]
    {
        let weights = run(call);
        assert!(weights.iter().all(|w| w.abs() <= bound + UNIT));
        let mean = weights.iter().sum::<f64>() / 1200.0;
        let square = weights.iter().map(|w| w * w).sum::<f64>() / 1200.0;
        assert!(mean.abs() < 0.07 * bound, "{call}: mean {mean}");
        assert!((square / (bound * bound / 3.0) - 1.0).abs() < 0.1, "{call}: mean square {square}");
        assert_eq!(weights, run(call));
    }
    assert_ne!(run("he(7)"), run("he(8)"));
}
