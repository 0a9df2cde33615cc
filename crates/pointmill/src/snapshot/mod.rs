//! What a flush yields: an immutable, compact table of series and their values per interval.
//!
//! ```text
//! series   kind, name, sorted tags          ──▶ text (one string) + ends (one number a part)
//! entries  series, interval, points, value  ──▶ scalar, or summary + a range of the bin columns
//! bins     keys (i16) and counts (u32), all entries' columns one behind the other
//! ```
//!
//! A series that has values in several intervals stands once in the table. Nothing in a snapshot
//! points back to the engine: it may outlive it, be sent to another thread, merged and grouped.

mod build;
mod columns;

use std::collections::HashMap;
use std::collections::hash_map;
use std::mem;
use std::sync::Weak;

use ddsketch_agent::{Sketch, SketchRef, Summary};

use crate::Kind;
pub(crate) use build::sorted_distinct;
pub use build::{SeriesId, SnapshotBuilder};
pub(crate) use columns::Spare;
use columns::{Columns, Record, Series};

/// The flushed values of some intervals. Immutable; made by [`Engine::flush`](crate::Engine::flush),
/// by [`Snapshot::merge`], [`Snapshot::group_by`] or a [`SnapshotBuilder`].
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    interval_s: u32,
    text: String,
    columns: Columns,
    /// Where the memory goes back to when the snapshot is dropped.
    home: Weak<Spare>,
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            home.give(
                mem::take(&mut self.text).into_bytes(),
                mem::take(&mut self.columns),
            );
        }
    }
}

/// The value of an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A count's sum or a gauge's last value.
    Scalar(f64),
    /// The summary of a distribution's or histogram's sketch.
    Summary(Summary),
}

/// One series in one interval.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    snapshot: &'a Snapshot,
    record: &'a Record,
}

impl Snapshot {
    /// Entries in the snapshot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.entries.is_empty()
    }

    /// Length of an interval in seconds.
    #[must_use]
    pub fn interval_s(&self) -> u32 {
        self.interval_s
    }

    /// Recorded points that the entries stand for, all together.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.columns.entries.iter().map(|r| r.points).sum()
    }

    /// The entry `i`, or `None` past the end.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<Entry<'_>> {
        self.columns.entries.get(i).map(|record| Entry {
            snapshot: self,
            record,
        })
    }

    /// All entries. A flush orders them by context (oldest first) and interval.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> + Clone {
        self.columns.entries.iter().map(|record| Entry {
            snapshot: self,
            record,
        })
    }

    /// One snapshot of many: entries of the same kind, name, tags and interval become one.
    /// Sketches merge, counts add, and of two gauges the one of the later snapshot stands.
    ///
    /// The interval length is that of the first snapshot. Cost: one hash look-up an entry.
    #[must_use]
    pub fn merge<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Snapshot {
        let mut grouping = Grouping::default();
        let mut interval_s = None;
        for snapshot in snapshots {
            interval_s.get_or_insert(snapshot.interval_s);
            for entry in snapshot.iter() {
                grouping.add(
                    &entry,
                    entry.tags().collect(),
                    entry.interval(),
                    Gauges::Last,
                );
            }
        }
        grouping.finish(interval_s.unwrap_or(0))
    }

    /// Merges over every tag whose key (the part before the first colon) is not in `by`.
    ///
    /// Sketches merge and counts add. Gauges of one interval are averaged, as the receiver's
    /// default is. With [`Intervals::Merge`] all intervals become one that begins with the
    /// earliest; a gauge then shows its latest interval.
    #[must_use]
    pub fn group_by(&self, by: &[&str], intervals: Intervals) -> Snapshot {
        let mut grouping = Grouping::default();
        for entry in self.iter() {
            let tags = entry
                .tags()
                .filter(|tag| by.contains(&tag_key(tag)))
                .collect();
            let interval = match intervals {
                Intervals::Keep => entry.interval(),
                Intervals::Merge => i64::MIN,
            };
            grouping.add(&entry, tags, interval, Gauges::Average);
        }
        grouping.finish(self.interval_s)
    }
}

