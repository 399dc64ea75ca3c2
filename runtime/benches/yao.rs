//! How fast whole programs run between two parties over loopback TCP, beside what the link carries.
//!
//! `cargo bench --package motet-runtime --bench yao`

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use cpu_time::ThreadTime;
use motet_program::data::{DataType, Elem, Tensor, Type};
use motet_program::ir::{
    Binary, Block, Constant, Node, Op, Output, Param, Party, Program, Reduction, Site, SourceSite, Value,
};
use motet_program::plan::{Protocol, plan};
use motet_runtime::crypto::SessionId;
use motet_runtime::net::{Channel, Config, Endpoint, Listener, Security, open};
use motet_runtime::protocol::{Job, Meter, run};

const U64: Elem = Elem::Uint(64);
const U32: Elem = Elem::Uint(32);

/// What is measured, by its name.
type Case = (&'static str, fn() -> Program);

fn main() {
    println!("{:<44} {:>10} {:>9} {:>29} {:>9}", "", "", "", "M AND/s, of the CPU time of", "");
    println!(
        "{:<44} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "program", "ANDs", "seconds", "M AND/s", "garbler", "evaluator", "MB"
    );
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let programs: [Case; 6] = [
        ("comparisons of 32 bits, 2^18 at once", || comparisons(1 << 18)),
        ("products of 64 bits, matrices of 32 × 32", || products(32, true)),
        ("10^9 ANDs at once, matrices of 80 × 80", || products(80, true)),
        ("products of 64 bits, of shared matrices", || products(32, false)),
        ("products of 64 bits, one after another", || chain(3000, 1)),
        ("products of 64 bits, 16 after 16", || chain(1000, 16)),
    ];
    for (name, make) in programs {
        if chosen.is_empty() || chosen.iter().any(|word| name.contains(word.as_str())) {
            measure(name, &make());
        }
    }
    println!("loopback TCP carries {:.0} MB/s", link() / 1e6);
}

/// Bytes a second from one thread to another.
fn link() -> f64 {
    const TOTAL: usize = 1 << 30;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut sender = TcpStream::connect(listener.local_addr().expect("its address")).expect("a connection");
    let (mut receiver, _) = listener.accept().expect("a connection");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let chunk = vec![1; 192 << 10];
            (0..TOTAL / chunk.len()).for_each(|_| sender.write_all(&chunk).expect("sent"));
        });
        let (mut chunk, mut received, start) = (vec![0; 192 << 10], 0, Instant::now());
        loop {
            match receiver.read(&mut chunk).expect("received") {
                0 => return received as f64 / start.elapsed().as_secs_f64(),
                n => received += n,
            }
        }
    })
}

/// A program being made.
struct Maker {
    program: Program,
    ops: Vec<Node>,
}

impl Maker {
    fn new() -> Maker {
        let site = SourceSite { file: "bench.mpc".into(), function: "main".into(), line: 1, column: 1 };
        let program = Program {
            entry: "main".into(),
            parties: vec!["alice".into(), "bob".into()],
            params: Vec::new(),
            outputs: Vec::new(),
            tuple_result: false,
            values: Vec::new(),
            circuits: Vec::new(),
            body: Block::default(),
            sites: vec![site],
        };
        Maker { program, ops: Vec::new() }
    }

    fn op(&mut self, op: Op, elem: Elem, shape: &[u64]) -> Value {
        let value = self.program.fresh(Type { elem, shape: shape.to_vec() });
        self.ops.push(Node { op, results: vec![value], site: Site(0) });
        value
    }

    fn input(&mut self, owner: u8, elem: Elem, shape: &[u64]) -> Value {
        let param = self.program.params.len() as u32;
        let ty = DataType::Leaf(Type { elem, shape: shape.to_vec() });
        self.program.params.push(Param { name: format!("p{param}"), owner: Some(Party(owner)), ty });
        self.op(Op::Input { param, leaf: 0 }, elem, shape)
    }

    fn finish(mut self, result: Value) -> Program {
        let ty = DataType::Leaf(self.program.ty(result).clone());
        self.program.outputs.push(Output { to: vec![Party(0), Party(1)], ty });
        self.program.body = Block { params: Vec::new(), ops: self.ops, results: vec![result] };
        self.program
    }
}

