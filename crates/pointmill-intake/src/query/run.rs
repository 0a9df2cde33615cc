//! `/v1/query` and `/v1/top`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Instant;

use pointmill::Kind;
use serde::Serialize;

use super::agg::{Agg, is_sketch};
use super::filter::Filter;
use super::select::{By, Scope, Selection};
use super::{QueryError, kind_name};
use crate::store::Store;

/// What `/v1/query` asks.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The metric's name.
    pub metric: String,
    /// Its kind, if the name has several.
    pub kind: Option<Kind>,
    /// Aggregations, separated by commas; the usual ones of the kind if `None`.
    pub aggs: Option<String>,
    /// Tag keys to split by.
    pub by: Vec<String>,
    /// Which contexts.
    pub filter: Filter,
    /// Start, inclusive; the first interval if `None`.
    pub from: Option<i64>,
    /// End, exclusive; the end of the last interval if `None`.
    pub to: Option<i64>,
    /// Steps.
    pub step: Step,
    /// Most groups to answer.
    pub limit: usize,
    /// The aggregation that orders the groups, with `-` for smallest first, or `name`.
    pub order: Option<String>,
}

/// How a query's time is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Step {
    /// Not at all: totals only.
    #[default]
    None,
    /// So that a chart can show it: at most 300 steps.
    Auto,
    /// Into so many seconds.
    Seconds(i64),
}

/// Most numbers in an answer: groups times steps times aggregations.
const CELLS_MAX: usize = 2_000_000;

/// What `/v1/query` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QueryAnswer {
    /// The metric's name.
    pub metric: String,
    /// The kind's name.
    pub kind: &'static str,
    /// The unit, if one was ever said.
    pub unit: String,
    /// Start, inclusive.
    pub from: i64,
    /// End, exclusive.
    pub to: i64,
    /// Seconds of a step.
    pub step: Option<i64>,
    /// The aggregations.
    pub aggs: Vec<String>,
    /// The keys split by.
    pub by: Vec<String>,
    /// Starts of the steps.
    pub times: Vec<i64>,
    /// The groups.
    pub groups: Vec<Group>,
    /// Groups there are.
    pub groups_total: usize,
    /// Contexts that match.
    pub contexts: u64,
    /// Rows put together.
    pub points: u64,
    /// Time it took.
    pub elapsed_ms: f64,
}

/// Numbers by the name of their aggregation; `None` where there is none.
pub type Values = BTreeMap<String, Option<f64>>;

/// One group of an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The value of each key split by.
    pub tags: BTreeMap<String, Option<String>>,
    /// Its contexts.
    pub contexts: u64,
    /// Over the whole time.
    pub total: Values,
    /// A column an aggregation, as long as `times`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<BTreeMap<String, Vec<Option<f64>>>>,
}

/// How groups are ordered.
enum Order {
    Name,
    By(Agg, bool),
}

impl Order {
    fn parse(text: Option<&str>, aggs: &[Agg], kind: Kind) -> Result<Order, QueryError> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(Order::By(aggs[0].clone(), true));
        };
        if text == "name" {
            return Ok(Order::Name);
        }
        let (down, name) = text
            .strip_prefix('-')
            .map_or((true, text), |name| (false, name));
        let agg = Agg::list(Some(name), kind).map_err(|error| QueryError::bad("order", error))?;
        Ok(Order::By(agg[0].clone(), down))
    }
}

/// Answers a query.
///
/// # Errors
/// [`QueryError`] names the parameter.
pub fn query(store: &Store, query: &Query) -> Result<QueryAnswer, QueryError> {
    let started = Instant::now();
    let scope = Scope {
        metric: &query.metric,
        kind: query.kind,
        filter: &query.filter,
        from: query.from,
        to: query.to,
    };
    let selection = Selection::new(store, &scope, By::Keys(&query.by))?;
    let aggs = Agg::list(query.aggs.as_deref(), selection.kind)
        .map_err(|error| QueryError::bad("agg", error))?;
    let order = Order::parse(query.order.as_deref(), &aggs, selection.kind)?;
    let step = step_of(query.step, &selection)?;
    let times: Vec<i64> = step.map_or(Vec::new(), |step| {
        let first = selection.from - selection.from.rem_euclid(step);
        (0..)
            .map(|i| first + i * step)
            .take_while(|start| *start < selection.to)
            .collect()
    });
    let limit = query.limit.max(1);
    let chosen = choose(store, &selection, &order, limit)?;
    if times.len() * chosen.len() * aggs.len() > CELLS_MAX {
        let text = format!(
            "more than {CELLS_MAX} numbers; ask for longer steps, fewer groups or fewer aggregations"
        );
        return Err(QueryError::bad("step", text));
    }
    let mut groups: Vec<Group> = chosen
        .iter()
        .map(|group| {
            empty_group(
                &selection,
                *group,
                &query.by,
                &aggs,
                step.map(|_| times.len()),
            )
        })
        .collect();
    let (whole, first) = (selection.seconds(), times.first().copied().unwrap_or(0));
    let points = selection.scan(store, &chosen, &aggs, step, |at, start, all| {
        let group = &mut groups[at];
        match (start, step) {
            (Some(start), Some(step)) => {
                let column = usize::try_from((start - first) / step).unwrap_or(usize::MAX);
                for agg in &aggs {
                    let cells = group
                        .series
                        .as_mut()
                        .and_then(|series| series.get_mut(&agg.to_string()));
                    if let Some(cell) = cells.and_then(|cells| cells.get_mut(column)) {
                        *cell = agg.value(all, step as f64);
                    }
                }
            }
            _ => aggs.iter().for_each(|agg| {
                group.total.insert(agg.to_string(), agg.value(all, whole));
            }),
        }
    })?;
    Ok(QueryAnswer {
        metric: selection.name,
        kind: kind_name(selection.kind),
        unit: selection.unit,
        from: selection.from,
        to: selection.to,
        step,
        aggs: aggs.iter().map(ToString::to_string).collect(),
        by: query.by.clone(),
        times,
        groups,
        groups_total: selection.groups.len(),
        contexts: selection.contexts,
        points,
        elapsed_ms: started.elapsed().as_secs_f64() * 1e3,
    })
}

