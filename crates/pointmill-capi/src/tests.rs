//! The boundary from the inside: a panic in every function, the poison it leaves, the layout of
//! structs, and the lists that must agree. The functions' work is tested from C, in `ctest/`.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_void};
use std::fmt::Write as _;
use std::os::fd::AsRawFd;
use std::ptr;

use crate::boundary::injection;
use crate::client::*;
use crate::client_stats::*;
use crate::codes::*;
use crate::config::*;
use crate::context::*;
use crate::engine::*;
use crate::lambda::*;
use crate::lambda_config::*;
use crate::lambda_invocation::*;
use crate::lambda_stats::*;
use crate::lambda_trace::*;
use crate::library::*;
use crate::payloads::*;
use crate::record::*;
use crate::sketch::*;
use crate::sketch_bytes::*;
use crate::snapshot::*;
use crate::text::*;

const NOW: i64 = 1_700_000_000;

/// One call of an exported function.
macro_rules! c {
    ($call:expr) => {{
        // SAFETY: the tests pass live handles of a Fixture and pointers to their own locals.
        unsafe { $call }
    }};
}

/// One live object of every type.
struct Fixture {
    sketch: *mut pointmill_sketch,
    config: *mut pointmill_config,
    engine: *mut pointmill_engine,
    snapshot: *mut pointmill_snapshot,
    payloads: *mut pointmill_payloads,
    client: *mut pointmill_client,
    lambda: *mut pointmill_lambda,
    lambda_config: *mut pointmill_lambda_config,
    context: u64,
}

impl Fixture {
    fn new() -> Fixture {
        let mut f = Fixture {
            sketch: ptr::null_mut(),
            config: ptr::null_mut(),
            engine: ptr::null_mut(),
            snapshot: ptr::null_mut(),
            payloads: ptr::null_mut(),
            client: ptr::null_mut(),
            lambda: ptr::null_mut(),
            lambda_config: ptr::null_mut(),
            context: 0,
        };
        let none = ptr::null_mut();
        assert_eq!(c!(pointmill_sketch_new(&mut f.sketch)), POINTMILL_OK);
        assert_eq!(c!(pointmill_sketch_insert(f.sketch, 1.0)), POINTMILL_OK);
        assert_eq!(c!(pointmill_config_new(&mut f.config)), POINTMILL_OK);
        let arena = c!(pointmill_config_set(
            f.config,
            c"contexts_max".as_ptr(),
            c"64".as_ptr(),
            none
        ));
        assert_eq!(arena, POINTMILL_OK);
        let background = c!(pointmill_config_set(
            f.config,
            c"background".as_ptr(),
            c"false".as_ptr(),
            none
        ));
        assert_eq!(background, POINTMILL_OK);
        assert_eq!(
            c!(pointmill_engine_new(f.config, &mut f.engine, none)),
            POINTMILL_OK
        );
        assert_eq!(c!(pointmill_tick(f.engine, NOW)), POINTMILL_OK);
        let name = pointmill_str::lend("m");
        let kind = POINTMILL_DISTRIBUTION;
        let context = c!(pointmill_context(
            f.engine,
            kind,
            name,
            ptr::null(),
            0,
            &mut f.context
        ));
        assert_eq!(context, POINTMILL_OK);
        assert_eq!(c!(pointmill_record(f.engine, f.context, 1.0)), POINTMILL_OK);
        let flush = c!(pointmill_flush(
            f.engine,
            NOW,
            POINTMILL_FLUSH_ALL,
            &mut f.snapshot
        ));
        assert_eq!(flush, POINTMILL_OK);
        assert_eq!(
            c!(pointmill_encode(
                f.snapshot,
                f.config,
                &mut f.payloads,
                none
            )),
            POINTMILL_OK
        );
        let out = &mut f.client;
        let made = c!(client_new_with(f.engine, f.config, out));
        assert_eq!(made, POINTMILL_OK);
        f.add_lambda();
        f
    }

