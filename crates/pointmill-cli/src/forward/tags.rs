//! Functions' tags from AWS, and from several places one after the other.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use pointmill_forwarder::functions::{FunctionInfo, SourceError, TagSource};
use pointmill_forwarder::sanitize;
use pointmill_lambda::tagging::{FunctionTags, TaggedFunction};

/// How long one list is answered from. A function that is new shows up after this time, and
/// thousands of functions cost one list a minute.
const LIST_MAX: Duration = Duration::from_secs(60);

/// Longest wait for the list.
const FETCH_MAX: Duration = Duration::from_secs(10);

/// Asks AWS for the tags of all functions at once.
#[derive(Debug)]
pub(super) struct AwsTags {
    client: FunctionTags,
    /// By ARN in lower case.
    known: HashMap<String, FunctionInfo>,
    fetched: Option<Instant>,
}

impl AwsTags {
    pub(super) fn new(client: FunctionTags) -> AwsTags {
        AwsTags {
            client,
            known: HashMap::new(),
            fetched: None,
        }
    }
}

fn info(function: &TaggedFunction) -> (String, FunctionInfo) {
    let tags = function.tags.iter();
    let tags = tags
        .filter_map(|(key, value)| sanitize(key, value))
        .collect();
    let info = FunctionInfo {
        tags,
        architecture: None,
    };
    (function.arn.to_lowercase(), info)
}

impl TagSource for AwsTags {
    fn fetch(&mut self, arn: &str) -> Result<Option<FunctionInfo>, SourceError> {
        if self.fetched.is_none_or(|at| at.elapsed() >= LIST_MAX) {
            let list = self.client.fetch(FETCH_MAX).map_err(SourceError)?;
            self.known = list.iter().map(info).collect();
            self.fetched = Some(Instant::now());
        }
        Ok(self.known.get(arn).cloned())
    }
}

/// The first source that knows a function, and the architecture from whoever knows that.
pub(super) struct Sources(pub(super) Vec<Box<dyn TagSource>>);

impl TagSource for Sources {
    fn fetch(&mut self, arn: &str) -> Result<Option<FunctionInfo>, SourceError> {
        let mut found: Option<FunctionInfo> = None;
        for source in &mut self.0 {
            let Some(more) = source.fetch(arn)? else {
                continue;
            };
            let known = found.get_or_insert_default();
            if known.tags.is_empty() {
                known.tags = more.tags;
            }
            known.architecture = known.architecture.or(more.architecture);
        }
        Ok(found)
    }
}
