//! Sequences of C calls made from bytes: any order, any arguments, NULL and handles of the wrong
//! type among them.
//!
//! ```text
//! bytes ──arbitrary──▶ calls; each picks its objects by a number from those made so far
//!                      (0 is NULL, 1 an object of another type)
//! after every call     the status is a code of the table, and neither a panic nor its poison
//!                      outputs are what they were if the call failed
//! at the end           the ledger balances; freeing in any order is clean
//! ```

use std::ffi::{CStr, CString};
use std::ptr;

use arbitrary::{Arbitrary, Unstructured};
use pointmill_capi::*;

/// Longest input looked at; longer ones find nothing new.
pub const SIZE_MAX: usize = 8 << 10;

/// Most calls in a sequence, and most objects of a type alive.
const CALLS_MAX: usize = 200;
const OBJECTS_MAX: usize = 8;

/// What an output holds before a call, and still after a failed one.
const UNTOUCHED: f64 = 1234.5;

/// One call. A `u8` picks an object, see [`Objects::pick`].
#[derive(Arbitrary, Debug)]
enum Call {
    SketchNew,
    SketchClone(u8),
    SketchFree(u8),
    Insert(u8, f64),
    InsertN(u8, f64, u64),
    InsertSampled(u8, f64, f64),
    InsertMany(u8, Vec<f64>, bool),
    InsertInterpolated(u8, f64, f64, u64),
    Merge(u8, u8),
    Summary(u8, u8),
    Quantile(u8, f64),
    Bins(u8, u8, u8),
    Key(f64),
    SketchEncode(u8, u8),
    SketchDecode(u8, Vec<u8>),
    ConfigSet(u8, u8, String),
    ConfigSetAny(u8, String, String),
    ConfigGet(u8, u8, u8),
    Table(u8, u8),
    Tick(i64),
    Context(u8, String, Vec<Vec<u8>>),
    Record(u8, f64),
    RecordRaw(u64, f64),
    RecordAt(u8, f64, i64),
    RecordSampled(u8, f64, f64, i64),
    RecordMany(u8, Vec<f64>),
    RecordBatch(Vec<(u8, f64)>),
    RecordNamed(u8, Vec<Vec<u8>>, f64),
    Flush(i64, u8),
    SnapshotFree(u8),
    Entry(u8, u8, u8),
    EntryQuantile(u8, u8, f64),
    EntrySketch(u8, u8),
    SnapshotMerge(Vec<u8>),
    GroupBy(u8, Vec<String>, u8),
    Encode(u8, u8),
    PayloadsFree(u8),
    Payload(u8, u8),
    EngineAsSomethingElse,
}

/// One call of the library.
macro_rules! c {
    ($call:expr) => {{
        // SAFETY: objects come from `pick`, which gives live ones, NULL, or live ones of another
        // type; other pointers are to locals of the caller, with their true lengths.
        unsafe { $call }
    }};
}

/// Live objects of one type.
struct Objects<T> {
    live: Vec<*mut T>,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Objects<T> {
    fn new(free: unsafe extern "C" fn(*mut T)) -> Objects<T> {
        Objects {
            live: Vec::new(),
            free,
        }
    }

    /// 0 is NULL, 1 is `foreign`, others are live objects, or NULL if there is none.
    fn pick(&self, choice: u8, foreign: *mut T) -> *mut T {
        match usize::from(choice) {
            0 => ptr::null_mut(),
            1 => foreign,
            _ if self.live.is_empty() => ptr::null_mut(),
            n => self.live[n % self.live.len()],
        }
    }

    fn keep(&mut self, made: *mut T) {
        if made.is_null() {
            return;
        }
        if self.live.len() == OBJECTS_MAX {
            let oldest = self.live.remove(0);
            c!((self.free)(oldest));
        }
        self.live.push(made);
    }

    fn free(&mut self, choice: u8, foreign: *mut T) {
        let object = self.pick(choice, foreign);
        c!((self.free)(object));
        self.live.retain(|live| *live != object);
    }
}

impl<T> Drop for Objects<T> {
    fn drop(&mut self) {
        for object in self.live.drain(..) {
            c!((self.free)(object));
        }
    }
}

/// Everything a sequence of calls works on.
struct World {
    sketches: Objects<pointmill_sketch>,
    configs: Objects<pointmill_config>,
    snapshots: Objects<pointmill_snapshot>,
    payloads: Objects<pointmill_payloads>,
    engine: *mut pointmill_engine,
    contexts: Vec<u64>,
}

impl Drop for World {
    fn drop(&mut self) {
        c!(pointmill_engine_free(self.engine));
    }
}

/// Decodes the calls from `data` and makes them.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut world = World::new();
    for _ in 0..CALLS_MAX {
        if input.is_empty() {
            break;
        }
        let Ok(call) = Call::arbitrary(&mut input) else {
            break;
        };
        world.call(&call);
    }
    let stats = world.stats();
    let rejected = stats.rejected_not_finite
        + stats.rejected_stale
        + stats.rejected_too_old
        + stats.rejected_too_new
        + stats.rejected_invalid_name
        + stats.rejected_no_room;
    let dropped = stats.dropped_arena_full + stats.dropped_stale;
    assert_eq!(
        stats.recorded,
        stats.flushed + stats.pending + rejected + dropped,
        "{stats:?}"
    );
}

