//! Runs that go on from checkpoints end as runs that were not broken do: from every turn of every loop, after either side was
//! killed at any byte of what they send, and after the line broke.

#![cfg(unix)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use motet_compiler::{Options, compile};
use motet_program::data::Tensor;
use motet_program::ir::Program;
use motet_program::plan::{Protocol, plan};
use motet_runtime::crypto::SessionId;
use motet_tests::generate::{Draw, program as random_program};
use motet_tests::inputs;
use motet_tests::process::{Ended, Motet, free_port, run};
use motet_tests::relay::{Relay, Then};
use motet_tests::two::two_parties_kept;
use tempfile::TempDir;

/// Carries values of every kind: shared, of either party alone, public; in nested loops and a public branch; with a product.
const SOURCE: &str = "use nn;
pub fn main(a: u32[4] @ alice, b: u32[4] @ bob, m: fix[3, 3] @ alice, v: fix[3] @ bob, k: u32)
    -> (u32[4], fix[3] @ bob, u32 @ alice, u32[4] @ bob) {
    let both = concat(a, b);
    let mut x = a + b;
    let mut own = a;
    let mut theirs = b;
    let mut n = k;
    let mut y = v;
    for i in 0..3 {
        for j in 0..2 { x = x * b + a; own = own * 3; theirs = theirs ^ b; n = n + 1; }
        if n > k + 3 { for j in 0..2 { x = x * both[j..j + 4] + b; n = n + 1; } }
        y = nn::relu(matmul(m, y));
    }
    (x + own, y, sum(own) + n, theirs)
}";

fn compiled(source: &str) -> Program {
    let files = HashMap::from([("main.mpc".to_string(), source.to_owned())]);
    compile("main.mpc", &files, &Options::default()).unwrap_or_else(|f| panic!("{:?}", f.diagnostics)).value
}

fn drawn(program: &Program, seed: u64) -> Vec<Vec<Tensor>> {
    let mut draw = Draw::new(seed);
    program.params.iter().map(|param| inputs::random(&param.ty.leaves(), &mut || draw.word())).collect()
}

/// Goes on from checkpoints of the program's run, those that `which` picks of so many; how many there are.
fn resumes(
    program: &Program,
    inputs: &[Vec<Tensor>],
    protocol: Protocol,
    which: impl Fn(usize) -> Vec<usize>,
) -> usize {
    let plan = plan(program, protocol).unwrap();
    let unbroken = two_parties_kept(program, &plan, inputs, SessionId([1; 32]), None);
    let [Ok((shown_0, kept_0)), Ok((shown_1, kept_1))] = unbroken else {
        // A public error ends both, with whatever checkpoints.
        return 0;
    };
    assert_eq!(kept_0.len(), kept_1.len());
    for at in which(kept_0.len()) {
        let from = Some([kept_0[at].as_slice(), &kept_1[at]]);
        let resumed = two_parties_kept(program, &plan, inputs, SessionId([2; 32]), from);
        let [first, second] = resumed.map(|shown| shown.unwrap_or_else(|e| panic!("from checkpoint {at}: {e}")));
        assert!(first.0 == shown_0 && second.0 == shown_1, "another result from checkpoint {at}");
        assert_eq!((first.1.len(), second.1.len()), (kept_0.len() - at - 1, kept_1.len() - at - 1));
    }
    kept_0.len()
}

#[test]
fn every_checkpoint_leads_to_the_same_result() {
    let program = compiled(SOURCE);
    let inputs = drawn(&program, 5);
    for protocol in [Protocol::Yao, Protocol::Mixed, Protocol::Gmw] {
        let kept = resumes(&program, &inputs, protocol, |count| (0..count).collect());
        assert_eq!(kept, 13, "3 turns, 2 in each, 2 in the branch of the last two");
    }
}

#[test]
fn random_programs_go_on() {
    let (mut tried, mut seed) = (0, 1000);
    while tried < 25 {
        seed += 1;
        let program = compiled(&random_program(seed));
        if program.parties.len() > 2 {
            continue;
        }
        let protocol = [Protocol::Yao, Protocol::Mixed, Protocol::Gmw][seed as usize % 3];
        let pick = |count: usize| (0..count).filter(|at| count <= 2 || at % 5 == seed as usize % 5).take(2).collect();
        tried += usize::from(resumes(&program, &drawn(&program, seed), protocol, pick) > 0);
    }
}

