//! The results of a kernel while they are made: labels, or where the value is only opened, their colours.

use std::collections::HashSet;
use std::ops::Range;

use motet_program::data::Type;
use motet_program::ir::Value;
use motet_program::plan::KernelOutput;

use super::super::array::{Array, buffer};
use super::super::clear::sizes;
use super::super::error::ProtocolError;
use super::kernel::MISFIT;
use super::values::{Shared, Values};
use crate::crypto::Block;
use crate::garble::{Batch, Engine, MAX_BATCH, Prepared, from_planes};

/// The results of a kernel while they are made.
pub(super) struct Results {
    parts: Vec<Part>,
}

struct Part {
    value: Value,
    shape: Vec<usize>,
    bits: usize,
    inner: usize,
    kept: Kept,
}

/// What is kept of a result.
enum Kept {
    /// Its labels, plane after plane.
    Labels(Vec<Block>),
    /// Their colours, element after element: this party's half of each bit.
    Colours(Vec<u64>),
}

impl Results {
    /// Room for the results of so many instances; of those that are `opened`, colours are enough.
    ///
    /// # Errors
    /// There is not enough memory, or the outputs do not fit their values.
    pub fn new(
        outputs: &[KernelOutput],
        types: &[Type],
        opened: &HashSet<Value>,
        instances: usize,
    ) -> Result<Self, ProtocolError> {
        let part = |output: &KernelOutput| {
            let ty = types.get(output.value.0 as usize).ok_or(MISFIT)?;
            let inner = output.inner as usize;
            if instances.checked_mul(inner).map(|n| n as u64) != Some(ty.count()) {
                return Err(MISFIT);
            }
            let bits = ty.elem.bits() as usize;
            let kept = if opened.contains(&output.value) {
                Kept::Colours(buffer(1, instances * inner)?)
            } else {
                Kept::Labels(buffer(bits, instances * inner)?)
            };
            Ok(Part { value: output.value, shape: sizes(ty), bits, inner, kept })
        };
        Ok(Results { parts: outputs.iter().map(part).collect::<Result<_, _>>()? })
    }

    /// Output bits of an instance.
    pub fn bits(&self) -> usize {
        self.parts.iter().map(|part| part.bits.saturating_mul(part.inner)).fold(0, usize::saturating_add)
    }

    /// Takes the outputs of the template that was run, for instances from `from` on.
    pub fn store(&mut self, engine: &mut Engine, batch: &Batch, template: &Prepared, from: usize) {
        let mut index = 0;
        for part in &mut self.parts {
            for element in 0..part.inner {
                let outputs = index..index + part.bits;
                let first = from * part.inner + element;
                match &mut part.kept {
                    Kept::Labels(labels) => {
                        let plane = labels.len() / part.bits;
                        for (bit, output) in outputs.enumerate() {
                            let out = &mut labels[bit * plane + first..];
                            store_labels(engine, batch, template, output, out, part.inner);
                        }
                    }
                    Kept::Colours(words) => {
                        store_colours(engine, batch, template, outputs, &mut words[first..], part.inner);
                    }
                }
                index += part.bits;
            }
        }
    }

    /// Defines them.
    ///
    /// # Errors
    /// The plan breaks its contract.
    pub fn define(self, values: &mut Values) -> Result<(), ProtocolError> {
        for Part { value, shape, bits, kept, .. } in self.parts {
            let shared = match kept {
                Kept::Labels(labels) => Shared::Labels(Array::new(bits, &shape, labels)),
                Kept::Colours(words) => Shared::Bits(Array::new(1, &shape, words)),
            };
            values.set_shared(value, shared)?;
        }
        Ok(())
    }
}

/// Writes the labels of an output, an instance's every `stride` places.
fn store_labels(
    engine: &mut Engine,
    batch: &Batch,
    template: &Prepared,
    output: usize,
    out: &mut [Block],
    stride: usize,
) {
    let n = batch.len();
    if stride == 1 {
        return engine.output(template, batch, output, &mut out[..n]);
    }
    let mut labels = [Block::ZERO; MAX_BATCH];
    engine.output(template, batch, output, &mut labels[..n]);
    out.iter_mut().step_by(stride).zip(&labels[..n]).for_each(|(to, label)| *to = *label);
}

/// Writes the colours of a word's outputs, an instance's word every `stride` places.
fn store_colours(
    engine: &mut Engine,
    batch: &Batch,
    template: &Prepared,
    outputs: Range<usize>,
    out: &mut [u64],
    stride: usize,
) {
    let n = batch.len();
    let bits = outputs.len();
    let mut planes = [0; 64];
    let mut labels = [Block::ZERO; MAX_BATCH];
    for (plane, output) in planes.iter_mut().zip(outputs) {
        engine.output(template, batch, output, &mut labels[..n]);
        for (half, labels) in labels[..n].chunks(64).enumerate() {
            let colours = labels.iter().rev().fold(0, |colours, label| colours << 1 | u64::from(label.colour()));
            *plane |= u128::from(colours) << (64 * half);
        }
    }
    let mut words = [0; MAX_BATCH];
    from_planes(&planes[..bits], &mut words[..n]);
    out.iter_mut().step_by(stride).zip(&words[..n]).for_each(|(to, word)| *to = *word);
}
