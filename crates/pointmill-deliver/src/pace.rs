//! When to try again: pauses that grow, and a breaker for each endpoint.
//!
//! ```text
//! pause after n failures   uniform in 0 ..= min(max, base · 2^(n−1))          (full jitter)
//!
//! breaker   closed ──limit failures in a row──▶ open until now + pause
//!              ▲                                    │ the time has come
//!              └──an answer── half open ◀───────────┘
//!                             one probe at a time; a failure opens it again
//! ```
//!
//! A pause belongs to a batch and the breaker to an endpoint, so a batch that its receiver cannot
//! stomach is put off alone: what succeeds beside it keeps the breaker closed.

use std::time::Duration;

use crate::{ClientConfig, Entropy};

/// Lengths of pauses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    base_ms: u64,
    max_ms: u64,
}

impl Backoff {
    pub(crate) fn new(config: &ClientConfig) -> Backoff {
        Backoff {
            base_ms: config.retry_base_ms,
            max_ms: config.retry_max_ms,
        }
    }

    /// The pause after `failures` failures in a row, at least one.
    pub(crate) fn pause(&self, failures: u32, entropy: &dyn Entropy) -> Duration {
        let doublings = failures.saturating_sub(1).min(40);
        let upper = self.base_ms.saturating_mul(1 << doublings).min(self.max_ms);
        Duration::from_millis(entropy.next() % (upper + 1))
    }
}

/// The breaker of one endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
    /// Nothing is sent before this.
    until: Duration,
    probing: bool,
}

impl Breaker {
    /// When something may be sent: now or later; `None` while a probe is out.
    pub(crate) fn ready_at(&self, limit: u32) -> Option<Duration> {
        let waits_for_probe = self.failures >= limit && self.probing;
        (!waits_for_probe).then_some(self.until)
    }

    /// Something is being sent.
    pub(crate) fn sent(&mut self, limit: u32) {
        self.probing = self.failures >= limit;
    }

    /// What was to be sent was not.
    pub(crate) fn not_sent(&mut self) {
        self.probing = false;
    }

    /// The endpoint has answered, whatever it thinks of the batch.
    pub(crate) fn answered(&mut self) {
        *self = Breaker::default();
    }

    /// It has not, or asks for peace until `not_before`.
    pub(crate) fn failed(
        &mut self,
        limit: u32,
        now: Duration,
        not_before: Option<Duration>,
        pause: impl FnOnce(u32) -> Duration,
    ) {
        self.probing = false;
        self.failures = self.failures.saturating_add(1);
        if self.failures >= limit {
            self.until = self.until.max(now + pause(self.failures));
        }
        if let Some(not_before) = not_before {
            self.until = self.until.max(not_before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(u64);

    impl Entropy for Fixed {
        fn next(&self) -> u64 {
            self.0
        }
    }

    fn backoff() -> Backoff {
        Backoff {
            base_ms: 500,
            max_ms: 60_000,
        }
    }

    #[test]
    fn pauses_double_up_to_the_cap_and_reach_down_to_nothing() {
        // What remains of u64::MAX is not the upper end; the upper end itself is.
        for (failures, upper) in [
            (1, 500),
            (2, 1_000),
            (3, 2_000),
            (7, 32_000),
            (8, 60_000),
            (1_000, 60_000),
        ] {
            let pause = |n| backoff().pause(failures, &Fixed(n));
            assert_eq!(pause(0), Duration::ZERO);
            assert_eq!(pause(upper), Duration::from_millis(upper));
            assert_eq!(pause(upper + 1), Duration::ZERO);
        }
    }

    #[test]
    fn a_breaker_opens_after_the_limit_and_lets_one_probe_through() {
        let ms = Duration::from_millis;
        let mut breaker = Breaker::default();
        for _ in 0..2 {
            breaker.sent(3);
            breaker.failed(3, ms(10), None, |_| ms(100));
            assert_eq!(breaker.ready_at(3), Some(ms(0)), "still closed");
        }
        breaker.failed(3, ms(10), None, |n| ms(100 * u64::from(n)));
        assert_eq!(breaker.ready_at(3), Some(ms(310)));
        breaker.sent(3);
        assert_eq!(breaker.ready_at(3), None, "a probe is out");
        breaker.not_sent();
        assert_eq!(breaker.ready_at(3), Some(ms(310)));
        breaker.sent(3);
        breaker.failed(3, ms(400), None, |_| ms(5));
        assert_eq!(breaker.ready_at(3), Some(ms(405)));
        breaker.answered();
        assert_eq!(breaker.ready_at(3), Some(ms(0)));
    }

    #[test]
    fn peace_asked_for_is_kept_even_when_closed() {
        let mut breaker = Breaker::default();
        let later = Duration::from_secs(30);
        breaker.failed(5, Duration::ZERO, Some(later), |_| Duration::ZERO);
        assert_eq!(breaker.ready_at(5), Some(later));
    }
}