/// A state that is of another program is refused, and nothing panics.
#[test]
fn states_that_do_not_fit_are_errors() {
    let program = compiled(SOURCE);
    let inputs = drawn(&program, 5);
    let plan = plan(&program, Protocol::Mixed).unwrap();
    let [Ok((_, kept)), _] = two_parties_kept(&program, &plan, &inputs, SessionId([1; 32]), None) else { panic!() };
    let other =
        compiled("pub fn main(a: u8 @ alice, b: u8 @ bob) -> u8 { let mut x = a; for i in 0..3 { x = x * b; } x }");
    let other_inputs = drawn(&other, 1);
    let other_plan = motet_program::plan::plan(&other, Protocol::Mixed).unwrap();
    for state in &kept {
        let shown = two_parties_kept(&other, &other_plan, &other_inputs, SessionId([2; 32]), Some([state, state]));
        assert!(shown.iter().all(Result::is_err));
    }
}

/// A folder with the compiled program and both parties' checkpoints.
struct Scene {
    folder: TempDir,
    address: String,
    protocol: &'static str,
}

const INPUTS: [&[&str]; 2] = [
    &["--input", "a=[1,2,3,4]", "--input", "m=[[0.5,1,-2],[0.25,3,1],[1,-1,0.5]]", "--input", "k=3"],
    &["--input", "b=[5,6,7,8]", "--input", "v=[1,2,3]", "--input", "k=3"],
];

impl Scene {
    fn new(protocol: &'static str) -> Scene {
        let scene =
            Scene { folder: tempfile::tempdir().unwrap(), address: format!("127.0.0.1:{}", free_port()), protocol };
        let source = scene.path("program.mpc");
        fs::write(&source, SOURCE).unwrap();
        let ended = run([Path::new("compile"), &source, Path::new("-o"), &scene.path("program.mpcx")]);
        assert_eq!(ended.status, Some(0), "{ended:?}");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The checkpoints of a party.
    fn files(&self, party: usize) -> Vec<PathBuf> {
        let items = fs::read_dir(self.path(["alice", "bob"][party])).unwrap();
        let mut files: Vec<PathBuf> = items.map(|item| item.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "checkpoint"));
        files.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
        files
    }

    /// Starts Alice (0), who listens, or Bob (1), who connects to `at`.
    fn start(&self, party: usize, at: &str, more: &[&str]) -> Motet {
        let folder = self.path(["alice", "bob"][party]).display().to_string();
        self.start_with(party, at, &folder, INPUTS[party], more)
    }

    fn start_with(&self, party: usize, at: &str, folder: &str, inputs: &[&str], more: &[&str]) -> Motet {
        let program = self.path("program.mpcx").display().to_string();
        let side = [["--party", "alice", "--listen", &self.address], ["--party", "bob", "--connect", at]][party];
        let common =
            ["run", &program, "--json", "--protocol", self.protocol, "--timeout", "20", "--checkpoint", folder];
        Motet::start([&common[..], &side, inputs, &["--checkpoint-every", "0"], more].concat())
    }

    /// Starts both over a relay that kills some of them once so many bytes were passed on.
    fn start_to_kill(&self, at: u64, victims: &'static [usize]) -> ([Motet; 2], Relay) {
        let ids = Arc::new(Mutex::new([0; 2]));
        let known = Arc::clone(&ids);
        let relay = Relay::to(&self.address, at, move || {
            victims.iter().for_each(|victim| kill(known.lock().unwrap()[*victim]));
            Then::Cut
        });
        // Until both are known, nobody is killed.
        let mut known = ids.lock().unwrap();
        let sides = [self.start(0, "", &[]), self.start(1, &relay.address(), &[])];
        *known = sides.each_ref().map(Motet::id);
        drop(known);
        (sides, relay)
    }

    /// Runs both to their ends, without anything happening: what they print, and the bytes that they send.
    fn unbroken(&self) -> ([String; 2], u64) {
        let relay = Relay::to(&self.address, u64::MAX, || Then::PassOn);
        let sides = [self.start(0, "", &[]), self.start(1, &relay.address(), &[])];
        (results(sides.map(Motet::wait)), relay.passed())
    }
}

#[track_caller]
fn results(ended: [Ended; 2]) -> [String; 2] {
    ended.map(|ended| {
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended.out
    })
}

fn kill(id: u32) {
    // Where it fails it has ended.
    let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
}

