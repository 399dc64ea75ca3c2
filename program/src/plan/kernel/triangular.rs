//! Matrix products from triangular numbers: with `t(z) = z (z + 1) / 2`, `x·y = t(x + y) - t(x) - t(y)`, where the last
//! two depend on one operand alone. Their sums are made once for a row or a column, in the clear where a party
//! knows it and by a kernel otherwise; the product's own step is then `t(x + y)`, half the ANDs of a multiply-accumulate (`docs/circuits.md`).

use motet_circuits::{Bit, Builder, Circuit, Known, Template, gadgets};

use super::{Inputs, Kernels, Source};
use crate::data::{Elem, Shape, Type};
use crate::ir::{Reduction, Site, Value};
use crate::plan::kernel::product::Product;
use crate::plan::{self, Kernel, KernelInput, KernelOutput, Reduce, Step, Walk};

/// A circuit whose inputs are an operand's or both operands' bits, then the accumulator's, and who knows them.
pub(super) type StepCircuit = (Circuit, Vec<Known>);

/// An operand that is the template's own input.
struct Operand {
    input: KernelInput,
    /// The step of its own sum.
    step: StepCircuit,
}

/// A product by triangular numbers.
pub(super) struct Triangular {
    /// The step of the product.
    pub step: StepCircuit,
    operands: [Operand; 2],
}

/// `acc - t(Σ words)`, the words' sum with a bit more than theirs.
fn step(words: &[Vec<Bit>], mut b: Builder, width: usize, first: usize) -> Circuit {
    let acc: Vec<Bit> = (first..first + width).map(|i| b.input(i as u32)).collect();
    let wide = |x: &Vec<Bit>| gadgets::resize(x, true, width + 1);
    let z = words[1..].iter().fold(wide(&words[0]), |sum, x| gadgets::add(&mut b, &sum, &wide(x)));
    let sum = gadgets::sub_triangular(&mut b, &z, &acc);
    b.finish(sum)
}

/// Bytes of tables of an instance of a step.
fn bytes((circuit, known): &StepCircuit) -> u64 {
    Template::new(circuit, known).counts.table_bytes()
}

impl Kernels<'_> {
    /// The product by triangular numbers, where it takes fewer bytes than by `direct` steps.
    pub(super) fn triangular(
        &self,
        product: &Product,
        inputs: &Inputs,
        sources: &[Source],
        direct: &StepCircuit,
        width: usize,
    ) -> Option<Triangular> {
        let [Source::Input(x), Source::Input(y)] = sources else { return None };
        let own = |i: usize| {
            let input = inputs.list[i].clone();
            let b = Builder::new(2 * width as u32);
            let word = (0..width).map(|i| b.input(i as u32)).collect();
            let known = [vec![input.known; width], vec![Known::Nobody; width]].concat();
            Operand { input, step: (step(&[word], b, width, width), known) }
        };
        let b = Builder::new((inputs.total() + width) as u32);
        let words = inputs.words(&b, 0);
        let mut known = inputs.known();
        known.extend(std::iter::repeat_n(Known::Nobody, width));
        let both = (step(&[words[*x].clone(), words[*y].clone()], b, width, inputs.total()), known);
        let made = Triangular { step: both, operands: [own(*x), own(*y)] };

        let (instances, repeat) = (product.shape.iter().product::<u64>(), product.extents.iter().product::<u64>());
        let steps = instances.saturating_mul(repeat);
        // An operand that somebody knows is summed in the clear.
        let shared = made.operands.iter().filter(|operand| operand.input.known == Known::Nobody);
        let sums = shared.fold(0, |total: u64, operand| {
            let rows = kept(&operand.input, &product.shape).1.iter().product::<u64>();
            total.saturating_add(rows.saturating_mul(repeat).saturating_mul(bytes(&operand.step)))
        });
        // Two words are added at the end.
        let finish = instances.saturating_mul(2 * 32 * width as u64);
        let cost = steps.saturating_mul(bytes(&made.step)).saturating_add(sums).saturating_add(finish);
        (cost < steps.saturating_mul(bytes(direct))).then_some(made)
    }

    /// The steps that sum what depends on one operand alone, and their results as inputs of the product's finish: with the
    /// product's own sum subtracted, they are the product.
    pub(super) fn triangular_sums(
        &mut self,
        made: &Triangular,
        product: &Product,
        elem: Elem,
        site: Site,
    ) -> (Vec<Step>, Vec<KernelInput>) {
        made.operands.iter().map(|operand| self.triangular_sum(operand, product, elem, site)).unzip()
    }

    fn triangular_sum(
        &mut self,
        Operand { input, step: (circuit, known) }: &Operand,
        product: &Product,
        elem: Elem,
        site: Site,
    ) -> (Step, KernelInput) {
        let (axes, shape) = kept(input, &product.shape);
        let value = self.extra_value(Type { elem, shape: shape.clone() }, self.place(input.value));
        let along = |k: &usize| input.walk[*k];
        let walk = axes.iter().map(along).chain(input.walk[product.shape.len()..].iter().copied()).collect();
        let input = KernelInput { walk, ..input.clone() };
        let read = sum_input(value, input.known, &axes, product.shape.len());
        if input.known != Known::Nobody {
            let extents = product.extents.clone();
            return (Step::Triangular(plan::Triangular { input, shape, extents, result: value }), read);
        }
        let width = elem.bits() as usize;
        let repeat = product.extents.iter().product::<u64>();
        let same = {
            let b = Builder::new(width as u32);
            let acc = (0..width).map(|i| b.input(i as u32)).collect();
            b.finish(acc)
        };
        let ands = (circuit.and_count() as u64).saturating_mul(repeat);
        let kernel = Kernel {
            inputs: vec![input],
            reduce: Some(Reduce {
                extents: product.extents.clone(),
                start: vec![false; width],
                step: self.templates.add(circuit.clone(), known.clone()),
                wide: None,
                lanes: self.lanes(shape.iter().product(), repeat),
                combine: self.combine(Reduction::Add, elem),
                finish: Vec::new(),
            }),
            template: self.templates.add(same, vec![Known::Nobody; width]),
            outputs: vec![KernelOutput { value, inner: 1 }],
            ands: vec![(site, ands)],
            shape,
        };
        (Step::Kernel(kernel), read)
    }
}

/// How a product's instances read an operand's sums.
fn sum_input(value: Value, known: Known, axes: &[usize], rank: usize) -> KernelInput {
    let mut walk = vec![None; rank];
    for (axis, k) in axes.iter().enumerate() {
        walk[*k] = Some(Walk { axis: axis as u8, step: 1 });
    }
    KernelInput { value, known, walk, inner: Vec::new() }
}

/// The instance axes that an operand depends on, and their extents.
fn kept(input: &KernelInput, shape: &Shape) -> (Vec<usize>, Shape) {
    let axes: Vec<usize> = (0..shape.len()).filter(|k| input.walk[*k].is_some()).collect();
    let extents = axes.iter().map(|k| shape[*k]).collect();
    (axes, extents)
}
