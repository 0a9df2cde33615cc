//! Metrics as JSON lines: `{"m":name,"v":value,"e":unix seconds,"t":[tags]}`.
//!
//! Taken is what Datadog's forwarder takes: all four keys in any order, others beside them, `true`
//! and `false` as 1 and 0, `null` or 0 as the time of the log itself. Three of the four keys make a
//! candidate: what is wrong with it is counted, because the forwarder would leave it among the logs
//! without a word.

use core::fmt;
use std::borrow::Cow;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde_json::value::RawValue;

use super::json::{self, Members};
use super::{Event, unix_s};
use crate::Refusal;

/// The most tags of one metric: as many as an engine can be told to take.
pub const TAGS_MAX: usize = 1_000;

/// A metric of a JSON line; a distribution's point.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric<'a> {
    /// Its name, not empty.
    pub name: Cow<'a, str>,
    /// Its value; finite.
    pub value: f64,
    /// Its time in Unix seconds; `None` is the time of the log event.
    pub unix_s: Option<i64>,
    /// Its tags, in the order of the line.
    pub tags: Vec<Cow<'a, str>>,
    /// The tags of the member `ddtags`, which stand behind all others.
    pub ddtags: Vec<Cow<'a, str>>,
    /// Whether `ddtags` was no text, so that its tags are not there.
    pub ddtags_ignored: bool,
}

impl Metric<'_> {
    pub(super) fn into_static(self) -> Metric<'static> {
        let own = |tags: Vec<Cow<'_, str>>| {
            let tags = tags.into_iter().map(|tag| Cow::Owned(tag.into_owned()));
            tags.collect()
        };
        Metric {
            name: Cow::Owned(self.name.into_owned()),
            value: self.value,
            unix_s: self.unix_s,
            tags: own(self.tags),
            ddtags: own(self.ddtags),
            ddtags_ignored: self.ddtags_ignored,
        }
    }
}

/// Reads a text that begins with `{`; [`Event::Log`] if it is no metric.
pub(crate) fn read(text: &str) -> Event<'_> {
    match serde_json::from_str::<Members<'_>>(text) {
        Ok(members) => from_members(&members),
        Err(_) if resembles(text) => Event::Refused(Refusal::NotJson),
        Err(_) => Event::Log,
    }
}

/// Whether text that is no JSON seems to have been meant as a metric.
pub(crate) fn resembles(text: &str) -> bool {
    ["\"m\"", "\"v\"", "\"t\""]
        .iter()
        .all(|key| text.contains(key))
}

/// Whether text that begins with `[` is a list of metrics.
pub(crate) fn is_list(text: &str) -> bool {
    let inner = text[1..].trim_start();
    inner.starts_with('{') && resembles(inner) && text.ends_with(']')
}

/// The metric of `members`; [`Event::Log`] if there are not three of the four keys.
pub(crate) fn from_members<'a>(members: &Members<'a>) -> Event<'a> {
    let keys = [members.m, members.v, members.e, members.t];
    if keys.iter().flatten().count() < 3 {
        return Event::Log;
    }
    match parse(members) {
        Ok(metric) => Event::Metric(metric),
        Err(cause) => Event::Refused(cause),
    }
}

fn parse<'a>(members: &Members<'a>) -> Result<Metric<'a>, Refusal> {
    let (Some(m), Some(v), Some(e), Some(t)) = (members.m, members.v, members.e, members.t) else {
        return Err(Refusal::MissingKey);
    };
    let value = value(v.get())?;
    let name = json::text(m).filter(|name| !name.is_empty());
    let (ddtags, ddtags_ignored) = match members.ddtags.map(json::text) {
        None => (Vec::new(), false),
        Some(None) => (Vec::new(), true),
        Some(Some(text)) => (split(text), false),
    };
    let metric = Metric {
        name: name.ok_or(Refusal::BadName)?,
        value,
        unix_s: time(e.get())?,
        tags: tags(t)?,
        ddtags,
        ddtags_ignored,
    };
    match metric.tags.len() + metric.ddtags.len() {
        0..=TAGS_MAX => Ok(metric),
        _ => Err(Refusal::TooManyTags),
    }
}

fn value(text: &str) -> Result<f64, Refusal> {
    match text.as_bytes() {
        b"true" => return Ok(1.0),
        b"false" => return Ok(0.0),
        [b'-' | b'0'..=b'9', ..] => {}
        _ => return Err(Refusal::ValueNotANumber),
    }
    // It is valid JSON, so only its size can be wrong.
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
    value.ok_or(Refusal::NotFinite)
}

fn time(text: &str) -> Result<Option<i64>, Refusal> {
    if text == "null" {
        return Ok(None);
    }
    let number = text.parse::<f64>().map_err(|_| Refusal::BadTime)?;
    if number == 0.0 {
        return Ok(None);
    }
    unix_s(number).map(Some).ok_or(Refusal::BadTime)
}

