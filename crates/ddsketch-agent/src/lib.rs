#![doc = include_str!("../README.md")]
//!
//! # Where to read on
//!
//! [`Sketch`] holds values; [`SketchRef`] reads bins stored elsewhere. [`key`] explains the bins,
//! [`Summary`] the exact part, [`kernel`] how to run the loops with more instructions.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bins;
pub mod canonical;
mod error;
pub mod kernel;
pub mod key;
mod keys;
mod logarithm;
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
