//! Programs as hand-built trees: the semantics of statements, secrecy and built-ins.

use std::sync::Arc;

use motet_circuits::{Bit, Circuit, Gate};
use motet_program::data::{Elem, Tensor, Type};

use super::{Options, RangeKind, SimulateErrorKind as Kind, Simulation, simulate};
use crate::parse::ast::BinaryOp;
use crate::source::{FileId, Span};
use crate::typed::dim::Dim;
use crate::typed::tree::*;

const U8: Elem = Elem::Uint(8);
const FIX: Elem = Elem::Fix { bits: 16, frac: 4 };

fn span(start: u32) -> Span {
    Span { file: FileId(0), start, end: start + 1 }
}

fn tensor_ty(elem: Elem, shape: &[i64]) -> Ty {
    match shape {
        [] => Ty::Scalar(elem),
        _ => Ty::Tensor(Box::new(Ty::Scalar(elem)), shape.iter().map(|&n| Dim::number(n)).collect()),
    }
}

fn e(kind: ExprKind, ty: Ty) -> Expr {
    Expr { kind, ty, span: span(7) }
}

fn int(n: i64) -> Expr {
    e(ExprKind::Const(n as u64), Ty::Scalar(Elem::Int))
}

fn constant(elem: Elem, ring: u64) -> Expr {
    e(ExprKind::Const(ring), Ty::Scalar(elem))
}

fn local(id: u32, ty: Ty) -> Expr {
    e(ExprKind::Local(LocalId(id)), ty)
}

fn binary(op: BinaryOp, a: Expr, b: Expr) -> Expr {
    let ty = match op {
        BinaryOp::Lt | BinaryOp::Eq => Ty::Scalar(Elem::Bool),
        _ => a.ty.clone(),
    };
    e(ExprKind::Binary(op, Box::new(a), Box::new(b)), ty)
}

fn builtin(b: Builtin, args: Vec<Expr>, ty: Ty) -> Expr {
    e(ExprKind::Builtin(b, args), ty)
}

fn index(base: Expr, at: Expr) -> Expr {
    let ty = match &base.ty {
        Ty::Tensor(of, dims) if dims.len() == 1 => (**of).clone(),
        Ty::Tensor(of, dims) => Ty::Tensor(of.clone(), dims[1..].to_vec()),
        _ => panic!("an index into no tensor"),
    };
    let rest = base.ty.shape().len() - 1;
    let indices = std::iter::once(Index::At(at)).chain((0..rest).map(|_| Index::All)).collect();
    e(ExprKind::Index(Box::new(base), indices), ty)
}

fn stmt(kind: StmtKind) -> Stmt {
    Stmt { kind, span: span(3) }
}

fn assign(id: u32, path: Vec<Step>, ty: Ty, value: Expr) -> Stmt {
    stmt(StmtKind::Assign(Place { local: LocalId(id), path, ty }, value))
}

fn block(stmts: Vec<Stmt>, value: Option<Expr>) -> Expr {
    let ty = value.as_ref().map_or(Ty::unit(), |v| v.ty.clone());
    e(ExprKind::Block(stmts, value.map(Box::new)), ty)
}

fn if_else(cond: Expr, then: Expr, otherwise: Expr) -> Expr {
    let ty = then.ty.clone();
    e(ExprKind::If { cond: Box::new(cond), then: Box::new(then), otherwise: Box::new(otherwise) }, ty)
}

fn function(params: usize, locals: &[Ty], body: Expr) -> Function {
    Function {
        name: "f".into(),
        span: span(0),
        params: (0..params as u32).map(LocalId).collect(),
        locals: locals.iter().map(|ty| Local { name: "x".into(), ty: ty.clone(), span: span(0) }).collect(),
        result: body.ty.clone(),
        body,
    }
}

/// A program of functions, the last of which is the entry; its parameters are all alice's but the `public` ones.
fn tree(functions: Vec<Function>, public: &[usize]) -> Tree {
    let entry = functions.last().unwrap();
    Tree {
        entry: FunctionId(functions.len() as u32 - 1),
        parties: vec!["alice".into()],
        owners: (0..entry.params.len()).map(|k| (!public.contains(&k)).then_some(0)).collect(),
        shown: vec![vec![0]],
        tuple_result: false,
        externs: Vec::new(),
        functions,
    }
}

