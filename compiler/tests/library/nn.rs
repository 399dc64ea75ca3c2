//! `nn` against `f64`.

use super::harness::{Random, Run};

const UNIT: f64 = 1.0 / 65536.0;
/// Types of `fix` at which bounds are tested.
const TYPES: [(u8, u8); 3] = [(64, 16), (40, 13), (60, 20)];

fn close(got: &[f64], expected: &[f64], bound: f64) {
    within(got, expected, |_| bound);
}

/// Each element within the bound for its place; a hair is left to the reference's own rounding.
fn within(got: &[f64], expected: &[f64], bound: impl Fn(usize) -> f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= bound(i) + 1e-12, "at {i}: {g} is not {e} within {}", bound(i));
    }
}

fn values(seed: u64, count: usize, size: f64) -> Vec<f64> {
    quantised(seed, count, size, 16)
}

/// Numbers below `size` that a `fix` with so many fractional bits holds.
fn quantised(seed: u64, count: usize, size: f64, frac: u8) -> Vec<f64> {
    let (mut random, unit) = (Random::new(seed), unit(frac));
    (0..count).map(|_| (random.between(-size, size) / unit).round() * unit).collect()
}

fn unit(frac: u8) -> f64 {
    2f64.powi(-i32::from(frac))
}

/// A constant as a `fix` holds it.
fn rounded(x: f64, frac: u8) -> f64 {
    (x / unit(frac)).round() * unit(frac)
}

fn power(exponent: i32) -> f64 {
    2f64.powi(exponent)
}

/// The result of a program, at a type of `fix`, for the values of its parameters.
fn run(source: &str, (bits, frac): (u8, u8), inputs: &[&[f64]]) -> Vec<f64> {
    let program = Run::new(source).fix(bits, frac);
    inputs.iter().fold(program, |program, values| program.input(values.iter().copied())).result()
}

