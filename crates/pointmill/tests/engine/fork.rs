//! A forked child begins with nothing but the contexts; its parent loses nothing.

use std::io::Read;
use std::os::fd::FromRawFd;

use pointmill::{Config, Engine, Flush, ForkMark, Kind};

const NOW: i64 = 1_700_000_000;

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
fn a_child_begins_empty_with_valid_ids_and_its_own_books() {
    let engine = Engine::new(&Config::default(), NOW).unwrap();
    let id = engine.context(Kind::Distribution, "d", &["a:b"]).unwrap();
    for i in 0..1000 {
        engine.record(id, f64::from(i)).unwrap();
    }
    let child = in_child(|| {
        let before = engine.stats();
        // Points in the ring at the fork must not come out here; these must.
        for i in 0..700 {
            engine.record(id, f64::from(i)).unwrap();
        }
        engine
            .record_named(Kind::Distribution, &["d", "a:b"], 1.0)
            .unwrap();
        engine.record_named(Kind::Count, &["new"], 1.0).unwrap();
        let snapshot = engine.flush(NOW, Flush::All);
        let stats = engine.stats();
        format!(
            "{} {} | {} {} {} {}",
            before.recorded,
            before.contexts,
            snapshot.points(),
            snapshot.get(0).unwrap().sketch().unwrap().summary.count,
            stats.balances(),
            stats.recorded,
        )
    });
    assert_eq!(child, "0 1 | 702 701 true 702");
    let snapshot = engine.flush(NOW, Flush::All);
    assert_eq!((snapshot.points(), engine.stats().contexts), (1000, 1));
}

#[test]
fn a_mark_is_its_makers_alone() {
    let mark = ForkMark::new();
    assert!(mark.is_ours());
    let child = in_child(|| {
        let own = ForkMark::new();
        format!("{} {}", mark.is_ours(), own.is_ours())
    });
    assert_eq!(child, "false true");
    assert!(mark.is_ours());
}

#[test]
fn a_child_forked_while_others_record_flush_and_intern_is_not_stuck() {
    let mut config = Config::default();
    config.idle_flushes = 3;
    let engine = Engine::new(&config, NOW).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    struct SetOnDrop<'a>(&'a std::sync::atomic::AtomicBool);
    impl Drop for SetOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let running = || !done.load(std::sync::atomic::Ordering::Relaxed);
    std::thread::scope(|scope| {
        let _ended = SetOnDrop(&done);
        scope.spawn(|| {
            while running() {
                let _ = engine.flush(NOW, Flush::All);
            }
        });
        scope.spawn(|| {
            for i in 0_u64.. {
                if !running() {
                    break;
                }
                let _ =
                    engine.record_named(Kind::Count, &["c".into(), format!("n:{}", i % 9000)], 1.0);
            }
        });
        for _ in 0..30 {
            let child = in_child(|| {
                let id = engine.context::<&str>(Kind::Count, "c", &[]).unwrap();
                for _ in 0..300 {
                    engine.record(id, 1.0).unwrap();
                }
                engine
                    .record_named(Kind::Count, &["c", "of:child"], 1.0)
                    .unwrap();
                format!(
                    "{} {}",
                    engine.flush(NOW, Flush::All).points(),
                    engine.stats().balances()
                )
            });
            assert_eq!(child, "301 true");
        }
    });
    assert!(
        engine.stats().contexts_expired > 0,
        "contexts came and went meanwhile"
    );
    assert!(engine.stats().balances());
}
