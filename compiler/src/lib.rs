//! From `.mpc` source to a program.

pub mod diagnostics;
pub mod parse;
pub mod simulate;
pub mod source;
pub mod typed;