#[test]
fn activations() {
    for (bits, frac) in TYPES {
        let (xs, u) = (quantised(1, 500, 9.0, frac), unit(frac));
        let call = |call: &str| {
            let source = format!("use nn; pub fn main(x: fix[500] @ a) -> fix[500] {{ nn::{call} }}");
            run(&source, (bits, frac), &[&xs])
        };
        let of = |f: fn(f64) -> f64| xs.iter().map(|&x| f(x)).collect::<Vec<_>>();
        let by_size = |each: f64, fixed: f64| {
            let xs = &xs;
            move |i: usize| xs[i].abs() * each + fixed
        };
        assert_eq!(call("relu(x)"), of(|x| x.max(0.0)));
        let leaky = of(|x| if x > 0.0 { x } else { 0.01 * x });
        within(&call("leaky_relu(x)"), &leaky, by_size(u / 2.0, u / 2.0));
        close(&call("leaky_relu(x, slope = 0.25)"), &of(|x| if x > 0.0 { x } else { 0.25 * x }), u / 2.0);
        close(&call("sigmoid(x)"), &of(|x| 1.0 / (1.0 + (-x).exp())), u + power(-19));
        close(&call("tanh(x)"), &of(f64::tanh), u + power(-18));
        within(&call("silu(x)"), &of(|x| x / (1.0 + (-x).exp())), by_size(u + power(-19), u));
        within(&call("gelu(x)"), &of(gelu), by_size(u + power(-18), 2.0 * u));
    }
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
    for (bits, frac) in TYPES {
        for n in [1, 10, 200] {
            let xs = quantised(n as u64, 2 * n, 12.0, frac);
            let source = format!("use nn; pub fn main(x: fix[2, {n}] @ a) -> fix[2, {n}] {{ nn::softmax(x) }}");
            let expected: Vec<f64> = xs.chunks(n).flat_map(softmax).collect();
            close(&run(&source, (bits, frac), &[&xs]), &expected, unit(frac) + power(-20));
        }
    }
    let source = "use nn; pub fn main(x: fix[3] @ a) -> fix[3] { nn::softmax(x) }";
    close(&run(source, (64, 16), &[&[-1e9, 0.0, 1e9]]), &[0.0, 0.0, 1.0], UNIT);
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

/// What `conv2d` is asked for, and the shapes of its arguments.
#[derive(Clone, Copy)]
struct Conv {
    x: [usize; 4],
    w: [usize; 4],
    stride: usize,
    padding: usize,
    dilation: usize,
    groups: usize,
}

impl Conv {
    fn out(&self) -> [usize; 4] {
        let side = |d: usize| (self.x[d] + 2 * self.padding - self.dilation * (self.w[d] - 1) - 1) / self.stride + 1;
        [self.x[0], self.w[0], side(2), side(3)]
    }

    /// By the definition.
    fn reference(&self, w: &[f64], b: &[f64], x: &[f64]) -> Vec<f64> {
        let [_, channels, height, width] = self.x;
        let [outputs, per_group, rows, columns] = self.w;
        let pixel = |n: usize, c: usize, h: usize, v: usize| {
            let (h, v) = (h.wrapping_sub(self.padding), v.wrapping_sub(self.padding));
            if h < height && v < width { x[((n * channels + c) * height + h) * width + v] } else { 0.0 }
        };
        indices(self.out())
            .map(|[n, o, i, j]| {
                let first = o / (outputs / self.groups) * per_group;
                let taps = indices([1, per_group, rows, columns]).map(|[_, c, k, l]| {
                    let (h, v) = (i * self.stride + k * self.dilation, j * self.stride + l * self.dilation);
                    w[((o * per_group + c) * rows + k) * columns + l] * pixel(n, first + c, h, v)
                });
                b[o] + taps.sum::<f64>()
            })
            .collect()
    }
}

/// The places of a tensor, in order.
fn indices(shape: [usize; 4]) -> impl Iterator<Item = [usize; 4]> {
    let [_, b, c, d] = shape;
    (0..shape.iter().product()).map(move |i| [i / (b * c * d), i / (c * d) % b, i / d % c, i % d])
}

#[test]
fn convolutions() {
    let plain = Conv { x: [2, 2, 5, 6], w: [3, 2, 3, 3], stride: 1, padding: 0, dilation: 1, groups: 1 };
    let (grouped, depthwise) =
        (Conv { w: [4, 1, 3, 3], groups: 2, ..plain }, Conv { w: [2, 1, 2, 3], groups: 2, ..plain });
    let cases = [
        plain,
        Conv { stride: 2, padding: 1, ..plain },
        Conv { dilation: 2, padding: 2, ..plain },
        Conv { stride: 2, padding: 3, dilation: 2, ..grouped },
        Conv { padding: 1, ..depthwise },
    ];
    for conv in cases {
        let Conv { x, w, stride, padding, dilation, groups } = conv;
        let source = format!(
            "use nn; pub fn main(w: fix{w:?} @ a, b: fix[{}] @ a, x: fix{x:?} @ b) -> fix{:?} {{ nn::conv2d(w, b, x, \
             stride = {stride}, padding = {padding}, dilation = {dilation}, groups = {groups}) }}",
            w[0],
            conv.out()
        );
        let inputs = [values(6, w.iter().product(), 2.0), values(7, w[0], 1.0), values(5, x.iter().product(), 3.0)];
        let [w, b, x] = &inputs;
        close(&run(&source, (64, 16), &[w, b, x]), &conv.reference(w, b, x), UNIT / 2.0);
    }
}

#[test]
fn pools() {
    const SHAPE: [usize; 4] = [2, 2, 7, 6];
    let x = values(8, SHAPE.iter().product(), 3.0);
    for (size, stride, padding) in [(2, 2, 0), (3, 3, 0), (3, 2, 1), (2, 1, 0), (2, 3, 1), (4, 2, 2)] {
        let side = |n: usize| (n + 2 * padding - size) / stride + 1;
        let out = [SHAPE[0], SHAPE[1], side(SHAPE[2]), side(SHAPE[3])];
        // The pixels of each window; None is padding.
        let windows: Vec<Vec<Option<f64>>> = indices(out)
            .map(|[n, c, i, j]| {
                indices([1, 1, size, size])
                    .map(|[_, _, k, l]| {
                        let (h, v) = ((i * stride + k).wrapping_sub(padding), (j * stride + l).wrapping_sub(padding));
                        (h < SHAPE[2] && v < SHAPE[3]).then(|| x[((n * SHAPE[1] + c) * SHAPE[2] + h) * SHAPE[3] + v])
                    })
                    .collect()
            })
            .collect();
        let pool = |f: &str| {
            let source = format!(
                "use nn; pub fn main(x: fix{SHAPE:?} @ a) -> fix{out:?} \
                 {{ nn::{f}(x, {size}, stride = {stride}, padding = {padding}) }}"
            );
            run(&source, (64, 16), &[&x])
        };
        let greatest = |w: &Vec<Option<f64>>| w.iter().flatten().copied().fold(f64::MIN, f64::max);
        let mean = |w: &Vec<Option<f64>>| w.iter().flatten().sum::<f64>() / (size * size) as f64;
        assert_eq!(pool("maxpool2d"), windows.iter().map(greatest).collect::<Vec<_>>());
        close(&pool("avgpool2d"), &windows.iter().map(mean).collect::<Vec<_>>(), UNIT);
    }
    // Side by side where nothing else is said; any leading axes.
    let source = "use nn; pub fn main(x: fix[4, 4] @ a) -> fix[2, 2] { nn::maxpool2d(x, 2) }";
    let counting: Vec<f64> = (0..16).map(f64::from).collect();
    assert_eq!(run(source, (64, 16), &[&counting]), [5.0, 7.0, 13.0, 15.0]);
}

#[test]
fn normalisation_of_rows() {
    for (bits, frac) in TYPES {
        let [x, gain, bias] = [(9, 3 * 6, 4.0), (10, 6, 2.0), (11, 6, 1.0)].map(|(s, n, z)| quantised(s, n, z, frac));
        let source = "use nn; pub fn main(x: fix[3, 6] @ a, g: fix[6] @ b, s: fix[6] @ b) -> fix[3, 6] { nn::layernorm(x, g, s) }";
        let row = |x: &[f64]| {
            let mean = x.iter().sum::<f64>() / 6.0;
            let square = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 6.0;
            (mean, (square + rounded(0.001, frac)).sqrt())
        };
        let expected: Vec<f64> = (x.iter().enumerate())
            .map(|(i, v)| {
                let (mean, deviation) = row(&x[i / 6 * 6..][..6]);
                (v - mean) / deviation * gain[i % 6] + bias[i % 6]
            })
            .collect();
        within(&run(source, (bits, frac), &[&x, &gain, &bias]), &expected, |i| {
            let (mean, s) = row(&x[i / 6 * 6..][..6]);
            let each = (x[i] - mean).abs() * (2.0 + 2.0 / s.powi(3)) + 2.0 / s + 1.0;
            unit(frac) * (1.0 + gain[i % 6].abs() * each)
        });
    }
}

#[test]
fn normalisation_of_channels() {
    for (bits, frac) in TYPES {
        let u = unit(frac);
        let x = quantised(12, 2 * 2 * 3, 4.0, frac);
        let (mean, variance, gain, bias) = ([0.5, -1.0], [2.0, 0.25], [1.0, 3.0], [0.0, 1.0]);
        let source = "use nn; pub fn main(x: fix[2, 2, 1, 3] @ a, m: fix[2] @ b, v: fix[2] @ b, g: fix[2] @ b, \
                      s: fix[2] @ b) -> fix[2, 2, 1, 3] { nn::batchnorm(x, m, v, g, s) }";
        let deviation = variance.map(|v: f64| (v + rounded(0.001, frac)).sqrt());
        let expected: Vec<f64> = (x.iter().enumerate())
            .map(|(i, v)| {
                let c = i / 3 % 2;
                (v - mean[c]) / deviation[c] * gain[c] + bias[c]
            })
            .collect();
        within(&run(source, (bits, frac), &[&x, &mean, &variance, &gain, &bias]), &expected, |i| {
            let c = i / 3 % 2;
            2.0 * u + (x[i].abs() + mean[c].abs()) * (u + gain[c].abs() * (u + power(-21) / deviation[c]))
        });
    }
}

/// Attention by its definition, and the greatest product of a query and a key.
fn attention(q: &[f64], k: &[f64], v: &[f64], [d, e, heads]: [usize; 3]) -> (Vec<f64>, f64) {
    let (queries, keys) = (q.len() / d, k.len() / d);
    let (mut out, mut greatest) = (vec![0.0; queries * e], 0f64);
    for h in 0..heads {
        let part = |x: &[f64], row: usize, width: usize| {
            let from = row * width + h * (width / heads);
            x[from..from + width / heads].to_vec()
        };
        for m in 0..queries {
            let query = part(q, m, d);
            let products: Vec<f64> =
                (0..keys).map(|n| part(k, n, d).iter().zip(&query).map(|(a, b)| a * b).sum()).collect();
            greatest = products.iter().fold(greatest, |g, p| g.max(p.abs()));
            let scores: Vec<f64> = products.iter().map(|p| p / ((d / heads) as f64).sqrt()).collect();
            for (n, share) in softmax(&scores).into_iter().enumerate() {
                for (j, value) in part(v, n, e).into_iter().enumerate() {
                    out[m * e + h * (e / heads) + j] += share * value;
                }
            }
        }
    }
    (out, greatest)
}

#[test]
fn attention_weighs_values() {
    for (bits, frac) in TYPES {
        for heads in [1, 2] {
            let [q, k, v] =
                [(13, 2 * 6, 2.0), (14, 5 * 6, 2.0), (15, 5 * 4, 5.0)].map(|(s, n, z)| quantised(s, n, z, frac));
            let source = format!(
                "use nn; pub fn main(q: fix[2, 6] @ a, k: fix[5, 6] @ a, v: fix[5, 4] @ b) -> fix[2, 4] \
                 {{ nn::attention(q, k, v, heads = {heads}) }}"
            );
            let (expected, product) = attention(&q, &k, &v, [6, 4, heads]);
            let value = v.iter().fold(0f64, |m, v| m.max(v.abs()));
            let bound = unit(frac) * (2.0 + value * (5.0 + 2.0 + product));
            close(&run(&source, (bits, frac), &[&q, &k, &v]), &expected, bound);
        }
    }
}

#[test]
fn attention_of_sequences_to_themselves() {
    let (x, wi, bi) = (values(16, 2 * 3 * 4, 1.0), values(17, 12 * 4, 1.0), values(18, 12, 1.0));
    let (wo, bo) = (values(19, 4 * 4, 1.0), values(20, 4, 1.0));
    let source = "use nn; pub fn main(wi: fix[12, 4] @ a, bi: fix[12] @ a, wo: fix[4, 4] @ a, bo: fix[4] @ a, \
                  x: fix[2, 3, 4] @ b) -> fix[2, 3, 4] { let out_proj = nn::Linear { weight: wo, bias: bo }; \
                  let m = nn::SelfAttention { in_proj_weight: wi, in_proj_bias: bi, out_proj: out_proj }; \
                  nn::self_attention(m, x, heads = 2) }";
    let got = run(source, (64, 16), &[&wi, &bi, &wo, &bo, &x]);
    let dense = |w: &[f64], b: &[f64], x: &[f64]| -> Vec<f64> {
        let row = |x: &[f64]| {
            let sums = w.chunks(4).zip(b).map(|(w, b)| b + w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>());
            sums.collect::<Vec<_>>()
        };
        x.chunks(4).flat_map(row).collect()
    };
    let sequence = |x: &[f64]| {
        let [q, k, v] = [0, 1, 2].map(|part| dense(&wi[16 * part..][..16], &bi[4 * part..][..4], x));
        dense(&wo, &bo, &attention(&q, &k, &v, [4, 4, 2]).0)
    };
    close(&got, &x.chunks(12).flat_map(sequence).collect::<Vec<_>>(), 100.0 * UNIT);
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
