//! A whole object in a forked child: it begins empty, with its parent's settings and ids, and has a
//! thread of its own; the parent goes on as if nothing had been.

use std::io::Read;
use std::os::fd::FromRawFd;
use std::time::{Duration, Instant};

use pointmill_lambda::settings::Source;
use pointmill_lambda::{Invocation, Lambda, Language, Outcome};
use pointmill_wire::log_line;

use crate::support::{AMPLE, ARN, Server, source, with_log};

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

/// With a deadline, so that the thread has something to do before the invocation ends.
fn begin(lambda: &Lambda, deadline_unix_ms: i64) -> pointmill_lambda::Token {
    lambda.begin(&Invocation {
        invoked_function_arn: ARN,
        deadline_unix_ms,
        ..Invocation::default()
    })
}

/// Waits until the thread has sent everything: nobody flushes here.
fn wait_for_thread(lambda: &Lambda) {
    let start = Instant::now();
    while lambda.stats().deadline_flushes == 0 || lambda.stats().pending > 0 {
        assert!(start.elapsed() < AMPLE, "{:?}", lambda.stats());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn sources(url: &str) -> [Source; 3] {
    let http = [("DD_API_KEY", "k")];
    let points = [http[0], ("POINTMILL_LAMBDA_FORMAT", "distribution_points")];
    [&[("DD_FLUSH_TO_LOG", "true")][..], &http, &points].map(|variables| {
        let mut source = source(Language::Python, variables);
        source.set("url", url).unwrap();
        source
    })
}

#[test]
fn a_forked_child_begins_empty_and_has_its_own_thread() {
    let server = Server::start(|_| (202, "{}".to_owned()));
    for (mode, source) in sources(&server.url).iter().enumerate() {
        let (lambda, mut log) = with_log(source);
        let held = lambda.context(&["held", "k:v"]).unwrap();
        let token = begin(&lambda, 0);
        lambda.metric(&["parent"], 1.0).unwrap();
        lambda.record(held, 1.0).unwrap();
        assert_eq!(lambda.stats().recorded, 3, "mode {mode}");
        let said = in_child(|| {
            let empty = lambda.stats();
            let nothing = empty.recorded + empty.pending + empty.invocations_open + empty.flushes;
            let unknown = lambda.end(token, &Outcome::default()).is_err();
            lambda.metric(&["child"], 2.0).unwrap();
            lambda.record(held, 2.0).unwrap();
            // Its deadline is over, so the thread sends at once.
            let token = begin(&lambda, 1);
            wait_for_thread(&lambda);
            lambda.end(token, &Outcome::default()).unwrap();
            let complete = lambda.flush(AMPLE).unwrap().complete();
            let stats = lambda.stats();
            format!(
                "{nothing} {unknown} {} {} {complete} {}",
                stats.recorded,
                stats.accepted,
                stats.balances()
            )
        });
        assert_eq!(said, "0 true 3 3 true true", "mode {mode}");
        // An interval may have ended meanwhile, and then its own thread is sending them or has sent them.
        let after = lambda.stats();
        assert_eq!(after.recorded, 3, "mode {mode}: {after:?}");
        lambda.end(token, &Outcome::default()).unwrap();
        assert!(lambda.flush(AMPLE).unwrap().complete());
        let stats = lambda.stats();
        assert!(stats.accepted == 3 && stats.balances(), "{stats:?}");
        drop(lambda);
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        let lines = text.lines().map(|line| log_line::parse(line.as_bytes()));
        let mut names: Vec<String> = lines.map(|line| line.unwrap().name.to_string()).collect();
        names.sort();
        let enhanced = ["aws.lambda.enhanced.invocations"; 2];
        let custom = ["child", "held", "held", "parent"];
        let expected = if mode == 0 {
            [&enhanced[..], &custom].concat()
        } else {
            enhanced.to_vec()
        };
        assert_eq!(names, expected, "mode {mode}");
    }
    // Two modes by HTTP, each from parent and child; the child's connection is its own.
    assert!(server.requests().len() >= 4);
}

/// The parent's thread is not in the child: the first point there starts another.
#[test]
fn a_point_outside_of_an_invocation_starts_the_childs_thread() {
    let (lambda, mut log) = with_log(&source(Language::Python, &[("DD_FLUSH_TO_LOG", "true")]));
    let delivered = |name: &str| {
        lambda.metric(&[name], 1.0).unwrap();
        let start = Instant::now();
        while lambda.stats().accepted == 0 {
            assert!(start.elapsed() < AMPLE, "{:?}", lambda.stats());
            std::thread::sleep(Duration::from_millis(10));
        }
        lambda.stats().accepted.to_string()
    };
    assert_eq!(delivered("parent"), "1");
    assert_eq!(in_child(|| delivered("child")), "1");
    drop(lambda);
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    let names: Vec<_> = text.lines().map(|line| line.split('"').nth(3)).collect();
    assert_eq!(names, [Some("parent"), Some("child")]);
}
