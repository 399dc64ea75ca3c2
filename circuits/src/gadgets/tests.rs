//! Gadgets against machine arithmetic: exhaustively at small widths, randomly and at the edges at large ones.

use super::*;
use crate::builder::{Builder, Form};
use crate::circuit::Circuit;
use crate::fuzz::Words;

fn low(value: u64, bits: usize) -> u64 {
    if bits >= 64 { value } else { value & ((1 << bits) - 1) }
}

fn signed(value: u64, bits: usize) -> i64 {
    if bits == 0 { 0 } else { (value << (64 - bits)) as i64 >> (64 - bits) }
}

/// The circuit of a gadget on words of these widths, in its small form.
fn circuit(widths: &[usize], build: impl Fn(&mut Builder, &[Vec<Bit>]) -> Vec<Bit>) -> Circuit {
    circuit_in(Form::Small, widths, build)
}

fn circuit_in(form: Form, widths: &[usize], build: impl Fn(&mut Builder, &[Vec<Bit>]) -> Vec<Bit>) -> Circuit {
    let mut b = Builder::with_form(widths.iter().sum::<usize>() as u32, form);
    let mut next = 0;
    let words: Vec<Vec<Bit>> = widths
        .iter()
        .map(|&w| {
            next += w as u32;
            b.inputs(next - w as u32..next)
        })
        .collect();
    let outputs = build(&mut b, &words);
    let circuit = b.finish(outputs);
    circuit.check().unwrap();
    circuit
}

/// Compares a gadget, in all forms, with what it should compute, given words of these widths, modulo the width of the
/// output; returns the small form.
fn compare(
    widths: &[usize],
    build: impl Fn(&mut Builder, &[Vec<Bit>]) -> Vec<Bit>,
    expect: impl Fn(&[u64]) -> u64,
) -> Circuit {
    compare_in(Form::Shallow, widths, &build, &expect);
    compare_in(Form::Balanced, widths, &build, &expect);
    compare_in(Form::Small, widths, build, expect)
}

fn compare_in(
    form: Form,
    widths: &[usize],
    build: impl Fn(&mut Builder, &[Vec<Bit>]) -> Vec<Bit>,
    expect: impl Fn(&[u64]) -> u64,
) -> Circuit {
    let circuit = circuit_in(form, widths, build);
    let total: usize = widths.iter().sum();
    let mut words = Words(total as u64);
    let cases: Vec<Vec<u64>> = if total <= 14 {
        (0..1u64 << total)
            .map(|mut n| {
                let take = |&w: &usize| {
                    let value = low(n, w);
                    n >>= w;
                    value
                };
                widths.iter().map(take).collect()
            })
            .collect()
    } else {
        let mut value = |w: usize| {
            let random = words.next();
            let edge = match words.next() % 12 {
                0 => 0,
                1 => 1,
                2 => u64::MAX,
                3 => 1 << (w - 1),
                4 => (1 << (w - 1)) - 1,
                5 => random >> (random % 64),
                6 => (random as i64 >> (random % 64)) as u64,
                _ => random,
            };
            low(edge, w)
        };
        (0..1024).map(|_| widths.iter().map(|&w| value(w)).collect()).collect()
    };
    for group in cases.chunks(64) {
        let mut inputs = Vec::with_capacity(total);
        for (i, &w) in widths.iter().enumerate() {
            for bit in 0..w {
                inputs.push(group.iter().enumerate().fold(0, |word, (k, case)| word | (case[i] >> bit & 1) << k));
            }
        }
        let outputs = circuit.evaluate_words(&inputs);
        for (k, case) in group.iter().enumerate() {
            let got = outputs.iter().enumerate().fold(0, |value, (bit, word)| value | (word >> k & 1) << bit);
            let want = low(expect(case), outputs.len());
            assert_eq!(got, want, "on {case:x?} of widths {widths:?}: {got:x}, not {want:x}");
        }
    }
    circuit
}

/// Widths that are tried for gadgets of two words.
const WIDTHS: [usize; 9] = [1, 2, 3, 4, 5, 7, 13, 37, 64];

