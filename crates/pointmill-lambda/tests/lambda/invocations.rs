//! Enhanced metrics, several invocations at once, deadlines.

use std::time::{Duration, Instant};

use pointmill_deliver::Clock;
use pointmill_lambda::{Invocation, Language, Outcome};
use pointmill_wire::log_line;

use crate::support::{
    AMPLE, ARN, EarlyClock, Server, datagram, read_log, source, with_extension, with_log,
    with_log_early,
};

fn invocation(arn: &str) -> Invocation<'_> {
    Invocation {
        invoked_function_arn: arn,
        function_name: "my-fn",
        memory_mb: 128,
        ..Invocation::default()
    }
}

/// Name, value and tags of every line.
fn metrics(text: &str) -> Vec<(String, f64, Vec<String>)> {
    text.lines()
        .map(|line| {
            let metric = log_line::parse(line.as_bytes()).unwrap();
            let tags = metric.tags.iter().map(|tag| tag.to_string()).collect();
            (
                metric.name.replace("aws.lambda.enhanced.", ""),
                metric.value,
                tags,
            )
        })
        .collect()
}

fn names(text: &str) -> Vec<(String, f64)> {
    metrics(text).into_iter().map(|(n, v, _)| (n, v)).collect()
}

fn unix_ms(clock: &EarlyClock) -> i64 {
    clock.unix_ms() as i64
}

// One error at most, whatever says so.
#[test]
fn what_an_invocation_emits() {
    let (lambda, mut log) = with_log(&source(Language::Python, &[("DD_FLUSH_TO_LOG", "true")]));
    let mut run = |outcome: Outcome| {
        let token = lambda.begin(&invocation(ARN));
        let budget = lambda.end(token, &outcome).unwrap();
        assert!(lambda.flush(budget).unwrap().complete());
        names(&read_log(&mut log))
    };
    let found = |names: &[(&str, f64)]| -> Vec<(String, f64)> {
        names.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect()
    };
    let ok = Outcome::default();
    assert_eq!(run(ok), found(&[("invocations", 1.0)]));
    let error = Outcome { error: true, ..ok };
    assert_eq!(run(error), found(&[("invocations", 1.0), ("errors", 1.0)]));
    let both = Outcome {
        http_status: 502,
        ..error
    };
    assert_eq!(run(both), found(&[("invocations", 1.0), ("errors", 1.0)]));
    let answered = Outcome {
        http_status: 503,
        ..ok
    };
    assert_eq!(
        run(answered),
        found(&[("invocations", 1.0), ("errors", 1.0)])
    );
    for http_status in [200, 404, 499, 600] {
        let fine = Outcome { http_status, ..ok };
        assert_eq!(run(fine), found(&[("invocations", 1.0)]), "{http_status}");
    }
    let batch = Outcome {
        batch_item_failures: Some(3),
        time_to_first_byte_ms: Some(12.5),
        ..ok
    };
    let expected = [
        ("invocations", 1.0),
        ("batch_item_failures", 3.0),
        ("time_to_first_byte", 12.5),
    ];
    assert_eq!(run(batch), found(&expected));
    let none = Outcome {
        batch_item_failures: Some(0),
        ..ok
    };
    assert_eq!(
        run(none),
        found(&[("invocations", 1.0), ("batch_item_failures", 0.0)])
    );
    assert!(lambda.stats().balances());
}

#[test]
fn without_enhanced_metrics_there_are_none() {
    let variables = [
        ("DD_FLUSH_TO_LOG", "true"),
        ("DD_ENHANCED_METRICS", "false"),
    ];
    let (lambda, mut log) = with_log(&source(Language::Node, &variables));
    let token = lambda.begin(&invocation(ARN));
    let outcome = Outcome {
        error: true,
        batch_item_failures: Some(1),
        time_to_first_byte_ms: Some(1.0),
        ..Outcome::default()
    };
    assert_eq!(lambda.end(token, &outcome), Ok(Duration::ZERO));
    lambda.metric(&["last"], 1.0).unwrap();
    lambda.flush(AMPLE).unwrap();
    assert_eq!(names(&read_log(&mut log)), [("last".to_owned(), 1.0)]);
}

