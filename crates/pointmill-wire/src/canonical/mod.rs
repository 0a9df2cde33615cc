//! The canonical DDSketch on the wire: protobuf, and the compact binary format of Go and Java.
//!
//! | | [`proto`] | [`compact`] |
//! | --- | --- | --- |
//! | written by | every published library | Go, Java |
//! | counts | exact | exact when they are whole and below 2⁵² |
//! | exact summary | not carried | carried |
//! | quartic mapping | has no number | carried |
//! | a bin with count 1 | 8 to 14 bytes | 1 or 2 bytes |
//!
//! Both writers produce the bytes of the Go library; [`Layout`] says from which of its stores. Both
//! readers accept what any of the libraries writes, within [`DecodeOptions`].

pub mod compact;
pub mod proto;

use ddsketch_agent::canonical::{Bounds, CountError, MappingError, Policy};

use crate::decode::{Cause, DecodeLimits};

/// Which store of the Go library to write bytes like.
///
/// A reader gets the same counts from either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Its dense and collapsing stores: counts of consecutive bins, empty ones included. Short for
    /// bins that lie close together.
    ///
    /// A store whose indexes are spread over more than 65,536 is written bin by bin instead, so
    /// that the length is bounded by what the sketch holds in memory.
    #[default]
    Contiguous,
    /// Its default (buffered, paginated) store: bins one by one in protobuf; in the compact format
    /// pages of 32 where a page holds 32 values or more, and single values otherwise. Short for
    /// scattered bins.
    Paginated,
}

/// How to read a sketch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeOptions {
    /// The family that wrote it: upper-inclusive for the JavaScript and Python libraries. Their
    /// bytes do not say so, and bins read by the wrong rule are off by one. The compact format is
    /// lower-inclusive always.
    pub bounds: Bounds,
    /// The stores to read into. A collapsing policy bounds the sketch's memory; the limits bound
    /// it for the others.
    pub policy: Policy,
    /// What one input may cost.
    pub limits: DecodeLimits,
}

impl Default for DecodeOptions {
    /// Lower-inclusive, unbounded stores, default limits.
    fn default() -> Self {
        DecodeOptions {
            bounds: Bounds::LowerInclusive,
            policy: Policy::Unbounded,
            limits: DecodeLimits::default(),
        }
    }
}

fn mapping_cause(error: MappingError) -> Cause {
    Cause::Invalid(match error {
        MappingError::Offset(_) => "the index offset must be finite and leave indexes of 32 bits",
        _ => "gamma must be a finite number above 1",
    })
}

fn count_cause(_: CountError) -> Cause {
    Cause::Invalid("a count must not be negative, and all together must be finite")
}
