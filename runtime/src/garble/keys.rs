//! The keys that gates take, in the order in which both parties come to them.

#[cfg(test)]
use std::cell::RefCell;

use crate::crypto::{GateKey, TweakKeys};

/// The keys of a session's gates. Each is handed out once.
pub(super) struct Keys(TweakKeys);

impl Keys {
    pub fn new(keys: TweakKeys) -> Self {
        Keys(keys)
    }

    /// For a gate of one ciphertext over `n` instances.
    #[inline]
    pub fn one(&mut self, n: usize) -> GateKey<'_> {
        let key = self.0.one();
        note(&[key], n);
        key
    }

    /// For both halves of a gate over `n` instances.
    #[inline]
    pub fn two(&mut self, n: usize) -> [GateKey<'_>; 2] {
        let keys = self.0.two();
        note(&keys, n);
        keys
    }
}

#[cfg(test)]
thread_local! {
    /// The keys that this thread's engines took, each with the number of instances that it served.
    pub static TAKEN: RefCell<Vec<(u128, usize)>> = const { RefCell::new(Vec::new()) };
}

/// Tests count the keys that are taken.
#[cfg_attr(not(test), allow(unused_variables))]
#[inline]
fn note(keys: &[GateKey<'_>], n: usize) {
    #[cfg(test)]
    TAKEN.with_borrow_mut(|taken| {
        use crate::crypto::isa::RoundKeys;
        taken.extend(keys.iter().map(|key| (key.round(0).value(), n)));
    });
}
