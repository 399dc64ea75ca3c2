//! The program: tensor SSA with regions. The compiler's core and the artifact share it.
//!
//! **Contract.** A `Program` holds every value's type in `values`; each `Value` is defined once, by an operation's
//! results or a block's parameters, and used only after its definition in the same block or one inside it. Operations
//! are evaluated in order. Blocks see the values of the blocks around them. Every operand shape is static; loop bounds
//! and slice starts may be public values known only when running. Broadcasting is explicit: elementwise operations take
//! operands of one shape.
//!
//! **Arithmetic** is that of the language page: integers modulo 2^N, `Int` checked in 64 bits, `Fix` products rounded
//! to nearest (ties up) once per `Mul`, `MatMul` or `Conv2d`.
//!
//! **Secrecy** is not stored: `place::places` derives it (inputs say whose they are, `Reveal` makes public). `Int`
//! values, loop bounds, conditions of `If` and `Assert`, slice starts and gather indices must be public in a finished
//! program. In the core, before if-conversion, the condition of `If` may be secret; `Each` may stand anywhere before
//! vectorisation and nowhere after it. `validate` checks all of this.

use serde::{Deserialize, Serialize};

use crate::data::{DataType, Elem, Shape, Type};
use crate::depth::Level;

/// Largest number of elements of one value (2^32): a bound on what a type may ask for, checked by the validator.
pub const MAX_ELEMENTS: u64 = 1 << 32;
/// Deepest nesting of blocks.
pub const MAX_DEPTH: usize = 64;

/// An index into `Program::values`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Value(pub u32);

/// An index into `Program::parties`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Party(pub u8);

/// An index into `Program::sites`: where in the source an operation comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Site(pub u32);

/// A place in the source, kept for messages at run time and for `explain`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceSite {
    /// File as the user named it, or `std/nn.mpc` for the library.
    pub file: String,
    /// The function that holds the place, by its path (`main`, `nn::dense`).
    pub function: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// A compiled program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Name of the entry point.
    pub entry: String,
    /// Names of the parties, in order of appearance.
    pub parties: Vec<String>,
    /// Parameters of the entry point, in order.
    pub params: Vec<Param>,
    /// The parts of the result.
    pub outputs: Vec<Output>,
    /// Whether the result is a tuple (a party is then shown a list of its parts, even of one).
    pub tuple_result: bool,
    /// The type of every value.
    pub values: Vec<Type>,
    /// Imported circuits, by index of `Op::Circuit`.
    pub circuits: Vec<ExternCircuit>,
    /// The body. It has no parameters; its results are the leaves of the outputs, in order.
    pub body: Block,
    /// Where operations come from.
    pub sites: Vec<SourceSite>,
}

/// A parameter of the entry point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Who supplies it; `None` for a public parameter, which all supply alike.
    pub owner: Option<Party>,
    /// Its type, whose leaves are read by `Op::Input`.
    pub ty: DataType,
}

/// A part of the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Who is shown it.
    pub to: Vec<Party>,
    /// Its type; its leaves are the next results of the body.
    pub ty: DataType,
}

/// An imported Boolean circuit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExternCircuit {
    /// The function's name in the source.
    pub name: String,
    /// The circuit; its input and output bits are the arguments' and results' elements, row-major, lowest bit first.
    pub circuit: motet_circuits::Circuit,
}

/// A sequence of operations.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Block {
    /// Values that the enclosing operation supplies.
    pub params: Vec<Value>,
    /// The operations, in order.
    pub ops: Vec<Node>,
    /// What the block yields.
    pub results: Vec<Value>,
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "Block")]
        struct Fields {
            params: Vec<Value>,
            ops: Vec<Node>,
            results: Vec<Value>,
        }
        let _level = Level::enter()?;
        let Fields { params, ops, results } = Fields::deserialize(deserializer)?;
        Ok(Block { params, ops, results })
    }
}

