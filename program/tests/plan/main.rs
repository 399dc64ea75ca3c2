//! Plans against evaluation in the clear: an ideal executor runs a plan's steps on plain tensors and must agree with
//! `clear::run`.

mod ideal;
mod make;

use motet_program::clear;
use motet_program::data::{Elem, Tensor, Type};
use motet_program::ir::{Binary, Block, Constant, Conv2d, Node, Op, Party, Program, Reduction, Site, Unary};
use motet_program::plan::{Circuits, Kernel, Link, Offline, Plan, Protocol, Step, candidates, plan};

use ideal::Ideal;
use make::Make;

const FIX: Elem = Elem::Fix { bits: 32, frac: 8 };

/// Plans the program for each protocol in each way, runs the plans ideally, and compares; returns the plan for `yao`.
fn agrees(program: &Program) -> Plan {
    let mixed = garbled(program);
    let yao = plan(program, Protocol::Yao).unwrap();
    mixed.iter().chain([&yao]).for_each(|plan| agrees_under(program, plan));
    yao
}

/// The plans for `mixed` whose circuits are garbled.
fn garbled(program: &Program) -> Vec<Plan> {
    let plans = candidates(program, Protocol::Mixed, Link::LAN).unwrap();
    plans.into_iter().filter(|plan| plan.circuits == Circuits::Garbled).collect()
}

/// Runs a plan ideally on pseudo-random inputs, and compares.
fn agrees_under(program: &Program, plan: &Plan) {
    for seed in 0..3u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        let mut word = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let inputs: Vec<Vec<Tensor>> = program
            .params
            .iter()
            .map(|p| {
                let leaf = |ty: Type| Tensor { data: (0..ty.count()).map(|_| word() & ty.elem.mask()).collect(), ty };
                p.ty.leaves().into_iter().map(leaf).collect()
            })
            .collect();
        let want = clear::run(program, &inputs, &mut || 0).unwrap();
        let given = |party: u8| program.params.iter().map(|p| p.owner == Some(Party(party))).collect::<Vec<_>>();
        // Where tables are made ahead the plan is another, with the same results.
        let offline = [given(0), given(1), given(2)].map(|given| Offline::of(program, plan, &given).plan);
        for plan in offline.iter().chain([plan]) {
            plan.templates.iter().for_each(|template| template.check().unwrap());
            let got = Ideal::run(program, plan, &inputs);
            for (i, (want, got)) in want.iter().zip(&got).enumerate() {
                assert!(want == got, "seed {seed}, result {i}: {:?} is not {:?}", got.data, want.data);
            }
        }
    }
}

fn kernels(plan: &Plan) -> Vec<&Kernel> {
    plan.steps
        .iter()
        .filter_map(|p| match &p.step {
            Step::Kernel(k) => Some(k),
            _ => None,
        })
        .collect()
}

#[test]
fn scalar_operations_of_every_type_agree() {
    for elem in [Elem::Uint(7), Elem::Sint(13), Elem::Uint(64), FIX, Elem::Fix { bits: 64, frac: 16 }] {
        let mut m = Make::new();
        let a = m.input(Some(0), elem, &[5]);
        let b = m.input(Some(1), elem, &[5]);
        let mut results = Vec::new();
        for op in [
            Binary::Add,
            Binary::Sub,
            Binary::Mul,
            Binary::Div,
            Binary::Rem,
            Binary::And,
            Binary::Or,
            Binary::Xor,
            Binary::Min,
            Binary::Max,
        ] {
            results.push(m.op(Op::Binary(op, a, b), elem, &[5]));
        }
        for op in [Binary::Eq, Binary::Lt] {
            results.push(m.op(Op::Binary(op, a, b), Elem::Bool, &[5]));
        }
        let sum = results[0];
        for op in [Unary::Neg, Unary::Not, Unary::Abs] {
            results.push(m.op(Op::Unary(op, sum), elem, &[5]));
        }
        for to in [Elem::Uint(3), Elem::Sint(40), Elem::Fix { bits: 20, frac: 3 }, Elem::Fix { bits: 50, frac: 30 }] {
            results.push(m.op(Op::Cast(sum), to, &[5]));
        }
        let program = m.finish(&results);
        agrees(&program);
    }
}

