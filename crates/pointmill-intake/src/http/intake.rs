//! The routes that take points.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use serde_json::{Value as Json, json};
use tokio::sync::OwnedSemaphorePermit;

use super::body;
use crate::accept::{self, Accepted, BodyError, LARGE, Route};
use crate::app::{App, add};
use crate::refused::{Cause, Refusal};

/// The header with a body's id.
pub(super) const BATCH: &str = "dd-pointmill-batch";

/// Longest id of a body.
const BATCH_MAX: usize = 128;

pub(super) async fn sketches(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    take(app, Route::Sketches, headers, body).await
}

pub(super) async fn distribution_points(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    take(app, Route::DistributionPoints, headers, body).await
}

pub(super) async fn series_v1(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    take(app, Route::SeriesV1, headers, body).await
}

pub(super) async fn series_v2(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    take(app, Route::SeriesV2, headers, body).await
}

/// Service checks, events and host metadata: read and counted.
pub(super) async fn counted(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    match body::read(&app, &headers, body, Route::SeriesV1.limits().0).await {
        Ok(_) => {
            match uri.path() {
                "/api/v1/check_run" => add(&app.counters.service_checks, 1),
                "/api/v1/events" => add(&app.counters.events, 1),
                _ => {}
            }
            answer(StatusCode::ACCEPTED, &json!({"status": "ok"}))
        }
        Err((cause, message)) => refuse(&app, &headers, Refusal::new(uri.path(), cause, message)),
    }
}

pub(super) async fn validate() -> Response<Body> {
    answer(StatusCode::OK, &json!({"valid": true}))
}

async fn take(app: Arc<App>, route: Route, headers: HeaderMap, body: Body) -> Response<Body> {
    match try_take(&app, route, &headers, body).await {
        Ok(errors) => {
            let body = match route {
                Route::Sketches | Route::SeriesV2 => json!({"errors": errors}),
                _ if errors.is_empty() => json!({"status": "ok"}),
                _ => json!({"status": "ok", "errors": errors}),
            };
            answer(StatusCode::ACCEPTED, &body)
        }
        Err(refusal) => refuse(&app, &headers, refusal),
    }
}

