//! The shared cases of `testdata/conformance`, run through the exported functions.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::mem::{MaybeUninit, size_of};
use std::ptr;

use pointmill_conformance::{By, Code, Entry, Point, SkippedIs, Summary, Target, run_all};

use crate::config::*;
use crate::context::*;
use crate::engine::*;
use crate::library::*;
use crate::payloads::*;
use crate::record::*;
use crate::sketch::*;
use crate::sketch_bytes::*;
use crate::snapshot::*;
use crate::text::*;

#[test]
fn the_c_abi_passes_the_shared_cases() {
    assert!(run_all::<Abi>() >= 30, "cases were lost");
}

/// A call of an exported function.
macro_rules! c {
    ($call:expr) => {{
        // SAFETY: handles are live and owned by the types below; pointers are to locals.
        unsafe { $call }
    }};
}

/// The code's name without its prefix, unless the status is success.
fn check(status: i32) -> Result<(), Code> {
    if status == 0 {
        return Ok(());
    }
    // SAFETY: takes no pointer.
    let name = unsafe { pointmill_code_name(status) };
    // SAFETY: the text is static and ends with NUL.
    let name = unsafe { CStr::from_ptr(name) };
    let name = name.to_str().unwrap();
    Err(name.strip_prefix("POINTMILL_E_").unwrap().to_owned())
}

/// Calls with an `out` pointer; what was written, if the status is success.
fn out<T>(call: impl FnOnce(*mut T) -> i32) -> Result<T, Code> {
    let mut out = MaybeUninit::uninit();
    check(call(out.as_mut_ptr()))?;
    // SAFETY: outputs are written on success.
    Ok(unsafe { out.assume_init() })
}

/// The same for a struct that begins with its size.
fn out_struct<T>(call: impl FnOnce(*mut T) -> i32) -> Result<T, Code> {
    let mut out = MaybeUninit::<T>::zeroed();
    // SAFETY: these structs are repr(C) and begin with a u32, the size.
    unsafe { out.as_mut_ptr().cast::<u32>().write(size_of::<T>() as u32) };
    check(call(out.as_mut_ptr()))?;
    // SAFETY: written on success; zeroed before, and every field may be 0.
    Ok(unsafe { out.assume_init() })
}