/// An operation with its results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// The values that it defines.
    pub results: Vec<Value>,
    /// Where it comes from.
    pub site: Site,
}

/// Elementwise operations of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unary {
    /// Two's-complement negation.
    Neg,
    /// Complement of every bit; logical not on `Bool`.
    Not,
    /// Absolute value (of the least number: itself).
    Abs,
}

/// Elementwise operations of two operands of one type; the result has that type, but `Bool` for comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Binary {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product (of `Fix`: rescaled, to nearest, ties up).
    Mul,
    /// Quotient, as the language page defines it for each type.
    Div,
    /// Remainder.
    Rem,
    /// Power; `Int` alone.
    Pow,
    /// Shift left; the amount may be of any integer type and is read as unsigned.
    Shl,
    /// Shift right, arithmetic on signed types.
    Shr,
    /// Bitwise (on `Bool`: logical) and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Whether equal.
    Eq,
    /// Whether less, as numbers of the type.
    Lt,
    /// The lesser.
    Min,
    /// The greater.
    Max,
}

/// How an axis is reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reduction {
    /// Sum in the ring (0 of none).
    Add,
    /// Least (never of none).
    Min,
    /// Greatest (never of none).
    Max,
    /// Bitwise and (all ones of none).
    And,
    /// Bitwise or (0 of none).
    Or,
    /// Exclusive or (0 of none).
    Xor,
}

impl Reduction {
    /// The operation that joins two elements.
    pub fn binary(self) -> Binary {
        match self {
            Reduction::Add => Binary::Add,
            Reduction::Min => Binary::Min,
            Reduction::Max => Binary::Max,
            Reduction::And => Binary::And,
            Reduction::Or => Binary::Or,
            Reduction::Xor => Binary::Xor,
        }
    }
}

/// A constant tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Constant {
    /// One ring value in every element.
    Splat(u64),
    /// Row-major ring values.
    Dense(Vec<u64>),
    /// `0, 1, 2, …` along the only axis.
    Iota,
}

/// Geometry of a two-dimensional convolution (padding is a `Pad` before it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conv2d {
    /// Steps of the window, by height and width.
    pub stride: [u64; 2],
    /// Distance between the window's taps.
    pub dilation: [u64; 2],
    /// Groups of channels that are convolved apart.
    pub groups: u64,
}

