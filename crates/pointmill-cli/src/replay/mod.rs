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
//! | 130, 143 | Ctrl-C, SIGTERM: what had been read has been sent |

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args as ClapArgs;
use pointmill::{Config, Engine, Flush, Kind};
use pointmill_wire::{EncodeConfig, Encoder};

use crate::http::{Client, URL};
use crate::report::input::{self, ReadAhead};
use crate::report::read;
use crate::report::text::printable;
use crate::stop::Stop;

const EXAMPLES: &str = "\
Examples:
  A month of flights, a day a second, with the page open:
    pointmill replay --name flight.delay --value delay_min --time unix_s \\
        --tags origin,destination --speed 86400 flights.csv.gz

  As fast as it goes, as if it had begun now:
    pointmill replay --name flight.delay --value delay_min --time unix_s --now flights.csv.gz

Exit status: 0 everything was sent, 1 a file or the intake failed, 2 wrong arguments, 130 and 143
stopped by Ctrl-C and SIGTERM after sending what had been read.";

/// Sends the points of CSV files to an intake as sketches, at a chosen speed
///
/// The files are read one after the other; rows should be in the order of their time. A row that has
/// more or fewer cells than the header, or whose value or time is no number, is counted and left out.
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
    let say = |text: &str| eprintln!("pointmill: {text}");
    let mut replay = match Replay::new(args, Stop::on_signals_or(say)) {
        Ok(replay) => replay,
        Err((status, error)) => {
            say(&error);
            return ExitCode::from(status);
        }
    };
    let outcome = replay.files(args);
    if let Err((_, error)) = &outcome {
        say(error);
    }
    if replay.read > 0 || outcome.is_ok() {
        say(&replay.summary());
    }
    match outcome {
        Err((status, _)) => ExitCode::from(status),
        Ok(()) if replay.stop.is_raised() => replay.stop.exit_code(),
        Ok(()) => ExitCode::SUCCESS,
    }
}

/// How much of a header is shown where a column is missing.
const HEAD_CHARS: usize = 500;

type Failure = (u8, String);

fn failed(error: impl ToString) -> Failure {
    (1, error.to_string())
}

struct Replay {
    stop: Stop,
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
    rows_since_flush: u64,
    read: u64,
    left_out: u64,
    sent: u64,
    bodies: u64,
}

/// Length of an interval: an Agent's.
const INTERVAL_S: i64 = 10;

/// Rows between two flushes at full speed.
const FLUSH_POINTS: u64 = 200_000;

impl Replay {
    fn new(args: &Args, stop: Stop) -> Result<Replay, Failure> {
        let mut config = EncodeConfig::default();
        config.set("format", "sketches").map_err(failed)?;
        Ok(Replay {
            stop,
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
            rows_since_flush: 0,
            read: 0,
            left_out: 0,
            sent: 0,
            bodies: 0,
        })
    }

    /// All files, and what is left at the end.
    fn files(&mut self, args: &Args) -> Result<(), Failure> {
        for file in &args.files {
            let read = self.file(args, file);
            if read.is_err() {
                // What stood before the damage is sent; the damage is the error.
                let _ = self.flush(i64::MAX / 2, Flush::All);
                return read;
            }
        }
        self.flush(i64::MAX / 2, Flush::All)
    }

