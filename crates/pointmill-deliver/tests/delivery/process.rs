//! Processes: stopped and let go on, killed, forked.
//!
//! A child is this test program once more, told by a variable which part to play.

use std::io::Read;
use std::os::fd::FromRawFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pointmill::Flush;
use pointmill_deliver::{Attempt, CallbackDestination, Client};

use crate::common::{AMPLE, Chance, flush_until, small_engine};
use crate::intake::{Act, Intake};
use crate::sockets::{explicit, record};
use crate::spool::{Sink, batch, spooling};

const PLAY: &str = "POINTMILL_TEST_PLAY";
const WITH: &str = "POINTMILL_TEST_WITH";

fn child(test: &str, play: &str, with: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PLAY, play)
        .env(WITH, with)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The parameter, if this process is a child that plays `play`.
fn playing(play: &str) -> Option<String> {
    let mine = std::env::var(PLAY).is_ok_and(|p| p == play);
    mine.then(|| std::env::var(WITH).unwrap())
}

fn signal(child: &Child, signal: i32) {
    // SAFETY: a signal to a child of our own that has not been waited for.
    unsafe { libc::kill(child.id() as i32, signal) };
}

#[test]
fn a_process_that_is_stopped_again_and_again_loses_nothing() {
    if let Some(url) = playing("frozen") {
        let mut config = explicit(&url);
        config.set("attempt_timeout_ms", "200").unwrap();
        let client = Client::new(&small_engine(), &config).unwrap();
        for _ in 0..60 {
            record(&client, "m", 10);
            client
                .flush(Flush::All, Duration::from_millis(300))
                .unwrap();
        }
        flush_until(&client, Duration::from_secs(1), |books| {
            books.waiting() == 0
        });
        let books = client.stats();
        assert!(
            books.balances() && books.accepted == 600,
            "{books:?} {}",
            client.last_failure()
        );
        println!("accepted {}", books.accepted);
        return;
    }
    let script = Chance::new(7);
    // It closes kept connections, which a stopped process does not see.
    let intake = Intake::new(move |_| match script.below(3) {
        0 => Act::TakeAndClose,
        1 => Act::TakeSlowly,
        _ => Act::Take,
    });
    let name = "process::a_process_that_is_stopped_again_and_again_loses_nothing";
    let mut child = child(name, "frozen", &intake.url());
    let chance = Chance::new(11);
    for _ in 0..25 {
        std::thread::sleep(Duration::from_millis(1 + chance.below(25)));
        signal(&child, libc::SIGSTOP);
        std::thread::sleep(Duration::from_millis(chance.below(60)));
        signal(&child, libc::SIGCONT);
    }
    let mut said = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(said.contains("accepted 600"), "{said}");
    assert_eq!(intake.total(), 600.0);
}

#[test]
fn a_process_that_is_killed_leaves_whole_files_and_the_next_one_sends_them() {
    if let Some(dir) = playing("killed") {
        let config = spooling(dir.as_ref(), &[("spool_sync", "false")]);
        let away = CallbackDestination::new(|_, _| Attempt::Status {
            code: 503,
            retry_after: None,
        });
        let client = Client::with_destination(&small_engine(), &config, Arc::new(away)).unwrap();
        loop {
            batch(&client, 3);
        }
    }
    let chance = Chance::new(3);
    let name = "process::a_process_that_is_killed_leaves_whole_files_and_the_next_one_sends_them";
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let mut child = child(name, "killed", dir.path().to_str().unwrap());
        let there = |suffix: &str| {
            let entries = std::fs::read_dir(dir.path()).unwrap().flatten();
            entries
                .filter(|e| e.file_name().to_str().unwrap().ends_with(suffix))
                .count()
        };
        let start = Instant::now();
        while there(".batch") <= 3 && start.elapsed() < AMPLE {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_micros(chance.below(20_000)));
        signal(&child, libc::SIGKILL);
        child.wait().unwrap();
        let files = there(".batch") as u64;
        assert!(files > 3);
        let taken = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&taken);
        let sink = CallbackDestination::new(move |batch, _| {
            count.fetch_add(batch.points(), Ordering::Relaxed);
            Attempt::Accepted
        });
        let config = spooling(dir.path(), &[]);
        let client = Client::with_destination(&small_engine(), &config, Arc::new(sink)).unwrap();
        assert!(client.flush(Flush::All, AMPLE).unwrap().complete());
        let books = client.stats();
        assert!(
            books.balances() && books.spool_damaged_files == 0,
            "{books:?}"
        );
        assert_eq!(
            (books.adopted, taken.load(Ordering::Relaxed)),
            (3 * files, 3 * files)
        );
        assert_eq!(there(".batch"), 0);
    }
}

