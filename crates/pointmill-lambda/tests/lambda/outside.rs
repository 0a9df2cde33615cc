//! Points of code without a wrapper: nobody begins an invocation, and nobody flushes.

use std::io::{BufRead, BufReader, PipeReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use pointmill_lambda::{Invocation, Lambda, Language, Outcome, Parts};

use crate::support::{AMPLE, Server, StillClock, source, with_log_still};

/// In log mode, with the lines that have been written.
fn at_a_standstill(variables: &[(&str, &str)]) -> (Lambda, Receiver<String>) {
    let (lambda, reader) = with_log_still(&source(Language::Python, variables));
    (lambda, lines(reader))
}

fn lines(reader: PipeReader) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).lines() {
            let _ = sender.send(line.unwrap());
        }
    });
    receiver
}

#[track_caller]
fn arrives(lines: &Receiver<String>, name: &str) {
    let line = lines.recv_timeout(AMPLE).unwrap();
    assert!(line.contains(&format!(r#""m":"{name}""#)), "{line}");
}

const LOG: [(&str, &str); 1] = [("DD_FLUSH_TO_LOG", "true")];

#[test]
fn every_recording_call_wakes_the_thread_outside_of_an_invocation() {
    let (lambda, lines) = at_a_standstill(&LOG);
    let held = lambda.context(&["held"]).unwrap();
    for _ in 0..2 {
        lambda.metric(&["named"], 1.0).unwrap();
        arrives(&lines, "named");
        lambda.metric_at(&["timed"], 1.0, Some(5)).unwrap();
        arrives(&lines, "timed");
        lambda.metric_async(&["async"], 1.0, None).unwrap();
        arrives(&lines, "async");
        lambda.record(held, 1.0).unwrap();
        arrives(&lines, "held");
        lambda.record_at(held, 1.0, 5).unwrap();
        arrives(&lines, "held");
        assert_eq!(lambda.record_batch(&[held], &[1.0], None), 0);
        arrives(&lines, "held");
    }
    // A line is booked after it has been written.
    let started = Instant::now();
    while lambda.stats().accepted < 12 {
        assert!(started.elapsed() < AMPLE, "{:?}", lambda.stats());
        std::thread::yield_now();
    }
    assert!(lambda.stats().balances());
}

/// Many threads, none of which waits for its points: none is left for the end of the interval.
#[test]
fn no_point_outside_of_an_invocation_is_forgotten() {
    let (lambda, lines) = at_a_standstill(&LOG);
    for _ in 0..200 {
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    (0..5).for_each(|_| lambda.metric(&["many"], 1.0).unwrap());
                });
            }
        });
        (0..15).for_each(|_| arrives(&lines, "many"));
    }
}

/// In HTTP mode the thread may know of points for the intake; lines it is told of all the same.
#[test]
fn a_line_in_http_mode_does_not_wait_for_the_interval() {
    let (lambda, lines) = at_a_standstill(&[("DD_API_KEY", "k")]);
    lambda.metric(&["posted"], 1.0).unwrap();
    lambda.metric_async(&["line"], 1.0, None).unwrap();
    arrives(&lines, "line");
}

