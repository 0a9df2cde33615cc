//! The cases as they stand in the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What holds, in a sentence.
    pub name: String,
    /// Why it is here.
    #[serde(default)]
    pub why: String,
    /// Features without which a runner leaves it out.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Options of the engine.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// What is done.
    pub step: Vec<Step>,
}

/// One step; the README beside the cases has the fields of each `op`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "documented for all languages in testdata/conformance/README.md"
)]
pub struct Step {
    pub op: String,
    pub error: Option<String>,
    pub now: i64,
    pub kind: String,
    pub name: String,
    pub name_times: Option<usize>,
    pub tags: Vec<String>,
    pub tag_times: Option<usize>,
    pub value: Option<f64>,
    pub values: Option<Vec<f64>>,
    pub range: Option<(i32, i32)>,
    pub by: Option<String>,
    pub at: Option<i64>,
    pub rate: Option<f64>,
    pub rejected: u64,
    pub all: bool,
    pub entries: Option<Vec<EntryIs>>,
    pub stats: BTreeMap<String, u64>,
    pub keys: Vec<String>,
    pub merge_intervals: bool,
    pub options: BTreeMap<String, String>,
    pub bodies: Option<Vec<String>>,
    pub bodies_hex: Option<Vec<String>>,
    pub skipped: Option<Vec<SkippedIs>>,
    pub into: Option<String>,
    pub from: Option<String>,
    pub n: Option<u64>,
    pub lower: f64,
    pub upper: f64,
    pub format: String,
    pub hex: String,
    pub sketch: Option<String>,
    pub is: Option<SketchIs>,
    pub q: f64,
    pub result: Option<f64>,
}

impl Step {
    /// The values of the step, in order.
    #[must_use]
    pub fn all_values(&self) -> Vec<f64> {
        let range = self.range.map(|(from, to)| (from..=to).map(f64::from));
        let listed = self.values.clone().unwrap_or_default();
        (self.value.into_iter())
            .chain(listed)
            .chain(range.into_iter().flatten())
            .collect()
    }
}

/// An entry of a snapshot as a case expects it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "documented for all languages in testdata/conformance/README.md"
)]
pub struct EntryIs {
    pub kind: String,
    pub name: String,
    #[serde(default)]
    pub tags: Vec<String>,
    pub interval: i64,
    pub points: Option<u64>,
    pub value: Option<f64>,
    pub count: Option<u64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub sum: Option<f64>,
    pub avg: Option<f64>,
    pub bins: Option<Vec<(i16, u32)>>,
    #[serde(default)]
    pub quantiles: Vec<(f64, f64)>,
    #[serde(default)]
    pub quantiles_agent: Vec<(f64, f64)>,
}

impl EntryIs {
    /// What is said about its sketch, if anything is.
    #[must_use]
    pub fn sketch(&self) -> Option<SketchIs> {
        let is = SketchIs {
            count: self.count,
            min: self.min,
            max: self.max,
            sum: self.sum,
            avg: self.avg,
            bins: self.bins.clone(),
            quantiles: self.quantiles.clone(),
            quantiles_agent: self.quantiles_agent.clone(),
        };
        (is != SketchIs::default()).then_some(is)
    }
}

/// A sketch as a case expects it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "documented for all languages in testdata/conformance/README.md"
)]
pub struct SketchIs {
    pub count: Option<u64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub sum: Option<f64>,
    pub avg: Option<f64>,
    pub bins: Option<Vec<(i16, u32)>>,
    pub quantiles: Vec<(f64, f64)>,
    pub quantiles_agent: Vec<(f64, f64)>,
}

/// What an encoder reports as left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "documented for all languages in testdata/conformance/README.md"
)]
pub struct SkippedIs {
    pub cause: String,
    #[serde(default)]
    pub entries: u64,
    #[serde(default)]
    pub points: u64,
    #[serde(default)]
    pub values: u64,
}

/// Every case with the file it is from, in the order of the names.
pub(crate) fn read() -> Vec<(PathBuf, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/conformance");
    let listed = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = listed
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let file: File =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        cases.extend(file.case.into_iter().map(|case| (path.clone(), case)));
    }
    cases
}