/// The operations. The result type of each stands in `Program::values`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Op {
    // --- control and public
    /// Leaf `leaf` of parameter `param`.
    Input {
        /// Index into `Program::params`.
        param: u32,
        /// Which of its leaves.
        leaf: u32,
    },
    /// A constant.
    Const(Constant),
    /// Makes a value public to all. A leaf of the value becomes known in the middle of the program.
    Reveal(Value),
    /// Every party stops where the (public, scalar) condition is false.
    Assert(Value),
    /// Public random `Int`s below the (public, positive, scalar) bound, the same at every party, fresh in each run.
    RandomPublic(Value),
    /// `for i in from..to`: the block takes `i` (an `Int` scalar) and the carried values, and yields the next ones.
    Loop {
        /// First index, a public `Int` scalar.
        from: Value,
        /// One past the last; no iteration where it is not above `from`.
        to: Value,
        /// Carried values before the first iteration.
        init: Vec<Value>,
        /// Parameters: index, then carried values.
        body: Block,
    },
    /// Independent iterations `0..count`: the block takes the index; results are stacked along a new first axis.
    Each {
        /// Number of iterations.
        count: u64,
        /// Parameter: the index.
        body: Block,
    },
    /// A branch on a scalar `Bool`.
    If {
        /// The condition.
        cond: Value,
        /// Taken where it holds; no parameters.
        then: Block,
        /// Taken where not.
        otherwise: Block,
    },

    // --- structural
    /// The same elements, row-major, in the result's shape.
    Reshape(Value),
    /// To the result's shape, by NumPy's rule (axes aligned at the last, sizes of 1 repeated).
    Broadcast(Value),
    /// Axis `k` of the result is axis `perm[k]` of the operand.
    Transpose(Value, Vec<u8>),
    /// A box of the result's shape, from `starts` (a public `Int` scalar for each axis; checked when running).
    Slice(Value, Vec<Value>),
    /// `base` with the box at `starts` replaced by `part` (same rank).
    Update {
        /// The tensor before.
        base: Value,
        /// What is written.
        part: Value,
        /// A public `Int` scalar for each axis.
        starts: Vec<Value>,
    },
    /// Joins along the axis.
    Concat(Vec<Value>, u8),
    /// Adds elements of the scalar `fill` before and after each axis.
    Pad {
        /// What is padded.
        value: Value,
        /// The scalar that is put there.
        fill: Value,
        /// For each axis, how many before and after.
        widths: Vec<[u64; 2]>,
    },
    /// `value[indices]` along the first axis: indices are public `Int`s of any shape, checked when running; the result
    /// has the indices' shape, then the rest of the value's.
    Gather(Value, Value),

    // --- linear and bilinear
    /// `[batch.., M, K] × [batch.., K, N] → [batch.., M, N]`, summed in the ring and (of `Fix`) rescaled once.
    MatMul(Value, Value),
    /// `[N, C, H, W]` with `[O, C / groups, K, L]`, summed in the ring and (of `Fix`) rescaled once.
    Conv2d(Value, Value, Conv2d),

    // --- scalar functions over a batch
    /// Elementwise.
    Unary(Unary, Value),
    /// Elementwise; both operands have the result's shape. Operands share an element type, but the amount of a shift.
    Binary(Binary, Value, Value),
    /// Elementwise conversion to the result's element type; wraps (from `Int` too).
    Cast(Value),
    /// Elementwise conversion of public `Int`s to the result's element type; out of its range is an error when running.
    Coerce(Value),
    /// `a` where `cond`, else `b`; all of one shape.
    Select(Value, Value, Value),
    /// Reduces one axis.
    Reduce(Reduction, Value, u8),
    /// Oblivious read: `table: [batch.., n, rest..]`, `index: [batch..]` of an integer type → `[batch.., rest..]`, zero
    /// where the index is out of range.
    Read {
        /// What is read from.
        table: Value,
        /// Which entry.
        index: Value,
    },
    /// Oblivious write: like `Read`, the table with `value: [batch.., rest..]` at the index; unchanged where it is out
    /// of range.
    Write {
        /// The table before.
        table: Value,
        /// Which entry.
        index: Value,
        /// What is written there.
        value: Value,
    },
    /// An imported circuit: arguments of shape `[batch.., declared shape..]`, `batch` leading axes in common.
    Circuit {
        /// Index into `Program::circuits`.
        circuit: u32,
        /// How many leading axes are batch.
        batch: u8,
        /// The arguments.
        args: Vec<Value>,
    },
}

impl Program {
    /// The type of a value.
    pub fn ty(&self, v: Value) -> &Type {
        &self.values[v.0 as usize]
    }

    /// The element type of a value.
    pub fn elem(&self, v: Value) -> Elem {
        self.ty(v).elem
    }

    /// The shape of a value.
    pub fn shape(&self, v: Value) -> &Shape {
        &self.ty(v).shape
    }

    /// A fresh value of the type.
    pub fn fresh(&mut self, ty: Type) -> Value {
        self.values.push(ty);
        Value((self.values.len() - 1) as u32)
    }
}

