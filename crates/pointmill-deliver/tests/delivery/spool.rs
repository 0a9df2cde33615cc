//! The spool from the outside.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use pointmill::{Flush, Kind};
use pointmill_deliver::{Attempt, CallbackDestination, Client, ClientConfig, DropCause};

use crate::common::{AMPLE, small_engine};

/// A destination with a switch.
#[derive(Clone, Default)]
pub(crate) struct Sink {
    pub(crate) up: Arc<AtomicBool>,
    pub(crate) points: Arc<AtomicU64>,
}

impl Sink {
    fn up() -> Sink {
        let sink = Sink::default();
        sink.up.store(true, Ordering::Relaxed);
        sink
    }

    pub(crate) fn destination(&self) -> Arc<CallbackDestination> {
        let sink = self.clone();
        Arc::new(CallbackDestination::new(move |batch, _| {
            if !sink.up.load(Ordering::Relaxed) {
                return Attempt::Status {
                    code: 503,
                    retry_after: None,
                };
            }
            sink.points.fetch_add(batch.points(), Ordering::Relaxed);
            Attempt::Accepted
        }))
    }

    fn points(&self) -> u64 {
        self.points.load(Ordering::Relaxed)
    }
}

pub(crate) fn spooling(dir: &Path, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::default();
    let common = [
        ("background", "false"),
        ("retry_base_ms", "1"),
        ("retry_max_ms", "1"),
        ("queue_bytes_max", "4096"),
        ("compression", "none"),
        ("spool_dir", dir.to_str().unwrap()),
    ];
    for (name, value) in common.iter().chain(settings) {
        config.set(name, value).unwrap();
    }
    config
}

fn client(dir: &Path, sink: &Sink, settings: &[(&str, &str)]) -> Client {
    let config = spooling(dir, settings);
    Client::with_destination(&small_engine(), &config, sink.destination()).unwrap()
}

/// One batch of `points` points and about 1,400 bytes.
pub(crate) fn batch(client: &Client, points: u32) {
    let name = "m".repeat(500);
    let tag = format!("t:{}", "x".repeat(500));
    for i in 0..points {
        client
            .engine()
            .record_named(Kind::Distribution, &[&name, &tag], f64::from(i))
            .unwrap();
    }
    client.flush(Flush::All, Duration::ZERO).unwrap();
}

fn files(dir: &Path, suffix: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir).unwrap().flatten().map(|e| e.path());
    let mut found: Vec<_> = entries
        .filter(|p| p.to_str().unwrap().ends_with(suffix))
        .collect();
    found.sort();
    found
}

#[test]
fn what_the_queue_cannot_hold_waits_on_disk_and_arrives() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Sink::default();
    let client = client(dir.path(), &sink, &[]);
    (0..10).for_each(|_| batch(&client, 10));
    let books = client.stats();
    assert!(
        books.balances() && books.spooled > 0 && books.queued > 0,
        "{books:?}"
    );
    assert_eq!(books.waiting(), 100);
    client.flush(Flush::All, Duration::from_millis(50)).unwrap();
    assert_eq!(client.stats().waiting(), 100);
    sink.up.store(true, Ordering::Relaxed);
    assert!(client.flush(Flush::All, AMPLE).unwrap().complete());
    let books = client.stats();
    assert!(
        books.balances() && books.accepted == 100 && books.adopted == 0,
        "{books:?}"
    );
    assert_eq!((sink.points(), files(dir.path(), "").len()), (100, 0));
}

#[test]
fn the_next_process_takes_up_what_is_left_and_both_keep_books() {
    let dir = tempfile::tempdir().unwrap();
    let (away, sink) = (Sink::default(), Sink::up());
    let first = client(dir.path(), &away, &[]);
    (0..4).for_each(|_| batch(&first, 10));
    let report = first.close(Duration::ZERO);
    assert_eq!(
        (
            report.waiting,
            report.dropped,
            files(dir.path(), ".batch").len()
        ),
        (40, 0, 4)
    );
    assert!(first.stats().balances());
    let second = client(dir.path(), &sink, &[]);
    assert!(second.flush(Flush::All, AMPLE).unwrap().complete());
    let books = second.stats();
    assert!(books.balances(), "{books:?}");
    assert_eq!((books.adopted, books.accepted, sink.points()), (40, 40, 40));
}

#[test]
fn what_another_process_takes_up_is_handed_over() {
    let dir = tempfile::tempdir().unwrap();
    let (away, sink) = (Sink::default(), Sink::up());
    let first = client(dir.path(), &away, &[]);
    (0..8).for_each(|_| batch(&first, 1));
    let spooled = first.stats().spooled;
    let second = client(dir.path(), &sink, &[]);
    second.flush(Flush::All, AMPLE).unwrap();
    assert_eq!(second.stats().accepted, spooled);
    first.flush(Flush::All, Duration::ZERO).unwrap();
    let books = first.stats();
    assert!(books.balances(), "{books:?}");
    assert_eq!((books.handed_over, books.spooled), (spooled, 0));
}

