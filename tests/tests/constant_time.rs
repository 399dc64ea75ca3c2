//! No branch and no address depends on a secret: run under valgrind's memcheck by `cargo xtask constant-time`.
//!
//! With the runtime's feature `memcheck`, whatever a party draws at random is marked as undefined (labels, Δ, seeds, the
//! scalars of base OTs, keys and errors of encryption), and what it sends becomes defined. Here the parties' inputs are
//! marked too. Memcheck then reports each jump and each address that a secret decides. A deliberate leak comes first: the
//! check can fail.
//!
//! Valgrind knows neither AVX-512 nor VAES, so that kernels run on AES-NI; those of the wider instruction sets are the
//! same source. What a party computes of its own data in the clear is not looked at: nobody else can see its time.

use std::collections::HashMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::thread;

use motet_compiler::Options;
use motet_program::data::{DataType, Tensor};
use motet_program::plan::Protocol;
use motet_runtime::crypto::{Block, Prg, SessionId};
use motet_runtime::memcheck;
use motet_runtime::net::Channel;
use motet_runtime::ot::{Adversary, Config, CotReceiver, CotSender, Method, OtError, Subfield};
use motet_tests::two::two_parties;

/// Gates of every kind: of what nobody knows, of what one party knows, and of what both do.
const CIRCUITS: &str = "\
pub fn main(x: i32[150] @ alice, y: i32[150] @ bob, t: i32[8]) -> (i32[150] @ alice, i32[150] @ bob, i32) {
    let s = max(x + y, 0);
    let product = s * x + s * y;
    let chosen = select(x < y, product, s / (y | 1));
    let mut read: i32 = 0;
    for i in 0..20 { read += t[(s[i] & 7) as u32]; }
    (chosen, s ^ product, read)
}";

/// Products of all kinds, small enough for transfers.
const TRANSFERRED: &str = "\
pub fn main(w: i32[3, 4] @ alice, x: i32[4, 5] @ bob) -> i32[3, 5] @ bob {
    let y = max(matmul(w, x), 0);
    y + matmul(w, x ^ matmul(transpose(w), y))
}";

/// A layer that is worth encrypting.
const ENCRYPTED: &str = "\
pub fn main(w: fix[64, 96] @ alice, x: fix[96] @ bob) -> fix[64] @ bob {
    max(matmul(w, x), 0.0)
}";

fn main() -> ExitCode {
    if !memcheck::running() {
        eprintln!("this check means something under valgrind alone: cargo xtask constant-time");
        return ExitCode::FAILURE;
    }
    if errors_of(leak) == 0 {
        eprintln!("valgrind does not see a branch that depends on a secret: nothing can be said");
        return ExitCode::FAILURE;
    }
    let mut leaks = 0;
    let mut check = |what: &str, work: &dyn Fn()| {
        eprintln!("** {what}");
        let errors = errors_of(work);
        println!("{what:<44} {}", if errors == 0 { "no leak".into() } else { format!("{errors} LEAKS") });
        leaks += errors;
    };
    for adversary in [Adversary::SemiHonest, Adversary::Malicious] {
        for subfield in [Subfield::Bits2, Subfield::Bits4, Subfield::Bits8] {
            check(&format!("oblivious transfer, {adversary:?}, {subfield:?}"), &|| {
                transfers(Config { method: Method::SoftSpoken, subfield, adversary })
            });
        }
    }
    for (what, source, protocol) in [
        ("circuits", CIRCUITS, Protocol::Yao),
        ("circuits beside products", CIRCUITS, Protocol::Mixed),
        ("circuits on shared bits", CIRCUITS, Protocol::Gmw),
        ("products by transfers", TRANSFERRED, Protocol::Mixed),
        ("products under encryption", ENCRYPTED, Protocol::Mixed),
    ] {
        check(what, &|| run(source, protocol));
    }
    if leaks == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How often valgrind complains of something.
fn errors_of(work: impl FnOnce()) -> usize {
    let before = memcheck::errors();
    work();
    memcheck::errors() - before
}

/// A branch on a secret.
fn leak() {
    let mut secret = [black_box(7u64)];
    memcheck::secret(&mut secret);
    if black_box(secret)[0] > 5 {
        eprintln!("(a leak on purpose)");
    }
}

/// Both sides of OT extension, from base OTs to labels.
fn transfers(config: Config) {
    const SESSION: SessionId = SessionId([1; 32]);
    const COUNT: usize = 1000;
    let (mut alice, mut bob) = Channel::pair();
    let sender = thread::spawn(move || -> Result<_, OtError> {
        let mut delta = [Prg::from_os()?.block()];
        let mut sender = CotSender::setup(&mut alice, &SESSION, delta[0], config)?;
        let mut labels = vec![Block::ZERO; COUNT];
        sender.correlated(&mut alice, &mut labels)?;
        alice.flush()?;
        memcheck::public(&mut labels);
        memcheck::public(&mut delta);
        Ok((labels, delta))
    });
    let mut choices = [0x0123_4567_89ab_cdef_u64; COUNT.div_ceil(64)];
    memcheck::secret(&mut choices);
    let mut active = vec![Block::ZERO; COUNT];
    let mut receiver = CotReceiver::setup(&mut bob, &SESSION, config).expect("base OTs");
    receiver.correlated(&mut bob, &choices, &mut active).expect("OTs");
    let (zeros, delta) = sender.join().expect("no panic").expect("OTs");
    memcheck::public(&mut active);
    memcheck::public(&mut choices);
    for (j, (zero, active)) in zeros.iter().zip(&active).enumerate() {
        assert!(*active == *zero ^ delta[0].when(choices[j / 64] >> (j % 64) & 1 == 1), "OT {j}");
    }
}

/// A program between two parties whose private inputs are secret.
fn run(source: &str, protocol: Protocol) {
    let loader = HashMap::from([("main.mpc".to_owned(), source.to_owned())]);
    let compiled = motet_compiler::compile("main.mpc", &loader, &Options::default());
    let program = compiled.unwrap_or_else(|failure| panic!("{:?}", failure.diagnostics)).value;
    let inputs: Vec<Vec<Tensor>> = program
        .params
        .iter()
        .zip(1u64..)
        .map(|(param, seed)| {
            let DataType::Leaf(ty) = &param.ty else { panic!("a tensor") };
            let word = |i: u64| (i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40 & ty.elem.mask();
            let mut data: Vec<u64> = (0..ty.count()).map(word).collect();
            if param.owner.is_some() {
                memcheck::secret(&mut data);
            }
            vec![Tensor { ty: ty.clone(), data }]
        })
        .collect();
    let shown = two_parties(&program, &inputs, protocol).expect("a plan");
    shown.into_iter().for_each(|outputs| drop(outputs.expect("a result")));
}
