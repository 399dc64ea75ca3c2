//! Plans made by hand, run by two threads, against plain arithmetic.

use std::cell::RefCell;
use std::collections::HashSet;

use motet_circuits::{Bit, Builder, Known, Template, gadgets};
use motet_program::clear::Fault;
use motet_program::data::{DataType, Elem, Tensor, Type};
use motet_program::ir::{Block, Constant, Node, Op, Output, Param, Party, Program, Site, SourceSite, Value};
use motet_program::place::Place;
use motet_program::plan::{
    Carried, Joined, Kernel, KernelInput, KernelOutput, Link, Plan, Planned, Protocol, Reduce, Step, Walk, Wide,
};

use super::super::{Job, Meter, Outputs, ProtocolError, run};
use crate::crypto::SessionId;
use crate::garble::TAKEN;
use crate::net::Channel;

const GARBLER: Party = Party(0);
const EVALUATOR: Party = Party(1);
const U16: Elem = Elem::Uint(16);

/// A program and a plan for it, being made.
struct Maker {
    types: Vec<Type>,
    places: Vec<Place>,
    params: Vec<Param>,
    inputs: Vec<Tensor>,
    templates: Vec<Template>,
    results: usize,
    /// The steps of the blocks that are open, the innermost last.
    steps: RefCell<Vec<Vec<Planned>>>,
}

impl Maker {
    fn new() -> Self {
        Maker {
            types: Vec::new(),
            places: Vec::new(),
            params: Vec::new(),
            inputs: Vec::new(),
            templates: Vec::new(),
            results: 0,
            steps: RefCell::new(vec![Vec::new()]),
        }
    }

    fn value(&mut self, elem: Elem, shape: &[u64], place: Place) -> Value {
        self.types.push(Type { elem, shape: shape.to_vec() });
        self.places.push(place);
        Value(self.types.len() as u32 - 1)
    }

    fn step(&self, step: Step) {
        self.step_last(step, &[]);
    }

    fn step_last(&self, step: Step, last: &[Value]) {
        let planned = Planned { step, last: last.to_vec(), site: Site(0) };
        self.steps.borrow_mut().last_mut().unwrap().push(planned);
    }

    fn node(&mut self, op: Op, elem: Elem, shape: &[u64], place: Place) -> Value {
        let result = self.value(elem, shape, place);
        let node = Node { op, results: vec![result], site: Site(0) };
        self.step(if place == Place::Shared { Step::Structural(node) } else { Step::Clear(node) });
        result
    }

    fn int(&mut self, number: i64) -> Value {
        self.node(Op::Const(Constant::Splat(number as u64)), Elem::Int, &[], Place::Public)
    }

    fn input(&mut self, owner: Option<Party>, elem: Elem, shape: &[u64], data: &[u64]) -> Value {
        let param = self.params.len() as u32;
        let ty = Type { elem, shape: shape.to_vec() };
        self.params.push(Param { name: format!("p{param}"), owner, ty: DataType::Leaf(ty.clone()) });
        self.inputs.push(Tensor { ty, data: data.to_vec() });
        self.node(Op::Input { param, leaf: 0 }, elem, shape, owner.map_or(Place::Public, Place::Private))
    }

    fn shared(&mut self, owner: Option<Party>, elem: Elem, shape: &[u64], data: &[u64]) -> Value {
        let value = self.input(owner, elem, shape, data);
        self.step(Step::Share(value));
        value
    }

    fn template(&mut self, known: &[Known], make: impl Fn(&mut Builder, &[Bit]) -> Vec<Bit>) -> u32 {
        let mut builder = Builder::new(known.len() as u32);
        let inputs = builder.inputs(0..known.len() as u32);
        let outputs = make(&mut builder, &inputs);
        self.templates.push(Template::new(&builder.finish(outputs), known));
        self.templates.len() as u32 - 1
    }

    fn output(&mut self, value: Value, to: &[Party]) {
        let index = self.results as u32;
        self.results += 1;
        self.step(Step::Output { index, value, to: to.to_vec() });
    }

