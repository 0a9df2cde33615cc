//! The ledger of a Lambda function's metrics as a struct.

#![allow(non_camel_case_types)]

use ::pointmill_lambda::LambdaStats;

use crate::handle::read;
use crate::lambda::pointmill_lambda;
use crate::pointer::{OutStruct, Sized32};

/// Where every point is. The caller's struct. Start with POINTMILL_LAMBDA_STATS_INIT.
///
/// While no call is under way and the thread rests: recorded = pending + delivered + queued + the sum
/// of every rejected_... + the sum of every refused_... + the sum of every dropped_....
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_lambda_stats {
    /// sizeof(pointmill_lambda_stats), set by the caller.
    pub struct_size: u32,
    /// POINTMILL_LAMBDA_EXTENSION, _LOG, _HTTP or _DISABLED.
    pub mode: u32,
    /// Points handed to a recording call or reported as refused, and enhanced ones.
    pub recorded: u64,
    /// Wait for a flush, in the engine or the buffer.
    pub pending: u64,
    /// Taken by the intake, written to the log, sent to the extension.
    pub accepted: u64,
    /// Encoded; a later flush sends them.
    pub queued: u64,
    /// Refused: not a finite number.
    pub rejected_not_finite: u64,
    /// Refused: the name is empty or too long, or a tag too long.
    pub rejected_invalid_name: u64,
    /// Refused: more than four hours old, in extension mode.
    pub rejected_too_old: u64,
    /// Refused: no context has this id.
    pub rejected_stale: u64,
    /// Refused: no room for a further name.
    pub rejected_no_room: u64,
    /// Refused: after the end.
    pub rejected_closed: u64,
    /// Refused by the wrapper: the name.
    pub rejected_bad_name: u64,
    /// Refused by the wrapper: the value.
    pub rejected_bad_value: u64,
    /// Refused by the wrapper: the time.
    pub rejected_bad_time: u64,
    /// Refused by the wrapper: the tags.
    pub rejected_bad_tags: u64,
    /// Custom points for which there is no way under FIPS rules.
    pub dropped_disabled: u64,
    /// The buffer was full and could not be emptied.
    pub dropped_buffer_full: u64,
    /// Given up by delivery.
    pub dropped_delivery: u64,
    /// The engine's memory was full.
    pub dropped_arena_full: u64,
    /// Kept their value but lost their tags to a limit of the engine; counted elsewhere too.
    pub overflowed: u64,
    /// Names or tags whose bytes were not UTF-8 and were mended.
    pub utf8_mended: u64,
    /// Enhanced metrics made here; counted elsewhere too.
    pub enhanced: u64,
    /// Points written out early because the buffer was full; counted elsewhere too.
    pub spilled: u64,
    /// Flushes.
    pub flushes: u64,
    /// Flushes after which something was left or had been given up.
    pub flush_failures: u64,
    /// Flushes done because a deadline came near.
    pub deadline_flushes: u64,
    /// Look-ups of the API key.
    pub key_lookups: u64,
    /// Those that failed.
    pub key_failures: u64,
    /// Invocations begun.
    pub invocations: u64,
    /// Invocations begun and not ended.
    pub invocations_open: u64,
}

// SAFETY: repr(C), struct_size is first, plain numbers.
unsafe impl Sized32 for pointmill_lambda_stats {
    const SIZE_MIN: usize = 240;

    fn set_struct_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

export! {
    /// The ledger. Works on a closed object too.
    ///
    /// Threads:   any, at once; the sums agree exactly only while no other call is under way and the
    ///            thread rests.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out, up to out->struct_size bytes; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_PANIC.
    /// Units:     points, or what the field's name says.
    /// Since:     0.1
    fn pointmill_lambda_stats_get(
        lambda: *const pointmill_lambda,
        out: *mut pointmill_lambda_stats,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { read(lambda) }?;
        // SAFETY: the caller lends `out` for the call and has set its struct_size.
        let out = unsafe { OutStruct::new(out) }?;
        out.write(pointmill_lambda_stats::from(lambda.stats()));
        Ok(())
    }
}
impl From<LambdaStats> for pointmill_lambda_stats {
    fn from(stats: LambdaStats) -> pointmill_lambda_stats {
        pointmill_lambda_stats {
            struct_size: 0,
            mode: stats.mode as u32,
            recorded: stats.recorded,
            pending: stats.pending,
            accepted: stats.accepted,
            queued: stats.queued,
            rejected_not_finite: stats.rejected_not_finite,
            rejected_invalid_name: stats.rejected_invalid_name,
            rejected_too_old: stats.rejected_too_old,
            rejected_stale: stats.rejected_stale,
            rejected_no_room: stats.rejected_no_room,
            rejected_closed: stats.rejected_closed,
            rejected_bad_name: stats.rejected_bad_name,
            rejected_bad_value: stats.rejected_bad_value,
            rejected_bad_time: stats.rejected_bad_time,
            rejected_bad_tags: stats.rejected_bad_tags,
            dropped_disabled: stats.dropped_disabled,
            dropped_buffer_full: stats.dropped_buffer_full,
            dropped_delivery: stats.dropped_delivery,
            dropped_arena_full: stats.dropped_arena_full,
            overflowed: stats.overflowed,
            utf8_mended: stats.utf8_mended,
            enhanced: stats.enhanced,
            spilled: stats.spilled,
            flushes: stats.flushes,
            flush_failures: stats.flush_failures,
            deadline_flushes: stats.deadline_flushes,
            key_lookups: stats.key_lookups,
            key_failures: stats.key_failures,
            invocations: stats.invocations,
            invocations_open: stats.invocations_open,
        }
    }
}
