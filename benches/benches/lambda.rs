//! What a point costs in a Lambda function, and a line in the forwarder.
//!
//! in a function  by name with two tags and by a held id: kept one by one for the log, aggregated for
//!                the intake, and into an engine alone, which does the same as the latter
//! forwarder      a function's log that is in memory already, to points; the sorts of lines in a usual
//!                mixture and the most frequent ones alone

use std::fs::File;
use std::hint::black_box;
use std::time::Duration;

use pointmill::{ContextId, Kind};
use pointmill_benches::engine::{engine, flush_and_check};
use pointmill_benches::harness::{self, Contest, timed};
use pointmill_benches::workload::{NAME, VALUES, values};
use pointmill_forwarder::{
    Complaint, Config, Defaults, Format, Forwarder, Log, NoFunctions, Output, Point, Reader,
    Workshop,
};
use pointmill_lambda::settings::Source;
use pointmill_lambda::{Lambda, Language, Mode, Parts};

fn main() {
    harness::main("lambda", &[by_name, held, forwarder]);
}

const PARTS: [&str; 3] = [NAME, "endpoint:/v1/checkout", "status:200"];

/// An object with room for a slice's points, and nowhere as its log.
fn lambda(variable: (&str, &str)) -> Lambda {
    let mut source = Source::new(Language::Python);
    source.variable(variable.0, variable.1);
    for (option, value) in [
        ("extension_path", "/nowhere/at/all"),
        ("flush_in_thread", "false"),
        // Of four threads, one of which records here.
        ("buffer_points_max", "400000"),
    ] {
        source.set(option, value).expect("a sound option");
    }
    let nowhere = File::create("/dev/null").expect("it is there");
    let parts = Parts {
        log: Some(nowhere.into()),
        ..Parts::default()
    };
    Lambda::with_parts(&source, parts).expect("sound settings")
}

/// Slices of points into the buffer of log mode, emptied after each.
fn to_log(record: impl Fn(&Lambda, u64, f64) + 'static) -> impl FnMut() -> Duration {
    let lambda = lambda(("DD_FLUSH_TO_LOG", "true"));
    assert_eq!(lambda.mode(), Mode::Log);
    let id = lambda.context(&PARTS).expect("within the limits");
    let mut points = 0;
    move || {
        let time = timed(|| {
            values()
                .iter()
                .for_each(|&v| record(&lambda, black_box(id), black_box(v)));
        });
        let flushed = lambda.flush(Duration::from_secs(60)).expect("it is open");
        assert!(flushed.complete());
        points += VALUES as u64;
        let stats = lambda.stats();
        assert!(stats.accepted == points && stats.spilled == 0 && stats.balances());
        time
    }
}

/// Slices of points that are aggregated, as for the intake; taken out after each.
fn to_intake(record: impl Fn(&Lambda, u64, f64) + 'static) -> impl FnMut() -> Duration {
    let lambda = lambda(("DD_API_KEY", "k"));
    assert_eq!(lambda.mode(), Mode::Http);
    let id = lambda.context(&PARTS).expect("within the limits");
    move || {
        let time = timed(|| {
            values()
                .iter()
                .for_each(|&v| record(&lambda, black_box(id), black_box(v)));
        });
        // Of one interval or two: its clock goes on meanwhile.
        assert!(!flush_and_check(lambda.engine(), VALUES).is_empty());
        time
    }
}

fn by_name() -> Contest {
    let named = |lambda: &Lambda, _: u64, v: f64| {
        let _ = lambda.metric(black_box(&PARTS), v);
    };
    Contest::new("Lambda, by name, 2 tags", VALUES)
        .subject("log mode", to_log(named))
        .subject("HTTP mode", to_intake(named))
        .subject("the engine alone", {
            let engine = engine();
            move || {
                let time = timed(|| {
                    for &v in values() {
                        let _ = engine.record_named(Kind::Distribution, black_box(&PARTS), v);
                    }
                });
                assert_eq!(flush_and_check(&engine, VALUES).len(), 1);
                time
            }
        })
}

fn held() -> Contest {
    let held = |lambda: &Lambda, id: u64, v: f64| {
        let _ = lambda.record(id, v);
    };
    Contest::new("Lambda, by a held id", VALUES)
        .subject("log mode", to_log(held))
        .subject("HTTP mode", to_intake(held))
        .subject("the engine alone", {
            let engine = engine();
            let id: ContextId = engine
                .context(Kind::Distribution, NAME, &PARTS[1..])
                .expect("within the limits");
            move || {
                let time = timed(|| {
                    for &v in values() {
                        let _ = engine.record(black_box(id), v);
                    }
                });
                assert_eq!(flush_and_check(&engine, VALUES).len(), 1);
                time
            }
        })
}

