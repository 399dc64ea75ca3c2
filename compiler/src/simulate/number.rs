//! Exact arithmetic on single elements, as the language page defines it, on ring bits held in a `u64`.

use motet_program::data::Elem;

/// The low bits of a word that belong to an element of `bits` bits.
pub(super) fn mask(bits: u32) -> u64 {
    u64::MAX >> (64 - bits)
}

/// The two's-complement number that `bits` ring bits stand for.
pub(super) fn signed(ring: u64, bits: u32) -> i64 {
    ((ring << (64 - bits)) as i64) >> (64 - bits)
}

/// Whether a number fits `bits` bits of two's complement.
pub(super) fn fits_signed(number: i128, bits: u32) -> bool {
    let half = 1i128 << (bits - 1);
    (-half..half).contains(&number)
}

/// Whether an `Int` is a value of the type (of `Fix`: whether the whole number is).
pub(super) fn int_fits(number: i64, elem: Elem) -> bool {
    let number = i128::from(number);
    match elem {
        Elem::Bool => (0..2).contains(&number),
        Elem::Int => true,
        Elem::Uint(n) => (0..1i128 << n).contains(&number),
        Elem::Sint(n) => fits_signed(number, u32::from(n)),
        Elem::Fix { bits, frac } => fits_signed(number << frac, u32::from(bits)),
    }
}

/// Ring bits of 1 in the type.
pub(super) fn one(elem: Elem) -> u64 {
    match elem {
        Elem::Fix { bits, frac } => (1u64 << frac) & mask(u32::from(bits)),
        _ => 1,
    }
}

/// `x as T`: exact or wraps; fewer fractional bits round to nearest, ties up, and none (an integer) round down.
pub(super) fn cast(x: u64, from: Elem, to: Elem) -> u64 {
    let number = from.number(x);
    let frac = |e: Elem| if let Elem::Fix { frac, .. } = e { u32::from(frac) } else { 0 };
    let (have, want) = (frac(from), frac(to));
    let number = if want >= have {
        number << (want - have)
    } else if matches!(to, Elem::Fix { .. }) {
        let drop = have - want;
        (number + (1i128 << (drop - 1))) >> drop
    } else {
        number >> have
    };
    number as u64 & to.mask()
}

/// The product's ring bits, rescaled: to nearest, ties up.
pub(super) fn fix_rescale(product: u64, bits: u32, frac: u32) -> u64 {
    if frac == 0 {
        return product & mask(bits);
    }
    let rounded = product.wrapping_add(1 << (frac - 1));
    (signed(rounded, bits) >> frac) as u64 & mask(bits)
}

/// Whether the exact product (or sum of products) can be rounded and rescaled without leaving the ring.
pub(super) fn product_in_range(exact: i128, bits: u32, frac: u32) -> bool {
    let half = if frac == 0 { 0 } else { 1i128 << (frac - 1) };
    fits_signed(exact, bits) && fits_signed(exact + half, bits)
}

/// Fixed-point quotient, and whether it was in range (a division by zero is: its result is defined).
pub(super) fn fix_div(a: i64, b: i64, bits: u32, frac: u32) -> (u64, bool) {
    if b == 0 {
        let greatest = match a.signum() {
            0 => 0,
            1 => mask(bits) >> 1,
            _ => 1 << (bits - 1),
        };
        return (greatest, true);
    }
    let quotient = (i128::from(a) << frac) / i128::from(b);
    (quotient as u64 & mask(bits), fits_signed(quotient, bits))
}

/// Integer quotient, truncated toward zero; all ones where the divisor is zero.
pub(super) fn div(a: u64, b: u64, elem: Elem) -> u64 {
    let bits = elem.bits();
    if b == 0 {
        mask(bits)
    } else if elem.signed() {
        signed(a, bits).wrapping_div(signed(b, bits)) as u64 & mask(bits)
    } else {
        a / b
    }
}

/// Remainder of the truncated quotient; the dividend where the divisor is zero.
pub(super) fn rem(a: u64, b: u64, elem: Elem) -> u64 {
    let bits = elem.bits();
    if b == 0 {
        a
    } else if elem.signed() {
        signed(a, bits).wrapping_rem(signed(b, bits)) as u64 & mask(bits)
    } else {
        a % b
    }
}

/// `x << amount`, the amount read as unsigned.
pub(super) fn shl(x: u64, amount: u64, elem: Elem) -> u64 {
    if amount >= u64::from(elem.bits()) { 0 } else { (x << amount) & elem.mask() }
}

/// `x >> amount`: arithmetic on signed types; an amount of N or more leaves 0 or the sign.
pub(super) fn shr(x: u64, amount: u64, elem: Elem) -> u64 {
    let bits = elem.bits();
    if elem.signed() {
        (signed(x, bits) >> amount.min(63)) as u64 & mask(bits)
    } else if amount >= u64::from(bits) {
        0
    } else {
        x >> amount
    }
}

/// Whether `a < b`, as numbers of the type.
pub(super) fn less(a: u64, b: u64, elem: Elem) -> bool {
    let bits = elem.bits();
    if elem.signed() { signed(a, bits) < signed(b, bits) } else { a < b }
}

