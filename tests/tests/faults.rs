//! What the binary does where the other party fails, lies, or is not who or what it should be: it ends within its
//! timeout, with a status of its own and a sentence, and takes no memory that a lie asks for.

#![cfg(unix)]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use motet_tests::process::{Ended, Motet, free_port, run};
use serde::Serialize;
use tempfile::TempDir;

const SHORT: &str = "pub fn main(a: u32 @ alice, b: u32 @ bob, k: u32) -> bool { a + k > b }";
const OTHER: &str = "pub fn main(a: u32 @ alice, b: u32 @ bob, k: u32) -> bool { a + k < b }";
/// Runs for minutes.
const LONG: &str = "pub fn main(a: u32 @ alice, b: u32 @ bob, k: u32) -> u32 {
    let mut x = a + k;
    for i in 0..1000000000 { x = x * b + a; }
    x
}";
const GREETING: &[u8] = b"MOTET\0\x01\0";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A folder with a compiled program, and a port to meet at.
struct Scene {
    folder: TempDir,
    port: String,
}

impl Scene {
    fn new(source: &str) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let scene = Scene { folder, port: format!("127.0.0.1:{}", free_port()) };
        scene.compile("program", source);
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn compile(&self, name: &str, source: &str) {
        let (from, to) = (self.path(&format!("{name}.mpc")), self.path(&format!("{name}.mpcx")));
        fs::write(&from, source).unwrap();
        let ended = run([Path::new("compile"), &from, Path::new("-o"), &to]);
        assert_eq!(ended.status, Some(0), "{ended:?}");
    }

    /// What every side is told, with the program and the rest as given.
    fn side(&self, program: &str, rest: &[&str]) -> Vec<String> {
        let program = self.path(program).display().to_string();
        let common = ["--json", "--timeout", "3", "--patience", "60"].map(String::from);
        let mut arguments = vec!["run".to_owned(), program];
        arguments.extend(common);
        arguments.extend(rest.iter().map(|&s| s.to_owned()));
        arguments
    }

    fn alice(&self, more: &[&str]) -> Motet {
        let rest = [&["--party", "alice", "--listen", &self.port, "--input", "a=5", "--input", "k=1"], more].concat();
        Motet::start(self.side("program.mpcx", &rest))
    }

    fn bob(&self, program: &str, more: &[&str]) -> Motet {
        let rest = [&["--party", "bob", "--connect", &self.port, "--input", "b=4"], more].concat();
        Motet::start(self.side(program, &rest))
    }

