//! Tests: iterations agree, and a peer that cheats is caught.

use std::thread;

use super::*;
use crate::crypto::{Block, Prg, SessionId, Stream};
use crate::net::{Channel, NetError};
use crate::ot::{Adversary, OtError, Subfield};

const SESSION: SessionId = SessionId([23; 32]);

fn delta() -> Block {
    Prg::from_seed(Block::new(9), Stream(0)).block().with_colour()
}

fn sides(adversary: Adversary) -> (Sender, Receiver) {
    let (mut alice, mut bob) = Channel::pair();
    let sender = thread::spawn(move || {
        let first = softspoken::Sender::setup(&mut alice, &SESSION, delta(), Subfield::Bits4, adversary).unwrap();
        let sender = Sender::setup(&mut alice, &SESSION, delta(), adversary, first).unwrap();
        alice.flush().unwrap();
        sender
    });
    let first = softspoken::Receiver::setup(&mut bob, &SESSION, Subfield::Bits4, adversary).unwrap();
    let receiver = Receiver::setup(&mut bob, &SESSION, adversary, first).unwrap();
    bob.flush().unwrap();
    (sender.join().unwrap(), receiver)
}

/// What both sides of an iteration have.
fn iterate(sender: &mut Sender, receiver: &mut Receiver) -> (Vec<Block>, Vec<Block>, Vec<Block>) {
    let (mut alice, mut bob) = Channel::pair();
    let (mut v, mut w, mut bits) = (vec![Block::ZERO; N], vec![Block::ZERO; N], vec![Block::ZERO; N / 128]);
    thread::scope(|scope| {
        scope.spawn(|| {
            sender.extend(&mut alice, &mut v).unwrap();
            alice.flush().unwrap();
        });
        receiver.extend(&mut bob, &mut bits, &mut w).unwrap();
    });
    (v, w, bits)
}

#[test]
fn iterations_make_correlated_transfers() {
    for adversary in [Adversary::SemiHonest, Adversary::Malicious] {
        let (mut sender, mut receiver) = sides(adversary);
        let mut seen = Vec::new();
        for _ in 0..3 {
            let (v, w, bits) = iterate(&mut sender, &mut receiver);
            let mut set = 0;
            for (j, (v, w)) in v.iter().zip(&w).enumerate() {
                let bit = bits[j / 128].value() >> (j % 128) & 1 == 1;
                assert!(*w == *v ^ delta().when(bit), "{j}");
                set += usize::from(bit);
            }
            // Eight standard deviations.
            assert!(set.abs_diff(N / 2) < 8 * 362, "{set} of {N}");
            seen.extend(v.into_iter().take(1000).map(Block::value));
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count, "blocks repeat");
    }
}

/// Who is wrong, and which bit of what it says in an iteration.
#[derive(Clone, Copy, Debug)]
enum Cheat {
    Tree(usize),
    Question(usize),
    Answer(usize),
}

/// What the receiver says to an iteration with a bit of one message changed on its way.
fn cheated(cheat: Option<Cheat>) -> Result<(), OtError> {
    let (mut sender, mut receiver) = sides(Adversary::Malicious);
    let (mut alice, mut to_alice) = Channel::pair();
    let (mut to_bob, mut bob) = Channel::pair();
    let relay = thread::spawn(move || -> Result<(), NetError> {
        let mut pass = |from_alice: bool, length: usize, flip: Option<usize>| {
            let (from, to) = if from_alice { (&mut to_alice, &mut to_bob) } else { (&mut to_bob, &mut to_alice) };
            let mut bytes = vec![0; length];
            from.receive(&mut bytes)?;
            if let Some(bit) = flip {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            to.send(&bytes)?;
            to.flush()
        };
        pass(
            true,
            16 * TREES * tree::DEPTH,
            cheat.and_then(|c| if let Cheat::Tree(bit) = c { Some(bit) } else { None }),
        )?;
        pass(false, 32, cheat.and_then(|c| if let Cheat::Question(bit) = c { Some(bit) } else { None }))?;
        pass(true, 32, cheat.and_then(|c| if let Cheat::Answer(bit) = c { Some(bit) } else { None }))
    });
    let sending = thread::spawn(move || {
        let mut out = vec![Block::ZERO; N];
        sender.extend(&mut alice, &mut out).unwrap();
        alice.flush().unwrap();
    });
    let (mut bits, mut out) = (vec![Block::ZERO; N / 128], vec![Block::ZERO; N]);
    let outcome = receiver.extend(&mut bob, &mut bits, &mut out);
    sending.join().unwrap();
    relay.join().unwrap().unwrap();
    if outcome.is_err() {
        // What was spent on a failure is not used again.
        assert!(matches!(receiver.extend(&mut bob, &mut bits, &mut out), Err(OtError::Failed)));
    }
    outcome
}

#[test]
fn an_honest_sender_passes() {
    assert!(cheated(None).is_ok());
}

#[test]
fn cheaters_are_caught() {
    let tree = 128 * tree::DEPTH;
    let cheats = [
        // The first and last bits of a level, the first and last levels and trees.
        Cheat::Tree(0),
        Cheat::Tree(128 + 127),
        Cheat::Tree(tree - 1),
        Cheat::Tree(5 * tree + 4 * 128),
        Cheat::Tree(TREES * tree - 1),
        Cheat::Question(0),
        Cheat::Question(127),
        Cheat::Question(128),
        Cheat::Question(255),
        Cheat::Answer(0),
        Cheat::Answer(255),
    ];
    for cheat in cheats {
        assert!(matches!(cheated(Some(cheat)), Err(OtError::Cheating { .. })), "{cheat:?}");
    }
}
