//! Rewrites of the core, each from a program to an equal one.

pub mod build;
mod if_conversion;
mod key;
mod peephole;
pub mod print;
mod public_reads;
mod rewrite;
mod simplify;
mod vectorise;

pub use if_conversion::if_conversion;
pub use public_reads::public_reads;
pub use simplify::simplify;
pub use vectorise::vectorise;

#[cfg(test)]
mod tests;
