//! Random programs, planned and run by two threads, against evaluation in the clear.

use motet_program::clear;
use motet_program::data::{DataType, Elem, Shape, Tensor, Type};
use motet_program::ir::{
    Binary, Block, Constant, Conv2d, Node, Op, Output, Param, Party, Program, Reduction, Site, SourceSite, Unary, Value,
};
use motet_program::plan::{Plan, Protocol, Step, Way, cost, plan};
use motet_program::validate::{Form, validate};
use motet_runtime::crypto::SessionId;
use motet_runtime::net::Channel;
use motet_runtime::protocol::{Job, Made, Meter, Outputs, prepare, run};

/// A small generator of numbers (SplitMix64): tests repeat by their seed.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// A program being made of random operations.
struct Maker {
    rng: Rng,
    program: Program,
    inputs: Vec<Tensor>,
    /// The operations of the blocks that are open, the innermost last.
    open: Vec<Vec<Node>>,
    /// Secret or public values that may be used, without `Int`s.
    pool: Vec<Value>,
}

const ELEMS: [Elem; 7] = [
    Elem::Bool,
    Elem::Uint(1),
    Elem::Uint(8),
    Elem::Sint(5),
    Elem::Sint(64),
    Elem::Uint(13),
    Elem::Fix { bits: 20, frac: 6 },
];

impl Maker {
    fn new(seed: u64) -> Maker {
        let site = SourceSite { file: "test.mpc".into(), function: "main".into(), line: 1, column: 1 };
        let program = Program {
            entry: "main".into(),
            parties: vec!["alice".into(), "bob".into()],
            params: Vec::new(),
            outputs: Vec::new(),
            tuple_result: true,
            values: Vec::new(),
            circuits: Vec::new(),
            body: Block::default(),
            sites: vec![site],
        };
        Maker { rng: Rng(seed), program, inputs: Vec::new(), open: vec![Vec::new()], pool: Vec::new() }
    }

    fn ty(&self, v: Value) -> Type {
        self.program.ty(v).clone()
    }

    fn op(&mut self, op: Op, elem: Elem, shape: &[u64]) -> Value {
        let value = self.program.fresh(Type { elem, shape: shape.to_vec() });
        self.open.last_mut().unwrap().push(Node { op, results: vec![value], site: Site(0) });
        value
    }

    fn int(&mut self, n: i64) -> Value {
        self.op(Op::Const(Constant::Splat(n as u64)), Elem::Int, &[])
    }

    fn words(&mut self, elem: Elem, count: u64) -> Vec<u64> {
        // Small numbers now and then, so that indices, divisors and shifts mean something.
        let small = self.rng.below(3) == 0;
        (0..count).map(|_| self.rng.next() & elem.mask() & if small { 7 } else { u64::MAX }).collect()
    }

    fn input(&mut self, elem: Elem, shape: &[u64]) -> Value {
        let owner = self.rng.pick(&[None, Some(Party(0)), Some(Party(0)), Some(Party(1)), Some(Party(1))]);
        self.input_of(owner, elem, shape)
    }

    fn input_of(&mut self, owner: Option<Party>, elem: Elem, shape: &[u64]) -> Value {
        let param = self.program.params.len() as u32;
        let ty = Type { elem, shape: shape.to_vec() };
        self.program.params.push(Param { name: format!("p{param}"), owner, ty: DataType::Leaf(ty.clone()) });
        let data = self.words(elem, ty.count());
        self.inputs.push(Tensor { ty, data });
        let value = self.op(Op::Input { param, leaf: 0 }, elem, shape);
        self.pool.push(value);
        value
    }

    fn shape(&mut self) -> Shape {
        let rank = self.rng.below(4);
        (0..rank).map(|_| self.rng.pick(&[1, 2, 3, 5])).collect()
    }

