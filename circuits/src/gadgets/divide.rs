//! Division without restoring, on as few bits as each step needs.
//!
//! After `i` bits of the dividend the remainder `R_i` is below 2^i, and the quotient bit is 1 where the divisor's bits
//! from `i` upward are 0 and its lower ones do not exceed `R_i`. Kept is `s_i = R_i - D_i`, `D_i` being the divisor's
//! `i` lower bits. Instead of restoring `R_i` where that was too much, the next step adds instead of subtracting:
//!
//! ```text
//! s_{i+1} = 2 s_i + bit - D_{i+1}                            where the quotient bit was 1 (then divisor bit i is 0)
//! s_{i+1} = 2 s_i + bit + 2 D_i - D_{i+1}                    else
//! ```
//!
//! and `2 D_i - D_{i+1}` is the `i + 1` lower bits of the divisor read in two's complement, so that both lines are one
//! addition of `i + 2` bits with the divisor's bits complemented or not. A quotient of N bits costs N(N+1)/2 + 2N ANDs
//! or so, 2,205 at 64 bits; restoring takes 4,285 (Bristol).

use super::add::{add, add_with};
use super::compare::{abs, any, masked, negate_if, select};
use super::extended;
use crate::builder::Builder;
use crate::circuit::Bit;

/// Quotient and remainder, truncated toward zero; by zero all ones and the dividend.
///
/// Dead gates of a result that isn't used disappear. Unsigned at N = 64: 2,205 ANDs for the quotient alone, 2,332 for
/// both; signed some 250 more. Only the bits that an operand can have are worked on: a divisor that is a constant of d
/// bits makes it about N·d ANDs, a power of two nothing.
pub fn div_rem(b: &mut Builder, x: &[Bit], y: &[Bit], signed: bool) -> (Vec<Bit>, Vec<Bit>) {
    assert_eq!(x.len(), y.len(), "widths of a division");
    if !signed {
        return divide(b, x, y, ByZero::AllOnes);
    }
    let (Some(&sign_x), Some(&sign_y)) = (x.last(), y.last()) else { return (Vec::new(), Vec::new()) };
    let (x, y) = (abs(b, x), abs(b, y));
    let (quotient, remainder) = divide(b, &x, &y, ByZero::AllOnes);
    // All ones, the quotient by zero, must stay.
    let differ = b.xor(sign_x, sign_y);
    let nonzero = any(b, &y);
    let negative = b.and(differ, nonzero);
    (negate_if(b, negative, &quotient), negate_if(b, sign_x, &remainder))
}

/// `x · 2^frac / y` truncated toward zero, mod 2^N; by zero the greatest magnitude with the sign of `x`, and 0 for 0/0.
pub fn fix_div(b: &mut Builder, x: &[Bit], y: &[Bit], frac: usize) -> Vec<Bit> {
    assert_eq!(x.len(), y.len(), "widths of a division");
    let bits = x.len();
    let (Some(&sign_x), Some(&sign_y)) = (x.last(), y.last()) else { return Vec::new() };
    let (x, y) = (abs(b, x), abs(b, y));
    let scaled = [vec![Bit::FALSE; frac], x.clone()].concat();
    let (mut quotient, _) = divide(b, &scaled, &y, ByZero::Anything);
    quotient.truncate(bits);
    let negative = b.xor(sign_x, sign_y);
    let quotient = negate_if(b, negative, &quotient);

    let some_x = any(b, &x);
    let some_y = any(b, &y);
    let positive = b.and(some_x, !sign_x);
    let mut greatest = vec![positive; bits - 1];
    greatest.push(sign_x);
    select(b, some_y, &quotient, &greatest)
}

/// What an unsigned division by zero must give.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ByZero {
    /// A quotient of all ones, the dividend as the remainder.
    AllOnes,
    /// Whatever comes out.
    Anything,
}

/// Unsigned quotient and remainder, both as wide as the dividend.
fn divide(b: &mut Builder, x: &[Bit], y: &[Bit], by_zero: ByZero) -> (Vec<Bit>, Vec<Bit>) {
    // Common factors of two that are known cancel; the remainder has them again.
    let shift = y.iter().take_while(|&&bit| bit == Bit::FALSE).count().min(x.len());
    let (below, x_high) = x.split_at(shift);
    let (x_high, y_high) = (significant(x_high), significant(&y[shift.min(y.len())..]));
    let (a, d) = (x_high.len(), y_high.len());

    let zero = match by_zero {
        ByZero::Anything => Bit::FALSE,
        ByZero::AllOnes => !any(b, y_high),
    };
    // On more bits than the divisor has, the steps don't heed that it may be zero.
    let narrow = d * (d + 1) / 2 + a.saturating_sub(d) * d + 2 * a;
    let (quotient, remainder) = if d >= a || zero == Bit::FALSE {
        steps(b, x_high, y_high)
    } else if narrow < a * (a + 1) / 2 {
        let (quotient, remainder) = steps(b, x_high, y_high);
        let remainder = extended_by_zeros(&remainder, a);
        (quotient.iter().map(|&bit| b.or(bit, zero)).collect(), select(b, zero, x_high, &remainder))
    } else {
        steps(b, x_high, &extended_by_zeros(y_high, a))
    };
    let mut quotient = quotient;
    quotient.resize(x.len(), zero);
    (quotient, extended_by_zeros(&[below, &remainder].concat(), x.len()))
}

/// Unsigned quotient, as wide as the dividend, and remainder. By zero: all ones and the dividend if the dividend is not
/// wider than the divisor, else anything.
fn steps(b: &mut Builder, dividend: &[Bit], divisor: &[Bit]) -> (Vec<Bit>, Vec<Bit>) {
    let bits = divisor.len();
    // Whether the divisor has a bit at i or above.
    let mut above = vec![Bit::FALSE; bits + 1];
    for i in (1..bits).rev() {
        above[i] = b.or(above[i + 1], divisor[i]);
    }

    let mut rest = vec![Bit::FALSE];
    let mut fits = Bit::FALSE;
    let mut quotient = Vec::with_capacity(dividend.len());
    for (i, &bit) in (1..).zip(dividend.iter().rev()) {
        let width = i.min(bits) + 1;
        rest.insert(0, bit);
        let doubled = extended(&rest, width);
        let (low, sign) = if i <= bits { (&divisor[..i], divisor[i - 1]) } else { (divisor, Bit::FALSE) };
        let step: Vec<Bit> = low.iter().chain([&sign]).map(|&d| b.xor(d, fits)).collect();
        rest = add_with(b, &doubled, &step, fits);
        fits = !rest[width - 1];
        if i < bits {
            fits = b.and(fits, !above[i]);
        }
        quotient.push(fits);
    }
    quotient.reverse();

    let low = bits.min(dividend.len());
    let back = masked(b, !fits, &divisor[..low]);
    let remainder = add(b, &extended(&rest, low), &back);
    (quotient, remainder)
}

/// The word without the zeros that are known to be on top.
fn significant(word: &[Bit]) -> &[Bit] {
    let zeros = word.iter().rev().take_while(|&&bit| bit == Bit::FALSE).count();
    &word[..word.len() - zeros]
}

fn extended_by_zeros(word: &[Bit], bits: usize) -> Vec<Bit> {
    let mut word = word.to_vec();
    word.resize(bits, Bit::FALSE);
    word
}
