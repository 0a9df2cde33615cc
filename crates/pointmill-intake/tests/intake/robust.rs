//! What strangers send: bombs, endless streams, deep nesting, dripping bytes, crowds.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use pointmill_intake::{Intake, IntakeConfig};

use crate::support::*;

fn healthy(intake: &Intake) {
    let body = payload(vec![message("alive", &[], vec![dog(0, &[1.0])])]);
    assert_eq!(post(intake, "/api/beta/sketches", &[], &body).status, 202);
    assert!(total(intake, "alive", "count").is_some());
}

#[test]
fn bombs_are_cut_off_at_the_limit() {
    let intake = start();
    let blanks = vec![b' '; 1 << 30];
    let zstd = zstd::bulk::compress(&blanks, 1).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&blanks[..512 << 20]).unwrap();
    let gzip = gzip.finish().unwrap();
    drop(blanks);
    for (encoding, bomb) in [("zstd", &zstd), ("gzip", &gzip)] {
        assert!(bomb.len() < 3_200_000);
        let answer = post(
            &intake,
            "/api/v1/series",
            &[("Content-Encoding", encoding)],
            bomb,
        );
        assert_eq!(answer.status, 413, "{encoding}: {}", answer.body);
    }
    healthy(&intake);
}

#[test]
fn depth_and_breadth_are_refused() {
    let intake = start();
    for deep in ["[", "{\"a\":", "{\"series\":[{\"x\":["] {
        let body = deep.repeat(200_000);
        for path in [
            "/api/v1/series",
            "/api/v2/series",
            "/api/v1/distribution_points",
        ] {
            let body = &body.as_bytes()[..body.len().min(400_000)];
            assert_eq!(post(&intake, path, &[], body).status, 400, "{path} {deep}");
        }
    }
    let tags = format!(
        r#"{{"series":[{{"metric":"m","points":[[1,2]],"tags":["",{}]}}]}}"#,
        vec!["\"\""; 900_000].join(",")
    );
    assert_eq!(
        post(&intake, "/api/v1/series", &[], tags.as_bytes()).status,
        202
    );
    let values = format!(
        r#"{{"series":[{{"metric":"m","points":[[1,[1{}]]]}}]}}"#,
        ",1".repeat(1_500_000)
    );
    assert_eq!(
        post(
            &intake,
            "/api/v1/distribution_points",
            &[],
            values.as_bytes()
        )
        .status,
        202
    );
    healthy(&intake);
}

