//! Key derivation and hashing to blocks: SHA-256 with a domain label and the session's id.
//!
//! Whatever a protocol derives is bound to the session by hashing its id first, and to its purpose by a label, so that
//! no value means anything elsewhere. Every field is preceded by its length: different fields never hash alike.

use sha2::{Digest, Sha256};

use super::Block;

/// What names a session: 32 bytes that both parties contributed to. Public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 32]);

/// A hash being fed.
#[derive(Clone)]
pub struct Kdf(Sha256);

impl Kdf {
    /// Begins a derivation for one purpose in one session. A label is used for one purpose in the whole program.
    pub fn new(label: &'static str, session: &SessionId) -> Self {
        Kdf(Sha256::new()).field(b"motet 1").field(label.as_bytes()).field(&session.0)
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.field(&number.to_le_bytes())
    }

    /// The derived block.
    pub fn block(self) -> Block {
        let digest = self.digest();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Block::from_bytes(bytes)
    }

    /// All 32 bytes of the hash.
    pub fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purpose_session_and_field_borders_matter() {
        let (one, two) = (SessionId([1; 32]), SessionId([2; 32]));
        let base = || Kdf::new("test", &one);
        assert!(base().field(b"ab").block() == base().field(b"ab").block());
        assert!(base().field(b"ab").block() != Kdf::new("test", &two).field(b"ab").block());
        assert!(base().field(b"ab").block() != Kdf::new("tess", &one).field(b"ab").block());
        assert!(base().field(b"ab").field(b"c").block() != base().field(b"a").field(b"bc").block());
    }
}
