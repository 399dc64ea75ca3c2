//! TCP: either party may be first on the line; the one that connects tries until the other listens.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use super::config::Config;
use super::error::NetError;
use super::stream::{Attempt, Sink, Source, TICK, attempt};

/// Between attempts to connect: from the first to the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// For one attempt to connect.
const ATTEMPT: Duration = Duration::from_secs(2);
/// For the peer to read why it was refused.
const LINGER: Duration = Duration::from_secs(1);
/// Between looks at a listening socket.
const LOOK: Duration = Duration::from_millis(10);

/// The addresses behind `HOST:PORT`.
pub(super) fn resolve(address: &str) -> Result<Vec<SocketAddr>, NetError> {
    let wrong = |cause| NetError::Address { address: address.to_owned(), cause };
    let found: Vec<_> = address.to_socket_addrs().map_err(wrong)?.collect();
    if found.is_empty() { Err(wrong(io::ErrorKind::NotFound.into())) } else { Ok(found) }
}

/// A socket that waits for the other party.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens at `HOST:PORT` (port 0: any free one).
    ///
    /// # Errors
    ///
    /// Where the address is none, or is taken.
    pub fn bind(address: &str) -> Result<Listener, NetError> {
        let wrong = |cause| NetError::Listen { address: address.to_owned(), cause };
        let socket = TcpListener::bind(resolve(address)?.as_slice()).map_err(wrong)?;
        socket.set_nonblocking(true).map_err(wrong)?;
        let address = socket.local_addr().map_err(wrong)?;
        Ok(Listener { socket, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the first who comes; listens no longer then.
    pub(super) fn accept(self, peer: &str, config: &Config) -> Result<TcpStream, NetError> {
        tracing::info!("waiting for {peer} at {}", self.address);
        let deadline = Instant::now() + config.patience;
        loop {
            match self.socket.accept() {
                Ok((stream, from)) => {
                    tracing::debug!("{from} connected");
                    return prepare(stream).map_err(|cause| NetError::Lost { peer: peer.to_owned(), cause });
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => tracing::debug!("a connection failed as it came: {e}"),
            }
            if config.cancel.is_cancelled() {
                return Err(NetError::Cancelled);
            }
            if Instant::now() >= deadline {
                let seconds = config.patience.as_secs_f32();
                return Err(NetError::NobodyCame { peer: peer.to_owned(), address: self.address, seconds });
            }
            thread::sleep(LOOK);
        }
    }
}

/// Goes to the other party, again and again until it listens.
pub(super) fn dial(address: &str, peer: &str, config: &Config) -> Result<TcpStream, NetError> {
    let addresses = resolve(address)?;
    let deadline = Instant::now() + config.patience;
    let mut pause = BACKOFF.0;
    tracing::info!("connecting to {peer} at {address}");
    loop {
        let mut cause = io::Error::from(io::ErrorKind::TimedOut);
        for address in &addresses {
            if config.cancel.is_cancelled() {
                return Err(NetError::Cancelled);
            }
            match TcpStream::connect_timeout(address, ATTEMPT).and_then(prepare) {
                Ok(stream) => return Ok(stream),
                Err(e) => cause = e,
            }
        }
        if Instant::now() + pause >= deadline {
            let seconds = config.patience.as_secs_f32();
            return Err(NetError::Unreachable { peer: peer.to_owned(), address: address.to_owned(), seconds, cause });
        }
        tracing::debug!("{peer} does not listen yet ({cause})");
        wait(pause, config);
        pause = (pause * 2).min(BACKOFF.1);
    }
}

/// Sleeps, but wakes for a cancelled run.
fn wait(time: Duration, config: &Config) {
    let until = Instant::now() + time;
    while Instant::now() < until && !config.cancel.is_cancelled() {
        thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
    }
}

/// Small messages go at once; waiting ends with each tick. The sizes of the socket's buffers are left alone: Linux
/// grows them with the traffic to megabytes, and a size of our own would stop that at a fraction of it.
fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TICK))?;
    stream.set_write_timeout(Some(TICK))?;
    Ok(stream)
}

/// Hangs up so that what was sent last still arrives: closing a socket with unread data would reset it.
pub(super) fn hang_up(mut stream: TcpStream) {
    Sink::close(&mut stream);
    let deadline = Instant::now() + LINGER;
    let mut void = vec![0; 64 * 1024];
    while Instant::now() < deadline {
        match attempt(Source::read(&mut stream, &mut void, true)) {
            Attempt::Done(0) | Attempt::Failed(_) => return,
            Attempt::Done(_) | Attempt::NotYet => {}
        }
    }
}

impl Source for TcpStream {
    fn read(&mut self, into: &mut [u8], wait: bool) -> io::Result<usize> {
        if wait {
            return Read::read(self, into);
        }
        self.set_read_timeout(Some(Duration::from_millis(1)))?;
        let outcome = Read::read(self, into);
        self.set_read_timeout(Some(TICK))?;
        outcome
    }
}

impl Sink for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match Write::write(self, bytes)? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            n => Ok(n),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn close(&mut self) {
        // Where it fails the stream is gone already.
        let _ = self.shutdown(Shutdown::Write);
    }
}
