//! The part of the store that queries read: contexts and the intervals that are in memory.

use std::sync::Arc;

use ddsketch_agent::Summary;
use pointmill::{Entry, Kind, Value};

use super::directory::{Directory, Metric};
use super::slot::{BinsRef, Join, Slot};
use crate::batch::Batch;

/// Contexts and intervals.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) directory: Directory,
    /// Every interval from here on is in memory as a whole; earlier ones are in the file only.
    pub(crate) hot_from: i64,
    /// Bytes of all slots.
    pub(crate) slot_bytes: usize,
    pub(crate) evicted_points: u64,
    pub(crate) expired_points: u64,
    /// Number of the commit under way.
    pub(crate) sequence: u64,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
            directory: Directory::default(),
            hot_from: i64::MIN,
            slot_bytes: 0,
            evicted_points: 0,
            expired_points: 0,
            sequence: 0,
        }
    }
}

/// A series of a batch: its number and its metric's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) series: u32,
    pub(crate) metric: u32,
}

impl Target {
    const UNKNOWN: Target = Target {
        series: u32::MAX,
        metric: u32::MAX,
    };
}

/// How values of a kind join.
pub(crate) fn join_of(kind: Kind) -> Join {
    match kind {
        Kind::Distribution | Kind::Histogram => Join::Merge,
        Kind::Count => Join::Add,
        Kind::Gauge => Join::Last,
    }
}

/// An entry's value as a row has it.
pub(crate) fn row_of<'a>(entry: &Entry<'a>) -> (Summary, BinsRef<'a>) {
    match (entry.value(), entry.sketch()) {
        (Value::Summary(summary), Some(sketch)) => {
            let bins = BinsRef {
                keys: sketch.keys,
                counts: sketch.counts,
            };
            (summary, bins)
        }
        (value, _) => {
            let sum = match value {
                Value::Scalar(value) => value,
                Value::Summary(summary) => summary.sum,
            };
            let summary = Summary {
                count: entry.points(),
                sum,
                ..Summary::default()
            };
            (
                summary,
                BinsRef {
                    keys: &[],
                    counts: &[],
                },
            )
        }
    }
}

impl Memory {
    /// The numbers of a batch's series, adding those that are new; `None` if that were more than
    /// `contexts_max` or if contexts take `bytes_max`, and then nothing was added.
    pub(crate) fn resolve(
        &mut self,
        batch: &Batch,
        contexts_max: usize,
        bytes_max: usize,
    ) -> Option<Vec<Target>> {
        let mut targets: Vec<Target> = Vec::new();
        let mut key = String::new();
        let (mut unknown, mut last) = (0, usize::MAX);
        for entry in batch.snapshot.iter() {
            let at = entry.series();
            if at == last {
                continue;
            }
            last = at;
            if at >= targets.len() {
                targets.resize(at + 1, Target::UNKNOWN);
            }
            Directory::write_key(&mut key, entry.kind(), entry.name(), entry.tags());
            match self.directory.find(&key) {
                Some(series) => targets[at] = self.target(series),
                None => unknown += 1,
            }
        }
        let full =
            self.directory.len() + unknown > contexts_max || self.directory.bytes() >= bytes_max;
        if unknown > 0 && full {
            return None;
        }
        if unknown > 0 {
            self.add_unknown(batch, &mut targets);
        }
        for (at, unit) in &batch.units {
            if let Some(target) = targets
                .get(*at)
                .filter(|target| **target != Target::UNKNOWN)
            {
                unit.clone_into(&mut self.directory.metrics[target.metric as usize].unit);
            }
        }
        Some(targets)
    }

    fn add_unknown(&mut self, batch: &Batch, targets: &mut [Target]) {
        let mut key = String::new();
        for entry in batch.snapshot.iter() {
            let at = entry.series();
            if targets[at] == Target::UNKNOWN {
                Directory::write_key(&mut key, entry.kind(), entry.name(), entry.tags());
                // Two series of one body may be the same context.
                let series = match self.directory.find(&key) {
                    Some(series) => series,
                    None => self.directory.add(&key, entry.kind(), entry.name()),
                };
                targets[at] = self.target(series);
            }
        }
    }

    fn target(&self, series: u32) -> Target {
        Target {
            series,
            metric: self.directory.series[series as usize].metric,
        }
    }

    /// Notes when each context had its last value.
    pub(crate) fn see(&mut self, batch: &Batch, targets: &[Target]) {
        for entry in batch.snapshot.iter() {
            let series = targets[entry.series()].series as usize;
            let last = &mut self.directory.series[series].last;
            *last = entry.interval().max(*last);
        }
    }

    /// Joins all entries of a batch.
    pub(crate) fn apply(&mut self, batch: &Batch, targets: &[Target]) {
        self.see(batch, targets);
        let mut entries = batch.snapshot.iter().peekable();
        while let Some(first) = entries.next() {
            let place = |entry: &Entry<'_>| (targets[entry.series()].metric, entry.interval());
            let here = place(&first);
            self.change(here.0, here.1, |slot| {
                let mut next = Some(first);
                while let Some(entry) = next {
                    let (summary, bins) = row_of(&entry);
                    let series = targets[entry.series()].series;
                    slot.join(series, join_of(entry.kind()), &summary, bins);
                    next = entries.next_if(|entry| place(entry) == here);
                }
            });
        }
    }

