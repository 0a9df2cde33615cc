//! The page as one file that stands on its own, and what it shows.
//!
//! A static page has no intake to ask. [`contents`] makes one object in which each answer stands
//! under the address the page would have asked, without the time it is asked for: the whole time
//! stored. [`page()`] puts it into a file together with script and style.
//!
//! ```text
//! { "title": …, "made_at": s, "version": …, "by": k, "notes": […], "answers": {
//!     "/v1/metrics": {…}, "/v1/functions": {…}, "/v1/tags?metric=m&kind=d": {…}, "/v1/shape?metric=m&kind=d": {…},
//!     "/v1/top?metric=m&kind=d": {…}, "/v1/query?metric=m&kind=d&step=auto": {…},
//!     "/v1/query?metric=m&kind=d&step=auto&by=k": {…} } }
//! ```
//!
//! Its size is bounded ([`Extent`]); what was left out for that stands in `notes`, and the page
//! shows them. Totals are exact as the intake answers them; the numbers of lines over time are cut
//! to six digits.

use pointmill::{Snapshot, Value};
use serde::Serialize;
use serde_json::json;

use crate::batch::{BatchBuilder, Rules};
use crate::http::page;
use crate::query::{
    self, Filter, MetricInfo, Query, QueryAnswer, QueryError, Scale, Step, is_sketch, kind_of,
};
use crate::refused::now;
use crate::store::{Store, StoreConfig, StoreError};

/// Aggregations of a sketch that the page can show, and the percentiles it shows at first.
const AGGS: &str = "count,sum,avg,min,max,rate,p50,p95,p99";
/// The same of counts and gauges.
const AGGS_OF_COUNTS: &str = "sum,rate,avg,min,max";
const AGGS_OF_GAUGES: &str = "last,avg,min,max";

/// Groups of a split that have a line; the others have their totals only. As in `panels.ts`.
const GROUPS_DRAWN: usize = 8;

/// How much goes into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Metrics, those with the most values first.
    pub metrics: usize,
    /// Tag keys a metric can be split by.
    pub keys: usize,
    /// Groups of a split.
    pub groups: usize,
    /// Serverless functions, those with the most invocations first.
    pub functions: usize,
    /// Bytes of all answers together; what all metrics must have may take it further.
    pub bytes: usize,
    /// Percentiles beside 50, 95 and 99, such as `99.9`.
    pub percentiles: Vec<String>,
    /// The tag key that metrics are split by at first.
    pub by: Option<String>,
}

impl Default for Extent {
    /// 50 metrics, 8 keys, 50 groups, 500 functions, 8 MB.
    fn default() -> Extent {
        Extent {
            metrics: 50,
            keys: 8,
            groups: 50,
            functions: 500,
            bytes: 8_000_000,
            percentiles: Vec::new(),
            by: None,
        }
    }
}

/// What a file shows, as JSON without the braces around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    answers: String,
    by: String,
    /// What was left out for want of room, a sentence each.
    pub notes: Vec<String>,
}

impl Contents {
    fn put(&mut self, address: &str, answer: &str) {
        if !self.answers.is_empty() {
            self.answers.push_str(",\n");
        }
        self.answers.push_str(&json!(address).to_string());
        self.answers.push(':');
        self.answers.push_str(answer);
    }
}

