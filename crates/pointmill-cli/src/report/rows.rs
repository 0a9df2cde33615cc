//! Rows: what a report says about one metric and tag set.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pointmill::Kind;
use pointmill::sketch::Sketch;

use super::groups::{Group, GroupValue};
use super::percentile::Percentile;

/// One metric and tag set. What has no meaning for the kind is `None`:
///
/// | kind | `count` | has |
/// | --- | --- | --- |
/// | distribution, histogram | points, scaled up by their rates | everything but `last` |
/// | count | messages | `sum`: the total |
/// | gauge | messages | `min`, `avg`, `max` of the values at the ends of intervals, `last` |
#[derive(Clone, Debug)]
pub struct Row {
    /// The metric's name.
    pub metric: String,
    /// Its kind.
    pub kind: Kind,
    /// The tags, sorted.
    pub tags: Vec<String>,
    /// How many points.
    pub count: u64,
    /// The smallest value.
    pub min: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
    /// The sum of all values.
    pub sum: Option<f64>,
    /// The mean.
    pub avg: Option<f64>,
    /// The percentiles asked for, in that order; each within 1/129 of the exact element.
    pub percentiles: Vec<Option<f64>>,
    /// A gauge's latest value.
    pub last: Option<f64>,
    /// The distribution itself.
    pub sketch: Option<Box<Sketch>>,
}

impl Row {
    fn new(group: Group, percentiles: &[Percentile]) -> Row {
        let Group {
            kind,
            metric,
            tags,
            points,
            value,
        } = group;
        let empty = vec![None; percentiles.len()];
        let mut row = Row {
            metric,
            kind,
            tags,
            count: points,
            min: None,
            max: None,
            sum: None,
            avg: None,
            percentiles: empty,
            last: None,
            sketch: None,
        };
        match value {
            GroupValue::Count(total) => row.sum = Some(total),
            GroupValue::Gauge(gauge) => {
                if let Some([min, avg, max, last]) = gauge.summary() {
                    (row.min, row.avg, row.max) = (Some(min), Some(avg), Some(max));
                    row.last = Some(last);
                }
            }
            GroupValue::Sketch(sketch) => {
                let summary = sketch.summary();
                row.count = summary.count;
                (row.min, row.max) = (Some(summary.min), Some(summary.max));
                // The sketch's own mean is the Agent's running one, whose last bits depend on the
                // order of merges; it stands in where the sum has overflowed.
                let mean = summary.sum / summary.count as f64;
                row.avg = Some(if mean.is_finite() { mean } else { summary.avg });
                row.sum = Some(summary.sum);
                row.percentiles = percentiles.iter().map(|p| sketch.quantile(p.q())).collect();
                row.sketch = Some(sketch);
            }
        }
        row
    }
}

/// The rows of a report, sorted by metric, then tags, then kind.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The rows that are shown.
    pub shown: Vec<Row>,
    /// How many rows each metric and kind has, shown or not.
    pub totals: BTreeMap<(String, Kind), usize>,
}

impl Rows {
    /// Makes rows of groups; of each metric and kind the `top` with the highest counts (of equal
    /// counts the first by tags).
    pub(crate) fn new(groups: Vec<Group>, percentiles: &[Percentile], top: Option<usize>) -> Rows {
        let mut shown: Vec<Row> = groups
            .into_iter()
            .map(|g| Row::new(g, percentiles))
            .collect();
        let mut totals = BTreeMap::new();
        for row in &shown {
            *totals.entry((row.metric.clone(), row.kind)).or_default() += 1;
        }
        shown.sort_by(|a, b| (&a.metric, &a.tags, a.kind).cmp(&(&b.metric, &b.tags, b.kind)));
        if let Some(top) = top {
            // A stable sort: equal counts stay in the order of their tags.
            shown.sort_by_key(|row| Reverse(row.count));
            let mut taken = BTreeMap::<(String, Kind), usize>::new();
            shown.retain(|row| {
                let taken = taken.entry((row.metric.clone(), row.kind)).or_default();
                *taken += 1;
                *taken <= top
            });
            shown.sort_by(|a, b| (&a.metric, &a.tags, a.kind).cmp(&(&b.metric, &b.tags, b.kind)));
        }
        Rows { shown, totals }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(metric: &str, tag: &str, points: u64) -> Group {
        Group {
            kind: Kind::Count,
            metric: metric.to_owned(),
            tags: vec![tag.to_owned()],
            points,
            value: GroupValue::Count(1.0),
        }
    }

    #[test]
    fn top_keeps_the_busiest_of_each_metric_in_sorted_order() {
        let groups = vec![
            count("b", "t:3", 5),
            count("b", "t:2", 9),
            count("b", "t:1", 5),
            count("a", "t:9", 1),
        ];
        let rows = Rows::new(groups, &[], Some(2));
        let shown: Vec<_> = rows
            .shown
            .iter()
            .map(|r| (&r.metric[..], &r.tags[0][..]))
            .collect();
        assert_eq!(shown, [("a", "t:9"), ("b", "t:1"), ("b", "t:2")]);
        assert_eq!(rows.totals[&("b".to_owned(), Kind::Count)], 3);
    }
}
