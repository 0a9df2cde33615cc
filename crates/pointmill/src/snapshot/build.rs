//! Building a snapshot entry by entry.

use std::sync::{Arc, Weak};

use ddsketch_agent::Summary;

use super::columns::{Columns, Record, Series, Spare};
use super::{Snapshot, Value};
use crate::Kind;

/// A series of a [`SnapshotBuilder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesId(u32);

/// Builds a [`Snapshot`] entry by entry: for a flush, a decoder or a test.
#[derive(Debug, Default)]
pub struct SnapshotBuilder {
    interval_s: u32,
    /// UTF-8, looked through once when all of it is there.
    text: Vec<u8>,
    columns: Columns,
    home: Weak<Spare>,
}

impl SnapshotBuilder {
    /// A builder for intervals of `interval_s` seconds.
    #[must_use]
    pub fn new(interval_s: u32) -> SnapshotBuilder {
        SnapshotBuilder {
            interval_s,
            ..SnapshotBuilder::default()
        }
    }

    /// A builder in memory of an earlier snapshot, to which the new one's goes back in the end.
    pub(crate) fn in_spare(interval_s: u32, spare: &Arc<Spare>) -> SnapshotBuilder {
        let (text, columns) = spare.take();
        SnapshotBuilder {
            interval_s,
            text,
            columns,
            home: Arc::downgrade(spare),
        }
    }

    /// Makes room for this many further entries and bins.
    pub fn reserve(&mut self, entries: usize, text_bytes: usize, bins: usize) {
        self.columns.entries.reserve(entries);
        self.columns.series.reserve(entries);
        self.text.reserve(text_bytes);
        self.columns.keys.reserve(bins);
        self.columns.counts.reserve(bins);
    }

    /// Adds a series. `tags` are to be sorted and distinct; a caller that cannot promise it uses
    /// [`SnapshotBuilder::series_unsorted`].
    ///
    /// # Panics
    /// If one series has 4 GiB of text, or there are 2^32 series.
    pub fn series<'t>(
        &mut self,
        kind: Kind,
        name: &str,
        tags: impl IntoIterator<Item = &'t str>,
    ) -> SeriesId {
        let (text, ends) = (&mut self.text, &mut self.columns.ends);
        let (text_start, ends_start) = (text.len(), ends.len());
        let mut push = |part: &str| {
            text.extend_from_slice(part.as_bytes());
            ends.push(end_of(text, text_start));
        };
        push(name);
        tags.into_iter().for_each(push);
        self.push_series(kind, text_start, ends_start)
    }

    /// Adds a series of which `write` appends the parts' bytes and their ends, counted from where
    /// the text was when it was called.
    pub(crate) fn series_written(
        &mut self,
        kind: Kind,
        write: impl FnOnce(&mut Vec<u8>, &mut Vec<u32>),
    ) -> SeriesId {
        let (text_start, ends_start) = (self.text.len(), self.columns.ends.len());
        write(&mut self.text, &mut self.columns.ends);
        self.push_series(kind, text_start, ends_start)
    }

    fn push_series(&mut self, kind: Kind, text_start: usize, ends_start: usize) -> SeriesId {
        let columns = &mut self.columns;
        columns.series.push(Series {
            text_start,
            ends_start,
            tags_len: (columns.ends.len() - ends_start - 1) as u32,
            kind,
        });
        SeriesId(u32::try_from(columns.series.len() - 1).expect("fewer than 2^32 series"))
    }

    /// Adds a series whose tags come in any order, with duplicates and empty ones.
    pub fn series_unsorted(&mut self, kind: Kind, name: &str, tags: &[&str]) -> SeriesId {
        self.series(kind, name, sorted_distinct(tags.to_vec()))
    }

    /// Adds the value of a count or gauge.
    pub fn scalar(&mut self, series: SeriesId, interval_start: i64, points: u64, value: f64) {
        self.push(
            series,
            interval_start,
            points,
            Value::Scalar(value),
            self.columns.keys.len(),
        );
    }

    /// Adds a sketch: its summary and its bins in ascending order of key. A count above
    /// `u32::MAX` becomes several bins of its key, the remainder first, as the wire has it.
    pub fn sketch(
        &mut self,
        series: SeriesId,
        interval_start: i64,
        points: u64,
        summary: Summary,
        bins: impl IntoIterator<Item = (i16, u64)>,
    ) {
        let start = self.columns.keys.len();
        for (key, count) in bins {
            self.push_bin(key, count);
        }
        self.push(
            series,
            interval_start,
            points,
            Value::Summary(summary),
            start,
        );
    }

    /// As [`SnapshotBuilder::sketch`], for bins that `write` appends to the columns of keys and
    /// counts.
    pub(crate) fn sketch_written(
        &mut self,
        series: SeriesId,
        interval_start: i64,
        points: u64,
        summary: Summary,
        write: impl FnOnce(&mut Vec<i16>, &mut Vec<u32>),
    ) {
        let start = self.columns.keys.len();
        write(&mut self.columns.keys, &mut self.columns.counts);
        let value = Value::Summary(summary);
        self.push(series, interval_start, points, value, start);
    }

    #[inline]
    fn push_bin(&mut self, key: i16, count: u64) {
        const FULL: u64 = u32::MAX as u64;
        let mut push = |n: u64| {
            self.columns.keys.push(key);
            self.columns.counts.push(n as u32);
        };
        if count <= FULL {
            if count > 0 {
                push(count);
            }
            return;
        }
        if !count.is_multiple_of(FULL) {
            push(count % FULL);
        }
        (0..count / FULL).for_each(|_| push(FULL));
    }

    fn push(
        &mut self,
        series: SeriesId,
        interval_start: i64,
        points: u64,
        value: Value,
        from: usize,
    ) {
        let bins_len = (self.columns.keys.len() - from) as u32;
        self.columns.entries.push(Record {
            series: series.0,
            bins_len,
            bins_start: from,
            interval_start,
            points,
            value,
        });
    }

    /// The finished snapshot.
    #[must_use]
    pub fn finish(self) -> Snapshot {
        let text = String::from_utf8(self.text).unwrap_or_else(|error| {
            // What is interned is UTF-8, so this would be a fault of ours. Every byte keeps its
            // place.
            let mut bytes = error.into_bytes();
            bytes
                .iter_mut()
                .filter(|byte| !byte.is_ascii())
                .for_each(|byte| *byte = b'?');
            String::from_utf8(bytes).unwrap_or_default()
        });
        Snapshot {
            interval_s: self.interval_s,
            text,
            columns: self.columns,
            home: self.home,
        }
    }
}

/// The end of a part, counted from where its series' text begins.
fn end_of(text: &[u8], start: usize) -> u32 {
    u32::try_from(text.len() - start).expect("a series' text is below 4 GiB")
}

/// Sorts, drops duplicates and empty tags.
pub(crate) fn sorted_distinct(mut tags: Vec<&str>) -> Vec<&str> {
    tags.retain(|tag| !tag.is_empty());
    tags.sort_unstable();
    tags.dedup();
    tags
}
