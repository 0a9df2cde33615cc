//! One metric in one interval: a row a context, all bins in two columns.
//!
//! ```text
//! rows    series, summary, range of bins ──▶ keys (i16) and counts (u32), one row's behind the other's
//! index   series ──▶ row
//! ```
//!
//! Queries walk rows and columns from front to back. A row whose bins grow gets a new range at the end;
//! when more than half of the columns is no row's any more they are written anew. A count above
//! 32 bits takes several bins of its key, as on the wire.

use std::collections::HashMap;

use ahash::RandomState;
use ddsketch_agent::Summary;

/// A context's value in the interval. A scalar has its value in `summary.sum`, the number of points
/// that went into it in `summary.count`, and no bins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) series: u32,
    pub(crate) summary: Summary,
    bins_start: u32,
    bins_len: u32,
}

/// The values of one metric in one interval.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    rows: Vec<Row>,
    index: HashMap<u32, u32, RandomState>,
    keys: Vec<i16>,
    counts: Vec<u32>,
    garbage: usize,
    values: u64,
}

/// A row's bins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BinsRef<'a> {
    pub(crate) keys: &'a [i16],
    pub(crate) counts: &'a [u32],
}

/// How a value joins the one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// Sketches merge.
    Merge,
    /// Counts add.
    Add,
    /// The later gauge stands.
    Last,
}

impl Slot {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn row(&self, series: u32) -> Option<&Row> {
        self.index.get(&series).map(|row| &self.rows[*row as usize])
    }

    pub(crate) fn bins(&self, row: &Row) -> BinsRef<'_> {
        let range = row.bins_start as usize..(row.bins_start + row.bins_len) as usize;
        BinsRef {
            keys: &self.keys[range.clone()],
            counts: &self.counts[range],
        }
    }

    /// Values behind the rows.
    pub(crate) fn values(&self) -> u64 {
        self.values
    }

    /// Memory in bytes, this included.
    pub(crate) fn bytes(&self) -> usize {
        // A table of hashbrown has a byte of its own an entry and is at most 7/8 full.
        size_of::<Slot>()
            + self.rows.capacity() * size_of::<Row>()
            + self.index.capacity() * 8 / 7 * 9
            + self.keys.capacity() * 2
            + self.counts.capacity() * 4
    }

    /// Joins a value to the series' row.
    pub(crate) fn join(&mut self, series: u32, how: Join, summary: &Summary, bins: BinsRef<'_>) {
        let Some(at) = self.index.get(&series).copied() else {
            return self.push(series, summary, bins);
        };
        self.values = self.values.saturating_add(summary.count);
        let row = &mut self.rows[at as usize];
        match how {
            Join::Add => {
                row.summary.count = row.summary.count.saturating_add(summary.count);
                row.summary.sum += summary.sum;
            }
            Join::Last => {
                row.summary.count = row.summary.count.saturating_add(summary.count);
                row.summary.sum = summary.sum;
            }
            Join::Merge => {
                row.summary.merge(summary);
                self.merge_bins(at as usize, bins);
            }
        }
    }

    /// Puts a value in the place of the series' row, whatever was there.
    pub(crate) fn put(&mut self, series: u32, summary: &Summary, bins: BinsRef<'_>) {
        match self.index.get(&series).copied() {
            None => self.push(series, summary, bins),
            Some(at) => {
                let before = self.rows[at as usize].summary.count;
                self.values = self
                    .values
                    .saturating_sub(before)
                    .saturating_add(summary.count);
                self.rows[at as usize].summary = *summary;
                self.set_bins(at as usize, bins);
            }
        }
    }

    fn push(&mut self, series: u32, summary: &Summary, bins: BinsRef<'_>) {
        self.index.insert(series, self.rows.len() as u32);
        self.values = self.values.saturating_add(summary.count);
        let bins_start = self.keys.len() as u32;
        self.keys.extend_from_slice(bins.keys);
        self.counts.extend_from_slice(bins.counts);
        self.rows.push(Row {
            series,
            summary: *summary,
            bins_start,
            bins_len: bins.keys.len() as u32,
        });
    }

    fn set_bins(&mut self, at: usize, bins: BinsRef<'_>) {
        let row = &mut self.rows[at];
        let start = row.bins_start as usize;
        if bins.keys.len() == row.bins_len as usize {
            self.keys[start..start + bins.keys.len()].copy_from_slice(bins.keys);
            self.counts[start..start + bins.keys.len()].copy_from_slice(bins.counts);
            return;
        }
        self.garbage += row.bins_len as usize;
        row.bins_start = self.keys.len() as u32;
        row.bins_len = bins.keys.len() as u32;
        self.keys.extend_from_slice(bins.keys);
        self.counts.extend_from_slice(bins.counts);
        if self.garbage > 1024 && self.garbage > self.keys.len() / 2 {
            self.compact();
        }
    }

    fn merge_bins(&mut self, at: usize, other: BinsRef<'_>) {
        let row = self.rows[at];
        let own = self.bins(&row);
        if own.keys == other.keys && add_in_place_fits(own.counts, other.counts) {
            let start = row.bins_start as usize;
            let counts = &mut self.counts[start..start + other.counts.len()];
            counts
                .iter_mut()
                .zip(other.counts)
                .for_each(|(a, b)| *a += b);
            return;
        }
        let (keys, counts) = merged(own, other);
        self.set_bins(
            at,
            BinsRef {
                keys: &keys,
                counts: &counts,
            },
        );
    }

    fn compact(&mut self) {
        let mut keys = Vec::with_capacity(self.keys.len() - self.garbage);
        let mut counts = Vec::with_capacity(keys.capacity());
        for row in &mut self.rows {
            let range = row.bins_start as usize..(row.bins_start + row.bins_len) as usize;
            row.bins_start = keys.len() as u32;
            keys.extend_from_slice(&self.keys[range.clone()]);
            counts.extend_from_slice(&self.counts[range]);
        }
        (self.keys, self.counts, self.garbage) = (keys, counts, 0);
    }
}