/// Everything a static page shows of a store.
///
/// # Errors
/// [`QueryError`] if the store cannot be read.
pub fn contents(store: &Store, extent: &Extent) -> Result<Contents, QueryError> {
    let mut contents = Contents {
        by: extent.by.clone().unwrap_or_default(),
        ..Contents::default()
    };
    let mut list = query::metrics(store, "", usize::MAX);
    let by_name = |a: &MetricInfo, b: &MetricInfo| (&a.name, a.kind).cmp(&(&b.name, b.kind));
    list.metrics
        .sort_by(|a, b| b.values.cmp(&a.values).then_with(|| by_name(a, b)));
    list.metrics.truncate(extent.metrics);
    if list.metrics.len() < list.total {
        contents.notes.push(format!(
            "Only the {} metrics with the most values of {} are shown.",
            list.metrics.len(),
            list.total
        ));
    }
    // Splits are added in turn, a key of every metric after the other, until there is no more room.
    let mut splits: Vec<(usize, Query)> = Vec::new();
    for metric in &list.metrics {
        let asked = question(metric, extent);
        let place = place(metric);
        let whole = query::query(store, &asked)?;
        contents.put(
            &format!("/v1/query?{place}&step=auto"),
            &to_json(&shortened(whole))?,
        );
        let every = Filter::default();
        let mut tags = query::tags(store, Some(&metric.name), &every, 0)?;
        let first = |key: &str| extent.by.as_deref() != Some(key);
        tags.tags
            .sort_by(|a, b| (first(&a.key), &a.key).cmp(&(first(&b.key), &b.key)));
        let keys = tags.tags.iter().filter(|key| key.total > 1);
        splits.extend(keys.take(extent.keys).enumerate().map(|(turn, key)| {
            let by = vec![key.key.clone()];
            (
                turn,
                Query {
                    by,
                    ..asked.clone()
                },
            )
        }));
        contents.put(&format!("/v1/tags?{place}"), &to_json(&tags)?);
        let top = Query {
            limit: 20,
            step: Step::None,
            ..asked.clone()
        };
        contents.put(
            &format!("/v1/top?{place}"),
            &to_json(&query::top(store, &top)?)?,
        );
        if asked.kind.is_some_and(is_sketch) {
            let shape = query::shape(store, &asked, 60, Scale::Auto)?;
            contents.put(&format!("/v1/shape?{place}"), &to_json(&shape)?);
        }
    }
    let every = Filter::default();
    let mut functions = query::functions(store, "functionname", &every, None, None)?;
    let total = functions.functions.len();
    if total > extent.functions {
        let list = &mut functions.functions;
        list.sort_by(|a, b| b.invocations.total_cmp(&a.invocations));
        list.truncate(extent.functions);
        contents.notes.push(format!(
            "Only the {} functions with the most invocations of {total} are shown.",
            extent.functions
        ));
    }
    contents.put("/v1/functions", &to_json(&functions)?);
    splits.sort_by_key(|(turn, _)| *turn);
    let mut left_out = 0;
    for (_, split) in &splits {
        if contents.answers.len() >= extent.bytes {
            left_out += 1;
            continue;
        }
        let answer = to_json(&shortened(query::query(store, split)?))?;
        if contents.answers.len() + answer.len() > extent.bytes {
            left_out += 1;
            continue;
        }
        let kind = split.kind.map_or("", query::kind_name);
        let place = format!("metric={}&kind={kind}", encode(&split.metric));
        contents.put(
            &format!("/v1/query?{place}&step=auto&by={}", encode(&split.by[0])),
            &answer,
        );
    }
    if left_out > 0 {
        contents.notes.push(format!(
            "{left_out} splits by a tag are left out: the file would have more than {} MB.",
            extent.bytes / 1_000_000
        ));
    }
    list.metrics.sort_by(by_name);
    contents.put("/v1/metrics", &to_json(&list)?);
    Ok(contents)
}

fn place(metric: &MetricInfo) -> String {
    format!("metric={}&kind={}", encode(&metric.name), metric.kind)
}

fn question(metric: &MetricInfo, extent: &Extent) -> Query {
    let aggs = match metric.kind {
        "count" => AGGS_OF_COUNTS.to_owned(),
        "gauge" => AGGS_OF_GAUGES.to_owned(),
        _ => extent.percentiles.iter().fold(AGGS.to_owned(), |all, p| {
            // Named once, however often it is asked for.
            if all.split(',').any(|agg| agg.strip_prefix('p') == Some(p)) {
                all
            } else {
                format!("{all},p{p}")
            }
        }),
    };
    Query {
        metric: metric.name.clone(),
        kind: kind_of(metric.kind),
        aggs: Some(aggs),
        step: Step::Auto,
        limit: extent.groups,
        ..Query::default()
    }
}

