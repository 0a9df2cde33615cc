//! Snapshots: what a flush yields, entry by entry, merged and grouped.

#![allow(non_camel_case_types)]

use pointmill::{Entry, Intervals, Snapshot, Value};

use crate::codes::Code;
use crate::handle::{self, give, read};
use crate::pointer::{Out, OutStruct, Sized32, Text, slice};
use crate::sketch::{pointmill_sketch, pointmill_summary};
use crate::text::pointmill_str;

/// Flag of pointmill_snapshot_group_by: merge over all intervals too.
pub const POINTMILL_GROUP_MERGE_INTERVALS: u32 = 1;

handle! {
    /// The flushed values of some intervals. Immutable: share it between threads freely, but for
    /// pointmill_snapshot_free.
    ///
    /// Made by pointmill_flush, pointmill_snapshot_merge and pointmill_snapshot_group_by; freed by
    /// pointmill_snapshot_free. It depends on nothing else, not even on its engine.
    pub struct pointmill_snapshot(Snapshot);
}

/// One series in one interval. The caller's struct. Start with POINTMILL_ENTRY_INIT.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_entry {
    /// sizeof(pointmill_entry), set by the caller.
    pub struct_size: u32,
    /// POINTMILL_DISTRIBUTION, _COUNT, _GAUGE or _HISTOGRAM.
    pub kind: u32,
    /// The metric's name, without a NUL; lives as long as the snapshot.
    pub name: pointmill_str,
    /// Start of the interval, seconds since 1970-01-01 UTC.
    pub interval: i64,
    /// Length of the interval in seconds.
    pub interval_s: u32,
    /// Number of the series (kind, name and tags) within this snapshot: two entries have the same
    /// exactly if they are of one series.
    pub series: u32,
    /// Tags; pointmill_snapshot_tag reads them.
    pub tags_len: usize,
    /// Points that were recorded into this entry; a sampled one counts as one.
    pub points: u64,
    /// A count's sum or a gauge's last value; 0 for distributions and histograms.
    pub value: f64,
    /// The summary of a distribution's or histogram's sketch; all 0 for counts and gauges. Its
    /// layout here never grows; its struct_size is set by the library.
    pub summary: pointmill_summary,
}

// SAFETY: repr(C), struct_size is first; the pointer is written, never read back.
unsafe impl Sized32 for pointmill_entry {
    const SIZE_MIN: usize = 112;

    fn set_struct_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

impl pointmill_entry {
    fn new(entry: &Entry<'_>, interval_s: u32) -> pointmill_entry {
        let (value, summary) = match entry.value() {
            Value::Scalar(value) => (value, Default::default()),
            Value::Summary(summary) => (0.0, summary),
        };
        pointmill_entry {
            struct_size: 0,
            kind: entry.kind() as u32,
            name: pointmill_str::lend(entry.name()),
            interval: entry.interval(),
            interval_s,
            series: entry.series() as u32,
            tags_len: entry.tags_len(),
            points: entry.points(),
            value,
            summary: pointmill_summary::from(summary),
        }
    }
}

export! {
    /// Frees a snapshot.
    ///
    /// Threads:   no other call may use the snapshot now or later.
    /// Ownership: takes the snapshot and all texts borrowed from it; sketches and payloads made of
    ///            it live on.
    /// NULL:      does nothing.
    /// Outputs:   none.
    /// Returns:   nothing.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_snapshot_free(snapshot: *mut pointmill_snapshot) {
        // SAFETY: the caller gives the snapshot up.
        unsafe { handle::free(snapshot) };
    }
}

export! {
    /// How many entries a snapshot has.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      0.
    /// Outputs:   none.
    /// Returns:   the number of entries; 0 also for NULL and for a handle of another type.
    /// Units:     entries.
    /// Since:     0.1
    fn pointmill_snapshot_len(snapshot: *const pointmill_snapshot) -> usize {
        // SAFETY: the caller keeps the snapshot alive during the call.
        unsafe { read(snapshot) }.map_or(0, Snapshot::len)
    }
}

export! {
    /// The i-th entry.
    ///
    /// Threads:   any, at once.
    /// Ownership: the name in *out is borrowed from the snapshot.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out, up to out->struct_size bytes; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_INDEX, POINTMILL_E_PANIC.
    /// Units:     i counts from 0.
    /// Since:     0.1
    fn pointmill_snapshot_entry(
        snapshot: *const pointmill_snapshot,
        i: usize,
        out: *mut pointmill_entry,
    ) -> i32 {
        // SAFETY: the caller keeps the snapshot alive during the call.
        let snapshot = unsafe { read(snapshot) }?;
        // SAFETY: the caller lends `out` for the call and has set its struct_size.
        let out = unsafe { OutStruct::new(out) }?;
        let entry = snapshot.get(i).ok_or(Code::INDEX)?;
        out.write(pointmill_entry::new(&entry, snapshot.interval_s()));
        Ok(())
    }
}

