//! Questions about metrics: which there are, their tags, aggregations, shape and contexts.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query as Parameters, State};
use axum::http::Response;

use super::parameters::{Reader, parse_query};
use super::{Given, failed, read_parameters, work};
use crate::app::App;
use crate::query::{self, QueryError, Scale};

pub(in crate::http) async fn query(
    State(app): State<Arc<App>>,
    Parameters(given): Given,
) -> Response<Body> {
    match parse_query(&given) {
        Ok(asked) => work(app, move |app| query::query(&app.store, &asked)).await,
        Err(error) => failed(&error),
    }
}

pub(in crate::http) async fn metrics(
    State(app): State<Arc<App>>,
    Parameters(given): Given,
) -> Response<Body> {
    let (search, limit) = read_parameters!(
        given,
        read,
        (
            read.text("search").unwrap_or("").to_owned(),
            read.number("limit", 1_000)?
        )
    );
    work(app, move |app| {
        Ok(query::metrics(&app.store, &search, limit))
    })
    .await
}

pub(in crate::http) async fn tags(
    State(app): State<Arc<App>>,
    Parameters(given): Given,
) -> Response<Body> {
    let (metric, filter, limit) = read_parameters!(
        given,
        read,
        (
            read.text("metric").map(str::to_owned),
            read.filter()?,
            read.number("limit", 1_000)?
        )
    );
    work(app, move |app| {
        query::tags(&app.store, metric.as_deref(), &filter, limit)
    })
    .await
}

pub(in crate::http) async fn shape(
    State(app): State<Arc<App>>,
    Parameters(given): Given,
) -> Response<Body> {
    let (asked, bins, scale) = read_parameters!(given, read, {
        let scale = match read.text("scale") {
            None | Some("auto") => Scale::Auto,
            Some("log") => Scale::Log,
            Some("linear") => Scale::Linear,
            Some(other) => {
                return Err(QueryError::bad(
                    "scale",
                    format!("no scale {other:?}; there are auto, log and linear"),
                ));
            }
        };
        (read.query(1)?, read.number("bins", 60)?, scale)
    });
    work(app, move |app| {
        query::shape(&app.store, &asked, bins, scale)
    })
    .await
}

pub(in crate::http) async fn top(
    State(app): State<Arc<App>>,
    Parameters(given): Given,
) -> Response<Body> {
    let asked = read_parameters!(given, read, {
        let mut asked = read.query(20)?;
        read.aggs(&mut asked);
        asked
    });
    work(app, move |app| query::top(&app.store, &asked)).await
}

pub(in crate::http) async fn functions(
    State(app): State<Arc<App>>,
    Parameters(given): Given,
) -> Response<Body> {
    let (by, filter, from, to) = read_parameters!(given, read, {
        (
            read.text("by").unwrap_or("functionname").to_owned(),
            read.filter()?,
            read.time("from")?,
            read.time("to")?,
        )
    });
    work(app, move |app| {
        query::functions(&app.store, &by, &filter, from, to)
    })
    .await
}