    /// An elementwise kernel of two operands of 16 bits.
    fn binary(&mut self, [a, b]: [Value; 2], known: [Known; 2], make: Gadget) -> Value {
        let shape = self.types[a.0 as usize].shape.clone();
        let bits: Vec<Known> = known.iter().flat_map(|known| [*known; 16]).collect();
        let template = self.template(&bits, |builder, bits| make(builder, &bits[..16], &bits[16..]));
        let result = self.value(U16, &shape, Place::Shared);
        let inputs = [a, b].iter().zip(known).map(|(value, known)| along(*value, known, shape.len())).collect();
        let outputs = vec![KernelOutput { value: result, inner: 1 }];
        self.step(Step::Kernel(Kernel { shape, inputs, reduce: None, template, outputs, ands: Vec::new() }));
        result
    }

    fn open(&self) {
        self.steps.borrow_mut().push(Vec::new());
    }

    fn close(&self) -> Vec<Planned> {
        self.steps.borrow_mut().pop().unwrap()
    }

    /// Runs the plan: what each party gets.
    fn run(self) -> [Result<Outputs, ProtocolError>; 2] {
        self.run_and(|| ()).map(|(result, ())| result)
    }

    /// Runs the plan, and `then` on each party's thread.
    fn run_and<T: Send>(self, then: impl Fn() -> T + Sync) -> [(Result<Outputs, ProtocolError>, T); 2] {
        let steps = self.close();
        let leaf = DataType::Leaf(Type::scalar(U16));
        let site = SourceSite { file: "t.mpc".into(), function: "main".into(), line: 3, column: 7 };
        let program = Program {
            entry: "main".into(),
            parties: vec!["garbler".into(), "evaluator".into()],
            params: self.params,
            outputs: vec![Output { to: Vec::new(), ty: leaf }],
            tuple_result: false,
            values: self.types,
            circuits: Vec::new(),
            body: Block { params: Vec::new(), ops: Vec::new(), results: vec![Value(0); self.results] },
            sites: vec![site],
        };
        let plan = Plan {
            protocol: Protocol::Yao,
            link: Link::LAN,
            garbler: GARBLER,
            extra: Vec::new(),
            places: self.places,
            templates: self.templates,
            circuits: motet_program::plan::Circuits::Garbled,
            transfers: motet_program::plan::Transfers::SoftSpoken2,
            revealed: 0,
            rewrites: Vec::new(),
            steps,
        };
        let party = |party: Party, mut channel: Channel| {
            let owned = program.params.iter().zip(&self.inputs);
            let inputs: Vec<_> = owned
                .map(|(param, input)| param.owner.is_none_or(|owner| owner == party).then(|| vec![input.clone()]))
                .collect();
            let session = SessionId([9; 32]);
            let job = Job { program: &program, plan: &plan, party, inputs: &inputs, session, ahead: 0, made: None };
            let result = run(&job, &mut channel, &mut Meter::new(|_| {}));
            if result.is_ok() {
                channel.goodbye().unwrap();
            }
            (result, then())
        };
        let (left, right) = Channel::pair();
        std::thread::scope(|scope| {
            let garbler = scope.spawn(|| party(GARBLER, left));
            let evaluator = party(EVALUATOR, right);
            [garbler.join().unwrap(), evaluator]
        })
    }

    /// Runs a plan that goes well: the leaves that each party sees.
    fn leaves(self) -> [Vec<Option<Vec<u64>>>; 2] {
        self.run().map(|outputs| {
            let leaves = outputs.unwrap_or_else(|error| panic!("{error}")).leaves;
            leaves.into_iter().map(|leaf| leaf.map(|tensor| tensor.data)).collect()
        })
    }
}

type Gadget = fn(&mut Builder, &[Bit], &[Bit]) -> Vec<Bit>;

/// An operand that follows the kernel's axes one by one.
fn along(value: Value, known: Known, rank: usize) -> KernelInput {
    let walk = (0..rank).map(|axis| Some(Walk { axis: axis as u8, step: 1 })).collect();
    KernelInput { value, known, walk, inner: Vec::new() }
}

fn numbers(seed: u64, count: usize) -> Vec<u64> {
    (1..=count as u64).map(|i| (i ^ seed << 20).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48).collect()
}