#[test]
fn in_an_invocation_points_wait_for_its_end_and_after_it_they_do_not() {
    let (lambda, lines) = at_a_standstill(&LOG);
    let token = lambda.begin(&Invocation {
        not_counted: true,
        ..Invocation::default()
    });
    for _ in 0..5 {
        lambda.metric(&["inside"], 1.0).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    let stats = lambda.stats();
    assert_eq!((stats.pending, stats.flushes), (5, 0), "{stats:?}");
    let budget = lambda.end(token, &Outcome::default()).unwrap();
    assert!(lambda.flush(budget.max(AMPLE)).unwrap().complete());
    (0..5).for_each(|_| arrives(&lines, "inside"));
    lambda.metric(&["after"], 1.0).unwrap();
    arrives(&lines, "after");
}

#[test]
fn without_the_thread_nothing_happens_outside_of_an_invocation() {
    let (lambda, lines) = at_a_standstill(&[LOG[0], ("DD_FLUSH_IN_THREAD", "false")]);
    lambda.metric(&["kept"], 1.0).unwrap();
    lambda.metric_async(&["kept"], 1.0, None).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let stats = lambda.stats();
    assert_eq!((stats.pending, stats.flushes), (2, 0), "{stats:?}");
    assert!(lambda.flush(AMPLE).unwrap().complete());
    (0..2).for_each(|_| arrives(&lines, "kept"));
}

/// Whoever flushes or closes while the thread is sending datagrams in portions finds them sent.
#[test]
fn a_flush_and_an_end_wait_for_what_the_thread_has_taken() {
    const POINTS: u64 = 3_000;
    let extension = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut source = source(Language::Python, &[]);
    source.set("mode", "extension").unwrap();
    let url = format!("udp://{}", extension.local_addr().unwrap());
    source.set("dogstatsd_url", &url).unwrap();
    for round in 0..20 {
        let parts = Parts {
            log: None,
            clock: Arc::new(StillClock::new()),
        };
        let lambda = Lambda::with_parts(&source, parts).unwrap();
        let held = lambda.context(&["taken", "zone:a", "shard:7"]).unwrap();
        lambda.record_batch(&[held; POINTS as usize], &[1.0; POINTS as usize], None);
        while lambda.stats().pending > 0 {
            std::thread::yield_now();
        }
        if round % 2 == 0 {
            lambda.flush(AMPLE).unwrap();
        } else {
            lambda.close(AMPLE);
        }
        let stats = lambda.stats();
        assert!(stats.accepted == POINTS && stats.balances(), "{stats:?}");
    }
}

const MODE: &str = "POINTMILL_TEST_KILLED_MODE";
const URL: &str = "POINTMILL_TEST_KILLED_URL";

/// A function without a wrapper, in a process of its own: it is the test below, started with the
/// variables above. It records and does nothing more, and never ends well.
fn function(mode: &str, url: &str) -> ! {
    let mut source = source(Language::Python, &[("DD_API_KEY", "k")]);
    source.set("mode", mode).unwrap();
    source.set("log_fd", "2").unwrap();
    source.set("url", url).unwrap();
    source.set("dogstatsd_url", url).unwrap();
    let lambda = Lambda::new(&source).unwrap();
    lambda.metric(&["unwrapped", "k:v"], 1.0).unwrap();
    // Time for six intervals.
    std::thread::sleep(Duration::from_secs(60));
    std::process::abort();
}

fn start(mode: &str, url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "outside::what_was_recorded_survives_a_kill"])
        .arg("--nocapture")
        .envs([(MODE, mode), (URL, url)])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn what_was_recorded_survives_a_kill() {
    if let (Ok(mode), Ok(url)) = (std::env::var(MODE), std::env::var(URL)) {
        function(&mode, &url);
    }
    let server = Server::start(|_| (202, "{}".to_owned()));
    let extension = UdpSocket::bind("127.0.0.1:0").unwrap();
    extension.set_read_timeout(Some(AMPLE)).unwrap();
    let at = format!("udp://{}", extension.local_addr().unwrap());
    let [mut log, mut http, mut udp] = [
        ("log", "http://127.0.0.1:9"),
        ("http", &server.url),
        ("extension", &at),
    ]
    .map(|(mode, url)| start(mode, url));
    let mut line = String::new();
    let mut said = BufReader::new(log.stderr.take().unwrap());
    while !line.contains("unwrapped") {
        line.clear();
        assert!(
            said.read_line(&mut line).unwrap() > 0,
            "nothing was written"
        );
    }
    log.kill().unwrap();
    assert!(line.starts_with(r#"{"m":"unwrapped","v":1,"#), "{line}");
    let mut bytes = [0; 1 << 10];
    let n = extension.recv(&mut bytes).unwrap();
    udp.kill().unwrap();
    assert!(bytes[..n].starts_with(b"unwrapped:1|d|#k:v,"));
    let started = Instant::now();
    while server.requests().is_empty() {
        assert!(started.elapsed() < AMPLE, "nothing was posted");
        std::thread::sleep(Duration::from_millis(20));
    }
    http.kill().unwrap();
    assert!(server.requests()[0].line.contains("/api/beta/sketches"));
    for mut child in [log, http, udp] {
        child.wait().unwrap();
    }
}
