//! Batches in a directory: bounded, safe against a crash, shared by any number of processes.
//!
//! ```text
//! 0000018bcfe5687b-9f86d081884c7d659a2feaa0c55ad015.batch     made at (ms, hexadecimal) – identity
//!     ….tmp        being written; renamed when complete
//!     ….damaged    put aside: cut short or changed; first to go when room is needed
//! ```
//!
//! - A file is complete or not there: it is written under another name, synchronised (option
//!   `spool_sync`) and renamed. What a killed process leaves of the writing is removed later.
//! - Who sends a file holds its lock (`flock`), which the kernel gives back when a process ends,
//!   however it ends. Nobody else sends it meanwhile.
//! - Names sort by age, so the oldest go first, out and overboard.
//! - A file stays until its batch has been answered. A process that is killed between the answer
//!   and the removal leaves it to be sent again, under the same identity.
//!
//! File locks on network file systems are no promise; use a local directory.

mod file;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::{Batch, ClientConfigError, DropCause};
use file::Unread;

const BATCH: &str = ".batch";
const TEMPORARY: &str = ".tmp";
const DAMAGED: &str = ".damaged";

/// Age at which a file that is being written counts as left behind.
const STALE_WRITE: Duration = Duration::from_secs(60);

/// How many old batches a full disk is asked to give up for a new one.
const EVICTIONS_MAX: usize = 64;

/// The spool of one client.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    bytes_max: u64,
    sync: bool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Names known to be there, by age.
    names: BTreeSet<String>,
    /// Points of the files that this process wrote.
    own: HashMap<String, u64>,
    /// What must wait, and how often it has failed.
    blocked: HashMap<String, Blocked>,
    /// What this process is sending.
    claimed: HashSet<String>,
    /// Of another version; never looked at again.
    foreign: HashSet<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Blocked {
    failures: u32,
    not_before: Duration,
}

/// A file that this caller has locked for sending. Hand it back with [`Spool::discard`] or
/// [`Spool::release`].
#[derive(Debug)]
pub(crate) struct Claim {
    name: String,
    file: File,
    pub(crate) batch: Batch,
    pub(crate) uncertain: bool,
    /// Whether this process wrote it.
    pub(crate) own: bool,
}

/// What a search for a file to send found.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    pub(crate) claim: Option<Claim>,
    /// Damaged files that were put aside; the points, if this process wrote it.
    pub(crate) damaged: Vec<Option<u64>>,
    /// When the first of those that must wait is due.
    pub(crate) next_at: Option<Duration>,
}

/// A batch that gave way to a newer one.
#[derive(Debug)]
pub(crate) struct Evicted {
    pub(crate) points: u64,
    pub(crate) own: bool,
    pub(crate) uncertain: bool,
}

/// What became of a batch that was to be stored.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) evicted: Vec<Evicted>,
    pub(crate) outcome: Result<(), Failed>,
}

/// Why a batch could not be stored.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) cause: DropCause,
    pub(crate) detail: String,
}

