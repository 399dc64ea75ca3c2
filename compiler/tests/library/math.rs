//! `math` against `f64`, at several fixed-point types.

use super::harness::{Random, Run};

/// The types that functions are tested at.
const TYPES: [(u8, u8); 4] = [(64, 16), (40, 13), (48, 20), (64, 24)];

/// Largest error of `function` on numbers of the type, in units in the last place, where `relative` times the magnitude
/// of the result is forgiven.
fn check(function: &str, frac: u8, bits: u8, xs: &[f64], reference: impl Fn(f64) -> f64, relative: f64) -> f64 {
    let unit = 2f64.powi(-i32::from(frac));
    let xs: Vec<f64> = xs.iter().map(|x| (x / unit).round_ties_even() * unit).collect();
    let source = format!("use math; pub fn main[N](x: fix[N] @ a) -> fix[N] {{ math::{function}(x) }}");
    let ys = Run::new(&source).fix(bits, frac).set("N", xs.len()).input(xs.iter().copied()).result();
    let mut worst = 0f64;
    for (x, y) in xs.iter().zip(ys) {
        let exact = reference(*x);
        let error = ((y - exact).abs() - relative * exact.abs().max(1.0)) / unit;
        assert!(error <= 1.0, "{function}({x}) at fix<{bits}, {frac}> is {y}, not {exact}: {error} units");
        worst = worst.max(error);
    }
    worst
}

/// Numbers whose logarithms are spread evenly.
fn spread(random: &mut Random, count: usize, low: f64, high: f64) -> Vec<f64> {
    (0..count).map(|_| random.between(low.log2(), high.log2()).exp2()).collect()
}

fn even(random: &mut Random, count: usize, low: f64, high: f64) -> Vec<f64> {
    let mut xs: Vec<f64> = (0..count).map(|_| random.between(low, high)).collect();
    xs.extend([0.0, 1.0, -1.0, 0.5, low, high]);
    xs
}

const ULPS21: f64 = 1.0 / (1 << 21) as f64;

#[test]
fn exponentials() {
    let mut random = Random::new(1);
    for (bits, frac) in TYPES {
        let highest = f64::from(bits - 1 - frac) * 0.693;
        check("exp", frac, bits, &even(&mut random, 1000, -40.0, highest - 0.01), f64::exp, ULPS21);
        let beyond = Run::new("use math; pub fn main(x: fix[2] @ a) -> fix[2] { math::exp(x) }")
            .fix(bits, frac)
            .input([highest + 1.0, -60.0])
            .result();
        assert!(beyond[0] > 0.9 * 2f64.powi(i32::from(bits - 1 - frac)) && beyond[1] == 0.0, "{beyond:?}");
    }
}

#[test]
fn logarithms() {
    let mut random = Random::new(2);
    for (bits, frac) in TYPES {
        let unit = 2f64.powi(-i32::from(frac));
        let xs = spread(&mut random, 1000, unit, 2f64.powi(i32::from(bits - 2 - frac)));
        check("log", frac, bits, &xs, f64::ln, ULPS21);
        check("log", frac, bits, &[0.0, -1.0, -1000.0], |_| unit.ln(), ULPS21);
    }
}

#[test]
fn roots() {
    let mut random = Random::new(3);
    for (bits, frac) in TYPES {
        let unit = 2f64.powi(-i32::from(frac));
        let xs = spread(&mut random, 1000, unit, 2f64.powi(i32::from(bits - 2 - frac)));
        check("sqrt", frac, bits, &xs, f64::sqrt, ULPS21);
        check("sqrt", frac, bits, &[0.0, -1.0, -1000.0], |_| 0.0, 0.0);
        check("rsqrt", frac, bits, &xs, |x| 1.0 / x.sqrt(), ULPS21);
    }
}

#[test]
fn reciprocals() {
    let mut random = Random::new(4);
    for (bits, frac) in TYPES {
        let least = 2f64.powi(i32::from(frac) - i32::from(bits) + 2).max(2f64.powi(-i32::from(frac)));
        let mut xs = spread(&mut random, 500, least, 2f64.powi(i32::from(bits - 2 - frac)));
        let negative: Vec<f64> = xs.iter().map(|x| -x).collect();
        xs.extend(negative);
        check("reciprocal", frac, bits, &xs, f64::recip, 0.0);
    }
}

#[test]
fn waves() {
    let mut random = Random::new(5);
    for (bits, frac) in TYPES {
        let xs = even(&mut random, 1000, -1000.0, 1000.0);
        check("sin", frac, bits, &xs, f64::sin, 2.0 * ULPS21);
        check("cos", frac, bits, &xs, f64::cos, 2.0 * ULPS21);
    }
}

#[test]
fn bells_and_steps() {
    let mut random = Random::new(6);
    for (bits, frac) in TYPES {
        let mut xs = even(&mut random, 1000, -6.0, 6.0);
        xs.extend([-4000.0, 4000.0]);
        check("erf", frac, bits, &xs, erf, 8.0 * ULPS21);
        let mut xs = even(&mut random, 1000, -20.0, 20.0);
        xs.extend([-4000.0, 4000.0]);
        check("logistic", frac, bits, &xs, |x| 1.0 / (1.0 + (-x).exp()), 4.0 * ULPS21);
        check("tanh", frac, bits, &xs, f64::tanh, 8.0 * ULPS21);
    }
}

/// By its series near 0, by the asymptotic one of its complement far out.
pub fn erf(x: f64) -> f64 {
    let square = x * x;
    if square > 9.0 {
        let tail = 1.0 - 0.5 / square + 0.75 / square.powi(2) - 1.875 / square.powi(3);
        return x.signum() - (-square).exp() / (x * std::f64::consts::PI.sqrt()) * tail;
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..100 {
        term *= -square / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}

#[test]
fn powers() {
    let source = "use math; pub fn main(x: fix[4] @ a, y: fix[4] @ b) -> fix[4] { math::pow(x, y) }";
    let (xs, ys) = ([2.0, 9.0, 0.5, 10.0], [10.0, 0.5, 3.0, -2.0]);
    let zs = Run::new(source).input(xs).input(ys).result();
    for ((x, y), z) in xs.iter().zip(ys).zip(zs) {
        let exact = x.powf(y);
        assert!((z - exact).abs() <= 2f64.powi(-16) * (1.0 + 2.0 * exact * y.abs()), "{x}^{y} is {z}, not {exact}");
    }
}

#[test]
fn bits_of_numbers() {
    let source = "use math; fn back(r: i64) -> fix { math::of_bits(r) } \
                  pub fn main(x: fix[6] @ a) -> (i64[6], fix[6]) { (math::bits_of(x), map(|r| back(r), math::bits_of(x))) }";
    for (bits, frac) in TYPES {
        let unit = 2f64.powi(-i32::from(frac));
        let most = 2f64.powi(i32::from(bits - 1 - frac));
        let xs = [0.0, unit, -unit, 1.5, -most, most / 2.0];
        let results = Run::new(source).fix(bits, frac).input(xs).results();
        assert_eq!(results[0], xs.map(|x| x / unit));
        assert_eq!(results[1], xs);
    }
}
