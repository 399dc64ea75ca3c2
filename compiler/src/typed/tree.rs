//! The typed tree: what names, types and shapes make of the syntax tree. `simulate` interprets it, `lower` translates it.
//!
//! Functions are *instances*: monomorphic in their types, `const` parameters and dimensions. In what `compile` checks,
//! every `Dim` is a number; in what `check` looks at, the entry's dimension parameters stay symbols. There is no
//! recursion: a function calls only functions of lower index.

use std::sync::Arc;

use motet_circuits::Circuit;
use motet_program::data::Elem;

use super::dim::Dim;
use crate::parse::ast::{BinaryOp, UnaryOp};
use crate::source::Span;

/// An index into `Tree::functions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

/// An index into `Function::locals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalId(pub u32);

/// A checked program.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Function instances; callees before callers.
    pub functions: Vec<Function>,
    /// The entry point's instance.
    pub entry: FunctionId,
    /// Names of the parties, in order of appearance in the signature.
    pub parties: Vec<String>,
    /// For each parameter of the entry: whose it is (index into `parties`), `None` where public.
    pub owners: Vec<Option<usize>>,
    /// The parts of the entry's result (one where it is no tuple): who is shown each, as indices into `parties`.
    pub shown: Vec<Vec<usize>>,
    /// Whether the entry's result type is a tuple; `shown` then has one entry per part.
    pub tuple_result: bool,
    /// Imported circuits.
    pub externs: Vec<ExternFn>,
}

/// An imported circuit.
#[derive(Clone, Debug)]
pub struct ExternFn {
    /// Its name.
    pub name: String,
    /// The circuit; input and output bits are the elements of the arguments and the result, row-major, low bit first.
    pub circuit: Arc<Circuit>,
}

/// A function instance.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its path as the user would write it: `main`, `nn::dense`.
    pub name: String,
    /// Where its signature stands.
    pub span: Span,
    /// Its parameters that hold values at run time (`const` ones are gone).
    pub params: Vec<LocalId>,
    /// Every local variable, parameters included.
    pub locals: Vec<Local>,
    /// Result type.
    pub result: Ty,
    /// The body; its type is `result`.
    pub body: Expr,
}

/// A local variable.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name (`_` where it has none).
    pub name: String,
    /// Its type.
    pub ty: Ty,
    /// Where it is declared.
    pub span: Span,
}

/// A type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ty {
    /// A scalar.
    Scalar(Elem),
    /// A tensor; its element is never a tensor itself (shapes are joined).
    Tensor(Box<Ty>, Vec<Dim>),
    /// A tuple; the empty one is the unit.
    Tuple(Vec<Ty>),
    /// A struct.
    Struct(Arc<StructTy>),
}

/// A struct type, its dimension parameters filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StructTy {
    /// Its path as the user would write it.
    pub name: String,
    /// Its fields, in order of declaration.
    pub fields: Vec<(String, Ty)>,
}

/// An expression with its type.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What.
    pub kind: ExprKind,
    /// Its type.
    pub ty: Ty,
    /// Where.
    pub span: Span,
}

