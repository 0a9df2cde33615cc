//! CSV: a header, then one point a row.
//!
//! ```text
//! line without a quote ─▶ cut at commas                          almost every line
//! line with a quote    ─▶ csv-core's state machine ─▶ complete?  ─no─▶ take in the next line
//!                                                     │ 100 lines and still open: bad line
//! ```
//!
//! 1. A quote that is never closed would make one record of the rest of the file. Here it costs
//!    one bad line: the record is given up, and the lines it had taken in are read for themselves.
//! 2. A row with more or fewer cells than the header is damaged, and which of its cells are the
//!    right ones is a guess, so it is a bad line.

use std::io::Read;

use csv_core::ReadRecordResult;
use pointmill::{Kind, tag_key};

use super::{ContextCache, Lines, Point, ReportError, Sink, number, stream_error, unix_seconds};
use crate::report::Options;
use crate::report::ledger::LineError;
use crate::report::lines::Step;

/// Lines a quoted record may span. Cells of metrics have no line breaks at all.
const RECORD_LINES_MAX: u32 = 100;

pub(super) fn read<R: Read>(
    lines: &mut Lines<R>,
    options: &Options,
    sink: &mut Sink<'_>,
) -> Result<(), ReportError> {
    let mut rows = Rows {
        lines,
        cutter: Cutter::new(),
    };
    let Some(columns) = rows.header(options, sink)? else {
        return Ok(());
    };
    let name = options.name.as_deref().unwrap_or(&columns.value_name);
    let mut cache = ContextCache::default();
    let mut raw = Vec::new();
    while let Some(row) = rows.next(sink)? {
        let line = rows.lines.number();
        let outcome = row.and_then(|()| {
            let cells = rows.cutter.cells(rows.lines.line());
            columns.record(&cells, name, &mut cache, &mut raw, sink)
        });
        if let Err(error) = outcome {
            sink.bad_line(line, &error);
        }
    }
    Ok(())
}

/// Which cells of a row matter.
struct Columns {
    width: usize,
    value: usize,
    value_name: String,
    time: Option<usize>,
    tags: Vec<(usize, String)>,
}

impl Columns {
    fn find(header: &[String], options: &Options, sink: &Sink<'_>) -> Result<Columns, ReportError> {
        let file = sink.file;
        let find = |option: &str, wanted: &str| {
            header
                .iter()
                .position(|column| column == wanted.trim())
                .ok_or_else(|| {
                    ReportError::Usage(format!(
                        "{file}: {option} {wanted}: no such column; the columns are {}",
                        header.join(", ")
                    ))
                })
        };
        let Some(value) = &options.value else {
            return Err(ReportError::Usage(format!(
                "{file}: csv needs --value COL, the column with the points' values; the columns are {}",
                header.join(", ")
            )));
        };
        let mut tags = Vec::new();
        for tag in &options.tags {
            let at = find("--tags", tag)?;
            // The cells of a tag that --by drops are not looked at.
            if sink.aggregator.keeps(tag_key(tag.trim()).as_bytes()) {
                tags.push((at, tag.trim().to_owned()));
            }
        }
        Ok(Columns {
            width: header.len(),
            value: find("--value", value)?,
            value_name: value.trim().to_owned(),
            time: options
                .time
                .as_deref()
                .map(|time| find("--time", time))
                .transpose()?,
            tags,
        })
    }

    fn record(
        &self,
        cells: &Cells<'_>,
        name: &str,
        cache: &mut ContextCache,
        raw: &mut Vec<u8>,
        sink: &mut Sink<'_>,
    ) -> Result<(), LineError> {
        if cells.len() != self.width {
            return Err(LineError::CellCount {
                found: cells.len(),
                expected: self.width,
            });
        }
        let value = cells.get(self.value);
        let value = number(value).ok_or_else(|| LineError::not_a_number(value))?;
        let time = |at| {
            let time = cells.get(at);
            unix_seconds(time).ok_or_else(|| LineError::not_a_time(time))
        };
        let unix_s = self.time.map(time).transpose()?;
        raw.clear();
        for (at, _) in &self.tags {
            let cell = cells.get(*at);
            raw.extend_from_slice(&(cell.len() as u32).to_le_bytes());
            raw.extend_from_slice(cell);
        }
        let aggregator = &mut *sink.aggregator;
        let context = cache.get(raw, || {
            let tags: Vec<Vec<u8>> = self
                .tags
                .iter()
                .map(|(at, column)| (cells.get(*at).trim_ascii(), column))
                .filter(|(cell, _)| !cell.is_empty())
                .map(|(cell, column)| [column.as_bytes(), b":", cell].concat())
                .collect();
            let mut tags = tags.iter().map(Vec::as_slice).collect();
            aggregator.context(Kind::Distribution, name, &mut tags)
        })?;
        Ok(aggregator.record(
            context,
            Point {
                value,
                unix_s,
                rate: None,
            },
        )?)
    }
}

