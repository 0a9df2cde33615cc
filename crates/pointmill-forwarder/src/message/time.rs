//! The time of a message that comes without one, and the marks that log readers put before lines.
//!
//! ```text
//! aws logs tail    2026-01-01T00:00:06.123000+00:00 2026/01/01/[$LATEST]<32 hex> REPORT …
//!   --format short 2026-01-01T00:00:06 REPORT …
//! sam logs         2026/01/01/[$LATEST]<32 hex> 2026-01-01T00:00:06.123000 REPORT …
//! ```

use memchr::memmem;

use super::{legacy, platform_text, prefix};
use crate::identity::is_log_stream;

/// How far into a JSON document its time is looked for, in bytes.
const HEAD_BYTES: usize = 4096;

/// A line without the marks of a log reader, and what they said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    pub(crate) unix_ms: Option<i64>,
    pub(crate) log_stream: Option<&'a str>,
}

/// Takes the marks off and finds the line's time.
pub(crate) fn line(whole: &str) -> Line<'_> {
    let bare = Line {
        text: whole,
        unix_ms: None,
        log_stream: None,
    };
    match whole.as_bytes().first() {
        Some(b'{') => Line {
            unix_ms: of_json(whole),
            ..bare
        },
        Some(b'0'..=b'9') => marked(whole).unwrap_or_else(|| Line {
            unix_ms: leading(whole),
            ..bare
        }),
        Some(b'[') => Line {
            unix_ms: prefix::strip(whole).1.unix_ms,
            ..bare
        },
        _ => bare,
    }
}

fn leading(text: &str) -> Option<i64> {
    time(text.split([' ', '\t']).next()?)
}

fn time(word: &str) -> Option<i64> {
    prefix::unix_ms(word).or_else(|| {
        // Without a zone it is UTC, as the readers of logs write it.
        let zoneless = word.len() >= 19 && word.len() <= 26 && word.as_bytes()[10] == b'T';
        zoneless.then(|| prefix::unix_ms(&format!("{word}Z")))?
    })
}

fn marked(whole: &str) -> Option<Line<'_>> {
    let (first, rest) = whole.split_once(' ')?;
    if is_log_stream(first) {
        let (second, rest) = rest.split_once(' ')?;
        return Some(Line {
            unix_ms: Some(time(second)?),
            text: rest,
            log_stream: Some(first),
        });
    }
    let unix_ms = Some(time(first)?);
    if let Some((second, rest)) = rest
        .split_once(' ')
        .filter(|(second, _)| is_log_stream(second))
    {
        return Some(Line {
            unix_ms,
            text: rest,
            log_stream: Some(second),
        });
    }
    // A time alone may belong to the text; it comes off where what follows is known.
    let known = rest.starts_with('{')
        || rest.starts_with(legacy::KEYWORD)
        || platform_text::read(rest).is_some();
    known.then_some(Line {
        text: rest,
        unix_ms,
        log_stream: None,
    })
}

/// The first member `time` or `timestamp` that has a time.
pub(crate) fn of_json(json: &str) -> Option<i64> {
    let head = &json.as_bytes()[..json.len().min(HEAD_BYTES)];
    ["\"time\"", "\"timestamp\""].iter().find_map(|key| {
        let at = memmem::find(head, key.as_bytes())? + key.len();
        let value = json.get(at..)?.trim_start().strip_prefix(':')?.trim_start();
        match value.strip_prefix('"') {
            Some(text) => time(text.get(..text.find('"')?)?),
            None => {
                let digits = value.find(|c: char| !c.is_ascii_digit())?;
                let number: i64 = value[..digits].parse().ok()?;
                // Milliseconds or seconds, as everywhere.
                super::unix_s(number as f64)?;
                Some(if number >= 100_000_000_000 {
                    number
                } else {
                    number * 1000
                })
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef";
    const ID: &str = "5a1c0e52-0b7e-4f0e-9c7a-1d2f3a4b5c6d";

    #[test]
    fn marks_of_every_reader_come_off() {
        let end = format!("END RequestId: {ID}");
        let ms = Some(1_767_225_606_123);
        for (whole, unix_ms, log_stream) in [
            (
                format!("2026-01-01T00:00:06.123000+00:00 {STREAM} {end}"),
                ms,
                Some(STREAM),
            ),
            (
                format!("{STREAM} 2026-01-01T00:00:06.123000 {end}"),
                ms,
                Some(STREAM),
            ),
            (
                format!("2026-01-01T00:00:06 {end}"),
                Some(1_767_225_606_000),
                None,
            ),
            (end.clone(), None, None),
        ] {
            let found = line(&whole);
            assert_eq!((found.text, found.unix_ms), (&*end, unix_ms), "{whole}");
            assert_eq!(found.log_stream, log_stream);
        }
    }

    #[test]
    fn a_time_that_is_part_of_the_text_stays() {
        for whole in [
            format!("2026-01-01T00:00:06.123Z {ID} Task timed out after 6.01 seconds"),
            "2026-01-01T00:00:06.123Z\tid\tINFO\thello".to_owned(),
            "2026-01-01T00:00:06.123Z hello".to_owned(),
        ] {
            let found = line(&whole);
            assert_eq!(
                (found.text, found.unix_ms),
                (&*whole, Some(1_767_225_606_123))
            );
        }
    }

    #[test]
    fn times_of_documents() {
        for (json, expected) in [
            (
                r#"{"time":"2026-01-01T00:00:06.123Z"}"#,
                Some(1_767_225_606_123),
            ),
            (
                r#"{"a":1, "timestamp" : "2026-01-01T00:00:06.123Z"}"#,
                Some(1_767_225_606_123),
            ),
            (
                r#"{"timestamp":1767225606123,"x":1}"#,
                Some(1_767_225_606_123),
            ),
            (r#"{"timestamp":1767225606}"#, Some(1_767_225_606_000)),
            (r#"{"time":"soon"}"#, None),
            (r#"{"time":"#, None),
            ("{}", None),
        ] {
            assert_eq!(of_json(json), expected, "{json}");
        }
    }
}
