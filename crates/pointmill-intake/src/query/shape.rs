//! `/v1/shape`: what a metric's values look like.
//!
//! A bar of the histogram is made of whole bins of the sketch, so its count is exact; only its edges
//! are those of bins: a value lies at most 1/129 beyond the edge of its bar.

use ddsketch_agent::key::{GAMMA, KEY_INFINITY, MIN_VALUE, representative};
use serde::Serialize;

use super::accumulator::Accumulator;
use super::agg::{Agg, is_sketch};
use super::run::Query;
use super::select::{By, Scope, Selection};
use super::{QueryError, kind_name};
use crate::store::Store;

/// How bars are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Logarithmic if all values are positive and span more than a factor of 20, linear otherwise.
    #[default]
    Auto,
    /// Bars of equal ratio (and of equal width in keys of the sketch).
    Log,
    /// Bars of equal width.
    Linear,
}

/// What `/v1/shape` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shape {
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
    /// Contexts that match.
    pub contexts: u64,
    /// Values.
    pub count: u64,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// Their sum.
    pub sum: f64,
    /// Their mean.
    pub avg: Option<f64>,
    /// How the bars are cut.
    pub scale: &'static str,
    /// Bars without gaps, ascending.
    pub histogram: Vec<Bar>,
    /// The quantile curve, ascending.
    pub quantiles: Vec<Quantile>,
}

/// A bar of the histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// Lower edge.
    pub from: f64,
    /// Upper edge.
    pub to: f64,
    /// Values in it.
    pub count: u64,
}

/// A point of the quantile curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantile {
    /// 0 to 1.
    pub q: f64,
    /// The value of that rank.
    pub value: f64,
}

/// Answers for the metric, filter and time of a query; at most `bars` bars.
///
/// # Errors
/// [`QueryError`] names the parameter; counts and gauges have no shape.
pub fn shape(store: &Store, query: &Query, bars: usize, scale: Scale) -> Result<Shape, QueryError> {
    let scope = Scope {
        metric: &query.metric,
        kind: query.kind,
        filter: &query.filter,
        from: query.from,
        to: query.to,
    };
    let selection = Selection::new(store, &scope, By::Keys(&[]))?;
    if !is_sketch(selection.kind) {
        let text = format!(
            "{} is a {}; only distributions have a shape",
            selection.name,
            kind_name(selection.kind)
        );
        return Err(QueryError::bad("metric", text));
    }
    let groups: Vec<u32> = (0..selection.groups.len() as u32).collect();
    let aggs = [Agg::Percentile("p50".to_owned(), 0.5)];
    let (mut histogram, mut quantiles, mut summary, mut cut) =
        (Vec::new(), Vec::new(), None, Scale::Linear);
    selection.scan(store, &groups, &aggs, None, |_, _, all| {
        if all.rows > 0 {
            cut = scale.of(all);
            histogram = cut_bars(all, bars.clamp(1, 2_000), cut);
            quantiles = curve(all);
            summary = Some(all.summary());
        }
    })?;
    let finite = |v: f64| v.is_finite().then_some(v);
    Ok(Shape {
        metric: selection.name,
        kind: kind_name(selection.kind),
        unit: selection.unit,
        from: selection.from,
        to: selection.to,
        contexts: selection.contexts,
        count: summary.map_or(0, |s| s.count),
        min: summary.and_then(|s| finite(s.min)),
        max: summary.and_then(|s| finite(s.max)),
        sum: summary.and_then(|s| finite(s.sum)).unwrap_or(0.0),
        avg: summary.and_then(|s| finite(s.avg)),
        scale: if cut == Scale::Log { "log" } else { "linear" },
        histogram,
        quantiles,
    })
}

impl Scale {
    fn of(self, all: &Accumulator) -> Scale {
        let summary = all.summary();
        match self {
            Scale::Auto if summary.min > 0.0 && summary.max / summary.min > 20.0 => Scale::Log,
            Scale::Auto => Scale::Linear,
            other => other,
        }
    }
}

fn cut_bars(all: &Accumulator, bars: usize, scale: Scale) -> Vec<Bar> {
    let bins: Vec<(i16, u64)> = all.bins().collect();
    let (Some((low, _)), Some((high, _))) = (bins.first(), bins.last()) else {
        return Vec::new();
    };
    if scale == Scale::Log {
        let keys = i32::from(*high) - i32::from(*low) + 1;
        let width = keys.div_euclid(bars as i32) + i32::from(keys % bars as i32 != 0);
        let count = (keys + width - 1) / width;
        let mut out: Vec<Bar> = (0..count)
            .map(|i| i32::from(*low) + i * width)
            .map(|key| Bar {
                from: lower_edge(key),
                to: lower_edge(key + width),
                count: 0,
            })
            .collect();
        for (key, n) in &bins {
            out[((i32::from(*key) - i32::from(*low)) / width) as usize].count += n;
        }
        return out;
    }
    let summary = all.summary();
    let finite = |v: f64, key: i16| {
        if v.is_finite() {
            v
        } else {
            lower_edge(i32::from(key))
        }
    };
    let (min, max) = (finite(summary.min, *low), finite(summary.max, *high));
    // Halved first: the difference of two doubles may be none.
    let width = (max / bars as f64 - min / bars as f64).max(f64::MIN_POSITIVE);
    let bars = if max > min { bars } else { 1 };
    let edge = |i: usize| {
        if i == bars {
            max
        } else {
            min + width * i as f64
        }
    };
    let mut out: Vec<Bar> = (0..bars)
        .map(|i| Bar {
            from: edge(i),
            to: edge(i + 1),
            count: 0,
        })
        .collect();
    for (key, n) in &bins {
        let value = representative(*key).max(min).min(max);
        let at = (value / width - min / width) as usize;
        out[at.min(bars - 1)].count += n;
    }
    out
}

/// The lower edge of a bin: half a bin below its centre, on the scale of its sign.
fn lower_edge(key: i32) -> f64 {
    let infinity = i32::from(KEY_INFINITY);
    let centre =
        |key: i32| ddsketch_agent::key::lower_bound(key.clamp(-infinity + 1, infinity - 1) as i16);
    let half = GAMMA.sqrt();
    match key {
        0 => -MIN_VALUE,
        1.. => centre(key) / half,
        _ => centre(key) * half,
    }
}

fn curve(all: &mut Accumulator) -> Vec<Quantile> {
    let ends = [0.0001, 0.001, 0.002, 0.005];
    let mut ranks: Vec<f64> = (0..=100).map(|i| f64::from(i) / 100.0).collect();
    ranks.extend(ends);
    ranks.extend([0.995, 0.998, 0.999, 0.9999]);
    ranks.sort_by(f64::total_cmp);
    let mut point = |q| {
        all.quantile(q)
            .filter(|v| v.is_finite())
            .map(|value| Quantile { q, value })
    };
    ranks.into_iter().filter_map(&mut point).collect()
}