/// The rows of a file.
struct Rows<'l, R> {
    lines: &'l mut Lines<R>,
    cutter: Cutter,
}

impl<R: Read> Rows<'_, R> {
    /// The columns, or `None` if the file has no line.
    fn header(
        &mut self,
        options: &Options,
        sink: &mut Sink<'_>,
    ) -> Result<Option<Columns>, ReportError> {
        let Some(row) = self.next(sink)? else {
            return Ok(None);
        };
        row.map_err(|error| {
            let line = self.lines.number();
            ReportError::Usage(format!("{}:{line}: no header: {error}", sink.file))
        })?;
        let cells = self.cutter.cells(self.lines.line());
        let header: Vec<String> = (0..cells.len())
            .map(|i| String::from_utf8_lossy(cells.get(i).trim_ascii()).into_owned())
            .collect();
        Columns::find(&header, options, sink).map(Some)
    }

    /// Goes to the next row that is not blank and cuts it; `None` at the end.
    fn next(&mut self, sink: &mut Sink<'_>) -> Result<Option<Result<(), LineError>>, ReportError> {
        loop {
            let step = self.lines.advance();
            sink.ledger.set_lines(self.lines.count());
            match step.map_err(|e| stream_error(sink.file, e))? {
                Step::End => return Ok(None),
                Step::TooLong => return Ok(Some(Err(LineError::TooLong))),
                Step::Line if self.lines.line().trim_ascii().is_empty() => {}
                Step::Line if self.cutter.cut_plain(self.lines.line()) => return Ok(Some(Ok(()))),
                Step::Line => return self.quoted(sink).map(Some),
            }
        }
    }

    fn quoted(&mut self, sink: &mut Sink<'_>) -> Result<Result<(), LineError>, ReportError> {
        for _ in 0..RECORD_LINES_MAX {
            if self.cutter.cut_quoted(self.lines.line()) {
                sink.ledger.set_lines(self.lines.count());
                return Ok(Ok(()));
            }
            if !self
                .lines
                .extend()
                .map_err(|e| stream_error(sink.file, e))?
            {
                break;
            }
        }
        self.lines.retract();
        Ok(Err(LineError::OpenQuote))
    }
}

/// Cuts a row into cells; keeps its buffers.
struct Cutter {
    parser: csv_core::Reader,
    /// The unquoted cells of the last row, one behind the other, if it had quotes.
    unquoted: Vec<u8>,
    quoted: bool,
    /// Where the cells end: in the line itself, or in `unquoted`.
    ends: Vec<usize>,
}

impl Cutter {
    fn new() -> Cutter {
        // Not `Default`: csv-core's default reader has no transitions, only a built one has.
        let parser = csv_core::Reader::new();
        Cutter {
            parser,
            unquoted: Vec::new(),
            quoted: false,
            ends: Vec::new(),
        }
    }

    /// Cuts at commas. `false`: there are quotes.
    ///
    /// Eight bytes at a time in one word: cells are too short for a vector search each, and a loop
    /// over bytes would guess wrong at every comma.
    #[inline]
    fn cut_plain(&mut self, line: &[u8]) -> bool {
        self.quoted = false;
        self.ends.clear();
        for (i, bytes) in line.chunks(8).enumerate() {
            // Missing bytes are zeros, which are neither commas nor quotes.
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            let word = u64::from_le_bytes(padded);
            if equal_bytes(word, b'"') != 0 {
                return false;
            }
            let mut commas = equal_bytes(word, b',');
            while commas != 0 {
                self.ends.push(8 * i + commas.trailing_zeros() as usize / 8);
                commas &= commas - 1;
            }
        }
        self.ends.push(line.len());
        true
    }