#[test]
fn sums() {
    for n in WIDTHS {
        let c = compare(&[n, n], |b, w| add(b, &w[0], &w[1]), |v| v[0].wrapping_add(v[1]));
        assert!(c.and_count() < n);
        let c = compare(&[n, n], |b, w| sub(b, &w[0], &w[1]), |v| v[0].wrapping_sub(v[1]));
        assert!(c.and_count() < n);
        let c = compare(&[n], |b, w| neg(b, &w[0]), |v| v[0].wrapping_neg());
        assert!(c.and_count() <= n.saturating_sub(2));
        let c = compare(&[n], |b, w| abs(b, &w[0]), |v| signed(v[0], n).unsigned_abs());
        assert!(c.and_count() < n);
    }
    let with_carry = |b: &mut Builder, w: &[Vec<Bit>]| {
        let (mut sum, carry) = add_carry(b, &w[0], &w[1], Bit::FALSE);
        sum.push(carry);
        sum
    };
    let c = compare(&[63, 63], with_carry, |v| v[0] + v[1]);
    assert_eq!(c.and_count(), 63);
}

#[test]
fn comparisons() {
    for n in WIDTHS {
        let c = compare(&[n, n], |b, w| vec![lt(b, &w[0], &w[1], false)], |v| u64::from(v[0] < v[1]));
        assert_eq!(c.and_count(), n);
        let less = |v: &[u64]| signed(v[0], n) < signed(v[1], n);
        let c = compare(&[n, n], |b, w| vec![lt(b, &w[0], &w[1], true)], |v| u64::from(less(v)));
        assert_eq!(c.and_count(), n);
        let c = compare(&[n, n], |b, w| vec![eq(b, &w[0], &w[1])], |v| u64::from(v[0] == v[1]));
        assert_eq!(c.and_count(), n - 1);
        compare(&[n, n], |b, w| min(b, &w[0], &w[1], false), |v| v[0].min(v[1]));
        compare(&[n, n], |b, w| max(b, &w[0], &w[1], false), |v| v[0].max(v[1]));
        compare(&[n, n], |b, w| min(b, &w[0], &w[1], true), |v| if less(v) { v[0] } else { v[1] });
        let c = compare(&[n, n], |b, w| max(b, &w[0], &w[1], true), |v| if less(v) { v[1] } else { v[0] });
        assert_eq!(c.and_count(), 2 * n);
        let choose = |b: &mut Builder, w: &[Vec<Bit>]| select(b, w[0][0], &w[1], &w[2]);
        let c = compare(&[1, n, n], choose, |v| if v[0] == 1 { v[1] } else { v[2] });
        assert_eq!(c.and_count(), n);
        let relu = |b: &mut Builder, w: &[Vec<Bit>]| max(b, &w[0], &vec![Bit::FALSE; n], true);
        let c = compare(&[n], relu, |v| signed(v[0], n).max(0) as u64);
        assert_eq!(c.and_count(), n - 1, "relu");
        let relu = |b: &mut Builder, w: &[Vec<Bit>]| max(b, &vec![Bit::FALSE; n], &w[0], true);
        let c = compare(&[n], relu, |v| signed(v[0], n).max(0) as u64);
        assert_eq!(c.and_count(), n - 1, "relu, the other way round");
    }
}

#[test]
fn products() {
    for n in WIDTHS {
        let c = compare(&[n, n], |b, w| mul(b, &w[0], &w[1]), |v| v[0].wrapping_mul(v[1]));
        assert!(c.and_count() <= (n * (n + 3) / 2).saturating_sub(2).max(1), "{n}: {}", c.and_count());
        compare(&[n, n], |b, w| mul_known(b, &w[0], &w[1]), |v| v[0].wrapping_mul(v[1]));
        let c = compare(&[n], |b, w| mul(b, &w[0], &w[0]), |v| v[0].wrapping_mul(v[0]));
        assert!(c.and_count() <= n * n / 4 + 2 * n, "square of {n}: {}", c.and_count());
        if n <= 4 || n > 10 {
            let expect = |v: &[u64]| v[0].wrapping_mul(v[1]).wrapping_add(v[2]);
            compare(&[n, n, n], |b, w| mul_add(b, &w[0], &w[1], &w[2]), expect);
            compare(&[n, n, n], |b, w| mul_add_known(b, &w[0], &w[1], &w[2]), expect);
            compare(&[n, n], |b, w| mul_add(b, &w[0], &w[0], &w[1]), |v| v[0].wrapping_mul(v[0]).wrapping_add(v[1]));
        }
    }
    let c = circuit(&[64, 64], |b, w| mul(b, &w[0], &w[1]));
    assert_eq!(c.and_count(), 2142);
    let c = circuit(&[64, 64, 64], |b, w| mul_add(b, &w[0], &w[1], &w[2]));
    assert_eq!(c.and_count(), 2143);
    let c = circuit(&[64], |b, w| square(b, &w[0]));
    assert_eq!(c.and_count(), 1052);
}

