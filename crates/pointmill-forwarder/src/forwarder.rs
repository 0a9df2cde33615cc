//! Events become points: the second of the two stages, with what must be remembered between them.
//!
//! ```text
//! Forwarder ─ batch(source) ─▶ Batch ─ event(time, message) ─▶ Outcome
//!   requests  what has been counted of an invocation     │
//!   sandboxes what is known of a log stream              └─▶ sink(&Point) …
//!   legacy    counts and gauges of one time ─ finish ───────▶ sink(&Point)
//! ```
//!
//! No clock, no I/O. Memory is bounded by [`Config::requests_max`], [`Config::streams_max`] and
//! ten thousand `MONITORING|` sums.

use std::borrow::Cow;

use crate::bounded::Bounded;
use crate::enhanced::Enhanced;
use crate::functions::Functions;
use crate::identity::{Feed, Identity, NO_ENV, Source, key};
use crate::legacy_sums::LegacySums;
use crate::message::{self, Event, Legacy, LegacyKind, Metric};
use crate::platform::Counting;
use crate::point::{Point, PointKind};
use crate::sandbox::{Request, Sandbox};
use crate::{Account, Config, Refusal};

/// Receives points; they are borrowed for the call.
pub type Sink<'s> = dyn FnMut(&Point<'_>) + 's;

/// What an event was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A message of the platform. Logs include it.
    Platform,
    /// A metric. Logs do without it.
    Metric,
    /// An ordinary log.
    Log,
    /// An ordinary log that looks like something else and is not usable as that.
    Refused(Refusal),
}

impl Outcome {
    /// Whether the event is passed on with the logs: all but metrics are.
    #[must_use]
    pub fn is_log(self) -> bool {
        self != Outcome::Metric
    }
}

/// Turns log events, lines and telemetry into points.
///
/// # Examples
/// ```
/// use pointmill_forwarder::{Config, Forwarder, NoFunctions, Source};
///
/// let mut forwarder = Forwarder::new(Config::default());
/// let source = Source { log_group: "/aws/lambda/checkout", ..Source::default() };
/// let mut points = Vec::new();
/// let mut sink = |point: &pointmill_forwarder::Point<'_>| {
///     points.push((point.name.to_owned(), point.value, point.unix_s));
/// };
/// let mut functions = NoFunctions;
/// let mut batch = forwarder.batch(source, &mut functions);
/// batch.event(
///     Some(1_767_225_600_123),
///     "REPORT RequestId: 5a1c0e52\tDuration: 42.50 ms\tBilled Duration: 43 ms\t\
///      Memory Size: 512 MB\tMax Memory Used: 77 MB",
///     &mut sink,
/// );
/// batch.event(None, r#"{"m":"shop.total","v":31.9,"e":1767225590,"t":[]}"#, &mut sink);
/// forwarder.finish(&mut sink);
/// assert_eq!(points[0], ("aws.lambda.enhanced.duration".to_owned(), 0.0425, Some(1_767_225_600)));
/// assert_eq!(points[4], ("shop.total".to_owned(), 31.9, Some(1_767_225_590)));
/// assert!(forwarder.account().balances());
/// ```
#[derive(Debug)]
pub struct Forwarder {
    config: Config,
    requests: Bounded<String, Request>,
    sandboxes: Bounded<String, Sandbox>,
    legacy: LegacySums,
    account: Account,
}

impl Forwarder {
    /// A forwarder that has seen nothing.
    #[must_use]
    pub fn new(config: Config) -> Forwarder {
        Forwarder {
            requests: Bounded::new(config.requests_max),
            sandboxes: Bounded::new(config.streams_max),
            legacy: LegacySums::default(),
            account: Account::default(),
            config,
        }
    }

    /// What became of every event so far.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// How it was told to work.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn account_mut(&mut self) -> &mut Account {
        &mut self.account
    }

    /// Counts an event that could not even be read.
    pub(crate) fn refuse(&mut self, cause: Refusal) {
        self.account.events += 1;
        *self.account.refused.entry(cause).or_default() += 1;
    }

    /// Begins events of one source. `functions` is asked once here, and again only when telemetry
    /// tells which function it is of.
    pub fn batch<'f>(
        &'f mut self,
        source: Source<'f>,
        functions: &'f mut dyn Functions,
    ) -> Batch<'f> {
        let stream = format!(
            "{}\0{}\0{}",
            source.owner, source.log_group, source.log_stream
        );
        let identity = match self.sandboxes.get_mut(stream.as_str()) {
            Some(sandbox) => Identity::new(&self.config, &source, sandbox, functions),
            None => Identity::new(&self.config, &source, &Sandbox::default(), functions),
        };
        Batch {
            forwarder: self,
            functions,
            source,
            identity,
            stream,
        }
    }

    /// Hands out what waits: `MONITORING|` counts and gauges. To be called at the end of the input,
    /// or as often as their points should go out.
    pub fn finish(&mut self, sink: &mut Sink<'_>) {
        self.account.legacy_points += self.legacy.drain(sink);
    }
}

/// Events of one source.
pub struct Batch<'f> {
    forwarder: &'f mut Forwarder,
    functions: &'f mut dyn Functions,
    source: Source<'f>,
    identity: Identity,
    stream: String,
}

