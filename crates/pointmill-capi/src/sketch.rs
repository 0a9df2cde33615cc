//! The sketch alone, without an engine.

#![allow(non_camel_case_types)]

use ddsketch_agent::{COUNT_MAX, Profile, Sketch, Summary};

use crate::codes::Code;
use crate::handle::{self, edit, give, read};
use crate::pointer::{Out, OutArray, OutStruct, Sized32, slice};

/// Bins with counts up to 65,535, as released Datadog Agents send them.
pub const POINTMILL_BINS_U16: u32 = 1;
/// Bins with counts up to 4,294,967,295.
pub const POINTMILL_BINS_U32: u32 = 2;

handle! {
    /// A sketch of a distribution: the Datadog Agent's, bit for bit. One thread at a time.
    ///
    /// Made by pointmill_sketch_new, _clone, _decode and pointmill_snapshot_sketch; freed by
    /// pointmill_sketch_free. It depends on nothing else.
    pub struct pointmill_sketch(Sketch);
}

/// Count, smallest, largest, sum and mean of a sketch. All 0 while it is empty. The caller's
/// struct. Start with POINTMILL_SUMMARY_INIT.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_summary {
    /// sizeof(pointmill_summary), set by the caller.
    pub struct_size: u32,
    /// Values, each with its weight.
    pub count: u64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The sum, rounded at every step.
    pub sum: f64,
    /// The running mean, as the Agent computes it.
    pub avg: f64,
}

// SAFETY: repr(C), struct_size is first, plain numbers.
unsafe impl Sized32 for pointmill_summary {
    const SIZE_MIN: usize = 48;

    fn set_struct_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

impl From<Summary> for pointmill_summary {
    fn from(summary: Summary) -> pointmill_summary {
        let Summary {
            count,
            min,
            max,
            sum,
            avg,
        } = summary;
        let struct_size = size_of::<pointmill_summary>() as u32;
        pointmill_summary {
            struct_size,
            count,
            min,
            max,
            sum,
            avg,
        }
    }
}

export! {
    /// Makes an empty sketch.
    ///
    /// Threads:   any.
    /// Ownership: the caller frees *out with pointmill_sketch_free.
    /// NULL:      out: POINTMILL_E_NULL.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_sketch_new(out: *mut *mut pointmill_sketch) -> i32 {
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        give(out, Sketch::new());
        Ok(())
    }
}

export! {
    /// Makes a second sketch with the same contents.
    ///
    /// Threads:   one at a time on sketch.
    /// Ownership: the caller frees *out with pointmill_sketch_free; the two share nothing.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_sketch_clone(
        sketch: *const pointmill_sketch,
        out: *mut *mut pointmill_sketch,
    ) -> i32 {
        // SAFETY: the caller keeps the sketch alive and unchanged during the call.
        let sketch = unsafe { read(sketch) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        give(out, sketch.clone());
        Ok(())
    }
}

export! {
    /// Frees a sketch.
    ///
    /// Threads:   no other call may use the sketch now or later.
    /// Ownership: takes the sketch.
    /// NULL:      does nothing.
    /// Outputs:   none.
    /// Returns:   nothing.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_sketch_free(sketch: *mut pointmill_sketch) {
        // SAFETY: the caller gives the sketch up.
        unsafe { handle::free(sketch) };
    }
}

export! {
    /// Adds one value.
    ///
    /// Threads:   one at a time on sketch.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_NOT_FINITE (NaN and infinities), POINTMILL_E_POISONED,
    ///            POINTMILL_E_PANIC. On failure nothing changed.
    /// Units:     value: any, finite.
    /// Since:     0.1
    #[poison(sketch)]
    fn pointmill_sketch_insert(sketch: *mut pointmill_sketch, value: f64) -> i32 {
        // SAFETY: the caller keeps the sketch alive and to this call alone.
        let sketch = unsafe { edit(sketch) }?;
        Ok(sketch.insert(value)?)
    }
}

export! {
    /// Adds a value n times at once. With n = 0 nothing changes.
    ///
    /// Threads:   one at a time on sketch.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   as pointmill_sketch_insert, and POINTMILL_E_TOO_MANY.
    /// Units:     value: any, finite. n: times.
    /// Since:     0.1
    #[poison(sketch)]
    fn pointmill_sketch_insert_n(sketch: *mut pointmill_sketch, value: f64, n: u64) -> i32 {
        // SAFETY: the caller keeps the sketch alive and to this call alone.
        let sketch = unsafe { edit(sketch) }?;
        Ok(sketch.insert_n(value, n)?)
    }
}

