//! The library: `.mpc` modules that the compiler carries along.

/// The names of its modules.
pub const MODULES: &[&str] = &[];

/// The text of a module.
pub fn module(_name: &str) -> Option<&'static str> {
    None
}
