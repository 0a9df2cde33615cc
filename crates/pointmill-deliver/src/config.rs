//! The options of a client: one table of names, defaults and ranges, from which the setters, the C
//! ABI and every binding's documentation come.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use pointmill_wire::{EncodeConfig, EncodeOptionKind, Format};

use crate::url::Target;

/// One option of [`ClientConfig`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientOption {
    /// Its name, units last.
    pub name: &'static str,
    /// Its value when nothing is set, as text.
    pub default: &'static str,
    /// What it may be set to.
    pub kind: EncodeOptionKind,
    /// One line of explanation.
    pub doc: &'static str,
}

/// Where a client delivers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DestinationKind {
    /// The metrics intake, or what speaks like it.
    Http,
    /// Lines of JSON on a descriptor.
    Log,
    /// An Agent's socket.
    Dogstatsd,
    /// Lines appended to a file.
    File,
    /// The spool only; another process sends.
    Spool,
}

const DESTINATIONS: &[&str] = &["http", "log", "dogstatsd", "file", "spool"];

macro_rules! options {
    ($($name:ident: $type:ty = $default:literal, $kind:expr, $doc:literal;)+) => {
        /// How and where to deliver. Every field can be set by name with [`ClientConfig::set`],
        /// which checks it; what no option can know alone is checked when a client is made.
        #[derive(Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct ClientConfig {
            /// How snapshots are encoded. At the default format `intake` a destination of lines
            /// takes its own format.
            pub encode: EncodeConfig,
            $(#[doc = concat!("Option `", stringify!($name), "`; see [`ClientConfig::OPTIONS`].")]
            pub $name: $type,)+
        }

        impl ClientConfig {
            /// Every option, in the order of the documentation.
            pub const OPTIONS: &'static [ClientOption] = &[$(ClientOption {
                name: stringify!($name),
                default: $default,
                kind: $kind,
                doc: $doc,
            },)+];

            fn assign(&mut self, name: &str, text: &str, number: u64) {
                match name {
                    $(stringify!($name) => self.$name = <$type as Value>::of(text, number),)+
                    _ => unreachable!("the table has been searched"),
                }
            }

            /// The value of the option `name` as text that [`ClientConfig::set`] takes, if there is
            /// one of that name. For a key that is set the answer is `***`.
            #[must_use]
            pub fn get(&self, name: &str) -> Option<String> {
                match name {
                    "api_key" if !self.api_key.is_empty() => Some("***".to_owned()),
                    $(stringify!($name) => Some(self.$name.text()),)+
                    _ => None,
                }
            }
        }

        impl Default for ClientConfig {
            fn default() -> ClientConfig {
                let mut config = ClientConfig {
                    encode: EncodeConfig::default(),
                    $($name: <$type as Value>::of("", 0),)+
                };
                // The table is the one place of the defaults.
                for option in Self::OPTIONS {
                    let number = option.kind.number_of(option.default).unwrap_or(0);
                    config.assign(option.name, option.default, number);
                }
                config
            }
        }
    };
}

const fn number(min: u64, max: u64) -> EncodeOptionKind {
    EncodeOptionKind::Number { min, max }
}

const fn text(bytes_max: u64) -> EncodeOptionKind {
    EncodeOptionKind::Text { bytes_max }
}

const FLAG: EncodeOptionKind = EncodeOptionKind::Flag;

