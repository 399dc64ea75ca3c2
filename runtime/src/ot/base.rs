//! Base OTs: random 1-out-of-2 OTs on the Ristretto group, for the seeds of everything else.
//!
//! Paper: Masny and Rindal, "Endemic Oblivious Transfer" (CCS 2019, ePrint 2019/706), the one-round protocol from
//! Diffie-Hellman, with one sender's point for all transfers.
//!
//! Assumed: computational Diffie-Hellman in Ristretto; SHA-512 to the group and SHA-256 are random oracles.
//!
//! Protected against: a malicious sender learning a choice, a malicious receiver learning more than one string of a
//! pair. It is *endemic*: a malicious party can influence the strings that it gets itself, which OT extension
//! tolerates. Every hash is bound to the session, the transfer's number and what was sent.
//!
//! For a choice `b` the receiver draws `r_{1-b}` at random, sets `r_b = x·G − H_b(r_{1-b})` and sends `r_0, r_1`, which
//! are uniform whatever `b` is. The sender's strings are hashes of `y·(r_j + H_j(r_{1-j}))`; of these the receiver can
//! compute `x·(y·G)` alone, as it knows no logarithm of the other.
//!
//! Shared points are computed as halves, since doubled points encode in batches, without a square root each.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use motet_program::plan::traffic;
use sha2::{Digest, Sha512};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::OtError;
use crate::crypto::{Block, Kdf, Prg, SessionId};
use crate::net::Channel;

/// Bytes of a point.
const POINT: usize = traffic::POINT as usize;

/// The sender's side: `count` random pairs.
///
/// # Errors
/// Where the link fails, the system has no randomness, or the peer sends what is no point.
pub fn send(channel: &mut Channel, session: &SessionId, count: usize) -> Result<Zeroizing<Vec<[Block; 2]>>, OtError> {
    let mut prg = Prg::from_os()?;
    let secret = Zeroizing::new(scalar(&mut prg));
    let ours = RistrettoPoint::mul_base(&secret).compress();
    channel.send(&ours.to_bytes())?;

    let half = Zeroizing::new(*secret * Scalar::from(2_u8).invert());
    let mut theirs = Vec::with_capacity(count);
    let mut shared = Zeroizing::new(Vec::with_capacity(2 * count));
    for number in 0..count {
        let points = [receive_point(channel)?, receive_point(channel)?];
        for (bit, (_, this)) in points.into_iter().enumerate() {
            let key = this + to_group(session, number, bit as u8, &points[1 - bit].0);
            if key == RistrettoPoint::identity() {
                return Err(no_point(channel));
            }
            shared.push(key * *half);
        }
        theirs.push(points.map(|point| point.0));
    }

    let shared = Zeroizing::new(RistrettoPoint::double_and_compress_batch(shared.iter()));
    let strings = theirs.iter().zip(shared.chunks_exact(2)).enumerate();
    Ok(Zeroizing::new(
        strings
            .map(|(number, (theirs, shared))| [0, 1].map(|bit| string(session, number, &ours, theirs, &shared[bit])))
            .collect(),
    ))
}

/// The receiver's side: of each pair the string that the choice says.
///
/// # Errors
/// Where the link fails, the system has no randomness, or the peer sends what is no point.
pub fn receive(
    channel: &mut Channel,
    session: &SessionId,
    choices: &[Choice],
) -> Result<Zeroizing<Vec<Block>>, OtError> {
    let mut prg = Prg::from_os()?;
    let mut sent = Vec::with_capacity(choices.len());
    for (number, &choice) in choices.iter().enumerate() {
        let secret = Zeroizing::new(scalar(&mut prg));
        let mut random = Zeroizing::new([0; 64]);
        prg.fill_bytes(random.as_mut());
        let other = RistrettoPoint::from_uniform_bytes(&random);
        let hash = to_group(session, number, choice.unwrap_u8(), &other.compress());
        let chosen = RistrettoPoint::mul_base(&secret) - hash;
        let pair = [
            RistrettoPoint::conditional_select(&chosen, &other, choice).compress(),
            RistrettoPoint::conditional_select(&other, &chosen, choice).compress(),
        ];
        for point in pair {
            channel.send(&point.to_bytes())?;
        }
        sent.push((secret, pair));
    }

    let (encoded, theirs) = receive_point(channel)?;
    let half = theirs * Scalar::from(2_u8).invert();
    let shared: Zeroizing<Vec<RistrettoPoint>> =
        Zeroizing::new(sent.iter().map(|(secret, _)| half * **secret).collect());
    let shared = Zeroizing::new(RistrettoPoint::double_and_compress_batch(shared.iter()));
    let strings = sent.iter().zip(shared.iter()).enumerate();
    Ok(Zeroizing::new(
        strings.map(|(number, ((_, pair), shared))| string(session, number, &encoded, pair, shared)).collect(),
    ))
}

