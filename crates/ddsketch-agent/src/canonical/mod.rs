//! The canonical DDSketch: any accuracy, real-valued counts, several mappings and stores.
//!
//! A sketch assigns a value to a bin whose bounds grow geometrically, and keeps one count per bin:
//!
//! ```text
//! add(v):       v > min  → positive[index(v)]      v < −min → negative[index(−v)]
//!               otherwise zero_count
//! quantile(q):  rank = q·(count − 1); walk negative bins downwards, zero, positive bins upwards;
//!               the bin that holds the rank answers with value(index)
//! ```
//!
//! This is the sketch of the Datadog tracers and of the published `sketches-*` libraries. It is
//! *not* the sketch the Datadog Agent sends for distributions, which the rest of this crate
//! implements; [`convert`] goes from one to the other.
//!
//! | module | concept |
//! | --- | --- |
//! | [`mapping`] | value ↔ bin index |
//! | [`store`] | bin index → count, and what happens when there are too many bins |
//! | [`sketch`] | the two together: add, merge, quantile |
//! | [`remap`] | the same data under another mapping |
//! | [`convert`] | Agent sketch, exponential histogram |
//!
//! The wire formats are in `pointmill-wire`.
//!
//! # Examples
//! ```
//! use ddsketch_agent::canonical::{DdSketch, Kind, Mapping, Policy};
//!
//! let mapping = Mapping::with_accuracy(Kind::Logarithmic, 0.01)?;
//! let mut sketch = DdSketch::new(mapping, Policy::CollapsingLowest(2048));
//! for v in 1..=1000 {
//!     sketch.add(f64::from(v))?;
//! }
//! let p99 = sketch.quantile(0.99).unwrap();
//! assert!((p99 - 990.0).abs() <= 0.01 * 990.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod convert;
pub mod mapping;
mod math;
pub mod remap;
pub mod sketch;
pub mod store;

pub use mapping::{Bounds, Kind, Mapping, MappingError};
pub use sketch::{AddError, DdSketch, ExactSummary, MergeError};
pub use store::{CountError, Policy, Store};
