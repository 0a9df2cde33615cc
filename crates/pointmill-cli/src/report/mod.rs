//! `pointmill report`: files of points in, percentiles out.
//!
//! ```text
//! file │ stdin ─▶ input: unpack ─▶ lines ─▶ read: points ─▶ aggregate: engine ─▶ groups
//!                                                                                  │
//!             payload files ◀── payload ◀── snapshots        table │ json │ csv ◀─ rows
//!                   page ◀── html ◀── collected
//! ```
//!
//! [`Session`] is the whole of it without files and terminal; [`command`] adds those.
//!
//! ```
//! use pointmill_cli::report::{Options, Session};
//!
//! let by = Some(vec!["route".to_owned()]);
//! let options = Options { by, percentiles: vec!["50".parse()?], ..Options::default() };
//! let mut session = Session::new(&options, 1_700_000_000)?;
//! session.read("memory", &b"latency:12:30|d|#route:a\nlatency:50|d|#route:b\n"[..])?;
//! let report = session.finish();
//! assert_eq!(report.rows.shown[0].count, 2);
//! assert_eq!(report.rows.shown[1].percentiles[0], Some(50.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod aggregate;
pub mod command;
pub mod csv;
pub mod format;
pub mod groups;
pub mod html;
pub mod input;
pub mod json;
pub mod ledger;
pub mod lines;
pub mod payload;
pub mod percentile;
pub mod plot;
pub(crate) mod read;
pub mod rows;
pub mod table;
pub mod text;

use core::fmt;
use std::io::{self, Read};

use pointmill::{ConfigError, Snapshot};
use pointmill_wire::EncodeError;

use pointmill_intake::site::Collected;
use pointmill_intake::store::StoreError;

use aggregate::{Aggregator, Finished, Intervals};
use format::InputFormat;
use ledger::Ledger;
use lines::Lines;
use percentile::Percentile;
use read::Sink;
use rows::Rows;

/// What is asked of a report.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The format of the inputs; `None`: guess ([`format::choose`]).
    pub input: Option<InputFormat>,
    /// The metric's name, for inputs that carry none.
    pub name: Option<String>,
    /// CSV: the column of the values.
    pub value: Option<String>,
    /// CSV: the column of the times.
    pub time: Option<String>,
    /// CSV: the columns that become tags `column:value`.
    pub tags: Vec<String>,
    /// The tag keys that rows keep; `None` keeps all tags, an empty list none.
    pub by: Option<Vec<String>>,
    /// The percentiles of each row; [`Percentile`]s 50, 75, 95 and 99 are the command's default,
    /// here none.
    pub percentiles: Vec<Percentile>,
    /// How many rows of each metric to keep, those with the highest counts.
    pub top: Option<usize>,
    /// Whether [`Report::snapshot`] is wanted.
    pub keep_snapshot: bool,
    /// Whether [`Report::collected`] is wanted.
    pub collect: bool,
}

impl Options {
    /// Whether there is an option that only CSV has a use for.
    fn has_columns(&self) -> bool {
        self.value.is_some() || self.time.is_some() || !self.tags.is_empty()
    }

    /// Only gauges need short intervals, and only DogStatsD has gauges.
    fn intervals(&self) -> Intervals {
        let may_be_dogstatsd = match self.input {
            Some(format) => format == InputFormat::Dogstatsd,
            None => !self.has_columns(),
        };
        if self.keep_snapshot || self.collect || may_be_dogstatsd {
            Intervals::TenSeconds
        } else {
            Intervals::Longest
        }
    }

    /// Refuses options that `format` has no use for, so that none is ignored.
    fn check(&self, file: &str, format: InputFormat) -> Result<(), ReportError> {
        let named = matches!(format, InputFormat::Csv | InputFormat::Values);
        let option = match format {
            InputFormat::Csv => None,
            _ if self.value.is_some() => Some("--value"),
            _ if self.time.is_some() => Some("--time"),
            _ if !self.tags.is_empty() => Some("--tags"),
            _ if self.name.is_some() && !named => Some("--name"),
            _ => None,
        };
        option.map_or(Ok(()), |option| {
            Err(ReportError::Usage(format!(
                "{file} is {}, which has no use for {option}; leave it out or say --input csv",
                format.name()
            )))
        })
    }
}

/// A finished report.
#[derive(Debug)]
pub struct Report {
    /// The rows.
    pub rows: Rows,
    /// The percentiles that each row has.
    pub percentiles: Vec<Percentile>,
    /// What became of every line and point.
    pub ledger: Ledger,
    /// Every series and interval with all its tags, if [`Options::keep_snapshot`] was set.
    pub snapshot: Option<Snapshot>,
    /// All entries over time, if [`Options::collect`] was set.
    pub collected: Option<Collected>,
}

