//! What arguments and the environment say, arguments first.

use std::path::PathBuf;
use std::sync::Arc;

use pointmill_deliver::{ClientConfig, DestinationKind, KeySource};
use pointmill_forwarder::functions::{FileSource, TagCache, TagSource};
use pointmill_forwarder::{Architecture, Config, Functions, NoFunctions};
use pointmill_lambda::settings::Source;
use pointmill_lambda::tagging::FunctionTags;
use pointmill_lambda::{Arn, Language, key_source};

use super::ForwardError;
use super::command::{Args, To};
use super::delivery::now_unix_s;
use super::logs::LogsTo;
use super::say;
use super::tags::{AwsTags, Sources};

/// Looks a variable of the environment up; one that is empty counts as not set.
pub(super) type Env<'e> = &'e dyn Fn(&str) -> Option<String>;

/// The variables that name a key instead of being one.
const KEY_VARIABLES: [&str; 3] = [
    "DD_API_KEY_SECRET_ARN",
    "DD_API_KEY_SSM_NAME",
    "DD_KMS_API_KEY",
];

/// The process's own environment.
pub(super) fn process_env(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
}

/// A switch in any of the spellings that a function's own settings have.
fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "t" | "yes" | "y" | "on" => Some(true),
        "false" | "0" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// Whether a switch is on; what is neither on nor off counts as `default`.
fn switch(env: Env<'_>, name: &str, default: bool) -> bool {
    env(name).and_then(|value| flag(&value)).unwrap_or(default)
}

/// What is wrong with the environment and therefore not used, for eyes.
pub(super) fn complaints(env: Env<'_>) -> Vec<String> {
    let switches = [
        "DD_ENHANCED_METRICS",
        "DD_FLUSH_TO_LOG",
        "DD_FETCH_LAMBDA_TAGS",
    ];
    let switches = switches.map(|name| (name, "true or false"));
    let wanted = switches
        .into_iter()
        .chain([("DD_TAGS_CACHE_TTL_SECONDS", "a number of seconds")]);
    let wrong = |(name, wanted): (&str, &str)| {
        let value = env(name)?;
        let fits = match wanted {
            "true or false" => flag(&value).is_some(),
            _ => value.trim().parse::<u32>().is_ok(),
        };
        (!fits).then(|| format!("{name} is {value:?} and not {wanted}; it is ignored"))
    };
    wanted.filter_map(wrong).collect()
}

