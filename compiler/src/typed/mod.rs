//! Names, types, shapes: from the syntax tree to the typed tree.

pub mod dim;
pub mod tree;