/// Why a report could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReportError {
    /// The options do not fit the input, or each other.
    Usage(String),
    /// An input could not be opened, or read to its end.
    Read {
        /// Its name.
        file: String,
        /// The system's error.
        source: io::Error,
    },
    /// An output could not be written.
    Write {
        /// Its name.
        file: String,
        /// The system's error.
        source: io::Error,
    },
    /// The engine could not be made.
    Engine(ConfigError),
    /// The payloads could not be made.
    Encode(EncodeError),
    /// The page could not be made.
    Page(String),
    /// Entries could not be collected.
    Collect(StoreError),
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReportError::Usage(what) => f.write_str(what),
            ReportError::Read { file, source } => write!(f, "{file}: {source}"),
            ReportError::Write { file, source } => write!(f, "cannot write {file}: {source}"),
            ReportError::Engine(error) => error.fmt(f),
            ReportError::Encode(error) => error.fmt(f),
            ReportError::Page(what) => f.write_str(what),
            ReportError::Collect(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReportError::Usage(_) | ReportError::Page(_) => None,
            ReportError::Read { source, .. } | ReportError::Write { source, .. } => Some(source),
            ReportError::Engine(error) => Some(error),
            ReportError::Encode(error) => Some(error),
            ReportError::Collect(error) => Some(error),
        }
    }
}

/// A report in the making.
pub struct Session<'o> {
    options: &'o Options,
    aggregator: Aggregator,
    ledger: Ledger,
    complain: Box<dyn FnMut(&str) + 'o>,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

impl<'o> Session<'o> {
    /// A report without input yet. `now_unix_s` is the time of points that have none.
    ///
    /// # Errors
    /// [`ReportError::Engine`] or [`ReportError::Collect`] if the system has no memory for it.
    pub fn new(options: &'o Options, now_unix_s: i64) -> Result<Session<'o>, ReportError> {
        let by = options.by.as_deref();
        let intervals = options.intervals();
        let mut aggregator = Aggregator::new(by, intervals, options.keep_snapshot, now_unix_s)
            .map_err(ReportError::Engine)?;
        if options.collect {
            let collected = Collected::new(html::MEMORY_BYTES).map_err(ReportError::Collect)?;
            aggregator.collect_into(collected);
        }
        Ok(Session {
            options,
            aggregator,
            ledger: Ledger::default(),
            complain: Box::new(|_| {}),
        })
    }

    /// Has every bad line shown to `complain`, as `file:line: cause`. Without, they are counted
    /// only.
    pub fn on_bad_line(&mut self, complain: impl FnMut(&str) + 'o) {
        self.complain = Box::new(complain);
    }

    /// Adds all points of `source`, plain bytes that messages call `file`.
    ///
    /// Memory: a quarter megabyte of input at a time, up to
    /// [`LINE_BYTES_MAX`](lines::LINE_BYTES_MAX) for a long line, whatever the length of the
    /// input.
    ///
    /// Returns whether there was a line that is not blank.
    ///
    /// # Errors
    /// [`ReportError::Read`]: the points before the failure are in the report.
    /// [`ReportError::Usage`]: the options do not fit the input; none of its points is.
    pub fn read(&mut self, file: &str, source: impl Read) -> Result<bool, ReportError> {
        let mut lines = Lines::new(source);
        self.ledger.next_input();
        let head = lines.peek().map_err(|source| ReportError::Read {
            file: file.to_owned(),
            source,
        })?;
        let empty = head.trim_ascii().is_empty();
        let Some(format) = format::choose(file, head, self.options)? else {
            // Blank lines only, as far as one can see; whichever reader skips them.
            let format = InputFormat::Values;
            return self.read_lines(format, file, &mut lines).map(|()| false);
        };
        self.options.check(file, format)?;
        self.read_lines(format, file, &mut lines)?;
        Ok(!empty)
    }

    fn read_lines<R: Read>(
        &mut self,
        format: InputFormat,
        file: &str,
        lines: &mut Lines<R>,
    ) -> Result<(), ReportError> {
        let mut sink = Sink {
            aggregator: &mut self.aggregator,
            ledger: &mut self.ledger,
            complain: &mut self.complain,
            file,
        };
        read::read(format, lines, self.options, &mut sink)
    }

    /// Merges, sorts and closes the books.
    #[must_use]
    pub fn finish(self) -> Report {
        let Session {
            options,
            aggregator,
            mut ledger,
            ..
        } = self;
        let Finished {
            groups,
            stats,
            snapshot,
            collected,
        } = aggregator.finish();
        ledger.close(stats);
        Report {
            rows: Rows::new(groups.finish(), &options.percentiles, options.top),
            percentiles: options.percentiles.clone(),
            ledger,
            snapshot,
            collected: collected.map(Collected::settled),
        }
    }
}