/// Kinds of expressions. Operands are evaluated in order; every value is a copy.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A scalar constant: ring bits below 2^bits of the type (`Int`: the bits of its `i64`).
    Const(u64),
    /// A dimension parameter or constant expression, as an `Int`.
    Dim(Dim),
    /// A local variable.
    Local(LocalId),
    /// Element by element on tensors; on structs (`-` alone) field by field.
    Unary(UnaryOp, Box<Expr>),
    /// Operands have one element type (shifts: any integer type on the right; `Pow`: `Int`). Tensors are broadcast by
    /// NumPy's rule. Comparisons give `Bool`. `And` and `Or` evaluate their right side only where the left is public
    /// and does not decide. On structs: `+`, `-` field by field, and `*` with a scalar on either side.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `as`, written by the user: element by element to the type's elements; wraps.
    Cast(Box<Expr>),
    /// An `Int` (or tensor of them) used where another element type is asked for; out of range is an error at run time
    /// (constants have been checked and folded).
    Coerce(Box<Expr>),
    /// A call. Where `lead` is not empty, the function is applied once for each point of it: arguments marked `mapped`
    /// are sliced along their first `lead.len()` axes, the others are passed whole, results are stacked (each leaf of a
    /// tuple or struct gets `lead` in front).
    Call {
        /// The instance.
        function: FunctionId,
        /// Leading dimensions over which it is applied.
        lead: Vec<Dim>,
        /// For each parameter: the argument, and whether it is sliced.
        args: Vec<(Expr, bool)>,
    },
    /// A call of an imported circuit.
    Extern(usize, Vec<Expr>),
    /// A built-in operation.
    Builtin(Builtin, Vec<Expr>),
    /// `map(f, x, …)`: the body for each element (of a tensor of structs: each struct) of tensors of one shape.
    Map {
        /// The operands, of one shape.
        xs: Vec<Expr>,
        /// One parameter for each operand; its type is the operands' element.
        closure: Closure,
    },
    /// `fold(f, start, xs)`: over the first axis of `xs` (a tensor, or a tuple of tensors: `zip`).
    Fold {
        /// The accumulator before the first step.
        start: Box<Expr>,
        /// What is run over.
        xs: Box<Expr>,
        /// Parameters: accumulator, then a row (of a `zip`: a tuple of rows).
        closure: Closure,
    },
    /// `grad(f)(args)` or `value_and_grad(f)(args)`: the gradient of the scalar function in its first argument.
    Grad {
        /// The function.
        function: FunctionId,
        /// Its arguments.
        args: Vec<Expr>,
        /// Whether the value is returned too, as `(value, gradient)`.
        with_value: bool,
    },
    /// Indexing; of a tensor of structs too.
    Index(Box<Expr>, Vec<Index>),
    /// A field of a struct or a part of a tuple (of a tensor of structs: the tensor of that field).
    Field(Box<Expr>, usize),
    /// A tuple or struct from its parts, in order of declaration.
    Aggregate(Vec<Expr>),
    /// `[a, b]`: elements of one type, stacked.
    Array(Vec<Expr>),
    /// `[e; n]`: `n` copies, stacked.
    Repeat(Box<Expr>, Dim),
    /// A branch. Without `else` both sides are the unit.
    If {
        /// A scalar `Bool`; public or secret.
        cond: Box<Expr>,
        /// Where it holds.
        then: Box<Expr>,
        /// Where not.
        otherwise: Box<Expr>,
    },
    /// Statements, then a value (the unit where there is none).
    Block(Vec<Stmt>, Option<Box<Expr>>),
}

/// A function given to `map` or `fold`; it reads the enclosing function's locals and assigns only its own.
#[derive(Clone, Debug)]
pub struct Closure {
    /// Its parameters.
    pub params: Vec<Pattern>,
    /// Its body.
    pub body: Box<Expr>,
}

/// One index, for one axis. There is one for every axis of the base.
#[derive(Clone, Debug)]
pub enum Index {
    /// A scalar of any integer type, public or secret; the axis is dropped.
    At(Expr),
    /// `len` elements from a public start.
    Range(Expr, Dim),
    /// The whole axis.
    All,
}

/// What is bound.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// A variable.
    Local(LocalId),
    /// The parts of a tuple.
    Tuple(Vec<Pattern>),
    /// Nothing.
    Wild,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What.
    pub kind: StmtKind,
    /// Where.
    pub span: Span,
}

/// Kinds of statements.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// Binds.
    Let(Pattern, Expr),
    /// `place = value` (`x += e` has become `x = x + e`).
    Assign(Place, Expr),
    /// A loop over `from..to`, public integers; the pattern is an `Int`.
    Range {
        /// The loop variable.
        pattern: Pattern,
        /// First.
        from: Expr,
        /// One past the last.
        to: Expr,
        /// The body, a unit.
        body: Expr,
    },
    /// A loop over the rows of a tensor, or of each tensor of a tuple at once (all of one length).
    Rows {
        /// A row (of a tuple: a tuple of rows).
        pattern: Pattern,
        /// The tensor or tuple.
        xs: Expr,
        /// The body, a unit.
        body: Expr,
    },
    /// Leaves the function.
    Return(Expr),
    /// Evaluates and drops.
    Expr(Expr),
}

