//! Platform messages as JSON: Lambda's JSON log format and the Telemetry API, which share them.
//!
//! Each is read by itself, so that one with a type or a member not known yet costs only itself.
//! Schema: AWS Lambda Developer Guide, "Telemetry API Event schema reference", 2022-12-13 and
//! 2025-01-29.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::Number;
use serde_json::value::RawValue;

use super::{Event, InitReport, InitStart, OUT_OF_MEMORY, Report, RuntimeDone, Status};
use crate::Refusal;

/// The members of any record; each kind has some.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    request_id: Option<String>,
    status: Option<String>,
    error_type: Option<String>,
    #[serde(borrow)]
    metrics: Option<&'a RawValue>,
    #[serde(borrow)]
    spans: Option<&'a RawValue>,
    initialization_type: Option<String>,
    function_name: Option<String>,
    function_version: Option<String>,
    runtime_version: Option<String>,
    runtime_version_arn: Option<String>,
    instance_max_memory: Option<f64>,
    dropped_records: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metrics {
    #[serde(rename = "durationMs")]
    duration_ms: Option<f64>,
    #[serde(rename = "billedDurationMs")]
    billed_ms: Option<f64>,
    #[serde(rename = "memorySizeMB")]
    memory_size_mb: Option<Number>,
    #[serde(rename = "maxMemoryUsedMB", deserialize_with = "number_or_text")]
    max_memory_mb: Option<f64>,
    #[serde(rename = "initDurationMs")]
    init_ms: Option<f64>,
    #[serde(rename = "restoreDurationMs")]
    restore_ms: Option<f64>,
    #[serde(rename = "producedBytes")]
    produced_bytes: Option<f64>,
}

/// The memory used is also taken as text, since the forwarder takes it so.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(f64),
        Text(String),
    }
    let parsed = match Option::<Either>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Either::Number(number)) => Some(number),
        Some(Either::Text(text)) => text.parse().ok(),
    };
    parsed
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom("not a number"))
}

#[derive(Debug, Deserialize)]
struct Span {
    name: String,
    #[serde(rename = "durationMs")]
    duration_ms: f64,
}

/// Reads the record of a message of type `platform.<kind>`.
pub(crate) fn read<'a>(kind: &str, record: Option<&'a RawValue>) -> Event<'a> {
    if !matches!(
        kind,
        "start"
            | "report"
            | "runtimeDone"
            | "initStart"
            | "initReport"
            | "restoreStart"
            | "restoreReport"
            | "logsDropped"
    ) {
        return Event::Platform;
    }
    let record = record.and_then(|raw| serde_json::from_str::<Record<'_>>(raw.get()).ok());
    let event = match record {
        Some(record) => from_record(kind, record),
        None => Err(Refusal::PlatformRecord),
    };
    event.unwrap_or_else(Event::Refused)
}

fn from_record<'a>(kind: &str, record: Record<'a>) -> Result<Event<'a>, Refusal> {
    let metrics = metrics(record.metrics)?;
    let request_id = |id: Option<String>| id.filter(|id| !id.is_empty()).map(Cow::Owned);
    Ok(match kind {
        "start" => Event::Start {
            request_id: request_id(record.request_id).ok_or(Refusal::PlatformRecord)?,
        },
        "report" => Event::Report(report(record, metrics)?),
        "runtimeDone" => Event::RuntimeDone(RuntimeDone {
            status: status(&record),
            out_of_memory: record.error_type.as_deref() == Some(OUT_OF_MEMORY),
            duration_ms: metrics.duration_ms,
            produced_bytes: metrics.produced_bytes,
            response_latency_ms: span(record.spans, "responseLatency"),
            response_duration_ms: span(record.spans, "responseDuration"),
            request_id: request_id(record.request_id).ok_or(Refusal::PlatformRecord)?,
        }),
        "initStart" => Event::InitStart(InitStart {
            function_name: record.function_name.map(Cow::Owned),
            function_version: record.function_version.map(Cow::Owned),
            runtime_version: record.runtime_version.map(Cow::Owned),
            runtime_version_arn: record.runtime_version_arn.map(Cow::Owned),
            initialization_type: record.initialization_type.map(Cow::Owned),
            memory_bytes: record.instance_max_memory,
        }),
        "initReport" => Event::InitReport(InitReport {
            status: status(&record),
            duration_ms: metrics.duration_ms,
            initialization_type: record.initialization_type.map(Cow::Owned),
        }),
        "restoreStart" => Event::RestoreStart,
        "restoreReport" => Event::RestoreReport {
            duration_ms: metrics.duration_ms,
        },
        _ => Event::LogsDropped {
            records: record.dropped_records.unwrap_or(0.0).max(0.0) as u64,
        },
    })
}

fn metrics(raw: Option<&RawValue>) -> Result<Metrics, Refusal> {
    let Some(raw) = raw else {
        return Ok(Metrics::default());
    };
    if !raw.get().starts_with('{') {
        return Err(Refusal::PlatformRecord);
    }
    let metrics: Metrics = serde_json::from_str(raw.get()).map_err(|_| Refusal::PlatformNumber)?;
    let all = [
        metrics.duration_ms,
        metrics.billed_ms,
        metrics.max_memory_mb,
        metrics.init_ms,
        metrics.restore_ms,
        metrics.produced_bytes,
        metrics.memory_size_mb.as_ref().and_then(Number::as_f64),
    ];
    let sound = |number: &f64| number.is_finite() && *number >= 0.0;
    match all.iter().flatten().all(sound) {
        true => Ok(metrics),
        false => Err(Refusal::PlatformNumber),
    }
}

fn status(record: &Record<'_>) -> Status {
    record
        .status
        .as_deref()
        .map_or(Status::Unsaid, Status::read)
}

fn report<'a>(record: Record<'a>, metrics: Metrics) -> Result<Report<'a>, Refusal> {
    let status = status(&record);
    let failed = matches!(status, Status::Error | Status::Timeout);
    let empty = metrics.duration_ms.is_none() && metrics.billed_ms.is_none();
    if empty && metrics.max_memory_mb.is_none() && !failed {
        return Err(Refusal::ReportWithoutDuration);
    }
    let memory = metrics.memory_size_mb;
    Ok(Report {
        out_of_memory: record.error_type.as_deref() == Some(OUT_OF_MEMORY),
        response_latency_ms: span(record.spans, "responseLatency"),
        request_id: record
            .request_id
            .filter(|id| !id.is_empty())
            .map(Cow::Owned),
        duration_ms: metrics.duration_ms,
        billed_ms: metrics.billed_ms,
        memory_size_mb: memory.and_then(|n| Some((n.as_f64()?, Cow::Owned(n.to_string())))),
        max_memory_mb: metrics.max_memory_mb,
        // The platform leaves it out of later invocations; the forwarder reads 0 as left out.
        init_ms: metrics.init_ms.filter(|ms| *ms != 0.0),
        restore_ms: metrics.restore_ms,
        runtime_ms: None,
        post_runtime_ms: None,
        status,
    })
}

/// The duration of the span `name`; none if the spans are not as they should be.
fn span(spans: Option<&RawValue>, name: &str) -> Option<f64> {
    let spans: Vec<Span> = serde_json::from_str(spans?.get()).ok()?;
    let span = spans.into_iter().find(|span| span.name == name)?;
    Some(span.duration_ms).filter(|ms| ms.is_finite() && *ms >= 0.0)
}
