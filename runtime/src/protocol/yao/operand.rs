//! An operand of a kernel: where the elements of each instance lie, and how they become labels and known bits.

use motet_circuits::Known;
use motet_program::data::Type;
use motet_program::plan::KernelInput;

use super::super::array::Array;
use super::super::clear::Clear;
use super::super::error::ProtocolError;
use super::super::layout::{Layout, Run};
use super::ahead::Ahead;
use super::party::Side;
use super::values::{Shared, Values};
use crate::crypto::Block;
use crate::garble::{Batch, MAX_BATCH, Prepared, to_planes};

/// An operand that does not fit its value.
pub(super) const MISFIT: ProtocolError = ProtocolError::Plan("an operand of a kernel does not fit its value");

/// An operand, resolved.
pub(super) struct Operand<'a> {
    bits: usize,
    /// Elements inside an instance.
    inner: usize,
    labels: Labels<'a>,
    /// The clear value and where it is read, where this party needs it.
    known: Option<(&'a Clear, Cursor)>,
}

/// Where labels come from.
enum Labels<'a> {
    /// Both know the value: 0 is active.
    Public,
    /// The seed that both hold.
    Derived,
    /// They are held.
    Stored(&'a Array<Block>, Cursor),
    /// They are transferred as they are loaded; the value and where it is read, at the evaluator.
    Transferred(Option<(&'a Clear, Cursor)>, Ahead),
}

/// The instances whose elements are wanted: instances `from..to` of the kernel at each of `lanes` reduction indices,
/// `first`, `first + apart`, …
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    pub from: usize,
    pub to: usize,
    pub first: usize,
    pub apart: usize,
    pub lanes: usize,
    /// How many instances from `from` on will be wanted in all.
    pub most_instances: usize,
    /// How many indices from `first` on will be wanted in all.
    pub most_indices: usize,
}

impl Window {
    /// Instances of a kernel without a reduction.
    pub fn of(from: usize, to: usize, count: usize) -> Window {
        Window { from, to, first: 0, apart: 0, lanes: 1, most_instances: count - from, most_indices: 1 }
    }
}

impl<'a> Operand<'a> {
    /// Finds an operand's representations. `instances` and `extents` are the kernel's axes.
    ///
    /// # Errors
    /// The plan breaks its contract.
    pub fn resolve(
        input: &KernelInput,
        types: &[Type],
        values: &'a Values,
        garbler: bool,
        instances: &[usize],
        extents: &[usize],
    ) -> Result<Self, ProtocolError> {
        let ty = types.get(input.value.0 as usize).ok_or(MISFIT)?;
        let bits = ty.elem.bits() as usize;
        let inner = inner_count(input, ty).ok_or(MISFIT)?;
        let entry = values.get(input.value);
        let labels = match (input.known, &entry.shared) {
            (Known::Public, _) => Labels::Public,
            (_, Some(Shared::Labels(labels))) if labels.planes() == bits => {
                Labels::Stored(labels, Cursor::new(labels.layout(), input, instances, extents)?)
            }
            (_, Some(Shared::Public(_) | Shared::Garbler(_))) => Labels::Derived,
            (_, Some(Shared::Evaluator(clear))) => {
                let source = clear
                    .as_ref()
                    .map(|clear| Cursor::new(clear.layout(), input, instances, extents).map(|cursor| (clear, cursor)));
                Labels::Transferred(source.transpose()?, Ahead::default())
            }
            _ => return Err(MISFIT),
        };
        let knows = match input.known {
            Known::Public => true,
            Known::Garbler => garbler,
            Known::Evaluator => !garbler,
            Known::Nobody => false,
        };
        let derives = garbler && matches!(labels, Labels::Derived);
        let known = if knows || derives {
            let clear = match (&entry.clear, &entry.shared) {
                (Some(clear), _)
                | (None, Some(Shared::Public(clear) | Shared::Garbler(Some(clear)) | Shared::Evaluator(Some(clear)))) => {
                    clear
                }
                _ => return Err(MISFIT),
            };
            Some((clear, Cursor::new(clear.layout(), input, instances, extents)?))
        } else {
            None
        };
        Ok(Operand { bits, inner, labels, known })
    }

    /// How labels are transferred as they are loaded, if they are.
    pub fn transferred(&mut self) -> Option<&mut Ahead> {
        match &mut self.labels {
            Labels::Transferred(_, ahead) => Some(ahead),
            Labels::Public | Labels::Derived | Labels::Stored(..) => None,
        }
    }

    /// Loads the window's elements into the batch from input `slot` of the template on; returns the next input.
    ///
    /// # Errors
    /// Labels have to be transferred, and the link or the other party failed.
    pub fn load(
        &mut self,
        window: Window,
        mut slot: usize,
        template: &Prepared,
        batch: &mut Batch,
        side: &mut Side<'_>,
        runs: &mut Vec<Run>,
    ) -> Result<usize, ProtocolError> {
        let first = slot;
        if let Some((clear, cursor)) = &self.known {
            cursor.runs(window, runs);
            let buffer = clear.plane(0);
            for element in 0..self.inner {
                let mut words = [0; MAX_BATCH];
                let count = collect(buffer, cursor.inner[element], runs, &mut words);
                to_planes(&words[..count], batch.bits_mut(slot, self.bits));
                slot += self.bits;
            }
        }
        let end = first + self.inner * self.bits;
        match &mut self.labels {
            Labels::Stored(labels, cursor) => {
                cursor.runs(window, runs);
                for element in 0..self.inner {
                    for bit in 0..self.bits {
                        let slot = first + element * self.bits + bit;
                        if template.labelled(slot) {
                            collect(labels.plane(bit), cursor.inner[element], runs, batch.labels_mut(slot));
                        }
                    }
                }
            }
            Labels::Transferred(source, ahead) => {
                let source = source.as_ref().map(|(clear, cursor)| (*clear, cursor));
                ahead.reach(window, source, self.inner, self.bits, side, runs)?;
                for slot in (first..end).filter(|slot| template.labelled(*slot)) {
                    ahead.copy(window, slot - first, self.inner * self.bits, batch.labels_mut(slot));
                }
            }
            Labels::Derived | Labels::Public => {
                let public = matches!(self.labels, Labels::Public);
                for slot in (first..end).filter(|slot| template.labelled(*slot)) {
                    let bits = batch.bits(slot);
                    if public {
                        side.engine.public(bits, batch.labels_mut(slot));
                    } else {
                        side.engine.derive(bits, batch.labels_mut(slot));
                    }
                }
            }
        }
        Ok(end)
    }
}

/// How many of the value's elements stand inside an instance.
pub(super) fn inner_count(input: &KernelInput, ty: &Type) -> Option<usize> {
    input.inner.iter().try_fold(1usize, |count, axis| {
        let size = *ty.shape.get(usize::from(*axis))?;
        count.checked_mul(usize::try_from(size).ok()?)
    })
}

/// Input bits of a template that the operands take.
pub(super) fn width(inputs: &[KernelInput], types: &[Type]) -> Option<usize> {
    inputs.iter().try_fold(0usize, |width, input| {
        let ty = types.get(input.value.0 as usize)?;
        width.checked_add(inner_count(input, ty)?.checked_mul(ty.elem.bits() as usize)?)
    })
}

/// Copies the elements of the runs, moved by `offset`; returns how many.
pub(super) fn collect<E: Copy>(buffer: &[E], offset: usize, runs: &[Run], out: &mut [E]) -> usize {
    let mut at = 0;
    for run in runs {
        let out = &mut out[at..at + run.len];
        let start = run.offset + offset;
        match run.stride {
            0 => out.fill(buffer[start]),
            1 => out.copy_from_slice(&buffer[start..start + run.len]),
            stride => out.iter_mut().zip(buffer[start..].iter().step_by(stride)).for_each(|(to, from)| *to = *from),
        }
        at += run.len;
    }
    at
}

/// How an operand's elements follow the kernel's axes in their buffer.
pub(super) struct Cursor {
    instances: Layout,
    /// The reduction axes; their offset is 0.
    extents: Layout,
    /// The elements inside an instance, from its first.
    pub inner: Vec<usize>,
}

impl Cursor {
    pub fn new(
        layout: &Layout,
        input: &KernelInput,
        instances: &[usize],
        extents: &[usize],
    ) -> Result<Self, ProtocolError> {
        if input.walk.len() != instances.len() + extents.len() {
            return Err(MISFIT);
        }
        // How far each axis of the value is walked; all of it must exist.
        let mut last = vec![0usize; layout.shape.len()];
        let mut strides = Vec::with_capacity(input.walk.len());
        for (walk, &size) in input.walk.iter().zip(instances.iter().chain(extents)) {
            let Some(walk) = walk else {
                strides.push(0);
                continue;
            };
            let (axis, step) = (usize::from(walk.axis), walk.step as usize);
            let reach = last.get_mut(axis).ok_or(MISFIT)?;
            *reach = reach.saturating_add(size.saturating_sub(1).saturating_mul(step));
            strides.push(layout.strides[axis].wrapping_mul(step));
        }
        let mut inner = vec![0];
        for axis in &input.inner {
            let axis = usize::from(*axis);
            let size = *layout.shape.get(axis).ok_or(MISFIT)?;
            last[axis] = last[axis].saturating_add(size.saturating_sub(1));
            let stride = layout.strides[axis];
            inner = inner.iter().flat_map(|first| (0..size).map(move |i| first + i * stride)).collect();
        }
        let nothing = instances.contains(&0);
        if !nothing && !extents.contains(&0) && last.iter().zip(&layout.shape).any(|(last, size)| last >= size) {
            return Err(MISFIT);
        }
        let reduction = strides.split_off(instances.len());
        Ok(Cursor {
            instances: Layout { shape: instances.to_vec(), strides, offset: layout.offset }.merged(),
            extents: Layout { shape: extents.to_vec(), strides: reduction, offset: 0 }.merged(),
            inner,
        })
    }

    /// The runs in which the window's first elements lie.
    pub fn runs(&self, window: Window, out: &mut Vec<Run>) {
        out.clear();
        for lane in 0..window.lanes {
            let moved = self.extents.at(window.first + lane * window.apart);
            self.instances.runs(window.from, window.to, |run| {
                append(out, Run { offset: run.offset + moved, ..run });
            });
        }
    }
}

/// Appends a run, to the last one where it goes on from there.
fn append(runs: &mut Vec<Run>, next: Run) {
    if let Some(last) = runs.last_mut() {
        let stride = if last.len == 1 { next.offset.checked_sub(last.offset) } else { Some(last.stride) };
        let goes_on = stride.is_some_and(|stride| {
            next.offset == last.offset + last.len * stride && (next.len == 1 || next.stride == stride)
        });
        if let Some(stride) = stride.filter(|_| goes_on) {
            last.stride = stride;
            last.len += next.len;
            return;
        }
    }
    runs.push(next);
}
