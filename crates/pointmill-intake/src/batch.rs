//! What came with one body or from one DogStatsD flush, ready to be stored.
//!
//! ```text
//! body ──accept──▶ Batch { snapshot: series × intervals, units, id } ──writer──▶ store
//! ```
//!
//! The table is the engine's [`Snapshot`]: names and tags already normalised, tags sorted and
//! distinct, a host turned into the tag `host:…`, times cut to the start of their interval.

use std::borrow::Cow;

use ddsketch_agent::Summary;

use pointmill::{Kind, SeriesId, Snapshot, SnapshotBuilder};

use crate::names;
use crate::refused::Cause;

/// Most tags of a context; the intake keeps the first hundred (`pkg/tagset/hash_generator.go` of
/// `DataDog/datadog-agent`).
pub const TAGS_MAX: usize = 100;

/// Something to be stored as a whole or not at all.
#[derive(Debug, Default)]
pub struct Batch {
    /// Series and their values.
    pub snapshot: Snapshot,
    /// Units of series, by [`pointmill::Entry::series`].
    pub units: Vec<(usize, String)>,
    /// The sender's id of the body: what has it is stored once an hour at most.
    pub id: Option<String>,
    /// Bytes it came in.
    pub bytes: u64,
}

/// What is wrong with one entry of a body whose others are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Complaint {
    /// The word it is counted under.
    pub cause: Cause,
    /// The field, such as `series[3].metric`.
    pub field: String,
    /// Cause and remedy.
    pub message: String,
    /// Entries that were not stored.
    pub entries: u64,
}

/// How entries are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Length of an interval in seconds.
    pub interval_s: u32,
    /// Tags in lower case, as the intake does it.
    pub lower_case_tags: bool,
    /// Now, to refuse points more than an hour old or ten minutes ahead; `None` takes all.
    pub now: Option<i64>,
}

impl Rules {
    /// The start of the interval `time` is in.
    #[must_use]
    pub fn start(&self, time: i64) -> i64 {
        time.saturating_sub(time.rem_euclid(i64::from(self.interval_s.max(1))))
    }
}

/// Fills a [`Batch`] entry by entry.
#[derive(Debug)]
pub struct BatchBuilder {
    rules: Rules,
    builder: SnapshotBuilder,
    series_len: usize,
    units: Vec<(usize, String)>,
    complaints: Vec<Complaint>,
    complaints_more: u64,
    /// Every entry offered, stored or not.
    offered: u64,
}

/// Complaints named one by one; further ones are only counted.
const COMPLAINTS_MAX: usize = 20;

impl BatchBuilder {
    /// A builder.
    #[must_use]
    pub fn new(rules: Rules) -> BatchBuilder {
        BatchBuilder {
            rules,
            builder: SnapshotBuilder::new(rules.interval_s),
            series_len: 0,
            units: Vec::new(),
            complaints: Vec::new(),
            complaints_more: 0,
            offered: 0,
        }
    }

    /// Makes room for so many entries and bins.
    pub fn reserve(&mut self, entries: usize, bins: usize) {
        self.builder.reserve(entries, entries * 64, bins);
    }

