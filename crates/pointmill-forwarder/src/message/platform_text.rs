//! Platform messages as text.
//!
//! ```text
//! REPORT RequestId: <id> TAB Duration: 3.10 ms TAB Billed Duration: 4 ms TAB Memory Size: 128 MB …
//! └keyword └key    value      └key      value unit
//! ```
//!
//! Reports are read as pairs of a key and a value in any order, not by one pattern: the platform
//! adds pairs (`Restore Duration`, `Status`), puts them in changing places, and separates by tabs,
//! blanks or line ends.

use std::borrow::Cow;

use super::{Event, InitReport, InitStart, OUT_OF_MEMORY, Report, Status, prefix};
use crate::Refusal;

/// Reads `text`, which has no blanks around it; `None` if the platform writes no such line.
pub(crate) fn read(text: &str) -> Option<Event<'_>> {
    match text.as_bytes().first()? {
        b'R' => report(text)
            .or_else(|| restore(text))
            .or_else(|| crash(text)),
        b'S' => {
            let id = after_keyword(text, "START")?.strip_prefix("RequestId:")?;
            let id = id.split_whitespace().next()?;
            let request_id = prefix::is_request_id(id).then_some(Cow::Borrowed(id))?;
            Some(Event::Start { request_id })
        }
        b'I' => init(text),
        b'E' => named(text, &[("END", "RequestId:"), ("EXTENSION", "Name:")]),
        b'T' if text.starts_with(TIMED_OUT) => timeout(text, None),
        b'T' => named(text, &[("TELEMETRY", "Name:")]),
        b'L' => named(text, &[("LOGS", "Name:")]),
        b'X' => named(text, &[("XRAY", "TraceId:")]),
        b'0'..=b'9' => {
            let mut words = text.splitn(3, ' ');
            let (time, id, rest) = (words.next()?, words.next()?, words.next()?);
            let rest = rest.starts_with(TIMED_OUT).then_some(rest)?;
            prefix::unix_ms(time)?;
            timeout(rest, prefix::is_request_id(id).then_some(id))
        }
        _ => None,
    }
}

const TIMED_OUT: &str = "Task timed out after ";

/// What follows `keyword` and blanks at the start of `text`.
fn after_keyword<'a>(text: &'a str, keyword: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(keyword)?;
    let bare = rest.trim_start();
    (bare.len() < rest.len()).then_some(bare)
}

/// Lines that carry no metric and have one of the beginnings.
fn named<'a>(text: &'a str, beginnings: &[(&str, &str)]) -> Option<Event<'a>> {
    let found = |(keyword, key): &(&str, &str)| {
        after_keyword(text, keyword).is_some_and(|rest| rest.starts_with(key))
    };
    beginnings.iter().any(found).then_some(Event::Platform)
}

fn timeout<'a>(rest: &'a str, request_id: Option<&'a str>) -> Option<Event<'a>> {
    let mut words = rest.strip_prefix(TIMED_OUT)?.split(' ');
    let number = |word: &str| word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    words
        .next()
        .filter(|word| !word.is_empty() && number(word))?;
    words
        .next()?
        .starts_with("seconds")
        .then_some(Event::Timeout { request_id })
}

fn crash(text: &str) -> Option<Event<'_>> {
    let rest = text.strip_prefix("RequestId:")?.trim_start();
    let (request_id, rest) = rest.split_once(char::is_whitespace)?;
    let reason = rest.trim_start();
    let exited = reason.starts_with("Error: Runtime exited")
        || reason.starts_with("Process exited before completing request");
    (exited && prefix::is_request_id(request_id)).then_some(Event::Crash {
        request_id,
        killed: reason.starts_with("Error: Runtime exited with error: signal: killed"),
    })
}

fn init(text: &str) -> Option<Event<'_>> {
    if let Some(rest) = after_keyword(text, "INIT_START") {
        let mut start = InitStart::default();
        for pair in Pairs(rest) {
            match pair.key {
                "Runtime Version" => start.runtime_version = Some(Cow::Borrowed(pair.value)),
                "Runtime Version ARN" => {
                    start.runtime_version_arn = Some(Cow::Borrowed(pair.value));
                }
                _ => {}
            }
        }
        return start
            .runtime_version
            .is_some()
            .then_some(Event::InitStart(start));
    }
    let rest = after_keyword(text, "INIT_REPORT")?;
    Some(
        one_duration(rest, "Init Duration").map_or_else(Event::Refused, |duration_ms| {
            Event::InitReport(InitReport {
                duration_ms: Some(duration_ms),
                initialization_type: None,
                status: Status::Unsaid,
            })
        }),
    )
}

fn restore(text: &str) -> Option<Event<'_>> {
    if let Some(rest) = after_keyword(text, "RESTORE_START") {
        return rest
            .starts_with("Runtime Version")
            .then_some(Event::RestoreStart);
    }
    let rest = after_keyword(text, "RESTORE_REPORT")?;
    Some(
        one_duration(rest, "Restore Duration").map_or_else(Event::Refused, |duration_ms| {
            Event::RestoreReport {
                duration_ms: Some(duration_ms),
            }
        }),
    )
}

fn one_duration(pairs: &str, key: &str) -> Result<f64, Refusal> {
    let pair = Pairs(pairs).find(|pair| pair.key == key);
    pair.ok_or(Refusal::ReportWithoutDuration)?.number()
}

fn report(text: &str) -> Option<Event<'_>> {
    let rest = after_keyword(text, "REPORT")?;
    rest.starts_with("RequestId:").then_some(())?;
    Some(match pairs_of_report(rest) {
        Ok(report) => Event::Report(report),
        Err(cause) => Event::Refused(cause),
    })
}

