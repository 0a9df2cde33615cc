//! The store: one writer, many readers.
//!
//! ```text
//! bodies ──▶ queue ──▶ writer thread: takes all that waits, one commit ──▶ file (if there is one)
//!                                                                     └──▶ memory ──▶ answers
//! queries ──▶ memory (intervals are shared, a query never stops the writer) ──▶ file for older ones
//! ```
//!
//! Without a file memory is all there is: the oldest intervals go when it is full, and are counted.
//! With one, everything is written to it before a body is answered, and memory holds the newest
//! intervals as a whole; older ones are read from the file.

mod directory;
mod file;
mod ids;
mod memory;
mod slot;
mod stage;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use directory::KINDS;
use directory::Metric;
use file::{File, Lock, Reader};
pub(crate) use memory::Memory;
pub(crate) use slot::{BinsRef, Row, Slot, push_bin};
use writer::{Command, Writer};

use pointmill::Kind;

use crate::batch::Batch;
use crate::query::auto_step;
use crate::refused::Cause;

/// How a store is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The file; in memory if `None`.
    pub path: Option<PathBuf>,
    /// Length of an interval in seconds.
    pub interval_s: u32,
    /// Most bytes of contexts and intervals in memory.
    pub bytes_max: usize,
    /// Most bytes of the file; 0 for as many as the disk has.
    pub file_bytes_max: u64,
    /// Most contexts.
    pub contexts_max: usize,
    /// Points older than so many seconds are deleted; 0 keeps all.
    pub retention_s: u64,
}

impl Default for StoreConfig {
    /// In memory, intervals of 10 s, half a gibibyte, a million contexts, nothing is deleted.
    fn default() -> StoreConfig {
        StoreConfig {
            path: None,
            interval_s: 10,
            bytes_max: 512 << 20,
            file_bytes_max: 0,
            contexts_max: 1_000_000,
            retention_s: 0,
        }
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Entries stored.
    pub entries: u64,
    /// Values behind them.
    pub values: u64,
    /// The batch's id was known: nothing was stored.
    pub duplicate: bool,
}

/// Why something could not be stored.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be opened.
    Open {
        /// The file.
        path: PathBuf,
        /// What the system or SQLite says.
        why: String,
    },
    /// The file is something else: another program's database, or none at all.
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// Another intake has the file.
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file was made by another version or for another interval.
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs.
        key: &'static str,
        /// What the file has.
        found: i64,
        /// What was asked for.
        wanted: i64,
    },
    /// There is no room on the disk, or the file has its greatest size.
    DiskFull,
    /// There is no room for further contexts: in number, or in memory.
    ContextsFull {
        /// Most contexts that fit.
        max: usize,
    },
    /// The file cannot be read or written.
    Sql(String),
    /// The store has been closed.
    Closed,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Open { path, why } => {
                write!(f, "cannot open the store {}: {why}; name a file that can be written", path.display())
            }
            StoreError::NotAStore { path } => write!(
                f,
                "{} is not a store of pointmill intake, and is left as it is; name another file",
                path.display()
            ),
            StoreError::InUse { path } => write!(
                f,
                "the store {} is open in another intake; stop that one, or name another file",
                path.display()
            ),
            StoreError::Mismatch { path, key: "interval_s", found, wanted } => write!(
                f,
                "the store {} has intervals of {found} s, not {wanted}; say --interval {found}, or name another file",
                path.display()
            ),
            StoreError::Mismatch { path, key, found, wanted } => write!(
                f,
                "the store {} was made by another version of pointmill ({key} {found}, here {wanted}); use that version, or name another file",
                path.display()
            ),
            StoreError::DiskFull => {
                f.write_str("the store is full: no room on the disk, or --store-max is reached; make room, or shorten --retention")
            }
            StoreError::ContextsFull { max } => {
                write!(f, "the store is full: no room for more than {max} contexts; raise --contexts-max or --memory-max, use fewer tags, or POST /v1/reset")
            }
            StoreError::Sql(what) => write!(f, "the store cannot be read or written: {what}"),
            StoreError::Closed => f.write_str("the store is being closed; send again after the restart"),
        }
    }
}

impl std::error::Error for StoreError {}

impl StoreError {
    /// What a body that meets it is counted under.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            StoreError::DiskFull | StoreError::ContextsFull { .. } => Cause::Full,
            _ => Cause::Storage,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        if file::is_full(&error) {
            StoreError::DiskFull
        } else {
            StoreError::Sql(error.to_string())
        }
    }
}

/// The store. Dropping the last [`Arc`] of it ends its writer after what was queued.
#[derive(Debug)]
pub struct Store {
    config: StoreConfig,
    shared: Arc<Shared>,
    reader: Option<Mutex<Reader>>,
    commands: mpsc::Sender<Command>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
    /// The last field: it goes when nobody reads the file any more.
    _lock: Option<Lock>,
}

/// What writer and readers share.
#[derive(Debug, Default)]
struct Shared {
    memory: RwLock<Memory>,
    /// Number of the last commit.
    sequence: watch::Sender<u64>,
}

/// Batches that may wait for the writer; each holds its share of the budget of bodies.
const QUEUE: usize = 1024;