#[test]
fn equalities_of_all_pairs_are_one_kernel() {
    let mut m = Make::new();
    let xs = m.input(Some(0), Elem::Uint(9), &[70]);
    let ys = m.input(Some(1), Elem::Uint(9), &[33]);
    let column = m.op(Op::Reshape(xs), Elem::Uint(9), &[70, 1]);
    let a = m.op(Op::Broadcast(column), Elem::Uint(9), &[70, 33]);
    let b = m.op(Op::Broadcast(ys), Elem::Uint(9), &[70, 33]);
    let equal = m.op(Op::Binary(Binary::Eq, a, b), Elem::Bool, &[70, 33]);
    let number = m.op(Op::Cast(equal), Elem::Uint(16), &[70, 33]);
    let rows = m.op(Op::Reduce(Reduction::Add, number, 1), Elem::Uint(16), &[70]);
    let all = m.op(Op::Reduce(Reduction::Add, rows, 0), Elem::Uint(16), &[]);
    let program = m.finish(&[all]);
    let plan = agrees(&program);
    let kernels = kernels(&plan);
    assert_eq!(kernels.len(), 1);
    let reduce = kernels[0].reduce.as_ref().unwrap();
    assert_eq!(reduce.extents, [33, 70]);
    assert!(reduce.lanes > 1 && reduce.wide.is_some());
}

/// A small reduction stands in one template: two comparisons and selections for the greatest of three, none with a start.
#[test]
fn small_reductions_start_with_an_element() {
    let mut m = Make::new();
    let x = m.input(Some(0), FIX, &[5, 3, 4]);
    let y = m.input(Some(1), FIX, &[5, 3, 4]);
    let z = m.op(Op::Binary(Binary::Add, x, y), FIX, &[5, 3, 4]);
    let most = m.op(Op::Reduce(Reduction::Max, z, 1), FIX, &[5, 4]);
    let zero = m.op(Op::Const(Constant::Splat(0)), FIX, &[5, 4]);
    let relu = m.op(Op::Binary(Binary::Max, most, zero), FIX, &[5, 4]);
    let program = m.finish(&[relu]);
    let plan = agrees(&program);
    let kernels = kernels(&plan);
    assert_eq!(kernels.len(), 1);
    assert!(kernels[0].reduce.is_none() && kernels[0].shape == [5, 4]);
    let counts = plan.templates[kernels[0].template as usize].counts;
    let sums_comparisons_relu = 3 + 2 * 2 + 1;
    assert!(counts.half + counts.full <= sums_comparisons_relu * u64::from(FIX.bits()), "{counts:?}");
}

#[test]
fn a_dense_layer_is_one_kernel_and_its_sums() {
    let mut m = Make::new();
    let w = m.input(Some(0), FIX, &[6, 20]);
    let bias = m.input(Some(0), FIX, &[6]);
    let x = m.input(Some(1), FIX, &[3, 20]);
    let t = m.op(Op::Transpose(w, vec![1, 0]), FIX, &[20, 6]);
    let product = m.op(Op::MatMul(x, t), FIX, &[3, 6]);
    let b = m.op(Op::Broadcast(bias), FIX, &[3, 6]);
    let sum = m.op(Op::Binary(Binary::Add, product, b), FIX, &[3, 6]);
    let zero = m.op(Op::Const(Constant::Splat(0)), FIX, &[3, 6]);
    let relu = m.op(Op::Binary(Binary::Max, sum, zero), FIX, &[3, 6]);
    let best = m.op(Op::Reduce(Reduction::Max, relu, 1), FIX, &[3]);
    let program = m.finish(&[relu, best]);
    let plan = agrees(&program);
    let kernels = kernels(&plan);
    assert_eq!(kernels.iter().map(|k| k.shape.as_slice()).collect::<Vec<_>>(), [&[3, 6][..], &[3]]);
    // The bias, and what depends on the weights alone and on the inputs alone, which their owners sum.
    assert_eq!(kernels[0].reduce.as_ref().unwrap().finish.len(), 3);
    assert_eq!(plan.steps.iter().filter(|s| matches!(s.step, Step::Triangular(_))).count(), 2);
    assert_eq!(plan.garbler, Party(0));
}

