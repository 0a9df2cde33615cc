//! Bytes as they come from a file, a pipe or an invocation, to points and logs.
//!
//! ```text
//! push(bytes) ─┬ Lines       each line ──────────────────────────┐
//!              ├ CloudWatch  documents ─ envelope ─ log events ──┼▶ Batch::event ─▶ Output
//!              └ Telemetry   documents = events ─────────────────┘
//! ```

use std::borrow::Cow;
use std::mem;

use crate::documents::{Documents, Found};
use crate::envelope::{self, Document, EnvelopeError, Record};
use crate::message::time;
use crate::{Batch, Feed, Forwarder, Functions, Outcome, Point, Refusal, Source};

/// The longest line, in bytes: four times what one log event of CloudWatch holds.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines as a function's log has them, also as `aws logs tail` and `sam logs` print them.
    Lines,
    /// Envelopes of CloudWatch Logs ([`envelope`]).
    CloudWatch,
    /// Events of the Telemetry API: bodies as they are posted, or one event a line.
    Telemetry,
}

/// One log, on its way to wherever logs go.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// Its text.
    pub message: &'a str,
    /// Its time in Unix milliseconds, if known.
    pub unix_ms: Option<i64>,
    /// The log group, or empty.
    pub log_group: &'a str,
    /// The log stream, or empty.
    pub log_stream: &'a str,
}

/// Something that gave no metric though it looked like one, for a person.
#[derive(Clone, Copy, Debug)]
pub enum Complaint<'a> {
    /// An event, which stays a log.
    Event(Refusal, &'a str),
    /// An envelope, or a record of one, with all its events.
    Envelope(EnvelopeError),
}

/// Receives what comes out of a [`Reader`]. Everything is borrowed for the call.
pub trait Output {
    /// A point.
    fn point(&mut self, point: &Point<'_>);
    /// A log: every event but metrics.
    fn log(&mut self, log: &Log<'_>);
    /// A complaint about the event or envelope whose number (from 1, in its input) is given.
    fn complain(&mut self, number: u64, complaint: Complaint<'_>);
}

/// What an input does not say of itself.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// The account that owns the log group; empty if not known.
    pub owner: String,
    /// The log group, `/aws/lambda/NAME` for a function known by name; empty if not known.
    pub log_group: String,
    /// The log stream, if all lines are of one; telemetry always is.
    pub log_stream: String,
    /// The time of events before the first one that has a time.
    pub unix_ms: Option<i64>,
}

/// Reads one input.
#[derive(Debug)]
pub struct Reader {
    format: Format,
    defaults: Defaults,
    documents: Documents,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// The present line is too long and has been complained about.
    skipping: bool,
    /// The latest time seen; lines without one are from about then.
    unix_ms: Option<i64>,
    /// The stream that a line named last.
    stream: String,
    number: u64,
}

/// What a reader works with while it is given bytes.
pub struct Workshop<'w> {
    /// Makes points of events.
    pub forwarder: &'w mut Forwarder,
    /// Knows functions.
    pub functions: &'w mut dyn Functions,
    /// Takes what comes out.
    pub output: &'w mut dyn Output,
}

impl std::fmt::Debug for Workshop<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workshop").finish_non_exhaustive()
    }
}

impl Reader {
    /// Before the first byte of an input.
    #[must_use]
    pub fn new(format: Format, defaults: Defaults) -> Reader {
        Reader {
            format,
            documents: Documents::new(),
            line: Vec::new(),
            skipping: false,
            unix_ms: defaults.unix_ms,
            stream: defaults.log_stream.clone(),
            number: 0,
            defaults,
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8], shop: &mut Workshop<'_>) {
        match self.format {
            Format::Lines => self.lines(bytes, shop),
            Format::CloudWatch => {
                let mut documents = mem::take(&mut self.documents);
                documents.push(bytes, &mut |found| self.envelope_found(found, shop));
                self.documents = documents;
            }
            Format::Telemetry => {
                self.telemetry(|documents, each| documents.push(bytes, each), shop)
            }
        }
    }

    /// The end of the input.
    pub fn finish(&mut self, shop: &mut Workshop<'_>) {
        match self.format {
            Format::Lines if self.line.is_empty() => {}
            Format::Lines => self.lines(b"\n", shop),
            Format::CloudWatch => {
                let mut documents = mem::take(&mut self.documents);
                documents.finish(&mut |found| self.envelope_found(found, shop));
            }
            Format::Telemetry => self.telemetry(Documents::finish, shop),
        }
    }

