//! The store in a file: SQLite with a write-ahead log.
//!
//! ```text
//! meta     key, value                          version of the tables, length of an interval
//! metric   id, name, kind, unit, points, vals  what has been stored of it
//! series   id, metric, tags                    tags sorted, separated by commas
//! point    metric, start, series, count, sum, min, max, avg, bins
//! batch    id, at                              ids of bodies of the last hour
//! ```
//!
//! `bins` is a list of pairs: the difference of the key to the one before (zigzag) and the count,
//! both as base-128 integers. A commit is one transaction. The log is not synced at each (SQLite's
//! `synchronous = NORMAL`): a killed process loses nothing that was committed, a power cut may lose
//! the last commits but never damages the file.

use std::fs::{self, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ddsketch_agent::Summary;
use pointmill::Kind;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use super::StoreError;
use super::directory::Directory;
use super::memory::Memory;
use super::slot::{BinsRef, Slot, push_bin};
use super::stage::Staged;

/// Version of the tables; a file of another is refused.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS metric (id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind INTEGER NOT NULL,
    unit TEXT NOT NULL, points INTEGER NOT NULL, vals INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, metric INTEGER NOT NULL, tags TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS point (metric INTEGER NOT NULL, start INTEGER NOT NULL, series INTEGER NOT NULL,
    count INTEGER NOT NULL, sum REAL, min REAL, max REAL, avg REAL, bins BLOB,
    PRIMARY KEY (metric, start, series)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
";

/// The greatest number of a metric that is believed; a file with a greater one is damaged.
const METRICS_MAX: usize = 1 << 24;

/// The file, opened for writing.
#[derive(Debug)]
pub(crate) struct File {
    connection: Connection,
    path: PathBuf,
}

/// Keeps other intakes from a file: each numbers contexts for itself.
///
/// It is a lock of the whole open file (`flock`), which SQLite's own locks (`fcntl`) never meet.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: fs::File,
}

impl Lock {
    /// Makes the file if there is none, and locks it.
    pub(crate) fn take(path: &Path) -> Result<Lock, StoreError> {
        let mut options = fs::File::options();
        let file = options.read(true).append(true).create(true).open(path);
        let file = file.map_err(|error| StoreError::Open {
            path: path.to_owned(),
            why: error.to_string(),
        })?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            // If the other intake is in this very process, closing the file would take SQLite's
            // locks away from it.
            std::mem::forget(file);
            return Err(StoreError::InUse {
                path: path.to_owned(),
            });
        }
        // A file system without such locks has nobody to keep away that SQLite would let in.
        Ok(Lock { _file: file })
    }
}

impl File {
    /// Opens or makes the file, and reads which contexts there are.
    pub(crate) fn open(
        path: &Path,
        interval_s: u32,
        bytes_max: u64,
    ) -> Result<(File, Directory), StoreError> {
        let fail = |error| cannot_open(path, &error);
        let connection = Connection::open(path).map_err(fail)?;
        if !is_ours_or_new(&connection).map_err(fail)? {
            return Err(StoreError::NotAStore {
                path: path.to_owned(),
            });
        }
        prepare(&connection, bytes_max).map_err(fail)?;
        check_meta(&connection, "version", VERSION, path)?;
        check_meta(&connection, "interval_s", i64::from(interval_s), path)?;
        let directory = read_directory(&connection).map_err(fail)?;
        let directory = directory.ok_or_else(|| StoreError::Open {
            path: path.to_owned(),
            why: "it is damaged: a metric's number is too large".to_owned(),
        })?;
        let path = path.to_owned();
        Ok((File { connection, path }, directory))
    }