#[test]
fn sums_of_a_shared_matrix_are_a_kernel() {
    let mut m = Make::new();
    let a = m.input(Some(0), FIX, &[9, 20]);
    let b = m.input(Some(1), FIX, &[9, 20]);
    let x = m.op(Op::Binary(Binary::Add, a, b), FIX, &[9, 20]);
    let t = m.op(Op::Transpose(x, vec![1, 0]), FIX, &[20, 9]);
    let product = m.op(Op::MatMul(x, t), FIX, &[9, 9]);
    let program = m.finish(&[product]);
    let plan = agrees(&program);
    assert_eq!(
        kernels(&plan).iter().map(|k| k.shape.as_slice()).collect::<Vec<_>>(),
        [&[9, 20][..], &[9], &[9], &[9, 9]]
    );
}

#[test]
fn a_product_of_vectors_is_one_kernel() {
    let mut m = Make::new();
    let x = m.input(Some(0), FIX, &[1, 40]);
    let y = m.input(Some(1), FIX, &[40, 1]);
    let product = m.op(Op::MatMul(x, y), FIX, &[1, 1]);
    let program = m.finish(&[product]);
    assert_eq!(kernels(&agrees(&program)).len(), 1);
}

#[test]
fn convolutions_agree() {
    for (groups, stride, dilation) in [(1, [1, 1], [1, 1]), (2, [2, 1], [1, 2]), (4, [1, 2], [2, 1])] {
        let mut m = Make::new();
        let x = m.input(Some(1), FIX, &[2, 4, 7, 6]);
        let w = m.input(Some(0), FIX, &[8, 4 / groups, 3, 2]);
        let bias = m.input(Some(0), FIX, &[8, 1, 1]);
        let out = |i: usize, n: u64, k: u64| (n - (k - 1) * dilation[i] - 1) / stride[i] + 1;
        let shape = [2, 8, out(0, 7, 3), out(1, 6, 2)];
        let y = m.op(Op::Conv2d(x, w, Conv2d { stride, dilation, groups }), FIX, &shape);
        let b = m.op(Op::Broadcast(bias), FIX, &shape);
        let sum = m.op(Op::Binary(Binary::Add, y, b), FIX, &shape);
        let program = m.finish(&[sum]);
        let plan = agrees(&program);
        assert_eq!(kernels(&plan).len(), 1);
    }
}

#[test]
fn oblivious_access_agrees_in_both_forms() {
    for (rows, entry, elem) in [(5, 2, Elem::Sint(4)), (300, 3, Elem::Uint(9)), (2000, 1, Elem::Sint(13))] {
        let mut m = Make::new();
        let table = m.input(Some(0), Elem::Uint(40), &[2, rows, entry]);
        let index = m.input(Some(1), elem, &[2]);
        let value = m.input(Some(1), Elem::Uint(40), &[2, entry]);
        let read = m.op(Op::Read { table, index }, Elem::Uint(40), &[2, entry]);
        let write = m.op(Op::Write { table, index, value }, Elem::Uint(40), &[2, rows, entry]);
        agrees(&m.finish(&[read, write]));
    }
}

#[test]
fn a_table_of_constants_costs_products_of_index_bits() {
    let mut m = Make::new();
    let entries = (0..64u64).map(|i| (i * i * 0x9e37_79b9) & 0xff_ffff).collect();
    let table = m.op(Op::Const(Constant::Dense(entries)), Elem::Uint(24), &[32, 2]);
    let tables = m.op(Op::Broadcast(table), Elem::Uint(24), &[3, 32, 2]);
    let index = m.input(Some(1), Elem::Uint(5), &[3]);
    let owned = m.input(Some(0), Elem::Uint(5), &[3]);
    let at = m.op(Op::Binary(Binary::Xor, index, owned), Elem::Uint(5), &[3]);
    let read = m.op(Op::Read { table: tables, index: at }, Elem::Uint(24), &[3, 2]);
    let plan = agrees(&m.finish(&[read]));
    let ands: u64 = kernels(&plan).iter().flat_map(|k| &k.ands).map(|(_, n)| n).sum();
    assert_eq!(ands, 32 - 5 - 1);
}

