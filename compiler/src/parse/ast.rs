//! The syntax tree: what the parser makes of a file, with spans, before any name is resolved.

use crate::source::Span;

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The name.
    pub name: String,
    /// Its place.
    pub span: Span,
}

/// `a`, `nn::relu`, `T::BITS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// At least one.
    pub segments: Vec<Ident>,
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Its items, in order.
    pub items: Vec<Item>,
}

/// An item.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `use nn;`
    Use(Ident),
    /// `type fix = fix<40, 13>;`
    Type(TypeAlias),
    /// `const BATCH = 64;`
    Const(Const),
    /// `struct Mlp { … }`
    Struct(Struct),
    /// `fn f(…) { … }`
    Fn(Fn),
    /// `extern circuit f(…) -> T = "file.txt";`
    Extern(Extern),
}

/// A type alias.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeAlias {
    /// Documentation: the text of `///` lines.
    pub doc: String,
    /// Whether `pub`.
    pub public: bool,
    /// Its name.
    pub name: Ident,
    /// What it stands for.
    pub ty: Type,
    /// The whole item.
    pub span: Span,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Const {
    /// Documentation.
    pub doc: String,
    /// Whether `pub`.
    pub public: bool,
    /// Its name.
    pub name: Ident,
    /// Its type, where written.
    pub ty: Option<Type>,
    /// Its value.
    pub value: Expr,
    /// The whole item.
    pub span: Span,
}

/// A struct: `struct Dense[I, O] { w: fix[O, I], b: fix[O] }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    /// Documentation.
    pub doc: String,
    /// Whether `pub`.
    pub public: bool,
    /// Its name.
    pub name: Ident,
    /// Type parameters.
    pub types: Vec<TypeParam>,
    /// Dimension parameters.
    pub dims: Vec<Ident>,
    /// Fields.
    pub fields: Vec<Field>,
    /// The whole item.
    pub span: Span,
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
}

/// `T: ord`.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeParam {
    /// Its name.
    pub name: Ident,
    /// `int`, `num` or `ord`, where written.
    pub bound: Option<Ident>,
}

/// A function.
#[derive(Clone, Debug, PartialEq)]
pub struct Fn {
    /// Documentation.
    pub doc: String,
    /// Whether `pub`.
    pub public: bool,
    /// Its name.
    pub name: Ident,
    /// Type parameters: `<T: ord>`.
    pub types: Vec<TypeParam>,
    /// Dimension parameters: `[I, O]`.
    pub dims: Vec<Ident>,
    /// Parameters.
    pub params: Vec<Param>,
    /// Result; `None` for the unit.
    pub result: Option<ResultType>,
    /// Body.
    pub body: Block,
    /// The signature, for labels.
    pub span: Span,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// `const size: int`.
    pub is_const: bool,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
    /// `@ alice`.
    pub party: Option<Ident>,
    /// `= 1`.
    pub default: Option<Expr>,
    /// The whole parameter.
    pub span: Span,
}

/// What a function returns, and to whom an entry point shows it.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultType {
    /// `T`, `T @ alice`, `T @ (alice, bob)`.
    One(Shown),
    /// `(T @ alice, U)`: a tuple whose parts may go elsewhere each. Also a tuple type without `@`.
    Parts(Vec<Shown>, Span),
}

/// A type and who is shown it; `None` for every party.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The type.
    pub ty: Type,
    /// The parties.
    pub to: Option<Vec<Ident>>,
}

/// An imported circuit.
#[derive(Clone, Debug, PartialEq)]
pub struct Extern {
    /// Documentation.
    pub doc: String,
    /// Whether `pub`.
    pub public: bool,
    /// Its name.
    pub name: Ident,
    /// Parameters (no `const`, party or default).
    pub params: Vec<Param>,
    /// Result.
    pub result: Type,
    /// The file, relative to the source.
    pub path: String,
    /// The string's place.
    pub path_span: Span,
    /// The whole item.
    pub span: Span,
}

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// What.
    pub kind: TypeKind,
    /// Where.
    pub span: Span,
}

/// Kinds of types.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    /// `u8`, `fix`, `Mlp`, `T`, `fix<40, 13>`, `nn::Layer`.
    Named {
        /// The name.
        path: Path,
        /// What stands in angle brackets: expressions or types (`fix<B, F>` has expressions).
        args: Vec<TypeArg>,
    },
    /// `T[d1, d2]`: a tensor, or a struct with its dimension parameters; which is decided by names.
    Indexed {
        /// What is before the brackets.
        base: Box<Type>,
        /// The dimensions.
        dims: Vec<DimArg>,
    },
    /// `(T, U)`; `()` is the unit.
    Tuple(Vec<Type>),
}

