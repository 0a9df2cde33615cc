//! One group for every row: entries of flushes merged over the tags that `--by` drops.
//!
//! Sketches merge, counts add. A gauge shows the values that stood at the ends of its intervals:
//! their minimum, average and maximum, and the last one. An interval that a flush has cut in two
//! comes as two entries, of which the second replaces the first; so every series of a gauge keeps
//! its latest value open until a later interval comes.

use std::collections::HashMap;

use pointmill::sketch::Sketch;
use pointmill::{Entry, Kind, Snapshot, tag_key};

/// The tag of a context that stands for all that did not fit; it is kept whatever `--by` says,
/// so that a row never claims points of tags the engine had no room for.
const OVERFLOW_KEY: &str = "pointmill.overflow";

/// All groups.
#[derive(Debug)]
pub struct Groups {
    by: Option<Vec<String>>,
    index: HashMap<Vec<u8>, usize, ahash::RandomState>,
    groups: Vec<Group>,
    key: Vec<u8>,
}

/// What one row is made of.
#[derive(Debug)]
pub struct Group {
    /// The kind of the metric.
    pub kind: Kind,
    /// Its name.
    pub metric: String,
    /// The tags kept, sorted.
    pub tags: Vec<String>,
    /// Points recorded.
    pub points: u64,
    /// What they came to.
    pub value: GroupValue,
}

/// What the points of a group came to.
#[derive(Debug)]
pub enum GroupValue {
    /// A distribution or histogram.
    Sketch(Box<Sketch>),
    /// A count's total.
    Count(f64),
    /// A gauge.
    Gauge(Box<Gauge>),
}

/// The values of a gauge at the ends of its intervals.
#[derive(Debug, Default)]
pub struct Gauge {
    n: u64,
    sum: f64,
    min: f64,
    max: f64,
    /// The latest interval, and the sum and number of the values in it (one a series).
    last: (i64, f64, u64),
    /// Every series' latest interval and value, not counted above yet.
    open: HashMap<Vec<u8>, (i64, f64), ahash::RandomState>,
}

impl Groups {
    /// No groups yet; `by` are the tag keys to keep, `None` keeps all tags.
    #[must_use]
    pub fn new(by: Option<&[String]>) -> Groups {
        Groups {
            by: by.map(<[String]>::to_vec),
            index: HashMap::default(),
            groups: Vec::new(),
            key: Vec::new(),
        }
    }

    /// Merges a flush. Cost: a hash look-up a series, and per entry a merge (a plain insert for
    /// an entry of one point).
    pub fn add(&mut self, snapshot: &Snapshot) {
        // Entries of one series name one group; a snapshot numbers its series densely.
        let mut known: Vec<Option<usize>> = Vec::new();
        for entry in snapshot.iter() {
            let series = entry.series();
            if series >= known.len() {
                known.resize(series + 1, None);
            }
            let at = match known[series] {
                Some(at) => at,
                None => self.group_of(&entry),
            };
            known[series] = Some(at);
            self.groups[at].add(&entry);
        }
    }

    /// The finished groups, in the order of their first entries.
    #[must_use]
    pub fn finish(mut self) -> Vec<Group> {
        for group in &mut self.groups {
            if let GroupValue::Gauge(gauge) = &mut group.value {
                gauge.close();
            }
        }
        self.groups
    }

    fn group_of(&mut self, entry: &Entry<'_>) -> usize {
        let kept = |tag: &&str| match &self.by {
            None => true,
            Some(by) => {
                let key = tag_key(tag);
                by.iter().any(|wanted| wanted == key) || (key == OVERFLOW_KEY && !by.is_empty())
            }
        };
        let tags = entry.tags().filter(kept);
        series_key(&mut self.key, entry.kind(), entry.name(), tags.clone());
        if let Some(at) = self.index.get(&self.key) {
            return *at;
        }
        let value = match entry.kind() {
            Kind::Distribution | Kind::Histogram => GroupValue::Sketch(Box::default()),
            Kind::Count => GroupValue::Count(0.0),
            Kind::Gauge => GroupValue::Gauge(Box::default()),
        };
        self.groups.push(Group {
            kind: entry.kind(),
            metric: entry.name().to_owned(),
            tags: tags.map(str::to_owned).collect(),
            points: 0,
            value,
        });
        self.index.insert(self.key.clone(), self.groups.len() - 1);
        self.groups.len() - 1
    }
}

/// Writes a key that is equal for equal series only: every part with its length before it.
fn series_key<'t>(
    key: &mut Vec<u8>,
    kind: Kind,
    name: &'t str,
    tags: impl IntoIterator<Item = &'t str>,
) {
    key.clear();
    key.push(kind as u8);
    for part in core::iter::once(name).chain(tags) {
        key.extend((part.len() as u32).to_le_bytes());
        key.extend(part.as_bytes());
    }
}