const PLACES: [(Option<Party>, Known); 3] =
    [(None, Known::Public), (Some(GARBLER), Known::Garbler), (Some(EVALUATOR), Known::Evaluator)];

#[test]
fn all_kinds_of_operands_at_all_sizes_of_batches() {
    for n in [1usize, 2, 127, 128, 129, 1000] {
        let (x, y) = (numbers(1, n), numbers(2, n));
        let sums: Vec<u64> = x.iter().zip(&y).map(|(x, y)| (x + y) & 0xffff).collect();
        let products: Vec<u64> = x.iter().zip(&y).map(|(x, y)| (x * y) & 0xffff).collect();
        for (owner_x, known_x) in PLACES {
            for (owner_y, known_y) in PLACES {
                let mut make = Maker::new();
                let a = make.shared(owner_x, U16, &[n as u64], &x);
                let b = make.shared(owner_y, U16, &[n as u64], &y);
                let sum = make.binary([a, b], [known_x, known_y], gadgets::add);
                let product = make.binary([a, b], [known_x, known_y], gadgets::mul);
                let blind = make.binary([a, product], [Known::Nobody, Known::Nobody], gadgets::sub);
                make.output(sum, &[GARBLER]);
                make.output(product, &[EVALUATOR]);
                make.output(product, &[EVALUATOR, GARBLER]);
                make.output(blind, &[EVALUATOR]);
                let [garbler, evaluator] = make.leaves();
                let differences = x.iter().zip(&products).map(|(x, p)| x.wrapping_sub(*p) & 0xffff).collect();
                assert_eq!(garbler, [Some(sums.clone()), None, Some(products.clone()), None]);
                assert_eq!(evaluator, [None, Some(products.clone()), Some(products.clone()), Some(differences)]);
            }
        }
    }
}

/// `[M, K] × [K, N]` as a reduction, plainly, in lanes, and several indices a step.
#[test]
fn matrix_products_as_reductions() {
    let (m, k, n) = (3usize, 11usize, 50usize);
    let (x, y) = (numbers(3, m * k), numbers(4, k * n));
    let mut expected = vec![0; m * n];
    for (i, j, l) in (0..m).flat_map(|i| (0..n).flat_map(move |j| (0..k).map(move |l| (i, j, l)))) {
        expected[i * n + j] = (expected[i * n + j] + x[i * k + l] * y[l * n + j]) & 0xffff;
    }
    for (lanes, factor) in [(1, None), (1, Some(2)), (1, Some(4)), (2, None), (3, Some(2)), (4, None), (200, None)] {
        for known in [Known::Garbler, Known::Nobody] {
            let mut make = Maker::new();
            let a = make.shared(Some(GARBLER), U16, &[m as u64, k as u64], &x);
            let b = make.shared(Some(EVALUATOR), U16, &[k as u64, n as u64], &y);
            let mut bits = vec![known; 16];
            bits.extend([Known::Evaluator; 16]);
            let steps = |times: usize| bits.repeat(times).into_iter().chain([Known::Nobody; 16]).collect::<Vec<_>>();
            let step_of = |times: usize| {
                move |builder: &mut Builder, bits: &[Bit]| {
                    (0..times).fold(bits[32 * times..].to_vec(), |acc, i| {
                        let product = gadgets::mul(builder, &bits[32 * i..][..16], &bits[32 * i + 16..][..16]);
                        gadgets::add(builder, &acc, &product)
                    })
                }
            };
            let step = make.template(&steps(1), step_of(1));
            let wide = factor.map(|f| Wide { factor: f as u64, template: make.template(&steps(f), step_of(f)) });
            let combine = make.template(&[Known::Nobody; 32], |b, bits| gadgets::add(b, &bits[..16], &bits[16..]));
            let template = make.template(&[Known::Nobody; 16], |_, bits| bits.to_vec());
            let result = make.value(U16, &[m as u64, n as u64], Place::Shared);
            let walk = |axes: [Option<u8>; 3]| axes.map(|a| a.map(|axis| Walk { axis, step: 1 })).to_vec();
            let inputs = vec![
                KernelInput { value: a, known, walk: walk([Some(0), None, Some(1)]), inner: Vec::new() },
                KernelInput {
                    value: b,
                    known: Known::Evaluator,
                    walk: walk([None, Some(1), Some(0)]),
                    inner: Vec::new(),
                },
            ];
            let reduce = Reduce {
                extents: vec![k as u64],
                start: vec![false; 16],
                step,
                wide,
                lanes,
                combine,
                finish: Vec::new(),
            };
            make.step(Step::Kernel(Kernel {
                shape: vec![m as u64, n as u64],
                inputs,
                reduce: Some(reduce),
                template,
                outputs: vec![KernelOutput { value: result, inner: 1 }],
                ands: Vec::new(),
            }));
            make.output(result, &[EVALUATOR]);
            let [_, evaluator] = make.leaves();
            assert_eq!(evaluator, [Some(expected.clone())], "{lanes} lanes, {factor:?} a step");
        }
    }
}