#[test]
fn loops_and_branches_agree() {
    let mut m = Make::new();
    let xs = m.input(Some(0), Elem::Uint(16), &[9]);
    let start = m.input(Some(1), Elem::Uint(16), &[]);
    let flag = m.input(None, Elem::Bool, &[]);
    let (from, to) = (m.int(2), m.int(9));
    let outer = std::mem::take(&mut m.block);
    let index = m.program.fresh(Type::scalar(Elem::Int));
    let best = m.program.fresh(Type::scalar(Elem::Uint(16)));
    let one = m.op(Op::Slice(xs, vec![index]), Elem::Uint(16), &[1]);
    let x = m.op(Op::Reshape(one), Elem::Uint(16), &[]);
    let more = m.op(Op::Binary(Binary::Lt, best, x), Elem::Bool, &[]);
    let next = m.op(Op::Select(more, x, best), Elem::Uint(16), &[]);
    let body = Block { params: vec![index, best], ops: std::mem::replace(&mut m.block, outer), results: vec![next] };
    let result = m.op(Op::Loop { from, to, init: vec![start], body }, Elem::Uint(16), &[]);
    let outer = std::mem::take(&mut m.block);
    let double = m.op(Op::Binary(Binary::Add, result, result), Elem::Uint(16), &[]);
    let then = Block { params: vec![], ops: std::mem::replace(&mut m.block, outer), results: vec![double] };
    let otherwise = Block { params: vec![], ops: vec![], results: vec![start] };
    let chosen = m.op(Op::If { cond: flag, then, otherwise }, Elem::Uint(16), &[]);
    let public = m.op(Op::Reveal(chosen), Elem::Uint(16), &[]);
    agrees(&m.finish(&[public, result]));
}

