//! AWS Lambda: the environment read, invocations begun and ended, enhanced metrics with exact tags.

#![forbid(unsafe_code)]

mod arn;
pub mod language;
mod tags;

pub use arn::{Arn, ArnError};
pub use language::Language;
pub use tags::{Function, Library, Start, enhanced_tags};