    /// In log mode, with nowhere as its log.
    fn add_lambda(&mut self) {
        let config = &mut self.lambda_config;
        let made = c!(pointmill_lambda_config_new(POINTMILL_LAMBDA_PYTHON, config));
        assert_eq!(made, POINTMILL_OK);
        let nowhere = std::fs::File::create("/dev/null").unwrap();
        let fd = nowhere.as_raw_fd().to_string();
        for (name, value) in [(c"mode", "log"), (c"log_fd", fd.as_str())] {
            let (config, value) = (self.lambda_config, pointmill_str::lend(value));
            let set = c!(pointmill_lambda_config_set(
                config,
                name.as_ptr(),
                value,
                NONE
            ));
            assert_eq!(set, POINTMILL_OK);
        }
        let made = c!(pointmill_lambda_new(
            self.lambda_config,
            &mut self.lambda,
            NONE
        ));
        assert_eq!(made, POINTMILL_OK);
        let (name, mut id) = (pointmill_str::lend("m"), 1);
        let held = c!(pointmill_lambda_context(self.lambda, &name, 1, &mut id));
        assert_eq!((held, id), (POINTMILL_OK, 0));
    }
}

/// Takes everything.
unsafe extern "C" fn take(_: *mut c_void, _: *const pointmill_payload, _: u64) -> i32 {
    202
}

/// # Safety
/// As [`pointmill_client_new_with`].
unsafe fn client_new_with(
    engine: *mut pointmill_engine,
    config: *const pointmill_config,
    out: *mut *mut pointmill_client,
) -> i32 {
    // SAFETY: the caller's obligation is the same.
    unsafe { pointmill_client_new_with(engine, config, Some(take), ptr::null_mut(), out, NONE) }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        c!(pointmill_sketch_free(self.sketch));
        c!(pointmill_config_free(self.config));
        c!(pointmill_engine_free(self.engine));
        c!(pointmill_snapshot_free(self.snapshot));
        c!(pointmill_payloads_free(self.payloads));
        c!(pointmill_client_free(self.client));
        c!(pointmill_lambda_free(self.lambda));
        c!(pointmill_lambda_config_free(self.lambda_config));
    }
}

