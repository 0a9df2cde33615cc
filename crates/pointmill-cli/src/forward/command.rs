//! The verb itself: arguments, inputs, and what the shell is told at the end.
//!
//! | status | means |
//! | --- | --- |
//! | 0 | done; everything arrived; what was refused was shown and counted |
//! | 1 | an input failed, something did not arrive, or with `--strict` something was refused |
//! | 2 | the arguments do not fit each other |
//! | 130, 143 | Ctrl-C, SIGTERM: what had been read has been sent |

use std::io::{self, IsTerminal, Read};
use std::mem;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use pointmill_forwarder::{Defaults, Format, Forwarder, Reader, Workshop, detect};
use pointmill_lambda::Arn;

use super::delivery::Delivery;
use super::logs::{Logs, LogsTo};
use super::metrics::{Metrics, Show};
use super::say::{self, AccountFormat, Books};
use super::settings::{self, Known, process_env};
use super::{COMPLAINTS_MAX, ForwardError, Sinks};
use crate::report::input::{self, ReadAhead, STDIN};
use crate::report::table::terminal_width;
use crate::stop::Stop;

/// How much is read at a time.
const READ_BYTES: usize = 256 << 10;

/// How much is looked at before the format is guessed, at the most.
const HEAD_BYTES: usize = 1 << 20;

const EXAMPLES: &str = "\
Examples:
  What would be sent for a function's log, without sending it:
    aws logs tail /aws/lambda/checkout --since 1h | \\
        pointmill forward --dry-run --by functionname --function checkout

  A subscription's events to the intake, logs to a file:
    DD_API_KEY=… pointmill forward --site datadoghq.eu --logs rest.log events.json

  Telemetry to an Agent on this machine:
    pointmill forward --format telemetry --dogstatsd udp://127.0.0.1:8125 telemetry.ndjson

  As a Lambda function: install the program as `bootstrap`.

Environment, where no option says otherwise: DD_API_KEY, or where it is kept:
DD_API_KEY_SECRET_ARN, DD_API_KEY_SSM_NAME, DD_KMS_API_KEY; DD_SITE, DD_API_URL, DD_TAGS, DD_ENV,
DD_SERVICE, DD_VERSION, DD_FORWARD_LOG, DD_ENHANCED_METRICS, DD_FLUSH_TO_LOG,
DD_FETCH_LAMBDA_TAGS, DD_TAGS_CACHE_TTL_SECONDS, DD_LAMBDA_CUSTOMER_METRICS_EXCLUDE_TAGS,
POINTMILL_FUNCTIONS and POINTMILL_SPOOL (as --functions and --spool), AWS_REGION,
AWS_ACCESS_KEY_ID and its kin, HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE.

What becomes of every event is said on standard error at the end: events = of the platform +
metrics + MONITORING + logs + refused.

Exit status: 0 done and everything arrived, 1 an input failed or something did not arrive (or with
--strict: was refused), 2 wrong arguments, 130 and 143 stopped by Ctrl-C and SIGTERM after sending
what had been read.";