fn step_of(step: Step, selection: &Selection) -> Result<Option<i64>, QueryError> {
    let (length, interval) = (selection.to - selection.from, selection.interval_s);
    match step {
        Step::None => Ok(None),
        Step::Auto => Ok(Some(super::time::auto_step(length, interval))),
        Step::Seconds(step) if step % interval != 0 => Err(QueryError::bad(
            "step",
            format!("{step} s is no multiple of the interval of {interval} s; take one"),
        )),
        Step::Seconds(step) if length / step > 100_000 => Err(QueryError::bad(
            "step",
            "more than 100000 steps; take longer ones or a shorter time".to_owned(),
        )),
        Step::Seconds(step) => Ok(Some(step)),
    }
}

fn empty_group(
    selection: &Selection,
    group: u32,
    by: &[String],
    aggs: &[Agg],
    steps: Option<usize>,
) -> Group {
    let key = &selection.groups[group as usize];
    Group {
        tags: by.iter().cloned().zip(key.values.iter().cloned()).collect(),
        contexts: key.contexts,
        total: Values::new(),
        series: steps.map(|n| {
            aggs.iter()
                .map(|agg| (agg.to_string(), vec![None; n]))
                .collect()
        }),
    }
}

/// The groups to answer, in order. Those without a point in the time come last.
fn choose(
    store: &Store,
    selection: &Selection,
    order: &Order,
    limit: usize,
) -> Result<Vec<u32>, QueryError> {
    let mut groups: Vec<u32> = (0..selection.groups.len() as u32).collect();
    let name = |group: &u32| &selection.groups[*group as usize].values;
    let mut value_of = vec![None; groups.len()];
    let mut descending = false;
    if let (Order::By(agg, down), true) = (order, groups.len() > 1) {
        descending = *down;
        let (ranks, seconds) = (std::slice::from_ref(agg), selection.seconds());
        for some in groups.chunks(selection.groups_at_once(agg)) {
            selection.scan(store, some, ranks, None, |at, _, all| {
                value_of[some[at] as usize] = agg.value(all, seconds);
            })?;
        }
    }
    let before = |a: &u32, b: &u32| {
        let (x, y) = (value_of[*a as usize], value_of[*b as usize]);
        let by_value = match (x, y) {
            (Some(x), Some(y)) if descending => f64::total_cmp(&y, &x),
            (Some(x), Some(y)) => f64::total_cmp(&x, &y),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        by_value.then_with(|| name(a).cmp(name(b)))
    };
    // Most groups are only found not to be among the first.
    if groups.len() > limit {
        groups.select_nth_unstable_by(limit, before);
        groups.truncate(limit);
    }
    groups.sort_unstable_by(before);
    Ok(groups)
}

/// What `/v1/top` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TopAnswer {
    /// The metric's name.
    pub metric: String,
    /// The kind's name.
    pub kind: &'static str,
    /// The aggregations shown.
    pub aggs: Vec<String>,
    /// The aggregation that ranks.
    pub order: String,
    /// Contexts that match.
    pub total: u64,
    /// The first of them.
    pub contexts: Vec<TopContext>,
}

/// One context of a [`TopAnswer`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TopContext {
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// The aggregations.
    pub values: Values,
}

/// The contexts with the most of something; of the query's fields `by` and `step` say nothing here.
///
/// # Errors
/// [`QueryError`] names the parameter.
pub fn top(store: &Store, query: &Query) -> Result<TopAnswer, QueryError> {
    let scope = Scope {
        metric: &query.metric,
        kind: query.kind,
        filter: &query.filter,
        from: query.from,
        to: query.to,
    };
    let selection = Selection::new(store, &scope, By::Context)?;
    let aggs = Agg::list(query.aggs.as_deref(), selection.kind)
        .map_err(|error| QueryError::bad("agg", error))?;
    let usual = match selection.kind {
        kind if is_sketch(kind) => "count",
        Kind::Count => "sum",
        _ => "max",
    };
    let text = query
        .order
        .as_deref()
        .filter(|text| !text.is_empty())
        .unwrap_or(usual);
    let order = Order::parse(Some(text), &aggs, selection.kind)?;
    let chosen = choose(store, &selection, &order, query.limit.max(1))?;
    let tags = |group: &u32| -> Vec<String> {
        let text = selection.groups[*group as usize].values[0]
            .as_deref()
            .unwrap_or("");
        text.split(',')
            .filter(|tag| !tag.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut contexts: Vec<TopContext> = chosen
        .iter()
        .map(|group| TopContext {
            tags: tags(group),
            values: Values::new(),
        })
        .collect();
    selection.scan(store, &chosen, &aggs, None, |at, _, all| {
        for agg in &aggs {
            contexts[at]
                .values
                .insert(agg.to_string(), agg.value(all, selection.seconds()));
        }
    })?;
    Ok(TopAnswer {
        kind: kind_name(selection.kind),
        aggs: aggs.iter().map(ToString::to_string).collect(),
        order: text.to_owned(),
        total: selection.contexts,
        metric: selection.name,
        contexts,
    })
}
