//! Which function speaks, and the tags that follow from it.
//!
//! ```text
//! /aws/lambda/Pricing-Api            group    ─┐
//! 2026/01/01/Cart-Worker[12]<32hex>  stream   ─┴▶ name ─┐
//! owner │ Config::account_id                   account ─┼▶ ARN ─▶ Functions::find ─▶ its own tags
//! Config::region                               region  ─┘
//! ```

use std::sync::Arc;

use crate::config::{self, Config};
use crate::functions::{FunctionInfo, Functions};
use crate::sandbox::Sandbox;
use crate::{Architecture, VERSION};

/// Whether messages come from a log, where only failures and reports arrive, or from telemetry,
/// where everything does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Feed {
    /// CloudWatch logs, in either of Lambda's formats.
    #[default]
    Logs,
    /// Events of the Telemetry API, all from one sandbox.
    Telemetry,
}

/// Where a batch of messages comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Source<'a> {
    /// Log or telemetry.
    pub feed: Feed,
    /// The account that owns the log group; empty if not known.
    pub owner: &'a str,
    /// The log group; `/aws/lambda/NAME` for a function known by name only; empty if not known.
    pub log_group: &'a str,
    /// The log stream, which stands for the sandbox; empty if not known.
    pub log_stream: &'a str,
}

/// The name in a stream of a log group that several functions share:
/// `YYYY/MM/DD/<name>[<version>]<32 hex digits>`.
fn name_in_stream(stream: &str) -> Option<&str> {
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    let mut parts = stream.splitn(4, '/');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (name, rest) = parts.next()?.split_once('[')?;
    let (version, hex) = rest.split_once(']')?;
    let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let sound = digits(year, 4)
        && digits(month, 2)
        && digits(day, 2)
        && (1..=75).contains(&name.len())
        && name.bytes().all(|b| named(b) || b == b'.')
        && (version == "$LATEST"
            || (1..=129).contains(&version.len()) && version.bytes().all(named))
        && is_sandbox_id(hex);
    sound.then_some(name)
}

/// The 32 hex digits with which a stream ends.
fn is_sandbox_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `text` looks like the name of a function's log stream, `YYYY/MM/DD/[version]<32 hex digits>`.
pub fn is_log_stream(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 44
        && bytes[4] == b'/'
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && text
            .rsplit_once(']')
            .is_some_and(|(_, hex)| is_sandbox_id(hex))
}

/// The function's name, in its own case, if the source is a Lambda function's log.
fn name<'a>(source: &Source<'a>) -> Option<&'a str> {
    if let Some(name) = name_in_stream(source.log_stream) {
        return Some(name);
    }
    const GROUP: &str = "/aws/lambda/";
    let group = source.log_group;
    let head = group.get(..GROUP.len())?;
    if !head.eq_ignore_ascii_case(GROUP) || source.log_stream.contains("_CloudTrail_") {
        return None;
    }
    let name = &group[GROUP.len()..];
    // The forwarder takes the text between the first two "/lambda/".
    let end = name.find("/lambda/").unwrap_or(name.len());
    Some(&name[..end]).filter(|name| !name.is_empty())
}

/// A function and the tags of its metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// The name, in its own case.
    pub(crate) name: Option<String>,
    /// Tags of enhanced metrics.
    pub(crate) enhanced: Vec<String>,
    /// Tags of custom metrics, behind the line's own.
    pub(crate) custom: Vec<String>,
    /// What is paid for a GB-second depends on it.
    pub(crate) architecture: Architecture,
    /// Whether messages of the platform are believed: they come from a Lambda function.
    pub(crate) is_lambda: bool,
}

impl Identity {
    /// The identity of `source`; telemetry tells more of itself (`sandbox`) as it begins.
    pub(crate) fn new(
        config: &Config,
        source: &Source<'_>,
        sandbox: &Sandbox,
        functions: &mut dyn Functions,
    ) -> Identity {
        let telemetry = source.feed == Feed::Telemetry;
        let name = match &sandbox.function_name {
            Some(name) => Some(name.as_str()),
            None => name(source),
        };
        let Some(name) = name else {
            // Lines of unknown origin were given by somebody who knows that they are Lambda's.
            let unknown = source.log_group.is_empty() && source.log_stream.is_empty();
            return Identity {
                enhanced: static_tags(config, None, sandbox, telemetry),
                custom: custom_tags(config, None),
                architecture: config.architecture,
                is_lambda: unknown || telemetry,
                ..Identity::default()
            };
        };
        let function = Function::new(config, source, sandbox, name, functions);
        let mut enhanced = static_tags(config, Some(&function), sandbox, telemetry);
        if !telemetry {
            enhanced.extend(function.place());
        }
        enhanced.extend(function.edge.iter().flatten().cloned());
        enhanced.extend(function.info.tags.iter().cloned());
        Identity {
            enhanced: distinct(enhanced),
            custom: custom_tags(config, Some(&function)),
            architecture: function.architecture,
            is_lambda: true,
            name: Some(name.to_owned()),
        }
    }
}

