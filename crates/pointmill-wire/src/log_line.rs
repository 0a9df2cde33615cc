//! One value as a line of JSON, for forwarders that read metrics from the log of a serverless
//! function.
//!
//! ```text
//! {"m":"name","v":1.5,"e":1700000000,"t":["k:v",…]} LF
//!   m name   v one number   e Unix seconds   t tags
//! ```
//!
//! # What is written
//! A line for every value. The forwarder makes a distribution of whatever it reads, so:
//!
//! | kind | lines |
//! | --- | --- |
//! | distribution, histogram | the values that make the same sketch again, at most `expand_max` |
//! | count | one, with the sum |
//! | gauge | one, with the last value |
//!
//! [`crate::distribution_points`] says what of a sketch arrives. A host is not written, since the
//! forwarder knows the function. Text is UTF-8, escaped no more than JSON asks for; a body holds
//! whole lines.
//!
//! # What a reader may rely on
//! [`parse`] takes what the forwarder takes: an object with all four keys, in any order, others
//! beside them, the last of a repeated key; `v` a number, `t` a list. Tags that are numbers or
//! booleans are taken by their text and `null` among them is passed over. What the forwarder would
//! keep as ordinary log text is an error, and so is a `v` that is not finite.

use std::borrow::Cow;

use pointmill::{Entry, Value};

use crate::SkipCause;
use crate::config::EncodeConfig;
use crate::decode::{Cause, DecodeError, DecodeLimits};
use crate::encode::{LineWriter, Lines, tags_with};
use crate::expand::{Run, expand};
use crate::json::{JsonReader, put_number, put_text};

/// A metric read from a log line.
#[derive(Clone, Debug, PartialEq)]
pub struct LogMetric<'a> {
    /// The metric's name.
    pub name: Cow<'a, str>,
    /// The value; finite.
    pub value: f64,
    /// Unix seconds; a fraction is cut off.
    pub unix_s: i64,
    /// The tags, in the order of the line.
    pub tags: Vec<Cow<'a, str>>,
}

/// Longest line that is read: one log event of CloudWatch, 256 KiB, with room to spare.
const LIMITS: DecodeLimits = DecodeLimits {
    bytes_max: 1 << 20,
    items_max: 10_000,
    bins_max: 0,
};

/// Reads one line, with or without its line feed.
///
/// # Errors
/// What is wrong at which byte. A line that is no metric at all fails at its first byte that does
/// not fit, mostly the first.
pub fn parse(line: &[u8]) -> Result<LogMetric<'_>, DecodeError> {
    let mut json = JsonReader::new(line, &LIMITS)?;
    json.peek();
    let start = json.offset();
    let (mut name, mut value, mut unix_s, mut tags) = (None, None, None, None);
    json.object("log line", |json, key| {
        match key {
            "m" => name = Some(json.text("m")?),
            "v" => value = Some(json.number("v")?),
            "e" => unix_s = Some(json.integer("e")?),
            "t" => tags = Some(read_tags(json)?),
            _ => json.skip()?,
        }
        Ok(())
    })?;
    json.finish()?;
    match (name, value, unix_s, tags) {
        (Some(name), Some(value), Some(unix_s), Some(tags)) => Ok(LogMetric {
            name,
            value,
            unix_s,
            tags,
        }),
        _ => {
            let cause = Cause::Invalid("a metric has the keys m, v, e and t");
            Err(DecodeError {
                offset: start,
                field: "log line",
                cause,
            })
        }
    }
}

fn read_tags<'a>(json: &mut JsonReader<'a>) -> Result<Vec<Cow<'a, str>>, DecodeError> {
    let mut tags = Vec::new();
    json.list("t", |json| {
        match json.peek() {
            Some(b'"') => tags.push(json.text("t")?),
            Some(b'[' | b'{') => return Err(json.invalid("t", "a tag is text")),
            _ => {
                if !json.null() {
                    tags.push(String::from_utf8_lossy(json.raw()?));
                }
            }
        }
        Ok(())
    })?;
    Ok(tags)
}

