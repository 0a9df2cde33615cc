//! Platform lines, metric lines and `MONITORING|` lines with what must come of them.
//!
//! `testdata/forwarder/vectors-*.jsonl`: `expect` and `metric` were seen from Datadog's forwarder
//! (5.4.11); `better`, where there is one, is what is right instead and what is asked here.
//! `docs/FORWARDER.md` has the list.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use pointmill_forwarder::functions::FunctionInfo;
use pointmill_forwarder::{
    Config, Feed, Forwarder, Functions, NoFunctions, Outcome, PointKind, Source, VERSION,
};
use serde_json::Value;

const CONSUMER: &str = "arn:aws:lambda:eu-west-3:210987654321:function:dd-fwd";
const GROUP: &str = "/aws/lambda/Pricing-Api";
const STREAM: &str = "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef";
const UNIX_MS: i64 = 1_767_225_600_123;

#[derive(Clone, Debug, PartialEq)]
struct Seen {
    kind: PointKind,
    name: String,
    value: f64,
    unix_s: Option<i64>,
    tags: Vec<String>,
}

/// Functions of a vector.
struct Table(BTreeMap<String, Arc<FunctionInfo>>);

impl Functions for Table {
    fn find(&mut self, arn: &str) -> Option<Arc<FunctionInfo>> {
        self.0.get(arn).cloned()
    }
}

fn vectors(name: &str) -> Vec<Value> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/forwarder");
    let text = fs::read_to_string(format!("{root}/{name}")).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let list = list.iter();
    list.map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

fn config(consumer: &str) -> Config {
    let parts: Vec<&str> = consumer.split(':').collect();
    let mut config = Config::default();
    config.partition = Some(parts[1].to_owned());
    config.region = Some(parts[3].to_owned());
    config.account_id = Some(parts[4].to_owned());
    config.forwarder_name = Some(parts[6].to_owned());
    config
}

/// What one vector's line gives.
fn run(vector: &Value) -> (Vec<Seen>, Outcome) {
    let text = |key: &str, default: &'static str| {
        let text = vector[key].as_str().unwrap_or(default);
        text.to_owned()
    };
    let owner = text("owner", "");
    let (group, stream) = (text("group", GROUP), text("stream", STREAM));
    let mut functions = Table(BTreeMap::new());
    for (arn, tags) in vector["functiontags"].as_object().into_iter().flatten() {
        let info = FunctionInfo {
            tags: strings(tags),
            architecture: None,
        };
        functions.0.insert(arn.clone(), Arc::new(info));
    }
    let mut forwarder = Forwarder::new(config(vector["ctx"].as_str().unwrap_or(CONSUMER)));
    let mut seen = Vec::new();
    let source = Source {
        feed: Feed::Logs,
        owner: &owner,
        log_group: &group,
        log_stream: &stream,
    };
    let outcome = forwarder.batch(source, &mut functions).event(
        Some(UNIX_MS),
        vector["line"].as_str().unwrap(),
        &mut |point| {
            seen.push(Seen {
                kind: point.kind,
                name: point.name.to_owned(),
                value: point.value,
                unix_s: point.unix_s,
                tags: point.tags.iter().map(|tag| (*tag).to_owned()).collect(),
            });
        },
    );
    assert!(forwarder.account().balances());
    assert_eq!(forwarder.account().points(), seen.len() as u64);
    (seen, outcome)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= b.abs() * 1e-9
}

fn sorted(mut tags: Vec<String>) -> Vec<String> {
    tags.sort_unstable();
    tags
}

/// The points and tags that a platform vector asks for.
fn expected(vector: &Value) -> (BTreeMap<String, f64>, Vec<String>) {
    let base = [
        "region:eu-west-3",
        "aws_account:210987654321",
        "functionname:pricing-api",
    ];
    let better = vector.get("better");
    let points = better.map_or(&vector["expect"], |better| &better["points"]);
    // An error of the forwarder's ("error") is no point.
    let points = points.as_object().into_iter().flatten();
    let points = points.map(|(name, value)| (name.clone(), value.as_f64().unwrap()));
    let tags = better.map_or(&vector["tags"], |better| &better["tags"]);
    let tags = strings(tags).into_iter().flat_map(|tag| match &*tag {
        "BASE" => base.map(str::to_owned).to_vec(),
        _ => vec![tag],
    });
    (points.collect(), sorted(tags.collect()))
}

