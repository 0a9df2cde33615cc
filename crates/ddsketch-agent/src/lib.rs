//! The Datadog Agent's sketch, bit for bit (being filled in).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bins;
pub mod canonical;
mod error;
pub mod kernel;
pub mod key;
mod quantile;
mod released;
mod sketch;
mod store;
mod summary;

pub use bins::{BIN_LIMIT, Bins, Profile, SketchRef};
pub use error::{BinsError, InsertError};
pub use kernel::Kernel;
pub use sketch::{COUNT_MAX, Sketch};
pub use summary::Summary;
