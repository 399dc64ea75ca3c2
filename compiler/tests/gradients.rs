//! Gradients of compiled programs against finite differences, and against those that `simulate` reads off its tape.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use motet_compiler::simulate::{self, simulate};
use motet_compiler::{Options, compile, tree};
use motet_program::clear;
use motet_program::data::{Elem, Tensor};
use motet_program::ir::Program;

/// The program, with `fix<64, 24>`.
fn compiled(source: &str) -> Program {
    let files = HashMap::from([("main.mpc".to_string(), source.to_string())]);
    let options = Options { sets: BTreeMap::new(), fix: Some((64, 24)), ..Options::default() };
    match compile("main.mpc", &files, &options) {
        Ok(success) => success.value,
        Err(failure) => {
            let messages: Vec<_> = failure.diagnostics.iter().map(|d| (&d.message, &d.help)).collect();
            panic!("{source}: {messages:?}")
        }
    }
}

const UNIT: f64 = (1u64 << 24) as f64;

/// The leaves of a program's only parameter, of `fix` alone, from their elements.
fn leaves(program: &Program, input: &[f64]) -> Vec<Tensor> {
    let types = program.params[0].ty.leaves();
    let mut rest = input.iter();
    let leaves = types.into_iter().map(|ty| {
        let data = rest.by_ref().take(ty.count() as usize).map(|x| (x * UNIT).round() as i64 as u64).collect();
        Tensor { ty, data }
    });
    leaves.collect()
}

fn numbers(results: &[Tensor]) -> Vec<f64> {
    let number = |ty: Elem, x: &u64| ty.number(*x) as f64 / UNIT;
    results.iter().flat_map(|t| t.data.iter().map(|x| number(t.ty.elem, x)).collect::<Vec<_>>()).collect()
}

fn run(program: &Program, input: &[f64]) -> Vec<f64> {
    numbers(&clear::run(program, &[leaves(program, input)], &mut || 0).expect("a run"))
}

/// What `simulate` makes of the program.
fn simulated(source: &str, program: &Program, input: &[f64]) -> Vec<f64> {
    let files = HashMap::from([("main.mpc".to_string(), source.to_string())]);
    let options = Options { fix: Some((64, 24)), ..Options::default() };
    let tree = tree("main.mpc", &files, &options).expect("a tree").value;
    let simulation = simulate(&tree, &[leaves(program, input)], &simulate::Options::default()).expect("a simulation");
    let results: Vec<Tensor> = simulation.outputs.into_iter().flat_map(|(_, leaves)| leaves).collect();
    numbers(&results)
}

/// Checks the gradient of `f` (whose text is given, taking `m: TY`) at the point.
fn check(items: &str, ty: &str, at: &[f64]) {
    let main = |result: &str, body: &str| format!("{items}\npub fn main(m: {ty} @ a) -> {result} {{ {body} }}\n");
    let value = compiled(&main("fix", "f(m)"));
    let gradient = compiled(&main(ty, "grad(f)(m)"));
    let got = run(&gradient, at);
    assert_eq!(got.len(), at.len());
    let simulated = simulated(&main(ty, "grad(f)(m)"), &gradient, at);
    for (got, simulated) in got.iter().zip(simulated) {
        assert!((got - simulated).abs() < 3e-5 * (1.0 + got.abs()), "{items}: {got}, simulated {simulated}");
    }
    let step = 1.0 / 256.0;
    for k in 0..at.len() {
        let moved = |by: f64| {
            let mut x = at.to_vec();
            x[k] += by;
            run(&value, &x)[0]
        };
        let want = (moved(step) - moved(-step)) / (2.0 * step);
        assert!((got[k] - want).abs() < 1e-3, "{items}: element {k}: {} where differences give {want}", got[k]);
    }
}

const AT: [f64; 6] = [0.5, -0.75, 1.25, 0.3, -1.4, 0.9];

#[test]
fn arithmetic() {
    for body in [
        "sum(x * x * x - 2.0 * x + 1.0)",
        "sum(x / (x * x + 1.5))",
        "sum(2.0 / (x + 3.0)) - sum(-x)",
        "sum((x * 3.0 + 5.1) % (0.3 * x + 1.0)) + sum((x << 1) >> 2)",
        "sum(abs(x)) + sum(max(x, 0.1)) + sum(min(x, 0.2 * x * x))",
        "sum(x * x * 3.0 + x[1] * x) + x[0]",
        "sum(select(x > 0.0, x * x, 3.0 * x))",
        "max(x * x) + min(x * 2.0)",
        "sum(x[1..4] * x[2..5])",
        "sum(((x * 2.0) as fix<48, 20> * 3.0) as fix * x)",
        "dot(x, reshape(transpose(reshape(x, [2, 3])), [6]))",
        "sum(concat(x, x * x) * concat(x * 2.0, x))",
        "sum(pad(x, [[1, 2]], 1.0) * pad(x, [[2, 1]], 3.0))",
        "sum(gather(x, [1, 1, 3]) * gather(x, [0, 1, 5]))",
        "sum(x[(x[0] > 0.0) as u8] * x)",
        "sum(stack(x, x * x) * broadcast(x, [2, 6]))",
        "sum(matmul(reshape(x, [2, 3]), reshape(x * x, [3, 2])))",
        "sum(sum(reshape(x, [2, 3]), axis = 0) * x[0..3])",
    ] {
        check(&format!("fn f(x: fix[6]) -> fix {{ {body} }}"), "fix[6]", &AT);
    }
}

