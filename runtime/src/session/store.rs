//! A store: what sessions with a peer made ahead, each entry a file of its own that is used once.
//!
//! **Once.** An entry is two halves, one at each party, with one random id. Who takes its half renames the file, which
//! one process alone can do, overwrites it, and removes it, all before the first message that depends on it: what a
//! crash or an abort interrupts is lost, not used again. A half serves nothing without the other, so a store that is put
//! back from a backup offers what the peer no longer has. A file that was copied is refused even then: each holds its
//! inode and time of birth, which no copy shares. What is left is both parties' machines being put back as a whole.
//!
//! **For what.** An entry binds the program, the plan, the party, the peer, where the line has keys the peer's, and a
//! digest of the inputs that went into it (a server's weights, say).
//!
//! **Tables** are in a file beside, which is not overwritten: they have been on the line, and are nothing without the entry.
//!
//! **At rest** an entry is as secret as the inputs of the run that will use it: its file is for its owner alone.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::protocol::Made;

/// What every entry's file begins with; the last byte is the version of its form.
const MAGIC: [u8; 8] = *b"MOTETST\x03";
/// Most bytes of an entry's head.
const HEAD_LIMIT: usize = 1 << 16;
/// Entries that are offered to the peer, at most.
pub(super) const OFFERS: usize = 1024;

/// Names an entry, at both parties.
pub(super) type Id = [u8; 16];

/// A folder of entries.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// Why a store could not be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The system's own.
    #[error("{path}: {cause}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Nothing of use in it.
    #[error(
        "{folder} holds nothing that was prepared with {peer} for this program (and these inputs, where `prepare` had some) and not used yet: run `motet prepare` at both parties"
    )]
    Empty {
        /// The store.
        folder: PathBuf,
        /// The other party.
        peer: String,
    },
}

/// What an entry is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Binding {
    pub party: String,
    pub peer: String,
    /// The fingerprint of the peer's key, where the line has keys.
    pub key: Option<String>,
    pub program: [u8; 32],
    pub plan: [u8; 32],
}

/// The inputs of this party's and public ones that went into an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Baked {
    /// Which parameters.
    pub params: Vec<u32>,
    /// A digest of their values.
    pub digest: [u8; 32],
}

/// What making an entry took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Offline {
    /// Oblivious transfers that were made.
    pub transfers: u64,
    /// Products of one party's numbers with the other's that were made.
    pub products: u64,
    /// Entries whose circuits were garbled.
    pub garbled: u64,
    /// Bytes sent for it.
    pub sent: u64,
    /// Bytes received for it.
    pub received: u64,
    /// Seconds.
    pub seconds: f64,
}

/// An entry that was taken out of the store: nobody else has it.
pub struct Entry {
    pub(super) made: Made,
    pub(super) offline: Offline,
}

/// What stands in front of what was made.
#[derive(Serialize, Deserialize)]
struct Head {
    id: Id,
    binding: Binding,
    baked: Baked,
    offline: Offline,
    tables: Tables,
    file: Identity,
}

/// What tells whether the file of tables is whole.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tables {
    length: u64,
    checksum: u32,
}

/// What tells a file from its copies.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    inode: u64,
    /// Nanoseconds since 1970, where the file system tells.
    born: Option<u128>,
}

