//! How fast oblivious transfer is: OTs by each side's processor time (the link is memory), beside the AES rate.
//!
//! `cargo bench --package motet-runtime --bench transfer [-- PART OF A NAME]`

use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use motet_runtime::crypto::{Block, SessionId, aes::Schedule, isa::Isa};
use motet_runtime::net::Channel;
use motet_runtime::ot::{Adversary, Config, CotReceiver, CotSender, Method, Subfield};

const SESSION: SessionId = SessionId([1; 32]);
/// OTs of a round.
const COUNT: usize = 1 << 16;
const ROUNDS: usize = 1 << (22 - 16);

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    println!("AES-128: {:.0} M blocks/s", aes() / 1e6);
    println!("{:<24} {:>10} {:>24} {:>24}", "", "setup", "made ahead", "chosen");
    println!("{:<24} {:>10} {:>12}{:>12} {:>12}{:>12}", "", "", "sender", "receiver", "sender", "receiver");
    for adversary in [Adversary::SemiHonest, Adversary::Malicious] {
        let fields = [Subfield::Bits2, Subfield::Bits4, Subfield::Bits8];
        let ways =
            fields.map(|field| (Method::SoftSpoken, field)).into_iter().chain([(Method::Silent, Subfield::Bits4)]);
        for (method, subfield) in ways {
            let config = Config { method, subfield, adversary };
            let name = match method {
                Method::SoftSpoken => format!("{adversary:?}, {subfield:?}"),
                Method::Silent => format!("{adversary:?}, silent"),
            };
            if !name.contains(&wanted) {
                continue;
            }
            let (mut alice, mut bob) = Channel::pair();
            let sender = thread::spawn(move || send(&mut alice, config));
            let receiver = receive(&mut bob, config);
            let sender = sender.join().expect("the sender's thread");
            let rate = |count: usize, time: Duration| format!("{:.0} M/s", count as f64 / time.as_secs_f64() / 1e6);
            println!(
                "{:<24} {:>7.1} ms {:>12}{:>12} {:>12}{:>12}",
                name,
                1e3 * sender.setup.max(receiver.setup).as_secs_f64(),
                rate(sender.made, sender.ahead),
                rate(receiver.made, receiver.ahead),
                rate(COUNT * ROUNDS, sender.chosen),
                rate(COUNT * ROUNDS, receiver.chosen),
            );
        }
    }
}

/// The processor times of one side.
struct Times {
    setup: Duration,
    /// OTs made ahead, and in how long.
    made: usize,
    ahead: Duration,
    chosen: Duration,
}

fn send(channel: &mut Channel, config: Config) -> Times {
    let start = busy();
    let mut sender = CotSender::setup(channel, &SESSION, Block::ONE, config).expect("setup");
    sender.prepare(channel, COUNT).expect("OTs");
    let mut times = Times { setup: busy() - start, made: 0, ahead: Duration::ZERO, chosen: Duration::ZERO };
    let mut out = vec![Block::ZERO; COUNT];
    for _ in 0..ROUNDS {
        let start = busy();
        sender.correlated(channel, &mut out).expect("OTs");
        channel.flush().expect("the link");
        let (chosen, ready) = (busy(), sender.ready());
        sender.prepare(channel, COUNT).expect("OTs");
        times.ahead += busy() - chosen;
        times.made += sender.ready() - ready;
        times.chosen += chosen - start;
    }
    times
}

fn receive(channel: &mut Channel, config: Config) -> Times {
    let start = busy();
    let mut receiver = CotReceiver::setup(channel, &SESSION, config).expect("setup");
    receiver.prepare(channel, COUNT).expect("OTs");
    let mut times = Times { setup: busy() - start, made: 0, ahead: Duration::ZERO, chosen: Duration::ZERO };
    let choices = vec![0x5555_1234_5678_9abc; COUNT / 64];
    let mut out = vec![Block::ZERO; COUNT];
    for _ in 0..ROUNDS {
        let start = busy();
        receiver.correlated(channel, &choices, &mut out).expect("OTs");
        let (chosen, ready) = (busy(), receiver.ready());
        receiver.prepare(channel, COUNT).expect("OTs");
        channel.flush().expect("the link");
        times.ahead += busy() - chosen;
        times.made += receiver.ready() - ready;
        times.chosen += chosen - start;
    }
    times
}

/// The processor time that this thread has had.
fn busy() -> Duration {
    ThreadTime::now().as_duration()
}

fn aes() -> f64 {
    let key = Schedule::new(Isa::detect(), Block::ONE);
    let mut out = vec![Block::ZERO; 1024];
    let mut best = Duration::MAX;
    for _ in 0..1000 {
        let start = Instant::now();
        key.counter(0, 0, &mut out);
        best = best.min(start.elapsed());
    }
    out.len() as f64 / best.as_secs_f64()
}
