//! The books: where every point is that left the engine.

use pointmill_wire::{SkipCause, Skipped};

/// Why points were given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DropCause {
    /// The queue was full and there is no spool.
    QueueFull,
    /// The spool was full, and these were the oldest in it.
    SpoolFull,
    /// The spool could not be written or read: a full disk, a damaged file.
    SpoolFailed,
    /// Older than `batch_age_max_s`.
    Expired,
    /// Too large for the receiver (413, or a datagram's limit), and only one series.
    TooLarge,
    /// The receiver called the body wrong: 400.
    BadRequest,
    /// The receiver does not know the key: 401, 403.
    Forbidden,
    /// The receiver refused for good with another status.
    Refused,
    /// Still there when the client was closed, without a spool.
    Closed,
    /// The encoder failed.
    NotEncoded,
}

impl DropCause {
    /// Every cause, in order.
    pub const ALL: [DropCause; 10] = [
        DropCause::QueueFull,
        DropCause::SpoolFull,
        DropCause::SpoolFailed,
        DropCause::Expired,
        DropCause::TooLarge,
        DropCause::BadRequest,
        DropCause::Forbidden,
        DropCause::Refused,
        DropCause::Closed,
        DropCause::NotEncoded,
    ];

    /// A word for counters and tags.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            DropCause::QueueFull => "queue_full",
            DropCause::SpoolFull => "spool_full",
            DropCause::SpoolFailed => "spool_failed",
            DropCause::Expired => "expired",
            DropCause::TooLarge => "too_large",
            DropCause::BadRequest => "bad_request",
            DropCause::Forbidden => "forbidden",
            DropCause::Refused => "refused",
            DropCause::Closed => "closed",
            DropCause::NotEncoded => "not_encoded",
        }
    }
}

/// Why an attempt did not deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FailCause {
    /// No connection: name not found, refused, TLS.
    Connect,
    /// No answer within the time.
    Timeout,
    /// The connection broke.
    Transport,
    /// The answer was not HTTP.
    Answer,
    /// 408 or 429: too many or too slow requests.
    Throttled,
    /// 5xx.
    Server,
    /// Any other status that is not 2xx.
    Status,
    /// The API key could not be had.
    Key,
}

impl FailCause {
    /// Every cause, in order.
    pub const ALL: [FailCause; 8] = [
        FailCause::Connect,
        FailCause::Timeout,
        FailCause::Transport,
        FailCause::Answer,
        FailCause::Throttled,
        FailCause::Server,
        FailCause::Status,
        FailCause::Key,
    ];

    /// A word for counters and tags.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FailCause::Connect => "connect",
            FailCause::Timeout => "timeout",
            FailCause::Transport => "transport",
            FailCause::Answer => "answer",
            FailCause::Throttled => "throttled",
            FailCause::Server => "server",
            FailCause::Status => "status",
            FailCause::Key => "key",
        }
    }
}

/// Where every point is that left the engine. Counts are points, or what the name says.
///
/// While no call is under way and the background thread rests, [`ClientStats::balances`]:
/// `flushed + adopted = accepted + queued + spooled + handed_over + skipped + dropped`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientStats {
    /// Points that the engine gave to this client.
    pub flushed: u64,
    /// Points in spool files of other processes that this one has dealt with.
    pub adopted: u64,
    /// The destination has taken them.
    pub accepted: u64,
    /// In memory, to be sent.
    pub queued: u64,
    /// In spool files that this process wrote, to be sent.
    pub spooled: u64,
    /// In spool files that this process wrote and another one has taken up.
    pub handed_over: u64,
    /// Points the format cannot carry, indexed as [`SkipCause::ALL`].
    pub skipped: [u64; SkipCause::ALL.len()],
    /// Points given up, indexed as [`DropCause::ALL`].
    pub dropped: [u64; DropCause::ALL.len()],
    /// Points in attempts whose whole body went out and got no answer. They were sent again under
    /// the same identity.
    pub uncertain: u64,
    /// Of the dropped points those that may have arrived all the same.
    pub dropped_uncertain: u64,
    /// Attempts made.
    pub requests: u64,
    /// Attempts that did not deliver, indexed as [`FailCause::ALL`].
    pub failed: [u64; FailCause::ALL.len()],
    /// Attempts made once more at once because a kept connection had gone stale.
    pub stale_connections: u64,
    /// Bodies cut in two after a 413.
    pub splits: u64,
    /// Batches in memory.
    pub batches_queued: u64,
    /// Batches in spool files that this process wrote.
    pub batches_spooled: u64,
    /// Bytes the queue is charged with.
    pub queue_bytes: u64,
    /// Damaged spool files that were put aside.
    pub spool_damaged_files: u64,
}

impl ClientStats {
    /// Points given up, whatever the cause.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Points given up for `cause`.
    #[must_use]
    pub fn dropped_for(&self, cause: DropCause) -> u64 {
        self.dropped[cause as usize]
    }

    /// Points the format cannot carry, whatever the cause.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped.iter().sum()
    }

    /// Points the format cannot carry for `cause`.
    #[must_use]
    pub fn skipped_for(&self, cause: SkipCause) -> u64 {
        self.skipped[cause as usize]
    }

    /// Attempts that did not deliver, whatever the cause.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.iter().sum()
    }

    /// Attempts that did not deliver for `cause`.
    #[must_use]
    pub fn failed_for(&self, cause: FailCause) -> u64 {
        self.failed[cause as usize]
    }

    /// Points that are still to be sent, by this process or by others.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.queued + self.spooled
    }

    /// Whether the books balance. Meaningful while nothing is under way.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.flushed + self.adopted
            == self.accepted
                + self.queued
                + self.spooled
                + self.handed_over
                + self.skipped()
                + self.dropped()
    }

    pub(crate) fn skip(&mut self, skipped: &[Skipped]) {
        for s in skipped {
            self.skipped[s.cause as usize] += s.points;
        }
    }

    pub(crate) fn drop_points(&mut self, cause: DropCause, points: u64, uncertain: bool) {
        self.dropped[cause as usize] += points;
        if uncertain {
            self.dropped_uncertain += points;
        }
    }

    pub(crate) fn fail(&mut self, cause: FailCause) {
        self.failed[cause as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_stands_at_its_place_and_has_a_name_of_its_own() {
        let mut names: Vec<&str> = Vec::new();
        for (i, cause) in DropCause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, i);
            names.push(cause.name());
        }
        for (i, cause) in FailCause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, i);
            names.push(cause.name());
        }
        for (i, cause) in SkipCause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, i);
        }
        let len = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), len);
    }
}