/// What stands in angle brackets. A bare name is parsed as a type.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeArg {
    /// A type.
    Type(Type),
    /// A constant expression.
    Expr(Expr),
}

/// A dimension.
#[derive(Clone, Debug, PartialEq)]
pub enum DimArg {
    /// `..`, any leading dimensions.
    Rest(Span),
    /// A constant expression.
    Expr(Expr),
}

/// `{ … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Statements.
    pub stmts: Vec<Stmt>,
    /// The value, where the last expression has no semicolon.
    pub tail: Option<Box<Expr>>,
    /// With its braces.
    pub span: Span,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// What.
    pub kind: StmtKind,
    /// Where.
    pub span: Span,
}

/// Kinds of statements.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// `let mut x: T = e;`
    Let {
        /// What is bound.
        pattern: Pattern,
        /// The type, where written.
        ty: Option<Type>,
        /// The value.
        value: Expr,
    },
    /// `x[i] = e;`, `x += e;`
    Assign {
        /// A name with indices and fields.
        target: Expr,
        /// The operator of `+=` and the like.
        op: Option<BinaryOp>,
        /// The value.
        value: Expr,
    },
    /// `for p in e { … }`
    For {
        /// What is bound in each iteration.
        pattern: Pattern,
        /// Over what.
        iter: Iter,
        /// The body.
        body: Block,
    },
    /// `return e;`
    Return(Option<Expr>),
    /// `e;`, or an `if` or block that stands as a statement.
    Expr(Expr),
}

/// What a loop runs over.
#[derive(Clone, Debug, PartialEq)]
pub enum Iter {
    /// `a..b`.
    Range(Expr, Expr),
    /// The rows of a tensor, or of a tuple of tensors (`zip`).
    Rows(Expr),
}

/// What `let`, `for` and closures bind.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// `x`, `mut x`.
    Name {
        /// Whether it may be assigned.
        mutable: bool,
        /// The name.
        name: Ident,
    },
    /// `(a, b)`.
    Tuple(Vec<Pattern>, Span),
    /// `_`.
    Wild(Span),
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// Kinds of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `42`, `0xff`, `7u8`: digits without underscores or prefix, the radix, and the suffix (`u8`).
    Int {
        /// The digits.
        digits: String,
        /// 2, 10 or 16.
        radix: u32,
        /// The type's name, where written.
        suffix: Option<String>,
    },
    /// `3.25`, `1e-3`: the text without underscores.
    Decimal(String),
    /// `true`, `false`.
    Bool(bool),
    /// A name.
    Path(Path),
    /// `-e`, `!e`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `f(a, size = 2)`, `grad(f)(x)`, `nn::argmax(x)`.
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// The arguments.
        args: Vec<Arg>,
    },
    /// `x[i, 2..5, ..]`.
    Index {
        /// What is indexed.
        base: Box<Expr>,
        /// One for each axis; fewer stand for the first axes.
        indices: Vec<Index>,
    },
    /// `p.x`.
    Field(Box<Expr>, Ident),
    /// `t.0`.
    Part(Box<Expr>, u32, Span),
    /// `e as T`.
    Cast(Box<Expr>, Box<Type>),
    /// `if c { … } else { … }`.
    If {
        /// The condition.
        cond: Box<Expr>,
        /// Where it holds.
        then: Block,
        /// Where not: a block or another `if`.
        otherwise: Option<Box<Expr>>,
    },
    /// `{ … }`.
    Block(Block),
    /// `[a, b]`.
    Array(Vec<Expr>),
    /// `[e; n]`.
    Repeat(Box<Expr>, Box<Expr>),
    /// `(a, b)`; `()` is the unit.
    Tuple(Vec<Expr>),
    /// `Model { w: zeros(), b }`.
    Struct {
        /// Its name.
        path: Path,
        /// Its fields.
        fields: Vec<(Ident, Expr)>,
    },
    /// `|a, (i, v)| e`.
    Closure {
        /// Its parameters.
        params: Vec<Pattern>,
        /// Its body.
        body: Box<Expr>,
    },
}

/// An argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// `size = …`.
    pub name: Option<Ident>,
    /// The value.
    pub value: Expr,
}

/// What stands between the brackets of an index.
#[derive(Clone, Debug, PartialEq)]
pub enum Index {
    /// `i`.
    At(Expr),
    /// `a..b`, `a..`, `..b`.
    Range(Option<Expr>, Option<Expr>, Span),
    /// `..`: this axis whole — or, where fewer indices than axes are given, all axes that are left.
    Rest(Span),
}

/// Operators of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `!`
    Not,
}

/// Operators of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Pow,
    Shl,
    Shr,
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
    BitAnd,
    BitOr,
    BitXor,
    And,
    Or,
}
