//! Boolean circuits: gates, builder, arithmetic gadgets, optimiser, schedule, plaintext evaluation, Bristol Fashion.
//!
//! A `Circuit` is an XOR-AND graph whose edges may be complemented (so NOT is free and structural hashing is strong). A
//! `Template` is a circuit scheduled and register-allocated for execution over many instances at once.

pub mod gadgets;

pub mod bristol;

mod builder;
mod circuit;
mod evaluate;
#[doc(hidden)]
pub mod fuzz;
mod optimise;
mod order;
mod schedule;
mod template;
#[cfg(test)]
mod testing;

pub use bristol::{Bristol, BristolError};
pub use builder::{Builder, Form, MAX_NODES};
pub use circuit::{Bit, Circuit, CircuitError, Gate};
pub use template::{AndKind, Counts, CrossTerm, Fan, Instr, Known, Output, Template, TemplateError};
