//! What the walk has found of indices and conditions, for the stages that act on it.
//!
//! A function has an *instance* for each combination of its arguments' labels. Expressions are named by their addresses:
//! labels are of one tree, and are made anew for a copy of it.

use std::collections::{HashMap, HashSet};

use crate::typed::tree::Expr;

/// An instance of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InstanceId(usize);

/// Which indices and conditions of a tree are secret.
#[derive(Default)]
pub(crate) struct Labels {
    instances: Vec<Instance>,
}

#[derive(Default)]
struct Instance {
    secret: HashSet<usize>,
    callees: HashMap<usize, InstanceId>,
}

impl Labels {
    /// The entry point, which has one instance.
    pub const ENTRY: InstanceId = InstanceId(0);

    /// Whether an index, or the condition of a branch, `&&` or `||`, is secret.
    pub fn is_secret(&self, instance: InstanceId, e: &Expr) -> bool {
        self.instances.get(instance.0).is_some_and(|i| i.secret.contains(&address(e)))
    }

    /// The instance that a call (or a `grad`) is of.
    pub fn callee(&self, instance: InstanceId, e: &Expr) -> InstanceId {
        self.instances.get(instance.0).and_then(|i| i.callees.get(&address(e))).copied().unwrap_or(Self::ENTRY)
    }

    pub(super) fn instance(&mut self) -> InstanceId {
        self.instances.push(Instance::default());
        InstanceId(self.instances.len() - 1)
    }

    pub(super) fn note_secret(&mut self, instance: InstanceId, e: &Expr) {
        self.instances[instance.0].secret.insert(address(e));
    }

    pub(super) fn note_call(&mut self, instance: InstanceId, e: &Expr, callee: InstanceId) {
        self.instances[instance.0].callees.insert(address(e), callee);
    }
}

fn address(e: &Expr) -> usize {
    std::ptr::from_ref(e).addr()
}
