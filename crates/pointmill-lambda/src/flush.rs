//! Sending: at the end of an invocation, of an interval, before a deadline, and when a buffer is
//! full.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pointmill::Flush;
use pointmill_deliver::Client;
use pointmill_wire::Payload;

use crate::http::{self, Way};
use crate::invocation::{Invocation, Open, Outcome, Token, UnknownToken};
use crate::process::{self, Reading};
use crate::raw::text::Form;
use crate::raw::{Bodies, Body, Buffer, lock};
use crate::settings::Settings;
use crate::state::State;
use crate::stats::{LambdaStats, add, read};
use crate::tags::{Function, enhanced_tags};
use crate::{Arn, Mode, Start};

/// Length of an interval.
const INTERVAL_MS: i64 = 10_000;
/// How long before the guarded end of an invocation its points go out: time for a request.
const HTTP_LEAD_MS: i64 = 500;
/// The same where they only have to be written.
const WRITE_LEAD_MS: i64 = 30;
/// Time to write lines or datagrams where an invocation has none left.
const WRITE_MIN: Duration = Duration::from_millis(10);
/// Longest wait for the extension to answer a local test's flush: Go's layer has it.
const LOCAL_FLUSH_MAX: Duration = Duration::from_secs(3);
/// How long a recorder that found no room may write.
const SPILL_MAX: Duration = Duration::from_millis(200);
/// Datagrams sent at one go. The receiver's queue holds some 90 of 1432 bytes (the kernel charges
/// 2304 for each to its 212,992), and what it does not hold is lost without a word; after each go
/// the receiver gets a moment to read.
const DATAGRAMS_AT_ONCE: usize = 32;
const DATAGRAM_PAUSE: Duration = Duration::from_millis(1);
/// Longest wait for one go, which takes microseconds unless nobody listens.
const DATAGRAMS_MAX: Duration = Duration::from_millis(10);

/// What a flush came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flushed {
    /// Points that arrived during the call.
    pub accepted: u64,
    /// Points kept for the next flush.
    pub waiting: u64,
    /// Points given up during the call; [`LambdaStats`] and the last failure say why.
    pub dropped: u64,
}

impl Flushed {
    /// Whether everything has arrived.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.waiting == 0 && self.dropped == 0
    }
}

impl State {
    pub(crate) fn begin(&self, invocation: &Invocation<'_>) -> Token {
        let now_ms = self.now_ms();
        self.fixed.engine.tick(now_ms / 1000);
        let settings = &self.fixed.settings;
        let start = self.sandbox.start(now_ms, invocation.start);
        let tags = self.tags(invocation, start);
        // The extension counts invocations itself, and throws away what comes under this name.
        let counted = !invocation.not_counted && !self.fixed.extension_present;
        if counted && settings.on("enhanced_metrics") {
            self.enhanced("invocations", &tags, 1.0);
        }
        let (token, gave_up) = self.invocations.begin(Open {
            tags,
            deadline_unix_ms: invocation.deadline_unix_ms,
            rescued: false,
            reading: self.reads_processes().then(|| Box::new(Reading::now())),
        });
        if gave_up {
            self.fixed
                .warnings
                .say("an invocation was begun and never ended".to_owned());
        }
        token
    }

    /// The extension makes these metrics itself.
    fn reads_processes(&self) -> bool {
        let settings = &self.fixed.settings;
        let wanted = settings.on("process_metrics") && settings.on("enhanced_metrics");
        wanted && !self.fixed.extension_present
    }

    fn tags(&self, invocation: &Invocation<'_>, start: Start) -> Vec<String> {
        let settings = &self.fixed.settings;
        let text = invocation.invoked_function_arn;
        let arn = Arn::parse(text);
        if let Err(error) = &arn
            && !text.is_empty()
        {
            self.fixed.warnings.say(error.to_string());
        }
        let function = Function {
            arn: arn.ok(),
            name: or_else(invocation.function_name, settings, "function_name"),
            version: or_else(invocation.function_version, settings, "function_version"),
            memory_mb: match invocation.memory_mb {
                0 => u32::try_from(settings.number("memory_mb")).unwrap_or(0),
                told => told,
            },
        };
        enhanced_tags(self.profile(), &self.fixed.library, &function, start)
    }

