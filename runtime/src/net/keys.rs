//! The long-term keys by which parties know each other: Ed25519, in small readable files.
//!
//! ```text
//! motet public key 1
//! name: server
//! key: 3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29
//! ```

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::SigningKey;
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const SECRET_HEADER: &str = "motet secret key 1";
const PUBLIC_HEADER: &str = "motet public key 1";
/// Most bytes of a key file.
const MAX_FILE: u64 = 4096;
/// RFC 8410: a private key of Ed25519 in PKCS #8, up to its 32 bytes.
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// RFC 8410: a public key of Ed25519 as SubjectPublicKeyInfo, up to its 32 bytes.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// A party's secret key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey([u8; 32]);

/// A party's public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

/// A short form of a public key, for people to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 16]);

/// What can be wrong with a key or its file.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("{} cannot be read ({cause})", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// The file cannot be written; an existing one is never overwritten.
    #[error("{} cannot be written ({cause})", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// The file holds the other half of a pair.
    #[error("{} holds a {found} key; here a {wanted} key is needed, such as NAME.{}", path.display(), wanted.extension())]
    Half {
        /// Which file.
        path: PathBuf,
        /// What it holds.
        found: Half,
        /// What was to be read.
        wanted: Half,
    },
    /// The file holds no key.
    #[error("{} is not a key file; `motet keygen` makes them", path.display())]
    NotAKey {
        /// Which file.
        path: PathBuf,
    },
    /// A name that cannot be a file's.
    #[error("{0:?} cannot name a key; use letters, digits, '-', '_' and '.'")]
    Name(String),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness ({0})")]
    Randomness(getrandom::Error),
}

/// The halves of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// In `NAME.key`.
    Secret,
    /// In `NAME.pub`.
    Public,
}

/// Makes a pair of keys and writes `NAME.key` (for the owner's eyes only) and `NAME.pub` into the folder.
///
/// # Errors
///
/// Where the name is no file's, or a file exists or cannot be written.
pub fn generate(name: &str, folder: &Path) -> Result<(PathBuf, PathBuf), KeyError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(fine) {
        return Err(KeyError::Name(name.to_owned()));
    }
    let secret = SecretKey::generate()?;
    let paths = [Half::Secret, Half::Public].map(|half| folder.join(format!("{name}.{}", half.extension())));
    let hex = Zeroizing::new(to_hex(&secret.0));
    write(&paths[0], Half::Secret, name, &hex)?;
    write(&paths[1], Half::Public, name, &to_hex(&secret.public().0))?;
    let [secret, public] = paths;
    Ok((secret, public))
}

impl SecretKey {
    /// A fresh key.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness.
    pub fn generate() -> Result<SecretKey, KeyError> {
        let mut key = SecretKey([0; 32]);
        getrandom::fill(&mut key.0).map_err(KeyError::Randomness)?;
        Ok(key)
    }

    /// Reads `NAME.key`.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or holds no secret key.
    pub fn load(path: &Path) -> Result<SecretKey, KeyError> {
        warn_if_open(path);
        read(path, Half::Secret).map(SecretKey)
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        // Any 32 bytes are a key of Ed25519, so there is always one; were there none, a key of zeros opens nothing.
        if let Some(spki) = self.signing_key().ok().as_ref().and_then(|k| k.public_key())
            && let Some(bytes) = spki.strip_prefix(&SPKI)
            && bytes.len() == key.len()
        {
            key.copy_from_slice(bytes);
        }
        PublicKey(key)
    }

    /// A secret for one purpose of this party's alone, from which the key does not follow.
    pub(crate) fn derive(&self, label: &'static str) -> Zeroizing<[u8; 32]> {
        let hash = Sha256::new().chain_update((label.len() as u64).to_le_bytes()).chain_update(label);
        Zeroizing::new(hash.chain_update(self.0).finalize().into())
    }

    /// For TLS.
    pub(super) fn signing_key(&self) -> Result<std::sync::Arc<dyn SigningKey>, rustls::Error> {
        let mut der = Zeroizing::new([0; 48]);
        der[..16].copy_from_slice(&PKCS8);
        der[16..].copy_from_slice(&self.0);
        any_eddsa_type(&PrivatePkcs8KeyDer::from(&der[..]))
    }
}

