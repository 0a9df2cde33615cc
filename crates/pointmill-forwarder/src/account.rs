//! The books of a forwarder: what became of every event.

use std::collections::BTreeMap;

use crate::envelope::EnvelopeError;
use crate::{Enhanced, LegacyKind, Refusal};

/// What became of every event and what was made of them. Events are log events, telemetry events
/// or lines.
///
/// `events = platform + metrics + legacy + logs + refused`, whatever was read:
/// [`Account::balances`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// Events read.
    pub events: u64,
    /// Platform messages, with or without metrics.
    pub platform: u64,
    /// Metrics as JSON lines: one point each.
    pub metrics: u64,
    /// Metrics as `MONITORING|` lines, by type.
    pub legacy: BTreeMap<LegacyKind, u64>,
    /// Ordinary logs, blank ones included.
    pub logs: u64,
    /// Events that looked like metrics or platform messages and gave none, by cause.
    pub refused: BTreeMap<Refusal, u64>,
    /// Points of enhanced metrics, by metric.
    pub enhanced: BTreeMap<Enhanced, u64>,
    /// Counts and gauges that came out of the `MONITORING|` lines of one time.
    pub legacy_points: u64,
    /// Timeouts, errors, out-of-memories, restores and initialisations told of again, by metric;
    /// counted the first time only.
    pub repeated: BTreeMap<Enhanced, u64>,
    /// Metric lines whose `ddtags` was no text: the metric was taken without them.
    pub ddtags_ignored: u64,
    /// Log records that Lambda says it lost itself.
    pub lost_by_platform: u64,
    /// Documents of log events opened.
    pub documents: u64,
    /// Documents that only check that somebody listens.
    pub control_messages: u64,
    /// Envelopes, and records of them, that have no log events, by cause. How many events they
    /// would have had nobody knows.
    pub envelopes_refused: BTreeMap<EnvelopeError, u64>,
    /// Events whose text was not UTF-8; the bytes in question stand as U+FFFD.
    pub utf8_mended: u64,
}

impl Account {
    /// Events refused, whatever the cause.
    #[must_use]
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Points handed out.
    #[must_use]
    pub fn points(&self) -> u64 {
        let samples = |kind| self.legacy.get(&kind).copied().unwrap_or(0);
        self.metrics
            + self.enhanced.values().sum::<u64>()
            + self.legacy_points
            + samples(LegacyKind::Histogram)
            + samples(LegacyKind::Check)
    }

    /// Envelopes and records of them that were refused, whatever the cause.
    #[must_use]
    pub fn envelopes_refused_total(&self) -> u64 {
        self.envelopes_refused.values().sum()
    }

    /// Whether every event is one thing and one thing only.
    #[must_use]
    pub fn balances(&self) -> bool {
        let legacy: u64 = self.legacy.values().sum();
        self.events == self.platform + self.metrics + legacy + self.logs + self.refused_total()
    }
}
