//! The tags that functions carry in AWS: `GetResources` of the Resource Groups Tagging API, the one
//! call that Datadog's forwarder makes for them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::aws::{Aws, Service};
use crate::settings::Settings;

/// Functions of one answer: the API's largest page.
const PAGE: usize = 100;

/// Pages that are asked for at most: 50,000 functions.
const PAGES_MAX: usize = 500;

/// A function and its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedFunction {
    /// Its ARN, as AWS spells it.
    pub arn: String,
    /// Its tags, key and value as they were given in AWS.
    pub tags: Vec<(String, String)>,
}

/// Asks for the tags of the functions of one account and region.
#[derive(Clone, Debug)]
pub struct FunctionTags {
    aws: Aws,
}

impl FunctionTags {
    /// With the credentials, the region and the proxy of the settings. Nothing is asked yet.
    #[must_use]
    pub fn new(settings: &Settings) -> FunctionTags {
        FunctionTags {
            aws: Aws::new(settings),
        }
    }

    /// All functions that have a tag, one request for every hundred. The right that is needed is
    /// `tag:GetResources`.
    ///
    /// # Errors
    /// What went wrong, for a person; it never holds a secret. Also if there are more than 50,000
    /// functions, or if `timeout` was too short.
    pub fn fetch(&self, timeout: Duration) -> Result<Vec<TaggedFunction>, String> {
        let until = Instant::now() + timeout;
        let (mut functions, mut token) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let body = json!({
                "ResourceTypeFilters": ["lambda"],
                "ResourcesPerPage": PAGE,
                "PaginationToken": token,
            });
            let answer = self
                .aws
                .call(Service::Tagging, &self.aws.region, &body, until)?;
            let list = answer["ResourceTagMappingList"].as_array();
            let list = list.ok_or("the answer has no ResourceTagMappingList")?;
            functions.extend(list.iter().filter_map(tagged));
            token = answer["PaginationToken"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if token.is_empty() {
                return Ok(functions);
            }
        }
        Err(format!("more than {} functions", PAGE * PAGES_MAX))
    }
}

/// One element of the list; an odd one is left out.
fn tagged(entry: &Value) -> Option<TaggedFunction> {
    let pair = |tag: &Value| {
        let text = |key| tag[key].as_str().map(str::to_owned);
        Some((text("Key")?, text("Value").unwrap_or_default()))
    };
    let tags = entry["Tags"].as_array().map(Vec::as_slice);
    Some(TaggedFunction {
        arn: entry["ResourceARN"].as_str()?.to_owned(),
        tags: tags.unwrap_or_default().iter().filter_map(pair).collect(),
    })
}
