//! Carries in few levels of ANDs: what the gadgets are made of in their shallow form.
//!
//! A carry runs through a position that *propagates* it (`p`) and starts at one that *generates* it (`g`); neighbouring
//! stretches join as `(g, p) ∘ (g', p') = (g ⊕ p g', p p')`. Joined as a tree, N positions take log N levels instead of N.

use super::add::full_adder;
use crate::builder::{Builder, Form};
use crate::circuit::Bit;

/// What a stretch of positions does with a carry.
#[derive(Clone, Copy)]
struct Stretch {
    generates: Bit,
    propagates: Bit,
}

impl Stretch {
    /// Of one position of `x + y`; the first one takes in a carry, and passes nothing on.
    fn of(b: &mut Builder, x: Bit, y: Bit) -> Stretch {
        Stretch { generates: b.and(x, y), propagates: b.xor(x, y) }
    }

    fn first(b: &mut Builder, x: Bit, y: Bit, carry: Bit) -> Stretch {
        Stretch { generates: full_adder(b, x, y, carry).1, propagates: Bit::FALSE }
    }

    /// This stretch after a lower one. Gates that nothing uses disappear.
    fn after(self, b: &mut Builder, lower: Stretch) -> Stretch {
        let passed = b.and(self.propagates, lower.generates);
        Stretch { generates: b.xor(self.generates, passed), propagates: b.and(self.propagates, lower.propagates) }
    }
}

fn stretches(b: &mut Builder, x: &[Bit], y: &[Bit], carry: Bit) -> Vec<Stretch> {
    let positions = x.iter().zip(y).enumerate();
    positions.map(|(i, (&x, &y))| if i == 0 { Stretch::first(b, x, y, carry) } else { Stretch::of(b, x, y) }).collect()
}

/// The carry out of each position of `x + y + carry`: in the shallow form ⌈log N⌉ + 1 levels, about N log N ANDs (Sklansky,
/// "Conditional-Sum Addition Logic", IRE Transactions 1960); in the balanced one twice as many, and about 4 N ANDs (Brent
/// and Kung, "A Regular Layout for Parallel Adders", IEEE Transactions on Computers 1982).
pub(super) fn carries(b: &mut Builder, x: &[Bit], y: &[Bit], carry: Bit) -> Vec<Bit> {
    let mut all = stretches(b, x, y, carry);
    let mut width = 1;
    if b.form() == Form::Balanced {
        // Stretches of powers of two, then what lies between their ends.
        while 2 * width <= all.len() {
            for i in (2 * width - 1..all.len()).step_by(2 * width) {
                all[i] = all[i].after(b, all[i - width]);
            }
            width *= 2;
        }
        while width > 1 {
            width /= 2;
            for i in (3 * width - 1..all.len()).step_by(2 * width) {
                all[i] = all[i].after(b, all[i - width]);
            }
        }
        return all.into_iter().map(|stretch| stretch.generates).collect();
    }
    while width < all.len() {
        for i in (0..all.len()).filter(|i| i & width != 0) {
            let lower = all[(i & !(width - 1)) - 1];
            all[i] = all[i].after(b, lower);
        }
        width *= 2;
    }
    all.into_iter().map(|stretch| stretch.generates).collect()
}

/// The carry out of `x + y + carry` alone: as many levels, about 3 N ANDs.
pub(super) fn carry_out(b: &mut Builder, x: &[Bit], y: &[Bit], carry: Bit) -> Bit {
    let mut all = stretches(b, x, y, carry);
    while all.len() > 1 {
        all = all
            .chunks(2)
            .map(|pair| match *pair {
                [lower, upper] => upper.after(b, lower),
                _ => pair[0],
            })
            .collect();
    }
    all.first().map_or(carry, |whole| whole.generates)
}