/// Checks that a status is of the table and no panic, and says whether it is success.
#[track_caller]
fn fine(status: i32) -> bool {
    let name = c!(pointmill_code_name(status));
    // SAFETY: the name is static and ends with NUL.
    let name = unsafe { CStr::from_ptr(name) };
    assert_ne!(name, c"POINTMILL_E_UNKNOWN", "{status}");
    assert!(
        status != POINTMILL_E_PANIC && status != POINTMILL_E_POISONED,
        "{name:?}"
    );
    status == POINTMILL_OK
}

/// Checks the status of a call that makes an object, and the object.
#[track_caller]
fn made<T>(status: i32, object: *mut T) -> *mut T {
    assert_eq!(fine(status), !object.is_null());
    object
}

fn text(bytes: &[u8]) -> pointmill_str {
    pointmill_str {
        ptr: bytes.as_ptr().cast(),
        len: bytes.len(),
    }
}

fn texts(parts: &[Vec<u8>]) -> Vec<pointmill_str> {
    parts.iter().map(|part| text(part)).collect()
}

/// The whole number `choice` stands for: small ones, and the largest.
fn index(choice: u8) -> usize {
    if choice == u8::MAX {
        usize::MAX
    } else {
        usize::from(choice)
    }
}

fn zeroed<T: Copy>() -> T {
    // SAFETY: used with the header's structs only: numbers and raw pointers.
    unsafe { std::mem::zeroed() }
}

impl World {
    fn new() -> World {
        let mut config = ptr::null_mut();
        assert!(fine(c!(pointmill_config_new(&mut config))));
        // Small, so that limits are reached and every run starts fast.
        let limits = [
            (c"contexts_max", c"4"),
            (c"arena_bytes", c"2097152"),
            (c"threads_max", c"2"),
            (c"names_bytes", c"2048"),
            (c"idle_flushes", c"2"),
        ];
        let none = ptr::null_mut();
        for (name, value) in limits {
            assert!(fine(c!(pointmill_config_set(
                config,
                name.as_ptr(),
                value.as_ptr(),
                none
            ))));
        }
        let mut engine = ptr::null_mut();
        let status = c!(pointmill_engine_new(config, &mut engine, none));
        assert!(!made(status, engine).is_null());
        let mut world = World {
            sketches: Objects::new(pointmill_sketch_free),
            configs: Objects::new(pointmill_config_free),
            snapshots: Objects::new(pointmill_snapshot_free),
            payloads: Objects::new(pointmill_payloads_free),
            engine,
            contexts: Vec::new(),
        };
        world.configs.keep(config);
        world
    }

    fn stats(&self) -> pointmill_engine_stats {
        let mut stats: pointmill_engine_stats = zeroed();
        stats.struct_size = size_of_val(&stats) as u32;
        assert!(fine(c!(pointmill_stats(self.engine, &mut stats))));
        stats
    }

    fn sketch(&self, choice: u8) -> *mut pointmill_sketch {
        self.sketches.pick(choice, self.engine.cast())
    }

