//! Snapshots to encode, and the plain bytes of what came out.

#![allow(dead_code, reason = "each test crate uses its part")]

use std::collections::BTreeMap;

use ddsketch_agent::{Profile, Sketch};
use pointmill::{Kind, Snapshot, SnapshotBuilder};
use pointmill_wire::{EncodeConfig, Payload, decompress};
use proptest::prelude::*;

/// Adds the sketch of `values` to a builder.
pub(crate) fn add_sketch(
    builder: &mut SnapshotBuilder,
    series: pointmill::SeriesId,
    interval: i64,
    values: &[f64],
) {
    let mut sketch = Sketch::new();
    assert_eq!(sketch.insert_many(values), 0, "test values are finite");
    let bins = sketch.bins(Profile::U32);
    let bins = bins
        .keys
        .iter()
        .zip(&bins.counts)
        .map(|(k, n)| (*k, u64::from(*n)));
    builder.sketch(
        series,
        interval,
        values.len() as u64,
        sketch.summary(),
        bins,
    );
}

/// A configuration with these options set.
pub(crate) fn config(options: &[(&str, &str)]) -> EncodeConfig {
    let mut config = EncodeConfig::default();
    for (name, value) in options {
        config
            .set(name, value)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    config
}

/// The body without its compression.
pub(crate) fn plain(payload: &Payload) -> Vec<u8> {
    decompress(payload.content_encoding, &payload.body, 1 << 28)
        .expect("our own body")
        .into_owned()
}

/// What a test knows about an entry.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) tags: Vec<String>,
    pub(crate) interval: i64,
    pub(crate) values: Vec<f64>,
}

/// A snapshot of these entries, those of one series one behind the other.
pub(crate) fn snapshot(given: &[Given]) -> Snapshot {
    let mut by_series = BTreeMap::<_, Vec<&Given>>::new();
    for entry in given {
        let mut tags = entry.tags.clone();
        tags.sort();
        tags.dedup();
        by_series
            .entry((entry.kind as u8, entry.name.clone(), tags))
            .or_default()
            .push(entry);
    }
    let mut builder = SnapshotBuilder::new(10);
    for ((_, name, tags), entries) in by_series {
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let series = builder.series_unsorted(entries[0].kind, &name, &tags);
        for entry in entries {
            match entry.kind {
                Kind::Distribution | Kind::Histogram => {
                    add_sketch(&mut builder, series, entry.interval, &entry.values);
                }
                Kind::Count => {
                    let sum = entry.values.iter().sum();
                    builder.scalar(series, entry.interval, entry.values.len() as u64, sum);
                }
                Kind::Gauge => {
                    let last = entry.values.last().copied().unwrap_or(0.0);
                    builder.scalar(series, entry.interval, entry.values.len() as u64, last);
                }
            }
        }
    }
    builder.finish()
}

/// Names and tags as strangers choose them: any text but what the formats must change.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,8}(\\.[a-z]{1,6}){0,2}",
        1 => "[a-zé日 \"\\\\/<>&'#@=+\u{7f}\u{2028}-]{1,6}",
    ]
}

pub(crate) fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        5 => -1e4..1e4f64,
        2 => 1e-3..1e3f64,
        1 => prop_oneof![Just(0.0), Just(-0.0), Just(1e-12), Just(1e300), Just(-1e300), Just(5e-324)],
    ]
}

pub(crate) fn given(kinds: &'static [Kind]) -> impl Strategy<Value = Given> {
    (
        proptest::sample::select(kinds),
        text(),
        proptest::collection::vec(text(), 0..4),
        (170_000_000i64..170_000_100).prop_map(|t| t * 10),
        proptest::collection::vec(value(), 1..60),
    )
        .prop_map(|(kind, name, tags, interval, values)| Given {
            kind,
            name,
            tags,
            interval,
            values,
        })
}

pub(crate) fn many(kinds: &'static [Kind]) -> impl Strategy<Value = Vec<Given>> {
    proptest::collection::vec(given(kinds), 0..20)
}
