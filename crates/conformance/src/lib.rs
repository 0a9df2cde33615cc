//! The cases of `testdata/conformance`, and a runner that is the same for everything written in
//! Rust: whoever implements [`Target`] calls [`run_all`] in a test.
//!
//! What the fields of a case mean is written in `testdata/conformance/README.md`.

#![forbid(unsafe_code)]

mod cases;
mod run;

pub use cases::{Case, EntryIs, SketchIs, SkippedIs, Step};
pub use run::run_all;

use std::collections::BTreeMap;

/// A code of the C header without its prefix: `"NOT_FINITE"`.
pub type Code = String;

/// How points are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Ask for the context, record with it.
    Held,
    /// Name and tags with the point.
    Name,
}

/// One point.
#[derive(Clone, Debug)]
pub struct Point<'a> {
    /// `"distribution"`, `"count"`, `"gauge"` or `"histogram"`.
    pub kind: &'a str,
    /// The metric's name.
    pub name: &'a str,
    /// Its tags, as the case has them.
    pub tags: &'a [String],
    /// The value.
    pub value: f64,
    /// Unix time in seconds, if the point has one of its own.
    pub at: Option<i64>,
    /// The share of points that was kept, if sampled.
    pub rate: Option<f64>,
}

/// One entry of a snapshot.
#[derive(Clone, Debug)]
pub struct Entry<S> {
    /// The kind's name.
    pub kind: String,
    /// The metric's name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Start of the interval in Unix seconds.
    pub interval: i64,
    /// Points recorded into it.
    pub points: u64,
    /// Of a count or a gauge.
    pub value: Option<f64>,
    /// Of a distribution or a histogram.
    pub sketch: Option<S>,
}

/// Count, min, max, sum, avg.
pub type Summary = (u64, f64, f64, f64, f64);

/// A sketch of the implementation under test.
pub trait Sketch: Sized {
    /// An empty one.
    fn empty() -> Self;
    /// Adds a value, `n` times or with a sample rate if one is given.
    ///
    /// # Errors
    /// The code.
    fn insert(&mut self, value: f64, n: Option<u64>, rate: Option<f64>) -> Result<(), Code>;
    /// Adds n values spread over `[lower, upper]`.
    ///
    /// # Errors
    /// The code.
    fn interpolate(&mut self, lower: f64, upper: f64, n: u64) -> Result<(), Code>;
    /// Adds what `other` holds.
    fn merge(&mut self, other: &Self);
    /// Its summary.
    fn summary(&self) -> Summary;
    /// The accurate quantile, or the Agent's.
    ///
    /// # Errors
    /// The code.
    fn quantile(&self, q: f64, agent: bool) -> Result<f64, Code>;
    /// Its bins in the 32-bit profile.
    fn bins(&self) -> Vec<(i16, u32)>;
    /// The key of a value.
    ///
    /// # Errors
    /// The code.
    fn key(value: f64) -> Result<i16, Code>;
    /// Its bytes in a format. Feature `sketch_bytes`.
    ///
    /// # Errors
    /// The code.
    fn encode(&self, format: &str) -> Result<Vec<u8>, Code>;
    /// The sketch in some bytes. Feature `sketch_bytes`.
    ///
    /// # Errors
    /// The code.
    fn decode(format: &str, bytes: &[u8]) -> Result<Self, Code>;
}

/// An implementation under test: an engine and what comes out of it.
pub trait Target: Sized {
    /// Its sketch.
    type Sketch: Sketch;
    /// Its snapshot.
    type Snapshot;
    /// What it can do beyond the rest; see `needs` of a case.
    const FEATURES: &'static [&'static str];

    /// Makes an engine.
    ///
    /// # Errors
    /// The code.
    fn engine(config: &BTreeMap<String, String>) -> Result<Self, Code>;
    /// Tells the time.
    fn tick(&mut self, now: i64);
    /// Records a point.
    ///
    /// # Errors
    /// The code.
    fn record(&mut self, by: By, point: &Point<'_>) -> Result<(), Code>;
    /// Records many values at once; returns how many were refused.
    ///
    /// # Errors
    /// The code.
    fn record_many(&mut self, point: &Point<'_>, values: &[f64]) -> Result<u64, Code>;
    /// Takes a snapshot.
    fn flush(&mut self, now: i64, all: bool) -> Self::Snapshot;
    /// The ledger, by the field names of the C header.
    fn stats(&self) -> BTreeMap<&'static str, u64>;
    /// The entries of a snapshot.
    fn entries(snapshot: &Self::Snapshot) -> Vec<Entry<Self::Sketch>>;
    /// One snapshot of many.
    fn merge(snapshots: &[Self::Snapshot]) -> Self::Snapshot;
    /// The snapshot merged over the other tags.
    fn group_by(
        snapshot: &Self::Snapshot,
        keys: &[String],
        merge_intervals: bool,
    ) -> Self::Snapshot;
    /// The bodies, and what is in none of them.
    ///
    /// # Errors
    /// The code.
    fn encode(
        snapshot: &Self::Snapshot,
        options: &BTreeMap<String, String>,
    ) -> Result<(Vec<Vec<u8>>, Vec<SkippedIs>), Code>;
}
