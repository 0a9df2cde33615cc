//! Lines: descriptors, files, DogStatsD sockets.

use std::io::Read;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::sync::Arc;
use std::time::Duration;

use pointmill::{Flush, Kind};
use pointmill_deliver::{Client, ClientConfig, DropCause, FailCause, LogDestination};
use pointmill_wire::log_line;

use crate::common::{AMPLE, flush_until, small_engine};

const MOMENT: Duration = Duration::from_millis(50);

fn config(settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::default();
    let common = [
        ("background", "false"),
        ("retry_base_ms", "1"),
        ("retry_max_ms", "1"),
    ];
    for (name, value) in common.iter().chain(settings) {
        config.set(name, value).unwrap();
    }
    config
}

fn record(client: &Client, kind: Kind, points: u32) {
    for i in 0..points {
        client
            .engine()
            .record_named(kind, &["m", "env:test"], f64::from(i))
            .unwrap();
    }
}

fn log_client(fd: OwnedFd) -> Client {
    let destination = Arc::new(LogDestination::from_fd(fd));
    Client::with_destination(
        &small_engine(),
        &config(&[("destination", "log")]),
        destination,
    )
    .unwrap()
}

fn lines_of(text: &[u8]) -> usize {
    let lines = text.split_inclusive(|b| *b == b'\n');
    lines.filter(|line| log_line::parse(line).is_ok()).count()
}

#[test]
fn a_slow_reader_gets_every_line_whole_and_once() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let client = log_client(writer.into());
    // More than a pipe holds, so that the first flush cannot end.
    record(&client, Kind::Distribution, 3_000);
    // Nobody reads, and it comes back all the same.
    flush_until(&client, MOMENT, |books| {
        books.failed_for(FailCause::Timeout) > 0
    });
    assert_eq!(client.stats().waiting(), 3_000);
    let reading = std::thread::spawn(move || {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        all
    });
    record(&client, Kind::Distribution, 500);
    assert!(
        client.flush(Flush::All, AMPLE).unwrap().complete(),
        "{}",
        client.last_failure()
    );
    assert_eq!(client.stats().accepted, 3_500);
    drop(client);
    assert_eq!(lines_of(&reading.join().unwrap()), 3_500);
}

#[test]
fn a_reader_that_has_gone_raises_no_signal_and_loses_no_point() {
    let (reader, writer) = std::io::pipe().unwrap();
    let client = log_client(writer.into());
    drop(reader);
    record(&client, Kind::Count, 4);
    flush_until(&client, MOMENT, |_| {
        client.last_failure().contains("Broken pipe")
    });
    let books = client.stats();
    assert_eq!((books.waiting(), books.dropped()), (4, 0));
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let client = log_client(ours.into());
    drop(theirs);
    record(&client, Kind::Count, 4);
    flush_until(&client, MOMENT, |books| books.failures() > 0);
    assert_eq!(client.stats().waiting(), 4);
}

#[test]
fn a_file_grows_and_is_made_anew_when_it_was_moved() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.log");
    let file = ("file_path", path.to_str().unwrap());
    let client = Client::new(&small_engine(), &config(&[("destination", "file"), file])).unwrap();
    for expected in [10, 20] {
        record(&client, Kind::Distribution, 10);
        assert!(client.flush(Flush::All, AMPLE).unwrap().complete());
        assert_eq!(lines_of(&std::fs::read(&path).unwrap()), expected);
    }
    std::fs::rename(&path, dir.path().join("metrics.log.1")).unwrap();
    record(&client, Kind::Distribution, 1);
    assert!(client.flush(Flush::All, AMPLE).unwrap().complete());
    assert_eq!(lines_of(&std::fs::read(&path).unwrap()), 1);
    std::fs::remove_dir_all(dir.path()).unwrap();
    record(&client, Kind::Distribution, 1);
    assert_eq!(client.flush(Flush::All, MOMENT).unwrap().waiting, 1);
}

fn dogstatsd(url: &str) -> Client {
    let settings = [
        ("destination", "dogstatsd"),
        ("dogstatsd_url", url),
        ("datagram_bytes_max", "64"),
    ];
    Client::new(&small_engine(), &config(&settings)).unwrap()
}

