//! Time and chance for tests, and an engine small enough to make thousands of.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pointmill::{Config, Engine, Flush};
use pointmill_deliver::{Client, ClientStats, Clock, Entropy};

/// Time for what must succeed. A busy machine may take its turn; whoever needs all of it has failed.
pub(crate) const AMPLE: Duration = Duration::from_secs(120);

/// Flushes for `each` time and time again until the books are as `done` wants them.
pub(crate) fn flush_until(
    client: &Client,
    each: Duration,
    mut done: impl FnMut(&ClientStats) -> bool,
) {
    let start = Instant::now();
    loop {
        client.flush(Flush::All, each).unwrap();
        let books = client.stats();
        if done(&books) {
            return;
        }
        assert!(
            start.elapsed() < AMPLE,
            "{books:?} {}",
            client.last_failure()
        );
    }
}

/// SplitMix64.
#[derive(Debug)]
pub(crate) struct Chance(AtomicU64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(AtomicU64::new(seed))
    }

    /// A number below `n`.
    pub(crate) fn below(&self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }
}

impl Entropy for Chance {
    fn next(&self) -> u64 {
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// A clock that stands still until somebody waits or moves it.
#[derive(Debug, Default)]
pub(crate) struct StillClock(Mutex<Duration>);

pub(crate) const START_UNIX_S: u64 = 1_700_000_000;

impl StillClock {
    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for StillClock {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn unix_ms(&self) -> u64 {
        START_UNIX_S * 1_000 + self.now().as_millis() as u64
    }

    fn skip(&self, wait: Duration) -> bool {
        self.advance(wait);
        true
    }
}

pub(crate) fn small_engine() -> Engine {
    let mut config = Config::default();
    for (name, value) in [
        ("contexts_max", "64"),
        ("threads_max", "4"),
        ("arena_bytes", "2097152"),
    ] {
        config.set(name, value).unwrap();
    }
    Engine::new(&config, START_UNIX_S as i64).unwrap()
}