#[test]
fn products_of_narrow_words() {
    for (n, m, bits) in [(1, 1, 8), (3, 4, 5), (3, 4, 6), (3, 4, 7), (3, 4, 12), (4, 3, 9), (8, 16, 64), (32, 32, 64)] {
        for (sign_x, sign_y) in [(false, false), (false, true), (true, false), (true, true)] {
            let value = |v: u64, bits, sign| if sign { signed(v, bits) as u64 } else { v };
            for known in [false, true] {
                let build = |b: &mut Builder, w: &[Vec<Bit>]| {
                    let (x, y) = (resize(&w[0], sign_x, bits), resize(&w[1], sign_y, bits));
                    if known { mul_known(b, &x, &y) } else { mul(b, &x, &y) }
                };
                let expect = |v: &[u64]| value(v[0], n, sign_x).wrapping_mul(value(v[1], m, sign_y));
                compare(&[n, m], build, expect);
            }
            let build = |b: &mut Builder, w: &[Vec<Bit>]| square(b, &resize(&w[0], sign_x, bits));
            compare(&[n], build, |v| value(v[0], n, sign_x).wrapping_mul(value(v[0], n, sign_x)));
        }
    }
}

#[test]
fn products_of_unsigned_words_spend_no_sign() {
    let wide = |b: &mut Builder, w: &[Vec<Bit>]| mul(b, &resize(&w[0], false, 64), &resize(&w[1], false, 64));
    let ands = |n, m| circuit(&[n, m], wide).and_count();
    assert_eq!(ands(1, 32), 32);
    assert_eq!(ands(8, 8), 86);
    assert_eq!(ands(18, 18), 376);
    assert_eq!(ands(32, 32), 1117);
}

#[test]
fn products_from_triangular_numbers() {
    for n in [1, 2, 3, 4, 13, 64] {
        let build = |b: &mut Builder, w: &[Vec<Bit>]| {
            let wide = |w: &[Bit]| resize(w, true, n + 1);
            let mut triangular = |z: &[Bit]| sub_triangular(b, z, &constant(0, n));
            let (x, y) = (triangular(&wide(&w[0])), triangular(&wide(&w[1])));
            let both = add(b, &wide(&w[0]), &wide(&w[1]));
            let both = sub_triangular(b, &both, &constant(0, n));
            let sum = add(b, &x, &y);
            sub(b, &sum, &both)
        };
        compare(&[n, n], build, |v| v[0].wrapping_mul(v[1]));
    }
    let step = |b: &mut Builder, w: &[Vec<Bit>]| {
        let both = add(b, &resize(&w[0], true, 65), &resize(&w[1], true, 65));
        sub_triangular(b, &both, &w[2])
    };
    assert_eq!(circuit(&[64, 64, 64], step).and_count(), 1088);
}

#[test]
fn narrow_words_stay_narrow() {
    let wide = |b: &mut Builder, w: &[Vec<Bit>], f: fn(&mut Builder, &[Bit], &[Bit]) -> Vec<Bit>| {
        f(b, &resize(&w[0], true, 64), &resize(&w[1], true, 64))
    };
    let c = compare(&[6, 6], |b, w| wide(b, w, add), |v| (signed(v[0], 6) + signed(v[1], 6)) as u64);
    assert_eq!(c.and_count(), 6);
    let c = compare(&[6, 6], |b, w| wide(b, w, sub), |v| (signed(v[0], 6) - signed(v[1], 6)) as u64);
    assert_eq!(c.and_count(), 6);
    for sign in [false, true] {
        let build = |b: &mut Builder, w: &[Vec<Bit>]| wide(b, w, |b, x, y| vec![lt(b, x, y, false)]);
        let value = |v: u64| signed(v, 6) as u64;
        let c = compare(&[6, 6], build, |v| u64::from(value(v[0]) < value(v[1])));
        assert_eq!(c.and_count(), 6);
        let build = |b: &mut Builder, w: &[Vec<Bit>]| {
            let (quotient, remainder) = div_rem(b, &resize(&w[0], sign, 20), &resize(&w[1], sign, 20), sign);
            [quotient, remainder].concat()
        };
        let value = |v: u64| if sign { signed(v, 6) } else { v as i64 };
        let c = compare(&[6, 6], build, |v| {
            let (x, y) = (value(v[0]), value(v[1]));
            let (q, r) = if y == 0 { (-1, x) } else { (x / y, x % y) };
            low(q as u64, 20) | low(r as u64, 20) << 20
        });
        assert!(c.and_count() < 80, "{}", c.and_count());
    }
}