#[test]
fn interleaved_invocations_keep_their_own_tags() {
    let (lambda, mut log) = with_log(&source(Language::Python, &[("DD_FLUSH_TO_LOG", "true")]));
    let arns: Vec<String> = (0..4).map(|i| format!("{ARN}:alias{i}")).collect();
    let tokens: Vec<_> = arns
        .iter()
        .map(|arn| lambda.begin(&invocation(arn)))
        .collect();
    for i in [2, 0, 3, 1] {
        let outcome = Outcome {
            error: i % 2 == 0,
            batch_item_failures: Some(i as u64),
            ..Outcome::default()
        };
        lambda.end(tokens[i], &outcome).unwrap();
        assert!(lambda.end(tokens[i], &outcome).is_err(), "ended twice");
    }
    lambda.flush(AMPLE).unwrap();
    let metrics = metrics(&read_log(&mut log));
    assert_eq!(metrics.len(), 4 + 2 + 4);
    for (name, value, tags) in &metrics {
        let resource = tags
            .iter()
            .find(|tag| tag.starts_with("resource:"))
            .unwrap();
        let i: usize = resource
            .trim_start_matches("resource:my-fn:alias")
            .parse()
            .unwrap();
        assert_eq!(
            tags.contains(&"cold_start:true".to_owned()),
            i == 0,
            "{name} {tags:?}"
        );
        match name.as_str() {
            "batch_item_failures" => assert_eq!(*value, i as f64),
            "errors" => assert_eq!(i % 2, 0),
            other => assert_eq!(other, "invocations"),
        }
    }
    let stats = lambda.stats();
    assert_eq!((stats.invocations, stats.invocations_open), (4, 0));
}

/// The extension counts invocations and what handlers raise; a 5xx answer only we see.
#[test]
fn beside_the_extension_nothing_is_counted_twice() {
    let (lambda, socket, _) = with_extension(Language::Node);
    for (error, http_status) in [(true, 0), (true, 502), (false, 500)] {
        let token = lambda.begin(&invocation(ARN));
        let outcome = Outcome {
            error,
            http_status,
            ..Outcome::default()
        };
        let budget = lambda.end(token, &outcome).unwrap();
        lambda.flush(budget).unwrap();
    }
    lambda.metric(&["last"], 1.0).unwrap();
    lambda.flush(AMPLE).unwrap();
    let errors = datagram(&socket);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("aws.lambda.enhanced.errors:1|d|#region:us-east-1,account_id:"));
    assert!(datagram(&socket)[0].starts_with("last:1|d|#dd_lambda_layer:layer|T"));
}

#[test]
fn points_outside_an_invocation_are_kept_and_a_module_that_fails_is_reported() {
    let (lambda, mut log) = with_log(&source(Language::Python, &[("DD_FLUSH_TO_LOG", "true")]));
    lambda.metric(&["before"], 1.0).unwrap();
    let failed = Invocation {
        not_counted: true,
        ..Invocation::default()
    };
    let token = lambda.begin(&failed);
    let error = Outcome {
        error: true,
        ..Outcome::default()
    };
    let budget = lambda.end(token, &error).unwrap();
    lambda.flush(budget).unwrap();
    lambda.metric(&["after"], 1.0).unwrap();
    lambda.close(AMPLE);
    let text = read_log(&mut log);
    let found: Vec<String> = names(&text).into_iter().map(|(name, _)| name).collect();
    assert_eq!(found, ["before", "errors", "after"]);
    assert_eq!(
        metrics(&text)[1].2,
        ["cold_start:true", "dd_lambda_layer:layer"]
    );
}

/// A handler that is stuck: its points are out before the platform ends it.
#[test]
fn points_go_out_before_a_deadline() {
    let mut source = source(Language::Go, &[("DD_FLUSH_TO_LOG", "true")]);
    source.set("deadline_guard_ms", "6000").unwrap();
    let (lambda, mut log, clock) = with_log_early(&source);
    let deadline = unix_ms(&clock) + 8_000;
    let _token = lambda.begin(&Invocation {
        deadline_unix_ms: deadline,
        ..invocation(ARN)
    });
    lambda.metric(&["stuck"], 1.0).unwrap();
    let text = read_log(&mut log);
    assert!(unix_ms(&clock) < deadline, "too late");
    assert!(names(&text).contains(&("stuck".to_owned(), 1.0)));
    assert_eq!(lambda.stats().deadline_flushes, 1);
}