export! {
    /// A tag of the i-th entry. Tags are sorted and without duplicates.
    ///
    /// Threads:   any, at once.
    /// Ownership: the text in *out is borrowed from the snapshot.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out, without a NUL; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INDEX (no such entry or tag), POINTMILL_E_PANIC.
    /// Units:     i, tag count from 0.
    /// Since:     0.1
    fn pointmill_snapshot_tag(
        snapshot: *const pointmill_snapshot,
        i: usize,
        tag: usize,
        out: *mut pointmill_str,
    ) -> i32 {
        // SAFETY: the caller keeps the snapshot alive during the call.
        let snapshot = unsafe { read(snapshot) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        let tag = snapshot.get(i).and_then(|entry| entry.tag(tag)).ok_or(Code::INDEX)?;
        out.write(pointmill_str::lend(tag));
        Ok(())
    }
}

export! {
    /// The quantile of the i-th entry's sketch; pointmill_sketch_quantile says which number that
    /// is.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INDEX, POINTMILL_E_NO_SKETCH (a count or gauge), POINTMILL_E_INVALID (q
    ///            is NaN), POINTMILL_E_EMPTY, POINTMILL_E_PANIC.
    /// Units:     q: share, 0.99 for the 99th percentile.
    /// Since:     0.1
    fn pointmill_snapshot_quantile(
        snapshot: *const pointmill_snapshot,
        i: usize,
        q: f64,
        out: *mut f64,
    ) -> i32 {
        // SAFETY: the caller keeps the snapshot alive during the call.
        let snapshot = unsafe { read(snapshot) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        let sketch = snapshot.get(i).ok_or(Code::INDEX)?.sketch().ok_or(Code::NO_SKETCH)?;
        if q.is_nan() {
            return Err(Code::INVALID);
        }
        out.write(sketch.quantile(q).ok_or(Code::EMPTY)?);
        Ok(())
    }
}

export! {
    /// A copy of the i-th entry's sketch.
    ///
    /// Threads:   any, at once.
    /// Ownership: the caller frees *out with pointmill_sketch_free; it lives without the snapshot.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INDEX, POINTMILL_E_NO_SKETCH (a count or gauge), POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_snapshot_sketch(
        snapshot: *const pointmill_snapshot,
        i: usize,
        out: *mut *mut pointmill_sketch,
    ) -> i32 {
        // SAFETY: the caller keeps the snapshot alive during the call.
        let snapshot = unsafe { read(snapshot) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        let sketch = snapshot.get(i).ok_or(Code::INDEX)?.sketch().ok_or(Code::NO_SKETCH)?;
        give(out, sketch.to_sketch());
        Ok(())
    }
}

export! {
    /// One snapshot of many: entries of the same kind, name, tags and interval become one. Sketches
    /// merge, counts add up, and of two gauges the one of the later snapshot in the array stands.
    ///
    /// Threads:   any, at once.
    /// Ownership: the caller frees *out with pointmill_snapshot_free; the snapshots stay the
    ///            caller's and are not needed by *out.
    /// NULL:      out, and every element of snapshots: POINTMILL_E_NULL. snapshots: the same, unless
    ///            len is 0, which gives an empty snapshot.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (len is no possible length), POINTMILL_E_PANIC.
    /// Units:     len: snapshots.
    /// Since:     0.1
    fn pointmill_snapshot_merge(
        snapshots: *const *const pointmill_snapshot,
        len: usize,
        out: *mut *mut pointmill_snapshot,
    ) -> i32 {
        // SAFETY: the caller lends the array for the call.
        let handles = unsafe { slice(snapshots, len) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        let snapshots = handles
            .iter()
            // SAFETY: the caller keeps every one of the snapshots alive during the call.
            .map(|snapshot| unsafe { read(*snapshot) })
            .collect::<Result<Vec<_>, Code>>()?;
        give(out, Snapshot::merge(snapshots));
        Ok(())
    }
}

export! {
    /// A snapshot merged over every tag whose key (the part before the first colon) is not among
    /// keys; with len 0 over all tags. Sketches merge, counts add up, gauges of one interval are
    /// averaged.
    ///
    /// Threads:   any, at once.
    /// Ownership: the caller frees *out with pointmill_snapshot_free; keys is borrowed for the call.
    /// NULL:      POINTMILL_E_NULL; keys may be NULL if len is 0.
    /// Outputs:   out; written only on success. With POINTMILL_GROUP_MERGE_INTERVALS every series
    ///            has one entry, that of its earliest interval; a gauge then shows its latest.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (an unknown flag, or a length), POINTMILL_E_PANIC.
    /// Units:     len: texts. flags: 0 or POINTMILL_GROUP_MERGE_INTERVALS.
    /// Since:     0.1
    fn pointmill_snapshot_group_by(
        snapshot: *const pointmill_snapshot,
        keys: *const pointmill_str,
        len: usize,
        flags: u32,
        out: *mut *mut pointmill_snapshot,
    ) -> i32 {
        // SAFETY: the caller keeps the snapshot alive during the call.
        let snapshot = unsafe { read(snapshot) }?;
        // SAFETY: the caller lends the keys for the call.
        let keys = unsafe { Text::array(keys, len) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        let intervals = match flags {
            0 => Intervals::Keep,
            POINTMILL_GROUP_MERGE_INTERVALS => Intervals::Merge,
            _ => return Err(Code::INVALID),
        };
        // Mended like tags are when they are interned, so that a key finds its tags.
        let keys: Vec<_> = keys.iter().map(|key| String::from_utf8_lossy(key.bytes())).collect();
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        give(out, snapshot.group_by(&keys, intervals));
        Ok(())
    }
}
