//! What the machine itself does: AES, loopback TCP between two processes, memory.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use motet_runtime::crypto::aes::Schedule;
use motet_runtime::crypto::{Block, isa::Isa};

use super::Name;
use super::figure::Figure;
use crate::failure::Failure;

/// Bytes that are sent and received at once: about as many as garbling makes.
const CHUNK: usize = 188 << 10;
/// Bytes in which the rate of TCP is measured.
const SENT: usize = 1 << 30;
/// For one figure.
const TIME: Duration = Duration::from_millis(300);

/// The limits that have been measured, each 0 until then.
#[derive(Default)]
pub struct Limits {
    /// AES-128 blocks a second of one core.
    pub aes: f64,
    /// Bytes a second from one process to another.
    pub tcp: f64,
    memory: f64,
}

impl Limits {
    /// Whether a limit has been measured.
    pub fn has(&self, limit: Name) -> bool {
        match limit {
            Name::Aes => self.aes > 0.0,
            Name::Tcp => self.tcp > 0.0,
            _ => self.memory > 0.0,
        }
    }

    /// Measures a limit.
    pub fn measure(&mut self, limit: Name) -> Result<Figure, Failure> {
        Ok(match limit {
            Name::Aes => {
                self.aes = aes();
                Figure::new("AES-128, one core", self.aes / 1e6, "M blocks/s")
            }
            Name::Tcp => {
                self.tcp = tcp()?;
                Figure::new("loopback TCP, two processes", self.tcp / 1e9, "GB/s")
            }
            _ => {
                self.memory = memory();
                Figure::new("copying memory, one core", self.memory / 1e9, "GB/s")
            }
        })
    }
}

/// Calls a second, by the best of many short runs: what else the machine does disturbs that least.
pub fn rate(mut work: impl FnMut()) -> f64 {
    work();
    let begin = Instant::now();
    let mut best = f64::MAX;
    while begin.elapsed() < TIME {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
    }
    1.0 / best
}

/// Blocks a second as the gate hash has them: a key for the 256 blocks of a half-gate over 128 instances, in vectors of
/// independent blocks.
fn aes() -> f64 {
    let keys: Vec<Schedule> = (0..16).map(|key| Schedule::new(Isa::detect(), Block::new(key))).collect();
    let mut out = vec![Block::ZERO; 256];
    let rounds = || {
        for key in &keys {
            key.counter(0, 0, black_box(&mut out));
        }
    };
    (16 * 256) as f64 * rate(rounds)
}

/// Bytes a second that one core copies, beyond its caches.
fn memory() -> f64 {
    let from = vec![1u8; 64 << 20];
    let mut to = vec![0u8; from.len()];
    from.len() as f64 * rate(|| black_box(&mut to).copy_from_slice(black_box(&from)))
}

/// Bytes a second that another process sends to this one.
fn tcp() -> Result<f64, Failure> {
    let failed = || Failure::file(Path::new("127.0.0.1"));
    let program = std::env::current_exe().map_err(Failure::file(Path::new("motet")))?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed())?;
    let address = listener.local_addr().map_err(failed())?.to_string();
    let mut child = Command::new(&program)
        .args(["bench", "--send-to", &address])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(Failure::file(&program))?;
    let received = listener.accept().and_then(|(stream, _)| receive(stream)).map_err(failed());
    // It ends by itself once this side has hung up.
    child.wait().map_err(Failure::file(&program))?;
    received
}

fn receive(mut stream: TcpStream) -> std::io::Result<f64> {
    let mut chunk = vec![0; CHUNK];
    stream.read_exact(&mut chunk)?;
    let (mut received, start) = (0, Instant::now());
    while received < SENT {
        match stream.read(&mut chunk)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => received += n,
        }
    }
    Ok(received as f64 / start.elapsed().as_secs_f64())
}

/// Sends to an address until it hangs up.
pub fn send_to(address: &str) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(address).map_err(Failure::file(Path::new(address)))?;
    let chunk = vec![1; CHUNK];
    while stream.write_all(&chunk).is_ok() {}
    Ok(())
}
