//! Rewrites of the core, each from a program to an equal one.
//!
//! `PASSES` is the list, in order. `print` shows what each has left.

pub mod build;
mod if_conversion;
mod key;
mod peephole;
pub mod print;
pub(crate) mod rewrite;
mod simplify;
pub(crate) mod vectorise;

pub use if_conversion::if_conversion;
pub use simplify::simplify;
pub use vectorise::vectorise;

use motet_program::ir::Program;

/// A pass: its name, and what it does.
pub type Pass = (&'static str, fn(&Program) -> Program);

/// From the core that `lower` makes to a finished program.
pub const PASSES: [Pass; 4] =
    [("if_conversion", if_conversion), ("simplify", simplify), ("vectorise", vectorise), ("simplify", simplify)];

/// Applies every pass.
pub fn finish(core: &Program) -> Program {
    PASSES.iter().fold(core.clone(), |program, (_, pass)| pass(&program))
}

#[cfg(test)]
mod tests;