/// Steps of training: weights stay addends from one iteration to the next, only signs and carries are found by circuits, and
/// the result is exact, for numbers of the whole ring.
#[test]
fn training_on_addends_agrees() {
    for elem in [FIX, Elem::Fix { bits: 64, frac: 16 }, Elem::Fix { bits: 40, frac: 39 }, Elem::Uint(20)] {
        let mut m = Make::new();
        let [xa, xb] = [0, 1].map(|owner| m.input(Some(owner), elem, &[4, 5]));
        let y = m.input(Some(1), elem, &[2, 3]);
        let start = m.input(None, elem, &[5, 3]);
        let flags = m.input(Some(0), Elem::Bool, &[2, 3]);
        let x = m.op(Op::Concat(vec![xa, xb], 0), elem, &[8, 5]);
        let (from, to) = (m.int(0), m.int(4));
        let zero = m.op(Op::Const(Constant::Splat(0)), elem, &[2, 3]);
        let outer = std::mem::take(&mut m.block);
        let index = m.program.fresh(Type::scalar(Elem::Int));
        let [w, b] = [&[5u64, 3][..], &[3]].map(|s| m.program.fresh(Type { elem, shape: s.to_vec() }));
        let two = m.int(2);
        let first = m.op(Op::Binary(Binary::Mul, index, two), Elem::Int, &[]);
        let none = m.int(0);
        let batch = m.op(Op::Slice(x, vec![first, none]), elem, &[2, 5]);
        let product = m.op(Op::MatMul(batch, w), elem, &[2, 3]);
        let bias = m.op(Op::Broadcast(b), elem, &[2, 3]);
        let a = m.op(Op::Binary(Binary::Add, product, bias), elem, &[2, 3]);
        let positive = m.op(Op::Binary(Binary::Lt, zero, a), Elem::Bool, &[2, 3]);
        let h = m.op(Op::Select(positive, a, zero), elem, &[2, 3]);
        let error = m.op(Op::Binary(Binary::Sub, h, y), elem, &[2, 3]);
        let masked = m.op(Op::Select(positive, zero, error), elem, &[2, 3]);
        let other = m.op(Op::Binary(Binary::Xor, flags, positive), Elem::Bool, &[2, 3]);
        let mixed = m.op(Op::Select(other, masked, h), elem, &[2, 3]);
        let relu = m.op(Op::Binary(Binary::Max, zero, mixed), elem, &[2, 3]);
        let g = m.op(Op::Binary(Binary::Add, relu, mixed), elem, &[2, 3]);
        let columns = m.op(Op::Transpose(batch, vec![1, 0]), elem, &[5, 2]);
        let gradient = m.op(Op::MatMul(columns, g), elem, &[5, 3]);
        let rate = m.op(Op::Const(Constant::Splat(5)), elem, &[5, 3]);
        let step = m.op(Op::Binary(Binary::Mul, rate, gradient), elem, &[5, 3]);
        let next = m.op(Op::Binary(Binary::Sub, w, step), elem, &[5, 3]);
        let of_bias = m.op(Op::Reduce(Reduction::Add, g, 0), elem, &[3]);
        let rates = m.op(Op::Const(Constant::Splat(elem.mask() / 3)), elem, &[3]);
        let bias_step = m.op(Op::Binary(Binary::Mul, of_bias, rates), elem, &[3]);
        let next_bias = m.op(Op::Binary(Binary::Sub, b, bias_step), elem, &[3]);
        let ops = std::mem::replace(&mut m.block, outer);
        let body = Block { params: vec![index, w, b], ops, results: vec![next, next_bias] };
        let zeros = m.op(Op::Const(Constant::Splat(0)), elem, &[3]);
        let results = [&[5u64, 3][..], &[3]].map(|s| m.program.fresh(Type { elem, shape: s.to_vec() }));
        let op = Op::Loop { from, to, init: vec![start, zeros], body };
        m.block.push(Node { op, results: results.to_vec(), site: Site(0) });
        let least = m.op(Op::Reduce(Reduction::Min, results[0], 0), elem, &[3]);
        let program = m.finish(&[results[0], results[1], least]);
        agrees(&program);
        let mixed = garbled(&program).pop().unwrap();
        let Some(Step::Loop { carried, body, .. }) =
            mixed.steps.iter().map(|p| &p.step).find(|s| matches!(s, Step::Loop { .. }))
        else {
            panic!("a loop")
        };
        assert_eq!(carried.len(), 4);
        let nothing_opens = body.iter().all(|p| !matches!(p.step, Step::Open { .. }));
        assert!(nothing_opens || !elem.signed(), "nothing is taken apart, where a ReLU does something");
    }
}

