//! Sessions between two threads: a small program run, each difference refused, peers of every bad kind.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use motet_program::data::{DataType, Elem, Type};
use motet_program::ir::{Binary, Block, Node, Op, Output, Param, Site, SourceSite, Value};
use motet_program::plan::{Protocol, plan};

use super::*;
use crate::net::{Cancel, Listener, NetError, SecretKey};

/// `fn main(a: u32 @ alice, b: u32 @ bob, k: u32) -> u32 { a op b + k }`
fn program(op: Binary) -> Program {
    let word = Type::scalar(Elem::Uint(32));
    let param = |name: &str, owner| Param { name: name.into(), owner, ty: DataType::Leaf(word.clone()) };
    let node = |op, result| Node { op, results: vec![Value(result)], site: Site(0) };
    let input = |param| node(Op::Input { param, leaf: 0 }, param);
    Program {
        entry: "main".into(),
        parties: vec!["alice".into(), "bob".into()],
        params: vec![param("a", Some(Party(0))), param("b", Some(Party(1))), param("k", None)],
        outputs: vec![Output { to: vec![Party(0), Party(1)], ty: DataType::Leaf(word.clone()) }],
        tuple_result: false,
        values: vec![word; 5],
        circuits: Vec::new(),
        body: Block {
            params: Vec::new(),
            ops: vec![
                input(0),
                input(1),
                input(2),
                node(Op::Binary(op, Value(0), Value(1)), 3),
                node(Op::Binary(Binary::Add, Value(3), Value(2)), 4),
            ],
            results: vec![Value(4)],
        },
        sites: vec![SourceSite { file: "test.mpc".into(), function: "main".into(), line: 1, column: 1 }],
    }
}

fn word(value: u64) -> Option<Vec<Tensor>> {
    Some(vec![Tensor { ty: Type::scalar(Elem::Uint(32)), data: vec![value] }])
}

fn quick() -> Config {
    Config {
        timeout: Duration::from_millis(800),
        heartbeat: Duration::from_millis(100),
        patience: Duration::from_secs(5),
        cancel: Cancel::default(),
    }
}

/// What a side brings.
struct Side {
    party: &'static str,
    peer: &'static str,
    program: Program,
    plan: Plan,
    inputs: Vec<Option<Vec<Tensor>>>,
    security: Security,
}

fn sides() -> [Side; 2] {
    let program = program(Binary::Add);
    let plan = plan(&program, Protocol::Yao).unwrap();
    let side = |party, peer, inputs| Side {
        party,
        peer,
        program: program.clone(),
        plan: plan.clone(),
        inputs,
        security: Security::Loopback,
    };
    [side("alice", "bob", vec![word(5), None, word(100)]), side("bob", "alice", vec![None, word(7), word(100)])]
}

type Outcome = Result<(Outputs, Report), RunError>;

impl Side {
    fn run(&self, endpoint: Endpoint, config: &Config) -> Outcome {
        let session = Session::open(endpoint, &self.security, self.party, Some(self.peer), config)?;
        session.run(&self.program, &self.plan, &self.inputs, |_| {})
    }
}

fn run([alice, bob]: &[Side; 2]) -> [Outcome; 2] {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address().to_string();
    thread::scope(|s| {
        let alice = s.spawn(|| alice.run(Endpoint::Listen(listener), &quick()));
        let bob = bob.run(Endpoint::Connect(address), &quick());
        [alice.join().unwrap(), bob]
    })
}

/// Runs both sides, who must both refuse with the status; what each says.
fn refused(sides: &[Side; 2], status: u8) -> [String; 2] {
    run(sides).map(|outcome| {
        let error = outcome.err().unwrap();
        assert_eq!(error.exit_code(), status, "{error}");
        error.to_string()
    })
}

#[test]
fn both_get_the_result() {
    for protected in [false, true] {
        let mut sides = sides();
        if protected {
            let [a, b] = [(); 2].map(|()| SecretKey::generate().unwrap());
            sides[0].security = Security::Keys { own: a.clone(), peer: b.public() };
            sides[1].security = Security::Keys { own: b, peer: a.public() };
        }
        for outcome in run(&sides) {
            let (outputs, report) = outcome.unwrap();
            assert_eq!(outputs.leaves[0].as_ref().unwrap().data, [112]);
            assert!(report.ands > 0 && report.sent > 0 && report.received > 0);
        }
    }
}

