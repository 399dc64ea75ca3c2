//! Running a plan with other parties. Layers, each using only those before it: `net`, `crypto`, `ot`, `garble`, `gmw`,
//! `ring`, `rlwe`, `protocol`, `session`; `memcheck` marks what is secret, for a check.

pub mod crypto;
pub mod garble;
pub mod gmw;
pub mod memcheck;
pub mod net;
pub mod ot;
pub mod protocol;
pub mod ring;
pub mod rlwe;
pub mod session;
