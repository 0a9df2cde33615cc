//! Counts, gauges and what becomes of histograms, in either form.

use core::marker::PhantomData;

use ddsketch_agent::SketchRef;
use pointmill::{Entry, Kind, Value};

use super::{Point, SeriesType, protobuf};
use crate::config::EncodeConfig;
use crate::encode::{Body, Group, Written, tags_with};
use crate::json::{put_number, put_text};

/// One series about to be written.
pub(crate) struct SeriesView<'a> {
    pub(super) entry: Entry<'a>,
    pub(super) suffix: &'static str,
    pub(super) series_type: SeriesType,
    /// Seconds; 0 says nothing.
    pub(super) interval: u32,
    pub(super) points: &'a [Point],
    pub(super) config: &'a EncodeConfig,
}

impl<'a> SeriesView<'a> {
    pub(super) fn tags(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        tags_with(self.entry, &self.config.tags)
    }
}

/// How a series becomes bytes.
pub(crate) trait Form {
    const BEGIN: &'static [u8];
    const BETWEEN: &'static [u8];
    const END: &'static [u8];
    fn put(out: &mut Vec<u8>, series: &SeriesView<'_>);
}

/// The body of either form.
pub(crate) struct SeriesBody<'c, F> {
    config: &'c EncodeConfig,
    points: Vec<Point>,
    form: PhantomData<F>,
}

/// What a histogram is made into: the suffix and the value, `None` for a sketch without values.
type Aggregate = (&'static str, fn(&SketchRef<'_>) -> Option<f64>);

/// The Agent's default aggregates but for the count, which is a rate.
const AGGREGATES: [Aggregate; 4] = [
    (".avg", |sketch| {
        (sketch.summary.count > 0).then_some(sketch.summary.avg)
    }),
    (".median", |sketch| {
        at_rank(sketch, sketch.summary.count.checked_sub(1)? / 2)
    }),
    (".95percentile", |sketch| {
        let rank = (u128::from(sketch.summary.count) * 95).checked_sub(1)? / 100;
        at_rank(sketch, rank as u64)
    }),
    (".max", |sketch| {
        (sketch.summary.count > 0).then_some(sketch.summary.max)
    }),
];

/// The value of a rank counted from 0. An Agent numbers ranks in integers, so the quantile asked
/// for is the one that rounds to that rank.
fn at_rank(sketch: &SketchRef<'_>, rank: u64) -> Option<f64> {
    let last = sketch.summary.count.checked_sub(1)?;
    sketch.quantile(if last == 0 {
        0.0
    } else {
        rank as f64 / last as f64
    })
}

impl<'c, F: Form> SeriesBody<'c, F> {
    pub(crate) fn new(config: &'c EncodeConfig) -> SeriesBody<'c, F> {
        SeriesBody {
            config,
            points: Vec::new(),
            form: PhantomData,
        }
    }

    /// Writes one series of the group, or nothing if it has no points.
    fn put(
        &mut self,
        out: &mut Vec<u8>,
        first: bool,
        group: Group<'_>,
        (suffix, series_type, interval): (&'static str, SeriesType, u32),
        written: &mut Written,
        value: impl Fn(&Entry<'_>) -> Option<f64>,
    ) {
        let Some(entry) = group.iter().next() else {
            return;
        };
        self.points.clear();
        for entry in group.iter() {
            match value(&entry) {
                Some(value) if value.is_finite() => {
                    self.points.push(Point {
                        timestamp: entry.interval(),
                        value,
                    });
                }
                Some(_) => written.values_not_finite += 1,
                None => {}
            }
        }
        if self.points.is_empty() {
            return;
        }
        if !(first && written.items == 0) {
            out.extend_from_slice(F::BETWEEN);
        }
        written.items += self.points.len() as u64;
        let config = self.config;
        F::put(
            out,
            &SeriesView {
                entry,
                suffix,
                series_type,
                interval,
                points: &self.points,
                config,
            },
        );
    }
}

impl<F: Form> Body for SeriesBody<'_, F> {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(F::BEGIN);
    }

    fn write(&mut self, out: &mut Vec<u8>, first: bool, group: Group<'_>) -> Written {
        let mut written = Written::default();
        let Some(head) = group.iter().next() else {
            return written;
        };
        // A snapshot made of none has no interval; a rate needs one.
        let interval = group.interval_s().max(1);
        let mut put = |series, value: &dyn Fn(&Entry<'_>) -> Option<f64>| {
            self.put(out, first, group, series, &mut written, value);
        };
        match head.kind() {
            Kind::Count => put(("", SeriesType::Count, interval), &|entry: &Entry<'_>| {
                entry.scalar()
            }),
            Kind::Gauge => put(("", SeriesType::Gauge, 0), &|entry: &Entry<'_>| {
                entry.scalar()
            }),
            Kind::Histogram | Kind::Distribution => {
                for (suffix, aggregate) in AGGREGATES {
                    let value = |entry: &Entry<'_>| aggregate(&entry.sketch()?);
                    put((suffix, SeriesType::Gauge, 0), &value);
                }
                let count = |entry: &Entry<'_>| match entry.value() {
                    Value::Summary(summary) => Some(summary.count as f64 / f64::from(interval)),
                    Value::Scalar(_) => None,
                };
                put((".count", SeriesType::Rate, interval), &count);
            }
        }
        written
    }

    fn end_len(&self) -> usize {
        F::END.len()
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(F::END);
    }
}

