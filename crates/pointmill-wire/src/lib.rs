//! Metrics on the wire: what a flush yields becomes bytes a receiver takes, and back.
//!
//! ```text
//! Snapshot ──Encoder──▶ Payloads   each body within its route's limits, ready to be sent
//!                       + Skipped  what the format cannot carry, counted by cause
//! bytes ──a decoder──▶ a message   every offset named in errors, memory bounded by DecodeLimits
//! ```
//!
//! One module a format, whose documentation is the specification of its bytes:
//!
//! | module | format | written | read |
//! | --- | --- | --- | --- |
//! | [`sketch_payload`] | distributions, protobuf, `/api/beta/sketches` | yes | yes |
//! | [`series_v2`] | counts, rates and gauges, JSON or protobuf, `/api/v2/series` | yes | yes |
//! | [`distribution_points`] | distributions as raw values, JSON, `/api/v1/distribution_points` | yes | yes |
//! | [`log_line`] | one value as a line of JSON, for log forwarders of serverless functions | yes | yes |
//! | [`dogstatsd`] | DogStatsD text | yes | yes |
//! | [`canonical`] | canonical DDSketch, protobuf and compact | yes | yes |
//!
//! Encoding starts at [`encode()`] (or at an [`Encoder`], which keeps its buffers between calls) and
//! an [`EncodeConfig`]. Decoders treat their input as hostile: they return an error that names the
//! byte, whatever the input, and hold no more memory than [`DecodeLimits`] allows.

#![forbid(unsafe_code)]

pub mod canonical;
pub mod compress;
mod config;
pub mod decode;
pub mod distribution_points;
pub mod dogstatsd;
mod encode;
mod expand;
mod json;
pub mod log_line;
mod payload;
pub mod series_v2;
pub mod sketch_payload;
mod split;

pub use compress::{Compression, decompress};
pub use config::{
    BinProfile, EncodeConfig, EncodeConfigError, EncodeOption, EncodeOptionKind, Format,
};
pub use decode::{DecodeError, DecodeLimits};
pub use encode::{EncodeError, Encoder, encode};
pub use payload::{Part, Payload, Payloads, SkipCause, Skipped};
pub use pointmill_protobuf::Origin;

/// The README's code, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
