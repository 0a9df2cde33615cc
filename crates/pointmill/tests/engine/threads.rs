//! Many threads, flushes under way, threads that end, more threads than lanes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pointmill::{Config, Engine, Flush, Kind, Snapshot};

const NOW: i64 = 1_700_000_000;

/// Sets the flag when dropped, so that a failed assertion does not leave a loop running.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn small(threads_max: u64) -> Engine {
    let mut config = Config::default();
    config.threads_max = threads_max;
    config.contexts_max = 200;
    config.arena_bytes = 8 << 20;
    config.idle_flushes = 0;
    Engine::new(&config, NOW).unwrap()
}

/// Sum of the counts and number of points in the distributions.
fn totals(snapshots: &[Snapshot]) -> (f64, u64, u64) {
    let entries = || snapshots.iter().flat_map(Snapshot::iter);
    let counts = entries().filter(|e| e.kind() == Kind::Count);
    let sketches = entries().filter_map(|e| e.sketch());
    (
        counts.filter_map(|e| e.scalar()).sum(),
        sketches.clone().map(|s| s.summary.count).sum(),
        sketches
            .flat_map(|s| s.counts.iter().map(|n| u64::from(*n)))
            .sum(),
    )
}

fn hammer(engine: &Engine, threads: usize, rounds: u64) -> Vec<Snapshot> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ended = SetOnDrop(&done);
        let flusher = scope.spawn(|| {
            let mut snapshots = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let snapshot = engine.flush(NOW, Flush::All);
                if !snapshot.is_empty() {
                    snapshots.push(snapshot);
                }
            }
            snapshots
        });
        let recorders: Vec<_> = (0..threads)
            .map(|t| {
                scope.spawn(move || {
                    let count = engine.context(Kind::Count, "count", &["t:any"]).unwrap();
                    let own = [format!("t:{t}")];
                    let distribution = engine.context(Kind::Distribution, "d", &own).unwrap();
                    for i in 0..rounds {
                        engine.record(count, 1.0).unwrap();
                        engine.record(distribution, i as f64).unwrap();
                        engine
                            .record_named(Kind::Distribution, &["d", "t:shared"], 1.5)
                            .unwrap();
                        if i % 64 == 0 {
                            engine.record_at(distribution, 1.0, NOW - 20).unwrap();
                            engine.record_many(count, &[1.0, 2.0]).unwrap();
                        }
                    }
                })
            })
            .collect();
        recorders.into_iter().for_each(|r| r.join().unwrap());
        drop(ended);
        flusher.join().unwrap()
    })
}

fn nothing_is_lost(threads_max: u64, threads: usize) {
    let engine = small(threads_max);
    let rounds = 20_000;
    let mut snapshots = hammer(&engine, threads, rounds);
    snapshots.push(engine.flush(NOW, Flush::All));
    let extra = rounds.div_ceil(64) * threads as u64;
    let all = rounds * threads as u64;
    assert_eq!(
        totals(&snapshots),
        ((all + 3 * extra) as f64, 2 * all + extra, 2 * all + extra)
    );
    let stats = engine.stats();
    assert!(stats.balances(), "{stats:?}");
    assert_eq!(
        (stats.recorded, stats.pending, stats.dropped()),
        (3 * all + 3 * extra, 0, 0)
    );
}

#[test]
fn nothing_is_lost_while_flushes_run() {
    nothing_is_lost(8, 3);
}

#[test]
fn more_threads_than_lanes_share_them() {
    nothing_is_lost(1, 4);
}

#[test]
fn lanes_of_ended_threads_are_used_again() {
    let engine = small(2);
    let id = engine.context::<&str>(Kind::Count, "c", &[]).unwrap();
    for _ in 0..50 {
        std::thread::scope(|scope| {
            scope.spawn(|| engine.record(id, 1.0).unwrap());
        });
    }
    assert_eq!(engine.stats().pending, 50);
    let snapshot = engine.flush(NOW, Flush::All);
    assert_eq!(snapshot.get(0).unwrap().scalar(), Some(50.0));
}

#[test]
fn one_thread_may_use_many_engines_and_outlive_them() {
    let engines: Vec<Engine> = (0..20).map(|_| small(1)).collect();
    for i in 0..1000 {
        let engine = &engines[i * 7 % engines.len()];
        let id = engine.context::<&str>(Kind::Count, "c", &[]).unwrap();
        engine.record(id, 1.0).unwrap();
    }
    for engine in engines {
        assert_eq!(engine.flush(NOW, Flush::All).points(), 50);
    }
    let engine = small(1);
    let id = engine.context::<&str>(Kind::Count, "c", &[]).unwrap();
    engine.record(id, 1.0).unwrap();
    assert_eq!(engine.stats().pending, 1);
}

#[test]
fn contexts_made_by_many_threads_at_once_are_one() {
    let engine = small(8);
    let ids: Vec<Vec<_>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    (0..150)
                        .map(|i| {
                            engine
                                .context(Kind::Gauge, "g", &[format!("n:{i}"), "x".into()])
                                .unwrap()
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|other| *other == ids[0]));
    assert_eq!(engine.stats().contexts, 150);
}

#[test]
fn contexts_expire_and_come_back_while_others_look_them_up() {
    let mut config = Config::default();
    config.idle_flushes = 1;
    config.contexts_max = 64;
    config.threads_max = 4;
    config.arena_bytes = 8 << 20;
    let engine = Engine::new(&config, NOW).unwrap();
    let done = AtomicBool::new(false);
    let (flushed, recorded) = std::thread::scope(|scope| {
        let ended = SetOnDrop(&done);
        let flusher = scope.spawn(|| {
            let mut flushed = 0;
            while !done.load(Ordering::Relaxed) {
                let snapshot = engine.flush(NOW, Flush::All);
                for entry in snapshot.iter() {
                    // A torn key would show here.
                    let n: usize = entry.name()[6..].parse().unwrap();
                    let tag = entry.tags().next().unwrap();
                    assert!(
                        tag == "pointmill.overflow:true" || tag == format!("copy:{n}"),
                        "{tag}"
                    );
                    assert_eq!(entry.scalar(), Some(n as f64 * entry.points() as f64));
                }
                flushed += snapshot.points();
            }
            flushed + engine.flush(NOW, Flush::All).points()
        });
        let recorders: Vec<_> = (0..2)
            .map(|t| {
                let engine = &engine;
                scope.spawn(move || {
                    let mut recorded = 0;
                    // Until enough have expired: a short run may fall between two turns of the flusher.
                    let begun = Instant::now();
                    let goes_on = |i: usize| {
                        i < 30_000
                            || !i.is_multiple_of(1_000)
                            || engine.stats().contexts_expired <= 100
                                && begun.elapsed() < Duration::from_secs(60)
                    };
                    for i in (0_usize..).take_while(|&i| goes_on(i)) {
                        let n = (i / 40 * 17 + t * 5) % 200;
                        let (name, tag) = (format!("metric{n}"), format!("copy:{n}"));
                        let parts = [name.as_str(), "some:tag", tag.as_str()];
                        recorded +=
                            u64::from(engine.record_named(Kind::Count, &parts, n as f64).is_ok());
                    }
                    recorded
                })
            })
            .collect();
        let recorded: u64 = recorders.into_iter().map(|r| r.join().unwrap()).sum();
        drop(ended);
        (flusher.join().unwrap(), recorded)
    });
    let stats = engine.stats();
    assert!(stats.balances(), "{stats:?}");
    assert_eq!(recorded, flushed + stats.dropped(), "{stats:?}");
    assert!(stats.contexts_expired > 100, "{stats:?}");
}