#[test]
fn control() {
    for body in [
        "let mut s = 1.0; for i in 0..6 { s = s * (x[i] + 1.0) * 0.7 + x[0]; } s",
        "let mut y = x; for i in 1..6 { y[i] = y[i - 1] * x[i]; } sum(y)",
        "let mut s: fix = 0.0; for i in 0..2 { for j in 0..3 { s = s * 0.5 + x[i * 3 + j] * x[j]; } } s",
        "sum(map(|v| if v > 0.0 { v * v } else { 3.0 * v }, x))",
        "let mut s: fix = 0.0; for i in 0..6 { if i == 2 { s = s + x[i] * x[i]; } else { s = s * x[i]; } } s",
        "let mut s: fix = 0.0; for v in x { if v > 0.0 { s = s + v * v * s + v; } } s",
        "fold(|a, v| a * v + x[1], 0.5, x)",
        "let mut s: fix = 0.0; for i in 0..3 { s = s + sum(map(|v| v * s + x[i], x)); } s * 0.1",
        "let mut s: fix = 0.0; for i in 0..6 { for j in 0..i { s = s * 0.5 + x[i] * x[j]; } } s",
        "let mut s: fix = 1.0; for i in 1..4 { for j in i - 2..2 * i - 3 { s = s * x[i] + x[j + 1]; } } s",
    ] {
        check(&format!("fn f(x: fix[6]) -> fix {{ {body} }}"), "fix[6]", &AT);
    }
}

#[test]
fn library() {
    for body in [
        "sum(math::exp(x) + nn::relu(x) * x)",
        "sum(math::log(x + 2.0) + math::sqrt(x + 2.0) + math::rsqrt(x + 2.0) + math::reciprocal(x + 2.0))",
        "sum(nn::sigmoid(x) * nn::tanh(x)) + math::logistic(x[0])",
        "let y = nn::softmax(reshape(x, [2, 3])); sum(y * y * y)",
        "loss::bce_with_logits(x, [0.0, 1.0, 1.0, 0.0, 1.0, 0.0])",
        "loss::softmax_cross_entropy(reshape(x, [2, 3]), [2 as u8, 0 as u8])",
        "loss::mse(x, [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]) + loss::hinge(x, [1.0, -1.0, 1.0, -1.0, 1.0, 1.0])",
        "sum(nn::layernorm(reshape(x, [2, 3]), [1.0, 2.0, 0.5], [0.0, 0.1, 0.2]) * reshape(x, [2, 3]))",
        "sum(nn::silu(x)) + sum(nn::leaky_relu(x)) + sum(nn::gelu(x) * x)",
        "sum(math::sin(x) * math::cos(x * 2.0)) + sum(math::erf(x))",
        "sum(math::pow(x + 2.0, x)) + sum(math::sqrt(x))",
        "sum(map(|v| math::sin(v) * x[1], x))",
        "let y = with_slope(0.5 * sum(x * x), x, x); y * y",
        "let mut s: fix = 0.1; for v in x { s = s + nn::sigmoid(v * s); } s",
        "let mut s: fix = 0.1; for i in 0..3 { s = s * 0.5 + nn::softmax(math::sin(x))[i]; } s",
        "let y = nn::maxpool2d(reshape(x, [2, 3]), 2, stride = 1); sum(y * y)",
        "let y = nn::avgpool2d(reshape(x, [2, 3]), 2, padding = 1); sum(y * y)",
        "let y = reshape(x, [3, 2]); let a = nn::attention(y, y * y, y, heads = 2); sum(a * a)",
    ] {
        let items = format!("use math; use nn; use loss;\nfn f(x: fix[6]) -> fix {{ {body} }}");
        check(&items, "fix[6]", &AT);
    }
}