/// Large values of the evaluator have their labels transferred where a kernel reads them: instance after instance, and
/// index after index of a reduction, plainly, in lanes, and several a step.
#[test]
fn large_values_of_the_evaluator_are_shared_where_they_are_read() {
    let (n, rows) = (20_001usize, 3usize);
    let (x, y) = (numbers(11, n), numbers(12, n));
    let expected: Vec<u64> = x.iter().zip(&y).map(|(x, y)| (x + y) & 0xffff).collect();
    let mut make = Maker::new();
    let a = make.shared(Some(GARBLER), U16, &[n as u64], &x);
    let b = make.shared(Some(EVALUATOR), U16, &[n as u64], &y);
    let sum = make.binary([a, b], [Known::Garbler, Known::Evaluator], gadgets::add);
    make.output(sum, &[GARBLER]);
    assert_eq!(make.leaves()[0], [Some(expected)]);

    for (across, lanes, factor) in [(0, 1, None), (0, 5, Some(4)), (0, 300, None), (1, 1, Some(2))] {
        let columns = n / rows;
        let (instances, extent) = if across == 0 { (rows, columns) } else { (columns, rows) };
        let of = |i: usize, r: usize| if across == 0 { y[i * columns + r] } else { y[r * columns + i] };
        let expected = (0..instances).map(|i| (0..extent).map(|r| of(i, r)).sum::<u64>() & 0xffff).collect();
        let mut make = Maker::new();
        let value = make.shared(Some(EVALUATOR), U16, &[rows as u64, columns as u64], &y);
        let mut sums = |times: usize| {
            let known = [vec![Known::Evaluator; 16 * times], vec![Known::Nobody; 16]].concat();
            make.template(&known, |builder, bits| {
                gadgets::sum(builder, &bits.chunks(16).map(<[Bit]>::to_vec).collect::<Vec<_>>())
            })
        };
        let step = sums(1);
        let wide = factor.map(|factor| Wide { factor: factor as u64, template: sums(factor) });
        let combine = make.template(&[Known::Nobody; 32], |b, bits| gadgets::add(b, &bits[..16], &bits[16..]));
        let template = make.template(&[Known::Nobody; 16], |_, bits| bits.to_vec());
        let result = make.value(U16, &[instances as u64], Place::Shared);
        let walk = [across, 1 - across].map(|axis| Some(Walk { axis, step: 1 })).to_vec();
        let extents = vec![extent as u64];
        let start = vec![false; 16];
        make.step(Step::Kernel(Kernel {
            shape: vec![instances as u64],
            inputs: vec![KernelInput { value, known: Known::Evaluator, walk, inner: Vec::new() }],
            reduce: Some(Reduce { extents, start, step, wide, lanes, combine, finish: Vec::new() }),
            template,
            outputs: vec![KernelOutput { value: result, inner: 1 }],
            ands: Vec::new(),
        }));
        make.output(result, &[EVALUATOR]);
        assert_eq!(make.leaves()[1], [Some(expected)], "across {across}, {lanes} lanes, {factor:?} a step");
    }
}

