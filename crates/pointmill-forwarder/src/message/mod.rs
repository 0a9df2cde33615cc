//! One log message or telemetry event, read: what it is and what it carries. No state, no clock.
//!
//! ```text
//! message ─┬─ REPORT … START … INIT_START …   platform_text   ─▶ Event::Report, Start, …
//!          ├─ {"type":"platform.…"}           platform_json   ─▶ the same
//!          ├─ {"m":…,"v":…,"e":…,"t":…}       metric_line     ─▶ Event::Metric
//!          ├─ MONITORING|…                    legacy          ─▶ Event::Legacy
//!          ├─ … OutOfMemoryError …            out_of_memory   ─▶ Event::OutOfMemory
//!          └─ anything else                                   ─▶ Event::Log
//! ```
//!
//! 1. Platform messages are recognised at the start of the message only. A report that an
//!    application quotes is the application's text.
//! 2. What looks like a metric and is none is [`Event::Refused`] with its cause: it would otherwise
//!    be lost without a sign.
//! 3. The order of the branches is that of their cost: one byte decides most messages.

mod json;
mod legacy;
mod metric_line;
mod out_of_memory;
mod platform_json;
mod platform_text;
mod prefix;
pub(crate) mod time;

use std::borrow::Cow;

pub use legacy::{Legacy, LegacyKind};
pub use metric_line::{Metric, TAGS_MAX};

use crate::Refusal;

pub(crate) use prefix::Stamp;

/// What one message is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An invocation begins.
    Start {
        /// Its request id.
        request_id: Cow<'a, str>,
    },
    /// An invocation as the Extensions API tells of it.
    Invoke {
        /// Its request id.
        request_id: Cow<'a, str>,
    },
    /// The sandbox ends.
    Shutdown,
    /// A sandbox begins.
    InitStart(InitStart<'a>),
    /// An initialisation has ended.
    InitReport(InitReport<'a>),
    /// A snapshot begins to be restored.
    RestoreStart,
    /// A snapshot has been restored.
    RestoreReport {
        /// How long it took, in milliseconds; `None` if it failed before it could be measured.
        duration_ms: Option<f64>,
    },
    /// A handler has returned.
    RuntimeDone(RuntimeDone<'a>),
    /// An invocation has ended and what it used.
    Report(Report<'a>),
    /// The line that follows an invocation that ran out of time.
    Timeout {
        /// Its request id, if the line has one.
        request_id: Option<&'a str>,
    },
    /// The line that follows a runtime that ended.
    Crash {
        /// The invocation's request id.
        request_id: &'a str,
        /// Whether the kernel killed it, which it does for want of memory.
        killed: bool,
    },
    /// A runtime's own words for want of memory, in a log of the function.
    OutOfMemory {
        /// The invocation's request id, if the message has one.
        request_id: Option<Cow<'a, str>>,
    },
    /// Logs that Lambda itself lost before anybody could read them.
    LogsDropped {
        /// Records lost.
        records: u64,
    },
    /// A message of the platform that carries no metric.
    Platform,
    /// A metric as a JSON line.
    Metric(Metric<'a>),
    /// A metric as a `MONITORING|` line.
    Legacy(Legacy<'a>),
    /// An ordinary log.
    Log,
    /// Looks like a metric or a platform message and is not usable.
    Refused(Refusal),
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Not said: a text report of an invocation that ended well, or one of an old platform.
    #[default]
    Unsaid,
    /// Well.
    Success,
    /// The function or its runtime failed.
    Error,
    /// Out of time.
    Timeout,
}

impl Status {
    fn read(text: &str) -> Status {
        match text {
            "success" => Status::Success,
            "timeout" => Status::Timeout,
            "error" | "failure" => Status::Error,
            _ => Status::Unsaid,
        }
    }
}

/// The error type by which the platform says that memory ran out.
pub(crate) const OUT_OF_MEMORY: &str = "Runtime.OutOfMemory";

/// What an invocation used. Durations in milliseconds, sizes in MB as the platform writes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report<'a> {
    /// The invocation's request id.
    pub request_id: Option<Cow<'a, str>>,
    /// From the start of the handler to the end of all extensions.
    pub duration_ms: Option<f64>,
    /// What is paid for.
    pub billed_ms: Option<f64>,
    /// The function's memory limit, and the same as it was written, for the tag.
    pub memory_size_mb: Option<(f64, Cow<'a, str>)>,
    /// The most memory used.
    pub max_memory_mb: Option<f64>,
    /// The initialisation's, if this was the sandbox's first invocation.
    pub init_ms: Option<f64>,
    /// The restore's, if this was the first invocation after one.
    pub restore_ms: Option<f64>,
    /// The handler's own, where the line carries it.
    pub runtime_ms: Option<f64>,
    /// Between the handler's end and the report, where the line carries it.
    pub post_runtime_ms: Option<f64>,
    /// The span `responseLatency`, where there is one.
    pub response_latency_ms: Option<f64>,
    /// How it ended.
    pub status: Status,
    /// Whether the error is that memory ran out.
    pub out_of_memory: bool,
}

impl Report<'_> {
    /// Whether the memory used says that memory ran out: all of it, and the invocation did not
    /// end well. A function that merely touches its limit ends well.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        let failed = matches!(self.status, Status::Error | Status::Timeout);
        let full = match (&self.memory_size_mb, self.max_memory_mb) {
            (Some((size, _)), Some(used)) => used >= *size,
            _ => false,
        };
        self.out_of_memory || (failed && full)
    }

    /// Managed instances report a duration and nothing else.
    pub(crate) fn is_managed(&self) -> bool {
        self.billed_ms.is_none() && self.memory_size_mb.is_none() && self.max_memory_mb.is_none()
    }
}

/// What a sandbox is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InitStart<'a> {
    /// The function's name, in its own case.
    pub function_name: Option<Cow<'a, str>>,
    /// Its version, or `$LATEST`.
    pub function_version: Option<Cow<'a, str>>,
    /// Such as `python:3.13.v40`.
    pub runtime_version: Option<Cow<'a, str>>,
    /// The runtime's ARN, which has the region.
    pub runtime_version_arn: Option<Cow<'a, str>>,
    /// Why the sandbox was made: `on-demand`, `provisioned-concurrency`, `snap-start`,
    /// `lambda-managed-instances`.
    pub initialization_type: Option<Cow<'a, str>>,
    /// The memory limit in bytes.
    pub memory_bytes: Option<f64>,
}

/// How long an initialisation took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InitReport<'a> {
    /// In milliseconds.
    pub duration_ms: Option<f64>,
    /// As in [`InitStart::initialization_type`].
    pub initialization_type: Option<Cow<'a, str>>,
    /// How it ended.
    pub status: Status,
}

/// How a handler ended. Durations in milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuntimeDone<'a> {
    /// The invocation's request id.
    pub request_id: Cow<'a, str>,
    /// How it ended.
    pub status: Status,
    /// Whether the error is that memory ran out.
    pub out_of_memory: bool,
    /// The handler's duration.
    pub duration_ms: Option<f64>,
    /// Bytes of the response.
    pub produced_bytes: Option<f64>,
    /// Until the response's first byte.
    pub response_latency_ms: Option<f64>,
    /// From the response's first byte to its last.
    pub response_duration_ms: Option<f64>,
}

