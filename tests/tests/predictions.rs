//! What a run sends is what its plan predicts: within 1 % and 1 KB each way, for every program whose loops are known.

use std::collections::HashMap;
use std::thread;

use motet_compiler::{Options, compile};
use motet_program::data::Tensor;
use motet_program::ir::Program;
use motet_program::plan::cost::cost;
use motet_program::plan::{Link, Protocol, plan_over};
use motet_runtime::net::Channel;
use motet_runtime::session::Session;
use motet_tests::cases::shared_programs;

/// Inputs of zeros: what is sent does not depend on them.
fn zeros(program: &Program, party: &str) -> Vec<Option<Vec<Tensor>>> {
    let mine = |owner: usize| program.parties.get(owner).is_some_and(|name| name == party);
    let leaves = |ty: &motet_program::data::DataType| {
        ty.leaves().into_iter().map(|ty| Tensor { data: vec![0; ty.count() as usize], ty: ty.clone() }).collect()
    };
    let params = program.params.iter();
    params.map(|p| p.owner.is_none_or(|o| mine(usize::from(o.0))).then(|| leaves(&p.ty))).collect()
}

/// Runs a program; bytes from the garbler and from the evaluator, in words where they are not as predicted.
fn predicted(name: &str, program: &Program, (protocol, link): (Protocol, Link)) -> Result<(), String> {
    let plan = plan_over(program, protocol, link).unwrap();
    let cost = cost(program, &plan, 0);
    if !cost.exact {
        return Err(format!("{name}: its loops are not known"));
    }
    let run = |party: &str, channel: Channel| {
        let session = Session::over_channel(channel, party).unwrap();
        session.run(program, &plan, &zeros(program, party), |_| {}).unwrap().1
    };
    let (left, right) = Channel::pair();
    let reports = thread::scope(|scope| {
        let first = scope.spawn(|| run(&program.parties[0], left));
        let second = run(&program.parties[1], right);
        [first.join().unwrap(), second]
    });
    let garbler = usize::from(plan.garbler.0);
    let measured = [reports[garbler].sent, reports[1 - garbler].sent];
    let name = format!("{name} under {}, {}", protocol.name(), plan.circuits.name());
    for (way, predicted, measured) in
        [("evaluator", cost.to_evaluator, measured[0]), ("garbler", cost.to_garbler, measured[1])]
    {
        println!("{name}: to the {way} predicted {predicted}, sent {measured}; {} rounds", cost.rounds);
        if predicted.abs_diff(measured) > measured / 100 + 1024 {
            return Err(format!("{name}: to the {way} {predicted} bytes are predicted and {measured} sent"));
        }
    }
    Ok(())
}

/// A program's file, its entry point, its dimensions, and the protocols and links to run it under.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, i64)], &'a [(Protocol, Link)]);

fn all(programs: &[Case<'_>], files: &HashMap<String, String>) {
    let mut failures = Vec::new();
    for (name, entry, sets, protocols) in programs {
        let sets = sets.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        let options = Options { entry: (*entry).into(), sets, ..Options::default() };
        let compiled = match compile(&format!("{name}.mpc"), files, &options) {
            Ok(compiled) => compiled.value,
            Err(failure) => panic!("{name}: {:?}", failure.diagnostics),
        };
        failures.extend(protocols.iter().filter_map(|p| predicted(&format!("{name}::{entry}"), &compiled, *p).err()));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A slow rate and a short way: what is large goes on shared bits.
const SLOW: Link = Link { rate: 1_250_000, round_trip: 1000 };

const BOTH: &[(Protocol, Link)] =
    &[(Protocol::Yao, Link::LAN), (Protocol::Mixed, Link::LAN), (Protocol::Mixed, SLOW), (Protocol::Gmw, Link::WAN)];
const MIXED: &[(Protocol, Link)] = &[(Protocol::Mixed, Link::LAN), (Protocol::Mixed, SLOW), (Protocol::Gmw, Link::WAN)];

#[test]
fn shared_programs_send_what_is_predicted() {
    let Some(folder) = shared_programs() else { return };
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| {
        Some((path.file_name()?.to_string_lossy().into_owned(), std::fs::read_to_string(&path).ok()?))
    };
    let files: HashMap<String, String> = files.filter_map(text).collect();
    all(
        &[
            ("aes", "main", &[], BOTH),
            ("auction", "main", &[("N", 7)], BOTH),
            ("credit", "score", &[("N", 40)], MIXED),
            ("credit", "train", &[("A", 5), ("B", 11), ("BATCH", 8)], MIXED),
            ("crosstabs", "main", &[("N", 50), ("C", 4)], BOTH),
            ("digits", "main", &[], BOTH),
            ("digits", "batch", &[("N", 20)], MIXED),
            ("integers", "main", &[], BOTH),
            ("integers", "widths", &[], BOTH),
            ("intersection", "main", &[("N", 100), ("M", 80)], BOTH),
            ("lenet", "main", &[("N", 1)], MIXED),
            ("logistic", "main", &[("A", 40), ("B", 50), ("EPOCHS", 1)], MIXED),
            ("matching", "main", &[("N", 60), ("D", 32)], BOTH),
            ("median", "main", &[("N", 9), ("M", 8)], BOTH),
            ("millionaires", "main", &[], BOTH),
            ("mlp", "main", &[("N", 3)], MIXED),
            ("tree", "main", &[("D", 4), ("F", 10)], BOTH),
        ],
        &files,
    );
}

/// Programs of their own kind: values for either party, a loop that transfers, products each way, a branch, reveals.
#[test]
fn small_programs_send_what_is_predicted() {
    let sources = [
        (
            "loop",
            "pub fn main(a: u32[40] @ alice, b: u32[60, 40] @ bob) -> u32 @ alice {
                let mut s = 0u32;
                for i in 0..60 { s = s + sum(a * b[i]) ^ s; }
                s
            }",
        ),
        (
            "products",
            "pub fn main(a: fix[40, 200] @ alice, b: fix[200, 60] @ bob, c: fix[3, 40] @ bob) -> fix @ bob {
                let ab = matmul(a, b);
                sum(matmul(transpose(ab), ab)) + sum(matmul(c, ab))
            }",
        ),
        (
            "revealed",
            "pub fn main(a: i16[1000] @ alice, b: i16[1000] @ bob, k: u8) -> (i16[1000], bool @ bob, i16[1000] @ alice) {
                let c = reveal(max(a, b));
                (c + k as i16, sum(a) > sum(b), b)
            }",
        ),
        (
            "trained",
            "pub fn main(x: fix<40, 13>[64, 10] @ alice, y: fix<40, 13>[64] @ bob) -> fix<40, 13>[10] {
                let mut w: fix<40, 13>[10] = zeros();
                for i in 0..20 { w = w - 0.1 * matmul(transpose(x), matmul(x, w) - y); }
                w
            }",
        ),
    ];
    let files = sources.iter().map(|(name, text)| (format!("{name}.mpc"), (*text).to_owned())).collect();
    let protocols = |name: &str| if name == "products" { MIXED } else { BOTH };
    let programs: Vec<_> = sources.iter().map(|(name, _)| (*name, "main", &[][..], protocols(name))).collect();
    all(&programs, &files);
}
