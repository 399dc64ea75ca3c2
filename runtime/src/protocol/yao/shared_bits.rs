//! Kernels on shared bits: the instances of a kernel are cut into batches as large as working memory allows, since a
//! batch pays for every level of its template.

use motet_circuits::Known;
use motet_program::data::Type;
use motet_program::plan::{Kernel, KernelInput, Plan};
use zeroize::Zeroizing;

use super::super::array::{Array, buffer};
use super::super::clear::{Clear, sizes};
use super::super::error::ProtocolError;
use super::super::layout::Run;
use super::kernel::MISFIT;
use super::operand::{Cursor, Window, collect, inner_count, width};
use super::party::Side;
use super::reduction::{Fold, Reduction};
use super::values::{Shared, Values};
use crate::crypto::{Kernels, TweakKeys};
use crate::garble::transpose;
use crate::gmw::{Batch, Levels, Products, Role};

/// The templates of a plan as levels, and working memory for them.
pub(super) struct SharedBits {
    levels: Vec<Levels>,
    products: Products,
    batch: Batch,
    runs: Vec<Run>,
}

impl SharedBits {
    /// `keys` are the same at both parties.
    pub fn new(plan: &Plan, garbler: bool, keys: TweakKeys) -> SharedBits {
        let role = if garbler { Role::Garbler } else { Role::Evaluator };
        SharedBits {
            levels: plan.templates.iter().map(|template| Levels::new(template, role)).collect(),
            products: Products::new(Kernels::detect(), keys),
            batch: Batch::default(),
            runs: Vec::new(),
        }
    }

    /// Runs a kernel and defines its results.
    ///
    /// # Errors
    /// The link failed, there is not enough memory, or the plan breaks its contract.
    pub fn run(
        &mut self,
        kernel: &Kernel,
        types: &[Type],
        values: &mut Values,
        side: &mut Side<'_>,
    ) -> Result<(), ProtocolError> {
        let instances: Vec<usize> = kernel.shape.iter().map(|size| *size as usize).collect();
        let count = instances.iter().try_fold(1usize, |n, size| n.checked_mul(*size)).ok_or(MISFIT)?;
        let SharedBits { levels, products, batch, runs } = self;
        let template = |index: u32| levels.get(index as usize).ok_or(MISFIT);
        let last = template(kernel.template)?;
        let mut results = Results::new(kernel, types, count, last)?;
        let resolve = |inputs: &[KernelInput], extents: &[usize], side: &Side<'_>| {
            let resolved = inputs.iter().map(|i| Operand::resolve(i, types, values, side, &instances, extents));
            resolved.collect::<Result<Vec<_>, _>>()
        };
        let mut machine = Machine { side, products, batch, runs };
        match &kernel.reduce {
            None => {
                if width(&kernel.inputs, types) != Some(last.inputs().len()) {
                    return Err(MISFIT);
                }
                let operands = resolve(&kernel.inputs, &[], machine.side)?;
                let most = last.together();
                for from in (0..count).step_by(most) {
                    let to = count.min(from + most);
                    machine.batch.begin(last, to - from);
                    machine.load(&operands, Window::of(from, to, count), 0);
                    machine.run(last)?;
                    results.store(&machine, last, from);
                }
            }
            Some(reduce) => {
                // Several indices at once are for garbled circuits.
                if reduce.wide.is_some() {
                    return Err(MISFIT);
                }
                let reduction = Reduction::new(reduce, kernel, types, template)?;
                let operands = resolve(&kernel.inputs, &reduction.extents, machine.side)?;
                let finish = resolve(&reduce.finish, &[], machine.side)?;
                for from in (0..count).step_by(reduction.group) {
                    let to = count.min(from + reduction.group);
                    let (operands, sums) = (&operands[..], Zeroizing::default());
                    let mut fold = Accumulate { machine: &mut machine, operands, sums };
                    reduction.accumulate(&mut fold, from, to)?;
                    fold.begin(last, to - from);
                    let next = fold.machine.load(&finish, Window::of(from, to, count), 0);
                    fold.load(next, reduction.bits(), reduction.lanes * (to - from), 0);
                    machine.run(last)?;
                    results.store(&machine, last, from);
                }
            }
        }
        results.define(values)
    }
}

