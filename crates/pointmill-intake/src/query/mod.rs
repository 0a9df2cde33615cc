//! Questions and answers. Sketches are merged, never percentiles: whatever is asked, all rows that
//! belong together are put together bin by bin, and only then asked for a percentile.

mod accumulator;
mod agg;
mod filter;
mod functions;
mod list;
mod run;
mod select;
mod shape;
mod time;

use std::fmt;

pub use agg::{Agg, is_sketch, kind_name, kind_of};
pub use filter::Filter;
pub use functions::{Function, FunctionsAnswer, MemoryUsed, Percentiles, functions};
pub use list::{
    MetricInfo, MetricsAnswer, TagKey, TagValue, TagsAnswer, dump_metric, dump_metrics, metrics,
    tags,
};
pub use run::{Group, Query, QueryAnswer, Step, TopAnswer, TopContext, Values, query, top};
pub use shape::{Bar, Quantile, Scale, Shape, shape};
pub use time::{auto_step, parse_length, parse_time, utc};

use crate::store::StoreError;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// The parameter; empty if the store failed.
    pub field: &'static str,
    /// Cause and remedy.
    pub message: String,
    /// What was asked for does not exist.
    pub unknown: bool,
}

impl QueryError {
    pub(crate) fn bad(field: &'static str, message: String) -> QueryError {
        QueryError {
            field,
            message,
            unknown: false,
        }
    }

    pub(crate) fn unknown(field: &'static str, message: String) -> QueryError {
        QueryError {
            field,
            message,
            unknown: true,
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

impl std::error::Error for QueryError {}

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> QueryError {
        QueryError {
            field: "",
            message: error.to_string(),
            unknown: false,
        }
    }
}

/// What stands before a tag's first colon, and what stands behind it.
pub(crate) fn tag_key_and_value(tag: &str) -> (&str, Option<&str>) {
    tag.split_once(':')
        .map_or((tag, None), |(key, value)| (key, Some(value)))
}