/// Whether no sum leaves 32 bits and no key stands twice (then bins of one key must be added up).
fn add_in_place_fits(a: &[u32], b: &[u32]) -> bool {
    a.iter()
        .zip(b)
        .all(|(a, b)| a.checked_add(*b).is_some_and(|n| n < u32::MAX))
}

/// The bins of two rows together.
fn merged(a: BinsRef<'_>, b: BinsRef<'_>) -> (Vec<i16>, Vec<u32>) {
    let mut keys = Vec::with_capacity(a.keys.len() + b.keys.len());
    let mut counts = Vec::with_capacity(keys.capacity());
    let (mut i, mut j) = (0, 0);
    while i < a.keys.len() || j < b.keys.len() {
        let key = match (a.keys.get(i), b.keys.get(j)) {
            (Some(x), Some(y)) => *x.min(y),
            (Some(x), None) => *x,
            (None, Some(y)) => *y,
            (None, None) => break,
        };
        let mut count = 0u64;
        while a.keys.get(i) == Some(&key) {
            count += u64::from(a.counts[i]);
            i += 1;
        }
        while b.keys.get(j) == Some(&key) {
            count += u64::from(b.counts[j]);
            j += 1;
        }
        push_bin(&mut keys, &mut counts, key, count);
    }
    (keys, counts)
}

/// Appends a bin, as several if the count is above 32 bits.
pub(crate) fn push_bin(keys: &mut Vec<i16>, counts: &mut Vec<u32>, key: i16, mut count: u64) {
    while count > 0 {
        let n = count.min(u64::from(u32::MAX));
        keys.push(key);
        counts.push(n as u32);
        count -= n;
    }
}

#[cfg(test)]
mod tests {
    use ddsketch_agent::{Profile, Sketch};
    use proptest::prelude::*;

    use super::*;

    fn sketch(values: &[f64]) -> (Summary, ddsketch_agent::Bins) {
        let mut sketch = Sketch::new();
        sketch.insert_many(values);
        (sketch.summary(), sketch.bins(Profile::U32))
    }

    fn join(slot: &mut Slot, series: u32, values: &[f64]) {
        let (summary, bins) = sketch(values);
        slot.join(
            series,
            Join::Merge,
            &summary,
            BinsRef {
                keys: &bins.keys,
                counts: &bins.counts,
            },
        );
    }

    proptest! {
        /// Whatever the order and the sizes, a row is the sketch that merging gives.
        #[test]
        fn rows_are_merged_sketches(
            parts in proptest::collection::vec((0..4u32, proptest::collection::vec(-1e6..1e6f64, 1..40)), 1..60),
        ) {
            let mut slot = Slot::default();
            let mut expected: Vec<Option<Sketch>> = vec![None; 4];
            for (series, values) in &parts {
                join(&mut slot, *series, values);
                let mut one = Sketch::new();
                one.insert_many(values);
                match &mut expected[*series as usize] {
                    Some(all) => all.merge(&one),
                    none => *none = Some(one),
                }
            }
            for (series, sketch) in expected.iter().enumerate() {
                let Some(sketch) = sketch else { continue };
                let row = slot.row(series as u32).unwrap();
                let bins = sketch.bins(Profile::U32);
                prop_assert_eq!(slot.bins(row), BinsRef { keys: &bins.keys, counts: &bins.counts });
                prop_assert_eq!(row.summary, sketch.summary());
            }
        }
    }

    #[test]
    fn counts_past_32_bits_become_several_bins() {
        let mut slot = Slot::default();
        let summary = sketch(&[1.0]).0;
        let bins = BinsRef {
            keys: &[1338],
            counts: &[u32::MAX - 1],
        };
        slot.join(7, Join::Merge, &summary, bins);
        slot.join(7, Join::Merge, &summary, bins);
        slot.join(7, Join::Merge, &summary, bins);
        let row = *slot.row(7).unwrap();
        assert_eq!(slot.bins(&row).keys, [1338, 1338, 1338]);
        let total: u64 = slot.bins(&row).counts.iter().map(|n| u64::from(*n)).sum();
        assert_eq!(total, 3 * u64::from(u32::MAX - 1));
    }

    #[test]
    fn what_outgrew_its_place_is_cleared_away() {
        let mut slot = Slot::default();
        for i in 0..2_000 {
            join(&mut slot, 0, &[1.5f64.powi(i % 60), f64::from(i)]);
        }
        let row = *slot.row(0).unwrap();
        assert_eq!(row.summary.count, 4_000);
        assert!(
            slot.keys.len() <= 2 * slot.bins(&row).keys.len() + 1024,
            "{}",
            slot.keys.len()
        );
    }
}
