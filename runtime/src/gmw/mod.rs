//! Circuits on shared bits: a circuit template run over a batch, level by level, each wire the exclusive or of a bit
//! that the garbler holds and one that the evaluator holds.
//!
//! **Follows** Goldreich, Micali and Wigderson, "How to Play any Mental Game" (STOC 1987), with products of random bits
//! made ahead of need from correlated OTs and opened differences (Beaver, CRYPTO 1991; from OT extension as in Asharov,
//! Lindell, Schneider and Zohner, CCS 2013, section 5.4). **Assumes** the OTs (see `ot`) and the gates' hash.
//! **Protects** against a semi-honest peer.
//!
//! An AND of shared bits `x ⊕ x'` and `y ⊕ y'` is two products that each party computes alone, and two *cross terms*
//! `x y'` and `y x'`. A cross term of the garbler's `u` and the evaluator's `v` uses up one random product `αβ = γ ⊕ γ'`:
//! the garbler sends `d = u ⊕ α`, the evaluator `e = v ⊕ β`, and `u v = (e u ⊕ γ) ⊕ (d β ⊕ γ')`. Cross terms of a level with
//! the same `v` (a *fan*: a selection of words, carries that one position passes on) share `β`, `e` and the OT. Both messages of a level
//! cross on the line, so a level takes half a round trip. Where one party knows an operand there is one cross term,
//! where it knows both there is none.
//!
//! Who is the garbler here garbles nothing: the name says which of the two parties it is in the plan.

mod batch;
mod exchange;
mod levels;
mod products;
#[cfg(test)]
mod tests;
mod words;

pub use batch::Batch;
pub use levels::{Levels, Role};
pub use products::{Products, Source};
