//! Each mode, from the call to the bytes.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pointmill::RecordError;
use pointmill_lambda::{Lambda, Language, Mode, PointError};
use pointmill_wire::{DecodeLimits, decompress, distribution_points, log_line, sketch_payload};

use crate::support::{
    AMPLE, Server, StillClock, datagram, read_log, source, with_extension, with_log, with_log_still,
};

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64
}

#[test]
fn log_mode_writes_every_value_with_its_second() {
    let (lambda, mut log) = with_log(&source(Language::Ruby, &[]));
    assert_eq!(lambda.mode(), Mode::Log);
    lambda
        .metric_at(&["m1", "t.b:v2"], 100.0, Some(1_215_508_200))
        .unwrap();
    lambda
        .metric_at(&["m1", "t.b:v2"], 0.1 + 0.2, Some(5))
        .unwrap();
    let held = lambda.context(&["m1", "t.b:v2"]).unwrap();
    lambda.record_at(held, 7.0, -1).unwrap();
    let before = now();
    lambda.record(held, 8.0).unwrap();
    lambda.flush(AMPLE).unwrap();
    let text = read_log(&mut log);
    let lines: Vec<&str> = text.lines().collect();
    let tags = r#""t":["dd_lambda_layer:layer","t.b:v2"]}"#;
    assert_eq!(
        lines[0],
        format!(r#"{{"m":"m1","v":100,"e":1215508200,{tags}"#)
    );
    assert_eq!(
        lines[1],
        format!(r#"{{"m":"m1","v":0.30000000000000004,"e":5,{tags}"#)
    );
    assert_eq!(lines[2], format!(r#"{{"m":"m1","v":7,"e":-1,{tags}"#));
    let second = log_line::parse(lines[3].as_bytes()).unwrap().unix_s;
    assert!((before..=now()).contains(&second));
}

#[test]
fn extension_mode_sends_time_and_refuses_what_is_too_old() {
    let (lambda, socket, _) = with_extension(Language::Python);
    assert_eq!(lambda.mode(), Mode::Extension);
    let fresh = now() - 4 * 3600 + 60;
    lambda
        .metric_at(&["a.b", "k:é,x"], 9.0, Some(fresh))
        .unwrap();
    let old = lambda.metric_at(&["a.b"], 9.0, Some(now() - 4 * 3600 - 60));
    assert_eq!(old, Err(PointError::Refused(RecordError::TooOld)));
    lambda.metric_async(&["a.b"], 1.0, Some(fresh)).unwrap();
    lambda.flush(AMPLE).unwrap();
    assert_eq!(
        datagram(&socket),
        [
            format!("a.b:9|d|#k:é_x,dd_lambda_layer:layer|T{fresh}"),
            format!("a.b:1|d|#dd_lambda_layer:layer|T{fresh}")
        ]
    );
    let stats = lambda.stats();
    assert_eq!((stats.rejected_too_old, stats.accepted), (1, 2));
    assert!(stats.balances());
    let warnings = lambda.take_warnings(|_| true).unwrap();
    assert!(warnings.contains("four hours"), "{warnings}");
}

/// More than the receiver's queue holds usually is sent in portions, so that it can read meanwhile.
#[test]
fn a_burst_to_the_extension_goes_out_in_portions() {
    let (lambda, socket, _) = with_extension(Language::Node);
    // Here twice the usual, so that nothing depends on when the test's own thread gets its turn.
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 212_992).unwrap();
    for i in 0..3_000 {
        lambda
            .metric(&["burst", "zone:a", "shard:7"], f64::from(i))
            .unwrap();
    }
    let start = Instant::now();
    assert!(lambda.flush(AMPLE).unwrap().complete());
    let elapsed = start.elapsed();
    let (mut lines, mut datagrams) = (0, 0);
    while lines < 3_000 {
        lines += datagram(&socket).len();
        datagrams += 1;
    }
    assert_eq!(lines, 3_000);
    assert!(datagrams > 90, "{datagrams}");
    let pauses = (datagrams - 1) / 32;
    assert!(elapsed >= Duration::from_millis(pauses), "{elapsed:?}");
}

// Section 4.5, global tags: what the languages' own DogStatsD clients add of the environment.
#[test]
fn what_the_environment_says_is_on_every_point_to_the_extension() {
    let variables = [
        ("DD_ENTITY_ID", "e-1"),
        ("DD_ENV", "prod"),
        ("DD_SERVICE", "shop"),
        ("DD_VERSION", "2"),
        ("DD_TAGS", "team:x, blue"),
    ];
    let entity = "dd.internal.entity_id:e-1";
    for (language, tags) in [
        (Language::Python, "a:b,dd_lambda_layer:layer".to_owned()),
        (Language::Node, "a:b,dd_lambda_layer:layer".to_owned()),
        (
            Language::Go,
            format!("{entity},env:prod,service:shop,version:2,a:b,dd_lambda_layer:layer"),
        ),
        (
            Language::Ruby,
            format!(
                "team:x,blue,{entity},env:prod,service:shop,version:2,dd_lambda_layer:layer,a:b"
            ),
        ),
        (
            Language::Java,
            format!("version:2,env:prod,service:shop,{entity},a:b"),
        ),
    ] {
        let (_, socket, mut source) = with_extension(language);
        for (name, value) in variables {
            source.variable(name, value);
        }
        let lambda = Lambda::new(&source).unwrap();
        lambda.metric(&["m", "a:b"], 1.0).unwrap();
        lambda.flush(AMPLE).unwrap();
        let line = &datagram(&socket)[0];
        assert!(line.starts_with(&format!("m:1|d|#{tags}|T")), "{line}");
        // Enhanced points too.
        let token = lambda.begin(&pointmill_lambda::Invocation::default());
        let outcome = pointmill_lambda::Outcome {
            http_status: 500,
            ..Default::default()
        };
        lambda.end(token, &outcome).unwrap();
        lambda.flush(AMPLE).unwrap();
        let line = &datagram(&socket)[0];
        let has_entity = line.contains(entity);
        assert_eq!(has_entity, tags.contains(entity), "{line}");
    }
}

// Section 4.2: where SSM has no FIPS endpoint, commercial regions are told.
#[test]
fn ssm_without_a_fips_endpoint_is_said() {
    for (region, parameter, said) in [
        ("eu-west-1", "name", true),
        ("us-east-1", "name", false),
        ("us-gov-west-1", "name", false),
        ("eu-west-1", "", false),
    ] {
        let variables = [
            ("AWS_REGION", region),
            ("DD_API_KEY_SSM_NAME", parameter),
            ("DD_API_KEY", "k"),
            ("DD_LAMBDA_FIPS_MODE", "true"),
            ("POINTMILL_LAMBDA_MODE", "http"),
        ];
        let lambda = Lambda::new(&source(Language::Python, &variables)).unwrap();
        let warnings = lambda.take_warnings(|_| true).unwrap();
        assert_eq!(warnings.contains("SSM"), said, "{region}: {warnings}");
    }
}

// Exactly one flush call for each invocation of a local test.
#[test]
fn a_local_test_asks_the_extension_once_an_invocation() {
    for (local, expected) in [("true", 3), ("false", 0)] {
        let server = Server::start(|_| (200, "{}".to_owned()));
        let (_, socket, mut source) = with_extension(Language::Python);
        source.variable("DD_LOCAL_TEST", local);
        source.set("extension_url", &server.url).unwrap();
        let lambda = Lambda::new(&source).unwrap();
        for _ in 0..3 {
            let token = lambda.begin(&pointmill_lambda::Invocation::default());
            let budget = lambda
                .end(token, &pointmill_lambda::Outcome::default())
                .unwrap();
            lambda.flush(budget).unwrap();
        }
        let requests = server.requests();
        assert_eq!(requests.len(), expected);
        assert!(
            requests
                .iter()
                .all(|r| r.line.starts_with("POST /lambda/flush "))
        );
        drop(socket);
    }
}

fn http(server: &Server, extra: &[(&str, &str)]) -> pointmill_lambda::settings::Source {
    let mut variables = vec![
        ("DD_API_KEY", "k123"),
        ("DD_ENV", "prod"),
        ("DATADOG_TAGS", "team:x"),
    ];
    variables.extend_from_slice(extra);
    let mut source = source(Language::Python, &variables);
    source.set("url", &server.url).unwrap();
    source
}

#[test]
fn http_mode_aggregates_into_sketches_with_the_global_tags() {
    let server = Server::start(|_| (202, "{}".to_owned()));
    let (lambda, _log) = with_log_still(&http(&server, &[]));
    assert_eq!(lambda.mode(), Mode::Http);
    assert!(lambda.aggregates());
    for i in 1..=1000 {
        lambda.metric(&["m", "z:1", "y:2"], f64::from(i)).unwrap();
        lambda.metric(&["m", "y:2", "z:1"], f64::from(i)).unwrap();
    }
    lambda
        .metric_at(
            &["m", "z:1", "y:2"],
            5.0,
            Some(StillClock::UNIX_S - 100_000),
        )
        .unwrap();
    assert!(lambda.flush(AMPLE).unwrap().complete());
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("dd-api-key"), "k123");
    assert!(!requests[0].line.contains("k123"));
    let encoding = requests[0].header("content-encoding").to_owned();
    let body = decompress(&encoding, &requests[0].body, 1 << 20).unwrap();
    let payload = sketch_payload::decode(&body, &DecodeLimits::default()).unwrap();
    let snapshot = payload.to_snapshot(10);
    let mut counts = Vec::new();
    for i in 0..snapshot.len() {
        let entry = snapshot.get(i).unwrap();
        let tags: Vec<&str> = entry.tags().collect();
        assert_eq!(
            tags,
            ["dd_lambda_layer:layer", "env:prod", "team:x", "y:2", "z:1"]
        );
        counts.push(entry.sketch().unwrap().summary.count);
    }
    counts.sort_unstable();
    assert_eq!((counts.iter().sum::<u64>(), counts[0]), (2001, 1));
    assert!(lambda.stats().balances());
}

// What the intake refuses for now is sent again, together with what came meanwhile.
#[test]
fn distribution_points_on_request_keep_values_seconds_and_order_of_tags() {
    let open = Arc::new(AtomicBool::new(false));
    let is_open = Arc::clone(&open);
    let server = Server::start(move |_| {
        let status = if is_open.load(Ordering::Relaxed) {
            202
        } else {
            500
        };
        (status, "{}".to_owned())
    });
    let extra = [("POINTMILL_LAMBDA_FORMAT", "distribution_points")];
    let (lambda, _log) = with_log(&http(&server, &extra));
    lambda
        .metric_at(&["a.b", "z:1", "y:2"], 1.5, Some(1_700_000_003))
        .unwrap();
    let start = Instant::now();
    while !lambda.last_failure().contains("500") {
        assert!(start.elapsed() < AMPLE, "{}", lambda.last_failure());
        lambda.flush(Duration::from_millis(500)).unwrap();
    }
    lambda
        .metric_at(&["a.b", "y:2"], 3.0, Some(1_700_000_010))
        .unwrap();
    let refused = server.requests().len();
    open.store(true, Ordering::Relaxed);
    assert!(lambda.flush(AMPLE).unwrap().complete());
    assert_eq!(lambda.stats().accepted, 2);
    let (mut points, mut ids) = (Vec::new(), HashSet::new());
    for request in &server.requests()[refused..] {
        // What was given up before may be read only now: a receiver takes a batch once.
        if !ids.insert(request.header("dd-pointmill-batch").to_owned()) {
            continue;
        }
        assert!(
            request
                .line
                .starts_with("POST /api/v1/distribution_points ")
        );
        let body = decompress("deflate", &request.body, 1 << 20).unwrap();
        let payload = distribution_points::decode(&body, &DecodeLimits::default()).unwrap();
        for series in payload.series {
            points.push((
                series.tags.join(","),
                series.points[0].timestamp,
                series.points[0].values[0],
            ));
        }
    }
    points.sort_by(|a, b| a.2.total_cmp(&b.2));
    let constant = "dd_lambda_layer:layer,team:x,env:prod";
    assert_eq!(
        points,
        [
            (format!("z:1,y:2,{constant}"), 1_700_000_003, 1.5),
            (format!("y:2,{constant}"), 1_700_000_010, 3.0)
        ]
    );
}

#[test]
fn aggregated_lines_make_the_same_sketch_again() {
    let variables = [
        ("DD_FLUSH_TO_LOG", "true"),
        ("POINTMILL_LAMBDA_AGGREGATE", "true"),
    ];
    let (lambda, mut log) = with_log(&source(Language::Python, &variables));
    let mut sent = pointmill::sketch::Sketch::new();
    for i in 0..500 {
        let value = f64::from(i % 7) * 1.5;
        sent.insert(value).unwrap();
        lambda
            .metric_at(&["m", "k:v"], value, Some(1_700_000_000))
            .unwrap();
    }
    lambda.flush(AMPLE).unwrap();
    let mut received = pointmill::sketch::Sketch::new();
    for line in read_log(&mut log).lines() {
        let metric = log_line::parse(line.as_bytes()).unwrap();
        assert_eq!((&*metric.name, metric.unix_s), ("m", 1_700_000_000));
        assert_eq!(metric.tags, ["k:v", "dd_lambda_layer:layer"]);
        received.insert(metric.value).unwrap();
    }
    let profile = pointmill::sketch::Profile::U32;
    assert_eq!(received.bins(profile), sent.bins(profile));
    let (a, b) = (received.summary(), sent.summary());
    assert_eq!((a.count, a.min, a.max), (b.count, b.min, b.max));
}

#[test]
fn under_fips_rules_custom_points_are_counted_and_enhanced_ones_written() {
    let variables = [("AWS_REGION", "us-gov-west-1"), ("DD_API_KEY", "k")];
    let (lambda, mut log) = with_log(&source(Language::Node, &variables));
    assert_eq!(lambda.mode(), Mode::Disabled);
    lambda.metric(&["m"], 1.0).unwrap();
    lambda.metric_async(&["stream.type"], 1.0, None).unwrap();
    let token = lambda.begin(&pointmill_lambda::Invocation::default());
    let budget = lambda
        .end(token, &pointmill_lambda::Outcome::default())
        .unwrap();
    lambda.flush(budget).unwrap();
    let text = read_log(&mut log);
    assert_eq!(text.lines().count(), 2, "{text}");
    let stats = lambda.stats();
    assert_eq!((stats.dropped_disabled, stats.accepted), (1, 2));
    assert!(stats.balances());
    assert!(
        lambda
            .take_warnings(|_| true)
            .unwrap()
            .contains("DD_LAMBDA_FIPS_MODE")
    );
}

#[test]
fn a_bad_value_never_spoils_a_batch() {
    let server = Server::start(|_| (202, "{}".to_owned()));
    for extra in [
        &[][..],
        &[("POINTMILL_LAMBDA_FORMAT", "distribution_points")],
        &[("DD_FLUSH_TO_LOG", "1")],
    ] {
        let (lambda, _log) = with_log(&http(&server, extra));
        for value in [f64::NAN, 1.0, f64::INFINITY, 2.0, f64::NEG_INFINITY] {
            let outcome = lambda.metric(&["m"], value);
            assert_eq!(outcome.is_ok(), value.is_finite());
            let held = lambda.context(&["m"]).unwrap();
            assert_eq!(lambda.record(held, value).is_ok(), value.is_finite());
        }
        assert!(lambda.metric(&["", "tag"], 1.0).is_err());
        assert!(lambda.metric(&[&"n".repeat(10_000)], 1.0).is_err());
        assert!(lambda.metric::<&str>(&[], 1.0).is_err());
        assert!(lambda.flush(AMPLE).unwrap().complete());
        let stats = lambda.stats();
        assert_eq!(stats.accepted, 4);
        assert_eq!(
            (stats.rejected_not_finite, stats.rejected_invalid_name),
            (6, 3)
        );
        assert!(stats.balances());
    }
}