/// A function's name, and a call of it that would succeed. True if it answers as after a panic.
type Call = (&'static str, fn(&Fixture) -> bool);

/// Calls whose answer is a status.
macro_rules! calls {
    ($f:ident: $($name:ident($($arg:expr),* $(,)?);)+) => {
        [$((stringify!($name), |$f: &Fixture| {
            let _ = $f;
            c!($name($($arg),*)) == POINTMILL_E_PANIC
        })),+]
    };
}

const NONE: *mut pointmill_error = ptr::null_mut();

fn sketch_calls() -> Vec<Call> {
    let calls: [Call; 15] = calls! { f:
        pointmill_sketch_new(&mut ptr::null_mut());
        pointmill_sketch_clone(f.sketch, &mut ptr::null_mut());
        pointmill_sketch_insert(f.sketch, 1.0);
        pointmill_sketch_insert_n(f.sketch, 1.0, 2);
        pointmill_sketch_insert_sampled(f.sketch, 1.0, 0.5);
        pointmill_sketch_insert_many(f.sketch, [1.0].as_ptr(), 1);
        pointmill_sketch_insert_interpolated(f.sketch, 1.0, 2.0, 3);
        pointmill_sketch_merge(f.sketch, f.sketch);
        pointmill_sketch_summary(f.sketch, &mut summary());
        pointmill_sketch_quantile(f.sketch, 0.5, &mut 0.0);
        pointmill_sketch_quantile_agent(f.sketch, 0.5, &mut 0.0);
        pointmill_sketch_bins(f.sketch, 1, [0; 9].as_mut_ptr(), [0; 9].as_mut_ptr(), 9, &mut 0);
        pointmill_sketch_key(1.0, &mut 0);
        pointmill_sketch_encode(f.sketch, 3, [0; 99].as_mut_ptr(), 99, &mut 0);
        pointmill_sketch_decode(3, ptr::null(), 0, &mut ptr::null_mut(), NONE);
    };
    calls.to_vec()
}

fn engine_calls() -> Vec<Call> {
    let calls: [Call; 17] = calls! { f:
        pointmill_code_at(0, &mut 0);
        pointmill_config_new(&mut ptr::null_mut());
        pointmill_config_set(f.config, c"interval_s".as_ptr(), c"5".as_ptr(), NONE);
        pointmill_config_get(f.config, c"tags".as_ptr(), [0; 9].as_mut_ptr(), 9, &mut 0);
        pointmill_config_option(0, &mut option());
        pointmill_config_choice(11, 0, &mut pointmill_str::lend(""));
        pointmill_engine_new(f.config, &mut ptr::null_mut(), NONE);
        pointmill_tick(f.engine, NOW);
        pointmill_context(f.engine, 1, pointmill_str::lend("m"), ptr::null(), 0, &mut 0);
        pointmill_record(f.engine, f.context, 1.0);
        pointmill_record_at(f.engine, f.context, 1.0, NOW);
        pointmill_record_sampled(f.engine, f.context, 1.0, 0.5);
        pointmill_record_sampled_at(f.engine, f.context, 1.0, 0.5, NOW);
        pointmill_record_many(f.engine, f.context, [1.0].as_ptr(), 1, &mut 0);
        pointmill_record_batch(f.engine, [f.context].as_ptr(), [1.0].as_ptr(), 1, &mut 0);
        pointmill_record_named(f.engine, 1, [pointmill_str::lend("m")].as_ptr(), 1, 1.0);
        pointmill_flush(f.engine, NOW, 0, &mut ptr::null_mut());
    };
    calls.to_vec()
}

fn snapshot_calls() -> Vec<Call> {
    let calls: [Call; 10] = calls! { f:
        pointmill_stats(f.engine, &mut stats());
        pointmill_snapshot_entry(f.snapshot, 0, &mut entry());
        pointmill_snapshot_tag(f.snapshot, 0, 0, &mut pointmill_str::lend(""));
        pointmill_snapshot_quantile(f.snapshot, 0, 0.5, &mut 0.0);
        pointmill_snapshot_sketch(f.snapshot, 0, &mut ptr::null_mut());
        pointmill_snapshot_merge(ptr::null(), 0, &mut ptr::null_mut());
        pointmill_snapshot_group_by(f.snapshot, ptr::null(), 0, 0, &mut ptr::null_mut());
        pointmill_encode(f.snapshot, f.config, &mut ptr::null_mut(), NONE);
        pointmill_payloads_get(f.payloads, 0, &mut payload());
        pointmill_payloads_skipped(f.payloads, 0, &mut skipped());
    };
    calls.to_vec()
}

fn client_calls() -> Vec<Call> {
    let with_status: [Call; 6] = calls! { f:
        pointmill_client_start(f.client);
        pointmill_client_flush(f.client, 0, 0);
        pointmill_client_close(f.client, 0);
        pointmill_client_stats_get(f.client, &mut client_stats());
        pointmill_client_last_failure(f.client, ptr::null_mut(), 0, &mut 0);
        // Without a key it is refused; the boundary is passed all the same.
        pointmill_client_new(f.engine, f.config, &mut ptr::null_mut(), NONE);
    };
    let mut calls = with_status.to_vec();
    calls.push(("pointmill_client_new_with", |f| {
        let mut out = ptr::null_mut();
        let panicked = c!(client_new_with(f.engine, f.config, &mut out)) == POINTMILL_E_PANIC;
        c!(pointmill_client_free(out));
        panicked
    }));
    calls
}

fn lambda_calls() -> Vec<Call> {
    const NO_TEXT: pointmill_str = pointmill_str {
        ptr: ptr::null(),
        len: 0,
    };
    let calls: [Call; 25] = calls! { f:
        pointmill_lambda_config_new(1, &mut ptr::null_mut());
        pointmill_lambda_config_env(f.lambda_config, pointmill_str::lend("DD_ENV"), NO_TEXT);
        pointmill_lambda_config_process_env(f.lambda_config);
        pointmill_lambda_config_set(f.lambda_config, c"env".as_ptr(), NO_TEXT, NONE);
        pointmill_lambda_new(f.lambda_config, &mut ptr::null_mut(), NONE);
        pointmill_lambda_mode(f.lambda, &mut 0);
        pointmill_lambda_setting(f.lambda, c"env".as_ptr(), &mut { NO_TEXT });
        pointmill_lambda_warnings(f.lambda, ptr::null_mut(), 0, &mut 0);
        pointmill_lambda_engine(f.lambda, &mut ptr::null_mut());
        pointmill_lambda_metric(f.lambda, &pointmill_str::lend("m"), 1, 1.0);
        pointmill_lambda_metric_at(f.lambda, &pointmill_str::lend("m"), 1, 1.0, 1, 0);
        pointmill_lambda_context(f.lambda, &pointmill_str::lend("m"), 1, &mut 0);
        pointmill_lambda_record(f.lambda, 0, 1.0);
        pointmill_lambda_record_at(f.lambda, 0, 1.0, 1);
        pointmill_lambda_record_batch(f.lambda, &0, &1.0, ptr::null(), 1, &mut 0);
        pointmill_lambda_refused(f.lambda, POINTMILL_LAMBDA_BAD_NAME, 1);
        pointmill_lambda_begin(f.lambda, ptr::null(), &mut 0);
        // No invocation is open: the boundary is passed all the same.
        pointmill_lambda_end(f.lambda, 1, ptr::null(), &mut 0);
        pointmill_lambda_flush(f.lambda, 1000);
        pointmill_lambda_flush_due(f.lambda, &mut 0);
        pointmill_lambda_restored(f.lambda);
        pointmill_lambda_close(f.lambda, 1000);
        pointmill_lambda_stats_get(f.lambda, &mut lambda_stats());
        pointmill_lambda_last_failure(f.lambda, ptr::null_mut(), 0, &mut 0);
        pointmill_lambda_trace_of_xray(NO_TEXT, &mut lambda_trace());
    };
    let mut calls = calls.to_vec();
    calls.push(("pointmill_lambda_trace_of_headers", |_| {
        let (none, out) = (ptr::null(), &mut lambda_trace());
        c!(pointmill_lambda_trace_of_headers(none, none, 0, out)) == POINTMILL_E_PANIC
    }));
    calls
}

/// Functions without a status: NULL, 0, or nothing.
fn other_calls() -> Vec<Call> {
    vec![
        ("pointmill_version", |_| c!(pointmill_version()).is_null()),
        ("pointmill_abi_version", |_| {
            c!(pointmill_abi_version()) == 0
        }),
        ("pointmill_strerror", |_| {
            c!(pointmill_strerror(0)).is_null()
        }),
        ("pointmill_code_name", |_| {
            c!(pointmill_code_name(0)).is_null()
        }),
        ("pointmill_config_count", |_| {
            c!(pointmill_config_count()) == 0
        }),
        ("pointmill_snapshot_len", |f| {
            c!(pointmill_snapshot_len(f.snapshot)) == 0
        }),
        ("pointmill_payloads_len", |f| {
            c!(pointmill_payloads_len(f.payloads)) == 0
        }),
        // After the panic the object still lives; the fixture frees it.
        ("pointmill_sketch_free", |f| {
            c!(pointmill_sketch_free(f.sketch));
            true
        }),
        ("pointmill_config_free", |f| {
            c!(pointmill_config_free(f.config));
            true
        }),
        ("pointmill_engine_free", |f| {
            c!(pointmill_engine_free(f.engine));
            true
        }),
        ("pointmill_snapshot_free", |f| {
            c!(pointmill_snapshot_free(f.snapshot));
            true
        }),
        ("pointmill_client_free", |f| {
            c!(pointmill_client_free(f.client));
            true
        }),
        ("pointmill_lambda_free", |f| {
            c!(pointmill_lambda_free(f.lambda));
            true
        }),
        ("pointmill_lambda_config_free", |f| {
            c!(pointmill_lambda_config_free(f.lambda_config));
            true
        }),
        ("pointmill_payloads_free", |f| {
            c!(pointmill_payloads_free(f.payloads));
            true
        }),
    ]
}

fn with_status() -> Vec<Call> {
    [
        sketch_calls(),
        engine_calls(),
        snapshot_calls(),
        client_calls(),
        lambda_calls(),
    ]
    .concat()
}

fn all_calls() -> Vec<Call> {
    [with_status(), other_calls()].concat()
}

/// Structs of the caller, all zero but for their size.
macro_rules! zeroed {
    ($($make:ident: $ty:ident;)+) => {
        $(fn $make() -> $ty {
            // SAFETY: numbers and raw pointers only, for which all zeros is a value.
            let mut zero: $ty = unsafe { std::mem::zeroed() };
            zero.struct_size = size_of::<$ty>() as u32;
            zero
        })+
    };
}

zeroed! {
    summary: pointmill_summary;
    option: pointmill_option;
    stats: pointmill_engine_stats;
    entry: pointmill_entry;
    payload: pointmill_payload;
    skipped: pointmill_skipped;
    client_stats: pointmill_client_stats;
    lambda_stats: pointmill_lambda_stats;
    lambda_trace: pointmill_lambda_trace;
    error: pointmill_error;
}

fn listed(kind: &str) -> Vec<Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../include/symbols.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| line.starts_with(kind));
    lines
        .map(|line| line.split(' ').skip(1).map(str::to_owned).collect())
        .collect()
}

