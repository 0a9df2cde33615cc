//! The engine: making one, telling it the time, taking what it holds.

#![allow(non_camel_case_types)]

use std::time::{SystemTime, UNIX_EPOCH};

use pointmill::{Config, Engine, Flush, Stats};

use crate::codes::{Code, Failure};
use crate::config::pointmill_config;
use crate::handle::{self, give, read, share};
use crate::pointer::{Out, OutStruct, Sized32};
use crate::snapshot::pointmill_snapshot;
use crate::text::pointmill_error;

/// Flag of pointmill_flush: take the open intervals too.
pub const POINTMILL_FLUSH_ALL: u32 = 1;

handle! {
    /// An engine. Every call from any thread, all at once, but for pointmill_engine_free.
    ///
    /// Made by pointmill_engine_new, freed by pointmill_engine_free. Snapshots do not need it to
    /// live. After a fork the child's copy is empty and can be used; the parent's is untouched.
    pub struct pointmill_engine(Engine);
}

/// The ledger. The caller's struct. Start with POINTMILL_ENGINE_STATS_INIT.
///
/// While no call is under way: recorded = flushed + pending + the sum of every rejected_... + the
/// sum of every dropped_.... A call that is refused for its arguments (POINTMILL_E_NULL,
/// _ALIGNMENT, _HANDLE, _KIND, _INVALID) hands no point over and is in none of them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_engine_stats {
    /// sizeof(pointmill_engine_stats), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
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
    /// Taken but lost: no memory in the arena.
    pub dropped_arena_full: u64,
    /// Taken but lost: the context was given back while the point was on its way.
    pub dropped_stale: u64,
    /// Points that kept their value but lost their tags to a limit; in flushed or pending too.
    pub overflowed: u64,
    /// Contexts alive.
    pub contexts: u64,
    /// Contexts given back after their idle time.
    pub contexts_expired: u64,
    /// Requests for a context that a limit turned into an overflow context.
    pub contexts_refused: u64,
    /// Flushes done.
    pub flushes: u64,
    /// Names or tags whose bytes were not UTF-8 and were mended.
    pub utf8_mended: u64,
    /// Bytes of the arena in use.
    pub arena_used_bytes: u64,
    /// Bytes of the arena.
    pub arena_bytes: u64,
}

// SAFETY: repr(C), struct_size is first, plain numbers.
unsafe impl Sized32 for pointmill_engine_stats {
    const SIZE_MIN: usize = 160;

    fn set_struct_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

export! {
    /// Makes an engine. All its memory is reserved here, and touched as it is needed; its first
    /// interval begins by the system's clock.
    ///
    /// Threads:   any; one at a time on config.
    /// Ownership: the caller frees *out with pointmill_engine_free; config is copied.
    /// NULL:      config: every option at its default. err may be NULL. out: POINTMILL_E_NULL.
    /// Outputs:   out; written only on success. err, on failure.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_BAD_VALUE, POINTMILL_E_ARENA_TOO_SMALL,
    ///            POINTMILL_E_NO_MEMORY, POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[explain(err)]
    fn pointmill_engine_new(
        config: *const pointmill_config,
        out: *mut *mut pointmill_engine,
        err: *mut pointmill_error,
    ) -> i32 {
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        if config.is_null() {
            give(out, engine(&Config::default())?);
            return Ok(());
        }
        // SAFETY: the caller keeps the configuration alive and unchanged during the call.
        let options = unsafe { read(config) }?;
        give(out, engine(&options.engine)?);
        Ok(())
    }
}

fn engine(config: &Config) -> Result<Engine, Failure> {
    // A clock before 1970 or past the year 292 billion says nothing; the first tick or flush will.
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now_unix_s = i64::try_from(since_epoch.as_secs()).unwrap_or(0);
    Ok(Engine::new(config, now_unix_s)?)
}

export! {
    /// Frees an engine. Points that were not flushed are lost: flush with POINTMILL_FLUSH_ALL
    /// first.
    ///
    /// Threads:   no other call may use the engine now or later.
    /// Ownership: takes the engine; its snapshots live on.
    /// NULL:      does nothing.
    /// Outputs:   none.
    /// Returns:   nothing.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_engine_free(engine: *mut pointmill_engine) {
        // SAFETY: the caller gives the engine up.
        unsafe { handle::free(engine) };
    }
}

export! {
    /// Tells the engine the time. From here on points without a time of their own belong to the
    /// interval that holds it. pointmill_flush does the same.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     now_unix_s: seconds since 1970-01-01 UTC.
    /// Since:     0.1
    #[poison(engine)]
    fn pointmill_tick(engine: *mut pointmill_engine, now_unix_s: i64) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        engine.tick(now_unix_s);
        Ok(())
    }
}

export! {
    /// Takes the points of the intervals that have ended by now, with POINTMILL_FLUSH_ALL those of
    /// the open ones too. Recording goes on meanwhile.
    ///
    /// Threads:   any, at once; two flushes wait for each other.
    /// Ownership: the caller frees *out with pointmill_snapshot_free.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out; written only on success. With no point to take it is an empty snapshot.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (an unknown flag), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     now_unix_s: seconds since 1970-01-01 UTC. flags: 0 or POINTMILL_FLUSH_ALL.
    /// Since:     0.1
    #[poison(engine)]
    fn pointmill_flush(
        engine: *mut pointmill_engine,
        now_unix_s: i64,
        flags: u32,
        out: *mut *mut pointmill_snapshot,
    ) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        let flush = match flags {
            0 => Flush::Closed,
            POINTMILL_FLUSH_ALL => Flush::All,
            _ => return Err(Code::INVALID),
        };
        // Before the points leave the engine: with nowhere to put them they would be lost.
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        give(out, engine.flush(now_unix_s, flush));
        Ok(())
    }
}

export! {
    /// What became of every point so far. Works on a poisoned engine too.
    ///
    /// Threads:   any, at once; the sums agree exactly only while no other call is under way.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out, up to out->struct_size bytes; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_PANIC.
    /// Units:     points, or what the field's name says.
    /// Since:     0.1
    fn pointmill_stats(
        engine: *const pointmill_engine,
        out: *mut pointmill_engine_stats,
    ) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { read(engine) }?;
        // SAFETY: the caller lends `out` for the call and has set its struct_size.
        let out = unsafe { OutStruct::new(out) }?;
        out.write(pointmill_engine_stats::from(engine.stats()));
        Ok(())
    }
}

impl From<Stats> for pointmill_engine_stats {
    fn from(stats: Stats) -> pointmill_engine_stats {
        pointmill_engine_stats {
            struct_size: 0,
            reserved: 0,
            recorded: stats.recorded,
            flushed: stats.flushed,
            pending: stats.pending,
            rejected_not_finite: stats.rejected_not_finite,
            rejected_stale: stats.rejected_stale,
            rejected_too_old: stats.rejected_too_old,
            rejected_too_new: stats.rejected_too_new,
            rejected_invalid_name: stats.rejected_invalid_name,
            rejected_no_room: stats.rejected_no_room,
            dropped_arena_full: stats.dropped_arena_full,
            dropped_stale: stats.dropped_stale,
            overflowed: stats.overflowed,
            contexts: stats.contexts,
            contexts_expired: stats.contexts_expired,
            contexts_refused: stats.contexts_refused,
            flushes: stats.flushes,
            utf8_mended: stats.utf8_mended,
            arena_used_bytes: stats.arena_used_bytes,
            arena_bytes: stats.arena_bytes,
        }
    }
}