pub(crate) struct LogLines<'c> {
    config: &'c EncodeConfig,
    runs: Vec<Run>,
    /// What stands behind the value, the same on every line of an entry.
    tail: Vec<u8>,
}

impl<'c> LogLines<'c> {
    pub(crate) fn new(config: &'c EncodeConfig) -> LogLines<'c> {
        LogLines {
            config,
            runs: Vec::new(),
            tail: Vec::new(),
        }
    }

    fn put_tail(&mut self, entry: &Entry<'_>) {
        let tail = &mut self.tail;
        tail.clear();
        tail.extend_from_slice(b",\"e\":");
        tail.extend_from_slice(entry.interval().to_string().as_bytes());
        tail.extend_from_slice(b",\"t\":[");
        for (i, tag) in tags_with(*entry, &self.config.tags).enumerate() {
            if i > 0 {
                tail.push(b',');
            }
            put_text(tail, tag);
        }
        tail.extend_from_slice(b"]}\n");
    }
}

impl LineWriter for LogLines<'_> {
    fn separated(&self) -> bool {
        false
    }

    fn write(&mut self, lines: &mut Lines, entry: &Entry<'_>) -> Result<u64, SkipCause> {
        if entry.name().is_empty() {
            return Err(SkipCause::UnusableName);
        }
        self.put_tail(entry);
        let left_out = match (entry.value(), entry.sketch()) {
            (_, Some(sketch)) => expand(&sketch, self.config.expand_max, &mut self.runs),
            (Value::Scalar(value), None) => {
                self.runs.clear();
                self.runs.push(Run { value, count: 1 });
                0
            }
            (Value::Summary(_), None) => 0,
        };
        for run in &self.runs {
            let line = lines.text();
            line.extend_from_slice(b"{\"m\":");
            put_text(line, entry.name());
            line.extend_from_slice(b",\"v\":");
            put_number(line, run.value);
            line.extend_from_slice(&self.tail);
            lines.end_line();
            (1..run.count).for_each(|_| lines.repeat_line());
        }
        Ok(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_runtime_are_read() {
        for line in [
            &br#"{"m":"my.metric","v":100,"e":1700000000,"t":["env:prod"]}"#[..],
            br#"{"e":1700000000,"m":"my.metric","t":["env:prod"],"v":100}"#,
            b"{\"m\":\"my.metric\",\"v\":100.0,\"t\":[\"env:prod\"],\"e\":1700000000}\n",
            br#" {"m":"old","m":"my\u002emetric","v":1.0E2,"e":1700000000.9,"t":["env:prod"],"x":{"y":[]}}"#,
        ] {
            let metric = parse(line).unwrap();
            assert_eq!((&*metric.name, metric.value, metric.unix_s), ("my.metric", 100.0, 1_700_000_000));
            assert_eq!(metric.tags, ["env:prod"]);
        }
        let odd = parse(br#"{"m":"m","v":1,"e":1,"t":["a",5,null,true,""]}"#).unwrap();
        assert_eq!(odd.tags, ["a", "5", "true", ""]);
    }

    #[test]
    fn what_the_forwarder_keeps_as_text_is_refused() {
        for line in [
            &b"START RequestId: 1"[..],
            b"",
            b"{}",
            br#"{"m":"m","v":1,"e":1}"#,
            br#"{"m":"m","v":"5","e":1,"t":[]}"#,
            br#"{"m":"m","v":true,"e":1,"t":[]}"#,
            br#"{"m":"m","v":NaN,"e":1,"t":[]}"#,
            br#"{"m":"m","v":1e999,"e":1,"t":[]}"#,
            br#"{"m":"m","v":1,"e":1,"t":"a"}"#,
            br#"{"m":"m","v":1,"e":1,"t":[["a"]]}"#,
            br#"{"m":null,"v":1,"e":1,"t":[]}"#,
            br#"{"m":"m","v":1,"e":1,"t":[]} x"#,
            br#"["m","v","e","t"]"#,
        ] {
            assert!(parse(line).is_err(), "{}", String::from_utf8_lossy(line));
        }
        assert_eq!(parse(br#"{"m":"m","v":"5""#).unwrap_err().offset, 13);
    }
}
