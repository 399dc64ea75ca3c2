//! Meeting the other party: who waits and who goes, and how the line is protected.

use std::net::{SocketAddr, TcpStream};

use super::channel::Channel;
use super::config::Config;
use super::error::NetError;
use super::keys::{PublicKey, SecretKey};
use super::stream::{Sink, Source};
use super::tcp::{self, Listener};
use super::tls::{self, Role};

/// Where the parties meet.
#[derive(Debug)]
pub enum Endpoint {
    /// This side waits for the other one.
    Listen(Listener),
    /// This side goes to the other one at `HOST:PORT`.
    Connect(String),
}

/// How the line is protected.
#[derive(Clone)]
pub enum Security {
    /// By TLS 1.3; each side proves its key.
    Keys {
        /// This side's.
        own: SecretKey,
        /// The one that the other side must have.
        peer: PublicKey,
    },
    /// Not at all, and therefore only within this machine.
    Loopback,
    /// Not at all, though others may read and change what is sent.
    InsecurePlaintext,
}

/// Opens a channel to `peer`, as it is named in messages.
///
/// # Errors
///
/// Where the other party does not come, is not who it should be, or the line would be unprotected.
pub fn open(endpoint: Endpoint, security: &Security, peer: &str, config: &Config) -> Result<Channel, NetError> {
    if matches!(security, Security::Loopback) {
        require_loopback(&endpoint)?;
    }
    let role = match endpoint {
        Endpoint::Listen(_) => Role::Server,
        Endpoint::Connect(_) => Role::Client,
    };
    let stream = meet(endpoint, peer, config)?;
    let (source, sink) = halves(stream, role, security, peer, config)?;
    let mut channel = Channel::open(source, sink, peer, config)?;
    match (channel.await_greeting(), security) {
        // A server that refuses a client's key says so where the client already reads.
        (Err(NetError::Lost { cause, .. }), Security::Keys { own, .. }) => Err(tls::explain(cause, own, peer)),
        (Err(error), _) => Err(error),
        (Ok(()), _) => Ok(channel),
    }
}

type Halves = (Box<dyn Source>, Box<dyn Sink>);

fn halves(stream: TcpStream, role: Role, security: &Security, peer: &str, config: &Config) -> Result<Halves, NetError> {
    match security {
        Security::Keys { own, peer: expected } => {
            let (source, sink) = tls::protect(stream, role, own, expected, peer, config)?;
            Ok((Box::new(source), Box::new(sink)))
        }
        Security::Loopback | Security::InsecurePlaintext => {
            let source = stream.try_clone().map_err(|cause| NetError::Lost { peer: peer.to_owned(), cause })?;
            Ok((Box::new(source), Box::new(stream)))
        }
    }
}

fn meet(endpoint: Endpoint, peer: &str, config: &Config) -> Result<TcpStream, NetError> {
    match endpoint {
        Endpoint::Listen(listener) => listener.accept(peer, config),
        Endpoint::Connect(address) => tcp::dial(&address, peer, config),
    }
}

fn require_loopback(endpoint: &Endpoint) -> Result<(), NetError> {
    let local = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
    let (fine, address) = match endpoint {
        Endpoint::Listen(listener) => (local(&listener.address()), listener.address().to_string()),
        Endpoint::Connect(address) => (tcp::resolve(address)?.iter().all(local), address.clone()),
    };
    if fine { Ok(()) } else { Err(NetError::Plaintext { address }) }
}