#[test]
fn platform_lines() {
    let vectors = vectors("vectors-platform.jsonl");
    assert_eq!(vectors.len(), 48);
    for vector in vectors {
        let id = vector["id"].as_str().unwrap();
        let (seen, _) = run(&vector);
        let (points, tags) = expected(&vector);
        let names: Vec<_> = seen.iter().map(|point| point.name.clone()).collect();
        assert_eq!(seen.len(), points.len(), "{id}: {names:?}");
        for point in seen {
            let name = point.name.strip_prefix("aws.lambda.enhanced.").unwrap();
            let value = points.get(name).copied();
            let value = value.unwrap_or_else(|| panic!("{id}: {name} is not expected"));
            assert!(near(point.value, value), "{id} {name} {}", point.value);
            assert_eq!(point.kind, PointKind::Distribution, "{id}");
            assert_eq!(point.unix_s, Some(1_767_225_600), "{id}");
            assert_eq!(sorted(point.tags), tags, "{id} {name}");
        }
    }
}

#[test]
fn metric_lines() {
    let t0 = [
        "function_arn:arn:aws:lambda:eu-west-3:210987654321:function:pricing-api",
        "forwardername:dd-fwd",
        "forwarder_version:<v>",
        "env:none",
        "aws_account:210987654321",
        "functionname:pricing-api",
        "region:eu-west-3",
        "service:pricing-api",
    ];
    let vectors = vectors("vectors-metrics.jsonl");
    assert_eq!(vectors.len(), 22);
    for vector in vectors {
        let id = vector["id"].as_str().unwrap();
        let (seen, outcome) = run(&vector);
        let better = vector.get("better").unwrap_or(&vector);
        if better.get("metric").is_none() {
            let Outcome::Refused(cause) = outcome else {
                panic!("{id}: {outcome:?}")
            };
            assert!(seen.is_empty() && outcome.is_log(), "{id}");
            if let Some(expected) = better["refused"].as_str() {
                assert_eq!(cause.name(), expected, "{id}");
            }
            continue;
        }
        assert_eq!((seen.len(), outcome), (1, Outcome::Metric), "{id}");
        let (point, metric) = (&seen[0], &better["metric"]);
        let mut expected = Vec::new();
        let tags = better.get("tags").unwrap_or(&vector["tags"]);
        for tag in strings(tags) {
            let tags = match tag.as_str() {
                "T0" => t0.map(str::to_owned).to_vec(),
                _ => vec![tag],
            };
            expected.extend(tags.into_iter().map(|tag| tag.replace("<v>", VERSION)));
        }
        let unix_s = metric[2].as_f64().map_or(1_767_225_600, |e| e as i64);
        assert_eq!(point.kind, PointKind::Distribution, "{id}");
        assert_eq!(point.name, metric[0].as_str().unwrap(), "{id}");
        assert!(near(point.value, metric[1].as_f64().unwrap()), "{id}");
        assert_eq!(point.unix_s, Some(unix_s), "{id}");
        assert_eq!(sorted(point.tags.clone()), sorted(expected), "{id}");
    }
}

#[test]
fn a_metric_behind_a_prefix_is_a_log_if_so_told() {
    let c15 = &vectors("vectors-metrics.jsonl")[14];
    assert_eq!(c15["id"], "C15");
    let mut config = config(CONSUMER);
    config.console_prefixes = false;
    let mut forwarder = Forwarder::new(config);
    let source = Source {
        log_group: GROUP,
        ..Source::default()
    };
    let line = c15["line"].as_str().unwrap();
    let outcome = forwarder
        .batch(source, &mut NoFunctions)
        .event(None, line, &mut |_| panic!("no point"));
    assert_eq!(outcome, Outcome::Log);
}

/// Name, kind, value, time and tags of what `lines` give.
type Row = (String, PointKind, f64, i64, String);

