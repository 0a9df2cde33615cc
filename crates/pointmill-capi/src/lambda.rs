//! The metrics of a Lambda function: the object, its points, flushing.

#![allow(non_camel_case_types)]

use std::ffi::c_char;
use std::time::Duration;

use ::pointmill_lambda::{Closed, Flushed, Lambda, NewError, Parts, PointError, Refusal};

use crate::client::duplicate;
use crate::codes::{Code, Failure};
use crate::engine::pointmill_engine;
use crate::handle::{self, give, read, share};
use crate::lambda_config::pointmill_lambda_config;
use crate::pointer::{Out, OutArray, Text, c_text, slice};
use crate::text::{pointmill_error, pointmill_str};

/// Custom points go to the Datadog extension, as DogStatsD.
pub const POINTMILL_LAMBDA_EXTENSION: u32 = 1;
/// Custom points go to the function's log, as lines of JSON.
pub const POINTMILL_LAMBDA_LOG: u32 = 2;
/// Custom points go to the intake.
pub const POINTMILL_LAMBDA_HTTP: u32 = 3;
/// Custom points go nowhere and are counted: FIPS rules, no extension, no log mode.
pub const POINTMILL_LAMBDA_DISABLED: u32 = 4;

/// The time of pointmill_lambda_metric_at that means now.
pub const POINTMILL_LAMBDA_NOW: i64 = i64::MIN;
/// Flag of pointmill_lambda_metric_at: to the log unless there is an extension.
pub const POINTMILL_LAMBDA_FORCE_ASYNC: u32 = 1;

/// Cause of pointmill_lambda_rejected: the name is no text.
pub const POINTMILL_LAMBDA_BAD_NAME: u32 = 1;
/// The value is no number.
pub const POINTMILL_LAMBDA_BAD_VALUE: u32 = 2;
/// The time is none.
pub const POINTMILL_LAMBDA_BAD_TIME: u32 = 3;
/// The tags are no list of texts.
pub const POINTMILL_LAMBDA_BAD_TAGS: u32 = 4;

handle! {
    /// The metrics of a Lambda function: one a process. Every call from any thread, all at once, but
    /// for pointmill_lambda_free.
    ///
    /// Made by pointmill_lambda_new, freed by pointmill_lambda_free. In a forked child it begins with
    /// no points and no invocations; ids of contexts stay valid there.
    pub struct pointmill_lambda(Lambda);
}

