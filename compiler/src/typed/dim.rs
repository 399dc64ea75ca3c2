//! Dimensions: polynomials in the dimension parameters.

use std::collections::BTreeMap;
use std::fmt;

/// Most terms of a polynomial; what would have more is refused.
const MAX_TERMS: usize = 64;

/// What a polynomial is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Atom {
    /// A dimension parameter.
    Parameter(String),
    /// An expression that is no polynomial, such as a quotient, by its canonical text. Two of them are equal where their
    /// texts are, but may be equal otherwise too.
    Opaque(String),
}

impl Atom {
    fn text(&self) -> &str {
        match self {
            Atom::Parameter(t) | Atom::Opaque(t) => t,
        }
    }
}

/// A dimension: a polynomial with integer coefficients over atoms (dimension parameters, and expressions that are no
/// polynomial, such as a quotient, by their canonical text).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dim {
    /// Coefficient of each monomial (its atoms, sorted, with repetition); no zero coefficients.
    terms: BTreeMap<Vec<Atom>, i64>,
}

/// How two dimensions compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// For all values of the parameters.
    Equal,
    /// As polynomials.
    Different,
    /// They hold expressions that are no polynomials.
    Undecided,
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DimError {
    /// A number outside of 64 bits.
    Overflow,
    /// A division by zero.
    DivisionByZero,
    /// A negative exponent.
    NegativeExponent,
    /// A polynomial of too many terms.
    TooLong,
}

impl fmt::Display for DimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DimError::Overflow => "this is outside of the 64 bits of an `int`",
            DimError::DivisionByZero => "this divides by zero",
            DimError::NegativeExponent => "the exponent of `**` is negative",
            DimError::TooLong => "this expression over dimensions has too many terms",
        })
    }
}

impl Dim {
    /// A number.
    pub fn number(n: i64) -> Dim {
        let mut terms = BTreeMap::new();
        if n != 0 {
            terms.insert(Vec::new(), n);
        }
        Dim { terms }
    }

    /// A dimension parameter.
    pub fn parameter(name: impl Into<String>) -> Dim {
        Dim { terms: BTreeMap::from([(vec![Atom::Parameter(name.into())], 1)]) }
    }

    /// An expression that is no polynomial, by its canonical text.
    pub fn opaque(text: impl Into<String>) -> Dim {
        Dim { terms: BTreeMap::from([(vec![Atom::Opaque(text.into())], 1)]) }
    }

    /// The number, where it is one.
    pub fn known(&self) -> Option<i64> {
        match self.terms.len() {
            0 => Some(0),
            1 => self.terms.get(&Vec::new()).copied(),
            _ => None,
        }
    }

    /// How the two compare.
    pub fn compare(&self, other: &Dim) -> Comparison {
        if self == other {
            return Comparison::Equal;
        }
        match self.sub(other) {
            Ok(d) if d.terms.is_empty() => Comparison::Equal,
            Ok(d) if !d.has_opaque() => Comparison::Different,
            _ => Comparison::Undecided,
        }
    }

    /// Whether an expression that is no polynomial occurs.
    pub fn has_opaque(&self) -> bool {
        self.terms.keys().flatten().any(|a| matches!(a, Atom::Opaque(_)))
    }

    /// The sum.
    pub fn add(&self, other: &Dim) -> Result<Dim, DimError> {
        let mut terms = self.terms.clone();
        for (m, c) in &other.terms {
            add_term(&mut terms, m.clone(), *c)?;
        }
        bounded(terms)
    }

    /// The negative.
    pub fn neg(&self) -> Result<Dim, DimError> {
        let negated = self.terms.iter().map(|(m, c)| Some((m.clone(), c.checked_neg()?)));
        Ok(Dim { terms: negated.collect::<Option<_>>().ok_or(DimError::Overflow)? })
    }

    /// The difference.
    pub fn sub(&self, other: &Dim) -> Result<Dim, DimError> {
        if let (Some(a), Some(b)) = (self.known(), other.known()) {
            return a.checked_sub(b).map(Dim::number).ok_or(DimError::Overflow);
        }
        self.add(&other.neg()?)
    }