/// Turns logs and telemetry of AWS Lambda into metrics and sends them
///
/// Reads subscriptions' events of CloudWatch Logs, lines of functions' logs, or events of the
/// Telemetry API, plain, gzip or zstd, from files or standard input. Makes the enhanced metrics
/// (duration, cost, timeouts, out of memory, …), takes metrics out of log lines, and passes all
/// other logs on.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Files to read, plain or packed with gzip or zstd; - or none is standard input
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,

    /// What the input is; guessed if not given
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<InputFormat>,

    /// Where metrics go [default: http, or dogstatsd if --dogstatsd is given]
    #[arg(long, value_enum, value_name = "WHERE")]
    pub(super) to: Option<To>,

    /// Send nothing; show what would be sent
    #[arg(long, conflicts_with = "to")]
    pub(super) dry_run: bool,

    /// Show metrics on standard output [default: table with --dry-run, else none]
    #[arg(long, value_enum, value_name = "HOW")]
    pub(super) show: Option<Show>,

    /// In the table, keep only the tags with these keys and merge over all others
    #[arg(long, value_name = "TAGKEY,…")]
    pub(super) by: Option<String>,

    /// Where logs go: stdout, none, http (the logs intake), or a file to append to [default:
    /// stdout unless metrics are shown there]
    #[arg(long, value_name = "WHERE")]
    pub(super) logs: Option<String>,

    /// Datadog site, such as datadoghq.eu; the key is DD_API_KEY
    #[arg(long, value_name = "SITE")]
    pub(super) site: Option<String>,

    /// Base URL of the intake, instead of a site's
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,

    /// Agent's socket: udp://host:port, unix:///path or unixstream:///path
    #[arg(long, value_name = "URL")]
    pub(super) dogstatsd: Option<String>,

    /// Directory for what cannot be sent now; later runs send it
    #[arg(long, value_name = "DIR")]
    pub(super) spool: Option<PathBuf>,

    /// Any option of delivery or encoding, such as retry_max_ms=5000
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,

    /// ARN of the function whose lines or telemetry these are
    #[arg(long, value_name = "ARN")]
    pub(super) arn: Option<String>,

    /// Name of that function, if its ARN is not known
    #[arg(long, value_name = "NAME", conflicts_with = "arn")]
    pub(super) function: Option<String>,

    /// Region of the functions [default: AWS_REGION]
    #[arg(long, value_name = "REGION")]
    pub(super) region: Option<String>,

    /// Account of functions whose events do not name it
    #[arg(long, value_name = "ID")]
    pub(super) account_id: Option<String>,

    /// Architecture of functions of which none is known: x86_64 or arm64 [default: x86_64]
    #[arg(long, value_name = "ARCH")]
    pub(super) architecture: Option<String>,

    /// A price in USD: request=…, or x86_64=… or arm64=… of a GB-second
    #[arg(long, value_name = "WHAT=USD")]
    pub(super) price: Vec<String>,

    /// Tags for custom metrics and telemetry, instead of DD_TAGS
    #[arg(long, value_name = "TAG,…")]
    pub(super) tags: Option<String>,

    /// JSON file of functions' tags and architectures, by ARN
    #[arg(long, value_name = "FILE")]
    pub(super) functions: Option<PathBuf>,

    /// Ask AWS for functions' tags: the Resource Groups Tagging API, as AWS_ACCESS_KEY_ID
    #[arg(long)]
    pub(super) fetch_tags: bool,

    /// File that keeps what is known of functions between runs
    #[arg(long, value_name = "FILE")]
    pub(super) cache: Option<PathBuf>,

    /// Seconds for which that is believed [default: 300]
    #[arg(long, value_name = "S")]
    pub(super) cache_ttl_s: Option<u32>,

    /// Keys of added tags that custom metrics do without
    #[arg(long, value_name = "TAGKEY,…")]
    pub(super) exclude_tags: Option<String>,

    /// Keep the case of functions' names in the tag functionname
    #[arg(long)]
    pub(super) keep_case: bool,

    /// Take no metrics that stand behind a time, request id and level
    #[arg(long)]
    pub(super) no_console_prefixes: bool,

    /// Make no enhanced metrics
    #[arg(long)]
    pub(super) no_enhanced: bool,

    /// How the account at the end is given, on standard error
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(super) account: AccountFormat,

    /// Seconds that sending may take at the end
    #[arg(long, value_name = "S", default_value = "30")]
    pub(super) timeout_s: u64,

    /// End with status 1 if anything was refused
    #[arg(long)]
    pub(super) strict: bool,
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum InputFormat {
    /// Lines of a function's log, also as aws logs tail and sam logs print them
    Lines,
    /// Events of CloudWatch Logs subscriptions: to a function, Kinesis, Firehose, or unpacked
    Cloudwatch,
    /// Events of the Telemetry API, in lists or one a line
    Telemetry,
}

/// Where metrics go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum To {
    /// The metrics intake, with DD_API_KEY
    Http,
    /// Lines of JSON on standard output
    Log,
    /// An Agent's socket
    Dogstatsd,
    /// Nowhere
    None,
}

impl InputFormat {
    fn format(self) -> Format {
        match self {
            InputFormat::Lines => Format::Lines,
            InputFormat::Cloudwatch => Format::CloudWatch,
            InputFormat::Telemetry => Format::Telemetry,
        }
    }
}