#[test]
fn datagrams_keep_to_their_size_and_hold_whole_lines() {
    let agent = UdpSocket::bind("127.0.0.1:0").unwrap();
    agent.set_read_timeout(Some(AMPLE)).unwrap();
    let client = dogstatsd(&format!("udp://{}", agent.local_addr().unwrap()));
    for name in ["a", "b", "c", "d", "e"] {
        client
            .engine()
            .record_named(Kind::Count, &[name, "env:test"], 2.0)
            .unwrap();
    }
    assert!(
        client.flush(Flush::All, AMPLE).unwrap().complete(),
        "{}",
        client.last_failure()
    );
    let (mut lines, mut buffer) = (Vec::new(), [0; 2_000]);
    while lines.len() < 5 {
        let len = agent.recv(&mut buffer).unwrap();
        assert!(len <= 64);
        let text = std::str::from_utf8(&buffer[..len]).unwrap();
        lines.extend(text.lines().map(str::to_owned));
    }
    assert_eq!(lines[0], "a:2|c|#env:test");
}

#[test]
fn an_agent_that_is_away_gets_its_datagrams_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dsd.socket");
    let client = dogstatsd(&format!("unix://{}", path.display()));
    record(&client, Kind::Count, 1);
    flush_until(&client, MOMENT, |books| books.failures() > 0);
    let books = client.stats();
    assert_eq!((books.waiting(), books.dropped()), (1, 0));
    for _ in 0..2 {
        let agent = UnixDatagram::bind(&path).unwrap();
        agent.set_read_timeout(Some(AMPLE)).unwrap();
        assert!(
            client.flush(Flush::All, AMPLE).unwrap().complete(),
            "{}",
            client.last_failure()
        );
        let mut buffer = [0; 100];
        assert!(agent.recv(&mut buffer).unwrap() > 0);
        // It starts anew, with another socket under the same name.
        std::fs::remove_file(&path).unwrap();
        drop(agent);
        record(&client, Kind::Count, 1);
    }
    assert_eq!(client.stats().accepted, 2);
}

#[test]
fn an_agent_that_does_not_read_costs_no_more_than_the_time_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dsd.socket");
    let agent = UnixDatagram::bind(&path).unwrap();
    let client = dogstatsd(&format!("unix://{}", path.display()));
    // How many datagrams a socket holds is the system's affair: 10 here, 512 there.
    let mut sent = 0;
    flush_until(&client, MOMENT, |books| {
        let full = books.accepted > 0 && books.failed_for(FailCause::Timeout) > 0;
        for i in 0..if full { 0 } else { 60 } {
            let name = format!("metric.number.{i:04}.with.a.long.name");
            let engine = client.engine();
            engine.record_named(Kind::Count, &[&name], 2.0).unwrap();
            sent += 1;
        }
        full
    });
    let books = client.stats();
    assert!(books.waiting() > 0 && books.dropped() == 0, "{books:?}");
    let reading = std::thread::spawn(move || {
        let mut buffer = [0; 100];
        (0..sent).map(|_| agent.recv(&mut buffer).unwrap()).count()
    });
    assert!(client.flush(Flush::All, AMPLE).unwrap().complete());
    assert_eq!(reading.join().unwrap(), sent);
}

#[test]
fn stream_packets_are_preceded_by_their_length() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dsd.stream");
    let agent = UnixListener::bind(&path).unwrap();
    let client = dogstatsd(&format!("unixstream://{}", path.display()));
    record(&client, Kind::Count, 3);
    assert!(
        client.flush(Flush::All, AMPLE).unwrap().complete(),
        "{}",
        client.last_failure()
    );
    drop(client);
    let mut all = Vec::new();
    agent.accept().unwrap().0.read_to_end(&mut all).unwrap();
    let len = u32::from_le_bytes(all[..4].try_into().unwrap()) as usize;
    assert_eq!(&all[4..], b"m:3|c|#env:test");
    assert_eq!(len, all.len() - 4);
}

#[test]
fn a_datagram_that_the_system_calls_too_large_is_dropped_and_counted() {
    let agent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("udp://{}", agent.local_addr().unwrap());
    let settings = [
        ("destination", "dogstatsd"),
        ("dogstatsd_url", url.as_str()),
        ("datagram_bytes_max", "65467"),
    ];
    let client = Client::new(&small_engine(), &config(&settings)).unwrap();
    let tags: Vec<String> = (0..99)
        .map(|i| format!("t{i}:{}", "x".repeat(490)))
        .collect();
    let mut parts = vec!["m"];
    parts.extend(tags.iter().map(String::as_str));
    for i in 0..2 {
        client
            .engine()
            .record_named(Kind::Distribution, &parts, f64::from(i))
            .unwrap();
    }
    client.flush(Flush::All, AMPLE).unwrap();
    // What fits into one datagram of IPv4 arrives.
    let books = client.stats();
    assert!(books.balances(), "{books:?}");
    assert_eq!(
        books.accepted + books.dropped_for(DropCause::TooLarge) + books.skipped(),
        2,
        "{books:?}"
    );
}
