//! Random data, asked about in random ways: the store answers what a naive model answers, whether
//! everything is in memory, in a file, or for the greater part in the file only.

use std::collections::BTreeMap;

use ddsketch_agent::{Profile, Sketch};
use pointmill::Kind;
use pointmill_intake::batch::{BatchBuilder, Rules};
use pointmill_intake::query::{Filter, Query, QueryAnswer, Step, query};
use pointmill_intake::store::{Store, StoreConfig};
use proptest::prelude::*;

use crate::support::{dog, get, message, payload, post, sketch, start};

/// The value of each key a query splits by.
type Tags = Vec<Option<String>>;

const RULES: Rules = Rules {
    interval_s: 10,
    lower_case_tags: false,
    now: None,
};

/// Kind, host, zone, time, values.
type Point = (u8, u8, u8, i64, Vec<f64>);

fn points() -> impl Strategy<Value = Vec<Point>> {
    let value = prop_oneof![-1e3..1e3f64, Just(0.0), 1e-3..1e6f64];
    proptest::collection::vec(
        (
            0..3u8,
            0..4u8,
            0..3u8,
            0..400i64,
            proptest::collection::vec(value, 1..6),
        ),
        1..60,
    )
}

fn kind_of(n: u8) -> Kind {
    [Kind::Distribution, Kind::Count, Kind::Gauge][n as usize]
}

fn tags((_, host, zone, ..): &Point) -> Vec<String> {
    let mut tags = vec![format!("host:h{host}")];
    if *zone > 0 {
        tags.push(format!("zone:z{zone}"));
    }
    tags
}

fn fill(store: &Store, points: &[Point]) {
    for some in points.chunks(7) {
        let mut builder = BatchBuilder::new(RULES);
        for point in some {
            let tags = tags(point);
            let series = builder
                .series(
                    0,
                    kind_of(point.0),
                    "m",
                    "",
                    tags.iter().map(String::as_str),
                    1,
                )
                .unwrap();
            if point.0 == 0 {
                let sketch = sketch(&point.4);
                let bins = sketch.bins(Profile::U32);
                let bins = bins
                    .keys
                    .iter()
                    .copied()
                    .zip(bins.counts.iter().map(|n| u64::from(*n)));
                builder.sketch(0, series, point.3, sketch.summary(), bins);
            } else {
                point
                    .4
                    .iter()
                    .for_each(|v| builder.scalar(0, series, point.3, 1, *v));
            }
        }
        store.store_blocking(builder.finish().0).unwrap();
    }
}

/// Tags and start of an interval → the values, in the order they came.
type Model = BTreeMap<(Vec<String>, i64), Vec<f64>>;

fn model(points: &[Point], kind: u8) -> Model {
    let mut model = Model::new();
    for point in points.iter().filter(|point| point.0 == kind) {
        model
            .entry((tags(point), point.3 / 10 * 10))
            .or_default()
            .extend(&point.4);
    }
    model
}

/// What an aggregation of some of the model's entries is.
fn expected(kind: u8, entries: &[(i64, &Vec<f64>)], agg: &str, seconds: f64) -> Option<f64> {
    if entries.is_empty() {
        return None;
    }
    if kind == 0 {
        let values: Vec<f64> = entries
            .iter()
            .flat_map(|(_, values)| values.iter().copied())
            .collect();
        let all: Sketch = sketch(&values);
        let summary = all.summary();
        return match agg {
            "count" => Some(summary.count as f64),
            "sum" => Some(summary.sum),
            "avg" => Some(summary.avg),
            "min" => Some(summary.min),
            "max" => Some(summary.max),
            "rate" => Some(summary.count as f64 / seconds),
            "p50" => all.quantile(0.5),
            "p99" => all.quantile(0.99),
            _ => None,
        };
    }
    let one = |values: &Vec<f64>| {
        if kind == 1 {
            values.iter().sum::<f64>()
        } else {
            *values.last().unwrap()
        }
    };
    let rows: Vec<f64> = entries.iter().map(|(_, values)| one(values)).collect();
    let starts: std::collections::BTreeSet<i64> = entries.iter().map(|(start, _)| *start).collect();
    let last: Vec<f64> = entries
        .iter()
        .filter(|(start, _)| Some(start) == starts.last())
        .map(|(_, v)| one(v))
        .collect();
    let sum: f64 = rows.iter().sum();
    Some(match agg {
        "count" => entries
            .iter()
            .map(|(_, values)| values.len())
            .sum::<usize>() as f64,
        "sum" if kind == 2 => sum / starts.len() as f64,
        "sum" => sum,
        "avg" => sum / rows.len() as f64,
        "min" => rows.iter().copied().fold(f64::INFINITY, f64::min),
        "max" => rows.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "rate" if kind == 1 => sum / seconds,
        "last" => last.iter().sum::<f64>() / last.len() as f64,
        _ => return None,
    })
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        // Sums of other orders differ in their last bits.
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e3),
        (a, b) => a == b,
    }
}