/// Reads one message.
///
/// `console_prefixes`: whether a metric may follow the time, request id and level that
/// `console.log` and Python's logging put before it.
#[must_use]
pub fn read(message: &str, console_prefixes: bool) -> Event<'_> {
    let text = message.trim();
    let event = match text.as_bytes().first() {
        None => Event::Log,
        Some(b'{') => return json::read(text, console_prefixes),
        Some(b'[') if metric_line::is_list(text) => Event::Refused(Refusal::ListOfMetrics),
        Some(_) => match platform_text::read(text) {
            Some(event) => event,
            None => application(text, console_prefixes),
        },
    };
    match event {
        Event::Log => out_of_memory::find(text),
        event => event,
    }
}

/// What a function itself has written: no platform message, whatever it says.
fn application(text: &str, console_prefixes: bool) -> Event<'_> {
    let (bare, _) = match console_prefixes {
        true => prefix::strip(text),
        false => (text, Stamp::default()),
    };
    if let Some(fields) = bare.strip_prefix(legacy::KEYWORD) {
        return legacy::read(fields);
    }
    if bare.len() < text.len() && bare.starts_with('{') {
        match metric_line::read(bare) {
            Event::Log => {}
            event => return event,
        }
    }
    Event::Log
}

/// Seconds from seconds or milliseconds, told apart by their size: 10^11 seconds are the year
/// 5138, 10^11 milliseconds the year 1973.
pub(crate) fn unix_s(time: f64) -> Option<i64> {
    /// The last second of the year 9999.
    const LATEST: f64 = 253_402_300_799.0 * 1000.0;
    if !(0.0..=LATEST).contains(&time) {
        return None;
    }
    Some(if time >= 1e11 { time / 1e3 } else { time }.floor() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        assert_eq!(unix_s(1_767_225_590.75), Some(1_767_225_590));
        assert_eq!(unix_s(1_767_225_590_750.0), Some(1_767_225_590));
        assert_eq!(unix_s(99_999_999_999.0), Some(99_999_999_999));
        assert_eq!(unix_s(0.0), Some(0));
        for bad in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(unix_s(bad), None);
        }
    }
}
