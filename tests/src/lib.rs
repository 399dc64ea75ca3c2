//! Whole-system tests live in `tests/` beside this file's folder; here is what they share: the binary and its processes,
//! the cases of programs, inputs, and the compiler's stages.

pub mod cases;
pub mod differentiable;
pub mod generate;
pub mod inputs;
pub mod process;
pub mod relay;
pub mod stages;
pub mod two;
