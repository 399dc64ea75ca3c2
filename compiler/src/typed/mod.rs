//! Names, types, shapes: from the syntax tree to the typed tree.

pub mod data_types;
pub mod dim;
pub mod tree;