fn tensor(elem: Elem, shape: &[u64], data: &[i64]) -> Vec<Tensor> {
    let data = data.iter().map(|&x| x as u64 & elem.mask()).collect();
    vec![Tensor { ty: Type { elem, shape: shape.to_vec() }, data }]
}

fn run(tree: &Tree, inputs: &[Vec<Tensor>]) -> Result<Simulation, Kind> {
    simulate(tree, inputs, &Options::default()).map_err(|e| e.kind)
}

/// The leaves of the first part of the result, as numbers.
fn numbers(tree: &Tree, inputs: &[Vec<Tensor>]) -> Vec<i128> {
    let simulation = run(tree, inputs).unwrap_or_else(|e| panic!("{e}"));
    let (_, leaves) = &simulation.outputs[0];
    leaves.iter().flat_map(|t| t.data.iter().map(|&x| t.ty.elem.number(x))).collect()
}

fn bytes(data: &[i64]) -> Vec<Tensor> {
    tensor(U8, &[data.len() as u64], data)
}

#[test]
fn public_index_out_of_range_is_an_error_and_a_secret_one_reads_zero() {
    let xs = tensor_ty(U8, &[3]);
    let body = index(local(0, xs.clone()), local(1, Ty::Scalar(U8)));
    let f = function(2, &[xs, Ty::Scalar(U8)], body);
    let secret = tree(vec![f.clone()], &[]);
    assert_eq!(numbers(&secret, &[bytes(&[5, 6, 7]), tensor(U8, &[], &[2])]), [7]);
    assert_eq!(numbers(&secret, &[bytes(&[5, 6, 7]), tensor(U8, &[], &[3])]), [0]);
    let public = tree(vec![f], &[1]);
    assert_eq!(numbers(&public, &[bytes(&[5, 6, 7]), tensor(U8, &[], &[1])]), [6]);
    let error = run(&public, &[bytes(&[5, 6, 7]), tensor(U8, &[], &[3])]).err();
    assert_eq!(error, Some(Kind::IndexOutOfRange { index: 3, size: 3 }));
}

#[test]
fn a_secret_index_out_of_range_writes_nothing() {
    let xs = tensor_ty(U8, &[3]);
    let path = vec![Step::Index(vec![Index::At(local(1, Ty::Scalar(U8)))])];
    let set = assign(0, path, Ty::Scalar(U8), constant(U8, 9));
    let f = function(2, &[xs.clone(), Ty::Scalar(U8)], block(vec![set], Some(local(0, xs))));
    let t = tree(vec![f], &[]);
    assert_eq!(numbers(&t, &[bytes(&[1, 2, 3]), tensor(U8, &[], &[1])]), [1, 9, 3]);
    assert_eq!(numbers(&t, &[bytes(&[1, 2, 3]), tensor(U8, &[], &[200])]), [1, 2, 3]);
}

/// `if c { x[0] = 9; y = x[1]; } else { x[1] = 8; }`, and the sum of everything.
fn branching() -> Function {
    let xs = tensor_ty(U8, &[2]);
    let at = |k: i64| vec![Step::Index(vec![Index::At(int(k))])];
    let then = block(
        vec![
            assign(1, at(0), Ty::Scalar(U8), constant(U8, 9)),
            assign(2, vec![], Ty::Scalar(U8), index(local(1, xs.clone()), int(1))),
        ],
        None,
    );
    let otherwise = block(vec![assign(1, at(1), Ty::Scalar(U8), constant(U8, 8))], None);
    let branch = stmt(StmtKind::Expr(if_else(local(0, Ty::Scalar(Elem::Bool)), then, otherwise)));
    let all = e(ExprKind::Aggregate(vec![local(1, xs.clone()), local(2, Ty::Scalar(U8))]), {
        Ty::Tuple(vec![xs.clone(), Ty::Scalar(U8)])
    });
    function(3, &[Ty::Scalar(Elem::Bool), xs, Ty::Scalar(U8)], block(vec![branch], Some(all)))
}

#[test]
fn a_secret_branch_leaves_what_the_side_taken_assigned() {
    for public in [vec![], vec![0, 1, 2]] {
        let t = tree(vec![branching()], &public);
        let inputs = |c| [tensor(Elem::Bool, &[], &[c]), bytes(&[1, 2]), tensor(U8, &[], &[3])];
        assert_eq!(numbers(&t, &inputs(1)), [9, 2, 2]);
        assert_eq!(numbers(&t, &inputs(0)), [1, 8, 3]);
    }
}

