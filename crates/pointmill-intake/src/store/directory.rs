//! Which metrics and contexts there are.
//!
//! A context's key is one text: the digit of its kind, the name, and each tag behind a comma, which
//! neither names nor tags can hold once they are normalised. Contexts are numbered in the order of
//! their arrival, and numbers are not used again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ahash::RandomState;
use pointmill::Kind;

use super::slot::Slot;

/// A context.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) metric: u32,
    key: Arc<str>,
    /// Where the tags begin in the key.
    tags_at: u32,
    /// The latest interval it has had a value in.
    pub(crate) last: i64,
}

impl Series {
    /// Whether it has had a value. If not it is in no file either: the body that brought it could not
    /// be written.
    pub(crate) fn has_values(&self) -> bool {
        self.last != i64::MIN
    }

    /// The tags, sorted, separated by commas.
    pub(crate) fn tags_text(&self) -> &str {
        &self.key[self.tags_at as usize..]
    }

    /// The tags, sorted.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags_text().split(',').filter(|tag| !tag.is_empty())
    }
}

/// A metric: a name with a kind.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) unit: String,
    pub(crate) series: Vec<u32>,
    /// Start of the interval → its values.
    pub(crate) slots: BTreeMap<i64, Arc<Slot>>,
    /// Points and values stored, in memory or not, and the first and last interval.
    pub(crate) totals: Totals,
    /// Number of the commit that changed it last.
    pub(crate) changed_at: u64,
}

/// What has been stored of a metric.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) points: u64,
    pub(crate) values: u64,
    pub(crate) span: Option<(i64, i64)>,
}

impl Totals {
    pub(crate) fn see(&mut self, start: i64) {
        self.span = Some(
            self.span
                .map_or((start, start), |(a, b)| (a.min(start), b.max(start))),
        );
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    pub(crate) series: Vec<Series>,
    by_key: HashMap<Arc<str>, u32, RandomState>,
    pub(crate) metrics: Vec<Metric>,
    by_name: HashMap<String, Vec<u32>, RandomState>,
    key_bytes: usize,
}

/// What a key takes beside its text: the counters of its references and the allocator's own.
const KEY_BYTES: usize = 32;

/// The order in which a name's kinds are tried.
pub(crate) const KINDS: [Kind; 4] = [
    Kind::Distribution,
    Kind::Histogram,
    Kind::Count,
    Kind::Gauge,
];

impl Directory {
    /// The key of a context, into a buffer that is used again.
    pub(crate) fn write_key<'t>(
        key: &mut String,
        kind: Kind,
        name: &str,
        tags: impl Iterator<Item = &'t str>,
    ) {
        key.clear();
        key.push(char::from(b'0' + kind as u8));
        key.push_str(name);
        for tag in tags {
            key.push(',');
            key.push_str(tag);
        }
    }

    pub(crate) fn find(&self, key: &str) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// Adds a context that is not there yet.
    pub(crate) fn add(&mut self, key: &str, kind: Kind, name: &str) -> u32 {
        let metric = self.metric_or_add(name, kind);
        let id = self.series.len() as u32;
        let key: Arc<str> = key.into();
        self.key_bytes += KEY_BYTES + key.len();
        let tags_at = (1 + name.len() + 1).min(key.len()) as u32;
        self.by_key.insert(key.clone(), id);
        self.series.push(Series {
            metric,
            key,
            tags_at,
            last: i64::MIN,
        });
        self.metrics[metric as usize].series.push(id);
        id
    }

    pub(crate) fn metric_or_add(&mut self, name: &str, kind: Kind) -> u32 {
        if let Some(found) = self.metric(name, Some(kind)) {
            return found;
        }
        self.add_metric(name, kind)
    }

    /// Adds a metric that is not there yet, under the next number.
    pub(crate) fn add_metric(&mut self, name: &str, kind: Kind) -> u32 {
        let id = self.metrics.len() as u32;
        self.metrics.push(Metric {
            name: name.to_owned(),
            kind,
            unit: String::new(),
            series: Vec::new(),
            slots: BTreeMap::new(),
            totals: Totals::default(),
            changed_at: 0,
        });
        self.by_name.entry(name.to_owned()).or_default().push(id);
        id
    }

    /// The metric of a name, of a kind or of the first kind there is.
    pub(crate) fn metric(&self, name: &str, kind: Option<Kind>) -> Option<u32> {
        let ids = self.by_name.get(name)?;
        let of = |kind: Kind| {
            ids.iter()
                .copied()
                .find(|id| self.metrics[*id as usize].kind == kind)
        };
        match kind {
            Some(kind) => of(kind),
            None => KINDS.into_iter().find_map(of),
        }
    }

    /// How many contexts there are.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Leaves a number without a context, as one that has been removed before the last start.
    pub(crate) fn add_gap(&mut self) {
        self.series.push(Series {
            metric: 0,
            key: "".into(),
            tags_at: 0,
            last: i64::MIN,
        });
    }

    /// Whether the number has a context.
    pub(crate) fn is_live(&self, series: u32) -> bool {
        self.series
            .get(series as usize)
            .is_some_and(|s| !s.key.is_empty())
    }

    /// Removes the contexts whose last interval is before `before`, and says which.
    pub(crate) fn remove_idle(&mut self, before: i64) -> Vec<u32> {
        let ids = 0..self.series.len() as u32;
        let idle: Vec<u32> = ids
            .filter(|id| self.is_live(*id) && self.series[*id as usize].last < before)
            .collect();
        for id in &idle {
            let series = &mut self.series[*id as usize];
            let key = std::mem::replace(&mut series.key, "".into());
            series.tags_at = 0;
            self.key_bytes -= KEY_BYTES + key.len();
            self.by_key.remove(&key);
        }
        if !idle.is_empty() {
            for metric in &mut self.metrics {
                let series = &self.series;
                metric
                    .series
                    .retain(|id| !series[*id as usize].key.is_empty());
            }
        }
        idle
    }

    /// Memory in bytes without the slots. Tables count as they are, half empty or not; a growing one
    /// takes half as much again for a moment.
    pub(crate) fn bytes(&self) -> usize {
        self.key_bytes
            + self.series.capacity() * size_of::<Series>()
            // A table of hashbrown has a byte of its own an entry and is at most 7/8 full.
            + self.by_key.capacity() * 8 / 7 * (size_of::<(Arc<str>, u32)>() + 1)
            // The metric's list of its series.
            + self.series.len() * 8
            + self.metrics.len() * 300
    }
}
