//! The verb itself: arguments, files, progress, notes, and what the shell is told at the end.
//!
//! | status | means |
//! | --- | --- |
//! | 0 | done; bad lines were shown and counted |
//! | 1 | an input or output failed, or with `--strict` a line was bad |
//! | 2 | the arguments do not fit each other or the input |
//! | 130, 143 | Ctrl-C, SIGTERM: the report covers what had been read |

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args as ClapArgs, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::format::InputFormat;
use super::input::{self, ReadAhead, STDIN};
use super::percentile::Percentile;
use super::table::terminal_width;
use super::{Options, Report, ReportError, Session, csv, html, json, payload, table};
use crate::stop::Stop;

/// Bad lines shown one by one before only their number is.
const COMPLAINTS_MAX: u64 = 100;

const EXAMPLES: &str = "\
Examples:
  Percentiles of one column, by one tag, from a packed file:
    pointmill report --name flight.delay --value delay_min --time unix_s \\
        --tags origin,destination --by origin flights.csv.gz

  The ten busiest rows, each with a drawing of its distribution:
    pointmill report --top 10 --plot captured.dogstatsd

  All tags merged, other percentiles, for another program:
    pointmill report --by '' --percentiles 50,99,99.9 --format json app.log

  Numbers from a pipe:
    awk '{print $NF}' access.log | pointmill report --name request.bytes

  Charts over time and of the shape, in one file for a browser, split by one tag:
    pointmill report --html flights.html --name flight.delay --value delay_min --time unix_s \\
        --tags origin,destination --by origin flights.csv.gz

  The payloads that would be sent, one file each, with a manifest.json:
    pointmill report --payload ./payloads captured.dogstatsd

Input formats (guessed unless --input says so):
  dogstatsd   page.views:1|c|@0.5|#env:prod,region:eu
  loglines    {\"m\":\"page.load\",\"v\":12.5,\"e\":1700000000,\"t\":[\"env:prod\"]}
  csv         a header, then a point a row; --value names the column of the values
  values      bare numbers, separated by line ends, spaces or commas

Each percentile is within 1/129 (0.8 %) of the exact element of its rank. Rows of counts have
the total as sum; rows of gauges have the values at the ends of ten-second intervals.

Exit status: 0 done, 1 a file failed or (with --strict) a line was bad, 2 wrong arguments,
130 and 143 stopped by Ctrl-C and SIGTERM after printing what had been read.";

/// Aggregates files of points and prints count, min, avg, max, sum and percentiles
///
/// Reads DogStatsD text, JSON log lines, CSV or bare numbers, plain, gzip or zstd, from files or
/// standard input, and prints a row per metric and tag set. A bad line is shown as
/// "file:line: cause" and counted; the run goes on.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Files to read, plain or packed with gzip or zstd; - or none is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The format of the input; guessed if not given
    #[arg(long, value_enum, value_name = "FORMAT")]
    input: Option<InputFormat>,

    /// The metric's name, for csv (default: the value's column) and values (default: values)
    #[arg(long, value_name = "N")]
    name: Option<String>,

    /// CSV: the column with the points' values
    #[arg(long, value_name = "COL")]
    value: Option<String>,

    /// CSV: the column with the points' times, in Unix seconds
    #[arg(long, value_name = "COL")]
    time: Option<String>,

    /// CSV: the columns that become tags, COL:cell; an empty cell gives no tag
    #[arg(long, value_name = "COL,COL", value_delimiter = ',')]
    tags: Vec<String>,

    /// Keep only the tags with these keys and merge over all others; '' merges everything
    #[arg(long, value_name = "TAGKEY,…")]
    by: Option<String>,

    /// The percentiles to print, from 0 to 100
    #[arg(
        long,
        value_name = "P,…",
        value_delimiter = ',',
        default_value = "50,75,95,99"
    )]
    percentiles: Vec<Percentile>,

    /// How to print the rows
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
    format: OutputFormat,

    /// Draw the distribution of every row below the table
    #[arg(long)]
    plot: bool,

    /// Only the N rows with the highest counts of each metric
    #[arg(long, value_name = "N")]
    top: Option<usize>,

    /// Write the encoded payloads into DIR, one file each, with a manifest.json
    #[arg(long, value_name = "DIR")]
    payload: Option<PathBuf>,

    /// Write charts into FILE, one page that needs no network; --by chooses what splits them
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// End with status 1 if any line was bad
    #[arg(long)]
    strict: bool,
}

