//! The routes that answer questions, a module a resource. Parameters and answers are described in
//! `openapi.json`.

mod books;
mod faults;
mod metrics;
mod parameters;
mod store;

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Query as Parameters;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::json;
use tokio::time::Duration;

pub(super) use books::{events, refused, status};
pub(super) use faults::{clear_faults, faults, set_faults};
pub(super) use metrics::{functions, metrics, query, shape, tags, top};
pub use parameters::parse_query;
pub(super) use store::{dump, reset};

use super::intake::answer;
use crate::app::App;
use crate::query::QueryError;

type Given = Parameters<HashMap<String, String>>;

/// How long a reader of a stream may take for one piece.
const SLOWEST: Duration = Duration::from_secs(30);

/// Answers on a thread that may take its time.
async fn work<T: Serialize + Send + 'static>(
    app: Arc<App>,
    ask: impl FnOnce(&App) -> Result<T, QueryError> + Send + 'static,
) -> Response<Body> {
    let Ok(permit) = app.permits.queries.clone().acquire_owned().await else {
        return failed(&QueryError::bad(
            "",
            "the intake is being stopped".to_owned(),
        ));
    };
    let task = tokio::task::spawn_blocking(move || {
        let outcome = ask(&app).and_then(|value| {
            serde_json::to_vec(&value).map_err(|error| QueryError::bad("", error.to_string()))
        });
        drop(permit);
        outcome
    });
    let broken = || {
        QueryError::bad(
            "",
            "the question could not be answered: a defect of this program; please report it"
                .to_owned(),
        )
    };
    match task.await.unwrap_or_else(|_| Err(broken())) {
        Ok(body) => with_json(body),
        Err(error) => failed(&error),
    }
}

fn with_json(body: Vec<u8>) -> Response<Body> {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body).into_response()
}

pub(super) fn failed(error: &QueryError) -> Response<Body> {
    let status = if error.unknown {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::BAD_REQUEST
    };
    let mut body = json!({"errors": [error.to_string()]});
    if !error.field.is_empty() {
        body["field"] = error.field.into();
    }
    answer(status, &body)
}

/// Reads parameters, or answers what is wrong with them.
macro_rules! read_parameters {
    ($given:ident, $reader:ident, $body:expr) => {{
        let read = || {
            let mut $reader = Reader::new(&$given);
            let value = $body;
            $reader.finish()?;
            Ok::<_, QueryError>(value)
        };
        match read() {
            Ok(value) => value,
            Err(error) => return failed(&error),
        }
    }};
}

use read_parameters;

pub(super) async fn openapi() -> Response<Body> {
    with_json(super::OPENAPI.as_bytes().to_vec())
}
