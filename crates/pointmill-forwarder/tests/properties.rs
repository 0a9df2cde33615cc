//! What holds for any input, however it is made and however it is cut.

use std::collections::BTreeMap;

use pointmill_forwarder::{
    Account, Complaint, Config, Defaults, Format, Forwarder, Log, NoFunctions, Output, Point,
    Reader, Workshop,
};
use proptest::prelude::*;

#[derive(Default, PartialEq, Debug)]
struct Counted {
    points: BTreeMap<String, u64>,
    logs: u64,
    complaints: u64,
}

impl Output for Counted {
    fn point(&mut self, point: &Point<'_>) {
        assert!(point.value.is_finite() && !point.name.is_empty());
        let mut tags = point.tags.to_vec();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(
            tags.len(),
            point.tags.len(),
            "no tag twice: {:?}",
            point.tags
        );
        *self.points.entry(point.name.to_owned()).or_default() += 1;
    }

    fn log(&mut self, _: &Log<'_>) {
        self.logs += 1;
    }

    fn complain(&mut self, _: u64, _: Complaint<'_>) {
        self.complaints += 1;
    }
}

fn run(format: Format, bytes: &[u8], step: usize) -> (Counted, Account) {
    let (mut forwarder, mut seen) = (Forwarder::new(Config::default()), Counted::default());
    let mut functions = NoFunctions;
    let mut shop = Workshop {
        forwarder: &mut forwarder,
        functions: &mut functions,
        output: &mut seen,
    };
    let mut reader = Reader::new(format, Defaults::default());
    for chunk in bytes.chunks(step.max(1)) {
        reader.push(chunk, &mut shop);
    }
    reader.finish(&mut shop);
    forwarder.finish(&mut |point| seen.point(point));
    (seen, forwarder.account().clone())
}

/// Pieces of which lines are made: whole ones of every kind, and halves that spoil their
/// neighbours.
fn piece() -> impl Strategy<Value = String> {
    let whole = prop::sample::select(vec![
        "REPORT RequestId: a-1\tDuration: 1.5 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory",
        "START RequestId: a-1 Version: 7",
        "RequestId: a-1 Error: Runtime exited with error: signal: killed",
        "2026-01-01T00:00:06.123Z a-1 Task timed out after 6.01 seconds",
        r#"{"m":"shop.n","v":1,"e":1767225590,"t":["a:b","a:b"]}"#,
        r#"{"m":"shop.n","v":"1","e":1767225590,"t":[]}"#,
        r#"{"type":"platform.report","record":{"requestId":"b","status":"timeout","metrics":{"durationMs":1}}}"#,
        r#"{"awslogs":{"data":"H4sIAAAAAAAA"}}"#,
        "MONITORING|1767225590|3|count|shop.orders|#env:prod",
        "MONITORING|1767225590|3|gauge|shop.queue",
        "MONITORING|x|3|check|shop.up",
        "[ERROR] MemoryError",
        "hello",
        "",
    ]);
    prop_oneof![
        8 => whole.prop_map(str::to_owned),
        1 => "[ -~]{0,40}",
        1 => prop::sample::select(vec!["{", "}", "[", "]", "\"", "\\", ",", "\u{feff}", "ü", "\t"]).prop_map(str::to_owned),
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        6 => piece(),
        1 => prop::collection::vec(piece(), 0..4).prop_map(|pieces| pieces.concat()),
    ];
    let ends = prop::sample::select(vec!["\n", "\r\n", "\n\n"]);
    let lines = prop::collection::vec((line, ends), 0..20);
    lines.prop_map(|lines| {
        let lines: String = lines
            .into_iter()
            .flat_map(|(line, end)| [line, end.to_owned()])
            .collect();
        lines.into_bytes()
    })
}

