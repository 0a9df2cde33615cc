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
    /// Those of at most [`SHORT_BYTES`], in a number: compared without a call.
    short: HashMap<u128, ContextId, ahash::RandomState>,
    long: HashMap<Vec<u8>, ContextId, ahash::RandomState>,
}

/// Bytes that fit a `u128` beside their number.
const SHORT_BYTES: usize = 15;

impl ContextCache {
    /// The context remembered for `raw`, or the one that `intern` makes of it.
    #[inline]
    fn get(
        &mut self,
        raw: &[u8],
        intern: impl FnOnce() -> Result<ContextId, RecordError>,
    ) -> Result<ContextId, RecordError> {
        let short = short_key(raw);
        let known = match short {
            Some(key) => self.short.get(&key),
            None => self.long.get(raw),
        };
        if let Some(context) = known {
            return Ok(*context);
        }
        let context = intern()?;
        if self.short.len() + self.long.len() >= CACHE_MAX {
            self.short.clear();
            self.long.clear();
        }
        match short {
            Some(key) => self.short.insert(key, context),
            None => self.long.insert(raw.to_vec(), context),
        };
        Ok(context)
    }
}

#[inline]
fn short_key(raw: &[u8]) -> Option<u128> {
    let mut bytes = [0; SHORT_BYTES + 1];
    bytes[..SHORT_BYTES]
        .get_mut(..raw.len())?
        .copy_from_slice(raw);
    bytes[SHORT_BYTES] = raw.len() as u8;
    Some(u128::from_le_bytes(bytes))
}

/// The number in `text`, spaces around it allowed. NaN and infinities are numbers here; the engine
/// refuses them with its own words.
#[inline]
pub(crate) fn number(text: &[u8]) -> Option<f64> {
    plain_decimal(text).or_else(|| core::str::from_utf8(text.trim_ascii()).ok()?.parse().ok())
}

/// The number in `text` if it is a sign, at most fifteen digits and a point between them; the same
/// double that the standard library reads, at a third of the cost.
///
/// The digits are a whole number below 2^53 and the power of ten is below 10^22, so both are exact
/// doubles and the one rounding of the division is the right one (W. D. Clinger, "How to Read
/// Floating Point Numbers Accurately", 1990).
#[inline]
fn plain_decimal(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let (mut whole, mut point) = (0u64, None);
    for (i, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => whole = whole * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(digits.len() - 1 - i),
            _ => return None,
        }
    }
    // Sixteen characters are sixteen digits only without a point.
    if point.is_none() && digits.len() == 16 || digits == b"." {
        return None;
    }
    let size = whole as f64 / POWERS[point.unwrap_or(0)];
    Some(if negative { -size } else { size })
}

/// Unix seconds, whole or with a fraction, which is dropped downwards.
#[inline]
fn unix_seconds(text: &[u8]) -> Option<i64> {
    // Eighteen digits fit an i64 whatever they are.
    if (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) {
        return Some(
            text.iter()
                .fold(0, |n, digit| n * 10 + i64::from(digit - b'0')),
        );
    }
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

    #[test]
    fn plain_decimals_are_the_doubles_that_the_standard_library_reads() {
        let mut texts: Vec<String> = ["0", "-0", "7", "-7", "0.1", ".5", "5.", "-.25", "00012.50"]
            .map(str::to_owned)
            .to_vec();
        texts.extend(["999999999999999", "0.99999999999999", "123456789.12345"].map(str::to_owned));
        let mut state = 1u64;
        for _ in 0..20_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let (digits, decimals) = (state >> 14, (state % 16) as usize);
            texts.push(format!("{:.*}", decimals.min(14), digits as f64 / 1e13));
            texts.push(format!("-{}", digits >> (state % 50)));
        }
        let mut quick = 0;
        for text in &texts {
            let expected: f64 = text.parse().unwrap();
            let found = number(text.as_bytes()).unwrap();
            assert_eq!(found.to_bits(), expected.to_bits(), "{text}");
            quick += usize::from(plain_decimal(text.as_bytes()).is_some());
        }
        assert!(quick > texts.len() / 3, "{quick} of {}", texts.len());
        for text in [
            "", "-", ".", "-.", "1.2.3", "1 2", "--1", "+", "1e", "\u{664}",
        ] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        for text in [
            " 1",
            "+1",
            "1e3",
            "inf",
            "-NaN",
            "1234567890123456",
            "12345678901234567",
        ] {
            assert_eq!(plain_decimal(text.as_bytes()), None, "{text}");
            assert!(number(text.as_bytes()).is_some(), "{text}");
        }
    }

    #[test]
    fn short_and_long_keys_are_told_apart() {
        let keys: Vec<Vec<u8>> = (0..40).map(|n| vec![0; n]).collect();
        let mut cache = ContextCache::default();
        for (i, key) in keys.iter().enumerate() {
            let fresh = cache.get(key, || Ok(ContextId::from_bits(i as u64)));
            assert_eq!(fresh, Ok(ContextId::from_bits(i as u64)));
        }
        for (i, key) in keys.iter().enumerate() {
            let known = cache.get(key, || Err(RecordError::NoRoom));
            assert_eq!(known, Ok(ContextId::from_bits(i as u64)));
        }
        assert_eq!(
            cache.get(b"other", || Err(RecordError::NoRoom)),
            Err(RecordError::NoRoom)
        );
    }
}
