//! `--payload DIR`: the files decode to the points that went in, and the manifest says so.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pointmill_wire::{DecodeLimits, decompress, series_v2, sketch_payload};
use serde_json::Value;

/// What the files of a directory carry.
#[derive(Default)]
struct Received {
    /// Points of sketches by metric and tags.
    sketches: BTreeMap<(String, Vec<String>), i64>,
    /// Start of the interval and value of every scalar, by metric.
    scalars: BTreeMap<String, Vec<(i64, f64)>>,
    /// Entries of (series, interval): more than one would overwrite each other.
    times: BTreeMap<(String, Vec<String>, i64), u32>,
}

fn run(dir: &Path, args: &[&str]) -> (Value, Value) {
    let head = [
        "report",
        "--format",
        "json",
        "--payload",
        dir.to_str().unwrap(),
    ];
    let mut command = support::pointmill(&[&head, args].concat());
    let ran = support::finished(command.current_dir(support::testdata("")).output().unwrap());
    assert_eq!(ran.status, 0, "{}", ran.err);
    let manifest = fs::read(dir.join("manifest.json")).unwrap();
    (
        serde_json::from_str(&ran.out).unwrap(),
        serde_json::from_slice(&manifest).unwrap(),
    )
}

/// Decodes every file that the manifest lists, as a receiver would.
fn receive(dir: &Path, manifest: &Value) -> Received {
    let limits = DecodeLimits::default();
    let mut received = Received::default();
    let listed = manifest["payloads"].as_array().unwrap();
    assert_eq!(
        fs::read_dir(dir).unwrap().count(),
        listed.len() + 1,
        "files not in the manifest"
    );
    for item in listed {
        let packed = fs::read(dir.join(item["file"].as_str().unwrap())).unwrap();
        assert_eq!(item["bytes"], packed.len());
        let encoding = item["content_encoding"].as_str().unwrap();
        let body = decompress(encoding, &packed, 64 << 20).unwrap();
        match item["path"].as_str().unwrap() {
            "/api/beta/sketches" => {
                let payload = sketch_payload::decode(&body, &limits).unwrap();
                for sketch in payload.sketches {
                    let series = (sketch.metric, sketch.tags);
                    for dogsketch in sketch.dogsketches {
                        *received.sketches.entry(series.clone()).or_default() += dogsketch.cnt;
                        let (metric, tags) = series.clone();
                        *received
                            .times
                            .entry((metric, tags, dogsketch.ts))
                            .or_default() += 1;
                    }
                }
            }
            "/api/v2/series" => {
                for series in series_v2::decode_json(&body, &limits).unwrap().series {
                    for point in series.points {
                        let values = received.scalars.entry(series.metric.clone()).or_default();
                        values.push((point.timestamp, point.value));
                        let key = (series.metric.clone(), series.tags.clone(), point.timestamp);
                        *received.times.entry(key).or_default() += 1;
                    }
                }
            }
            other => panic!("no route {other}"),
        }
    }
    assert!(
        received.times.values().all(|n| *n == 1),
        "two points of one series and time"
    );
    received
}

#[test]
fn every_kind_goes_by_its_route_and_arrives() {
    let dir = tempfile::tempdir().unwrap();
    let (report, manifest) = run(dir.path(), &["cli/mixed.dogstatsd"]);
    let received = receive(dir.path(), &manifest);
    let home = (
        "page.load".to_owned(),
        vec!["env:prod".to_owned(), "route:home".to_owned()],
    );
    assert_eq!(received.sketches[&home], 5);
    assert_eq!(received.sketches.values().sum::<i64>(), 6);
    assert_eq!(
        received.scalars["page.views"]
            .iter()
            .map(|(_, v)| v)
            .sum::<f64>(),
        5.0
    );
    let gauge = &received.scalars["queue.depth"];
    assert!(gauge.contains(&(1_700_000_000, 9.0)) && gauge.contains(&(1_700_000_010, 7.0)));
    assert_eq!(received.scalars["query.time.max"][0].1, 7.0);
    assert_eq!(manifest["points"], report["ledger"]["flushed"]);
    assert_eq!(manifest["skipped"].as_array().unwrap().len(), 0);
}

/// More points than one flush of the report holds: intervals that a flush cuts must come out whole.
#[test]
fn intervals_cut_by_a_flush_are_sent_once() {
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("counts.dogstatsd");
    let lines: String = (0..300_000)
        .map(|i| {
            format!(
                "n:1|c|T{}\nd:{}|d|T{}\n",
                1_700_000_000 + i % 7,
                i % 100,
                1_700_000_000
            )
        })
        .collect();
    fs::write(&file, lines).unwrap();
    let dir = work.path().join("payloads");
    let (report, manifest) = run(&dir, &[file.to_str().unwrap()]);
    let received = receive(&dir, &manifest);
    assert_eq!(received.scalars["n"], [(1_700_000_000, 300_000.0)]);
    assert_eq!(received.sketches.values().sum::<i64>(), 300_000);
    assert_eq!(manifest["points"], 600_000);
    assert_eq!(report["ledger"]["balanced"], true);
}

#[test]
fn flights_keep_every_tag_and_interval_whatever_the_rows_merge() {
    let dir = tempfile::tempdir().unwrap();
    let (report, manifest) = run(
        dir.path(),
        &[
            "flights-2001-01.csv.gz",
            "--value=delay_min",
            "--time=unix_s",
            "--tags=origin,destination",
            "--by=origin",
        ],
    );
    let received = receive(dir.path(), &manifest);
    let mut by_origin = BTreeMap::<String, i64>::new();
    for ((metric, tags), points) in &received.sketches {
        assert_eq!((metric.as_str(), tags.len()), ("delay_min", 2));
        *by_origin.entry(tags[1].clone()).or_default() += points;
    }
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), by_origin.len());
    for row in rows {
        let origin = row["tags"][0].as_str().unwrap();
        assert_eq!(by_origin[origin], row["count"], "{origin}");
    }
    assert_eq!(received.sketches.len(), 3_272, "routes");
    assert!(
        received.times.keys().all(|(_, _, at)| at % 10 == 0),
        "intervals of ten seconds"
    );
}
