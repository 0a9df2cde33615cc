//! DogStatsD text, one message a line, as a capture of a socket or a test fixture has it.
//!
//! | type | becomes |
//! | --- | --- |
//! | `d` | a point of a distribution |
//! | `h`, `ms` | a point of a histogram |
//! | `c` | a point of a count, scaled up by its rate unless it has a time: as in the Agent, a sender that knows the time has aggregated already |
//! | `g` | a point of a gauge, whatever its rate |
//! | `s`, events, service checks | counted in the ledger |
//!
//! A time (`|T…`) is honoured for every type.

use std::io::Read;

use pointmill::Kind;
use pointmill_wire::dogstatsd::{Message, Metric, MetricType, parse};

use super::{ContextCache, Lines, Point, ReportError, Sink, stream_error};
use crate::report::ledger::LineError;
use crate::report::lines::Step;

pub(super) fn read<R: Read>(lines: &mut Lines<R>, sink: &mut Sink<'_>) -> Result<(), ReportError> {
    let mut cache = ContextCache::default();
    let mut raw = Vec::new();
    loop {
        let step = lines.advance().map_err(|e| stream_error(sink.file, e))?;
        sink.ledger.set_lines(lines.count());
        let outcome = match step {
            Step::End => return Ok(()),
            Step::TooLong => Err(LineError::TooLong),
            Step::Line => line(lines.line(), &mut cache, &mut raw, sink),
        };
        if let Err(error) = outcome {
            sink.bad_line(lines.number(), &error);
        }
    }
}

fn line(
    line: &[u8],
    cache: &mut ContextCache,
    raw: &mut Vec<u8>,
    sink: &mut Sink<'_>,
) -> Result<(), LineError> {
    for message in parse(line.trim_ascii_end()) {
        match message.map_err(LineError::Dogstatsd)? {
            Message::Event(_) => sink.ledger.event(),
            Message::ServiceCheck(_) => sink.ledger.service_check(),
            Message::Metric(metric) => match kind(metric.metric_type) {
                Some(kind) => record(&metric, kind, cache, raw, sink)?,
                None => sink.ledger.set(),
            },
        }
    }
    Ok(())
}

fn record(
    metric: &Metric<'_>,
    kind: Kind,
    cache: &mut ContextCache,
    raw: &mut Vec<u8>,
    sink: &mut Sink<'_>,
) -> Result<(), LineError> {
    raw.clear();
    raw.push(kind as u8);
    raw.extend_from_slice(&(metric.name.len() as u32).to_le_bytes());
    raw.extend_from_slice(metric.name.as_bytes());
    raw.extend_from_slice(metric.tags.as_str().as_bytes());
    let aggregator = &mut *sink.aggregator;
    let context = cache.get(raw, || {
        let mut tags = metric.tags.clone().map(str::as_bytes).collect();
        aggregator.context(kind, metric.name, &mut tags)
    })?;
    let unix_s = metric.timestamp;
    // A rate outside of 0 to 1 says nothing, and 1 changes nothing.
    let sampled = metric.rate > 0.0 && metric.rate < 1.0;
    let scales = kind.has_sketch() || (kind == Kind::Count && unix_s.is_none());
    let rate = (sampled && scales).then_some(metric.rate);
    let mut refused = None;
    for value in metric.values.clone() {
        let outcome = aggregator.record(
            context,
            Point {
                value,
                unix_s,
                rate,
            },
        );
        refused = refused.or(outcome.err());
    }
    refused.map_or(Ok(()), |error| Err(error.into()))
}

/// What the engine makes of a type; `None` for sets, which nothing adds up.
fn kind(metric_type: MetricType) -> Option<Kind> {
    match metric_type {
        MetricType::Distribution => Some(Kind::Distribution),
        MetricType::Histogram | MetricType::Timing => Some(Kind::Histogram),
        MetricType::Count => Some(Kind::Count),
        MetricType::Gauge => Some(Kind::Gauge),
        MetricType::Set => None,
    }
}