    /// The product.
    pub fn mul(&self, other: &Dim) -> Result<Dim, DimError> {
        let mut terms = BTreeMap::new();
        for (m, c) in &self.terms {
            for (n, d) in &other.terms {
                let mut monomial: Vec<Atom> = m.iter().chain(n).cloned().collect();
                monomial.sort();
                if monomial.len() > MAX_TERMS {
                    return Err(DimError::TooLong);
                }
                add_term(&mut terms, monomial, c.checked_mul(*d).ok_or(DimError::Overflow)?)?;
                if terms.len() > MAX_TERMS {
                    return Err(DimError::TooLong);
                }
            }
        }
        Ok(Dim { terms })
    }

    /// The quotient, truncated toward zero.
    pub fn div(&self, other: &Dim) -> Result<Dim, DimError> {
        match (self.known(), other.known()) {
            (_, Some(0)) => Err(DimError::DivisionByZero),
            (Some(a), Some(b)) => a.checked_div(b).map(Dim::number).ok_or(DimError::Overflow),
            _ => self.exact_quotient(other).map_or_else(|| self.opaque_binary("/", other), Ok),
        }
    }

    /// The remainder, with the dividend's sign.
    pub fn rem(&self, other: &Dim) -> Result<Dim, DimError> {
        match (self.known(), other.known()) {
            (_, Some(0)) => Err(DimError::DivisionByZero),
            (Some(a), Some(b)) => a.checked_rem(b).map(Dim::number).ok_or(DimError::Overflow),
            _ if self.exact_quotient(other).is_some() => Ok(Dim::number(0)),
            _ => self.opaque_binary("%", other),
        }
    }

    /// The power.
    pub fn pow(&self, exponent: &Dim) -> Result<Dim, DimError> {
        match (self.known(), exponent.known()) {
            (_, Some(e)) if e < 0 => Err(DimError::NegativeExponent),
            (Some(b), Some(e)) => match u32::try_from(e) {
                Ok(e) => b.checked_pow(e).map(Dim::number).ok_or(DimError::Overflow),
                Err(_) if b == 0 || b == 1 => Ok(Dim::number(b)),
                Err(_) if b == -1 => Ok(Dim::number(if e % 2 == 0 { 1 } else { -1 })),
                Err(_) => Err(DimError::Overflow),
            },
            (None, Some(e)) if e <= 8 => (0..e).try_fold(Dim::number(1), |p, _| p.mul(self)),
            (Some(_), None) => {
                // b ** (rest + k) = b ** k * b ** rest, so that `2 ** (D + 1)` equals `2 * 2 ** D`.
                let k = exponent.terms.get(&Vec::new()).copied().filter(|k| *k > 0).unwrap_or(0);
                let rest = exponent.sub(&Dim::number(k))?;
                self.opaque_binary("**", &rest)?.mul(&self.pow(&Dim::number(k))?)
            }
            _ => self.opaque_binary("**", exponent),
        }
    }

    /// `P` where `self` is `P * other` term by term.
    fn exact_quotient(&self, other: &Dim) -> Option<Dim> {
        let (divisor, coefficient) = other.terms.iter().next().filter(|_| other.terms.len() == 1)?;
        let mut terms = BTreeMap::new();
        for (m, c) in &self.terms {
            let mut rest = m.clone();
            for atom in divisor {
                rest.remove(rest.iter().position(|a| a == atom)?);
            }
            if c.checked_rem(*coefficient)? != 0 {
                return None;
            }
            terms.insert(rest, c / coefficient);
        }
        Some(Dim { terms })
    }

    fn opaque_binary(&self, op: &str, other: &Dim) -> Result<Dim, DimError> {
        let side = |d: &Dim| if d.terms.len() > 1 || d.first_is_negative() { format!("({d})") } else { d.to_string() };
        let text = format!("({} {op} {})", side(self), side(other));
        if text.len() > 1024 {
            return Err(DimError::TooLong);
        }
        Ok(Dim::opaque(text))
    }

    fn first_is_negative(&self) -> bool {
        self.terms.values().next().is_some_and(|c| *c < 0)
    }

