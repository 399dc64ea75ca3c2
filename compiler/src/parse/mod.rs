//! From a file's text to its syntax tree.

pub mod ast;