options! {
    destination: DestinationKind = "http", EncodeOptionKind::Choice(DESTINATIONS),
        "Where the bodies go: http (the intake), log (lines of JSON on a descriptor), dogstatsd (an Agent's socket), file (lines appended to it), spool (a directory; another process sends).";
    site: String = "datadoghq.com", text(255),
        "Datadog site; the intake is https://api.SITE. A value that begins with http:// or https:// is taken as url.";
    url: String = "", text(2_048),
        "Base URL of the intake, such as http://127.0.0.1:8080; goes before site.";
    api_key: String = "", text(4_096),
        "API key, sent in the header DD-API-KEY and nowhere else.";
    proxy: String = "", text(2_048),
        "Proxy for http, as http://[user:password@]host:port; empty for none.";
    no_proxy: String = "", text(8_192),
        "Hosts reached without the proxy, separated by commas: host, .suffix, or * for all.";
    ca_file: String = "", text(4_096),
        "File of PEM certificates to trust; empty for Mozilla's roots, which are built in.";
    log_fd: u64 = "1", number(0, i32::MAX as u64),
        "Descriptor that destination log writes to.";
    file_path: String = "", text(4_096),
        "File that destination file appends to.";
    dogstatsd_url: String = "udp://127.0.0.1:8125", text(4_096),
        "Socket of destination dogstatsd: udp://host:port, unix:///path (datagrams) or unixstream:///path.";
    background: bool = "true", FLAG,
        "One thread ticks the engine and flushes every flush_interval_s; without it nothing happens outside your calls.";
    flush_interval_s: u64 = "10", number(1, 3_600),
        "Seconds between flushes of the background thread, aligned to multiples of it.";
    flush_timeout_ms: u64 = "10000", number(1, 600_000),
        "How long one flush of the background thread may try to send.";
    attempt_timeout_ms: u64 = "10000", number(1, 600_000),
        "How long one attempt may take: connecting, sending, and the answer.";
    retry_base_ms: u64 = "500", number(1, 60_000),
        "The first pause lies between 0 and this; the upper end doubles with every failure.";
    retry_max_ms: u64 = "60000", number(1, 3_600_000),
        "Upper end of the longest pause.";
    breaker_failures: u64 = "5", number(1, 1_000),
        "Failures in a row after which an endpoint gets one probe at a time.";
    batch_age_max_s: u64 = "3600", number(1, 604_800),
        "A batch older than this is dropped; the intake documents an hour.";
    queue_bytes_max: u64 = "15728640", number(4_096, 1 << 36),
        "Bytes of batches kept in memory, 15 MiB as in the Agent; the oldest go to the spool, or are dropped.";
    spool_dir: String = "", text(4_096),
        "Directory for what the queue cannot hold and for what is left at the end; empty for none.";
    spool_bytes_max: u64 = "67108864", number(4_096, 1 << 40),
        "Bytes of all files in the spool; the oldest are dropped first.";
    spool_sync: bool = "true", FLAG,
        "Wait until each spool file is on the disk, so that it survives a loss of power too.";
    client_metrics: bool = "false", FLAG,
        "Emit pointmill.client.* (accepted, dropped by cause, failures by cause) through the engine itself.";
}

/// How a field is made from a checked text, and becomes one again.
trait Value {
    fn of(text: &str, number: u64) -> Self;
    fn text(&self) -> String;
}

impl Value for String {
    fn of(text: &str, _: u64) -> String {
        text.to_owned()
    }
    fn text(&self) -> String {
        self.clone()
    }
}

