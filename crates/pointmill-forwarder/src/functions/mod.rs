//! What is known of functions beside their logs: the tags they were given in AWS, and their
//! architecture.
//!
//! ```text
//! Forwarder ─ find(arn) ─▶ TagCache ─┬ fresh ────────────────▶ FunctionInfo
//!                                    ├ expired or missing ───▶ TagSource::fetch(arn) ─▶ …
//!                                    └ source failed ────────▶ the old one, if there is one
//! ```

mod cache;
mod file;

use std::fmt;
use std::sync::Arc;

pub use cache::{CacheStats, TagCache};
pub use file::{FileSource, parse_functions};

use crate::Architecture;

/// What is known of one function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Its tags, ready to be sent: [`sanitize`](crate::sanitize()) has been applied.
    pub tags: Vec<String>,
    /// Its architecture, if known.
    pub architecture: Option<Architecture>,
}

/// Answers what is known of a function. A forwarder asks once for each batch.
pub trait Functions {
    /// The function of this ARN, which is in lower case and has no qualifier; `None` if nothing is
    /// known of it.
    fn find(&mut self, arn: &str) -> Option<Arc<FunctionInfo>>;
}

/// Knows no function.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn find(&mut self, _arn: &str) -> Option<Arc<FunctionInfo>> {
        None
    }
}

/// Where a [`TagCache`] gets what it does not know: a file, AWS, or anything else.
pub trait TagSource: Send {
    /// Asks for one function; `None` if the source has none of this ARN. May wait.
    ///
    /// # Errors
    /// [`SourceError`]; the cache then goes on with what it has.
    fn fetch(&mut self, arn: &str) -> Result<Option<FunctionInfo>, SourceError>;
}

/// Why a source could not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError(pub String);

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SourceError {}