    /// Sees to it that the thread wakes before the next deadline.
    pub(crate) fn arm(&self) {
        if let Some(deadline) = self.invocations.next_deadline() {
            self.timer.wake_by(deadline - self.lead_ms());
        }
    }

    pub(crate) fn end(&self, token: Token, outcome: &Outcome) -> Result<Duration, UnknownToken> {
        let open = self.invocations.end(token).ok_or(UnknownToken)?;
        let settings = &self.fixed.settings;
        if settings.on("enhanced_metrics") {
            // What the handler raised the extension learns from the platform; a 5xx it does not.
            let raised = outcome.error && !self.fixed.extension_present;
            if raised || (!outcome.error && outcome.is_server_error()) {
                self.enhanced("errors", &open.tags, 1.0);
            }
            if let Some(failures) = outcome.batch_item_failures {
                self.enhanced("batch_item_failures", &open.tags, failures as f64);
            }
            if let Some(ms) = outcome.time_to_first_byte_ms {
                self.enhanced("time_to_first_byte", &open.tags, ms);
            }
        }
        if let Some(begin) = &open.reading {
            let used = Reading::now().since(begin);
            for (name, value) in used.into_iter().chain(process::in_use()) {
                self.enhanced(name, &open.tags, value);
            }
        }
        let local_test = settings.on("local_test") && self.fixed.mode == Mode::Extension;
        if local_test {
            self.local_flushes.fetch_add(1, Ordering::Relaxed);
        }
        let idle = !local_test && !self.has_work();
        Ok(if idle {
            Duration::ZERO
        } else {
            self.budget(open.deadline_unix_ms)
        })
    }

    /// How long a flush may take that begins now and must be over before a deadline.
    fn budget(&self, deadline_unix_ms: i64) -> Duration {
        let settings = &self.fixed.settings;
        let most = Duration::from_millis(settings.number("flush_timeout_ms"));
        if deadline_unix_ms <= 0 {
            return most;
        }
        let guard = settings.number("deadline_guard_ms") as i64;
        let left = deadline_unix_ms - self.now_ms() - guard;
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        let least = if self.fixed.mode == Mode::Http {
            Duration::ZERO
        } else {
            WRITE_MIN
        };
        left.min(most).max(least)
    }

    /// Whether a flush would have something to send.
    fn has_work(&self) -> bool {
        let buffered = |buffer: &Buffer| buffer.pending() > 0;
        let waiting = |client: &Client| client.stats().waiting() > 0;
        buffered(&self.side)
            || self.points.as_ref().is_some_and(buffered)
            || self.fixed.engine.stats().pending > 0
            || waiting(&self.fixed.side)
            || self.fixed.main.as_ref().is_some_and(waiting)
    }

    pub(crate) fn flush(&self, which: Flush, timeout: Duration) -> Flushed {
        let until = Instant::now() + timeout;
        let left = || until.saturating_duration_since(Instant::now());
        let before = self.deliveries();
        self.fixed.engine.tick(self.now_s());
        self.half_full.store(false, Ordering::Relaxed);
        // What only has to be written goes first; a request may take all the time there is.
        self.send(&self.side, which, &left);
        if let Some(points) = &self.points {
            self.send(points, which, &left);
        } else if let Some(main) = &self.fixed.main {
            let _ = main.flush(which, left());
        }
        self.flush_extension(left());
        self.flushed_unix_ms.store(self.now_ms(), Ordering::Relaxed);
        let after = self.deliveries();
        let flushed = Flushed {
            accepted: after.accepted - before.accepted,
            waiting: after.queued,
            dropped: after.dropped_delivery - before.dropped_delivery,
        };
        add(&self.counters.flushes, 1);
        add(
            &self.counters.flush_failures,
            u64::from(!flushed.complete()),
        );
        flushed
    }

    /// Empties a buffer and sends what was in it.
    fn send(&self, buffer: &Buffer, which: Flush, left: &impl Fn() -> Duration) {
        let mut bodies = Bodies::new(buffer.form());
        let handing_over = lock(&self.handing_over);
        buffer.drain(&mut bodies);
        self.hand_over(buffer, bodies, which, left);
        drop(handing_over);
        let _ = self.client_of(buffer.form()).flush(which, left());
    }