    /// Changes a slot and keeps the books. It is copied only while a query still reads it.
    fn change(&mut self, metric: u32, start: i64, change: impl FnOnce(&mut Slot)) {
        let metric = &mut self.directory.metrics[metric as usize];
        metric.changed_at = self.sequence;
        let slot = metric.slots.entry(start).or_default();
        let (bytes, points, values) = match slot.len() {
            0 => (0, 0, 0),
            n => (slot.bytes(), n, slot.values()),
        };
        change(Arc::make_mut(slot));
        self.slot_bytes = self.slot_bytes - bytes + slot.bytes();
        metric.totals.points += (slot.len() - points) as u64;
        metric.totals.values += slot.values() - values;
        metric.totals.see(start);
    }

    /// Puts rows that have been written to the file into memory, in place of what was there.
    pub(crate) fn install(&mut self, metric: u32, start: i64, rows: &Slot) {
        self.change(metric, start, |slot| {
            for row in rows.rows() {
                slot.put(row.series, &row.summary, rows.bins(row));
            }
        });
    }

    /// Books rows that were written to the file and whose interval is not in memory.
    pub(crate) fn book(&mut self, metric: u32, start: i64, points: u64, values: u64) {
        let metric = &mut self.directory.metrics[metric as usize];
        metric.changed_at = self.sequence;
        metric.totals.points += points;
        metric.totals.values += values;
        metric.totals.see(start);
    }

    /// Drops the intervals before `before`; returns how many points of each metric that were.
    pub(crate) fn expire(&mut self, before: i64) -> Vec<(u32, u64, u64)> {
        let mut gone = Vec::new();
        for (id, metric) in self.directory.metrics.iter_mut().enumerate() {
            let kept = metric.slots.split_off(&before);
            let old = std::mem::replace(&mut metric.slots, kept);
            let points: usize = old.values().map(|slot| slot.len()).sum();
            let values: u64 = old.values().map(|slot| slot.values()).sum();
            self.slot_bytes -= old.values().map(|slot| slot.bytes()).sum::<usize>();
            if points > 0 {
                gone.push((id as u32, points as u64, values));
            }
        }
        gone
    }

    /// Takes what has expired out of the books.
    pub(crate) fn unbook(&mut self, gone: &[(u32, u64, u64)], before: i64) {
        for (id, points, values) in gone {
            self.expired_points += *points;
            let metric = &mut self.directory.metrics[*id as usize];
            metric.changed_at = self.sequence;
            let totals = &mut metric.totals;
            totals.points = totals.points.saturating_sub(*points);
            totals.values = totals.values.saturating_sub(*values);
            totals.span = totals
                .span
                .filter(|(_, last)| *last >= before)
                .map(|(first, last)| (first.max(before), last));
        }
    }

    /// Puts the intervals of each span of so many seconds together; `None` leaves a metric as it is.
    pub(crate) fn lengthen_intervals(&mut self, length_of: impl Fn(&Metric) -> Option<i64>) {
        self.slot_bytes = 0;
        for metric in &mut self.directory.metrics {
            if let Some(length) = length_of(metric) {
                for (start, old) in std::mem::take(&mut metric.slots) {
                    let start = start - start.rem_euclid(length);
                    let slot = Arc::make_mut(metric.slots.entry(start).or_default());
                    for row in old.rows() {
                        let bins = old.bins(row);
                        slot.join(row.series, join_of(metric.kind), &row.summary, bins);
                    }
                }
                metric.totals.points = metric.slots.values().map(|slot| slot.len() as u64).sum();
                let first = metric.slots.keys().next().copied();
                metric.totals.span = first.zip(metric.slots.keys().next_back().copied());
            }
            self.slot_bytes += metric
                .slots
                .values()
                .map(|slot| slot.bytes())
                .sum::<usize>();
        }
    }

    /// Memory in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.slot_bytes + self.directory.bytes()
    }

    /// Lets go of the oldest intervals until no more than `bytes_max` are held. The books of what
    /// has been stored stay if the points are in a file.
    pub(crate) fn evict(&mut self, bytes_max: usize, in_file: bool) {
        while self.bytes() > bytes_max {
            let oldest = self
                .directory
                .metrics
                .iter()
                .filter_map(|m| m.slots.keys().next().copied())
                .min();
            let Some(oldest) = oldest else { return };
            for id in 0..self.directory.metrics.len() {
                let metric = &mut self.directory.metrics[id];
                let Some(slot) = metric.slots.remove(&oldest) else {
                    continue;
                };
                self.slot_bytes -= slot.bytes();
                self.evicted_points += slot.len() as u64;
                if !in_file {
                    metric.totals.points -= slot.len() as u64;
                    metric.totals.values -= slot.values();
                    let first = metric.slots.keys().next().copied();
                    let last = metric.slots.keys().next_back().copied();
                    metric.totals.span = first.zip(last);
                }
            }
            if in_file {
                self.hot_from = self.hot_from.max(oldest.saturating_add(1));
            }
        }
    }
}