/// Runs the verb; messages go to standard error.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match Run::new(args) {
        Ok(run) => run.execute(),
        Err(error) => {
            say::line(&error.to_string());
            ExitCode::from(if matches!(error, ForwardError::Usage(_)) {
                2
            } else {
                1
            })
        }
    }
}

/// What is made before the first byte is read.
struct Run<'a> {
    args: &'a Args,
    files: Vec<PathBuf>,
    forwarder: Forwarder,
    known: Known,
    sinks: Sinks,
    stop: Stop,
}

/// Metrics and logs on their way, as the arguments and the environment say.
pub(super) fn sinks(
    args: &Args,
    tags: &[String],
    logs_default: LogsTo,
    background: bool,
) -> Result<Sinks, ForwardError> {
    for complaint in settings::complaints(&process_env) {
        say::line(&complaint);
    }
    let to = settings::to(args, &process_env);
    let dry = to == To::None;
    let show = args
        .show
        .unwrap_or(if dry { Show::Table } else { Show::None });
    let shows = show != Show::None;
    let mut client = settings::client(args, &process_env)?;
    client.background = background;
    // Logs stand between metric lines, as they do in a function's log; a table they would tear.
    let default = if shows || dry {
        LogsTo::Nowhere
    } else {
        logs_default
    };
    let logs_to = settings::logs_to(args, &process_env, default);
    if shows && (logs_to == LogsTo::Stdout || to == To::Log) {
        let what = "standard output cannot have both what --show prints and logs; \
                    use --logs FILE, or another --to";
        return Err(ForwardError::Usage(what.to_owned()));
    }
    let key = settings::key(args, &process_env);
    let has_key = key.is_some() || !client.api_key.is_empty();
    if to == To::Http && !has_key && client.url.is_empty() && !client.site.contains("://") {
        let what = "no API key: set DD_API_KEY (or DD_API_KEY_SECRET_ARN, DD_API_KEY_SSM_NAME, \
                    DD_KMS_API_KEY), give --url with an intake that needs none, or --dry-run to \
                    see what would be sent";
        return Err(ForwardError::Usage(what.to_owned()));
    }
    let logs = Logs::new(&logs_to, &client, key.as_ref(), tags)?;
    let delivery = match to {
        To::None => None,
        _ => Some(Delivery::new(client, key)?),
    };
    let by = args.by.as_ref().map(|list| {
        let keys = list.split(',').map(str::trim).filter(|key| !key.is_empty());
        keys.map(str::to_owned).collect::<Vec<_>>()
    });
    Ok(Sinks {
        metrics: Metrics::new(show, by.as_deref(), delivery)?,
        logs,
        input: String::new(),
        complaints: 0,
    })
}