#[test]
fn a_body_without_end_is_cut_off() {
    let intake = start();
    let mut stream = TcpStream::connect(intake.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream.write_all(b"POST /api/beta/sketches HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    let started = Instant::now();
    let mut sent = 0u64;
    while stream.write_all(&chunk).is_ok() && started.elapsed() < Duration::from_secs(60) {
        sent += 0x10000;
    }
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "still reading after {sent} bytes"
    );
    healthy(&intake);
    assert_eq!(
        get(&intake, "/v1/refused").json()["by_cause"]["too_large"],
        1
    );
}

#[test]
fn dripping_clients_are_given_up() {
    let intake = Intake::start(IntakeConfig {
        header_timeout: Duration::from_millis(500),
        body_timeout: Duration::from_millis(500),
        ..config()
    })
    .unwrap();
    // Headers that do not end, a body that does not come, a connection that says nothing.
    for (head, answered) in [
        (
            &b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX: "[..],
            false,
        ),
        (
            b"POST /api/v2/series HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
            true,
        ),
        (b"", false),
    ] {
        let mut stream = TcpStream::connect(intake.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.write_all(head).unwrap();
        let (mut answer, started) = (String::new(), Instant::now());
        let _ = stream.read_to_string(&mut answer);
        assert!(started.elapsed() < Duration::from_secs(30));
        assert_eq!(answer.starts_with("HTTP/1.1 408"), answered, "{answer}");
    }
    // With so little time a question may be given up as well, on a machine that is busy.
    let ask = |path: &str| {
        let url = format!("http://{}{path}", intake.address());
        let mut answer = agent().get(url).call().ok()?;
        answer.body_mut().read_to_string().ok()
    };
    eventually("an answer", || {
        ask("/v1/refused").is_some_and(|text| text.contains(r#""by_cause":{"timeout":1}"#))
    });
}

#[test]
fn connections_too_many_are_told_to_come_again() {
    let intake = Intake::start(IntakeConfig {
        connections_max: 20,
        header_timeout: Duration::from_secs(300),
        ..config()
    })
    .unwrap();
    let held: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(intake.address()).unwrap())
        .collect();
    eventually("a refusal", || {
        let mut stream = TcpStream::connect(intake.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.starts_with("HTTP/1.1 503") && answer.contains("Retry-After: 1")
    });
    drop(held);
    eventually("room", || {
        let request = agent().get(format!("http://{}/v1/status", intake.address()));
        request.call().is_ok_and(|answer| answer.status() == 200)
    });
    healthy(&intake);
}

#[test]
fn memory_only_forgets_the_oldest_when_it_is_full() {
    use pointmill_intake::batch::{BatchBuilder, Rules};
    use pointmill_intake::query::{Query, query};
    use pointmill_intake::store::{Store, StoreConfig};
    let store = Store::open(StoreConfig {
        bytes_max: 300_000,
        ..StoreConfig::default()
    })
    .unwrap();
    let rules = Rules {
        interval_s: 10,
        lower_case_tags: false,
        now: None,
    };
    for interval in 0..100 {
        let mut builder = BatchBuilder::new(rules);
        for host in 0..50 {
            let host = format!("host:{host}");
            let series = builder
                .series(
                    0,
                    pointmill::Kind::Gauge,
                    "g",
                    "",
                    [host.as_str()].into_iter(),
                    1,
                )
                .unwrap();
            builder.scalar(0, series, interval * 10, 1, interval as f64);
        }
        store.store_blocking(builder.finish().0).unwrap();
    }
    let asked = Query {
        metric: "g".to_owned(),
        aggs: Some("count,min,max".to_owned()),
        ..Query::default()
    };
    let total = query(&store, &asked).unwrap().groups[0].total.clone();
    assert_eq!(total["max"], Some(99.0));
    let (count, min) = (total["count"].unwrap(), total["min"].unwrap());
    // Whole intervals are forgotten, the oldest first, and not more than needed.
    assert_eq!(count, (100.0 - min) * 50.0);
    assert!(min > 10.0 && min < 95.0, "{min}");
}

#[test]
fn contexts_take_no_more_than_their_share_of_memory() {
    use pointmill_intake::batch::{BatchBuilder, Rules};
    use pointmill_intake::store::{Store, StoreConfig, StoreError};
    let store = Store::open(StoreConfig {
        bytes_max: 4 << 20,
        ..StoreConfig::default()
    })
    .unwrap();
    let rules = Rules {
        interval_s: 10,
        lower_case_tags: false,
        now: None,
    };
    let send = |hosts: std::ops::Range<usize>| {
        let mut builder = BatchBuilder::new(rules);
        for host in hosts {
            let tag = format!("host:{host:08}");
            let tags = [tag.as_str()].into_iter();
            let kind = pointmill::Kind::Count;
            let series = builder.series(0, kind, "c", "", tags, 1).unwrap();
            builder.scalar(0, series, 0, 1, 1.0);
        }
        store.store_blocking(builder.finish().0)
    };
    let mut stored = 0;
    let refused = loop {
        match send(stored..stored + 500) {
            Ok(_) => stored += 500,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(refused, StoreError::ContextsFull { max } if max == stored),
        "{refused}"
    );
    // Half of the store; a context takes between 100 and 400 bytes.
    assert!((5_000..21_000).contains(&stored), "{stored}");
    // Those that are there go on.
    assert!(send(0..stored).is_ok());
    assert!(store.bytes() < 5 << 20, "{}", store.bytes());
}