fn lent(text: pointmill_str) -> String {
    // SAFETY: a text that the library lent, and its owner is alive.
    let bytes = unsafe { std::slice::from_raw_parts(text.ptr.cast::<u8>(), text.len) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

const KINDS: [(&str, u32); 4] = [
    ("distribution", POINTMILL_DISTRIBUTION),
    ("count", POINTMILL_COUNT),
    ("gauge", POINTMILL_GAUGE),
    ("histogram", POINTMILL_HISTOGRAM),
];

fn kind(name: &str) -> u32 {
    let found = KINDS.into_iter().find(|(kind, _)| *kind == name);
    found.unwrap_or_else(|| panic!("no kind {name:?}")).1
}

struct Config(*mut pointmill_config);
struct Abi(*mut pointmill_engine);
struct AbiSnapshot(*mut pointmill_snapshot);
struct AbiSketch(*mut pointmill_sketch);
struct Payloads(*mut pointmill_payloads);

macro_rules! freed {
    ($($type:ident by $free:ident),+) => {$(
        impl Drop for $type {
            fn drop(&mut self) {
                c!($free(self.0));
            }
        }
    )+};
}
freed!(
    Config by pointmill_config_free,
    Abi by pointmill_engine_free,
    AbiSnapshot by pointmill_snapshot_free,
    AbiSketch by pointmill_sketch_free,
    Payloads by pointmill_payloads_free
);

impl Config {
    fn new(options: &BTreeMap<String, String>) -> Result<Config, Code> {
        let config = Config(out(|out| c!(pointmill_config_new(out)))?);
        for (name, value) in options {
            let (name, value) = (
                CString::new(name.as_str()).unwrap(),
                CString::new(value.as_str()).unwrap(),
            );
            let (name, value) = (name.as_ptr(), value.as_ptr());
            check(c!(pointmill_config_set(
                config.0,
                name,
                value,
                ptr::null_mut()
            )))?;
        }
        Ok(config)
    }
}

impl Abi {
    fn context(&self, point: &Point<'_>) -> Result<u64, Code> {
        let tags: Vec<_> = point.tags.iter().map(|t| pointmill_str::lend(t)).collect();
        let name = pointmill_str::lend(point.name);
        out(|out| {
            c!(pointmill_context(
                self.0,
                kind(point.kind),
                name,
                tags.as_ptr(),
                tags.len(),
                out
            ))
        })
    }
}

impl Target for Abi {
    type Sketch = AbiSketch;
    type Snapshot = AbiSnapshot;
    const FEATURES: &'static [&'static str] = &["sketch_bytes"];

    fn engine(options: &BTreeMap<String, String>) -> Result<Abi, Code> {
        let config = Config::new(options)?;
        Ok(Abi(out(|out| {
            c!(pointmill_engine_new(config.0, out, ptr::null_mut()))
        })?))
    }

    fn tick(&mut self, now: i64) {
        check(c!(pointmill_tick(self.0, now))).unwrap();
    }

    fn record(&mut self, by: By, point: &Point<'_>) -> Result<(), Code> {
        if by == By::Name {
            let mut parts = vec![pointmill_str::lend(point.name)];
            parts.extend(point.tags.iter().map(|tag| pointmill_str::lend(tag)));
            return check(c!(pointmill_record_named(
                self.0,
                kind(point.kind),
                parts.as_ptr(),
                parts.len(),
                point.value
            )));
        }
        let (context, value) = (self.context(point)?, point.value);
        check(match (point.rate, point.at) {
            (None, None) => c!(pointmill_record(self.0, context, value)),
            (None, Some(at)) => c!(pointmill_record_at(self.0, context, value, at)),
            (Some(rate), None) => c!(pointmill_record_sampled(self.0, context, value, rate)),
            (Some(rate), Some(at)) => {
                c!(pointmill_record_sampled_at(
                    self.0, context, value, rate, at
                ))
            }
        })
    }

    fn record_many(&mut self, point: &Point<'_>, values: &[f64]) -> Result<u64, Code> {
        let context = self.context(point)?;
        let (ptr, len) = (values.as_ptr(), values.len());
        let rejected = out(|out| c!(pointmill_record_many(self.0, context, ptr, len, out)))?;
        Ok(rejected as u64)
    }

    fn flush(&mut self, now: i64, all: bool) -> AbiSnapshot {
        let flags = if all { POINTMILL_FLUSH_ALL } else { 0 };
        AbiSnapshot(out(|out| c!(pointmill_flush(self.0, now, flags, out))).unwrap())
    }

    fn stats(&self) -> BTreeMap<&'static str, u64> {
        let stats: pointmill_engine_stats =
            out_struct(|out| c!(pointmill_stats(self.0, out))).unwrap();
        macro_rules! fields {
            ($($name:ident),+ $(,)?) => { BTreeMap::from([$((stringify!($name), stats.$name)),+]) };
        }
        fields!(
            recorded,
            flushed,
            pending,
            rejected_not_finite,
            rejected_stale,
            rejected_too_old,
            rejected_too_new,
            rejected_invalid_name,
            rejected_no_room,
            dropped_arena_full,
            dropped_stale,
            overflowed,
            contexts,
            contexts_expired,
            contexts_refused,
            flushes,
            utf8_mended,
        )
    }

    fn entries(snapshot: &AbiSnapshot) -> Vec<Entry<AbiSketch>> {
        let snapshot = snapshot.0;
        (0..c!(pointmill_snapshot_len(snapshot)))
            .map(|i| {
                let entry: pointmill_entry =
                    out_struct(|out| c!(pointmill_snapshot_entry(snapshot, i, out))).unwrap();
                let tag = |tag| {
                    lent(out(|out| c!(pointmill_snapshot_tag(snapshot, i, tag, out))).unwrap())
                };
                let sketch = out(|out| c!(pointmill_snapshot_sketch(snapshot, i, out)));
                let kind = KINDS.into_iter().find(|(_, number)| *number == entry.kind);
                Entry {
                    kind: kind.unwrap().0.to_owned(),
                    name: lent(entry.name),
                    tags: (0..entry.tags_len).map(tag).collect(),
                    interval: entry.interval,
                    points: entry.points,
                    value: sketch.is_err().then_some(entry.value),
                    sketch: sketch.ok().map(AbiSketch),
                }
            })
            .collect()
    }

    fn merge(snapshots: &[AbiSnapshot]) -> AbiSnapshot {
        let all: Vec<_> = snapshots.iter().map(|s| s.0.cast_const()).collect();
        let merged = out(|out| c!(pointmill_snapshot_merge(all.as_ptr(), all.len(), out)));
        AbiSnapshot(merged.unwrap())
    }

    fn group_by(snapshot: &AbiSnapshot, keys: &[String], merge_intervals: bool) -> AbiSnapshot {
        let keys: Vec<_> = keys.iter().map(|key| pointmill_str::lend(key)).collect();
        let flags = if merge_intervals {
            POINTMILL_GROUP_MERGE_INTERVALS
        } else {
            0
        };
        let (ptr, len) = (keys.as_ptr(), keys.len());
        let grouped = out(|out| {
            c!(pointmill_snapshot_group_by(
                snapshot.0, ptr, len, flags, out
            ))
        });
        AbiSnapshot(grouped.unwrap())
    }

    fn encode(
        snapshot: &AbiSnapshot,
        options: &BTreeMap<String, String>,
    ) -> Result<(Vec<Vec<u8>>, Vec<SkippedIs>), Code> {
        let config = Config::new(options)?;
        let payloads = Payloads(out(|out| {
            c!(pointmill_encode(snapshot.0, config.0, out, ptr::null_mut()))
        })?);
        let bodies = (0..c!(pointmill_payloads_len(payloads.0))).map(|i| {
            let payload: pointmill_payload =
                out_struct(|out| c!(pointmill_payloads_get(payloads.0, i, out))).unwrap();
            c!(std::slice::from_raw_parts(payload.body, payload.body_len)).to_vec()
        });
        let bodies = bodies.collect();
        let next = |i| out_struct(|out| c!(pointmill_payloads_skipped(payloads.0, i, out))).ok();
        let skipped = (0..)
            .map_while(next)
            .map(|skipped: pointmill_skipped| SkippedIs {
                cause: lent(skipped.cause),
                entries: skipped.entries,
                points: skipped.points,
                values: skipped.values,
            });
        Ok((bodies, skipped.collect()))
    }
}