/// Stores a body; what was left out of it is the result.
async fn try_take(
    app: &Arc<App>,
    route: Route,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<String>, Refusal> {
    let path = route.path();
    let (max_sent, _) = route.limits();
    let bytes = body::read(app, headers, body, max_sent).await;
    let bytes = bytes.map_err(|(cause, message)| Refusal::new(path, cause, message))?;
    let length = bytes.bytes.len();
    let mut refusal = Refusal::new(path, Cause::Empty, "the body is empty; send a payload");
    refusal.bytes = length as u64;
    if length == 0 {
        return Err(refusal);
    }
    let id = text(headers, BATCH).map(str::to_owned);
    if id
        .as_ref()
        .is_some_and(|id| id.is_empty() || id.len() > BATCH_MAX)
    {
        refusal.cause = Cause::Decode;
        refusal.message =
            format!("DD-Pointmill-Batch has no byte or more than {BATCH_MAX}; send a short id");
        return Err(refusal);
    }
    let (accepted, decoding) = decode(app, route, headers, bytes).await;
    let accepted = accepted.map_err(|error| Refusal {
        cause: error.cause,
        message: error.message,
        field: error.field,
        offset: error.offset,
        ..refusal.clone()
    })?;
    let Accepted {
        mut batch,
        complaints,
        bytes,
    } = accepted;
    batch.id = id;
    // No further body is read while what has been read has no place to wait in.
    let most = app.shares.batches >> 10;
    let waiting = app.permits.batch_kib.clone();
    let waiting = waiting
        .acquire_many_owned((bytes >> 10).clamp(1, most) as u32)
        .await;
    drop(decoding);
    let receipt = app.store.store(batch).await;
    drop(waiting);
    let receipt = receipt.map_err(|error| Refusal {
        cause: error.cause(),
        message: error.to_string(),
        ..refusal.clone()
    })?;
    if receipt.duplicate {
        add(&app.counters.duplicates, 1);
        return Ok(Vec::new());
    }
    add(&app.counters.bodies, 1);
    add(&app.counters.bytes, length as u64);
    add(&app.counters.entries, receipt.entries);
    add(&app.counters.values, receipt.values);
    let errors = complaints
        .iter()
        .map(|c| format!("{}: {}", c.field, c.message))
        .collect();
    for complaint in complaints {
        app.refused.add(Refusal {
            cause: complaint.cause,
            message: complaint.message,
            field: complaint.field,
            entries: complaint.entries,
            client: text(headers, "user-agent").unwrap_or("").to_owned(),
            ..refusal.clone()
        });
    }
    Ok(errors)
}

/// Reads a body on a thread that may take its time: small ones side by side, large ones one by one.
/// The next may be read when the permit that comes with it is dropped.
async fn decode(
    app: &Arc<App>,
    route: Route,
    headers: &HeaderMap,
    bytes: body::Bytes,
) -> (Result<Accepted, BodyError>, Option<OwnedSemaphorePermit>) {
    let encoding = text(headers, "content-encoding")
        .unwrap_or("")
        .trim()
        .to_owned();
    let content_type = text(headers, "content-type").unwrap_or("").to_owned();
    let most = route.limits().1.min(app.shares.unpacked);
    let bytes = Arc::new(bytes);
    let mut large = accept::is_large(&encoding, bytes.bytes.len()) == Some(true);
    loop {
        let max = if large { most } else { most.min(LARGE) };
        let permits = if large {
            &app.permits.decode_large
        } else {
            &app.permits.decode
        };
        let permit = permits.clone().acquire_owned().await;
        let (bytes, encoding, content_type, rules) = (
            bytes.clone(),
            encoding.clone(),
            content_type.clone(),
            app.rules(),
        );
        let work = move || {
            let outcome = accept::read(route, &content_type, &encoding, &bytes.bytes, max, rules);
            (outcome, permit.ok())
        };
        let outcome = tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
            let error = BodyError {
                cause: Cause::Decode,
                message: "the body could not be read: a defect of this program; please report it"
                    .to_owned(),
                field: String::new(),
                offset: None,
            };
            (Err(error), None)
        });
        match outcome {
            (
                Err(BodyError {
                    cause: Cause::TooLarge,
                    ..
                }),
                _,
            ) if !large && most > LARGE => large = true,
            other => return other,
        }
    }
}

/// Counts a refusal and answers it.
pub(super) fn refuse(app: &App, headers: &HeaderMap, mut refusal: Refusal) -> Response<Body> {
    let status = match refusal.cause {
        Cause::Key => StatusCode::FORBIDDEN,
        Cause::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Cause::Full => StatusCode::INSUFFICIENT_STORAGE,
        Cause::Storage | Cause::Overload => StatusCode::SERVICE_UNAVAILABLE,
        Cause::Timeout => StatusCode::REQUEST_TIMEOUT,
        Cause::Route => StatusCode::NOT_FOUND,
        Cause::Encoding if refusal.message.contains("unknown encoding") => {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        }
        _ => StatusCode::BAD_REQUEST,
    };
    let mut body = json!({"errors": [refusal.message]});
    if let Some(offset) = refusal.offset {
        body["offset"] = offset.into();
    }
    if !refusal.field.is_empty() {
        body["field"] = refusal.field.clone().into();
    }
    text(headers, "user-agent")
        .unwrap_or("")
        .clone_into(&mut refusal.client);
    app.refused.add(refusal);
    let mut response = answer(status, &body);
    let headers = response.headers_mut();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if matches!(
        status,
        StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE
    ) {
        // What is left of the body is not waited for.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

pub(super) fn answer(status: StatusCode, body: &Json) -> Response<Body> {
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}

pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