    fn config(&self, choice: u8) -> *mut pointmill_config {
        self.configs.pick(choice, self.engine.cast())
    }

    fn snapshot(&self, choice: u8) -> *mut pointmill_snapshot {
        self.snapshots.pick(choice, self.engine.cast())
    }

    fn context(&self, choice: u8) -> u64 {
        let n = self.contexts.len().max(1);
        self.contexts
            .get(usize::from(choice) % n)
            .copied()
            .unwrap_or(u64::from(choice))
    }

    fn call(&mut self, call: &Call) {
        self.sketch_call(call);
        self.config_call(call);
        self.engine_call(call);
        self.snapshot_call(call);
    }

    fn sketch_call(&mut self, call: &Call) {
        match call {
            Call::SketchNew => {
                let mut out = ptr::null_mut();
                let status = c!(pointmill_sketch_new(&mut out));
                self.sketches.keep(made(status, out));
            }
            Call::SketchClone(s) => {
                let mut out = ptr::null_mut();
                let status = c!(pointmill_sketch_clone(self.sketch(*s), &mut out));
                self.sketches.keep(made(status, out));
            }
            Call::SketchFree(s) => self.sketches.free(*s, self.engine.cast()),
            Call::Insert(s, v) => {
                fine(c!(pointmill_sketch_insert(self.sketch(*s), *v)));
            }
            Call::InsertN(s, v, n) => {
                // A sketch of 2^44 values has 2^28 bins of 16 bits: right, and slow.
                fine(c!(pointmill_sketch_insert_n(
                    self.sketch(*s),
                    *v,
                    n & 0xff_ffff_ffff
                )));
            }
            Call::InsertSampled(s, v, rate) => {
                fine(c!(pointmill_sketch_insert_sampled(
                    self.sketch(*s),
                    *v,
                    *rate
                )));
            }
            Call::InsertMany(s, values, null) => {
                let pointer = if *null { ptr::null() } else { values.as_ptr() };
                let len = values.len();
                fine(c!(pointmill_sketch_insert_many(
                    self.sketch(*s),
                    pointer,
                    len
                )));
            }
            Call::InsertInterpolated(s, lower, upper, n) => {
                let sketch = self.sketch(*s);
                let n = n & 0xff_ffff_ffff;
                fine(c!(pointmill_sketch_insert_interpolated(
                    sketch, *lower, *upper, n
                )));
            }
            Call::Merge(a, b) => {
                fine(c!(pointmill_sketch_merge(self.sketch(*a), self.sketch(*b))));
            }
            Call::Summary(s, size) => {
                let mut out: pointmill_summary = zeroed();
                out.struct_size = u32::from(*size);
                out.max = UNTOUCHED;
                if !fine(c!(pointmill_sketch_summary(self.sketch(*s), &mut out))) {
                    assert!(out.max == UNTOUCHED && out.struct_size == u32::from(*size));
                }
            }
            Call::Quantile(s, q) => self.sketch_quantile(*s, *q),
            Call::Bins(s, profile, cap) => self.sketch_bins(*s, *profile, *cap),
            Call::Key(v) => {
                let mut key = 77;
                assert_eq!(fine(c!(pointmill_sketch_key(*v, &mut key))), v.is_finite());
            }
            Call::SketchEncode(s, format) => self.sketch_encode(*s, *format),
            Call::SketchDecode(format, bytes) => {
                let (mut out, mut err) = (ptr::null_mut(), error());
                let (format, len) = (u32::from(*format % 5), bytes.len());
                let status = c!(pointmill_sketch_decode(
                    format,
                    bytes.as_ptr(),
                    len,
                    &mut out,
                    &mut err
                ));
                told(status, &err);
                self.sketches.keep(made(status, out));
            }
            _ => {}
        }
    }