    /// A connection of its own for readers.
    pub(crate) fn reader(&self) -> Result<Reader, StoreError> {
        let fail = |error| cannot_open(&self.path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(fail)?;
        connection
            .busy_timeout(std::time::Duration::from_secs(5))
            .map_err(fail)?;
        Ok(Reader { connection })
    }

    /// The batch ids of the last hour, with their times.
    pub(crate) fn batch_ids(&self, since: i64) -> rusqlite::Result<Vec<(String, i64)>> {
        let mut statement = self
            .connection
            .prepare("SELECT id, at FROM batch WHERE at >= ? ORDER BY at")?;
        let rows = statement.query_map([since], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }

    /// Writes everything staged in one transaction.
    pub(crate) fn commit(&mut self, memory: &Memory, staged: &Staged) -> Result<(), StoreError> {
        let directory = &memory.directory;
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO series VALUES (?,?,?)")?;
            for id in staged.new_series(directory) {
                let series = &directory.series[id as usize];
                insert.execute(params![id, series.metric, series.tags_text()])?;
            }
            let mut upsert =
                transaction.prepare_cached("INSERT OR REPLACE INTO metric VALUES (?,?,?,?,?,?)")?;
            for (id, change) in &staged.metrics {
                let metric = &directory.metrics[*id as usize];
                let points = metric.totals.points.saturating_add(change.points) as i64;
                let values = metric.totals.values.saturating_add(change.values) as i64;
                upsert.execute(params![
                    id,
                    metric.name,
                    metric.kind as u32,
                    metric.unit,
                    points,
                    values
                ])?;
            }
            let mut insert = transaction
                .prepare_cached("INSERT OR REPLACE INTO point VALUES (?,?,?,?,?,?,?,?,?)")?;
            let mut blob = Vec::new();
            for ((metric, start), place) in &staged.places {
                for row in place.rows.rows() {
                    write_bins(&mut blob, place.rows.bins(row));
                    let s = &row.summary;
                    let bins = (!blob.is_empty()).then_some(&blob[..]);
                    let count = i64::try_from(s.count).unwrap_or(i64::MAX);
                    insert.execute(params![
                        metric, start, row.series, count, s.sum, s.min, s.max, s.avg, bins
                    ])?;
                }
            }
            let mut insert =
                transaction.prepare_cached("INSERT OR REPLACE INTO batch VALUES (?,?)")?;
            for (id, at) in &staged.batch_ids {
                insert.execute(params![id, at])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// One row as it is in the file, into `slot`.
    pub(crate) fn row(
        &self,
        metric: u32,
        start: i64,
        series: u32,
        slot: &mut Slot,
    ) -> rusqlite::Result<()> {
        let sql = "SELECT series, count, sum, min, max, avg, bins, start FROM point \
                   WHERE metric = ? AND start = ? AND series = ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![metric, start, series])?;
        let mut buffers = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            read_row(row, slot, &mut buffers)?;
        }
        Ok(())
    }

    /// Deletes what is older, and says how many points of each metric that were.
    pub(crate) fn expire(
        &mut self,
        metrics: usize,
        before: i64,
    ) -> Result<Vec<(u32, u64, u64)>, StoreError> {
        let transaction = self.connection.transaction()?;
        let mut gone = Vec::new();
        for metric in 0..metrics as u32 {
            let sql = "SELECT count(*), coalesce(sum(count), 0) FROM point WHERE metric = ? AND start < ?";
            let counted = transaction
                .prepare_cached(sql)?
                .query_row(params![metric, before], |row| {
                    Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
                })?;
            if counted.0 > 0 {
                transaction.execute(
                    "DELETE FROM point WHERE metric = ? AND start < ?",
                    params![metric, before],
                )?;
                let sql = "UPDATE metric SET points = points - ?, vals = vals - ? WHERE id = ?";
                transaction.execute(sql, params![counted.0 as i64, counted.1 as i64, metric])?;
                gone.push((metric, counted.0, counted.1));
            }
        }
        let hour_ago = crate::refused::now() as i64 - 3_600;
        transaction.execute("DELETE FROM batch WHERE at < ?", [hour_ago])?;
        transaction.commit()?;
        Ok(gone)
    }

    /// Deletes contexts that have no points any more.
    pub(crate) fn remove_series(&mut self, ids: &[u32]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for id in ids {
            transaction
                .prepare_cached("DELETE FROM series WHERE id = ?")?
                .execute([id])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Deletes everything.
    pub(crate) fn clear(&mut self) -> Result<(), StoreError> {
        let sql = "BEGIN; DELETE FROM point; DELETE FROM series; DELETE FROM metric; DELETE FROM batch; COMMIT;";
        self.connection.execute_batch(sql)?;
        Ok(())
    }

    /// Writes the log back into the file, so that the file alone is complete.
    pub(crate) fn close(&self) {
        // A reader in between leaves the log; it is read at the next start.
        let _ = self
            .connection
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
    }
}

/// A connection that only reads.
#[derive(Debug)]
pub(crate) struct Reader {
    connection: Connection,
}

impl Reader {
    /// The slots of a metric from `from` (inclusive) to `to` (exclusive), in order.
    pub(crate) fn slots(
        &self,
        metric: u32,
        from: i64,
        to: i64,
        mut each: impl FnMut(i64, Arc<Slot>),
    ) -> rusqlite::Result<()> {
        let sql = "SELECT series, count, sum, min, max, avg, bins, start FROM point \
                   WHERE metric = ? AND start >= ? AND start < ? ORDER BY start, series";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![metric, from, to])?;
        let (mut slot, mut open) = (Slot::default(), None);
        let mut buffers = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let start: i64 = row.get(7)?;
            if open != Some(start)
                && let Some(done) = open.replace(start)
            {
                each(done, Arc::new(std::mem::take(&mut slot)));
            }
            read_row(row, &mut slot, &mut buffers)?;
        }
        if let Some(done) = open {
            each(done, Arc::new(slot));
        }
        Ok(())
    }

    /// Bytes of the file with its log.
    pub(crate) fn file_bytes(path: &Path) -> u64 {
        let of = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        of(path) + of(Path::new(&log))
    }
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
        return StoreError::NotAStore { path };
    }
    let why = error.to_string();
    StoreError::Open { path, why }
}

/// Whether the file has no tables yet, or those of a store of any version. Nothing is written.
fn is_ours_or_new(connection: &Connection) -> rusqlite::Result<bool> {
    let tables = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    if tables("SELECT count(*) FROM sqlite_master")? == 0 {
        return Ok(true);
    }
    let columns = "SELECT count(*) FROM pragma_table_info('meta') WHERE name IN ('key', 'value')";
    Ok(tables(columns)? == 2
        && tables("SELECT count(*) FROM meta WHERE key IN ('version', 'interval_s')")? == 2)
}

fn prepare(connection: &Connection, bytes_max: u64) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768; \
         PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;",
    )?;
    if bytes_max > 0 {
        let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = (bytes_max as i64 / page.max(1)).max(1);
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| {
            row.get::<_, i64>(0)
        })?;
    }
    connection.execute_batch(TABLES)
}