    fn lines(&mut self, mut bytes: &[u8], shop: &mut Workshop<'_>) {
        let defaults = mem::take(&mut self.defaults);
        let Workshop {
            forwarder,
            functions,
            output,
        } = shop;
        let source = Source {
            feed: Feed::Logs,
            owner: &defaults.owner,
            log_group: &defaults.log_group,
            log_stream: &defaults.log_stream,
        };
        let mut batch = forwarder.batch(source, *functions);
        batch.set_log_stream(&self.stream);
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (part, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            self.number += 1;
            if mem::take(&mut self.skipping) {
                continue;
            }
            let carried = mem::take(&mut self.line);
            let whole = match carried.is_empty() {
                true => Cow::Borrowed(part),
                false => Cow::Owned([&carried, part].concat()),
            };
            if whole.len() > LINE_BYTES_MAX {
                batch.refuse(Refusal::TooLong);
                output.complain(self.number, Complaint::Event(Refusal::TooLong, ""));
                continue;
            }
            self.line_event(&whole, &mut batch, *output);
            // Its memory serves the next line that is cut.
            self.line = carried;
            self.line.clear();
        }
        if !self.skipping {
            self.line.extend_from_slice(bytes);
            if self.line.len() > LINE_BYTES_MAX {
                self.line = Vec::new();
                self.skipping = true;
                batch.refuse(Refusal::TooLong);
                output.complain(self.number + 1, Complaint::Event(Refusal::TooLong, ""));
            }
        }
        self.defaults = defaults;
    }

    fn line_event(&mut self, bytes: &[u8], batch: &mut Batch<'_>, output: &mut dyn Output) {
        let text = batch.text(bytes);
        let line = time::line(text.trim_end());
        if let Some(log_stream) = line.log_stream.filter(|found| *found != self.stream) {
            self.stream.clear();
            self.stream.push_str(log_stream);
            batch.set_log_stream(log_stream);
        }
        self.unix_ms = line.unix_ms.or(self.unix_ms);
        let log = Log {
            message: line.text,
            unix_ms: self.unix_ms,
            log_group: batch.log_group(),
            log_stream: &self.stream,
        };
        event(batch, &log, self.number, output);
    }

    fn envelope_found(&mut self, found: Found<'_>, shop: &mut Workshop<'_>) {
        self.number += 1;
        match found {
            Found::Document(json) => self.envelope(json, shop),
            Found::Cut(_) | Found::Text(_) => self.refuse_envelope(EnvelopeError::NotJson, shop),
            Found::TooLong => self.refuse_envelope(EnvelopeError::TooLarge, shop),
        }
    }

    fn refuse_envelope(&mut self, cause: EnvelopeError, shop: &mut Workshop<'_>) {
        let account = shop.forwarder.account_mut();
        *account.envelopes_refused.entry(cause).or_default() += 1;
        shop.output
            .complain(self.number, Complaint::Envelope(cause));
    }