    fn sketch_quantile(&self, s: u8, q: f64) {
        let (mut v, mut agents) = (UNTOUCHED, UNTOUCHED);
        let sketch = self.sketch(s);
        let ok = fine(c!(pointmill_sketch_quantile(sketch, q, &mut v)));
        assert_eq!(
            ok,
            fine(c!(pointmill_sketch_quantile_agent(sketch, q, &mut agents)))
        );
        if !ok {
            assert!(v == UNTOUCHED && agents == UNTOUCHED);
            return;
        }
        let mut summary: pointmill_summary = zeroed();
        summary.struct_size = size_of_val(&summary) as u32;
        assert!(fine(c!(pointmill_sketch_summary(sketch, &mut summary))));
        // A decoded summary may say anything; one of ours has its ends in order.
        if summary.min <= summary.max {
            assert!(summary.min <= v && v <= summary.max, "{v} of {summary:?}");
        }
    }

    fn sketch_bins(&self, s: u8, profile: u8, cap: u8) {
        let (mut keys, mut counts) = ([77_i16; 256], [0_u32; 256]);
        let (cap, mut len) = (usize::from(cap), usize::MAX);
        let status = c!(pointmill_sketch_bins(
            self.sketch(s),
            u32::from(profile % 4),
            keys.as_mut_ptr(),
            counts.as_mut_ptr(),
            cap,
            &mut len
        ));
        if fine(status) {
            assert!(len <= cap && keys[..len].is_sorted() && keys[len..].iter().all(|k| *k == 77));
        } else {
            assert!(keys.iter().all(|k| *k == 77));
            assert_eq!(
                status == POINTMILL_E_BUFFER_TOO_SMALL,
                len != usize::MAX && len > cap
            );
        }
    }

    fn sketch_encode(&mut self, s: u8, format: u8) {
        let (format, sketch) = (u32::from(format % 5), self.sketch(s));
        let mut needed = 0;
        let status = c!(pointmill_sketch_encode(
            sketch,
            format,
            ptr::null_mut(),
            0,
            &mut needed
        ));
        fine(status);
        if status != POINTMILL_E_BUFFER_TOO_SMALL {
            return;
        }
        let (mut bytes, mut len) = (vec![0; needed], 0);
        let buf = bytes.as_mut_ptr();
        assert!(fine(c!(pointmill_sketch_encode(
            sketch, format, buf, needed, &mut len
        ))));
        assert_eq!(len, needed);
        let (mut out, mut err) = (ptr::null_mut(), error());
        let status = c!(pointmill_sketch_decode(
            format,
            bytes.as_ptr(),
            len,
            &mut out,
            &mut err
        ));
        told(status, &err);
        self.sketches.keep(made(status, out));
    }

    fn config_call(&mut self, call: &Call) {
        match call {
            Call::ConfigSet(c, option, value) => {
                let name = option_name(usize::from(*option) % c!(pointmill_config_count()));
                self.config_set(*c, &name, value);
            }
            Call::ConfigSetAny(c, name, value) => self.config_set(*c, name, value),
            Call::ConfigGet(c, option, cap) => {
                let name = option_name(usize::from(*option) % c!(pointmill_config_count()));
                let name = CString::new(name).expect("names have no NUL");
                let (mut buf, mut len) = ([0; 256], 0);
                fine(c!(pointmill_config_get(
                    self.config(*c),
                    name.as_ptr(),
                    buf.as_mut_ptr(),
                    usize::from(*cap),
                    &mut len
                )));
            }
            Call::Table(i, j) => {
                let (mut code, mut word) = (0, text(b""));
                fine(c!(pointmill_code_at(index(*i), &mut code)));
                fine(c!(pointmill_config_choice(index(*i), index(*j), &mut word)));
                let mut option: pointmill_option = zeroed();
                option.struct_size = u32::from(*j);
                fine(c!(pointmill_config_option(index(*i), &mut option)));
            }
            _ => {}
        }
    }

    fn config_set(&self, c: u8, name: &str, value: &str) {
        let mut err = error();
        let name = CString::new(name.replace('\0', "?")).expect("no NUL is left");
        let value = CString::new(value.replace('\0', "?")).expect("no NUL is left");
        let status = c!(pointmill_config_set(
            self.config(c),
            name.as_ptr(),
            value.as_ptr(),
            &mut err
        ));
        told(status, &err);
    }