/// The answer with lines for the groups that are drawn, of numbers as long as a picture needs.
fn shortened(mut answer: QueryAnswer) -> QueryAnswer {
    for (at, group) in answer.groups.iter_mut().enumerate() {
        if at >= GROUPS_DRAWN {
            group.series = None;
        }
        let columns = group
            .series
            .iter_mut()
            .flat_map(|series| series.values_mut());
        for cell in columns.flatten().flatten() {
            *cell = format!("{cell:.5e}").parse().unwrap_or(*cell);
        }
    }
    answer
}

fn to_json(answer: &impl Serialize) -> Result<String, QueryError> {
    serde_json::to_string(answer).map_err(|error| QueryError::bad("", error.to_string()))
}

/// As `encodeURIComponent` writes it.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
        out
    })
}

/// A file that stands on its own: it needs no network and asks for nothing. `notes` are sentences
/// shown beside those of the contents.
///
/// `None` if this program was built without its page ([`page::BUILT`]).
#[must_use]
pub fn page(title: &str, notes: &[String], contents: &Contents) -> Option<String> {
    if !page::BUILT {
        return None;
    }
    let notes = [notes, &contents.notes[..]].concat();
    let head = json!({
        "title": title, "made_at": now() as i64, "version": env!("CARGO_PKG_VERSION"),
        "by": contents.by, "notes": notes,
    })
    .to_string();
    let head = head.strip_suffix('}').unwrap_or(&head);
    // Nothing in the data can end the element it stands in.
    let data = format!("{head},\"answers\":{{\n{}}}}}", contents.answers).replace('<', "\\u003c");
    let title = title
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    Some(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{}</style>\n</head>\n<body>\n\
         <div id=\"app\"><noscript>The charts need JavaScript.</noscript></div>\n\
         <script id=\"data\" type=\"application/json\">{data}</script>\n\
         <script>{}</script>\n</body>\n</html>\n",
        page::REPORT_STYLE,
        page::REPORT_SCRIPT,
    ))
}

/// Intervals that a store of bounded memory takes one after the other, in seconds; then ten times
/// as long each.
const INTERVALS_S: [u32; 7] = [10, 60, 300, 1_800, 7_200, 43_200, 86_400];

/// Flushes of an engine put together for a page, in memory. When there is no more room intervals
/// become longer; nothing is forgotten.
#[derive(Debug)]
pub struct Collected {
    store: Store,
    bytes_max: usize,
    /// Values under names that cannot be stored.
    left_out: u64,
}

impl Collected {
    /// Nothing yet; intervals grow as soon as there are more than `bytes_max`.
    ///
    /// # Errors
    /// [`StoreError::Sql`] if there can be no further thread.
    pub fn new(bytes_max: usize) -> Result<Collected, StoreError> {
        let config = StoreConfig {
            interval_s: INTERVALS_S[0],
            bytes_max: usize::MAX,
            contexts_max: usize::MAX,
            ..StoreConfig::default()
        };
        Ok(Collected {
            store: Store::open(config)?,
            bytes_max,
            left_out: 0,
        })
    }

    /// Adds a flush. Names become those an intake would store.
    pub fn add(&mut self, snapshot: &Snapshot) {
        let mut builder = BatchBuilder::new(Rules {
            interval_s: self.interval_s(),
            lower_case_tags: false,
            now: None,
        });
        let mut known = Vec::new();
        for entry in snapshot.iter() {
            let at = entry.series();
            if at >= known.len() {
                known.resize(at + 1, None);
            }
            let series = *known[at].get_or_insert_with(|| {
                builder.series(0, entry.kind(), entry.name(), "", entry.tags(), 1)
            });
            let (Some(series), start) = (series, entry.interval()) else {
                self.left_out += entry.points();
                continue;
            };
            match (entry.value(), entry.sketch()) {
                (Value::Summary(summary), Some(sketch)) => {
                    let counts = sketch.counts.iter().map(|n| u64::from(*n));
                    let bins = sketch.keys.iter().copied().zip(counts);
                    builder.sketch(0, series, start, summary, bins);
                }
                (Value::Scalar(value), _) => {
                    builder.scalar(0, series, start, entry.points(), value);
                }
                (Value::Summary(_), None) => self.left_out += entry.points(),
            }
        }
        let batch = builder.finish().0;
        let values = batch.snapshot.points();
        if self.store.store_blocking(batch).is_err() {
            self.left_out += values;
        }
        self.shorten();
    }