fn format(name: &str) -> u32 {
    match name {
        "ddsketch_proto" => POINTMILL_SKETCH_DDSKETCH_PROTO,
        "ddsketch_compact" => POINTMILL_SKETCH_DDSKETCH_COMPACT,
        "agent" => POINTMILL_SKETCH_AGENT,
        _ => 0,
    }
}

impl pointmill_conformance::Sketch for AbiSketch {
    fn empty() -> AbiSketch {
        AbiSketch(out(|out| c!(pointmill_sketch_new(out))).unwrap())
    }

    fn insert(&mut self, value: f64, n: Option<u64>, rate: Option<f64>) -> Result<(), Code> {
        check(match (n, rate) {
            (Some(n), _) => c!(pointmill_sketch_insert_n(self.0, value, n)),
            (None, Some(rate)) => c!(pointmill_sketch_insert_sampled(self.0, value, rate)),
            (None, None) => c!(pointmill_sketch_insert(self.0, value)),
        })
    }

    fn interpolate(&mut self, lower: f64, upper: f64, n: u64) -> Result<(), Code> {
        check(c!(pointmill_sketch_insert_interpolated(
            self.0, lower, upper, n
        )))
    }

    fn merge(&mut self, other: &AbiSketch) {
        check(c!(pointmill_sketch_merge(self.0, other.0))).unwrap();
    }

    fn summary(&self) -> Summary {
        let s: pointmill_summary =
            out_struct(|out| c!(pointmill_sketch_summary(self.0, out))).unwrap();
        (s.count, s.min, s.max, s.sum, s.avg)
    }

    fn quantile(&self, q: f64, agent: bool) -> Result<f64, Code> {
        if agent {
            out(|out| c!(pointmill_sketch_quantile_agent(self.0, q, out)))
        } else {
            out(|out| c!(pointmill_sketch_quantile(self.0, q, out)))
        }
    }

    fn bins(&self) -> Vec<(i16, u32)> {
        let (mut keys, mut counts) = ([0; 4096], [0; 4096]);
        let (k, n) = (keys.as_mut_ptr(), counts.as_mut_ptr());
        let len = out(|out| {
            c!(pointmill_sketch_bins(
                self.0,
                POINTMILL_BINS_U32,
                k,
                n,
                4096,
                out
            ))
        });
        keys.into_iter().zip(counts).take(len.unwrap()).collect()
    }

    fn key(value: f64) -> Result<i16, Code> {
        out(|out| c!(pointmill_sketch_key(value, out)))
    }

    fn encode(&self, name: &str) -> Result<Vec<u8>, Code> {
        let mut bytes = vec![0; 1 << 16];
        let (buf, cap) = (bytes.as_mut_ptr(), bytes.len());
        let len = out(|out| c!(pointmill_sketch_encode(self.0, format(name), buf, cap, out)))?;
        bytes.truncate(len);
        Ok(bytes)
    }

    fn decode(name: &str, bytes: &[u8]) -> Result<AbiSketch, Code> {
        let (ptr, len) = (bytes.as_ptr(), bytes.len());
        let none = ptr::null_mut();
        out(|out| c!(pointmill_sketch_decode(format(name), ptr, len, out, none))).map(AbiSketch)
    }
}
