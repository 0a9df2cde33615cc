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

use std::collections::HashMap;
use std::collections::hash_map;

use ddsketch_agent::{Sketch, SketchRef, Summary};

use crate::Kind;

/// The flushed values of some intervals. Immutable; made by [`Engine::flush`](crate::Engine::flush),
/// by [`Snapshot::merge`], [`Snapshot::group_by`] or a [`SnapshotBuilder`].
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    interval_s: u32,
    text: String,
    /// For every series its parts' ends in its piece of `text`: the name's, then each tag's.
    ends: Vec<u32>,
    series: Vec<Series>,
    entries: Vec<Record>,
    keys: Vec<i16>,
    counts: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Series {
    text_start: usize,
    ends_start: usize,
    tags_len: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    series: u32,
    bins_len: u32,
    bins_start: usize,
    interval_start: i64,
    points: u64,
    value: Value,
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
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Length of an interval in seconds.
    #[must_use]
    pub fn interval_s(&self) -> u32 {
        self.interval_s
    }

    /// Recorded points that the entries stand for, all together.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.entries.iter().map(|r| r.points).sum()
    }

    /// The entry `i`, or `None` past the end.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<Entry<'_>> {
        self.entries.get(i).map(|record| Entry {
            snapshot: self,
            record,
        })
    }

    /// All entries. A flush orders them by context (oldest first) and interval.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> + Clone {
        self.entries.iter().map(|record| Entry {
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
                    entry.interval_start(),
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
                Intervals::Keep => entry.interval_start(),
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
        self.series().kind
    }

    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.part(0)
    }

    /// How many tags there are.
    #[must_use]
    pub fn tags_len(&self) -> usize {
        self.series().tags_len as usize
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
    pub fn series_index(&self) -> usize {
        self.record.series as usize
    }

    /// Start of the interval, Unix seconds.
    #[must_use]
    pub fn interval_start(&self) -> i64 {
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
            keys: &self.snapshot.keys[bins.clone()],
            counts: &self.snapshot.counts[bins],
        })
    }

    /// The element of rank `q`, within 1/129 of it ([`SketchRef::quantile`]); `None` for a scalar
    /// or a `q` that is NaN.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.sketch()?.quantile(q)
    }

    fn series(&self) -> &'a Series {
        &self.snapshot.series[self.record.series as usize]
    }

    /// Part 0 is the name, part i the tag i - 1.
    fn part(&self, i: usize) -> &'a str {
        let series = self.series();
        let ends = &self.snapshot.ends[series.ends_start..];
        let from = if i == 0 { 0 } else { ends[i - 1] };
        &self.snapshot.text[series.text_start + from as usize..series.text_start + ends[i] as usize]
    }
}

/// A series of a [`SnapshotBuilder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesId(u32);

/// Builds a [`Snapshot`] entry by entry: for a flush, a decoder or a test.
#[derive(Debug, Default)]
pub struct SnapshotBuilder {
    snapshot: Snapshot,
}

impl SnapshotBuilder {
    /// A builder for intervals of `interval_s` seconds.
    #[must_use]
    pub fn new(interval_s: u32) -> SnapshotBuilder {
        SnapshotBuilder {
            snapshot: Snapshot {
                interval_s,
                ..Snapshot::default()
            },
        }
    }

    /// Makes room for this many further entries and bins.
    pub fn reserve(&mut self, entries: usize, text_bytes: usize, bins: usize) {
        self.snapshot.entries.reserve(entries);
        self.snapshot.series.reserve(entries);
        self.snapshot.text.reserve(text_bytes);
        self.snapshot.keys.reserve(bins);
        self.snapshot.counts.reserve(bins);
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
        let snapshot = &mut self.snapshot;
        let text_start = snapshot.text.len();
        let ends_start = snapshot.ends.len();
        let mut push = |part: &str| {
            snapshot.text.push_str(part);
            let end = u32::try_from(snapshot.text.len() - text_start);
            snapshot
                .ends
                .push(end.expect("a series' text is below 4 GiB"));
        };
        push(name);
        tags.into_iter().for_each(push);
        let tags_len = (snapshot.ends.len() - ends_start - 1) as u32;
        snapshot.series.push(Series {
            text_start,
            ends_start,
            tags_len,
            kind,
        });
        SeriesId(u32::try_from(snapshot.series.len() - 1).expect("fewer than 2^32 series"))
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
            self.snapshot.keys.len(),
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
        let start = self.snapshot.keys.len();
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

    /// As [`SnapshotBuilder::sketch`], for bins that lie in memory: whole columns at a time.
    pub(crate) fn sketch_of_slice(
        &mut self,
        series: SeriesId,
        interval_start: i64,
        points: u64,
        summary: Summary,
        bins: &[(i16, u64)],
    ) {
        // One or of all counts tells whether any needs more than 32 bits.
        if bins.iter().fold(0, |all, bin| all | bin.1) > u64::from(u32::MAX) {
            return self.sketch(
                series,
                interval_start,
                points,
                summary,
                bins.iter().copied(),
            );
        }
        let start = self.snapshot.keys.len();
        self.snapshot.keys.extend(bins.iter().map(|bin| bin.0));
        self.snapshot
            .counts
            .extend(bins.iter().map(|bin| bin.1 as u32));
        self.push(
            series,
            interval_start,
            points,
            Value::Summary(summary),
            start,
        );
    }

    #[inline]
    fn push_bin(&mut self, key: i16, count: u64) {
        const FULL: u64 = u32::MAX as u64;
        let mut push = |n: u64| {
            self.snapshot.keys.push(key);
            self.snapshot.counts.push(n as u32);
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
        let bins_len = (self.snapshot.keys.len() - from) as u32;
        self.snapshot.entries.push(Record {
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
        self.snapshot
    }
}

/// Sorts, drops duplicates and empty tags.
pub(crate) fn sorted_distinct(mut tags: Vec<&str>) -> Vec<&str> {
    tags.retain(|tag| !tag.is_empty());
    tags.sort_unstable();
    tags.dedup();
    tags
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
        let at = entry.interval_start();
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
        let mut keys: Vec<_> = self.index.into_iter().collect();
        keys.sort_unstable_by_key(|(_, i)| *i);
        let mut seen = HashMap::<_, SeriesId>::default();
        for ((kind, name, tags, _), i) in keys {
            let group = &self.groups[i];
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
                let interval = entry.interval_start();
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