    /// Makes intervals longer until there is room for half as much again.
    fn shorten(&mut self) {
        while self.store.bytes() > self.bytes_max {
            let now = self.interval_s();
            let longer = INTERVALS_S.into_iter().find(|next| *next > now);
            let longer = longer.or_else(|| now.checked_mul(10));
            match longer {
                Some(longer) => self.store.lengthen_intervals(longer),
                None => return,
            }
        }
    }

    /// Length of an interval in seconds.
    #[must_use]
    pub fn interval_s(&self) -> u32 {
        self.store.config().interval_s
    }

    /// Values that could not be stored: their metrics' names have no letter.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The end of collecting: what charts do not show apart is put together, so that many questions
    /// take little time.
    #[must_use]
    pub fn settled(mut self) -> Collected {
        self.store.lengthen_for_charts();
        self
    }

    /// What has been collected.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }
}

#[cfg(test)]
mod tests {
    use pointmill::{Kind, SnapshotBuilder};

    use super::*;

    /// A sketch of `0..n` and a gauge in each minute from `start` on, for each of `hosts` hosts.
    fn flush(hosts: u32, minutes: i64, n: u32, start: i64) -> Snapshot {
        let mut builder = SnapshotBuilder::new(10);
        let mut sketch = ddsketch_agent::Sketch::new();
        sketch.insert_many(&(0..n).map(f64::from).collect::<Vec<_>>());
        let bins = sketch.bins(ddsketch_agent::Profile::U32);
        for host in 0..hosts {
            let tag = format!("host:{host}");
            let sketches = builder.series(Kind::Distribution, "d", [tag.as_str()]);
            let gauge = builder.series(Kind::Gauge, "g", [tag.as_str()]);
            for minute in start / 60..start / 60 + minutes {
                let counts = bins.counts.iter().map(|n| u64::from(*n));
                let bins = bins.keys.iter().copied().zip(counts);
                let summary = sketch.summary();
                builder.sketch(sketches, minute * 60, summary.count, summary, bins);
                builder.scalar(gauge, minute * 60, 1, minute as f64);
            }
        }
        builder.finish()
    }

    fn total(collected: &Collected, metric: &str, agg: &str) -> Option<f64> {
        let asked = Query {
            metric: metric.to_owned(),
            aggs: Some(agg.to_owned()),
            ..Query::default()
        };
        query::query(collected.store(), &asked).unwrap().groups[0].total[agg]
    }

    #[test]
    fn intervals_grow_and_nothing_is_forgotten() {
        let whole = || {
            let mut collected = Collected::new(usize::MAX).unwrap();
            collected.add(&flush(20, 120, 50, 0));
            collected
        };
        let mut small = Collected::new(400_000).unwrap();
        small.add(&flush(20, 60, 50, 0));
        let once = small.interval_s();
        assert!(once > 10);
        small.add(&flush(20, 60, 50, 3_600));
        assert!(
            small.store().bytes() <= 400_000,
            "{}",
            small.store().bytes()
        );
        let whole = whole();
        assert_eq!(whole.interval_s(), 10);
        for agg in ["count", "sum", "min", "max", "p50", "p99"] {
            assert_eq!(total(&small, "d", agg), total(&whole, "d", agg), "{agg}");
        }
        assert_eq!(total(&small, "g", "last"), Some(119.0));
        let list = query::metrics(small.store(), "", 9).metrics;
        assert_eq!(list[0].values, 20 * 120 * 50);
        let interval = i64::from(small.interval_s());
        assert_eq!(list[0].points, 20 * (7_200 / interval) as u64);
    }

