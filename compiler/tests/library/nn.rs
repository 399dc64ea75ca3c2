//! `nn` against `f64`.

use super::harness::{Random, Run};

const UNIT: f64 = 1.0 / 65536.0;

fn close(got: &[f64], expected: &[f64], bound: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= bound, "at {i}: {g} is not {e}");
    }
}

fn values(seed: u64, count: usize, size: f64) -> Vec<f64> {
    let mut random = Random::new(seed);
    (0..count).map(|_| (random.between(-size, size) / UNIT).round() * UNIT).collect()
}

fn activation(call: &str, xs: &[f64]) -> Vec<f64> {
    let source = format!("use nn; pub fn main[N](x: fix[N] @ a) -> fix[N] {{ nn::{call} }}");
    Run::new(&source).set("N", xs.len()).input(xs.iter().copied()).result()
}

#[test]
fn activations() {
    let xs = values(1, 500, 9.0);
    let of = |f: fn(f64) -> f64| xs.iter().map(|&x| f(x)).collect::<Vec<_>>();
    assert_eq!(activation("relu(x)", &xs), of(|x| x.max(0.0)));
    close(&activation("leaky_relu(x)", &xs), &of(|x| if x > 0.0 { x } else { 0.01 * x }), 6.0 * UNIT);
    close(&activation("leaky_relu(x, slope = 0.25)", &xs), &of(|x| if x > 0.0 { x } else { 0.25 * x }), UNIT);
    close(&activation("sigmoid(x)", &xs), &of(|x| 1.0 / (1.0 + (-x).exp())), UNIT);
    close(&activation("tanh(x)", &xs), &of(f64::tanh), UNIT);
    close(&activation("silu(x)", &xs), &of(|x| x / (1.0 + (-x).exp())), 10.0 * UNIT);
    close(&activation("gelu(x)", &xs), &of(gelu), 10.0 * UNIT);
}

fn gelu(x: f64) -> f64 {
    x * (0.5 + 0.5 * super::math::erf(x / std::f64::consts::SQRT_2))
}

fn softmax(xs: &[f64]) -> Vec<f64> {
    let most = xs.iter().copied().fold(f64::MIN, f64::max);
    let powers: Vec<f64> = xs.iter().map(|x| (x - most).exp()).collect();
    powers.iter().map(|p| p / powers.iter().sum::<f64>()).collect()
}

#[test]
fn distributions() {
    for n in [1, 10, 200] {
        let xs = values(n as u64, 2 * n, 12.0);
        let source = "use nn; pub fn main[N](x: fix[2, N] @ a) -> fix[2, N] { nn::softmax(x) }";
        let got = Run::new(source).set("N", n).input(xs.iter().copied()).result();
        close(&got, &xs.chunks(n).flat_map(softmax).collect::<Vec<_>>(), UNIT);
    }
    let source = "use nn; pub fn main(x: fix[3] @ a) -> fix[3] { nn::softmax(x) }";
    close(&Run::new(source).input([-1e9, 0.0, 1e9]).result(), &[0.0, 0.0, 1.0], UNIT);
}

#[test]
fn layers() {
    let (x, w, b) = (values(2, 2 * 4, 3.0), values(3, 3 * 4, 2.0), values(4, 3, 1.0));
    let source =
        "use nn; pub fn main(w: fix[3, 4] @ a, b: fix[3] @ a, x: fix[2, 4] @ b) -> fix[2, 3] { nn::dense(w, b, x) }";
    let got = Run::new(source).input(w.iter().copied()).input(b.iter().copied()).input(x.iter().copied()).result();
    let row = |x: &[f64]| (0..3).map(|o| b[o] + (0..4).map(|i| w[4 * o + i] * x[i]).sum::<f64>()).collect::<Vec<_>>();
    close(&got, &x.chunks(4).flat_map(row).collect::<Vec<_>>(), UNIT);
}

#[test]
fn convolutions() {
    let (x, w, b) = (values(5, 2 * 2 * 5 * 6, 3.0), values(6, 3 * 2 * 3 * 3, 2.0), values(7, 3, 1.0));
    let source = "use nn; pub fn main(w: fix[3, 2, 3, 3] @ a, b: fix[3] @ a, x: fix[2, 2, 5, 6] @ b) -> fix[2, 3, 3, 3] \
                  { nn::conv2d(w, b, x, stride = 2, padding = 1) }";
    let got = Run::new(source).input(w.iter().copied()).input(b.iter().copied()).input(x.iter().copied()).result();
    let at = |n: usize, c: usize, h: isize, v: isize| {
        if h < 0 || v < 0 || h >= 5 || v >= 6 { 0.0 } else { x[((n * 2 + c) * 5 + h as usize) * 6 + v as usize] }
    };
    let mut expected = Vec::new();
    for n in 0..2 {
        for o in 0..3 {
            for i in 0..3isize {
                for j in 0..3isize {
                    let mut sum = b[o];
                    for c in 0..2 {
                        for k in 0..3 {
                            for l in 0..3 {
                                let weight = w[((o * 2 + c) * 3 + k) * 3 + l];
                                sum += weight * at(n, c, 2 * i + k as isize - 1, 2 * j + l as isize - 1);
                            }
                        }
                    }
                    expected.push(sum);
                }
            }
        }
    }
    close(&got, &expected, UNIT);
}