#[test]
fn nested_secret_branches_undo_what_is_not_taken() {
    // if a { if b { x = 1 } else { x = 2 } ; y = x } else { x = 3 }
    let u8s = Ty::Scalar(U8);
    let set = |id, v: Expr| assign(id, vec![], Ty::Scalar(U8), v);
    let inner = if_else(
        local(1, Ty::Scalar(Elem::Bool)),
        block(vec![set(2, constant(U8, 1))], None),
        block(vec![set(2, constant(U8, 2))], None),
    );
    let outer = if_else(
        local(0, Ty::Scalar(Elem::Bool)),
        block(vec![stmt(StmtKind::Expr(inner)), set(3, local(2, u8s.clone()))], None),
        block(vec![set(2, constant(U8, 3))], None),
    );
    let sum =
        binary(BinaryOp::Add, binary(BinaryOp::Mul, local(2, u8s.clone()), constant(U8, 10)), local(3, u8s.clone()));
    let bools = Ty::Scalar(Elem::Bool);
    let f = function(4, &[bools.clone(), bools, u8s.clone(), u8s], block(vec![stmt(StmtKind::Expr(outer))], Some(sum)));
    let t = tree(vec![f], &[2, 3]);
    let b = |v| tensor(Elem::Bool, &[], &[v]);
    let zero = || tensor(U8, &[], &[0]);
    for (x, y, want) in [(1, 1, 11), (1, 0, 22), (0, 1, 30), (0, 0, 30)] {
        assert_eq!(numbers(&t, &[b(x), b(y), zero(), zero()]), [want]);
    }
}

#[test]
fn errors_of_the_side_not_taken_stand_and_its_ranges_do_not() {
    let xs = tensor_ty(FIX, &[2]);
    let big = binary(BinaryOp::Add, constant(FIX, 0x7fff), constant(FIX, 1));
    let f = |otherwise| {
        let body = if_else(local(0, Ty::Scalar(Elem::Bool)), constant(FIX, 16), otherwise);
        tree(vec![function(2, &[Ty::Scalar(Elem::Bool), xs.clone()], body)], &[])
    };
    let inputs = [tensor(Elem::Bool, &[], &[1]), tensor(FIX, &[2], &[1, 2])];
    let simulation = run(&f(big), &inputs).ok().unwrap();
    assert!(simulation.ranges.is_empty());
    let outside = f(index(local(1, xs.clone()), int(2)));
    assert_eq!(run(&outside, &inputs).err(), Some(Kind::IndexOutOfRange { index: 2, size: 2 }));
}

#[test]
fn what_a_secret_branch_assigned_is_secret() {
    // let mut i = 0; if c { i = 5; } xs[i] with three elements: reads zero where c.
    let xs = tensor_ty(U8, &[3]);
    let branch = if_else(
        local(0, Ty::Scalar(Elem::Bool)),
        block(vec![assign(2, vec![], Ty::Scalar(U8), constant(U8, 5))], None),
        block(vec![], None),
    );
    let body = block(
        vec![stmt(StmtKind::Let(Pattern::Local(LocalId(2)), constant(U8, 1))), stmt(StmtKind::Expr(branch))],
        Some(index(local(1, xs.clone()), local(2, Ty::Scalar(U8)))),
    );
    let t = tree(vec![function(2, &[Ty::Scalar(Elem::Bool), xs, Ty::Scalar(U8)], body)], &[]);
    assert_eq!(numbers(&t, &[tensor(Elem::Bool, &[], &[0]), bytes(&[4, 5, 6])]), [5]);
    assert_eq!(numbers(&t, &[tensor(Elem::Bool, &[], &[1]), bytes(&[4, 5, 6])]), [0]);
}

