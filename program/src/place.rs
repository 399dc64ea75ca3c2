//! Where each value of a program is known: public, private to one party, or shared.

use serde::{Deserialize, Serialize};

use crate::ir::Party;

/// Where a value is known in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Place {
    /// By all parties.
    Public,
    /// By one party alone.
    Private(Party),
    /// By nobody.
    Shared,
}

impl Place {
    /// Where a value computed from both is known.
    pub fn join(self, other: Place) -> Place {
        match (self, other) {
            (Place::Public, x) | (x, Place::Public) => x,
            (a, b) if a == b => a,
            _ => Place::Shared,
        }
    }
}
