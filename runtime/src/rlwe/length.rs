//! That what comes in is as long as a product says.

use super::RlweError;

/// That a tensor has as many elements as its layer.
pub(super) fn check_elements(what: &'static str, expected: usize, got: usize) -> Result<(), RlweError> {
    if expected == got { Ok(()) } else { Err(RlweError::Elements { what, expected, got }) }
}

/// That a message is as long as it must be.
pub(super) fn check_length(what: &'static str, expected: usize, got: usize) -> Result<(), RlweError> {
    if expected == got { Ok(()) } else { Err(RlweError::Length { what, expected, got }) }
}
