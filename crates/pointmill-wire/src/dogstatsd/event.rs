//! Events and service checks: recognised, so that a receiver can pass them on or count them.

use super::message::{Cursor, Tags};
use super::{ParseCause, ParseError};

/// An event, its parts as sent. In title and text a line break is written `\n`, as a backslash and
/// an n.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The title; not empty.
    pub title: &'a str,
    /// The text.
    pub text: &'a str,
    /// Unix seconds.
    pub timestamp: Option<i64>,
    /// The host.
    pub host: Option<&'a str>,
    /// `normal` or `low`, if the sender keeps to the protocol.
    pub priority: Option<&'a str>,
    /// `info`, `success`, `warning` or `error`, if the sender keeps to the protocol.
    pub alert_type: Option<&'a str>,
    /// What events are grouped by.
    pub aggregation_key: Option<&'a str>,
    /// The source.
    pub source_type: Option<&'a str>,
    /// The tags.
    pub tags: Tags<'a>,
}

impl<'a> Event<'a> {
    /// `_e{title-bytes,text-bytes}:title|text|…`
    pub(super) fn parse(message: Cursor<'a>) -> Result<Event<'a>, ParseError> {
        let bad_head = || message.fail(ParseCause::EventHead);
        let (head, _) = message.text.split_once("}:").ok_or_else(bad_head)?;
        let lengths = head
            .strip_prefix("_e{")
            .and_then(|lengths| lengths.split_once(','));
        let (title_len, text_len) = lengths.ok_or_else(bad_head)?;
        let title_len: usize = title_len.parse().map_err(|_| bad_head())?;
        let text_len: usize = text_len.parse().map_err(|_| bad_head())?;
        let body = message.skip(head.len() + 2);
        if title_len == 0 {
            return Err(body.fail(ParseCause::EmptyName));
        }
        let bad_length = || body.fail(ParseCause::EventLength);
        let title = body.text.get(..title_len).ok_or_else(bad_length)?;
        let rest = body.text[title_len..]
            .strip_prefix('|')
            .ok_or_else(bad_length)?;
        let text = rest.get(..text_len).ok_or_else(bad_length)?;
        let mut event = Event {
            title,
            text,
            timestamp: None,
            host: None,
            priority: None,
            alert_type: None,
            aggregation_key: None,
            source_type: None,
            tags: Tags::NONE,
        };
        let fields = body.skip(title_len + 1 + text_len);
        let mut next = match fields.text.as_bytes().first() {
            None => None,
            Some(b'|') => Some(fields.skip(1)),
            Some(_) => return Err(bad_length()),
        };
        while let Some(fields) = next {
            let (field, rest) = fields.field();
            event.read_field(field)?;
            next = rest;
        }
        Ok(event)
    }

    fn read_field(&mut self, field: Cursor<'a>) -> Result<(), ParseError> {
        match field.text.split_at_checked(2) {
            Some(("d:", _)) => self.timestamp = Some(field.skip(2).timestamp()?),
            Some(("h:", host)) => self.host = Some(host),
            Some(("p:", priority)) => self.priority = Some(priority),
            Some(("t:", alert_type)) => self.alert_type = Some(alert_type),
            Some(("k:", key)) => self.aggregation_key = Some(key),
            Some(("s:", source)) => self.source_type = Some(source),
            _ => {
                if let Some(tags) = field.text.strip_prefix('#') {
                    self.tags = Tags::new(tags);
                }
            }
        }
        Ok(())
    }
}

/// The state of a service, its parts as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceCheck<'a> {
    /// The name; not empty.
    pub name: &'a str,
    /// 0 ok, 1 warning, 2 critical, 3 unknown.
    pub status: u8,
    /// Unix seconds.
    pub timestamp: Option<i64>,
    /// The host.
    pub host: Option<&'a str>,
    /// The message.
    pub message: Option<&'a str>,
    /// The tags.
    pub tags: Tags<'a>,
}

impl<'a> ServiceCheck<'a> {
    /// `_sc|name|status|…`
    pub(super) fn parse(message: Cursor<'a>) -> Result<ServiceCheck<'a>, ParseError> {
        let (prefix, rest) = message.field();
        let rest = rest.ok_or_else(|| message.fail(ParseCause::NoType))?;
        if prefix.text != "_sc" {
            return Err(message.fail(ParseCause::EmptyName));
        }
        let (name, rest) = rest.field();
        if name.text.is_empty() {
            return Err(name.fail(ParseCause::EmptyName));
        }
        let (status, mut next) = rest.ok_or_else(|| name.fail(ParseCause::Status))?.field();
        let number = match status.text {
            "0" => 0,
            "1" => 1,
            "2" => 2,
            "3" => 3,
            _ => return Err(status.fail(ParseCause::Status)),
        };
        let mut check = ServiceCheck {
            name: name.text,
            status: number,
            timestamp: None,
            host: None,
            message: None,
            tags: Tags::NONE,
        };
        while let Some(fields) = next {
            let (field, rest) = fields.field();
            match field.text.split_at_checked(2) {
                Some(("d:", _)) => check.timestamp = Some(field.skip(2).timestamp()?),
                Some(("h:", host)) => check.host = Some(host),
                Some(("m:", message)) => check.message = Some(message),
                _ => {
                    if let Some(tags) = field.text.strip_prefix('#') {
                        check.tags = Tags::new(tags);
                    }
                }
            }
            next = rest;
        }
        Ok(check)
    }
}