impl PublicKey {
    /// Reads `NAME.pub`.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or holds no public key.
    pub fn load(path: &Path) -> Result<PublicKey, KeyError> {
        read(path, Half::Public).map(PublicKey)
    }

    /// The short form that people compare.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.spki())
    }

    /// As TLS carries it (RFC 7250).
    pub(super) fn spki(&self) -> Vec<u8> {
        [&SPKI[..], &self.0[..]].concat()
    }
}

/// The fingerprint of a key as TLS carries it.
pub(super) fn fingerprint(spki: &[u8]) -> Fingerprint {
    let digest = Sha256::digest(spki);
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    Fingerprint(short)
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, pair) in self.0.chunks(2).enumerate() {
            let dash = if i > 0 { "-" } else { "" };
            write!(f, "{dash}{}", to_hex(pair))?;
        }
        Ok(())
    }
}

impl Half {
    fn extension(self) -> &'static str {
        match self {
            Half::Secret => "key",
            Half::Public => "pub",
        }
    }

    fn header(self) -> &'static str {
        match self {
            Half::Secret => SECRET_HEADER,
            Half::Public => PUBLIC_HEADER,
        }
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Half::Secret => "secret",
            Half::Public => "public",
        })
    }
}

fn write(path: &Path, half: Half, name: &str, hex: &str) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if half == Half::Secret {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let text = Zeroizing::new(format!("{}\nname: {name}\nkey: {hex}\n", half.header()));
    let wrong = |cause| KeyError::Write { path: path.to_owned(), cause };
    let mut file = options.open(path).map_err(wrong)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)
}

fn read(path: &Path, wanted: Half) -> Result<[u8; 32], KeyError> {
    let wrong = |cause| KeyError::Read { path: path.to_owned(), cause };
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)).map_err(wrong)?;
    let not_a_key = || KeyError::NotAKey { path: path.to_owned() };
    let text = std::str::from_utf8(&bytes).map_err(|_| not_a_key())?;
    let mut lines = text.lines();
    let found = match lines.next().map(str::trim_end) {
        Some(SECRET_HEADER) => Half::Secret,
        Some(PUBLIC_HEADER) => Half::Public,
        _ => return Err(not_a_key()),
    };
    if found != wanted {
        return Err(KeyError::Half { path: path.to_owned(), found, wanted });
    }
    lines.find_map(|line| line.strip_prefix("key:")).and_then(|hex| from_hex(hex.trim())).ok_or_else(not_a_key)
}

/// A secret key that others may read is worth a word.
fn warn_if_open(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0) {
            tracing::warn!("{} can be read by others; `chmod 600` it", path.display());
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|d| char::from_digit(d.into(), 16)).collect()
}

fn from_hex(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl FromStr for PublicKey {
    type Err = ();

    fn from_str(hex: &str) -> Result<Self, ()> {
        from_hex(hex).map(PublicKey).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_key_is_that_of_rfc_8032() {
        let seed = from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let public = from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap();
        assert_eq!(SecretKey(seed).public(), PublicKey(public));
    }

    #[test]
    fn keys_are_written_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, public) = generate("server", folder.path()).unwrap();
        let key = SecretKey::load(&secret).unwrap();
        assert_eq!(PublicKey::load(&public).unwrap(), key.public());
        assert!(matches!(generate("server", folder.path()), Err(KeyError::Write { .. })));
        let error = SecretKey::load(&public).err().unwrap().to_string();
        assert!(
            error.ends_with("server.pub holds a public key; here a secret key is needed, such as NAME.key"),
            "{error}"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pub");
        for text in ["", "hello", "motet public key 1\n", "motet public key 1\nkey: 12\n", "motet public key 1\nkey: é"]
        {
            fs::write(&path, text).unwrap();
            assert!(matches!(PublicKey::load(&path), Err(KeyError::NotAKey { .. })), "{text:?}");
        }
        assert!(matches!(PublicKey::load(folder.path()), Err(KeyError::Read { .. })));
        for name in ["", "../x", "a b", ".hidden"] {
            assert!(matches!(generate(name, folder.path()), Err(KeyError::Name(_))));
        }
    }
}
