//! pointmill's engine as the suites use it.

use pointmill::{Config, ContextId, Engine, Flush, Kind};

use crate::workload::{NAME, three_tags};

/// The time of every engine here, Unix seconds.
pub const NOW: i64 = 1_700_000_000;

/// An engine with room for 16,384 contexts that are all busy.
///
/// # Panics
/// If the system gives no memory.
pub fn engine() -> Engine {
    let mut config = Config::default();
    config.arena_bytes = 256 << 20;
    config.idle_flushes = 0;
    Engine::new(&config, NOW).expect("the arena can be mapped")
}

/// A context of [`NAME`] with the three tags of number `i`.
///
/// # Panics
/// If a limit is in the way.
pub fn context(engine: &Engine, kind: Kind, i: usize) -> ContextId {
    engine
        .context(kind, NAME, &three_tags(i))
        .expect("within the limits")
}

/// Takes everything out and checks that `points` had been recorded, none of them lost.
///
/// # Panics
/// If the books say otherwise.
pub fn flush_and_check(engine: &Engine, points: usize) -> pointmill::Snapshot {
    let snapshot = engine.flush(NOW, Flush::All);
    assert_eq!(snapshot.points(), points as u64);
    let stats = engine.stats();
    assert!(stats.balances() && stats.dropped() + stats.rejected() + stats.overflowed == 0);
    snapshot
}