#[test]
fn without_the_thread_the_wrapper_is_told_when_a_flush_is_due() {
    let variables = [("DD_FLUSH_TO_LOG", "true"), ("DD_FLUSH_IN_THREAD", "false")];
    let (lambda, _log, clock) = with_log_early(&source(Language::Go, &variables));
    let soon = Invocation {
        deadline_unix_ms: unix_ms(&clock) + 60_000,
        ..invocation(ARN)
    };
    let _token = lambda.begin(&soon);
    assert_eq!(lambda.flush_due(), Duration::ZERO);
    let near = Invocation {
        deadline_unix_ms: unix_ms(&clock) + 125,
        ..invocation(ARN)
    };
    let _token = lambda.begin(&near);
    assert!(lambda.flush_due() > Duration::ZERO);
    assert_eq!(lambda.flush_due(), Duration::ZERO, "told once");
}

/// The flush keeps within the budget although the intake never answers, and nothing is lost.
#[test]
fn a_hanging_intake_costs_no_more_than_the_budget() {
    let server = Server::start(|_| {
        std::thread::sleep(Duration::from_secs(600));
        (202, String::new())
    });
    let mut source = source(
        Language::Python,
        &[("DD_API_KEY", "k"), ("DD_FLUSH_IN_THREAD", "0")],
    );
    source.set("url", &server.url).unwrap();
    let (lambda, _log, clock) = with_log_early(&source);
    let soon = Invocation {
        deadline_unix_ms: unix_ms(&clock) + 3_100,
        ..invocation(ARN)
    };
    let token = lambda.begin(&soon);
    lambda.metric(&["m", "t:1"], 1.0).unwrap();
    let budget = lambda.end(token, &Outcome::default()).unwrap();
    assert!(budget <= Duration::from_secs(3) && budget > Duration::from_millis(100));
    let started = Instant::now();
    let flushed = lambda.flush(budget).unwrap();
    assert!(started.elapsed() < AMPLE);
    assert_eq!(flushed.waiting, 1);
    let stats = lambda.stats();
    assert_eq!((stats.queued, stats.flush_failures), (1, 1));
    assert!(stats.balances());
    assert!(
        lambda.last_failure().contains("/api/beta/sketches"),
        "{}",
        lambda.last_failure()
    );
}

#[test]
fn what_the_sandbox_used_is_emitted_on_request_and_without_an_extension() {
    let wanted = ("POINTMILL_LAMBDA_PROCESS_METRICS", "true");
    for (variables, emitted) in [
        (&[wanted][..], true),
        (&[("DD_LAMBDA_PROC_ENHANCED_METRICS", "true")], true),
        (&[wanted, ("DD_ENHANCED_METRICS", "false")], false),
        (&[], false),
    ] {
        let log = ("DD_FLUSH_TO_LOG", "true");
        let (lambda, mut log) =
            with_log(&source(Language::Python, &[&[log][..], variables].concat()));
        let token = lambda.begin(&invocation(ARN));
        lambda.end(token, &Outcome::default()).unwrap();
        lambda.metric(&["last"], 1.0).unwrap();
        lambda.flush(AMPLE).unwrap();
        let found = metrics(&read_log(&mut log));
        // What a test's machine has at least; a network interface of Lambda's it has not.
        for name in [
            "cpu_total_time",
            "fd_use",
            "fd_max",
            "threads_use",
            "threads_max",
        ] {
            let of_name: Vec<_> = found.iter().filter(|(n, ..)| n == name).collect();
            assert_eq!(of_name.len(), usize::from(emitted), "{name}: {found:?}");
            let tagged = of_name
                .iter()
                .all(|(_, _, tags)| tags.contains(&"functionname:my-fn".to_owned()));
            assert!(tagged, "{found:?}");
        }
    }
    let (_, socket, mut source) = with_extension(Language::Python);
    source.variable(wanted.0, wanted.1);
    let lambda = pointmill_lambda::Lambda::new(&source).unwrap();
    let token = lambda.begin(&invocation(ARN));
    lambda.end(token, &Outcome::default()).unwrap();
    lambda.metric(&["last"], 1.0).unwrap();
    lambda.flush(AMPLE).unwrap();
    assert_eq!(datagram(&socket).len(), 1, "the extension makes them");
}