#[test]
fn return_leaves_loops_of_its_own_function_alone() {
    // fn first(xs, v): the index of v in xs, or 9.  main: first(xs, v) * 10 + 1
    let xs = tensor_ty(U8, &[3]);
    let i = || local(2, Ty::Scalar(Elem::Int));
    let found = binary(BinaryOp::Eq, index(local(0, xs.clone()), i()), local(1, Ty::Scalar(U8)));
    let leave = block(vec![stmt(StmtKind::Return(e(ExprKind::Coerce(Box::new(i())), Ty::Scalar(U8))))], None);
    let search = stmt(StmtKind::Range {
        pattern: Pattern::Local(LocalId(2)),
        from: int(0),
        to: int(3),
        body: block(vec![stmt(StmtKind::Expr(if_else(found, leave, block(vec![], None))))], None),
    });
    let first =
        function(2, &[xs.clone(), Ty::Scalar(U8), Ty::Scalar(Elem::Int)], block(vec![search], Some(constant(U8, 9))));
    let call = ExprKind::Call {
        function: FunctionId(0),
        lead: vec![],
        args: vec![(local(0, xs.clone()), false), (local(1, Ty::Scalar(U8)), false)],
    };
    let body = binary(BinaryOp::Add, binary(BinaryOp::Mul, e(call, Ty::Scalar(U8)), constant(U8, 10)), constant(U8, 1));
    let t = tree(vec![first, function(2, &[xs, Ty::Scalar(U8)], body)], &[0, 1]);
    assert_eq!(numbers(&t, &[bytes(&[7, 8, 8]), tensor(U8, &[], &[8])]), [11]);
    assert_eq!(numbers(&t, &[bytes(&[7, 8, 8]), tensor(U8, &[], &[1])]), [91]);
}

#[test]
fn a_call_over_leading_axes_slices_marked_arguments_and_stacks_results() {
    // f(row: u8[2], k: u8) -> (sum(row) * k, row[0]) over [2, 3]
    let row = tensor_ty(U8, &[2]);
    let sum = builtin(Builtin::Sum(None), vec![local(0, row.clone())], Ty::Scalar(U8));
    let pair = ExprKind::Aggregate(vec![
        binary(BinaryOp::Mul, sum, local(1, Ty::Scalar(U8))),
        index(local(0, row.clone()), int(0)),
    ]);
    let f = function(2, &[row, Ty::Scalar(U8)], e(pair, Ty::Tuple(vec![Ty::Scalar(U8), Ty::Scalar(U8)])));
    let xs = tensor_ty(U8, &[2, 3, 2]);
    let over = tensor_ty(U8, &[2, 3]);
    let call = ExprKind::Call {
        function: FunctionId(0),
        lead: vec![Dim::number(2), Dim::number(3)],
        args: vec![(local(0, xs.clone()), true), (constant(U8, 2), false)],
    };
    let t = tree(vec![f, function(1, &[xs], e(call, Ty::Tuple(vec![over.clone(), over])))], &[]);
    let got = numbers(&t, &[tensor(U8, &[2, 3, 2], &(0..12).collect::<Vec<_>>())]);
    assert_eq!(got, [2, 10, 18, 26, 34, 42, 0, 2, 4, 6, 8, 10]);
}

#[test]
fn assignment_into_a_field_of_a_struct_in_a_box() {
    // xs: P[3] with P { a: u8, b: u8[2] }; xs[1..3].b[0, 1] = 50
    let pair = Ty::Tuple(vec![Ty::Scalar(U8), tensor_ty(U8, &[2])]);
    let xs = Ty::Tensor(Box::new(pair), vec![Dim::number(3)]);
    let path = vec![
        Step::Index(vec![Index::Range(int(1), Dim::number(2))]),
        Step::Field(1),
        Step::Index(vec![Index::At(int(0)), Index::At(int(1))]),
    ];
    let set = assign(0, path, Ty::Scalar(U8), constant(U8, 50));
    let t = tree(vec![function(1, std::slice::from_ref(&xs), block(vec![set], Some(local(0, xs.clone()))))], &[]);
    let mut input = bytes(&[1, 2, 3]);
    input.extend(tensor(U8, &[3, 2], &[0, 1, 2, 3, 4, 5]));
    assert_eq!(numbers(&t, &[input]), [1, 2, 3, 0, 1, 2, 50, 4, 5]);
}

