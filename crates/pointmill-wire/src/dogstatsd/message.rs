//! Metrics of a packet.

use super::event::{Event, ServiceCheck};
use super::float::{FloatError, parse_float};
use super::{Message, ParseCause, ParseError};

/// Walks the messages of a packet; empty lines are passed over.
///
/// Costs nothing until it is advanced. Each item is a message or the reason why the line is none.
#[must_use]
pub fn parse(packet: &[u8]) -> Messages<'_> {
    Messages { packet, at: 0 }
}

/// The messages of a packet; made by [`parse`].
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    packet: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.packet.get(self.at..).filter(|rest| !rest.is_empty())?;
            let start = self.at;
            let length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            self.at += length + 1;
            if length > 0 {
                return Some(parse_message(&rest[..length], start));
            }
        }
    }
}

fn parse_message(line: &[u8], start: usize) -> Result<Message<'_>, ParseError> {
    let text = core::str::from_utf8(line).map_err(|error| ParseError {
        offset: start + error.valid_up_to(),
        cause: ParseCause::NotUtf8,
    })?;
    let cursor = Cursor { text, start };
    if text.starts_with("_e{") {
        Event::parse(cursor).map(Message::Event)
    } else if text.starts_with("_sc") {
        ServiceCheck::parse(cursor).map(Message::ServiceCheck)
    } else {
        Metric::parse(cursor).map(Message::Metric)
    }
}

/// What is left of a message, and where in the packet it begins.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn fail(&self, cause: ParseCause) -> ParseError {
        ParseError {
            offset: self.start,
            cause,
        }
    }

    /// What stands before the next `|`, and what stands behind it (`None` without one).
    pub(super) fn field(self) -> (Cursor<'a>, Option<Cursor<'a>>) {
        match self.text.bytes().position(|b| b == b'|') {
            Some(at) => {
                let field = Cursor {
                    text: &self.text[..at],
                    start: self.start,
                };
                (field, Some(self.skip(at + 1)))
            }
            None => (self, None),
        }
    }

    /// The rest from the byte `n` on, which must be where a character begins.
    pub(super) fn skip(self, n: usize) -> Cursor<'a> {
        Cursor {
            text: &self.text[n..],
            start: self.start + n,
        }
    }

    fn float(&self) -> Result<f64, ParseError> {
        parse_float(self.text).map_err(|error| {
            self.fail(match error {
                FloatError::Syntax => ParseCause::NotANumber,
                FloatError::Range => ParseCause::TooLarge,
            })
        })
    }

    /// A whole number of seconds above 0.
    pub(super) fn timestamp(&self) -> Result<i64, ParseError> {
        let seconds = self.text.parse().ok().filter(|seconds| *seconds > 0);
        seconds.ok_or_else(|| self.fail(ParseCause::Timestamp))
    }
}

/// What a metric's values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// `c`: added up.
    Count,
    /// `g`: the last stands.
    Gauge,
    /// `ms`: a histogram in milliseconds.
    Timing,
    /// `h`: a histogram.
    Histogram,
    /// `s`: distinct strings are counted.
    Set,
    /// `d`: a distribution.
    Distribution,
}

impl MetricType {
    /// The type as it is written.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            MetricType::Count => "c",
            MetricType::Gauge => "g",
            MetricType::Timing => "ms",
            MetricType::Histogram => "h",
            MetricType::Set => "s",
            MetricType::Distribution => "d",
        }
    }

    fn from_symbol(symbol: &str) -> Option<MetricType> {
        Some(match symbol {
            "c" => MetricType::Count,
            "g" => MetricType::Gauge,
            "ms" => MetricType::Timing,
            "h" => MetricType::Histogram,
            "s" => MetricType::Set,
            "d" => MetricType::Distribution,
            _ => return None,
        })
    }
}

/// One or more values of a metric.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metric<'a> {
    /// The name, as sent.
    pub name: &'a str,
    /// What the values mean.
    pub metric_type: MetricType,
    /// The values, at least one; none for a set.
    pub values: Values<'a>,
    /// The values as sent: what stands between the name and the type. The member of a set.
    pub raw_values: &'a str,
    /// The sample rate as sent; 1 if there is none. Any number, NaN included: a receiver takes one
    /// outside 0 < rate <= 1 for 1.
    pub rate: f64,
    /// The tags, as sent.
    pub tags: Tags<'a>,
    /// Unix seconds, above 0.
    pub timestamp: Option<i64>,
    /// The local data: what stands behind `c:`.
    pub local_data: Option<&'a str>,
    /// The external data: what stands behind `e:`.
    pub external_data: Option<&'a str>,
    /// The tag cardinality asked for: what stands behind `card:`.
    pub cardinality: Option<&'a str>,
}

