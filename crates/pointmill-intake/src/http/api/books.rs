//! What the intake says of itself: its books, what it refused, and what changes while one looks.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::{Query as Parameters, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body_util::channel::Channel;
use serde_json::{Value as Json, json};
use tokio::time::{Duration, timeout};

use super::parameters::Reader;
use super::{Given, SLOWEST, failed, read_parameters, work};
use crate::app::App;
use crate::http::intake::answer;
use crate::query::QueryError;

pub(in crate::http) async fn refused(
    State(app): State<Arc<App>>,
    Parameters(given): Given,
) -> Response<Body> {
    let limit = read_parameters!(given, read, read.number("limit", 100)?);
    work(app, move |app| Ok(app.refused.list(limit))).await
}

pub(in crate::http) async fn status(State(app): State<Arc<App>>) -> Response<Body> {
    work(app, |app| Ok(books(app))).await
}

/// The books, as `/v1/status` shows them.
fn books(app: &App) -> Json {
    let config = app.store.config();
    let mut store = app.store.view(|memory| {
        let spans = memory
            .directory
            .metrics
            .iter()
            .filter_map(|metric| metric.totals.span);
        let span = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let live = memory
            .directory
            .metrics
            .iter()
            .filter(|metric| metric.totals.points > 0);
        json!({
            "bytes": memory.bytes(),
            "metrics": live.clone().count(),
            "contexts": memory.directory.len(),
            "points": live.map(|metric| metric.totals.points).sum::<u64>(),
            "first": span.map(|span| span.0),
            "last": span.map(|span| span.1),
            "evicted_points": memory.evicted_points,
            "expired_points": memory.expired_points,
        })
    });
    store["kind"] = if config.path.is_some() {
        "sqlite"
    } else {
        "memory"
    }
    .into();
    store["path"] = config
        .path
        .as_ref()
        .map_or(String::new(), |path| path.display().to_string())
        .into();
    store["bytes_max"] = config.bytes_max.into();
    store["file_bytes"] = app.store.file_bytes().into();
    let dogstatsd: Vec<String> = app
        .config
        .dogstatsd
        .iter()
        .map(ToString::to_string)
        .collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": app.started.elapsed().as_secs_f64(),
        "interval_s": config.interval_s,
        "store": store,
        "received": app.counters.received(),
        "refused": app.refused.total(),
        "faults": app.counters.faults(),
        "connections": app.counters.connections(),
        "dogstatsd": (!dogstatsd.is_empty()).then(|| dogstatsd.join(" ")),
    })
}

/// Most metrics an update names.
const CHANGED_MAX: usize = 200;

/// What has changed since the commit `seen` and the reset `resets`.
fn update(app: &App, seen: &mut u64, resets: &mut u64) -> Json {
    let mut update = app.store.view(|memory| {
        let live = || {
            memory
                .directory
                .metrics
                .iter()
                .filter(|metric| metric.totals.points > 0)
        };
        let changed: Vec<&str> = live()
            .filter(|m| m.changed_at > *seen)
            .map(|m| m.name.as_str())
            .collect();
        let last = live()
            .filter_map(|metric| metric.totals.span)
            .map(|span| span.1)
            .max();
        *seen = memory.sequence;
        json!({
            "sequence": memory.sequence,
            "changed": (changed.len() <= CHANGED_MAX).then_some(changed),
            "metrics": live().count(),
            "contexts": memory.directory.len(),
            "points": live().map(|metric| metric.totals.points).sum::<u64>(),
            "values": live().map(|metric| metric.totals.values).sum::<u64>(),
            "last": last,
        })
    });
    let now = app.resets.load(Ordering::Relaxed);
    update["reset"] = (now != std::mem::replace(resets, now)).into();
    update["refused"] = app.refused.total().into();
    update
}

pub(in crate::http) async fn events(State(app): State<Arc<App>>) -> Response<Body> {
    let Ok(permit) = app.permits.streams.clone().try_acquire_owned() else {
        let body = json!({"errors": ["64 streams of events are open; close one"]});
        return answer(StatusCode::SERVICE_UNAVAILABLE, &body);
    };
    let (mut sender, body) = Channel::<Bytes, std::io::Error>::new(1);
    tokio::spawn(async move {
        let _permit = permit;
        let mut commits = app.store.commits();
        let (mut seen, mut resets) = (0, app.resets.load(Ordering::Relaxed));
        let mut refused = u64::MAX;
        loop {
            commits.mark_unchanged();
            let piece = format!(
                "event: update\ndata: {}\n\n",
                update(&app, &mut seen, &mut resets)
            );
            refused = if refused == u64::MAX {
                app.refused.total()
            } else {
                refused
            };
            if !matches!(
                timeout(SLOWEST, sender.send_data(Bytes::from(piece))).await,
                Ok(Ok(()))
            ) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            let mut quiet = 0;
            loop {
                let wait = Duration::from_secs(1);
                tokio::select! {
                    () = app.stopped() => return,
                    changed = timeout(wait, commits.changed()) => match changed {
                        Ok(Ok(())) => break,
                        Ok(Err(_)) => return,
                        Err(_) => quiet += 1,
                    },
                }
                if app.refused.total() != refused {
                    refused = app.refused.total();
                    break;
                }
                if quiet == 15 {
                    quiet = 0;
                    let beat = Bytes::from_static(b": still here\n\n");
                    if !matches!(timeout(SLOWEST, sender.send_data(beat)).await, Ok(Ok(()))) {
                        return;
                    }
                }
            }
        }
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::new(body)).into_response()
}