/// Elements inside an instance: rows of three, turned, summed and handed out again as rows of two.
#[test]
fn instances_of_several_elements() {
    let rows = 130usize;
    let x = numbers(5, 3 * rows);
    let mut make = Maker::new();
    let a = make.shared(Some(EVALUATOR), U16, &[3, rows as u64], &x);
    let template = make.template(&[Known::Evaluator; 48], |b, bits| {
        let words: Vec<Vec<Bit>> = bits.chunks(16).map(<[Bit]>::to_vec).collect();
        let sum = gadgets::sum(b, &words);
        let last = gadgets::sub(b, &words[2], &words[0]);
        [sum, last].concat()
    });
    let result = make.value(U16, &[rows as u64, 2], Place::Shared);
    let input =
        KernelInput { value: a, known: Known::Evaluator, walk: vec![Some(Walk { axis: 1, step: 1 })], inner: vec![0] };
    make.step(Step::Kernel(Kernel {
        shape: vec![rows as u64],
        inputs: vec![input],
        reduce: None,
        template,
        outputs: vec![KernelOutput { value: result, inner: 2 }],
        ands: Vec::new(),
    }));
    make.output(result, &[GARBLER, EVALUATOR]);
    let [garbler, evaluator] = make.leaves();
    let expected: Vec<u64> = (0..rows)
        .flat_map(|i| {
            let of = |row: usize| x[row * rows + i];
            [(of(0) + of(1) + of(2)) & 0xffff, of(2).wrapping_sub(of(0)) & 0xffff]
        })
        .collect();
    assert_eq!(garbler, [Some(expected.clone())]);
    assert_eq!(evaluator, [Some(expected)]);
}

/// Structural operations on labels, on values whose labels are made later, and on both at once.
#[test]
fn structural_operations_move_labels() {
    let (x, y, z) = (numbers(6, 6), numbers(7, 6), numbers(8, 2));
    let mut make = Maker::new();
    let a = make.shared(Some(GARBLER), U16, &[2, 3], &x);
    let b = make.shared(Some(EVALUATOR), U16, &[2, 3], &y);
    let c = make.shared(None, U16, &[2], &z);
    let shared = Place::Shared;
    let turned = make.node(Op::Transpose(a, vec![1, 0]), U16, &[3, 2], shared);
    let flat = make.node(Op::Reshape(turned), U16, &[6], shared);
    let wide = make.node(Op::Broadcast(c), U16, &[3, 2], shared);
    let other = make.node(Op::Transpose(b, vec![1, 0]), U16, &[3, 2], shared);
    let joined = make.node(Op::Concat(vec![wide, other, turned], 1), U16, &[3, 6], shared);
    let (zero, one, two) = (make.int(0), make.int(1), make.int(2));
    let part = make.node(Op::Slice(joined, vec![one, two]), U16, &[2, 2], shared);
    let base = make.node(Op::Gather(joined, one), U16, &[6], shared);
    let rows = make.node(Op::Reshape(base), U16, &[3, 2], shared);
    let written = make.value(U16, &[3, 2], shared);
    let update = Op::Update { base: rows, part, starts: vec![one, zero] };
    make.step_last(Step::Structural(Node { op: update, results: vec![written], site: Site(0) }), &[rows]);
    let fill = make.node(Op::Slice(c, vec![one]), U16, &[1], shared);
    let fill = make.node(Op::Reshape(fill), U16, &[], shared);
    let padded = make.node(Op::Pad { value: written, fill, widths: vec![[1, 0], [0, 1]] }, U16, &[4, 3], shared);
    for value in [flat, wide, joined, written, padded] {
        make.output(value, &[EVALUATOR]);
    }
    let [garbler, evaluator] = make.leaves();
    assert_eq!(garbler, vec![None; 5]);
    let row = |i: usize| vec![z[0], z[1], y[i], y[3 + i], x[i], x[3 + i]];
    let written = [z[0], z[1], y[1], y[4], y[2], y[5]];
    let padded = [z[1], z[1], z[1], z[0], z[1], z[1], y[1], y[4], z[1], y[2], y[5], z[1]];
    let expected = [
        &[row(0), row(1), row(2)].concat().chunks(6).flat_map(|r| r[4..].to_vec()).collect::<Vec<_>>()[..],
        &z.repeat(3),
        &[row(0), row(1), row(2)].concat(),
        &written,
        &padded,
    ];
    assert_eq!(evaluator, expected.map(|leaf| Some(leaf.to_vec())));
}

