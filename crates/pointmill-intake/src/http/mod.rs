//! The HTTP side: the port, the routes, the page.
//!
//! ```text
//! connection ─▶ guard: host, origin, key ─▶ fault? ─▶ route ─▶ answer
//! ```

mod api;
mod body;
mod intake;
pub mod page;
mod server;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query as Parameters, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use axum::routing::{get, post};
use serde_json::json;
use tower_service::Service;

pub use api::parse_query;
pub(crate) use server::Server;

use crate::app::{App, add};
use crate::fault::Fault;
use crate::query::QueryError;
use crate::refused::{Cause, Refusal};
use intake::{answer, refuse, text};

/// The description of every route, as served at `/v1/openapi.json`.
pub const OPENAPI: &str = include_str!("../../openapi.json");

fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/api/beta/sketches", post(intake::sketches))
        .route(
            "/api/v1/distribution_points",
            post(intake::distribution_points),
        )
        .route("/api/v1/series", post(intake::series_v1))
        .route("/api/v2/series", post(intake::series_v2))
        .route("/api/v1/validate", get(intake::validate))
        .route("/api/v1/check_run", post(intake::counted))
        .route("/api/v1/events", post(intake::counted))
        .route("/intake/", post(intake::counted))
        .route("/v1/metrics", get(api::metrics))
        .route("/v1/tags", get(api::tags))
        .route("/v1/query", get(api::query))
        .route("/v1/shape", get(api::shape))
        .route("/v1/top", get(api::top))
        .route("/v1/functions", get(api::functions))
        .route("/v1/refused", get(api::refused))
        .route("/v1/status", get(api::status))
        .route("/v1/events", get(api::events))
        .route("/v1/dump", get(api::dump))
        .route("/v1/reset", post(api::reset))
        .route(
            "/v1/faults",
            get(api::faults)
                .post(api::set_faults)
                .delete(api::clear_faults),
        )
        .route("/v1/openapi.json", get(api::openapi))
        .method_not_allowed_fallback(wrong_method)
        .with_state(app)
}

async fn wrong_method(request: Request) -> Response<Body> {
    let text = format!(
        "{} does not take {}; see /v1/openapi.json",
        request.uri().path(),
        request.method()
    );
    answer(StatusCode::METHOD_NOT_ALLOWED, &json!({"errors": [text]}))
}

/// A request that gets no answer: its connection is cut.
#[derive(Debug)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a scripted fault cut the connection")
    }
}

impl std::error::Error for Cut {}

/// Answers one request.
pub(crate) async fn handle(
    app: &Arc<App>,
    mut routes: Router,
    request: Request,
) -> Result<Response<Body>, Cut> {
    add(&app.counters.requests, 1);
    let path = request.uri().path().to_owned();
    let takes = path.starts_with("/api/") || path.starts_with("/intake");
    if let Err(why) = check_browser(app, &request, takes) {
        return Ok(answer(StatusCode::FORBIDDEN, &json!({"errors": [why]})));
    }
    if !takes && !path.starts_with("/v1/") {
        return Ok(match page::answer(&path) {
            Some(file) => file,
            None => unknown(app, &request, &path),
        });
    }
    if !app.key_fits(key(&request).as_deref()) {
        let text = "the API key is missing or wrong; send the one given with --api-key as DD-API-KEY or api_key";
        let headers = request.headers().clone();
        return Ok(refuse(app, &headers, Refusal::new(&path, Cause::Key, text)));
    }
    let fault = if takes { app.faults.next(&path) } else { None };
    if let Some(fault) = &fault {
        add(&app.counters.faults, 1);
        tokio::time::sleep(fault.delay()).await;
        if fault.is_fatal() && !fault.stored {
            return carry_out(app, fault).await;
        }
    }
    let known = request.uri().clone();
    let headers = request.headers().clone();
    let response = match routes.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match fault {
        Some(fault) if fault.is_fatal() => carry_out(app, &fault).await,
        _ if response.status() == StatusCode::NOT_FOUND && !is_json(&response) => {
            let text = format!("there is no {}; see /v1/openapi.json", known.path());
            Ok(refuse(
                app,
                &headers,
                Refusal::new(known.path(), Cause::Route, text),
            ))
        }
        _ => Ok(response),
    }
}

