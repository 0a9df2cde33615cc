//! The ledger: where every point is that was handed to Lambda's calls.

use std::sync::atomic::{AtomicU64, Ordering};

use pointmill::RecordError;

use crate::Mode;

/// Why a wrapper refused a point before handing it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Refusal {
    /// The name is no text.
    Name = 1,
    /// The value is no number.
    Value = 2,
    /// The time is none.
    Time = 3,
    /// The tags are no list of texts.
    Tags = 4,
}

impl Refusal {
    /// The cause of a number of the C ABI.
    #[must_use]
    pub fn from_number(n: u32) -> Option<Refusal> {
        [Refusal::Name, Refusal::Value, Refusal::Time, Refusal::Tags]
            .into_iter()
            .find(|cause| *cause as u32 == n)
    }
}

macro_rules! stats {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Points, custom and enhanced ones, by what became of them; and some counts of events.
        ///
        /// At every moment without a call under way
        /// `recorded = pending + accepted + queued + rejected() + dropped()`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct LambdaStats {
            /// Where custom points go.
            pub mode: Mode,
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl LambdaStats {
            pub(crate) fn new(mode: Mode) -> LambdaStats {
                LambdaStats { mode, $($name: 0,)+ }
            }
        }
    };
}

stats! {
    /// Points handed to a recording call or reported as refused, and enhanced ones.
    recorded,
    /// Wait for a flush, in the engine or the buffer.
    pending,
    /// Taken by the intake, written to the log, sent to the extension.
    accepted,
    /// Encoded; a later flush sends them.
    queued,
    /// Refused: not a finite number.
    rejected_not_finite,
    /// Refused: the name is empty or too long, or a tag too long.
    rejected_invalid_name,
    /// Refused: more than four hours old, in extension mode.
    rejected_too_old,
    /// Refused: no context has this id.
    rejected_stale,
    /// Refused: no room for a further name.
    rejected_no_room,
    /// Refused: after the end.
    rejected_closed,
    /// Refused by the wrapper: the name.
    rejected_bad_name,
    /// Refused by the wrapper: the value.
    rejected_bad_value,
    /// Refused by the wrapper: the time.
    rejected_bad_time,
    /// Refused by the wrapper: the tags.
    rejected_bad_tags,
    /// Custom points for which there is no way under FIPS rules.
    dropped_disabled,
    /// The buffer was full and could not be emptied.
    dropped_buffer_full,
    /// Given up by delivery.
    dropped_delivery,
    /// The engine's memory was full.
    dropped_arena_full,
    /// Kept their value but lost their tags to a limit of the engine; counted elsewhere too.
    overflowed,
    /// Names or tags whose bytes were not UTF-8 and were mended.
    utf8_mended,
    /// Enhanced metrics made here; counted elsewhere too.
    enhanced,
    /// Points written out early because the buffer was full; counted elsewhere too.
    spilled,
    /// Flushes.
    flushes,
    /// Flushes after which something was left or had been given up.
    flush_failures,
    /// Flushes done because a deadline came near.
    deadline_flushes,
    /// Look-ups of the API key.
    key_lookups,
    /// Those that failed.
    key_failures,
    /// Invocations begun.
    invocations,
    /// Invocations begun and not ended.
    invocations_open,
}

impl LambdaStats {
    /// Points refused, here or by the wrapper.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected_not_finite
            + self.rejected_invalid_name
            + self.rejected_too_old
            + self.rejected_stale
            + self.rejected_no_room
            + self.rejected_closed
            + self.rejected_bad_name
            + self.rejected_bad_value
            + self.rejected_bad_time
            + self.rejected_bad_tags
    }

    /// Points taken and lost.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped_disabled
            + self.dropped_buffer_full
            + self.dropped_delivery
            + self.dropped_arena_full
    }

    /// Whether the books balance. Meaningful while no call is under way.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.recorded
            == self.pending + self.accepted + self.queued + self.rejected() + self.dropped()
    }
}

/// What this crate counts itself; the rest is asked of the engine, the buffers and delivery.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    rejected: [AtomicU64; 5],
    refused: [AtomicU64; 4],
    pub(crate) closed: AtomicU64,
    pub(crate) disabled: AtomicU64,
    pub(crate) buffer: AtomicU64,
    pub(crate) unsendable: AtomicU64,
    pub(crate) revived: AtomicU64,
    pub(crate) enhanced: AtomicU64,
    pub(crate) spilled: AtomicU64,
    pub(crate) flushes: AtomicU64,
    pub(crate) flush_failures: AtomicU64,
    pub(crate) deadline_flushes: AtomicU64,
}

pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    /// Counts a point refused here, and answers the cause.
    #[cold]
    pub(crate) fn reject(&self, error: RecordError) -> RecordError {
        let i = match error {
            RecordError::NotFinite => 0,
            RecordError::InvalidName => 1,
            RecordError::TooOld | RecordError::TooNew => 2,
            RecordError::StaleContext => 3,
            _ => 4,
        };
        add(&self.rejected[i], 1);
        error
    }

    pub(crate) fn refuse(&self, cause: Refusal, points: u64) {
        add(&self.refused[cause as usize - 1], points);
    }

    /// Puts its counts into fresh stats; what others count is added afterwards.
    pub(crate) fn put_into(&self, stats: &mut LambdaStats) {
        let [not_finite, name, too_old, stale, no_room] = &self.rejected;
        stats.rejected_not_finite += read(not_finite);
        stats.rejected_invalid_name += read(name);
        stats.rejected_too_old += read(too_old);
        stats.rejected_stale += read(stale);
        stats.rejected_no_room += read(no_room);
        stats.rejected_closed += read(&self.closed);
        let [name, value, time, tags] = &self.refused;
        stats.rejected_bad_name += read(name);
        stats.rejected_bad_value += read(value);
        stats.rejected_bad_time += read(time);
        stats.rejected_bad_tags += read(tags);
        stats.dropped_disabled += read(&self.disabled);
        stats.dropped_buffer_full += read(&self.buffer);
        // What never reached an engine or a buffer is recorded all the same.
        stats.recorded += stats.rejected() + stats.dropped();
        stats.enhanced += read(&self.enhanced);
        stats.spilled += read(&self.spilled);
        stats.flushes += read(&self.flushes);
        stats.flush_failures += read(&self.flush_failures);
        stats.deadline_flushes += read(&self.deadline_flushes);
    }
}
