//! DogStatsD text, read and written.
//!
//! ```text
//! packet      = message *( LF message ) [ LF ]
//! message     = metric / event / service-check
//! metric      = name ":" values "|" type *( "|" field )
//! values      = value *( ":" value )            of a set: one string
//! type        = "c" / "g" / "ms" / "h" / "s" / "d"
//! field       = "@" rate / "#" tag *( "," tag ) / "T" seconds / "c:" local-data
//!             / "e:" external-data / "card:" cardinality / other
//! event       = "_e{" title-bytes "," text-bytes "}:" title "|" text *( "|" efield )
//! check       = "_sc|" name "|" status *( "|" cfield )
//! ```
//!
//! # Reading
//! [`parse`] walks a packet and yields each message or an error that names the byte; a bad message
//! does not touch its neighbours. Everything is borrowed from the packet and nothing is allocated
//! (but for a number of more than 100 characters with digit separators in it). The rules are the
//! Agent's parser's:
//! - the name ends at the first colon; name and value must not be empty;
//! - numbers are those of Go's `ParseFloat` ([`parse_float`]), so NaN and infinities pass: whoever
//!   aggregates refuses them;
//! - in a packed list empty items are skipped, one bad item refuses the message, and a list of
//!   nothing but empty items is refused;
//! - fields come in any order, unknown ones are skipped, of a repeated one the last stands;
//! - the rate may be any number; `T` must be a whole number above 0.
//!
//! A message must be UTF-8, which the Agent does not ask for.
//!
//! # Writing
//! One payload is one datagram of whole lines, at most `datagram_bytes_max` long.
//!
//! | kind | type | values |
//! | --- | --- | --- |
//! | distribution | `d` | values that make the same sketch again ([`crate::EncodeConfig::expand_max`]) |
//! | histogram | `h` | the same |
//! | count | `c` | the sum |
//! | gauge | `g` | the last value |
//!
//! A value that stands n times is written once with `|@` a rate whose inverse, computed as a double
//! and cut off, is n. The characters that end a name, a tag or a message become `_`. A host
//! becomes the tag `host:…`, which receivers take for the host.

mod event;
mod float;
mod message;
mod write;

pub use event::{Event, ServiceCheck};
pub use float::{FloatError, parse_float};
pub use message::{Messages, Metric, MetricType, Tags, Values, parse};
pub(crate) use write::Datagrams;

use core::fmt;

/// One message of a packet.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<'a> {
    /// One or more values of a metric.
    Metric(Metric<'a>),
    /// An event.
    Event(Event<'a>),
    /// A service check.
    ServiceCheck(ServiceCheck<'a>),
}

/// Why a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Distance in bytes from the start of the packet to the part that was refused.
    pub offset: usize,
    /// What was wrong with it.
    pub cause: ParseCause,
}

/// What can be wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseCause {
    /// It is not UTF-8.
    NotUtf8,
    /// There is no `|`, and so no type.
    NoType,
    /// There is no colon between name and value.
    NoValue,
    /// The name is empty.
    EmptyName,
    /// The value, or every item of a list of values, is empty.
    EmptyValue,
    /// A value or a rate is not a number.
    NotANumber,
    /// A number is too large for a double.
    TooLarge,
    /// The type is none of c, g, ms, h, s and d.
    UnknownType,
    /// A timestamp is not a whole number above 0.
    Timestamp,
    /// The head of an event is not `_e{title-bytes,text-bytes}:`.
    EventHead,
    /// An event is shorter than its head says, or its parts do not meet where it says.
    EventLength,
    /// The status of a service check is not 0, 1, 2 or 3.
    Status,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.cause {
            ParseCause::NotUtf8 => "text is not UTF-8; send names and tags as UTF-8",
            ParseCause::NoType => "no '|' before the type; a metric is name:value|type",
            ParseCause::NoValue => "no ':' before the value; a metric is name:value|type",
            ParseCause::EmptyName => "the name is empty",
            ParseCause::EmptyValue => "the value is empty",
            ParseCause::NotANumber => "not a number",
            ParseCause::TooLarge => "the number is too large for a double",
            ParseCause::UnknownType => "unknown type; the types are c, g, ms, h, s and d",
            ParseCause::Timestamp => "a timestamp is T and a whole number of seconds above 0",
            ParseCause::EventHead => "an event begins with _e{bytes of title,bytes of text}:",
            ParseCause::EventLength => "the event's parts are not as long as its head says",
            ParseCause::Status => "a service check's status is 0, 1, 2 or 3",
        };
        write!(f, "at byte {}: {what}", self.offset)
    }
}

impl core::error::Error for ParseError {}
