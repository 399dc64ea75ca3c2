//! Small kernels that are run over and over become one: a circuit of a single instance.
//!
//! What it takes to start a kernel outweighs the gates of a small one, and over few instances an engine is at its best
//! with many gates that do not wait for each other. So where a loop goes through small kernels one after another, with
//! structural operations and short loops between them, they are executed on the bits of a circuit under construction, and
//! stand in the plan as its template. AES-128, sixteen bytes at a time in ten rounds, is one template of 6,400 ANDs.

use std::collections::{BTreeSet, HashMap, HashSet};

use motet_circuits::{Builder, Known};

use super::liveness::{blocks, blocks_mut, own_uses, yields};
use super::symbolic::{Obstacle, Symbolic};
use super::templates::Templates;
use super::trips::Trips;
use super::{Kernel, KernelInput, KernelOutput, Planned, Step};
use crate::clear;
use crate::data::{Tensor, Type};
use crate::ir::{Op, Party, Program, Site, Value};
use crate::place::Place;

/// Fewest times that steps must run for their circuit to be worth making: it takes as long as a few dozen runs.
const TIMES: u64 = 32;
/// How often a loop is taken to run whose bounds are known only when running.
const UNKNOWN: u64 = 64;
/// Kernels are small whose ANDs are fewer than this on the average.
const SMALL: u64 = 512;
/// Most ANDs of a merged kernel.
const MOST_ANDS: u64 = 1 << 14;
/// Most elements that are moved in one.
const MOST_MOVES: u64 = 1 << 18;
/// Most bits of a value that a merged kernel reads, moves or makes.
const MOST_BITS: u64 = 1 << 13;

/// What merging reads and adds to.
pub(super) struct Merge<'a> {
    pub program: &'a Program,
    /// The types of all values.
    pub types: &'a [Type],
    /// Where they are known.
    pub places: &'a [Place],
    /// Who garbles.
    pub garbler: Party,
    /// The templates.
    pub templates: &'a mut Templates,
    /// Values that need a shared representation too.
    pub shared: &'a mut BTreeSet<Value>,
}

/// Merges small kernels.
pub(super) fn merge(merge: Merge<'_>, steps: &mut Vec<Planned>) {
    let mut uses = HashMap::new();
    steps.iter().for_each(|planned| count_uses(&planned.step, &mut uses));
    let mut merger = Merger { merge, uses, known: HashMap::new(), trips: Trips::default() };
    merger.block(steps, 1);
    merger.merge.templates.keep_used(steps);
}

struct Merger<'a> {
    merge: Merge<'a>,
    /// How often each value is used.
    uses: HashMap<Value, u64>,
    /// Values that are known already.
    known: HashMap<Value, Tensor>,
    trips: Trips,
}

/// Steps that may become one kernel, in order, and what is clear between them.
#[derive(Default)]
struct Run {
    steps: Vec<Planned>,
    size: Size,
}

/// How much steps do.
#[derive(Clone, Copy, Default)]
struct Size {
    kernels: u64,
    ands: u64,
    /// Elements that are moved.
    moves: u64,
}

impl Size {
    fn add(self, other: Size, times: u64) -> Size {
        let sum = |a: u64, b: u64| a.saturating_add(b.saturating_mul(times));
        Size {
            kernels: sum(self.kernels, other.kernels),
            ands: sum(self.ands, other.ands),
            moves: sum(self.moves, other.moves),
        }
    }

    fn fits(&self) -> bool {
        self.ands <= MOST_ANDS && self.kernels <= MOST_ANDS && self.moves <= MOST_MOVES
    }
}