impl<'a> Run<'a> {
    fn new(args: &'a Args) -> Result<Run<'a>, ForwardError> {
        let config = settings::forwarder(args, &process_env)?;
        let files = match args.files.is_empty() {
            true => vec![PathBuf::from(STDIN)],
            false => args.files.clone(),
        };
        // Every file is looked at before anything is sent.
        for file in &files {
            let failed = |error| ForwardError::Io(format!("{}: {error}", file.display()));
            input::check(file).map_err(failed)?;
        }
        let sinks = sinks(args, &config.tags, LogsTo::Stdout, true)?;
        let stop = Stop::on_signals_or(say::line);
        Ok(Run {
            args,
            files,
            forwarder: Forwarder::new(config),
            known: Known::new(args, &process_env)?,
            sinks,
            stop,
        })
    }

    fn execute(mut self) -> ExitCode {
        if self.files.iter().any(|file| file.as_os_str() == STDIN) && io::stdin().is_terminal() {
            say::line(
                "reading standard input; end it with Ctrl-D, or see pointmill forward --help",
            );
        }
        let mut failed = false;
        for file in self.files.clone() {
            if self.is_over() {
                break;
            }
            let before = self.forwarder.account().clone();
            if let Err(error) = self.read_file(&file) {
                failed = true;
                say::line(&format!("{}: {error}", file.display()));
            } else if *self.forwarder.account() == before {
                say::line(&format!("{} is empty", self.sinks.input));
            }
        }
        self.finish(failed)
    }

    /// Whether there is no use in reading on.
    fn is_over(&self) -> bool {
        let nobody_looks = self.sinks.metrics.closed && !self.sinks.metrics.delivers();
        self.stop.is_raised() || nobody_looks
    }

    fn defaults(&self) -> Defaults {
        let arn = self
            .args
            .arn
            .as_deref()
            .and_then(|arn| Arn::parse(arn).ok());
        let name = arn
            .map(|arn| arn.function_name)
            .or(self.args.function.as_deref());
        Defaults {
            log_group: name
                .map(|name| format!("/aws/lambda/{name}"))
                .unwrap_or_default(),
            ..Defaults::default()
        }
    }

    fn read_file(&mut self, file: &Path) -> io::Result<()> {
        self.sinks.input = match file.as_os_str() == STDIN {
            true => "stdin".to_owned(),
            false => file.display().to_string(),
        };
        let mut source = ReadAhead::spawn(input::open(file)?, self.stop.flag())?;
        let mut bytes = vec![0; READ_BYTES];
        let format = self.args.format.map(InputFormat::format);
        let mut reader = format.map(|format| Reader::new(format, self.defaults()));
        // What has been read before the format is known.
        let mut head = Vec::new();
        let outcome = loop {
            let n = match source.read(&mut bytes) {
                Ok(n) => n,
                // Said once for all files.
                Err(_) if self.stop.is_raised() => 0,
                Err(error) => break Err(error),
            };
            match &mut reader {
                Some(reader) => self.push(reader, &bytes[..n]),
                None => {
                    head.extend_from_slice(&bytes[..n]);
                    let enough = n == 0 || head.len() >= HEAD_BYTES;
                    if let Some(format) = detect(&head, enough) {
                        let mut made = Reader::new(format, self.defaults());
                        self.push(&mut made, &mem::take(&mut head));
                        reader = Some(made);
                    }
                }
            }
            if n == 0 || self.is_over() {
                break Ok(());
            }
        };
        if let Some(mut reader) = reader {
            reader.finish(&mut shop(
                &mut self.forwarder,
                &mut self.known,
                &mut self.sinks,
            ));
        }
        outcome
    }

    fn push(&mut self, reader: &mut Reader, bytes: &[u8]) {
        reader.push(
            bytes,
            &mut shop(&mut self.forwarder, &mut self.known, &mut self.sinks),
        );
        if self.sinks.metrics.delivers() {
            // Whoever reads a log that grows does not want to wait for its end.
            let sinks = &mut self.sinks;
            self.forwarder
                .finish(&mut |point| sinks.metrics.point(point));
            self.sinks.logs.flush();
        }
    }

    fn finish(mut self, failed: bool) -> ExitCode {
        let sinks = &mut self.sinks;
        self.forwarder
            .finish(&mut |point| sinks.metrics.point(point));
        self.sinks.logs.flush();
        self.known.finish();
        let stopped = self.stop.is_raised();
        if stopped {
            say::line("stopped before the end; what had been read is sent");
        }
        let Sinks {
            metrics,
            logs,
            complaints,
            ..
        } = self.sinks;
        if complaints > COMPLAINTS_MAX {
            say::line(&format!("{} more like these", complaints - COMPLAINTS_MAX));
        }
        let not_shown = metrics.not_shown;
        let (shown, delivered) =
            metrics.finish(terminal_width(), Duration::from_secs(self.args.timeout_s));
        let account = self.forwarder.account();
        Books {
            account,
            logs: &logs,
            not_shown,
            delivered: delivered.as_ref(),
        }
        .say(self.args.account);
        let refused = account.refused_total() + account.envelopes_refused_total() > 0;
        let arrived = delivered.is_none_or(|delivered| delivered.is_complete()) && logs.lost == 0;
        let bad = failed || !arrived || (self.args.strict && refused);
        match shown {
            // Whoever read the output has enough of it.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                say::line(&format!("cannot write standard output: {error}"));
                ExitCode::from(1)
            }
            _ if stopped => self.stop.exit_code(),
            _ => ExitCode::from(u8::from(bad)),
        }
    }
}

fn shop<'w>(
    forwarder: &'w mut Forwarder,
    known: &'w mut Known,
    sinks: &'w mut Sinks,
) -> Workshop<'w> {
    Workshop {
        forwarder,
        functions: known.functions(),
        output: sinks,
    }
}