#[test]
fn pools() {
    let x = values(8, 2 * 5 * 4, 3.0);
    let run = |f: &str| {
        let source = format!("use nn; pub fn main(x: fix[1, 2, 5, 4] @ a) -> fix[1, 2, 2, 2] {{ nn::{f}(x, 2) }}");
        Run::new(&source).input(x.iter().copied()).result()
    };
    let window = |c: usize, i: usize, j: usize| {
        [0, 1]
            .into_iter()
            .flat_map(|k| [0, 1].map(|l| (2 * i + k, 2 * j + l)))
            .map(|(h, v)| x[(c * 5 + h) * 4 + v])
            .collect::<Vec<_>>()
    };
    let all = |f: fn(&[f64]) -> f64| {
        let mut out = Vec::new();
        for c in 0..2 {
            for i in 0..2 {
                out.extend((0..2).map(|j| f(&window(c, i, j))));
            }
        }
        out
    };
    assert_eq!(run("maxpool2d"), all(|w| w.iter().copied().fold(f64::MIN, f64::max)));
    close(&run("avgpool2d"), &all(|w| w.iter().sum::<f64>() / 4.0), UNIT);
}

#[test]
fn normalisation() {
    let (x, gain, bias) = (values(9, 2 * 6, 4.0), values(10, 6, 2.0), values(11, 6, 1.0));
    let source =
        "use nn; pub fn main(x: fix[2, 6] @ a, g: fix[6] @ b, s: fix[6] @ b) -> fix[2, 6] { nn::layernorm(x, g, s) }";
    let got =
        Run::new(source).input(x.iter().copied()).input(gain.iter().copied()).input(bias.iter().copied()).result();
    let row = |x: &[f64]| {
        let mean = x.iter().sum::<f64>() / 6.0;
        let scale = (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 6.0 + 0.001).sqrt().recip();
        x.iter().enumerate().map(|(i, v)| (v - mean) * scale * gain[i] + bias[i]).collect::<Vec<_>>()
    };
    close(&got, &x.chunks(6).flat_map(row).collect::<Vec<_>>(), 20.0 * UNIT);

    let x = values(12, 2 * 2 * 3, 4.0);
    let (mean, var) = ([0.5, -1.0], [2.0, 0.25]);
    let source = "use nn; pub fn main(x: fix[2, 2, 1, 3] @ a, m: fix[2] @ b, v: fix[2] @ b, g: fix[2] @ b, s: fix[2] @ b) \
                  -> fix[2, 2, 1, 3] { nn::batchnorm(x, m, v, g, s) }";
    let got =
        Run::new(source).input(x.iter().copied()).input(mean).input(var).input([1.0, 3.0]).input([0.0, 1.0]).result();
    let expected: Vec<f64> = x
        .iter()
        .enumerate()
        .map(|(i, v)| {
            let c = i / 3 % 2;
            (v - mean[c]) / (var[c] + 0.001f64).sqrt() * [1.0, 3.0][c] + [0.0, 1.0][c]
        })
        .collect();
    close(&got, &expected, 20.0 * UNIT);
}

#[test]
fn attention_weighs_values() {
    let (q, k, v) = (values(13, 2 * 4, 2.0), values(14, 3 * 4, 2.0), values(15, 3 * 2, 5.0));
    let source = "use nn; pub fn main(q: fix[2, 4] @ a, k: fix[3, 4] @ a, v: fix[3, 2] @ b) -> fix[2, 2] { nn::attention(q, k, v) }";
    let got = Run::new(source).input(q.iter().copied()).input(k.iter().copied()).input(v.iter().copied()).result();
    let row = |q: &[f64]| {
        let scores: Vec<f64> = k.chunks(4).map(|k| q.iter().zip(k).map(|(a, b)| a * b).sum::<f64>() / 2.0).collect();
        let shares = softmax(&scores);
        (0..2).map(|e| shares.iter().zip(v.chunks(2)).map(|(s, v)| s * v[e]).sum::<f64>()).collect::<Vec<_>>()
    };
    close(&got, &q.chunks(4).flat_map(row).collect::<Vec<_>>(), 20.0 * UNIT);
}

#[test]
fn choices() {
    let x = [3.0, 7.0, 7.0, -1.0, 2.0, 2.0];
    let run = |source: &str| Run::new(source).input(x).results();
    assert_eq!(run("use nn; pub fn main(x: fix[2, 3] @ a) -> u8[2] { nn::argmax(x) }"), [[1.0, 1.0]]);
    let top = run("use nn; pub fn main(x: fix[2, 3] @ a) -> (fix[2, 2], u8[2, 2]) { nn::top_k(x, 2) }");
    assert_eq!(top, [[7.0, 7.0, 2.0, 2.0], [1.0, 2.0, 1.0, 2.0]]);
    let hot = Run::new("use nn; pub fn main(x: u8[3] @ a) -> fix[3, 3] { nn::one_hot(x, 3) }")
        .input([0.0, 2.0, 5.0])
        .result();
    assert_eq!(hot, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn dropout_keeps_the_mean() {
    let source = "use nn; pub fn main(x: fix[400] @ a) -> fix[400] { nn::dropout(x, 0.25) }";
    let got = Run::new(source).random().input([3.0; 400]).result();
    let kept = got.iter().filter(|&&y| y != 0.0).count();
    assert!((250..350).contains(&kept), "{kept}");
    assert!(got.iter().all(|&y| y == 0.0 || (y - 4.0).abs() < 1e-3));
}