fn balanced(seen: &Counted, account: &Account) {
    assert!(account.balances(), "{account:?}");
    assert_eq!(
        seen.points.values().sum::<u64>(),
        account.points(),
        "{account:?}"
    );
    let refused = account.refused_total();
    assert_eq!(seen.complaints, refused + account.envelopes_refused_total());
    // What is no metric is a log, but for what could not be read at all.
    let unread = account
        .refused
        .iter()
        .filter(|(cause, _)| matches!(cause.name(), "cut" | "too_long"));
    let unread: u64 = unread.map(|(_, n)| n).sum();
    assert_eq!(
        seen.logs,
        account.platform + account.logs + refused - unread
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_event_is_one_thing_and_every_point_is_counted(bytes in text(), step in 1_usize..50) {
        for format in [Format::Lines, Format::CloudWatch, Format::Telemetry] {
            let (whole, account) = run(format, &bytes, bytes.len());
            balanced(&whole, &account);
            // However it is cut, the same comes out.
            prop_assert_eq!(run(format, &bytes, step), (whole, account));
        }
    }

    #[test]
    fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..600), step in 1_usize..100) {
        for format in [Format::Lines, Format::CloudWatch, Format::Telemetry] {
            let (seen, account) = run(format, &bytes, step);
            balanced(&seen, &account);
        }
    }

    #[test]
    fn every_metric_line_gives_its_point(
        values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 1..30),
    ) {
        let line = |value: &f64| format!("{{\"m\":\"shop.n\",\"v\":{value:?},\"e\":1767225590,\"t\":[]}}\n");
        let text: String = values.iter().map(line).collect();
        let (seen, account) = run(Format::Lines, text.as_bytes(), 1 << 20);
        prop_assert_eq!(seen.points["shop.n"], values.len() as u64);
        prop_assert_eq!(account.metrics, values.len() as u64);
    }
}

#[test]
fn a_line_of_any_length_and_depth_is_borne_in_bounded_memory() {
    let long = [vec![b'x'; 3 << 20], b"\nSTART RequestId: a\n".to_vec()].concat();
    let (seen, account) = run(Format::Lines, &long, 1 << 16);
    assert_eq!(
        (account.refused_total(), account.platform, seen.logs),
        (1, 1, 1)
    );
    let deep = format!("{}{}\n", "{\"a\":[".repeat(50_000), "]}".repeat(50_000));
    for format in [Format::Lines, Format::Telemetry, Format::CloudWatch] {
        let (seen, account) = run(format, deep.as_bytes(), 1 << 16);
        balanced(&seen, &account);
    }
}

#[test]
fn a_stack_trace_for_want_of_memory_counts_once_for_each_invocation() {
    let mut text = String::new();
    for id in ["a", "b"] {
        text += &format!(
            "START RequestId: {id} Version: 1\n[ERROR] MemoryError\nTraceback: MemoryError\nMemoryError\n\
             REPORT RequestId: {id}\tDuration: 9 ms\tBilled Duration: 9 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory\n\
             RequestId: {id} Error: Runtime exited with error: signal: killed\n"
        );
    }
    let (seen, account) = run(Format::Lines, text.as_bytes(), 100);
    assert_eq!(seen.points["aws.lambda.enhanced.out_of_memory"], 2);
    assert_eq!(seen.points["aws.lambda.enhanced.errors"], 2);
    assert!(account.repeated.values().sum::<u64>() >= 8);
}

#[test]
fn an_error_that_the_library_counted_is_not_counted_again() {
    let text = "START RequestId: a Version: 1\n\
        {\"m\":\"aws.lambda.enhanced.errors\",\"v\":1,\"e\":1767225590,\"t\":[]}\n\
        REPORT RequestId: a\tDuration: 9 ms\tStatus: error\tError Type: Runtime.Unknown\n\
        START RequestId: b Version: 1\n\
        REPORT RequestId: b\tDuration: 9 ms\tStatus: error\tError Type: Runtime.ExitError\n";
    let (seen, _) = run(Format::Lines, text.as_bytes(), 1000);
    assert_eq!(seen.points["aws.lambda.enhanced.errors"], 2);
}
