//! Kernels that stand alone: imported circuits, oblivious reads and writes.

use motet_circuits::{Bit, Builder, Circuit, Known, gadgets};

use super::{Inputs, Kernels, Source, identity};
use crate::data::Shape;
use crate::ir::{Node, Reduction, Value};
use crate::plan::{Kernel, KernelInput, KernelOutput, Reduce, Walk, scalar};

impl Kernels<'_> {
    /// The kernel of an imported circuit.
    pub fn circuit(&mut self, node: &Node, circuit: &Circuit, batch: usize, args: &[Value]) -> Kernel {
        let shape =
            node.results.first().or(args.first()).map_or(Vec::new(), |v| self.program.shape(*v)[..batch].to_vec());
        self.whole(node, &shape, args, |b, words| circuit.inline(b, &words.concat()))
    }

    /// A kernel whose instances take whole entries of the operands' inner axes: those after the batch.
    fn whole(
        &mut self,
        node: &Node,
        shape: &Shape,
        args: &[Value],
        make: impl FnOnce(&mut Builder, &[Vec<Bit>]) -> Vec<Bit>,
    ) -> Kernel {
        let along = identity(&(0..shape.len()).collect::<Vec<_>>());
        let mut inputs = Inputs::default();
        let sources: Vec<Source> = args
            .iter()
            .map(|&v| {
                let inner: Vec<u8> = (shape.len()..self.program.shape(v).len()).map(|axis| axis as u8).collect();
                self.operand(&mut inputs, v, &along, &inner)
            })
            .collect();
        let mut b = self.builder(inputs.total());
        let words = inputs.words(&b, 0);
        let args: Vec<Vec<Bit>> = sources
            .iter()
            .map(|s| match s {
                Source::Input(i) => words[*i].clone(),
                Source::Constant(bits) => bits.clone(),
            })
            .collect();
        let out = make(&mut b, &args);
        let ands = b.and_count() as u64;
        let template = self.templates.add(b.finish(out), inputs.known());
        let outputs = node
            .results
            .iter()
            .map(|&value| {
                let inner = self.program.shape(value)[shape.len()..].iter().product();
                KernelOutput { value, inner }
            })
            .collect();
        Kernel {
            shape: shape.clone(),
            inputs: inputs.list,
            reduce: None,
            template,
            outputs,
            ands: vec![(node.site, ands)],
        }
    }

    /// An oblivious read whose table stands inside the template: a tree of multiplexers; of a constant, sums of products.
    pub fn read(&mut self, node: &Node, table: Value, index: Value) -> Kernel {
        let shape = self.program.shape(index).clone();
        let (rows, signed) = (self.program.shape(table)[shape.len()], self.program.elem(index).signed());
        if let Some(words) = self.views.constant(self.program, table, shape.len()) {
            let elem = self.program.elem(table);
            let bits: Vec<Bit> = words.iter().flat_map(|&word| scalar::constant(elem, word)).collect();
            let table = rows_of(&bits, rows);
            return self.whole(node, &shape, &[index], |b, words| gadgets::read(b, &table, &words[0], signed));
        }
        self.whole(node, &shape, &[table, index], |b, words| {
            gadgets::read(b, &rows_of(&words[0], rows), &words[1], signed)
        })
    }

    /// An oblivious write whose table stands inside the template.
    pub fn write(&mut self, node: &Node, table: Value, index: Value, value: Value) -> Kernel {
        let shape = self.program.shape(index).clone();
        let (rows, signed) = (self.program.shape(table)[shape.len()], self.program.elem(index).signed());
        self.whole(node, &shape, &[table, index, value], |b, words| {
            gadgets::write(b, &rows_of(&words[0], rows), &words[1], signed, &words[2]).concat()
        })
    }

    /// An oblivious read of a large table: the exclusive or of every entry where its number is the index. `numbers` is
    /// a public vector `0, 1, 2, …` of the index's type.
    pub fn read_large(&mut self, node: &Node, table: Value, index: Value, numbers: KernelInput) -> Kernel {
        let batch = self.program.shape(index).clone();
        let entry = self.program.shape(table)[batch.len() + 1..].to_vec();
        let shape = [batch.as_slice(), &entry].concat();
        let elem = self.program.elem(table);
        let width = self.bits(table);
        let rank = shape.len();
        let axis = |a: usize| Some(Walk { axis: a as u8, step: 1 });
        // Kernel axes: batch, entry, rows; the table has batch, rows, entry.
        let table_along: Vec<_> =
            (0..rank).map(|k| if k < batch.len() { axis(k) } else { axis(k + 1) }).chain([axis(batch.len())]).collect();
        let index_along: Vec<_> = (0..=rank).map(|k| if k < batch.len() { axis(k) } else { None }).collect();
        let mut inputs = Inputs::default();
        let sources =
            [self.operand(&mut inputs, table, &table_along, &[]), self.operand(&mut inputs, index, &index_along, &[])];
        let bits = self.bits(index);
        let number = inputs.add(numbers, bits);
        let mut b = self.builder(inputs.total() + width);
        let words = inputs.words(&b, 0);
        let [row, at] = sources.map(|s| match s {
            Source::Input(i) => words[i].clone(),
            Source::Constant(bits) => bits,
        });
        let hit = gadgets::eq(&mut b, &at, &words[number]);
        let acc = (0..width)
            .map(|i| {
                let entry = b.and(hit, row[i]);
                let acc = b.input((inputs.total() + i) as u32);
                b.xor(acc, entry)
            })
            .collect();
        let ands = b.and_count() as u64;
        let mut known = inputs.known();
        known.extend(std::iter::repeat_n(Known::Nobody, width));
        let step = self.templates.add(b.finish(acc), known);
        let rows = self.program.shape(table)[batch.len()];
        let lanes = self.lanes(shape.iter().product(), rows);
        let reduce = Reduce {
            extents: vec![rows],
            start: vec![false; width],
            step,
            wide: None,
            lanes,
            combine: self.combine(Reduction::Xor, elem),
            finish: Vec::new(),
        };
        let b = Builder::new(width as u32);
        let out = b.inputs(0..width as u32);
        let template = self.templates.add(b.finish(out), vec![Known::Nobody; width]);
        Kernel {
            shape,
            inputs: inputs.list,
            reduce: Some(reduce),
            template,
            outputs: vec![KernelOutput { value: node.results[0], inner: 1 }],
            ands: vec![(node.site, ands.saturating_mul(rows))],
        }
    }

    /// An oblivious write to a large table: each entry is replaced where its number is the index.
    pub fn write_large(
        &mut self,
        node: &Node,
        table: Value,
        index: Value,
        value: Value,
        numbers: KernelInput,
    ) -> Kernel {
        let shape = self.program.shape(table).clone();
        let batch = self.program.shape(index).len();
        let axis = |a: usize| Some(Walk { axis: a as u8, step: 1 });
        let along = identity(&(0..shape.len()).collect::<Vec<_>>());
        let index_along: Vec<_> = (0..shape.len()).map(|k| if k < batch { axis(k) } else { None }).collect();
        let value_along: Vec<_> = (0..shape.len())
            .map(|k| match k {
                _ if k < batch => axis(k),
                _ if k == batch => None,
                _ => axis(k - 1),
            })
            .collect();
        let mut inputs = Inputs::default();
        let sources = [
            self.operand(&mut inputs, table, &along, &[]),
            self.operand(&mut inputs, index, &index_along, &[]),
            self.operand(&mut inputs, value, &value_along, &[]),
        ];
        let number = inputs.add(
            KernelInput {
                walk: (0..shape.len()).map(|k| if k == batch { axis(0) } else { None }).collect(),
                ..numbers
            },
            self.bits(index),
        );
        let mut b = self.builder(inputs.total());
        let words = inputs.words(&b, 0);
        let [old, at, new] = sources.map(|s| match s {
            Source::Input(i) => words[i].clone(),
            Source::Constant(bits) => bits,
        });
        let hit = gadgets::eq(&mut b, &at, &words[number]);
        let out = gadgets::select(&mut b, hit, &new, &old);
        let ands = b.and_count() as u64;
        let template = self.templates.add(b.finish(out), inputs.known());
        let outputs = vec![KernelOutput { value: node.results[0], inner: 1 }];
        Kernel { shape, inputs: inputs.list, reduce: None, template, outputs, ands: vec![(node.site, ands)] }
    }
}

fn rows_of(bits: &[Bit], rows: u64) -> Vec<Vec<Bit>> {
    bits.chunks((bits.len() / rows.max(1) as usize).max(1)).map(<[Bit]>::to_vec).collect()
}
