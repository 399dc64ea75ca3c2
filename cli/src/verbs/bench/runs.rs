//! Whole runs: two processes of this program, `motet run` on either side, over the loopback interface.

use std::path::Path;

use motet_program::artifact;
use motet_program::data::{DataType, Elem, Tensor, Type};
use motet_program::plan::cost::cost;
use serde_json::Value;

use super::figure::{Detail, Figure};
use crate::failure::Failure;
use crate::output::Shown;
use crate::processes::{Outcome, both_parties};
use crate::program::{self, Execution, ProtocolName, Settings};
use crate::progress::{bytes, time};

/// Elements of a million.
const MILLION: u64 = 1_000_000;
/// Elements of the run whose results stay labels until they are opened.
const OPENED: u64 = 250_000;
/// The share of the link that a run takes.
const LINK: &str = "the link, at this run's bytes an AND";

const COMPARE: Case = Case {
    source: "pub fn main[N](x: u32[N] @ alice, y: u32[N] @ bob) -> bool[N] @ bob { x < y }",
    elements: MILLION,
    ahead: true,
};
/// Of values that nobody knows, being exclusive ors.
const RELU: Case = Case {
    source: "\
pub fn main[N](x: u32[N] @ alice, y: u32[N] @ bob) -> i32 {
    let mut all = 0i32;
    for (a, b) in zip(x, y) { all ^= max((a ^ b) as i32, 0); }
    all
}",
    elements: MILLION,
    ahead: true,
};
const RELU_SUM: Case = Case {
    source: "pub fn main[N](x: u32[N] @ alice, y: u32[N] @ bob) -> i32[N] @ bob { max((x + y) as i32, 0) }",
    elements: OPENED,
    ahead: false,
};
/// Each encrypts under what the one before it gave.
const AES_CHAIN: Case = Case {
    source: "\
use crypto;
pub fn main(x: u8[16] @ alice, y: u8[16] @ bob) -> u8[16] @ bob {
    let mut key = x ^ y;
    for _ in 0..2000 { key = crypto::aes128(key, y); }
    key
}",
    elements: 0,
    ahead: true,
};

/// A million comparisons.
pub fn compare(tcp: f64) -> Result<Vec<Figure>, Failure> {
    ahead_and_not("10^6 comparisons", &COMPARE, tcp)
}

/// A million ReLUs.
pub fn relu(tcp: f64) -> Result<Vec<Figure>, Failure> {
    ahead_and_not("10^6 ReLUs", &RELU, tcp)
}

/// ReLU(a + b), with OTs and outputs.
pub fn relu_sum(tcp: f64) -> Result<Vec<Figure>, Failure> {
    Ok(vec![RELU_SUM.run("ReLU(a + b), inputs to outputs", tcp)?])
}

/// AES-128 circuits in a chain.
pub fn aes_chain(tcp: f64) -> Result<Vec<Figure>, Failure> {
    Ok(vec![AES_CHAIN.run("2,000 AES-128, one after another", tcp)?])
}

/// With the OTs made before the clock starts, and with all that a run takes.
fn ahead_and_not(name: &str, case: &Case, tcp: f64) -> Result<Vec<Figure>, Failure> {
    let all_in = Case { ahead: false, ..*case };
    Ok(vec![case.run(&format!("{name}, OTs ahead"), tcp)?, all_in.run(&format!("{name}, all in"), tcp)?])
}

/// A program to run.
#[derive(Clone, Copy)]
struct Case {
    source: &'static str,
    /// Of `x` and of `y`, 32 bits each; 0 for sixteen bytes each.
    elements: u64,
    /// Whether the OTs of inputs are made before the clock starts.
    ahead: bool,
}

