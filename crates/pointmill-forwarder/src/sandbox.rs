//! What is remembered of a sandbox (a log stream) and of its invocations.

use crate::message::{InitStart, Status};

/// How far an initialisation may lie before the first invocation for which somebody waited, in
/// milliseconds; longer ago, the sandbox was made ahead of time. Source: the extension
/// (bottlecap, `lifecycle/invocation/processor.rs`).
const PROACTIVE_MS: i64 = 10_000;

/// One sandbox. All is empty for one whose beginning has not been seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sandbox {
    /// The invocation that began last. It stays after its report: lines that tell of a timeout or
    /// a crash follow it.
    pub(crate) current: Option<String>,
    /// Memory ran out in an invocation that is not known.
    pub(crate) out_of_memory: bool,
    /// The function's library has counted an error of the current invocation.
    pub(crate) library_error: bool,
    /// A restore has been counted and its invocation's report has not come yet.
    pub(crate) restore_counted: bool,
    /// The initialisation has been counted.
    pub(crate) init_counted: bool,
    /// Whether there has been an invocation.
    pub(crate) invoked: bool,
    /// Whether the function is a durable one.
    pub(crate) durable: bool,
    /// When the initialisation, or the restore, began.
    pub(crate) began_unix_ms: Option<i64>,
    pub(crate) function_name: Option<String>,
    pub(crate) function_version: Option<String>,
    pub(crate) runtime: Option<String>,
    pub(crate) initialization_type: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) memory_mb: Option<String>,
}

impl Sandbox {
    /// A new sandbox has begun.
    pub(crate) fn init_start(&mut self, init: &InitStart<'_>, unix_ms: Option<i64>) {
        let own = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let version = init.runtime_version.as_deref().unwrap_or_default();
        let region = init
            .runtime_version_arn
            .as_deref()
            .and_then(|arn| arn.split(':').nth(3));
        *self = Sandbox {
            durable: version.contains("DurableFunction"),
            began_unix_ms: unix_ms,
            function_name: own(&init.function_name).or_else(|| self.function_name.take()),
            function_version: own(&init.function_version),
            runtime: runtime(version),
            initialization_type: own(&init.initialization_type),
            region: region
                .filter(|region| !region.is_empty())
                .map(str::to_owned),
            memory_mb: init
                .memory_bytes
                .map(|bytes| (bytes / 1_048_576.0).to_string()),
            ..Sandbox::default()
        };
    }

    /// How an invocation that has not been seen before found the sandbox.
    pub(crate) fn first_seen(&mut self, unix_ms: Option<i64>) -> Start {
        if std::mem::replace(&mut self.invoked, true) {
            return Start::Warm;
        }
        match (self.began_unix_ms, unix_ms) {
            (Some(began), Some(now)) if now.saturating_sub(began) > PROACTIVE_MS => {
                Start::Proactive
            }
            (Some(_), _) => Start::Cold,
            // It may have begun long before the first event that was seen.
            (None, _) => Start::Warm,
        }
    }

    /// Whether the sandbox is of a managed instance, where only reports exist.
    pub(crate) fn is_managed(&self) -> bool {
        self.initialization_type.as_deref() == Some("lambda-managed-instances")
    }
}

/// `python3.13` of `python:3.13.v40`, `provided.al2023` of `provided:al2023.v1`.
fn runtime(version: &str) -> Option<String> {
    let (language, version) = version.split_once(':')?;
    let mut parts = version.split('.').take_while(|part| {
        let build = part.strip_prefix('v').unwrap_or_default();
        *part != "DurableFunction"
            && (build.is_empty() || !build.bytes().all(|b| b.is_ascii_digit()))
    });
    let first = parts.next().filter(|part| !part.is_empty())?;
    let dot = if first.starts_with(|c: char| c.is_ascii_digit()) {
        ""
    } else {
        "."
    };
    let mut runtime = format!("{language}{dot}{first}");
    for part in parts {
        runtime.push('.');
        runtime.push_str(part);
    }
    if language == "nodejs" && !runtime.ends_with('x') {
        runtime.push_str(".x");
    }
    Some(runtime)
}

/// How an invocation found its sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Start {
    /// Initialised for it.
    Cold,
    /// The first, of a sandbox initialised ahead of time.
    Proactive,
    /// Not the first, or of a sandbox whose beginning was not seen.
    #[default]
    Warm,
}

/// What has been counted of an invocation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request {
    pub(crate) timed_out: bool,
    pub(crate) out_of_memory: bool,
    pub(crate) error: bool,
    /// The status that its runtime ended with, once that is known.
    pub(crate) done: Option<Status>,
    /// The handler's duration in milliseconds.
    pub(crate) runtime_ms: Option<f64>,
    /// How it found its sandbox, once that is known.
    pub(crate) start: Option<Start>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_named_as_lambda_names_them() {
        for (version, expected) in [
            ("python:3.13.v40", Some("python3.13")),
            ("nodejs:22.v12", Some("nodejs22.x")),
            ("provided:al2023.v110", Some("provided.al2023")),
            ("java:21.v3", Some("java21")),
            ("ruby:3.4.v5", Some("ruby3.4")),
            ("python:3.14.DurableFunction.v6", Some("python3.14")),
            ("python:", None),
            ("odd", None),
        ] {
            assert_eq!(runtime(version).as_deref(), expected, "{version}");
        }
    }
}