#[test]
fn map_fold_and_rows() {
    let xs = tensor_ty(U8, &[4]);
    let square = Closure {
        params: vec![Pattern::Local(LocalId(1))],
        body: Box::new(binary(BinaryOp::Mul, local(1, Ty::Scalar(U8)), local(1, Ty::Scalar(U8)))),
    };
    let squares = e(ExprKind::Map { xs: vec![local(0, xs.clone())], closure: square }, xs.clone());
    let last_two = Closure {
        params: vec![Pattern::Local(LocalId(2)), Pattern::Local(LocalId(3))],
        body: Box::new(binary(
            BinaryOp::Add,
            binary(BinaryOp::Mul, local(2, Ty::Scalar(U8)), constant(U8, 3)),
            local(3, Ty::Scalar(U8)),
        )),
    };
    let fold = ExprKind::Fold { start: Box::new(constant(U8, 1)), xs: Box::new(squares), closure: last_two };
    let scalar = Ty::Scalar(U8);
    let t = tree(vec![function(1, &[xs, scalar.clone(), scalar.clone(), scalar.clone()], e(fold, scalar))], &[]);
    // ((((1·3 + 1)·3 + 4)·3 + 9)·3 + 0)
    assert_eq!(numbers(&t, &[bytes(&[1, 2, 3, 0])]), [171]);
}

#[test]
fn an_empty_map_has_the_shape_of_its_type() {
    let xs = tensor_ty(U8, &[0, 3]);
    let closure = Closure { params: vec![Pattern::Wild], body: Box::new(constant(FIX, 1)) };
    let map = e(ExprKind::Map { xs: vec![local(0, xs.clone())], closure }, tensor_ty(FIX, &[0, 3]));
    let t = tree(vec![function(1, &[xs], map)], &[]);
    let simulation = run(&t, &[tensor(U8, &[0, 3], &[])]).ok().unwrap();
    assert_eq!(simulation.outputs[0].1[0].ty, Type { elem: FIX, shape: vec![0, 3] });
}

#[test]
fn products_rescale_once_and_report_what_leaves_the_range() {
    // fix<16, 4>: 0.25 × 0.25 = 0.0625; each product of 1/16 × 1/2 rounds up to 1/16, their sum rescaled once is 1/8.
    let v = tensor_ty(FIX, &[4]);
    let f = |body| tree(vec![function(2, &[v.clone(), v.clone()], body)], &[]);
    let dot = f(builtin(Builtin::Dot, vec![local(0, v.clone()), local(1, v.clone())], Ty::Scalar(FIX)));
    let products = binary(BinaryOp::Mul, local(0, v.clone()), local(1, v.clone()));
    let sum = f(builtin(Builtin::Sum(None), vec![products], Ty::Scalar(FIX)));
    let small = [tensor(FIX, &[4], &[1; 4]), tensor(FIX, &[4], &[8; 4])];
    assert_eq!(numbers(&dot, &small), [2]);
    assert_eq!(numbers(&sum, &small), [4]);

    let large = [tensor(FIX, &[4], &[200, -200, 10, 10]), tensor(FIX, &[4], &[300, 300, 1, 1])];
    let simulation = run(&sum, &large).ok().unwrap();
    let [report] = simulation.ranges.as_slice() else { panic!("one report") };
    assert_eq!((report.kind, report.count, report.limit()), (RangeKind::Product, 2, 128.0));
    assert_eq!(report.first, [234.375, -234.375]);
    // In the ring the two cancel: the sum stays within.
    assert!(run(&dot, &large).ok().unwrap().ranges.is_empty());
    assert_eq!(numbers(&dot, &large), [1]);
}

#[test]
fn matrix_products_follow_numpy() {
    let f = |a: &[i64], b: &[i64], out: &[i64]| {
        let (a, b) = (tensor_ty(U8, a), tensor_ty(U8, b));
        let product = builtin(Builtin::MatMul, vec![local(0, a.clone()), local(1, b.clone())], tensor_ty(U8, out));
        tree(vec![function(2, &[a, b], product)], &[])
    };
    let up_to = |shape: &[u64]| tensor(U8, shape, &(1..=shape.iter().product::<u64>() as i64).collect::<Vec<_>>());
    assert_eq!(numbers(&f(&[2, 3], &[3], &[2]), &[up_to(&[2, 3]), up_to(&[3])]), [14, 32]);
    assert_eq!(numbers(&f(&[3], &[3, 2], &[2]), &[up_to(&[3]), up_to(&[3, 2])]), [22, 28]);
    assert_eq!(numbers(&f(&[3], &[3], &[]), &[up_to(&[3]), up_to(&[3])]), [14]);
    let batched = f(&[2, 1, 2], &[2, 2], &[2, 1, 2]);
    assert_eq!(numbers(&batched, &[up_to(&[2, 1, 2]), up_to(&[2, 2])]), [7, 10, 15, 22]);
}

