//! The accuracy that the report promises, on a month of flights: for every row and percentile,
//! within 1/129 of the exact element of rank roundTiesEven(q (n - 1)), computed here from the
//! raw values.

mod support;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../testdata/flights-2001-01.csv.gz"
);

const PERCENTILES: [(&str, f64); 11] = [
    ("0", 0.0),
    ("1", 0.01),
    ("5", 0.05),
    ("25", 0.25),
    ("50", 0.5),
    ("75", 0.75),
    ("90", 0.9),
    ("95", 0.95),
    ("99", 0.99),
    ("99.9", 0.999),
    ("100", 1.0),
];

/// Sorted values by the cell of `key` (of one group if there is no key).
fn exact(value: usize, key: Option<usize>) -> BTreeMap<String, Vec<f64>> {
    let mut text = String::new();
    let file = std::fs::File::open(FILE).unwrap();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let mut groups = BTreeMap::<String, Vec<f64>>::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let group = key.map_or(String::new(), |key| cells[key].to_owned());
        groups
            .entry(group)
            .or_default()
            .push(cells[value].parse().unwrap());
    }
    for values in groups.values_mut() {
        values.sort_by(f64::total_cmp);
    }
    groups
}

fn report(args: &[&str]) -> Value {
    let percentiles: Vec<&str> = PERCENTILES.iter().map(|(text, _)| *text).collect();
    let percentiles = percentiles.join(",");
    let head = [
        "report",
        "--input=csv",
        "--time=unix_s",
        "--tags=origin,destination",
        "--format=json",
        "--percentiles",
        &percentiles,
    ];
    let ran = support::run(&[&head, args, &[FILE]].concat());
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    serde_json::from_str(&ran.out).unwrap()
}

fn check(metric: &str, column: (&str, usize), by: (&str, Option<usize>), extra: &[&str]) {
    let args = ["--name", metric, "--value", column.0, "--by", by.0];
    let report = report(&[&args, extra].concat());
    let groups = exact(column.1, by.1);
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), groups.len());
    for (row, (group, values)) in rows.iter().zip(&groups) {
        let tags = if group.is_empty() {
            vec![]
        } else {
            vec![format!("{}:{group}", by.0)]
        };
        assert_eq!(row["tags"], serde_json::json!(tags));
        assert_eq!(
            (&row["metric"], &row["kind"]),
            (&metric.into(), &"distribution".into())
        );
        assert_eq!(row["count"], values.len());
        let sum: f64 = values.iter().sum();
        assert_eq!(row["min"].as_f64(), values.first().copied());
        assert_eq!(row["max"].as_f64(), values.last().copied());
        assert_eq!(
            row["sum"].as_f64(),
            Some(sum),
            "whole numbers add up without rounding"
        );
        let avg = row["avg"].as_f64().unwrap();
        assert!(
            (avg - sum / values.len() as f64).abs() <= 1e-9 * avg.abs(),
            "{row}"
        );
        for (text, q) in PERCENTILES {
            let rank = (q * (values.len() - 1) as f64).round_ties_even() as usize;
            let (found, element) = (row[&format!("p{text}")].as_f64().unwrap(), values[rank]);
            assert!(
                (found - element).abs() <= element.abs() / 129.0,
                "{metric} {group} p{text}: {found}, exactly {element}"
            );
        }
    }
    let ledger = &report["ledger"];
    let points: usize = groups.values().map(Vec::len).sum();
    assert_eq!(ledger["lines"], points + 1);
    assert_eq!(ledger["recorded"], points);
    assert_eq!(ledger["flushed"], points);
    for zero in [
        "bad_lines",
        "pending",
        "overflowed",
        "rejected_too_old",
        "dropped_arena_full",
    ] {
        assert_eq!(ledger[zero], 0, "{zero}");
    }
    assert_eq!(ledger["balanced"], true);
}

const DELAY: (&str, usize) = ("delay_min", 1);
const DISTANCE: (&str, usize) = ("distance_mi", 2);

#[test]
fn delays_by_origin() {
    check("flight.delay", DELAY, ("origin", Some(3)), &[]);
}

#[test]
fn distances_by_origin() {
    check("flight.distance", DISTANCE, ("origin", Some(3)), &[]);
}

#[test]
fn both_metrics_by_destination() {
    check("flight.delay", DELAY, ("destination", Some(4)), &[]);
    check("flight.distance", DISTANCE, ("destination", Some(4)), &[]);
}

#[test]
fn everything_merged() {
    check("flight.delay", DELAY, ("", None), &[]);
}

/// With payloads, contexts keep every tag and intervals last ten seconds, so the same rows come
/// from 200,000 sketches instead of a few thousand.
#[test]
fn rows_are_the_same_when_they_are_merged_from_every_tag_and_interval() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("payloads");
    let payload = ["--payload", target.to_str().unwrap()];
    let args = ["--value", "delay_min", "--by", "origin"];
    let run = |extra: &[&str]| {
        let head = [
            "report",
            "--time=unix_s",
            "--tags=origin,destination",
            "--format=csv",
        ];
        let ran = support::run(&[&head, &args[..], extra, &[FILE]].concat());
        assert_eq!(ran.status, 0, "{}", ran.err);
        ran.out
    };
    assert_eq!(run(&payload), run(&[]));
    assert!(Path::new(&target).join("manifest.json").exists());
}