/// `/api/v2/series` as JSON.
pub(crate) struct JsonForm;

impl Form for JsonForm {
    const BEGIN: &'static [u8] = b"{\"series\":[";
    const BETWEEN: &'static [u8] = b",";
    const END: &'static [u8] = b"]}";

    fn put(out: &mut Vec<u8>, series: &SeriesView<'_>) {
        out.extend_from_slice(b"{\"metric\":");
        put_text(out, series.entry.name());
        if !series.suffix.is_empty() {
            // Into the quotes; no suffix has a character to be escaped.
            out.pop();
            out.extend_from_slice(series.suffix.as_bytes());
            out.push(b'"');
        }
        out.extend_from_slice(b",\"type\":");
        out.push(b'0' + series.series_type as u8);
        if series.interval != 0 {
            out.extend_from_slice(b",\"interval\":");
            put_number(out, f64::from(series.interval));
        }
        out.extend_from_slice(b",\"points\":[");
        for (i, point) in series.points.iter().enumerate() {
            out.extend_from_slice(if i == 0 {
                b"{\"timestamp\":"
            } else {
                b",{\"timestamp\":"
            });
            out.extend_from_slice(point.timestamp.to_string().as_bytes());
            out.extend_from_slice(b",\"value\":");
            put_number(out, point.value);
            out.push(b'}');
        }
        out.push(b']');
        put_tags(out, series.tags());
        if !series.config.host.is_empty() {
            out.extend_from_slice(b",\"resources\":[{\"name\":");
            put_text(out, &series.config.host);
            out.extend_from_slice(b",\"type\":\"host\"}]");
        }
        let origin = series.config.origin;
        if !origin.is_empty() {
            out.extend_from_slice(b",\"metadata\":{\"origin\":{\"product\":");
            put_number(out, f64::from(origin.product));
            out.extend_from_slice(b",\"metric_type\":");
            put_number(out, f64::from(origin.category));
            out.extend_from_slice(b",\"service\":");
            put_number(out, f64::from(origin.service));
            out.extend_from_slice(b"}}");
        }
        out.push(b'}');
    }
}

/// Writes `,"tags":[…]`, or nothing if there are none.
pub(crate) fn put_tags<'a>(out: &mut Vec<u8>, tags: impl Iterator<Item = &'a str>) {
    let before = out.len();
    for tag in tags {
        out.extend_from_slice(if out.len() == before {
            b",\"tags\":["
        } else {
            b","
        });
        put_text(out, tag);
    }
    if out.len() > before {
        out.push(b']');
    }
}

/// `/api/v2/series` as protobuf.
pub(crate) struct ProtobufForm;

impl Form for ProtobufForm {
    const BEGIN: &'static [u8] = b"";
    const BETWEEN: &'static [u8] = b"";
    const END: &'static [u8] = b"";

    fn put(out: &mut Vec<u8>, series: &SeriesView<'_>) {
        protobuf::put_view(out, series);
    }
}
