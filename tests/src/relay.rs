//! A relay between two processes: what a network between them does at a chosen byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Most bytes that are passed on at once.
const PIECE: usize = 1 << 14;

/// Passes on what two parties send each other, and counts it.
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    to: String,
    passed: AtomicU64,
    /// What happens once so many bytes were passed on.
    event: Mutex<Option<(u64, Event)>>,
}

type Event = Box<dyn FnOnce() -> Then + Send>;

/// What an event has the relay do with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Go on.
    PassOn,
    /// Cut it; the next one is passed on.
    Cut,
}

impl Relay {
    /// A relay to an address. Once `at` bytes have been passed on, in both directions together, `event` happens.
    ///
    /// # Panics
    ///
    /// Where there is no port.
    pub fn to(address: &str, at: u64, event: impl FnOnce() -> Then + Send + 'static) -> Relay {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("its own address").port();
        let event = Mutex::new(Some((at, Box::new(event) as Event)));
        let shared = Arc::new(Shared { to: address.to_owned(), passed: AtomicU64::new(0), event });
        let serving = Arc::clone(&shared);
        // It ends with the test's process: nobody comes to it after its test.
        thread::spawn(move || {
            for near in socket.incoming().map_while(Result::ok) {
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.connect(near));
            }
        });
        Relay { port, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Bytes passed on so far.
    pub fn passed(&self) -> u64 {
        self.shared.passed.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn connect(self: Arc<Self>, near: TcpStream) {
        // The listening side may not be there yet, or again.
        for _ in 0..6000 {
            if let Ok(far) = TcpStream::connect(&self.to) {
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
                    let shared = Arc::clone(&self);
                    thread::spawn(move || shared.pass(from, to));
                }
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = vec![0; PIECE];
        while let Ok(n @ 1..) = from.read(&mut piece) {
            let passed = self.passed.fetch_add(n as u64, Ordering::Relaxed) + n as u64;
            if self.happens(passed) == Then::Cut || to.write_all(&piece[..n]).is_err() {
                break;
            }
        }
        for socket in [&from, &to] {
            // Where it fails it is closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn happens(&self, passed: u64) -> Then {
        let mut event = self.event.lock().unwrap_or_else(PoisonError::into_inner);
        match event.take_if(|(at, _)| passed >= *at) {
            Some((_, event)) => event(),
            None => Then::PassOn,
        }
    }
}