/// Either side is killed at a byte; the other one waits for it, and both go on.
#[test]
fn killed_at_any_byte() {
    let mut draw = Draw::new(7);
    for (protocol, times) in [("yao", 4), ("mixed", 6), ("gmw", 2)] {
        let (expected, bytes) = Scene::new(protocol).unbroken();
        for _ in 0..times {
            let scene = Scene::new(protocol);
            let (at, victim) = (draw.word() % (bytes - bytes / 64), (draw.word() % 2) as usize);
            let (mut sides, relay) = scene.start_to_kill(at, [&[0], &[1]][victim]);
            while !sides[victim].has_ended() {
                thread::sleep(Duration::from_millis(5));
            }
            sides[victim] = scene.start(victim, &relay.address(), &["--resume"]);
            assert_eq!(results(sides.map(Motet::wait)), expected, "{protocol}: {victim} killed at {at} of {bytes}");
        }
    }
}

/// The line breaks, and nobody is started again.
#[test]
fn a_line_that_breaks_is_taken_up_again() {
    let (expected, bytes) = Scene::new("mixed").unbroken();
    for part in [1, 3, 5, 7] {
        let scene = Scene::new("mixed");
        let relay = Relay::to(&scene.address, bytes * part / 8, || Then::Cut);
        let sides = [scene.start(0, "", &[]), scene.start(1, &relay.address(), &[])].map(Motet::wait);
        assert!(sides[0].err.contains("meeting again, to go on from the last checkpoint"), "{sides:?}");
        assert_eq!(results(sides), expected);
    }
}

/// Both are killed, and what one of them had written last is damaged: the one before serves.
#[test]
fn what_is_refused_and_what_still_serves() {
    let (expected, bytes) = Scene::new("mixed").unbroken();
    let scene = Scene::new("mixed");
    let (sides, _) = scene.start_to_kill(bytes * 3 / 4, &[0, 1]);
    assert!(sides.map(Motet::wait).iter().all(|ended| ended.status.is_none()));
    let at = scene.address.as_str();
    let both = |zero: &[&str], one: &[&str]| [scene.start(0, at, zero), scene.start(1, at, one)].map(Motet::wait);

    let fresh = scene.start(0, at, &[]).wait();
    assert_ended(&fresh, 1, "holds checkpoints of a run that has not ended: go on with it by --resume");
    // Another input on one side.
    let other = [&INPUTS[1][2..], &["--input", "b=[5,6,7,9]"]].concat();
    let other = scene.start_with(1, at, &scene.path("bob").display().to_string(), &other, &["--resume"]);
    let alice = scene.start(0, at, &["--resume"]);
    assert_ended(&other.wait(), 1, "is of a run with another value of this party's inputs");
    assert_ended(&alice.wait(), 3, "bob stopped: its checkpoints cannot be used");
    // The other party has another folder.
    let empty = scene.path("empty").display().to_string();
    let lost = scene.start_with(1, at, &empty, INPUTS[1], &["--resume"]);
    let alice = scene.start(0, at, &["--resume"]);
    assert_ended(&lost.wait(), 1, "have no checkpoint in common: give both parties the folders of the same run");
    assert_ended(&alice.wait(), 1, "have no checkpoint in common");
    // Only one of them resumes.
    let new = scene.path("new").display().to_string();
    let begins = scene.start_with(1, at, &new, INPUTS[1], &[]);
    let alice = scene.start(0, at, &["--resume"]);
    assert_ended(&begins.wait(), 3, "alice takes its run up again (--checkpoint with --resume), this side begins");
    assert_ended(&alice.wait(), 3, "bob begins a run with --checkpoint, this side takes its run up again");

    let files = scene.files(0);
    assert!(files.len() >= 2, "{files:?}");
    let last = files.last().unwrap();
    let bytes = fs::read(last).unwrap();
    fs::write(last, &bytes[..bytes.len() / 2]).unwrap();
    let ended = both(&["--resume"], &["--resume"]);
    assert!(
        ended[0].err.contains("cannot be opened: it was changed, cut short, or sealed with another key"),
        "{ended:?}"
    );
    assert_eq!(results(ended), expected);
    // A run that has ended can be gone on from (the other side may have been killed before it had its result), and its folder
    // used for another.
    assert_eq!(results(both(&["--resume"], &["--resume"])), expected);
    assert_eq!(results(both(&[], &[])), expected);
}

#[track_caller]
fn assert_ended(ended: &Ended, status: i32, words: &str) {
    assert_eq!(ended.status, Some(status), "{ended:?}");
    let said = ended.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(words), "expected {words:?}: {said}");
}