    /// A value of the type: one that is there, or another one brought to it.
    fn of(&mut self, elem: Elem, shape: &[u64]) -> Value {
        let fitting: Vec<Value> = self
            .pool
            .iter()
            .copied()
            .filter(|v| *self.program.ty(*v) == Type { elem, shape: shape.to_vec() })
            .collect();
        if !fitting.is_empty() && self.rng.below(4) > 0 {
            return self.rng.pick(&fitting);
        }
        let count: u64 = shape.iter().product();
        let other: Vec<Value> = self.pool.iter().copied().filter(|v| self.program.ty(*v).count() == count).collect();
        if !other.is_empty() && self.rng.below(4) > 0 {
            let value = self.rng.pick(&other);
            let shaped = self.op(Op::Reshape(value), self.program.elem(value), shape);
            return self.op(Op::Cast(shaped), elem, shape);
        }
        if self.open.len() == 1 && self.rng.below(2) == 0 {
            return self.input(elem, shape);
        }
        let words = self.words(elem, count);
        self.op(Op::Const(Constant::Dense(words)), elem, shape)
    }

    /// A random operation on what is there.
    fn step(&mut self) {
        let v = self.rng.pick(&self.pool.clone());
        let Type { elem, shape } = self.ty(v);
        let last = shape.len().wrapping_sub(1);
        let value = match self.rng.below(22) {
            0..4 => {
                let ops = [
                    Binary::Add,
                    Binary::Sub,
                    Binary::Mul,
                    Binary::And,
                    Binary::Or,
                    Binary::Xor,
                    Binary::Eq,
                    Binary::Lt,
                    Binary::Min,
                    Binary::Max,
                    Binary::Div,
                    Binary::Rem,
                ];
                let op = self.rng.pick(if elem == Elem::Bool { &ops[3..10] } else { &ops });
                let other = self.of(elem, &shape);
                let result = if matches!(op, Binary::Eq | Binary::Lt) { Elem::Bool } else { elem };
                self.op(Op::Binary(op, v, other), result, &shape)
            }
            4 if elem != Elem::Bool => {
                let amount = self.of(Elem::Uint(8), &shape);
                let op = self.rng.pick(&[Binary::Shl, Binary::Shr]);
                self.op(Op::Binary(op, v, amount), elem, &shape)
            }
            5 => {
                let op = self.rng.pick(if elem == Elem::Bool { &[Unary::Not][..] } else { &[Unary::Neg, Unary::Abs] });
                self.op(Op::Unary(op, v), elem, &shape)
            }
            6 => {
                let to = self.rng.pick(&ELEMS);
                self.op(Op::Cast(v), to, &shape)
            }
            7 => {
                let (cond, other) = (self.of(Elem::Bool, &shape), self.of(elem, &shape));
                self.op(Op::Select(cond, v, other), elem, &shape)
            }
            8..10 if !shape.is_empty() => {
                let ops =
                    [Reduction::Add, Reduction::Min, Reduction::Max, Reduction::And, Reduction::Or, Reduction::Xor];
                let (op, axis) = (self.rng.pick(&ops), self.rng.below(shape.len()));
                let rest = [&shape[..axis], &shape[axis + 1..]].concat();
                self.op(Op::Reduce(op, v, axis as u8), elem, &rest)
            }
            10 if shape.len() >= 2 && elem != Elem::Bool => {
                let n = self.rng.pick(&[1, 2, 4]);
                let other = self.of(elem, &[&shape[..last - 1], &[shape[last], n]].concat());
                self.op(Op::MatMul(v, other), elem, &[&shape[..last], &[n]].concat())
            }
            11 if elem != Elem::Bool => {
                let x = self.of(elem, &[1, 2, 5, 3]);
                let w = self.of(elem, &[2, 1, 2, 2]);
                let geometry = Conv2d { stride: [2, 1], dilation: [1, 1], groups: 2 };
                self.op(Op::Conv2d(x, w, geometry), elem, &[1, 2, 2, 2])
            }
            12 => {
                let wide = [&[self.rng.pick(&[1, 2, 130])][..], &shape].concat();
                if wide.iter().product::<u64>() > 2000 {
                    return;
                }
                self.op(Op::Broadcast(v), elem, &wide)
            }
            13 if !shape.is_empty() => {
                let mut perm: Vec<u8> = (0..shape.len() as u8).collect();
                let turn = self.rng.below(shape.len());
                perm.rotate_left(turn);
                let turned: Shape = perm.iter().map(|axis| shape[usize::from(*axis)]).collect();
                self.op(Op::Transpose(v, perm), elem, &turned)
            }
            14 if !shape.is_empty() => {
                let sizes: Shape = shape.iter().map(|size| 1 + self.rng.next() % size).collect();
                let starts = self.starts(&shape, &sizes);
                self.op(Op::Slice(v, starts), elem, &sizes)
            }
            15 if !shape.is_empty() => {
                let sizes: Shape = shape.iter().map(|size| 1 + self.rng.next() % size).collect();
                let (starts, part) = (self.starts(&shape, &sizes), self.of(elem, &sizes));
                self.op(Op::Update { base: v, part, starts }, elem, &shape)
            }
            16 if !shape.is_empty() => {
                let other = self.of(elem, &shape);
                let axis = self.rng.below(shape.len());
                let mut joined = shape.clone();
                joined[axis] *= 2;
                self.op(Op::Concat(vec![v, other], axis as u8), elem, &joined)
            }
            17 if !shape.is_empty() => {
                let fill = self.of(elem, &[]);
                let widths: Vec<[u64; 2]> = shape.iter().map(|_| [self.rng.next() % 2, self.rng.next() % 3]).collect();
                let padded: Shape = shape.iter().zip(&widths).map(|(size, [a, b])| size + a + b).collect();
                self.op(Op::Pad { value: v, fill, widths }, elem, &padded)
            }
            18 if !shape.is_empty() => {
                let words = (0..4).map(|_| self.rng.next() % shape[0]).collect();
                let indices = self.op(Op::Const(Constant::Dense(words)), Elem::Int, &[2, 2]);
                self.op(Op::Gather(v, indices), elem, &[&[2, 2], &shape[1..]].concat())
            }
            19 if !shape.is_empty() => {
                let lead = self.rng.below(shape.len());
                let index = self.of(Elem::Uint(8), &shape[..lead]);
                let row = [&shape[..lead], &shape[lead + 1..]].concat();
                if self.rng.below(2) == 0 {
                    self.op(Op::Read { table: v, index }, elem, &row)
                } else {
                    let value = self.of(elem, &row);
                    self.op(Op::Write { table: v, index, value }, elem, &shape)
                }
            }
            20 if self.open.len() < 3 => return self.repeat(v),
            21 if self.open.len() < 3 => return self.branch(v),
            _ => return,
        };
        self.pool.push(value);
    }

