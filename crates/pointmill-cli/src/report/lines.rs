//! Lines out of a stream, numbered, without a copy and without trust in their length.
//!
//! ```text
//! buf   …consumed… │ line │ following bytes, not looked at yet │ room
//!                  start  end                                filled
//!                         advance(): start = after the line's end, next newline becomes end
//!                         extend():  the next newline becomes end, start stays (CSV in quotes)
//!                         retract(): end goes back to the first newline
//! ```
//!
//! 1. A line is a slice of the one buffer; what is left of it moves to the front only when the
//!    stream is read again, so each byte is moved at most once a quarter megabyte.
//! 2. The buffer grows up to [`LINE_BYTES_MAX`]. A longer line is reported as such and skipped in
//!    pieces, so a file without a newline costs no more than that.

use std::io::{self, Read};

/// The longest line (or quoted CSV record) that is looked at, in bytes. Far above the longest
/// DogStatsD packet (64 KiB) and small enough to keep several readers' memory bounded.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// How much is asked of the stream at a time.
const READ_BYTES: usize = 256 << 10;

/// What [`Lines::advance`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A line; [`Lines::line`] has it.
    Line,
    /// A line above [`LINE_BYTES_MAX`] bytes; it has been skipped.
    TooLong,
    /// The end of the stream.
    End,
}

/// The lines of a stream.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    buf: Vec<u8>,
    filled: usize,
    /// The current record is `buf[start..end]`, line ends inside it included, the last one not.
    start: usize,
    end: usize,
    /// Where the line after the current record starts.
    next: usize,
    /// `end` and `next` of the record's first line alone.
    first: (usize, usize),
    /// Number of the record's first line, from 1; and how many lines it spans.
    number: u64,
    spanned: u64,
    at_end: bool,
}

impl<R: Read> Lines<R> {
    /// Before the first line of `reader`.
    pub fn new(reader: R) -> Lines<R> {
        Lines {
            reader,
            buf: Vec::new(),
            filled: 0,
            start: 0,
            end: 0,
            next: 0,
            first: (0, 0),
            number: 0,
            spanned: 1,
            at_end: false,
        }
    }

    /// The first bytes of the stream, before any call of [`Lines::advance`]: whole lines as far as
    /// one read gives them, and at least one, unless it is longer than a read.
    ///
    /// # Errors
    /// The stream's own.
    pub fn peek(&mut self) -> io::Result<&[u8]> {
        while memchr::memchr(b'\n', &self.buf[..self.filled]).is_none()
            && self.filled < READ_BYTES
            && self.fill()?
        {}
        let until = match memchr::memrchr(b'\n', &self.buf[..self.filled]) {
            Some(newline) => newline,
            None => self.filled,
        };
        Ok(&self.buf[..until])
    }

    /// Goes to the next line.
    ///
    /// # Errors
    /// The stream's own; the lines before it have been given.
    pub fn advance(&mut self) -> io::Result<Step> {
        self.start = self.next;
        self.end = self.next;
        let step = self.find_end()?;
        if step == Step::End {
            return Ok(step);
        }
        self.number += self.spanned;
        self.spanned = 1;
        if step == Step::TooLong {
            self.skip_line()?;
            return Ok(step);
        }
        self.first = (self.end, self.next);
        if self.number == 1 && self.line().starts_with(b"\xef\xbb\xbf") {
            // A byte order mark says nothing in UTF-8.
            self.start += 3;
        }
        Ok(step)
    }

