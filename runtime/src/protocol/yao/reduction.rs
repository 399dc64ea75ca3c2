//! A reduction inside each instance of a kernel, split into lanes; see `plan::Reduce`.
//!
//! In what order indices are taken and lanes are joined is the same for garbled circuits and for circuits on shared bits.
//! How a template is run, and what an accumulator is, says [`Fold`].

use motet_program::data::Type;
use motet_program::plan::{Kernel, Reduce};

use super::super::error::ProtocolError;
use super::kernel::MISFIT;
use super::operand::{Window, width};
use crate::garble::Prepared;
use crate::gmw::Levels;

/// A template ready to run.
pub(super) trait Circuit {
    /// Number of input bits.
    fn input_bits(&self) -> usize;
    /// Number of output bits.
    fn output_bits(&self) -> usize;
    /// Most instances that are run together.
    fn at_once(&self) -> usize;
}

impl Circuit for Prepared {
    fn input_bits(&self) -> usize {
        self.inputs().len()
    }

    fn output_bits(&self) -> usize {
        self.outputs()
    }

    fn at_once(&self) -> usize {
        self.batch()
    }
}

impl Circuit for Levels {
    fn input_bits(&self) -> usize {
        self.inputs().len()
    }

    fn output_bits(&self) -> usize {
        self.outputs()
    }

    fn at_once(&self) -> usize {
        self.together()
    }
}

/// Runs templates over a kernel's operands and its accumulators, which stand plane after plane, each of `items`: lane after
/// lane, instance after instance.
pub(super) trait Fold<T> {
    /// All accumulators become these bits.
    fn start(&mut self, bits: &[bool], items: usize) -> Result<(), ProtocolError>;
    /// A batch of a template begins.
    fn begin(&mut self, template: &T, items: usize);
    /// Loads the operands from input `slot` on; returns the next input.
    fn operands(&mut self, window: Window, template: &T, slot: usize) -> Result<usize, ProtocolError>;
    /// Loads the accumulators from `item` on into the inputs from `slot` on.
    fn load(&mut self, slot: usize, bits: usize, items: usize, item: usize);
    /// Runs the template.
    fn run(&mut self, template: &T) -> Result<(), ProtocolError>;
    /// Its outputs become the accumulators from `item` on.
    fn store(&mut self, template: &T, bits: usize, items: usize, item: usize);
}

/// What a kernel's reduction is.
pub(super) struct Reduction<'t, T> {
    start: &'t [bool],
    step: &'t T,
    wide: Option<(usize, &'t T)>,
    combine: Option<&'t T>,
    /// Accumulators of an instance.
    pub lanes: usize,
    /// Indices that a lane takes, without what is left for lane 0.
    share: usize,
    /// All indices.
    total: usize,
    /// Instances that are taken together.
    pub group: usize,
    /// Lanes of instances that are run at once.
    batch: usize,
    /// Sizes of the reduction's axes.
    pub extents: Vec<usize>,
}

impl<'t, T: Circuit> Reduction<'t, T> {
    /// The reduction of a kernel whose templates are `template`.
    ///
    /// # Errors
    /// They do not fit.
    pub fn new(
        reduce: &'t Reduce,
        kernel: &Kernel,
        types: &[Type],
        template: impl Fn(u32) -> Result<&'t T, ProtocolError>,
    ) -> Result<Self, ProtocolError> {
        let bits = reduce.start.len();
        let operands = width(&kernel.inputs, types);
        let fits = |template: &T, operands: Option<usize>, outputs: usize| {
            operands.and_then(|n| n.checked_add(bits)) == Some(template.input_bits())
                && template.output_bits() == outputs
        };
        let last = template(kernel.template)?;
        let step = template(reduce.step)?;
        let mut fit = fits(step, operands, bits) && fits(last, width(&reduce.finish, types), last.output_bits());
        let wide = match reduce.wide {
            None => None,
            Some(wide) => {
                let factor = wide.factor as usize;
                let template = template(wide.template)?;
                fit &= factor > 0 && fits(template, operands.and_then(|n| n.checked_mul(factor)), bits);
                Some((factor, template))
            }
        };
        let lanes = reduce.lanes as usize;
        let combine = if lanes > 1 { Some(template(reduce.combine)?) } else { None };
        fit &= lanes > 0 && combine.is_none_or(|combine| fits(combine, Some(bits), bits));
        let extents: Vec<usize> = reduce.extents.iter().map(|size| *size as usize).collect();
        let total = extents.iter().try_fold(1usize, |n, size| n.checked_mul(*size));
        let (Some(total), true) = (total, fit) else { return Err(MISFIT) };
        let share = total / lanes;
        let share = wide.map_or(share, |(factor, _)| share / factor * factor);
        let batch = [Some(step), wide.map(|wide| wide.1), combine, Some(last)];
        let batch = batch.into_iter().flatten().map(T::at_once).min().unwrap_or(1);
        let group = (batch / lanes).max(1);
        Ok(Reduction { start: &reduce.start, step, wide, combine, lanes, share, total, group, batch, extents })
    }