fn pairs_of_report(rest: &str) -> Result<Report<'_>, Refusal> {
    let mut report = Report::default();
    for pair in Pairs(rest) {
        match pair.key {
            "RequestId" => {
                if !prefix::is_request_id(pair.value) {
                    return Err(Refusal::PlatformRecord);
                }
                report.request_id = Some(Cow::Borrowed(pair.value));
            }
            "Duration" => report.duration_ms = Some(pair.number()?),
            "Billed Duration" => report.billed_ms = Some(pair.number()?),
            "Memory Size" => {
                report.memory_size_mb = Some((pair.number()?, Cow::Borrowed(pair.value)));
            }
            "Max Memory Used" => report.max_memory_mb = Some(pair.number()?),
            "Init Duration" => report.init_ms = Some(pair.number()?),
            "Restore Duration" => report.restore_ms = Some(pair.number()?),
            "Runtime Duration" => report.runtime_ms = Some(pair.number()?),
            "Post Runtime Duration" => report.post_runtime_ms = Some(pair.number()?),
            "Status" => report.status = Status::read(pair.value),
            "Error Type" => report.out_of_memory = pair.value == OUT_OF_MEMORY,
            _ => {}
        }
    }
    match report.duration_ms.or(report.runtime_ms) {
        Some(_) => Ok(report),
        None => Err(Refusal::ReportWithoutDuration),
    }
}

/// A key, and the word behind its colon.
#[derive(Clone, Copy, Debug)]
struct Pair<'a> {
    key: &'a str,
    value: &'a str,
}

impl Pair<'_> {
    /// The value as a number of plain digits.
    fn number(&self) -> Result<f64, Refusal> {
        let plain = self.value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let number = self.value.parse::<f64>().ok().filter(|n| n.is_finite());
        number.filter(|_| plain).ok_or(Refusal::PlatformNumber)
    }
}

/// The pairs of a report. A key is the words up to one that ends with a colon; one word is the
/// value, and `ms` or `MB` behind it its unit.
struct Pairs<'a>(&'a str);

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        let text = self.0.trim_start();
        let colon = text
            .match_indices(':')
            .find(|(at, _)| text[at + 1..].starts_with(char::is_whitespace))?
            .0;
        let (key, rest) = (&text[..colon], text[colon + 1..].trim_start());
        let (value, rest) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
        let rest = rest.trim_start();
        self.0 = ["ms", "MB"]
            .iter()
            .find_map(|unit| {
                let after = rest.strip_prefix(unit)?;
                (after.is_empty() || after.starts_with(char::is_whitespace)).then_some(after)
            })
            .unwrap_or(rest);
        Some(Pair { key, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5a1c0e52-0b7e-4f0e-9c7a-1d2f3a4b5c6d";

    #[test]
    fn pairs_in_any_order_and_the_extensions_own_report() {
        let line = format!(
            "REPORT RequestId: {ID} Duration: 48.75 ms Runtime Duration: 41.20 ms Post Runtime \
             Duration: 7.55 ms Billed Duration: 49 ms Memory Size: 256 MB Max Memory Used: 91 MB \
             Init Duration: 402.50 ms"
        );
        // One blank inside a key, as the Extension writes.
        let line = line.replace("Runtime              Duration", "Runtime Duration");
        let Some(Event::Report(report)) = read(&line) else {
            panic!("a report")
        };
        assert_eq!(report.duration_ms, Some(48.75));
        assert_eq!(report.runtime_ms, Some(41.2));
        assert_eq!(report.post_runtime_ms, Some(7.55));
        assert_eq!(report.init_ms, Some(402.5));
        assert_eq!(report.memory_size_mb, Some((256.0, Cow::Borrowed("256"))));
    }

    #[test]
    fn crashes_by_their_reason() {
        for (reason, killed) in [
            (
                "Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
                true,
            ),
            ("Error: Runtime exited with error: exit status 1", false),
            ("Error: Runtime exited without providing a reason", false),
            ("Process exited before completing request", false),
        ] {
            let line = format!("RequestId: {ID} {reason}");
            let request_id = ID;
            assert_eq!(read(&line), Some(Event::Crash { request_id, killed }));
        }
        assert_eq!(read(&format!("RequestId: {ID} was handled")), None);
    }

    #[test]
    fn what_only_begins_alike_is_not_the_platforms() {
        for line in [
            "REPORT nothing useful here",
            "REPORTS RequestId: a",
            "START the engine",
            "END",
            "INIT_START of our own",
            "EXTENSION cord",
            "Task timed out after lunch",
            "Task timed out after 3.00 minutes",
            "RESTORE_START now",
            "RequestId: x",
            "2026 a Task timed out after 3 seconds",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn a_platform_line_with_unusable_numbers_is_refused() {
        for (line, cause) in [
            ("Duration: 1.2.3 ms", Refusal::PlatformNumber),
            ("Duration: nan ms", Refusal::PlatformNumber),
            ("Duration: -1 ms", Refusal::PlatformNumber),
            ("Duration:", Refusal::ReportWithoutDuration),
            ("Memory Size: 128 MB", Refusal::ReportWithoutDuration),
        ] {
            let line = format!("REPORT RequestId: {ID}\t{line}");
            assert_eq!(read(&line), Some(Event::Refused(cause)), "{line}");
        }
        let init = "INIT_REPORT Phase: init";
        assert_eq!(
            read(init),
            Some(Event::Refused(Refusal::ReportWithoutDuration))
        );
    }
}