impl Value for u64 {
    fn of(_: &str, number: u64) -> u64 {
        number
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

impl Value for bool {
    fn of(_: &str, number: u64) -> bool {
        number != 0
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

impl Value for DestinationKind {
    fn of(text: &str, _: u64) -> DestinationKind {
        match text {
            "log" => DestinationKind::Log,
            "dogstatsd" => DestinationKind::Dogstatsd,
            "file" => DestinationKind::File,
            "spool" => DestinationKind::Spool,
            _ => DestinationKind::Http,
        }
    }
    fn text(&self) -> String {
        DESTINATIONS[*self as usize].to_owned()
    }
}

impl ClientConfig {
    /// Sets the option `name` from text; options of the encoder too.
    ///
    /// # Errors
    /// [`ClientConfigError::UnknownOption`] or [`ClientConfigError::BadValue`]; nothing changed.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ClientConfigError> {
        let Some(option) = Self::OPTIONS.iter().find(|o| o.name == name) else {
            return Ok(self.encode.set(name, value)?);
        };
        let text = value.trim();
        let bad = |allowed: String| {
            // A key or password does not belong into an error's text.
            let secret = matches!(name, "api_key" | "proxy");
            let value = if secret { "***" } else { value };
            ClientConfigError::BadValue {
                name: option.name,
                value: value.to_owned(),
                allowed,
            }
        };
        let number = option.kind.number_of(text);
        let number = number.ok_or_else(|| bad(option.kind.to_string()))?;
        check_text(name, text).map_err(bad)?;
        self.assign(name, text, number);
        Ok(())
    }

    /// The format that snapshots are encoded in: the destination's own, unless one is set.
    #[must_use]
    pub fn format(&self) -> Format {
        match (self.destination, self.encode.format) {
            (DestinationKind::Log | DestinationKind::File, Format::Intake) => Format::LogLines,
            (DestinationKind::Dogstatsd, Format::Intake) => Format::Dogstatsd,
            (_, format) => format,
        }
    }

    /// The base URL of the intake, without a slash at its end.
    #[must_use]
    pub fn intake_url(&self) -> String {
        let site_is_url = self.site.starts_with("http://") || self.site.starts_with("https://");
        let url = match (self.url.as_str(), site_is_url) {
            ("", true) => self.site.clone(),
            ("", false) => format!("https://api.{}", self.site),
            (url, _) => url.to_owned(),
        };
        url.trim_end_matches('/').to_owned()
    }

    /// Checks what no option can know alone.
    ///
    /// # Errors
    /// [`ClientConfigError::Conflict`].
    pub(crate) fn check(&self) -> Result<(), ClientConfigError> {
        for option in Self::OPTIONS {
            let value = self.get(option.name).unwrap_or_default();
            if option.kind.number_of(&value).is_none() {
                return Err(ClientConfigError::BadValue {
                    name: option.name,
                    value,
                    allowed: option.kind.to_string(),
                });
            }
        }
        let lines = matches!(self.format(), Format::LogLines | Format::Dogstatsd);
        let conflict = |name, remedy| Err(ClientConfigError::Conflict { name, remedy });
        match self.destination {
            DestinationKind::Http | DestinationKind::Spool if lines => conflict(
                "format",
                "log_lines and dogstatsd do not travel by http; use another format, or destination log, dogstatsd or file",
            ),
            DestinationKind::Log | DestinationKind::File if !lines => conflict(
                "format",
                "this destination takes lines; use format log_lines or dogstatsd",
            ),
            DestinationKind::Dogstatsd if self.format() != Format::Dogstatsd => conflict(
                "format",
                "destination dogstatsd takes format dogstatsd only",
            ),
            DestinationKind::File if self.file_path.is_empty() => {
                conflict("file_path", "destination file needs the file's path")
            }
            DestinationKind::Spool if self.spool_dir.is_empty() => {
                conflict("spool_dir", "destination spool needs a directory")
            }
            _ if self.retry_base_ms > self.retry_max_ms => conflict(
                "retry_base_ms",
                "it is above retry_max_ms; lower it or raise that",
            ),
            _ => Ok(()),
        }
    }

    pub(crate) fn attempt_timeout(&self) -> Duration {
        Duration::from_millis(self.attempt_timeout_ms)
    }

    pub(crate) fn spool_path(&self) -> Option<PathBuf> {
        (!self.spool_dir.is_empty()).then(|| PathBuf::from(&self.spool_dir))
    }

    /// Takes the proxy and the file of certificates from `HTTPS_PROXY`, `NO_PROXY` (or in lower
    /// case) and `SSL_CERT_FILE`, where they are set and the options are not. Nothing else in this
    /// crate reads the environment. `look_up` answers a variable's value.
    ///
    /// # Errors
    /// A variable's value that the option does not take.
    pub fn read_env(
        &mut self,
        look_up: impl Fn(&str) -> Option<String>,
    ) -> Result<(), ClientConfigError> {
        let either = |a: &str, b: &str| look_up(a).filter(|v| !v.is_empty()).or_else(|| look_up(b));
        for (option, value) in [
            ("proxy", either("HTTPS_PROXY", "https_proxy")),
            ("no_proxy", either("NO_PROXY", "no_proxy")),
            ("ca_file", look_up("SSL_CERT_FILE")),
        ] {
            let unset = self.get(option).is_some_and(|set| set.is_empty());
            if let Some(value) = value.filter(|_| unset) {
                self.set(option, &value)?;
            }
        }
        Ok(())
    }
}

/// What a text must be beyond its length. The answer says what is allowed.
fn check_text(name: &str, text: &str) -> Result<(), String> {
    let is_url = text.starts_with("http://") || text.starts_with("https://");
    match name {
        "url" if !text.is_empty() => check_base(text),
        "site" if is_url => check_base(text),
        "site" if text.is_empty() || !text.bytes().all(is_host_byte) => {
            Err("a host name such as datadoghq.eu, or a URL".to_owned())
        }
        "api_key" if !text.bytes().all(|b| b.is_ascii_graphic()) => {
            Err("letters and digits without spaces".to_owned())
        }
        "proxy" if !text.is_empty() => match ureq::Proxy::new(text) {
            Ok(_) if is_url => Ok(()),
            _ => Err("http://[user:password@]host:port".to_owned()),
        },
        "dogstatsd_url" => Target::parse(text).map(drop),
        _ => Ok(()),
    }
}

fn check_base(text: &str) -> Result<(), String> {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or("");
    let sound = text.parse::<ureq::http::Uri>().is_ok()
        && text.starts_with("http")
        && !host.is_empty()
        && !text.contains(['?', '#', ' ', '@']);
    let allowed = "http://host[:port][/path] or https://…, without a query and without a user";
    sound.then_some(()).ok_or_else(|| allowed.to_owned())
}

fn is_host_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'_')
}

impl fmt::Debug for ClientConfig {
    /// Without the key and the proxy's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ClientConfig");
        for option in Self::OPTIONS.iter().filter(|o| o.name != "proxy") {
            out.field(option.name, &self.get(option.name).unwrap_or_default());
        }
        out.finish_non_exhaustive()
    }
}