/// The key of a tag: what stands before its first colon, or the whole tag.
#[must_use]
pub fn tag_key(tag: &str) -> &str {
    tag.split_once(':').map_or(tag, |(key, _)| key)
}

/// What [`Snapshot::group_by`] does with the intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intervals {
    /// Entries of different intervals stay apart.
    Keep,
    /// All intervals become one.
    Merge,
}

impl<'a> Entry<'a> {
    /// The kind of the metric.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.of_series().kind
    }

    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.part(0)
    }

    /// How many tags there are.
    #[must_use]
    pub fn tags_len(&self) -> usize {
        self.of_series().tags_len as usize
    }

    /// The tag `i` in sorted order, or `None` past the end.
    #[must_use]
    pub fn tag(&self, i: usize) -> Option<&'a str> {
        (i < self.tags_len()).then(|| self.part(i + 1))
    }

    /// The tags, sorted, without duplicates.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = &'a str> + Clone + use<'a> {
        let entry = *self;
        (0..self.tags_len()).map(move |i| entry.part(i + 1))
    }

    /// The value of the first tag `key:value` with this key.
    #[must_use]
    pub fn tag_value(&self, key: &str) -> Option<&'a str> {
        self.tags()
            .find_map(|tag| tag.strip_prefix(key)?.strip_prefix(':'))
    }

    /// A number that is the same for two entries of this snapshot exactly if they are of the same
    /// series (kind, name and tags). Numbers are dense from 0.
    #[must_use]
    pub fn series(&self) -> usize {
        self.record.series as usize
    }

    /// Start of the interval, Unix seconds.
    #[must_use]
    pub fn interval(&self) -> i64 {
        self.record.interval_start
    }

    /// Recorded points that went into this entry (a sampled point counts as one here).
    #[must_use]
    pub fn points(&self) -> u64 {
        self.record.points
    }

    /// The value: a number, or the summary of a sketch.
    #[must_use]
    pub fn value(&self) -> Value {
        self.record.value
    }

    /// The number of a count or gauge; `None` for a sketch.
    #[must_use]
    pub fn scalar(&self) -> Option<f64> {
        match self.record.value {
            Value::Scalar(v) => Some(v),
            Value::Summary(_) => None,
        }
    }

    /// The sketch of a distribution or histogram; `None` for a scalar.
    #[must_use]
    pub fn sketch(&self) -> Option<SketchRef<'a>> {
        let Value::Summary(summary) = self.record.value else {
            return None;
        };
        let bins = self.record.bins_start..self.record.bins_start + self.record.bins_len as usize;
        Some(SketchRef {
            summary,
            keys: &self.snapshot.columns.keys[bins.clone()],
            counts: &self.snapshot.columns.counts[bins],
        })
    }

    /// The element of rank `q`, within 1/129 of it ([`SketchRef::quantile`]); `None` for a scalar
    /// or a `q` that is NaN.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.sketch()?.quantile(q)
    }

    fn of_series(&self) -> &'a Series {
        &self.snapshot.columns.series[self.record.series as usize]
    }

    /// Part 0 is the name, part i the tag i - 1.
    fn part(&self, i: usize) -> &'a str {
        let series = self.of_series();
        let ends = &self.snapshot.columns.ends[series.ends_start..];
        let from = if i == 0 { 0 } else { ends[i - 1] };
        &self.snapshot.text[series.text_start + from as usize..series.text_start + ends[i] as usize]
    }
}

/// How gauges that fall together are combined.
#[derive(Clone, Copy)]
enum Gauges {
    Last,
    Average,
}

/// Entries on their way into a merged snapshot, in the order of their first appearance.
#[derive(Default)]
struct Grouping<'a> {
    index: HashMap<(Kind, &'a str, Vec<&'a str>, i64), usize>,
    groups: Vec<Group>,
}

