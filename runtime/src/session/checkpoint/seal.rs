//! The sealed form of a checkpoint: magic, 32 random bytes that make the key, then AES-256-GCM over the postcard encoding.

use std::io;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Id, What};
use crate::crypto::{Kdf, SessionId};
use crate::protocol::State;

/// What every file begins with; the last byte is the version of its form.
const MAGIC: [u8; 8] = *b"MOTETCP\x01";
/// Bytes in front of what is sealed: the magic, and what makes the key.
const HEAD: usize = 40;

/// What a checkpoint is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct Binding {
    pub party: String,
    pub peer: String,
    /// The fingerprint of the peer's key, where the line has keys.
    pub key: Option<String>,
    pub program: [u8; 32],
    pub plan: [u8; 32],
    pub public: [u8; 32],
    pub private: [u8; 32],
}

impl Binding {
    /// In what the other differs.
    pub fn differs(&self, other: &Binding) -> Option<What> {
        let equal = [
            (self.party == other.party, What::Party),
            (self.peer == other.peer, What::Peer),
            (self.key == other.key, What::Key),
            (self.program == other.program, What::Program),
            (self.plan == other.plan, What::Plan),
            (self.public == other.public, What::PublicInputs),
            (self.private == other.private, What::Inputs),
        ];
        equal.into_iter().find(|(same, _)| !same).map(|(_, what)| what)
    }
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
pub(in crate::session) struct Checkpoint {
    pub binding: Binding,
    pub id: Id,
    /// How many there were in the run with this one.
    pub number: u64,
    pub state: State,
}

/// The same, to be written.
#[derive(Serialize)]
pub(in crate::session) struct Written<'a> {
    pub binding: &'a Binding,
    pub id: Id,
    pub number: u64,
    pub state: &'a State,
}

/// Encodes and seals.
pub(super) fn seal(secret: &[u8; 32], checkpoint: &Written<'_>) -> io::Result<Vec<u8>> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(io::Error::other)?;
    let mut bytes = postcard::to_stdvec(checkpoint).map_err(io::Error::other)?;
    let mut sealed = [&MAGIC[..], &salt].concat();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    key(secret, &salt)
        .and_then(|key| key.seal_in_place_append_tag(nonce, Aad::from(&sealed), &mut bytes).ok())
        .ok_or_else(|| io::Error::other("it is too large to be sealed"))?;
    sealed.append(&mut bytes);
    Ok(sealed)
}

/// Opens in place and decodes; `None` where it does not open.
pub(super) fn unseal(secret: &[u8; 32], bytes: &mut [u8]) -> Option<Checkpoint> {
    let (head, sealed) = bytes.split_at_mut_checked(HEAD)?;
    let salt = head.strip_prefix(&MAGIC)?;
    let key = key(secret, salt)?;
    let plain = key.open_in_place(Nonce::assume_unique_for_key([0; 12]), Aad::from(&head), sealed).ok()?;
    decode(plain)
}

/// A checkpoint of bytes.
fn decode(bytes: &[u8]) -> Option<Checkpoint> {
    postcard::take_from_bytes(bytes).ok().filter(|(_, rest)| rest.is_empty()).map(|(checkpoint, _)| checkpoint)
}

/// Decodes any bytes as what a checkpoint seals: for the fuzzer. Nothing may panic or take memory beyond theirs.
pub(in crate::session) fn decodes(bytes: &[u8]) -> bool {
    decode(bytes).is_some()
}

/// The key of one file.
fn key(secret: &[u8; 32], salt: &[u8]) -> Option<LessSafeKey> {
    let key = Zeroizing::new(Kdf::new("seal of a checkpoint", &SessionId([0; 32])).field(secret).field(salt).digest());
    UnboundKey::new(&AES_256_GCM, &key[..]).ok().map(LessSafeKey::new)
}
