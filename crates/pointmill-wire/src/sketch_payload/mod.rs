//! Distributions as sketches: protobuf for `POST /api/beta/sketches`.
//!
//! ```text
//! SketchPayload   1 sketches: repeated Sketch        2 metadata: CommonMetadata
//! Sketch          1 metric   2 host   4 tags: repeated string   7 dogsketches: repeated Dogsketch
//!                 8 metadata: Metadata
//! Dogsketch       1 ts, seconds   2 cnt              both int64
//!                 3 min   4 max   5 avg   6 sum      double
//!                 7 k: packed sint32 (zigzag)        8 n: packed uint32, as many as k
//! Metadata        1 origin: Origin { 4 product   5 category   6 service }
//! CommonMetadata  1 agent_version   2 timezone   3 current_epoch   4 internal_ip   5 public_ip
//! ```
//!
//! Bins stand in ascending order of key; a key may stand several times, one behind the other, and
//! then its counts add up. Fields are written in ascending order, zero-valued scalars are left
//! out, and one Sketch message carries all intervals of a series that stand next to each other in
//! the snapshot. With the option `agent_footer` a payload ends with an empty CommonMetadata
//! (`12 00`), as an Agent's does.
//!
//! # What a reader may rely on
//! [`decode`] accepts fields in any order, packed and single elements alike, and skips fields it
//! does not know. It refuses bins that are not in order, keys outside ±32767, counts past 32 bits
//! and columns of different length. A `cnt` that is not the sum of the counts is accepted, since
//! some senders drop what a bin cannot hold, and reported in
//! [`SketchPayload::count_mismatches`].
//!
//! Source: `proto/metrics/agent_payload.proto` of the `DataDog/agent-payload` repository.

mod body;
mod read;

pub(crate) use body::SketchBody;
pub use read::decode;
pub(crate) use read::read_metadata;

use ddsketch_agent::Summary;
use pointmill::{Kind, Snapshot, SnapshotBuilder};
use pointmill_protobuf::{
    Columns, SketchWriter, double_field_len, put_bytes_head, put_double_field, put_string_field,
    string_field_len,
};

use crate::Origin;

/// The route of these payloads.
pub const PATH: &str = "/api/beta/sketches";

/// A payload as it is on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SketchPayload {
    /// The sketches, in order.
    pub sketches: Vec<SketchMessage>,
    /// What the sender says about itself; `None` if the field is absent.
    pub metadata: Option<CommonMetadata>,
    /// How many Dogsketches have a `cnt` that is not the sum of their counts. Not written.
    pub count_mismatches: u64,
}

/// The sketches of one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SketchMessage {
    /// The metric's name.
    pub metric: String,
    /// The host; empty for none.
    pub host: String,
    /// The tags, in the order of the sender.
    pub tags: Vec<String>,
    /// One sketch an interval.
    pub dogsketches: Vec<Dogsketch>,
    /// Where the metric comes from; `None` if the metadata is absent.
    pub origin: Option<Origin>,
}

/// A sketch of one interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dogsketch {
    /// Start of the interval, Unix seconds.
    pub ts: i64,
    /// How many values.
    pub cnt: i64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The mean as the sender computed it.
    pub avg: f64,
    /// The sum.
    pub sum: f64,
    /// Keys in ascending order, possibly repeated.
    pub k: Vec<i16>,
    /// The count of each key.
    pub n: Vec<u32>,
}

/// What the sender of a payload says about itself. An API key in it is read over and not kept, so
/// that it cannot end in a log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommonMetadata {
    /// Version of the Agent.
    pub agent_version: String,
    /// Its time zone.
    pub timezone: String,
    /// Its clock, Unix seconds.
    pub current_epoch: f64,
    /// Its address inside.
    pub internal_ip: String,
    /// Its address outside.
    pub public_ip: String,
}

impl Dogsketch {
    /// Values in the bins; [`Dogsketch::cnt`] says the same in a sound sketch.
    #[must_use]
    pub fn bins_count(&self) -> u64 {
        self.n.iter().map(|n| u64::from(*n)).sum()
    }

    /// The bins with those of equal key added up.
    fn merged_bins(&self) -> impl Iterator<Item = (i16, u64)> + '_ {
        let mut bins = self
            .k
            .iter()
            .copied()
            .zip(self.n.iter().map(|n| u64::from(*n)))
            .peekable();
        core::iter::from_fn(move || {
            let (key, mut count) = bins.next()?;
            while let Some((_, more)) = bins.next_if(|(next, _)| *next == key) {
                count += more;
            }
            Some((key, count))
        })
    }
}

impl SketchPayload {
    /// The payload's bytes, the exact inverse of [`decode`] for what this type holds.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = SketchWriter::default();
        for sketch in &self.sketches {
            let columns = |dog: &Dogsketch| Columns {
                ts: dog.ts,
                cnt: dog.cnt,
                min: dog.min,
                max: dog.max,
                avg: dog.avg,
                sum: dog.sum,
            };
            for dog in &sketch.dogsketches {
                writer.measure(columns(dog), &dog.k, &dog.n);
            }
            writer.open(
                &mut out,
                &sketch.metric,
                &sketch.host,
                sketch.tags.iter().map(String::as_str),
                sketch.origin,
            );
            for dog in &sketch.dogsketches {
                writer.dogsketch(&mut out, columns(dog), &dog.k, &dog.n);
            }
            writer.close(&mut out);
        }
        if let Some(metadata) = &self.metadata {
            put_common_metadata(&mut out, metadata);
        }
        out
    }

    /// The payload as a snapshot of distributions, with bins of equal key added up.
    ///
    /// A host becomes the tag `host:…`. The number of values stands for the number of points.
    #[must_use]
    pub fn to_snapshot(&self, interval_s: u32) -> Snapshot {
        let mut builder = SnapshotBuilder::new(interval_s);
        for sketch in &self.sketches {
            let host = (!sketch.host.is_empty()).then(|| format!("host:{}", sketch.host));
            let tags: Vec<&str> = sketch
                .tags
                .iter()
                .map(String::as_str)
                .chain(host.as_deref())
                .collect();
            let series = builder.series_unsorted(Kind::Distribution, &sketch.metric, &tags);
            for dog in &sketch.dogsketches {
                let count = u64::try_from(dog.cnt).unwrap_or_else(|_| dog.bins_count());
                let summary = Summary {
                    count,
                    min: dog.min,
                    max: dog.max,
                    sum: dog.sum,
                    avg: dog.avg,
                };
                builder.sketch(series, dog.ts, count, summary, dog.merged_bins());
            }
        }
        builder.finish()
    }
}

fn put_common_metadata(out: &mut Vec<u8>, metadata: &CommonMetadata) {
    let len = string_field_len(&metadata.agent_version)
        + string_field_len(&metadata.timezone)
        + double_field_len(metadata.current_epoch)
        + string_field_len(&metadata.internal_ip)
        + string_field_len(&metadata.public_ip);
    put_bytes_head(out, 2, len);
    put_string_field(out, 1, &metadata.agent_version);
    put_string_field(out, 2, &metadata.timezone);
    put_double_field(out, 3, metadata.current_epoch);
    put_string_field(out, 4, &metadata.internal_ip);
    put_string_field(out, 5, &metadata.public_ip);
}
