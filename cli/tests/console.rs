//! Console sessions: what people see, kept as snapshots.

mod support;

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use support::{both, printed, run, session};

const RICHER: &str = "\
/// Who is richer? Both learn the answer, and nothing else.
pub fn main(a: u32 @ alice, b: u32 @ bob) -> bool {
    a > b
}
";

const PARTS: &str = "\
/// The scaled sum goes to alice, the count of rows to bob.
pub fn main[N](xs: fix[N] @ alice, scale: fix @ bob, offset: u8) -> (fix @ alice, u8 @ bob) {
    (sum(xs) * scale, offset + (N as u8))
}

/// Nothing is shown to bob.
pub fn quiet(x: u8 @ alice, y: u8 @ bob) -> u8 @ alice {
    x + y
}
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("richer.mpc", RICHER), ("parts.mpc", PARTS)] {
        fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

#[test]
fn help_teaches() {
    let folder = folder();
    assert_snapshot!(session(folder.path(), &["--help", "run --help", "simulate --help", "compile --help"]));
}

/// Machines read what was measured; the figures are the machine's.
#[test]
fn a_benchmark() {
    let folder = folder();
    let printed = printed(&run(folder.path(), &["bench", "base", "circuit", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    let figures = report["figures"].as_array().expect("a list");
    let names: Vec<_> = figures.iter().filter_map(|figure| figure["name"].as_str()).collect();
    // The limit that they are held against is measured first.
    assert_eq!(
        names,
        ["AES-128, one core", "garble one AES-128 circuit", "evaluate one AES-128 circuit", "128 base OTs"]
    );
    assert!(figures.iter().all(|figure| figure["figure"].as_f64().is_some_and(|value| value > 0.0)));
    assert!(figures[1]["of_limit"].as_f64().is_some_and(|share| share > 0.0));
    assert_eq!(figures[1]["ands"], 6400);
}

#[test]
fn simulating() {
    let folder = folder();
    fs::write(folder.path().join("x.csv"), "1.5\n2.25\n").expect("written");
    assert_snapshot!(session(
        folder.path(),
        &[
            "simulate richer.mpc --input a=5 --input b=3",
            "simulate richer.mpc --input a=5 --input b=3 --json",
            "simulate parts.mpc --input xs=x.csv --input scale=2 --input offset=1 --json",
            "simulate parts.mpc --input xs=x.csv --input scale=2 --input offset=1 --json --party bob",
            "simulate parts.mpc --entry quiet --input x=250 --input y=10 --party bob --json",
            "simulate parts.mpc --input xs=[30000.0,30000.0] --input scale=30000 --input offset=1 --fix 40.16",
        ],
    ));
}

#[test]
fn what_is_wrong_is_said() {
    let folder = folder();
    fs::write(folder.path().join("bad.mpc"), "pub fn main(a: u8 @ alice) -> u8 { a + bb }\n").expect("written");
    fs::write(folder.path().join("bad.mpcx"), "nothing of the kind").expect("written");
    assert_snapshot!(session(
        folder.path(),
        &[
            "check bad.mpc",
            "check missing.mpc",
            "explain bad.mpcx",
            "explain missing.mpcx",
            "compile parts.mpc",
            "simulate richer.mpc --input a=5",
            "simulate richer.mpc --input a=4294967296 --input b=3",
            "simulate richer.mpc --input a=5 --input b=3 --input c=1",
            "simulate richer.mpc --input a=five --input b=3",
            "simulate richer.mpc --input a=5 --input b=3 --party carol",
            "compile richer.mpc --set N",
            "compile richer.mpc --fix 13.40",
            "run richer.mpc --party alice --input a=5",
            "run richer.mpc --party alice --input a=5 --listen 10.1.2.3:7766",
            "run richer.mpc --party alice --input a=5 --connect nowhere",
        ],
    ));
}

#[test]
fn compiling_and_explaining() {
    let folder = folder();
    let text = session(folder.path(), &["compile richer.mpc", "explain richer.mpcx"]);
    // The digest changes with every change of the compiler.
    let text: Vec<&str> =
        text.lines().map(|l| if l.starts_with("program ") { "program     main (…)" } else { l }).collect();
    assert_snapshot!(text.join("\n"));

    let explained = run(folder.path(), &["explain", "richer.mpcx", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&explained.stdout).expect("JSON");
    assert_eq!(json["ands"], 32);
    assert_eq!(json["parties"], serde_json::json!(["alice", "bob"]));
    assert_eq!(json["outputs"][0]["to"], serde_json::json!(["alice", "bob"]));

    let named = run(folder.path(), &["explain", "richer.mpcx", "--link", "8kbit,1s", "--html", "report.html"]);
    assert!(printed(&named).contains("over 8kbit, 1s"), "{}", printed(&named));
    let page = fs::read_to_string(folder.path().join("report.html")).expect("the page");
    assert!(
        page.starts_with("<!doctype html>") && page.contains("over 8kbit, 1s") && page.contains("private to alice")
    );
    assert!(!page.contains("http"), "something is loaded from elsewhere");

    let exported = run(folder.path(), &["export", "richer.mpcx", "--bristol", "richer.txt"]);
    assert_eq!(printed(&exported), "");
    let circuit = fs::read_to_string(folder.path().join("richer.txt")).expect("the circuit");
    assert_eq!(circuit.lines().filter(|l| l.ends_with(" AND")).count(), 32);
    assert_eq!(circuit.lines().nth(1), Some("2 32 32"));
}

/// Both sides in a folder, with arguments as one line each.
fn parties(folder: &Path, first: &str, second: &str) -> [String; 2] {
    let [a, b] = [first, second].map(|line| line.split_whitespace().collect::<Vec<_>>());
    both(folder, &a, &b).map(|output| printed(&output))
}

#[test]
fn running_between_two_parties() {
    let folder = folder();
    let path = folder.path();
    assert_eq!(session(path, &["compile richer.mpc"]), "$ motet compile richer.mpc\n\n");
    let got = parties(
        path,
        "run richer.mpcx --party alice --input a=5 --json",
        "run richer.mpcx --party bob --input b=7 --json --output out.json",
    );
    assert_eq!(got, ["{\"result\": false}\n", "{\"result\": false}\n"]);
    assert_eq!(fs::read_to_string(path.join("out.json")).expect("written"), "{\"result\": false}\n");

    // From source: each side reads the dimensions off its own data.
    let got = parties(
        path,
        "run parts.mpc --party bob --input scale=0.5 --input offset=1 --json",
        "run parts.mpc --party alice --input xs=[1.5,2,3] --input offset=1 --json",
    );
    assert_eq!(got, ["{\"result\": [4]}\n", "{\"result\": [3.25]}\n"]);
    let got = parties(
        path,
        "run parts.mpc --entry quiet --party alice --input x=250 --json",
        "run parts.mpc --entry quiet --party bob --input y=10 --json",
    );
    assert_eq!(got, ["{\"result\": 4}\n", "{\"result\": null}\n"]);
}

/// Where a run's time and bytes went.
#[test]
fn profiling() {
    let folder = folder();
    let path = folder.path();
    let [alice, bob] = parties(
        path,
        "run richer.mpc --party alice --input a=5 --profile --report report.json",
        "run richer.mpc --party bob --input b=7 --profile-html page.html",
    );
    assert!(alice.contains("main ") && alice.contains("  richer.mpc:3 "), "{alice}");
    assert_eq!(bob, "false\n");
    let page = fs::read_to_string(path.join("page.html")).expect("written");
    assert!(page.contains("Time by function") && page.contains("richer.mpc:3"), "{page}");
    let report = fs::read_to_string(path.join("report.json")).expect("written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let places = report["profile"].as_array().expect("a list");
    let sum = |of: &serde_json::Value, name: &str| of[name].as_u64().unwrap_or_default();
    let gates: u64 = places.iter().map(|place| sum(place, "gates")).sum();
    assert_eq!((gates, places.iter().map(|place| sum(&place["predicted"], "gates")).sum::<u64>()), (32, 32));
    let sent: u64 = places.iter().map(|place| sum(place, "sent")).sum();
    assert!(sent > 0 && sent <= sum(&report, "sent"));
}

#[test]
fn running_with_what_is_not_the_same() {
    let folder = folder();
    let path = folder.path();
    let [_, bob] = parties(
        path,
        "run parts.mpc --party alice --input xs=[1.5,2,3] --input offset=1",
        "run parts.mpc --party bob --input scale=0.5 --input offset=2",
    );
    assert!(bob.contains("offset") && bob.ends_with("[exit status 3]\n"), "{bob}");
    let [alice, _] =
        parties(path, "run richer.mpc --party alice --input a=5", "run richer.mpc --party alice --input a=5");
    assert!(alice.ends_with("[exit status 3]\n"), "{alice}");
    let alone = run(
        path,
        &[
            "run",
            "richer.mpc",
            "--party",
            "alice",
            "--input",
            "a=5",
            "--connect",
            &support::free_address(),
            "--patience",
            "0.3",
        ],
    );
    assert!(printed(&alone).ends_with("[exit status 3]\n"), "{}", printed(&alone));
}

#[test]
fn keys() {
    let folder = folder();
    let path = folder.path();
    for name in ["alice", "bob", "eve"] {
        let made = printed(&run(path, &["keygen", name]));
        assert!(made.contains(&format!("{name}.pub")) && made.contains("fingerprint"), "{made}");
    }
    assert!(printed(&run(path, &["keygen", "bob"])).ends_with("[exit status 1]\n"));
    let alice = "run richer.mpc --party alice --input a=5 --json --key alice.key --peer bob=bob.pub";
    let got =
        parties(path, alice, "run richer.mpc --party bob --input b=3 --json --key bob.key --peer alice=alice.pub");
    assert_eq!(got, ["{\"result\": true}\n", "{\"result\": true}\n"]);
    let [alice, eve] =
        parties(path, alice, "run richer.mpc --party bob --input b=3 --json --key eve.key --peer alice=alice.pub");
    assert!(alice.ends_with("[exit status 4]\n") && !eve.contains("result"), "{alice}{eve}");
}

#[test]
fn a_new_project_works_as_its_readme_says() {
    let folder = folder();
    let made = run(folder.path(), &["new", "hello"]);
    assert!(made.status.success());
    let project = folder.path().join("hello");
    let readme = fs::read_to_string(project.join("README.md")).expect("a README");
    let commands: Vec<&str> = readme.lines().filter_map(|l| l.strip_prefix("    motet ")).collect();
    let (runs, others): (Vec<&str>, Vec<&str>) = commands.into_iter().partition(|c| c.starts_with("run "));
    for line in others {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let output = run(&project, &arguments);
        assert!(output.status.success(), "{line}: {}", printed(&output));
    }
    let without_address = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|w| *w == "--listen" || *w == "--connect").expect("an address");
        [&words[..at], &words[at + 2..]].concat().join(" ")
    };
    let got = parties(&project, &without_address(runs[0]), &without_address(runs[1]));
    assert_eq!(got, ["null\n", "103.7243\n"]);
    assert!(!run(folder.path(), &["new", "hello"]).status.success());
}

#[test]
fn the_demo_agrees_with_the_plaintext_model() {
    let folder = folder();
    let shown = printed(&run(folder.path(), &["demo"]));
    assert!(shown.contains("10 of 10 private results are the plaintext model's."), "{shown}");
}

#[test]
fn completions() {
    let folder = folder();
    let script = printed(&run(folder.path(), &["completions", "bash"]));
    assert!(script.contains("_motet()"));
}

/// What is prepared serves one run, and its figures are told apart from the run's.
#[test]
fn preparing_and_running_from_stores() {
    let folder = folder();
    let prepare = |party, store| ["prepare", "richer.mpc", "--party", party, "--store", store, "--json"];
    for output in both(folder.path(), &prepare("alice", "a"), &prepare("bob", "b")) {
        let figures: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(figures["runs"], 1);
        assert_eq!(figures["circuits"], true, "{figures}");
    }
    let run = |party, store, input| {
        let line = ["run", "richer.mpc", "--party", party, "--store", store, "--input", input];
        [&line[..], &["--json", "--report", "report.json"]].concat()
    };
    let (alice, bob) = (run("alice", "a", "a=5"), run("bob", "b", "b=3"));
    for output in both(folder.path(), &alice, &bob) {
        assert_eq!(printed(&output), "{\"result\": true}\n");
    }
    let report = fs::read_to_string(folder.path().join("report.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert!(report["prepared"]["sent"].as_u64() > report["sent"].as_u64(), "{report}");
    for output in both(folder.path(), &alice, &bob) {
        assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
        assert!(printed(&output).contains("run `motet prepare` at both parties"), "{}", printed(&output));
    }
}