impl Merger<'_> {
    /// Merges the steps of a block that is run so many times.
    fn block(&mut self, steps: &mut Vec<Planned>, times: u64) {
        let mut out = Vec::with_capacity(steps.len());
        let mut run = Run::default();
        for mut planned in std::mem::take(steps) {
            if is_clear(&planned) {
                self.note(&planned.step);
                run.steps.push(planned);
                continue;
            }
            if times >= TIMES
                && let Some(size) = self.size(&planned.step, &mut HashSet::new())
            {
                if !run.size.add(size, 1).fits() {
                    self.close(std::mem::take(&mut run), &mut out);
                }
                run.size = run.size.add(size, 1);
                run.steps.push(planned);
                continue;
            }
            self.close(std::mem::take(&mut run), &mut out);
            let inside = match &planned.step {
                Step::Loop { from, to, .. } => times.saturating_mul(self.trips.of(*from, *to).unwrap_or(UNKNOWN)),
                _ => times,
            };
            blocks_mut(&mut planned.step).into_iter().for_each(|body| self.block(body, inside));
            out.push(planned);
        }
        self.close(run, &mut out);
        *steps = out;
    }

    /// Notes what is known of a step's results.
    fn note(&mut self, step: &Step) {
        self.trips.note(step);
        let Step::Clear(node) = step else { return };
        let small = node.results.iter().all(|v| self.bits(*v) <= MOST_BITS);
        let mut known = small && !matches!(node.op, Op::Input { .. } | Op::RandomPublic(_) | Op::Assert(_));
        node.op.for_each_operand(|v| known &= self.known.contains_key(&v));
        if known
            && let Ok(made) =
                clear::evaluate(self.merge.program, self.merge.types, node, &|v| &self.known[&v], &mut || 0)
        {
            self.known.extend(node.results.iter().copied().zip(made));
        }
    }

    fn bits(&self, v: Value) -> u64 {
        let ty = &self.merge.types[v.0 as usize];
        ty.count().saturating_mul(u64::from(ty.elem.bits()))
    }

    /// How much a step does, if it may be merged. `indexed` are values that follow from the indices of the loops around
    /// it, within what is merged.
    fn size(&mut self, step: &Step, indexed: &mut HashSet<Value>) -> Option<Size> {
        let small = |v: &Value| self.known.contains_key(v) || self.bits(*v) <= MOST_BITS;
        if !own_uses(step).iter().chain(&step.defines()).all(small) {
            return None;
        }
        match step {
            Step::Clear(node) => {
                self.note(step);
                let mut all = !matches!(node.op, Op::Input { .. } | Op::RandomPublic(_) | Op::Assert(_));
                node.op.for_each_operand(|v| all &= indexed.contains(&v) || self.known.contains_key(&v));
                indexed.extend(node.results.iter().filter(|_| all));
                all.then(Size::default)
            }
            Step::Structural(node) => {
                let mut known = HashSet::new();
                node.op.for_each_data_operand(|v| known.extend([v]));
                let mut all = true;
                node.op.for_each_operand(|v| {
                    all &= known.contains(&v) || indexed.contains(&v) || self.known.contains_key(&v);
                });
                let moves = node.results.iter().map(|v| self.merge.types[v.0 as usize].count()).sum();
                all.then_some(Size { moves, ..Size::default() })
            }
            Step::Kernel(kernel) => self.kernel(kernel),
            Step::Loop { from, to, index, carried, body } => {
                let trips = self.trips.of(*from, *to)?;
                if carried.iter().any(|c| self.merge.places[c.result.0 as usize] != Place::Shared) {
                    return None;
                }
                indexed.insert(*index);
                let mut once = Size::default();
                for planned in body {
                    once = once.add(self.size(&planned.step, indexed)?, 1);
                }
                Some(Size::default().add(once, trips)).filter(Size::fits)
            }
            _ => None,
        }
    }

    fn kernel(&self, kernel: &Kernel) -> Option<Size> {
        let points = |axes: &[u64]| axes.iter().fold(1u64, |n, size| n.saturating_mul(*size));
        let ands = |template: u32| {
            let counts = &self.merge.templates.all[template as usize].counts;
            counts.free + counts.half + counts.full
        };
        let instances = points(&kernel.shape);
        let reduced = kernel.reduce.as_ref().map_or(0, |r| points(&r.extents).saturating_mul(ands(r.step)));
        let ands = instances.saturating_mul(ands(kernel.template).saturating_add(reduced));
        Some(Size { kernels: 1, ands, moves: instances }).filter(Size::fits)
    }

    /// Puts a run's steps, or the kernel that they become, after the others.
    fn close(&mut self, run: Run, out: &mut Vec<Planned>) {
        let Run { steps, size } = run;
        if size.kernels < 2 || size.ands / size.kernels >= SMALL {
            return out.extend(steps);
        }
        // What is clear needs none of the others, and goes first.
        let (clear, shared): (Vec<Planned>, Vec<Planned>) = steps.iter().cloned().partition(is_clear);
        match self.kernel_of(&shared) {
            Ok(merged) => out.extend(clear.into_iter().chain([merged])),
            Err(_) => out.extend(steps),
        }
    }

    /// The kernel that does what the steps do.
    fn kernel_of(&mut self, steps: &[Planned]) -> Result<Planned, Obstacle> {
        let mut inside = HashMap::new();
        let (mut defined, mut read) = (Vec::new(), Vec::new());
        for planned in steps {
            count_uses(&planned.step, &mut inside);
            outside(&planned.step, &mut defined, &mut read);
        }
        let made: HashSet<Value> = defined.iter().copied().collect();
        let mut inputs = Vec::new();
        for v in read {
            if !made.contains(&v) && !self.known.contains_key(&v) && !inputs.contains(&v) {
                inputs.push(v);
            }
        }
        let outputs: Vec<Value> = steps.iter().flat_map(|planned| planned.step.defines()).collect();
        let outputs: Vec<Value> = outputs
            .into_iter()
            .filter(|v| self.uses.get(v).copied().unwrap_or(0) > inside.get(v).copied().unwrap_or(0))
            .collect();
        self.merge
            .shared
            .extend(inputs.iter().filter(|v| matches!(self.merge.places[v.0 as usize], Place::Private(_))));
        let Merge { program, types, .. } = self.merge;
        let widths: Vec<u32> = inputs.iter().map(|v| self.bits(*v) as u32).collect();
        let builder = Builder::new(widths.iter().sum());
        let mut symbolic = Symbolic::new(program, &self.merge.templates.all, types, builder, 2 * MOST_ANDS as usize);
        symbolic.clear = self.known.clone();
        let mut first = 0;
        for (v, width) in inputs.iter().zip(&widths) {
            symbolic.input(*v, first..first + width);
            first += width;
        }
        symbolic.steps(steps)?;
        let mut bits = Vec::new();
        for v in &outputs {
            bits.extend(symbolic.bits(*v).ok_or(super::symbolic::RUN_TIME)?);
        }
        let circuit = symbolic.builder.finish(bits);
        let known: Vec<Known> = inputs
            .iter()
            .zip(&widths)
            .flat_map(|(v, width)| std::iter::repeat_n(self.known_to(*v), *width as usize))
            .collect();
        let mut ands = HashMap::new();
        steps.iter().for_each(|planned| self.count_ands(&planned.step, 1, &mut ands));
        let mut ands: Vec<(Site, u64)> = ands.into_iter().collect();
        ands.sort_unstable();
        let axes = |v: Value| (0..types[v.0 as usize].shape.len() as u8).collect();
        let kernel = Kernel {
            shape: Vec::new(),
            inputs: inputs
                .iter()
                .map(|v| KernelInput { value: *v, known: self.known_to(*v), walk: Vec::new(), inner: axes(*v) })
                .collect(),
            reduce: None,
            template: self.merge.templates.add(circuit, known),
            outputs: outputs.iter().map(|v| KernelOutput { value: *v, inner: types[v.0 as usize].count() }).collect(),
            ands,
        };
        let site = steps.last().map_or(Site(0), |planned| planned.site);
        Ok(Planned { step: Step::Kernel(kernel), last: Vec::new(), site })
    }

    fn known_to(&self, v: Value) -> Known {
        match self.merge.places[v.0 as usize] {
            Place::Public => Known::Public,
            Place::Private(party) if party == self.merge.garbler => Known::Garbler,
            Place::Private(_) => Known::Evaluator,
            Place::Shared => Known::Nobody,
        }
    }

    /// Adds the ANDs of the kernels in a step, by where they come from.
    fn count_ands(&self, step: &Step, times: u64, ands: &mut HashMap<Site, u64>) {
        match step {
            Step::Kernel(kernel) => {
                let instances = kernel.shape.iter().fold(times, |n, size| n.saturating_mul(*size));
                for (site, count) in &kernel.ands {
                    let sum = ands.entry(*site).or_default();
                    *sum = sum.saturating_add(count.saturating_mul(instances));
                }
            }
            Step::Loop { from, to, body, .. } => {
                let times = times.saturating_mul(self.trips.of(*from, *to).unwrap_or(1));
                body.iter().for_each(|planned| self.count_ands(&planned.step, times, ands));
            }
            _ => {}
        }
    }
}

/// Whether a step works on what is clear, alone.
fn is_clear(planned: &Planned) -> bool {
    matches!(planned.step, Step::Clear(_) | Step::Triangular(_))
}

/// Counts what a step and its blocks use.
fn count_uses(step: &Step, uses: &mut HashMap<Value, u64>) {
    own_uses(step).into_iter().chain(yields(step)).for_each(|v| *uses.entry(v).or_default() += 1);
    blocks(step).into_iter().flatten().for_each(|planned| count_uses(&planned.step, uses));
}

/// What a step and its blocks define, and what they use, in order.
fn outside(step: &Step, defined: &mut Vec<Value>, read: &mut Vec<Value>) {
    read.extend(own_uses(step));
    if let Step::Loop { index, carried, .. } = step {
        defined.push(*index);
        defined.extend(carried.iter().map(|c| c.param));
    }
    for planned in blocks(step).into_iter().flatten() {
        outside(&planned.step, defined, read);
    }
    read.extend(yields(step));
    defined.extend(step.defines());
}