    /// The series of these tags; `None` if its name cannot be used, which costs `entries` entries.
    pub fn series<'t>(
        &mut self,
        place: usize,
        kind: Kind,
        name: &str,
        host: &str,
        tags: impl Iterator<Item = &'t str>,
        entries: usize,
    ) -> Option<SeriesId> {
        let Some(metric) = names::metric_name(name) else {
            self.complain(
                Cause::Name,
                place,
                "metric",
                entries as u64,
                format!("the name {name:?} has no letter; begin it with one"),
            );
            return None;
        };
        let host = (!host.is_empty()).then(|| format!("host:{host}"));
        let lower = self.rules.lower_case_tags;
        let mut kept: Vec<Cow<'_, str>> = Vec::with_capacity(16);
        let mut more = 0;
        let host = host.as_deref().map(|tag| names::tag(tag, lower));
        for tag in tags.map(|tag| names::tag(tag, lower)).chain(host) {
            if tag.is_empty() {
                continue;
            }
            if kept.len() < TAGS_MAX {
                kept.push(tag);
            } else {
                more += 1;
            }
        }
        if more > 0 {
            let text = format!(
                "{more} tags of {metric} beyond the first {TAGS_MAX} were left out; the values were kept"
            );
            self.complain(Cause::Tags, place, "tags", 0, text);
        }
        let tags: Vec<&str> = kept.iter().map(Cow::as_ref).collect();
        self.series_len += 1;
        Some(self.builder.series_unsorted(kind, &metric, &tags))
    }

    /// Notes the unit of the series that was added last.
    pub fn unit(&mut self, unit: &str) {
        if !unit.is_empty() {
            self.units.push((self.series_len - 1, unit.to_owned()));
        }
    }

    /// The start of the interval of `time`; `None` if the time is refused.
    fn interval(&mut self, place: usize, time: i64) -> Option<i64> {
        if let Some(now) = self.rules.now
            && !(now - 3_600..=now + 600).contains(&time)
        {
            let text = format!(
                "the time {time} is over an hour old or over ten minutes ahead (now {now}); send points in time"
            );
            self.complain(Cause::Timestamp, place, "timestamp", 1, text);
            return None;
        }
        Some(self.rules.start(time))
    }

    /// Adds the value of a count or gauge that stands for `points` points.
    pub fn scalar(&mut self, place: usize, series: SeriesId, time: i64, points: u64, value: f64) {
        self.offered += 1;
        if !value.is_finite() {
            let text = "the value is not a finite number; send finite numbers".to_owned();
            return self.complain(Cause::Value, place, "points", 1, text);
        }
        if let Some(start) = self.interval(place, time) {
            self.builder.scalar(series, start, points, value);
        }
    }

    /// Adds a sketch. A minimum, maximum or sum that is not a number refuses it.
    pub fn sketch(
        &mut self,
        place: usize,
        series: SeriesId,
        time: i64,
        summary: Summary,
        bins: impl IntoIterator<Item = (i16, u64)>,
    ) {
        self.offered += 1;
        let bad = [summary.min, summary.max, summary.sum]
            .iter()
            .any(|v| v.is_nan());
        if bad || summary.count == 0 {
            let text = if bad {
                "min, max or sum of a sketch is not a number; leave such values out"
            } else {
                "a sketch of no values; leave it out"
            };
            return self.complain(Cause::Value, place, "dogsketches", 1, text.to_owned());
        }
        if let Some(start) = self.interval(place, time) {
            self.builder
                .sketch(series, start, summary.count, summary, bins);
        }
    }

    /// Notes that something was left out.
    pub fn complain(
        &mut self,
        cause: Cause,
        place: usize,
        field: &str,
        entries: u64,
        message: String,
    ) {
        if cause == Cause::Name {
            self.offered += entries;
        }
        if self.complaints.len() == COMPLAINTS_MAX {
            self.complaints_more += entries;
            // Counted under the last cause that is listed by name.
            if let Some(last) = self.complaints.last_mut() {
                last.entries += entries;
            }
            return;
        }
        let field = format!("series[{place}].{field}");
        self.complaints.push(Complaint {
            cause,
            field,
            message,
            entries,
        });
    }

    /// The batch, what was left out of it, and how many entries were offered in all.
    #[must_use]
    pub fn finish(mut self) -> (Batch, Vec<Complaint>, u64) {
        if self.complaints_more > 0
            && let Some(last) = self.complaints.last_mut()
        {
            last.message = format!(
                "{}; and {} more entries",
                last.message, self.complaints_more
            );
        }
        let batch = Batch {
            snapshot: self.builder.finish(),
            units: self.units,
            ..Batch::default()
        };
        (batch, self.complaints, self.offered)
    }
}
