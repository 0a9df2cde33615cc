//! Time and chance as arguments, so that tests decide both.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time to a client.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Time since some fixed moment; never goes back.
    fn now(&self) -> Duration;
    /// Milliseconds since 1970-01-01 UTC.
    fn unix_ms(&self) -> u64;
    /// A client is about to wait for this long. A clock that can be moved moves itself and answers
    /// `true`, and nobody waits; the system's clock answers `false`.
    fn skip(&self, wait: Duration) -> bool {
        let _ = wait;
        false
    }
}

/// The system's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that counts from here.
    #[must_use]
    pub fn new() -> SystemClock {
        SystemClock {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        since_epoch.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Gives a client its random numbers: identities of batches and lengths of pauses.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// The next 64 random bits.
    fn next(&self) -> u64;
}

/// The system's random numbers. They are asked for one at a time, so a forked child does not
/// repeat its parent's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn next(&self) -> u64 {
        getrandom::u64().unwrap_or_else(|_| {
            // Without a source of chance the time must do: it only has to differ.
            let clock = SystemTime::now().duration_since(UNIX_EPOCH);
            let nanos = clock.map_or(0, |d| d.as_nanos() as u64);
            (nanos ^ (u64::from(std::process::id()) << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        })
    }
}