impl<'a> Metric<'a> {
    fn parse(message: Cursor<'a>) -> Result<Metric<'a>, ParseError> {
        let (head, rest) = message.field();
        let rest = rest.ok_or_else(|| message.fail(ParseCause::NoType))?;
        let colon = head.text.bytes().position(|b| b == b':');
        let colon = colon.ok_or_else(|| head.fail(ParseCause::NoValue))?;
        if colon == 0 {
            return Err(head.fail(ParseCause::EmptyName));
        }
        let raw = head.skip(colon + 1);
        if raw.text.is_empty() {
            return Err(raw.fail(ParseCause::EmptyValue));
        }
        let (symbol, fields) = rest.field();
        let metric_type = MetricType::from_symbol(symbol.text)
            .ok_or_else(|| symbol.fail(ParseCause::UnknownType))?;
        let values = match metric_type {
            MetricType::Set => Values {
                rest: "",
                first: None,
            },
            _ => Values::check(raw)?,
        };
        let mut metric = Metric {
            name: &head.text[..colon],
            metric_type,
            values,
            raw_values: raw.text,
            rate: 1.0,
            tags: Tags { rest: None },
            timestamp: None,
            local_data: None,
            external_data: None,
            cardinality: None,
        };
        let mut next = fields;
        while let Some(fields) = next {
            let (field, rest) = fields.field();
            metric.read_field(field)?;
            next = rest;
        }
        Ok(metric)
    }

    fn read_field(&mut self, field: Cursor<'a>) -> Result<(), ParseError> {
        match field.text.as_bytes() {
            [b'#', ..] => self.tags = Tags::new(&field.text[1..]),
            [b'@', ..] => self.rate = field.skip(1).float()?,
            [b'T', ..] => self.timestamp = Some(field.skip(1).timestamp()?),
            [b'c', b':', ..] => self.local_data = Some(&field.text[2..]),
            [b'e', b':', ..] => self.external_data = Some(&field.text[2..]),
            [b'c', b'a', b'r', b'd', b':', ..] => self.cardinality = Some(&field.text[5..]),
            _ => {}
        }
        Ok(())
    }
}

/// The values of a [`Metric`]: an iterator that reads them from the packet.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    /// Already read, since most messages have one value only.
    first: Option<f64>,
    rest: &'a str,
}

impl<'a> Values<'a> {
    /// Makes sure that every value can be read.
    fn check(list: Cursor<'a>) -> Result<Values<'a>, ParseError> {
        let mut values = Values {
            first: None,
            rest: "",
        };
        let mut at = 0;
        for item in list.text.split(':') {
            let cursor = Cursor {
                text: item,
                start: list.start + at,
            };
            at += item.len() + 1;
            if item.is_empty() {
                continue;
            }
            let value = cursor.float()?;
            if values.first.is_none() {
                values = Values {
                    first: Some(value),
                    rest: list.text.get(at..).unwrap_or(""),
                };
            }
        }
        if values.first.is_none() {
            return Err(list.fail(ParseCause::EmptyValue));
        }
        Ok(values)
    }
}

impl Iterator for Values<'_> {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while !self.rest.is_empty() {
            let (item, rest) = self.rest.split_once(':').unwrap_or((self.rest, ""));
            self.rest = rest;
            if !item.is_empty() {
                return parse_float(item).ok();
            }
        }
        None
    }
}

/// By their text: NaN equals NaN here, as two messages of the same bytes are equal.
impl PartialEq for Values<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.first.map(f64::to_bits) == other.first.map(f64::to_bits) && self.rest == other.rest
    }
}

/// The tags of a message: an iterator over what stands between its commas.
///
/// As sent, an empty one between two commas included; none at all if nothing stands behind the
/// `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags<'a> {
    rest: Option<&'a str>,
}

impl<'a> Tags<'a> {
    pub(super) fn new(list: &'a str) -> Tags<'a> {
        Tags {
            rest: (!list.is_empty()).then_some(list),
        }
    }

    pub(super) const NONE: Tags<'static> = Tags { rest: None };

    /// The list as sent, with its commas.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.rest.unwrap_or("")
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let list = self.rest?;
        let (tag, rest) = match list.split_once(',') {
            Some((tag, rest)) => (tag, Some(rest)),
            None => (list, None),
        };
        self.rest = rest;
        Some(tag)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