#[test]
fn products_with_constants() {
    let mut words = Words(7);
    let mut constants: Vec<i64> = (-40..40).collect();
    constants.extend([i64::MIN, i64::MAX, 1 << 40, -(1 << 40)]);
    constants.extend((0..20).map(|_| words.next() as i64));
    for value in constants {
        for (n, bits, sign) in [(5, 5, false), (4, 9, false), (4, 9, true), (13, 64, true), (64, 64, false)] {
            let times = |v: u64| (if sign { signed(v, n) } else { v as i64 }).wrapping_mul(value) as u64;
            let build = |b: &mut Builder, w: &[Vec<Bit>]| mul(b, &constant(value, bits), &resize(&w[0], sign, bits));
            compare(&[n], build, |v| times(v[0]));
            let build =
                |b: &mut Builder, w: &[Vec<Bit>]| mul_add(b, &resize(&w[0], sign, bits), &constant(value, bits), &w[1]);
            compare(&[n, bits], build, |v| times(v[0]).wrapping_add(v[1]));
        }
    }
    let c = circuit(&[64], |b, w| mul(b, &constant(10, 64), &w[0]));
    assert!(c.and_count() <= 63);
}

#[test]
fn divisions() {
    for n in WIDTHS {
        let quotient = |v: &[u64]| v[0].checked_div(v[1]).unwrap_or(u64::MAX);
        let remainder = |v: &[u64]| v[0].checked_rem(v[1]).unwrap_or(v[0]);
        let c = compare(&[n, n], |b, w| div_rem(b, &w[0], &w[1], false).0, quotient);
        assert!(n < 64 || c.and_count() <= 2210, "{}", c.and_count());
        compare(&[n, n], |b, w| div_rem(b, &w[0], &w[1], false).1, remainder);

        let quotient = |v: &[u64]| match (signed(v[0], n), signed(v[1], n)) {
            (_, 0) => u64::MAX,
            (x, y) => x.wrapping_div(y) as u64,
        };
        let remainder = |v: &[u64]| match (signed(v[0], n), signed(v[1], n)) {
            (x, 0) => x as u64,
            (x, y) => x.wrapping_rem(y) as u64,
        };
        compare(&[n, n], |b, w| div_rem(b, &w[0], &w[1], true).0, quotient);
        compare(&[n, n], |b, w| div_rem(b, &w[0], &w[1], true).1, remainder);
    }
}