/// What is known of a function.
struct Function<'a> {
    name: &'a str,
    /// The value of `functionname`.
    shown: String,
    arn: Option<String>,
    region: Option<&'a str>,
    account_id: Option<&'a str>,
    edge: Option<Vec<String>>,
    info: Arc<FunctionInfo>,
    architecture: Architecture,
}

impl<'a> Function<'a> {
    fn new(
        config: &'a Config,
        source: &Source<'a>,
        sandbox: &'a Sandbox,
        name: &'a str,
        functions: &mut dyn Functions,
    ) -> Function<'a> {
        let region = sandbox.region.as_deref().or(config.region.as_deref());
        let is_account =
            |owner: &&str| !owner.is_empty() && owner.bytes().all(|b| b.is_ascii_digit());
        let owner = Some(source.owner).filter(is_account);
        let account_id = owner.or(config.account_id.as_deref());
        let partition = match (&config.partition, region) {
            (Some(partition), _) => partition,
            (None, region) => config::partition(region.unwrap_or_default()),
        };
        let arn = |region: Option<&str>, name: &str| {
            let arn = format!(
                "arn:{partition}:lambda:{}:{}:function:{name}",
                region?, account_id?
            );
            Some(arn.to_lowercase())
        };
        // A function's name has no dot; a replica at the edge has its home's region before one.
        let master = name.strip_prefix("us-east-1.");
        let master_arn = master.and_then(|name| arn(Some("us-east-1"), name));
        let own_arn = arn(region, name);
        let known_by = master_arn.as_deref().or(own_arn.as_deref());
        let info = known_by
            .and_then(|arn| functions.find(arn))
            .unwrap_or_default();
        let edge = master.map(|master| {
            let mut tags = vec![
                "at_edge:true".to_owned(),
                format!("edge_master_name:{master}"),
            ];
            tags.extend(master_arn.map(|arn| format!("edge_master_arn:{arn}")));
            tags
        });
        let keep_case = config.keep_case || source.feed == Feed::Telemetry;
        Function {
            name,
            shown: if keep_case {
                name.to_owned()
            } else {
                name.to_lowercase()
            },
            arn: own_arn,
            region,
            account_id,
            edge,
            architecture: info.architecture.unwrap_or(config.architecture),
            info,
        }
    }

    /// `region`, `aws_account`, `functionname`.
    fn place(&self) -> Vec<String> {
        let mut tags = Vec::new();
        tags.extend(self.region.map(|region| format!("region:{region}")));
        tags.extend(self.account_id.map(|id| format!("aws_account:{id}")));
        tags.push(format!("functionname:{}", self.shown));
        tags
    }
}

/// The tags that telemetry gives every metric of a sandbox; none for logs.
fn static_tags(
    config: &Config,
    function: Option<&Function<'_>>,
    sandbox: &Sandbox,
    telemetry: bool,
) -> Vec<String> {
    if !telemetry {
        return Vec::new();
    }
    let mut tags = Vec::new();
    let mut add = |key: &str, value: Option<&str>| {
        tags.extend(value.map(|value| format!("{key}:{value}")));
    };
    let version = sandbox
        .function_version
        .as_deref()
        .filter(|version| *version != "$LATEST");
    if let Some(function) = function {
        add("function_arn", function.arn.as_deref());
        add("account_id", function.account_id);
        let resource = match version {
            Some(version) => format!("{}:{version}", function.name),
            None => function.name.to_owned(),
        };
        add("resource", Some(&resource));
        add("architecture", Some(function.architecture.name()));
    }
    add("executedversion", version);
    add("memorysize", sandbox.memory_mb.as_deref());
    add("runtime", sandbox.runtime.as_deref());
    add("init_type", sandbox.initialization_type.as_deref());
    add("env", config.env.as_deref());
    add("version", config.version.as_deref());
    let service = config
        .service
        .as_ref()
        .map(|service| service.to_lowercase());
    add("service", service.as_deref());
    tags.extend(function.into_iter().flat_map(Function::place));
    // A tag of DD_TAGS stands for any of the same key.
    tags.retain(|tag| !config.tags.iter().any(|own| key(own) == key(tag)));
    tags.extend(config.tags.iter().cloned());
    tags
}