fn legacy(lines: &[&str]) -> (Vec<Row>, Vec<Outcome>) {
    let mut forwarder = Forwarder::new(config(CONSUMER));
    let source = Source {
        log_group: GROUP,
        log_stream: STREAM,
        ..Source::default()
    };
    let mut rows = Vec::new();
    let mut sink = |point: &pointmill_forwarder::Point<'_>| {
        let (name, tags) = (point.name.to_owned(), point.tags.join(","));
        rows.push((name, point.kind, point.value, point.unix_s.unwrap(), tags));
    };
    let mut functions = NoFunctions;
    let mut batch = forwarder.batch(source, &mut functions);
    let outcomes = lines
        .iter()
        .map(|line| batch.event(Some(UNIX_MS), line, &mut sink))
        .collect();
    forwarder.finish(&mut sink);
    assert!(forwarder.account().balances());
    (rows, outcomes)
}

// Section 9.4 with the function Pricing-Api, whose name keeps its case.
#[test]
fn monitoring_lines() {
    use PointKind::{Check, Count, Gauge, Histogram};
    const OWN: &str = "function_name:Pricing-Api";
    const ENV: &str = "env:prod,function_name:Pricing-Api";
    let l01 = "1767225590|3|count|shop.orders|#env:prod,tier:gold";
    let l02 = "1767225590|4|count|shop.orders|#tier:gold,env:prod";
    let orders = |n, tags| vec![("shop.orders", Count, n, tags)];
    let queue = |n| vec![("shop.queue", Gauge, n, ENV)];
    let gold = "env:prod,function_name:Pricing-Api,tier:gold";
    for (id, lines, expected) in [
        ("L01", vec![l01], orders(3.0, gold)),
        ("L02", vec![l01, l02], orders(7.0, gold)),
        (
            "L03",
            vec![
                "1767225590|5|gauge|shop.queue|#env:prod",
                "1767225590|2|gauge|shop.queue|#env:prod",
            ],
            queue(2.0),
        ),
        (
            "L04",
            vec!["1767225590.987|3.5|gauge|shop.queue|#env:prod"],
            queue(3.5),
        ),
        (
            "L05",
            vec!["1767225590123|3|count|shop.orders|#"],
            orders(3.0, OWN),
        ),
        (
            "L06",
            vec!["1767225590|3|count|shop.orders|"],
            orders(3.0, OWN),
        ),
        (
            "L07",
            vec!["1767225590|3|count|shop.orders"],
            orders(3.0, OWN),
        ),
        (
            "L08",
            vec!["1767225590|3|count|shop.orders|env:prod"],
            orders(3.0, ENV),
        ),
        ("L09", vec!["1767225590|abc|count|shop.orders|"], vec![]),
        ("L10", vec!["1767225590|3|nonsense|shop.orders|"], vec![]),
        (
            "L11",
            vec!["1767225590|1e3|count|shop.orders|#a:b, c:d"],
            orders(1000.0, "a:b,c:d,function_name:Pricing-Api"),
        ),
        ("L12", vec!["1767225590|3|count|shop.orders|#a|b"], vec![]),
        (
            "L13",
            vec![
                "1767225590|1|histogram|shop.wait",
                "1767225590|2|histogram|shop.wait",
                "1767225590|9|histogram|shop.wait",
            ],
            [1.0, 2.0, 9.0]
                .map(|n| ("shop.wait", Histogram, n, OWN))
                .to_vec(),
        ),
        (
            "check",
            vec!["1767225590|2|check|shop.up|"],
            vec![("shop.up", Check, 2.0, OWN)],
        ),
    ] {
        // L14 is L07 behind what console.log writes; all others must bear it as well.
        for prefix in ["", "2026-01-01T00:00:00.000Z\tid\tINFO\t"] {
            let lines: Vec<_> = lines
                .iter()
                .map(|line| format!("{prefix}MONITORING|{line}\n"))
                .collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let (rows, outcomes) = legacy(&lines);
            let expected: Vec<Row> = expected
                .iter()
                .map(|(name, kind, n, tags)| {
                    let (name, tags) = ((*name).to_owned(), (*tags).to_owned());
                    (name, *kind, *n, 1_767_225_590, tags)
                })
                .collect();
            assert_eq!(rows, expected, "{id}");
            let refused = matches!(outcomes[0], Outcome::Refused(_));
            assert_eq!(refused, expected.is_empty(), "{id}");
        }
    }
}
