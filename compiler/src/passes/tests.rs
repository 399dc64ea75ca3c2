//! Passes on cores built by hand: each result is valid and computes the same.

use motet_program::clear::run;
use motet_program::data::{DataType, Elem, Tensor, Type};
use motet_program::ir::{Binary, Op, Output, Param, Party, Program, SourceSite, Value};
use motet_program::validate::{Form, validate};

use super::PASSES;
use super::build::Builder;
use super::print::print;

const U32: Elem = Elem::Uint(32);
const U16: Elem = Elem::Uint(16);

/// A program with parameters `xs`, `ys` of two parties and the results shown to the first.
fn program(inputs: &[Type], write: impl FnOnce(&mut Builder, &[Value]) -> Vec<Value>) -> Program {
    let mut b = Builder::new();
    let values: Vec<Value> =
        inputs.iter().enumerate().map(|(k, ty)| b.push(Op::Input { param: k as u32, leaf: 0 }, ty.clone())).collect();
    let results = write(&mut b, &values);
    let outputs = results.iter().map(|v| Output { to: vec![Party(0)], ty: DataType::Leaf(b.ty(*v).clone()) }).collect();
    let params = inputs.iter().enumerate().map(|(k, ty)| Param {
        name: format!("x{k}"),
        owner: Some(Party(k as u8 % 2)),
        ty: DataType::Leaf(ty.clone()),
    });
    let frame = Program {
        entry: "main".into(),
        parties: vec!["alice".into(), "bob".into()],
        params: params.collect(),
        outputs,
        tuple_result: true,
        values: Vec::new(),
        circuits: Vec::new(),
        body: Default::default(),
        sites: vec![SourceSite { file: "a.mpc".into(), function: "main".into(), line: 1, column: 1 }],
    };
    b.finish(results, frame)
}

/// Runs all passes, each result checked against the core on the inputs; the finished program as text.
fn finished(core: &Program, inputs: &[Vec<Tensor>]) -> String {
    let expected = run(core, inputs, &mut || 0).map_err(|e| e.fault);
    let mut current = core.clone();
    for (k, (name, pass)) in PASSES.iter().enumerate() {
        current = pass(&current);
        let form = if k + 1 == PASSES.len() { Form::Finished } else { Form::Core };
        if let Err(e) = validate(&current, form) {
            panic!("after {name}: {e}\n{}", print(&current));
        }
        let got = run(&current, inputs, &mut || 0).map_err(|e| e.fault);
        assert_eq!(
            got.is_ok(),
            expected.is_ok(),
            "after {name}: {:?} {:?}\n{}",
            got.err(),
            expected.as_ref().err(),
            print(&current)
        );
        if let (Ok(got), Ok(expected)) = (got, &expected) {
            let data = |ts: &[Tensor]| ts.iter().map(|t| t.data.clone()).collect::<Vec<_>>();
            assert_eq!(data(&got), data(expected), "after {name}:\n{}", print(&current));
        }
    }
    print(&current)
}

fn tensor(elem: Elem, shape: &[u64], data: impl IntoIterator<Item = u64>) -> Tensor {
    Tensor { ty: Type { elem, shape: shape.to_vec() }, data: data.into_iter().collect() }
}

fn ty(elem: Elem, shape: &[u64]) -> Type {
    Type { elem, shape: shape.to_vec() }
}

fn looped(
    b: &mut Builder,
    count: u64,
    init: Vec<Value>,
    body: impl FnOnce(&mut Builder, Value, &[Value]) -> Vec<Value>,
) -> Vec<Value> {
    let (from, to) = (b.int(0), b.int(count as i64));
    let tys: Vec<Type> = init.iter().map(|v| b.ty(*v).clone()).collect();
    let params = b.open_loop(from, to, tys.clone());
    let results = body(b, params[0], &params[1..]);
    let body = b.close(results);
    b.push_many(Op::Loop { from, to, init, body }, tys)
}

#[test]
fn the_double_loop_of_an_intersection_is_one_batch() {
    let core = program(&[ty(U32, &[3]), ty(U32, &[4])], |b, inputs| {
        let zero = b.constant(0, Type::scalar(U16));
        let (xs, ys) = (inputs[0], inputs[1]);
        looped(b, 3, vec![zero], |b, i, carried| {
            looped(b, 4, vec![carried[0]], |b, j, carried| {
                let (x, y) = (b.row(xs, i), b.row(ys, j));
                let eq = b.binary(Binary::Eq, x, y);
                let one = b.cast(eq, U16);
                vec![b.binary(Binary::Add, carried[0], one)]
            })
        })
    });
    let text = finished(&core, &[vec![tensor(U32, &[3], [1, 5, 7])], vec![tensor(U32, &[4], [7, 2, 1, 9])]]);
    insta::assert_snapshot!(text);
}
