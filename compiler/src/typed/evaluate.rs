//! Evaluation at compile time, where a constant is needed.

use super::context::{Body, Checked};
use super::tree::Expr;

impl Body<'_, '_> {
    /// The value of an expression, where it can be known.
    pub fn evaluate(&mut self, _e: &Expr) -> Checked<Option<Expr>> {
        Ok(None)
    }
}
