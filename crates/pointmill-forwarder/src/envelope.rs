//! Envelopes of CloudWatch Logs: what a subscription sends to a function or a stream.
//!
//! ```text
//! {"awslogs":{"data":"…"}}                       to a function         base64(gzip(document))
//! {"Records":[{"kinesis":{"data":"…"}},…]}       through Kinesis       one document a record
//! {"records":[{"recordId":…,"data":"…"},…]}      through Firehose      one document a record
//! {"messageType":…,"logGroup":…,"logEvents":…}   unpacked already      the document itself
//! {"events":[{"logStreamName":…,"message":…}]}   aws logs filter-log-events
//! ```
//!
//! A record that cannot be unpacked costs itself only. Unpacked documents are bounded by
//! [`DOCUMENT_BYTES_MAX`]: Lambda passes 6 MB in, and CloudWatch packs about 1 MB, so a document
//! that wants more is a bomb.

use core::fmt;
use std::borrow::Cow;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The largest document that is unpacked, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 32 << 20;

/// Why an envelope, or a record of one, has no log events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not JSON, or cut.
    NotJson,
    /// JSON that is none of the envelopes.
    Unknown,
    /// The data is not base64.
    Base64,
    /// The data is not gzip, or cut, or its checksum is wrong.
    Gzip,
    /// The data unpacks to more than [`DOCUMENT_BYTES_MAX`].
    TooLarge,
    /// What was unpacked is not a document of log events.
    Document,
}

impl EnvelopeError {
    /// Every cause.
    pub const ALL: [EnvelopeError; 6] = [
        EnvelopeError::NotJson,
        EnvelopeError::Unknown,
        EnvelopeError::Base64,
        EnvelopeError::Gzip,
        EnvelopeError::TooLarge,
        EnvelopeError::Document,
    ];

    /// A word for the cause.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EnvelopeError::NotJson => "envelope_not_json",
            EnvelopeError::Unknown => "envelope_unknown",
            EnvelopeError::Base64 => "envelope_base64",
            EnvelopeError::Gzip => "envelope_gzip",
            EnvelopeError::TooLarge => "envelope_too_large",
            EnvelopeError::Document => "envelope_document",
        }
    }
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EnvelopeError::NotJson => "not a whole JSON document",
            EnvelopeError::Unknown => {
                "none of the known envelopes; expected awslogs, Records[].kinesis, records[].data, \
                 logEvents or events"
            }
            EnvelopeError::Base64 => "the data is not base64",
            EnvelopeError::Gzip => "the data is not gzip, or was cut",
            EnvelopeError::TooLarge => "the data unpacks to more than 32 MiB",
            EnvelopeError::Document => "unpacked, it is not a document of log events",
        })
    }
}

impl std::error::Error for EnvelopeError {}

/// One log event.
#[derive(Debug, Deserialize)]
pub struct LogEvent<'a> {
    /// Its time in Unix milliseconds.
    #[serde(default)]
    pub timestamp: Option<i64>,
    /// Its text.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
    /// Its stream, where events of several stand together.
    #[serde(borrow, default, rename = "logStreamName")]
    pub log_stream: Option<Cow<'a, str>>,
}

/// Log events of one source.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<'a> {
    #[serde(borrow, default)]
    message_type: Cow<'a, str>,
    /// The account that owns the log group.
    #[serde(borrow, default)]
    pub owner: Cow<'a, str>,
    /// The log group.
    #[serde(borrow, default)]
    pub log_group: Cow<'a, str>,
    /// The log stream.
    #[serde(borrow, default)]
    pub log_stream: Cow<'a, str>,
    /// The events.
    #[serde(borrow, alias = "events")]
    pub log_events: Vec<LogEvent<'a>>,
}

impl<'a> Document<'a> {
    /// Reads a document.
    ///
    /// # Errors
    /// [`EnvelopeError::Document`].
    pub fn parse(json: &'a [u8]) -> Result<Document<'a>, EnvelopeError> {
        serde_json::from_slice(json).map_err(|_| EnvelopeError::Document)
    }

    /// Whether it only checks that somebody listens.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.message_type == "CONTROL_MESSAGE"
    }
}

/// A record of an envelope.
#[derive(Debug)]
pub enum Record<'a> {
    /// base64(gzip(document)); [`unpack`] gives the document.
    Packed(Cow<'a, str>),
    /// A document as it stands.
    Plain(&'a [u8]),
    /// Not a record of log events.
    Bad(EnvelopeError),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    awslogs: Option<Data<'a>>,
    #[serde(borrow, rename = "Records")]
    kinesis: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    records: Option<Vec<&'a RawValue>>,
    #[serde(borrow, rename = "logEvents", alias = "events")]
    log_events: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Kinesis<'a> {
    #[serde(borrow)]
    kinesis: Data<'a>,
}

/// The records of an envelope.
///
/// # Errors
/// [`EnvelopeError::NotJson`] or [`EnvelopeError::Unknown`], for the envelope as a whole.
pub fn records(json: &[u8]) -> Result<Vec<Record<'_>>, EnvelopeError> {
    let envelope: Envelope<'_> =
        serde_json::from_slice(json).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => EnvelopeError::Unknown,
            _ => EnvelopeError::NotJson,
        })?;
    if let Some(awslogs) = envelope.awslogs {
        return Ok(vec![Record::Packed(awslogs.data)]);
    }
    if envelope.log_events.is_some() {
        return Ok(vec![Record::Plain(json)]);
    }
    let kinesis = |raw: &'_ RawValue| -> Option<String> {
        let record: Kinesis<'_> = serde_json::from_str(raw.get()).ok()?;
        Some(record.kinesis.data.into_owned())
    };
    let firehose = |raw: &'_ RawValue| -> Option<String> {
        let record: Data<'_> = serde_json::from_str(raw.get()).ok()?;
        Some(record.data.into_owned())
    };
    let packed = |data: Option<String>| match data {
        Some(data) => Record::Packed(Cow::Owned(data)),
        None => Record::Bad(EnvelopeError::Unknown),
    };
    match (envelope.kinesis, envelope.records) {
        (Some(records), _) => Ok(records
            .into_iter()
            .map(|raw| packed(kinesis(raw)))
            .collect()),
        (None, Some(records)) => Ok(records
            .into_iter()
            .map(|raw| packed(firehose(raw)))
            .collect()),
        (None, None) => Err(EnvelopeError::Unknown),
    }
}