#[test]
fn divisions_with_constants() {
    for (n, frac) in [(4, 2), (6, 3), (13, 5), (64, 16)] {
        for c in [-12, -8, -1, 0, 1, 2, 3, 6, 7, 10, 24, 100, 1000] {
            let fixed = |b: &mut Builder, x: &[Bit], y: &[Bit]| fix_div(b, x, y, frac);
            let ratio = |x: i64, y: i64| match (x.signum(), y) {
                (0, 0) => 0,
                (1, 0) => i128::from(u64::MAX >> (65 - n)),
                (_, 0) => -i128::from(u64::MAX >> (65 - n)) - 1,
                _ => (i128::from(x) << frac) / i128::from(y),
            };
            let value = signed(c as u64, n);
            compare(&[n], |b, w| fixed(b, &w[0], &constant(c, n)), |v| ratio(signed(v[0], n), value) as u64);
            compare(&[n], |b, w| fixed(b, &constant(c, n), &w[0]), |v| ratio(value, signed(v[0], n)) as u64);
            for sign in [false, true] {
                let read = |v: u64| i128::from(if sign { signed(v, n) } else { low(v, n) as i64 });
                let wide = |v: u64| if sign { read(v) } else { i128::from(low(v, n)) };
                let check = |x: i128, y: i128| if y == 0 { (-1, x) } else { (x / y, x % y) };
                let join =
                    |(q, r): (i128, i128)| if n < 32 { low(q as u64, n) | low(r as u64, n) << n } else { q as u64 };
                let both = |b: &mut Builder, x: &[Bit], y: &[Bit]| {
                    let (quotient, remainder) = div_rem(b, x, y, sign);
                    if n < 32 { [quotient, remainder].concat() } else { quotient }
                };
                let c = constant(c, n);
                let of_c = wide(c.iter().rev().fold(0, |v, &bit| v << 1 | u64::from(bit == Bit::TRUE)));
                compare(&[n], |b, w| both(b, &w[0], &c), |v| join(check(wide(v[0]), of_c)));
                compare(&[n], |b, w| both(b, &c, &w[0]), |v| join(check(of_c, wide(v[0]))));
            }
        }
    }
    // Words of different lengths.
    for (a, d) in [(3, 6), (6, 3), (7, 1), (1, 7)] {
        let build = |b: &mut Builder, w: &[Vec<Bit>]| {
            let (quotient, remainder) = div_rem(b, &resize(&w[0], false, 12), &resize(&w[1], false, 12), false);
            [quotient, remainder].concat()
        };
        compare(&[a, d], build, |v| {
            let (q, r) = (v[0].checked_div(v[1]).unwrap_or(u64::MAX), v[0].checked_rem(v[1]).unwrap_or(v[0]));
            low(q, 12) | low(r, 12) << 12
        });
    }
    let c = circuit(&[64], |b, w| div_rem(b, &w[0], &constant(10, 64), false).0);
    assert!(c.and_count() <= 200, "{}", c.and_count());
    let c = circuit(&[64], |b, w| fix_div(b, &constant(1 << 16, 64), &w[0], 16));
    assert!(c.and_count() <= 850, "{}", c.and_count());
}

#[test]
fn fixed_point() {
    for (n, frac) in [(1, 0), (2, 1), (4, 2), (5, 0), (6, 3), (7, 5), (13, 6), (37, 11), (40, 13), (64, 16), (64, 40)] {
        let round = |product: u64| {
            let half = if frac == 0 { 0 } else { 1 << (frac - 1) };
            (signed(product.wrapping_add(half), n) >> frac) as u64
        };
        let expect = |v: &[u64]| round(v[0].wrapping_mul(v[1]));
        compare(&[n, n], |b, w| fix_mul(b, &w[0], &w[1], frac), expect);
        compare(&[n, n], |b, w| fix_mul_known(b, &w[0], &w[1], frac), expect);
        compare(&[n], |b, w| fix_mul(b, &w[0], &w[0], frac), |v| round(v[0].wrapping_mul(v[0])));
        compare(&[n], |b, w| rescale(b, &w[0], frac), |v| round(v[0]));
        compare(&[n, n], |b, w| rescale_sum_known(b, &w[0], &w[1], frac), |v| round(v[0].wrapping_add(v[1])));

        let quotient = |v: &[u64]| {
            let (x, y) = (i128::from(signed(v[0], n)), i128::from(signed(v[1], n)));
            let most = (1i128 << (n - 1)) - 1;
            (match (x.signum(), y) {
                (0, 0) => 0,
                (1, 0) => most,
                (_, 0) => -most - 1,
                _ => (x << frac) / y,
            }) as u64
        };
        compare(&[n, n], |b, w| fix_div(b, &w[0], &w[1], frac), quotient);
    }
    let c = circuit(&[64, 64], |b, w| fix_mul(b, &w[0], &w[1], 16));
    assert_eq!(c.and_count(), 2142);
}

