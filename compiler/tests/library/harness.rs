//! Runs small programs through `simulate`, with numbers in and out; what they compile to must compute the same.

use std::collections::{BTreeMap, HashMap};

use motet_compiler::simulate::{self, simulate};
use motet_compiler::typed::data_types::signature;
use motet_compiler::{Failure, Options, compile, tree};
use motet_program::clear;
use motet_program::data::{Elem, Tensor};

/// A program and the values of its parameters.
pub struct Run<'a> {
    source: &'a str,
    fix: (u8, u8),
    sets: BTreeMap<String, i64>,
    inputs: Vec<Vec<f64>>,
    random: bool,
}

impl<'a> Run<'a> {
    /// The program, with `fix<64, 16>`.
    pub fn new(source: &'a str) -> Self {
        Run { source, fix: (64, 16), sets: BTreeMap::new(), inputs: Vec::new(), random: false }
    }

    /// What `fix` is.
    pub fn fix(mut self, bits: u8, frac: u8) -> Self {
        self.fix = (bits, frac);
        self
    }

    /// The program draws random numbers, so that the compiled one makes something else of the same inputs.
    pub fn random(mut self) -> Self {
        self.random = true;
        self
    }

    /// A dimension.
    pub fn set(mut self, name: &str, value: usize) -> Self {
        self.sets.insert(name.into(), value as i64);
        self
    }

    /// The next parameter's elements.
    pub fn input(mut self, values: impl IntoIterator<Item = f64>) -> Self {
        self.inputs.push(values.into_iter().collect());
        self
    }

    /// The elements of each leaf of the result.
    pub fn results(self) -> Vec<Vec<f64>> {
        let files = HashMap::from([("main.mpc".to_string(), self.source.to_string())]);
        let options = Options { sets: self.sets, fix: Some(self.fix), ..Options::default() };
        let wrong = |failure: Failure| -> ! {
            let messages: Vec<_> = failure.diagnostics.iter().map(|d| &d.message).collect();
            panic!("{}: {messages:?}", self.source)
        };
        let tree = tree("main.mpc", &files, &options).unwrap_or_else(|failure| wrong(failure));
        let program = compile("main.mpc", &files, &options).unwrap_or_else(|failure| wrong(failure)).value;
        let signature = signature(&tree.value).expect("known sizes");
        let types = signature.params.iter().flat_map(|p| p.ty.leaves());
        let inputs: Vec<Vec<Tensor>> = types
            .zip(self.inputs)
            .map(|(ty, values)| {
                assert_eq!(ty.count(), values.len() as u64, "elements of an input");
                let data = values.into_iter().map(|v| ring(ty.elem, v)).collect();
                vec![Tensor { ty, data }]
            })
            .collect();
        let run = simulate(&tree.value, &inputs, &simulate::Options::default()).expect("a run");
        let leaves: Vec<Tensor> = run.outputs.into_iter().flat_map(|(_, leaves)| leaves).collect();
        if !self.random {
            let compiled = clear::run(&program, &inputs, &mut || 0).expect("a run");
            assert!(leaves == compiled, "{}: compiled, it computes something else", self.source);
        }
        leaves.iter().map(|t| t.data.iter().map(|&w| number(t.ty.elem, w)).collect()).collect()
    }

    /// The elements of the only leaf of the result.
    pub fn result(self) -> Vec<f64> {
        let mut results = self.results();
        assert_eq!(results.len(), 1, "leaves of the result");
        results.remove(0)
    }
}

/// The ring bits of a number that the type holds.
fn ring(elem: Elem, value: f64) -> u64 {
    let scaled = value * unit(elem).recip();
    (scaled.round_ties_even() as i128) as u64 & elem.mask()
}

fn number(elem: Elem, ring: u64) -> f64 {
    elem.number(ring) as f64 * unit(elem)
}

fn unit(elem: Elem) -> f64 {
    match elem {
        Elem::Fix { frac, .. } => 2f64.powi(-i32::from(frac)),
        _ => 1.0,
    }
}

/// Random numbers, the same in each run (xorshift64*).
pub struct Random(u64);

impl Random {
    /// A stream of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Between two numbers.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.word() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// An integer below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.word() % bound
    }
}
