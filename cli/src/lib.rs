//! The command line's parts; the binary `motet` is a thin `main` over them.

pub mod input;
pub mod output;