impl Spool {
    /// Touches nothing yet.
    pub(crate) fn new(dir: PathBuf, bytes_max: u64, sync: bool) -> Spool {
        Spool {
            dir,
            bytes_max,
            sync,
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn describe(&self) -> String {
        self.dir.display().to_string()
    }

    /// Makes the directory, for its owner alone, and sees that files can be made in it.
    pub(crate) fn try_out(&self) -> Result<(), ClientConfigError> {
        let probe = self
            .dir
            .join(format!("probe-{}{TEMPORARY}", std::process::id()));
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir);
        made.and_then(|()| File::create(&probe))
            .and_then(|_| fs::remove_file(&probe))
            .map_err(|error| ClientConfigError::Unusable {
                name: "spool_dir",
                value: self.describe(),
                cause: error.to_string(),
            })
    }

    /// Looks what is there. The points of each file that this process wrote and another one has
    /// taken up since.
    pub(crate) fn scan(&self) -> Vec<u64> {
        let mut inner = self.lock();
        let Ok(listing) = fs::read_dir(&self.dir) else {
            return Vec::new();
        };
        inner.names.clear();
        for entry in listing.flatten() {
            let name = entry.file_name();
            match name.to_str() {
                Some(name) if name.ends_with(BATCH) => drop(inner.names.insert(name.to_owned())),
                Some(name) if name.ends_with(TEMPORARY) => remove_if_stale(&entry.path()),
                _ => {}
            }
        }
        let Inner {
            names,
            own,
            blocked,
            foreign,
            ..
        } = &mut *inner;
        blocked.retain(|name, _| names.contains(name));
        foreign.retain(|name| names.contains(name));
        let gone: Vec<String> = own
            .keys()
            .filter(|n| !names.contains(*n))
            .cloned()
            .collect();
        gone.iter().filter_map(|name| own.remove(name)).collect()
    }

    /// Writes a batch. Whether it succeeds or not, older ones may have had to give way.
    pub(crate) fn store(&self, batch: &Batch, uncertain: bool) -> Stored {
        let bytes = file::write(batch, uncertain);
        let mut evicted = Vec::new();
        let outcome = self.store_bytes(batch, &bytes, &mut evicted);
        Stored { evicted, outcome }
    }

    fn store_bytes(
        &self,
        batch: &Batch,
        bytes: &[u8],
        evicted: &mut Vec<Evicted>,
    ) -> Result<(), Failed> {
        if bytes.len() as u64 > self.bytes_max {
            return Err(Failed {
                cause: DropCause::SpoolFull,
                detail: format!(
                    "a batch of {} bytes alone is larger than spool_bytes_max",
                    bytes.len()
                ),
            });
        }
        self.make_room(bytes.len() as u64, evicted);
        let stem = format!("{:016x}-{}", batch.created_unix_ms, batch.id);
        let temporary = self.dir.join(format!("{stem}{TEMPORARY}"));
        let mut tries = 0;
        loop {
            let error = match self.write(&temporary, bytes) {
                Ok(held) => {
                    let published = self.publish(&temporary, format!("{stem}{BATCH}"), batch);
                    // Said aloud, as in [`Spool::release`].
                    let _ = held.unlock();
                    return published;
                }
                Err(error) => error,
            };
            let _ = fs::remove_file(&temporary);
            let full = matches!(
                error.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            );
            tries += 1;
            if !full || tries > EVICTIONS_MAX || !self.evict_oldest(evicted) {
                return Err(failed(&error));
            }
        }
    }

    /// Writes under the temporary name. The lock that the answer holds says that it is being
    /// written.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<File> {
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        // Without locks (an odd file system) age alone protects it.
        let _ = file.try_lock();
        file.write_all(bytes)?;
        if self.sync {
            file.sync_all()?;
        }
        Ok(file)
    }

    fn publish(&self, temporary: &Path, name: String, batch: &Batch) -> Result<(), Failed> {
        let mut inner = self.lock();
        fs::rename(temporary, self.dir.join(&name)).map_err(|error| failed(&error))?;
        inner.names.insert(name.clone());
        inner.own.insert(name, batch.points());
        drop(inner);
        if self.sync {
            // The name too must be on the disk. It is there already, so an error loses nothing.
            let _ = File::open(&self.dir).and_then(|dir| dir.sync_all());
        }
        Ok(())
    }

    /// Removes old files until `bytes` more keep within the limit, as far as they can be removed.
    fn make_room(&self, bytes: u64, evicted: &mut Vec<Evicted>) {
        while self.bytes_used() + bytes > self.bytes_max {
            if !self.evict_oldest(evicted) {
                return;
            }
        }
    }

    fn bytes_used(&self) -> u64 {
        let listing = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let ours = listing.filter(|entry| is_ours(&entry.file_name()));
        ours.filter_map(|entry| entry.metadata().ok())
            .map(|m| m.len())
            .sum()
    }