impl Case {
    fn run(&self, name: &str, tcp: f64) -> Result<Figure, Failure> {
        let folder = tempfile::tempdir().map_err(Failure::file(Path::new("a temporary folder")))?;
        let folder = folder.path();
        let path = folder.join("bench.mpc");
        std::fs::write(&path, self.source).map_err(Failure::file(&path))?;
        let (program, plan) = program::compile(&path, &self.settings(), &Execution::by(ProtocolName::Yao))?;
        let path = folder.join("bench.mpcx");
        std::fs::write(&path, artifact::write(&program, &plan)).map_err(Failure::file(&path))?;
        self.data(1).write(&folder.join("x.npy"))?;
        self.data(2).write(&folder.join("y.npy"))?;

        let transfers = if self.ahead { cost(&program, &plan, 1).transfers } else { 0 }.to_string();
        let common = ["bench.mpcx", "--protocol", "yao", "--transfers-ahead", &transfers, "--input"];
        let [x, y] = ["x=x.npy", "y=y.npy"].map(|input| [&common[..], &[input]].concat());
        let mut sides = both_parties(folder, [("alice", &x), ("bob", &y)])?;
        // The garbler is who sends more.
        sides.sort_by_key(|side| std::cmp::Reverse(side.report["sent"].as_u64()));
        Ok(self.figure(name, &sides, tcp))
    }

    fn settings(&self) -> Settings {
        let dimension = (self.elements > 0).then(|| ("N".to_owned(), self.elements as i64));
        Settings::default().with(dimension.into_iter().collect())
    }

    /// Values that look random.
    fn data(&self, seed: u64) -> Shown {
        let (elem, count) = if self.elements > 0 { (Elem::Uint(32), self.elements) } else { (Elem::Uint(8), 16) };
        let ty = Type { elem, shape: vec![count] };
        let word = |i: u64| (i * 2 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & elem.mask();
        let tensor = Tensor { ty: ty.clone(), data: (0..count).map(word).collect() };
        Shown { parts: vec![(DataType::Leaf(ty), vec![tensor])], tuple: false }
    }

    fn figure(&self, name: &str, [garbler, evaluator]: &[Outcome; 2], tcp: f64) -> Figure {
        let both = |get: &dyn Fn(&Value) -> Option<f64>| [garbler, evaluator].map(|side| get(&side.report));
        let longer = |name: &str| {
            let times = both(&|report| report["seconds"][name].as_f64());
            times.into_iter().flatten().fold(0.0, f64::max)
        };
        let (setup, run) = (longer("setup"), longer("run"));
        let ands = garbler.report["gates"].as_u64().unwrap_or_default();
        let [sent, received] = ["sent", "received"].map(|way| garbler.report[way].as_u64().unwrap_or_default());
        let rate = ands as f64 / run;
        // The way with more bytes is what the link holds up; those of OTs made ahead went before the clock.
        let limit = ands as f64 * tcp / sent.max(1) as f64;
        let figure = Figure::new(name, rate / 1e6, "M AND/s").of(limit / 1e6, LINK);
        let processor = both(&|report| report["seconds"]["processor"].as_f64());
        let memory = both(&|report| report["peak_memory"].as_f64());
        let pair = |[a, b]: [Option<f64>; 2], show: &dyn Fn(f64) -> String| match (a, b) {
            (Some(a), Some(b)) => format!("{} + {}", show(a), show(b)),
            _ => "not told".into(),
        };
        let ahead = if self.ahead { format!("OTs before it {}", time(setup)) } else { String::new() };
        figure
            .with(Detail::new("ands", ands, String::new()))
            .with(Detail::new("seconds", run, time(run)))
            .with(Detail::new("ahead_seconds", setup, ahead))
            .with(Detail::new(
                "processor_seconds",
                processor.to_vec(),
                format!("CPU {} s", pair(processor, &|s| format!("{s:.2}"))),
            ))
            .with(Detail::new("bytes", vec![sent, received], format!("{} + {}", bytes(sent), bytes(received))))
            .with(Detail::new("peak_memory", memory.to_vec(), format!("memory {}", pair(memory, &|b| bytes(b as u64)))))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use motet_program::plan::{Protocol, plan};

    use super::*;

    #[test]
    fn programs_cost_what_their_names_say() {
        for (case, ands) in
            [(COMPARE, 32 * MILLION), (RELU, 31 * MILLION), (RELU_SUM, 62 * OPENED), (AES_CHAIN, 2000 * 6400)]
        {
            let loader = HashMap::from([("bench.mpc".to_owned(), case.source.to_owned())]);
            let compiled = motet_compiler::compile("bench.mpc", &loader, &case.settings().options());
            let program = compiled.unwrap_or_else(|failure| panic!("{:?}", failure.diagnostics)).value;
            assert_eq!(cost(&program, &plan(&program, Protocol::Yao).unwrap(), 1).ands, ands, "{}", case.source);
        }
    }
}
