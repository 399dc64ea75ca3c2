//! From `.mpc` source to a program.

pub mod diagnostics;
pub mod lower;
pub mod parse;
pub mod passes;
pub mod simulate;
pub mod source;
pub mod typed;