    /// Removes a damaged file, or else the oldest that nobody is sending. False if there is none.
    fn evict_oldest(&self, evicted: &mut Vec<Evicted>) -> bool {
        let listing = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut names: Vec<String> = listing
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.ends_with(DAMAGED) || name.ends_with(BATCH))
            .collect();
        names.sort_by_key(|name| (name.ends_with(BATCH), name.clone()));
        names.iter().any(|name| self.evict(name, evicted))
    }

    fn evict(&self, name: &str, evicted: &mut Vec<Evicted>) -> bool {
        let path = self.dir.join(name);
        if name.ends_with(DAMAGED) {
            return fs::remove_file(&path).is_ok();
        }
        let mut inner = self.lock();
        if inner.claimed.contains(name) {
            return false;
        }
        let Some(mut file) = open_locked(&path) else {
            return false;
        };
        let mut head = [0; file::PEEK_LEN];
        let seen = file
            .read_exact(&mut head)
            .ok()
            .and_then(|()| file::peek(&head));
        if fs::remove_file(&path).is_err() {
            return false;
        }
        inner.names.remove(name);
        inner.blocked.remove(name);
        let own = inner.own.remove(name);
        if let Some((points, uncertain)) = seen.or(own.map(|points| (points, false))) {
            evicted.push(Evicted {
                points: own.unwrap_or(points),
                own: own.is_some(),
                uncertain,
            });
        }
        true
    }

    /// Locks and reads the oldest file that is due at `now`.
    pub(crate) fn claim(&self, now: Duration) -> Claimed {
        let mut found = Claimed::default();
        let mut inner = self.lock();
        let names: Vec<String> = inner.names.iter().cloned().collect();
        for name in names {
            if inner.claimed.contains(&name) || inner.foreign.contains(&name) {
                continue;
            }
            if let Some(blocked) = inner.blocked.get(&name).filter(|b| b.not_before > now) {
                let at = blocked.not_before;
                found.next_at = Some(found.next_at.map_or(at, |n| n.min(at)));
                continue;
            }
            let path = self.dir.join(&name);
            // Gone, or another one is sending it: what became of it shows in the next scan.
            let Some(mut file) = open_locked(&path) else {
                continue;
            };
            let mut bytes = Vec::new();
            if file.read_to_end(&mut bytes).is_err() {
                let _ = file.unlock();
                continue;
            }
            match file::read(&bytes) {
                Ok((batch, uncertain)) => {
                    inner.claimed.insert(name.clone());
                    let own = inner.own.contains_key(&name);
                    found.claim = Some(Claim {
                        name,
                        file,
                        batch,
                        uncertain,
                        own,
                    });
                    return found;
                }
                Err(Unread::Foreign) => {
                    let _ = file.unlock();
                    inner.foreign.insert(name);
                }
                Err(Unread::Damaged) => {
                    let aside = format!("{name}{DAMAGED}");
                    if fs::rename(&path, self.dir.join(aside)).is_ok() {
                        inner.names.remove(&name);
                        found.damaged.push(inner.own.remove(&name));
                    }
                }
            }
        }
        found
    }

    /// How often sending this file has failed.
    pub(crate) fn failures(&self, claim: &Claim) -> u32 {
        self.lock()
            .blocked
            .get(&claim.name)
            .map_or(0, |b| b.failures)
    }

    /// Gives a file back, not to be sent before `not_before`. `failed` counts a failure, and
    /// `uncertain` says that it may have been delivered.
    pub(crate) fn release(
        &self,
        claim: Claim,
        not_before: Duration,
        failed: bool,
        uncertain: bool,
    ) {
        if uncertain && !claim.uncertain {
            // A help for the books of the process that drops it one day; not worth an error.
            let _ = claim.file.write_all_at(&[1], file::UNCERTAIN_AT);
        }
        let mut inner = self.lock();
        let blocked = inner.blocked.entry(claim.name.clone()).or_default();
        blocked.not_before = not_before;
        blocked.failures += u32::from(failed);
        inner.claimed.remove(&claim.name);
        drop(inner);
        // Said aloud, because a forked child holds the same lock until it is closed there.
        let _ = claim.file.unlock();
    }

    /// Removes a file whose batch has been settled.
    pub(crate) fn discard(&self, claim: Claim) {
        let mut inner = self.lock();
        let _ = fs::remove_file(self.dir.join(&claim.name));
        inner.names.remove(&claim.name);
        inner.own.remove(&claim.name);
        inner.blocked.remove(&claim.name);
        inner.claimed.remove(&claim.name);
        drop(inner);
        let _ = claim.file.unlock();
    }
}

fn failed(error: &io::Error) -> Failed {
    Failed {
        cause: DropCause::SpoolFailed,
        detail: error.to_string(),
    }
}

fn is_ours(name: &OsString) -> bool {
    let name = name.to_str().unwrap_or_default();
    [BATCH, TEMPORARY, DAMAGED]
        .iter()
        .any(|suffix| name.ends_with(suffix))
}

/// The file, if it can be locked and still has its name.
fn open_locked(path: &Path) -> Option<File> {
    let file = File::options().read(true).write(true).open(path).ok()?;
    file.try_lock().ok()?;
    // Between the opening and the lock its sender may have removed it.
    let alive = file.metadata().is_ok_and(|m| m.nlink() > 0);
    alive.then_some(file)
}

/// Removes what a killed process has left of a writing.
fn remove_if_stale(path: &Path) {
    let age = fs::metadata(path)
        .and_then(|m| m.modified())
        .map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
    if age.is_ok_and(|age| age > STALE_WRITE) && open_locked(path).is_some() {
        let _ = fs::remove_file(path);
    }
}
