//! Lines a second of a mixed log that is in memory already, on one core: what a function's log has,
//! in a usual mixture, and each sort of line alone.
//!
//! `cargo bench -p pointmill-forwarder` measures 100 MB; under `cargo test` it runs once on a few
//! lines. Either way the account is checked.

use std::time::Instant;

use pointmill_forwarder::{
    Account, Complaint, Config, Defaults, Format, Forwarder, Log, NoFunctions, Output, Point,
    Reader, Workshop,
};

/// Bytes of the log, and runs of which the best and the median are shown.
const LOG_BYTES: usize = 100_000_000;
const RUNS: usize = 5;

/// Bytes given at a time, as the command does.
const STEP: usize = 256 << 10;

const SORTS: [(&str, &str, u64); 6] = [
    (
        "ordinary log",
        "[INFO]\t2026-01-01T00:00:00.512Z\t8f3a2b1c-5d4e-4f60-8a7b-9c0d1e2f3a01\torder 4711 accepted, 3 items in the basket\n",
        0,
    ),
    (
        "JSON log",
        "{\"timestamp\":\"2026-01-01T00:00:00Z\",\"level\":\"INFO\",\"requestId\":\"8f3a2b1c-5d4e-4f60-8a7b-9c0d1e2f3a01\",\"message\":\"order 4711 accepted\"}\n",
        0,
    ),
    (
        "REPORT",
        "REPORT RequestId: 8f3a2b1c-5d4e-4f60-8a7b-9c0d1e2f3a01\tDuration: 42.50 ms\tBilled Duration: 43 ms\tMemory Size: 512 MB\tMax Memory Used: 143 MB\t\n",
        4,
    ),
    (
        "JSON report",
        "{\"time\":\"2026-01-01T00:00:00.120Z\",\"type\":\"platform.report\",\"record\":{\"requestId\":\"8f3a2b1c-5d4e-4f60-8a7b-9c0d1e2f3a01\",\"metrics\":{\"durationMs\":1233.96,\"billedDurationMs\":1698,\"memorySizeMB\":256,\"maxMemoryUsedMB\":123},\"status\":\"success\"}}\n",
        4,
    ),
    (
        "metric line",
        "{\"m\":\"shop.basket.total\",\"v\":31.9,\"e\":1767225600,\"t\":[\"currency:eur\",\"channel:web\"]}\n",
        1,
    ),
    (
        "MONITORING",
        "MONITORING|1767225840|3|histogram|shop.orders|#env:prod,tier:gold\n",
        1,
    ),
];

/// Of a hundred lines, how many are of each of [`SORTS`].
const MIXTURE: [usize; 6] = [60, 12, 8, 2, 16, 2];

#[derive(Default)]
struct Counted {
    points: u64,
    value: f64,
    logs: u64,
}

impl Output for Counted {
    fn point(&mut self, point: &Point<'_>) {
        self.points += 1;
        self.value += point.value;
    }

    fn log(&mut self, _: &Log<'_>) {
        self.logs += 1;
    }

    fn complain(&mut self, number: u64, complaint: Complaint<'_>) {
        panic!("{number}: {complaint:?}");
    }
}

fn run(bytes: &[u8]) -> (Counted, Account) {
    let mut config = Config::default();
    config.region = Some("eu-west-3".to_owned());
    config.account_id = Some("210987654321".to_owned());
    let (mut forwarder, mut counted) = (Forwarder::new(config), Counted::default());
    let mut functions = NoFunctions;
    let mut shop = Workshop {
        forwarder: &mut forwarder,
        functions: &mut functions,
        output: &mut counted,
    };
    let defaults = Defaults {
        log_group: "/aws/lambda/checkout".to_owned(),
        ..Defaults::default()
    };
    let mut reader = Reader::new(Format::Lines, defaults);
    for chunk in bytes.chunks(STEP) {
        reader.push(chunk, &mut shop);
    }
    reader.finish(&mut shop);
    (counted, forwarder.account().clone())
}

fn measure(name: &str, text: &str, points: u64, runs: usize) {
    let lines = text.lines().count();
    let mut seconds: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            let (counted, account) = run(text.as_bytes());
            let elapsed = start.elapsed().as_secs_f64();
            assert_eq!((counted.points, account.events), (points, lines as u64));
            assert!(account.balances() && counted.value >= 0.0);
            elapsed
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    if runs > 1 {
        let (best, median) = (seconds[0], seconds[runs / 2]);
        println!(
            "forward {name:<12} {lines:>8} lines: best {:>5.2}, median {:>5.2} M lines/s, {:>4.0} MB/s, {:>4.0} ns a line",
            lines as f64 / best / 1e6,
            lines as f64 / median / 1e6,
            text.len() as f64 / median / 1e6,
            median * 1e9 / lines as f64,
        );
    }
}

fn main() {
    let measuring = std::env::args().any(|arg| arg == "--bench");
    let (bytes, runs) = if measuring {
        (LOG_BYTES, RUNS)
    } else {
        (1 << 16, 1)
    };
    let mut hundred = String::new();
    let mut points = 0;
    for ((_, line, n), share) in SORTS.iter().zip(MIXTURE) {
        hundred += &line.repeat(share);
        points += n * share as u64;
    }
    let times = bytes.div_ceil(hundred.len());
    measure("mixed", &hundred.repeat(times), points * times as u64, runs);
    for (name, line, n) in SORTS {
        let times = (bytes / 10).div_ceil(line.len());
        measure(name, &line.repeat(times), n * times as u64, runs);
    }
}