/// How many of the pairs are in order.
fn comparisons(n: u64) -> Program {
    let mut make = Maker::new();
    let (x, y) = (make.input(0, U32, &[n]), make.input(1, U32, &[n]));
    let less = make.op(Op::Binary(Binary::Lt, x, y), Elem::Bool, &[n]);
    let less = make.op(Op::Cast(less), U32, &[n]);
    let count = make.op(Op::Reduce(Reduction::Add, less, 0), U32, &[]);
    make.finish(count)
}

/// A product of matrices: of one that alice knows, or of two that nobody knows.
fn products(n: u64, known: bool) -> Program {
    let mut make = Maker::new();
    let (x, y) = (make.input(0, U64, &[n, n]), make.input(1, U64, &[n, n]));
    let left = if known { x } else { make.op(Op::Binary(Binary::Xor, x, y), U64, &[n, n]) };
    let product = make.op(Op::MatMul(left, y), U64, &[n, n]);
    make.finish(product)
}

/// A loop whose carried values are multiplied in each iteration.
fn chain(rounds: u64, n: u64) -> Program {
    let mut make = Maker::new();
    let (x, y) = (make.input(0, U64, &[n]), make.input(1, U64, &[n]));
    let start = make.op(Op::Binary(Binary::Xor, x, y), U64, &[n]);
    let from = make.op(Op::Const(Constant::Splat(0)), Elem::Int, &[]);
    let to = make.op(Op::Const(Constant::Splat(rounds)), Elem::Int, &[]);
    let params =
        vec![make.program.fresh(Type::scalar(Elem::Int)), make.program.fresh(Type { elem: U64, shape: vec![n] })];
    let carried = params[1];
    let outer = std::mem::take(&mut make.ops);
    let product = make.op(Op::Binary(Binary::Mul, carried, start), U64, &[n]);
    let ops = std::mem::replace(&mut make.ops, outer);
    let body = Block { params, ops, results: vec![product] };
    let result = make.op(Op::Loop { from, to, init: vec![start], body }, U64, &[n]);
    make.finish(result)
}

fn measure(name: &str, program: &Program) {
    let plan = plan(program, Protocol::Yao).expect("a plan");
    let listener = Listener::bind("127.0.0.1:0").expect("a port");
    let address = listener.address().to_string();
    let party = |party: Party, endpoint: Endpoint| {
        let mut channel: Channel =
            open(endpoint, &Security::Loopback, "the other", &Config::default()).expect("the other party");
        let input = |param: &Param| {
            let ty = param.ty.leaves().remove(0);
            let data = (0..ty.count()).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & ty.elem.mask()).collect();
            vec![Tensor { ty, data }]
        };
        let inputs: Vec<_> =
            program.params.iter().map(|p| p.owner.is_none_or(|owner| owner == party).then(|| input(p))).collect();
        let job =
            Job { program, plan: &plan, party, inputs: &inputs, session: SessionId([1; 32]), ahead: 0, made: None };
        let (start, cpu) = (Instant::now(), ThreadTime::now());
        let outputs = run(&job, &mut channel, &mut Meter::new(|_| {})).expect("a result");
        let sent = channel.sent() + channel.received();
        let took = start.elapsed().as_secs_f64();
        let cpu = cpu.elapsed().as_secs_f64();
        channel.goodbye().expect("a goodbye");
        (outputs.ands as f64, took, cpu, sent as f64)
    };
    let (garbler, evaluator) = std::thread::scope(|scope| {
        let alice = scope.spawn(|| party(Party(0), Endpoint::Listen(listener)));
        let bob = party(Party(1), Endpoint::Connect(address));
        let alice = alice.join().expect("no panic");
        if plan.garbler == Party(0) { (alice, bob) } else { (bob, alice) }
    });
    let (ands, took, of_garbler, sent) = garbler;
    let rate = |seconds: f64| ands / seconds / 1e6;
    println!(
        "{name:<44} {ands:>10.3e} {took:>9.3} {:>9.1} {:>9.1} {:>9.1} {:>9.1}",
        rate(took),
        rate(of_garbler),
        rate(evaluator.2),
        sent / 1e6
    );
}
