//! Values that stay addends between products, as training has them: each party does alone what it can with its own addend,
//! and circuits find what is left, signs and carries. `docs/protocols.md` says how, and who learns what.

mod operations;
mod script;
mod wanted;

pub(super) use operations::OnAddends;
pub(super) use wanted::Wanted;
