//! Dimensions: polynomials in the dimension parameters.

use std::collections::BTreeMap;

/// A dimension: a polynomial with integer coefficients over atoms (dimension parameters, and expressions that are no
/// polynomial, such as a quotient, by their canonical text).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dim {
    /// Coefficient of each monomial (its atoms, sorted, with repetition); no zero coefficients.
    terms: BTreeMap<Vec<String>, i64>,
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

    /// The number, where it is one.
    pub fn known(&self) -> Option<i64> {
        match self.terms.len() {
            0 => Some(0),
            1 => self.terms.get(&Vec::new()).copied(),
            _ => None,
        }
    }
}
