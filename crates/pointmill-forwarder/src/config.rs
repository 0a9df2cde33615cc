//! What a forwarder is told before it reads anything.

use crate::{Architecture, Prices};

/// How events are read and what is added to their metrics.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The region of log events: the consumer's own, since subscriptions do not cross regions.
    pub region: Option<String>,
    /// The account of events that do not name their own.
    pub account_id: Option<String>,
    /// The partition; `None` is told from the region.
    pub partition: Option<String>,
    /// Name of the function that forwards, for the tag `forwardername` of custom metrics.
    pub forwarder_name: Option<String>,
    /// Tags for custom metrics, and for those of telemetry (`DD_TAGS`).
    pub tags: Vec<String>,
    /// Tag `env` of telemetry (`DD_ENV`).
    pub env: Option<String>,
    /// Tag `service` of telemetry (`DD_SERVICE`).
    pub service: Option<String>,
    /// Tag `version` of telemetry (`DD_VERSION`).
    pub version: Option<String>,
    /// The architecture of functions of which nobody says another.
    pub architecture: Architecture,
    /// What Lambda costs.
    pub prices: Prices,
    /// Whether `functionname` of log events keeps its case. Datadog's forwarder lowers it, and
    /// dashboards know it so; the extension and the libraries keep it.
    pub keep_case: bool,
    /// Whether metrics are also taken behind the time, request id and level that `console.log` and
    /// Python's logging put before a line.
    pub console_prefixes: bool,
    /// Whether enhanced metrics are made (`DD_ENHANCED_METRICS`).
    pub enhanced: bool,
    /// Keys of added tags that custom metrics do without
    /// (`DD_LAMBDA_CUSTOMER_METRICS_EXCLUDE_TAGS`).
    pub exclude_tags: Vec<String>,
    /// Invocations of which it is remembered what was counted, so that nothing is counted twice.
    pub requests_max: usize,
    /// Log streams (sandboxes) whose state is remembered.
    pub streams_max: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            region: None,
            account_id: None,
            partition: None,
            forwarder_name: None,
            tags: Vec::new(),
            env: None,
            service: None,
            version: None,
            architecture: Architecture::default(),
            prices: Prices::default(),
            keep_case: false,
            console_prefixes: true,
            enhanced: true,
            exclude_tags: Vec::new(),
            // Twenty times what the extension remembers, since many functions share it here.
            requests_max: 10_000,
            streams_max: 10_000,
        }
    }
}

/// The partition of a region.
pub(crate) fn partition(region: &str) -> &'static str {
    if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else if region.starts_with("cn-") {
        "aws-cn"
    } else {
        "aws"
    }
}