/// The tags that custom metrics get behind their own: the function's ARN, `DD_TAGS`, the
/// forwarder's name, then what is known of the function, sorted.
fn custom_tags(config: &Config, function: Option<&Function<'_>>) -> Vec<String> {
    let mut tags = Vec::new();
    let arn = function.and_then(|function| function.arn.as_ref());
    tags.extend(arn.map(|arn| format!("function_arn:{arn}")));
    tags.extend(config.tags.iter().cloned());
    if let Some(name) = &config.forwarder_name {
        tags.push(format!("forwardername:{}", name.to_lowercase()));
        tags.push(format!("forwarder_version:{VERSION}"));
    }
    if let Some(function) = function {
        let mut own = function.place();
        own.extend(function.edge.iter().flatten().cloned());
        own.extend(function.info.tags.iter().cloned());
        let given = |tags: &[String], wanted: &str| tags.iter().any(|tag| key(tag) == wanted);
        if !given(&own, "service") && !given(&config.tags, "service") {
            own.push(format!("service:{}", function.name.to_lowercase()));
        }
        if !given(&own, "env") && !given(&config.tags, "env") {
            tags.push(NO_ENV.to_owned());
        }
        own.sort_unstable();
        tags.extend(own);
    }
    tags.retain(|tag| {
        !config
            .exclude_tags
            .iter()
            .any(|excluded| excluded == key(tag))
    });
    distinct(tags)
}

/// The tag of custom metrics for which nobody names an environment.
pub(crate) const NO_ENV: &str = "env:none";

/// The key of a tag.
pub(crate) fn key(tag: &str) -> &str {
    tag.split_once(':').map_or(tag, |(key, _)| key)
}

fn distinct(mut tags: Vec<String>) -> Vec<String> {
    let mut seen = ahash::AHashSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(log_group: &str, log_stream: &str) -> Option<String> {
        let source = Source {
            log_group,
            log_stream,
            ..Source::default()
        };
        name(&source).map(str::to_lowercase)
    }

    // /AWS/Lambda/Foo is read as it was meant.
    #[test]
    fn names_by_group_and_stream() {
        const HEX: &str = "0123456789abcdef0123456789abcdef";
        let default = format!("2026/01/01/[$LATEST]{HEX}");
        for (group, stream, expected) in [
            (
                "/aws/lambda/Pricing-Api",
                default.clone(),
                Some("pricing-api"),
            ),
            (
                "/teams/checkout",
                format!("2026/01/01/Cart-Worker[12]{HEX}"),
                Some("cart-worker"),
            ),
            (
                "/aws/lambda/shared",
                format!("2026/01/01/real-fn[$LATEST]{HEX}"),
                Some("real-fn"),
            ),
            ("/aws/lambda/a/lambda/b", default.clone(), Some("a")),
            ("/AWS/Lambda/Foo", default.clone(), Some("foo")),
            ("/aws/lambda-insights", default.clone(), None),
            ("/aws/lambda/", default.clone(), None),
            ("/prod/lambda/foo", default.clone(), None),
            (
                "/aws/lambda/us-east-1.header-fixer",
                default,
                Some("us-east-1.header-fixer"),
            ),
            (
                "shared",
                "2026/01/01/fn[1]0123456789abcdef".to_owned(),
                None,
            ),
            ("shared", format!("2026/01/01/[1]{HEX}"), None),
            ("/aws/lambda/x", "123_CloudTrail_eu".to_owned(), None),
        ] {
            assert_eq!(
                name_of(group, &stream).as_deref(),
                expected,
                "{group} {stream}"
            );
        }
    }

    #[test]
    fn streams_are_known_from_words() {
        assert!(is_log_stream(
            "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef"
        ));
        assert!(is_log_stream(
            "2026/01/01/fn[3]0123456789abcdef0123456789abcdef"
        ));
        assert!(!is_log_stream(
            "2026/01/01/[$LATEST]0123456789ABCDEF0123456789abcdef"
        ));
        assert!(!is_log_stream("ünï/01/01"));
        assert!(!is_log_stream(&"é".repeat(40)));
    }
}