    fn file(&mut self, args: &Args, path: &Path) -> Result<(), Failure> {
        let named =
            |error: &dyn ToString| (1, format!("{}: {}", path.display(), error.to_string()));
        input::check(path).map_err(|error| named(&error))?;
        let plain = input::open(path).map_err(|error| named(&error))?;
        let plain = ReadAhead::spawn(plain, self.stop.flag()).map_err(|error| named(&error))?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(plain);
        let head = reader.byte_headers().map_err(|error| named(&error))?;
        let head: Vec<String> = head.iter().map(shown).collect();
        let column = |name: &str| {
            let missing = || match head.is_empty() {
                true => (1, format!("{}: is empty", path.display())),
                false => {
                    let columns: String = head.join(", ").chars().take(HEAD_CHARS).collect();
                    let file = path.display();
                    (
                        2,
                        format!("{file}: no column {name:?}; there are {columns}"),
                    )
                }
            };
            let at = head.iter().position(|cell| cell == name);
            at.ok_or_else(missing)
        };
        let (value, time) = (column(&args.value)?, column(&args.time)?);
        let tags = args
            .tags
            .iter()
            .map(|name| Ok((name.as_str(), column(name)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let mut row = csv::ByteRecord::new();
        let mut parts: Vec<Vec<u8>> = Vec::new();
        while !self.stop.is_raised() {
            match reader.read_byte_record(&mut row) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) if self.stop.is_raised() => break,
                Err(error) => return Err(named(&error)),
            }
            self.read += 1;
            let number = |at: usize| read::number(row[at].trim_ascii()).filter(|v| v.is_finite());
            let numbers = (row.len() == head.len()).then(|| number(value).zip(number(time)));
            let Some((v, at)) = numbers.flatten() else {
                self.left_out += 1;
                continue;
            };
            let at = at.floor() as i64;
            self.advance(args, at)?;
            parts.clear();
            for (name, column) in &tags {
                let cell = row[*column].trim_ascii();
                if !cell.is_empty() {
                    parts.push([name.as_bytes(), b":", cell].concat());
                }
            }
            let Some(engine) = &self.engine else { continue };
            let recorded = engine
                .context(Kind::Distribution, &args.name, &parts)
                .and_then(|context| engine.record_at(context, v, at + self.shift));
            self.left_out += u64::from(recorded.is_err());
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
            let engine = Engine::new(&config, at + self.shift).map_err(failed)?;
            // A name that cannot be used would leave every row out.
            let named = engine.context(Kind::Distribution, &args.name, &[] as &[&str]);
            named.map_err(|error| (2, format!("--name {:?}: {error}", args.name)))?;
            self.engine = Some(engine);
        }
        let first = self.first.unwrap_or(at);
        if let Some(speed) = args.speed {
            let due = self.started
                + Duration::from_secs_f64(((at - first).max(0) as f64 / speed).min(1e9));
            // What waits is sent before a pause that somebody could see.
            if due.saturating_duration_since(Instant::now()) > Duration::from_millis(200) {
                self.flush(at + self.shift, Flush::Closed)?;
            }
            self.stop.sleep_until(due);
        }
        // At high speed many intervals go together, as many as fill a body well.
        let over = at + self.shift - self.flushed_to;
        self.rows_since_flush += 1;
        if over >= INTERVAL_S
            && (args.speed.is_some_and(|speed| (over as f64) >= speed / 5.0)
                || self.rows_since_flush >= FLUSH_POINTS)
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
        self.rows_since_flush = 0;
        let snapshot = engine.flush(now, which);
        if snapshot.is_empty() {
            return Ok(());
        }
        let payloads = self
            .encoder
            .encode(&snapshot, &self.config)
            .map_err(failed)?;
        for payload in &payloads.payloads {
            let id = format!("replay-{:x}-{}", self.run, self.bodies + 1);
            self.client.post(payload, &id).map_err(|error| (1, error))?;
            self.bodies += 1;
            self.sent += payload.points;
        }
        self.left_out += payloads
            .skipped
            .iter()
            .map(|skipped| skipped.points)
            .sum::<u64>();
        self.encoder.recycle(payloads);
        Ok(())
    }

    fn summary(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let (sent, bodies) = (self.sent, self.bodies);
        let mut text = format!("{sent} points in {bodies} bodies sent in {seconds:.1} s");
        let mut add = |n: u64, what: &str| {
            if n > 0 {
                text.push_str(&format!("; {n} {what}"));
            }
        };
        add(self.left_out, "rows left out: no number, or no room");
        add(
            self.read.saturating_sub(self.left_out + self.sent),
            "rows read and not sent",
        );
        let merged = self.engine.as_ref().map_or(0, |e| e.stats().overflowed);
        add(
            merged,
            "points under pointmill.overflow:true: there were more tag sets than fit",
        );
        if self.stop.is_raised() {
            text.push_str("; stopped before the end");
        }
        text
    }
}

/// A column's name, harmless.
fn shown(cell: &[u8]) -> String {
    printable(String::from_utf8_lossy(cell).trim())
}
