//! Lines of the first Lambda integration.
//!
//! ```text
//! MONITORING|<unix seconds>|<value>|<type>|<metric name>[|[#]<tag>,<tag>…]
//! ```
//!
//! Taken as emitters in the wild write them: without tags, with an empty last field, with or
//! without `#`, with blanks around tags, with milliseconds instead of seconds.

use std::borrow::Cow;

use super::{Event, metric_line::TAGS_MAX, unix_s};
use crate::Refusal;

/// What such a line begins with.
pub(crate) const KEYWORD: &str = "MONITORING|";

/// A metric of a `MONITORING|` line.
#[derive(Clone, Debug, PartialEq)]
pub struct Legacy<'a> {
    /// Its type.
    pub kind: LegacyKind,
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its value; finite. A check's is 0, 1, 2 or 3.
    pub value: f64,
    /// Its time in Unix seconds.
    pub unix_s: i64,
    /// Its tags.
    pub tags: Vec<Cow<'a, str>>,
}

impl Legacy<'_> {
    pub(super) fn into_static(self) -> Legacy<'static> {
        let tags = self.tags.into_iter();
        Legacy {
            kind: self.kind,
            name: Cow::Owned(self.name.into_owned()),
            value: self.value,
            unix_s: self.unix_s,
            tags: tags.map(|tag| Cow::Owned(tag.into_owned())).collect(),
        }
    }
}

/// The type of a `MONITORING|` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LegacyKind {
    /// All lines of one time are added up.
    Count,
    /// The last line of one time counts.
    Gauge,
    /// Every line is a sample.
    Histogram,
    /// A service check's status.
    Check,
}

impl LegacyKind {
    /// The line's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LegacyKind::Count => "count",
            LegacyKind::Gauge => "gauge",
            LegacyKind::Histogram => "histogram",
            LegacyKind::Check => "check",
        }
    }

    fn read(word: &str) -> Option<LegacyKind> {
        Some(match word {
            "count" => LegacyKind::Count,
            "gauge" => LegacyKind::Gauge,
            "histogram" => LegacyKind::Histogram,
            "check" => LegacyKind::Check,
            _ => return None,
        })
    }
}

/// Reads what follows [`KEYWORD`].
pub(crate) fn read(fields: &str) -> Event<'_> {
    match parse(fields) {
        Ok(legacy) => Event::Legacy(legacy),
        Err(cause) => Event::Refused(cause),
    }
}

fn parse(fields: &str) -> Result<Legacy<'_>, Refusal> {
    let fields: Vec<&str> = fields.trim_end().splitn(6, '|').map(str::trim).collect();
    let (time, value, kind, name, tags) = match fields.as_slice() {
        [time, value, kind, name] => (time, value, kind, name, ""),
        [time, value, kind, name, tags] => (time, value, kind, name, *tags),
        _ => return Err(Refusal::LegacyFields),
    };
    let number = |text: &str| text.parse::<f64>().ok();
    let unix_s = number(time).and_then(unix_s).ok_or(Refusal::BadTime)?;
    let value = number(value).ok_or(Refusal::ValueNotANumber)?;
    if !value.is_finite() {
        return Err(Refusal::NotFinite);
    }
    let kind = LegacyKind::read(kind).ok_or(Refusal::LegacyType)?;
    if kind == LegacyKind::Check && ![0.0, 1.0, 2.0, 3.0].contains(&value) {
        return Err(Refusal::LegacyStatus);
    }
    if name.is_empty() {
        return Err(Refusal::BadName);
    }
    let tags = tags.trim_start_matches('#').split(',').map(str::trim);
    let tags = tags.filter(|tag| !tag.is_empty()).map(Cow::Borrowed);
    let tags: Vec<Cow<'_, str>> = tags.take(TAGS_MAX + 1).collect();
    if tags.len() > TAGS_MAX {
        return Err(Refusal::TooManyTags);
    }
    Ok(Legacy {
        kind,
        name: Cow::Borrowed(name),
        value,
        unix_s,
        tags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_cause() {
        for (fields, cause) in [
            ("", Refusal::LegacyFields),
            ("1|2|count", Refusal::LegacyFields),
            ("1|2|count|n|#a|b", Refusal::LegacyFields),
            ("x|2|count|n", Refusal::BadTime),
            ("-1|2|count|n", Refusal::BadTime),
            ("1|abc|count|n", Refusal::ValueNotANumber),
            ("1||count|n", Refusal::ValueNotANumber),
            ("1|nan|count|n", Refusal::NotFinite),
            ("1|1e999|count|n", Refusal::NotFinite),
            ("1|2|nonsense|n", Refusal::LegacyType),
            ("1|4|check|n", Refusal::LegacyStatus),
            ("1|2|count||#a", Refusal::BadName),
        ] {
            assert_eq!(read(fields), Event::Refused(cause), "{fields}");
        }
        let many = format!("1|2|count|n|#{}", "t,".repeat(TAGS_MAX + 1));
        assert_eq!(read(&many), Event::Refused(Refusal::TooManyTags));
        assert!(matches!(read("1|3|check|n"), Event::Legacy(_)));
    }
}
