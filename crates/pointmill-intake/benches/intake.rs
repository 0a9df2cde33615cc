//! What the intake stores and answers a second.
//!
//! `cargo bench -p pointmill-intake` measures; under `cargo test` it runs once on less. Either way the
//! answers are checked, counts exactly.
//!
//! | row | what it is |
//! | --- | --- |
//! | store, memory / SQLite | bodies that are decoded already into the store, one after the other, each answered before the next |
//! | decode and store | the same from sketch payloads as they come, unpacked |
//! | query … | all percentiles of the usual question over every interval, from memory |
//! | … ordered by p99 | the same when the groups to answer are found by a percentile of each |
//! | … in steps | the same as a chart asks it |

use std::path::Path;
use std::time::Instant;

use ddsketch_agent::{Profile, Sketch};
use pointmill_intake::accept::{self, Route};
use pointmill_intake::batch::{Batch, Rules};
use pointmill_intake::query::{self, Filter, Query, QueryAnswer, Scale, Step};
use pointmill_intake::store::{Store, StoreConfig};
use pointmill_wire::sketch_payload::{Dogsketch, SketchMessage, SketchPayload};

const INTERVAL_S: i64 = 10;
const START: i64 = 1_700_000_000;
/// Values of a sketch; spread over a factor of 100 they take about 25 bins.
const VALUES: usize = 30;
/// Contexts of a body.
const BODY: usize = 1_000;
const ORIGINS: usize = 20;

/// How much is measured, and how often.
struct Size {
    contexts: usize,
    intervals: usize,
    runs: usize,
}