/// How to print the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// For eyes, within the width of the terminal (or of $COLUMNS, or 80)
    Table,
    /// {"rows":[{"metric":…,"kind":…,"tags":[…],"count":…,…}],"ledger":{…}}
    Json,
    /// metric,kind,tags,count,min,max,sum,avg,p50,…,last
    Csv,
}

/// Runs the verb; messages go to standard error.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match Run::new(args).and_then(|run| run.execute()) {
        Ok(code) => code,
        // Whoever read the output has enough of it.
        Err(ReportError::Write { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            note(&error.to_string());
            ExitCode::from(if matches!(error, ReportError::Usage(_)) {
                2
            } else {
                1
            })
        }
    }
}

fn note(text: &str) {
    // A standard error that is gone cannot be told so.
    let _ = writeln!(io::stderr().lock(), "pointmill: {text}");
}

impl Args {
    fn options(&self) -> Options {
        let keys = |list: &String| {
            let keys = list.split(',').map(|key| key.trim().to_owned());
            keys.filter(|key| !key.is_empty()).collect()
        };
        let mut percentiles = self.percentiles.clone();
        // A column has one name, so it stands once.
        let mut seen = Vec::new();
        percentiles.retain(|p| {
            let new = !seen.contains(&p.label().to_owned());
            seen.push(p.label().to_owned());
            new
        });
        Options {
            input: self.input,
            name: self.name.clone(),
            value: self.value.clone(),
            time: self.time.clone(),
            tags: self
                .tags
                .iter()
                .filter(|tag| !tag.trim().is_empty())
                .cloned()
                .collect(),
            by: self.by.as_ref().map(keys),
            percentiles,
            top: self.top,
            keep_snapshot: self.payload.is_some(),
            collect: self.html.is_some(),
        }
    }
}

struct Run<'a> {
    args: &'a Args,
    files: Vec<PathBuf>,
    options: Options,
    html: Option<html::Target>,
    stop: Stop,
    progress: ProgressBar,
}

impl<'a> Run<'a> {
    fn new(args: &'a Args) -> Result<Run<'a>, ReportError> {
        if args.plot && args.format != OutputFormat::Table {
            let what = "--plot draws below a table; leave it or --format out";
            return Err(ReportError::Usage(what.to_owned()));
        }
        // Every file is looked at before the work begins.
        let stdin = [PathBuf::from(STDIN)];
        let files = if args.files.is_empty() {
            stdin.to_vec()
        } else {
            args.files.clone()
        };
        let sizes = files
            .iter()
            .map(|file| input::check(file).map_err(|e| read_error(file, e)));
        let sizes = sizes.collect::<Result<Vec<_>, _>>()?;
        if let Some(dir) = &args.payload {
            payload::prepare(dir)?;
        }
        let html = args.html.as_deref().map(html::Target::new).transpose()?;
        let stop = Stop::on_signals_or(note);
        Ok(Run {
            args,
            files,
            options: args.options(),
            html,
            stop,
            progress: progress(sizes.into_iter().sum()),
        })
    }

    fn execute(mut self) -> Result<ExitCode, ReportError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        let mut session = Session::new(&self.options, i64::try_from(now).unwrap_or(i64::MAX))?;
        let mut shown = 0;
        let progress = self.progress.clone();
        session.on_bad_line(move |complaint| {
            shown += 1;
            if shown <= COMPLAINTS_MAX {
                progress.suspend(|| {
                    let _ = writeln!(io::stderr().lock(), "{complaint}");
                });
            }
        });
        let outcome = self.read_files(&mut session);
        self.progress.finish_and_clear();
        let failed = outcome?;
        let report = session.finish();
        let stopped = self.stop.is_raised();
        if stopped {
            note("stopped before the end; this is the report of what had been read");
        }
        // A report whose every input failed has nothing to say.
        if failed < self.files.len() {
            self.print(&report)?;
        }
        if let (Some(dir), Some(snapshot)) = (&self.args.payload, &report.snapshot) {
            let written = payload::write(snapshot, dir)?;
            note(&format!(
                "{} payloads, {} bytes, in {}",
                written.payloads,
                written.bytes,
                dir.display()
            ));
            if written.skipped_points > 0 {
                note(&format!(
                    "{} points are in no payload; {} names the causes",
                    written.skipped_points,
                    payload::MANIFEST
                ));
            }
        }
        if let (Some(target), Some(collected)) = (self.html.take(), &report.collected) {
            let title = self.title();
            let bytes = target.write(&title, collected, &report, &self.options)?;
            let path = self.args.html.as_deref().unwrap_or(Path::new(""));
            note(&format!("{bytes} bytes in {}", path.display()));
        }
        self.say_what_is_not_in_the_rows(&report);
        let strict = self.args.strict && report.ledger.bad_lines() > 0;
        Ok(match (stopped, failed > 0 || strict) {
            (true, _) => self.stop.exit_code(),
            (false, true) => ExitCode::from(1),
            (false, false) => ExitCode::SUCCESS,
        })
    }