#[test]
fn a_panic_in_any_function_becomes_its_answer() {
    let calls = all_calls();
    let called: BTreeSet<String> = calls.iter().map(|(name, _)| (*name).to_owned()).collect();
    let exported: BTreeSet<String> = listed("function").iter().map(|f| f[0].clone()).collect();
    assert_eq!(called, exported, "every exported function is called here");
    for (name, call) in calls {
        let fixture = Fixture::new();
        injection::arm();
        assert!(call(&fixture), "{name}");
        assert!(!injection::armed(), "{name} does not pass the boundary");
    }
}

#[test]
fn without_a_panic_the_same_calls_do_not_answer_so() {
    for (name, call) in with_status() {
        assert!(!call(&Fixture::new()), "{name}");
    }
}

#[test]
fn after_a_panic_an_object_refuses_changes_and_still_tells_what_it_holds() {
    let changing_engine = |name: &str| {
        let words = ["context", "record", "tick", "flush"];
        let of_others = ["pointmill_client_", "pointmill_lambda_"];
        let of_others = of_others.iter().any(|prefix| name.starts_with(prefix));
        !of_others && words.iter().any(|word| name.contains(word))
            || name.starts_with("pointmill_client_new")
    };
    let changing_client = |name: &str| {
        let words = ["start", "flush", "close"];
        words
            .iter()
            .any(|w| name == format!("pointmill_client_{w}"))
    };
    let changing_sketch = |name: &str| {
        name.starts_with("pointmill_sketch_insert") || name.starts_with("pointmill_sketch_merge")
    };
    for (name, call) in with_status() {
        let f = Fixture::new();
        injection::arm();
        assert!(call(&f), "{name}");
        let record = c!(pointmill_record(f.engine, f.context, 1.0));
        let insert = c!(pointmill_sketch_insert(f.sketch, 1.0));
        let set = c!(pointmill_config_set(
            f.config,
            c"host".as_ptr(),
            c"h".as_ptr(),
            NONE
        ));
        let poisoned = |yes: bool| {
            if yes {
                POINTMILL_E_POISONED
            } else {
                POINTMILL_OK
            }
        };
        assert_eq!(record, poisoned(changing_engine(name)), "{name}");
        assert_eq!(insert, poisoned(changing_sketch(name)), "{name}");
        assert_eq!(set, poisoned(name == "pointmill_config_set"), "{name}");
        let start = c!(pointmill_client_start(f.client));
        assert_eq!(start, poisoned(changing_client(name)), "{name}");
        let reading = [
            "new",
            "mode",
            "setting",
            "engine",
            "stats_get",
            "last_failure",
        ];
        let changing_lambda = name.strip_prefix("pointmill_lambda_").is_some_and(|name| {
            !reading.contains(&name) && !name.starts_with("config") && !name.starts_with("trace")
        });
        let refused = c!(pointmill_lambda_refused(
            f.lambda,
            POINTMILL_LAMBDA_BAD_TIME,
            1
        ));
        assert_eq!(refused, poisoned(changing_lambda), "{name}");
        // Reading goes on.
        let read = c!(pointmill_lambda_stats_get(f.lambda, &mut lambda_stats()));
        assert_eq!(read, POINTMILL_OK, "{name}");
        assert_eq!(
            c!(pointmill_stats(f.engine, &mut stats())),
            POINTMILL_OK,
            "{name}"
        );
        let mut median = 0.0;
        assert_eq!(
            c!(pointmill_sketch_quantile(f.sketch, 0.5, &mut median)),
            POINTMILL_OK
        );
        assert_eq!(median, 1.0);
    }
}