#[test]
fn convolutions_agree_with_the_sum_over_the_window() {
    let (x, w) = (tensor_ty(U8, &[1, 2, 5, 4]), tensor_ty(U8, &[4, 1, 2, 3]));
    let conv = Builtin::Conv2d { stride: [2, 1], padding: [1, 2], dilation: [2, 1], groups: 2 };
    let body = builtin(conv, vec![local(0, x.clone()), local(1, w.clone())], tensor_ty(U8, &[1, 4, 3, 6]));
    let t = tree(vec![function(2, &[x, w], body)], &[]);
    let xs: Vec<i64> = (0..40).map(|k| (k * 7 + 3) % 11).collect();
    let ws: Vec<i64> = (0..24).map(|k| (k * 5 + 1) % 7).collect();
    let mut want = Vec::new();
    for o in 0..4i64 {
        for y in 0..3i64 {
            for z in 0..6i64 {
                let mut sum = 0;
                for (k, l) in (0..2).flat_map(|k| (0..3).map(move |l| (k, l))) {
                    let (r, c) = (y * 2 + k * 2 - 1, z + l - 2);
                    if (0..5).contains(&r) && (0..4).contains(&c) {
                        sum += xs[((o / 2) * 20 + r * 4 + c) as usize] * ws[(o * 6 + k * 3 + l) as usize];
                    }
                }
                want.push(i128::from(sum) & 255);
            }
        }
    }
    assert_eq!(numbers(&t, &[tensor(U8, &[1, 2, 5, 4], &xs), tensor(U8, &[4, 1, 2, 3], &ws)]), want);
}

