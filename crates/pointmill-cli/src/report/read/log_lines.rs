//! Metrics that serverless functions print: one JSON object `{"m":…,"v":…,"e":…,"t":[…]}` a line.
//! All are distributions, as they are to the forwarder that reads them.

use std::io::Read;

use pointmill::Kind;
use pointmill_wire::log_line;

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
            Step::Line if lines.line().trim_ascii().is_empty() => Ok(()),
            Step::Line => record(lines.line(), &mut cache, &mut raw, sink),
        };
        if let Err(error) = outcome {
            sink.bad_line(lines.number(), &error);
        }
    }
}

fn record(
    line: &[u8],
    cache: &mut ContextCache,
    raw: &mut Vec<u8>,
    sink: &mut Sink<'_>,
) -> Result<(), LineError> {
    let metric = log_line::parse(line).map_err(LineError::LogLine)?;
    raw.clear();
    for part in core::iter::once(&metric.name).chain(&metric.tags) {
        raw.extend_from_slice(&(part.len() as u32).to_le_bytes());
        raw.extend_from_slice(part.as_bytes());
    }
    let aggregator = &mut *sink.aggregator;
    let context = cache.get(raw, || {
        let mut tags = metric.tags.iter().map(|tag| tag.as_bytes()).collect();
        aggregator.context(Kind::Distribution, &metric.name, &mut tags)
    })?;
    let point = Point {
        value: metric.value,
        unix_s: Some(metric.unix_s),
        rate: None,
    };
    Ok(aggregator.record(context, point)?)
}
