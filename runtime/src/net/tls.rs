//! TLS 1.3 between parties who know each other's keys beforehand: no certificates, no names, no authorities.
//!
//! Follows RFC 8446 with raw public keys (RFC 7250), through `rustls`. Both sides sign the handshake with an Ed25519
//! key, and each compares the other's key with the one that it was given. Protects what is sent against reading,
//! change, replay and impostors on the way, for as long as the secret keys are secret; past sessions stay safe after.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Connection, DigitallySignedStruct,
    DistinguishedName, Error as TlsError, InvalidMessage, PeerIncompatible, ServerConfig, ServerConnection,
    SignatureScheme,
};

use super::config::Config;
use super::error::NetError;
use super::keys::{PublicKey, SecretKey, fingerprint};
use super::stream::{Attempt, Sink, Source, attempt};
use super::tcp;

/// Which way round TLS goes; it has no meaning above.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Server,
    Client,
}

/// Bytes that are encrypted or decrypted at once, small enough for the cache.
const PIECE: usize = 64 * 1024;

/// Protects the stream, or refuses the peer.
pub(super) fn protect(
    mut stream: TcpStream,
    role: Role,
    own: &SecretKey,
    expected: &PublicKey,
    peer: &str,
    config: &Config,
) -> Result<(TlsSource, TlsSink), NetError> {
    let failed = |cause| NetError::Tls { peer: peer.to_owned(), cause };
    let pin = Arc::new(Pin::new(*expected));
    let mut connection = prepare(role, own, pin.clone()).map_err(failed)?;
    connection.set_buffer_limit(None);

    let deadline = Instant::now() + config.timeout;
    while connection.is_handshaking() {
        match attempt(connection.complete_io(&mut stream)) {
            Attempt::Done(_) => {}
            Attempt::NotYet if config.cancel.is_cancelled() => return Err(NetError::Cancelled),
            Attempt::NotYet if Instant::now() < deadline => {}
            Attempt::NotYet => {
                return Err(NetError::Silent { peer: peer.to_owned(), seconds: config.timeout.as_secs_f32() });
            }
            Attempt::Failed(e) => {
                tcp::hang_up(stream);
                pin.check(peer)?;
                return Err(explain(e, own, peer));
            }
        }
    }
    let lost = |cause| NetError::Lost { peer: peer.to_owned(), cause };
    let other = stream.try_clone().map_err(lost)?;
    let connection = Shared(Arc::new(Mutex::new(connection)));
    let raw = vec![0; PIECE].into_boxed_slice();
    let source = TlsSource { connection: connection.clone(), stream: other, raw, start: 0, filled: 0 };
    Ok((source, TlsSink { connection, stream }))
}

/// Why TLS failed, in our words where there are better ones.
pub(super) fn explain(error: io::Error, own: &SecretKey, peer: &str) -> NetError {
    let Some(cause) = error.get_ref().and_then(|e| e.downcast_ref::<TlsError>()) else {
        return NetError::Lost { peer: peer.to_owned(), cause: error };
    };
    match cause {
        TlsError::AlertReceived(AlertDescription::AccessDenied) => {
            NetError::KeyRefused { peer: peer.to_owned(), own: own.public().fingerprint() }
        }
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType)
        | TlsError::InvalidMessage(InvalidMessage::UnknownProtocolVersion)
        | TlsError::InvalidMessage(InvalidMessage::MessageTooLarge) => NetError::NotTls { peer: peer.to_owned() },
        cause => NetError::Tls { peer: peer.to_owned(), cause: cause.clone() },
    }
}

fn prepare(role: Role, own: &SecretKey, pin: Arc<Pin>) -> Result<Connection, TlsError> {
    let identity = CertifiedKey::new(vec![CertificateDer::from(own.public().spki())], own.signing_key()?);
    let provider = Arc::new(CryptoProvider {
        // One suite, the fastest of 128 bits; both sides are of this version of the wire format.
        cipher_suites: vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256],
        ..ring::default_provider()
    });
    match role {
        Role::Server => {
            let mut config = ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&TLS13])?
                .with_client_cert_verifier(pin)
                .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(identity))));
            config.send_tls13_tickets = 0;
            Ok(Connection::Server(ServerConnection::new(Arc::new(config))?))
        }
        Role::Client => {
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&TLS13])?
                .dangerous()
                .with_custom_certificate_verifier(pin)
                .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::new(identity))));
            config.resumption = Resumption::disabled();
            config.enable_sni = false;
            let nameless = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED).into());
            Ok(Connection::Client(ClientConnection::new(Arc::new(config), nameless)?))
        }
    }
}

