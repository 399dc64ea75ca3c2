//! Symmetric primitives: blocks, the pseudorandom generator, key derivation, and the vector kernels for AES and
//! half-gates.
//!
//! Everything here is written once over [`isa::Vector`] and compiled for each instruction set; the choice is made at
//! run time ([`isa::Isa::detect`]). `unsafe` appears in the instruction sets' own files alone.

pub mod aes;
pub mod block;
pub mod buffer;
pub mod expand;
pub mod gate;
pub mod isa;
pub mod kdf;
#[cfg(test)]
pub(crate) mod known_answers;
pub mod prg;
pub mod transpose;

pub use block::Block;
pub use buffer::Buffer;
pub use gate::{GateKey, Kernels, TweakKeys};
pub use kdf::{Kdf, SessionId};
pub use prg::{Prg, RandomError, Stream};