    /// Cuts by the rules of quotes. `false`: a quote is still open at the end.
    fn cut_quoted(&mut self, record: &[u8]) -> bool {
        self.quoted = true;
        self.parser.reset();
        // A cell is never longer than its quoted form, and two cells have a comma between them.
        self.unquoted.resize(record.len() + 1, 0);
        self.ends.clear();
        self.ends.resize(record.len() + 2, 0);
        let (result, _, written, ended) =
            self.parser
                .read_record(record, &mut self.unquoted, &mut self.ends);
        debug_assert_eq!(result, ReadRecordResult::InputEmpty, "{record:?}");
        // A line end closes the record, unless it belongs to a quoted cell.
        let (out, ends) = (&mut self.unquoted[written..], &mut self.ends[ended..]);
        let (result, _, _, ended_last) = self.parser.read_record(b"\n", out, ends);
        self.ends.truncate(ended + ended_last);
        result == ReadRecordResult::Record
    }

    /// The cells of the row cut last; `line` is that row.
    #[inline]
    fn cells<'c>(&'c self, line: &'c [u8]) -> Cells<'c> {
        match self.quoted {
            true => Cells {
                text: &self.unquoted,
                ends: &self.ends,
                gap: 0,
            },
            false => Cells {
                text: line,
                ends: &self.ends,
                gap: 1,
            },
        }
    }
}

/// The highest bit of every byte of `word` that equals `byte`, and no other bit.
#[inline]
fn equal_bytes(word: u64, byte: u8) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([0x7f; 8]);
    // Zero where equal. Adding 0x7f to the lower seven bits carries into the eighth unless they
    // are zero, and never into the next byte.
    let differs = word ^ u64::from_ne_bytes([byte; 8]);
    !(((differs & LOW) + LOW) | differs | LOW)
}

/// The cells of a row.
struct Cells<'c> {
    text: &'c [u8],
    ends: &'c [usize],
    /// Bytes between two cells: a comma, or nothing.
    gap: usize,
}

impl<'c> Cells<'c> {
    #[inline]
    fn len(&self) -> usize {
        self.ends.len()
    }

    /// The cell `i`, which is below [`Cells::len`].
    #[inline]
    fn get(&self, i: usize) -> &'c [u8] {
        let start = if i == 0 {
            0
        } else {
            self.ends[i - 1] + self.gap
        };
        &self.text[start..self.ends[i]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(record: &[u8]) -> Option<Vec<String>> {
        let mut cutter = Cutter::new();
        if !cutter.cut_plain(record) && !cutter.cut_quoted(record) {
            return None;
        }
        let cells = cutter.cells(record);
        Some(
            (0..cells.len())
                .map(|i| String::from_utf8_lossy(cells.get(i)).into_owned())
                .collect(),
        )
    }

    #[test]
    fn commas_and_quotes_are_found_wherever_they_stand() {
        let mut cutter = Cutter::new();
        for length in 0..20 {
            for mask in 0..1u32 << length.min(12) {
                let byte = |i| {
                    if mask >> (i % 12) & 1 == 1 {
                        b','
                    } else {
                        [0, 0xac, 0x2d][i % 3]
                    }
                };
                let line: Vec<u8> = (0..length).map(byte).collect();
                assert!(cutter.cut_plain(&line));
                let cells = cutter.cells(&line);
                let found: Vec<&[u8]> = (0..cells.len()).map(|i| cells.get(i)).collect();
                assert_eq!(found, line.split(|b| *b == b',').collect::<Vec<_>>());
            }
            for at in 0..length {
                let mut line = vec![b','; length];
                line[at] = b'"';
                assert!(!cutter.cut_plain(&line), "{at} of {length}");
            }
        }
    }

    #[test]
    fn rows_are_cut_with_and_without_quotes() {
        for (row, cells) in [
            ("a,b,c", Some(vec!["a", "b", "c"])),
            (",", Some(vec!["", ""])),
            ("a", Some(vec!["a"])),
            (r#""a","b,c""#, Some(vec!["a", "b,c"])),
            (r#"a,"say ""hi""",c"#, Some(vec!["a", r#"say "hi""#, "c"])),
            ("\"two\nlines\",2", Some(vec!["two\nlines", "2"])),
            (r#"5" pipe,2"#, Some(vec![r#"5" pipe"#, "2"])),
            ("\"\"\",", None),
            (r#""","","""#, Some(vec!["", "", ""])),
            ("\"\"\"\"", Some(vec!["\""])),
            (r#"a,"open,2"#, None),
        ] {
            let cells: Option<Vec<String>> =
                cells.map(|cells| cells.into_iter().map(str::to_owned).collect());
            let row_cells = cut(row.as_bytes());
            assert_eq!(row_cells, cells, "{row}");
        }
    }
}
