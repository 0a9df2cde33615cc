//! Invocations: begun, ended, several at once, each with the tags it began with.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::Start;
use crate::process::Reading;
use crate::raw::lock;

/// How long after the load of the library the first invocation still counts as a cold start: what
/// the layers have.
const COLD_MAX_MS: i64 = 10_000;

/// Invocations that may be open at once. A wrapper that never ends any would grow the table; past
/// this the oldest is taken as ended without a result.
const OPEN_MAX: usize = 4096;

/// What an invocation's context says. Everything may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Invocation<'a> {
    /// The invoked ARN; empty if unknown.
    pub invoked_function_arn: &'a str,
    /// The request's id; empty if unknown.
    pub request_id: &'a str,
    /// The context's name of the function; empty: `AWS_LAMBDA_FUNCTION_NAME`.
    pub function_name: &'a str,
    /// The context's version of the function; empty: `AWS_LAMBDA_FUNCTION_VERSION`.
    pub function_version: &'a str,
    /// Memory limit in MB; 0: `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`.
    pub memory_mb: u32,
    /// When the platform kills it, in milliseconds since 1970-01-01 UTC; 0 if unknown.
    pub deadline_unix_ms: i64,
    /// How it found its sandbox; `None`: find out.
    pub start: Option<Start>,
    /// Whether no point `invocations` is to be sent: the module did not load, and an error will be
    /// reported.
    pub not_counted: bool,
}

/// What came of an invocation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The handler raised.
    pub error: bool,
    /// Status of the answer to an HTTP trigger (502 if there was none); 0 without such a trigger.
    pub http_status: u32,
    /// Length of the list `batchItemFailures`, if the result has one.
    pub batch_item_failures: Option<u64>,
    /// Milliseconds to the first byte of a streamed response.
    pub time_to_first_byte_ms: Option<f64>,
}

impl Outcome {
    /// Whether the answer says that the server failed.
    pub(crate) fn is_server_error(&self) -> bool {
        (500..=599).contains(&self.http_status)
    }
}

/// A begun invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// The token is of no open invocation: it was ended before, or another process began it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownToken;

impl std::fmt::Display for UnknownToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no open invocation has this token; each begin takes one end, in the process that began it")
    }
}

impl std::error::Error for UnknownToken {}

/// Whether the next invocation is the first of its sandbox.
#[derive(Debug)]
pub(crate) struct Sandbox {
    loaded_unix_ms: AtomicI64,
    used: AtomicBool,
}

impl Sandbox {
    pub(crate) fn new(loaded_unix_ms: i64) -> Sandbox {
        Sandbox {
            loaded_unix_ms: AtomicI64::new(loaded_unix_ms),
            used: AtomicBool::new(false),
        }
    }

    /// The start of an invocation that begins now.
    pub(crate) fn start(&self, now_unix_ms: i64, told: Option<Start>) -> Start {
        let used = self.used.swap(true, Ordering::Relaxed);
        let waited = now_unix_ms - self.loaded_unix_ms.load(Ordering::Relaxed);
        match told {
            Some(start) => start,
            None if used => Start::Warm,
            None if waited > COLD_MAX_MS => Start::Proactive,
            None => Start::Cold,
        }
    }

    /// The sandbox was restored from a snapshot.
    pub(crate) fn restored(&self, now_unix_ms: i64) {
        self.loaded_unix_ms.store(now_unix_ms, Ordering::Relaxed);
        self.used.store(false, Ordering::Relaxed);
    }

    pub(crate) fn for_child(&self) -> Sandbox {
        Sandbox {
            loaded_unix_ms: AtomicI64::new(self.loaded_unix_ms.load(Ordering::Relaxed)),
            used: AtomicBool::new(self.used.load(Ordering::Relaxed)),
        }
    }
}

/// An open invocation.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// Tags of its enhanced metrics.
    pub(crate) tags: Vec<String>,
    /// 0 if unknown.
    pub(crate) deadline_unix_ms: i64,
    /// Whether the flush before its deadline has been done.
    pub(crate) rescued: bool,
    /// What the sandbox had used when it began, if somebody wants to know.
    pub(crate) reading: Option<Box<Reading>>,
}

/// The open invocations of a process.
#[derive(Debug)]
pub(crate) struct Invocations {
    table: Mutex<Table>,
    /// Whether no invocation is open and the thread has not been told of points recorded since it
    /// last looked: then nobody but the thread flushes them.
    unattended: AtomicBool,
}

#[derive(Debug, Default)]
struct Table {
    begun: u64,
    open: BTreeMap<Token, Open>,
}

impl Invocations {
    pub(crate) fn new() -> Invocations {
        Invocations {
            table: Mutex::default(),
            unattended: AtomicBool::new(true),
        }
    }

    /// Whether a point recorded just now has to be told to the thread.
    #[inline]
    pub(crate) fn unattended(&self) -> bool {
        // After the point was put under its lock: either the thread's drain, which takes the same
        // lock later, finds the point, or what it stored before is seen here.
        self.unattended.load(Ordering::Relaxed)
    }

