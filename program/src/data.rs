//! Element types, tensors of plain values, and the nested types of inputs and outputs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::depth::Level;

/// What one element of a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Elem {
    /// A truth value, one bit.
    Bool,
    /// A public number: signed, 64-bit, overflow is an error. Never secret.
    Int,
    /// An unsigned integer modulo 2^N, 1 ≤ N ≤ 64.
    Uint(u8),
    /// A two's-complement integer modulo 2^N, 2 ≤ N ≤ 64.
    Sint(u8),
    /// A fixed-point number: a signed integer modulo 2^bits that counts units of 2^-frac.
    Fix {
        /// Bits of the ring, 2 ≤ bits ≤ 64.
        bits: u8,
        /// Fractional bits, below `bits`.
        frac: u8,
    },
}

impl Elem {
    /// Bits of one element.
    pub fn bits(self) -> u32 {
        match self {
            Elem::Bool => 1,
            Elem::Int => 64,
            Elem::Uint(n) | Elem::Sint(n) | Elem::Fix { bits: n, .. } => u32::from(n),
        }
    }

    /// Whether comparison and right shift treat the top bit as a sign.
    pub fn signed(self) -> bool {
        matches!(self, Elem::Int | Elem::Sint(_) | Elem::Fix { .. })
    }

    /// All ones in the bits of one element.
    pub fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }

    /// The signed or unsigned number that the ring bits stand for (for `Fix`, in units of 2^-frac).
    pub fn number(self, ring: u64) -> i128 {
        let bits = self.bits();
        if self.signed() {
            i128::from(((ring << (64 - bits)) as i64) >> (64 - bits))
        } else {
            i128::from(ring & self.mask())
        }
    }
}

/// As it is written in a program: `u8`, `fix<40, 13>`.
impl fmt::Display for Elem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Elem::Bool => f.write_str("bool"),
            Elem::Int => f.write_str("int"),
            Elem::Uint(n) => write!(f, "u{n}"),
            Elem::Sint(n) => write!(f, "i{n}"),
            Elem::Fix { bits, frac } => write!(f, "fix<{bits}, {frac}>"),
        }
    }
}

/// Sizes of the axes, outermost first; empty for a scalar.
pub type Shape = Vec<u64>;

/// The type of one value of the program: a tensor of elements (a scalar where the shape is empty).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Type {
    /// The element type.
    pub elem: Elem,
    /// Sizes of the axes, outermost first.
    pub shape: Shape,
}

impl Type {
    /// A scalar of the element type.
    pub fn scalar(elem: Elem) -> Self {
        Type { elem, shape: Vec::new() }
    }

    /// Number of elements; saturates (the validator refuses shapes above `ir::MAX_ELEMENTS`).
    pub fn count(&self) -> u64 {
        self.shape.iter().fold(1u64, |n, d| n.saturating_mul(*d))
    }
}

/// As it is written in a program: `u8`, `fix<40, 13>[3, 4]`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.elem.fmt(f)?;
        if self.shape.is_empty() {
            return Ok(());
        }
        let sizes: Vec<String> = self.shape.iter().map(u64::to_string).collect();
        write!(f, "[{}]", sizes.join(", "))
    }
}

/// A tensor of plain values: ring bits of each element, row-major, each below 2^bits (`Int`: the bits of its `i64`).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tensor {
    /// Element type and shape.
    pub ty: Type,
    /// One word per element.
    pub data: Vec<u64>,
}

/// The nested type of a parameter or result, as the user wrote it; its *leaves* are the values of the program.
///
/// Leaves are in depth-first order. A tensor of structs has one leaf per field, each led by the tensor's shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum DataType {
    /// A scalar or a tensor of scalars: one leaf.
    Leaf(Type),
    /// A tuple.
    Tuple(Vec<DataType>),
    /// A struct: its name and its fields, in order.
    Struct(String, Vec<(String, DataType)>),
    /// A tensor of tuples or structs.
    Array(Shape, Box<DataType>),
}

impl<'de> Deserialize<'de> for DataType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "DataType")]
        enum Variants {
            Leaf(Type),
            Tuple(Vec<DataType>),
            Struct(String, Vec<(String, DataType)>),
            Array(Shape, Box<DataType>),
        }
        let _level = Level::enter()?;
        Ok(match Variants::deserialize(deserializer)? {
            Variants::Leaf(ty) => DataType::Leaf(ty),
            Variants::Tuple(parts) => DataType::Tuple(parts),
            Variants::Struct(name, fields) => DataType::Struct(name, fields),
            Variants::Array(shape, of) => DataType::Array(shape, of),
        })
    }
}

impl DataType {
    /// The types of the leaves, in order.
    pub fn leaves(&self) -> Vec<Type> {
        let mut out = Vec::new();
        self.collect(&[], &mut out);
        out
    }

    fn collect(&self, lead: &[u64], out: &mut Vec<Type>) {
        let under = |inner: &[u64]| lead.iter().chain(inner).copied().collect::<Vec<_>>();
        match self {
            DataType::Leaf(t) => out.push(Type { elem: t.elem, shape: under(&t.shape) }),
            DataType::Tuple(parts) => parts.iter().for_each(|p| p.collect(lead, out)),
            DataType::Struct(_, fields) => fields.iter().for_each(|(_, f)| f.collect(lead, out)),
            DataType::Array(shape, of) => of.collect(&under(shape), out),
        }
    }
}
