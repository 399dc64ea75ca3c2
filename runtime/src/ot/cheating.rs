//! Tests: a receiver that cheats is caught.
//!
//! The cheat stands in the middle: an honest receiver's messages are passed on with bits of them changed, which is any
//! deviation there is, seen from the sender.

use std::thread;

use super::check::ANSWER;
use super::softspoken::UNIT;
use super::*;
use crate::crypto::{Block, Prg, SessionId, Stream};
use crate::net::{Channel, NetError};

const SESSION: SessionId = SessionId([17; 32]);

/// What is said in turn, up to the end of the first extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    SenderPoint,
    ReceiverPoints,
    TreeSums,
    TreeProof,
    Corrections,
    Challenge,
    Answer,
}

use Message::*;

/// Bytes of every message.
fn script(k: usize) -> [(Message, usize); 7] {
    let places = 128 / k;
    [
        (SenderPoint, 32),
        (ReceiverPoints, 128 * 64),
        (TreeSums, places * (k - 1) * 32),
        (TreeProof, places * 32 + 32),
        (Corrections, (places - 1) * 2 * UNIT / 8),
        (Challenge, 16),
        (Answer, ANSWER),
    ]
}

fn delta() -> Block {
    Prg::from_seed(Block::new(2), Stream(0)).block().with_colour()
}

/// Sets up and makes some OTs, with a bit of one message changed on its way, if any; what the sender says to it.
fn run(subfield: Subfield, cheat: Option<(Message, usize)>) -> Result<(), OtError> {
    let config = Config { method: Method::SoftSpoken, subfield, adversary: Adversary::Malicious };
    let (mut alice, mut to_alice) = Channel::pair();
    let (mut to_bob, mut bob) = Channel::pair();
    let relay = thread::spawn(move || -> Result<(), NetError> {
        for (message, length) in script(subfield.bits()) {
            let (from, to) = match message {
                ReceiverPoints | Challenge => (&mut to_alice, &mut to_bob),
                _ => (&mut to_bob, &mut to_alice),
            };
            let mut bytes = vec![0; length];
            from.receive(&mut bytes)?;
            if let Some((_, bit)) = cheat.filter(|(which, _)| *which == message) {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            to.send(&bytes)?;
            to.flush()?;
        }
        Ok(())
    });
    let receiver = thread::spawn(move || -> Result<(), OtError> {
        CotReceiver::setup(&mut bob, &SESSION, config)?.prepare(&mut bob, UNIT)?;
        bob.flush()?;
        Ok(())
    });
    let outcome =
        CotSender::setup(&mut alice, &SESSION, delta(), config).and_then(|mut sender| sender.prepare(&mut alice, UNIT));
    drop(alice);
    // The others fail where the sender does, as their links end.
    let others = (relay.join().unwrap(), receiver.join().unwrap());
    assert!(outcome.is_err() || (others.0.is_ok() && others.1.is_ok()));
    outcome
}

fn caught(subfield: Subfield, message: Message, bit: usize) -> bool {
    match run(subfield, Some((message, bit))) {
        Ok(()) => false,
        Err(OtError::Cheating { .. }) => true,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn an_honest_receiver_passes() {
    for subfield in [Subfield::Bits2, Subfield::Bits4, Subfield::Bits8] {
        assert!(run(subfield, None).is_ok());
    }
}

/// A wrong sum on one side of a level is caught where the sender opens that side. All that the receiver could learn is
/// which side it was, a bit of Δ that it had to guess.
#[test]
fn wrong_seeds_are_caught_where_they_are_seen() {
    for subfield in [Subfield::Bits2, Subfield::Bits4] {
        let level = 256 * (subfield.bits() - 1);
        for place in [0, 1] {
            let sides = [place * level + 3, place * level + 128 + 3].map(|bit| caught(subfield, TreeSums, bit));
            assert_ne!(sides[0], sides[1], "one side is opened, the other is not");
        }
    }
}

#[test]
fn a_wrong_proof_is_caught() {
    for bit in [0, 256 + 200, 64 * 256 + 1, 64 * 256 + 255] {
        assert!(caught(Subfield::Bits2, TreeProof, bit));
    }
}

/// Rows that disagree on a choice are caught unless Δ's element at the place is zero, when nothing depends on them. The
/// word that hides the others is covered too.
#[test]
fn inconsistent_choices_are_caught() {
    for (subfield, places) in [(Subfield::Bits2, 1..7), (Subfield::Bits4, 1..3)] {
        let row = 2 * UNIT;
        let last_word = row - 128;
        for place in places {
            let k = subfield.bits();
            let element = delta().value() >> (place * k) & ((1 << k) - 1);
            for bit in [0, UNIT - 1, last_word] {
                let caught = caught(subfield, Corrections, (place - 1) * row + bit);
                assert_eq!(caught, element != 0, "place {place}, choice {bit}");
            }
        }
    }
}

#[test]
fn a_wrong_answer_is_caught() {
    for bit in [0, 63, 64, 64 + 77, 128 * 64 + 63] {
        assert!(caught(Subfield::Bits2, Answer, bit));
    }
}