/// A loop that carries a shared value, written in place, with a bound that is known only when running.
#[test]
fn loops_carry_shared_values() {
    for rounds in [0u64, 1, 5] {
        let (x, y) = (numbers(9, 4), numbers(10, 4));
        let mut make = Maker::new();
        let init = make.shared(Some(GARBLER), U16, &[4], &x);
        let b = make.shared(Some(EVALUATOR), U16, &[4], &y);
        let bound = make.input(None, Elem::Int, &[], &[rounds]);
        let zero = make.int(0);
        let counter = make.int(100);
        let index = make.value(Elem::Int, &[], Place::Public);
        let param = make.value(U16, &[4], Place::Shared);
        let count = make.value(Elem::Int, &[], Place::Public);
        let result = make.value(U16, &[4], Place::Shared);
        let counted = make.value(Elem::Int, &[], Place::Public);
        make.open();
        let sum = make.binary([param, b], [Known::Nobody, Known::Evaluator], gadgets::add);
        let one = make.int(1);
        let part = make.node(Op::Slice(b, vec![one]), U16, &[1], Place::Shared);
        let yielded = make.value(U16, &[4], Place::Shared);
        let update = Op::Update { base: sum, part, starts: vec![zero] };
        make.step_last(Step::Structural(Node { op: update, results: vec![yielded], site: Site(0) }), &[sum]);
        let next = make.node(Op::Binary(motet_program::ir::Binary::Add, count, index), Elem::Int, &[], Place::Public);
        let body = make.close();
        let carried = vec![
            Carried { init, param, yielded, result },
            Carried { init: counter, param: count, yielded: next, result: counted },
        ];
        make.step(Step::Loop { from: zero, to: bound, index, carried, body });
        make.output(result, &[GARBLER, EVALUATOR]);
        make.output(counted, &[EVALUATOR]);
        let [garbler, evaluator] = make.leaves();
        let mut expected = x.clone();
        for _ in 0..rounds {
            expected = expected.iter().zip(&y).map(|(x, y)| (x + y) & 0xffff).collect();
            expected[0] = y[1];
        }
        assert_eq!(garbler, [Some(expected.clone()), None]);
        assert_eq!(evaluator, [Some(expected), Some(vec![100 + rounds * rounds.saturating_sub(1) / 2])]);
    }
}

/// A revealed value decides a branch; private values go to whom they are shown, from their owner.
#[test]
fn revealed_values_steer_and_private_ones_are_sent() {
    for (a, b) in [(3, 4), (4, 4)] {
        let mut make = Maker::new();
        let x = make.shared(Some(GARBLER), U16, &[], &[a]);
        let y = make.shared(Some(EVALUATOR), U16, &[], &[b]);
        let known = [Known::Garbler, Known::Evaluator];
        let bits: Vec<Known> = known.iter().flat_map(|known| [*known; 16]).collect();
        let template = make.template(&bits, |builder, bits| vec![gadgets::eq(builder, &bits[..16], &bits[16..])]);
        let equal = make.value(Elem::Bool, &[], Place::Shared);
        let cond = make.value(Elem::Bool, &[], Place::Public);
        make.step(Step::Kernel(Kernel {
            shape: Vec::new(),
            inputs: vec![along(x, known[0], 0), along(y, known[1], 0)],
            reduce: None,
            template,
            outputs: vec![KernelOutput { value: equal, inner: 1 }],
            ands: Vec::new(),
        }));
        make.step(Step::Reveal { value: equal, result: cond });
        make.open();
        let sum = make.binary([x, y], known, gadgets::add);
        let then = make.close();
        let result = make.value(U16, &[], Place::Shared);
        let results = vec![Joined { then: sum, otherwise: y, result }];
        make.step(Step::If { cond, then, otherwise: Vec::new(), results });
        make.output(result, &[GARBLER]);
        make.output(x, &[EVALUATOR]);
        make.output(y, &[GARBLER, EVALUATOR]);
        make.output(cond, &[GARBLER]);
        let [garbler, evaluator] = make.leaves();
        let shown = if a == b { a + b } else { b };
        assert_eq!(garbler, [Some(vec![shown]), None, Some(vec![b]), Some(vec![u64::from(a == b)])]);
        assert_eq!(evaluator, [None, Some(vec![a]), Some(vec![b]), None]);
    }
}

