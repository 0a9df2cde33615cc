//! The object: made once a process, used from every thread.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pointmill::{Engine, RecordError};
use pointmill_deliver::{ClientConfigError, Clock, SystemClock};

use crate::Mode;
use crate::flush::Flushed;
use crate::fork::OwnProcess;
use crate::invocation::{Invocation, Outcome, Token, UnknownToken};
use crate::settings::{Settings, Source};
use crate::state::{Custom, State};
use crate::stats::{LambdaStats, Refusal};
use crate::warnings::Warnings;

/// The metrics of a Lambda function.
///
/// Every call may come from any thread. A forked child's object begins with no points and no
/// invocations; ids of held contexts stay valid in it.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use pointmill_lambda::{Invocation, Lambda, Language, Outcome, settings::Source};
///
/// let mut source = Source::new(Language::Python);
/// source.variable("DD_FLUSH_TO_LOG", "true");
/// let lambda = Lambda::new(&source)?;
/// let token = lambda.begin(&Invocation {
///     invoked_function_arn: "arn:aws:lambda:eu-west-1:123456789012:function:checkout",
///     memory_mb: 256,
///     ..Invocation::default()
/// });
/// lambda.metric(&["coffee.sold", "size:large"], 1.0)?;
/// let budget = lambda.end(token, &Outcome::default())?;
/// lambda.flush(budget.max(Duration::from_millis(100)))?;
/// assert_eq!(lambda.stats().accepted, 2); // the point, and aws.lambda.enhanced.invocations
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Lambda {
    process: Arc<OwnProcess<State>>,
}

impl fmt::Debug for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lambda")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Why a [`Lambda`] could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum NewError {
    /// The engine could not be made.
    Engine(pointmill::ConfigError),
    /// A destination could not be made.
    Delivery(ClientConfigError),
}

impl fmt::Display for NewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NewError::Engine(error) => error.fmt(f),
            NewError::Delivery(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NewError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            NewError::Engine(error) => Some(error),
            NewError::Delivery(error) => Some(error),
        }
    }
}

/// Why a point was refused; it has been counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PointError {
    /// As the engine has it.
    Refused(RecordError),
    /// After the end.
    Closed,
}

impl fmt::Display for PointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PointError::Refused(error) => error.fmt(f),
            PointError::Closed => f.write_str("it has been closed; make a new one"),
        }
    }
}

impl std::error::Error for PointError {}

impl From<RecordError> for PointError {
    fn from(error: RecordError) -> PointError {
        PointError::Refused(error)
    }
}

/// The object has been closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it has been closed; make a new one")
    }
}

impl std::error::Error for Closed {}

/// What a [`Lambda`] is made of beside settings.
#[derive(Debug)]
pub struct Parts {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where log lines go, instead of the descriptor 1 or 2 that the setting `log_fd` names.
    pub log: Option<OwnedFd>,
}

impl Default for Parts {
    fn default() -> Parts {
        Parts {
            clock: Arc::new(SystemClock::new()),
            log: None,
        }
    }
}

impl Lambda {
    /// Reads the settings and chooses the mode. No I/O but the test for the extension's file, no
    /// thread, no look-up of a key.
    ///
    /// # Errors
    /// [`NewError`]: the system gives no memory, or an option (not a variable) names a socket or
    /// descriptor that is none.
    pub fn new(source: &Source) -> Result<Lambda, NewError> {
        Lambda::with_parts(source, Parts::default())
    }

    /// The same with clock and log of the caller's.
    ///
    /// # Errors
    /// As [`Lambda::new`].
    pub fn with_parts(source: &Source, parts: Parts) -> Result<Lambda, NewError> {
        let (settings, said) = source.resolve();
        let warnings = Warnings::default();
        said.into_iter().for_each(|text| warnings.say(text));
        let state = State::new(settings, warnings, parts.clock, parts.log)?;
        Ok(Lambda {
            process: Arc::new(OwnProcess::new(state)),
        })
    }

    #[inline]
    pub(crate) fn state(&self) -> &State {
        self.process.get(State::for_child)
    }

