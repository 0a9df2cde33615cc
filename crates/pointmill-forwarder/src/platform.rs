//! The enhanced metrics of one platform message.
//!
//! An invocation may tell of one thing several times: a report with `Status: timeout` and the line
//! "Task timed out", or a crash, a report and three lines of a stack trace for want of memory. What
//! has been counted is remembered by request id ([`Request`]), or by sandbox where a line has no
//! id, so that each is counted once.

use crate::Config;
use crate::account::Account;
use crate::bounded::Bounded;
use crate::enhanced::Enhanced;
use crate::forwarder::Sink;
use crate::identity::{Feed, Identity};
use crate::message::{Event, InitReport, Report, RuntimeDone, Status};
use crate::point::{Point, PointKind};
use crate::sandbox::{Request, Sandbox, Start};

/// Everything that one message meets.
pub(crate) struct Counting<'c, 's> {
    pub(crate) config: &'c Config,
    pub(crate) feed: Feed,
    pub(crate) identity: &'c Identity,
    pub(crate) sandbox: &'c mut Sandbox,
    pub(crate) requests: &'c mut Bounded<String, Request>,
    pub(crate) account: &'c mut Account,
    pub(crate) unix_ms: Option<i64>,
    pub(crate) sink: &'c mut Sink<'s>,
}

/// Tags that only points of one message have.
#[derive(Clone, Debug, Default)]
struct Tags {
    memory_size: Option<String>,
    start: Option<Start>,
}

impl Tags {
    fn started(start: Start) -> Tags {
        Tags {
            memory_size: None,
            start: Some(start),
        }
    }
}

/// What is counted once for each invocation.
#[derive(Clone, Copy)]
enum Once {
    TimedOut,
    OutOfMemory,
    Error,
}

impl Once {
    fn metric(self) -> Enhanced {
        match self {
            Once::TimedOut => Enhanced::Timeouts,
            Once::OutOfMemory => Enhanced::OutOfMemory,
            Once::Error => Enhanced::Errors,
        }
    }

    fn flag(self, request: &mut Request) -> &mut bool {
        match self {
            Once::TimedOut => &mut request.timed_out,
            Once::OutOfMemory => &mut request.out_of_memory,
            Once::Error => &mut request.error,
        }
    }
}