/// What is assigned: a variable, or a part of it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The variable.
    pub local: LocalId,
    /// From the whole variable inwards.
    pub path: Vec<Step>,
    /// Type of the part.
    pub ty: Ty,
}

/// A step into a variable.
#[derive(Clone, Debug)]
pub enum Step {
    /// A field or part.
    Field(usize),
    /// An element or a box.
    Index(Vec<Index>),
}

/// Built-in operations. Shapes stand in the expression's type; `int` arguments that are constants are in the variant.
#[derive(Clone, Debug, PartialEq)]
pub enum Builtin {
    /// `zeros()`, of the type asked for (a scalar, tensor, struct or tuple).
    Zeros,
    /// `ones()`.
    Ones,
    /// `full(v)`: the scalar in every element.
    Full,
    /// `iota()`: `0, 1, 2, …` along the only axis, `Int`.
    Iota,
    /// `concat(a, b, …)` along the first axis.
    Concat,
    /// `stack(a, b, …)` along a new first axis.
    Stack,
    /// `reshape(x, [..])`.
    Reshape,
    /// `transpose(x)` swaps the last two axes; `transpose(x, [perm])`: axis `k` of the result is `perm[k]` of `x`.
    Transpose(Vec<usize>),
    /// `broadcast(x, [..])`.
    Broadcast,
    /// `slice(x, axis, start, len)`: arguments `x, start`.
    Slice {
        /// The axis.
        axis: usize,
    },
    /// `gather(x, indices)` along the first axis; indices of any integer type, public or secret.
    Gather,
    /// `pad(x, [[1, 1], [0, 2]], v)`: arguments `x, v`.
    Pad(Vec<[Dim; 2]>),
    /// `matmul(a, b)`: NumPy's `matmul`, vectors included.
    MatMul,
    /// `dot(a, b)` of two vectors.
    Dot,
    /// `conv2d(x, w, stride, padding, dilation, groups)`.
    Conv2d {
        /// By height and width.
        stride: [u64; 2],
        /// By height and width.
        padding: [u64; 2],
        /// By height and width.
        dilation: [u64; 2],
        /// Groups of channels.
        groups: u64,
    },
    /// `sum(x)` over everything, `sum(x, axis)` over one.
    Sum(Option<usize>),
    /// `min(x)`, `min(x, axis)`.
    ReduceMin(Option<usize>),
    /// `max(x)`, `max(x, axis)`.
    ReduceMax(Option<usize>),
    /// `min(a, b)`, element by element, broadcast.
    Min,
    /// `max(a, b)`.
    Max,
    /// `abs(x)`.
    Abs,
    /// `select(c, a, b)`, broadcast; `a` and `b` may be tuples or structs under a scalar `c`.
    Select,
    /// `with_slope(y, x, slope)`: `y`; under `grad`, its derivative in `x` is the slope, which has the shape of `x`.
    WithSlope,
    /// `zip(a, b, …)`: a tuple of tensors of one length, for loops and `fold`.
    Zip,
    /// `reveal(x)`: of any type.
    Reveal,
    /// `assert(c)`.
    Assert,
    /// `random_public(bound)`: a tensor or scalar of public random `Int`s below the bound, agreed on by the parties.
    RandomPublic,
}

impl Ty {
    /// The unit.
    pub fn unit() -> Ty {
        Ty::Tuple(Vec::new())
    }

    /// A scalar or tensor's scalar element; `None` for tuples, structs and tensors of them.
    pub fn elem(&self) -> Option<Elem> {
        match self {
            Ty::Scalar(e) => Some(*e),
            Ty::Tensor(of, _) => of.elem(),
            Ty::Tuple(_) | Ty::Struct(_) => None,
        }
    }

    /// The shape of a tensor; empty for everything else.
    pub fn shape(&self) -> &[Dim] {
        match self {
            Ty::Tensor(_, shape) => shape,
            _ => &[],
        }
    }
}
