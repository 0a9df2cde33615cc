//! Distributions as lists of values: JSON for `POST /api/v1/distribution_points`.
//!
//! ```text
//! {"series":[{"metric":"m","points":[[s,[x,x,…]],…],"host":"h","tags":["k:v",…],
//!   "type":"distribution"},…]}
//! ```
//!
//! # What is written
//! Sketches do not keep values, so a distribution is written as values that make the same sketch
//! again: as many as were recorded, each within 1/129 of one of them, smallest and largest exact.
//! Bins, count, minimum and maximum arrive as they are; sum and mean to within 1/129. (The lowest
//! bins of a sketch of more than 4096 have been folded together; there the minimum is that of the
//! lowest bin.) A sketch of more than `expand_max` values is thinned out evenly, which leaves its
//! quantiles where they are, and the values left out are counted.
//!
//! Histograms are not written here, since the receiver would make distributions of them.
//!
//! # What a reader may rely on
//! Fields in any order, unknown ones skipped, `null` for an absent field. A single number in the
//! place of a list of values is taken as a list of one, since some clients send that.
//!
//! Source: the public documentation of the route.

use ddsketch_agent::Sketch;
use pointmill::{Kind, Snapshot, SnapshotBuilder};

use crate::config::EncodeConfig;
use crate::decode::{Cause, DecodeError, DecodeLimits};
use crate::encode::{Body, Group, Written, tags_with};
use crate::expand::{Run, expand};
use crate::json::{JsonReader, put_number, put_text};
use crate::series_v2::json::read_tags;
use crate::series_v2::write::put_tags;

/// The route of these payloads.
pub const PATH: &str = "/api/v1/distribution_points";

/// A payload as it is on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DistributionPayload {
    /// The series, in order.
    pub series: Vec<DistributionSeries>,
}

/// The values of one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DistributionSeries {
    /// The metric's name.
    pub metric: String,
    /// The host; empty if not said.
    pub host: String,
    /// The tags, in the order of the sender.
    pub tags: Vec<String>,
    /// The points, in the order of the sender.
    pub points: Vec<DistributionPoint>,
}

/// The values of one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DistributionPoint {
    /// Unix seconds; a fraction is cut off.
    pub timestamp: i64,
    /// The values.
    pub values: Vec<f64>,
}

impl DistributionPayload {
    /// The payload as a snapshot of distributions. Values of one series and interval of
    /// `interval_s` seconds (0: of one timestamp) that stand next to each other become one sketch;
    /// values that are not finite cannot come out of JSON. A host becomes the tag `host:…`.
    #[must_use]
    pub fn to_snapshot(&self, interval_s: u32) -> Snapshot {
        let mut builder = SnapshotBuilder::new(interval_s);
        for series in &self.series {
            let host = (!series.host.is_empty()).then(|| format!("host:{}", series.host));
            let tags: Vec<&str> = series
                .tags
                .iter()
                .map(String::as_str)
                .chain(host.as_deref())
                .collect();
            let id = builder.series_unsorted(Kind::Distribution, &series.metric, &tags);
            let step = i64::from(interval_s.max(1));
            let start = |point: &DistributionPoint| {
                point
                    .timestamp
                    .saturating_sub(point.timestamp.rem_euclid(step))
            };
            for points in series.points.chunk_by(|a, b| start(a) == start(b)) {
                let mut sketch = Sketch::new();
                for point in points {
                    // JSON has finite numbers only, so that none is refused.
                    sketch.insert_many(&point.values);
                }
                let bins = sketch.bins(ddsketch_agent::Profile::U32);
                let bins = bins
                    .keys
                    .iter()
                    .zip(&bins.counts)
                    .map(|(k, n)| (*k, u64::from(*n)));
                let summary = sketch.summary();
                builder.sketch(id, start(&points[0]), summary.count, summary, bins);
            }
        }
        builder.finish()
    }
}

/// Reads a payload.
///
/// # Errors
/// [`Cause::Limit`] when lists have more entries together than [`DecodeLimits::items_max`];
/// otherwise what is wrong at which byte.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<DistributionPayload, DecodeError> {
    let mut json = JsonReader::new(bytes, limits)?;
    let mut payload = DistributionPayload::default();
    json.object("payload", |json, key| match key {
        "series" => json.list("series", |json| {
            payload.series.push(read_series(json)?);
            Ok(())
        }),
        _ => json.skip(),
    })?;
    json.finish()?;
    Ok(payload)
}

