//! A bound on how deeply foreign bytes may nest, so that a hostile artifact cannot overflow the stack.

use std::cell::Cell;

use crate::ir::MAX_DEPTH;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Held while one level of a nested type is decoded.
pub(crate) struct Level;

impl Level {
    /// One level deeper.
    ///
    /// # Errors
    /// Where that is deeper than `MAX_DEPTH`.
    pub(crate) fn enter<E: serde::de::Error>() -> Result<Level, E> {
        DEPTH.with(|d| {
            if d.get() > MAX_DEPTH {
                return Err(E::custom("nested too deeply"));
            }
            d.set(d.get() + 1);
            Ok(Level)
        })
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.with(|d| d.set(d.get() - 1));
    }
}