/// The document of a packed record.
///
/// # Errors
/// [`EnvelopeError::Base64`], [`EnvelopeError::Gzip`] or [`EnvelopeError::TooLarge`].
pub fn unpack(data: &str) -> Result<Vec<u8>, EnvelopeError> {
    unpack_at_most(data, DOCUMENT_BYTES_MAX)
}

fn unpack_at_most(data: &str, bytes_max: usize) -> Result<Vec<u8>, EnvelopeError> {
    let packed = STANDARD
        .decode(data.trim())
        .map_err(|_| EnvelopeError::Base64)?;
    let mut document = Vec::new();
    // One byte more than allowed tells "too large" from "just fits".
    let limit = bytes_max as u64 + 1;
    flate2::read::MultiGzDecoder::new(packed.as_slice())
        .take(limit)
        .read_to_end(&mut document)
        .map_err(|_| EnvelopeError::Gzip)?;
    match document.len() {
        n if n > bytes_max => Err(EnvelopeError::TooLarge),
        _ => Ok(document),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn pack(document: &[u8]) -> String {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(document).unwrap();
        STANDARD.encode(gzip.finish().unwrap())
    }

    const DOCUMENT: &str = r#"{"messageType":"DATA_MESSAGE","owner":"210987654321","logGroup":"/aws/lambda/a",
        "logStream":"s","subscriptionFilters":["f"],"new":{"x":[]},
        "logEvents":[{"id":"1","timestamp":1767225600123,"message":"a\tb"}]}"#;

    fn messages(envelope: &str) -> Vec<String> {
        let mut found = Vec::new();
        for record in records(envelope.as_bytes()).unwrap() {
            let bytes = match &record {
                Record::Packed(data) => unpack(data).unwrap(),
                Record::Plain(json) => json.to_vec(),
                Record::Bad(error) => panic!("{error}"),
            };
            let document = Document::parse(&bytes).unwrap();
            found.extend(
                document
                    .log_events
                    .iter()
                    .map(|event| event.message.to_string()),
            );
        }
        found
    }

    #[test]
    fn every_envelope_is_opened() {
        let packed = pack(DOCUMENT.as_bytes());
        for (envelope, n) in [
            (format!(r#"{{"awslogs":{{"data":"{packed}"}}}}"#), 1),
            (format!(r#"{{"Records":[{{"kinesis":{{"data":"{packed}"}}}},{{"kinesis":{{"data":"{packed}"}}}}]}}"#), 2),
            (format!(r#"{{"records":[{{"recordId":"1","data":"{packed}"}}]}}"#), 1),
            (DOCUMENT.to_owned(), 1),
            (r#"{"events":[{"logStreamName":"s","timestamp":5,"message":"a\tb","eventId":"1"}],"searchedLogStreams":[]}"#.to_owned(), 1),
        ] {
            assert_eq!(messages(&envelope), vec!["a\tb"; n], "{envelope}");
        }
    }

    #[test]
    fn one_bad_record_costs_itself_only() {
        let packed = pack(DOCUMENT.as_bytes());
        let envelope = format!(
            r#"{{"Records":[{{"s3":{{}}}},{{"kinesis":{{"data":"!"}}}},{{"kinesis":{{"data":"{packed}"}}}}]}}"#
        );
        let records = records(envelope.as_bytes()).unwrap();
        assert!(matches!(records[0], Record::Bad(EnvelopeError::Unknown)));
        let Record::Packed(data) = &records[1] else {
            panic!()
        };
        assert_eq!(unpack(data), Err(EnvelopeError::Base64));
        assert!(matches!(records[2], Record::Packed(_)));
    }

    #[test]
    fn damage_is_told_apart() {
        assert_eq!(
            records(b"{\"awslogs\":{\"da").unwrap_err(),
            EnvelopeError::NotJson
        );
        assert_eq!(records(b"[1]").unwrap_err(), EnvelopeError::Unknown);
        assert_eq!(
            records(b"{\"detail\":{}}").unwrap_err(),
            EnvelopeError::Unknown
        );
        assert_eq!(unpack(&STANDARD.encode(b"plain")), Err(EnvelopeError::Gzip));
        let packed = STANDARD.decode(pack(DOCUMENT.as_bytes())).unwrap();
        let cut = STANDARD.encode(&packed[..packed.len() - 9]);
        assert_eq!(unpack(&cut), Err(EnvelopeError::Gzip));
        assert_eq!(Document::parse(b"{}").unwrap_err(), EnvelopeError::Document);
    }

    #[test]
    fn a_bomb_is_given_up_at_the_limit() {
        let bomb = pack(&vec![b' '; 1 << 20]);
        assert_eq!(
            unpack_at_most(&bomb, (1 << 20) - 1),
            Err(EnvelopeError::TooLarge)
        );
        assert_eq!(unpack_at_most(&bomb, 1 << 20).map(|d| d.len()), Ok(1 << 20));
    }
}
