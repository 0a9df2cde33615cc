//! Every route in every encoding, what is refused and how, keys, duplicates.

use std::io::Write;

use pointmill_wire::series_v2::{Point, Series, SeriesPayload, SeriesType};

use crate::support::*;

type Headers<'h> = &'h [(&'h str, &'h str)];

const PROTOBUF: (&str, &str) = ("Content-Type", "application/x-protobuf");

fn packed(encoding: &str, body: &[u8]) -> Vec<u8> {
    match encoding {
        "zstd" | "zstd1" => zstd::bulk::compress(body, 1).unwrap(),
        "deflate" => {
            let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(body).unwrap();
            out.finish().unwrap()
        }
        "gzip" => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(body).unwrap();
            out.finish().unwrap()
        }
        _ => body.to_vec(),
    }
}

#[test]
fn every_route_takes_every_encoding() {
    let intake = start();
    let series = SeriesPayload {
        series: vec![Series {
            metric: "v2.protobuf".to_owned(),
            series_type: SeriesType::Rate,
            interval: 10,
            points: vec![Point {
                timestamp: 1_700_000_003,
                value: 1.5,
            }],
            tags: vec!["k:v".to_owned()],
            unit: "byte".to_owned(),
            ..Series::default()
        }],
    };
    let json = br#"{"series":[{"metric":"v2.json","type":1,"points":[{"timestamp":1700000003,"value":2}],"resources":[{"type":"host","name":"h"}]}]}"#;
    let v1 =
        br#"{"series":[{"metric":"v1","type":"gauge","points":[[1700000003,7]],"tags":["k:v"]}]}"#;
    let points = br#"{"series":[{"metric":"points","points":[[1700000003,[1,2,3]]],"host":"h","tags":["k:v"]}]}"#;
    let sketches = payload(vec![message(
        "sketch",
        &["k:v"],
        vec![dog(1_700_000_003, &[1.0, 2.0, 3.0])],
    )]);
    let routes: [(&str, Headers<'_>, &[u8]); 5] = [
        ("/api/beta/sketches", &[PROTOBUF], &sketches),
        ("/api/v1/distribution_points", &[], points),
        ("/api/v1/series", &[], v1),
        ("/api/v2/series", &[], json),
        ("/api/v2/series", &[PROTOBUF], &series.encode_protobuf()),
    ];
    for encoding in ["", "zstd", "zstd1", "deflate", "gzip"] {
        for (path, headers, body) in routes {
            let mut headers = headers.to_vec();
            if !encoding.is_empty() {
                headers.push(("Content-Encoding", encoding));
            }
            let answer = post(&intake, path, &headers, &packed(encoding, body));
            assert_eq!(answer.status, 202, "{path} {encoding}: {}", answer.body);
            let ok = if path.starts_with("/api/v1") {
                r#"{"status":"ok"}"#
            } else {
                r#"{"errors":[]}"#
            };
            assert_eq!(answer.body, ok, "{path}");
        }
    }
    // Five of each: sketches merge, counts and rates add, the last gauge stands.
    let all = [
        ("sketch", "count", 15.0),
        ("sketch", "sum", 30.0),
        ("points", "count", 15.0),
        ("points", "max", 3.0),
        ("v1", "last", 7.0),
        ("v2.json", "sum", 10.0),
        ("v2.protobuf", "sum", 75.0),
    ];
    for (metric, agg, value) in all {
        assert_eq!(total(&intake, metric, agg), Some(value), "{metric} {agg}");
    }
    assert_eq!(status(&intake, "/received/bodies"), 25);
    assert_eq!(status(&intake, "/received/entries"), 25);
    let dump = get(&intake, "/v1/dump?metric=v2.json").json();
    assert_eq!(dump["series"][0]["tags"], serde_json::json!(["host:h"]));
    assert_eq!(
        dump["series"][0]["points"],
        serde_json::json!([{"start": 1_700_000_000, "value": 10.0}])
    );
    let metrics = get(&intake, "/v1/metrics?search=PROTO").json();
    assert_eq!(metrics["metrics"][0]["unit"], "byte");
}

#[test]
fn a_percentile_of_a_group_is_that_of_all_its_values() {
    let intake = start();
    let (a, b): (Vec<f64>, Vec<f64>) = (
        (1..=1000).map(f64::from).collect(),
        (1..=10).map(|i| f64::from(i) * 1e4).collect(),
    );
    let body = payload(vec![
        message("m", &["host:a", "env:x"], vec![dog(1_700_000_000, &a)]),
        message("m", &["host:b", "env:x"], vec![dog(1_700_000_010, &b)]),
    ]);
    assert_eq!(post(&intake, "/api/beta/sketches", &[], &body).status, 202);
    let mut merged = sketch(&a);
    merged.merge(&sketch(&b));
    for (agg, q) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        assert_eq!(total(&intake, "m", agg), merged.quantile(q), "{agg}");
    }
    let split = get(
        &intake,
        "/v1/query?metric=m&agg=p99&by=host&step=10&order=name",
    )
    .json();
    let groups = split["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0]["tags"]["host"], "a");
    assert_eq!(
        groups[0]["total"]["p99"].as_f64(),
        sketch(&a).quantile(0.99)
    );
    assert_eq!(
        groups[1]["series"]["p99"],
        serde_json::json!([null, sketch(&b).quantile(0.99)])
    );
}

#[test]
fn what_is_refused_says_why_and_is_counted() {
    let intake = start();
    let sketches = payload(vec![message("m", &[], vec![dog(0, &[1.0])])]);
    let cases: [(&str, Headers<'_>, &[u8], u16, &str); 9] = [
        ("/api/beta/sketches", &[], b"\xff\xff\xff", 400, "decode"),
        (
            "/api/beta/sketches",
            &[("Content-Encoding", "zstd")],
            &sketches,
            400,
            "encoding",
        ),
        (
            "/api/beta/sketches",
            &[("Content-Encoding", "br")],
            &sketches,
            415,
            "encoding",
        ),
        ("/api/beta/sketches", &[], b"", 400, "empty"),
        (
            "/api/v1/series",
            &[],
            br#"{"series":[{"metric":"m","points":[[1,"x"]]}]}"#,
            400,
            "decode",
        ),
        (
            "/api/v1/series",
            &[],
            br#"{"series":[{"metric":"123","points":[[1,2]]}]}"#,
            400,
            "name",
        ),
        (
            "/api/v2/series",
            &[],
            br#"{"series":[{"metric":"m"}]}"#,
            400,
            "decode",
        ),
        (
            "/api/v1/distribution_points",
            &[],
            br#"{"series":[{"metric":"m","points":[[1,[NaN]]]}]}"#,
            400,
            "decode",
        ),
        ("/api/v9/other", &[], b"x", 404, "route"),
    ];
    for (path, headers, body, status, cause) in cases {
        let answer = post(&intake, path, headers, body);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.json()["errors"][0].as_str().unwrap().len() > 10);
        let refused = get(&intake, "/v1/refused?limit=1").json();
        assert_eq!(refused["items"][0]["cause"], cause, "{path}");
        assert_eq!(
            refused["items"][0]["bytes"],
            if cause == "route" { 0 } else { body.len() }
        );
    }
    assert_eq!(get(&intake, "/v1/refused").json()["total"], cases.len());
    assert_eq!(
        post(&intake, "/api/v1/series", &[], cases[4].2).json()["offset"],
        40
    );
    assert_eq!(status(&intake, "/received/bodies"), 0);
}

#[test]
fn valid_entries_are_kept_when_others_are_not() {
    let intake = start();
    let body = br#"{"series":[{"metric":"good","points":[[1700000000,1]]},{"metric":"!!","points":[[1700000000,1],[1700000010,2]]},{"metric":"null.value","points":[[1700000000,null]]}]}"#;
    let answer = post(&intake, "/api/v1/series", &[], body);
    assert_eq!(answer.status, 202);
    let errors = answer.json()["errors"].as_array().unwrap().len();
    assert_eq!((errors, total(&intake, "good", "count")), (2, Some(1.0)));
    let refused = get(&intake, "/v1/refused").json();
    assert_eq!(
        refused["by_cause"],
        serde_json::json!({"name": 2, "value": 1})
    );
    assert_eq!(refused["items"][1]["field"], "series[1].metric");
}

#[test]
fn sizes_are_the_intakes() {
    let intake = start();
    // As sent. 0xff begins neither JSON nor a field.
    for (path, limit) in [
        ("/api/v2/series", 512_000),
        ("/api/beta/sketches", 3_200_000),
    ] {
        assert_eq!(
            post(&intake, path, &[], &vec![0xff; limit + 1]).status,
            413,
            "{path}"
        );
        assert_eq!(
            post(&intake, path, &[], &vec![0xff; limit]).status,
            400,
            "{path}"
        );
    }
    // Unpacked: blanks get very small.
    for (path, limit) in [
        ("/api/v2/series", 5_242_880),
        ("/api/v1/series", 62_914_560),
    ] {
        let json = br#"{"series":[{"metric":"m","points":[[1,2]],"type":"gauge"}]}"#;
        let json = if path == "/api/v2/series" {
            &br#"{"series":[{"metric":"m","points":[{"timestamp":1,"value":2}]}]}"#[..]
        } else {
            json
        };
        let mut body = json.to_vec();
        body.resize(limit, b' ');
        let answer = post(
            &intake,
            path,
            &[("Content-Encoding", "gzip")],
            &packed("gzip", &body),
        );
        assert_eq!(answer.status, 202, "{path}: {}", answer.body);
        body.push(b' ');
        let answer = post(
            &intake,
            path,
            &[("Content-Encoding", "zstd")],
            &packed("zstd", &body),
        );
        assert_eq!(answer.status, 413, "{path}: {}", answer.body);
    }
    assert_eq!(
        get(&intake, "/v1/refused").json()["by_cause"]["too_large"],
        4
    );
}

#[test]
fn a_key_opens_everything_but_the_page() {
    let intake = pointmill_intake::Intake::start(pointmill_intake::IntakeConfig {
        api_key: Some("secret".to_owned()),
        ..config()
    })
    .unwrap();
    let body = payload(vec![message("m", &[], vec![dog(0, &[1.0])])]);
    for (headers, query, status) in [
        (&[][..], "", 403),
        (&[("DD-API-KEY", "Secret")][..], "", 403),
        (&[("DD-API-KEY", "secretx")], "", 403),
        (&[("DD-API-KEY", "secret")], "", 202),
        (&[], "?api_key=secret", 202),
        (&[("DD-API-KEY", "wrong")], "?api_key=secret", 403),
    ] {
        let answer = post(
            &intake,
            &format!("/api/beta/sketches{query}"),
            headers,
            &body,
        );
        assert_eq!(answer.status, status, "{headers:?} {query}");
    }
    assert_eq!(get(&intake, "/api/v1/validate").status, 403);
    assert_eq!(
        get(&intake, "/api/v1/validate?api_key=secret").body,
        r#"{"valid":true}"#
    );
    assert_eq!(get(&intake, "/v1/metrics").status, 403);
    assert_eq!(get(&intake, "/").status, 200);
    assert_eq!(
        get(&intake, "/v1/refused?api_key=secret").json()["by_cause"]["key"],
        6
    );
}

#[test]
fn a_body_with_a_known_id_is_not_counted_again() {
    let intake = start();
    let body = payload(vec![message("m", &[], vec![dog(0, &[1.0, 2.0])])]);
    // Halves of a body that is known, the whole of a half that is known, the other half of it.
    for (id, count) in [
        ("a", 2.0),
        ("a", 2.0),
        ("b", 4.0),
        ("a", 4.0),
        ("a.1", 4.0),
        ("d.0", 6.0),
        ("d", 6.0),
        ("d.1", 8.0),
    ] {
        let answer = post(
            &intake,
            "/api/beta/sketches",
            &[("DD-Pointmill-Batch", id)],
            &body,
        );
        assert_eq!(
            (answer.status, total(&intake, "m", "count")),
            (202, Some(count)),
            "{id}"
        );
    }
    // A body that was refused did not use its id up.
    assert_eq!(
        post(
            &intake,
            "/api/beta/sketches",
            &[("DD-Pointmill-Batch", "c")],
            b"\xff"
        )
        .status,
        400
    );
    assert_eq!(
        post(
            &intake,
            "/api/beta/sketches",
            &[("DD-Pointmill-Batch", "c")],
            &body
        )
        .status,
        202
    );
    assert_eq!(
        (
            status(&intake, "/received/duplicates"),
            total(&intake, "m", "count")
        ),
        (4, Some(10.0))
    );
    assert_eq!(post(&intake, "/v1/reset", &[], b"").status, 204);
    post(
        &intake,
        "/api/beta/sketches",
        &[("DD-Pointmill-Batch", "a")],
        &body,
    );
    assert_eq!(total(&intake, "m", "count"), Some(2.0));
}

#[test]
fn strict_times_are_those_documented() {
    let strict = pointmill_intake::IntakeConfig {
        strict_times: true,
        ..config()
    };
    let intake = pointmill_intake::Intake::start(strict).unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64;
    let points: Vec<String> = [-3_700, -3_500, 0, 550, 700]
        .iter()
        .map(|d| format!("[{},1]", now + d))
        .collect();
    let body = format!(
        r#"{{"series":[{{"metric":"m","points":[{}],"type":"count"}}]}}"#,
        points.join(",")
    );
    assert_eq!(
        post(&intake, "/api/v1/series", &[], body.as_bytes()).status,
        202
    );
    assert_eq!(total(&intake, "m", "sum"), Some(3.0));
    assert_eq!(
        get(&intake, "/v1/refused").json()["by_cause"]["timestamp"],
        2
    );
}

#[test]
fn questions_that_cannot_be_answered_name_the_parameter() {
    let intake = start();
    post(
        &intake,
        "/api/v1/series",
        &[],
        br#"{"series":[{"metric":"g","points":[[1700000000,1]]}]}"#,
    );
    for (path, status, field) in [
        ("/v1/query?metric=nope", 404, "metric"),
        ("/v1/query", 400, "metric"),
        ("/v1/query?metric=g&agg=p50", 400, "agg"),
        ("/v1/query?metric=g&agg=median", 400, "agg"),
        ("/v1/query?metric=g&from=yesterday", 400, "from"),
        ("/v1/query?metric=g&step=7", 400, "step"),
        ("/v1/query?metric=g&from=10&to=5", 400, "from"),
        ("/v1/query?metric=g&order=p50", 400, "order"),
        ("/v1/query?metric=g&filter=!", 400, "filter"),
        ("/v1/shape?metric=g", 400, "metric"),
        ("/v1/metrics?limit=x", 400, "limit"),
    ] {
        let answer = get(&intake, path);
        assert_eq!(
            (answer.status, answer.json()["field"].as_str()),
            (status, Some(field)),
            "{path}: {}",
            answer.body
        );
    }
    let typo = get(&intake, "/v1/query?metric=g&aggs=sum");
    assert!(
        typo.status == 400 && typo.body.contains("aggs") && typo.body.contains("agg,"),
        "{}",
        typo.body
    );
}

#[test]
fn functions_are_put_together_from_enhanced_metrics() {
    let intake = start();
    let tags = [
        "functionname:checkout",
        "region:eu-west-1",
        "memorysize:512",
    ];
    let name = |metric: &str| format!("aws.lambda.enhanced.{metric}");
    let with = |extra: &'static str| [&tags[..], &[extra]].concat();
    let one = |metric: &str, tags: &[&str], values: &[f64]| {
        message(&name(metric), tags, vec![dog(1_700_000_000, values)])
    };
    let body = payload(vec![
        one("invocations", &with("cold_start:true"), &[1.0]),
        one("invocations", &with("cold_start:false"), &[1.0; 9]),
        one("errors", &with("cold_start:false"), &[1.0; 2]),
        one("timeouts", &tags, &[1.0]),
        one("duration", &tags, &[0.1, 0.2, 0.3]),
        one("billed_duration", &tags, &[0.1, 0.2, 0.4]),
        one("max_memory_used", &tags, &[128.0, 256.0]),
        one("estimated_cost", &tags, &[0.000_002, 0.000_003]),
    ]);
    assert_eq!(post(&intake, "/api/beta/sketches", &[], &body).status, 202);
    let answer = get(&intake, "/v1/functions").json();
    let function = &answer["functions"][0];
    let number = |pointer: &str| {
        function
            .pointer(pointer)
            .and_then(serde_json::Value::as_f64)
    };
    assert_eq!(function["name"], "checkout");
    assert_eq!(
        function["tags"],
        serde_json::json!([
            "functionname:checkout",
            "memorysize:512",
            "region:eu-west-1"
        ])
    );
    for (pointer, wanted) in [
        ("/invocations", 10.0),
        ("/errors", 2.0),
        ("/cold_starts", 1.0),
        ("/timeouts", 1.0),
        ("/out_of_memory", 0.0),
        ("/duration_s/count", 3.0),
        ("/duration_s/max", 0.3),
        ("/memory_used_mb/max", 256.0),
        ("/memory_size_mb", 512.0),
    ] {
        assert_eq!(number(pointer), Some(wanted), "{pointer}");
    }
    assert!((number("/billed_s").unwrap() - 0.7).abs() < 1e-12);
    assert!((number("/estimated_cost_usd").unwrap() - 0.000_005).abs() < 1e-15);
    assert_eq!(
        number("/duration_s/p50"),
        sketch(&[0.1, 0.2, 0.3]).quantile(0.5)
    );
}

/// What a log forwarder makes where no wrapper counts, and tags that not every context has.
#[test]
fn functions_without_a_wrapper_are_counted_by_what_the_platform_says() {
    let intake = start();
    let one = |metric: &str, tags: &[&str], values: &[f64]| {
        let name = format!("aws.lambda.enhanced.{metric}");
        message(&name, tags, vec![dog(1_700_000_000, values)])
    };
    let sized = ["functionname:posting", "memorysize:512"];
    let body = payload(vec![
        one("duration", &sized, &[0.1, 0.2, 0.3]),
        one(
            "duration",
            &["functionname:posting", "memorysize:1024"],
            &[0.1],
        ),
        one("init_duration", &sized, &[0.4]),
        one("out_of_memory", &sized[..1], &[1.0]),
    ]);
    assert_eq!(post(&intake, "/api/beta/sketches", &[], &body).status, 202);
    let function = &get(&intake, "/v1/functions").json()["functions"][0];
    assert_eq!(
        function["tags"],
        serde_json::json!(["functionname:posting"])
    );
    for (key, wanted) in [
        ("invocations", 4.0),
        ("cold_starts", 1.0),
        ("memory_size_mb", 1024.0),
        ("out_of_memory", 1.0),
    ] {
        assert_eq!(function[key].as_f64(), Some(wanted), "{key}");
    }
}

#[test]
fn nobody_else_can_reach_it_unless_it_is_told_so() {
    let usual = pointmill_intake::IntakeConfig::default();
    assert!(usual.listen.ip().is_loopback());
    assert_eq!((usual.api_key, usual.dogstatsd.len()), (None, 0));
}

#[test]
fn shapes_count_every_value_once() {
    let intake = start();
    let values: Vec<f64> = (0..5_000).map(|i| 1.003f64.powi(i % 1_500)).collect();
    let mixed: Vec<f64> = (-500..1_500).map(f64::from).collect();
    let body = payload(vec![
        message("wide", &[], vec![dog(0, &values)]),
        message("mixed", &[], vec![dog(0, &mixed)]),
        message("one", &[], vec![dog(0, &[5.0])]),
    ]);
    assert_eq!(post(&intake, "/api/beta/sketches", &[], &body).status, 202);
    for (metric, scale, wanted, n) in [
        ("wide", "auto", "log", 5_000),
        ("wide", "linear", "linear", 5_000),
        ("mixed", "auto", "linear", 2_000),
        ("mixed", "log", "log", 2_000),
        ("one", "auto", "linear", 1),
    ] {
        let shape = get(
            &intake,
            &format!("/v1/shape?metric={metric}&scale={scale}&bins=40"),
        )
        .json();
        let bars = shape["histogram"].as_array().unwrap();
        let edges = |name: &str| {
            bars.iter()
                .map(|bar| bar[name].as_f64().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (
                shape["scale"].as_str(),
                bars.iter().map(|bar| bar["count"].as_u64().unwrap()).sum()
            ),
            (Some(wanted), n),
            "{metric}"
        );
        assert!(bars.len() <= 40 && edges("from")[1..] == edges("to")[..bars.len() - 1]);
        assert!(
            edges("from")[0] <= shape["min"].as_f64().unwrap()
                && *edges("to").last().unwrap() >= shape["max"].as_f64().unwrap(),
            "{shape}"
        );
        let curve = shape["quantiles"].as_array().unwrap();
        assert!(
            curve
                .windows(2)
                .all(|w| w[0]["value"].as_f64() <= w[1]["value"].as_f64())
        );
    }
}

#[test]
fn a_stranger_s_page_is_kept_out() {
    let intake = start();
    let ask = |request: &str| {
        raw(
            &intake,
            format!("{request}\r\nConnection: close\r\n\r\n").as_bytes(),
        )
    };
    assert!(ask("GET /v1/metrics HTTP/1.1\r\nHost: evil.example").starts_with("HTTP/1.1 403"));
    assert!(ask("GET / HTTP/1.1\r\nHost: evil.example").starts_with("HTTP/1.1 403"));
    assert!(ask("GET /v1/metrics HTTP/1.1\r\nHost: localhost:1").starts_with("HTTP/1.1 200"));
    let reset = "POST /v1/reset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0";
    assert!(ask(&format!("{reset}\r\nOrigin: http://evil.example")).starts_with("HTTP/1.1 403"));
    assert!(ask(&format!("{reset}\r\nOrigin: http://localhost")).starts_with("HTTP/1.1 204"));
    // A client whose name for the intake is another one still gets its points in.
    assert!(
        ask("GET /api/v1/validate HTTP/1.1\r\nHost: api.datadoghq.com").starts_with("HTTP/1.1 200")
    );
}

#[test]
fn events_tell_of_every_change() {
    use std::io::{BufRead, BufReader};
    let intake = start();
    let mut stream = std::net::TcpStream::connect(intake.address()).unwrap();
    stream
        .set_read_timeout(Some(std::time::Duration::from_secs(60)))
        .unwrap();
    stream
        .write_all(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut next = || loop {
        let line = lines.next().unwrap().unwrap();
        if let Some(data) = line.strip_prefix("data: ") {
            return serde_json::from_str::<serde_json::Value>(data).unwrap();
        }
    };
    assert_eq!(next()["changed"], serde_json::json!([]));
    let body = payload(vec![message("m", &["a:b"], vec![dog(0, &[1.0, 2.0])])]);
    post(&intake, "/api/beta/sketches", &[], &body);
    let update = next();
    assert_eq!(
        (&update["changed"], &update["values"], &update["contexts"]),
        (&serde_json::json!(["m"]), &2.into(), &1.into())
    );
    post(&intake, "/api/beta/sketches", &[], b"\xff");
    assert_eq!(next()["refused"], 1);
    post(&intake, "/v1/reset", &[], b"");
    assert_eq!(next()["reset"], true);
}
