//! What a commit is going to write: joined with what is there, but not yet part of it.
//!
//! Rows are copied out of memory (or read from the file, if their interval is not in memory any more),
//! joined with what came, written, and only then put into memory. A commit that fails has changed
//! nothing that a query can see.

use std::collections::BTreeMap;

use super::StoreError;
use super::directory::Directory;
use super::file::File;
use super::memory::{Memory, Target, join_of, row_of};
use super::slot::Slot;
use crate::batch::Batch;

/// Everything of one commit.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    pub(crate) places: BTreeMap<(u32, i64), Place>,
    pub(crate) metrics: BTreeMap<u32, Change>,
    pub(crate) batch_ids: Vec<(String, i64)>,
}

/// The rows of one metric and interval that change.
#[derive(Debug, Default)]
pub(crate) struct Place {
    pub(crate) rows: Slot,
    /// Points and values that were there before.
    before: Change,
}

/// Points and values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Change {
    pub(crate) points: u64,
    pub(crate) values: u64,
}

impl Staged {
    /// Joins a batch's entries to copies of the rows they belong to.
    pub(crate) fn add(
        &mut self,
        batch: &Batch,
        targets: &[Target],
        memory: &Memory,
        file: &File,
    ) -> Result<(), StoreError> {
        for entry in batch.snapshot.iter() {
            let Target { series, metric } = targets[entry.series()];
            let start = entry.interval();
            let place = self.places.entry((metric, start)).or_default();
            if place.rows.row(series).is_none() {
                if start >= memory.hot_from {
                    let slot = memory.directory.metrics[metric as usize].slots.get(&start);
                    if let Some((slot, row)) = slot.and_then(|slot| Some((slot, slot.row(series)?)))
                    {
                        place.rows.put(series, &row.summary, slot.bins(row));
                    }
                } else {
                    file.row(metric, start, series, &mut place.rows)?;
                }
                if let Some(row) = place.rows.row(series) {
                    place.before.points += 1;
                    place.before.values += row.summary.count;
                }
            }
            let (summary, bins) = row_of(&entry);
            place
                .rows
                .join(series, join_of(entry.kind()), &summary, bins);
        }
        Ok(())
    }

    /// The contexts that have their first values, in the order of their numbers.
    pub(crate) fn new_series(&self, directory: &Directory) -> Vec<u32> {
        let rows = self.places.values().flat_map(|place| place.rows.rows());
        let series = rows.map(|row| row.series);
        let mut new: Vec<u32> = series
            .filter(|id| !directory.series[*id as usize].has_values())
            .collect();
        new.sort_unstable();
        new.dedup();
        new
    }

    /// Adds up what the commit changes of each metric.
    pub(crate) fn count(&mut self) {
        self.metrics.clear();
        for ((metric, _), place) in &self.places {
            let change = self.metrics.entry(*metric).or_default();
            let added = place.added();
            change.points += added.points;
            change.values += added.values;
        }
    }
}

impl Place {
    /// What is there now and was not before.
    pub(crate) fn added(&self) -> Change {
        Change {
            points: self.rows.len() as u64 - self.before.points,
            values: self.rows.values().saturating_sub(self.before.values),
        }
    }
}
