//! `MONITORING|` counts and gauges of one time, brought together.
//!
//! Counts of one name, tag set and second are added up; of gauges the last stands. What is kept is
//! bounded: when there are [`ENTRIES_MAX`] sums they are handed out and the table begins anew. The
//! parts of a count add up at the receiver of the points, which aggregates them again, and the
//! later part of a gauge stands there too.

use ahash::AHashMap;

use crate::message::LegacyKind;
use crate::point::{Point, PointKind};

/// Sums kept at one time.
pub(crate) const ENTRIES_MAX: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: LegacyKind,
    name: String,
    tags: Vec<String>,
    unix_s: i64,
}

/// The sums, in the order in which they were begun.
#[derive(Debug, Default)]
pub(crate) struct LegacySums {
    index: AHashMap<Key, usize>,
    values: Vec<f64>,
}

impl LegacySums {
    /// Adds a count, or sets a gauge. `true`: the table is full and wants to be handed out.
    pub(crate) fn add(
        &mut self,
        kind: LegacyKind,
        name: &str,
        mut tags: Vec<String>,
        unix_s: i64,
        value: f64,
    ) -> bool {
        tags.sort_unstable();
        tags.dedup();
        let name = name.to_owned();
        let key = Key {
            kind,
            name,
            tags,
            unix_s,
        };
        let new = self.values.len();
        let at = *self.index.entry(key).or_insert(new);
        match (self.values.get_mut(at), kind) {
            (None, _) => self.values.push(value),
            (Some(sum), LegacyKind::Count) => *sum += value,
            (Some(last), _) => *last = value,
        }
        self.values.len() >= ENTRIES_MAX
    }

    /// Hands all sums to `sink` and forgets them; how many there were.
    pub(crate) fn drain(&mut self, sink: &mut dyn FnMut(&Point<'_>)) -> u64 {
        let mut keys: Vec<(usize, Key)> = self.index.drain().map(|(key, at)| (at, key)).collect();
        keys.sort_unstable_by_key(|(at, _)| *at);
        for (at, key) in &keys {
            let tags: Vec<&str> = key.tags.iter().map(String::as_str).collect();
            sink(&Point {
                kind: match key.kind {
                    LegacyKind::Count => PointKind::Count,
                    _ => PointKind::Gauge,
                },
                name: &key.name,
                value: self.values[*at],
                unix_s: Some(key.unix_s),
                tags: &tags,
            });
        }
        self.values.clear();
        keys.len() as u64
    }
}
