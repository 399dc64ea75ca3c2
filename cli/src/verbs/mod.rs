//! The verbs of the command line, one file each: its arguments, and what it does with them.

pub mod bench;
pub mod check;
pub mod compile;
pub mod completions;
pub mod demo;
pub mod explain;
pub mod export;
pub mod keygen;
pub mod new;
pub mod plot;
pub mod prepare;
pub mod run;
pub mod simulate;