    /// The thread is being told.
    pub(crate) fn attended(&self) {
        self.unattended.store(false, Ordering::Relaxed);
    }

    /// Before a drain: points that come after it are to be told again.
    pub(crate) fn look_again(&self) {
        let table = lock(&self.table);
        self.unattended
            .store(table.open.is_empty(), Ordering::Relaxed);
    }

    pub(crate) fn none_open(&self) -> bool {
        lock(&self.table).open.is_empty()
    }

    /// Adds one. `true`: the oldest was given up for it.
    pub(crate) fn begin(&self, open: Open) -> (Token, bool) {
        let mut table = lock(&self.table);
        table.begun += 1;
        let token = Token(table.begun);
        let full = table.open.len() >= OPEN_MAX;
        if full {
            table.open.pop_first();
        }
        table.open.insert(token, open);
        self.attended();
        (token, full)
    }

    pub(crate) fn end(&self, token: Token) -> Option<Open> {
        let mut table = lock(&self.table);
        let ended = table.open.remove(&token)?;
        self.unattended
            .store(table.open.is_empty(), Ordering::Relaxed);
        Some(ended)
    }

    /// The nearest deadline that has not been provided for.
    pub(crate) fn next_deadline(&self) -> Option<i64> {
        let table = lock(&self.table);
        let waiting = table
            .open
            .values()
            .filter(|open| !open.rescued && open.deadline_unix_ms > 0);
        waiting.map(|open| open.deadline_unix_ms).min()
    }

    /// Marks those whose deadline is at or before `unix_ms` as provided for; how many, and the
    /// earliest deadline among them.
    pub(crate) fn rescue(&self, unix_ms: i64) -> Option<i64> {
        let mut table = lock(&self.table);
        let mut earliest = None;
        for open in table.open.values_mut() {
            let deadline = open.deadline_unix_ms;
            if !open.rescued && deadline > 0 && deadline <= unix_ms {
                open.rescued = true;
                earliest = Some(earliest.unwrap_or(deadline).min(deadline));
            }
        }
        earliest
    }

    /// Begun so far, and open now.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let table = lock(&self.table);
        (table.begun, table.open.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Node's setSandboxInit(0, 100000), and the ten seconds.
    #[test]
    fn the_first_invocation_is_cold_unless_it_comes_late() {
        let start = |loaded, now| Sandbox::new(loaded).start(now, None);
        assert_eq!(start(0, 100_000), Start::Proactive);
        assert_eq!(start(0, 10_001), Start::Proactive);
        assert_eq!(start(0, 10_000), Start::Cold);
        assert_eq!(start(1_000, 0), Start::Cold);
        let sandbox = Sandbox::new(0);
        assert_eq!(sandbox.start(100_000, None), Start::Proactive);
        assert_eq!(sandbox.start(100_001, None), Start::Warm);
        assert_eq!(sandbox.for_child().start(100_001, None), Start::Warm);
        sandbox.restored(200_000);
        assert_eq!(sandbox.start(200_500, None), Start::Cold);
        assert_eq!(sandbox.start(200_500, Some(Start::Cold)), Start::Cold);
    }

    fn open(deadline_unix_ms: i64) -> Open {
        Open {
            tags: Vec::new(),
            deadline_unix_ms,
            rescued: false,
            reading: None,
        }
    }

    #[test]
    fn deadlines_are_provided_for_once_and_the_nearest_first() {
        let invocations = Invocations::new();
        let (a, _) = invocations.begin(open(500));
        let (b, _) = invocations.begin(open(300));
        invocations.begin(open(0));
        assert_eq!(invocations.next_deadline(), Some(300));
        assert_eq!(invocations.rescue(299), None);
        assert_eq!(invocations.rescue(600), Some(300));
        assert_eq!(invocations.next_deadline(), None);
        assert!(invocations.end(a).is_some() && invocations.end(b).is_some());
        assert!(invocations.end(a).is_none());
        assert_eq!(invocations.counts(), (3, 1));
    }

    #[test]
    fn points_are_unattended_only_while_none_is_open_and_the_thread_does_not_know() {
        let invocations = Invocations::new();
        assert!(invocations.unattended());
        invocations.attended();
        assert!(!invocations.unattended());
        invocations.look_again();
        assert!(invocations.unattended());
        let (a, _) = invocations.begin(open(0));
        let (b, _) = invocations.begin(open(0));
        assert!(!invocations.unattended());
        invocations.end(a);
        invocations.look_again();
        assert!(!invocations.unattended() && !invocations.none_open());
        invocations.end(b);
        assert!(invocations.unattended() && invocations.none_open());
    }

    #[test]
    fn the_table_is_bounded() {
        let invocations = Invocations::new();
        let (first, _) = invocations.begin(open(0));
        for _ in 1..OPEN_MAX {
            assert!(!invocations.begin(open(0)).1);
        }
        assert!(invocations.begin(open(0)).1);
        assert!(invocations.end(first).is_none());
        assert_eq!(invocations.counts().1, OPEN_MAX as u64);
    }
}
