//! `/v1/functions`: serverless functions, from the metrics `aws.lambda.enhanced.*`.
//!
//! Names and units are those of the metrics' senders: durations in seconds, memory in megabytes, cost
//! in dollars. What counts something is a distribution of ones or a count; both have a sum.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::QueryError;
use super::agg::{Agg, is_sketch};
use super::filter::Filter;
use super::select::{By, Scope, Selection, tag_value};
use crate::store::{KINDS, Store};

const PREFIX: &str = "aws.lambda.enhanced.";

/// What `/v1/functions` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FunctionsAnswer {
    /// Start, inclusive.
    pub from: i64,
    /// End, exclusive.
    pub to: i64,
    /// By invocations, most first.
    pub functions: Vec<Function>,
}

/// One function.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Function {
    /// The name: the value of the tag key asked for.
    pub name: String,
    /// Tags all its contexts share.
    pub tags: Vec<String>,
    /// Handler calls.
    pub invocations: f64,
    /// Failed ones.
    pub errors: f64,
    /// Those tagged `cold_start:true`.
    pub cold_starts: f64,
    /// Those that ran out of time.
    pub timeouts: f64,
    /// Those that ran out of memory.
    pub out_of_memory: f64,
    /// Of the duration, in seconds.
    pub duration_s: Percentiles,
    /// Of the initialisation, in seconds.
    pub init_duration_s: Percentiles,
    /// Billed time in all, in seconds.
    pub billed_s: Option<f64>,
    /// Memory used at most, in MB.
    pub memory_used_mb: MemoryUsed,
    /// Memory set, in MB.
    pub memory_size_mb: Option<f64>,
    /// Estimated cost in all, in US dollars.
    pub estimated_cost_usd: Option<f64>,
}

/// Of one metric of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Values.
    pub count: u64,
    /// Their mean.
    pub avg: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// The 95th percentile.
    pub p95: Option<f64>,
    /// The 99th percentile.
    pub p99: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// Of `max_memory_used`, in MB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct MemoryUsed {
    /// The mean.
    pub avg: Option<f64>,
    /// The 95th percentile.
    pub p95: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// One metric's numbers for each function.
type ByName = HashMap<String, HashMap<&'static str, f64>>;

const AGGS: [&str; 7] = ["count", "sum", "avg", "max", "p50", "p95", "p99"];

/// The functions there are, told apart by the values of the tag key `by`.
///
/// # Errors
/// [`QueryError`] names the parameter.
pub fn functions(
    store: &Store,
    by: &str,
    filter: &Filter,
    from: Option<i64>,
    to: Option<i64>,
) -> Result<FunctionsAnswer, QueryError> {
    let mut answer = FunctionsAnswer {
        from: from.unwrap_or(0),
        to: to.unwrap_or(0),
        functions: Vec::new(),
    };
    let mut all: BTreeMap<String, Function> = BTreeMap::new();
    let mut span: Option<(i64, i64)> = None;
    let mut one =
        |metric: &str, filter: &Filter| numbers(store, metric, by, filter, (from, to), &mut span);
    let cold = filter.and("cold_start:true");
    for (metric, filter, put) in [
        (
            "invocations",
            filter,
            (|f, n| f.invocations = sum(n)) as fn(&mut Function, &HashMap<&str, f64>),
        ),
        ("invocations", &cold, |f, n| f.cold_starts = sum(n)),
        ("errors", filter, |f, n| f.errors = sum(n)),
        ("timeouts", filter, |f, n| f.timeouts = sum(n)),
        ("out_of_memory", filter, |f, n| f.out_of_memory = sum(n)),
        ("duration", filter, |f, n| f.duration_s = percentiles(n)),
        ("init_duration", filter, |f, n| {
            f.init_duration_s = percentiles(n)
        }),
        ("billed_duration", filter, |f, n| {
            f.billed_s = n.get("sum").copied()
        }),
        ("estimated_cost", filter, |f, n| {
            f.estimated_cost_usd = n.get("sum").copied()
        }),
        ("memorysize", filter, |f, n| {
            f.memory_size_mb = n.get("max").copied()
        }),
        ("max_memory_used", filter, |f, n| {
            f.memory_used_mb = MemoryUsed {
                avg: n.get("avg").copied(),
                p95: n.get("p95").copied(),
                max: n.get("max").copied(),
            }
        }),
    ] {
        for (name, numbers) in one(metric, filter)? {
            put(all.entry(name).or_default(), &numbers);
        }
    }
    if let Some((first, end)) = span {
        answer.from = from.unwrap_or(first);
        answer.to = to.unwrap_or(end);
    }
    let mut tags = tags_of_functions(store, by, filter);
    for (name, mut function) in all {
        let tags = tags.remove(&name).unwrap_or_default();
        function.tags = tags.shared.into_iter().collect();
        function.memory_size_mb = function.memory_size_mb.or(tags.memory_size_mb);
        // A sender that makes no invocations (a log forwarder) still reports each duration, and
        // that of the start.
        if function.invocations == 0.0 {
            function.invocations = function.duration_s.count as f64;
            function.cold_starts = function.init_duration_s.count as f64;
        }
        function.name = name;
        answer.functions.push(function);
    }
    answer.functions.sort_by(|a, b| {
        b.invocations
            .total_cmp(&a.invocations)
            .then_with(|| a.name.cmp(&b.name))
    });
    Ok(answer)
}