fn main() {
    let measuring = std::env::args().any(|arg| arg == "--bench");
    let size = if measuring {
        Size {
            contexts: 10_000,
            intervals: 60,
            runs: 9,
        }
    } else {
        Size {
            contexts: 1_000,
            intervals: 3,
            runs: 1,
        }
    };
    let show = |name: &str, seconds: &[f64], contexts: Option<usize>| {
        if !measuring {
            return;
        }
        let (best, median) = (seconds[0], seconds[seconds.len() / 2]);
        match contexts {
            Some(n) => println!(
                "{name:<44} best {:>9.0} contexts/s, median {:>9.0}",
                n as f64 / best,
                n as f64 / median
            ),
            None => println!(
                "{name:<44} best {:>9.1} ms, median {:>9.1} ms",
                best * 1e3,
                median * 1e3
            ),
        }
    };
    let ingest = Size {
        intervals: size.intervals.min(20),
        ..size
    };
    let n = ingest.contexts * ingest.intervals;
    let folder = std::env::temp_dir().join(format!("pointmill-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    let file = folder.join("store.db");
    for (name, path) in [("memory", None), ("SQLite", Some(file.as_path()))] {
        let runs = if path.is_some() {
            ingest.runs.min(3)
        } else {
            ingest.runs
        };
        let seconds = times(runs, || {
            let batches = batches(&ingest);
            let store = open(path);
            let start = Instant::now();
            fill(&store, batches);
            let elapsed = start.elapsed().as_secs_f64();
            check(&store, n);
            elapsed
        });
        show(&format!("store, {name}"), &seconds, Some(n));
    }
    let bodies = bodies(&ingest);
    let seconds = times(ingest.runs, || {
        let store = open(None);
        let start = Instant::now();
        fill(&store, bodies.iter().map(|body| decoded(body)));
        start.elapsed().as_secs_f64()
    });
    show("decode and store, memory", &seconds, Some(n));
    std::fs::remove_dir_all(&folder).expect("the folder is ours");

    let store = open(None);
    fill(&store, batches(&size));
    for (name, by, groups) in [
        ("everything", vec![], 1),
        ("by 20 origins", vec!["origin".to_owned()], ORIGINS),
        ("by 10,000 hosts", vec!["host".to_owned()], size.contexts),
    ] {
        let asked = Query {
            metric: "latency".to_owned(),
            by,
            limit: 50,
            ..Query::default()
        };
        let by_percentile = Query {
            order: Some("p99".to_owned()),
            ..asked.clone()
        };
        let in_steps = Query {
            step: Step::Auto,
            ..asked.clone()
        };
        let questions = [
            ("", asked),
            (", ordered by p99", by_percentile),
            (", in steps", in_steps),
        ];
        for (how, asked) in questions {
            let seconds = times(size.runs, || {
                let start = Instant::now();
                let answer = query::query(&store, &asked).expect("a good question");
                let elapsed = start.elapsed().as_secs_f64();
                check_answer(&answer, groups, &size);
                elapsed
            });
            show(&format!("query {name}{how}"), &seconds, None);
        }
    }
    let asked = Query {
        metric: "latency".to_owned(),
        limit: 20,
        ..Query::default()
    };
    let seconds = times(size.runs, || {
        let start = Instant::now();
        query::top(&store, &asked).expect("a good question");
        start.elapsed().as_secs_f64()
    });
    show("top contexts", &seconds, None);
    let seconds = times(size.runs, || {
        let start = Instant::now();
        query::shape(&store, &asked, 60, Scale::Auto).expect("a good question");
        start.elapsed().as_secs_f64()
    });
    show("shape", &seconds, None);
    let seconds = times(size.runs, || {
        let start = Instant::now();
        query::tags(&store, Some("latency"), &Filter::default(), 1_000).expect("a good question");
        start.elapsed().as_secs_f64()
    });
    show("tags", &seconds, None);
}

/// Seconds of each run, the shortest first.
fn times(runs: usize, mut run: impl FnMut() -> f64) -> Vec<f64> {
    let mut seconds: Vec<f64> = (0..runs).map(|_| run()).collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

fn open(path: Option<&Path>) -> Store {
    if let Some(path) = path {
        let _ = std::fs::remove_file(path);
    }
    let config = StoreConfig {
        path: path.map(Path::to_owned),
        bytes_max: 2 << 30,
        ..StoreConfig::default()
    };
    Store::open(config).expect("a store")
}

fn fill(store: &Store, batches: impl IntoIterator<Item = Batch>) {
    for batch in batches {
        store.store_blocking(batch).expect("room");
    }
}

fn rules() -> Rules {
    Rules {
        interval_s: INTERVAL_S as u32,
        lower_case_tags: false,
        now: None,
    }
}

fn decoded(body: &[u8]) -> Batch {
    let max = Route::Sketches.limits().1;
    let read = accept::read(Route::Sketches, "", "identity", body, max, rules());
    read.expect("a good body").batch
}

fn batches(size: &Size) -> Vec<Batch> {
    bodies(size).iter().map(|body| decoded(body)).collect()
}

/// Bodies as an Agent sends them: every context once an interval.
fn bodies(size: &Size) -> Vec<Vec<u8>> {
    let sketches: Vec<Dogsketch> = (0..64).map(dogsketch).collect();
    let mut bodies = Vec::new();
    for interval in 0..size.intervals {
        for first in (0..size.contexts).step_by(BODY) {
            let contexts = first..(first + BODY).min(size.contexts);
            let message = |i: usize| SketchMessage {
                metric: "latency".to_owned(),
                tags: vec![
                    format!("host:h{i}"),
                    format!("origin:o{}", i % ORIGINS),
                    "env:prod".to_owned(),
                ],
                dogsketches: vec![Dogsketch {
                    ts: START + interval as i64 * INTERVAL_S,
                    ..sketches[(i * 7 + interval * 13) % sketches.len()].clone()
                }],
                ..SketchMessage::default()
            };
            let payload = SketchPayload {
                sketches: contexts.map(message).collect(),
                ..SketchPayload::default()
            };
            bodies.push(payload.encode());
        }
    }
    bodies
}

/// A sketch of [`VALUES`] values between 1 and 100, each seed another.
fn dogsketch(seed: usize) -> Dogsketch {
    let mut sketch = Sketch::new();
    let mut state = seed as u64 * 0x9E37_79B9_7F4A_7C15 + 1;
    for _ in 0..VALUES {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let unit = (state >> 11) as f64 / (1u64 << 53) as f64;
        sketch.insert(100f64.powf(unit)).expect("a finite value");
    }
    let (summary, bins) = (sketch.summary(), sketch.bins(Profile::U32));
    Dogsketch {
        ts: 0,
        cnt: summary.count as i64,
        min: summary.min,
        max: summary.max,
        avg: summary.avg,
        sum: summary.sum,
        k: bins.keys,
        n: bins.counts,
    }
}

fn check(store: &Store, contexts: usize) {
    let asked = Query {
        metric: "latency".to_owned(),
        aggs: Some("count".to_owned()),
        ..Query::default()
    };
    let answer = query::query(store, &asked).expect("a good question");
    let count = answer.groups[0].total["count"];
    assert_eq!(count, Some((contexts * VALUES) as f64));
}

fn check_answer(answer: &QueryAnswer, groups: usize, size: &Size) {
    assert_eq!(answer.groups_total, groups);
    assert_eq!(answer.groups.len(), groups.min(50));
    let per_group = size.contexts * size.intervals * VALUES / groups;
    for group in &answer.groups {
        assert_eq!(group.total["count"], Some(per_group as f64));
        let p50 = group.total["p50"].expect("values");
        assert!((5.0..20.0).contains(&p50), "{p50}");
        let steps = group.series.iter().flat_map(|series| &series["count"]);
        let in_steps: f64 = steps.flatten().sum();
        assert!(answer.times.is_empty() || in_steps == per_group as f64);
    }
}
