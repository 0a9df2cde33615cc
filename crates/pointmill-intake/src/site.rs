//! The page's data for a file that stands on its own: answers to everything the page shows at first.
//!
//! A static page has no intake to ask. [`snapshot`] gives it one object in which each answer stands
//! under the address the page would have asked, without the time it is asked for: the whole time
//! stored.
//!
//! ```text
//! { "made_at": s, "answers": { "/v1/metrics": {…}, "/v1/tags?metric=m": {…},
//!     "/v1/query?metric=m&step=auto": {…}, "/v1/query?metric=m&step=auto&by=k": {…},
//!     "/v1/shape?metric=m": {…}, "/v1/top?metric=m": {…}, "/v1/functions": {…} } }
//! ```

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::query::{self, Filter, Query, QueryError, Scale, Step, is_sketch, kind_of};
use crate::refused::now;
use crate::store::Store;

/// Aggregations of a sketch that the page can show.
const AGGS: &str = "count,sum,avg,min,max,rate,p50,p75,p90,p95,p99,p99.9";
/// The same of counts and gauges.
const AGGS_OF_SCALARS: &str = "count,sum,avg,min,max";

/// Most metrics, and most tag keys of each, that the answers cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Metrics, those with the most values first.
    pub metrics: usize,
    /// Tag keys a metric can be split by.
    pub keys: usize,
    /// Groups of a split.
    pub groups: usize,
}

impl Default for Extent {
    /// 50 metrics, 8 keys, 20 groups: a few megabytes at most.
    fn default() -> Extent {
        Extent {
            metrics: 50,
            keys: 8,
            groups: 20,
        }
    }
}

/// Everything a static page shows.
///
/// # Errors
/// [`QueryError`] if the store cannot be read.
pub fn snapshot(store: &Store, extent: Extent) -> Result<Json, QueryError> {
    let mut answers = Map::new();
    let mut put = |address: String, answer: Json| {
        answers.insert(address, answer);
    };
    let mut list = query::metrics(store, "", usize::MAX);
    list.metrics
        .sort_by(|a, b| b.values.cmp(&a.values).then_with(|| a.name.cmp(&b.name)));
    list.metrics.truncate(extent.metrics);
    list.metrics
        .sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
    let every = Filter::default();
    for metric in &list.metrics {
        let name = encode(&metric.name);
        let kind = kind_of(metric.kind);
        let sketch = kind.is_some_and(is_sketch);
        let aggs = if sketch { AGGS } else { AGGS_OF_SCALARS };
        let asked = Query {
            metric: metric.name.clone(),
            kind,
            aggs: Some(aggs.to_owned()),
            step: Step::Auto,
            limit: extent.groups,
            ..Query::default()
        };
        put(
            format!("/v1/query?metric={name}&step=auto"),
            to_json(&query::query(store, &asked)?)?,
        );
        let tags = query::tags(store, Some(&metric.name), &every, 100)?;
        for key in tags
            .tags
            .iter()
            .filter(|key| key.total > 1)
            .take(extent.keys)
        {
            let split = Query {
                by: vec![key.key.clone()],
                ..asked.clone()
            };
            let address = format!("/v1/query?metric={name}&step=auto&by={}", encode(&key.key));
            put(address, to_json(&query::query(store, &split)?)?);
        }
        put(format!("/v1/tags?metric={name}"), to_json(&tags)?);
        let one = Query {
            aggs: None,
            limit: 20,
            ..asked
        };
        put(
            format!("/v1/top?metric={name}"),
            to_json(&query::top(store, &one)?)?,
        );
        if sketch {
            put(
                format!("/v1/shape?metric={name}"),
                to_json(&query::shape(store, &one, 60, Scale::Auto)?)?,
            );
        }
    }
    put(
        "/v1/functions".to_owned(),
        to_json(&query::functions(
            store,
            "functionname",
            &every,
            None,
            None,
        )?)?,
    );
    put("/v1/metrics".to_owned(), to_json(&list)?);
    Ok(json!({"made_at": now() as i64, "version": env!("CARGO_PKG_VERSION"), "answers": answers}))
}

fn to_json(answer: &impl Serialize) -> Result<Json, QueryError> {
    serde_json::to_value(answer).map_err(|error| QueryError::bad("", error.to_string()))
}

/// As `encodeURIComponent` writes it, for what names and keys can hold.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
        out
    })
}
