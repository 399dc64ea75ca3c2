//! What stops a simulation.

use motet_program::data::{Elem, Type};
use thiserror::Error;

use crate::diagnostics::Diagnostic;
use crate::source::Span;

/// Why a simulation stopped, and where.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{kind}")]
pub struct SimulateError {
    /// What happened.
    pub kind: SimulateErrorKind,
    /// The place in the source; `None` for what is wrong with the inputs.
    pub span: Option<Span>,
    /// The calls that led there, outermost first.
    pub calls: Vec<Span>,
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SimulateErrorKind {
    /// A public `int` left 64 bits.
    #[error("`int` overflow: {a} {operator} {b} does not fit 64 bits")]
    IntOverflow {
        /// Left operand.
        a: i64,
        /// Operator as written.
        operator: &'static str,
        /// Right operand.
        b: i64,
    },
    /// A sum or product of many `int`s left 64 bits.
    #[error("`int` overflow: the sum does not fit 64 bits")]
    IntSumOverflow,
    /// An `int` divided by zero.
    #[error("`int` {0} is divided by zero")]
    IntDivision(i64),
    /// `2 ** -1`.
    #[error("negative power {0}")]
    NegativePower(i64),
    /// A public index that is no index of the axis.
    #[error("index {index} is out of range for an axis of {size}")]
    IndexOutOfRange {
        /// The index.
        index: i128,
        /// Elements of the axis.
        size: u64,
    },
    /// A slice that reaches out of its axis.
    #[error("slice of {len} from {start} is out of range for an axis of {size}")]
    SliceOutOfRange {
        /// First element.
        start: i128,
        /// Number of elements.
        len: u64,
        /// Elements of the axis.
        size: u64,
    },
    /// An `int` that does not fit where it is used.
    #[error("{value} does not fit {elem}")]
    DoesNotFit {
        /// The number.
        value: i64,
        /// The type asked for.
        elem: Elem,
    },
    /// `assert` failed.
    #[error("assertion failed")]
    AssertFailed,
    /// `min` or `max` of nothing.
    #[error("least or greatest of no elements")]
    EmptyReduction,
    /// A bound for public random numbers below 1.
    #[error("random numbers below {0}: the bound must be at least 1")]
    RandomBound(i64),
    /// More work than allowed.
    #[error("the program takes more than {0} steps, which is where the simulation was told to stop")]
    OutOfBudget(u64),
    /// A value larger than allowed.
    #[error("a value of {elements} elements is more than the simulation may hold ({limit})")]
    TooLarge {
        /// Its size.
        elements: u64,
        /// The limit.
        limit: u64,
    },
    /// Calls nested too deeply for the interpreter.
    #[error("calls are nested more than {0} deep")]
    TooDeep(usize),
    /// A `grad` inside what another one differentiates.
    #[error("the gradient of a gradient cannot be simulated in this version")]
    NestedGradients,
    /// The wrong number of inputs or leaves of one.
    #[error("expected {expected} {what}, found {found}")]
    InputCount {
        /// Of what.
        what: String,
        /// How many there are in the program.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// An input of another type than its parameter's.
    #[error("`{param}` is {expected}, but the input is {found}")]
    InputType {
        /// The parameter.
        param: String,
        /// Its type.
        expected: Type,
        /// The input's.
        found: Type,
    },
    /// An input with bits beyond its type, or of another length than its shape says.
    #[error("the input for `{0}` is no valid tensor of its type")]
    InputData(String),
    /// The interpreter's thread could not be started.
    #[error("the interpreter could not be started: {0}")]
    NoThread(String),
    /// The tree breaks its contract: an error of the compiler, not of the program.
    #[error("the compiler made a tree that cannot be interpreted ({0}); please report this")]
    Malformed(&'static str),
}

impl SimulateError {
    /// As a message with its places in the source; `None` where there is no place to show.
    pub fn diagnostic(&self) -> Option<Diagnostic> {
        let mut diagnostic = Diagnostic::error("simulate", self.kind.to_string(), self.span?, "here");
        if let Some(call) = self.calls.first().filter(|c| Some(**c) != self.span) {
            diagnostic = diagnostic.label(*call, "in this call");
        }
        Some(diagnostic)
    }
}

/// How evaluation leaves an expression early.
pub(super) enum Exit<V> {
    /// `return` with a value.
    Return(V),
    /// An error.
    Error(Box<SimulateError>),
}