impl Counting<'_, '_> {
    pub(crate) fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { request_id } => self.start(request_id, false),
            Event::Invoke { request_id } if self.feed == Feed::Telemetry => {
                self.start(request_id, true);
            }
            Event::Shutdown if self.feed == Feed::Telemetry => self.shutdown(),
            Event::InitReport(init) => self.init_report(init),
            Event::RestoreStart => {
                self.sandbox.began_unix_ms = self.unix_ms;
                self.sandbox.invoked = false;
            }
            Event::RestoreReport {
                duration_ms: Some(ms),
            } => {
                self.sandbox.restore_counted = true;
                let tags = Tags::started(Start::Cold);
                self.point(Enhanced::RestoreDuration, ms / 1000.0, &tags);
            }
            Event::RuntimeDone(done) if self.feed == Feed::Telemetry => self.runtime_done(done),
            Event::Report(report) => self.report(report),
            Event::Timeout { request_id } => {
                let id = request_id
                    .map(str::to_owned)
                    .or_else(|| self.sandbox.current.clone());
                self.once(Once::TimedOut, id.as_deref(), &Tags::default());
            }
            Event::Crash { request_id, killed } => {
                if *killed {
                    self.once(Once::OutOfMemory, Some(request_id), &Tags::default());
                }
                self.once(Once::Error, Some(request_id), &Tags::default());
            }
            Event::OutOfMemory { request_id } => {
                let id = request_id.as_deref().map(str::to_owned);
                let id = id.or_else(|| self.sandbox.current.clone());
                let tags = self.telemetry_tags(id.as_deref());
                self.once(Once::OutOfMemory, id.as_deref(), &tags);
            }
            Event::LogsDropped { records } => self.account.lost_by_platform += records,
            _ => {}
        }
    }

    /// Hands out one point.
    fn point(&mut self, metric: Enhanced, value: f64, tags: &Tags) {
        if !self.config.enhanced || !value.is_finite() {
            return;
        }
        let mut all: Vec<&str> = Vec::with_capacity(16);
        all.extend(tags.memory_size.as_deref());
        match tags.start {
            Some(Start::Cold) => all.push("cold_start:true"),
            Some(Start::Warm) => all.push("cold_start:false"),
            Some(Start::Proactive) => {
                all.extend(["cold_start:false", "proactive_initialization:true"]);
            }
            None => {}
        }
        if self.sandbox.durable {
            all.push("durable_function:true");
        }
        all.extend(self.identity.enhanced.iter().map(String::as_str));
        *self.account.enhanced.entry(metric).or_default() += 1;
        (self.sink)(&Point {
            kind: PointKind::Distribution,
            name: metric.name(),
            value,
            unix_s: self.unix_ms.map(|ms| ms.div_euclid(1000)),
            tags: &all,
        });
    }

    fn points(&mut self, tags: &Tags, values: &[(Enhanced, Option<f64>)]) {
        for (metric, value) in values {
            if let Some(value) = value {
                self.point(*metric, *value, tags);
            }
        }
    }

    /// Counts `what` unless it has been counted of this invocation.
    fn once(&mut self, what: Once, request_id: Option<&str>, tags: &Tags) {
        let counted = match (request_id, what) {
            (Some(id), what) => {
                let before = std::mem::replace(what.flag(self.requests.entry(id)), true);
                let by_library = matches!(what, Once::Error)
                    && self.sandbox.library_error
                    && self
                        .sandbox
                        .current
                        .as_deref()
                        .is_none_or(|current| current == id);
                let unattributed = matches!(what, Once::OutOfMemory)
                    && std::mem::take(&mut self.sandbox.out_of_memory);
                before || by_library || unattributed
            }
            (None, Once::OutOfMemory) => std::mem::replace(&mut self.sandbox.out_of_memory, true),
            (None, Once::Error) => self.sandbox.library_error,
            (None, Once::TimedOut) => false,
        };
        if counted {
            *self.account.repeated.entry(what.metric()).or_default() += 1;
        } else {
            self.point(what.metric(), 1.0, tags);
        }
    }

    /// How the invocation found its sandbox. Telemetry only: logs say it in their reports.
    fn start_of(&mut self, request_id: &str) -> Start {
        let request = self.requests.entry(request_id);
        let sandbox = &mut *self.sandbox;
        let unix_ms = self.unix_ms;
        *request
            .start
            .get_or_insert_with(|| sandbox.first_seen(unix_ms))
    }

    fn telemetry_tags(&mut self, request_id: Option<&str>) -> Tags {
        match (self.feed, request_id) {
            (Feed::Telemetry, Some(id)) => Tags::started(self.start_of(id)),
            _ => Tags::default(),
        }
    }

    fn start(&mut self, request_id: &str, by_extension: bool) {
        if self.sandbox.current.as_deref() != Some(request_id) {
            self.sandbox.current = Some(request_id.to_owned());
            self.sandbox.out_of_memory = false;
            self.sandbox.library_error = false;
        }
        if self.feed == Feed::Telemetry {
            let tags = Tags::started(self.start_of(request_id));
            if by_extension || self.sandbox.is_managed() {
                self.point(Enhanced::Invocations, 1.0, &tags);
            }
        }
    }

    fn shutdown(&mut self) {
        let tags = Tags::default();
        self.point(Enhanced::Shutdowns, 1.0, &tags);
        if !self.sandbox.invoked {
            self.point(Enhanced::UnusedInit, 1.0, &tags);
        }
    }

    fn init_report(&mut self, init: &InitReport<'_>) {
        // In a log the report of the first invocation says the same, except after a failure, when
        // it says nothing.
        let said_again = self.feed == Feed::Logs && init.status == Status::Success;
        if self.sandbox.began_unix_ms.is_none() {
            self.sandbox.began_unix_ms = self.unix_ms;
        }
        let Some(ms) = init.duration_ms.filter(|_| !said_again) else {
            return;
        };
        if self.feed == Feed::Telemetry && std::mem::replace(&mut self.sandbox.init_counted, true) {
            *self
                .account
                .repeated
                .entry(Enhanced::InitDuration)
                .or_default() += 1;
            return;
        }
        self.point(
            Enhanced::InitDuration,
            ms / 1000.0,
            &Tags::started(Start::Cold),
        );
    }

    fn runtime_done(&mut self, done: &RuntimeDone<'_>) {
        let id = &*done.request_id;
        let tags = Tags::started(self.start_of(id));
        let request = self.requests.entry(id);
        request.done = Some(done.status);
        request.runtime_ms = done.duration_ms;
        self.points(
            &tags,
            &[
                (Enhanced::RuntimeDuration, done.duration_ms),
                (Enhanced::ProducedBytes, done.produced_bytes),
                (Enhanced::ResponseLatency, done.response_latency_ms),
                (Enhanced::ResponseDuration, done.response_duration_ms),
            ],
        );
        self.failure(done.status, Some(id), &tags);
        if done.status == Status::Error && done.out_of_memory {
            self.once(Once::OutOfMemory, Some(id), &tags);
        }
    }

    /// Timeouts and errors by the status of a report or runtime. An invocation out of time is an
    /// error too in telemetry, as the extension counts it; in logs it is not, as the forwarder.
    fn failure(&mut self, status: Status, request_id: Option<&str>, tags: &Tags) {
        if status == Status::Timeout {
            self.once(Once::TimedOut, request_id, tags);
        }
        let is_error = match self.feed {
            Feed::Logs => status == Status::Error,
            Feed::Telemetry => matches!(status, Status::Error | Status::Timeout),
        };
        if is_error {
            self.once(Once::Error, request_id, tags);
        }
    }

    fn report(&mut self, report: &Report<'_>) {
        let id = report.request_id.as_deref();
        let tags = match self.feed {
            Feed::Logs => self.log_tags(report),
            Feed::Telemetry => self.report_tags(report, id),
        };
        let seconds = |ms: Option<f64>| ms.map(|ms| ms / 1000.0);
        self.points(
            &tags,
            &[
                (Enhanced::Duration, seconds(report.duration_ms)),
                (Enhanced::BilledDuration, seconds(report.billed_ms)),
                (Enhanced::MaxMemoryUsed, report.max_memory_mb),
                (Enhanced::RuntimeDuration, report.runtime_ms),
                (Enhanced::PostRuntimeDuration, report.post_runtime_ms),
            ],
        );
        self.once_a_sandbox(report, &tags);
        let memory = report.memory_size_mb.as_ref().map(|(mb, _)| *mb);
        if let (Some(billed_ms), Some(memory_mb)) = (report.billed_ms, memory) {
            let architecture = self.identity.architecture;
            let cost = self
                .config
                .prices
                .cost_usd(architecture, billed_ms, memory_mb);
            self.point(Enhanced::EstimatedCost, cost, &tags);
        }
        if self.feed == Feed::Telemetry {
            self.report_of_telemetry(report, memory, &tags);
        }
        let done = id.and_then(|id| self.requests.get_mut(id)?.done);
        if done.is_none() {
            self.failure(report.status, id, &tags);
        }
        if report.ran_out_of_memory() {
            self.once(Once::OutOfMemory, id, &tags);
        }
    }

    /// Initialisation and restore: a report and a message of their own tell of them.
    fn once_a_sandbox(&mut self, report: &Report<'_>, tags: &Tags) {
        if let Some(ms) = report.init_ms {
            let again = self.feed == Feed::Telemetry
                && std::mem::replace(&mut self.sandbox.init_counted, true);
            match again {
                true => {
                    *self
                        .account
                        .repeated
                        .entry(Enhanced::InitDuration)
                        .or_default() += 1
                }
                false => self.point(Enhanced::InitDuration, ms / 1000.0, tags),
            }
        }
        if let Some(ms) = report.restore_ms {
            match std::mem::take(&mut self.sandbox.restore_counted) {
                true => {
                    *self
                        .account
                        .repeated
                        .entry(Enhanced::RestoreDuration)
                        .or_default() += 1
                }
                false => self.point(Enhanced::RestoreDuration, ms / 1000.0, tags),
            }
        }
    }

    fn report_of_telemetry(&mut self, report: &Report<'_>, memory: Option<f64>, tags: &Tags) {
        let runtime_ms = report
            .request_id
            .as_deref()
            .and_then(|id| self.requests.get_mut(id)?.runtime_ms);
        if report.is_managed() || self.sandbox.is_managed() {
            let runtime_ms = report.response_latency_ms.or(report.duration_ms);
            self.points(tags, &[(Enhanced::RuntimeDuration, runtime_ms)]);
            return;
        }
        let rest = match (report.duration_ms, runtime_ms) {
            (Some(whole), Some(runtime)) if runtime != 0.0 => Some(whole - runtime),
            _ => None,
        };
        self.points(
            tags,
            &[
                (Enhanced::MemorySize, memory),
                (Enhanced::PostRuntimeDuration, rest),
            ],
        );
    }

    fn log_tags(&self, report: &Report<'_>) -> Tags {
        let cold = report.init_ms.is_some() || report.restore_ms.is_some();
        let memory = report.memory_size_mb.as_ref();
        Tags {
            memory_size: memory.map(|(_, text)| format!("memorysize:{text}")),
            start: Some(if cold { Start::Cold } else { Start::Warm }),
        }
    }

    fn report_tags(&mut self, report: &Report<'_>, request_id: Option<&str>) -> Tags {
        let told = match request_id {
            Some(id) => self.start_of(id),
            None => Start::Warm,
        };
        // An initialisation in the report says more than a beginning that was not seen.
        let cold = told == Start::Warm && report.init_ms.is_some();
        let memory = report
            .memory_size_mb
            .as_ref()
            .filter(|_| self.sandbox.memory_mb.is_none());
        Tags {
            memory_size: memory.map(|(_, text)| format!("memorysize:{text}")),
            start: Some(if cold { Start::Cold } else { told }),
        }
    }
}
