//! The ledger: what became of every point.

/// Counters of an engine since it was made, and what it holds now.
///
/// At every moment without a call under way
/// `recorded = flushed + pending + rejected() + dropped()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Points handed to a recording call, whatever became of them.
    pub recorded: u64,
    /// Points that left in a snapshot.
    pub flushed: u64,
    /// Points that wait for a flush.
    pub pending: u64,
    /// Refused: the value was NaN or infinite.
    pub rejected_not_finite: u64,
    /// Refused: the context id was stale or unknown.
    pub rejected_stale: u64,
    /// Refused: the timestamp was too far in the past.
    pub rejected_too_old: u64,
    /// Refused: the timestamp was too far in the future.
    pub rejected_too_new: u64,
    /// Refused: the name was empty or too long, or a tag too long.
    pub rejected_invalid_name: u64,
    /// Refused: no room for the context nor for an overflow context of its metric.
    pub rejected_no_room: u64,
    /// Taken but lost: no memory in the arena, not even in the part kept for overflow contexts.
    pub dropped_arena_full: u64,
    /// Taken but lost: the context was given back while the point was on its way.
    pub dropped_stale: u64,
    /// Points that kept their value but went to their metric's overflow context, without their
    /// tags. They are in `flushed` or `pending` too, and counted here once they have left the
    /// recording thread's ring.
    pub overflowed: u64,
    /// Contexts alive.
    pub contexts: u64,
    /// Contexts given back after their idle time.
    pub contexts_expired: u64,
    /// Requests for a context (or points by name) that a limit turned into an overflow context.
    pub contexts_refused: u64,
    /// Flushes done.
    pub flushes: u64,
    /// Names or tags whose bytes were not UTF-8 and were mended.
    pub utf8_mended: u64,
    /// Arena bytes in use: names, contexts, lanes and open sketches.
    pub arena_used_bytes: u64,
    /// Size of the arena.
    pub arena_bytes: u64,
}

impl Stats {
    /// Points refused, whatever the cause.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected_not_finite
            + self.rejected_stale
            + self.rejected_too_old
            + self.rejected_too_new
            + self.rejected_invalid_name
            + self.rejected_no_room
    }

    /// Points taken and lost, whatever the cause.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped_arena_full + self.dropped_stale
    }

    /// Whether the books balance. Meaningful while no call is under way.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.recorded == self.flushed + self.pending + self.rejected() + self.dropped()
    }
}
