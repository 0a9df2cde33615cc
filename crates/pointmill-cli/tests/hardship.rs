//! `pointmill intake` in trouble: killed in the middle of its work, and among strangers who mean it
//! ill. A process of its own, so that a kill is one and its memory is its own.

#![cfg(target_os = "linux")]

mod support;

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use support::Intake;

const PATIENCE: Duration = Duration::from_secs(120);

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(PATIENCE)).build().into()
}

/// The status of a body's answer; `None` if there was none.
fn post(agent: &ureq::Agent, url: &str, path: &str, encoding: &str, body: &[u8]) -> Option<u16> {
    let mut request = agent.post(format!("{url}{path}"));
    if !encoding.is_empty() {
        request = request.header("Content-Encoding", encoding);
    }
    request
        .send(body)
        .ok()
        .map(|answer| answer.status().as_u16())
}

fn get(url: &str, path: &str) -> Value {
    let mut answer = agent().get(format!("{url}{path}")).call().unwrap();
    assert_eq!(answer.status(), 200);
    let body = answer.body_mut().with_config().limit(1 << 30);
    serde_json::from_str(&body.read_to_string().unwrap()).unwrap()
}

/// The values of the gauge `id` that are stored, with how often each body has left its mark: a body
/// of number n says n in three contexts.
fn stored(intake: &Intake) -> HashMap<u64, usize> {
    let mut found = HashMap::new();
    for series in get(&intake.url, "/v1/dump")["series"].as_array().unwrap() {
        for point in series["points"].as_array().unwrap() {
            let id = point["value"].as_f64().unwrap() as u64;
            *found.entry(id).or_default() += 1;
        }
    }
    found
}

#[test]
fn what_was_answered_survives_a_kill() {
    const ROUNDS: u64 = 4;
    const SENDERS: u64 = 3;
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("s.db");
    let options = ["--retention=0", "--store", store.to_str().unwrap()];
    let (mut answered, next) = (HashSet::new(), AtomicU64::new(1));
    for round in 0..ROUNDS {
        let mut intake = Intake::start(&options);
        let (url, next) = (intake.url.clone(), &next);
        let (taken, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let of_round: Vec<u64> = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..SENDERS)
                .map(|_| {
                    scope.spawn(|| {
                        let (agent, mut answered) = (agent(), Vec::new());
                        while !over.load(Ordering::Relaxed) {
                            let id = next.fetch_add(1, Ordering::Relaxed);
                            // An interval of its own, three contexts of which two come and go.
                            let at = 1_700_000_000 + 10 * id;
                            let tags = ["", "part:b", &format!("part:{id}")].map(|tag| {
                                format!(r#"{{"metric":"id","type":3,"tags":["{tag}"],"points":[{{"timestamp":{at},"value":{id}}}]}}"#)
                            });
                            let body = format!(r#"{{"series":[{}]}}"#, tags.join(","));
                            match post(&agent, &url, "/api/v2/series", "", body.as_bytes()) {
                                Some(202) => {
                                    taken.fetch_add(1, Ordering::Relaxed);
                                    answered.push(id);
                                }
                                // Killed before it could answer.
                                None => return answered,
                                Some(other) => panic!("{other}"),
                            }
                        }
                        answered
                    })
                })
                .collect();
            // Killed while bodies come in, each round at another moment.
            let end = Instant::now() + PATIENCE;
            while taken.load(Ordering::Relaxed) < 40 + 37 * round {
                assert!(Instant::now() < end, "too few bodies were answered");
                std::thread::sleep(Duration::from_millis(1));
            }
            intake.child.kill().unwrap();
            intake.child.wait().unwrap();
            over.store(true, Ordering::Relaxed);
            senders
                .into_iter()
                .flat_map(|sender| sender.join().unwrap())
                .collect()
        });
        assert!(of_round.len() as u64 >= 40 + 37 * round);
        answered.extend(of_round);
        let again = Intake::start(&options);
        let found = stored(&again);
        let lost: Vec<_> = answered
            .iter()
            .filter(|id| !found.contains_key(id))
            .collect();
        assert!(
            lost.is_empty(),
            "{} of {} answered are lost: {lost:?}",
            lost.len(),
            answered.len()
        );
        // What was not answered is there as a whole or not at all, and nothing else is.
        assert!(found.values().all(|marks| *marks == 3), "{found:?}");
        let sent = next.load(Ordering::Relaxed);
        assert!(
            found.len() <= answered.len() + (SENDERS * ROUNDS) as usize
                && found.keys().all(|id| *id < sent)
        );
        assert_eq!(again.interrupt().status, 0);
    }
}

/// The most memory a process has had, in bytes.
fn high_water(intake: &Intake) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", intake.child.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Raises the limit of open files as far as it goes; what it is then.
fn files_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |n| n as usize)
}

