//! Points a second of `report` on CSV that is in memory already, on one core, with the options of
//! the README's example.
//!
//! `cargo bench -p pointmill-cli` measures; under `cargo test` it runs once. Either way the answer
//! is checked against percentiles computed from the raw values.

use std::io::Read;
use std::time::Instant;

use pointmill_cli::report::format::InputFormat;
use pointmill_cli::report::{Options, Report, Session};

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../testdata/flights-2001-01.csv.gz"
);

/// Runs of which the best and the median are shown.
const RUNS: usize = 15;

fn main() {
    let measuring = std::env::args().any(|arg| arg == "--bench");
    let mut bytes = Vec::new();
    let file = std::fs::File::open(FILE).expect("the test data is in the repository");
    flate2::read::MultiGzDecoder::new(file)
        .read_to_end(&mut bytes)
        .expect("it is gzip");
    let text = String::from_utf8(bytes).expect("it is text");
    let points = text.lines().count() - 1;
    let cases = [("by origin", Some("origin")), ("every tag", None)];
    for (name, by) in cases {
        let options = options(by);
        let mut seconds: Vec<f64> = (0..if measuring { RUNS } else { 1 })
            .map(|_| {
                let start = Instant::now();
                let report = run(&options, text.as_bytes());
                let elapsed = start.elapsed().as_secs_f64();
                check(&report, points, &text, by);
                elapsed
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        if measuring {
            let rate = |seconds: f64| points as f64 / seconds / 1e6;
            println!(
                "report csv, {name}: {points} points, best {:.2} M points/s, median {:.2} M points/s",
                rate(seconds[0]),
                rate(seconds[seconds.len() / 2])
            );
        }
    }
}

fn options(by: Option<&str>) -> Options {
    Options {
        input: Some(InputFormat::Csv),
        name: Some("flight.delay".to_owned()),
        value: Some("delay_min".to_owned()),
        time: Some("unix_s".to_owned()),
        tags: vec!["origin".to_owned(), "destination".to_owned()],
        by: by.map(|key| vec![key.to_owned()]),
        percentiles: ["50", "99"]
            .map(|p| p.parse().expect("a percentile"))
            .to_vec(),
        ..Options::default()
    }
}

fn run(options: &Options, bytes: &[u8]) -> Report {
    let mut session = Session::new(options, 1_000_000_000).expect("an engine");
    session.read("memory", bytes).expect("valid csv");
    session.finish()
}

fn check(report: &Report, points: usize, text: &str, by: Option<&str>) {
    assert!(report.ledger.balanced());
    assert_eq!(report.ledger.bad_lines(), 0);
    let rows = &report.rows.shown;
    assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), points as u64);
    let row = rows.iter().max_by_key(|row| row.count).expect("rows");
    let cells = |tag: &String| tag.split_once(':').expect("key and value").1.to_owned();
    let wanted: Vec<String> = row.tags.iter().map(cells).collect();
    assert_eq!(wanted.len(), if by.is_some() { 1 } else { 2 });
    let mut values: Vec<f64> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect::<Vec<_>>())
        // Tags are sorted, so destination comes before origin.
        .filter(|cells| match wanted.as_slice() {
            [origin] => cells[3] == origin,
            [destination, origin] => cells[4] == destination && cells[3] == origin,
            _ => false,
        })
        .map(|cells| cells[1].parse().expect("a number"))
        .collect();
    values.sort_by(f64::total_cmp);
    for (value, q) in row.percentiles.iter().zip([0.5, 0.99]) {
        let element = values[(q * (values.len() - 1) as f64).round_ties_even() as usize];
        let value = value.expect("a distribution");
        assert!(
            (value - element).abs() <= element.abs() / 129.0,
            "{value} for {element}"
        );
    }
}