#[test]
fn structural_built_ins() {
    let m = tensor_ty(U8, &[2, 3]);
    let f = |b, args: Vec<Expr>, out: &[i64]| {
        tree(vec![function(1, std::slice::from_ref(&m), builtin(b, args, tensor_ty(U8, out)))], &[])
    };
    let x = || local(0, m.clone());
    let input = [tensor(U8, &[2, 3], &[1, 2, 3, 4, 5, 6])];
    let on = |t: Tree| numbers(&t, &input);
    assert_eq!(on(f(Builtin::Transpose(vec![]), vec![x()], &[3, 2])), [1, 4, 2, 5, 3, 6]);
    assert_eq!(on(f(Builtin::Transpose(vec![1, 0]), vec![x()], &[3, 2])), [1, 4, 2, 5, 3, 6]);
    assert_eq!(on(f(Builtin::Slice { axis: 1 }, vec![x(), int(1)], &[2, 2])), [2, 3, 5, 6]);
    assert_eq!(on(f(Builtin::Broadcast, vec![x()], &[2, 2, 3])), [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
    assert_eq!(on(f(Builtin::Concat, vec![x(), x()], &[4, 3])), [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
    assert_eq!(on(f(Builtin::Sum(Some(0)), vec![x()], &[3])), [5, 7, 9]);
    assert_eq!(on(f(Builtin::ReduceMax(Some(1)), vec![x()], &[2])), [3, 6]);
    assert_eq!(on(f(Builtin::ReduceMin(None), vec![x()], &[])), [1]);
    let widths = vec![[Dim::number(1), Dim::number(0)], [Dim::number(0), Dim::number(1)]];
    assert_eq!(on(f(Builtin::Pad(widths), vec![x(), constant(U8, 9)], &[3, 4])), [9, 9, 9, 9, 1, 2, 3, 9, 4, 5, 6, 9]);
    let indices = e(ExprKind::Array(vec![int(1), int(0), int(1)]), tensor_ty(Elem::Int, &[3]));
    assert_eq!(on(f(Builtin::Gather, vec![x(), indices], &[3, 3])), [4, 5, 6, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn public_numbers_are_checked() {
    let of = |body: Expr| {
        let body = e(ExprKind::Coerce(Box::new(body)), Ty::Scalar(U8));
        run(&tree(vec![function(0, &[], body)], &[]), &[]).err()
    };
    let max = || int(i64::MAX);
    assert_eq!(of(int(255)), None);
    assert_eq!(of(int(256)), Some(Kind::DoesNotFit { value: 256, elem: U8 }));
    let overflow = |a, operator, b| Some(Kind::IntOverflow { a, operator, b });
    assert_eq!(of(binary(BinaryOp::Add, max(), int(1))), overflow(i64::MAX, "+", 1));
    assert_eq!(of(binary(BinaryOp::Mul, max(), int(2))), overflow(i64::MAX, "*", 2));
    assert_eq!(of(binary(BinaryOp::Pow, int(2), int(63))), overflow(2, "**", 63));
    assert_eq!(of(binary(BinaryOp::Pow, int(2), int(-1))), Some(Kind::NegativePower(-1)));
    assert_eq!(of(binary(BinaryOp::Div, int(i64::MIN), int(-1))), overflow(i64::MIN, "/", -1));
    assert_eq!(of(binary(BinaryOp::Rem, int(7), int(0))), Some(Kind::IntDivision(7)));
}

#[test]
fn assertions_reveals_and_bounds() {
    let c = local(0, Ty::Scalar(Elem::Bool));
    let shown = builtin(Builtin::Reveal, vec![c], Ty::Scalar(Elem::Bool));
    let check = stmt(StmtKind::Expr(builtin(Builtin::Assert, vec![shown], Ty::unit())));
    let t = tree(vec![function(1, &[Ty::Scalar(Elem::Bool)], block(vec![check], Some(constant(U8, 1))))], &[]);
    assert_eq!(run(&t, &[tensor(Elem::Bool, &[], &[0])]).err(), Some(Kind::AssertFailed));
    let simulation = run(&t, &[tensor(Elem::Bool, &[], &[1])]).ok().unwrap();
    assert_eq!(simulation.reveals.len(), 1);

    let forever = stmt(StmtKind::Range {
        pattern: Pattern::Wild,
        from: int(0),
        to: int(1_000_000_000_000),
        body: block(vec![], None),
    });
    let t = tree(vec![function(0, &[], block(vec![forever], Some(constant(U8, 1))))], &[]);
    let options = Options { steps: 1000, ..Options::default() };
    assert_eq!(simulate(&t, &[], &options).err().map(|e| e.kind), Some(Kind::OutOfBudget(1000)));

    let huge = builtin(Builtin::Zeros, vec![], tensor_ty(U8, &[1 << 20, 1 << 20]));
    let t = tree(vec![function(0, &[], block(vec![stmt(StmtKind::Expr(huge))], Some(constant(U8, 1))))], &[]);
    assert!(matches!(run(&t, &[]).err(), Some(Kind::TooLarge { .. })));
}

#[test]
fn imported_circuits_take_low_bits_first() {
    // A half adder: (a ^ b, a & b) of two bits, as a u2.
    let circuit = Circuit {
        inputs: 2,
        gates: vec![Gate::Xor(Bit::of(1), Bit::of(2)), Gate::And(Bit::of(1), Bit::of(2))],
        outputs: vec![Bit::of(3), Bit::of(4)],
    };
    let bools = Ty::Scalar(Elem::Bool);
    let body =
        e(ExprKind::Extern(0, vec![local(0, bools.clone()), local(1, bools.clone())]), Ty::Scalar(Elem::Uint(2)));
    let mut t = tree(vec![function(2, &[bools.clone(), bools], body)], &[]);
    t.externs.push(ExternFn { name: "half".into(), circuit: Arc::new(circuit) });
    let b = |v| tensor(Elem::Bool, &[], &[v]);
    for (x, y) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        assert_eq!(numbers(&t, &[b(x), b(y)]), [i128::from(x + y)]);
    }
}

#[test]
fn inputs_must_be_of_the_parameters_types() {
    let t = tree(vec![function(1, &[Ty::Scalar(Elem::Uint(4))], local(0, Ty::Scalar(Elem::Uint(4))))], &[]);
    assert!(matches!(run(&t, &[]).err(), Some(Kind::InputCount { .. })));
    assert!(matches!(run(&t, &[tensor(U8, &[], &[1])]).err(), Some(Kind::InputType { .. })));
    let mut beyond = tensor(Elem::Uint(4), &[], &[1]);
    beyond[0].data[0] = 16;
    assert!(matches!(run(&t, &[beyond]).err(), Some(Kind::InputData(_))));
}