#[test]
fn public_faults_stop_both_parties_at_their_place() {
    for (start, rows) in [(-1i64, 1), (3, 2)] {
        let mut make = Maker::new();
        let x = make.shared(Some(EVALUATOR), U16, &[4], &[1, 2, 3, 4]);
        let start = make.int(start);
        make.node(Op::Slice(x, vec![start]), U16, &[rows], Place::Shared);
        for result in make.run() {
            let error = result.err().unwrap();
            assert!(
                matches!(error, ProtocolError::Stopped { fault: Fault::OutOfRange { size: 4, .. }, .. }),
                "{error}"
            );
            assert!(error.to_string().starts_with("t.mpc:3:7: index "), "{error}");
        }
    }
    let mut make = Maker::new();
    let no = make.node(Op::Const(Constant::Splat(0)), Elem::Bool, &[], Place::Public);
    make.step(Step::Clear(Node { op: Op::Assert(no), results: Vec::new(), site: Site(0) }));
    for result in make.run() {
        assert!(matches!(result.err().unwrap(), ProtocolError::Stopped { fault: Fault::Assert, .. }));
    }
}

#[test]
fn plans_that_break_their_contract_are_refused() {
    // A template of fewer inputs than the operands have bits, an axis walked too far, a value that was never shared.
    let broken: [fn(&mut Kernel); 3] = [
        |kernel| drop(kernel.inputs.pop()),
        |kernel| kernel.inputs[0].walk = vec![Some(Walk { axis: 0, step: 2 })],
        |kernel| kernel.inputs[1].value = Value(0),
    ];
    for change in broken {
        let mut make = Maker::new();
        make.input(Some(EVALUATOR), U16, &[3], &[1, 2, 3]);
        let x = make.shared(Some(EVALUATOR), U16, &[3], &[1, 2, 3]);
        make.binary([x, x], [Known::Nobody; 2], gadgets::add);
        if let Some(Planned { step: Step::Kernel(kernel), .. }) = make.steps.borrow_mut()[0].last_mut() {
            change(kernel);
        }
        for result in make.run() {
            assert!(matches!(result.err().unwrap(), ProtocolError::Plan(_)));
        }
    }
}

/// Over a session with chunks, broadcast operands, wires that feed several gates and a loop, no key comes twice, and
/// none serves more instances than it may.
#[test]
fn no_key_serves_an_instance_twice() {
    let mut make = Maker::new();
    let x = make.shared(Some(EVALUATOR), U16, &[], &[3]);
    let wide = make.node(Op::Broadcast(x), U16, &[300], Place::Shared);
    let y = make.shared(Some(GARBLER), U16, &[300], &numbers(1, 300));
    let [zero, three] = [0, 3].map(|n| make.int(n));
    let index = make.value(Elem::Int, &[], Place::Public);
    let param = make.value(U16, &[300], Place::Shared);
    let result = make.value(U16, &[300], Place::Shared);
    make.open();
    let yielded = make.binary([wide, param], [Known::Nobody; 2], gadgets::mul);
    let body = make.close();
    let carried = vec![Carried { init: y, param, yielded, result }];
    make.step(Step::Loop { from: zero, to: three, index, carried, body });
    make.output(result, &[GARBLER]);
    let full = make.templates[0].counts.full as usize;
    let [(garbler, taken), (_, by_evaluator)] = make.run_and(|| TAKEN.take());
    assert_eq!(taken, by_evaluator);
    assert_eq!(garbler.unwrap().ands as usize, 3 * 300 * full);
    assert!(taken.iter().all(|(_, n)| *n <= 128));
    assert_eq!(taken.iter().map(|(_, n)| n).sum::<usize>(), 3 * 300 * 2 * full);
    let keys: HashSet<u128> = taken.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys.len(), taken.len());
}
