//! Bare numbers, separated by spaces, commas or semicolons, any number a line.

use std::io::Read;

use pointmill::Kind;

use super::{Lines, Point, ReportError, Sink, number, stream_error};
use crate::report::Options;
use crate::report::ledger::LineError;
use crate::report::lines::Step;

/// The metric's name unless `--name` gives another.
const NAME: &str = "values";

pub(super) fn read<R: Read>(
    lines: &mut Lines<R>,
    options: &Options,
    sink: &mut Sink<'_>,
) -> Result<(), ReportError> {
    let name = options.name.as_deref().unwrap_or(NAME);
    let context = sink
        .aggregator
        .context(Kind::Distribution, name, &mut Vec::new())
        .map_err(|error| ReportError::Usage(format!("--name {name}: {error}")))?;
    loop {
        let step = lines.advance().map_err(|e| stream_error(sink.file, e))?;
        sink.ledger.set_lines(lines.count());
        // A line's numbers count whatever stands between them; the line is bad all the same.
        let mut bad = None;
        match step {
            Step::End => return Ok(()),
            Step::TooLong => bad = Some(LineError::TooLong),
            Step::Line => {
                for text in items(lines.line()) {
                    let outcome = match number(text) {
                        None => Err(LineError::not_a_number(text)),
                        Some(value) => sink
                            .aggregator
                            .record(
                                context,
                                Point {
                                    value,
                                    unix_s: None,
                                    rate: None,
                                },
                            )
                            .map_err(LineError::from),
                    };
                    bad = bad.or(outcome.err());
                }
            }
        }
        if let Some(error) = bad {
            sink.bad_line(lines.number(), &error);
        }
    }
}

/// What stands between separators.
pub(in crate::report) fn items(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| b.is_ascii_whitespace() || matches!(b, b',' | b';'))
        .filter(|t| !t.is_empty())
}
