//! Events of the Telemetry API with what must come of them: section by section what Datadog's
//! extension makes of them, and where that loses something, what is right instead.

use std::collections::BTreeMap;

use pointmill_forwarder::{
    Architecture, Complaint, Config, Defaults, Format, Forwarder, Log, NoFunctions, Output, Point,
    Reader, Workshop, detect,
};

const INIT: &str = r#"{"time":"2026-03-04T05:06:07.100Z","type":"platform.initStart","record":{"initializationType":"on-demand","phase":"init","runtimeVersion":"python:3.13.v40","runtimeVersionArn":"arn:aws:lambda:ap-southeast-2::runtime:00ff","functionName":"Order-Worker","functionVersion":"14","instanceId":"2026/03/04/[14]00aa","instanceMaxMemory":536870912}}"#;
const X01: &str = r#"{"time":"2026-03-04T05:06:07.890Z","type":"platform.initReport","record":{"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":402.5}}}"#;
const START: &str = r#"{"time":"2026-03-04T05:06:07.890Z","type":"platform.start","record":{"requestId":"c0ffee00-1111-4222-8333-944455556666","version":"14"}}"#;
const X02: &str = r#"{"time":"2026-03-04T05:06:07.890Z","type":"platform.runtimeDone","record":{"requestId":"c0ffee00-1111-4222-8333-944455556666","status":"success","spans":[{"name":"responseLatency","start":"2026-03-04T05:06:07.850Z","durationMs":38.9},{"name":"responseDuration","start":"2026-03-04T05:06:07.889Z","durationMs":0.4}],"metrics":{"durationMs":41.2,"producedBytes":88}}}"#;
const X03: &str = r#"{"time":"2026-03-04T05:06:07.890Z","type":"platform.report","record":{"requestId":"c0ffee00-1111-4222-8333-944455556666","status":"success","metrics":{"durationMs":48.75,"billedDurationMs":49,"memorySizeMB":256,"maxMemoryUsedMB":91}}}"#;