    /// Connects to Alice as a peer who speaks bytes of his own making.
    fn mallory(&self) -> TcpStream {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match TcpStream::connect(&self.port) {
                Ok(stream) => return stream,
                Err(e) if Instant::now() > deadline => panic!("alice does not listen: {e}"),
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

#[track_caller]
fn assert_ended(ended: &Ended, status: i32, words: &str) {
    assert_eq!(ended.status, Some(status), "{ended:?}");
    let said = ended.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(words), "expected {words:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
}

fn signal(name: &str, process: &Motet) {
    let sent = Command::new("kill").args([name, &process.id().to_string()]).status();
    assert!(sent.is_ok_and(|s| s.success()));
}

/// Long enough for both sides to be at work.
fn let_them_work() {
    thread::sleep(Duration::from_secs(2));
}

#[test]
fn both_sides_get_the_result() {
    let scene = Scene::new(SHORT);
    let (alice, bob) = (scene.alice(&[]), scene.bob("program.mpcx", &["--input", "k=1"]));
    for ended in [alice.wait(), bob.wait()] {
        assert_eq!((ended.status, ended.out.trim()), (Some(0), r#"{"result": true}"#), "{ended:?}");
    }
}

#[test]
fn a_killed_peer_ends_the_other_side() {
    let scene = Scene::new(LONG);
    let (alice, mut bob) = (scene.alice(&[]), scene.bob("program.mpcx", &["--input", "k=1"]));
    let_them_work();
    bob.kill();
    let ended = alice.wait();
    assert_eq!(ended.status, Some(3), "{ended:?}");
    assert!(ended.err.contains("bob") && !ended.err.contains("panicked"), "{ended:?}");
}

#[test]
fn a_stalled_peer_ends_the_other_side() {
    let scene = Scene::new(LONG);
    let (alice, mut bob) = (scene.alice(&[]), scene.bob("program.mpcx", &["--input", "k=1"]));
    let_them_work();
    signal("-STOP", &bob);
    assert_ended(&alice.wait(), 3, "bob has been silent for 3 s");
    bob.kill();
}

#[test]
fn an_interrupt_ends_both_sides() {
    let scene = Scene::new(LONG);
    let (alice, bob) = (scene.alice(&[]), scene.bob("program.mpcx", &["--input", "k=1"]));
    let_them_work();
    signal("-INT", &alice);
    assert_ended(&alice.wait(), 130, "interrupted");
    assert_ended(&bob.wait(), 3, "alice stopped: interrupted");
}

#[test]
fn nonsense_is_an_error() {
    let cases: [(&[u8], &[u8], &str); 8] = [
        (b"GET / HTTP/1.1\r\n\r\n", b"", "does not speak Motet's wire format"),
        (b"MOTET\0\x63\0", b"", "speaks version 99 of the wire format, this side version 1"),
        (&[0x16, 3, 1, 2, 0, 1, 0, 1], b"", "speaks TLS, and this side was started without keys"),
        (GREETING, &[0, 0xff, 0xff, 0xff, 0xff], "claims 4294967295 bytes"),
        (GREETING, &[0, 4, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f], "a message that claims 2147483647 bytes"),
        (GREETING, &[9, 0, 0, 0, 0], "a frame of unknown kind 9"),
        (GREETING, &[0, 100, 0, 0, 0, 1, 2, 3], "bob"),
        (GREETING, b"", "bob"),
    ];
    for (first, then, words) in cases {
        let scene = Scene::new(SHORT);
        let alice = scene.alice(&[]);
        let mut mallory = scene.mallory();
        mallory.write_all(&[first, then].concat()).unwrap();
        mallory.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = mallory.read_to_end(&mut Vec::new());
        assert_ended(&alice.wait(), 3, words);
    }
}

#[test]
fn a_lie_about_lengths_takes_no_memory() {
    let scene = Scene::new(SHORT);
    let peak = |peer: &[u8]| {
        let alice = scene.alice(&[]);
        let mut mallory = scene.mallory();
        mallory.write_all(peer).unwrap();
        thread::sleep(Duration::from_millis(500));
        let status = fs::read_to_string(format!("/proc/{}/status", alice.id())).unwrap_or_default();
        drop(mallory);
        alice.wait();
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok())
    };
    // A message of 4,000 bytes, as long as it may be, of which a name claims 2^60; the rest does not come.
    let lie = [GREETING, &[0, 0xa0, 0x0f, 0, 0, 0x9c, 0x0f, 0, 0], &[0xff; 8], &[0x0f]].concat();
    if let Some((honest, lied)) = peak(GREETING).zip(peak(&lie)) {
        assert!(lied < honest + 8 * 1024, "{lied} KiB against {honest} KiB");
    }
}

#[test]
fn another_program_is_refused() {
    let scene = Scene::new(SHORT);
    scene.compile("other", OTHER);
    let (alice, bob) = (scene.alice(&[]), scene.bob("other.mpcx", &["--input", "k=1"]));
    assert_ended(&alice.wait(), 3, "bob runs another program");
    assert_ended(&bob.wait(), 3, "alice runs another program");
}

#[test]
fn another_public_input_is_refused() {
    let scene = Scene::new(SHORT);
    let (alice, bob) = (scene.alice(&[]), scene.bob("program.mpcx", &["--input", "k=2"]));
    assert_ended(&alice.wait(), 3, "the public input `k` is not the same as bob's");
    assert_ended(&bob.wait(), 3, "the public input `k` is not the same as alice's");
}

#[test]
fn another_protocol_is_refused() {
    let scene = Scene::new(SHORT);
    let alice = scene.alice(&[]);
    let bob = scene.bob("program.mpcx", &["--input", "k=1", "--protocol", "yao"]);
    assert_ended(&alice.wait(), 3, "bob runs the protocol yao, this side mixed");
    assert_ended(&bob.wait(), 3, "alice runs the protocol mixed, this side yao");
}

#[test]
fn a_plan_for_another_link_is_refused() {
    let scene = Scene::new(SHORT);
    let alice = scene.alice(&[]);
    let bob = scene.bob("program.mpcx", &["--input", "k=1", "--link", "wan"]);
    assert_ended(&alice.wait(), 3, "bob has another plan for this program");
    assert_ended(&bob.wait(), 3, "Compile both with the same motet, --protocol and --link");
}

/// A frame with one message, as the wire has it.
fn message(body: &impl Serialize) -> Vec<u8> {
    let body = postcard::to_stdvec(body).unwrap();
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let message = [&length(&body)[..], &body].concat();
    [&[0], &length(&message)[..], &message].concat()
}

/// What a peer sends first, who calls itself `party` of `version`.
fn introduction(version: &str, party: &str, expects: &str) -> Vec<u8> {
    [GREETING, &message(&(version, party, Some(expects), [7u8; 32]))].concat()
}

/// A program from the same compiler has one plan for a protocol and a link, and a file with another is not loaded: such a peer, or
/// one with less security, is a build of its own.
#[test]
fn another_plan_or_security_is_refused() {
    let scene = Scene::new(SHORT);
    let (program, plan) = motet_program::artifact::read(&fs::read(scene.path("program.mpcx")).unwrap()).unwrap();
    let (program, plan) = (program.digest().0, plan.digest().0);
    let cases = [
        ([9; 32], (128u16, 40u16), 3, "bob has another plan for this program: its digest is 0909090909090909"),
        (plan, (128, 20), 4, "bob runs with 128 bits of security (20 statistical), this side with 128 (40)"),
    ];
    for (plan, security, status, words) in cases {
        let public: [(&str, [u8; 32]); 0] = [];
        let terms =
            message(&(1u8, "mixed", ["alice", "bob"].to_vec(), program, plan, public.to_vec(), 0u8, 0u8, security));
        let said = [introduction(VERSION, "bob", "alice"), terms].concat();
        let alice = scene.alice(&[]);
        let mut mallory = scene.mallory();
        mallory.write_all(&said).unwrap();
        assert_ended(&alice.wait(), status, words);
    }
}

#[test]
fn another_version_or_stranger_is_refused() {
    let cases = [
        (introduction("9.9.9", "bob", "alice"), format!("bob runs motet 9.9.9, this side motet {VERSION}")),
        (
            introduction(VERSION, "mallory", "alice"),
            "the other side runs as `mallory`, and this side, `alice`".to_owned(),
        ),
        (introduction(VERSION, "bob", "carol"), "`bob` expects `carol`, and this side runs as `alice`".to_owned()),
    ];
    for (said, words) in cases {
        let scene = Scene::new(SHORT);
        let alice = scene.alice(&[]);
        let mut mallory = scene.mallory();
        mallory.write_all(&said).unwrap();
        assert_ended(&alice.wait(), 3, &words);
    }
}

#[test]
fn the_same_party_twice_is_refused() {
    let scene = Scene::new(SHORT);
    let alice = scene.alice(&[]);
    let rest = ["--party", "alice", "--connect", &scene.port, "--input", "a=5", "--input", "k=1"];
    let other = Motet::start(scene.side("program.mpcx", &rest));
    for ended in [alice.wait(), other.wait()] {
        assert_ended(&ended, 3, "both sides run as `alice`");
    }
}

#[test]
fn another_key_is_refused() {
    let scene = Scene::new(SHORT);
    for name in ["alice", "bob", "mallory"] {
        let made = Command::new(motet_tests::process::motet())
            .args(["keygen", name])
            .current_dir(scene.folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    let path = |name: &str| scene.path(name).display().to_string();
    let peer = |name: &str| format!("{name}={}", path(&format!("{name}.pub")));
    let keys = |key: &str, other: &str| ["--key".to_owned(), path(key), "--peer".to_owned(), peer(other)];
    let run = |bob_key: &str| {
        let (a, b) = (keys("alice.key", "bob"), keys(bob_key, "alice"));
        let alice = scene.alice(&a.each_ref().map(String::as_str));
        let bob: Vec<&str> = ["--input", "k=1"].into_iter().chain(b.iter().map(String::as_str)).collect();
        let bob = scene.bob("program.mpcx", &bob);
        (alice.wait(), bob.wait())
    };
    let (alice, bob) = run("bob.key");
    assert_eq!((alice.status, bob.status), (Some(0), Some(0)), "{alice:?} {bob:?}");
    let (alice, bob) = run("mallory.key");
    assert_ended(&alice, 4, "bob does not have the key that it should: expected");
    assert_ended(&bob, 4, "alice refuses this side's key");
}

#[test]
fn plaintext_stays_on_this_machine() {
    let scene = Scene::new(SHORT);
    let rest = ["--party", "alice", "--connect", "192.0.2.1:7766", "--input", "a=5", "--input", "k=1"];
    assert_ended(&run(scene.side("program.mpcx", &rest)), 2, "is not of this machine alone");
}