    fn starts(&mut self, within: &[u64], sizes: &[u64]) -> Vec<Value> {
        let room: Vec<u64> = within.iter().zip(sizes).map(|(size, part)| size - part + 1).collect();
        room.into_iter()
            .map(|room| {
                let start = self.rng.next() % room;
                self.int(start as i64)
            })
            .collect()
    }

    /// A block of a few operations that yields a value of the type.
    fn block(&mut self, params: Vec<Value>, yields: &Type) -> Block {
        let known = self.pool.len();
        let usable = params.iter().copied().filter(|v| self.program.elem(*v) != Elem::Int);
        self.pool.extend(usable.collect::<Vec<_>>());
        self.open.push(Vec::new());
        for _ in 0..1 + self.rng.below(4) {
            self.step();
        }
        let result = self.of(yields.elem, &yields.shape);
        self.pool.truncate(known);
        Block { params, ops: self.open.pop().unwrap(), results: vec![result] }
    }

    fn repeat(&mut self, init: Value) {
        let ty = self.ty(init);
        let (from, to) = (self.int(0), self.rng.below(4) as i64);
        let to = self.int(to);
        let params = vec![self.program.fresh(Type::scalar(Elem::Int)), self.program.fresh(ty.clone())];
        let body = self.block(params, &ty);
        let value = self.op(Op::Loop { from, to, init: vec![init], body }, ty.elem, &ty.shape);
        self.pool.push(value);
    }

    fn branch(&mut self, like: Value) {
        let ty = self.ty(like);
        let secret = self.of(Elem::Bool, &[]);
        let cond = self.op(Op::Reveal(secret), Elem::Bool, &[]);
        let (then, otherwise) = (self.block(Vec::new(), &ty), self.block(Vec::new(), &ty));
        let value = self.op(Op::If { cond, then, otherwise }, ty.elem, &ty.shape);
        self.pool.push(value);
    }

