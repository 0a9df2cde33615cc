//! The table of settings: option, variables, sort, default, one line of explanation.

/// What a setting's text must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// True or false: true, 1, yes, y, t, on and their opposites, whatever the case.
    Flag,
    /// Any text.
    Text,
    /// A text that reads back as `***`.
    Secret,
    /// A number from … to.
    Number(u64, u64),
    /// One of these.
    Choice(&'static [&'static str]),
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name as an option.
    pub name: &'static str,
    /// The variables it is read from; the first one that is set wins.
    pub variables: &'static [&'static str],
    /// What its text must be.
    pub sort: Sort,
    /// Its value when nothing is set; empty for none.
    pub default: &'static str,
    /// One line of explanation.
    pub doc: &'static str,
}

const fn row(
    name: &'static str,
    variables: &'static [&'static str],
    sort: Sort,
    default: &'static str,
    doc: &'static str,
) -> Setting {
    Setting {
        name,
        variables,
        sort,
        default,
        doc,
    }
}

use Sort::{Choice, Flag, Number, Secret, Text};

/// Every setting, in the order of the documentation.
pub const SETTINGS: &[Setting] = &[
    row(
        "mode",
        &["POINTMILL_LAMBDA_MODE"],
        Choice(&["extension", "log", "http"]),
        "",
        "where custom points go, instead of the choice by extension, flush_to_log and fips_mode",
    ),
    row(
        "flush_to_log",
        &["DD_FLUSH_TO_LOG", "DATADOG_FLUSH_TO_LOG"],
        Flag,
        "false",
        "log mode, where no extension is",
    ),
    row(
        "enhanced_metrics",
        &["DD_ENHANCED_METRICS"],
        Flag,
        "true",
        "emit aws.lambda.enhanced.*",
    ),
    row(
        "api_key",
        &["DD_API_KEY", "DATADOG_API_KEY"],
        Secret,
        "",
        "key of the intake as it is",
    ),
    row(
        "kms_api_key",
        &["DD_KMS_API_KEY"],
        Text,
        "",
        "the key encrypted by KMS, base64",
    ),
    row(
        "api_key_secret_arn",
        &["DD_API_KEY_SECRET_ARN"],
        Text,
        "",
        "ARN of a Secrets Manager secret whose text is the key",
    ),
    row(
        "api_key_ssm_name",
        &["DD_API_KEY_SSM_NAME"],
        Text,
        "",
        "name of an SSM parameter whose value is the key",
    ),
    row(
        "site",
        &["DD_SITE"],
        Text,
        "datadoghq.com",
        "site of the intake, or a full URL",
    ),
    row(
        "url",
        &["DATADOG_HOST"],
        Text,
        "",
        "full URL of the intake; wins over site",
    ),
    row(
        "tags",
        &["DD_TAGS", "DATADOG_TAGS"],
        Text,
        "",
        "tags of every point in HTTP mode, separated by commas; both variables count",
    ),
    row(
        "env",
        &["DD_ENV"],
        Text,
        "",
        "tag env of every point in HTTP mode",
    ),
    row(
        "service",
        &["DD_SERVICE"],
        Text,
        "",
        "tag service of every point in HTTP mode",
    ),
    row(
        "version",
        &["DD_VERSION"],
        Text,
        "",
        "tag version of every point in HTTP mode",
    ),
    row(
        "entity_id",
        &["DD_ENTITY_ID"],
        Text,
        "",
        "tag dd.internal.entity_id of every point to the extension; Go, Ruby and Java have it",
    ),
    row(
        "process_metrics",
        &[
            "POINTMILL_LAMBDA_PROCESS_METRICS",
            "DD_LAMBDA_PROC_ENHANCED_METRICS",
        ],
        Flag,
        "false",
        "without the extension, metrics of processors, network, /tmp, descriptors and threads",
    ),
    row(
        "fips_mode",
        &["DD_LAMBDA_FIPS_MODE"],
        Flag,
        "",
        "AWS's FIPS endpoints, and no posting from here; default: true in us-gov-*",
    ),
    row(
        "flush_in_thread",
        &["DD_FLUSH_IN_THREAD"],
        Flag,
        "true",
        "a thread flushes every 10 s and before a deadline; false: flush_due says when",
    ),
    row(
        "local_test",
        &["DD_LOCAL_TEST", "DD_LOCAL_TESTING"],
        Flag,
        "false",
        "ask the extension to flush after every invocation",
    ),
    row(
        "log_level",
        &["DD_LOG_LEVEL"],
        Text,
        "",
        "level of the language's logger; read back by the wrapper",
    ),
    row(
        "lambda_handler",
        &["DD_LAMBDA_HANDLER"],
        Text,
        "",
        "the user's handler behind a no-code handler; read back by the wrapper",
    ),
    row(
        "trace_enabled",
        &["DD_TRACE_ENABLED"],
        Flag,
        "true",
        "whether a tracer runs; read back by the wrapper",
    ),
    row(
        "merge_xray_traces",
        &["DD_MERGE_XRAY_TRACES", "DD_MERGE_DATADOG_XRAY_TRACES"],
        Flag,
        "false",
        "parent spans from X-Ray; read back by the wrapper",
    ),
    row(
        "format",
        &["POINTMILL_LAMBDA_FORMAT"],
        Choice(&["sketches", "distribution_points"]),
        "sketches",
        "what HTTP mode sends",
    ),
    row(
        "aggregate",
        &["POINTMILL_LAMBDA_AGGREGATE"],
        Flag,
        "false",
        "log mode writes one line for each context, interval and value of the distribution",
    ),
    row(
        "flush_timeout_ms",
        &["POINTMILL_LAMBDA_FLUSH_TIMEOUT_MS"],
        Number(1, 900_000),
        "5000",
        "most that one flush may take",
    ),
    row(
        "deadline_guard_ms",
        &["POINTMILL_LAMBDA_DEADLINE_GUARD_MS"],
        Number(0, 60_000),
        "100",
        "time kept free before an invocation's deadline",
    ),
    row(
        "buffer_points_max",
        &["POINTMILL_LAMBDA_BUFFER_POINTS_MAX"],
        Number(64, 1 << 24),
        "65536",
        "points kept as they are between two flushes",
    ),
    row(
        "retry_on_failure",
        &[],
        Flag,
        "true",
        "taken for the incumbents' sake: what fails is always kept and tried again",
    ),
    row(
        "log_fd",
        &[],
        Number(0, 1 << 20),
        "1",
        "descriptor that log lines are written to",
    ),
    row(
        "proxy",
        &["HTTPS_PROXY", "https_proxy"],
        Text,
        "",
        "proxy for requests to the intake and to AWS",
    ),
    row(
        "no_proxy",
        &["NO_PROXY", "no_proxy"],
        Text,
        "",
        "hosts without proxy, separated by commas",
    ),
    row(
        "region",
        &["AWS_REGION", "AWS_DEFAULT_REGION"],
        Text,
        "",
        "AWS region: FIPS default, endpoints",
    ),
    row(
        "function_name",
        &["AWS_LAMBDA_FUNCTION_NAME"],
        Text,
        "",
        "for KMS, and where an invocation does not say",
    ),
    row(
        "function_version",
        &["AWS_LAMBDA_FUNCTION_VERSION"],
        Text,
        "",
        "where an invocation does not say",
    ),
    row(
        "memory_mb",
        &["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        Number(0, u32::MAX as u64),
        "0",
        "where an invocation does not say",
    ),
    row(
        "aws_access_key_id",
        &["AWS_ACCESS_KEY_ID"],
        Text,
        "",
        "signs the look-up of the key",
    ),
    row(
        "aws_secret_access_key",
        &["AWS_SECRET_ACCESS_KEY"],
        Secret,
        "",
        "signs the look-up of the key",
    ),
    row(
        "aws_session_token",
        &["AWS_SESSION_TOKEN"],
        Secret,
        "",
        "signs the look-up of the key",
    ),
    row(
        "aws_credentials_url",
        &["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        Text,
        "",
        "where credentials are asked for (SnapStart)",
    ),
    row(
        "aws_credentials_token",
        &["AWS_CONTAINER_AUTHORIZATION_TOKEN"],
        Secret,
        "",
        "for asking there",
    ),
    row(
        "layer_tag",
        &[],
        Text,
        "",
        "value of the tag dd_lambda_layer",
    ),
    row(
        "library_version",
        &[],
        Text,
        "",
        "value of the tag datadog_lambda, without v",
    ),
    row(
        "language_version",
        &[],
        Text,
        "",
        "version that the tag runtime is made of",
    ),
    row("tracer_version", &[], Text, "", "value of the tag dd_trace"),
    row(
        "loaded_unix_ms",
        &[],
        Number(0, 1 << 53),
        "0",
        "when the wrapper was loaded; 0: when the object was made",
    ),
    row(
        "extension_path",
        &[],
        Text,
        "/opt/extensions/datadog-agent",
        "the file whose presence means extension mode",
    ),
    row(
        "extension_url",
        &[],
        Text,
        "http://127.0.0.1:8124",
        "where a local test asks the extension to flush",
    ),
    row(
        "dogstatsd_url",
        &[],
        Text,
        "udp://127.0.0.1:8125",
        "where the extension listens for points",
    ),
    row(
        "aws_endpoint_url",
        &["AWS_ENDPOINT_URL"],
        Text,
        "",
        "endpoint instead of AWS's own",
    ),
];

/// The setting of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}