/// An event of the common time.
fn event(kind: &str, record: &str) -> String {
    format!(r#"{{"time":"2026-03-04T05:06:07.890Z","type":"platform.{kind}","record":{record}}}"#)
}

fn report(metrics: &str, more: &str) -> String {
    event(
        "report",
        &format!(r#"{{"requestId":"r1","metrics":{metrics}{more}}}"#),
    )
}

#[derive(Default)]
struct Seen {
    values: BTreeMap<String, Vec<f64>>,
    tags: BTreeMap<String, Vec<String>>,
    times: Vec<Option<i64>>,
    logs: usize,
    complaints: usize,
}

impl Output for Seen {
    fn point(&mut self, point: &Point<'_>) {
        let name = point
            .name
            .trim_start_matches("aws.lambda.enhanced.")
            .to_owned();
        self.values
            .entry(name.clone())
            .or_default()
            .push(point.value);
        let mut tags: Vec<String> = point.tags.iter().map(|tag| (*tag).to_owned()).collect();
        tags.sort_unstable();
        self.tags.insert(name, tags);
        self.times.push(point.unix_s);
    }

    fn log(&mut self, _: &Log<'_>) {
        self.logs += 1;
    }

    fn complain(&mut self, _: u64, _: Complaint<'_>) {
        self.complaints += 1;
    }
}

fn config() -> Config {
    let mut config = Config::default();
    config.account_id = Some("445566778899".to_owned());
    config.architecture = Architecture::Arm64;
    config.env = Some("stg".to_owned());
    config.prices.decimals = Some(12);
    config
}

fn run_with(config: Config, text: &str) -> Seen {
    let (mut forwarder, mut seen) = (Forwarder::new(config), Seen::default());
    let mut functions = NoFunctions;
    let mut shop = Workshop {
        forwarder: &mut forwarder,
        functions: &mut functions,
        output: &mut seen,
    };
    let mut reader = Reader::new(Format::Telemetry, Defaults::default());
    reader.push(text.as_bytes(), &mut shop);
    reader.finish(&mut shop);
    assert!(forwarder.account().balances());
    seen
}

fn run(events: &[&str]) -> Seen {
    run_with(config(), &format!("[{}]", events.join(",")))
}

fn check(id: &str, seen: &Seen, expected: &[(&str, f64)]) {
    let names: Vec<_> = seen.values.keys().collect();
    for (name, value) in expected {
        let values = seen.values.get(*name);
        let [found] = values.map(Vec::as_slice).unwrap_or_default() else {
            panic!("{id}: {name} once, found {values:?} among {names:?}")
        };
        assert!(
            (found - value).abs() <= value.abs() * 1e-9,
            "{id}: {name} {found}"
        );
    }
    assert_eq!(seen.values.len(), expected.len(), "{id}: {names:?}");
    assert!(
        seen.times.iter().all(|time| *time == Some(1_772_600_767)),
        "{id}"
    );
}

const X03_POINTS: [(&str, f64); 5] = [
    ("duration", 0.04875),
    ("billed_duration", 0.049),
    ("max_memory_used", 91.0),
    ("memorysize", 256.0),
    ("estimated_cost", 3.63334e-07),
];

#[test]
fn tags_of_a_sandbox() {
    let seen = run(&[INIT, X01, START, X02]);
    let mut expected = [
        "function_arn:arn:aws:lambda:ap-southeast-2:445566778899:function:order-worker",
        "region:ap-southeast-2",
        "account_id:445566778899",
        "aws_account:445566778899",
        "functionname:Order-Worker",
        "resource:Order-Worker:14",
        "executedversion:14",
        "memorysize:512",
        "architecture:arm64",
        "env:stg",
        "init_type:on-demand",
        "cold_start:true",
        "runtime:python3.13",
    ];
    expected.sort_unstable();
    for name in ["init_duration", "runtime_duration", "produced_bytes"] {
        assert_eq!(seen.tags[name], expected, "{name}");
    }
}

#[test]
fn initialisation_runtime_and_report() {
    check("X01", &run(&[INIT, X01]), &[("init_duration", 0.4025)]);
    let x02 = [
        ("runtime_duration", 41.2),
        ("produced_bytes", 88.0),
        // The extension knows these names and never sends them.
        ("response_latency", 38.9),
        ("response_duration", 0.4),
    ];
    check("X02", &run(&[INIT, START, X02]), &x02);
    let x03 = [&x02[..], &X03_POINTS, &[("post_runtime_duration", 7.55)]].concat();
    check("X03", &run(&[INIT, START, X02, X03]), &x03);
    let x04 = X03.replace(
        "\"maxMemoryUsedMB\":91",
        "\"maxMemoryUsedMB\":91,\"initDurationMs\":402.5",
    );
    let with_init = [&X03_POINTS[..], &[("init_duration", 0.4025)]].concat();
    check("X04", &run(&[INIT, &x04]), &with_init);
    check("X05", &run(&[INIT, X01, &x04]), &with_init);
}

#[test]
fn failures_are_counted_once() {
    let done = |rest: &str| event("runtimeDone", &format!(r#"{{"requestId":"r1",{rest}}}"#));
    let x06 = done(r#""status":"timeout","metrics":{"durationMs":3000.1}"#);
    check(
        "X06",
        &run(&[INIT, &x06]),
        &[
            ("runtime_duration", 3000.1),
            ("errors", 1.0),
            ("timeouts", 1.0),
        ],
    );
    let x07 = done(
        r#""status":"error","errorType":"Runtime.OutOfMemory","metrics":{"durationMs":900.0}"#,
    );
    let full = report(
        r#"{"durationMs":901,"memorySizeMB":256,"maxMemoryUsedMB":256}"#,
        r#","status":"error""#,
    );
    let expected = [
        ("runtime_duration", 900.0),
        ("errors", 1.0),
        ("out_of_memory", 1.0),
        ("duration", 0.901),
        ("memorysize", 256.0),
        ("max_memory_used", 256.0),
        ("post_runtime_duration", 1.0),
    ];
    check("X07", &run(&[INIT, &x07, &full]), &expected);
    let words = r#"{"time":"2026-03-04T05:06:07.890Z","type":"function","record":"java.lang.OutOfMemoryError: Java heap space"}"#;
    let start = event("start", r#"{"requestId":"r1"}"#);
    check("X10", &run(&[INIT, &start, words, &x07, &full]), &expected);
    let x11 = done(r#""status":"failure","metrics":{"durationMs":5.0}"#);
    check(
        "X11",
        &run(&[INIT, &x11]),
        &[("runtime_duration", 5.0), ("errors", 1.0)],
    );
    check(
        "X12",
        &run(&[INIT, &done(r#""status":"error""#)]),
        &[("errors", 1.0)],
    );
}

#[test]
fn memory_that_is_full_says_so_only_of_a_failure() {
    let metrics = r#"{"durationMs":180000.0,"billedDurationMs":180000,"memorySizeMB":192,"maxMemoryUsedMB":192}"#;
    let x08 = run(&[INIT, &report(metrics, r#","status":"timeout""#)]);
    assert_eq!(
        (
            &x08.values["duration"][..],
            &x08.values["out_of_memory"][..]
        ),
        (&[180.0][..], &[1.0][..])
    );
    let healthy = run(&[INIT, &report(metrics, r#","status":"success""#)]);
    let x09 = run(&[
        INIT,
        &report(
            &metrics.replace("UsedMB\":192", "UsedMB\":191"),
            r#","status":"timeout""#,
        ),
    ]);
    for seen in [healthy, x09] {
        assert!(!seen.values.contains_key("out_of_memory"));
    }
}

#[test]
fn restores() {
    let x13 = event(
        "restoreReport",
        r#"{"status":"success","metrics":{"durationMs":150.25}}"#,
    );
    check(
        "X13",
        &run(&[&x13]),
        &[("snapstart_restore_duration", 0.15025)],
    );
    check(
        "X14",
        &run(&[&event("restoreReport", r#"{"status":"failure"}"#)]),
        &[],
    );
}

#[test]
fn managed_instances_have_a_duration_only() {
    let x15 = report(
        r#"{"durationMs":3.75}"#,
        r#","status":"success","spans":[{"name":"responseLatency","start":"x","durationMs":2.5}]"#,
    );
    check(
        "X15",
        &run(&[&x15]),
        &[("duration", 0.00375), ("runtime_duration", 2.5)],
    );
    let init = INIT.replace("on-demand", "lambda-managed-instances");
    let seen = run(&[&init, START]);
    check("invocations", &seen, &[("invocations", 1.0)]);
}

#[test]
fn one_odd_event_costs_itself_only() {
    let x16 = X03.replace("\"billedDurationMs\":49", "\"billedDurationMs\":49.0");
    check("X16", &run(&[INIT, &x16]), &X03_POINTS);
    let x02 = [
        ("runtime_duration", 41.2),
        ("produced_bytes", 88.0),
        ("response_latency", 38.9),
        ("response_duration", 0.4),
    ];
    let brand_new = event("brandNew", "{}");
    check("X17", &run(&[INIT, START, X02, &brand_new]), &x02);
    let snap = X01.replace("\"phase\":\"init\"", "\"phase\":\"snap-start\"");
    let both = [&x02[..], &[("init_duration", 0.4025)]].concat();
    check("X18", &run(&[INIT, START, X02, &snap]), &both);
    let text = format!(
        "{INIT}\n{START}\n{X02}\n{{\"time\":\"2026-03-04T05:06:07.890Z\",\"type\":\"plat\n{X01}\n"
    );
    let seen = run_with(config(), &text);
    check("cut", &seen, &both);
    assert_eq!(seen.complaints, 1);
}

#[test]
fn costs_of_both_architectures() {
    for (id, metrics, arm64, x86_64) in [
        (
            "X19",
            r#"{"durationMs":1,"billedDurationMs":588,"memorySizeMB":1024}"#,
            8.040039e-06,
            1.000_002_0e-05,
        ),
        (
            "X20",
            r#"{"durationMs":1,"billedDurationMs":15000,"memorySizeMB":192}"#,
            3.7700188e-05,
            4.7075094e-05,
        ),
    ] {
        for (architecture, expected) in
            [(Architecture::Arm64, arm64), (Architecture::X86_64, x86_64)]
        {
            let mut config = config();
            config.architecture = architecture;
            let seen = run_with(config, &report(metrics, ""));
            let cost = seen.values["estimated_cost"][0];
            assert!((cost - expected).abs() <= expected * 1e-9, "{id}: {cost}");
        }
    }
}

#[test]
fn invocations_and_shutdowns_of_the_extensions_api() {
    let shutdown =
        r#"{"eventType":"SHUTDOWN","shutdownReason":"spindown","time":"2026-03-04T05:06:07.890Z"}"#;
    let x26 = run(&[INIT, shutdown]);
    check("X26", &x26, &[("shutdowns", 1.0), ("unused_init", 1.0)]);
    assert!(
        x26.tags["shutdowns"]
            .iter()
            .all(|tag| !tag.starts_with("cold_start"))
    );
    // 10,001 ms after the sandbox began, and exactly 10,000.
    for (time, proactive) in [("17.101", true), ("17.100", false)] {
        let invoke = format!(
            r#"{{"eventType":"INVOKE","requestId":"r1","time":"2026-03-04T05:06:{time}Z"}}"#
        );
        let seen = run_with(config(), &format!("{INIT}\n{invoke}"));
        assert_eq!(seen.values["invocations"], [1.0]);
        let tags = &seen.tags["invocations"];
        assert_eq!(
            tags.iter()
                .any(|tag| tag == "proactive_initialization:true"),
            proactive
        );
        assert!(
            tags.contains(&format!("cold_start:{}", !proactive)),
            "{tags:?}"
        );
    }
}

#[test]
fn nothing_is_made_when_enhanced_metrics_are_off() {
    let mut config = config();
    config.enhanced = false;
    let seen = run_with(config, &[INIT, X01, START, X02, X03].join("\n"));
    check("X28", &seen, &[]);
    assert_eq!(seen.logs, 5);
}

#[test]
fn a_durable_function_says_so() {
    let init = INIT.replace("python:3.13.v40", "python:3.14.DurableFunction.v6");
    let seen = run(&[&init, START, X02]);
    assert!(seen.tags["runtime_duration"].contains(&"durable_function:true".to_owned()));
}

#[test]
fn formats_are_told_from_the_beginning() {
    for (head, format) in [
        (INIT, Format::Telemetry),
        (&format!(" [\n{INIT}"), Format::Telemetry),
        (r#"{"awslogs":{"data":"H4sI"#, Format::CloudWatch),
        (
            r#"[{"messageType":"DATA_MESSAGE","logEvents":[]}]"#,
            Format::CloudWatch,
        ),
        (
            r#"{"Records":[{"kinesis":{"data":""}}]}"#,
            Format::CloudWatch,
        ),
        (
            r#"{"records":[{"recordId":"1","data":""}]}"#,
            Format::CloudWatch,
        ),
        ("[ERROR] MemoryError\n", Format::Lines),
        ("START RequestId: x", Format::Lines),
        (r#"{"m":"a","v":1,"e":1,"t":[]}"#, Format::Lines),
        ("", Format::Lines),
    ] {
        assert_eq!(detect(head.as_bytes(), true), Some(format), "{head}");
        // A few bytes are too few to tell JSON by, and never tell something else.
        let early = detect(&head.as_bytes()[..head.len().min(4)], false);
        assert!(early.is_none() || early == Some(format), "{head}");
    }
}

/// The same as a function's log.
fn run_lines(lines: &[&str]) -> Seen {
    let (mut forwarder, mut seen) = (Forwarder::new(config()), Seen::default());
    let mut shop = Workshop {
        forwarder: &mut forwarder,
        functions: &mut NoFunctions,
        output: &mut seen,
    };
    let defaults = Defaults {
        log_group: "/aws/lambda/order-worker".to_owned(),
        ..Defaults::default()
    };
    let mut reader = Reader::new(Format::Lines, defaults);
    reader.push(lines.join("\n").as_bytes(), &mut shop);
    reader.finish(&mut shop);
    assert!(forwarder.account().balances());
    seen
}

fn count(seen: &Seen, name: &str) -> usize {
    seen.values.get(name).map_or(0, Vec::len)
}

#[test]
fn a_runtime_that_ended_well_is_believed_over_its_report() {
    let done = |status: &str| {
        event(
            "runtimeDone",
            &format!(r#"{{"requestId":"r1","status":"{status}"}}"#),
        )
    };
    for (status, told, errors, timeouts) in [
        ("success", "error", 0, 0),
        ("success", "timeout", 0, 0),
        ("error", "error", 1, 0),
        ("timeout", "timeout", 1, 1),
    ] {
        let report = report(r#"{"durationMs":1}"#, &format!(r#","status":"{told}""#));
        let seen = run(&[&done(status), &report]);
        let found = (count(&seen, "errors"), count(&seen, "timeouts"));
        assert_eq!(found, (errors, timeouts), "{status}, {told}");
        // Without a word of the runtime, the report's is taken.
        let seen = run(&[&report]);
        assert_eq!(count(&seen, "errors"), 1, "{told}");
    }
}

#[test]
fn an_initialisation_is_unused_only_if_nobody_called() {
    let invoke = r#"{"eventType":"INVOKE","requestId":"r1"}"#;
    let shutdown = r#"{"eventType":"SHUTDOWN","shutdownReason":"spindown"}"#;
    for (events, unused) in [
        (&[INIT, shutdown][..], 1),
        (&[INIT, invoke, shutdown], 0),
        (&[INIT, START, shutdown], 0),
    ] {
        let seen = run(events);
        assert_eq!(
            (count(&seen, "shutdowns"), count(&seen, "unused_init")),
            (1, unused),
            "{events:?}"
        );
    }
}

const OUT_OF_MEMORY: &str = "REPORT RequestId: 6f1b1e0a-0000-4000-8000-000000000001\tDuration: 900.00 ms\t\
    Billed Duration: 900 ms\tMemory Size: 256 MB\tMax Memory Used: 256 MB\tStatus: error\t\
    Error Type: Runtime.OutOfMemory";

#[test]
fn a_want_of_memory_told_without_an_id_and_again_with_one_counts_once() {
    let trace = "MemoryError: Unable to allocate 9 GiB";
    assert_eq!(count(&run_lines(&[trace]), "out_of_memory"), 1);
    assert_eq!(count(&run_lines(&[OUT_OF_MEMORY]), "out_of_memory"), 1);
    let seen = run_lines(&[trace, OUT_OF_MEMORY]);
    assert_eq!(count(&seen, "out_of_memory"), 1);
    // The next invocation's is another one.
    let next = OUT_OF_MEMORY.replace("0001", "0002");
    assert_eq!(
        count(&run_lines(&[trace, OUT_OF_MEMORY, &next]), "out_of_memory"),
        2
    );
}

#[test]
fn a_restore_told_by_its_own_line_and_by_the_report_counts_once() {
    let restore = "RESTORE_REPORT Restore Duration: 150.25 ms";
    let report = "REPORT RequestId: 6f1b1e0a-0000-4000-8000-000000000003\tDuration: 9.00 ms\t\
        Billed Duration: 10 ms\tMemory Size: 256 MB\tMax Memory Used: 90 MB\t\
        Restore Duration: 150.25 ms\tBilled Restore Duration: 151 ms";
    for lines in [&[restore][..], &[report], &[restore, report]] {
        let seen = run_lines(lines);
        let expected = vec![0.15025];
        assert_eq!(
            seen.values["snapstart_restore_duration"], expected,
            "{lines:?}"
        );
    }
    // Two sandboxes, two restores.
    let seen = run_lines(&[restore, report, restore, report]);
    assert_eq!(count(&seen, "snapstart_restore_duration"), 2);
}
