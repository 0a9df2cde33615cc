//! `pointmill intake`: a metrics intake on one's own machine.
//!
//! | status | means |
//! | --- | --- |
//! | 0 | stopped; with `--assert` everything expected has arrived |
//! | 1 | it could not be started, or something expected has not arrived |
//! | 2 | the arguments do not fit each other |

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use pointmill_intake::expect::{Expectations, Finding};
use pointmill_intake::fault::Fault;
use pointmill_intake::query::parse_length;
use pointmill_intake::store::StoreConfig;
use pointmill_intake::{DogstatsdAddress, Intake, IntakeConfig, MEMORY_MIN, Signals};

const EXAMPLES: &str = "\
Examples:
  An intake with a page at http://127.0.0.1:8126/, everything in memory:
    pointmill intake

  Kept for a month in a file, DogStatsD too:
    pointmill intake --store metrics.db --retention 30d --dogstatsd 127.0.0.1:8125

  In a test: end as soon as all that is expected has arrived, fail after ten seconds:
    pointmill intake --assert expected.toml --until-met --for 10s

  A receiver in trouble: twice 503, then a cut connection, then slow:
    pointmill intake --fault status=503,retry_after=1,count=2 --fault reset,count=1 --fault delay=2s

Point clients at it: DD_DD_URL or DD_API_URL=http://127.0.0.1:8126, any key.

Exit status: 0 stopped (and all expectations met), 1 an error or an expectation not met,
2 wrong arguments.";

/// Runs a metrics intake on this machine: takes what Datadog's intake takes, answers percentiles
///
/// Accepts sketches, distribution points, series (v1, v2, JSON and protobuf) and DogStatsD, merges
/// and stores them, and shows them at its address. Stops at Ctrl-C.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Where to listen; give a key before listening on more than this machine
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8126", value_parser = address)]
    listen: SocketAddr,

    /// Keep everything in this SQLite file; in memory without
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,

    /// Delete what is older: 12h, 7d; 0 keeps all
    #[arg(long, value_name = "LENGTH", default_value = "7d", value_parser = retention)]
    retention: u64,

    /// Take DogStatsD at 127.0.0.1:8125, unix:PATH or unixstream:PATH; may be given several times
    #[arg(long, value_name = "ADDRESS", value_parser = DogstatsdAddress::parse)]
    dogstatsd: Vec<DogstatsdAddress>,

    /// Refuse requests without this key
    #[arg(
        long,
        value_name = "KEY",
        env = "POINTMILL_API_KEY",
        hide_env_values = true
    )]
    api_key: Option<String>,

    /// Do this to clients: status=503,retry_after=1 | delay=2s | reset | hang, with count=, skip=,
    /// path=, stored; may be given several times
    #[arg(long, value_name = "FAULT", value_parser = Fault::parse)]
    fault: Vec<Fault>,

    /// Check what has arrived against these expectations, when it ends
    #[arg(long, value_name = "FILE")]
    assert: Option<PathBuf>,

    /// End as soon as all expectations are met
    #[arg(long, requires = "assert")]
    until_met: bool,

    /// End after this long
    #[arg(long = "for", value_name = "LENGTH", value_parser = parse_length)]
    lasting_s: Option<i64>,

    /// Length of an interval in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    interval: u32,

    /// Most memory, all together: 512MiB, 2GiB
    #[arg(long, value_name = "BYTES", default_value = "1GiB", value_parser = bytes)]
    memory_max: u64,

    /// Most bytes of the file; 0 for as many as the disk has
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = bytes)]
    store_max: u64,

    /// Most contexts (metrics with their tags)
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    contexts_max: usize,

    /// Refuse points over an hour old or over ten minutes ahead, as documented for the intake
    #[arg(long)]
    strict_times: bool,

    /// Write tags in lower case, as the intake does
    #[arg(long)]
    lowercase_tags: bool,

    /// Say nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.replace("localhost:", "127.0.0.1:");
    numeric
        .parse()
        .map_err(|_| format!("{text:?} is no address with a port; write 127.0.0.1:8126"))
}

fn retention(text: &str) -> Result<u64, String> {
    if text == "0" {
        Ok(0)
    } else {
        parse_length(text).map(i64::unsigned_abs)
    }
}

/// Reads a number of bytes with an optional unit.
fn bytes(text: &str) -> Result<u64, String> {
    let at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let unit = match text[at..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => 0,
    };
    let number = text[..at]
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(unit));
    number
        .filter(|_| unit > 0)
        .ok_or_else(|| format!("{text:?} is no number of bytes; write 512MiB or 2GiB"))
}