impl Op {
    /// Calls `f` on every operand that stands in the operation itself (not those inside its blocks).
    pub fn for_each_operand(&self, mut f: impl FnMut(Value)) {
        match self {
            Op::Input { .. } | Op::Const(_) | Op::Each { .. } => {}
            Op::Reveal(v)
            | Op::Assert(v)
            | Op::RandomPublic(v)
            | Op::Reshape(v)
            | Op::Broadcast(v)
            | Op::Transpose(v, _)
            | Op::Unary(_, v)
            | Op::Cast(v)
            | Op::Coerce(v)
            | Op::Reduce(_, v, _)
            | Op::If { cond: v, .. } => f(*v),
            Op::Loop { from, to, init, .. } => {
                f(*from);
                f(*to);
                init.iter().copied().for_each(f);
            }
            Op::Slice(v, starts) => {
                f(*v);
                starts.iter().copied().for_each(f);
            }
            Op::Update { base, part, starts } => {
                f(*base);
                f(*part);
                starts.iter().copied().for_each(f);
            }
            Op::Concat(vs, _) | Op::Circuit { args: vs, .. } => vs.iter().copied().for_each(f),
            Op::Pad { value: a, fill: b, .. }
            | Op::Gather(a, b)
            | Op::MatMul(a, b)
            | Op::Conv2d(a, b, _)
            | Op::Binary(_, a, b)
            | Op::Read { table: a, index: b } => {
                f(*a);
                f(*b);
            }
            Op::Select(a, b, c) | Op::Write { table: a, index: b, value: c } => {
                f(*a);
                f(*b);
                f(*c);
            }
        }
    }

    /// Calls `f` on the operands of a structural operation whose elements are moved; the others are positions.
    pub fn for_each_data_operand(&self, mut f: impl FnMut(Value)) {
        match self {
            Op::Reshape(v) | Op::Broadcast(v) | Op::Transpose(v, _) | Op::Slice(v, _) | Op::Gather(v, _) => f(*v),
            Op::Update { base: a, part: b, .. } | Op::Pad { value: a, fill: b, .. } => {
                f(*a);
                f(*b);
            }
            Op::Concat(parts, _) => parts.iter().copied().for_each(f),
            _ => {}
        }
    }

    /// Calls `f` on every operand that stands in the operation itself, to replace it.
    pub fn for_each_operand_mut(&mut self, mut f: impl FnMut(&mut Value)) {
        match self {
            Op::Input { .. } | Op::Const(_) | Op::Each { .. } => {}
            Op::Reveal(v)
            | Op::Assert(v)
            | Op::RandomPublic(v)
            | Op::Reshape(v)
            | Op::Broadcast(v)
            | Op::Transpose(v, _)
            | Op::Unary(_, v)
            | Op::Cast(v)
            | Op::Coerce(v)
            | Op::Reduce(_, v, _)
            | Op::If { cond: v, .. } => f(v),
            Op::Loop { from, to, init, .. } => {
                f(from);
                f(to);
                init.iter_mut().for_each(f);
            }
            Op::Slice(v, starts) => {
                f(v);
                starts.iter_mut().for_each(f);
            }
            Op::Update { base, part, starts } => {
                f(base);
                f(part);
                starts.iter_mut().for_each(f);
            }
            Op::Concat(vs, _) | Op::Circuit { args: vs, .. } => vs.iter_mut().for_each(f),
            Op::Pad { value: a, fill: b, .. }
            | Op::Gather(a, b)
            | Op::MatMul(a, b)
            | Op::Conv2d(a, b, _)
            | Op::Binary(_, a, b)
            | Op::Read { table: a, index: b } => {
                f(a);
                f(b);
            }
            Op::Select(a, b, c) | Op::Write { table: a, index: b, value: c } => {
                f(a);
                f(b);
                f(c);
            }
        }
    }

    /// The blocks of the operation, to change them.
    pub fn blocks_mut(&mut self) -> Vec<&mut Block> {
        match self {
            Op::Loop { body, .. } | Op::Each { body, .. } => vec![body],
            Op::If { then, otherwise, .. } => vec![then, otherwise],
            _ => Vec::new(),
        }
    }

    /// The blocks of the operation.
    pub fn blocks(&self) -> Vec<&Block> {
        match self {
            Op::Loop { body, .. } | Op::Each { body, .. } => vec![body],
            Op::If { then, otherwise, .. } => vec![then, otherwise],
            _ => Vec::new(),
        }
    }
}
