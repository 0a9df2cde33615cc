//! An embedded metrics aggregation engine: points in, mergeable sketches and snapshots out.
//!
//! - [`Engine`] interns contexts (kind + name + tag set), takes points from any thread and hands
//!   out a [`Snapshot`] at each flush. It does no I/O, starts no thread, and reads neither the
//!   environment nor a clock.
//! - [`Snapshot`] is immutable, answers percentiles, merges with others and groups by tag.
//! - [`Stats`] is the ledger: `recorded = flushed + pending + rejected + dropped`, always.
//!
//! # Promises, and what holds them
//!
//! | promise | held by |
//! | --- | --- |
//! | no point leaves uncounted | `tests/engine/model.rs`: the books after every operation, against a naive model |
//! | recording to known contexts allocates nothing | `tests/engine/alloc.rs`: a counting allocator |
//! | memory never passes `arena_bytes` | one mapping of that size; `tests/engine/limits.rs` |
//! | at a limit totals stay right | overflow contexts; `tests/engine/limits.rs` |
//! | recorders do not wait for each other | lanes; the loom model in `handover.rs` |
//! | a forked child begins empty | `tests/engine/fork.rs` |
//!
//! # Example
//! ```
//! use pointmill::{Config, Engine, Flush, Intervals, Kind};
//!
//! let mut config = Config::default();
//! config.set("contexts_max", "1000")?;
//! let engine = Engine::new(&config, 1_700_000_000)?;
//!
//! // A held context is the fast way …
//! let hits = engine.context(Kind::Count, "hits", &["route:/a", "env:prod"])?;
//! engine.record(hits, 1.0)?;
//! // … and by name works too, in any order of the tags.
//! engine.record_named(Kind::Count, &["hits", "env:prod", "route:/b"], 2.0)?;
//!
//! let snapshot = engine.flush(1_700_000_010, Flush::Closed);
//! let by_env = snapshot.group_by(&["env"], Intervals::Merge);
//! let total = by_env.get(0).unwrap();
//! assert_eq!((total.tag(0), total.scalar()), (Some("env:prod"), Some(3.0)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Unsafe code
//! In three modules: `arena` (the mapping and typed views of it), `simd` (calling functions compiled
//! for instructions the processor was asked for) and `thread` (reading the thread pointer).
//! Everything else is safe Rust.

#[cfg(loom)]
macro_rules! loom_struct {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $fvis:vis $field:ident: $type:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Debug)]
        $vis struct $name { $($(#[$field_meta])* $fvis $field: $type,)+ }
    };
}
#[cfg(loom)]
pub(crate) use loom_struct;

#[cfg(not(loom))]
mod apply;
#[cfg(not(loom))]
mod arena;
#[cfg(not(loom))]
mod bins;
#[cfg(not(loom))]
mod config;
#[cfg(not(loom))]
mod context;
#[cfg(not(loom))]
mod counter;
#[cfg(not(loom))]
mod directory;
#[cfg(not(loom))]
mod engine;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod flush;
#[cfg(not(loom))]
mod fork_mark;
#[cfg_attr(loom, allow(dead_code, reason = "only the hand-over is modelled"))]
mod handover;
#[cfg(not(loom))]
mod lane;
mod lock;
#[cfg(not(loom))]
mod names;
#[cfg(not(loom))]
mod open;
#[cfg(not(loom))]
mod part;
#[cfg(not(loom))]
mod pool;
#[cfg_attr(
    loom,
    allow(dead_code, unused_imports, reason = "only the hand-over is modelled")
)]
mod primitive;
#[cfg(not(loom))]
mod simd;
#[cfg(not(loom))]
mod snapshot;
#[cfg(not(loom))]
mod stats;
#[cfg(not(loom))]
mod thread;

#[cfg(not(loom))]
pub use self::{
    config::{Config, ConfigOption},
    context::{ContextId, Kind},
    engine::{Engine, Flush},
    error::{ConfigError, RecordError},
    fork_mark::ForkMark,
    simd::kernel,
    snapshot::{Entry, Intervals, SeriesId, Snapshot, SnapshotBuilder, Value, tag_key},
    stats::Stats,
};

pub use ddsketch_agent as sketch;

/// Compiles and runs the code in the project's README.
#[cfg(all(doctest, not(loom)))]
#[doc = include_str!("../../../README.md")]
struct ReadmeExamples;