    /// Takes the documents that `feed` finds as events.
    fn telemetry(
        &mut self,
        feed: impl FnOnce(&mut Documents, &mut dyn FnMut(Found<'_>)),
        shop: &mut Workshop<'_>,
    ) {
        let mut documents = mem::take(&mut self.documents);
        let source = Source {
            feed: Feed::Telemetry,
            owner: &self.defaults.owner,
            log_group: &self.defaults.log_group,
            log_stream: &self.defaults.log_stream,
        };
        let mut batch = shop.forwarder.batch(source, &mut *shop.functions);
        let (number, unix_ms) = (&mut self.number, &mut self.unix_ms);
        feed(&mut documents, &mut |found| {
            *number += 1;
            let cause = match found {
                Found::Document(bytes) | Found::Text(bytes) => {
                    let text = batch.text(bytes);
                    let message = text.trim_end();
                    *unix_ms = time::line(message).unix_ms.or(*unix_ms);
                    let log = Log {
                        message,
                        unix_ms: *unix_ms,
                        log_group: source.log_group,
                        log_stream: source.log_stream,
                    };
                    return event(&mut batch, &log, *number, shop.output);
                }
                Found::Cut(_) => Refusal::Cut,
                Found::TooLong => Refusal::TooLong,
            };
            batch.refuse(cause);
            shop.output.complain(*number, Complaint::Event(cause, ""));
        });
        self.documents = documents;
    }

    fn envelope(&mut self, json: &[u8], shop: &mut Workshop<'_>) {
        let records = match envelope::records(json) {
            Ok(records) => records,
            Err(cause) => return self.refuse_envelope(cause, shop),
        };
        for record in records {
            let unpacked = match record {
                Record::Packed(data) => envelope::unpack(&data).map(Cow::Owned),
                Record::Plain(json) => Ok(Cow::Borrowed(json)),
                Record::Bad(cause) => Err(cause),
            };
            let read = unpacked.and_then(|document| self.document(&document, shop));
            if let Err(cause) = read {
                self.refuse_envelope(cause, shop);
            }
        }
    }

    fn document(&self, json: &[u8], shop: &mut Workshop<'_>) -> Result<(), EnvelopeError> {
        let document = Document::parse(json)?;
        let account = shop.forwarder.account_mut();
        if document.is_control() {
            account.control_messages += 1;
            return Ok(());
        }
        account.documents += 1;
        fn either<'a>(own: &'a str, default: &'a str) -> &'a str {
            if own.is_empty() { default } else { own }
        }
        let source = Source {
            feed: Feed::Logs,
            owner: either(&document.owner, &self.defaults.owner),
            log_group: either(&document.log_group, &self.defaults.log_group),
            log_stream: either(&document.log_stream, &self.defaults.log_stream),
        };
        let mut batch = shop.forwarder.batch(source, &mut *shop.functions);
        for log_event in &document.log_events {
            let log_stream = log_event.log_stream.as_deref();
            if let Some(log_stream) = log_stream {
                batch.set_log_stream(log_stream);
            }
            let log = Log {
                message: &log_event.message,
                unix_ms: log_event.timestamp,
                log_group: source.log_group,
                log_stream: log_stream.unwrap_or(source.log_stream),
            };
            event(&mut batch, &log, self.number, shop.output);
        }
        Ok(())
    }
}

fn event(batch: &mut Batch<'_>, log: &Log<'_>, number: u64, output: &mut dyn Output) {
    let outcome = batch.event(log.unix_ms, log.message, &mut |point| output.point(point));
    if let Outcome::Refused(cause) = outcome {
        output.complain(number, Complaint::Event(cause, log.message));
    }
    if outcome.is_log() {
        output.log(log);
    }
}

/// What the beginning of an input says of its format; `None` if more of it may say more. Blanks
/// and a byte order mark say nothing.
///
/// An input that ends, or goes on too long, without having said enough, is asked with `at_end`.
#[must_use]
pub fn detect(head: &[u8], at_end: bool) -> Option<Format> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let head = head.trim_ascii_start();
    let inner = head.strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
    let inner = inner.unwrap_or(head);
    if !inner.starts_with(b"{") {
        // A text line may begin with a bracket; an empty list carries nothing in any format.
        return (at_end || !inner.is_empty()).then_some(Format::Lines);
    }
    let mut first: Option<Vec<u8>> = None;
    let mut keep = |found: Found<'_>| {
        if let (None, Found::Document(bytes) | Found::Cut(bytes)) = (&first, found) {
            first = Some(bytes.to_vec());
        }
    };
    let mut documents = Documents::new();
    documents.push(inner, &mut keep);
    if at_end {
        documents.finish(&mut keep);
    }
    let first = first?;
    let has = |key: &str| memchr::memmem::find(&first, key.as_bytes()).is_some();
    let envelope = has("\"awslogs\"")
        || has("\"logEvents\"")
        || (has("\"Records\"") && has("\"kinesis\""))
        || (has("\"records\"") && has("\"recordId\""))
        || (has("\"events\"") && has("\"logStreamName\""));
    let telemetry = (has("\"type\"") && has("\"record\"") && has("\"time\""))
        || (has("\"eventType\"") && (has("\"INVOKE\"") || has("\"SHUTDOWN\"")));
    Some(match (envelope, telemetry) {
        (true, _) => Format::CloudWatch,
        (false, true) => Format::Telemetry,
        (false, false) => Format::Lines,
    })
}