    fn engine_call(&mut self, call: &Call) {
        let engine = self.engine;
        let before = self.stats().recorded;
        let mut handed_over = Some(0);
        match call {
            Call::Tick(now) => {
                fine(c!(pointmill_tick(engine, *now)));
            }
            Call::Context(kind, name, tags) => {
                let (tags, mut id) = (texts(tags), u64::MAX);
                let (kind, name) = (u32::from(*kind % 6), text(name.as_bytes()));
                let (pointer, len) = (tags.as_ptr(), tags.len());
                if fine(c!(pointmill_context(
                    engine, kind, name, pointer, len, &mut id
                ))) {
                    assert!(id < 1 << 53);
                    self.contexts.push(id);
                }
            }
            Call::Record(c, v) => {
                fine(c!(pointmill_record(engine, self.context(*c), *v)));
                handed_over = Some(1);
            }
            Call::RecordRaw(id, v) => {
                fine(c!(pointmill_record(engine, *id, *v)));
                handed_over = Some(1);
            }
            Call::RecordAt(c, v, at) => {
                fine(c!(pointmill_record_at(engine, self.context(*c), *v, *at)));
                handed_over = Some(1);
            }
            Call::RecordSampled(c, v, rate, at) => {
                let id = self.context(*c);
                fine(c!(pointmill_record_sampled(engine, id, *v, *rate)));
                fine(c!(pointmill_record_sampled_at(engine, id, *v, *rate, *at)));
                handed_over = Some(2);
            }
            Call::RecordMany(c, values) => {
                let (id, len, mut rejected) = (self.context(*c), values.len(), 0);
                fine(c!(pointmill_record_many(
                    engine,
                    id,
                    values.as_ptr(),
                    len,
                    &mut rejected
                )));
                assert!(rejected <= len);
                handed_over = Some(len as u64);
            }
            Call::RecordBatch(points) => {
                let ids: Vec<u64> = points.iter().map(|(c, _)| self.context(*c)).collect();
                let values: Vec<f64> = points.iter().map(|(_, v)| *v).collect();
                let (len, mut rejected) = (points.len(), 0);
                let (ids, values) = (ids.as_ptr(), values.as_ptr());
                assert!(fine(c!(pointmill_record_batch(
                    engine,
                    ids,
                    values,
                    len,
                    &mut rejected
                ))));
                assert!(rejected <= len);
                handed_over = Some(len as u64);
            }
            Call::RecordNamed(kind, parts, v) => {
                let (kind, parts) = (u32::from(*kind % 6), texts(parts));
                let (pointer, len) = (parts.as_ptr(), parts.len());
                let status = c!(pointmill_record_named(engine, kind, pointer, len, *v));
                fine(status);
                handed_over = Some(u64::from(status != POINTMILL_E_KIND));
            }
            Call::Flush(now, flags) => {
                let mut out = ptr::null_mut();
                let status = c!(pointmill_flush(
                    engine,
                    *now,
                    u32::from(*flags % 3),
                    &mut out
                ));
                self.snapshots.keep(made(status, out));
            }
            Call::EngineAsSomethingElse => {
                let mut out = ptr::null_mut();
                let sketch = engine.cast::<pointmill_sketch>();
                assert!(!fine(c!(pointmill_sketch_clone(sketch, &mut out))));
                c!(pointmill_sketch_free(sketch));
            }
            _ => handed_over = None,
        }
        if let Some(points) = handed_over {
            assert_eq!(self.stats().recorded, before + points, "{call:?}");
        }
    }