impl Store {
    /// Opens the store and starts its writer.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::NotAStore`], [`StoreError::InUse`],
    /// [`StoreError::Mismatch`] or [`StoreError::Sql`].
    pub fn open(config: StoreConfig) -> Result<Store, StoreError> {
        let mut memory = Memory::default();
        let (mut file, mut reader, mut lock) = (None, None, None);
        if let Some(path) = &config.path {
            lock = Some(Lock::take(path)?);
            let (opened, directory) = File::open(path, config.interval_s, config.file_bytes_max)?;
            memory.directory = directory;
            memory.hot_from = i64::MAX;
            let reads = opened.reader()?;
            load(&mut memory, &reads, &config)?;
            reader = Some(Mutex::new(reads));
            file = Some(opened);
        }
        let shared = Arc::new(Shared {
            memory: RwLock::new(memory),
            ..Shared::default()
        });
        let (commands, receiver) = mpsc::channel(QUEUE);
        let writer = Writer::new(config.clone(), shared.clone(), file)?;
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(receiver));
        let thread = thread.map_err(|error| StoreError::Sql(error.to_string()))?;
        Ok(Store {
            config,
            shared,
            reader,
            commands,
            writer: Mutex::new(Some(thread)),
            _lock: lock,
        })
    }

    /// Stores a batch: as a whole, or not at all.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], [`StoreError::ContextsFull`], [`StoreError::Sql`] or
    /// [`StoreError::Closed`]; nothing of the batch is stored then.
    pub async fn store(&self, batch: Batch) -> Result<Receipt, StoreError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Store(Box::new(batch), reply);
        self.commands
            .send(command)
            .await
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// As [`Store::store`], for threads that may wait.
    ///
    /// # Errors
    /// Those of [`Store::store`].
    ///
    /// # Panics
    /// When called on a thread that runs asynchronous tasks.
    pub fn store_blocking(&self, batch: Batch) -> Result<Receipt, StoreError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Store(Box::new(batch), reply);
        self.commands
            .blocking_send(command)
            .map_err(|_| StoreError::Closed)?;
        answer.blocking_recv().map_err(|_| StoreError::Closed)?
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// [`StoreError::Sql`] or [`StoreError::Closed`].
    pub async fn reset(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(Command::Reset(reply))
            .await
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Deletes what is older than the retention, as seen at `now`.
    ///
    /// # Errors
    /// [`StoreError::Sql`] or [`StoreError::Closed`].
    pub async fn expire(&self, now: i64) -> Result<u64, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(Command::Expire(now, reply))
            .await
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Writes what is queued and ends the writer. What comes later is refused.
    pub async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::Close(reply)).await.is_ok() {
            let _ = answer.await;
        }
        let thread = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    /// Makes intervals longer, of a store without a file: `interval_s` must be a multiple of what it
    /// was. Sketches merge, counts add, the last gauge stands.
    pub(crate) fn lengthen_intervals(&mut self, interval_s: u32) {
        self.config.interval_s = interval_s;
        self.change(|memory| memory.lengthen_intervals(|_| Some(i64::from(interval_s))));
    }

    /// Puts intervals of a store without a file together where nobody can tell: there are at least
    /// four in a step of a chart over everything. Gauges, whose values at the ends of intervals
    /// count, stay as they are.
    pub(crate) fn lengthen_for_charts(&mut self) {
        let interval_s = i64::from(self.config.interval_s);
        let length_of = |metric: &Metric| {
            let (first, last) = metric.totals.span.filter(|_| metric.kind != Kind::Gauge)?;
            let step = auto_step(last - first + interval_s, interval_s);
            let fits = |length: &i64| 4 * length <= step && length % interval_s == 0;
            [3_600, 600, 60].into_iter().find(fits)
        };
        self.change(|memory| memory.lengthen_intervals(length_of));
    }

    fn change(&self, change: impl FnOnce(&mut Memory)) {
        let memory = self.shared.memory.write();
        change(&mut memory.unwrap_or_else(PoisonError::into_inner));
    }

    /// Bytes of contexts and intervals in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.view(Memory::bytes)
    }

    /// How the store was made.
    #[must_use]
    pub fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// Told the number of every commit.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.shared.sequence.subscribe()
    }

    /// Looks at memory. Keep it short: the writer waits.
    pub(crate) fn view<R>(&self, look: impl FnOnce(&Memory) -> R) -> R {
        look(
            &self
                .shared
                .memory
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// The slots of a metric that are in the file only.
    pub(crate) fn cold(
        &self,
        metric: u32,
        from: i64,
        to: i64,
        each: impl FnMut(i64, Arc<Slot>),
    ) -> Result<(), StoreError> {
        if let Some(reader) = &self.reader {
            let reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            reader.slots(metric, from, to, each)?;
        }
        Ok(())
    }

    /// Bytes of the file and its log; 0 without one.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.config
            .path
            .as_deref()
            .map_or(0, |path: &Path| Reader::file_bytes(path))
    }
}

/// Reads the newest intervals into memory: whole hours, newest first, while half of it is free.
fn load(memory: &mut Memory, reader: &Reader, config: &StoreConfig) -> Result<(), StoreError> {
    const HOUR: i64 = 3_600;
    let spans = memory
        .directory
        .metrics
        .iter()
        .filter_map(|metric| metric.totals.span);
    let Some((first, last)) = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else {
        memory.hot_from = i64::MIN;
        return Ok(());
    };
    let mut to = last.saturating_add(1);
    while to > first && memory.bytes() < config.bytes_max / 2 {
        let from = to.saturating_sub(HOUR);
        for id in 0..memory.directory.metrics.len() as u32 {
            let metric = &mut memory.directory.metrics[id as usize];
            let bytes = &mut memory.slot_bytes;
            reader.slots(id, from, to, |start, slot| {
                *bytes += slot.bytes();
                metric.slots.insert(start, slot);
            })?;
        }
        memory.hot_from = from;
        to = from;
        // Over a gap of any length to the next interval there is.
        let ends = memory
            .directory
            .metrics
            .iter()
            .filter_map(|metric| metric.totals.span);
        if ends
            .map(|(_, last)| last)
            .max()
            .is_none_or(|last| last < from)
        {
            break;
        }
    }
    if memory.hot_from <= first {
        memory.hot_from = i64::MIN;
    }
    Ok(())
}