#[test]
fn convolutions_in_groups() {
    let point: Vec<f64> = (0..4 * 25).map(|k| ((k * 37 % 41) as f64 - 20.0) / 16.0).collect();
    for (groups, c, l) in [(2, 2, 2), (4, 1, 3)] {
        let body = format!(
            "let x = reshape(m, [1, 4, 5, 5]); let w = reshape(m[0..64], [4, 2, 2, 4])[.., 0..{c}, .., 0..{l}]; \
             let y = conv2d(x, w * 0.3, stride = 2, groups = {groups}); sum(y * y)"
        );
        check(&format!("fn f(m: fix[100]) -> fix {{ {body} }}"), "fix[100]", &point);
    }
}

#[test]
fn convolutions() {
    let point: Vec<f64> = (0..66).map(|k| ((k * 37 % 41) as f64 - 20.0) / 16.0).collect();
    for (stride, padding) in [(1, 0), (2, 1), (1, 1)] {
        let items = format!(
            "struct M {{ x: fix[1, 2, 5, 5], w: fix[1, 2, 2, 4] }}
             fn f(m: M) -> fix {{ let y = conv2d(m.x, m.w, stride = {stride}, padding = {padding}); sum(y * y) * 0.01 }}"
        );
        check(&items, "M", &point);
    }
}

#[test]
fn at_zero_the_logistic_loss_has_its_derivative() {
    let source = "use loss; fn f(x: fix[2]) -> fix { loss::bce_with_logits(x, [0.0, 1.0]) }
                  pub fn main(m: fix[2] @ a) -> fix[2] { grad(f)(m) }";
    let got = run(&compiled(source), &[0.0, 0.0]);
    assert!((got[0] - 0.25).abs() < 2e-6 && (got[1] + 0.25).abs() < 2e-6, "{got:?}");
}

#[test]
fn long_loops_stay_rolled() {
    let start = Instant::now();
    compiled(
        "fn f(w: fix, x: fix) -> fix { let d = w * x - 1.0; d * d }
         pub fn main(m: fix @ a) -> fix {
             let mut w = m;
             for i in 0..10000 { w = w - 0.1 * grad(f)(w, 0.5); }
             w
         }",
    );
    compiled(
        "fn f(w: fix) -> fix { let mut s = w; for i in 0..10000 { s = s * w + 0.5; } s }
         pub fn main(m: fix @ a) -> fix { grad(f)(m) }",
    );
    assert!(start.elapsed() < Duration::from_secs(2));
}

/// The elements of a `.npy` file of 64-bit floats.
fn npy(path: &std::path::Path) -> Vec<f64> {
    let bytes = std::fs::read(path).expect("a file");
    let start = 10 + u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
    bytes[start..].chunks_exact(8).map(|c| f64::from_le_bytes(c.try_into().expect("8 bytes"))).collect()
}

/// Two clinics' logistic regression, where the programs that the project was given are at hand.
#[test]
fn logistic_regression_learns_the_expected_weights() {
    let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(shared) = manifest.ancestors().map(|a| a.join("shared")).find(|f| f.join("programs").exists()) else {
        eprintln!("skipped: there is no shared/programs");
        return;
    };
    let data = ["a_x", "a_y", "b_x", "b_y"].map(|part| npy(&shared.join(format!("models/clinic_{part}.npy"))));
    let sets = [("A", data[1].len()), ("B", data[3].len())].map(|(n, v)| (n.to_string(), v as i64)).into();
    let folder = motet_compiler::modules::Folder(shared.join("programs"));
    let start = Instant::now();
    let program = compile("logistic.mpc", &folder, &Options { sets, ..Options::default() }).expect("a program").value;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let inputs = program.params.iter().zip(data).map(|(param, data)| {
        let ty = param.ty.leaves().remove(0);
        let Elem::Fix { frac, .. } = ty.elem else { panic!("not fix") };
        let ring = |x: &f64| (x * 2f64.powi(frac.into())).round() as i64 as u64 & ty.elem.mask();
        let data = data.iter().map(ring).collect();
        vec![Tensor { ty, data }]
    });
    let results = clear::run(&program, &inputs.collect::<Vec<_>>(), &mut || 0).expect("a run");
    let text = std::fs::read_to_string(shared.join("programs/logistic.json")).expect("cases");
    let wanted = text.split("\"clinic_a\": {\"w\": [").nth(1).and_then(|t| t.split('}').next()).expect("weights");
    let wanted: Vec<f64> =
        wanted.replace("], \"b\":", ",").split(',').map(|x| x.trim().parse().expect("a number")).collect();
    let got = results.iter().take(2).flat_map(|t| {
        t.data.iter().map(|x| {
            let Elem::Fix { frac, .. } = t.ty.elem else { panic!("not fix") };
            t.ty.elem.number(*x) as f64 / 2f64.powi(frac.into())
        })
    });
    let got: Vec<f64> = got.collect();
    assert_eq!(got.len(), wanted.len());
    for (got, wanted) in got.iter().zip(&wanted) {
        assert!((got - wanted).abs() < 0.02, "{got} where {wanted} is expected");
    }
}