/// A loop of small kernels, structural operations and a short loop becomes a loop of one kernel over one instance, which
/// computes the same; one that runs too few times stays.
#[test]
fn small_kernels_of_a_loop_become_one() {
    let u16s = Elem::Uint(16);
    for (times, merged) in [(40, true), (4, false)] {
        let mut m = Make::new();
        let start = m.input(Some(0), u16s, &[4]);
        let key = m.input(Some(1), u16s, &[4]);
        let scale = m.input(None, u16s, &[4]);
        let constants = m.op(Op::Const(Constant::Dense(vec![7, 500, 3])), u16s, &[3]);
        let order = m.op(Op::Const(Constant::Dense(vec![3, 0, 2, 1])), Elem::Int, &[4]);
        let (zero, times) = (m.int(0), m.int(times));
        let outer = std::mem::take(&mut m.block);
        let index = m.program.fresh(Type::scalar(Elem::Int));
        let state = m.program.fresh(Type { elem: u16s, shape: vec![4] });
        let mixed = m.op(Op::Binary(Binary::Add, state, key), u16s, &[4]);
        let turned = m.op(Op::Gather(mixed, order), u16s, &[4]);
        let three = m.int(3);
        let around = std::mem::take(&mut m.block);
        let round = m.program.fresh(Type::scalar(Elem::Int));
        let inner = m.program.fresh(Type { elem: u16s, shape: vec![4] });
        let first = m.op(Op::Slice(inner, vec![round]), u16s, &[1]);
        let spread = m.op(Op::Broadcast(first), u16s, &[4]);
        let product = m.op(Op::Binary(Binary::Mul, spread, scale), u16s, &[4]);
        let constant = m.op(Op::Slice(constants, vec![round]), u16s, &[1]);
        let constant = m.op(Op::Broadcast(constant), u16s, &[4]);
        let product = m.op(Op::Binary(Binary::Add, product, constant), u16s, &[4]);
        let next = m.op(Op::Binary(Binary::Max, product, turned), u16s, &[4]);
        let results = vec![next];
        let body = Block { params: vec![round, inner], ops: std::mem::replace(&mut m.block, around), results };
        let folded = m.op(Op::Loop { from: zero, to: three, init: vec![turned], body }, u16s, &[4]);
        let yielded = m.op(Op::Binary(Binary::Sub, folded, mixed), u16s, &[4]);
        let results = vec![yielded];
        let body = Block { params: vec![index, state], ops: std::mem::replace(&mut m.block, outer), results };
        let result = m.op(Op::Loop { from: zero, to: times, init: vec![start], body }, u16s, &[4]);
        let plan = agrees(&m.finish(&[result]));
        let body =
            plan.steps.iter().find_map(|p| if let Step::Loop { body, .. } = &p.step { Some(body) } else { None });
        let kernels: Vec<&Kernel> = body
            .unwrap()
            .iter()
            .filter_map(|p| if let Step::Kernel(kernel) = &p.step { Some(kernel) } else { None })
            .collect();
        let loops = body.unwrap().iter().filter(|p| matches!(p.step, Step::Loop { .. })).count();
        assert_eq!((kernels.len() == 1, loops == 0), (merged, merged));
        if merged {
            assert_eq!((kernels[0].shape.len(), kernels[0].inputs.len(), plan.templates.len()), (0, 3, 1));
        }
    }
}

#[test]
fn a_flat_circuit_computes_what_the_program_does() {
    let mut m = Make::new();
    let w = m.input(Some(0), FIX, &[2, 3]);
    let x = m.input(Some(1), FIX, &[3, 2]);
    let index = m.input(Some(1), Elem::Uint(2), &[]);
    let product = m.op(Op::MatMul(w, x), FIX, &[2, 2]);
    let zero = m.op(Op::Const(Constant::Splat(0)), FIX, &[2, 2]);
    let relu = m.op(Op::Binary(Binary::Max, product, zero), FIX, &[2, 2]);
    let row = m.op(Op::Read { table: relu, index }, FIX, &[2]);
    let program = m.finish(&[product, relu, row]);
    let flat = motet_program::flatten::flatten(&program).unwrap();
    assert_eq!((flat.inputs.as_slice(), flat.outputs.as_slice()), (&[192, 192, 2][..], &[128, 128, 64][..]));
    let inputs = [
        (FIX, vec![2, 3], vec![256, 512, 0, 128, (-256i64) as u64 & FIX.mask(), 64]),
        (FIX, vec![3, 2], vec![256, 0, 128, 256, 1024, 2048]),
        (Elem::Uint(2), vec![], vec![1]),
    ]
    .map(|(elem, shape, data)| vec![Tensor { ty: Type { elem, shape }, data }]);
    let bits: Vec<bool> = inputs
        .iter()
        .flatten()
        .flat_map(|t| t.data.iter().flat_map(|w| (0..t.ty.elem.bits()).map(move |b| w >> b & 1 == 1)))
        .collect();
    let out = flat.circuit.evaluate(&bits);
    let words: Vec<u64> = out.chunks(32).map(|c| c.iter().rev().fold(0, |w, b| w << 1 | u64::from(*b))).collect();
    let want = clear::run(&program, &inputs, &mut || 0).unwrap();
    assert_eq!(words, want.iter().flat_map(|t| t.data.clone()).collect::<Vec<_>>());
}

