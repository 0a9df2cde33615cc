//! `pointmill replay`: sends a file of points to an intake, at a chosen speed.
//!
//! ```text
//! CSV row by row ──▶ engine ──▶ whenever an interval of the file's time is over: flush ──▶ encode ──▶ POST
//! ```
//!
//! | status | means |
//! | --- | --- |
//! | 0 | everything was sent |
//! | 1 | a file cannot be read, or the intake cannot be reached or refuses a body |
//! | 2 | the arguments do not fit the file |

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args as ClapArgs;
use pointmill::{Config, Engine, Flush, Kind};
use pointmill_wire::{EncodeConfig, Encoder};

use crate::http::{Client, URL};
use crate::report::input;

const EXAMPLES: &str = "\
Examples:
  A month of flights, a day a second, with the page open:
    pointmill replay --name flight.delay --value delay_min --time unix_s \\
        --tags origin,destination --speed 86400 flights.csv.gz

  As fast as it goes, as if it had begun now:
    pointmill replay --name flight.delay --value delay_min --time unix_s --now flights.csv.gz

Exit status: 0 everything was sent, 1 a file or the intake failed, 2 wrong arguments.";

/// Sends the points of CSV files to an intake as sketches, at a chosen speed
///
/// The files are read one after the other; rows should be in the order of their time. A row whose
/// value or time is no number is counted and left out.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// CSV files with a header, plain or packed with gzip or zstd; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The intake's address
    #[arg(long, value_name = "URL", default_value = URL)]
    url: String,

    /// The intake's key
    #[arg(
        long,
        value_name = "KEY",
        env = "POINTMILL_API_KEY",
        hide_env_values = true
    )]
    api_key: Option<String>,

    /// The metric's name
    #[arg(long, value_name = "N")]
    name: String,

    /// The column with the values
    #[arg(long, value_name = "COL")]
    value: String,

    /// The column with the times, in Unix seconds
    #[arg(long, value_name = "COL")]
    time: String,

    /// The columns that become tags, COL:cell; an empty cell gives no tag
    #[arg(long, value_name = "COL,COL", value_delimiter = ',')]
    tags: Vec<String>,

    /// Seconds of the file's time in a second: 1 as it happened, 86400 a day a second; as fast as
    /// it goes without
    #[arg(long, value_name = "X", value_parser = speed)]
    speed: Option<f64>,

    /// Shift the times so that the first point is now
    #[arg(long)]
    now: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text
        .parse::<f64>()
        .ok()
        .filter(|x| *x > 0.0 && x.is_finite());
    speed.ok_or_else(|| format!("{text:?} is no speed; write a number above 0, such as 3600"))
}

/// Runs the verb; messages go to standard error.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let outcome = Replay::new(args).and_then(|mut replay| {
        for file in &args.files {
            replay.file(args, file)?;
        }
        replay.finish()
    });
    match outcome {
        Ok(summary) => {
            eprintln!("pointmill: {summary}");
            ExitCode::SUCCESS
        }
        Err((status, error)) => {
            eprintln!("pointmill: {error}");
            ExitCode::from(status)
        }
    }
}

type Failure = (u8, String);

fn failed(error: impl ToString) -> Failure {
    (1, error.to_string())
}

struct Replay {
    client: Client,
    engine: Option<Engine>,
    encoder: Encoder,
    config: EncodeConfig,
    /// What sets this run's bodies apart from those of others.
    run: u128,
    started: Instant,
    /// The first time in the files, and what is added to every time.
    first: Option<i64>,
    shift: i64,
    flushed_to: i64,
    points: u64,
    left_out: u64,
    bodies: u64,
}

/// Length of an interval: an Agent's.
const INTERVAL_S: i64 = 10;

/// Points between two flushes, if an interval has more or the file's time stands still.
const FLUSH_POINTS: u64 = 200_000;

