//! The artifact: what is written is read; what was changed, cut short or made up is refused without a panic.

use motet_program::artifact::{ArtifactError, decode, read, write};
use motet_program::data::{DataType, Elem, Type};
use motet_program::ir::{
    Binary, Block, Constant, Node, Op, Output, Param, Party, Program, Reduction, Site, SourceSite, Value,
};
use motet_program::plan::{Protocol, plan};
use motet_program::validate::{Form, InvalidProgram, validate};
use proptest::prelude::*;

/// Sum of products of two parties' vectors, in a loop.
fn program() -> Program {
    let u32s = Type { elem: Elem::Uint(32), shape: vec![8] };
    let scalar = Type::scalar(Elem::Uint(32));
    let int = Type::scalar(Elem::Int);
    let node = |op, result| Node { op, results: vec![Value(result)], site: Site(0) };
    let body = Block {
        params: vec![Value(5), Value(6)],
        ops: vec![
            node(Op::Binary(Binary::Mul, Value(0), Value(1)), 7),
            node(Op::Reduce(Reduction::Add, Value(7), 0), 8),
            node(Op::Binary(Binary::Add, Value(6), Value(8)), 9),
        ],
        results: vec![Value(9)],
    };
    Program {
        entry: "main".into(),
        parties: vec!["alice".into(), "bob".into()],
        params: [("xs", 0), ("ys", 1)]
            .map(|(name, owner)| Param {
                name: name.into(),
                owner: Some(Party(owner)),
                ty: DataType::Leaf(u32s.clone()),
            })
            .into(),
        outputs: vec![Output { to: vec![Party(0)], ty: DataType::Leaf(scalar.clone()) }],
        tuple_result: false,
        values: vec![
            u32s.clone(),
            u32s.clone(),
            int.clone(),
            int.clone(),
            scalar.clone(),
            int,
            scalar.clone(),
            u32s,
            scalar.clone(),
            scalar.clone(),
            scalar,
        ],
        circuits: Vec::new(),
        body: Block {
            params: Vec::new(),
            ops: vec![
                node(Op::Input { param: 0, leaf: 0 }, 0),
                node(Op::Input { param: 1, leaf: 0 }, 1),
                node(Op::Const(Constant::Splat(0)), 2),
                node(Op::Const(Constant::Splat(10)), 3),
                node(Op::Const(Constant::Splat(0)), 4),
                node(Op::Loop { from: Value(2), to: Value(3), init: vec![Value(4)], body }, 10),
            ],
            results: vec![Value(10)],
        },
        sites: vec![SourceSite { file: "a.mpc".into(), function: "main".into(), line: 1, column: 1 }],
    }
}

fn bytes() -> Vec<u8> {
    let program = program();
    write(&program, &plan(&program, Protocol::Yao).unwrap())
}

#[test]
fn what_is_written_is_read() {
    let program = program();
    let plan = plan(&program, Protocol::Yao).unwrap();
    let (read_program, read_plan) = read(&write(&program, &plan)).unwrap();
    assert!(read_program == program && read_plan == plan);
    assert_eq!(read_program.digest(), program.digest());
}

#[test]
fn damage_is_named() {
    let good = bytes();
    assert!(matches!(read(b"hello"), Err(ArtifactError::Magic)));
    assert!(matches!(read(&good[..good.len() - 1]), Err(ArtifactError::Length { .. })));
    let mut version = good.clone();
    version[6] = 9;
    assert!(matches!(read(&version), Err(ArtifactError::Version { found: 9 })));
    let mut flipped = good.clone();
    flipped[100] ^= 1;
    assert!(matches!(read(&flipped), Err(ArtifactError::Digest)));
}

#[test]
fn a_plan_of_another_program_is_refused() {
    let program = program();
    let mut other = plan(&program, Protocol::Yao).unwrap();
    other.garbler = Party(1);
    assert!(matches!(read(&write(&program, &other)), Err(ArtifactError::Plan(_))));
}

#[test]
fn programs_that_break_the_contract_are_refused() {
    let broken = |change: fn(&mut Program)| {
        let mut p = program();
        change(&mut p);
        validate(&p, Form::Finished).unwrap_err()
    };
    let undefined = broken(|p| p.body.results[0] = Value(9));
    assert_eq!(undefined, InvalidProgram::Scope(9, "is used where it is not defined"));
    let twice = broken(|p| p.body.ops[1].results[0] = Value(0));
    assert_eq!(twice, InvalidProgram::Scope(0, "is defined twice"));
    let shape = broken(|p| p.values[7].shape = vec![9]);
    assert!(matches!(shape, InvalidProgram::Operation { .. }));
    let width = broken(|p| p.values[0].elem = Elem::Uint(65));
    assert_eq!(width, InvalidProgram::Type(0, "its width is out of range"));
    let secret = broken(|p| {
        p.params[0].ty = DataType::Leaf(Type::scalar(Elem::Int));
        p.values[0] = Type::scalar(Elem::Int);
        p.body.ops.truncate(1);
        p.body.results = vec![Value(0)];
        p.outputs[0].ty = DataType::Leaf(Type::scalar(Elem::Int));
    });
    assert!(matches!(secret, InvalidProgram::Operation { .. }));
}

#[test]
fn deep_nesting_is_refused_without_overflowing_the_stack() {
    // Encoding recurses as deep as the value, so the payload is made by hand. A block begins with the number of its
    // parameters and of its operations; the operation with its tag and the count; then comes the inner block.
    let node = Node { op: Op::Each { count: 1, body: Block::default() }, results: Vec::new(), site: Site(0) };
    let block = Block { params: Vec::new(), ops: vec![node], results: Vec::new() };
    let level = postcard::to_allocvec(&block).unwrap()[..4].to_vec();
    assert!(postcard::from_bytes::<Block>(&level.repeat(100_000)).is_err());
}

proptest! {
    #[test]
    fn changed_payloads_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let good = bytes();
        let mut payload = good[48..].to_vec();
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        let _ = decode(&payload);
    }
}
