//! Numbers as ring bits of an element type: exact, or to nearest, ties to even; never a silent wrap.

use motet_program::data::Elem;

/// Why a number is no value of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// Out of range (infinities and NaN are).
    Range,
    /// A number of another kind: a float for an integer.
    Kind,
}

/// An integer as a value of the type.
pub fn integer(n: i128, elem: Elem) -> Result<u64, Misfit> {
    match elem {
        Elem::Fix { frac, .. } => {
            let units = n.checked_mul(1 << frac).ok_or(Misfit::Range)?;
            ring(units, elem)
        }
        _ => ring(n, elem),
    }
}

/// A float as a value of the type; only `fix` has any.
pub fn float(x: f64, elem: Elem) -> Result<u64, Misfit> {
    let Elem::Fix { bits, frac } = elem else { return Err(Misfit::Kind) };
    // Scaling by a power of two is exact.
    let units = (x * 2f64.powi(frac.into())).round_ties_even();
    let half = 2f64.powi(i32::from(bits) - 1);
    if !(-half..half).contains(&units) {
        return Err(Misfit::Range);
    }
    ring(units as i128, elem)
}

/// A truth value; only `bool` has any.
pub fn truth(b: bool, elem: Elem) -> Result<u64, Misfit> {
    if elem == Elem::Bool { Ok(b.into()) } else { Err(Misfit::Kind) }
}

fn ring(units: i128, elem: Elem) -> Result<u64, Misfit> {
    let bits = units as u64 & elem.mask();
    if elem.number(bits) == units { Ok(bits) } else { Err(Misfit::Range) }
}

/// The least and greatest value of a type, as ring bits.
pub fn bounds(elem: Elem) -> (u64, u64) {
    if elem.signed() { (1 << (elem.bits() - 1), elem.mask() >> 1) } else { (0, elem.mask()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIX: Elem = Elem::Fix { bits: 40, frac: 13 };

    #[test]
    fn floats_round_to_nearest_ties_to_even() {
        let ulp = 2f64.powi(-13);
        for (x, want) in [(0.5, 0), (1.5, 2), (2.5, 2), (0.500001, 1), (-0.5, 0), (-1.5, -2)] {
            assert_eq!(float(x * ulp, FIX).map(|r| FIX.number(r)), Ok(want));
        }
    }

    #[test]
    fn ranges_end_where_they_do() {
        let ulp = 2f64.powi(-13);
        let top = 2f64.powi(26);
        assert_eq!(float(-top, FIX).map(|r| FIX.number(r)), Ok(-(1 << 39)));
        assert_eq!(float(top - ulp, FIX).map(|r| FIX.number(r)), Ok((1 << 39) - 1));
        // Rounds up to the first number that is out of range.
        assert_eq!(float(top - ulp / 2.0, FIX), Err(Misfit::Range));
        for x in [top, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(float(x, FIX), Err(Misfit::Range));
        }
        assert_eq!(integer(255, Elem::Uint(8)), Ok(255));
        assert_eq!(integer(256, Elem::Uint(8)), Err(Misfit::Range));
        assert_eq!(integer(-1, Elem::Uint(8)), Err(Misfit::Range));
        assert_eq!(integer(i128::MAX, FIX), Err(Misfit::Range));
        assert_eq!(integer(u64::MAX.into(), Elem::Uint(64)), Ok(u64::MAX));
        assert_eq!(integer(-3, FIX).map(|r| FIX.number(r)), Ok(-3 << 13));
        assert_eq!(float(1.0, Elem::Uint(8)), Err(Misfit::Kind));
    }
}