/// One tag; `None` for `null`, which is passed over.
struct Tag<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Tag<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Tag<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a tag")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Tag<'de>, E> {
                Ok(Tag(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Tag<'de>, E> {
                Ok(Tag(Some(Cow::Owned(text.to_owned()))))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Tag<'de>, E> {
                Ok(Tag(Some(Cow::Borrowed(if value {
                    "true"
                } else {
                    "false"
                }))))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Tag<'de>, E> {
                Ok(Tag(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Tag<'de>, E> {
                Ok(Tag(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Tag<'de>, E> {
                Ok(Tag(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Tag<'de>, E> {
                Ok(Tag(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

fn tags(list: &RawValue) -> Result<Vec<Cow<'_, str>>, Refusal> {
    if !list.get().starts_with('[') {
        return Err(Refusal::TagsNotAList);
    }
    let tags: Vec<Tag<'_>> = serde_json::from_str(list.get()).map_err(|_| Refusal::BadTag)?;
    let tags = tags.into_iter().filter_map(|tag| tag.0);
    Ok(tags.filter(|tag| !tag.is_empty()).collect())
}

fn split(list: Cow<'_, str>) -> Vec<Cow<'_, str>> {
    let parts = |text: &str| -> Vec<Cow<'static, str>> {
        let parts = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        parts.map(|tag| Cow::Owned(tag.to_owned())).collect()
    };
    match list {
        Cow::Borrowed(text) => {
            let parts = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
            parts.map(Cow::Borrowed).collect()
        }
        Cow::Owned(text) => parts(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn refused(line: &str) -> Option<Refusal> {
        match read(line, true) {
            Event::Refused(cause) => Some(cause),
            _ => None,
        }
    }

    #[test]
    fn each_fault_has_its_cause() {
        for (line, cause) in [
            (r#"{"m":"a","v":1,"e":1}"#, Refusal::MissingKey),
            (r#"{"m":"a","e":1,"t":[]}"#, Refusal::MissingKey),
            (r#"{"m":"a","v":NaN,"e":1,"t":[]}"#, Refusal::NotFinite),
            (
                r#"{"m":"a","v":-Infinity,"e":1,"t":[]}"#,
                Refusal::NotFinite,
            ),
            (r#"{"m":"a","v":1e400,"e":1,"t":[]}"#, Refusal::NotFinite),
            (
                r#"{"m":"a","v":"1","e":1,"t":[]}"#,
                Refusal::ValueNotANumber,
            ),
            (
                r#"{"m":"a","v":null,"e":1,"t":[]}"#,
                Refusal::ValueNotANumber,
            ),
            (r#"{"m":"a","v":{},"e":1,"t":[]}"#, Refusal::ValueNotANumber),
            (r#"{"m":"","v":1,"e":1,"t":[]}"#, Refusal::BadName),
            (r#"{"m":7,"v":1,"e":1,"t":[]}"#, Refusal::BadName),
            (r#"{"m":"a","v":1,"e":"1","t":[]}"#, Refusal::BadTime),
            (r#"{"m":"a","v":1,"e":-5,"t":[]}"#, Refusal::BadTime),
            (r#"{"m":"a","v":1,"e":true,"t":[]}"#, Refusal::BadTime),
            (r#"{"m":"a","v":1,"e":1,"t":null}"#, Refusal::TagsNotAList),
            (r#"{"m":"a","v":1,"e":1,"t":[["b"]]}"#, Refusal::BadTag),
            (r#"{"m":"a","v":1,"e":1,"t":["b]}"#, Refusal::NotJson),
            (r#"[{"m":"a","v":1,"e":1,"t":[]}]"#, Refusal::ListOfMetrics),
            (
                "{\"m\":\"a\",\"v\":1,\"e\":1,\"t\":[]} {\"m\":\"a\",\"v\":1,\"e\":1,\"t\":[]}",
                Refusal::SeveralDocuments,
            ),
        ] {
            assert_eq!(refused(line), Some(cause), "{line}");
        }
        let many = vec!["\"t\""; TAGS_MAX + 1].join(",");
        let line = format!(r#"{{"m":"a","v":1,"e":1,"t":[{many}]}}"#);
        assert_eq!(refused(&line), Some(Refusal::TooManyTags));
        let line = format!(
            r#"{{"m":"a","v":1,"e":1,"t":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(refused(&line), Some(Refusal::BadTag));
    }

    #[test]
    fn what_has_only_two_of_the_keys_is_a_log() {
        for line in [
            r#"{"m":"hello","v":1}"#,
            r#"{"t":[1],"e":5}"#,
            "{}",
            "{",
            "{x}",
        ] {
            assert_eq!(read(line, true), Event::Log, "{line}");
        }
    }

    #[test]
    fn odd_tags_and_repeated_keys_are_taken_as_the_forwarder_takes_them() {
        let line = r#"{"m":"old","m":"caf\u00e9","v":false,"e":null,"t":["a\tb",5,-1,null,true,""],"ddtags":[]}"#;
        let Event::Metric(metric) = read(line, true) else {
            panic!("a metric")
        };
        assert_eq!(
            (&*metric.name, metric.value, metric.unix_s),
            ("café", 0.0, None)
        );
        assert_eq!(metric.tags, ["a\tb", "5", "-1", "true"]);
        assert!(metric.ddtags_ignored);
    }
}
