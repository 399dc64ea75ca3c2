//! Checkpoints in a folder: this party's state at turns of a run's loops, sealed, for a later session to go on from.
//!
//! **At any moment.** A file is written beside its place, synced, and renamed into it; the folder is synced. Both parties
//! then tell each other that they have it, and only after that the one before the last goes: whenever either is killed,
//! both have one in common, and mostly two. Its name is an id that follows from the session that made it, so that
//! states of different sessions at one turn, whose halves do not belong together, are told apart.
//!
//! **Sealed** by AES-256-GCM (`ring`), under a key that is hashed from the party's secret and 32 fresh random bytes at the
//! head of the file, so that every file has a key of its own. The secret is derived from the party's long-term key; where
//! the line has none, it is a file in the folder. A file that was changed or cut does not open.
//!
//! **For what.** A checkpoint binds the program, the plan, the party, the peer, its key where the line has keys, and the
//! digests of the public inputs and of this party's own.

mod error;
mod seal;

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use error::{CheckpointError, What};
pub(super) use seal::{Binding, decodes};
use seal::{Checkpoint, Written, seal, unseal};

use super::RunError;
use crate::crypto::{Kdf, SessionId};
use crate::net::SecretKey;
use crate::protocol::{KeepError, Keeper, State};

/// Checkpoints that are offered to the other party, at most.
pub(super) const OFFERS: usize = 16;
/// The secret of a party without a key.
const SECRET: &str = "seal.key";
/// Says that the run came to its end.
const DONE: &str = "done";

/// Sessions in a row without a checkpoint after which a run is given up.
const STALLED: u32 = 5;

/// Names a checkpoint, at both parties.
pub(super) type Id = [u8; 16];

/// A checkpoint as the other party is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Offer {
    pub number: u64,
    pub id: Id,
}

/// What keeping checkpoints took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Checkpointed {
    /// The number of the one that the session went on from.
    pub resumed: Option<u64>,
    /// How many were written.
    pub written: u64,
    /// Bytes of the last one.
    pub bytes: u64,
    /// Writing them, in all.
    pub time: Duration,
}

/// A folder of checkpoints, in this process's hands alone.
pub struct Checkpoints {
    folder: PathBuf,
    secret: Zeroizing<[u8; 32]>,
    every: Duration,
    /// Whether the next session goes on from the last one.
    resume: bool,
    /// Sessions in a row whose line broke before they had a checkpoint.
    stalled: u32,
    /// The folder's lock, given back when it is closed.
    _lock: File,
}

impl Checkpoints {
    /// Opens a folder, which is made where there is none: to go on with the run whose checkpoints it holds, or to begin
    /// one. `own` is this party's key, where it has one; `every` is about how long from one checkpoint to the next (zero:
    /// every turn of every loop).
    ///
    /// # Errors
    /// Where another process uses it, where it holds an unfinished run and another is to begin, or it cannot be read or
    /// written.
    pub fn open(
        folder: &Path,
        own: Option<&SecretKey>,
        every: Duration,
        resume: bool,
    ) -> Result<Checkpoints, CheckpointError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let lock = File::open(folder).map_err(at(folder))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(CheckpointError::InUse { folder: folder.to_owned() }),
            Err(fs::TryLockError::Error(cause)) => return Err(at(folder)(cause)),
        }
        let secret = match own {
            Some(key) => key.derive("checkpoints of a party"),
            None => own_secret(&folder.join(SECRET))?,
        };
        let checkpoints = Checkpoints { folder: folder.to_owned(), secret, every, resume, stalled: 0, _lock: lock };
        checkpoints.remove(|name| name.ends_with(".new"))?;
        if !resume && folder.join(DONE).exists() {
            checkpoints.remove(|name| name.ends_with(".checkpoint"))?;
        }
        if !resume && !checkpoints.files().map_err(at(folder))?.is_empty() {
            return Err(CheckpointError::Unfinished { folder: folder.to_owned() });
        }
        checkpoints.remove(|name| name == DONE)?;
        Ok(checkpoints)
    }

    /// Whether the next session goes on from a checkpoint.
    pub(super) fn resumes(&self) -> bool {
        self.resume
    }

    /// Whether a run that ended so goes on in another session of this process: its line broke, and it was getting on.
    pub fn takes_up(&mut self, error: &RunError) -> bool {
        self.stalled += 1;
        self.resume = true;
        error.line_broke() && self.stalled < STALLED
    }

    /// The run came to its end: the folder may be used for another. What it holds stays until then, as the other party may
    /// have been killed a moment before it had its result.
    pub(super) fn ended(&self) -> Result<(), CheckpointError> {
        let done = self.folder.join(DONE);
        File::create(&done).map(drop).map_err(at(&done))
    }

    /// The checkpoints that open and are of this run.
    fn read(&self, binding: &Binding) -> Result<Vec<Checkpoint>, CheckpointError> {
        let mut found = Vec::new();
        let mut broken = None;
        for path in self.files().map_err(at(&self.folder))? {
            let Some(checkpoint) = self.unseal(&path).map_err(at(&path))? else {
                let error = CheckpointError::Sealed { path };
                tracing::warn!("{error}");
                broken = Some(error);
                continue;
            };
            if let Some(what) = checkpoint.binding.differs(binding) {
                return Err(CheckpointError::Other { path, what });
            }
            found.push(checkpoint);
        }
        match broken {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// A checkpoint's file; `None` where it does not open.
    fn unseal(&self, path: &Path) -> io::Result<Option<Checkpoint>> {
        let mut bytes = Zeroizing::new(fs::read(path)?);
        Ok(unseal(&self.secret, &mut bytes))
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for item in fs::read_dir(&self.folder)? {
            let path = item?.path();
            if path.extension().is_some_and(|extension| extension == "checkpoint") {
                files.push(path);
            }
        }
        Ok(files)
    }

    /// Removes the files whose names are meant.
    fn remove(&self, which: impl Fn(&str) -> bool) -> Result<(), KeepError> {
        let wrong = |cause| KeepError { path: self.folder.clone(), cause };
        for item in fs::read_dir(&self.folder).map_err(wrong)? {
            let item = item.map_err(wrong)?;
            if item.file_name().to_str().is_some_and(&which) {
                let path = item.path();
                fs::remove_file(&path).map_err(|cause| KeepError { path, cause })?;
            }
        }
        Ok(())
    }

    fn path(&self, id: &Id) -> PathBuf {
        self.folder.join(format!("{}.checkpoint", hex(id)))
    }
}

/// The checkpoints of one run that a session may go on from.
pub(super) struct Found(Vec<Checkpoint>);

impl Found {
    /// What is in the folder and of this run.
    pub fn read(checkpoints: &Checkpoints, binding: &Binding) -> Result<Found, CheckpointError> {
        let mut found = checkpoints.read(binding)?;
        found.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.number));
        found.truncate(OFFERS);
        Ok(Found(found))
    }

    /// As the other party is told.
    pub fn offers(&self) -> Vec<Offer> {
        self.0.iter().map(|checkpoint| Offer { number: checkpoint.number, id: checkpoint.id }).collect()
    }

    /// The last one that both parties have. `None`: the run begins; this is where one of them was killed before it had its
    /// first.
    pub fn common(
        self,
        theirs: &[Offer],
        checkpoints: &Checkpoints,
        peer: &str,
    ) -> Result<Option<(Offer, State)>, CheckpointError> {
        let ours = self.offers();
        let Some(best) = ours.iter().filter(|offer| theirs.contains(offer)).max().copied() else {
            return match ours.iter().chain(theirs).all(|offer| offer.number <= 1) {
                true => Ok(None),
                false => {
                    Err(CheckpointError::NoneInCommon { folder: checkpoints.folder.clone(), peer: peer.to_owned() })
                }
            };
        };
        Ok(self.0.into_iter().find(|checkpoint| checkpoint.id == best.id).map(|checkpoint| (best, checkpoint.state)))
    }
}

