//! Whole-system tests live in `tests/` beside this file; here is what they share.

pub mod inputs;
pub mod stages;