fn sum(numbers: &HashMap<&str, f64>) -> f64 {
    numbers.get("sum").copied().unwrap_or(0.0)
}

fn percentiles(numbers: &HashMap<&str, f64>) -> Percentiles {
    Percentiles {
        count: numbers.get("count").map_or(0, |n| *n as u64),
        avg: numbers.get("avg").copied(),
        p50: numbers.get("p50").copied(),
        p95: numbers.get("p95").copied(),
        p99: numbers.get("p99").copied(),
        max: numbers.get("max").copied(),
    }
}

/// The aggregations of one metric, a function each. A metric that is not there has none.
fn numbers(
    store: &Store,
    metric: &str,
    by: &str,
    filter: &Filter,
    (from, to): (Option<i64>, Option<i64>),
    span: &mut Option<(i64, i64)>,
) -> Result<ByName, QueryError> {
    let name = format!("{PREFIX}{metric}");
    let keys = [by.to_owned()];
    let mut found = ByName::new();
    for kind in KINDS {
        if store.view(|memory| memory.directory.metric(&name, Some(kind)).is_none()) {
            continue;
        }
        let scope = Scope {
            metric: &name,
            kind: Some(kind),
            filter,
            from,
            to,
        };
        let selection = Selection::new(store, &scope, By::Keys(&keys))?;
        let ends = (selection.from, selection.to);
        *span = Some(span.map_or(ends, |(a, b)| (a.min(ends.0), b.max(ends.1))));
        let names: Vec<&str> = AGGS
            .into_iter()
            .filter(|name| is_sketch(kind) || !name.starts_with('p'))
            .collect();
        let aggs: Vec<Agg> = names
            .iter()
            .filter_map(|name| Agg::parse(name).ok())
            .collect();
        let groups: Vec<u32> = (0..selection.groups.len() as u32).collect();
        selection.scan(store, &groups, &aggs, None, |at, _, all| {
            let Some(function) = &selection.groups[at].values[0] else {
                return;
            };
            for (name, agg) in names.iter().zip(&aggs) {
                if let Some(value) = agg.value(all, 1.0) {
                    found
                        .entry(function.clone())
                        .or_default()
                        .insert(name, value);
                }
            }
        })?;
    }
    Ok(found)
}

/// What the contexts of a function say in their tags.
#[derive(Debug, Default)]
struct Tags {
    /// Those that every context has.
    shared: BTreeSet<String>,
    /// The largest `memorysize` of any; errors, for one, come without.
    memory_size_mb: Option<f64>,
}

fn tags_of_functions(store: &Store, by: &str, filter: &Filter) -> HashMap<String, Tags> {
    store.view(|memory| {
        let directory = &memory.directory;
        let mut found: HashMap<String, Tags> = HashMap::new();
        let metrics = directory
            .metrics
            .iter()
            .filter(|metric| metric.name.starts_with(PREFIX));
        for id in metrics.flat_map(|metric| &metric.series) {
            let series = &directory.series[*id as usize];
            if !filter.matches(series.tags_text().split(',').filter(|tag| !tag.is_empty())) {
                continue;
            }
            let Some(function) = tag_value(series.tags(), by) else {
                continue;
            };
            let size = tag_value(series.tags(), "memorysize").and_then(|size| size.parse().ok());
            match found.get_mut(function) {
                Some(tags) => {
                    let here: BTreeSet<&str> = series.tags().collect();
                    tags.shared.retain(|tag| here.contains(tag.as_str()));
                    tags.memory_size_mb = match (tags.memory_size_mb, size) {
                        (Some(a), Some(b)) => Some(f64::max(a, b)),
                        (a, b) => a.or(b),
                    };
                }
                None => {
                    let tags = Tags {
                        shared: series.tags().map(str::to_owned).collect(),
                        memory_size_mb: size,
                    };
                    found.insert(function.to_owned(), tags);
                }
            }
        }
        found
    })
}