export! {
    /// Adds a value that stands for 1/rate values, as the Agent does: its bin grows by the whole
    /// part of 1/rate. A rate of 1, of 0 or less, above 1, or NaN counts the value once.
    ///
    /// Threads:   one at a time on sketch.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   as pointmill_sketch_insert, and POINTMILL_E_TOO_MANY.
    /// Units:     value: any, finite. rate: share of the values that was kept, above 0, at most 1.
    /// Since:     0.1
    #[poison(sketch)]
    fn pointmill_sketch_insert_sampled(
        sketch: *mut pointmill_sketch,
        value: f64,
        rate: f64,
    ) -> i32 {
        // SAFETY: the caller keeps the sketch alive and to this call alone.
        let sketch = unsafe { edit(sketch) }?;
        Ok(sketch.insert_sampled(value, rate)?)
    }
}

export! {
    /// Adds many values: the same as one pointmill_sketch_insert each, only faster. If one of them
    /// is NaN or infinite, none is added.
    ///
    /// Threads:   one at a time on sketch.
    /// Ownership: values is borrowed for the call.
    /// NULL:      sketch: POINTMILL_E_NULL. values: the same, unless len is 0.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (len is no possible length), POINTMILL_E_NOT_FINITE,
    ///            POINTMILL_E_TOO_MANY, POINTMILL_E_POISONED, POINTMILL_E_PANIC. On failure nothing
    ///            changed.
    /// Units:     values: any, finite. len: values, not bytes.
    /// Since:     0.1
    #[poison(sketch)]
    fn pointmill_sketch_insert_many(
        sketch: *mut pointmill_sketch,
        values: *const f64,
        len: usize,
    ) -> i32 {
        // SAFETY: the caller keeps the sketch alive and to this call alone.
        let sketch = unsafe { edit(sketch) }?;
        // SAFETY: the caller lends the values for the call.
        let values = unsafe { slice(values, len) }?;
        // A pass of its own: without an output for the number refused, all or nothing is the one
        // answer that loses no valid value unseen.
        if !values.iter().fold(true, |finite, v| finite & v.is_finite()) {
            return Err(Code::NOT_FINITE);
        }
        let count = sketch.summary().count.saturating_add(values.len() as u64);
        if count > COUNT_MAX {
            return Err(Code::TOO_MANY);
        }
        sketch.insert_many(values);
        Ok(())
    }
}

export! {
    /// Adds n values spread evenly over [lower, upper], as the Agent does with a histogram's bucket.
    ///
    /// Threads:   one at a time on sketch.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_NOT_FINITE (a bound is NaN or infinite), POINTMILL_E_INVALID (upper is
    ///            below lower), POINTMILL_E_TOO_MANY, POINTMILL_E_POISONED, POINTMILL_E_PANIC. On
    ///            failure nothing changed.
    /// Units:     bounds: any, finite. n: values.
    /// Since:     0.1
    #[poison(sketch)]
    fn pointmill_sketch_insert_interpolated(
        sketch: *mut pointmill_sketch,
        lower: f64,
        upper: f64,
        n: u64,
    ) -> i32 {
        // SAFETY: the caller keeps the sketch alive and to this call alone.
        let sketch = unsafe { edit(sketch) }?;
        Ok(sketch.insert_interpolated(lower, upper, n)?)
    }
}

export! {
    /// Adds everything that other holds. Other stays as it is; the two may be the same sketch.
    ///
    /// Threads:   one at a time on either.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_TOO_MANY (nothing changed), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[poison(sketch)]
    fn pointmill_sketch_merge(
        sketch: *mut pointmill_sketch,
        other: *const pointmill_sketch,
    ) -> i32 {
        if std::ptr::eq(sketch, other) {
            // SAFETY: the caller keeps the sketch alive and to this call alone.
            let sketch = unsafe { edit(sketch) }?;
            // One sketch must not be borrowed twice.
            let other = sketch.clone();
            return merge(sketch, &other);
        }
        // SAFETY: the caller keeps `other` alive and unchanged; it is not `sketch`.
        let other = unsafe { read(other) }?;
        // SAFETY: the caller keeps the sketch alive and to this call alone.
        let sketch = unsafe { edit(sketch) }?;
        merge(sketch, other)
    }
}

/// Refuses what the sketch itself would take into its summary only.
fn merge(sketch: &mut Sketch, other: &Sketch) -> Result<(), Code> {
    let count = sketch.summary().count.saturating_add(other.summary().count);
    if count > COUNT_MAX {
        return Err(Code::TOO_MANY);
    }
    sketch.merge(other);
    Ok(())
}

export! {
    /// Count, smallest, largest, sum and mean: exact, not estimates from bins.
    ///
    /// Threads:   one at a time on sketch.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out, up to out->struct_size bytes; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_PANIC.
    /// Units:     those of the values.
    /// Since:     0.1
    fn pointmill_sketch_summary(
        sketch: *const pointmill_sketch,
        out: *mut pointmill_summary,
    ) -> i32 {
        // SAFETY: the caller keeps the sketch alive and unchanged during the call.
        let sketch = unsafe { read(sketch) }?;
        // SAFETY: the caller lends `out` for the call and has set its struct_size.
        let out = unsafe { OutStruct::new(out) }?;
        out.write(pointmill_summary::from(sketch.summary()));
        Ok(())
    }
}

