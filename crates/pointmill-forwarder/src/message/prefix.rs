//! What runtimes put before a line that an application logs.
//!
//! ```text
//! Node    2026-01-01T00:00:00.000Z TAB <request id> TAB INFO TAB text
//! Python  [INFO] TAB 2026-01-01T00:00:00.000Z TAB <request id> TAB text
//! ```

use jiff::Timestamp;

/// What a prefix said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp<'a> {
    /// Its time, in Unix milliseconds.
    pub(crate) unix_ms: Option<i64>,
    /// Its request id.
    pub(crate) request_id: Option<&'a str>,
}

/// The longest request id that is looked at; Lambda's have 36 characters.
const REQUEST_ID_MAX: usize = 128;

/// The text behind a prefix, and what the prefix said; all of `text` if there is none.
pub(crate) fn strip(text: &str) -> (&str, Stamp<'_>) {
    let found = match text.as_bytes().first() {
        Some(b'[') => python(text),
        Some(b'0'..=b'9') => node(text),
        _ => None,
    };
    found.unwrap_or((text, Stamp::default()))
}

fn node(text: &str) -> Option<(&str, Stamp<'_>)> {
    let mut fields = text.splitn(4, '\t');
    let (time, id) = (fields.next()?, fields.next()?);
    let (_level, rest) = (fields.next()?, fields.next()?);
    Some((rest.trim_start(), stamp(time, id)?))
}

fn python(text: &str) -> Option<(&str, Stamp<'_>)> {
    let mut fields = text.splitn(4, '\t');
    let (level, time) = (fields.next()?, fields.next()?);
    let (id, rest) = (fields.next()?, fields.next()?);
    level.ends_with(']').then_some(())?;
    Some((rest.trim_start(), stamp(time, id)?))
}

fn stamp<'a>(time: &str, id: &'a str) -> Option<Stamp<'a>> {
    // Node writes "undefined" where there is no request yet.
    let request_id = Some(id).filter(|id| *id != "undefined" && is_request_id(id));
    Some(Stamp {
        unix_ms: Some(unix_ms(time)?),
        request_id,
    })
}

/// Whether `text` can be a request id.
pub(crate) fn is_request_id(text: &str) -> bool {
    (1..=REQUEST_ID_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The Unix milliseconds of an RFC 3339 time.
pub(crate) fn unix_ms(text: &str) -> Option<i64> {
    // Spares every word of ordinary text the parser.
    if !text.as_bytes().first()?.is_ascii_digit() || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    text.parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_prefixes_come_off() {
        let id = "5a1c0e52-0b7e-4f0e-9c7a-1d2f3a4b5c6d";
        for text in [
            format!("2026-01-01T00:00:00.123Z\t{id}\tINFO\tabc\tdef"),
            format!("[INFO]\t2026-01-01T00:00:00.123Z\t{id}\tabc\tdef"),
        ] {
            let (rest, stamp) = strip(&text);
            assert_eq!(rest, "abc\tdef");
            assert_eq!(stamp.request_id, Some(id));
            assert_eq!(stamp.unix_ms, Some(1_767_225_600_123));
        }
        let (_, stamp) = strip("2026-01-01T00:00:00.123Z\tundefined\tINFO\tx");
        assert_eq!(stamp.request_id, None);
    }

    #[test]
    fn other_text_stays_whole() {
        for text in [
            "",
            "[1,2,3]",
            "2026 was a year",
            "a\tb\tc\td",
            "2026-x\ta\tb\tc",
            "[x\ty\tz\tu",
        ] {
            assert_eq!(strip(text), (text, Stamp::default()));
        }
    }
}