fn scalar(prg: &mut Prg) -> Scalar {
    let mut bytes = Zeroizing::new([0; 64]);
    prg.fill_bytes(bytes.as_mut());
    Scalar::from_bytes_mod_order_wide(&bytes)
}

/// The point that the peer sends next, as sent and decoded. Points have one encoding each.
fn receive_point(channel: &mut Channel) -> Result<(CompressedRistretto, RistrettoPoint), OtError> {
    let mut bytes = [0; POINT];
    channel.receive(&mut bytes)?;
    let encoded = CompressedRistretto(bytes);
    let identity = encoded.ct_eq(&CompressedRistretto::identity());
    match encoded.decompress() {
        Some(point) if !bool::from(identity) => Ok((encoded, point)),
        _ => Err(no_point(channel)),
    }
}

fn no_point(channel: &Channel) -> OtError {
    OtError::Point { peer: channel.peer().to_owned() }
}

/// `H_bit` of the paper: to the group.
fn to_group(session: &SessionId, number: usize, bit: u8, point: &CompressedRistretto) -> RistrettoPoint {
    let hash = Sha512::new()
        .chain_update(b"motet 1 base OT to group")
        .chain_update(session.0)
        .chain_update((number as u64).to_le_bytes())
        .chain_update([bit])
        .chain_update(point.as_bytes());
    RistrettoPoint::from_hash(hash)
}

/// The string that a shared point gives.
fn string(
    session: &SessionId,
    number: usize,
    sender: &CompressedRistretto,
    receiver: &[CompressedRistretto; 2],
    shared: &CompressedRistretto,
) -> Block {
    Kdf::new("base OT", session)
        .number(number as u64)
        .field(sender.as_bytes())
        .field(receiver[0].as_bytes())
        .field(receiver[1].as_bytes())
        .field(shared.as_bytes())
        .block()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const SESSION: SessionId = SessionId([3; 32]);

    #[test]
    fn the_receiver_gets_what_it_chose() {
        let choices: Vec<Choice> = (0..40).map(|j: u8| Choice::from(j % 7 % 2)).collect();
        let (mut alice, mut bob) = Channel::pair();
        let pairs = thread::spawn(move || send(&mut alice, &SESSION, 40).unwrap());
        let strings = receive(&mut bob, &SESSION, &choices).unwrap();
        let pairs = pairs.join().unwrap();
        for ((pair, string), choice) in pairs.iter().zip(strings.iter()).zip(choices) {
            assert!(pair[usize::from(choice.unwrap_u8())] == *string);
            assert!(pair[0] != pair[1]);
        }
    }

    #[test]
    fn other_sessions_give_other_strings() {
        let (mut alice, mut bob) = Channel::pair();
        let pairs = thread::spawn(move || send(&mut alice, &SessionId([4; 32]), 1).unwrap());
        let strings = receive(&mut bob, &SESSION, &[Choice::from(0)]).unwrap();
        assert!(!pairs.join().unwrap()[0].contains(&strings[0]));
    }

    #[test]
    fn what_is_no_point_is_refused() {
        let not_canonical = [0xff; POINT];
        let identity = [0; POINT];
        let negative = {
            let mut bytes = [0; POINT];
            bytes[0] = 1;
            bytes
        };
        for bad in [not_canonical, identity, negative] {
            let (mut alice, mut bob) = Channel::pair();
            let sender = thread::spawn(move || send(&mut alice, &SESSION, 1).err());
            bob.send(&bad).unwrap();
            bob.send(&bad).unwrap();
            bob.flush().unwrap();
            assert!(matches!(sender.join().unwrap(), Some(OtError::Point { .. })));

            let (mut alice, mut bob) = Channel::pair();
            let receiver = thread::spawn(move || receive(&mut bob, &SESSION, &[Choice::from(1)]).err());
            alice.send(&bad).unwrap();
            alice.flush().unwrap();
            assert!(matches!(receiver.join().unwrap(), Some(OtError::Point { .. })));
        }
    }

    /// A receiver that makes the other key the neutral element would know its string.
    #[test]
    fn a_key_that_is_neutral_is_refused() {
        let (mut alice, mut bob) = Channel::pair();
        let sender = thread::spawn(move || send(&mut alice, &SESSION, 1).err());
        let one = RistrettoPoint::mul_base(&Scalar::from(5u8));
        let zero = -to_group(&SESSION, 0, 0, &one.compress());
        bob.send(zero.compress().as_bytes()).unwrap();
        bob.send(one.compress().as_bytes()).unwrap();
        bob.flush().unwrap();
        assert!(matches!(sender.join().unwrap(), Some(OtError::Point { .. })));
    }
}
