//! The routes that answer questions. Parameters and answers are described in `openapi.json`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::{Query as Parameters, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body_util::channel::Channel;
use serde::Serialize;
use serde_json::{Value as Json, json};
use tokio::time::{Duration, timeout};

use super::intake::answer;
use crate::app::App;
use crate::fault::Fault;
use crate::query::{self, Filter, Query, QueryError, Scale, Step};
use crate::refused::now;

type Given = Parameters<HashMap<String, String>>;

/// Reads parameters, and remembers which there are, so that one nobody asked for is named.
pub(super) struct Reader<'p> {
    given: &'p HashMap<String, String>,
    known: Vec<&'static str>,
    now: i64,
}

impl<'p> Reader<'p> {
    pub(super) fn new(given: &'p HashMap<String, String>) -> Reader<'p> {
        Reader {
            given,
            known: vec!["api_key", "_"],
            now: now() as i64,
        }
    }

    fn text(&mut self, name: &'static str) -> Option<&'p str> {
        self.known.push(name);
        self.given
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    fn number(&mut self, name: &'static str, default: usize) -> Result<usize, QueryError> {
        self.text(name).map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_| QueryError::bad(name, format!("{text:?} is no whole number")))
        })
    }

    fn time(&mut self, name: &'static str) -> Result<Option<i64>, QueryError> {
        let now = self.now;
        let time = self
            .text(name)
            .map(|text| query::parse_time(text, now))
            .transpose();
        time.map_err(|error| QueryError::bad(name, error))
    }

    fn filter(&mut self) -> Result<Filter, QueryError> {
        Filter::parse(self.text("filter").unwrap_or(""))
            .map_err(|error| QueryError::bad("filter", error))
    }

    fn list(&mut self, name: &'static str) -> Vec<String> {
        let text = self.text(name).unwrap_or("");
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The parameters that all questions about one metric share.
    fn query(&mut self, limit: usize) -> Result<Query, QueryError> {
        let kind = self.text("kind").map(|name| {
            query::kind_of(name).ok_or_else(|| {
                QueryError::bad(
                    "kind",
                    format!("no kind {name:?}; there are distribution, histogram, count and gauge"),
                )
            })
        });
        Ok(Query {
            metric: self
                .text("metric")
                .ok_or_else(|| {
                    QueryError::bad(
                        "metric",
                        "name a metric; GET /v1/metrics lists them".to_owned(),
                    )
                })?
                .to_owned(),
            kind: kind.transpose()?,
            filter: self.filter()?,
            from: self.time("from")?,
            to: self.time("to")?,
            limit: self.number("limit", limit)?,
            ..Query::default()
        })
    }

    fn aggs(&mut self, query: &mut Query) {
        query.aggs = self.text("agg").map(str::to_owned);
        query.order = self.text("order").map(str::to_owned);
    }

    /// Refuses what nobody asked for.
    fn finish(&self) -> Result<(), QueryError> {
        match self
            .given
            .keys()
            .find(|name| !self.known.contains(&name.as_str()))
        {
            None => Ok(()),
            Some(name) => {
                let known = self.known[2..].join(", ");
                Err(QueryError::bad(
                    "",
                    format!("no parameter {name:?}; there are {known}"),
                ))
            }
        }
    }
}

/// The query that parameters ask for.
///
/// # Errors
/// [`QueryError`] names the parameter.
pub fn parse_query(given: &HashMap<String, String>) -> Result<Query, QueryError> {
    let mut reader = Reader::new(given);
    let mut query = reader.query(50)?;
    reader.aggs(&mut query);
    query.by = reader.list("by");
    query.step = match reader.text("step") {
        None => Step::None,
        Some("auto") => Step::Auto,
        Some(text) => Step::Seconds(
            query::parse_length(text).map_err(|error| QueryError::bad("step", error))?,
        ),
    };
    reader.finish()?;
    Ok(query)
}

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
macro_rules! parameters {
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

pub(super) async fn query(State(app): State<Arc<App>>, Parameters(given): Given) -> Response<Body> {
    match parse_query(&given) {
        Ok(asked) => work(app, move |app| query::query(&app.store, &asked)).await,
        Err(error) => failed(&error),
    }
}

pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    Parameters(given): Given,
) -> Response<Body> {
    let (search, limit) = parameters!(
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

pub(super) async fn tags(State(app): State<Arc<App>>, Parameters(given): Given) -> Response<Body> {
    let (metric, filter, limit) = parameters!(
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

pub(super) async fn shape(State(app): State<Arc<App>>, Parameters(given): Given) -> Response<Body> {
    let (asked, bins, scale) = parameters!(given, read, {
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

pub(super) async fn top(State(app): State<Arc<App>>, Parameters(given): Given) -> Response<Body> {
    let asked = parameters!(given, read, {
        let mut asked = read.query(20)?;
        read.aggs(&mut asked);
        asked
    });
    work(app, move |app| query::top(&app.store, &asked)).await
}

pub(super) async fn functions(
    State(app): State<Arc<App>>,
    Parameters(given): Given,
) -> Response<Body> {
    let (by, filter, from, to) = parameters!(given, read, {
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

pub(super) async fn refused(
    State(app): State<Arc<App>>,
    Parameters(given): Given,
) -> Response<Body> {
    let limit = parameters!(given, read, read.number("limit", 100)?);
    work(app, move |app| Ok(app.refused.list(limit))).await
}

pub(super) async fn status(State(app): State<Arc<App>>) -> Response<Body> {
    work(app, |app| Ok(books(app))).await
}

/// The books, as `/v1/status` shows them.
pub(super) fn books(app: &App) -> Json {
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

/// How long a reader of a stream may take for one piece.
const SLOWEST: Duration = Duration::from_secs(30);

pub(super) async fn dump(State(app): State<Arc<App>>, Parameters(given): Given) -> Response<Body> {
    let (metric, filter, from, to) = parameters!(given, read, {
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

pub(super) async fn reset(State(app): State<Arc<App>>) -> Response<Body> {
    match app.reset().await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({"errors": [error.to_string()]}),
        ),
    }
}

pub(super) async fn faults(State(app): State<Arc<App>>) -> Response<Body> {
    answer(StatusCode::OK, &json!({"faults": app.faults.left()}))
}

pub(super) async fn clear_faults(State(app): State<Arc<App>>) -> Response<Body> {
    app.faults.set(Vec::new());
    StatusCode::NO_CONTENT.into_response()
}

#[derive(serde::Deserialize)]
struct Script {
    faults: Vec<Fault>,
}

pub(super) async fn set_faults(State(app): State<Arc<App>>, body: Bytes) -> Response<Body> {
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

pub(super) async fn openapi() -> Response<Body> {
    with_json(super::OPENAPI.as_bytes().to_vec())
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

pub(super) async fn events(State(app): State<Arc<App>>) -> Response<Body> {
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