/// Runs `f` in a forked child; what it returns comes back as text.
fn in_child(f: impl FnOnce() -> String) -> String {
    let mut ends = [0; 2];
    // SAFETY: two descriptors fit into the array.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: the child calls nothing that another thread of the test could hold a lock of, but
    // the allocator, which glibc makes safe after a fork.
    match unsafe { libc::fork() } {
        0 => {
            let text = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
            let text = text.unwrap_or_else(|_| "panicked".into());
            // SAFETY: the bytes are readable, the descriptor is the pipe's.
            unsafe { libc::write(ends[1], text.as_ptr().cast(), text.len()) };
            // SAFETY: ends the child without running the test harness's exit handlers.
            unsafe { libc::_exit(0) };
        }
        child => {
            assert!(child > 0, "fork failed");
            // SAFETY: ours to close.
            unsafe { libc::close(ends[1]) };
            let mut text = String::new();
            // SAFETY: ours, and open.
            let mut pipe = unsafe { std::fs::File::from_raw_fd(ends[0]) };
            pipe.read_to_string(&mut text).unwrap();
            // SAFETY: our own child.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            text
        }
    }
}

#[test]
fn a_forked_child_begins_with_nothing_and_leaves_its_parents_connection_alone() {
    let intake = Intake::new(|_| Act::Take);
    let dead = explicit("http://127.0.0.1:1");
    let dir = tempfile::tempdir().unwrap();
    for background in ["false", "true"] {
        let mut config = explicit(&intake.url());
        config.set("background", background).unwrap();
        config
            .set("spool_dir", dir.path().to_str().unwrap())
            .unwrap();
        let client = Client::new(&small_engine(), &config).unwrap();
        let kept = Client::new(&small_engine(), &dead).unwrap();
        record(&client, "parent", 5);
        assert!(client.flush(Flush::All, AMPLE).unwrap().complete());
        record(&kept, "kept", 3);
        kept.flush(Flush::All, Duration::ZERO).unwrap();
        record(&client, "parent", 1);
        let before = intake.taken().connections;
        let said = in_child(|| {
            let nothing = client.stats().flushed + client.stats().requests + kept.stats().queued;
            record(&client, "child", 7);
            // Where a thread runs, it may be the one that sends.
            let complete = client.flush(Flush::All, AMPLE).unwrap().complete();
            let books = client.stats();
            let closed = client.close(AMPLE).complete();
            format!(
                "{nothing} {complete} {} {} {closed}",
                books.accepted,
                books.balances()
            )
        });
        assert_eq!(said, "0 true 7 true true", "background {background}");
        // The parent goes on where it was, on the connection it had.
        let connections = intake.taken().connections;
        assert_eq!(connections, before + 1, "the child has opened its own");
        assert!(client.flush(Flush::All, AMPLE).unwrap().complete());
        assert_eq!((client.stats().accepted, kept.stats().queued), (6, 3));
        assert_eq!(client.stats().stale_connections, 0);
        assert_eq!(intake.taken().connections, connections);
    }
    assert_eq!(intake.taken().metrics["child"], 14.0);
    assert_eq!(intake.taken().metrics["parent"], 12.0);
}

/// A forked child that does nothing until it is ended.
struct Idle(libc::pid_t);

impl Idle {
    fn fork() -> Idle {
        // SAFETY: the child calls nothing but these two functions, which are safe after a fork.
        match unsafe { libc::fork() } {
            0 => {
                // SAFETY: takes nothing. Whoever forgets the child does not keep it for ever.
                unsafe { libc::sleep(300) };
                // SAFETY: ends the child without the test harness's exit handlers.
                unsafe { libc::_exit(0) };
            }
            child => {
                assert!(child > 0, "fork failed");
                Idle(child)
            }
        }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        // SAFETY: a signal to a child of our own that has not been waited for.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        // SAFETY: our own child.
        unsafe { libc::waitpid(self.0, std::ptr::null_mut(), 0) };
    }
}

#[test]
fn children_forked_in_the_middle_of_a_writing_keep_no_file_locked() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Sink::default();
    let config = spooling(dir.path(), &[("spool_sync", "false")]);
    let client = Client::with_destination(&small_engine(), &config, sink.destination()).unwrap();
    let stop = AtomicBool::new(false);
    let children: Vec<Idle> = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                batch(&client, 1);
            }
        });
        let forking = (0..40).map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            Idle::fork()
        });
        let children = forking.collect();
        stop.store(true, Ordering::Relaxed);
        children
    });
    sink.up.store(true, Ordering::Relaxed);
    assert!(client.flush(Flush::All, AMPLE).unwrap().complete());
    let books = client.stats();
    assert_eq!((books.waiting(), books.dropped()), (0, 0), "{books:?}");
    drop(children);
}