#[test]
fn two_that_send_at_once_never_send_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let first = client(dir.path(), &Sink::default(), &[]);
    (0..6).for_each(|_| batch(&first, 10));
    first.close(Duration::ZERO);
    let points = Arc::new(AtomicU64::new(0));
    let slow = || {
        let points = Arc::clone(&points);
        let send = CallbackDestination::new(move |batch, _| {
            std::thread::sleep(Duration::from_millis(20));
            points.fetch_add(batch.points(), Ordering::Relaxed);
            Attempt::Accepted
        });
        Client::with_destination(&small_engine(), &spooling(dir.path(), &[]), Arc::new(send))
            .unwrap()
    };
    let (a, b) = (slow(), slow());
    std::thread::scope(|scope| {
        for client in [&a, &a, &b] {
            scope.spawn(|| client.flush(Flush::All, AMPLE).unwrap());
        }
    });
    let (a, b) = (a.stats(), b.stats());
    assert!(a.balances() && b.balances(), "{a:?} {b:?}");
    assert_eq!(a.accepted + b.accepted, 60);
    assert_eq!(points.load(Ordering::Relaxed), 60);
}

#[test]
fn the_oldest_give_way_and_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Sink::default();
    let client = client(dir.path(), &sink, &[("spool_bytes_max", "4096")]);
    (0..12).for_each(|i| batch(&client, i + 1));
    let books = client.stats();
    assert!(books.balances(), "{books:?}");
    assert!(books.dropped_for(DropCause::SpoolFull) > 0, "{books:?}");
    let used: u64 = files(dir.path(), "")
        .iter()
        .map(|p| p.metadata().unwrap().len())
        .sum();
    assert!(used <= 4096);
    // The newest are still there.
    sink.up.store(true, Ordering::Relaxed);
    client.flush(Flush::All, AMPLE).unwrap();
    assert!(sink.points() >= 12 + 11 + 10);
}

#[test]
fn garbage_is_put_aside_and_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Sink::default();
    let first = client(dir.path(), &sink, &[]);
    (0..4).for_each(|_| batch(&first, 10));
    first.close(Duration::ZERO);
    let there = files(dir.path(), ".batch");
    let mut bytes = fs::read(&there[0]).unwrap();
    bytes.truncate(100);
    fs::write(&there[0], &bytes).unwrap();
    let mut bytes = fs::read(&there[1]).unwrap();
    bytes[7] = 9;
    fs::write(&there[1], &bytes).unwrap();
    fs::write(dir.path().join("zzz.batch"), b"not at all").unwrap();
    fs::write(dir.path().join("README"), b"somebody else's").unwrap();
    fs::create_dir(dir.path().join("dir.batch")).unwrap();
    sink.up.store(true, Ordering::Relaxed);
    let second = client(dir.path(), &sink, &[]);
    for _ in 0..3 {
        second.flush(Flush::All, AMPLE).unwrap();
    }
    let books = second.stats();
    assert!(books.balances(), "{books:?}");
    assert_eq!(
        (books.accepted, books.spool_damaged_files),
        (20, 2),
        "{books:?}"
    );
    assert_eq!(files(dir.path(), ".damaged").len(), 2);
    assert!(there[1].exists() && dir.path().join("README").exists());
}

#[test]
fn a_damaged_file_of_its_own_is_dropped_from_the_books() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Sink::default();
    let client = client(dir.path(), &sink, &[]);
    (0..6).for_each(|_| batch(&client, 10));
    let spooled = files(dir.path(), ".batch");
    fs::write(&spooled[0], b"").unwrap();
    sink.up.store(true, Ordering::Relaxed);
    client.flush(Flush::All, AMPLE).unwrap();
    let books = client.stats();
    assert!(books.balances(), "{books:?}");
    assert_eq!(
        (books.dropped_for(DropCause::SpoolFailed), books.accepted),
        (10, 50),
        "{books:?}"
    );
}

#[test]
fn what_is_too_old_is_dropped_wherever_it_waits() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Sink::default();
    let client = client(dir.path(), &sink, &[("batch_age_max_s", "1")]);
    (0..6).for_each(|_| batch(&client, 10));
    std::thread::sleep(Duration::from_millis(1_100));
    client.flush(Flush::All, AMPLE).unwrap();
    let books = client.stats();
    assert!(books.balances(), "{books:?}");
    assert_eq!(
        (books.dropped_for(DropCause::Expired), books.waiting()),
        (60, 0)
    );
}

#[test]
fn a_directory_that_cannot_be_used_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = spooling(&file.path().join("below"), &[]);
    let error = Client::with_destination(&small_engine(), &config, Sink::up().destination());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("spool_dir"), "{error}");
}

#[test]
fn a_directory_that_vanishes_is_a_counted_drop() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Sink::default();
    let client = client(dir.path(), &sink, &[]);
    fs::remove_dir(dir.path()).unwrap();
    (0..6).for_each(|_| batch(&client, 10));
    let books = client.stats();
    assert!(
        books.balances() && books.dropped_for(DropCause::SpoolFailed) > 0,
        "{books:?}"
    );
    assert!(
        client.last_failure().contains("spool"),
        "{}",
        client.last_failure()
    );
}

/// Needs the right to mount; without it the test says so and ends.
#[test]
fn on_a_full_disk_the_oldest_give_way() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=32k", "tmpfs"])
        .arg(dir.path())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("left out: no right to mount");
        return;
    }
    let sink = Sink::default();
    let client = client(dir.path(), &sink, &[]);
    (0..30).for_each(|i| batch(&client, i + 1));
    let books = client.stats();
    sink.up.store(true, Ordering::Relaxed);
    client.flush(Flush::All, AMPLE).unwrap();
    let after = client.stats();
    drop(client);
    let _ = Command::new("umount").arg(dir.path()).status();
    assert!(books.balances() && after.balances(), "{books:?} {after:?}");
    assert!(books.dropped_for(DropCause::SpoolFull) > 0, "{books:?}");
    assert!(sink.points() >= 30 + 29 + 28 + 27, "{after:?}");
}
