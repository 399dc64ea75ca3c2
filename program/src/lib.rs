//! The compiled artifact of a Motet program (operations, loops, parties, inputs, outputs) and its plan.
//!
//! `ir` is the one representation between the compiler and the parties' machines: the compiler lowers to it, rewrites
//! it and hands it over; `plan` decides for a protocol how it is executed. This crate does no I/O.

pub mod artifact;
pub mod bilinear;
pub mod clear;
pub mod data;
mod depth;
pub mod flatten;
pub mod ir;
pub mod lattice;
pub mod place;
pub mod plan;
pub mod validate;
