//! The boundary from the inside: a panic in every function, the poison it leaves, the layout of
//! structs, and the lists that must agree. The functions' work is tested from C, in `ctest/`.
//!
//! ```text
//! sketch, engine, snapshot, client, lambda, library     a family each: its calls, its structs
//! panics, layout, fuzz                                  what holds for all of them
//! fixture, structs                                      what the calls are made with
//! ```

use std::ptr;

use crate::text::pointmill_error;

use fixture::Fixture;

const NOW: i64 = 1_700_000_000;

const NONE: *mut pointmill_error = ptr::null_mut();

/// One call of an exported function.
macro_rules! c {
    ($call:expr) => {{
        // SAFETY: the tests pass live handles of a Fixture and pointers to their own locals.
        unsafe { $call }
    }};
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

mod client;
mod engine;
mod fixture;
mod fuzz;
mod lambda;
mod layout;
mod library;
mod panics;
mod sketch;
mod snapshot;
mod structs;

fn with_status() -> Vec<Call> {
    [
        sketch::calls(),
        engine::calls(),
        snapshot::calls(),
        client::calls(),
        lambda::calls(),
    ]
    .concat()
}

fn all_calls() -> Vec<Call> {
    [with_status(), library::calls()].concat()
}

/// The lines of `include/symbols.txt` of one kind, without the word for it.
fn listed(kind: &str) -> Vec<Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../include/symbols.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| line.starts_with(kind));
    lines
        .map(|line| line.split(' ').skip(1).map(str::to_owned).collect())
        .collect()
}
