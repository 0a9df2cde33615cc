//! HTTP through real sockets.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use pointmill::{Flush, Kind};
use pointmill_deliver::{Client, ClientConfig, DropCause, FailCause};

use crate::common::{AMPLE, Chance, flush_until, small_engine};
use crate::intake::{Act, Intake};

pub(crate) fn explicit(url: &str) -> ClientConfig {
    let mut config = ClientConfig::default();
    for (name, value) in [
        ("url", url),
        ("background", "false"),
        ("retry_base_ms", "1"),
        ("retry_max_ms", "2"),
        ("attempt_timeout_ms", "60000"),
    ] {
        config.set(name, value).unwrap();
    }
    config
}

pub(crate) fn record(client: &Client, metric: &str, points: u64) {
    for i in 0..points {
        let engine = client.engine();
        engine
            .record_named(Kind::Distribution, &[metric, "env:test"], i as f64)
            .unwrap();
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn client_of(intake: &Intake) -> Client {
    Client::new(&small_engine(), &explicit(&intake.url())).unwrap()
}

#[test]
fn a_request_says_what_an_intake_wants_to_know_and_hides_the_key() {
    let intake = Intake::new(|_| Act::Take);
    let mut config = explicit(&intake.url());
    config.set("api_key", "0123456789abcdef").unwrap();
    let client = Client::new(&small_engine(), &config).unwrap();
    record(&client, "latency", 1_000);
    client
        .engine()
        .record_named(Kind::Count, &["hits"], 3.0)
        .unwrap();
    let report = client.flush(Flush::All, AMPLE).unwrap();
    assert!(report.complete() && report.accepted == 1_001, "{report:?}");
    let taken = intake.taken();
    assert_eq!(
        (taken.metrics["latency"], taken.metrics["hits"]),
        (1_000.0, 3.0)
    );
    assert_eq!(taken.headers["dd-api-key"], "0123456789abcdef");
    assert_eq!(taken.headers["content-encoding"], "zstd");
    assert!(taken.headers["user-agent"].starts_with("pointmill/"));
    assert!(!taken.headers.contains_key("transfer-encoding"));
    assert_eq!(taken.request_line, "POST /api/v2/series HTTP/1.1\r\n");
    assert_eq!(taken.connections, 1, "one connection for both bodies");
}

#[test]
fn hundreds_of_random_schedules_through_sockets() {
    for seed in 0..200 {
        let chance = Chance::new(seed);
        let script = Chance::new(seed ^ 0xf00d);
        let intake = Intake::new(move |request| match script.below(12) {
            _ if request > 20 => Act::Take,
            0 => Act::TakeSlowly,
            1 | 2 => Act::TakeAndClose,
            3 => Act::TakeAndVanish,
            4 => Act::TakeAndBabble,
            5 if script.one_in(4) => Act::TakeAndHang,
            6 => Act::Reset,
            7 if script.one_in(4) => Act::Hang,
            8 => Act::Status(429, "Retry-After: 0\r\n"),
            9 => Act::Status([500, 502, 503, 504][script.below(4) as usize], ""),
            10 => Act::Status(413, ""),
            _ => Act::Take,
        });
        let mut config = explicit(&intake.url());
        config.set("attempt_timeout_ms", "60").unwrap();
        let client = Client::new(&small_engine(), &config).unwrap();
        let mut recorded = 0;
        for _ in 0..1 + chance.below(5) {
            for metric in 0..1 + chance.below(4) {
                let points = 1 + chance.below(50);
                record(&client, &format!("m{metric}"), points);
                recorded += points;
            }
            client
                .flush(Flush::All, Duration::from_millis(chance.below(80)))
                .unwrap();
        }
        flush_until(&client, SECOND, |books| books.waiting() == 0);
        client.close(SECOND);
        let books = client.stats();
        assert!(books.balances(), "seed {seed}: {books:?}");
        assert_eq!(
            books.waiting(),
            0,
            "seed {seed}: {books:?} {}",
            client.last_failure()
        );
        assert_eq!(books.flushed, recorded, "seed {seed}");
        // Only a 413 for a single series drops anything here, and then nothing has been taken.
        assert_eq!(
            books.dropped(),
            books.dropped_for(DropCause::TooLarge),
            "seed {seed}: {books:?}"
        );
        let arrived = intake.total() as u64;
        assert!(
            arrived >= books.accepted,
            "seed {seed}: {arrived} {books:?}"
        );
        assert!(
            arrived <= books.accepted + books.dropped_uncertain,
            "seed {seed}: {arrived} {books:?}"
        );
    }
}

#[test]
fn a_connection_that_went_stale_is_replaced_at_once() {
    let intake = Intake::new(|_| Act::TakeAndClose);
    let client = client_of(&intake);
    for round in 1..=5 {
        record(&client, "m", 10);
        let report = client.flush(Flush::All, AMPLE).unwrap();
        assert!(report.complete(), "{round}: {}", client.last_failure());
        // So that the end of the connection has come through, as after a freeze.
        std::thread::sleep(Duration::from_millis(20));
    }
    let books = client.stats();
    assert_eq!((books.accepted, books.failures()), (50, 0), "{books:?}");
    assert_eq!(intake.total(), 50.0);
}

#[test]
fn a_kept_connection_that_breaks_in_the_middle_costs_no_pause() {
    // Every second request finds its connection closed after its first line.
    let intake = Intake::new(|request| {
        if request % 2 == 1 {
            Act::Reset
        } else {
            Act::Take
        }
    });
    let mut config = explicit(&intake.url());
    config.set("retry_base_ms", "60000").unwrap();
    config.set("retry_max_ms", "60000").unwrap();
    let client = Client::new(&small_engine(), &config).unwrap();
    for _ in 0..6 {
        record(&client, "m", 1);
        assert!(client.flush(Flush::All, AMPLE).unwrap().complete());
    }
    let books = client.stats();
    assert!(books.stale_connections >= 2, "{books:?}");
    assert_eq!((books.failures(), intake.total()), (0, 6.0), "{books:?}");
}

#[test]
fn nobody_listens_and_nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut config = explicit(&url);
    config.set("attempt_timeout_ms", "100").unwrap();
    let client = Client::new(&small_engine(), &config).unwrap();
    record(&client, "m", 5);
    // The system accepts, the program never does.
    let some_time = Duration::from_millis(150);
    flush_until(&client, some_time, |books| {
        books.failed_for(FailCause::Timeout) >= 1 && books.uncertain >= 5
    });
    let books = client.stats();
    assert_eq!((books.waiting(), books.dropped()), (5, 0));
    drop(listener);
    flush_until(&client, some_time, |books| {
        books.failed_for(FailCause::Connect) + books.failed_for(FailCause::Transport) >= 1
    });
    let report = client.close(Duration::ZERO);
    assert_eq!(report.dropped, 5);
    assert_eq!(client.stats().dropped_for(DropCause::Closed), 5);
}

#[test]
fn a_name_that_is_not_found_and_a_proxy_that_refuses_are_named() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = closed.local_addr().unwrap().to_string();
    drop(closed);
    // No look-up is made of a label that is too long for a name.
    let nowhere = format!("http://{}.example", "x".repeat(64));
    for (url, proxy, said) in [
        (nowhere.as_str(), "", nowhere.as_str()),
        ("https://127.0.0.1:9", proxy.as_str(), proxy.as_str()),
    ] {
        let mut config = explicit(url);
        config.set("retry_base_ms", "60000").unwrap();
        config.set("retry_max_ms", "600000").unwrap();
        if !proxy.is_empty() {
            let proxy = format!("http://user:secret@{proxy}");
            config.set("proxy", &proxy).unwrap();
        }
        let client = Client::new(&small_engine(), &config).unwrap();
        record(&client, "m", 1);
        flush_until(&client, SECOND, |books| books.failures() >= 1);
        let (books, failure) = (client.stats(), client.last_failure());
        assert_eq!(
            books.failed_for(FailCause::Connect),
            books.failures(),
            "{failure}"
        );
        assert!(
            failure.contains(said) && !failure.contains("secret"),
            "{failure}"
        );
    }
}

