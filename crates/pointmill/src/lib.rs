//! An embedded metrics aggregation engine.

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
mod arena;
#[cfg(not(loom))]
mod bins;
#[cfg(not(loom))]
mod config;
#[cfg(not(loom))]
mod context;
#[cfg(not(loom))]
mod directory;
#[cfg(not(loom))]
mod engine;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod flush;
#[cfg_attr(loom, allow(dead_code, reason = "only the hand-over is modelled"))]
mod handover;
#[cfg(not(loom))]
mod hash;
#[cfg(not(loom))]
mod lane;
mod lock;
#[cfg(not(loom))]
mod names;
#[cfg(not(loom))]
mod open;
#[cfg(not(loom))]
mod pool;
#[cfg_attr(loom, allow(dead_code, unused_imports, reason = "only the hand-over is modelled"))]
mod primitive;
#[cfg(not(loom))]
mod simd;
#[cfg(not(loom))]
mod snapshot;
#[cfg(not(loom))]
mod stats;

#[cfg(not(loom))]
pub use self::{
    config::{Config, ConfigOption},
    context::{ContextId, Kind},
    engine::{Engine, Flush},
    error::{ConfigError, RecordError},
    simd::kernel,
    snapshot::{Entry, Intervals, SeriesId, Snapshot, SnapshotBuilder, Value, tag_key},
    stats::Stats,
};

pub use ddsketch_agent as sketch;