/// Why a client could not be configured or made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientConfigError {
    /// No option has this name.
    UnknownOption {
        /// The name as given.
        name: String,
    },
    /// The value is not one the option takes.
    BadValue {
        /// The option.
        name: &'static str,
        /// The value as given; `***` for secrets.
        value: String,
        /// What it takes.
        allowed: String,
    },
    /// Options do not go together.
    Conflict {
        /// The option to change.
        name: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Something that an option names could not be opened or read.
    Unusable {
        /// The option.
        name: &'static str,
        /// What it names.
        value: String,
        /// What the system says.
        cause: String,
    },
    /// An option of the encoder was refused.
    Encode(pointmill_wire::EncodeConfigError),
}

impl From<pointmill_wire::EncodeConfigError> for ClientConfigError {
    fn from(error: pointmill_wire::EncodeConfigError) -> ClientConfigError {
        match error {
            pointmill_wire::EncodeConfigError::UnknownOption { name } => {
                ClientConfigError::UnknownOption { name }
            }
            other => ClientConfigError::Encode(other),
        }
    }
}

impl fmt::Display for ClientConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientConfigError::UnknownOption { name } => {
                write!(
                    f,
                    "no option is called {name:?}; see ClientConfig::OPTIONS and EncodeConfig::OPTIONS"
                )
            }
            ClientConfigError::BadValue {
                name,
                value,
                allowed,
            } => write!(f, "{name} is {value:?}; give {allowed}"),
            ClientConfigError::Conflict { name, remedy } => write!(f, "{name}: {remedy}"),
            ClientConfigError::Unusable { name, value, cause } => {
                write!(f, "{name} is {value:?}, which cannot be used: {cause}")
            }
            ClientConfigError::Encode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ClientConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ClientConfigError::Encode(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_can_be_set_and_read_back() {
        for option in ClientConfig::OPTIONS {
            let mut config = ClientConfig::default();
            let value = config.get(option.name).unwrap();
            assert_eq!(value, option.default, "{}", option.name);
            config.set(option.name, &value).unwrap();
            assert_eq!(config, ClientConfig::default());
        }
        ClientConfig::default().check().unwrap();
    }

    #[test]
    fn numbers_end_where_the_table_says() {
        for option in ClientConfig::OPTIONS {
            let EncodeOptionKind::Number { min, max } = option.kind else {
                continue;
            };
            let mut config = ClientConfig::default();
            for (value, fits) in [(min, true), (max, true), (max + 1, false)] {
                assert_eq!(
                    config.set(option.name, &value.to_string()).is_ok(),
                    fits,
                    "{}",
                    option.name
                );
            }
            assert_eq!(config.get(option.name).unwrap(), max.to_string());
        }
    }

    #[test]
    fn urls_and_hosts_are_checked_when_set() {
        let mut config = ClientConfig::default();
        for (name, value, fits) in [
            ("url", "http://127.0.0.1:8080", true),
            ("url", "https://example.com/base", true),
            ("url", "ftp://example.com", false),
            ("url", "http://", false),
            ("url", "http://h/?api_key=1", false),
            ("url", "http://user@h/", false),
            ("site", "datadoghq.eu", true),
            ("site", "https://proxy.example/dd", true),
            ("site", "a b", false),
            ("site", "", false),
            ("api_key", "0123abc", true),
            ("api_key", "a b", false),
            ("proxy", "http://u:p@proxy:3128", true),
            ("proxy", "proxy:3128", false),
            ("dogstatsd_url", "udp://localhost:8125", true),
            ("dogstatsd_url", "unix:///var/run/dsd.socket", true),
            ("dogstatsd_url", "tcp://x:1", false),
            ("destination", "kafka", false),
            ("no_such_option", "1", false),
            ("format", "sketches", true),
        ] {
            assert_eq!(config.set(name, value).is_ok(), fits, "{name} {value}");
        }
    }

    #[test]
    fn the_intake_is_found_from_url_or_site() {
        let mut config = ClientConfig::default();
        assert_eq!(config.intake_url(), "https://api.datadoghq.com");
        config.set("site", "http://localhost:1/").unwrap();
        assert_eq!(config.intake_url(), "http://localhost:1");
        config.set("url", "https://a.example/x/").unwrap();
        assert_eq!(config.intake_url(), "https://a.example/x");
    }

    #[test]
    fn what_does_not_go_together_is_refused_by_name() {
        for (settings, name) in [
            (&[("format", "log_lines")][..], "format"),
            (&[("destination", "log"), ("format", "sketches")], "format"),
            (
                &[("destination", "dogstatsd"), ("format", "log_lines")],
                "format",
            ),
            (&[("destination", "file")], "file_path"),
            (&[("destination", "spool")], "spool_dir"),
            (
                &[("retry_base_ms", "2000"), ("retry_max_ms", "1000")],
                "retry_base_ms",
            ),
        ] {
            let mut config = ClientConfig::default();
            for (option, value) in settings {
                config.set(option, value).unwrap();
            }
            let error = config.check().unwrap_err();
            assert!(
                matches!(error, ClientConfigError::Conflict { name: n, .. } if n == name),
                "{error}"
            );
        }
    }

    #[test]
    fn secrets_are_in_no_text() {
        let mut config = ClientConfig::default();
        config.set("api_key", "s3cret").unwrap();
        config.set("proxy", "http://u:s3cret@h:1").unwrap();
        let error = config.set("api_key", "s3cret s3cret").unwrap_err();
        let texts = format!("{config:?} {error} {:?} {error:?}", config.get("api_key"));
        assert!(!texts.contains("s3cret"), "{texts}");
    }

    #[test]
    fn the_environment_fills_what_is_not_set() {
        let env = |name: &str| {
            let pairs = [
                ("https_proxy", "http://p:1"),
                ("NO_PROXY", ".local"),
                ("SSL_CERT_FILE", "/ca"),
            ];
            pairs
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        };
        let mut config = ClientConfig::default();
        config.set("no_proxy", "mine").unwrap();
        config.read_env(env).unwrap();
        let read = |name| config.get(name).unwrap();
        assert_eq!(
            (read("proxy"), read("no_proxy"), read("ca_file")),
            ("http://p:1".to_owned(), "mine".to_owned(), "/ca".to_owned())
        );
        assert!(config.read_env(|_| None).is_ok());
    }
}