/// Runs both sides by a function of the session and the side's number.
fn both<T: Send>(
    sides: &[Side; 2],
    act: impl Fn(Session, usize) -> Result<T, RunError> + Sync,
) -> [Result<T, RunError>; 2] {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address().to_string();
    let open = |k: usize, endpoint| {
        let side = &sides[k];
        let session = Session::open(endpoint, &side.security, side.party, Some(side.peer), &quick())?;
        act(session, k)
    };
    thread::scope(|s| {
        let open = &open;
        let alice = s.spawn(move || open(0, Endpoint::Listen(listener)));
        let bob = open(1, Endpoint::Connect(address));
        [alice.join().unwrap(), bob]
    })
}

#[test]
fn a_run_uses_an_entry_of_both_stores_once() {
    let (folder, sides) = (tempfile::tempdir().unwrap(), sides());
    let stores = ["a", "b"].map(|name| Store::open(&folder.path().join(name)).unwrap());
    let prepare =
        |runs| both(&sides, |session, k| session.prepare(&sides[k].program, &sides[k].plan, &[], &stores[k], runs));
    let from_store = || {
        both(&sides, |mut session, k| {
            session.use_store(stores[k].clone());
            session.run(&sides[k].program, &sides[k].plan, &sides[k].inputs, |_| {})
        })
    };
    let [(made, _), _] = prepare(2).map(Result::unwrap);
    // The public input is not there yet, so no circuit is garbled.
    assert!(made.transfers >= 64 && made.garbled == 0 && made.sent > 0 && made.received > 0);
    // One party's store is kept, to be put back below.
    let kept = folder.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    let entries = |of: &Path| std::fs::read_dir(of).unwrap().map(|e| e.unwrap().path()).collect::<Vec<_>>();
    for path in entries(&folder.path().join("a")) {
        std::fs::copy(&path, kept.join(path.file_name().unwrap())).unwrap();
    }
    let [without, _] = run(&sides).map(|outcome| outcome.unwrap().1);
    for _ in 0..2 {
        for outcome in from_store() {
            let (outputs, report) = outcome.unwrap();
            assert_eq!(outputs.leaves[0].as_ref().unwrap().data, [112]);
            assert_eq!(report.prepared.map(|p| p.transfers), Some(made.transfers / 2));
            // No base OTs, and nothing to extend.
            assert!(report.sent + report.received < (without.sent + without.received) / 2, "{report:?} {without:?}");
        }
    }
    let empty = |outcomes: [Outcome; 2]| {
        for outcome in outcomes {
            let error = outcome.err().unwrap().to_string();
            assert!(error.contains("nothing that was prepared") || error.contains("nothing more for this"), "{error}");
        }
    };
    empty(from_store());
    for path in entries(&kept) {
        std::fs::rename(&path, folder.path().join("a").join(path.file_name().unwrap())).unwrap();
    }
    empty(from_store());
}

/// What was made with an input serves runs with it alone.
#[test]
fn an_entry_is_for_the_inputs_that_went_into_it() {
    let (folder, sides) = (tempfile::tempdir().unwrap(), sides());
    let stores = ["a", "b"].map(|name| Store::open(&folder.path().join(name)).unwrap());
    let prepare = |inputs: [Vec<Option<Vec<Tensor>>>; 2]| {
        both(&sides, |session, k| session.prepare(&sides[k].program, &sides[k].plan, &inputs[k], &stores[k], 1))
    };
    let run = |a: u64| {
        both(&sides, |mut session, k| {
            session.use_store(stores[k].clone());
            let inputs = if k == 0 { vec![word(a), None, word(100)] } else { sides[k].inputs.clone() };
            session.run(&sides[k].program, &sides[k].plan, &inputs, |_| {})
        })
    };
    for outcome in prepare([vec![None, None, word(100)], vec![]]) {
        assert!(outcome.err().unwrap().to_string().contains("public input `k`"));
    }
    for outcome in prepare([vec![word(5), None, word(100)], vec![None, None, word(100)]]) {
        assert_eq!(outcome.unwrap().0.garbled, 1);
    }
    for outcome in run(6) {
        assert!(outcome.is_err());
    }
    for outcome in run(5) {
        let (outputs, report) = outcome.unwrap();
        assert_eq!(outputs.leaves[0].as_ref().unwrap().data, [112]);
        assert_eq!(report.prepared.map(|made| made.garbled), Some(1));
    }
}

#[test]
fn both_must_use_a_store_or_neither() {
    let (folder, sides) = (tempfile::tempdir().unwrap(), sides());
    let outcomes = both(&sides, |mut session, k| {
        if k == 0 {
            session.use_store(Store::open(folder.path())?);
        }
        session.run(&sides[k].program, &sides[k].plan, &sides[k].inputs, |_| {})
    });
    let words = outcomes.map(|outcome| outcome.err().unwrap().to_string());
    assert!(words[0].contains("bob runs without --store, this side runs with --store"), "{}", words[0]);
}

