//! The C ABI. `include/pointmill.h` is generated from this crate and is its manual; `docs/ABI.md`
//! holds the promise of stability.
//!
//! ```text
//! C caller ──▶ boundary (export!: extern "C", panic boundary, poison)
//!                 ├─ handle    opaque structs: type tag, live / poisoned / dead
//!                 ├─ pointer   every raw pointer of a call: NULL, alignment, length
//!                 ├─ codes     one table: number, name, cause and remedy
//!                 ▼
//!              library · sketch · config · engine · context · record · snapshot · payloads
//!              · client · lambda (feature `delivery`)
//! ```
//!
//! 1. The macro `export!` is the only place with `extern "C"`; a test compares the names behind it
//!    with the committed symbol list and panics inside each of them.
//! 2. Bodies see references and slices only after [`handle`] or [`pointer`] has checked them. What
//!    cannot be checked (a dangling pointer, a length that is a lie) is the caller's obligation and
//!    stands on the front page of the header.
//! 3. No logic lives here: a function checks, calls the engine and translates the answer.
//!
//! The order of the modules, and of the items in them, is the order of the header.

#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

#[macro_use]
mod boundary;
#[macro_use]
mod handle;
#[macro_use]
mod codes;
mod pointer;

mod library;
mod text;

mod sketch;
mod sketch_bytes;

mod config;
mod context;
mod engine;
mod payloads;
mod record;
mod snapshot;

#[cfg(feature = "delivery")]
mod client;
#[cfg(feature = "delivery")]
mod client_stats;
#[cfg(feature = "delivery")]
mod lambda;
#[cfg(feature = "delivery")]
mod lambda_config;
#[cfg(feature = "delivery")]
mod lambda_invocation;
#[cfg(feature = "delivery")]
mod lambda_stats;
#[cfg(feature = "delivery")]
mod lambda_trace;

// What the header shows, reachable for a Rust caller that builds this as an rlib (fuzzing).
#[cfg(feature = "delivery")]
pub use client::*;
#[cfg(feature = "delivery")]
pub use client_stats::*;
pub use codes::*;
pub use config::*;
pub use context::*;
pub use engine::*;
#[cfg(feature = "delivery")]
pub use lambda::*;
#[cfg(feature = "delivery")]
pub use lambda_config::*;
#[cfg(feature = "delivery")]
pub use lambda_invocation::*;
#[cfg(feature = "delivery")]
pub use lambda_stats::*;
#[cfg(feature = "delivery")]
pub use lambda_trace::*;
pub use library::*;
pub use payloads::*;
pub use record::*;
pub use sketch::*;
pub use sketch_bytes::*;
pub use snapshot::*;
pub use text::*;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;

// The fuzz target's code says pointmill_capi for this crate, and here it is this crate.
#[cfg(test)]
extern crate self as pointmill_capi;

#[cfg(test)]
#[path = "../../../fuzz/src/capi.rs"]
#[allow(unreachable_pub, reason = "a library of its own where it is fuzzed")]
mod fuzz_capi;