    fn snapshot_call(&mut self, call: &Call) {
        match call {
            Call::SnapshotFree(s) => self.snapshots.free(*s, self.engine.cast()),
            Call::Entry(s, i, size) => self.entry(*s, index(*i), u32::from(*size)),
            Call::EntryQuantile(s, i, q) => {
                let mut v = UNTOUCHED;
                let snapshot = self.snapshot(*s);
                if !fine(c!(pointmill_snapshot_quantile(
                    snapshot,
                    index(*i),
                    *q,
                    &mut v
                ))) {
                    assert_eq!(v, UNTOUCHED);
                }
            }
            Call::EntrySketch(s, i) => {
                let mut out = ptr::null_mut();
                let snapshot = self.snapshot(*s);
                let status = c!(pointmill_snapshot_sketch(snapshot, index(*i), &mut out));
                self.sketches.keep(made(status, out));
            }
            Call::SnapshotMerge(choices) => {
                let mut out = ptr::null_mut();
                let picked: Vec<_> = choices
                    .iter()
                    .take(16)
                    .map(|s| self.snapshot(*s).cast_const())
                    .collect();
                let (pointer, len) = (picked.as_ptr(), picked.len());
                let status = c!(pointmill_snapshot_merge(pointer, len, &mut out));
                self.snapshots.keep(made(status, out));
            }
            Call::GroupBy(s, keys, flags) => {
                let mut out = ptr::null_mut();
                let keys: Vec<_> = keys.iter().map(|key| text(key.as_bytes())).collect();
                let status = c!(pointmill_snapshot_group_by(
                    self.snapshot(*s),
                    keys.as_ptr(),
                    keys.len(),
                    u32::from(*flags % 3),
                    &mut out
                ));
                self.snapshots.keep(made(status, out));
            }
            Call::Encode(s, c) => {
                let (mut out, mut err) = (ptr::null_mut(), error());
                let (snapshot, config) = (self.snapshot(*s), self.config(*c));
                let status = c!(pointmill_encode(snapshot, config, &mut out, &mut err));
                told(status, &err);
                self.payloads.keep(made(status, out));
            }
            Call::PayloadsFree(p) => self.payloads.free(*p, self.engine.cast()),
            Call::Payload(p, i) => {
                let payloads = self.payloads.pick(*p, self.engine.cast());
                let (mut payload, mut skipped): (pointmill_payload, pointmill_skipped) =
                    (zeroed(), zeroed());
                payload.struct_size = size_of_val(&payload) as u32;
                skipped.struct_size = size_of_val(&skipped) as u32;
                let ok = fine(c!(pointmill_payloads_get(
                    payloads,
                    index(*i),
                    &mut payload
                )));
                assert_eq!(ok, index(*i) < c!(pointmill_payloads_len(payloads)));
                fine(c!(pointmill_payloads_skipped(
                    payloads,
                    index(*i),
                    &mut skipped
                )));
            }
            _ => {}
        }
    }

    fn entry(&self, s: u8, i: usize, size: u32) {
        let mut entry: pointmill_entry = zeroed();
        entry.struct_size = size;
        let snapshot = self.snapshot(s);
        if fine(c!(pointmill_snapshot_entry(snapshot, i, &mut entry))) {
            assert!(i < c!(pointmill_snapshot_len(snapshot)) && entry.kind != 0);
            for tag in 0..entry.tags_len {
                let mut out = text(b"");
                assert!(fine(c!(pointmill_snapshot_tag(snapshot, i, tag, &mut out))));
                assert!(out.len > 0);
            }
        }
        let (mut out, tag) = (text(b""), entry.tags_len);
        assert!(!fine(c!(pointmill_snapshot_tag(
            snapshot,
            i,
            tag.max(2000),
            &mut out
        ))));
    }
}

/// The name of the i-th option.
fn option_name(i: usize) -> String {
    let mut option: pointmill_option = zeroed();
    option.struct_size = size_of_val(&option) as u32;
    assert!(fine(c!(pointmill_config_option(i, &mut option))));
    // SAFETY: the library lends a static text with its length.
    let name = unsafe { std::slice::from_raw_parts(option.name.ptr.cast::<u8>(), option.name.len) };
    String::from_utf8(name.to_vec()).expect("names are UTF-8")
}

fn error() -> pointmill_error {
    let mut err: pointmill_error = zeroed();
    err.struct_size = size_of_val(&err) as u32;
    err
}

/// An error struct is filled exactly when the call failed, with UTF-8 that ends.
#[track_caller]
fn told(status: i32, err: &pointmill_error) {
    assert_eq!(err.code, status, "the error struct has another code");
    // SAFETY: zeroed before the call, and the library ends what it writes with NUL.
    let detail = unsafe { CStr::from_ptr(err.detail.as_ptr()) };
    assert_eq!(detail.is_empty(), status == POINTMILL_OK);
    assert!(detail.to_str().is_ok(), "{detail:?}");
}