#[test]
fn where_the_source_stood_does_not_matter() {
    let mut sides = sides();
    sides[0].program.sites[0].file = "elsewhere/test.mpc".into();
    assert!(run(&sides).into_iter().all(|outcome| outcome.is_ok()));
}

#[test]
fn another_program_is_refused() {
    let mut sides = sides();
    sides[1].program = program(Binary::Sub);
    for words in refused(&sides, 3) {
        assert!(words.contains("runs another program"), "{words}");
    }
}

#[test]
fn another_plan_is_refused() {
    let mut sides = sides();
    sides[0].plan.garbler = Party(1 - sides[0].plan.garbler.0);
    for words in refused(&sides, 3) {
        assert!(words.contains("has another plan for this program"), "{words}");
    }
}

#[test]
fn another_public_input_is_refused() {
    let mut sides = sides();
    sides[0].inputs[2] = word(101);
    let words = refused(&sides, 3);
    assert!(words[0].contains("the public input `k` is not the same as bob's"), "{}", words[0]);
    assert!(words[1].contains("the public input `k` is not the same as alice's"), "{}", words[1]);
}

#[test]
fn another_party_is_refused() {
    let mut sides = sides();
    (sides[1].party, sides[1].peer) = ("carol", "alice");
    let words = refused(&sides, 3);
    assert!(words[0].starts_with("the other side runs as `carol`"), "{}", words[0]);
    assert!(words[1].starts_with("`alice` expects `bob`"), "{}", words[1]);

    (sides[1].party, sides[1].peer) = ("alice", "bob");
    for words in refused(&sides, 3) {
        assert!(words.starts_with("both sides run as `alice`"), "{words}");
    }
}

#[test]
fn another_key_is_refused() {
    let mut sides = sides();
    let [a, b, c] = [(); 3].map(|()| SecretKey::generate().unwrap());
    sides[0].security = Security::Keys { own: a.clone(), peer: b.public() };
    sides[1].security = Security::Keys { own: c, peer: a.public() };
    let words = refused(&sides, 4);
    assert!(words[0].starts_with("bob does not have the key that it should"), "{}", words[0]);
    assert!(words[1].starts_with("alice refuses this side's key"), "{}", words[1]);
}

#[test]
fn what_is_missing_here_is_told_to_the_other_side() {
    let mut sides = sides();
    sides[0].inputs[2] = None;
    let [alice, bob] = run(&sides).map(|outcome| outcome.err().unwrap());
    assert_eq!((alice.exit_code(), bob.exit_code()), (1, 3));
    assert_eq!(bob.to_string(), "alice stopped: it was started with wrong arguments");
}

fn dimension(value: i64) -> BTreeMap<String, i64> {
    BTreeMap::from([("N".to_owned(), value)])
}

#[test]
fn dimensions_are_exchanged_before_a_run() {
    let (alice, bob) = Channel::pair();
    thread::scope(|s| {
        s.spawn(|| {
            let session = Session::over_channel(alice, "alice").unwrap();
            let (session, theirs) = session.exchange_dimensions(&dimension(3)).unwrap();
            assert_eq!(theirs, dimension(4));
            session.abort("a dimension does not fit");
        });
        let session = Session::over_channel(bob, "bob").unwrap();
        let (session, theirs) = session.exchange_dimensions(&dimension(4)).unwrap();
        assert_eq!(theirs, dimension(3));
        let error = session.exchange_dimensions(&dimension(5)).err().unwrap();
        assert_eq!(error.to_string(), "alice stopped: a dimension does not fit");
    });
}

#[test]
fn a_source_and_a_compiled_program_are_told_apart() {
    let (a, b) = Channel::pair();
    let [alice, _] = sides();
    thread::scope(|s| {
        s.spawn(|| {
            let session = Session::over_channel(b, "bob").unwrap();
            let error = session.exchange_dimensions(&dimension(4)).err().unwrap();
            assert!(error.to_string().starts_with("alice was given a compiled program, this side a source"), "{error}");
        });
        let session = Session::over_channel(a, "alice").unwrap();
        let error = session.run(&alice.program, &alice.plan, &alice.inputs, |_| {}).err().unwrap();
        assert!(error.to_string().starts_with("bob was given a source, this side a compiled program"), "{error}");
    });
}

