//! Meeting the other party: who waits and who goes, and how the line is protected.

use std::net::{SocketAddr, TcpStream};

use super::channel::Channel;
use super::config::Config;
use super::error::NetError;
use super::tcp::{self, Listener};

/// Where the parties meet.
#[derive(Debug)]
pub enum Endpoint {
    /// This side waits for the other one.
    Listen(Listener),
    /// This side goes to the other one at `HOST:PORT`.
    Connect(String),
}

/// How the line is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
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
pub fn open(
    endpoint: Endpoint,
    security: &Security,
    peer: &str,
    config: &Config,
) -> Result<Channel, NetError> {
    if *security == Security::Loopback {
        require_loopback(&endpoint)?;
    }
    let stream = meet(endpoint, peer, config)?;
    let lost = |cause| NetError::Lost {
        peer: peer.to_owned(),
        cause,
    };
    let source = stream.try_clone().map_err(lost)?;
    Channel::open(Box::new(source), Box::new(stream), peer, config)
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
    if fine {
        Ok(())
    } else {
        Err(NetError::Plaintext { address })
    }
}