fn check(
    answer: &QueryAnswer,
    model: &Model,
    kind: u8,
    asked: &Query,
) -> Result<(), TestCaseError> {
    let mut groups: BTreeMap<Tags, Vec<(i64, &Vec<f64>)>> = BTreeMap::new();
    let filtered = |tags: &[String]| {
        asked.filter.is_empty() || tags.iter().any(|tag| tag == "host:h1" || tag == "host:h2")
    };
    for ((tags, start), values) in model.iter().filter(|((tags, _), _)| filtered(tags)) {
        let value_of = |key: &String| {
            tags.iter()
                .find_map(|tag| tag.strip_prefix(&format!("{key}:")).map(str::to_owned))
        };
        let key: Vec<Option<String>> = asked.by.iter().map(value_of).collect();
        let inside =
            asked.from.is_none_or(|from| *start >= from) && asked.to.is_none_or(|to| *start < to);
        let entries = groups.entry(key).or_default();
        if inside {
            entries.push((*start, values));
        }
    }
    prop_assert_eq!(answer.groups.len(), groups.len());
    let whole = (answer.to - answer.from).max(10) as f64;
    for group in &answer.groups {
        let key: Vec<Option<String>> = asked.by.iter().map(|key| group.tags[key].clone()).collect();
        let mut entries = groups[&key].clone();
        entries.sort_by_key(|(start, _)| *start);
        for agg in &answer.aggs {
            let wanted = expected(kind, &entries, agg, whole);
            prop_assert!(
                near(group.total[agg], wanted),
                "{:?} {}: {:?} {:?}",
                key,
                agg,
                group.total[agg],
                wanted
            );
            let Some(step) = answer.step else { continue };
            for (at, time) in answer.times.iter().enumerate() {
                let inside: Vec<_> = entries
                    .iter()
                    .filter(|(start, _)| (*time..*time + step).contains(start))
                    .copied()
                    .collect();
                let wanted = expected(kind, &inside, agg, step as f64);
                let found = group.series.as_ref().unwrap()[agg][at];
                prop_assert!(
                    near(found, wanted),
                    "{:?} {} {}: {:?} {:?}",
                    key,
                    agg,
                    time,
                    found,
                    wanted
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_the_models(
        points in points(),
        by in proptest::sample::subsequence(vec!["host".to_owned(), "zone".to_owned()], 0..=2),
        filtered in any::<bool>(),
        range in proptest::option::of((0..20i64, 20..41i64)),
        step in prop_oneof![Just(Step::None), Just(Step::Seconds(10)), Just(Step::Seconds(60)), Just(Step::Auto)],
        in_file in 0..3u8,
    ) {
        let dir = tempfile::tempdir().unwrap();
        // With no room at all, whatever was written is in the file only.
        let store = Store::open(StoreConfig {
            path: (in_file > 0).then(|| dir.path().join("s.db")),
            bytes_max: if in_file == 2 { 0 } else { 1 << 30 },
            ..StoreConfig::default()
        }).unwrap();
        fill(&store, &points);
        for kind in 0..3u8 {
            let model = model(&points, kind);
            if model.is_empty() {
                continue;
            }
            let asked = Query {
                metric: "m".to_owned(),
                kind: Some(kind_of(kind)),
                aggs: Some(["count,sum,avg,min,max,rate,p50,p99", "count,sum,avg,min,max,rate,last", "count,sum,avg,min,max,last"][kind as usize].to_owned()),
                by: by.clone(),
                filter: Filter::parse(if filtered { "host:h1|h2" } else { "" }).unwrap(),
                from: range.map(|range| range.0 * 10),
                to: range.map(|range| range.1 * 10),
                step,
                limit: 100,
                order: Some("name".to_owned()),
            };
            let answer = query(&store, &asked).unwrap();
            check(&answer, &model, kind, &asked)?;
        }
    }
}

/// Many groups are put together in another way than few: each must be what it is on its own.
#[test]
fn many_groups_are_what_each_is_alone() {
    const HOSTS: usize = 150;
    let intake = start();
    for interval in 0..4 {
        let messages = (0..HOSTS)
            .filter(|host| (host + interval) % 3 > 0)
            .map(|host| {
                let tag = format!("host:{host}");
                let values: Vec<f64> = (0..5 + host % 7)
                    .map(|i| (1 + (i * 31 + host * 17 + interval * 7) % 97) as f64 - 20.0)
                    .collect();
                message(
                    "m",
                    &[tag.as_str()],
                    vec![dog(1_700_000_000 + 10 * interval as i64, &values)],
                )
            });
        let body = payload(messages.collect());
        assert_eq!(post(&intake, "/api/beta/sketches", &[], &body).status, 202);
    }
    for (time, order) in [("", "p99"), ("&from=1700000010&to=1700000030", "-p50")] {
        let asked = format!("/v1/query?metric=m&agg=count,sum,min,p50,p99{time}");
        let many = get(&intake, &format!("{asked}&by=host&limit=200&order={order}")).json();
        let groups = many["groups"].as_array().unwrap();
        assert_eq!(groups.len(), HOSTS);
        let (agg, down) = order
            .strip_prefix('-')
            .map_or((order, true), |agg| (agg, false));
        let mut points = 0;
        for pair in groups.windows(2) {
            let of = |group: &serde_json::Value| group["total"][agg].as_f64();
            let (a, b) = (of(&pair[0]), of(&pair[1]));
            assert!(
                b.is_none() || (if down { a >= b } else { a <= b }),
                "{a:?} {b:?}"
            );
        }
        for group in groups {
            let host = group["tags"]["host"].as_str().unwrap();
            let alone = get(&intake, &format!("{asked}&filter=host:{host}")).json();
            assert_eq!(group["total"], alone["groups"][0]["total"], "{host}");
            points += alone["points"].as_u64().unwrap();
        }
        assert_eq!(many["points"], points);
        // The first few are the same whether or not the rest is answered.
        let few = get(&intake, &format!("{asked}&by=host&limit=7&order={order}")).json();
        assert_eq!(few["groups"].as_array().unwrap()[..], groups[..7]);
    }
}