/// Runs the verb; messages go to standard error, findings to standard output.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let say = |text: &str| eprintln!("pointmill: {text}");
    if args.memory_max < MEMORY_MIN as u64 {
        say(&format!(
            "--memory-max must be at least {} MiB: the largest body must fit",
            MEMORY_MIN >> 20
        ));
        return ExitCode::from(2);
    }
    let expected = match args.assert.as_deref().map(read_expectations).transpose() {
        Ok(expected) => expected,
        Err(error) => {
            say(&error);
            return ExitCode::from(2);
        }
    };
    let started = Intake::start(config(args)).map_err(|error| error.to_string());
    let started = started.and_then(|intake| {
        let signals = intake.signals().map_err(|error| error.to_string())?;
        Ok((intake, signals))
    });
    let (mut intake, mut signals) = match started {
        Ok(started) => started,
        Err(error) => {
            say(&error);
            return ExitCode::FAILURE;
        }
    };
    if !args.quiet {
        announce(args, &intake);
    }
    let met_early = wait(args, &intake, &mut signals, expected.as_ref());
    // What has been received by now is part of the answer.
    intake.close();
    let findings = met_early.unwrap_or_else(|| check(&intake, expected.as_ref()));
    let met = findings.iter().all(|finding| finding.met);
    for finding in &findings {
        // Whoever read the output has enough of it.
        let _ = writeln!(io::stdout(), "{finding}");
    }
    if !args.quiet {
        let received = intake.received();
        let refused = intake.refused(0).total;
        say(&format!(
            "stopped: {} bodies, {} entries, {} values stored; {refused} refused",
            received.bodies, received.entries, received.values
        ));
    }
    if met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn config(args: &Args) -> IntakeConfig {
    IntakeConfig {
        listen: args.listen,
        dogstatsd: args.dogstatsd.clone(),
        api_key: args.api_key.clone(),
        store: StoreConfig {
            path: args.store.clone(),
            interval_s: args.interval,
            file_bytes_max: args.store_max,
            contexts_max: args.contexts_max,
            retention_s: args.retention,
            ..StoreConfig::default()
        },
        memory_max: usize::try_from(args.memory_max).unwrap_or(usize::MAX),
        strict_times: args.strict_times,
        lower_case_tags: args.lowercase_tags,
        faults: args.fault.clone(),
        ..IntakeConfig::default()
    }
}

fn read_expectations(path: &std::path::Path) -> Result<Expectations, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Expectations::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn announce(args: &Args, intake: &Intake) {
    eprintln!("pointmill: listening on http://{}/", intake.address());
    for address in intake.dogstatsd() {
        eprintln!("pointmill: taking DogStatsD at {address}");
    }
    match &args.store {
        Some(path) => eprintln!("pointmill: stored in {}", path.display()),
        None => eprintln!("pointmill: stored in memory only; --store FILE keeps it"),
    }
    if !intake.address().ip().is_loopback() && args.api_key.is_none() {
        eprintln!(
            "pointmill: warning: everybody who reaches {} can read, write and reset; give --api-key",
            intake.address()
        );
    }
}

/// How often expectations are looked at.
const LOOK: Duration = Duration::from_millis(50);

fn check(intake: &Intake, expected: Option<&Expectations>) -> Vec<Finding> {
    expected.map_or(Vec::new(), |expected| {
        expected.check(intake.store(), intake.refused(0).total)
    })
}

/// Waits for the end: a signal, the end of the time, or with `--until-met` that all that is expected
/// has arrived, and then that is the result.
fn wait(
    args: &Args,
    intake: &Intake,
    signals: &mut Signals,
    expected: Option<&Expectations>,
) -> Option<Vec<Finding>> {
    let end = args
        .lasting_s
        .map(|seconds| Instant::now() + Duration::from_secs(seconds.unsigned_abs()));
    loop {
        if args.until_met {
            let findings = check(intake, expected);
            if findings.iter().all(|finding| finding.met) {
                return Some(findings);
            }
        }
        let left = end.map_or(Duration::from_secs(3_600), |end| {
            end.saturating_duration_since(Instant::now())
        });
        let pause = if args.until_met { left.min(LOOK) } else { left };
        if intake.wait(signals, pause) || end.is_some_and(|end| Instant::now() >= end) {
            return None;
        }
    }
}