    /// Where custom points go.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.state().fixed.mode
    }

    /// The settings in effect.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.state().fixed.settings
    }

    /// The engine, for snapshots and other kinds of metrics. Its points are delivered with the
    /// others: to the intake in HTTP mode; to the log or the extension elsewhere, where only
    /// distributions arrive as such.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.state().fixed.engine
    }

    /// Warnings since the last call, one a line, if `fits` agrees with their length.
    ///
    /// # Errors
    /// The length, if it does not.
    pub fn take_warnings(&self, fits: impl FnOnce(usize) -> bool) -> Result<String, usize> {
        self.state().fixed.warnings.take(fits)
    }

    /// Records a custom point of now: the name, then the tags.
    ///
    /// Known names with known tags cost neither an allocation nor a system call. Outside of an
    /// invocation the first point starts the thread of `flush_in_thread`; and where points are written
    /// one by one, a point wakes it, if it does not know yet: one system call. The constant tags are
    /// added here.
    ///
    /// # Errors
    /// [`PointError`]; the point has been counted.
    #[inline]
    pub fn metric<S: AsRef<[u8]>>(
        &self,
        name_then_tags: &[S],
        value: f64,
    ) -> Result<(), PointError> {
        self.recorded(|state| state.metric(name_then_tags, value))
    }

    /// Records a custom point of the second `unix_s`, or of now.
    ///
    /// # Errors
    /// [`PointError`]; in extension mode also for a time more than four hours ago.
    pub fn metric_at<S: AsRef<[u8]>>(
        &self,
        name_then_tags: &[S],
        value: f64,
        unix_s: Option<i64>,
    ) -> Result<(), PointError> {
        match unix_s {
            None => self.metric(name_then_tags, value),
            Some(unix_s) => self.recorded(|state| state.metric_at(name_then_tags, value, unix_s)),
        }
    }

    /// Records a custom point that goes to the log unless there is an extension: what Python's
    /// `force_async` asks for.
    ///
    /// # Errors
    /// As [`Lambda::metric_at`].
    pub fn metric_async<S: AsRef<[u8]>>(
        &self,
        name_then_tags: &[S],
        value: f64,
        unix_s: Option<i64>,
    ) -> Result<(), PointError> {
        let state = self.state();
        let outcome = state.metric_async(name_then_tags, value, unix_s);
        // Whatever the thread knows of points for elsewhere.
        if state.invocations.none_open() {
            self.tell_thread(state);
        }
        outcome
    }

    /// The id of a custom metric and its tags, below 2^53 and valid as long as the object, also in
    /// a forked child.
    ///
    /// # Errors
    /// [`RecordError::InvalidName`], [`RecordError::NoRoom`].
    pub fn context<S: AsRef<[u8]>>(&self, name_then_tags: &[S]) -> Result<u64, RecordError> {
        self.state().context(name_then_tags)
    }

    /// Records a point of a held context, of now.
    ///
    /// # Errors
    /// [`PointError`].
    #[inline]
    pub fn record(&self, context: u64, value: f64) -> Result<(), PointError> {
        self.recorded(|state| state.record(context, value))
    }

    /// Records a point of a held context at a time.
    ///
    /// # Errors
    /// As [`Lambda::metric_at`].
    pub fn record_at(&self, context: u64, value: f64, unix_s: i64) -> Result<(), PointError> {
        self.recorded(|state| state.record_at(context, value, unix_s))
    }

    /// Records columns of points: `values[i]` to `contexts[i]`, at `unix_s[i]` or now. How many were
    /// refused.
    pub fn record_batch(&self, contexts: &[u64], values: &[f64], unix_s: Option<&[i64]>) -> usize {
        self.recorded(|state| state.record_batch(contexts, values, unix_s))
    }

    /// Records, then sees to it that the points leave: outside of an invocation nobody flushes them
    /// but the thread.
    #[inline]
    fn recorded<T>(&self, record: impl FnOnce(&State) -> T) -> T {
        let state = self.state();
        let outcome = record(state);
        if state.invocations.unattended() {
            self.tell_thread(state);
        }
        outcome
    }

    /// Starts the thread, which flushes at the end of the interval, and wakes it for what only has to
    /// be written: a sandbox may end between two invocations.
    #[cold]
    fn tell_thread(&self, state: &State) {
        state.invocations.attended();
        if !state.fixed.settings.on("flush_in_thread") {
            return;
        }
        self.start_thread(state);
        // Where custom points are written one by one also if the buffer is empty: another recorder may
        // have seen that the thread is being told, and puts its point after this look.
        if matches!(state.fixed.custom, Custom::Side) || state.side.pending() > 0 {
            state.timer.poke();
        }
    }

    fn start_thread(&self, state: &State) {
        if let Err(error) = state.timer.start(&self.process) {
            let text = format!("no thread for flushes in between: {error}");
            state.fixed.warnings.say(text);
        }
    }

    /// Counts points that a wrapper refused before it could hand them over.
    pub fn rejected(&self, cause: Refusal, points: u64) {
        self.state().counters.refuse(cause, points);
    }

    /// Begins an invocation: emits `aws.lambda.enhanced.invocations`, unless the extension does, and
    /// provides for the flush before its deadline. No I/O, unless `process_metrics` reads `/proc`.
    pub fn begin(&self, invocation: &Invocation<'_>) -> Token {
        let state = self.state();
        let token = state.begin(invocation);
        if state.fixed.settings.on("flush_in_thread") {
            self.start_thread(state);
        }
        state.arm();
        token
    }

    /// Ends an invocation: emits at most one `aws.lambda.enhanced.errors`, then
    /// `batch_item_failures` and `time_to_first_byte`, and with `process_metrics` what the sandbox
    /// used. No I/O but for the latter. How long the flush that follows may
    /// take; zero if there is nothing to send.
    ///
    /// # Errors
    /// [`UnknownToken`]; nothing was emitted.
    pub fn end(&self, token: Token, outcome: &Outcome) -> Result<Duration, UnknownToken> {
        self.state().end(token, outcome)
    }

    /// Sends everything that waits, for at most `timeout`. What does not arrive is kept for the
    /// next flush.
    ///
    /// # Errors
    /// [`Closed`].
    pub fn flush(&self, timeout: Duration) -> Result<Flushed, Closed> {
        let state = self.state();
        if state.closed.load(Ordering::Acquire) {
            return Err(Closed);
        }
        Ok(state.flush(pointmill::Flush::All, timeout))
    }

    /// Without the thread: how long a flush that is due now may take; zero if none is. Due is one
    /// after an interval, when a buffer is half full, and before a deadline.
    #[must_use]
    pub fn flush_due(&self) -> Duration {
        self.state().flush_due()
    }

    /// After a restore from a snapshot (SnapStart): the next invocation is the sandbox's first, and
    /// the API key is looked up anew.
    pub fn restored(&self) {
        let state = self.state();
        state.sandbox.restored(state.now_ms());
        state.fixed.key.forget();
        state.fixed.engine.tick(state.now_s());
    }

    /// Flushes everything and ends: the thread stops, later points are refused and counted, what has
    /// not arrived is counted as dropped. A second call does nothing.
    pub fn close(&self, timeout: Duration) -> Flushed {
        self.state().close(timeout)
    }

    /// The ledger.
    #[must_use]
    pub fn stats(&self) -> LambdaStats {
        self.state().stats()
    }

    /// What went wrong last (a look-up, a request, a write), for a person; empty if nothing did.
    /// Never holds a key.
    #[must_use]
    pub fn last_failure(&self) -> String {
        let fixed = &self.state().fixed;
        let of_main = fixed
            .main
            .as_ref()
            .map(pointmill_deliver::Client::last_failure);
        of_main
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| fixed.side.last_failure())
    }

    /// Whether custom points are aggregated here rather than kept one by one.
    #[must_use]
    pub fn aggregates(&self) -> bool {
        self.state().fixed.custom == Custom::Engine
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.state().timer.stop();
    }
}