fn check_meta(
    connection: &Connection,
    key: &'static str,
    value: i64,
    path: &Path,
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT OR IGNORE INTO meta VALUES (?,?)",
        params![key, value],
    )?;
    let found = connection.query_row("SELECT value FROM meta WHERE key = ?", [key], |row| {
        row.get::<_, i64>(0)
    })?;
    if found == value {
        return Ok(());
    }
    Err(StoreError::Mismatch {
        path: path.to_owned(),
        key,
        found,
        wanted: value,
    })
}

/// What contexts there are; `None` if their numbers cannot be.
fn read_directory(connection: &Connection) -> rusqlite::Result<Option<Directory>> {
    let now = crate::refused::now() as i64;
    let mut directory = Directory::default();
    let mut statement =
        connection.prepare("SELECT id, name, kind, unit, points, vals FROM metric ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, name): (i64, String) = (row.get(0)?, row.get(1)?);
        let kind = Kind::from_number(row.get(2)?).unwrap_or(Kind::Gauge);
        let Some(id) = usize::try_from(id).ok().filter(|id| *id < METRICS_MAX) else {
            return Ok(None);
        };
        // A number without a metric was that of a body that could not be written.
        while directory.metrics.len() < id {
            directory.add_metric("", Kind::Gauge);
        }
        directory.add_metric(&name, kind);
        let metric = &mut directory.metrics[id];
        metric.unit = row.get(3)?;
        metric.totals.points = row.get::<_, i64>(4)? as u64;
        metric.totals.values = row.get::<_, i64>(5)? as u64;
        let span = "SELECT min(start), max(start) FROM point WHERE metric = ?";
        let ends = connection.query_row(span, [id as i64], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
        metric.totals.span = ends.0.zip(ends.1);
    }
    let mut statement = connection.prepare("SELECT id, metric, tags FROM series ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut key = String::new();
    while let Some(row) = rows.next()? {
        let (id, metric, tags): (u32, u32, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let Some(metric) = directory.metrics.get(metric as usize) else {
            continue;
        };
        let (name, kind) = (metric.name.clone(), metric.kind);
        // Which of its points is the last is not in the table: none is later than this.
        let last = metric.totals.span.map_or(now, |(_, last)| last.max(now));
        while directory.series.len() < id as usize {
            directory.add_gap();
        }
        Directory::write_key(
            &mut key,
            kind,
            &name,
            tags.split(',').filter(|tag| !tag.is_empty()),
        );
        let added = directory.add(&key, kind, &name);
        directory.series[added as usize].last = last;
    }
    Ok(Some(directory))
}

type Buffers = (Vec<i16>, Vec<u32>);

fn read_row(
    row: &rusqlite::Row<'_>,
    slot: &mut Slot,
    (keys, counts): &mut Buffers,
) -> rusqlite::Result<()> {
    let number = |i| row.get::<_, Option<f64>>(i).map(|v| v.unwrap_or(f64::NAN));
    let summary = Summary {
        count: row.get::<_, i64>(1)? as u64,
        sum: number(2)?,
        min: number(3)?,
        max: number(4)?,
        avg: number(5)?,
    };
    keys.clear();
    counts.clear();
    if let Some(blob) = row.get_ref(6)?.as_blob_or_null().unwrap_or(None) {
        read_bins(blob, keys, counts);
    }
    slot.put(row.get(0)?, &summary, BinsRef { keys, counts });
    Ok(())
}

fn write_bins(out: &mut Vec<u8>, bins: BinsRef<'_>) {
    out.clear();
    let mut before = 0i32;
    for (key, count) in bins.keys.iter().zip(bins.counts) {
        let delta = i32::from(*key) - before;
        before = i32::from(*key);
        put_varint(out, ((delta << 1) ^ (delta >> 31)) as u32);
        put_varint(out, *count);
    }
}

/// Reads what [`write_bins`] has written; a damaged tail is left out.
fn read_bins(mut blob: &[u8], keys: &mut Vec<i16>, counts: &mut Vec<u32>) {
    let mut key = 0i32;
    while !blob.is_empty() {
        let (Some(delta), Some(count)) = (take_varint(&mut blob), take_varint(&mut blob)) else {
            return;
        };
        key = key.wrapping_add((delta >> 1) as i32 ^ -((delta & 1) as i32));
        let Ok(k) = i16::try_from(key) else { return };
        push_bin(keys, counts, k, u64::from(count));
    }
}

fn put_varint(out: &mut Vec<u8>, mut v: u32) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Whether an error says that there is no room.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_come_back() {
        let keys = [-32767, -5, -5, 0, 1, 1338, 32767];
        let counts = [1, u32::MAX, 3, 127, 128, 65_536, 9];
        let (mut blob, mut k, mut n) = (Vec::new(), Vec::new(), Vec::new());
        write_bins(
            &mut blob,
            BinsRef {
                keys: &keys,
                counts: &counts,
            },
        );
        read_bins(&blob, &mut k, &mut n);
        assert_eq!((&k[..], &n[..]), (&keys[..], &counts[..]));
        // A damaged list gives what stands before the damage.
        (k, n) = (Vec::new(), Vec::new());
        read_bins(&blob[..blob.len() - 1], &mut k, &mut n);
        assert_eq!((&k[..], &n[..]), (&keys[..6], &counts[..6]));
        read_bins(&[0xff; 12], &mut k, &mut n);
    }
}
