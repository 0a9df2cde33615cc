//! The books of a report: what became of every line and every point.

use core::fmt;
use std::collections::BTreeMap;

use pointmill::{RecordError, Stats};
use pointmill_wire::{DecodeError, dogstatsd};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// What became of every line and point.
///
/// Every line is a point (or several), blank, bad, or of a sort that a report does not aggregate;
/// every point is in a row, or counted under the cause that kept it out.
#[derive(Debug, Default)]
pub struct Ledger {
    lines_before: u64,
    lines_here: u64,
    bad: BTreeMap<&'static str, u64>,
    events: u64,
    service_checks: u64,
    sets: u64,
    stats: Stats,
}

impl Ledger {
    /// Lines read.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines_before + self.lines_here
    }

    /// Lines that were not of the input's format, or whose point was refused.
    #[must_use]
    pub fn bad_lines(&self) -> u64 {
        self.bad.values().sum()
    }

    /// Bad lines by the name of their cause.
    pub fn causes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.bad.iter().map(|(cause, n)| (*cause, *n))
    }

    /// Lines that are well-formed and carry nothing a report adds up: events, service checks,
    /// sets.
    #[must_use]
    pub fn not_aggregated(&self) -> [(&'static str, u64); 3] {
        [
            ("events", self.events),
            ("service_checks", self.service_checks),
            ("sets", self.sets),
        ]
    }

    /// The engine's books; complete once the report is finished.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether no point is unaccounted for.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.stats.balances() && self.stats.pending == 0
    }

    pub(super) fn bad_line(&mut self, error: &LineError) {
        *self.bad.entry(error.name()).or_default() += 1;
    }

    /// Says how many lines of the present input have been read.
    pub(super) fn set_lines(&mut self, lines: u64) {
        self.lines_here = lines;
    }

    pub(super) fn next_input(&mut self) {
        self.lines_before += core::mem::take(&mut self.lines_here);
    }

    pub(super) fn event(&mut self) {
        self.events += 1;
    }

    pub(super) fn service_check(&mut self) {
        self.service_checks += 1;
    }

    pub(super) fn set(&mut self) {
        self.sets += 1;
    }

    pub(super) fn close(&mut self, stats: Stats) {
        self.next_input();
        self.stats = stats;
    }
}

impl Serialize for Ledger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stats = &self.stats;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("lines", &self.lines())?;
        map.serialize_entry("bad_lines", &self.bad_lines())?;
        map.serialize_entry("bad_lines_by_cause", &self.bad)?;
        map.serialize_entry(
            "not_aggregated",
            &self
                .not_aggregated()
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
        )?;
        for (name, n) in [
            ("recorded", stats.recorded),
            ("flushed", stats.flushed),
            ("pending", stats.pending),
            ("rejected_not_finite", stats.rejected_not_finite),
            ("rejected_stale", stats.rejected_stale),
            ("rejected_too_old", stats.rejected_too_old),
            ("rejected_too_new", stats.rejected_too_new),
            ("rejected_invalid_name", stats.rejected_invalid_name),
            ("rejected_no_room", stats.rejected_no_room),
            ("dropped_arena_full", stats.dropped_arena_full),
            ("dropped_stale", stats.dropped_stale),
            ("overflowed", stats.overflowed),
            ("contexts", stats.contexts),
            ("contexts_refused", stats.contexts_refused),
            ("utf8_mended", stats.utf8_mended),
        ] {
            map.serialize_entry(name, &n)?;
        }
        map.serialize_entry("balanced", &self.balanced())?;
        map.end()
    }
}

/// Why a line is bad.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LineError {
    /// Longer than [`LINE_BYTES_MAX`](super::lines::LINE_BYTES_MAX).
    TooLong,
    /// A value that is no number.
    NotANumber(String),
    /// A time that is no Unix time.
    NotATime(String),
    /// A CSV row with too few or too many cells.
    CellCount {
        /// Cells of the row.
        found: usize,
        /// Cells of the header.
        expected: usize,
    },
    /// A CSV cell whose quotes are not closed.
    OpenQuote,
    /// Not DogStatsD.
    Dogstatsd(dogstatsd::ParseError),
    /// Not a metric's log line.
    LogLine(DecodeError),
    /// The engine refused the point.
    Refused(RecordError),
}

impl LineError {
    pub(super) fn not_a_number(text: &[u8]) -> LineError {
        LineError::NotANumber(excerpt(text))
    }

    pub(super) fn not_a_time(text: &[u8]) -> LineError {
        LineError::NotATime(excerpt(text))
    }

    /// A word for the cause, the key under which lines are counted.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            LineError::TooLong => "too_long",
            LineError::NotANumber(_) => "not_a_number",
            LineError::NotATime(_) => "not_a_time",
            LineError::CellCount { .. } => "cell_count",
            LineError::OpenQuote => "open_quote",
            LineError::Dogstatsd(_) => "not_dogstatsd",
            LineError::LogLine(_) => "not_a_metric_log_line",
            LineError::Refused(RecordError::NotFinite) => "not_finite",
            LineError::Refused(RecordError::TooOld) => "too_old",
            LineError::Refused(RecordError::TooNew) => "too_new",
            LineError::Refused(RecordError::InvalidName) => "invalid_name",
            LineError::Refused(RecordError::NoRoom) => "no_room",
            LineError::Refused(_) => "refused",
        }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineError::TooLong => {
                write!(
                    f,
                    "longer than {} bytes; not a line of points",
                    super::lines::LINE_BYTES_MAX
                )
            }
            LineError::NotANumber(text) if text.is_empty() => f.write_str("the value is empty"),
            LineError::NotANumber(text) => write!(f, "{text:?} is not a number"),
            LineError::NotATime(text) if text.is_empty() => f.write_str("the time is empty"),
            LineError::NotATime(text) => {
                write!(
                    f,
                    "{text:?} is not a time; give Unix seconds, such as 978307260"
                )
            }
            LineError::CellCount { found, expected } => {
                let s = if *found == 1 { "" } else { "s" };
                write!(f, "{found} cell{s}, the header has {expected}")
            }
            LineError::OpenQuote => {
                f.write_str("a quote is not closed; double a quote that belongs to a cell")
            }
            LineError::Dogstatsd(error) => error.fmt(f),
            LineError::LogLine(error) => error.fmt(f),
            // The engine's remedies are options that a report has set as high as they go.
            LineError::Refused(RecordError::NotFinite) => {
                f.write_str("the value is NaN or infinite")
            }
            LineError::Refused(RecordError::TooOld | RecordError::TooNew) => {
                f.write_str("the time is out of range; give Unix seconds, not milliseconds")
            }
            LineError::Refused(RecordError::InvalidName) => f.write_str(
                "the metric's name is empty or too long, or a tag is too long; shorten it",
            ),
            LineError::Refused(RecordError::NoRoom) => f.write_str(
                "no room for a further metric name; merge tags with --by or split the input",
            ),
            LineError::Refused(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LineError {}

impl From<RecordError> for LineError {
    fn from(error: RecordError) -> LineError {
        LineError::Refused(error)
    }
}

/// The beginning of `text`, short enough for a message.
pub(super) fn excerpt(text: &[u8]) -> String {
    const CHARS: usize = 60;
    let text = String::from_utf8_lossy(text.trim_ascii());
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}
