//! Messages that are JSON: which of the many kinds an object is.
//!
//! One pass finds the members that decide, as slices of the text; everything else is validated and
//! skipped. Nesting costs no stack, because nothing that is skipped is built.

use core::fmt;
use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Event, application, metric_line, out_of_memory, platform_json};
use crate::Refusal;

/// The members of an object that say what it is, the last of a repeated one.
#[derive(Debug, Default)]
pub(crate) struct Members<'a> {
    pub(crate) m: Option<&'a RawValue>,
    pub(crate) v: Option<&'a RawValue>,
    pub(crate) e: Option<&'a RawValue>,
    pub(crate) t: Option<&'a RawValue>,
    pub(crate) ddtags: Option<&'a RawValue>,
    kind: Option<&'a RawValue>,
    event_type: Option<&'a RawValue>,
    record: Option<&'a RawValue>,
    message: Option<&'a RawValue>,
    request_id: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Members::default();
                while let Some(Text(key)) = map.next_key()? {
                    let member = match &*key {
                        "m" => &mut members.m,
                        "v" => &mut members.v,
                        "e" => &mut members.e,
                        "t" => &mut members.t,
                        "ddtags" => &mut members.ddtags,
                        "type" => &mut members.kind,
                        "eventType" => &mut members.event_type,
                        "record" => &mut members.record,
                        "message" => &mut members.message,
                        "requestId" | "AWSRequestId" => &mut members.request_id,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *member = Some(map.next_value()?);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Text of a JSON string, borrowed where it has no escapes.
#[derive(Debug)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Str;
        impl<'de> Visitor<'de> for Str {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Str)
    }
}

/// The text of `raw` if it is a string.
pub(crate) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw.get())
        .ok()
        .map(|text| text.0)
}

/// Reads a message that begins with `{`.
pub(crate) fn read(json: &str, console_prefixes: bool) -> Event<'_> {
    let Ok(members) = serde_json::from_str::<Members<'_>>(json) else {
        return not_json(json);
    };
    let kind = members.kind.and_then(text).unwrap_or_default();
    if let Some(kind) = kind.strip_prefix("platform.") {
        return platform_json::read(kind, members.record);
    }
    if members.kind.is_none() {
        match members.event_type.and_then(text).as_deref() {
            Some("INVOKE") => {
                let request_id = members.request_id.and_then(text).unwrap_or_default();
                return Event::Invoke { request_id };
            }
            Some("SHUTDOWN") => return Event::Shutdown,
            _ => {}
        }
    }
    let inner = match (&*kind, members.record) {
        ("function" | "extension", Some(record)) => Some(record),
        _ => None,
    };
    let event = match metric_line::from_members(&members) {
        Event::Log => wrapped(inner.or(members.message), console_prefixes),
        event => event,
    };
    match event {
        Event::Log if out_of_memory::has_words(json) => Event::OutOfMemory {
            request_id: members.request_id.and_then(text),
        },
        event => event,
    }
}

/// What an application has logged, wrapped by Lambda's JSON log format or by telemetry.
fn wrapped(inner: Option<&RawValue>, console_prefixes: bool) -> Event<'_> {
    let Some(inner) = inner else {
        return Event::Log;
    };
    if inner.get().starts_with('{') {
        return object(inner.get());
    }
    let within = |text: &str| -> Event<'static> {
        let text = text.trim();
        let event = match text.as_bytes().first() {
            Some(b'{') => object(text),
            Some(_) => application(text, console_prefixes),
            None => Event::Log,
        };
        match event {
            Event::Log => out_of_memory::find(text).into_static(),
            event => event.into_static(),
        }
    };
    text(inner).map_or(Event::Log, |text| within(&text))
}

/// An object inside a wrapper: a metric, or a further wrapper's message that is one.
fn object(json: &str) -> Event<'_> {
    let Ok(members) = serde_json::from_str::<Members<'_>>(json) else {
        return Event::Log;
    };
    match (metric_line::from_members(&members), members.message) {
        (Event::Log, Some(message)) if message.get().starts_with('{') => {
            match serde_json::from_str::<Members<'_>>(message.get()) {
                Ok(members) => metric_line::from_members(&members),
                Err(_) => Event::Log,
            }
        }
        (event, _) => event,
    }
}

/// A message that begins like JSON and is none, or is more than one document.
fn not_json(text: &str) -> Event<'_> {
    if metric_line::resembles(text) {
        let mut documents = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
        let first_is_whole = documents.next().is_some_and(|document| document.is_ok());
        return Event::Refused(if first_is_whole {
            Refusal::SeveralDocuments
        } else if ["NaN", "Infinity"].iter().any(|word| text.contains(word)) {
            Refusal::NotFinite
        } else {
            Refusal::NotJson
        });
    }
    if text.contains("\"platform.report\"") {
        return Event::Refused(Refusal::NotJson);
    }
    out_of_memory::find(text)
}

impl Event<'_> {
    /// The same with text of its own, for what an application can log. Others become
    /// [`Event::Log`].
    fn into_static(self) -> Event<'static> {
        match self {
            Event::Metric(metric) => Event::Metric(metric.into_static()),
            Event::Legacy(legacy) => Event::Legacy(legacy.into_static()),
            Event::Refused(cause) => Event::Refused(cause),
            Event::OutOfMemory { request_id } => Event::OutOfMemory {
                request_id: request_id.map(|id| Cow::Owned(id.into_owned())),
            },
            _ => Event::Log,
        }
    }
}