fn read_series(json: &mut JsonReader<'_>) -> Result<DistributionSeries, DecodeError> {
    json.peek();
    let start = json.offset();
    let mut series = DistributionSeries::default();
    let (mut has_metric, mut has_points) = (false, false);
    json.object("series", |json, key| {
        if json.null() {
            return Ok(());
        }
        match key {
            "metric" => {
                has_metric = true;
                series.metric = json.text("series.metric")?.into_owned();
                Ok(())
            }
            "host" => {
                series.host = json.text("series.host")?.into_owned();
                Ok(())
            }
            "points" => {
                has_points = true;
                json.list("series.points", |json| {
                    series.points.push(read_point(json)?);
                    Ok(())
                })
            }
            "tags" => read_tags(json, &mut series.tags),
            _ => json.skip(),
        }
    })?;
    let missing = |field, what| {
        Err(DecodeError {
            offset: start,
            field,
            cause: Cause::Invalid(what),
        })
    };
    if !has_metric {
        return missing("series.metric", "the metric is missing");
    }
    if !has_points {
        return missing("series.points", "the points are missing");
    }
    Ok(series)
}

/// `[seconds, [value, …]]`, or `[seconds, value]`.
fn read_point(json: &mut JsonReader<'_>) -> Result<DistributionPoint, DecodeError> {
    const FIELD: &str = "series.points";
    json.peek();
    let start = json.offset();
    let mut point = DistributionPoint::default();
    let mut parts = 0;
    json.list(FIELD, |json| {
        parts += 1;
        match parts {
            1 => point.timestamp = json.integer(FIELD)?,
            2 if json.peek() == Some(b'[') => json.list(FIELD, |json| {
                point.values.push(json.number(FIELD)?);
                Ok(())
            })?,
            2 => point.values.push(json.number(FIELD)?),
            _ => return Err(json.invalid(FIELD, "a point is a time and a list of values")),
        }
        Ok(())
    })?;
    if parts == 2 {
        return Ok(point);
    }
    let cause = Cause::Invalid("a point is a time and a list of values");
    Err(DecodeError {
        offset: start,
        field: FIELD,
        cause,
    })
}

pub(crate) struct DistributionBody<'c> {
    config: &'c EncodeConfig,
    runs: Vec<Run>,
}

impl<'c> DistributionBody<'c> {
    pub(crate) fn new(config: &'c EncodeConfig) -> DistributionBody<'c> {
        DistributionBody {
            config,
            runs: Vec::new(),
        }
    }
}

impl Body for DistributionBody<'_> {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"series\":[");
    }

    fn write(&mut self, out: &mut Vec<u8>, first: bool, group: Group<'_>) -> Written {
        let mut written = Written {
            items: 1,
            ..Written::default()
        };
        let Some(head) = group.iter().next() else {
            return written;
        };
        out.extend_from_slice(if first {
            b"{\"metric\":"
        } else {
            b",{\"metric\":"
        });
        put_text(out, head.name());
        out.extend_from_slice(b",\"points\":[");
        for (i, entry) in group.iter().enumerate() {
            let Some(sketch) = entry.sketch() else {
                continue;
            };
            written.values_left_out += expand(&sketch, self.config.expand_max, &mut self.runs);
            out.extend_from_slice(if i == 0 { b"[" } else { b",[" });
            out.extend_from_slice(entry.interval().to_string().as_bytes());
            out.extend_from_slice(b",[");
            for run in &self.runs {
                let start = out.len();
                put_number(out, run.value);
                out.push(b',');
                let end = out.len();
                (1..run.count).for_each(|_| out.extend_from_within(start..end));
            }
            // The last comma, of which there is one: a sketch without values is not selected.
            out.pop();
            out.extend_from_slice(b"]]");
        }
        out.push(b']');
        if !self.config.host.is_empty() {
            out.extend_from_slice(b",\"host\":");
            put_text(out, &self.config.host);
        }
        put_tags(out, tags_with(head, &self.config.tags));
        out.extend_from_slice(b",\"type\":\"distribution\"}");
        written
    }

    fn end_len(&self) -> usize {
        2
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"]}");
    }
}
