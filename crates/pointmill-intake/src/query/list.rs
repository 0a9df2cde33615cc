//! `/v1/metrics`, `/v1/tags` and `/v1/dump`: what there is.

use std::collections::HashMap;

use pointmill::Kind;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::agg::{is_sketch, kind_name};
use super::filter::Filter;
use super::select::{By, Scope, Selection};
use super::{QueryError, tag_key_and_value};
use crate::store::{KINDS, Store};

/// A metric in the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricInfo {
    /// The name.
    pub name: String,
    /// The kind's name.
    pub kind: &'static str,
    /// The unit, if one was ever said.
    pub unit: String,
    /// Contexts.
    pub contexts: usize,
    /// Contexts times intervals.
    pub points: u64,
    /// Values behind them.
    pub values: u64,
    /// Start of the first interval.
    pub first: i64,
    /// Start of the last interval.
    pub last: i64,
}

/// What `/v1/metrics` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricsAnswer {
    /// By name.
    pub metrics: Vec<MetricInfo>,
    /// Those that match, listed or not.
    pub total: usize,
}

/// The metrics whose name contains `search`, whatever its case.
#[must_use]
pub fn metrics(store: &Store, search: &str, limit: usize) -> MetricsAnswer {
    let search = search.to_lowercase();
    let mut metrics: Vec<MetricInfo> = store.view(|memory| {
        let found = memory
            .directory
            .metrics
            .iter()
            .filter(|metric| metric.totals.points > 0);
        let found = found.filter(|metric| metric.name.to_lowercase().contains(&search));
        found
            .map(|metric| {
                let (first, last) = metric.totals.span.unwrap_or_default();
                MetricInfo {
                    name: metric.name.clone(),
                    kind: kind_name(metric.kind),
                    unit: metric.unit.clone(),
                    contexts: metric.series.len(),
                    points: metric.totals.points,
                    values: metric.totals.values,
                    first,
                    last,
                }
            })
            .collect()
    });
    metrics.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
    let total = metrics.len();
    metrics.truncate(limit);
    MetricsAnswer { metrics, total }
}

/// What `/v1/tags` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TagsAnswer {
    /// By key.
    pub tags: Vec<TagKey>,
}

/// A tag key and its values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TagKey {
    /// What stands before the first colon.
    pub key: String,
    /// Values it has, listed or not.
    pub total: usize,
    /// Contexts that have it.
    pub contexts: u64,
    /// Those with the most contexts first.
    pub values: Vec<TagValue>,
}

/// A value of a tag key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TagValue {
    /// What stands behind the colon; `None` for a tag without one.
    pub value: Option<String>,
    /// Contexts that have it.
    pub contexts: u64,
}

/// The tags of a metric, or of all; at most `limit` values a key.
///
/// # Errors
/// There is no such metric.
pub fn tags(
    store: &Store,
    metric: Option<&str>,
    filter: &Filter,
    limit: usize,
) -> Result<TagsAnswer, QueryError> {
    store.view(|memory| {
        let directory = &memory.directory;
        let of_name = |kind| metric.and_then(|name| directory.metric(name, Some(kind)));
        let ids: Vec<usize> = match metric {
            Some(_) => KINDS
                .into_iter()
                .filter_map(of_name)
                .map(|id| id as usize)
                .collect(),
            None => (0..directory.metrics.len()).collect(),
        };
        if let (Some(name), true) = (metric, ids.is_empty()) {
            return Err(QueryError::unknown(
                "metric",
                format!("no metric is called {name:?}; GET /v1/metrics lists them"),
            ));
        }
        let mut found: HashMap<&str, HashMap<Option<&str>, u64>> = HashMap::new();
        let series = ids.iter().flat_map(|id| &directory.metrics[*id].series);
        for series in series.map(|id| &directory.series[*id as usize]) {
            if filter.matches(series.tags_text().split(',').filter(|tag| !tag.is_empty())) {
                for (key, value) in series.tags().map(tag_key_and_value) {
                    *found.entry(key).or_default().entry(value).or_default() += 1;
                }
            }
        }
        let mut tags: Vec<TagKey> = found
            .into_iter()
            .map(|(key, values)| {
                let contexts = values.values().sum();
                let mut values: Vec<TagValue> = values
                    .into_iter()
                    .map(|(value, contexts)| TagValue {
                        value: value.map(str::to_owned),
                        contexts,
                    })
                    .collect();
                values.sort_by(|a, b| {
                    b.contexts
                        .cmp(&a.contexts)
                        .then_with(|| a.value.cmp(&b.value))
                });
                let total = values.len();
                values.truncate(limit);
                TagKey {
                    key: key.to_owned(),
                    total,
                    contexts,
                    values,
                }
            })
            .collect();
        tags.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(TagsAnswer { tags })
    })
}

/// The names and kinds `/v1/dump` is about, sorted.
#[must_use]
pub fn dump_metrics(store: &Store, metric: Option<&str>) -> Vec<(String, Kind)> {
    let mut all: Vec<(String, Kind)> = store.view(|memory| {
        let metrics = memory.directory.metrics.iter();
        let wanted =
            metrics.filter(|m| m.totals.points > 0 && metric.is_none_or(|name| m.name == name));
        wanted.map(|m| (m.name.clone(), m.kind)).collect()
    });
    all.sort_by(|a, b| (&a.0, kind_name(a.1)).cmp(&(&b.0, kind_name(b.1))));
    all
}

/// Everything stored of one metric: a list of `DumpSeries`, sorted by tags.
///
/// # Errors
/// There is no such metric (any more), or the file cannot be read.
pub fn dump_metric(
    store: &Store,
    (name, kind): &(String, Kind),
    filter: &Filter,
    from: Option<i64>,
    to: Option<i64>,
) -> Result<Vec<Json>, QueryError> {
    let scope = Scope {
        metric: name,
        kind: Some(*kind),
        filter,
        from,
        to,
    };
    let selection = Selection::new(store, &scope, By::Context)?;
    let mut points: Vec<Vec<Json>> = vec![Vec::new(); selection.groups.len()];
    selection.each_slot(store, |start, slot| {
        for row in slot.rows() {
            let group = selection.group_of.get(row.series as usize).copied().unwrap_or(u32::MAX);
            let Some(points) = points.get_mut(group as usize) else { continue };
            let s = &row.summary;
            points.push(if is_sketch(*kind) {
                let bins = slot.bins(row);
                let bins: Vec<(i16, u32)> = bins.keys.iter().copied().zip(bins.counts.iter().copied()).collect();
                json!({"start": start, "count": s.count, "min": s.min, "max": s.max, "sum": s.sum, "avg": s.avg, "bins": bins})
            } else {
                json!({"start": start, "value": s.sum})
            });
        }
    })?;
    let mut order: Vec<usize> = (0..points.len())
        .filter(|at| !points[*at].is_empty())
        .collect();
    order.sort_by_key(|at| &selection.groups[*at].values);
    Ok(order
        .into_iter()
        .map(|at| {
            let text = selection.groups[at].values[0].as_deref().unwrap_or("");
            let tags: Vec<&str> = text.split(',').filter(|tag| !tag.is_empty()).collect();
            json!({"metric": name, "kind": kind_name(*kind), "tags": tags, "points": std::mem::take(&mut points[at])})
        })
        .collect())
}