    /// A whole program, its last values shown to one or the other party, to both, or to nobody.
    fn make(mut self, steps: usize) -> (Program, Vec<Tensor>) {
        for _ in 0..3 {
            let (elem, shape) = (self.rng.pick(&ELEMS), self.shape());
            self.input(elem, &shape);
        }
        for _ in 0..steps {
            self.step();
        }
        let shown: Vec<Value> = self.pool.iter().rev().take(6).copied().collect();
        self.finish(shown)
    }

    fn finish(mut self, shown: Vec<Value>) -> (Program, Vec<Tensor>) {
        let both = [vec![Party(0)], vec![Party(1)], vec![Party(0), Party(1)], vec![]];
        for v in &shown {
            let (to, ty) = (self.rng.pick(&both), DataType::Leaf(self.ty(*v)));
            self.program.outputs.push(Output { to, ty });
        }
        self.program.body = Block { params: Vec::new(), ops: self.open.pop().unwrap(), results: shown };
        validate(&self.program, Form::Finished).unwrap();
        (self.program, self.inputs)
    }
}

/// Runs a program between two threads, in one go or in two phases; in the first of two the inputs of these parameters are
/// there.
fn both(program: &Program, plan: &Plan, inputs: &[Tensor], given: Option<&[bool]>) -> [Outputs; 2] {
    let party = |party: Party, mut channel: Channel| {
        let owned = program.params.iter().zip(inputs);
        let inputs: Vec<_> = owned
            .map(|(param, input)| param.owner.is_none_or(|owner| owner == party).then(|| vec![input.clone()]))
            .collect();
        let made = given.map(|given| {
            let early = inputs.iter().zip(given).map(|(input, given)| input.clone().filter(|_| *given));
            let (session, inputs) = (SessionId([2; 32]), &early.collect::<Vec<_>>());
            let job = Job { program, plan, party, inputs, session, ahead: 0, made: None };
            let made = prepare(&job, given, 100, &mut channel, &mut Meter::new(|_| {})).unwrap();
            // As it would be kept in a file.
            let mut bytes = Vec::new();
            made.encode(|part| -> Result<(), ()> {
                bytes.extend_from_slice(part);
                Ok(())
            })
            .unwrap();
            Made::decode(bytes.into(), 0, made.tables().to_vec()).unwrap()
        });
        let (session, made) = (SessionId([3; 32]), made.as_ref());
        let job = Job { program, plan, party, inputs: &inputs, session, ahead: 0, made };
        let outputs = run(&job, &mut channel, &mut Meter::new(|_| {})).unwrap();
        channel.goodbye().unwrap();
        outputs
    };
    let (left, right) = Channel::pair();
    let outputs = std::thread::scope(|scope| {
        let alice = scope.spawn(|| party(Party(0), left));
        let bob = party(Party(1), right);
        [alice.join().unwrap(), bob]
    });
    let predicted = cost::cost(program, plan, 0);
    if predicted.exact && given.is_none() {
        assert_eq!([predicted.ands; 2], outputs.each_ref().map(|o| o.ands), "the plan predicts the ANDs");
    }
    outputs
}

/// Runs a program and compares what each party is shown; returns how many ANDs it took.
fn agree(program: &Program, inputs: &[Tensor], what: &str) -> u64 {
    let leaves: Vec<Vec<Tensor>> = inputs.iter().map(|input| vec![input.clone()]).collect();
    let expected = clear::run(program, &leaves, &mut || unreachable!()).unwrap();
    agree_under(program, inputs, Protocol::Mixed, &expected, what);
    agree_under(program, inputs, Protocol::Gmw, &expected, what);
    agree_under(program, inputs, Protocol::Yao, &expected, what)
}

fn agree_under(program: &Program, inputs: &[Tensor], protocol: Protocol, expected: &[Tensor], what: &str) -> u64 {
    let plan = plan(program, protocol).unwrap();
    let outputs = both(program, &plan, inputs, None);
    compare(program, &outputs, expected, what);
    let owners = program.params.iter().map(|param| param.owner);
    let of_one: Vec<bool> = owners.clone().map(|owner| owner.is_none_or(|owner| owner == Party(0))).collect();
    for (given, which) in [(owners.map(|_| false).collect(), "nothing"), (of_one, "one party's")] {
        let phases = both(program, &plan, inputs, Some(&given));
        compare(program, &phases, expected, &format!("{what}, {protocol:?}, {which} given"));
    }
    outputs[0].ands
}