#[test]
fn the_error_struct_carries_the_panics_text() {
    let f = Fixture::new();
    let mut err = error();
    injection::arm();
    let mut out = ptr::null_mut();
    let status = c!(pointmill_engine_new(f.config, &mut out, &mut err));
    assert_eq!((status, err.code), (POINTMILL_E_PANIC, POINTMILL_E_PANIC));
    // SAFETY: the library ends the text with NUL.
    let text = unsafe { CStr::from_ptr(err.detail.as_ptr()) }
        .to_str()
        .unwrap();
    assert!(text.contains("injected"), "{text}");
    assert!(out.is_null());
}

#[test]
fn the_table_of_codes_is_the_list_of_codes() {
    let table: BTreeSet<(String, String)> = TABLE
        .iter()
        .map(|row| {
            (
                row.name.to_str().unwrap().to_owned(),
                row.number.to_string(),
            )
        })
        .collect();
    let listed: BTreeSet<(String, String)> = listed("constant")
        .into_iter()
        .filter(|c| c[0] == "POINTMILL_OK" || c[0].starts_with("POINTMILL_E_"))
        .map(|c| (c[0].clone(), c[1].clone()))
        .collect();
    assert_eq!(table, listed);
}

/// Lines of `ctest/layout.inc` for a struct. The pattern names every field or does not compile.
macro_rules! layout {
    ($out:ident, $ty:ident { $($field:ident),+ $(,)? }) => {
        let $ty { $($field: _),+ } = zeroed_like::<$ty>();
        writeln!($out, "STRUCT({}, {})", stringify!($ty), size_of::<$ty>()).unwrap();
        $(writeln!(
            $out,
            "FIELD({}, {}, {}, {})",
            stringify!($ty),
            stringify!($field).trim_start_matches("r#"),
            std::mem::offset_of!($ty, $field),
            size_of_field(|s: &$ty| &raw const s.$field),
        )
        .unwrap();)+
    };
}