/// A ReLU before max-pooling goes after it, where it acts on a quarter of the elements; one whose result is used otherwise
/// stays.
#[test]
fn a_maximum_with_a_constant_comes_after_one_over_windows() {
    for stays in [false, true] {
        let mut m = Make::new();
        let [a, b] = [0, 1].map(|owner| m.input(Some(owner), FIX, &[2, 4, 6]));
        let x = m.op(Op::Binary(Binary::Add, a, b), FIX, &[2, 4, 6]);
        let floor = m.op(Op::Const(Constant::Splat(300)), FIX, &[2, 4, 6]);
        let relu = m.op(Op::Binary(Binary::Max, floor, x), FIX, &[2, 4, 6]);
        let pairs = m.op(Op::Reshape(relu), FIX, &[2, 4, 3, 2]);
        let rows = m.op(Op::Reduce(Reduction::Max, pairs, 3), FIX, &[2, 4, 3]);
        let turned = m.op(Op::Transpose(rows, vec![0, 2, 1]), FIX, &[2, 3, 4]);
        let pairs = m.op(Op::Reshape(turned), FIX, &[2, 3, 2, 2]);
        let pooled = m.op(Op::Reduce(Reduction::Max, pairs, 3), FIX, &[2, 3, 2]);
        let sum = m.op(Op::Binary(Binary::Add, pooled, pooled), FIX, &[2, 3, 2]);
        let program = if stays { m.finish(&[sum, relu]) } else { m.finish(&[sum, pooled]) };
        let plan = agrees(&program);
        let moved: Vec<[u64; 2]> = plan.rewrites.iter().map(|r| [r.before, r.after]).collect();
        assert_eq!(moved, if stays { Vec::new() } else { vec![[48, 12]] });
    }
}

/// Also where a loop takes the windows some at a time, and what is left is taken after it.
#[test]
fn a_maximum_with_a_constant_goes_into_loops() {
    let mut m = Make::new();
    let [a, b] = [0, 1].map(|owner| m.input(Some(owner), FIX, &[7, 4]));
    let x = m.op(Op::Binary(Binary::Add, a, b), FIX, &[7, 4]);
    let floor = m.op(Op::Const(Constant::Splat(300)), FIX, &[7, 4]);
    let relu = m.op(Op::Binary(Binary::Max, x, floor), FIX, &[7, 4]);
    let [zero, three, six] = [0, 3, 6].map(|n| m.int(n));
    let start = m.op(Op::Const(Constant::Splat(0)), FIX, &[2]);
    let [index, carried] =
        [(Elem::Int, vec![]), (FIX, vec![2])].map(|(elem, shape)| m.program.fresh(Type { elem, shape }));
    let outer = std::mem::take(&mut m.block);
    let two = m.int(2);
    let at = m.op(Op::Binary(Binary::Mul, index, two), Elem::Int, &[]);
    let rows = m.op(Op::Slice(relu, vec![at, zero]), FIX, &[2, 4]);
    let greatest = m.op(Op::Reduce(Reduction::Max, rows, 1), FIX, &[2]);
    let next = m.op(Op::Binary(Binary::Add, carried, greatest), FIX, &[2]);
    let ops = std::mem::replace(&mut m.block, outer);
    let body = Block { params: vec![index, carried], ops, results: vec![next] };
    let sum = m.op(Op::Loop { from: zero, to: three, init: vec![start], body }, FIX, &[2]);
    let rest = m.op(Op::Slice(relu, vec![six, zero]), FIX, &[1, 4]);
    let rest = m.op(Op::Reduce(Reduction::Max, rest, 1), FIX, &[1]);
    let plan = agrees(&m.finish(&[sum, rest]));
    let moved: Vec<[u64; 2]> = plan.rewrites.iter().map(|r| [r.before, r.after]).collect();
    assert_eq!(moved, [[28, 7]]);
}