/// Runs Alice against a peer who speaks bytes of his own making. What she says, and with what status she ends.
fn against(peer: impl FnOnce(TcpStream) + Send) -> RunError {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let [alice, _] = sides();
    let start = Instant::now();
    let error = thread::scope(|s| {
        s.spawn(move || peer(socket.accept().unwrap().0));
        alice.run(Endpoint::Connect(address), &quick()).err().unwrap()
    });
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(error.exit_code(), 3, "{error}");
    error
}

const GREETING: &[u8] = b"MOTET\0\x01\0";

/// A data frame.
fn frame(payload: &[u8]) -> Vec<u8> {
    [&[0][..], &(payload.len() as u32).to_le_bytes(), payload].concat()
}

/// A message in a data frame.
fn message(body: &[u8]) -> Vec<u8> {
    frame(&[&(body.len() as u32).to_le_bytes()[..], body].concat())
}

#[test]
fn a_peer_who_hangs_up_is_an_error() {
    let words = against(drop).to_string();
    assert!(words.starts_with("bob closed") || words.contains("was lost"), "{words}");
    let error = against(|mut s| s.write_all(GREETING).unwrap());
    assert!(matches!(error, RunError::Net(NetError::Closed { .. } | NetError::Lost { .. })), "{error}");
    // In the middle of a frame.
    let error = against(|mut s| s.write_all(&[GREETING, &frame(&[0; 100])[..50]].concat()).unwrap());
    assert!(matches!(error, RunError::Net(NetError::Closed { .. } | NetError::Lost { .. })), "{error}");
}

#[test]
fn a_peer_who_stalls_is_an_error() {
    let error = against(|mut s| {
        s.write_all(GREETING).unwrap();
        let _ = s.read_to_end(&mut Vec::new());
    });
    assert_eq!(error.to_string(), "bob has been silent for 0.8 s");
}

#[test]
fn a_peer_who_lies_about_lengths_is_an_error() {
    let lies: [&[u8]; 5] = [
        &[0, 0xff, 0xff, 0xff, 0xff],
        &[2, 0xff, 0xff, 0xff, 0xff],
        &frame(&[0xff; 4]),
        // A name of 2^60 bytes.
        &message(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]),
        // A name that is longer than its message.
        &message(&[200, b'x']),
    ];
    for lie in lies {
        let error = against(|mut s| {
            s.write_all(&[GREETING, lie].concat()).unwrap();
            let _ = s.read_to_end(&mut Vec::new());
        });
        assert!(matches!(error, RunError::Net(NetError::Malformed { .. })), "{error}");
    }
}

#[test]
fn a_peer_who_sends_garbage_after_the_handshake_is_an_error() {
    let [_, bob] = sides();
    let garbage: Vec<u8> = (0..100_000u32).flat_map(|i| (i.wrapping_mul(0x9e37_79b9)).to_le_bytes()).collect();
    for rest in [&garbage[..], &[], &garbage[..17]] {
        let (a, b) = Channel::pair_over(crate::net::Link::INSTANT, &quick());
        let [alice, _] = sides();
        thread::scope(|s| {
            s.spawn(|| {
                let mut session = Session::over_channel(b, "bob").unwrap();
                let ours = terms(&bob.program, &bob.plan, &bob.inputs, true).unwrap();
                session.agree(&ours).unwrap();
                let _ = session.channel.send(rest);
                let _ = session.channel.flush();
            });
            let session = Session::over_channel(a, "alice").unwrap();
            // Garbage of the right length may pass for labels: then the result is garbage, or the goodbye is missing.
            let error = session.run(&alice.program, &alice.plan, &alice.inputs, |_| {}).err().unwrap();
            assert!([3, 4].contains(&error.exit_code()), "{error}");
        });
    }
}

#[test]
fn a_cancelled_side_ends_both() {
    let [alice, bob] = sides();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address().to_string();
    let config = quick();
    thread::scope(|s| {
        let waiting = s.spawn(|| {
            let session =
                Session::open(Endpoint::Listen(listener), &alice.security, "alice", Some("bob"), &config).unwrap();
            session.run(&alice.program, &alice.plan, &alice.inputs, |_| {}).err().unwrap()
        });
        let session = Session::open(Endpoint::Connect(address), &bob.security, "bob", None, &quick()).unwrap();
        config.cancel.cancel();
        let error = waiting.join().unwrap();
        assert!(matches!(error, RunError::Net(NetError::Cancelled)), "{error}");
        assert_eq!(error.exit_code(), 130);
        let error = session.run(&bob.program, &bob.plan, &bob.inputs, |_| {}).err().unwrap();
        assert_eq!(error.to_string(), "alice stopped: interrupted");
    });
}
