//! Gradients of random programs: what is compiled, what `simulate` reads off its tape, and finite differences agree; and
//! parties compute bit by bit what the compiled program gives in the clear.

use std::collections::HashMap;

use motet_compiler::simulate::{self, simulate};
use motet_compiler::{Options, compile, tree};
use motet_program::clear;
use motet_program::data::{Tensor, Type};
use motet_program::ir::Program;
use motet_program::plan::Protocol;
use motet_tests::differentiable::{SIZE, program};
use motet_tests::generate::Draw;
use motet_tests::two::two_parties;

const FIX: (u8, u8) = (64, 24);
const UNIT: f64 = (1u64 << FIX.1) as f64;

/// How many programs; `MOTET_PROGRAMS` asks for more, and `MOTET_SEED` for others.
fn asked(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn options(entry: &str) -> Options {
    Options { entry: entry.into(), fix: Some(FIX), ..Options::default() }
}

fn compiled(files: &HashMap<String, String>, entry: &str) -> Result<Program, String> {
    compile("main.mpc", files, &options(entry)).map(|s| s.value).map_err(|f| format!("{:?}", f.diagnostics))
}

fn numbers(tensors: &[Tensor]) -> Vec<f64> {
    tensors.iter().flat_map(|t| t.data.iter().map(|x| t.ty.elem.number(*x) as f64 / UNIT)).collect()
}

fn tensor(ty: &Type, of: &[f64]) -> Tensor {
    Tensor { ty: ty.clone(), data: of.iter().map(|x| (x * UNIT).round() as i64 as u64).collect() }
}

/// Whether everything agrees on a program; the parties run it where `parties` says so.
fn agree(seed: u64, source: &str, parties: bool) -> Result<(), String> {
    let files = HashMap::from([("main.mpc".to_string(), source.to_string())]);
    let (value, gradient) = (compiled(&files, "value")?, compiled(&files, "main")?);
    let mut draw = Draw::new(!seed);
    let mut vector = || (0..SIZE).map(|_| (draw.word() % 4001) as f64 / 2000.0 - 1.0).collect::<Vec<f64>>();
    let (x, y) = (vector(), vector());
    let ty = gradient.params[0].ty.leaves()[0].clone();
    let inputs = |x: &[f64]| [vec![tensor(&ty, x)], vec![tensor(&ty, &y)]];
    let clear = |program: &Program, x: &[f64]| clear::run(program, &inputs(x), &mut || 0).map_err(|e| e.to_string());

    let leaves = clear(&gradient, &x)?;
    let found = numbers(&leaves);
    let tree = tree("main.mpc", &files, &options("main")).map_err(|f| format!("{:?}", f.diagnostics))?.value;
    let simulated = simulate(&tree, &inputs(&x), &simulate::Options::default()).map_err(|e| e.to_string())?;
    if !simulated.ranges.is_empty() {
        return Ok(());
    }
    let simulated: Vec<Tensor> = simulated.outputs.into_iter().flat_map(|(_, leaves)| leaves).collect();
    if simulated[0] != leaves[0] {
        return Err("the values differ".into());
    }
    for (found, simulated) in found.iter().zip(numbers(&simulated)) {
        if (found - simulated).abs() > 1e-4 * (1.0 + simulated.abs()) {
            return Err(format!("compiled {found}, simulated {simulated}"));
        }
    }
    for k in 0..SIZE {
        let at = |by: f64| -> Result<f64, String> {
            let mut x = x.clone();
            x[k] += by;
            Ok(numbers(&clear(&value, &x)?)[0])
        };
        let difference = |step: f64| Ok::<f64, String>((at(step)? - at(-step)?) / (2.0 * step));
        let (wide, narrow) = (difference(1.0 / 256.0)?, difference(1.0 / 1024.0)?);
        // Near a kink, differences say nothing.
        let smooth = (wide - narrow).abs() < 3e-4;
        if smooth && (found[1 + k] - wide).abs() > 1e-3 * (1.0 + wide.abs()) {
            return Err(format!("element {k}: {} where differences give {wide}", found[1 + k]));
        }
    }
    for protocol in [Protocol::Yao, Protocol::Mixed].into_iter().filter(|_| parties) {
        for shown in two_parties(&gradient, &inputs(&x), protocol)? {
            let shown = shown?.into_iter().collect::<Option<Vec<Tensor>>>();
            if shown.as_ref() != Some(&leaves) {
                return Err(format!("another result under {}", protocol.name()));
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_of_random_programs_agree() {
    let first = asked("MOTET_SEED", 0);
    let mut failures = Vec::new();
    for seed in first..first + asked("MOTET_PROGRAMS", 30) {
        let source = program(seed);
        if let Err(why) = agree(seed, &source, seed % 10 == 0) {
            failures.push((source.len(), format!("seed {seed}: {why}\n{source}")));
        }
    }
    failures.sort();
    for (_, why) in &failures {
        eprintln!("{}", why.lines().next().unwrap_or_default());
    }
    let count = failures.len();
    if let Some((_, shortest)) = failures.first() {
        panic!("{count} programs disagree; the shortest:\n{shortest}");
    }
}
