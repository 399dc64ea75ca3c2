//! What can be wrong with an input.

use std::io;

use thiserror::Error;

/// An input that cannot be used.
#[derive(Debug, Error)]
pub enum InputError {
    /// An argument without a name or value.
    #[error("`--input {0}`: expected NAME=VALUE, such as `a=5` or `image=7.npy`")]
    NotAPair(String),
    /// A map of a name that is none.
    #[error("`--map {0}`: expected PLACE=NAME, such as `model.w1=fc1.weight`")]
    NotAMap(String),
    /// Two maps to one place.
    #[error("`--map {0}`: another one says what stands there")]
    MappedTwice(String),
    /// A map of a parameter without an input.
    #[error("`--map {argument}`: there is no --input for `{parameter}`")]
    MapsNothing {
        /// The argument.
        argument: String,
        /// The parameter.
        parameter: String,
    },
    /// A map from a name that the input does not have.
    #[error("`--map {argument}`: the input has no `{name}` (it has {found})")]
    NoName {
        /// The argument.
        argument: String,
        /// The name.
        name: String,
        /// Names that there are.
        found: String,
    },
    /// A parameter without an input.
    #[error("no input for `{name}: {ty}`; give one with --input {name}=VALUE")]
    Missing {
        /// The parameter.
        name: String,
        /// Its type.
        ty: String,
    },
    /// An input for which there is no parameter.
    #[error("`--input {name}=…`: {reason}")]
    Unexpected {
        /// The name.
        name: String,
        /// Why it is not wanted.
        reason: String,
    },
    /// The same part twice.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// A file that cannot be read.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: FileProblem,
    },
    /// A file that exists, with an ending that means nothing.
    #[error("`--input {name}={path}`: a data file must end in .npy, .npz, .safetensors, .csv or .json")]
    UnknownFormat {
        /// The parameter.
        name: String,
        /// The file.
        path: String,
    },
    /// A value that is neither a literal nor a file.
    #[error("`--input {name}={value}`: neither a literal (`5`, `[1.5, 2]`, `true`) nor a data file: {problem}")]
    Literal {
        /// The parameter.
        name: String,
        /// The value, shortened.
        value: String,
        /// What is wrong with it as a literal.
        problem: FileProblem,
    },
    /// Data of another form than the type.
    #[error("`{place}` must be {expected}, but the input is {found}")]
    Form {
        /// Which part: `model.w1`.
        place: String,
        /// The type.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A struct without one of its fields.
    #[error("`{place}`: the input has no field `{field}` (it has {found})")]
    NoField {
        /// Which struct.
        place: String,
        /// The field.
        field: String,
        /// Fields that there are.
        found: String,
    },
    /// A field that the struct does not have.
    #[error("`{place}` has no field `{field}` (it has {expected})")]
    ExtraField {
        /// Which struct.
        place: String,
        /// The field of the input.
        field: String,
        /// The struct's fields.
        expected: String,
    },
    /// A number out of the type's range.
    #[error("{place} = {value} does not fit {ty} ({least} to {greatest})")]
    Range {
        /// Which element: `image[3, 4]`.
        place: String,
        /// The number.
        value: String,
        /// The type.
        ty: String,
        /// The least value of the type.
        least: String,
        /// The greatest value of the type.
        greatest: String,
    },
    /// A number of the wrong kind.
    #[error("{place} = {value} is no {ty}{hint}")]
    Kind {
        /// Which element.
        place: String,
        /// The number.
        value: String,
        /// The type.
        ty: String,
        /// What to do about it, in brackets; or nothing.
        hint: &'static str,
    },
}

/// What is wrong with a data file or literal.
#[derive(Debug, Error)]
pub enum FileProblem {
    /// The file cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Longer than is read.
    #[error("{size} bytes are more than is read of such a file ({limit})")]
    TooLong {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// More elements than are read.
    #[error("more than {0} elements")]
    TooManyElements(u64),
    /// Not JSON, or not of numbers.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Not CSV.
    #[error("{0}")]
    Csv(#[from] ::csv::Error),
    /// A cell that is no number.
    #[error("line {line}, column {column}: `{cell}` is no number")]
    Cell {
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: usize,
        /// What stands there.
        cell: String,
    },
    /// A safetensors file that is none.
    #[error("{0}")]
    SafeTensors(#[from] ::safetensors::SafeTensorError),
    /// Not a zip archive.
    #[error("{0}")]
    Zip(#[from] ::zip::result::ZipError),
    /// An array's header that cannot be understood.
    #[error("no NumPy array: {0}")]
    NumpyHeader(String),
    /// A type of element that is not read.
    #[error("elements of type {0} are not supported; use integers, booleans or floats")]
    ElementType(String),
    /// Fewer or more bytes than the shape asks for.
    #[error("an array of {expected} bytes in a file with {found}")]
    Length {
        /// By its shape.
        expected: u64,
        /// In the file.
        found: u64,
    },
    /// An array without a name that a field can have.
    #[error("`{0}` is no name of a field")]
    Name(String),
    /// The same name twice.
    #[error("`{0}` stands there twice")]
    Twice(String),
}