impl std::fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl<'f> Batch<'f> {
    /// The log group.
    pub(crate) fn log_group(&self) -> &'f str {
        self.source.log_group
    }

    /// Counts an event that could not even be read.
    pub(crate) fn refuse(&mut self, cause: Refusal) {
        self.forwarder.refuse(cause);
    }

    /// The bytes as text; what is not UTF-8 is mended and counted.
    pub(crate) fn text<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, str> {
        let text = String::from_utf8_lossy(bytes);
        let mended = matches!(text, Cow::Owned(_));
        self.forwarder.account.utf8_mended += u64::from(mended);
        text
    }

    /// Says that further events are of another stream (sandbox) of the same function.
    pub fn set_log_stream(&mut self, log_stream: &str) {
        let Source {
            owner, log_group, ..
        } = self.source;
        self.stream.clear();
        self.stream
            .extend([owner, "\0", log_group, "\0", log_stream]);
    }

    /// Takes one event: a log event's message, a line, or a telemetry event's JSON.
    ///
    /// `unix_ms` is the event's time, if it has one; a point without a time of its own gets it.
    pub fn event(&mut self, unix_ms: Option<i64>, message: &str, sink: &mut Sink<'_>) -> Outcome {
        let forwarder = &mut *self.forwarder;
        forwarder.account.events += 1;
        let event = message::read(message, forwarder.config.console_prefixes);
        match event {
            Event::Log => {
                forwarder.account.logs += 1;
                Outcome::Log
            }
            Event::Refused(cause) => {
                *forwarder.account.refused.entry(cause).or_default() += 1;
                Outcome::Refused(cause)
            }
            Event::Metric(metric) => {
                self.metric(&metric, unix_ms, sink);
                Outcome::Metric
            }
            Event::Legacy(legacy) => {
                self.legacy(legacy, sink);
                Outcome::Metric
            }
            event => self.platform(&event, unix_ms, sink),
        }
    }

    fn metric(&mut self, metric: &Metric<'_>, unix_ms: Option<i64>, sink: &mut Sink<'_>) {
        let forwarder = &mut *self.forwarder;
        forwarder.account.metrics += 1;
        forwarder.account.ddtags_ignored += u64::from(metric.ddtags_ignored);
        if metric.name == Enhanced::Errors.name() {
            let sandbox = forwarder.sandboxes.entry(self.stream.as_str());
            sandbox.library_error = true;
        }
        let own = || metric.tags.iter().chain(&metric.ddtags);
        let names_env = own().any(|tag| key(tag) == "env");
        let names_service = metric.ddtags.iter().any(|tag| key(tag) == "service");
        let added = self
            .identity
            .custom
            .iter()
            .map(String::as_str)
            .filter(|tag| !(names_env && *tag == NO_ENV || names_service && key(tag) == "service"));
        let line = metric.tags.iter().map(Cow::as_ref);
        let ddtags = metric.ddtags.iter().map(Cow::as_ref);
        let tags = distinct(line.chain(added).chain(ddtags));
        sink(&Point {
            kind: PointKind::Distribution,
            name: &metric.name,
            value: metric.value,
            unix_s: metric.unix_s.or(unix_ms.map(|ms| ms.div_euclid(1000))),
            tags: &tags,
        });
    }

    fn legacy(&mut self, legacy: Legacy<'_>, sink: &mut Sink<'_>) {
        let account = &mut self.forwarder.account;
        *account.legacy.entry(legacy.kind).or_default() += 1;
        let function = self.identity.name.as_ref();
        let function = function.map(|name| format!("function_name:{name}"));
        let own = legacy.tags.iter().map(Cow::as_ref);
        let tags = distinct(own.chain(function.as_deref()));
        let kind = match legacy.kind {
            LegacyKind::Histogram => PointKind::Histogram,
            LegacyKind::Check => PointKind::Check,
            kind @ (LegacyKind::Count | LegacyKind::Gauge) => {
                let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
                let (unix_s, value) = (legacy.unix_s, legacy.value);
                let sums = &mut self.forwarder.legacy;
                if sums.add(kind, &legacy.name, tags, unix_s, value) {
                    self.forwarder.finish(sink);
                }
                return;
            }
        };
        sink(&Point {
            kind,
            name: &legacy.name,
            value: legacy.value,
            unix_s: Some(legacy.unix_s),
            tags: &tags,
        });
    }

    fn platform(
        &mut self,
        event: &Event<'_>,
        unix_ms: Option<i64>,
        sink: &mut Sink<'_>,
    ) -> Outcome {
        let forwarder = &mut *self.forwarder;
        let told_by_log = matches!(event, Event::OutOfMemory { .. });
        let outcome = match told_by_log {
            true => Outcome::Log,
            false => Outcome::Platform,
        };
        match outcome {
            Outcome::Log => forwarder.account.logs += 1,
            _ => forwarder.account.platform += 1,
        }
        if !self.identity.is_lambda {
            return outcome;
        }
        let sandbox = forwarder.sandboxes.entry(self.stream.as_str());
        if let Event::InitStart(init) = event {
            sandbox.init_start(init, unix_ms);
            if self.source.feed == Feed::Telemetry {
                let config = &forwarder.config;
                self.identity = Identity::new(config, &self.source, sandbox, self.functions);
            }
            return outcome;
        }
        let mut counting = Counting {
            config: &forwarder.config,
            feed: self.source.feed,
            identity: &self.identity,
            sandbox,
            requests: &mut forwarder.requests,
            account: &mut forwarder.account,
            unix_ms,
            sink,
        };
        counting.event(event);
        outcome
    }
}

/// The tags without repetitions, in their order. There are few enough to look at all each time.
fn distinct<'t>(tags: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut out: Vec<&str> = Vec::with_capacity(16);
    for tag in tags {
        if !out.contains(&tag) {
            out.push(tag);
        }
    }
    out
}
