//! The page and its files, compiled in: everything a browser asks for besides `/v1`.
//!
//! The files are made from the crate's folder `web/` by `cargo xtask web` and taken in by the build
//! script; to add one, add it there and a line to [`ASSETS`]. They are
//! served as they are, to everybody who reaches the port: nothing in them is secret, what they show
//! comes from `/v1` and needs the key if one is set. The content security policy forbids requests
//! to anywhere else.

use axum::http::{HeaderValue, Response, StatusCode, header};

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// The path it is served at.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

macro_rules! assets {
    ($($path:literal $file:literal $content_type:literal,)*) => {
        &[$(Asset {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!(env!("OUT_DIR"), "/page/", $file)),
        },)*]
    };
}

/// Every file there is.
pub const ASSETS: &[Asset] = assets![
    "/" "index.html" "text/html; charset=utf-8",
    "/app.js" "app.js" "text/javascript; charset=utf-8",
    "/app.css" "app.css" "text/css; charset=utf-8",
];

/// Whether the page was made before this program was built. Without it `/` says how to make it.
pub const BUILT: bool = matches!(env!("POINTMILL_PAGE_BUILT").as_bytes(), b"true");

/// Script and style of the report that stands on its own ([`crate::site::page`]).
pub const REPORT_SCRIPT: &str = include_str!(concat!(env!("OUT_DIR"), "/page/report.js"));
/// See [`REPORT_SCRIPT`].
pub const REPORT_STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/page/report.css"));

/// No request leaves for another host, no script that is not one of ours runs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The answer to a request for `path`, if it is one of the files.
#[must_use]
pub fn answer(path: &str) -> Option<Response<axum::body::Body>> {
    let asset = ASSETS.iter().find(|asset| asset.path == path)?;
    let mut response = Response::new(axum::body::Body::from(asset.bytes));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    let set = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // The next version of the program may have other files under the same names.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}