impl Store {
    /// A store in a folder, which is made where there is none.
    ///
    /// # Errors
    /// Where that cannot be done.
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        Ok(Store { folder: folder.to_owned() })
    }

    /// Writes an entry that is not offered yet: [`Store::publish`] does that, once the peer has its half too.
    pub(super) fn write(
        &self,
        id: Id,
        binding: &Binding,
        baked: &Baked,
        offline: Offline,
        made: &Made,
    ) -> Result<(), StoreError> {
        if !made.tables().is_empty() {
            let path = self.path(&id, "tables");
            let write = || {
                let mut file = create(&path)?;
                file.write_all(made.tables())?;
                file.sync_all()
            };
            write().map_err(at(&path))?;
        }
        let path = self.path(&id, "new");
        let write = || {
            let mut file = create(&path)?;
            let (binding, baked) = (binding.clone(), baked.clone());
            let tables = Tables::of(made.tables());
            let head = Head { id, binding, baked, offline, tables, file: Identity::of(&file.metadata()?) };
            let head = postcard::to_stdvec(&head).map_err(io::Error::other)?;
            let mut hash = Sha256::new();
            let mut write = |part: &[u8]| {
                hash.update(part);
                file.write_all(part)
            };
            write(&MAGIC)?;
            write(&(head.len() as u32).to_le_bytes())?;
            write(&head)?;
            made.encode(write)?;
            file.write_all(&hash.finalize())?;
            file.sync_all()
        };
        write().map_err(at(&path))
    }

    /// Offers an entry that was written.
    pub(super) fn publish(&self, id: &Id) -> Result<(), StoreError> {
        fs::rename(self.path(id, "new"), self.path(id, "entry")).map_err(at(&self.folder))?;
        self.sync()
    }

    /// The ids of entries that are for this, at most [`OFFERS`]; `fits` says whether what went into one is what this party
    /// has.
    pub(super) fn offers(
        &self,
        binding: &Binding,
        mut fits: impl FnMut(&Baked) -> bool,
    ) -> Result<Vec<Id>, StoreError> {
        let mut ids = Vec::new();
        for item in fs::read_dir(&self.folder).map_err(at(&self.folder))? {
            let path = item.map_err(at(&self.folder))?.path();
            if path.extension().is_none_or(|e| e != "entry") {
                continue;
            }
            // Another process may take it in between, and what is no entry is left alone.
            let Some((head, _)) = File::open(&path).ok().and_then(|mut file| read_head(&mut file)) else { continue };
            if head.binding == *binding && path == self.path(&head.id, "entry") && fits(&head.baked) {
                ids.push(head.id);
            }
        }
        ids.sort_unstable();
        ids.truncate(OFFERS);
        Ok(ids)
    }

    /// Takes an entry out of the store: `None` where it is not there (any more), or not what it should be.
    pub(super) fn take(&self, id: &Id, binding: &Binding) -> Result<Option<Entry>, StoreError> {
        let taken = self.path(id, "taken");
        match fs::rename(self.path(id, "entry"), &taken) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            renamed => renamed.map_err(at(&self.folder))?,
        }
        self.sync()?;
        let tables = self.path(id, "tables");
        let entry = read(&taken, &tables, id, binding).map_err(at(&taken))?;
        erase(&taken).map_err(at(&taken))?;
        match fs::remove_file(&tables) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&tables)(error)),
            _ => {}
        }
        self.sync()?;
        Ok(entry)
    }

    /// Why nothing could be taken.
    pub(super) fn empty(&self, peer: &str) -> StoreError {
        StoreError::Empty { folder: self.folder.clone(), peer: peer.to_owned() }
    }

    fn path(&self, id: &Id, extension: &str) -> PathBuf {
        let name: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name).with_extension(extension)
    }

    /// Makes renaming and removing last.
    fn sync(&self) -> Result<(), StoreError> {
        if cfg!(unix) {
            File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(at(&self.folder))?;
        }
        Ok(())
    }
}

impl Tables {
    fn of(bytes: &[u8]) -> Tables {
        Tables { length: bytes.len() as u64, checksum: crc32fast::hash(bytes) }
    }

    /// The bytes of the file, where it is whole.
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let bytes = if self.length == 0 { Vec::new() } else { fs::read(path).ok()? };
        (Tables::of(&bytes) == *self).then_some(bytes)
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Identity {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Identity { inode, born: born.map(|time| time.as_nanos()) }
    }
}

/// The head of an entry, and how many bytes come before what was made.
fn decode_head(mut from: impl Read) -> Option<(Head, usize)> {
    let mut start = [0; 12];
    from.read_exact(&mut start).ok()?;
    let length = start.strip_prefix(&MAGIC).and_then(|rest| rest.first_chunk())?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|n| *n <= HEAD_LIMIT)?;
    let mut head = vec![0; length];
    from.read_exact(&mut head).ok()?;
    Some((postcard::from_bytes(&head).ok()?, start.len() + length))
}

/// Decodes any bytes as an entry's, but for the hash at its end: for the fuzzer. Nothing may panic or take memory beyond
/// theirs.
pub(super) fn decodes(bytes: &[u8]) -> bool {
    let made = |start| Made::decode(Zeroizing::new(bytes.to_vec()), start, Vec::new());
    decode_head(bytes).and_then(|(_, start)| made(start)).is_some()
}

/// The head of an entry's file, where it is one and no copy, and how many bytes come before what was made.
fn read_head(file: &mut File) -> Option<(Head, usize)> {
    let (head, start) = decode_head(&mut *file)?;
    let here = Identity::of(&file.metadata().ok()?);
    if here != head.file {
        tracing::warn!("an entry of the store is a copy and will not be used");
        return None;
    }
    Some((head, start))
}

/// An entry's file; `None` where it is not this entry, whole and in its place.
fn read(path: &Path, tables: &Path, id: &Id, binding: &Binding) -> io::Result<Option<Entry>> {
    let Some((head, start)) = read_head(&mut File::open(path)?) else { return Ok(None) };
    let mut bytes = Zeroizing::new(fs::read(path)?);
    let whole = bytes.split_last_chunk::<32>().is_some_and(|(rest, hash)| Sha256::digest(rest)[..] == hash[..]);
    if !whole || head.id != *id || head.binding != *binding {
        return Ok(None);
    }
    let end = bytes.len() - 32;
    bytes.truncate(end);
    let Some(tables) = head.tables.read(tables) else { return Ok(None) };
    Ok(Made::decode(bytes, start, tables).map(|made| Entry { made, offline: head.offline }))
}

/// Overwrites a file, so that no other name of it holds anything, and removes it.
fn erase(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.sync_all()?;
    fs::remove_file(path)
}

/// A new file that its owner alone may read.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    |cause| StoreError::File { path, cause }
}

#[cfg(test)]
mod tests;
