//! The memory of a snapshot, and its way back to the engine.
//!
//! A snapshot of 10,000 contexts of 100 bins takes 8 MB. Memory of that size comes fresh from the
//! system every time, and touching its pages costs more than filling them. So a snapshot that is
//! dropped hands its columns to the engine it came from, which keeps one set for the next flush.

use std::sync::Mutex;

use super::Value;
use crate::Kind;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Series {
    pub(super) text_start: usize,
    pub(super) ends_start: usize,
    pub(super) tags_len: u32,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) series: u32,
    pub(super) bins_len: u32,
    pub(super) bins_start: usize,
    pub(super) interval_start: i64,
    pub(super) points: u64,
    pub(super) value: Value,
}

/// Everything of a snapshot but its text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    /// For every series its parts' ends in its piece of the text: the name's, then each tag's.
    pub(super) ends: Vec<u32>,
    pub(super) series: Vec<Series>,
    pub(super) entries: Vec<Record>,
    pub(super) keys: Vec<i16>,
    pub(super) counts: Vec<u32>,
}

impl Columns {
    fn clear(&mut self) {
        self.ends.clear();
        self.series.clear();
        self.entries.clear();
        self.keys.clear();
        self.counts.clear();
    }

    /// Bytes in use, and bytes held.
    fn bytes(&self) -> (usize, usize) {
        fn of<T>(column: &Vec<T>) -> (usize, usize) {
            (
                size_of::<T>() * column.len(),
                size_of::<T>() * column.capacity(),
            )
        }
        [
            of(&self.ends),
            of(&self.series),
            of(&self.entries),
            of(&self.keys),
            of(&self.counts),
        ]
        .into_iter()
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

/// At most one set of columns that nobody uses.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Option<(Vec<u8>, Columns)>>);

/// Memory that is kept whatever the last snapshot used of it.
const KEPT_BYTES_LEAST: usize = 64 << 10;

/// Memory is kept if the last snapshot used this share of it, so that one large flush does not hold
/// it for ever.
const KEPT_SHARE: usize = 4;

impl Spare {
    /// The columns kept, empty ones if there are none.
    pub(crate) fn take(&self) -> (Vec<u8>, Columns) {
        let kept = self.0.try_lock().ok().and_then(|mut kept| kept.take());
        kept.unwrap_or_default()
    }

    /// Keeps columns for the next flush, or frees them. Never waits: a snapshot may be dropped
    /// anywhere.
    pub(super) fn give(&self, mut text: Vec<u8>, mut columns: Columns) {
        let (used, held) = columns.bytes();
        let (used, held) = (used + text.len(), held + text.capacity());
        if held > KEPT_BYTES_LEAST.max(KEPT_SHARE * used) {
            return;
        }
        text.clear();
        columns.clear();
        let before = self
            .0
            .try_lock()
            .ok()
            .and_then(|mut kept| kept.replace((text, columns)));
        // Freed here, after the lock.
        drop(before);
    }

    /// Bytes kept.
    #[cfg(test)]
    fn held(&self) -> usize {
        let kept = self.0.lock().unwrap();
        kept.as_ref()
            .map_or(0, |(text, columns)| text.capacity() + columns.bytes().1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Engine, Flush};

    fn flush(engine: &Engine, contexts: usize) -> crate::Snapshot {
        for i in 0..contexts {
            let id = engine.context(Kind::Distribution, "latency", &[format!("i:{i}")]);
            let id = id.unwrap();
            (0..50).for_each(|v| engine.record(id, f64::from(v)).unwrap());
        }
        engine.flush(1_700_000_000, Flush::All)
    }

    #[test]
    fn a_dropped_snapshots_memory_is_the_next_ones() {
        let engine = Engine::new(&Config::default(), 1_700_000_000).unwrap();
        let spare = &engine.shared.spare;
        let first = flush(&engine, 1000);
        let keys = first.columns.keys.as_ptr();
        assert_eq!(spare.held(), 0);
        drop(first);
        assert!(spare.held() > 0);
        let second = flush(&engine, 1000);
        assert_eq!(second.columns.keys.as_ptr(), keys);
        assert_eq!(second.len(), 1000);
        assert_eq!(second.get(999).unwrap().tag(0), Some("i:999"));
        // A copy is a snapshot of its own; the last one that goes is kept.
        drop((second.clone(), second));
        assert!(spare.held() > 0);
    }

    #[test]
    fn one_large_flush_does_not_hold_its_memory_for_ever() {
        let engine = Engine::new(&Config::default(), 1_700_000_000).unwrap();
        drop(flush(&engine, 5000));
        assert!(engine.shared.spare.held() > 1 << 20);
        drop(flush(&engine, 1));
        assert!(engine.shared.spare.held() < 1 << 20);
    }

    #[test]
    fn a_snapshot_outlives_its_engine() {
        let engine = Engine::new(&Config::default(), 1_700_000_000).unwrap();
        let snapshot = flush(&engine, 10);
        drop(engine);
        assert_eq!(snapshot.points(), 500);
    }
}