    /// The current line without its end (`\n` or `\r\n`), or the record after [`Lines::extend`].
    pub fn line(&self) -> &[u8] {
        let line = &self.buf[self.start..self.end];
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// The number of the current record's first line, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many lines there have been so far.
    pub fn count(&self) -> u64 {
        if self.number == 0 {
            0
        } else {
            self.number + self.spanned - 1
        }
    }

    /// Takes the following line into the current record. `false`, and nothing changed: there is
    /// none, or the record would pass [`LINE_BYTES_MAX`].
    ///
    /// # Errors
    /// The stream's own.
    pub fn extend(&mut self) -> io::Result<bool> {
        let (start, end) = (self.start, self.end);
        self.end = self.next;
        let extended = self.find_end()? == Step::Line;
        if extended {
            self.spanned += 1;
        } else {
            // Reading on may have moved the record to the front of the buffer.
            self.end = end - (start - self.start);
        }
        Ok(extended)
    }

    /// Undoes every [`Lines::extend`] since the last [`Lines::advance`]: the lines taken in will
    /// be given one by one.
    pub fn retract(&mut self) {
        (self.end, self.next) = self.first;
        self.spanned = 1;
    }

    /// From `end` on, finds the end of a line and moves `end` and `next` there. Changes nothing
    /// but the place in the buffer if there is none, or none before [`LINE_BYTES_MAX`].
    fn find_end(&mut self) -> io::Result<Step> {
        let mut scan = self.end;
        loop {
            if let Some(i) = memchr::memchr(b'\n', &self.buf[scan..self.filled]) {
                self.end = scan + i;
                self.next = self.end + 1;
                return Ok(Step::Line);
            }
            if self.filled - self.start > LINE_BYTES_MAX {
                return Ok(Step::TooLong);
            }
            let start = self.start;
            scan = self.filled;
            if !self.fill()? {
                if self.end == self.filled {
                    return Ok(Step::End);
                }
                self.end = self.filled;
                self.next = self.filled;
                return Ok(Step::Line);
            }
            scan -= start - self.start;
        }
    }

    /// Drops everything from `start` up to the next newline.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(i) = memchr::memchr(b'\n', &self.buf[self.start..self.filled]) {
                self.next = self.start + i + 1;
                break;
            }
            (self.start, self.end, self.next, self.filled) = (0, 0, 0, 0);
            if !self.fill()? {
                break;
            }
        }
        (self.start, self.end) = (self.next, self.next);
        Ok(())
    }

    /// Reads more; moves the current record to the front first. `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        if self.start > 0 {
            self.buf.copy_within(self.start..self.filled, 0);
            let moved = self.start;
            self.start = 0;
            self.filled -= moved;
            self.end -= moved;
            self.first.0 = self.first.0.saturating_sub(moved);
            self.first.1 = self.first.1.saturating_sub(moved);
            self.next = self.next.saturating_sub(moved);
        }
        if self.buf.len() < self.filled + READ_BYTES {
            self.buf.resize(self.filled + READ_BYTES, 0);
        }
        loop {
            match self.reader.read(&mut self.buf[self.filled..]) {
                Ok(0) => self.at_end = true,
                Ok(n) => self.filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            }
            return Ok(!self.at_end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that gives at most `step` bytes a read.
    struct Drip<'a> {
        bytes: &'a [u8],
        step: usize,
    }

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = self.step.min(out.len()).min(self.bytes.len());
            out[..n].copy_from_slice(&self.bytes[..n]);
            self.bytes = &self.bytes[n..];
            Ok(n)
        }
    }

    fn all(bytes: &[u8], step: usize) -> Vec<(u64, Vec<u8>)> {
        let mut lines = Lines::new(Drip { bytes, step });
        let mut found = Vec::new();
        while lines.advance().unwrap() == Step::Line {
            found.push((lines.number(), lines.line().to_vec()));
        }
        assert_eq!(lines.count(), found.len() as u64);
        found
    }

    #[test]
    fn lines_are_the_same_however_the_stream_is_cut() {
        let text = b"\xef\xbb\xbfone\r\n\ntwo\nthree\r\n\nlast";
        let expected: Vec<(u64, Vec<u8>)> = ["one", "", "two", "three", "", "last"]
            .iter()
            .zip(1..)
            .map(|(line, i)| (i, line.as_bytes().to_vec()))
            .collect();
        for step in [1, 2, 3, 7, 100] {
            assert_eq!(all(text, step), expected, "{step}");
        }
        assert_eq!(all(b"", 5), []);
        assert_eq!(all(b"\n", 5).len(), 1);
    }

    #[test]
    fn many_buffers_full_of_lines_come_through_in_order() {
        let text: Vec<u8> = (0..200_000)
            .flat_map(|i| format!("{i}\n").into_bytes())
            .collect();
        assert!(text.len() > 4 * READ_BYTES);
        for (i, (number, line)) in all(&text, 70_001).into_iter().enumerate() {
            assert_eq!((number, line), (i as u64 + 1, i.to_string().into_bytes()));
        }
    }

    #[test]
    fn a_line_without_end_costs_a_bounded_buffer() {
        let mut text = b"a\n".to_vec();
        text.resize(text.len() + 5 * LINE_BYTES_MAX, b'x');
        text.extend(b"\nb\n");
        let mut lines = Lines::new(Drip {
            bytes: &text,
            step: 100_000,
        });
        let mut steps = Vec::new();
        while let step @ (Step::Line | Step::TooLong) = lines.advance().unwrap() {
            steps.push((step, lines.number(), lines.line().to_vec()));
        }
        assert_eq!(steps[0], (Step::Line, 1, b"a".to_vec()));
        assert_eq!(steps[1], (Step::TooLong, 2, vec![]));
        assert_eq!(steps[2], (Step::Line, 3, b"b".to_vec()));
        assert!(lines.buf.len() <= LINE_BYTES_MAX + 2 * READ_BYTES);
    }

    #[test]
    fn records_take_in_lines_and_give_them_back() {
        for step in [1, 4, 100] {
            let mut lines = Lines::new(Drip {
                bytes: b"h\n\"a\nb\nc\nd\n",
                step,
            });
            lines.advance().unwrap();
            lines.advance().unwrap();
            assert!(lines.extend().unwrap());
            assert!(lines.extend().unwrap());
            assert_eq!(
                (lines.line(), lines.number(), lines.count()),
                (&b"\"a\nb\nc"[..], 2, 4)
            );
            lines.retract();
            assert_eq!(
                (lines.line(), lines.number(), lines.count()),
                (&b"\"a"[..], 2, 2)
            );
            lines.advance().unwrap();
            assert_eq!((lines.line(), lines.number()), (&b"b"[..], 3));
            assert!(lines.extend().unwrap());
            assert!(lines.extend().unwrap());
            assert!(!lines.extend().unwrap());
            assert_eq!((lines.line(), lines.count()), (&b"b\nc\nd"[..], 5));
            assert_eq!(lines.advance().unwrap(), Step::End);
            assert_eq!(lines.count(), 5);
        }
    }

    #[test]
    fn a_peek_shows_whole_lines_and_takes_nothing() {
        let mut lines = Lines::new(Drip {
            bytes: b"one\ntwo\nthr",
            step: 9,
        });
        assert_eq!(lines.peek().unwrap(), b"one\ntwo");
        lines.advance().unwrap();
        assert_eq!(lines.line(), b"one");
        assert_eq!(Lines::new(&b"only"[..]).peek().unwrap(), b"only");
    }
}