#[test]
fn a_batch_that_is_refused_takes_no_other_with_it() {
    // The count is refused for good, the distribution beside it arrives.
    let intake = Intake::new(|_| Act::Take);
    let refusing = Intake::new(|request| {
        if request == 0 {
            Act::Status(400, "")
        } else {
            Act::Take
        }
    });
    for (intake, dropped) in [(&intake, 0), (&refusing, 3)] {
        let client = client_of(intake);
        record(&client, "m", 3);
        client
            .engine()
            .record_named(Kind::Count, &["c"], 1.0)
            .unwrap();
        let report = client.flush(Flush::All, AMPLE).unwrap();
        assert_eq!((report.accepted, report.dropped), (4 - dropped, dropped));
    }
}

#[test]
fn peace_is_kept_for_as_long_as_asked() {
    let intake = Intake::new(|request| match request {
        0 => Act::Status(429, "Retry-After: 6\r\n"),
        _ => Act::Take,
    });
    let client = client_of(&intake);
    record(&client, "m", 1);
    let start = Instant::now();
    // Too short for what was asked: it does not wait, and does not try.
    let report = client.flush(Flush::All, 5 * SECOND).unwrap();
    assert_eq!((report.waiting, intake.taken().requests), (1, 1));
    assert!(client.flush(Flush::All, AMPLE).unwrap().complete());
    assert!(start.elapsed() >= 6 * SECOND);
    assert_eq!(client.stats().failed_for(FailCause::Throttled), 1);
}

#[test]
fn a_thread_flushes_in_the_background_and_ends_with_close() {
    let intake = Intake::new(|_| Act::Take);
    let mut config = explicit(&intake.url());
    config.set("background", "true").unwrap();
    config.set("flush_interval_s", "1").unwrap();
    let mut engine = pointmill::Config::default();
    engine.set("interval_s", "1").unwrap();
    let engine = pointmill::Engine::new(&engine, 0).unwrap();
    let client = Client::new(&engine, &config).unwrap();
    record(&client, "m", 7);
    let start = Instant::now();
    while intake.total() < 7.0 && start.elapsed() < AMPLE {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(intake.total(), 7.0);
    record(&client, "m", 2);
    assert!(client.close(AMPLE).complete());
    assert_eq!(intake.total(), 9.0);
    assert!(client.flush(Flush::All, SECOND).is_err());
    assert!(client.stats().balances());
}

#[test]
fn a_client_tells_about_itself() {
    let intake = Intake::new(|request| {
        if request == 0 {
            Act::Status(503, "")
        } else {
            Act::Take
        }
    });
    let mut config = explicit(&intake.url());
    config.set("client_metrics", "true").unwrap();
    let client = Client::new(&small_engine(), &config).unwrap();
    record(&client, "m", 4);
    client.flush(Flush::All, AMPLE).unwrap();
    client.flush(Flush::All, AMPLE).unwrap();
    let taken = intake.taken();
    assert_eq!(taken.metrics["pointmill.client.failed"], 1.0);
    assert!(taken.metrics["pointmill.client.accepted"] >= 4.0);
    assert!(client.stats().balances());
}