/// Absolute value; of the least number, itself.
pub(super) fn abs(x: u64, elem: Elem) -> u64 {
    let bits = elem.bits();
    if elem.signed() && signed(x, bits) < 0 { x.wrapping_neg() & mask(bits) } else { x }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn elems() -> impl Strategy<Value = Elem> {
        prop_oneof![
            (1u8..=64).prop_map(Elem::Uint),
            (2u8..=64).prop_map(Elem::Sint),
            (2u8..=64).prop_flat_map(|bits| (0..bits).prop_map(move |frac| Elem::Fix { bits, frac })),
        ]
    }

    fn wrap(number: i128, elem: Elem) -> u64 {
        number.rem_euclid(1i128 << elem.bits()) as u64
    }

    /// Division that rounds down.
    fn floor_div(a: i128, b: i128) -> i128 {
        a.div_euclid(b)
    }

    proptest! {
        #[test]
        fn division_truncates(elem in elems(), a: u64, b: u64, small: bool) {
            let (a, b) = (a & elem.mask(), if small { b & elem.mask() & 7 } else { b & elem.mask() });
            let (x, y) = (elem.number(a), elem.number(b));
            if y == 0 {
                prop_assert_eq!(div(a, b, elem), elem.mask());
                prop_assert_eq!(rem(a, b, elem), a);
            } else {
                prop_assert_eq!(div(a, b, elem), wrap(x / y, elem));
                prop_assert_eq!(rem(a, b, elem), wrap(x % y, elem));
            }
        }

        #[test]
        fn shifts_are_powers_of_two(elem in elems(), a: u64, amount in 0u64..140) {
            let a = a & elem.mask();
            let x = elem.number(a);
            let left = if amount >= 64 { 0 } else { wrap(x << amount, elem) };
            prop_assert_eq!(shl(a, amount, elem), left);
            let right = floor_div(x, 1i128 << amount.min(120));
            prop_assert_eq!(shr(a, amount, elem), wrap(right, elem));
        }

        #[test]
        fn order_and_absolute_value(elem in elems(), a: u64, b: u64) {
            let (a, b) = (a & elem.mask(), b & elem.mask());
            prop_assert_eq!(less(a, b, elem), elem.number(a) < elem.number(b));
            prop_assert_eq!(abs(a, elem), wrap(elem.number(a).abs(), elem));
        }

        #[test]
        fn fix_products_round_to_nearest(bits in 2u8..=64, f in 0u8..64, a: u64, b: u64, shift in 0u32..64) {
            let elem = Elem::Fix { bits, frac: f % bits };
            let (bits, frac) = (u32::from(bits), u32::from(f % bits));
            let (a, b) = (signed(a, bits) >> (shift % bits), signed(b, bits) >> (shift % bits));
            let exact = i128::from(a) * i128::from(b);
            // The definition: wrap, add half, wrap, divide rounding down.
            let half = if frac == 0 { 0 } else { 1i128 << (frac - 1) };
            let ring = elem.number(wrap(elem.number(wrap(exact, elem)) + half, elem));
            let want = wrap(floor_div(ring, 1i128 << frac), elem);
            prop_assert_eq!(fix_rescale((a as u64).wrapping_mul(b as u64), bits, frac), want);
            if product_in_range(exact, bits, frac) {
                prop_assert_eq!(want, wrap(floor_div(exact + half, 1i128 << frac), elem));
            }
        }

        #[test]
        fn fix_quotients_truncate(bits in 2u8..=64, f in 0u8..64, a: u64, b: u64) {
            let frac = f % bits;
            let elem = Elem::Fix { bits, frac };
            let (a, b) = (signed(a, u32::from(bits)), signed(b, u32::from(bits)));
            prop_assume!(b != 0);
            let exact = (i128::from(a) << frac) / i128::from(b);
            let (got, fits) = fix_div(a, b, u32::from(bits), u32::from(frac));
            prop_assert_eq!(got, wrap(exact, elem));
            prop_assert_eq!(fits, elem.number(got) == exact);
        }

        #[test]
        fn casts_keep_the_number_or_wrap(from in elems(), to in elems(), x: u64) {
            let x = x & from.mask();
            let frac = |e: Elem| if let Elem::Fix { frac, .. } = e { i32::from(frac) } else { 0 };
            let up = frac(to) - frac(from);
            let number = from.number(x);
            let want = if up >= 0 {
                number << up
            } else if matches!(to, Elem::Fix { .. }) {
                floor_div(number + (1i128 << (-up - 1)), 1i128 << -up)
            } else {
                floor_div(number, 1i128 << -up)
            };
            prop_assert_eq!(cast(x, from, to), wrap(want, to));
        }
    }

    #[test]
    fn division_of_fix_by_zero_is_the_greatest_with_the_sign() {
        assert_eq!(fix_div(5, 0, 40, 13), ((1 << 39) - 1, true));
        assert_eq!(fix_div(-5, 0, 40, 13), (1 << 39, true));
        assert_eq!(fix_div(0, 0, 40, 13), (0, true));
    }

    #[test]
    fn integers_fit_or_do_not() {
        assert!(int_fits(255, Elem::Uint(8)) && !int_fits(256, Elem::Uint(8)) && !int_fits(-1, Elem::Uint(8)));
        assert!(int_fits(-128, Elem::Sint(8)) && !int_fits(128, Elem::Sint(8)));
        let fix = Elem::Fix { bits: 16, frac: 8 };
        assert!(int_fits(127, fix) && int_fits(-128, fix) && !int_fits(128, fix));
        assert!(int_fits(i64::MAX, Elem::Uint(64)) && !int_fits(i64::MIN, Elem::Fix { bits: 64, frac: 63 }));
    }
}
