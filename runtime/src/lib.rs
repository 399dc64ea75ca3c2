//! Running a plan with other parties. Layers, each using only those before it: `net`, `crypto`, `ot`, `garble`, `gmw`,
//! `ring`, `rlwe`, `protocol`, `session`.

pub mod crypto;
pub mod garble;
pub mod gmw;
pub mod net;
pub mod ot;
pub mod protocol;
pub mod ring;
pub mod rlwe;
pub mod session;