fn list(text: &str) -> Vec<String> {
    let parts = text.split([',', ' ']).map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// How events are read.
pub(super) fn forwarder(args: &Args, env: Env<'_>) -> Result<Config, ForwardError> {
    let mut config = Config::default();
    if let Some(arn) = &args.arn {
        let arn = Arn::parse(arn).map_err(|error| ForwardError::Usage(error.to_string()))?;
        config.partition = Some(arn.partition.to_owned());
        config.region = Some(arn.region.to_owned());
        config.account_id = Some(arn.account_id.to_owned());
    }
    let region = || env("AWS_REGION").or_else(|| env("AWS_DEFAULT_REGION"));
    config.region = args.region.clone().or(config.region).or_else(region);
    config.account_id = args.account_id.clone().or(config.account_id);
    config.tags = args.tags.as_deref().map(list).unwrap_or_default();
    if args.tags.is_none() {
        config.tags = env("DD_TAGS").as_deref().map(list).unwrap_or_default();
    }
    config.env = env("DD_ENV");
    config.service = env("DD_SERVICE");
    config.version = env("DD_VERSION");
    if let Some(word) = &args.architecture {
        let known = Architecture::read(word);
        config.architecture = known.ok_or_else(|| {
            ForwardError::Usage(format!("--architecture {word:?}: x86_64 or arm64"))
        })?;
    }
    for price in &args.price {
        set_price(&mut config, price)?;
    }
    config.keep_case = args.keep_case;
    config.console_prefixes = !args.no_console_prefixes;
    config.enhanced = !args.no_enhanced && switch(env, "DD_ENHANCED_METRICS", true);
    let exclude = env("DD_LAMBDA_CUSTOMER_METRICS_EXCLUDE_TAGS");
    config.exclude_tags = args
        .exclude_tags
        .clone()
        .or(exclude)
        .as_deref()
        .map(list)
        .unwrap_or_default();
    Ok(config)
}

fn set_price(config: &mut Config, text: &str) -> Result<(), ForwardError> {
    let wrong = || {
        let what = "expected request=USD, x86_64=USD or arm64=USD (of a GB-second)";
        ForwardError::Usage(format!("--price {text:?}: {what}"))
    };
    let (what, usd) = text.split_once('=').ok_or_else(wrong)?;
    let usd: f64 = usd.trim().parse().map_err(|_| wrong())?;
    if !usd.is_finite() || usd < 0.0 {
        return Err(wrong());
    }
    match what.trim() {
        "request" => config.prices.request_usd = usd,
        "x86_64" => config.prices.x86_64_gb_second_usd = usd,
        "arm64" => config.prices.arm64_gb_second_usd = usd,
        _ => return Err(wrong()),
    }
    Ok(())
}

/// Where metrics go, and how.
pub(super) fn client(args: &Args, env: Env<'_>) -> Result<ClientConfig, ForwardError> {
    let mut config = ClientConfig::default();
    let usage =
        |error: pointmill_deliver::ClientConfigError| ForwardError::Usage(error.to_string());
    let url = args.url.clone().or_else(|| env("DD_API_URL"));
    for (option, value) in [
        ("site", args.site.clone().or_else(|| env("DD_SITE"))),
        ("url", url),
        ("api_key", env("DD_API_KEY")),
        ("dogstatsd_url", args.dogstatsd.clone()),
        (
            "spool_dir",
            args.spool
                .as_ref()
                .map(|dir| dir.display().to_string())
                .or_else(|| env("POINTMILL_SPOOL")),
        ),
    ] {
        if let Some(value) = value {
            config.set(option, &value).map_err(usage)?;
        }
    }
    config.read_env(env).map_err(usage)?;
    for setting in &args.set {
        let (name, value) = setting.split_once('=').ok_or_else(|| {
            ForwardError::Usage(format!("--set {setting:?}: expected NAME=VALUE"))
        })?;
        config.set(name.trim(), value).map_err(usage)?;
    }
    config.destination = match to(args, env) {
        To::Dogstatsd => DestinationKind::Dogstatsd,
        To::Log => DestinationKind::Log,
        To::Http | To::None => DestinationKind::Http,
    };
    Ok(config)
}

/// Where the key comes from, if not from `DD_API_KEY` or `--set api_key=…` alone: Secrets Manager,
/// SSM or KMS, looked up when something is to be sent.
pub(super) fn key(args: &Args, env: Env<'_>) -> Option<Arc<dyn KeySource>> {
    let named = |setting: &String| setting.trim_start().starts_with("api_key=");
    if !KEY_VARIABLES.iter().any(|name| env(name).is_some()) || args.set.iter().any(named) {
        return None;
    }
    let mut source = Source::new(Language::Go);
    source.process_env();
    Some(key_source(&source.resolve().0))
}

/// Where metrics go: as told; else where an address was given for; else to the intake.
pub(super) fn to(args: &Args, env: Env<'_>) -> To {
    if args.dry_run {
        return To::None;
    }
    args.to.unwrap_or_else(|| {
        if args.dogstatsd.is_some() {
            To::Dogstatsd
        } else if switch(env, "DD_FLUSH_TO_LOG", false) {
            To::Log
        } else {
            To::Http
        }
    })
}

/// Where logs go. `DD_FORWARD_LOG` with any value but `true` keeps them here, as in Datadog's
/// forwarder.
pub(super) fn logs_to(args: &Args, env: Env<'_>, default: LogsTo) -> LogsTo {
    match (&args.logs, env("DD_FORWARD_LOG")) {
        (Some(to), _) => LogsTo::read(to),
        (None, Some(value)) if !value.trim().eq_ignore_ascii_case("true") => LogsTo::Nowhere,
        (None, _) => default,
    }
}

/// AWS's list of functions' tags, with the process's credentials.
fn function_tags(args: &Args) -> Result<FunctionTags, ForwardError> {
    let mut source = Source::new(Language::Go);
    source.process_env();
    if let Some(region) = &args.region {
        let set = source.set("region", region);
        set.map_err(|error| ForwardError::Usage(error.to_string()))?;
    }
    Ok(FunctionTags::new(&source.resolve().0))
}

/// The cache file of functions, and how long its answers are believed.
const TTL_S: u32 = 300;

/// Who knows functions' tags.
pub(super) enum Known {
    Nobody(NoFunctions),
    Cache(Box<TagCache>, Option<PathBuf>),
}

impl Known {
    pub(super) fn new(args: &Args, env: Env<'_>) -> Result<Known, ForwardError> {
        let mut sources: Vec<Box<dyn TagSource>> = Vec::new();
        let file = env("POINTMILL_FUNCTIONS").map(PathBuf::from);
        if let Some(path) = args.functions.clone().or(file) {
            let source = FileSource::open(&path);
            let source = source.map_err(|error| ForwardError::Io(error.to_string()))?;
            sources.push(Box::new(source));
        }
        if args.fetch_tags || switch(env, "DD_FETCH_LAMBDA_TAGS", false) {
            sources.push(Box::new(AwsTags::new(function_tags(args)?)));
        }
        if sources.is_empty() {
            if args.cache.is_some() {
                let what = "--cache keeps what --functions or --fetch-tags say; give one of them";
                return Err(ForwardError::Usage(what.to_owned()));
            }
            return Ok(Known::Nobody(NoFunctions));
        }
        let ttl_s = env("DD_TAGS_CACHE_TTL_SECONDS").and_then(|ttl| ttl.trim().parse().ok());
        let ttl_s = args.cache_ttl_s.or(ttl_s).unwrap_or(TTL_S);
        let mut cache = TagCache::new(Box::new(Sources(sources)), ttl_s, now_unix_s());
        if let Some(path) = &args.cache
            && let Err(error) = cache.load(path)
        {
            say::line(&format!(
                "{}: {error}; it will be written anew",
                path.display()
            ));
        }
        Ok(Known::Cache(Box::new(cache), args.cache.clone()))
    }

    pub(super) fn functions(&mut self) -> &mut dyn Functions {
        match self {
            Known::Nobody(nobody) => nobody,
            Known::Cache(cache, _) => {
                cache.tick(now_unix_s());
                &mut **cache
            }
        }
    }

    /// Why the source of tags could not answer last.
    pub(super) fn failure(&self) -> Option<&str> {
        match self {
            Known::Nobody(_) => None,
            Known::Cache(cache, _) => cache.last_error(),
        }
    }

    /// Writes the cache file, and says what went wrong.
    pub(super) fn finish(&mut self) {
        if let Some(error) = self.failure() {
            say::line(&format!("tags of functions: {error}"));
        }
        let Known::Cache(cache, path) = self else {
            return;
        };
        if let Some(path) = path
            && let Err(error) = cache.store(path)
        {
            say::line(&format!("cannot write {}: {error}", path.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(line: &[&str]) -> Args {
        Line::parse_from([&["forward"], line].concat()).args
    }

    #[test]
    fn arguments_go_before_the_environment() {
        let env = |name: &str| match name {
            "DD_SITE" => Some("datadoghq.eu".to_owned()),
            "DD_TAGS" => Some("a:b, c:d".to_owned()),
            "DD_API_KEY" => Some("secret".to_owned()),
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            "DD_ENHANCED_METRICS" => Some("false".to_owned()),
            _ => None,
        };
        let config = forwarder(&args(&[]), &env).unwrap();
        assert_eq!(config.tags, ["a:b", "c:d"]);
        assert_eq!(config.region.as_deref(), Some("eu-west-1"));
        assert!(!config.enhanced);
        assert_eq!(client(&args(&[]), &env).unwrap().site, "datadoghq.eu");
        let given = args(&[
            "--site=datadoghq.com",
            "--tags=x:y",
            "--arn=arn:aws:lambda:us-east-2:123456789012:function:f",
            "--price=arm64=0.5",
        ]);
        let config = forwarder(&given, &env).unwrap();
        assert_eq!(
            (config.tags, config.region.as_deref()),
            (vec!["x:y".to_owned()], Some("us-east-2"))
        );
        assert_eq!(config.prices.arm64_gb_second_usd, 0.5);
        assert_eq!(client(&given, &env).unwrap().site, "datadoghq.com");
    }

    #[test]
    fn wrong_values_are_answered_with_what_is_right() {
        let none = |_: &str| None;
        for (line, hint) in [
            ("--price=arm64", "USD"),
            ("--price=mips=1", "arm64"),
            ("--price=arm64=-1", "USD"),
            ("--architecture=mips", "x86_64 or arm64"),
            ("--arn=nonsense", "arn:"),
        ] {
            let error = forwarder(&args(&[line]), &none).unwrap_err();
            assert!(error.to_string().contains(hint), "{error}");
        }
        for (line, hint) in [("--set=x", "NAME=VALUE"), ("--set=nosuch=1", "nosuch")] {
            let error = client(&args(&[line]), &none).unwrap_err();
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    #[test]
    fn what_the_environment_says_wrongly_is_named() {
        let env = |name: &str| match name {
            "DD_FLUSH_TO_LOG" => Some("ture".to_owned()),
            "DD_ENHANCED_METRICS" => Some(" F ".to_owned()),
            "DD_TAGS_CACHE_TTL_SECONDS" => Some("5m".to_owned()),
            _ => None,
        };
        let said = complaints(&env).join("; ");
        assert!(said.contains("DD_FLUSH_TO_LOG is \"ture\""), "{said}");
        assert!(said.contains("\"5m\" and not a number"), "{said}");
        assert!(!said.contains("DD_ENHANCED_METRICS"), "{said}");
        assert!(!switch(&env, "DD_ENHANCED_METRICS", true));
    }

    #[test]
    fn logs_stay_here_for_anything_but_true() {
        for (value, expected) in [
            ("true", LogsTo::Stdout),
            ("TRUE", LogsTo::Stdout),
            ("false", LogsTo::Nowhere),
            ("x", LogsTo::Nowhere),
        ] {
            let env = |name: &str| (name == "DD_FORWARD_LOG").then(|| value.to_owned());
            assert_eq!(
                logs_to(&args(&[]), &env, LogsTo::Stdout),
                expected,
                "{value}"
            );
        }
        assert_eq!(
            logs_to(&args(&["--logs=http"]), &|_| None, LogsTo::Nowhere),
            LogsTo::Http
        );
    }
}
