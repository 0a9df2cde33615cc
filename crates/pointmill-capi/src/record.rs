//! The way of a point. Nothing here allocates, locks or reads a clock; what the engine does is in
//! its own documentation.

use pointmill::{ContextId, Engine, Kind};

use crate::codes::Code;
use crate::context::kind;
use crate::engine::pointmill_engine;
use crate::handle::share;
use crate::pointer::{Out, Present, Text, slice};
use crate::text::pointmill_str;

export! {
    /// Records one point in the open interval.
    ///
    /// Threads:   any, at once; no lock that another recorder can hold.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_NOT_FINITE, POINTMILL_E_STALE_CONTEXT, POINTMILL_E_POISONED,
    ///            POINTMILL_E_PANIC. A point refused for its value or context is counted.
    /// Units:     context: from pointmill_context of this engine. value: any, finite.
    /// Since:     0.1
    #[poison(engine)]
    fn pointmill_record(engine: *mut pointmill_engine, context: u64, value: f64) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        Ok(engine.record(ContextId::from_bits(context), value)?)
    }
}

export! {
    /// Records one point in the interval that holds unix_s.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   as pointmill_record, and POINTMILL_E_TOO_OLD, POINTMILL_E_TOO_NEW (options
    ///            past_max_s and future_max_s, against the engine's time; counted).
    /// Units:     unix_s: seconds since 1970-01-01 UTC.
    /// Since:     0.1
    #[poison(engine)]
    fn pointmill_record_at(
        engine: *mut pointmill_engine,
        context: u64,
        value: f64,
        unix_s: i64,
    ) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        Ok(engine.record_at(ContextId::from_bits(context), value, unix_s)?)
    }
}

export! {
    /// Records one point that stands for 1/rate points, as the Agent does: a distribution's bin
    /// grows by the whole part of 1/rate, a count by value/rate; a gauge ignores the rate. A rate of
    /// 1, of 0 or less, above 1, or NaN counts the point once.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   as pointmill_record.
    /// Units:     rate: share of the points that was kept, above 0, at most 1.
    /// Since:     0.1
    #[poison(engine)]
    fn pointmill_record_sampled(
        engine: *mut pointmill_engine,
        context: u64,
        value: f64,
        rate: f64,
    ) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        Ok(engine.record_sampled(ContextId::from_bits(context), value, rate)?)
    }
}

export! {
    /// Records one point that is both sampled and timed: pointmill_record_sampled in the interval
    /// that holds unix_s.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   as pointmill_record_at.
    /// Units:     rate: share of the points that was kept. unix_s: seconds since 1970-01-01 UTC.
    /// Since:     0.1
    #[poison(engine)]
    fn pointmill_record_sampled_at(
        engine: *mut pointmill_engine,
        context: u64,
        value: f64,
        rate: f64,
        unix_s: i64,
    ) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        Ok(engine.record_sampled_at(ContextId::from_bits(context), value, rate, unix_s)?)
    }
}

export! {
    /// Records many points of one context. Those that are refused do not stop the others.
    ///
    /// Threads:   any, at once.
    /// Ownership: values is borrowed for the call.
    /// NULL:      engine, out_rejected: POINTMILL_E_NULL. values: the same, unless len is 0.
    /// Outputs:   out_rejected, how many were refused (and counted) for not being finite; written
    ///            only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (len is no possible length), POINTMILL_E_STALE_CONTEXT (all
    ///            were refused and counted), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     len: values, not bytes.
    /// Since:     0.1
    #[poison(engine)]
    fn pointmill_record_many(
        engine: *mut pointmill_engine,
        context: u64,
        values: *const f64,
        len: usize,
        out_rejected: *mut usize,
    ) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        // SAFETY: the caller lends the values for the call.
        let values = unsafe { slice(values, len) }?;
        // SAFETY: the caller lends `out_rejected` for the call.
        let out_rejected = unsafe { Out::new(out_rejected) }?;
        out_rejected.write(engine.record_many(ContextId::from_bits(context), values)?);
        Ok(())
    }
}

export! {
    /// Records many points, each of its own context: values[i] goes to contexts[i]. Those that are
    /// refused do not stop the others.
    ///
    /// Threads:   any, at once.
    /// Ownership: contexts and values are borrowed for the call.
    /// NULL:      engine, out_rejected: POINTMILL_E_NULL. contexts, values: the same, unless len is
    ///            0.
    /// Outputs:   out_rejected, how many were refused, each counted by its cause; written only on
    ///            success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (len is no possible length), POINTMILL_E_POISONED,
    ///            POINTMILL_E_PANIC.
    /// Units:     len: points, the length of either array.
    /// Since:     0.1
    #[poison(engine)]
    fn pointmill_record_batch(
        engine: *mut pointmill_engine,
        contexts: *const u64,
        values: *const f64,
        len: usize,
        out_rejected: *mut usize,
    ) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        // SAFETY: the caller lends both arrays for the call.
        let contexts = unsafe { slice(contexts, len) }?;
        // SAFETY: the same.
        let values = unsafe { slice(values, len) }?;
        // SAFETY: the caller lends `out_rejected` for the call.
        let out_rejected = unsafe { Out::new(out_rejected) }?;
        out_rejected.write(record_batch(engine, contexts, values));
        Ok(())
    }
}

/// Ids as the engine has them, some at a time on the stack.
fn record_batch(engine: &Engine, contexts: &[u64], values: &[f64]) -> usize {
    const CHUNK: usize = 256;
    let mut ids = [ContextId::from_bits(0); CHUNK];
    let mut rejected = 0;
    for (contexts, values) in contexts.chunks(CHUNK).zip(values.chunks(CHUNK)) {
        for (id, bits) in ids.iter_mut().zip(contexts) {
            *id = ContextId::from_bits(*bits);
        }
        let ids = ids.get(..contexts.len()).unwrap_or_default();
        rejected += engine.record_batch(ids, values);
    }
    rejected
}

export! {
    /// Records one point by name and tags, for callers whose own look-up would cost more than the
    /// engine's. A context that is new is made on the way.
    ///
    /// Threads:   any, at once.
    /// Ownership: the texts are borrowed for the call.
    /// NULL:      POINTMILL_E_NULL; a text's ptr may be NULL if its len is 0.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (a length), POINTMILL_E_KIND, and, counted:
    ///            POINTMILL_E_NOT_FINITE, POINTMILL_E_INVALID_NAME (also with len 0),
    ///            POINTMILL_E_NO_ROOM, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     name_then_tags: the name first, then the tags. len: texts, the name included.
    /// Since:     0.1
    #[poison(engine)]
    fn pointmill_record_named(
        engine: *mut pointmill_engine,
        kind: u32,
        name_then_tags: *const pointmill_str,
        len: usize,
        value: f64,
    ) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        let kind = self::kind(kind)?;
        // SAFETY: the caller lends the texts for the call.
        if let Some(texts) = unsafe { Present::array(name_then_tags, len) }?
            && engine.record_recalled(kind, texts, value)
        {
            return Ok(());
        }
        // SAFETY: the same.
        let texts = unsafe { Text::array(name_then_tags, len) }?;
        record_named(engine, kind, texts, value)
    }
}

#[cold]
fn record_named(engine: &Engine, kind: Kind, texts: &[Text<'_>], value: f64) -> Result<(), Code> {
    if texts.is_empty() {
        // An empty name: refused like one, and counted.
        return Ok(engine.record_named(kind, &[b""], value)?);
    }
    Ok(engine.record_named(kind, texts, value)?)
}