/// Writes a session's checkpoints.
pub(super) struct Writer<'c> {
    checkpoints: &'c mut Checkpoints,
    binding: Binding,
    session: SessionId,
    number: u64,
    /// The last two that both parties have.
    kept: [Option<Id>; 2],
    /// The one that was written last.
    last: Option<Id>,
    pub took: Checkpointed,
}

impl<'c> Writer<'c> {
    /// For a session, which goes on from `base`.
    pub fn new(checkpoints: &'c mut Checkpoints, binding: Binding, session: SessionId, base: Option<Offer>) -> Self {
        let took = Checkpointed { resumed: base.map(|base| base.number), ..Checkpointed::default() };
        let number = base.map_or(0, |base| base.number);
        Writer { checkpoints, binding, session, number, kept: [base.map(|base| base.id), None], last: None, took }
    }
}

impl Writer<'_> {
    /// About how long from one checkpoint to the next.
    pub fn every(&self) -> Duration {
        self.checkpoints.every
    }
}

impl Keeper for Writer<'_> {
    fn write(&mut self, state: &State) -> Result<(), KeepError> {
        let begun = Instant::now();
        let number = self.number + 1;
        let id = Kdf::new("id of a checkpoint", &self.session).number(number).block().to_bytes();
        let path = self.checkpoints.path(&id);
        let new = path.with_extension("new");
        let write = || {
            let written = Written { binding: &self.binding, id, number, state };
            let sealed = seal(&self.checkpoints.secret, &written)?;
            let mut file = create(&new)?;
            file.write_all(&sealed)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            sync(&self.checkpoints.folder)?;
            Ok(sealed.len() as u64)
        };
        self.number = number;
        self.last = None;
        self.took.bytes = write().map_err(|cause| KeepError { path, cause })?;
        self.last = Some(id);
        self.took.written += 1;
        self.took.time += begun.elapsed();
        tracing::debug!("checkpoint {number}, {} bytes", self.took.bytes);
        Ok(())
    }

    fn confirm(&mut self) -> Result<(), KeepError> {
        self.checkpoints.stalled = 0;
        self.kept = [self.last.take(), self.kept[0]];
        let kept: Vec<String> = self.kept.iter().flatten().map(hex).collect();
        self.checkpoints
            .remove(|name| name.strip_suffix(".checkpoint").is_some_and(|id| !kept.iter().any(|kept| kept == id)))
    }
}

/// The secret of a party that has no key, made where it is not there.
fn own_secret(path: &Path) -> Result<Zeroizing<[u8; 32]>, CheckpointError> {
    let mut secret = Zeroizing::new([0; 32]);
    match File::open(path) {
        Ok(mut file) => file.read_exact(&mut secret[..]).map_err(at(path))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            getrandom::fill(&mut secret[..]).map_err(CheckpointError::Randomness)?;
            let new = path.with_extension("new");
            let write = || {
                let mut file = create(&new)?;
                file.write_all(&secret[..])?;
                file.sync_all()?;
                fs::rename(&new, path)
            };
            write().map_err(at(path))?;
        }
        Err(error) => return Err(at(path)(error)),
    }
    Ok(secret)
}

/// A file that its owner alone may read; one that an earlier process left is written over.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes renaming and removing last.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn hex(id: &Id) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> CheckpointError {
    let path = path.to_owned();
    |cause| CheckpointError::File(KeepError { path, cause })
}