export! {
    /// The element of rank roundTiesEven(q * (count - 1)), to within 1/129 of itself.
    ///
    /// Exactly: the harmonic mean of the edges of the bin that holds this element, clamped to
    /// [min, max]. q at or below 0 gives min, q at or above 1 gives max. Magnitudes below 1e-9 lie
    /// in the bin of 0; above 4e211 there is one last bin, and the guarantee ends.
    ///
    /// Threads:   one at a time on sketch.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (q is NaN), POINTMILL_E_EMPTY, POINTMILL_E_PANIC.
    /// Units:     q: share, 0.99 for the 99th percentile. out: that of the values.
    /// Since:     0.1
    fn pointmill_sketch_quantile(sketch: *const pointmill_sketch, q: f64, out: *mut f64) -> i32 {
        // SAFETY: the caller keeps the sketch alive and unchanged during the call.
        let sketch = unsafe { read(sketch) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        out.write(quantile(sketch, q, Sketch::quantile)?);
        Ok(())
    }
}

export! {
    /// The quantile as the Datadog Agent computes it, to the last bit: interpolated inside a bin,
    /// not clamped, up to 2.4 % off. For comparisons with an Agent; pointmill_sketch_quantile is
    /// the accurate one.
    ///
    /// Threads:   one at a time on sketch.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out; written only on success. May be NaN or infinite when values above 4e211 are
    ///            in the sketch.
    /// Returns:   as pointmill_sketch_quantile.
    /// Units:     q: share, 0.99 for the 99th percentile. out: that of the values.
    /// Since:     0.1
    fn pointmill_sketch_quantile_agent(
        sketch: *const pointmill_sketch,
        q: f64,
        out: *mut f64,
    ) -> i32 {
        // SAFETY: the caller keeps the sketch alive and unchanged during the call.
        let sketch = unsafe { read(sketch) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        out.write(quantile(sketch, q, Sketch::quantile_agent)?);
        Ok(())
    }
}

fn quantile(
    sketch: &Sketch,
    q: f64,
    of: impl Fn(&Sketch, f64) -> Option<f64>,
) -> Result<f64, Code> {
    if q.is_nan() {
        return Err(Code::INVALID);
    }
    of(sketch, q).ok_or(Code::EMPTY)
}

export! {
    /// The bins as the wire has them: keys ascending, a key whose count exceeds the profile's bin
    /// several times.
    ///
    /// Threads:   one at a time on sketch.
    /// Ownership: keys and counts are the caller's.
    /// NULL:      sketch, out_len: POINTMILL_E_NULL. keys, counts: the same, unless cap is 0.
    /// Outputs:   keys, counts, the first out_len of each; written only on success. out_len, also
    ///            written with POINTMILL_E_BUFFER_TOO_SMALL: the bins there are.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (no such profile), POINTMILL_E_BUFFER_TOO_SMALL,
    ///            POINTMILL_E_PANIC.
    /// Units:     profile: POINTMILL_BINS_U16 or POINTMILL_BINS_U32. cap, out_len: bins. 4,096 bins
    ///            are always enough, but for keys whose count exceeds the profile's bin.
    /// Since:     0.1
    fn pointmill_sketch_bins(
        sketch: *const pointmill_sketch,
        profile: u32,
        keys: *mut i16,
        counts: *mut u32,
        cap: usize,
        out_len: *mut usize,
    ) -> i32 {
        // SAFETY: the caller keeps the sketch alive and unchanged during the call.
        let sketch = unsafe { read(sketch) }?;
        let profile = match profile {
            POINTMILL_BINS_U16 => Profile::U16,
            POINTMILL_BINS_U32 => Profile::U32,
            _ => return Err(Code::INVALID),
        };
        // SAFETY: the caller lends `out_len` for the call.
        let out_len = unsafe { Out::new(out_len) }?;
        // SAFETY: the caller lends both arrays for the call.
        let keys = unsafe { OutArray::new(keys, cap) }?;
        // SAFETY: the same.
        let counts = unsafe { OutArray::new(counts, cap) }?;
        let bins = sketch.bins(profile);
        out_len.write(bins.keys.len());
        keys.fill(&bins.keys)?;
        counts.fill(&bins.counts)
    }
}

export! {
    /// The key of the bin that a value falls into: the Agent's, on every platform.
    ///
    /// Threads:   any.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out, -32767 to 32767, 0 for magnitudes below 1e-9; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_NOT_FINITE,
    ///            POINTMILL_E_PANIC.
    /// Units:     value: any, finite.
    /// Since:     0.1
    fn pointmill_sketch_key(value: f64, out: *mut i16) -> i32 {
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        if !value.is_finite() {
            return Err(Code::NOT_FINITE);
        }
        out.write(ddsketch_agent::key::key(value));
        Ok(())
    }
}