    /// Solves `self = target` for the parameter where `self` is linear in it.
    pub fn solve(&self, parameter: &str, target: &Dim) -> Option<Dim> {
        let atom = Atom::Parameter(parameter.to_owned());
        let mut coefficient = Dim::default();
        let mut rest = Dim::default();
        for (m, c) in &self.terms {
            let term = |m: Vec<Atom>| Dim { terms: BTreeMap::from([(m, *c)]) };
            match m.iter().filter(|a| **a == atom).count() {
                0 => rest = rest.add(&term(m.clone())).ok()?,
                1 => {
                    coefficient = coefficient.add(&term(m.iter().filter(|a| **a != atom).cloned().collect())).ok()?;
                }
                _ => return None,
            }
        }
        // A parameter inside of a quotient or power is out of reach.
        let hidden = |d: &Dim| d.terms.keys().flatten().any(|a| matches!(a, Atom::Opaque(t) if t.contains(parameter)));
        if coefficient.terms.is_empty() || hidden(self) {
            return None;
        }
        target.sub(&rest).ok()?.exact_quotient(&coefficient)
    }
}

fn add_term(terms: &mut BTreeMap<Vec<Atom>, i64>, monomial: Vec<Atom>, c: i64) -> Result<(), DimError> {
    let sum = terms.get(&monomial).copied().unwrap_or(0).checked_add(c).ok_or(DimError::Overflow)?;
    if sum == 0 {
        terms.remove(&monomial);
    } else {
        terms.insert(monomial, sum);
    }
    Ok(())
}

fn bounded(terms: BTreeMap<Vec<Atom>, i64>) -> Result<Dim, DimError> {
    if terms.len() > MAX_TERMS { Err(DimError::TooLong) } else { Ok(Dim { terms }) }
}

/// As the user would write it, the number last: `2 * N + M - 1`.
impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(n) = self.known() {
            return write!(f, "{n}");
        }
        let (numbers, others): (Vec<_>, Vec<_>) = self.terms.iter().partition(|(m, _)| m.is_empty());
        for (i, (monomial, c)) in others.into_iter().chain(numbers).enumerate() {
            match (i, *c < 0) {
                (0, true) => f.write_str("-")?,
                (0, false) => {}
                (_, true) => f.write_str(" - ")?,
                (_, false) => f.write_str(" + ")?,
            }
            let size = c.unsigned_abs();
            let names: Vec<&str> = monomial.iter().map(Atom::text).collect();
            match (size, names.is_empty()) {
                (n, true) => write!(f, "{n}")?,
                (1, false) => f.write_str(&names.join(" * "))?,
                (n, false) => write!(f, "{n} * {}", names.join(" * "))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n() -> Dim {
        Dim::parameter("N")
    }

    fn k(v: i64) -> Dim {
        Dim::number(v)
    }

    #[test]
    fn polynomials_are_compared_as_such() {
        let twice = n().add(&n()).unwrap();
        assert_eq!(twice.compare(&k(2).mul(&n()).unwrap()), Comparison::Equal);
        assert_eq!(twice.compare(&n()), Comparison::Different);
        let half = n().div(&k(2)).unwrap();
        assert_eq!(half.compare(&n().div(&k(2)).unwrap()), Comparison::Equal);
        assert_eq!(half.compare(&n()), Comparison::Undecided);
        assert_eq!(twice.div(&k(2)).unwrap(), n());
        assert_eq!(n().mul(&n()).unwrap().div(&n()).unwrap(), n());
    }

    #[test]
    fn powers_split_off_their_known_part() {
        let up = k(2).pow(&n().add(&k(1)).unwrap()).unwrap();
        assert_eq!(up, k(2).mul(&k(2).pow(&n()).unwrap()).unwrap());
        assert_eq!(up.sub(&k(1)).unwrap().to_string(), "2 * (2 ** N) - 1");
        assert_eq!(k(2).pow(&k(100)), Err(DimError::Overflow));
    }

    #[test]
    fn linear_equations_are_solved() {
        let double = k(2).mul(&n()).unwrap().sub(&k(1)).unwrap();
        assert_eq!(double.solve("N", &k(9)), Some(k(5)));
        assert_eq!(double.solve("N", &k(8)), None);
        assert_eq!(n().pow(&k(2)).unwrap().solve("N", &k(9)), None);
    }

    #[test]
    fn long_polynomials_are_refused() {
        let sum = (0..60).try_fold(k(0), |s, i| s.add(&Dim::parameter(format!("P{i}")))).unwrap();
        assert_eq!(sum.mul(&sum), Err(DimError::TooLong));
    }
}