/// Accepts one key and no other.
struct Pin {
    expected: PublicKey,
    provider: CryptoProvider,
    /// A key that was shown and refused.
    refused: Mutex<Option<Vec<u8>>>,
}

impl Pin {
    fn new(expected: PublicKey) -> Self {
        Pin { expected, provider: ring::default_provider(), refused: Mutex::new(None) }
    }

    fn compare(&self, shown: &CertificateDer<'_>) -> Result<(), TlsError> {
        if shown.as_ref() == self.expected.spki() {
            return Ok(());
        }
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown.as_ref().to_vec());
        Err(TlsError::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    /// Fails where a key was refused, naming it.
    fn check(&self, peer: &str) -> Result<(), NetError> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match &*refused {
            None => Ok(()),
            Some(shown) => Err(NetError::WrongKey {
                peer: peer.to_owned(),
                expected: self.expected.fingerprint(),
                shown: fingerprint(shown),
            }),
        }
    }

    fn verify(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.provider.signature_verification_algorithms)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({})", self.expected.fingerprint())
    }
}

const TLS12_IS_OFF: TlsError = TlsError::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic);

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        self.compare(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TLS12_IS_OFF)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Pin {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        self.compare(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TLS12_IS_OFF)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// The connection, shared by both halves. The lock is held while the socket is written, which lasts a tick at most.
#[derive(Clone)]
struct Shared(Arc<Mutex<Connection>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The half that is read.
pub(super) struct TlsSource {
    connection: Shared,
    stream: TcpStream,
    /// What came off the socket and was not decrypted yet.
    raw: Box<[u8]>,
    start: usize,
    filled: usize,
}

impl Source for TlsSource {
    fn read(&mut self, into: &mut [u8], wait: bool) -> io::Result<usize> {
        loop {
            if let Some(n) = self.decrypt(into)? {
                return Ok(n);
            }
            // The wait is outside the lock, so that signs of life can be sent during it.
            self.start = 0;
            self.filled = 0;
            self.filled = Source::read(&mut self.stream, &mut self.raw, wait)?;
            if self.filled == 0 {
                return Ok(0);
            }
        }
    }
}

impl TlsSource {
    /// Decrypts until `into` is full or what came is used up; `None` where that gave nothing.
    fn decrypt(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let mut connection = self.connection.lock();
        let mut done = 0;
        loop {
            match attempt(connection.reader().read(&mut into[done..])) {
                Attempt::Done(0) => return Ok(Some(done)),
                Attempt::Done(n) => done += n,
                Attempt::NotYet => {}
                Attempt::Failed(e) => return Err(e),
            }
            if done == into.len() || self.start == self.filled {
                return Ok((done > 0).then_some(done));
            }
            self.start += connection.read_tls(&mut &self.raw[self.start..self.filled])?;
            connection.process_new_packets().map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        }
    }
}

/// The half that is written.
pub(super) struct TlsSink {
    connection: Shared,
    stream: TcpStream,
}

impl Sink for TlsSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let mut connection = self.connection.lock();
        let piece = &bytes[..bytes.len().min(PIECE)];
        let n = connection.writer().write(piece)?;
        // What does not go now goes with the next flush.
        match attempt(connection.write_tls(&mut self.stream)) {
            Attempt::Failed(e) => Err(e),
            Attempt::Done(_) | Attempt::NotYet => Ok(n),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut connection = self.connection.lock();
        while connection.wants_write() {
            connection.write_tls(&mut self.stream)?;
        }
        Ok(())
    }

    fn close(&mut self) {
        self.connection.lock().send_close_notify();
        // Does its best: the peer has its goodbye or its reason already.
        let _ = self.flush();
        Sink::close(&mut self.stream);
    }
}