#[test]
fn shifts() {
    for (n, by) in [(1, 1), (4, 3), (5, 1), (5, 4), (7, 3), (8, 3), (8, 6), (13, 64), (37, 6), (64, 6), (64, 32)] {
        let out = |amount: u64| amount >= n as u64;
        compare(&[n, by], |b, w| shl(b, &w[0], &w[1]), |v| if out(v[1]) { 0 } else { v[0] << v[1] });
        compare(&[n, by], |b, w| shr(b, &w[0], &w[1], false), |v| if out(v[1]) { 0 } else { v[0] >> v[1] });
        let arithmetic = |v: &[u64]| (signed(v[0], n) >> v[1].min(63)) as u64;
        compare(&[n, by], |b, w| shr(b, &w[0], &w[1], true), arithmetic);
    }
    let c = circuit(&[64, 6], |b, w| shr(b, &w[0], &w[1], false));
    assert!(c.and_count() <= 384);
}

#[test]
fn many_words() {
    for (n, count) in [(1, 1), (1, 5), (2, 3), (3, 4), (5, 2), (13, 5), (37, 9), (64, 17)] {
        let build = |b: &mut Builder, w: &[Vec<Bit>]| sum(b, w);
        let c = compare(&vec![n; count], build, |v| v.iter().fold(0, |sum, &x| sum.wrapping_add(x)));
        assert!(c.and_count() <= (count - 1) * (n - 1));
        for sign in [false, true] {
            let build = |b: &mut Builder, w: &[Vec<Bit>]| {
                let wide: Vec<Vec<Bit>> = w.iter().map(|w| resize(w, sign, 50)).collect();
                sum(b, &wide)
            };
            let value = |x: u64| if sign { signed(x, n) as u64 } else { x };
            compare(&vec![n; count], build, |v| v.iter().fold(0, |sum, &x| sum.wrapping_add(value(x))));
        }
    }
    for n in [1, 2, 3, 8, 12, 60] {
        let c = compare(&[n], |b, w| popcount(b, &w[0], 9), |v| u64::from(v[0].count_ones()));
        assert!(c.and_count() <= n);
        compare(&[n], |b, w| popcount(b, &w[0], 2), |v| u64::from(v[0].count_ones()));
    }
    // With constants among the words.
    let build =
        |b: &mut Builder, w: &[Vec<Bit>]| sum(b, &[w[0].clone(), constant(-5, 8), w[1].clone(), constant(99, 8)]);
    compare(&[8, 6 + 2], build, |v| v[0].wrapping_add(v[1]).wrapping_add(94));
}

#[test]
fn tables() {
    for (rows, width, index) in
        [(1, 2, 1), (2, 2, 1), (3, 2, 2), (3, 2, 4), (4, 2, 2), (5, 1, 3), (5, 1, 2), (8, 1, 5), (11, 5, 6)]
    {
        for sign in [false, true] {
            let row = |v: &[u64]| {
                let at = v[rows];
                let reachable = !sign || signed(at, index) >= 0;
                (reachable && at < rows as u64).then_some(at as usize)
            };
            let mut widths = vec![width; rows];
            widths.push(index);
            let build = |b: &mut Builder, w: &[Vec<Bit>]| read(b, &w[..rows], &w[rows], sign);
            let c = compare(&widths, build, |v| row(v).map_or(0, |i| v[i]));
            assert!(c.and_count() <= rows * width + 2 * index);

            widths.push(width);
            let build = |b: &mut Builder, w: &[Vec<Bit>]| write(b, &w[..rows], &w[rows], sign, &w[rows + 1]).concat();
            compare(&widths, build, |v| {
                let written = (0..rows).map(|i| if row(v) == Some(i) { v[rows + 1] } else { v[i] });
                written.enumerate().fold(0, |all, (i, value)| all | value << (i * width))
            });
        }
    }
}

#[test]
fn tables_of_constants() {
    let mut words = Words(3);
    for (rows, width, index) in [(1, 3, 2), (2, 8, 1), (5, 8, 3), (5, 8, 5), (64, 16, 6), (100, 3, 8), (256, 16, 8)] {
        let values: Vec<u64> = (0..rows).map(|_| low(words.next(), width)).collect();
        let table: Vec<Vec<Bit>> = values.iter().map(|&v| constant(v as i64, width)).collect();
        let build = |b: &mut Builder, w: &[Vec<Bit>]| read(b, &table, &w[0], false);
        let c = compare(&[index], build, |v| values.get(v[0] as usize).copied().unwrap_or(0));
        assert!(rows < 256 || c.and_count() <= 110, "{}", c.and_count());
    }
}
