//! Where logs go that are no metrics.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use pointmill_deliver::{ClientConfig, KeySource};
use pointmill_forwarder::Log;

use super::ForwardError;
use super::direct::Direct;

/// What one request to the logs intake may hold. Source: Datadog's API documentation, "Send logs":
/// 1000 logs and 5 MB a request.
const BODY_LOGS_MAX: u64 = 1_000;
const BODY_BYTES_MAX: usize = 4 << 20;

/// Where logs go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LogsTo {
    Nowhere,
    Stdout,
    File(PathBuf),
    Http,
}

impl LogsTo {
    /// Reads the option's value.
    pub(super) fn read(text: &str) -> LogsTo {
        match text {
            "none" => LogsTo::Nowhere,
            "stdout" | "-" => LogsTo::Stdout,
            "http" => LogsTo::Http,
            path => LogsTo::File(PathBuf::from(path)),
        }
    }
}

enum To {
    Nowhere,
    Text(Box<dyn Write + Send>),
    Http {
        direct: Direct,
        body: Vec<u8>,
        waiting: u64,
    },
}

impl std::fmt::Debug for To {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            To::Nowhere => "Nowhere",
            To::Text(_) => "Text",
            To::Http { .. } => "Http",
        })
    }
}

/// Passes logs on.
#[derive(Debug)]
pub(super) struct Logs {
    to: To,
    tags: String,
    /// Logs that arrived.
    pub(super) sent: u64,
    /// Logs that could not be written or sent.
    pub(super) lost: u64,
    /// Logs not passed on because nobody wants them.
    pub(super) unwanted: u64,
    /// Why the last one was lost.
    pub(super) why: String,
    /// Whether the reader of standard output has gone.
    pub(super) closed: bool,
}

impl Logs {
    /// Logs on their way to `to`; `config` has the site and key for the intake, unless `key` looks it
    /// up.
    pub(super) fn new(
        to: &LogsTo,
        config: &ClientConfig,
        key: Option<&Arc<dyn KeySource>>,
        tags: &[String],
    ) -> Result<Logs, ForwardError> {
        let buffered = |file: Box<dyn Write + Send>| {
            To::Text(Box::new(BufWriter::with_capacity(64 << 10, file)))
        };
        let to = match to {
            LogsTo::Nowhere => To::Nowhere,
            LogsTo::Stdout => buffered(Box::new(io::stdout())),
            LogsTo::File(path) => {
                let file = File::options().create(true).append(true).open(path);
                let failed = |e| ForwardError::Io(format!("cannot write {}: {e}", path.display()));
                buffered(Box::new(file.map_err(failed)?))
            }
            LogsTo::Http => {
                let mut config = config.clone();
                if config.url.is_empty() && !config.site.contains("://") {
                    config.url = format!("https://http-intake.logs.{}", config.site);
                    // An URL of one's own needs no key, the public intake does.
                    if config.api_key.is_empty() && key.is_none() {
                        let what = "--logs http needs DD_API_KEY";
                        return Err(ForwardError::Usage(what.to_owned()));
                    }
                }
                To::Http {
                    direct: Direct::http(&config, key)?,
                    body: Vec::new(),
                    waiting: 0,
                }
            }
        };
        Ok(Logs {
            to,
            tags: tags.join(","),
            sent: 0,
            lost: 0,
            unwanted: 0,
            why: String::new(),
            closed: false,
        })
    }

    pub(super) fn log(&mut self, log: &Log<'_>) {
        match &mut self.to {
            To::Nowhere => self.unwanted += 1,
            To::Text(out) => {
                let message = log.message.trim_end();
                let written = out
                    .write_all(message.as_bytes())
                    .and_then(|()| out.write_all(b"\n"));
                self.wrote(1, written);
            }
            To::Http { body, waiting, .. } => {
                body.push(if body.is_empty() { b'[' } else { b',' });
                let service = log.log_group.rsplit('/').next().unwrap_or_default();
                let mut entry = serde_json::json!({
                    "message": log.message.trim_end(),
                    "ddsource": "lambda",
                    "ddtags": self.tags,
                    "service": service,
                    "aws": {"awslogs": {"logGroup": log.log_group, "logStream": log.log_stream}},
                });
                if let Some(unix_ms) = log.unix_ms {
                    entry["timestamp"] = unix_ms.into();
                }
                body.extend(entry.to_string().as_bytes());
                *waiting += 1;
                if *waiting >= BODY_LOGS_MAX || body.len() >= BODY_BYTES_MAX {
                    self.flush();
                }
            }
        }
    }

    /// Logs are not sent to the intake after this moment.
    pub(super) fn send_until(&mut self, until: Instant) {
        if let To::Http { direct, .. } = &mut self.to {
            direct.send_until(until);
        }
    }

    fn wrote(&mut self, n: u64, outcome: io::Result<()>) {
        match outcome {
            Ok(()) => self.sent += n,
            Err(error) => {
                self.lost += n;
                self.closed |= error.kind() == io::ErrorKind::BrokenPipe;
                self.why = error.to_string();
            }
        }
    }

    /// Writes or sends what waits.
    pub(super) fn flush(&mut self) {
        match &mut self.to {
            To::Nowhere => {}
            To::Text(out) => {
                let flushed = out.flush();
                self.wrote(0, flushed);
            }
            To::Http {
                direct,
                body,
                waiting,
            } => {
                let n = std::mem::take(waiting);
                if n == 0 {
                    return;
                }
                let mut body = std::mem::take(body);
                body.push(b']');
                match direct.send("/api/v2/logs", body, n) {
                    Ok(()) => self.sent += n,
                    Err(why) => {
                        self.lost += n;
                        self.why = why;
                    }
                }
            }
        }
    }
}