    #[test]
    fn what_is_put_together_for_charts_shows_the_same() {
        let fill = || {
            let mut collected = Collected::new(usize::MAX).unwrap();
            // Twenty days; a step of a chart is two hours.
            collected.add(&flush(1, 20 * 24 * 60, 10, 1_700_000_040));
            collected
        };
        let (before, after) = (fill(), fill().settled());
        let points =
            |collected: &Collected| query::metrics(collected.store(), "", 9).metrics[0].points;
        assert_eq!((points(&before), points(&after)), (28_800, 2_881));
        for (metric, agg) in [("d", "count,sum,p50,p99,max"), ("g", "last,avg,min,max")] {
            let asked = Query {
                metric: metric.to_owned(),
                aggs: Some(agg.to_owned()),
                step: Step::Auto,
                limit: 9,
                ..Query::default()
            };
            let ask = |collected: &Collected| query::query(collected.store(), &asked).unwrap();
            let (before, after) = (ask(&before), ask(&after));
            assert_eq!((before.step, &before.times), (Some(7_200), &after.times));
            assert_eq!(before.groups, after.groups);
        }
    }

    #[test]
    fn a_file_is_bounded_and_says_what_it_leaves_out() {
        let mut collected = Collected::new(usize::MAX).unwrap();
        collected.add(&flush(300, 60, 20, 0));
        let mut builder = SnapshotBuilder::new(10);
        let nameless = builder.series(Kind::Count, "123", [] as [&str; 0]);
        builder.scalar(nameless, 0, 7, 1.0);
        collected.add(&builder.finish());
        assert_eq!(collected.left_out(), 7);
        let whole = contents(collected.store(), &Extent::default()).unwrap();
        assert_eq!(whole.notes, [] as [String; 0]);
        let key = r#""/v1/query?metric=d&kind=distribution&step=auto&by=host":"#;
        assert!(whole.answers.contains(key));
        let extent = Extent {
            bytes: 60_000,
            metrics: 1,
            by: Some("host".to_owned()),
            percentiles: vec!["99".to_owned(), "99.9".to_owned()],
            ..Extent::default()
        };
        let short = contents(collected.store(), &extent).unwrap();
        assert_eq!(short.notes.len(), 2, "{:?}", short.notes);
        assert!(short.answers.len() < 60_000 && !short.answers.contains(key));
        assert!(short.answers.contains("p99.9") && short.answers.matches("\"p99\"").count() > 0);
        serde_json::from_str::<serde_json::Value>(&format!("{{{}}}", short.answers)).unwrap();
    }

    #[test]
    fn of_many_functions_the_busiest_are_shown() {
        let mut collected = Collected::new(usize::MAX).unwrap();
        let mut builder = SnapshotBuilder::new(10);
        for n in 1..=5u32 {
            let name = format!("functionname:f{n}");
            let series = builder.series(
                Kind::Count,
                "aws.lambda.enhanced.invocations",
                [name.as_str()],
            );
            builder.scalar(series, 1_700_000_000, 1, f64::from(n));
        }
        collected.add(&builder.finish());
        let extent = Extent {
            functions: 2,
            ..Extent::default()
        };
        let short = contents(collected.store(), &extent).unwrap();
        assert_eq!(
            short.notes,
            ["Only the 2 functions with the most invocations of 5 are shown."]
        );
        let answers: serde_json::Value =
            serde_json::from_str(&format!("{{{}}}", short.answers)).unwrap();
        let functions = answers["/v1/functions"]["functions"].as_array().unwrap();
        let names: Vec<&str> = functions
            .iter()
            .filter_map(|f| f["name"].as_str())
            .collect();
        assert_eq!(names, ["f5", "f4"], "{functions:?}");
    }

    #[test]
    fn no_name_ends_the_element_its_data_stands_in() {
        let contents = Contents {
            answers: r#""a</script><script>":1"#.to_owned(),
            ..Contents::default()
        };
        let Some(page) = page("<b>&", &["</script>".to_owned()], &contents) else {
            println!("left out: built without the page; cargo xtask web");
            return;
        };
        assert!(page.contains("<title>&lt;b&gt;&amp;</title>"));
        // The data's and the script's.
        assert_eq!(page.matches("</script").count(), 2);
        assert_eq!(page.matches("<script").count(), 2);
    }
}