    /// How many inputs could not be read to their end; each has been named.
    fn read_files(&self, session: &mut Session<'_>) -> Result<usize, ReportError> {
        if self.files.iter().any(|file| file.as_os_str() == STDIN) && io::stdin().is_terminal() {
            note("reading standard input; end it with Ctrl-D, or see pointmill report --help");
        }
        let mut failed = 0;
        for file in &self.files {
            if self.stop.is_raised() {
                break;
            }
            match self.read_file(file, session) {
                Ok(()) => {}
                Err(error @ ReportError::Read { .. }) => {
                    failed += 1;
                    self.progress.suspend(|| note(&error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(failed)
    }

    fn read_file(&self, file: &Path, session: &mut Session<'_>) -> Result<(), ReportError> {
        let label = match file.as_os_str() == STDIN {
            true => "stdin".to_owned(),
            false => file.display().to_string(),
        };
        let packed = input::open(file).map_err(|e| read_error(file, e))?;
        let packed = Box::new(self.progress.wrap_read(packed));
        let source =
            ReadAhead::spawn(packed, self.stop.flag()).map_err(|source| ReportError::Read {
                file: label.clone(),
                source,
            })?;
        match session.read(&label, source) {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.progress.suspend(|| note(&format!("{label} is empty")));
                Ok(())
            }
            // Not the file's fault, and said once for all files.
            Err(ReportError::Read { .. }) if self.stop.is_raised() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What a page is headed with: the files' names without their folders.
    fn title(&self) -> String {
        let name = |file: &PathBuf| match file.file_name() {
            Some(name) if file.as_os_str() != STDIN => name.to_string_lossy().into_owned(),
            _ => "standard input".to_owned(),
        };
        let mut names: Vec<String> = self.files.iter().take(3).map(name).collect();
        if self.files.len() > names.len() {
            names.push(format!("{} more", self.files.len() - names.len()));
        }
        names.join(", ")
    }

    fn print(&self, report: &Report) -> Result<(), ReportError> {
        let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
        let written = match self.args.format {
            OutputFormat::Table => table::write(report, terminal_width(), self.args.plot, &mut out),
            OutputFormat::Json => json::write(report, &mut out),
            OutputFormat::Csv => csv::write(report, &mut out),
        };
        written
            .and_then(|()| out.flush())
            .map_err(|source| ReportError::Write {
                file: "standard output".to_owned(),
                source,
            })
    }

    fn say_what_is_not_in_the_rows(&self, report: &Report) {
        let ledger = &report.ledger;
        let list = |counts: &mut dyn Iterator<Item = (&str, u64)>| {
            let counts = counts
                .filter(|(_, n)| *n > 0)
                .map(|(what, n)| format!("{n} {what}"));
            counts.collect::<Vec<_>>().join(", ")
        };
        if ledger.bad_lines() > 0 {
            let causes = list(&mut ledger.causes());
            let lines = (ledger.bad_lines(), ledger.lines());
            note(&format!(
                "{} of {} lines were bad ({causes})",
                lines.0, lines.1
            ));
        }
        let others = list(&mut ledger.not_aggregated().into_iter());
        if !others.is_empty() {
            note(&format!("read but not aggregated: {others}"));
        }
        let stats = ledger.stats();
        if stats.overflowed > 0 {
            note(&format!(
                "{} points are in rows tagged pointmill.overflow:true, because there were more tag sets than fit; merge tags with --by",
                stats.overflowed
            ));
        }
        if stats.dropped() > 0 {
            note(&format!(
                "{} points were lost for want of memory",
                stats.dropped()
            ));
        }
        if !ledger.balanced() {
            note("the books do not balance; please report this with the ledger of --format json");
        }
    }
}

fn read_error(file: &Path, source: io::Error) -> ReportError {
    ReportError::Read {
        file: file.display().to_string(),
        source,
    }
}

/// Progress on standard error, invisible unless that is a terminal: a bar if the number of bytes
/// is known, else a spinner that counts them.
fn progress(bytes: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(match bytes {
        Some(_) => "{bytes} of {total_bytes} {wide_bar} {eta}",
        None => "{spinner} {bytes} read, {bytes_per_sec}",
    });
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
