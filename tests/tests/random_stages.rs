//! Every stage of the compiler agrees with `simulate` on random programs.

use std::collections::HashMap;

use motet_compiler::Options;
use motet_tests::generate::{Draw, program};
use motet_tests::{inputs, stages};

/// How many programs; `MOTET_PROGRAMS` asks for more, and `MOTET_SEED` for others.
fn asked(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

#[test]
fn random_programs_agree_with_simulate_after_every_pass() {
    let first = asked("MOTET_SEED", 0);
    let mut failures = Vec::new();
    for seed in first..first + asked("MOTET_PROGRAMS", 60) {
        let source = program(seed);
        let files = HashMap::from([("main.mpc".to_string(), source.clone())]);
        let agreed = stages::agree("main.mpc", &files, &Options::default(), |p| {
            let mut draw = Draw::new(seed);
            p.params.iter().map(|param| inputs::random(&param.ty.leaves(), &mut || draw.word())).collect()
        });
        if let Err(why) = agreed.and_then(|agreed| agreed.error.map_or(Ok(()), Err)) {
            failures.push((source.len(), format!("seed {seed}: {why}\n{source}")));
        }
    }
    failures.sort();
    for (_, why) in &failures {
        eprintln!("{}", why.lines().next().unwrap_or_default().chars().take(300).collect::<String>());
    }
    let count = failures.len();
    if let Some((_, shortest)) = failures.first() {
        panic!("{count} programs disagree; the shortest:\n{shortest}");
    }
}