/// An operand: this party's share of each element, and where the elements of an instance lie.
struct Operand {
    bits: usize,
    inner: usize,
    /// Nothing where this party's bits are 0.
    held: Option<(Clear, Cursor)>,
}

impl Operand {
    fn resolve(
        input: &KernelInput,
        types: &[Type],
        values: &Values,
        side: &Side<'_>,
        instances: &[usize],
        extents: &[usize],
    ) -> Result<Operand, ProtocolError> {
        let ty = types.get(input.value.0 as usize).ok_or(MISFIT)?;
        let entry = values.get(input.value);
        let held = match (input.known, &entry.clear, &entry.shared) {
            (Known::Garbler, ..) if !side.garbles() => None,
            (Known::Evaluator, ..) if side.garbles() => None,
            (Known::Nobody, _, Some(shared)) => Some(side.halves(shared, &sizes(ty))),
            (Known::Nobody, _, None) => return Err(MISFIT),
            (_, Some(clear), _) => Some(clear.clone()),
            (_, None, Some(Shared::Public(clear) | Shared::Garbler(Some(clear)) | Shared::Evaluator(Some(clear)))) => {
                Some(clear.clone())
            }
            _ => return Err(MISFIT),
        };
        let located = |held: Clear| Cursor::new(held.layout(), input, instances, extents).map(|cursor| (held, cursor));
        Ok(Operand {
            bits: ty.elem.bits() as usize,
            inner: inner_count(input, ty).ok_or(MISFIT)?,
            held: held.map(located).transpose()?,
        })
    }
}

/// What runs a template over one batch.
struct Machine<'m, 's> {
    side: &'m mut Side<'s>,
    products: &'m mut Products,
    batch: &'m mut Batch,
    runs: &'m mut Vec<Run>,
}

impl Machine<'_, '_> {
    /// Loads operands from input `slot` on; returns the next input.
    fn load(&mut self, operands: &[Operand], window: Window, mut slot: usize) -> usize {
        let items = self.batch.len();
        let mut words = Zeroizing::new(vec![0; items]);
        for operand in operands {
            if let Some((held, cursor)) = &operand.held {
                cursor.runs(window, self.runs);
                for element in 0..operand.inner {
                    collect(held.plane(0), cursor.inner[element], self.runs, &mut words);
                    self.put(slot + element * operand.bits, operand.bits, &words, items, 0);
                }
            }
            slot += operand.inner * operand.bits;
        }
        slot
    }

    /// Loads `bits` bits of the words of each instance, from `item` on, into the inputs from `slot` on. Of more than 64
    /// bits each 64 are a plane of `items` words.
    fn put(&mut self, slot: usize, bits: usize, words: &[u64], items: usize, item: usize) {
        let n = self.batch.len();
        for first in (0..bits).step_by(64) {
            let plane = &words[first / 64 * items + item..][..n];
            for (at, words) in plane.chunks(64).enumerate() {
                let mut square = [0; 64];
                square[..words.len()].copy_from_slice(words);
                transpose(&mut square);
                for (bit, column) in square.iter().enumerate().take(bits - first) {
                    self.batch.input(slot + first + bit)[at] = *column;
                }
            }
        }
    }

    /// The inverse, of the outputs from `index` on.
    fn get(&self, template: &Levels, index: usize, bits: usize, words: &mut [u64], items: usize, item: usize) {
        let n = self.batch.len();
        let mut columns = Zeroizing::new(vec![0; 64 * self.batch.words()]);
        for first in (0..bits).step_by(64) {
            let count = (bits - first).min(64);
            let plane = &mut words[first / 64 * items + item..][..n];
            for bit in 0..count {
                let column = &mut columns[bit * self.batch.words()..][..self.batch.words()];
                self.batch.output(template, index + first + bit, column);
            }
            for (at, words) in plane.chunks_mut(64).enumerate() {
                let mut square = [0; 64];
                for (bit, word) in square.iter_mut().enumerate().take(count) {
                    *word = columns[bit * self.batch.words() + at];
                }
                transpose(&mut square);
                words.copy_from_slice(&square[..words.len()]);
            }
        }
    }