struct Group {
    interval_start: i64,
    points: u64,
    merged: Merged,
}

enum Merged {
    Sketch(Box<Sketch>),
    Count(f64),
    /// Sum and number of the values of the interval `at`.
    Gauge {
        at: i64,
        sum: f64,
        n: u64,
    },
}

impl<'a> Grouping<'a> {
    fn add(&mut self, entry: &Entry<'a>, tags: Vec<&'a str>, interval: i64, gauges: Gauges) {
        let key = (entry.kind(), entry.name(), tags, interval);
        let at = entry.interval();
        match self.index.entry(key) {
            hash_map::Entry::Vacant(slot) => {
                slot.insert(self.groups.len());
                let merged = match (entry.value(), entry.kind()) {
                    (Value::Scalar(sum), Kind::Gauge) => Merged::Gauge { at, sum, n: 1 },
                    (Value::Scalar(sum), _) => Merged::Count(sum),
                    (Value::Summary(_), _) => {
                        let sketch = sketch_of(entry);
                        Merged::Sketch(Box::new(sketch))
                    }
                };
                self.groups.push(Group {
                    interval_start: at,
                    points: entry.points(),
                    merged,
                });
            }
            hash_map::Entry::Occupied(slot) => {
                let group = &mut self.groups[*slot.get()];
                group.points += entry.points();
                group.interval_start = group.interval_start.min(at);
                group.merged.add(entry, gauges);
            }
        }
    }

    fn finish(self, interval_s: u32) -> Snapshot {
        let mut builder = SnapshotBuilder::new(interval_s);
        // Every group has one key; each goes where its group is.
        let mut keys: Vec<_> = self.groups.iter().map(|_| None).collect();
        for (key, i) in self.index {
            keys[i] = Some(key);
        }
        let mut seen = HashMap::<_, SeriesId>::default();
        for (group, key) in self.groups.iter().zip(keys) {
            let Some((kind, name, tags, _)) = key else {
                continue;
            };
            let series =
                *seen
                    .entry((kind, name, tags))
                    .or_insert_with_key(|(kind, name, tags)| {
                        builder.series(*kind, name, tags.iter().copied())
                    });
            let (at, points) = (group.interval_start, group.points);
            match &group.merged {
                Merged::Count(sum) => builder.scalar(series, at, points, *sum),
                Merged::Gauge { sum, n, .. } => builder.scalar(series, at, points, sum / *n as f64),
                Merged::Sketch(sketch) => {
                    let bins = sketch.bins(ddsketch_agent::Profile::U32);
                    let bins = bins
                        .keys
                        .iter()
                        .zip(&bins.counts)
                        .map(|(k, n)| (*k, u64::from(*n)));
                    builder.sketch(series, at, points, sketch.summary(), bins);
                }
            }
        }
        builder.finish()
    }
}

/// An entry's sketch; a scalar has none, and an empty one stands for it.
fn sketch_of(entry: &Entry<'_>) -> Sketch {
    entry
        .sketch()
        .map(|sketch| sketch.to_sketch())
        .unwrap_or_default()
}

impl Merged {
    fn add(&mut self, entry: &Entry<'_>, gauges: Gauges) {
        match (self, entry.value()) {
            (Merged::Sketch(sketch), Value::Summary(_)) => {
                sketch.merge(&sketch_of(entry));
            }
            (Merged::Count(sum), Value::Scalar(v)) => *sum += v,
            (Merged::Gauge { at, sum, n }, Value::Scalar(v)) => {
                let interval = entry.interval();
                match (gauges, interval.cmp(at)) {
                    (_, core::cmp::Ordering::Less) => {}
                    (Gauges::Average, core::cmp::Ordering::Equal) => {
                        *sum += v;
                        *n += 1;
                    }
                    _ => (*at, *sum, *n) = (interval, v, 1),
                }
            }
            // One kind has one form of value, and the kind is part of the key.
            _ => debug_assert!(false, "an entry's value does not fit its kind"),
        }
    }
}
