//! Scripted faults: which are left, other ones, none.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::json;

use super::failed;
use crate::app::App;
use crate::fault::Fault;
use crate::http::intake::answer;
use crate::query::QueryError;

pub(in crate::http) async fn faults(State(app): State<Arc<App>>) -> Response<Body> {
    answer(StatusCode::OK, &json!({"faults": app.faults.left()}))
}

pub(in crate::http) async fn clear_faults(State(app): State<Arc<App>>) -> Response<Body> {
    app.faults.set(Vec::new());
    StatusCode::NO_CONTENT.into_response()
}

#[derive(serde::Deserialize)]
struct Script {
    faults: Vec<Fault>,
}

pub(in crate::http) async fn set_faults(
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Response<Body> {
    let script = serde_json::from_slice::<Script>(&body).map_err(|error| error.to_string());
    let checked = script.and_then(|script| {
        script.faults.iter().try_for_each(Fault::check)?;
        Ok(script.faults)
    });
    match checked {
        Ok(faults) => {
            app.faults.set(faults);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => failed(&QueryError::bad("faults", error)),
    }
}