fn compare(program: &Program, outputs: &[Outputs; 2], expected: &[Tensor], what: &str) {
    for (party, outputs) in outputs.iter().enumerate() {
        let owner = Party(party as u8);
        for (leaf, (got, expected)) in outputs.leaves.iter().zip(expected).enumerate() {
            let shown = program.outputs[leaf].to.contains(&owner);
            assert_eq!(got.is_some(), shown, "{what}: whether party {party} sees leaf {leaf}");
            if let Some(got) = got {
                assert!(
                    got == expected,
                    "{what}: party {party}, leaf {leaf} {:?}: {:?} instead of {:?}",
                    got.ty,
                    got.data,
                    expected.data
                );
            }
        }
    }
}

#[test]
fn random_programs_agree_with_the_clear() {
    let count = std::env::var("MOTET_RANDOM_PROGRAMS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let ands = (0..count).map(|seed| {
        let (program, inputs) = Maker::new(seed).make(12);
        agree(&program, &inputs, &format!("seed {seed}"))
    });
    assert!(ands.sum::<u64>() > 100 * count, "the programs do next to nothing");
}

/// Products large enough to go by encryption: either party's operand on either side, shared ones, a convolution.
#[test]
fn large_products_agree_with_the_clear() {
    for elem in [Elem::Fix { bits: 64, frac: 16 }, Elem::Fix { bits: 40, frac: 13 }, Elem::Uint(32)] {
        let mut m = Maker::new(7);
        let a = m.input_of(Some(Party(0)), elem, &[40, 200]);
        let b = m.input_of(Some(Party(1)), elem, &[200, 60]);
        let c = m.input_of(Some(Party(0)), elem, &[60, 30]);
        let ab = m.op(Op::MatMul(a, b), elem, &[40, 60]);
        let abc = m.op(Op::MatMul(ab, c), elem, &[40, 30]);
        let t = m.op(Op::Transpose(ab, vec![1, 0]), elem, &[60, 40]);
        let square = m.op(Op::MatMul(t, ab), elem, &[60, 60]);
        let images = m.input_of(Some(Party(1)), elem, &[2, 3, 14, 12]);
        let kernels = m.input_of(Some(Party(0)), elem, &[16, 3, 5, 3]);
        let geometry = Conv2d { stride: [2, 1], dilation: [1, 2], groups: 1 };
        let convolved = m.op(Op::Conv2d(images, kernels, geometry), elem, &[2, 16, 5, 8]);
        // Kernels of the evaluator on images of the garbler, in groups; a batch of products.
        let images = m.input_of(Some(Party(0)), elem, &[2, 6, 17, 18]);
        let kernels = m.input_of(Some(Party(1)), elem, &[10, 3, 3, 3]);
        let geometry = Conv2d { stride: [1, 1], dilation: [1, 1], groups: 2 };
        let grouped = m.op(Op::Conv2d(images, kernels, geometry), elem, &[2, 10, 15, 16]);
        let x = m.input_of(Some(Party(0)), elem, &[2, 50, 30]);
        let y = m.input_of(Some(Party(1)), elem, &[2, 30, 40]);
        let batch = m.op(Op::MatMul(x, y), elem, &[2, 50, 40]);
        let (program, inputs) = m.finish(vec![abc, square, convolved, grouped, batch]);
        let leaves: Vec<Vec<Tensor>> = inputs.iter().map(|input| vec![input.clone()]).collect();
        let expected = clear::run(&program, &leaves, &mut || unreachable!()).unwrap();
        let plan = plan(&program, Protocol::Mixed).unwrap();
        let choices = plan.steps.iter().filter_map(|planned| match &planned.step {
            Step::Product(product) => {
                Some(product.choices(|v| program.ty(v), (plan.link, plan.transfers), plan.revealed))
            }
            _ => None,
        });
        for choice in choices.flatten() {
            assert!(choice.way == Way::Encrypted, "{elem:?}: {choice:?}, {} revealed", plan.revealed);
        }
        agree_under(&program, &inputs, Protocol::Mixed, &expected, &format!("{elem:?}"));
    }
}