/// A function's log: of a hundred lines 60 ordinary ones, 12 of JSON, 16 metrics, 8 REPORT, 2 platform
/// events, 2 MONITORING.
const SORTS: [(usize, &str, u64); 6] = [
    (
        60,
        "[INFO]\t2026-01-01T00:00:00.512Z\t8f3a2b1c-5d4e-4f60-8a7b-9c0d1e2f3a01\torder 4711 accepted, 3 items\n",
        0,
    ),
    (
        12,
        "{\"timestamp\":\"2026-01-01T00:00:00Z\",\"level\":\"INFO\",\"message\":\"order 4711 accepted\"}\n",
        0,
    ),
    (
        16,
        "{\"m\":\"shop.basket.total\",\"v\":31.9,\"e\":1767225600,\"t\":[\"currency:eur\",\"channel:web\"]}\n",
        1,
    ),
    (
        8,
        "REPORT RequestId: 8f3a2b1c-5d4e-4f60-8a7b-9c0d1e2f3a01\tDuration: 42.50 ms\tBilled Duration: 43 ms\tMemory Size: 512 MB\tMax Memory Used: 143 MB\t\n",
        4,
    ),
    (
        2,
        "{\"time\":\"2026-01-01T00:00:00.120Z\",\"type\":\"platform.report\",\"record\":{\"requestId\":\"8f3a2b1c-5d4e-4f60-8a7b-9c0d1e2f3a02\",\"metrics\":{\"durationMs\":1233.96,\"billedDurationMs\":1698,\"memorySizeMB\":256,\"maxMemoryUsedMB\":123},\"status\":\"success\"}}\n",
        4,
    ),
    (
        2,
        "MONITORING|1767225840|3|histogram|shop.orders|#env:prod,tier:gold\n",
        1,
    ),
];

/// Lines of a slice.
const LINES: usize = 100_000;

/// Bytes given at a time, as the command does.
const STEP: usize = 256 << 10;

#[derive(Default)]
struct Counted {
    points: u64,
    logs: u64,
}

impl Output for Counted {
    fn point(&mut self, _: &Point<'_>) {
        self.points += 1;
    }

    fn log(&mut self, _: &Log<'_>) {
        self.logs += 1;
    }

    fn complain(&mut self, number: u64, complaint: Complaint<'_>) {
        panic!("{number}: {complaint:?}");
    }
}

/// Slices of `hundred`, of which a hundred lines give `points` points, over and over.
fn lines(hundred: &str, points: u64) -> impl FnMut() -> Duration + use<> {
    let text = hundred.repeat(LINES / 100);
    move || {
        let mut config = Config::default();
        config.region = Some("eu-west-3".to_owned());
        config.account_id = Some("210987654321".to_owned());
        let (mut forwarder, mut counted) = (Forwarder::new(config), Counted::default());
        let defaults = Defaults {
            log_group: "/aws/lambda/checkout".to_owned(),
            ..Defaults::default()
        };
        let time = timed(|| {
            let mut shop = Workshop {
                forwarder: &mut forwarder,
                functions: &mut NoFunctions,
                output: &mut counted,
            };
            let mut reader = Reader::new(Format::Lines, defaults);
            for chunk in text.as_bytes().chunks(STEP) {
                reader.push(chunk, &mut shop);
            }
            reader.finish(&mut shop);
        });
        let account = forwarder.account();
        assert!(account.balances() && account.events == LINES as u64);
        assert_eq!(counted.points, points * (LINES as u64 / 100));
        time
    }
}

fn forwarder() -> Contest {
    let mut mixed = (String::new(), 0);
    for (share, line, points) in SORTS {
        mixed.0 += &line.repeat(share);
        mixed.1 += points * share as u64;
    }
    let alone = |i: usize| {
        let (_, line, points): (usize, &str, u64) = SORTS[i];
        lines(&line.repeat(100), 100 * points)
    };
    Contest::new("forwarder, a line of a log to points", LINES)
        .subject("mixed", lines(&mixed.0, mixed.1))
        .subject("ordinary lines", alone(0))
        .subject("metric lines", alone(2))
        .subject("REPORT lines", alone(3))
}
