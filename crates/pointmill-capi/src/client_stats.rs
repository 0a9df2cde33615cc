//! The books of delivery as a struct.

#![allow(non_camel_case_types)]

use pointmill_deliver::{ClientStats, DropCause, FailCause};
use pointmill_wire::SkipCause;

use crate::pointer::Sized32;

/// Where every point is that left the engine through a client. The caller's struct. Start with
/// POINTMILL_CLIENT_STATS_INIT. Counts are points, or what the name says.
///
/// While no call is under way and the background thread rests: flushed + adopted = accepted + queued
/// + spooled + handed_over + skipped + dropped.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_client_stats {
    /// sizeof(pointmill_client_stats), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
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
    /// The format cannot carry them; the sum of the skipped_... below.
    pub skipped: u64,
    /// Given up; the sum of the dropped_... down to dropped_not_encoded.
    pub dropped: u64,
    /// The queue was full and there is no spool.
    pub dropped_queue_full: u64,
    /// The spool was full, and these were the oldest in it.
    pub dropped_spool_full: u64,
    /// The spool could not be written or read: a full disk, a damaged file.
    pub dropped_spool_failed: u64,
    /// Older than the option batch_age_max_s.
    pub dropped_expired: u64,
    /// Too large for the receiver (413), and only one series.
    pub dropped_too_large: u64,
    /// The receiver called the body wrong (400).
    pub dropped_bad_request: u64,
    /// The receiver does not know the key (401, 403): check api_key and site.
    pub dropped_forbidden: u64,
    /// The receiver refused for good with another status.
    pub dropped_refused: u64,
    /// Still there when the client was closed, without a spool.
    pub dropped_closed: u64,
    /// The encoder failed.
    pub dropped_not_encoded: u64,
    /// Distributions in a format for numbers.
    pub skipped_sketch_in_scalar_format: u64,
    /// Counts and gauges in a format for sketches.
    pub skipped_scalar_in_sketch_format: u64,
    /// Histograms in a format for distributions.
    pub skipped_histogram_in_distribution_format: u64,
    /// One series alone is larger than a body may be.
    pub skipped_too_large: u64,
    /// The value is not finite: the sum of a count ran over.
    pub skipped_not_finite: u64,
    /// The format has no way to write the name.
    pub skipped_unusable_name: u64,
    /// A sketch without values.
    pub skipped_no_values: u64,
    /// More values than the option expand_max.
    pub skipped_expansion_limit: u64,
    /// Points in requests whose whole body went out and got no answer. They were sent again under
    /// the same DD-Pointmill-Batch header; a receiver that does not know it may have them twice.
    pub uncertain: u64,
    /// Of the dropped points those that may have arrived all the same.
    pub dropped_uncertain: u64,
    /// Attempts made.
    pub requests: u64,
    /// Attempts that did not deliver; the sum of the failed_... below.
    pub failures: u64,
    /// No connection: name not found, refused, TLS.
    pub failed_connect: u64,
    /// No answer within the time.
    pub failed_timeout: u64,
    /// The connection broke.
    pub failed_transport: u64,
    /// The answer was not HTTP.
    pub failed_answer: u64,
    /// Status 408, 425 or 429.
    pub failed_throttled: u64,
    /// Status 5xx.
    pub failed_server: u64,
    /// Any other status that is not 2xx.
    pub failed_status: u64,
    /// The API key could not be had.
    pub failed_key: u64,
    /// Requests made once more at once because a kept connection had gone stale.
    pub stale_connections: u64,
    /// Bodies cut in two after a 413.
    pub splits: u64,
    /// Bodies in memory.
    pub batches_queued: u64,
    /// Bodies in spool files that this process wrote.
    pub batches_spooled: u64,
    /// Bytes the queue is charged with.
    pub queue_bytes: u64,
    /// Damaged spool files that were put aside.
    pub spool_damaged_files: u64,
}

// SAFETY: repr(C), struct_size is first, plain numbers.
unsafe impl Sized32 for pointmill_client_stats {
    const SIZE_MIN: usize = 360;

    fn set_struct_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

impl From<&ClientStats> for pointmill_client_stats {
    fn from(books: &ClientStats) -> pointmill_client_stats {
        let dropped = |cause| books.dropped_for(cause);
        let skipped = |cause| books.skipped_for(cause);
        let failed = |cause| books.failed_for(cause);
        pointmill_client_stats {
            struct_size: 0,
            reserved: 0,
            flushed: books.flushed,
            adopted: books.adopted,
            accepted: books.accepted,
            queued: books.queued,
            spooled: books.spooled,
            handed_over: books.handed_over,
            skipped: books.skipped(),
            dropped: books.dropped(),
            dropped_queue_full: dropped(DropCause::QueueFull),
            dropped_spool_full: dropped(DropCause::SpoolFull),
            dropped_spool_failed: dropped(DropCause::SpoolFailed),
            dropped_expired: dropped(DropCause::Expired),
            dropped_too_large: dropped(DropCause::TooLarge),
            dropped_bad_request: dropped(DropCause::BadRequest),
            dropped_forbidden: dropped(DropCause::Forbidden),
            dropped_refused: dropped(DropCause::Refused),
            dropped_closed: dropped(DropCause::Closed),
            dropped_not_encoded: dropped(DropCause::NotEncoded),
            skipped_sketch_in_scalar_format: skipped(SkipCause::SketchInScalarFormat),
            skipped_scalar_in_sketch_format: skipped(SkipCause::ScalarInSketchFormat),
            skipped_histogram_in_distribution_format: skipped(
                SkipCause::HistogramInDistributionFormat,
            ),
            skipped_too_large: skipped(SkipCause::TooLarge),
            skipped_not_finite: skipped(SkipCause::NotFinite),
            skipped_unusable_name: skipped(SkipCause::UnusableName),
            skipped_no_values: skipped(SkipCause::NoValues),
            skipped_expansion_limit: skipped(SkipCause::ExpansionLimit),
            uncertain: books.uncertain,
            dropped_uncertain: books.dropped_uncertain,
            requests: books.requests,
            failures: books.failures(),
            failed_connect: failed(FailCause::Connect),
            failed_timeout: failed(FailCause::Timeout),
            failed_transport: failed(FailCause::Transport),
            failed_answer: failed(FailCause::Answer),
            failed_throttled: failed(FailCause::Throttled),
            failed_server: failed(FailCause::Server),
            failed_status: failed(FailCause::Status),
            failed_key: failed(FailCause::Key),
            stale_connections: books.stale_connections,
            splits: books.splits,
            batches_queued: books.batches_queued,
            batches_spooled: books.batches_spooled,
            queue_bytes: books.queue_bytes,
            spool_damaged_files: books.spool_damaged_files,
        }
    }
}