fn zeroed_like<T: Copy>() -> T {
    // SAFETY: used with the structs of the header: numbers and raw pointers only.
    unsafe { std::mem::zeroed() }
}

fn size_of_field<S, F>(_: impl Fn(&S) -> *const F) -> usize {
    size_of::<F>()
}

#[test]
fn structs_are_laid_out_as_the_c_programs_are_told() {
    let mut text = String::from(
        "/* Written by a unit test of crates/pointmill-capi (POINTMILL_UPDATE=1 cargo test). */\n",
    );
    layout!(text, pointmill_str { ptr, len });
    layout!(
        text,
        pointmill_error {
            struct_size,
            code,
            detail
        }
    );
    layout!(
        text,
        pointmill_summary {
            struct_size,
            count,
            min,
            max,
            sum,
            avg
        }
    );
    layout!(
        text,
        pointmill_option {
            struct_size,
            r#type,
            name,
            doc,
            default_text,
            default_number,
            min,
            max,
            choices_len
        }
    );
    layout!(
        text,
        pointmill_engine_stats {
            struct_size,
            reserved,
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
            arena_used_bytes,
            arena_bytes
        }
    );
    layout!(
        text,
        pointmill_entry {
            struct_size,
            kind,
            name,
            interval,
            interval_s,
            series,
            tags_len,
            points,
            value,
            summary
        }
    );
    layout!(
        text,
        pointmill_payload {
            struct_size,
            reserved,
            path,
            content_type,
            encoding,
            body,
            body_len,
            points,
            entries
        }
    );
    layout!(
        text,
        pointmill_skipped {
            struct_size,
            reserved,
            cause,
            detail,
            entries,
            points,
            values
        }
    );
    layout!(
        text,
        pointmill_client_stats {
            struct_size,
            reserved,
            flushed,
            adopted,
            accepted,
            queued,
            spooled,
            handed_over,
            skipped,
            dropped,
            dropped_queue_full,
            dropped_spool_full,
            dropped_spool_failed,
            dropped_expired,
            dropped_too_large,
            dropped_bad_request,
            dropped_forbidden,
            dropped_refused,
            dropped_closed,
            dropped_not_encoded,
            skipped_sketch_in_scalar_format,
            skipped_scalar_in_sketch_format,
            skipped_histogram_in_distribution_format,
            skipped_too_large,
            skipped_not_finite,
            skipped_unusable_name,
            skipped_no_values,
            skipped_expansion_limit,
            uncertain,
            dropped_uncertain,
            requests,
            failures,
            failed_connect,
            failed_timeout,
            failed_transport,
            failed_answer,
            failed_throttled,
            failed_server,
            failed_status,
            failed_key,
            stale_connections,
            splits,
            batches_queued,
            batches_spooled,
            queue_bytes,
            spool_damaged_files
        }
    );
    layout!(
        text,
        pointmill_lambda_stats {
            struct_size,
            mode,
            recorded,
            pending,
            delivered,
            queued,
            rejected_not_finite,
            rejected_invalid_name,
            rejected_too_old,
            rejected_stale,
            rejected_no_room,
            rejected_closed,
            refused_name,
            refused_value,
            refused_time,
            refused_tags,
            dropped_disabled,
            dropped_buffer,
            dropped_delivery,
            dropped_arena,
            overflowed,
            utf8_mended,
            enhanced,
            spilled,
            flushes,
            flush_failures,
            deadline_flushes,
            key_lookups,
            key_failures,
            invocations,
            invocations_open
        }
    );
    layout!(
        text,
        pointmill_lambda_invocation {
            struct_size,
            flags,
            start,
            memory_mb,
            deadline_unix_ms,
            invoked_function_arn,
            request_id,
            function_name,
            function_version
        }
    );
    layout!(
        text,
        pointmill_lambda_result {
            struct_size,
            error,
            http_status,
            reserved,
            batch_item_failures,
            time_to_first_byte_ms
        }
    );
    layout!(
        text,
        pointmill_lambda_trace {
            struct_size,
            priority,
            trace_id,
            parent_id
        }
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ctest/layout.inc");
    if std::env::var_os("POINTMILL_UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        committed, text,
        "run the test with POINTMILL_UPDATE=1 and commit the result"
    );
}

#[test]
fn the_smallest_struct_accepted_is_the_first_ones_size() {
    use crate::pointer::Sized32;
    // A field appended later raises the left side only.
    assert!(size_of::<pointmill_error>() >= pointmill_error::SIZE_MIN);
    let sizes = [
        (size_of::<pointmill_error>(), pointmill_error::SIZE_MIN),
        (size_of::<pointmill_summary>(), pointmill_summary::SIZE_MIN),
        (size_of::<pointmill_option>(), pointmill_option::SIZE_MIN),
        (
            size_of::<pointmill_engine_stats>(),
            pointmill_engine_stats::SIZE_MIN,
        ),
        (size_of::<pointmill_entry>(), pointmill_entry::SIZE_MIN),
        (size_of::<pointmill_payload>(), pointmill_payload::SIZE_MIN),
        (size_of::<pointmill_skipped>(), pointmill_skipped::SIZE_MIN),
    ];
    for (size, min) in sizes {
        assert!(size >= min && min >= 8, "{size} {min}");
    }
}

#[test]
fn inputs_that_fuzzing_found_still_hold() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/regressions/capi");
    let mut inputs = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(bytes.len() <= crate::fuzz_capi::SIZE_MAX);
        crate::fuzz_capi::run(&bytes);
        inputs += 1;
    }
    assert!(inputs > 0);
}

#[test]
fn calls_from_noise_keep_the_rules() {
    // A short walk without a fuzzer: xorshift bytes of growing length.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..200 {
        let mut bytes = Vec::new();
        while bytes.len() < 40 + round * 10 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Small numbers, which pick live objects and short lists, as often as large ones.
            let word = if state & 1 == 0 {
                state
            } else {
                state & 0x0303_0303_0303_0303
            };
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        crate::fuzz_capi::run(&bytes);
    }
}
