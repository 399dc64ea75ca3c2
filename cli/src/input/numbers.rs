//! Numbers as files hold them.

use super::error::FileProblem;

/// Elements of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Truth values.
    Bool(Vec<bool>),
    /// Integers.
    Int(Vec<i128>),
    /// Floats.
    Float(Vec<f64>),
}

/// How a file encodes an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Bool,
    Signed(usize),
    Unsigned(usize),
    Float(usize),
    BFloat16,
}

impl Numbers {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Numbers::Bool(v) => v.len(),
            Numbers::Int(v) => v.len(),
            Numbers::Float(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What they are, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Numbers::Bool(_) => "bool",
            Numbers::Int(_) => "integer",
            Numbers::Float(_) => "float",
        }
    }

    /// A run of them.
    pub fn range(&self, from: usize, to: usize) -> Numbers {
        match self {
            Numbers::Bool(v) => Numbers::Bool(v[from..to].to_vec()),
            Numbers::Int(v) => Numbers::Int(v[from..to].to_vec()),
            Numbers::Float(v) => Numbers::Float(v[from..to].to_vec()),
        }
    }

    /// In another order: element `k` of the result is element `order(k)`.
    pub fn reordered(&self, order: impl Iterator<Item = usize>) -> Numbers {
        match self {
            Numbers::Bool(v) => Numbers::Bool(order.map(|k| v[k]).collect()),
            Numbers::Int(v) => Numbers::Int(order.map(|k| v[k]).collect()),
            Numbers::Float(v) => Numbers::Float(order.map(|k| v[k]).collect()),
        }
    }

    /// Adds those of another; integers among floats become floats where that is exact. Gives them back where the kinds
    /// do not go together.
    pub fn append(&mut self, other: Numbers) -> Result<(), Numbers> {
        match (&mut *self, other) {
            (Numbers::Bool(a), Numbers::Bool(b)) => a.extend(b),
            (Numbers::Int(a), Numbers::Int(b)) => a.extend(b),
            (Numbers::Float(a), Numbers::Float(b)) => a.extend(b),
            (Numbers::Float(a), Numbers::Int(b)) => match floats(&b) {
                Some(b) => a.extend(b),
                None => return Err(Numbers::Int(b)),
            },
            (Numbers::Int(a), Numbers::Float(b)) => match floats(a) {
                Some(mut a) => {
                    a.extend(b);
                    *self = Numbers::Float(a);
                }
                None => return Err(Numbers::Float(b)),
            },
            (_, other) => return Err(other),
        }
        Ok(())
    }
}

/// Integers as floats, where each is one.
fn floats(integers: &[i128]) -> Option<Vec<f64>> {
    integers.iter().map(|&n| Some(n as f64).filter(|&f| f as i128 == n)).collect()
}

impl Encoding {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Encoding::Bool => 1,
            Encoding::BFloat16 => 2,
            Encoding::Signed(n) | Encoding::Unsigned(n) | Encoding::Float(n) => n,
        }
    }

    /// The elements that bytes encode; the number of bytes is a multiple of the size.
    pub fn decode(self, bytes: &[u8], big_endian: bool) -> Result<Numbers, FileProblem> {
        let size = self.size();
        if size == 0 || size > 8 || !bytes.len().is_multiple_of(size) {
            return Err(FileProblem::Length { expected: size as u64, found: bytes.len() as u64 });
        }
        let words = bytes.chunks_exact(size).map(|chunk| {
            let add = |word: u64, byte: &u8| word << 8 | u64::from(*byte);
            if big_endian { chunk.iter().fold(0, add) } else { chunk.iter().rev().fold(0, add) }
        });
        Ok(match self {
            Encoding::Bool => Numbers::Bool(words.map(|w| w != 0).collect()),
            Encoding::Unsigned(_) => Numbers::Int(words.map(i128::from).collect()),
            Encoding::Signed(n) => {
                let shift = 64 - 8 * n as u32;
                Numbers::Int(words.map(|w| i128::from(((w << shift) as i64) >> shift)).collect())
            }
            Encoding::Float(2) => Numbers::Float(words.map(half).collect()),
            Encoding::Float(4) => Numbers::Float(words.map(|w| f32::from_bits(w as u32).into()).collect()),
            Encoding::Float(8) => Numbers::Float(words.map(f64::from_bits).collect()),
            Encoding::Float(n) => return Err(FileProblem::ElementType(format!("f{n}"))),
            Encoding::BFloat16 => Numbers::Float(words.map(|w| f32::from_bits((w as u32) << 16).into()).collect()),
        })
    }
}

/// An IEEE 754 half: a sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u64) -> f64 {
    let sign = if bits >> 15 & 1 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = ((bits >> 10 & 31) as i32, (bits & 1023) as f64 / 1024.0);
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_and_brain_floats() {
        let cases =
            [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 2f64.powi(-24)), (0x7bff, 65504.0), (0x3555, 0.333251953125)];
        for (bits, value) in cases {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7e00).is_nan() && half(0xfc00) == f64::NEG_INFINITY);
        let bytes = [0xc0, 0x3f, 0x00, 0xc0];
        assert_eq!(Encoding::BFloat16.decode(&bytes, false).unwrap(), Numbers::Float(vec![1.5, -2.0]));
    }

    #[test]
    fn integers_of_either_byte_order() {
        assert_eq!(Encoding::Signed(2).decode(&[0xff, 0xfe], true).unwrap(), Numbers::Int(vec![-2]));
        assert_eq!(Encoding::Signed(2).decode(&[0xfe, 0xff], false).unwrap(), Numbers::Int(vec![-2]));
        assert_eq!(Encoding::Unsigned(8).decode(&[255; 8], false).unwrap(), Numbers::Int(vec![u64::MAX.into()]));
        assert!(Encoding::Signed(4).decode(&[0; 7], false).is_err());
    }
}