    /// Queues bodies. Of many datagrams all but the last go out meanwhile.
    fn hand_over(
        &self,
        buffer: &Buffer,
        bodies: Bodies,
        which: Flush,
        left: &impl Fn() -> Duration,
    ) {
        let form = buffer.form();
        self.count_too_long(bodies.too_long);
        let client = self.client_of(form);
        let bodies = bodies.finish();
        let at_once = if form == Form::Datagram {
            DATAGRAMS_AT_ONCE
        } else {
            usize::MAX
        };
        let mut groups = bodies.chunks(at_once.min(bodies.len().max(1))).peekable();
        while let Some(group) = groups.next() {
            let payloads = group.iter().map(|body| payload(form, body)).collect();
            if client.hand_in(payloads).is_err() {
                // Recorded while another thread closed.
                let points = group.iter().map(|body| body.points).sum();
                add(&self.counters.unsendable, points);
            }
            if groups.peek().is_some() && !left().is_zero() {
                let _ = client.flush(which, left().min(DATAGRAMS_MAX));
                std::thread::sleep(DATAGRAM_PAUSE.min(left()));
            }
        }
    }

    fn count_too_long(&self, points: u64) {
        if points > 0 {
            add(&self.counters.unsendable, points);
            self.fixed.warnings.say(
                "a point with tags of more than 8 KiB together was dropped: the extension reads \
                 no longer line"
                    .to_owned(),
            );
        }
    }

    fn client_of(&self, form: Form) -> &Client {
        match (&self.fixed.main, form) {
            (Some(main), Form::DistributionPoints) => main,
            _ => &self.fixed.side,
        }
    }

    /// Empties this thread's part of a full buffer. Lines and datagrams are written at once; what
    /// goes by HTTP waits in the queue, since a recorder must not wait for a network.
    pub(crate) fn spill(&self, buffer: &Buffer) {
        let until = match buffer.form() {
            Form::DistributionPoints => Instant::now(),
            _ => Instant::now() + SPILL_MAX,
        };
        let left = || until.saturating_duration_since(Instant::now());
        let mut bodies = Bodies::new(buffer.form());
        buffer.drain_mine(&mut bodies);
        add(&self.counters.spilled, bodies.points);
        self.hand_over(buffer, bodies, Flush::Closed, &left);
        let _ = self.client_of(buffer.form()).flush(Flush::Closed, left());
        self.timer.poke();
    }

    /// The call that a local test wants after every invocation.
    fn flush_extension(&self, left: Duration) {
        if self.local_flushes.load(Ordering::Relaxed) <= 0 || left.is_zero() {
            return;
        }
        let due = self.local_flushes.swap(0, Ordering::Relaxed);
        let url = format!("{}/lambda/flush", self.fixed.settings.text("extension_url"));
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        for _ in 0..due {
            let timeout = left.min(LOCAL_FLUSH_MAX);
            let answer = http::request("POST", &url, &headers, b"{}", timeout, &Way::default());
            if let Err(error) = answer {
                self.fixed.warnings.say(format!("{url}: {error}"));
            }
        }
    }

    fn lead_ms(&self) -> i64 {
        let guard = self.fixed.settings.number("deadline_guard_ms") as i64;
        let lead = if self.fixed.mode == Mode::Http {
            HTTP_LEAD_MS
        } else {
            WRITE_LEAD_MS
        };
        guard + lead
    }

    /// When the thread has something to do next.
    pub(crate) fn next_turn(&self, now_ms: i64) -> i64 {
        let interval = now_ms - now_ms.rem_euclid(INTERVAL_MS) + INTERVAL_MS;
        match self.invocations.next_deadline() {
            Some(deadline) => interval.min(deadline - self.lead_ms()),
            None => interval,
        }
    }

    /// What the thread does when it wakes.
    pub(crate) fn turn(&self, poked: bool) {
        let now_ms = self.now_ms();
        self.invocations.look_again();
        if let Some(deadline) = self.invocations.rescue(now_ms + self.lead_ms()) {
            add(&self.counters.deadline_flushes, 1);
            self.flush(Flush::All, self.budget(deadline));
        } else if poked || self.interval_is_over(now_ms) {
            self.fixed.engine.tick(now_ms / 1000);
            if self.has_work() {
                let next = self.invocations.next_deadline().unwrap_or(0);
                self.flush(Flush::Closed, self.budget(next));
            } else {
                self.flushed_unix_ms.store(now_ms, Ordering::Relaxed);
            }
        }
    }