/// A gibibyte of blanks in a few kilobytes.
fn bombs() -> [(&'static str, Vec<u8>); 2] {
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let blanks = vec![b' '; 1 << 20];
    for i in 0..1024 {
        zstd.write_all(&blanks).unwrap();
        if i < 256 {
            gzip.write_all(&blanks).unwrap();
        }
    }
    [
        ("zstd", zstd.finish().unwrap()),
        ("gzip", gzip.finish().unwrap()),
    ]
}

#[test]
fn ten_thousand_connections_and_bombs_stay_within_memory() {
    const WANTED: usize = 10_000;
    const MEMORY_MAX: u64 = 256 << 20;
    let possible = files_max().saturating_sub(200).min(WANTED);
    if possible < WANTED {
        println!("only {possible} connections: the hard limit of open files leaves no more");
    }
    let intake = Intake::start(&["--retention=0", "--memory-max=256MiB"]);
    let address: SocketAddr = intake.url.strip_prefix("http://").unwrap().parse().unwrap();
    let begun = high_water(&intake);
    // A crowd whose requests never end: headers, a body, nothing at all.
    let starts = [
        &b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX: "[..],
        b"POST /api/beta/sketches HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\nxxxxxxxx",
        b"",
    ];
    let mut crowd = Vec::new();
    for i in 0..possible {
        let stream = TcpStream::connect_timeout(&address, PATIENCE);
        let mut stream = stream.unwrap_or_else(|error| panic!("connection {i}: {error}"));
        let _ = stream.write_all(starts[i % starts.len()]);
        crowd.push(stream);
    }
    let mut told = 0;
    for stream in &mut crowd {
        stream.set_nonblocking(true).unwrap();
        let mut answer = [0; 64];
        let n = stream.read(&mut answer).unwrap_or(0);
        told += usize::from(answer[..n].starts_with(b"HTTP/1.1 503"));
    }
    // They are given up after their time, and there is room again for those who send.
    let bombs = bombs();
    let agent = agent();
    let end = Instant::now() + PATIENCE;
    let series =
        br#"{"series":[{"metric":"m","type":1,"points":[{"timestamp":1700000000,"value":1}]}]}"#;
    while post(&agent, &intake.url, "/api/v2/series", "", series) != Some(202) {
        assert!(Instant::now() < end, "no room after the crowd");
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::scope(|scope| {
        for (encoding, bomb) in &bombs {
            for path in ["/api/v1/series", "/api/beta/sketches", "/api/v2/series"] {
                let url = &intake.url;
                scope.spawn(move || {
                    let refused = post(&self::agent(), url, path, encoding, bomb);
                    assert!(
                        matches!(refused, Some(413 | 503)),
                        "{path} {encoding}: {refused:?}"
                    );
                });
            }
        }
    });
    drop(crowd);
    let status = get(&intake.url, "/v1/status");
    assert_eq!(status["store"]["points"], 1);
    let most = high_water(&intake);
    println!(
        "{possible} connections, {told} told to come again: {begun} bytes at first, {most} at most"
    );
    assert!(most <= MEMORY_MAX, "{most} bytes");
    assert_eq!(intake.interrupt().status, 0);
}

/// A megabyte a time from many sides, for as long as it takes to be told to stop.
#[test]
fn large_bodies_from_all_sides_stay_within_memory() {
    const MEMORY_MAX: u64 = 256 << 20;
    let intake = Intake::start(&["--retention=0", "--memory-max=256MiB"]);
    let taken = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for sender in 0..8 {
            let (intake, taken) = (&intake, &taken);
            scope.spawn(move || {
                let agent = agent();
                for body in 0..4 {
                    // 20,000 contexts of a value each, 2.3 MB.
                    let series = (0..20_000).map(|i| {
                        format!(r#"{{"metric":"m","points":[[{},[{i}]]],"tags":["host:h{sender}-{body}-{i}","env:a-longer-value-of-a-tag"]}}"#, 1_700_000_000 + i)
                    });
                    let text = format!(r#"{{"series":[{}]}}"#, series.collect::<Vec<_>>().join(","));
                    let packed = zstd::bulk::compress(text.as_bytes(), 1).unwrap();
                    match post(&agent, &intake.url, "/api/v1/distribution_points", "zstd", &packed) {
                        Some(202) => drop(taken.fetch_add(20_000, Ordering::Relaxed)),
                        // Full, or too much at once: both are answers.
                        Some(503 | 507) => {}
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    let status = get(&intake.url, "/v1/status");
    let (points, gone) = (
        &status["store"]["points"],
        &status["store"]["evicted_points"],
    );
    let books = points.as_u64().unwrap() + gone.as_u64().unwrap();
    assert_eq!(
        books,
        taken.load(Ordering::Relaxed),
        "stored and evicted are what was taken"
    );
    let most = high_water(&intake);
    println!("{books} contexts taken, {most} bytes at most");
    assert!(most <= MEMORY_MAX, "{most} bytes");
}