    fn run(&mut self, template: &Levels) -> Result<(), ProtocolError> {
        self.side.run_levels(template, self.batch, self.products)?;
        self.side.meter.add(template.ands() * self.batch.len() as u64, self.side.channel);
        Ok(())
    }
}

/// The results of a kernel while they are made.
struct Results {
    parts: Vec<Part>,
}

struct Part {
    value: motet_program::ir::Value,
    shape: Vec<usize>,
    bits: usize,
    inner: usize,
    words: Vec<u64>,
}

impl Results {
    fn new(kernel: &Kernel, types: &[Type], instances: usize, last: &Levels) -> Result<Self, ProtocolError> {
        let part = |output: &motet_program::plan::KernelOutput| {
            let ty = types.get(output.value.0 as usize).ok_or(MISFIT)?;
            let inner = output.inner as usize;
            if instances.checked_mul(inner).map(|n| n as u64) != Some(ty.count()) {
                return Err(MISFIT);
            }
            let words = buffer(1, instances * inner)?;
            Ok(Part { value: output.value, shape: sizes(ty), bits: ty.elem.bits() as usize, inner, words })
        };
        let parts: Vec<Part> = kernel.outputs.iter().map(part).collect::<Result<_, _>>()?;
        let bits = parts.iter().map(|part| part.bits.saturating_mul(part.inner)).fold(0, usize::saturating_add);
        if bits == last.outputs() { Ok(Results { parts }) } else { Err(MISFIT) }
    }

    /// Takes the outputs of the template that was run, for instances from `from` on.
    fn store(&mut self, machine: &Machine<'_, '_>, template: &Levels, from: usize) {
        let n = machine.batch.len();
        let mut words = Zeroizing::new(vec![0; n]);
        let mut index = 0;
        for part in &mut self.parts {
            for element in 0..part.inner {
                machine.get(template, index, part.bits, &mut words, n, 0);
                let places = part.words[from * part.inner + element..].iter_mut().step_by(part.inner);
                places.zip(words.iter()).for_each(|(to, word)| *to = *word);
                index += part.bits;
            }
        }
    }

    fn define(self, values: &mut Values) -> Result<(), ProtocolError> {
        for part in self.parts {
            values.set_shared(part.value, Shared::Bits(Array::new(1, &part.shape, part.words)))?;
        }
        Ok(())
    }
}

/// The accumulators of a reduction: for each 64 bits a plane of words, of which each party has a share.
struct Accumulate<'f, 'm, 's> {
    machine: &'f mut Machine<'m, 's>,
    operands: &'f [Operand],
    sums: Zeroizing<Vec<u64>>,
}

impl Fold<Levels> for Accumulate<'_, '_, '_> {
    fn start(&mut self, bits: &[bool], items: usize) -> Result<(), ProtocolError> {
        self.sums = Zeroizing::new(buffer(bits.len().div_ceil(64), items)?);
        if self.machine.side.garbles() {
            for (plane, bits) in self.sums.chunks_mut(items).zip(bits.chunks(64)) {
                plane.fill(bits.iter().enumerate().fold(0, |word, (i, bit)| word | u64::from(*bit) << i));
            }
        }
        Ok(())
    }

    fn begin(&mut self, template: &Levels, items: usize) {
        self.machine.batch.begin(template, items);
    }

    fn operands(&mut self, window: Window, _: &Levels, slot: usize) -> Result<usize, ProtocolError> {
        Ok(self.machine.load(self.operands, window, slot))
    }

    fn load(&mut self, slot: usize, bits: usize, items: usize, item: usize) {
        self.machine.put(slot, bits, &self.sums, items, item);
    }

    fn run(&mut self, template: &Levels) -> Result<(), ProtocolError> {
        self.machine.run(template)
    }

    fn store(&mut self, template: &Levels, bits: usize, items: usize, item: usize) {
        self.machine.get(template, 0, bits, &mut self.sums, items, item);
    }
}
