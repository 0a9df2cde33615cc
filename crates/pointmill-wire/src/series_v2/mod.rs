//! Counts, rates and gauges: JSON or protobuf for `POST /api/v2/series`.
//!
//! ```text
//! {"series":[{"metric":"m","type":1,"interval":10,"points":[{"timestamp":s,"value":x},…],
//!   "tags":["k:v",…],"resources":[{"name":"h","type":"host"}],"unit":"u","source_type_name":"s",
//!   "metadata":{"origin":{"product":n,"metric_type":n,"service":n}}},…]}
//!
//! MetricPayload  1 series: repeated MetricSeries
//! MetricSeries   1 resources: repeated { 1 type   2 name }   2 metric   3 tags: repeated string
//!                4 points: repeated { 1 value: double   2 timestamp: int64, seconds }
//!                5 type: 1 count, 2 rate, 3 gauge   6 unit   7 source_type_name
//!                8 interval: int64, seconds   9 metadata: Metadata (see sketch_payload)
//! ```
//!
//! # What is written
//! | kind | series | type |
//! | --- | --- | --- |
//! | count | the name | count, with the interval |
//! | gauge | the name | gauge |
//! | histogram | `.avg` `.median` `.95percentile` `.max` | gauge |
//! | | `.count`: values divided by the interval's seconds | rate, with the interval |
//!
//! The median and the percentile are values of the ranks an Agent takes, to within 1/129, because
//! they come from a sketch. A histogram without values gives nothing but its count. All intervals
//! of a series that stand next to each other in the snapshot become points of one series. The
//! host, if there is one, is a resource. A number that is not finite is in neither form.
//!
//! # What a reader may rely on
//! The decoders take fields in any order and skip those they do not know. In JSON `null` stands for
//! an absent field; a series without a metric or without points is refused, as the intake does.
//!
//! Source: `proto/metrics/agent_payload.proto` of `DataDog/agent-payload`, and the public
//! documentation of the route.

pub(crate) mod json;
mod protobuf;
pub(crate) mod write;

pub use json::decode as decode_json;
pub use protobuf::decode as decode_protobuf;
pub(crate) use write::{JsonForm, ProtobufForm, SeriesBody};

use pointmill::{Kind, Snapshot, SnapshotBuilder};

use crate::Origin;

/// The route of these payloads.
pub const PATH: &str = "/api/v2/series";

/// What the points of a series mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SeriesType {
    /// Not said; the intake takes it for a gauge.
    #[default]
    Unspecified = 0,
    /// How many in each interval.
    Count = 1,
    /// How many a second, averaged over each interval.
    Rate = 2,
    /// The value at a time.
    Gauge = 3,
}

impl SeriesType {
    /// The type with the number `n`, or `None`.
    #[must_use]
    pub const fn from_number(n: u64) -> Option<SeriesType> {
        match n {
            0 => Some(SeriesType::Unspecified),
            1 => Some(SeriesType::Count),
            2 => Some(SeriesType::Rate),
            3 => Some(SeriesType::Gauge),
            _ => None,
        }
    }
}

/// A payload as it is on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesPayload {
    /// The series, in order.
    pub series: Vec<Series>,
}

/// One series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// The metric's name.
    pub metric: String,
    /// What its points mean.
    pub series_type: SeriesType,
    /// The points, in the order of the sender.
    pub points: Vec<Point>,
    /// The tags, in the order of the sender.
    pub tags: Vec<String>,
    /// Hosts, devices and others the series is about.
    pub resources: Vec<Resource>,
    /// Length of an interval in seconds; 0 if not said.
    pub interval: i64,
    /// The unit; empty if not said.
    pub unit: String,
    /// The source; empty if not said.
    pub source_type_name: String,
    /// Where the metric comes from; `None` if the metadata is absent.
    pub origin: Option<Origin>,
}

/// One point of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Unix seconds.
    pub timestamp: i64,
    /// The value.
    pub value: f64,
}

/// What a series is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// `host`, `device`, ….
    pub resource_type: String,
    /// Its name.
    pub name: String,
}

impl Series {
    /// The name of the resource of type `host`; empty if there is none.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.resources.iter().find(|r| r.resource_type == "host");
        host.map_or("", |r| &r.name)
    }
}

impl SeriesPayload {
    /// The payload's protobuf, the exact inverse of [`decode_protobuf`] for what this type holds.
    #[must_use]
    pub fn encode_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.series
            .iter()
            .for_each(|series| protobuf::put_series(&mut out, series));
        out
    }

    /// The payload as a snapshot of counts and gauges, one entry a point.
    ///
    /// Counts stay; rates become counts over their interval (of `interval_s` seconds if they name
    /// none); everything else becomes a gauge. A host becomes the tag `host:…`.
    #[must_use]
    pub fn to_snapshot(&self, interval_s: u32) -> Snapshot {
        let mut builder = SnapshotBuilder::new(interval_s);
        for series in &self.series {
            let host = (!series.host().is_empty()).then(|| format!("host:{}", series.host()));
            let tags: Vec<&str> = series
                .tags
                .iter()
                .map(String::as_str)
                .chain(host.as_deref())
                .collect();
            let seconds = if series.interval > 0 {
                series.interval as f64
            } else {
                interval_s.into()
            };
            let (kind, factor) = match series.series_type {
                SeriesType::Count => (Kind::Count, 1.0),
                SeriesType::Rate => (Kind::Count, seconds),
                SeriesType::Gauge | SeriesType::Unspecified => (Kind::Gauge, 1.0),
            };
            let id = builder.series_unsorted(kind, &series.metric, &tags);
            for point in &series.points {
                builder.scalar(id, point.timestamp, 1, point.value * factor);
            }
        }
        builder.finish()
    }
}