    fn interval_is_over(&self, now_ms: i64) -> bool {
        let last = self.flushed_unix_ms.load(Ordering::Relaxed);
        now_ms.div_euclid(INTERVAL_MS) > last.div_euclid(INTERVAL_MS)
    }

    pub(crate) fn flush_due(&self) -> Duration {
        if self.timer.is_running() || self.closed.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let now_ms = self.now_ms();
        self.fixed.engine.tick(now_ms / 1000);
        if let Some(deadline) = self.invocations.rescue(now_ms + self.lead_ms()) {
            add(&self.counters.deadline_flushes, 1);
            return self.budget(deadline);
        }
        let due = self.half_full.load(Ordering::Relaxed) || self.interval_is_over(now_ms);
        if due && self.has_work() {
            return self.budget(self.invocations.next_deadline().unwrap_or(0));
        }
        Duration::ZERO
    }

    pub(crate) fn close(&self, timeout: Duration) -> Flushed {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Flushed::default();
        }
        self.timer.stop();
        let before = self.deliveries();
        let until = Instant::now() + timeout;
        self.flush(Flush::All, timeout);
        let left = || until.saturating_duration_since(Instant::now());
        self.fixed.side.close(left());
        if let Some(main) = &self.fixed.main {
            main.close(left());
        }
        let after = self.deliveries();
        Flushed {
            accepted: after.accepted - before.accepted,
            waiting: after.queued,
            dropped: after.dropped_delivery - before.dropped_delivery,
        }
    }

    /// Delivery's part of the ledger.
    fn deliveries(&self) -> LambdaStats {
        let mut stats = LambdaStats::new(self.fixed.mode);
        self.put_deliveries(&mut stats);
        stats
    }

    fn put_deliveries(&self, stats: &mut LambdaStats) {
        for client in std::iter::once(&self.fixed.side).chain(&self.fixed.main) {
            let ledger = client.stats();
            stats.accepted += ledger.accepted + ledger.handed_over;
            stats.queued += ledger.waiting();
            stats.dropped_delivery += ledger.dropped() + ledger.skipped();
        }
        stats.dropped_delivery += read(&self.counters.unsendable);
    }

    pub(crate) fn stats(&self) -> LambdaStats {
        let mut stats = LambdaStats::new(self.fixed.mode);
        self.counters.put_into(&mut stats);
        self.put_deliveries(&mut stats);
        for buffer in std::iter::once(&self.side).chain(&self.points) {
            stats.recorded += buffer.taken();
            stats.pending += buffer.pending();
            stats.utf8_mended += buffer.mended();
        }
        let engine = self.fixed.engine.stats();
        let revived = read(&self.counters.revived);
        stats.recorded += engine.recorded - revived;
        stats.pending += engine.pending;
        stats.rejected_not_finite += engine.rejected_not_finite;
        stats.rejected_stale += engine.rejected_stale - revived;
        stats.rejected_too_old += engine.rejected_too_old + engine.rejected_too_new;
        stats.rejected_invalid_name += engine.rejected_invalid_name;
        stats.rejected_no_room += engine.rejected_no_room;
        stats.dropped_arena_full += engine.dropped();
        stats.overflowed += engine.overflowed;
        stats.utf8_mended += engine.utf8_mended;
        (stats.key_lookups, stats.key_failures) = self.fixed.key.counts();
        (stats.invocations, stats.invocations_open) = self.invocations.counts();
        stats
    }
}

fn or_else<'a>(told: &'a str, settings: &'a Settings, name: &str) -> &'a str {
    if told.is_empty() {
        settings.text(name)
    } else {
        told
    }
}

fn payload(form: Form, body: &Body) -> Payload {
    let kind = match form {
        Form::LogLine => ("", "application/x-ndjson", ""),
        Form::Datagram => ("", "text/plain", ""),
        Form::DistributionPoints => {
            let path = pointmill_wire::distribution_points::PATH;
            (path, "application/json", "deflate")
        }
    };
    Payload::from_parts(kind, body.bytes.clone(), 0, body.points, Vec::new())
}
