//! What a Lambda platform says in its logs and telemetry, turned into metrics.
//!
//! ```text
//! CloudWatch envelope ── envelope ─▶ log events ─┐
//! lines ─────────────────────────────────────────┼─ message::read ─▶ Event ─ Forwarder ─▶ Point
//! telemetry ──────────── documents ─▶ events ────┘      (typed)              (counted once)
//! ```
//!
//! Two stages. [`message`] reads one message and knows nothing else. [`Forwarder`] knows what came
//! before: it turns typed events into [`Point`]s, each invocation's failure once, with the tags of
//! the function that spoke. Neither does I/O nor reads a clock, and both hold bounded memory
//! whatever they are given. [`functions`] is beside them: where a function's own tags come from.
//!
//! What is made of what, and where it differs from Datadog's forwarder and extension, says
//! `docs/FORWARDER.md`.

#![forbid(unsafe_code)]

mod account;
mod bounded;
mod config;
pub mod documents;
mod enhanced;
pub mod envelope;
mod forwarder;
pub mod functions;
mod identity;
mod legacy_sums;
pub mod message;
mod platform;
mod point;
mod reader;
mod refusal;
mod sandbox;
mod sanitize;

pub use account::Account;
pub use config::Config;
pub use enhanced::{Architecture, Enhanced, Prices};
pub use forwarder::{Batch, Forwarder, Outcome, Sink};
pub use functions::{FunctionInfo, Functions, NoFunctions};
pub use identity::{Feed, Source, is_log_stream};
pub use message::{LegacyKind, TAGS_MAX};
pub use point::{Point, PointKind};
pub use reader::{
    Complaint, Defaults, Format, LINE_BYTES_MAX, Log, Output, Reader, Workshop, detect,
};
pub use refusal::Refusal;
pub use sanitize::sanitize;

/// This library's version, which custom metrics carry as `forwarder_version`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