impl Group {
    fn add(&mut self, entry: &Entry<'_>) {
        self.points += entry.points();
        match &mut self.value {
            GroupValue::Count(total) => *total += entry.scalar().unwrap_or(0.0),
            GroupValue::Gauge(gauge) => {
                if let Some(value) = entry.scalar() {
                    gauge.add(entry, value);
                }
            }
            GroupValue::Sketch(sketch) => merge_sketch(sketch, entry),
        }
    }
}

fn merge_sketch(into: &mut Sketch, entry: &Entry<'_>) {
    let Some(bins) = entry.sketch() else { return };
    // Most entries of a sparse time series are one point, and a point is cheaper than a sketch.
    let single = bins.summary.count == 1 && into.insert(bins.summary.min).is_ok();
    if !single {
        into.merge(&bins.to_sketch());
    }
}

impl Gauge {
    fn add(&mut self, entry: &Entry<'_>, value: f64) {
        let mut key = Vec::new();
        series_key(&mut key, entry.kind(), entry.name(), entry.tags());
        let now = (entry.interval(), value);
        match self.open.get_mut(&key) {
            None => drop(self.open.insert(key, now)),
            Some(open) if open.0 == now.0 => open.1 = value,
            Some(open) if open.0 < now.0 => {
                let ended = core::mem::replace(open, now);
                self.count(ended);
            }
            // An input that is not in order of time.
            Some(_) => self.count(now),
        }
    }

    fn count(&mut self, (at, value): (i64, f64)) {
        if self.n == 0 {
            (self.min, self.max, self.last) = (value, value, (at, 0.0, 0));
        }
        self.n += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if at > self.last.0 {
            self.last = (at, 0.0, 0);
        }
        if at == self.last.0 {
            self.last.1 += value;
            self.last.2 += 1;
        }
    }

    fn close(&mut self) {
        for (_, open) in core::mem::take(&mut self.open) {
            self.count(open);
        }
    }

    /// Minimum, average, maximum of the values at intervals' ends, and the value in the latest
    /// interval (the average of its series'); `None` without any.
    #[must_use]
    pub fn summary(&self) -> Option<[f64; 4]> {
        let average = self.sum / self.n as f64;
        let last = self.last.1 / self.last.2 as f64;
        (self.n > 0).then_some([self.min, average, self.max, last])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pointmill::SnapshotBuilder;

    fn gauge(entries: &[(&str, i64, f64)]) -> Snapshot {
        let mut builder = SnapshotBuilder::new(10);
        for (tag, at, value) in entries {
            let series = builder.series(Kind::Gauge, "g", [*tag]);
            builder.scalar(series, *at, 1, *value);
        }
        builder.finish()
    }

    fn summary(groups: Groups) -> [f64; 4] {
        let groups = groups.finish();
        assert_eq!(groups.len(), 1);
        match &groups[0].value {
            GroupValue::Gauge(gauge) => gauge.summary().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_gauges_interval_cut_by_a_flush_counts_once() {
        let mut groups = Groups::new(None);
        groups.add(&gauge(&[("a:1", 0, 8.0), ("a:1", 10, 100.0)]));
        groups.add(&gauge(&[("a:1", 10, 2.0)]));
        groups.add(&gauge(&[("a:1", 20, 5.0)]));
        assert_eq!(summary(groups), [2.0, 5.0, 8.0, 5.0]);
    }

    #[test]
    fn a_merged_gauges_last_is_the_average_over_its_series() {
        let mut groups = Groups::new(Some(&[]));
        groups.add(&gauge(&[
            ("a:1", 0, 1.0),
            ("a:2", 20, 4.0),
            ("a:3", 20, 8.0),
            ("a:1", 10, 3.0),
        ]));
        assert_eq!(summary(groups), [1.0, 4.0, 8.0, 6.0]);
    }

    #[test]
    fn only_the_tags_asked_for_are_kept_and_the_overflow_tag() {
        let mut builder = SnapshotBuilder::new(10);
        for (tags, value) in [
            (&["env:a", "host:1"][..], 1.0),
            (&["env:a", "host:2"], 2.0),
            (&["environment:a"], 4.0),
            (&["pointmill.overflow:true"], 8.0),
        ] {
            let series = builder.series(Kind::Count, "n", tags.iter().copied());
            builder.scalar(series, 0, 3, value);
        }
        let snapshot = builder.finish();
        let totals = |by: Option<&[String]>| {
            let mut groups = Groups::new(by);
            groups.add(&snapshot);
            let mut totals: Vec<(String, u64, f64)> = groups
                .finish()
                .iter()
                .map(|g| match g.value {
                    GroupValue::Count(total) => (g.tags.join(","), g.points, total),
                    ref other => panic!("{other:?}"),
                })
                .collect();
            totals.sort_by(|a, b| a.0.cmp(&b.0));
            totals
        };
        assert_eq!(totals(None).len(), 4);
        assert_eq!(totals(Some(&[])), [(String::new(), 12, 15.0)]);
        assert_eq!(
            totals(Some(&["env".to_owned()])),
            [
                (String::new(), 3, 4.0),
                ("env:a".to_owned(), 6, 3.0),
                ("pointmill.overflow:true".to_owned(), 3, 8.0)
            ]
        );
    }
}
