//! One reader a format: lines in, points out, and a complaint for every line that is neither a
//! point nor known to carry none.

mod csv_rows;
mod dogstatsd;
mod log_lines;
mod values;

pub(super) use values::items;

use std::collections::HashMap;
use std::io::{self, Read};

use pointmill::{ContextId, RecordError};

use super::aggregate::{Aggregator, Point};
use super::format::InputFormat;
use super::ledger::{Ledger, LineError};
use super::lines::Lines;
use super::{Options, ReportError};

/// Raw tags remembered with their contexts before the memory starts anew: a bound for inputs in
/// which every line has tags of its own.
const CACHE_MAX: usize = 1 << 20;

/// Where a reader puts what it reads.
pub(super) struct Sink<'s> {
    pub(super) aggregator: &'s mut Aggregator,
    pub(super) ledger: &'s mut Ledger,
    /// Shows a bad line, already put into words.
    pub(super) complain: &'s mut dyn FnMut(&str),
    /// The input's name in complaints.
    pub(super) file: &'s str,
}

impl Sink<'_> {
    fn bad_line(&mut self, line: u64, error: &LineError) {
        self.ledger.bad_line(error);
        (self.complain)(&format!("{}:{line}: {error}", self.file));
    }
}

/// Reads all of `lines`.
///
/// # Errors
/// The stream's, named after the file, and options that do not fit the file.
pub(super) fn read<R: Read>(
    format: InputFormat,
    lines: &mut Lines<R>,
    options: &Options,
    sink: &mut Sink<'_>,
) -> Result<(), ReportError> {
    match format {
        InputFormat::Dogstatsd => dogstatsd::read(lines, sink),
        InputFormat::Loglines => log_lines::read(lines, sink),
        InputFormat::Csv => csv_rows::read(lines, options, sink),
        InputFormat::Values => values::read(lines, options, sink),
    }
}

fn stream_error(file: &str, error: io::Error) -> ReportError {
    ReportError::Read {
        file: file.to_owned(),
        source: error,
    }
}

/// Contexts by the raw bytes their lines have for them, so that a known line costs one look-up
/// and no tag is taken apart twice.
#[derive(Default)]
struct ContextCache {
    by_raw: HashMap<Vec<u8>, ContextId, ahash::RandomState>,
}

impl ContextCache {
    /// The context remembered for `raw`, or the one that `intern` makes of it.
    fn get(
        &mut self,
        raw: &[u8],
        intern: impl FnOnce() -> Result<ContextId, RecordError>,
    ) -> Result<ContextId, RecordError> {
        if let Some(context) = self.by_raw.get(raw) {
            return Ok(*context);
        }
        let context = intern()?;
        if self.by_raw.len() >= CACHE_MAX {
            self.by_raw.clear();
        }
        self.by_raw.insert(raw.to_vec(), context);
        Ok(context)
    }
}

/// The number in `text`, spaces around it allowed. NaN and infinities are numbers here; the engine
/// refuses them with its own words.
pub(super) fn number(text: &[u8]) -> Option<f64> {
    core::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

/// Unix seconds, whole or with a fraction, which is dropped downwards.
fn unix_seconds(text: &[u8]) -> Option<i64> {
    let text = core::str::from_utf8(text.trim_ascii()).ok()?;
    if let Ok(whole) = text.parse() {
        return Some(whole);
    }
    let seconds: f64 = text.parse().ok()?;
    // Doubles of this size hold every second exactly, and the cast cannot saturate.
    (seconds.abs() < 9e15).then(|| seconds.floor() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_or_rounded_down() {
        for (text, seconds) in [
            (&b"978307260"[..], Some(978_307_260)),
            (b" 1.9 ", Some(1)),
            (b"-0.5", Some(-1)),
            (b"1e9", Some(1_000_000_000)),
            (b"", None),
            (b"inf", None),
            (b"nan", None),
            (b"1e300", None),
            (b"2001-01-01", None),
            (b"\xff", None),
        ] {
            assert_eq!(unix_seconds(text), seconds, "{text:?}");
        }
    }
}
