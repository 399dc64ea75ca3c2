//! Measuring the link that a plan is made for: how long a message is on its way, and how fast bytes follow each other.
//!
//! The party whose name comes first leads: it measures, and both take its figures, so that they make the same plan. They
//! are public, and no more than a hint: what is wrong with them makes a plan slow, and no result another.

use std::time::{Duration, Instant};

use motet_program::plan::Link;

use super::handshake::{Disagreement, OPENING_LIMIT, Opening};
use super::{RunError, Session, fail, send_and_receive};
use crate::net::Channel;
use crate::protocol::ProtocolError;

/// Messages there and back.
const ROUNDS: usize = 4;
/// Bytes of each burst, until one takes long enough: four times as many each time.
const BURSTS: [usize; 5] = [1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24];
/// How long is long enough, beside four round trips.
const LONG: Duration = Duration::from_millis(50);
/// Bytes of a piece of a burst.
const PIECE: usize = 1 << 14;
/// Most bytes of a message about a burst.
const VERDICT_LIMIT: usize = 32;

impl Session {
    /// Measures the link, where the other party does the same; both are told the same figures, of two digits.
    ///
    /// # Errors
    ///
    /// Where the link or the peer fails, or the peer does not measure; the session is over then.
    pub fn measure_link(mut self) -> Result<(Session, Link), RunError> {
        match self.agree_and_measure() {
            Ok(link) => Ok((self, link)),
            Err(error) => Err(fail(self.channel, error)),
        }
    }

    fn agree_and_measure(&mut self) -> Result<Link, RunError> {
        let theirs: Opening = send_and_receive(&mut self.channel, &Opening::Measure, OPENING_LIMIT)?;
        if !matches!(theirs, Opening::Measure) {
            return Err(Disagreement::Measure { peer: self.channel.peer().to_owned(), measures: false }.into());
        }
        if self.ours.party < self.theirs.party { lead(&mut self.channel) } else { follow(&mut self.channel) }
    }
}

/// Measures.
fn lead(channel: &mut Channel) -> Result<Link, RunError> {
    let mut round_trip = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        channel.send(&[0])?;
        channel.receive(&mut [0])?;
        round_trip = round_trip.min(start.elapsed());
    }
    for (number, bytes) in BURSTS.into_iter().enumerate() {
        let start = Instant::now();
        for _ in (0..bytes).step_by(PIECE) {
            channel.send(&[0; PIECE])?;
        }
        channel.receive(&mut [0])?;
        let took = start.elapsed();
        let enough = took >= LONG + 4 * round_trip || number + 1 == BURSTS.len();
        let link = enough.then(|| rounded(bytes, took.saturating_sub(round_trip), round_trip));
        channel.send_message(&link)?;
        if let Some(link) = link {
            channel.flush()?;
            return Ok(link);
        }
    }
    Err(ProtocolError::Plan("no burst is the last").into())
}

/// Answers.
fn follow(channel: &mut Channel) -> Result<Link, RunError> {
    for _ in 0..ROUNDS {
        channel.receive(&mut [0])?;
        channel.send(&[0])?;
    }
    let mut piece = [0; PIECE];
    for bytes in BURSTS {
        for _ in (0..bytes).step_by(PIECE) {
            channel.receive(&mut piece)?;
        }
        channel.send(&[0])?;
        if let Some(link) = channel.receive_message::<Option<Link>>(VERDICT_LIMIT)? {
            return Ok(link);
        }
    }
    Err(ProtocolError::Plan("no burst is the last").into())
}

/// Figures of two digits.
fn rounded(bytes: usize, took: Duration, round_trip: Duration) -> Link {
    let rate = bytes as f64 / took.as_secs_f64().max(1e-6);
    Link { rate: two_digits(rate as u64).max(1), round_trip: two_digits(round_trip.as_micros() as u64) }
}

/// A number with zeros from its third digit on.
fn two_digits(number: u64) -> u64 {
    let mut unit = 1;
    while number / unit >= 100 {
        unit *= 10;
    }
    number / unit * unit
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::net::{Config, Link as Line};

    /// What two threads measure over a line in memory.
    fn measured(line: Line) -> Link {
        let (left, right) = Channel::pair_over(line, &Config::default());
        let other = thread::spawn(move || Session::over_channel(left, "alice").unwrap().measure_link().unwrap().1);
        let link = Session::over_channel(right, "bob").unwrap().measure_link().unwrap().1;
        assert_eq!(other.join().unwrap(), link, "both have the same");
        link
    }

    #[test]
    fn rate_and_delay_are_measured() {
        let slow = measured(Line { latency: Duration::from_millis(10), rate: Some(4e6) });
        // A machine that is busy makes a line look slower, and never faster.
        assert!(slow.round_trip >= 19_000 && slow.rate < 8_000_000, "{slow:?}");
        let fast = measured(Line::INSTANT);
        assert!(fast.rate > slow.rate && fast.round_trip < slow.round_trip, "{fast:?}");
    }

    #[test]
    fn one_side_alone_cannot_measure() {
        let (left, right) = Channel::pair();
        let other = thread::spawn(move || {
            Session::over_channel(left, "alice").unwrap().exchange_dimensions(&Default::default()).map(|_| ())
        });
        let error = Session::over_channel(right, "bob").unwrap().measure_link().map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("--link measure"), "{error}");
        assert!(other.join().unwrap().is_err());
    }

    #[test]
    fn figures_have_two_digits() {
        assert_eq!([0, 7, 99, 100, 1234, 98_765].map(two_digits), [0, 7, 99, 100, 1200, 98_000]);
    }
}
