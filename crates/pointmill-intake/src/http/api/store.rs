//! The store as a whole: everything in it, and forgetting it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query as Parameters, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body_util::channel::Channel;
use serde_json::json;
use tokio::time::timeout;

use super::parameters::Reader;
use super::{Given, SLOWEST, failed, read_parameters};
use crate::app::App;
use crate::http::intake::answer;
use crate::query::{self, QueryError};

pub(in crate::http) async fn dump(
    State(app): State<Arc<App>>,
    Parameters(given): Given,
) -> Response<Body> {
    let (metric, filter, from, to) = read_parameters!(given, read, {
        (
            read.text("metric").map(str::to_owned),
            read.filter()?,
            read.time("from")?,
            read.time("to")?,
        )
    });
    let (mut sender, body) = Channel::<Bytes, std::io::Error>::new(1);
    tokio::spawn(async move {
        let mut head = format!(
            "{{\"interval_s\":{},\"series\":[",
            app.store.config().interval_s
        );
        for name in query::dump_metrics(&app.store, metric.as_deref()) {
            let Ok(_permit) = app.permits.queries.clone().acquire_owned().await else {
                return;
            };
            let (app, filter) = (app.clone(), filter.clone());
            let task = tokio::task::spawn_blocking(move || {
                query::dump_metric(&app.store, &name, &filter, from, to)
            });
            let series = match task.await {
                Ok(Ok(series)) => series,
                Ok(Err(error)) if error.unknown => continue,
                _ => return sender.abort(std::io::Error::other("the store cannot be read")),
            };
            for one in series {
                let piece = Bytes::from(format!("{head}\n{one}"));
                head = ",".to_owned();
                if !matches!(timeout(SLOWEST, sender.send_data(piece)).await, Ok(Ok(()))) {
                    return;
                }
            }
        }
        let opening = if head == "," { "" } else { &head };
        let _ = timeout(
            SLOWEST,
            sender.send_data(Bytes::from(format!("{opening}]}}\n"))),
        )
        .await;
    });
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], Body::new(body)).into_response()
}

pub(in crate::http) async fn reset(State(app): State<Arc<App>>) -> Response<Body> {
    match app.reset().await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({"errors": [error.to_string()]}),
        ),
    }
}