fn is_json(response: &Response<Body>) -> bool {
    response.headers().contains_key(header::CONTENT_TYPE)
}

fn unknown(app: &App, request: &Request, path: &str) -> Response<Body> {
    let text = format!("there is no {path}; see /v1/openapi.json");
    if request.method() == Method::GET {
        return api::failed(&QueryError::unknown("", text));
    }
    let headers: HeaderMap = request.headers().clone();
    refuse(app, &headers, Refusal::new(path, Cause::Route, text))
}

async fn carry_out(app: &App, fault: &Fault) -> Result<Response<Body>, Cut> {
    if fault.hang {
        app.stopped().await;
        return Err(Cut);
    }
    if fault.reset {
        return Err(Cut);
    }
    let status = fault
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    let body = json!({"errors": ["a scripted fault"]}).to_string();
    let mut response = Response::new(Body::from(fault.body.clone().unwrap_or(body)));
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let set = [
        (header::RETRY_AFTER, fault.retry_after.as_deref()),
        (header::CONTENT_TYPE, Some("application/json")),
    ];
    for (name, value) in set {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// The key a request carries, in its header or its address.
fn key(request: &Request) -> Option<String> {
    if let Some(key) = text(request.headers(), "dd-api-key") {
        return Some(key.to_owned());
    }
    let given = Parameters::<HashMap<String, String>>::try_from_uri(request.uri()).ok()?;
    given.0.get("api_key").cloned()
}

/// A page of a stranger must not read or steer an intake through its visitor's browser: what is not a
/// metrics client's route wants, on a loopback address, a loopback name as its host, and, to change
/// something, no other origin.
fn check_browser(app: &App, request: &Request, takes: bool) -> Result<(), String> {
    let host = text(request.headers(), "host").unwrap_or("");
    if !takes && app.config.listen.ip().is_loopback() && !host.is_empty() && !is_loopback(host) {
        return Err(format!(
            "the host {host:?} is not this machine; ask for localhost or 127.0.0.1"
        ));
    }
    let origin = request.headers().get(HeaderName::from_static("origin"));
    if let (false, Some(origin)) = (request.method() == Method::GET, origin) {
        let own = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .map(|(_, host)| host);
        if own != Some(host) {
            return Err(
                "a page from elsewhere asked for this; ask without the header Origin".to_owned(),
            );
        }
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_this_machine() {
        for host in [
            "localhost",
            "localhost:8126",
            "127.0.0.1:1",
            "[::1]:8126",
            "[::1]",
            "a.localhost:80",
            "127.9.9.9",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:8126",
            "10.0.0.1",
            "[::2]:1",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    /// Every route is described with its methods, and every description has its route.
    #[test]
    fn the_document_and_the_routes_agree() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        // Without blanks, so that the layout of the table does not matter.
        let source: String = include_str!("mod.rs").split_whitespace().collect();
        let table = source.split("fnroutes").nth(1).unwrap();
        let table = table.split(".method_not_allowed_fallback").next().unwrap();
        let mut routes: Vec<(String, Vec<&str>)> = Vec::new();
        for route in table.split(".route(\"").skip(1) {
            let (path, handlers) = route.split_once('"').unwrap();
            let methods = ["delete", "get", "post"];
            let takes = |method: &&str| {
                let call = [format!(",{method}("), format!(".{method}(")];
                call.iter().any(|call| handlers.contains(call))
            };
            routes.push((path.to_owned(), methods.into_iter().filter(takes).collect()));
        }
        let paths = document["paths"].as_object().unwrap();
        let mut described: Vec<(String, Vec<&str>)> = paths
            .iter()
            .map(|(path, methods)| {
                let mut methods: Vec<&str> = methods
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(String::as_str)
                    .collect();
                methods.sort_unstable();
                (path.clone(), methods)
            })
            .collect();
        routes.sort_unstable();
        described.sort_unstable();
        assert!(routes.len() > 15);
        assert_eq!(routes, described);
    }
}
