//! The values of a run, in the clear and shared.

use motet_program::ir::Value;

use super::super::array::Array;
use super::super::clear::Clear;
use super::super::error::ProtocolError;
use crate::crypto::Block;

/// A shared representation.
#[derive(Clone)]
pub(super) enum Shared {
    /// Known to both: labels are made where they are used.
    Public(Clear),
    /// Known to the garbler (`None` at the evaluator): labels are made where they are used.
    Garbler(Option<Clear>),
    /// Known to the evaluator (`None` at the garbler), and read by one kernel, which makes the labels.
    Evaluator(Option<Clear>),
    /// A label for each bit; plane `b` holds bit `b`'s.
    Labels(Array<Block>),
    /// This party's half of each element: the exclusive or of both is the element.
    Bits(Clear),
}

/// The representations of a value that this party has.
#[derive(Clone, Default)]
pub(super) struct Entry {
    pub clear: Option<Clear>,
    pub shared: Option<Shared>,
}

/// All values, by index.
pub(super) struct Values(Vec<Entry>);

impl Values {
    pub fn new(count: usize) -> Self {
        Values(vec![Entry::default(); count])
    }

    pub fn get(&self, v: Value) -> &Entry {
        const NOTHING: &Entry = &Entry { clear: None, shared: None };
        self.0.get(v.0 as usize).unwrap_or(NOTHING)
    }

    pub fn entry(&mut self, v: Value) -> Result<&mut Entry, ProtocolError> {
        self.0.get_mut(v.0 as usize).ok_or(ProtocolError::Plan("a step defines a value that does not exist"))
    }

    pub fn take(&mut self, v: Value) -> Entry {
        self.0.get_mut(v.0 as usize).map(std::mem::take).unwrap_or_default()
    }

    pub fn set_clear(&mut self, v: Value, clear: Clear) -> Result<(), ProtocolError> {
        *self.entry(v)? = Entry { clear: Some(clear), shared: None };
        Ok(())
    }

    pub fn set_shared(&mut self, v: Value, shared: Shared) -> Result<(), ProtocolError> {
        *self.entry(v)? = Entry { clear: None, shared: Some(shared) };
        Ok(())
    }

    /// The clear representation, which the plan says exists here.
    pub fn clear(&self, v: Value) -> Result<&Clear, ProtocolError> {
        self.get(v).clear.as_ref().ok_or(ProtocolError::Plan("a step uses a value that is not known in the clear"))
    }

    /// The shared representation, which the plan says exists.
    pub fn shared(&self, v: Value) -> Result<&Shared, ProtocolError> {
        self.get(v).shared.as_ref().ok_or(ProtocolError::Plan("a step uses a value that is not shared"))
    }

    /// A public `Int` scalar.
    pub fn int(&self, v: Value) -> Result<i64, ProtocolError> {
        match self.clear(v)? {
            array if array.count() == 1 => Ok(array.first() as i64),
            _ => Err(ProtocolError::Plan("a position is not a scalar")),
        }
    }

    /// Public `Int`s.
    pub fn ints(&self, v: Value) -> Option<Vec<i64>> {
        let words = self.get(v).clear.as_ref()?.to_vec().ok()?;
        Some(words.into_iter().map(|word| word as i64).collect())
    }
}
