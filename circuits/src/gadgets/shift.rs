//! Shifts by secret amounts, and changes of width.

use super::compare::any;
use crate::builder::Builder;
use crate::circuit::Bit;

/// `x << amount`, the amount unsigned and of any width; 0 where it is N or more: N ANDs for each of its bits that matters.
pub fn shl(b: &mut Builder, x: &[Bit], amount: &[Bit]) -> Vec<Bit> {
    let reversed: Vec<Bit> = x.iter().rev().copied().collect();
    let mut shifted = shr(b, &reversed, amount, false);
    shifted.reverse();
    shifted
}

/// `x >> amount`, the amount unsigned and of any width, filled with the sign where `signed`, else with 0, which is also
/// the result where the amount is N or more: N ANDs for each of its bits that matters.
pub fn shr(b: &mut Builder, x: &[Bit], amount: &[Bit], signed: bool) -> Vec<Bit> {
    let bits = x.len();
    let fill = if signed { x.last().copied().unwrap_or(Bit::FALSE) } else { Bit::FALSE };
    // Bits of the amount that shift by less than N; one more that is set shifts everything out.
    let levels = amount.len().min((0..).take_while(|&i| 1usize << i < bits).count());
    let mut word = x.to_vec();
    for (level, &by) in amount[..levels].iter().enumerate() {
        word = (0..bits)
            .map(|i| {
                let from = word.get(i + (1 << level)).copied().unwrap_or(fill);
                b.mux(by, from, word[i])
            })
            .collect();
    }
    let out = any(b, &amount[levels..]);
    word.into_iter().map(|bit| b.mux(out, fill, bit)).collect()
}

/// The word at another width: cut, or extended by its sign where `signed`, else by zeros.
pub fn resize(x: &[Bit], signed: bool, bits: usize) -> Vec<Bit> {
    let fill = if signed { x.last().copied().unwrap_or(Bit::FALSE) } else { Bit::FALSE };
    (0..bits).map(|i| x.get(i).copied().unwrap_or(fill)).collect()
}
