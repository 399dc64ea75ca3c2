//! Oblivious transfers by each side's processor time; the link is memory.

use std::thread;
use std::time::{Duration, Instant};

use motet_runtime::crypto::{Block, SessionId};
use motet_runtime::net::Channel;
use motet_runtime::ot::{Adversary, Config, CotReceiver, CotSender, Method, OtError, Subfield, base};
use motet_runtime::protocol::ProtocolError;
use motet_runtime::session::RunError;
use subtle::Choice;

use super::figure::{Detail, Figure};
use crate::failure::Failure;
use crate::usage;

const SESSION: SessionId = SessionId([1; 32]);
/// OTs that are wanted at once, as many as protocols do, and how often.
const COUNT: usize = 1 << 16;
const ROUNDS: usize = 64;
/// Base OTs that a session begins with.
const BASE: usize = 128;

/// 128 base OTs.
pub fn base() -> Result<Figure, Failure> {
    let choices: Vec<Choice> = (0..BASE).map(|i| Choice::from((i % 3 == 0) as u8)).collect();
    let times = both(
        |channel| clocked(|| base::send(channel, &SESSION, BASE).map(drop)),
        move |channel| clocked(|| base::receive(channel, &SESSION, &choices).map(drop)),
    )?;
    let [sender, receiver] = times.map(|time| 1e3 * time.as_secs_f64());
    Ok(Figure::new("128 base OTs", sender.max(receiver), "ms").with(sides(sender, receiver, "ms")))
}

/// Correlated OTs by SoftSpokenOT and by silent OT, made ahead of need.
pub fn extended(malicious: bool, aes: f64) -> Result<Vec<Figure>, Failure> {
    let (adversary, suffix) = match malicious {
        false => (Adversary::SemiHonest, ""),
        true => (Adversary::Malicious, ", malicious"),
    };
    let rates = |method, subfield| -> Result<[f64; 2], Failure> {
        let config = Config { method, subfield, adversary };
        let sides = both(move |channel| send(channel, config), move |channel| receive(channel, config))?;
        Ok(sides.map(|(made, time)| made as f64 / time.as_secs_f64() / 1e6))
    };
    let mut figures = [(Subfield::Bits2, 2), (Subfield::Bits4, 4)]
        .into_iter()
        .map(|(subfield, k)| {
            let [sender, receiver] = rates(Method::SoftSpoken, subfield)?;
            // 128 / k trees of 2^k leaves, each leaf a bit of the stream for each OT.
            let blocks = f64::from((128 / k) * (1 << k)) / 128.0;
            let why = if k == 2 { "2 AES blocks an OT, a side" } else { "4 AES blocks an OT, a side" };
            Ok(Figure::new(format!("SoftSpoken, k = {k}{suffix}"), sender.min(receiver), "M OT/CPU s")
                .of(aes / blocks / 1e6, why)
                .with(sides(sender, receiver, "M/s")))
        })
        .collect::<Result<Vec<Figure>, Failure>>()?;
    let [sender, receiver] = rates(Method::Silent, Subfield::Bits4)?;
    figures.push(
        Figure::new(format!("silent{suffix}"), sender.min(receiver), "M OT/CPU s").with(sides(sender, receiver, "M/s")),
    );
    Ok(figures)
}

fn sides(sender: f64, receiver: f64, unit: &str) -> Detail {
    let text = format!("sender {sender:.0}, receiver {receiver:.0} {unit}");
    Detail::new("sides", vec![sender, receiver], text)
}

/// Makes OTs and uses them up: how many, and how long making them took. What the first ones take is not counted.
fn send(channel: &mut Channel, config: Config) -> Result<(usize, Duration), OtError> {
    let mut sender = CotSender::setup(channel, &SESSION, Block::ONE, config)?;
    sender.prepare(channel, COUNT)?;
    let mut out = vec![Block::ZERO; COUNT];
    (0..ROUNDS).try_fold((0, Duration::ZERO), |(made, total), _| {
        sender.correlated(channel, &mut out)?;
        let ready = sender.ready();
        let time = clocked(|| sender.prepare(channel, COUNT))?;
        channel.flush()?;
        Ok((made + sender.ready() - ready, total + time))
    })
}

fn receive(channel: &mut Channel, config: Config) -> Result<(usize, Duration), OtError> {
    let mut receiver = CotReceiver::setup(channel, &SESSION, config)?;
    receiver.prepare(channel, COUNT)?;
    let choices = vec![0x5555_1234_5678_9abc; COUNT / 64];
    let mut out = vec![Block::ZERO; COUNT];
    (0..ROUNDS).try_fold((0, Duration::ZERO), |(made, total), _| {
        receiver.correlated(channel, &choices, &mut out)?;
        let ready = receiver.ready();
        let time = clocked(|| receiver.prepare(channel, COUNT))?;
        channel.flush()?;
        Ok((made + receiver.ready() - ready, total + time))
    })
}

/// The processor time that something takes this thread (the time that passes, where the system does not tell).
fn clocked(work: impl FnOnce() -> Result<(), OtError>) -> Result<Duration, OtError> {
    let (start, processor) = (Instant::now(), usage::thread_time());
    work()?;
    let spent = usage::thread_time().zip(processor).map(|(now, then)| now.saturating_sub(then));
    Ok(spent.unwrap_or_else(|| start.elapsed()))
}

/// Runs both sides, each in a thread.
fn both<T: Send>(
    left: impl FnOnce(&mut Channel) -> Result<T, OtError> + Send,
    right: impl FnOnce(&mut Channel) -> Result<T, OtError> + Send,
) -> Result<[T; 2], Failure> {
    let (mut alice, mut bob) = Channel::pair();
    let (left, right) = thread::scope(|scope| {
        let left = scope.spawn(move || left(&mut alice));
        let right = right(&mut bob);
        (left.join(), right)
    });
    let left = left.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let failed = |error: OtError| Failure::from(RunError::from(ProtocolError::from(error)));
    Ok([left.map_err(failed)?, right.map_err(failed)?])
}
