//! Functions described by a file.
//!
//! ```json
//! {"arn:aws:lambda:eu-west-3:210987654321:function:pricing-api": {
//!     "tags": {"Team": "Fruit", "env": "prod"},      as AWS has them; sanitised
//!     "architecture": "arm64"},
//!  "arn:…": {"tags": ["team:fruit", "env:prod"]},    ready to be sent
//!  "arn:…": ["team:fruit"]}                          the same, tags only
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ahash::AHashMap;
use serde::Deserialize;

use super::{FunctionInfo, SourceError, TagSource};
use crate::{Architecture, sanitize};

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    Ready(Vec<String>),
    Aws(BTreeMap<String, String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Tags(Vec<String>),
    Function {
        #[serde(default)]
        tags: Option<Tags>,
        #[serde(default)]
        architecture: Option<String>,
    },
}

/// Reads a file's text: function ARNs in lower case with what is known of them.
///
/// # Errors
/// [`SourceError`] with the place that is not as it should be.
pub fn parse_functions(json: &str) -> Result<AHashMap<String, FunctionInfo>, SourceError> {
    let entries: BTreeMap<String, Entry> =
        serde_json::from_str(json).map_err(|error| SourceError(error.to_string()))?;
    let mut functions = AHashMap::with_capacity(entries.len());
    for (arn, entry) in entries {
        let (tags, architecture) = match entry {
            Entry::Tags(tags) => (tags, None),
            Entry::Function { tags, architecture } => {
                let tags = match tags {
                    None => Vec::new(),
                    Some(Tags::Ready(tags)) => tags,
                    Some(Tags::Aws(tags)) => {
                        tags.iter().filter_map(|(k, v)| sanitize(k, v)).collect()
                    }
                };
                (tags, architecture)
            }
        };
        let architecture =
            match architecture {
                None => None,
                Some(word) => Some(Architecture::read(&word).ok_or_else(|| {
                    SourceError(format!("{arn}: {word:?} is not x86_64 or arm64"))
                })?),
            };
        functions.insert(arn.to_lowercase(), FunctionInfo { tags, architecture });
    }
    Ok(functions)
}

/// The functions of a file, read once.
#[derive(Debug)]
pub struct FileSource {
    functions: AHashMap<String, FunctionInfo>,
}

impl FileSource {
    /// Reads `path`.
    ///
    /// # Errors
    /// [`SourceError`] if it cannot be read or is not as described above.
    pub fn open(path: &Path) -> Result<FileSource, SourceError> {
        let failed =
            |what: &dyn std::fmt::Display| SourceError(format!("{}: {what}", path.display()));
        let size = fs::metadata(path).map_err(|error| failed(&error))?.len();
        if size > FILE_BYTES_MAX {
            return Err(failed(&format_args!("larger than {FILE_BYTES_MAX} bytes")));
        }
        let json = fs::read_to_string(path).map_err(|error| failed(&error))?;
        let functions = parse_functions(&json).map_err(|error| failed(&error))?;
        Ok(FileSource { functions })
    }
}

impl TagSource for FileSource {
    fn fetch(&mut self, arn: &str) -> Result<Option<FunctionInfo>, SourceError> {
        Ok(self.functions.get(arn).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_entry_is_read() {
        let functions = parse_functions(
            r#"{"arn:A": ["team:fruit"],
                "arn:b": {"tags": ["env:prod"], "architecture": "arm64"},
                "arn:c": {"tags": {"Cost Center": "R&D: 42", "123": "gone"}},
                "arn:d": {}}"#,
        )
        .unwrap();
        assert_eq!(functions["arn:a"].tags, ["team:fruit"]);
        assert_eq!(functions["arn:b"].architecture, Some(Architecture::Arm64));
        assert_eq!(functions["arn:c"].tags, ["cost_center:r_d:_42"]);
        assert_eq!(functions["arn:d"], FunctionInfo::default());
    }

    #[test]
    fn a_wrong_entry_is_named() {
        let error = parse_functions(r#"{"arn:x": {"architecture": "mips"}}"#).unwrap_err();
        assert!(error.to_string().contains("arn:x") && error.to_string().contains("mips"));
        assert!(parse_functions("[").is_err());
        assert!(parse_functions(r#"{"a": 5}"#).is_err());
    }
}