    /// Bits of an accumulator.
    pub fn bits(&self) -> usize {
        self.start.len()
    }

    /// Leaves the reduced instances `from..to` in lane 0 of the accumulators.
    ///
    /// # Errors
    /// The link or the other party failed, or there is not enough memory.
    pub fn accumulate(&self, fold: &mut impl Fold<T>, from: usize, to: usize) -> Result<(), ProtocolError> {
        let instances = to - from;
        let items = self.lanes * instances;
        fold.start(self.start, items)?;
        // All instances of as many lanes as fill a batch; a group of one instance may have more lanes than that.
        let lanes_at_once = (self.batch / instances).max(1);
        for lane in (0..self.lanes).step_by(lanes_at_once) {
            let lanes = lanes_at_once.min(self.lanes - lane);
            let first = lane * self.share;
            let window =
                Window { first, apart: self.share, lanes, most_indices: self.share, ..Window::of(from, to, to) };
            self.steps(fold, window, [lane * instances, items], self.share)?;
        }
        let done = self.lanes * self.share;
        let left = self.total - done;
        let window = Window { first: done, most_indices: left, ..Window::of(from, to, to) };
        self.steps(fold, window, [0, items], left)?;
        self.fold_lanes(fold, instances)
    }

    /// Takes `count` indices from the window's on: as many wide steps as fit, then single ones. The window's accumulators
    /// stand from `item` on.
    fn steps(
        &self,
        fold: &mut impl Fold<T>,
        window: Window,
        [item, items]: [usize; 2],
        count: usize,
    ) -> Result<(), ProtocolError> {
        let n = window.lanes * (window.to - window.from);
        let mut done = 0;
        while done < count {
            let (taken, template) = match self.wide {
                Some((factor, template)) if count - done >= factor => (factor, template),
                _ => (1, self.step),
            };
            fold.begin(template, n);
            let slot = (done..done + taken).try_fold(0, |slot, index| {
                let at = Window { first: window.first + index, most_indices: count - index, ..window };
                fold.operands(at, template, slot)
            })?;
            fold.load(slot, self.bits(), items, item);
            fold.run(template)?;
            fold.store(template, self.bits(), items, item);
            done += taken;
        }
        Ok(())
    }

    /// Combines lanes pairwise until one remains.
    fn fold_lanes(&self, fold: &mut impl Fold<T>, instances: usize) -> Result<(), ProtocolError> {
        let Some(combine) = self.combine else { return Ok(()) };
        let items = self.lanes * instances;
        let mut lanes = self.lanes;
        while lanes > 1 {
            let half = lanes / 2;
            let (end, other) = (half * instances, (lanes - half) * instances);
            for item in (0..end).step_by(self.batch) {
                fold.begin(combine, self.batch.min(end - item));
                fold.load(0, self.bits(), items, item);
                fold.load(self.bits(), self.bits(), items, other + item);
                fold.run(combine)?;
                fold.store(combine, self.bits(), items, item);
            }
            lanes -= half;
        }
        Ok(())
    }
}