export! {
    /// Makes the object: settles the settings and chooses where custom points go. No I/O but the test
    /// for the extension's file, no thread (the first pointmill_lambda_begin or the first point starts
    /// it, unless flush_in_thread is off), no look-up of a key (the first flush that has something to
    /// post does it).
    ///
    /// Threads:   any; one at a time on config.
    /// Ownership: the caller frees *out with pointmill_lambda_free; config is copied. A descriptor of
    ///            the option log_fd is duplicated.
    /// NULL:      err may be NULL. config, out: POINTMILL_E_NULL.
    /// Outputs:   out; written only on success. err, on failure.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_BAD_VALUE (an option names a descriptor or
    ///            socket that is none), POINTMILL_E_NO_MEMORY, POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[explain(err)]
    fn pointmill_lambda_new(
        config: *const pointmill_lambda_config,
        out: *mut *mut pointmill_lambda,
        err: *mut pointmill_error,
    ) -> i32 {
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        // SAFETY: the caller keeps the configuration alive and unchanged during the call.
        let source = unsafe { read(config) }?;
        let mut parts = Parts::default();
        let log_fd = source.resolve().0.number("log_fd");
        if !matches!(log_fd, 1 | 2) {
            let fd = duplicate(log_fd)
                .map_err(|error| Code::BAD_VALUE.because(format!("log_fd {log_fd}: {error}")))?;
            parts.log = Some(fd);
        }
        give(out, Lambda::with_parts(source, parts)?);
        Ok(())
    }
}
export! {
    /// Frees the object without flushing: call pointmill_lambda_close first.
    ///
    /// Threads:   no other call may use it now or later.
    /// Ownership: takes the object.
    /// NULL:      does nothing.
    /// Outputs:   none.
    /// Returns:   nothing.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_lambda_free(lambda: *mut pointmill_lambda) {
        // SAFETY: the caller gives the object up.
        unsafe { handle::free(lambda) };
    }
}
export! {
    /// Where custom points go.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_PANIC.
    /// Units:     out: POINTMILL_LAMBDA_EXTENSION, _LOG, _HTTP or _DISABLED.
    /// Since:     0.1
    fn pointmill_lambda_mode(lambda: *const pointmill_lambda, out: *mut u32) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { read(lambda) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        out.write(lambda.mode() as u32);
        Ok(())
    }
}
export! {
    /// A setting in effect, as text: true or false for a flag, empty for none, *** for a secret.
    ///
    /// Threads:   any, at once.
    /// Ownership: *out lives as long as the object.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_UTF8, POINTMILL_E_UNKNOWN_OPTION, POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_lambda_setting(
        lambda: *const pointmill_lambda,
        name: *const c_char,
        out: *mut pointmill_str,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { read(lambda) }?;
        // SAFETY: the caller lends the text, NUL-terminated, for the call.
        let name = unsafe { c_text(name) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        let text = lambda.settings().shown(name).ok_or(Code::UNKNOWN_OPTION)?;
        out.write(pointmill_str::lend(text));
        Ok(())
    }
}
export! {
    /// What a person should read since the last call, one a line, each once, for the language's logger:
    /// variables that make no sense, ARNs that are none, points refused for their age. They are gone
    /// once they have been written.
    ///
    /// Threads:   any, at once.
    /// Ownership: buf is the caller's.
    /// NULL:      lambda, out_len: POINTMILL_E_NULL. buf: the same, unless cap is 0.
    /// Outputs:   buf, the first out_len bytes, without a NUL; written only on success. out_len, also
    ///            written with POINTMILL_E_BUFFER_TOO_SMALL: the length of the text; 0 if there is
    ///            none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_BUFFER_TOO_SMALL, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     cap, out_len: bytes.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_warnings(
        lambda: *mut pointmill_lambda,
        buf: *mut c_char,
        cap: usize,
        out_len: *mut usize,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        // SAFETY: the caller lends `out_len` for the call.
        let out_len = unsafe { Out::new(out_len) }?;
        // SAFETY: the caller lends `buf` for the call.
        let buf = unsafe { OutArray::new(buf.cast::<u8>(), cap) }?;
        match lambda.take_warnings(|len| len <= cap) {
            Ok(text) => {
                out_len.write(text.len());
                buf.fill(text.as_bytes())
            }
            Err(len) => {
                out_len.write(len);
                Err(Code::BUFFER_TOO_SMALL)
            }
        }
    }
}
export! {
    /// The engine behind the object, for snapshots, percentiles and other kinds of metrics. Its points
    /// are delivered with the others: in HTTP mode to the intake, elsewhere as distributions.
    ///
    /// Threads:   any, at once.
    /// Ownership: the caller frees *out with pointmill_engine_free, before or after the object.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_lambda_engine(
        lambda: *const pointmill_lambda,
        out: *mut *mut pointmill_engine,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { read(lambda) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        give(out, lambda.engine().clone());
        Ok(())
    }
}
export! {
    /// Records a custom point of now: the drop-in call. It is taken at once, also before the first
    /// invocation, between invocations and after the last. dd_lambda_layer is added here. Known names
    /// with known tags cost neither an allocation nor a system call; but where points are written one by
    /// one and no invocation is open, a point wakes the thread that writes it, if it does not know yet.
    ///
    /// Refused points are counted by cause. Bytes that are not UTF-8 are mended, empty tags left out.
    ///
    /// Threads:   any, at once.
    /// Ownership: the texts are borrowed for the call.
    /// NULL:      POINTMILL_E_NULL; a text's ptr may be NULL if its len is 0.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (a length), POINTMILL_E_INVALID_NAME (empty or too long),
    ///            POINTMILL_E_NOT_FINITE, POINTMILL_E_NO_ROOM, POINTMILL_E_CLOSED,
    ///            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     name_then_tags: the name first, then the tags. len: texts, the name included.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_metric(
        lambda: *mut pointmill_lambda,
        name_then_tags: *const pointmill_str,
        len: usize,
        value: f64,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        // SAFETY: the caller lends the texts for the call.
        let texts = unsafe { Text::array(name_then_tags, len) }?;
        Ok(lambda.metric(texts, value)?)
    }
}
export! {
    /// Records a custom point of a time. In extension mode one of more than four hours ago is refused,
    /// as in the layers.
    ///
    /// Threads:   any, at once.
    /// Ownership: the texts are borrowed for the call.
    /// NULL:      POINTMILL_E_NULL; a text's ptr may be NULL if its len is 0.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (a length, an unknown flag), POINTMILL_E_INVALID_NAME (empty or
    ///            too long), POINTMILL_E_NOT_FINITE, POINTMILL_E_TOO_OLD, POINTMILL_E_NO_ROOM,
    ///            POINTMILL_E_CLOSED, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     unix_s: seconds since 1970-01-01 UTC, or POINTMILL_LAMBDA_NOW. flags: 0 or
    ///            POINTMILL_LAMBDA_FORCE_ASYNC.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_metric_at(
        lambda: *mut pointmill_lambda,
        name_then_tags: *const pointmill_str,
        len: usize,
        value: f64,
        unix_s: i64,
        flags: u32,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        // SAFETY: the caller lends the texts for the call.
        let texts = unsafe { Text::array(name_then_tags, len) }?;
        let unix_s = (unix_s != POINTMILL_LAMBDA_NOW).then_some(unix_s);
        match flags {
            0 => Ok(lambda.metric_at(texts, value, unix_s)?),
            POINTMILL_LAMBDA_FORCE_ASYNC => Ok(lambda.metric_async(texts, value, unix_s)?),
            _ => Err(Code::INVALID),
        }
    }
}
export! {
    /// The id of a custom metric and its tags: ask once, keep it, record with it.
    ///
    /// Threads:   any, at once.
    /// Ownership: the texts are borrowed for the call.
    /// NULL:      POINTMILL_E_NULL; a text's ptr may be NULL if its len is 0.
    /// Outputs:   out, below 2^53; written only on success. Valid as long as the object, also in a
    ///            forked child.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (a length), POINTMILL_E_INVALID_NAME, POINTMILL_E_NO_ROOM,
    ///            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     len: texts, the name included.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_context(
        lambda: *mut pointmill_lambda,
        name_then_tags: *const pointmill_str,
        len: usize,
        out: *mut u64,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        // SAFETY: the caller lends the texts for the call.
        let texts = unsafe { Text::array(name_then_tags, len) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        out.write(lambda.context(texts)?);
        Ok(())
    }
}
export! {
    /// Records a point of now to a held context.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_NOT_FINITE, POINTMILL_E_STALE_CONTEXT (no such id), POINTMILL_E_CLOSED,
    ///            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_record(lambda: *mut pointmill_lambda, context: u64, value: f64) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        Ok(lambda.record(context, value)?)
    }
}
export! {
    /// Records a point of a time to a held context.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_NOT_FINITE, POINTMILL_E_STALE_CONTEXT (no such id), POINTMILL_E_TOO_OLD,
    ///            POINTMILL_E_CLOSED, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     unix_s: seconds since 1970-01-01 UTC.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_record_at(
        lambda: *mut pointmill_lambda,
        context: u64,
        value: f64,
        unix_s: i64,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        Ok(lambda.record_at(context, value, unix_s)?)
    }
}
export! {
    /// Records columns of points: values[i] to contexts[i], at unix_s[i] or now. Those that are refused
    /// do not stop the others.
    ///
    /// Threads:   any, at once.
    /// Ownership: the columns are borrowed for the call.
    /// NULL:      unix_s: all now. lambda, out_rejected: POINTMILL_E_NULL. contexts, values: the same,
    ///            unless len is 0.
    /// Outputs:   out_rejected, how many were refused, each counted by its cause; written only on
    ///            success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (a length), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     len: points. unix_s: seconds since 1970-01-01 UTC.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_record_batch(
        lambda: *mut pointmill_lambda,
        contexts: *const u64,
        values: *const f64,
        unix_s: *const i64,
        len: usize,
        out_rejected: *mut usize,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        // SAFETY: the caller lends the columns for the call.
        let contexts = unsafe { slice(contexts, len) }?;
        // SAFETY: the same.
        let values = unsafe { slice(values, len) }?;
        let times = if unix_s.is_null() {
            None
        } else {
            // SAFETY: the same.
            Some(unsafe { slice(unix_s, len) }?)
        };
        // SAFETY: the caller lends `out_rejected` for the call.
        let out_rejected = unsafe { Out::new(out_rejected) }?;
        out_rejected.write(lambda.record_batch(contexts, values, times));
        Ok(())
    }
}
export! {
    /// Counts points that the caller refused before it could hand them over, so that the ledger is
    /// whole.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (no such cause), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     cause: POINTMILL_LAMBDA_BAD_NAME, _BAD_VALUE, _BAD_TIME or _BAD_TAGS.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_rejected(lambda: *mut pointmill_lambda, cause: u32, points: u64) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        lambda.rejected(Refusal::from_number(cause).ok_or(Code::INVALID)?, points);
        Ok(())
    }
}
export! {
    /// Sends everything that waits, for at most timeout_ms: after pointmill_lambda_end, before the
    /// response goes out. Release an interpreter's lock around it, or call it from a thread of its own.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK (everything has arrived), POINTMILL_E_DELIVERY_LATER (the rest is kept
    ///            for the next flush), POINTMILL_E_DELIVERY_DROPPED (points were given up; see the
    ///            ledger), POINTMILL_E_CLOSED, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT,
    ///            POINTMILL_E_HANDLE, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     timeout_ms: milliseconds, such as pointmill_lambda_end answers; 0 sends nothing.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_flush(lambda: *mut pointmill_lambda, timeout_ms: u64) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        outcome(lambda.flush(Duration::from_millis(timeout_ms))?)
    }
}
export! {
    /// Without the thread (option flush_in_thread): whether a flush is due now, because an interval is
    /// over, the buffer is half full, or a deadline is near. With the thread never.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out_budget_ms: how long that flush may take, 0 if none is due; written only on
    ///            success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     out_budget_ms: milliseconds.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_flush_due(lambda: *mut pointmill_lambda, out_budget_ms: *mut u64) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        // SAFETY: the caller lends `out_budget_ms` for the call.
        let out_budget_ms = unsafe { Out::new(out_budget_ms) }?;
        out_budget_ms.write(milliseconds(lambda.flush_due()));
        Ok(())
    }
}
export! {
    /// After a restore from a snapshot of the sandbox (SnapStart, CRIU): the next invocation is its
    /// first, and the API key is looked up anew.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_restored(lambda: *mut pointmill_lambda) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        lambda.restored();
        Ok(())
    }
}
export! {
    /// Flushes everything and ends: for SIGTERM and the end of the process. The thread stops, later
    /// points answer POINTMILL_E_CLOSED and are counted, what has not arrived is counted as dropped. A
    /// second call does nothing.
    ///
    /// Threads:   any, at once.
    /// Ownership: none; the object is still to be freed.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK (everything has arrived), POINTMILL_E_DELIVERY_LATER (the rest is kept
    ///            for the next flush), POINTMILL_E_DELIVERY_DROPPED (points were given up; see the
    ///            ledger), POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     timeout_ms: milliseconds.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_close(lambda: *mut pointmill_lambda, timeout_ms: u64) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        outcome(lambda.close(Duration::from_millis(timeout_ms)))
    }
}
export! {
    /// What went wrong last (a look-up of the key, a request, a write), for a line in a log. It never
    /// holds a key.
    ///
    /// Threads:   any, at once.
    /// Ownership: buf is the caller's.
    /// NULL:      lambda, out_len: POINTMILL_E_NULL. buf: the same, unless cap is 0.
    /// Outputs:   buf, the first out_len bytes, without a NUL; written only on success. out_len, also
    ///            written with POINTMILL_E_BUFFER_TOO_SMALL: the length of the text; 0 if nothing went
    ///            wrong.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_BUFFER_TOO_SMALL, POINTMILL_E_PANIC.
    /// Units:     cap, out_len: bytes.
    /// Since:     0.1
    fn pointmill_lambda_last_failure(
        lambda: *const pointmill_lambda,
        buf: *mut c_char,
        cap: usize,
        out_len: *mut usize,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { read(lambda) }?;
        // SAFETY: the caller lends `out_len` for the call.
        let out_len = unsafe { Out::new(out_len) }?;
        // SAFETY: the caller lends `buf` for the call.
        let buf = unsafe { OutArray::new(buf.cast::<u8>(), cap) }?;
        let text = lambda.last_failure();
        out_len.write(text.len());
        buf.fill(text.as_bytes())
    }
}
pub(crate) fn milliseconds(time: Duration) -> u64 {
    // A time that is not zero must not become "nothing to do".
    u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

fn outcome(flushed: Flushed) -> Result<(), Code> {
    match flushed {
        flushed if flushed.complete() => Ok(()),
        flushed if flushed.dropped > 0 => Err(Code::DELIVERY_DROPPED),
        _ => Err(Code::DELIVERY_LATER),
    }
}

impl From<PointError> for Code {
    #[inline]
    fn from(error: PointError) -> Code {
        match error {
            PointError::Refused(error) => error.into(),
            PointError::Closed => Code::CLOSED,
            _ => Code::INVALID,
        }
    }
}

impl From<Closed> for Code {
    fn from(_: Closed) -> Code {
        Code::CLOSED
    }
}

impl From<NewError> for Failure {
    fn from(error: NewError) -> Failure {
        match error {
            NewError::Engine(error) => error.into(),
            NewError::Delivery(error) => error.into(),
            other => Code::INVALID.because(other),
        }
    }
}
