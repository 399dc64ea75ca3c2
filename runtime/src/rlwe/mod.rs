//! Linear layers under lattice-based encryption: a server's private matrix times a client's share.
//!
//! Follows Cheetah (Huang, Lu, Hong and Ding, USENIX Security 2022), section 3 (products of tensors as products of
//! polynomials, coefficients extracted) over the BFV scheme (Fan and Vercauteren, ePrint 2012/144) with a secret key,
//! plaintexts mod 2^ℓ encoded as `round(Q·m / 2^ℓ)`.
//!
//! ```text
//! client: x                                        server: w
//!   SecretKey::generate, public_key ──public key──►  PublicKey::decode     once
//!                                                    Weights::prepare      once a matrix
//!   encrypt(x)                      ──request─────►  Weights::respond ──►  its share of y
//!   decrypt ──► its share of y      ◄──response────
//! ```
//!
//! What comes out are shares: client's + server's = W·x mod 2^ℓ, exactly. Where x is itself shared, the client encrypts
//! its share and the server adds W times its own in the clear.
//!
//! It protects against parties that follow the protocol and try to learn more than they should (semi-honest). The
//! server sees encryptions under a key that it does not have. The client knows its ciphertexts, their noise and its
//! key, from which a bare product would tell it the weights: so each response is added to a fresh public-key encryption
//! of zero, its values are masked by the server's share, and its noise is flooded (see `motet_program::lattice`). A client
//! that sends what is not an honest encryption is not protected against.

mod bits;
mod client;
mod error;
pub mod fuzz;
mod length;
mod modulus;
mod ntt;
mod rns;
mod sample;
mod server;
#[cfg(test)]
mod tests;

pub use client::SecretKey;
pub use error::RlweError;
pub use server::{PublicKey, Weights};