impl Replay {
    fn new(args: &Args) -> Result<Replay, Failure> {
        let mut config = EncodeConfig::default();
        config.set("format", "sketches").map_err(failed)?;
        Ok(Replay {
            client: Client::new(&args.url, args.api_key.as_deref()).map_err(|error| (2, error))?,
            engine: None,
            encoder: Encoder::new(),
            config,
            run: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |t| t.as_nanos()),
            started: Instant::now(),
            first: None,
            shift: 0,
            flushed_to: i64::MIN,
            points: 0,
            left_out: 0,
            bodies: 0,
        })
    }

    fn file(&mut self, args: &Args, path: &Path) -> Result<(), Failure> {
        let named =
            |error: &dyn ToString| (1, format!("{}: {}", path.display(), error.to_string()));
        let plain = input::open(path)
            .and_then(input::unpack)
            .map_err(|error| named(&error))?;
        let mut reader = csv::Reader::from_reader(plain);
        let head = reader.headers().map_err(|error| named(&error))?.clone();
        let column = |name: &str| {
            head.iter().position(|cell| cell == name).ok_or_else(|| {
                let columns: Vec<&str> = head.iter().collect();
                (
                    2,
                    format!(
                        "{}: no column {name:?}; there are {}",
                        path.display(),
                        columns.join(", ")
                    ),
                )
            })
        };
        let (value, time) = (column(&args.value)?, column(&args.time)?);
        let tags = args
            .tags
            .iter()
            .map(|name| Ok((name.as_str(), column(name)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let mut row = csv::StringRecord::new();
        let mut parts: Vec<String> = Vec::new();
        while reader
            .read_record(&mut row)
            .map_err(|error| named(&error))?
        {
            let number = |at: usize| {
                row.get(at)
                    .and_then(|cell| cell.trim().parse::<f64>().ok())
                    .filter(|v| v.is_finite())
            };
            let (Some(v), Some(at)) = (number(value), number(time)) else {
                self.left_out += 1;
                continue;
            };
            let at = at.floor() as i64;
            self.advance(args, at)?;
            parts.clear();
            for (name, column) in &tags {
                if let Some(cell) = row.get(*column).filter(|cell| !cell.is_empty()) {
                    parts.push(format!("{name}:{cell}"));
                }
            }
            let Some(engine) = &self.engine else { continue };
            let recorded = engine
                .context(Kind::Distribution, &args.name, &parts)
                .and_then(|context| engine.record_at(context, v, at + self.shift));
            match recorded {
                Ok(()) => self.points += 1,
                Err(_) => self.left_out += 1,
            }
        }
        Ok(())
    }

    /// Lets the file's time go on to `at`: waits for it, and sends the intervals that are over.
    fn advance(&mut self, args: &Args, at: i64) -> Result<(), Failure> {
        if self.first.is_none() {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |t| t.as_secs() as i64);
            self.shift = if args.now { now - at } else { 0 };
            self.first = Some(at);
            self.flushed_to = at + self.shift;
            let mut config = Config::default();
            for (name, value) in [
                ("contexts_max", "200000"),
                ("arena_bytes", "1073741824"),
                ("past_max_s", "315360000"),
                ("future_max_s", "315360000"),
            ] {
                config.set(name, value).map_err(failed)?;
            }
            self.engine = Some(Engine::new(&config, at + self.shift).map_err(failed)?);
        }
        let first = self.first.unwrap_or(at);
        if let Some(speed) = args.speed {
            let due = self.started
                + Duration::from_secs_f64(((at - first).max(0) as f64 / speed).min(1e9));
            // What waits is sent before a pause that somebody could see.
            if due.saturating_duration_since(Instant::now()) > Duration::from_millis(200) {
                self.flush(at + self.shift, Flush::Closed)?;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        // At high speed many intervals go together, as many as fill a body well.
        let over = at + self.shift - self.flushed_to;
        let waiting = self.points + self.left_out;
        if over >= INTERVAL_S
            && (args.speed.is_some_and(|speed| (over as f64) >= speed / 5.0)
                || waiting.is_multiple_of(FLUSH_POINTS))
        {
            self.flush(at + self.shift, Flush::Closed)?;
        }
        Ok(())
    }

    fn flush(&mut self, now: i64, which: Flush) -> Result<(), Failure> {
        let Some(engine) = &self.engine else {
            return Ok(());
        };
        self.flushed_to = now;
        let snapshot = engine.flush(now, which);
        if snapshot.is_empty() {
            return Ok(());
        }
        let payloads = self
            .encoder
            .encode(&snapshot, &self.config)
            .map_err(failed)?;
        for payload in &payloads.payloads {
            self.bodies += 1;
            let id = format!("replay-{:x}-{}", self.run, self.bodies);
            self.client.post(payload, &id).map_err(|error| (1, error))?;
        }
        self.left_out += payloads
            .skipped
            .iter()
            .map(|skipped| skipped.points)
            .sum::<u64>();
        self.encoder.recycle(payloads);
        Ok(())
    }

    fn finish(&mut self) -> Result<String, Failure> {
        self.flush(i64::MAX / 2, Flush::All)?;
        let seconds = self.started.elapsed().as_secs_f64();
        let left_out = match self.left_out {
            0 => String::new(),
            n => format!("; {n} rows left out: no number, or no room"),
        };
        Ok(format!(
            "{} points in {} bodies sent in {seconds:.1} s{left_out}",
            self.points, self.bodies
        ))
    }
}
