//! What a client and its thread share: the engine on one side, the destination on the other, and
//! between them the queue, the spool and the books.
//!
//! ```text
//! take    engine.flush → encode → queue                    one caller at a time
//! drain   while something is due and time is left          any number of callers, each with a
//!           queue or spool → one attempt → books           batch of its own
//! ```
//!
//! Lock order: encoder → state. The state's lock is never held during an attempt, an encoding or
//! file access, and the spool has a lock of its own that is taken without it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use pointmill::{Engine, Flush, Snapshot};
use pointmill_wire::{Compression, EncodeConfig, Encoder, Payload, Payloads};

use crate::background::ThreadState;
use crate::metrics::Emitted;
use crate::pace::{Backoff, Breaker};
use crate::queue::{Due, Entry, Place, Queue};
use crate::spool::{Claim, Evicted, Spool};
use crate::{Batch, BatchId, ClientConfig, ClientStats, Clock, Destination, DropCause, Entropy};

pub(crate) struct Hub {
    pub(crate) engine: Engine,
    pub(crate) config: ClientConfig,
    /// As `config` says, with the destination's own format.
    encode: EncodeConfig,
    /// `None`: everything goes to the spool.
    destination: Option<Arc<dyn Destination>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) spool: Option<Spool>,
    pub(crate) backoff: Backoff,
    encoder: Mutex<(Encoder, Emitted)>,
    state: Mutex<State>,
    changed: Condvar,
    pub(crate) closed: AtomicBool,
    /// Length of the engine's intervals in seconds, once a flush has told it.
    pub(crate) interval_s: AtomicU32,
}

/// What changes from call to call.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) queue: Queue,
    pub(crate) ledger: ClientStats,
    pub(crate) breakers: HashMap<String, Breaker>,
    pub(crate) last_failure: String,
    /// Attempts under way for files of the spool.
    pub(crate) spool_attempts: u32,
    pub(crate) thread: ThreadState,
    pub(crate) handle: Option<JoinHandle<()>>,
}

/// A batch that this caller is sending.
pub(crate) enum Job {
    Queued {
        place: Place,
        batch: Arc<Batch>,
        written: usize,
    },
    Spooled(Claim),
}

impl Job {
    pub(crate) fn batch(&self) -> &Batch {
        match self {
            Job::Queued { batch, .. } => batch,
            Job::Spooled(claim) => &claim.batch,
        }
    }
}

enum Step {
    Send(Job),
    /// Nothing before this time.
    Wait(Duration),
    /// Others are sending what there is.
    Busy,
    Idle,
}

impl Hub {
    pub(crate) fn new(
        engine: &Engine,
        config: &ClientConfig,
        destination: Option<Arc<dyn Destination>>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Hub {
        let mut encode = config.encode.clone();
        encode.format = config.format();
        let spool = config
            .spool_path()
            .map(|path| Spool::new(path, config.spool_bytes_max, config.spool_sync));
        Hub {
            engine: engine.clone(),
            config: config.clone(),
            encode,
            destination,
            clock,
            entropy,
            spool,
            backoff: Backoff::new(config),
            encoder: Mutex::new((Encoder::new(), Emitted::default())),
            state: Mutex::default(),
            changed: Condvar::new(),
            closed: AtomicBool::new(false),
            interval_s: AtomicU32::new(0),
        }
    }

    /// The hub of a forked child: empty, with a destination of its own. Takes no lock, since a
    /// thread that held one in the parent does not exist in the child.
    pub(crate) fn renew(&self) -> Hub {
        let destination = self.destination.as_ref().map(|d| d.reopen());
        let hub = Hub::new(
            &self.engine,
            &self.config,
            destination,
            Arc::clone(&self.clock),
            Arc::clone(&self.entropy),
        );
        hub.closed
            .store(self.closed.load(Ordering::Relaxed), Ordering::Relaxed);
        hub
    }

    /// Tests that what the options name can be used.
    pub(crate) fn try_out(&self) -> Result<(), crate::ClientConfigError> {
        self.spool.as_ref().map_or(Ok(()), Spool::try_out)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits for a change, at most until `until`.
    pub(crate) fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        until: Duration,
    ) -> MutexGuard<'a, State> {
        let wait = until.saturating_sub(self.clock.now());
        if wait.is_zero() {
            return state;
        }
        if self.clock.skip(wait) {
            return state;
        }
        let woken = self.changed.wait_timeout(state, wait);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    /// The books at this moment.
    pub(crate) fn ledger(&self) -> ClientStats {
        let state = self.lock();
        let mut ledger = state.ledger.clone();
        ledger.queued = state.queue.points();
        ledger.batches_queued = state.queue.len() as u64;
        ledger.queue_bytes = state.queue.bytes();
        ledger
    }

    pub(crate) fn last_failure(&self) -> String {
        self.lock().last_failure.clone()
    }

    /// Takes what the engine holds into the queue.
    pub(crate) fn take(&self, which: Flush) {
        let mut encoder = self.encoder.lock().unwrap_or_else(PoisonError::into_inner);
        let (encoder, emitted) = &mut *encoder;
        if self.config.client_metrics {
            emitted.emit(&self.engine, &self.ledger());
        }
        let unix_ms = self.clock.unix_ms();
        let now_unix_s = i64::try_from(unix_ms / 1_000).unwrap_or(i64::MAX);
        let snapshot = self.engine.flush(now_unix_s, which);
        self.interval_s
            .store(snapshot.interval_s(), Ordering::Relaxed);
        if snapshot.is_empty() {
            return;
        }
        let encoded = self.encode(encoder, &snapshot);
        let mut state = self.lock();
        state.ledger.flushed += snapshot.points();
        match encoded {
            Some(payloads) => {
                state.ledger.skip(&payloads.skipped);
                for payload in payloads.payloads {
                    let batch = Batch {
                        id: BatchId::new(&*self.entropy),
                        created_unix_ms: unix_ms,
                        payload,
                    };
                    state.queue.push(batch, false);
                }
            }
            None => {
                let points = snapshot.points();
                state
                    .ledger
                    .drop_points(DropCause::NotEncoded, points, false);
            }
        }
        drop(state);
        self.notify();
        self.shrink();
    }

    /// Queues payloads made elsewhere.
    pub(crate) fn hand_in(&self, payloads: Vec<Payload>) {
        let created_unix_ms = self.clock.unix_ms();
        let mut state = self.lock();
        for payload in payloads {
            state.ledger.flushed += payload.points;
            let batch = Batch {
                id: BatchId::new(&*self.entropy),
                created_unix_ms,
                payload,
            };
            state.queue.push(batch, false);
        }
        drop(state);
        self.notify();
        self.shrink();
    }

    /// Encodes; without compression if the compressor fails. `None` is not known to happen.
    fn encode(&self, encoder: &mut Encoder, snapshot: &Snapshot) -> Option<Payloads> {
        if let Ok(payloads) = encoder.encode(snapshot, &self.encode) {
            return Some(payloads);
        }
        let mut plain = self.encode.clone();
        plain.compression = Some(Compression::None);
        encoder.encode(snapshot, &plain).ok()
    }

    /// Moves the oldest batches out of a queue that is too large, and drops those that are too old.
    fn shrink(&self) {
        let age_ms = self.config.batch_age_max_s * 1_000;
        let too_old = self.clock.unix_ms().saturating_sub(age_ms);
        let mut state = self.lock();
        while let Some(entry) = state.queue.take_older_than(too_old) {
            let points = entry.batch.points();
            state
                .ledger
                .drop_points(DropCause::Expired, points, entry.uncertain);
        }
        while state.queue.bytes() > self.config.queue_bytes_max {
            let Some(entry) = state.queue.take_oldest() else {
                return;
            };
            drop(state);
            self.put_away(entry, DropCause::QueueFull);
            state = self.lock();
        }
    }

    /// Puts a batch that left the queue into the spool, or without one drops it for `cause`.
    pub(crate) fn put_away(&self, entry: Entry, cause: DropCause) {
        let Some(spool) = &self.spool else {
            let points = entry.batch.points();
            self.lock()
                .ledger
                .drop_points(cause, points, entry.uncertain);
            return;
        };
        if entry.written == 0 {
            return self.store(spool, &entry.batch, entry.uncertain);
        }
        // Lines that have been written for good are not to be written again.
        let mut rest = (*entry.batch).clone();
        rest.payload
            .body
            .drain(..entry.written.min(rest.payload.body.len()));
        self.store(spool, &rest, entry.uncertain);
    }

    /// Writes a batch into the spool and books what came of it.
    pub(crate) fn store(&self, spool: &Spool, batch: &Batch, uncertain: bool) {
        {
            // Booked before it can be seen: another caller may have sent it a moment later.
            let mut state = self.lock();
            state.ledger.spooled += batch.points();
            state.ledger.batches_spooled += 1;
        }
        let stored = spool.store(batch, uncertain);
        let mut state = self.lock();
        for evicted in &stored.evicted {
            state.settle(evicted.points, evicted.own);
            let Evicted {
                points, uncertain, ..
            } = *evicted;
            state
                .ledger
                .drop_points(DropCause::SpoolFull, points, uncertain);
        }
        if let Err(failed) = stored.outcome {
            state.settle(batch.points(), true);
            state
                .ledger
                .drop_points(failed.cause, batch.points(), uncertain);
            state.last_failure = format!("spool {}: {}", spool.describe(), failed.detail);
        }
    }

    /// Sends what is due until everything has arrived, nothing more can be done before `deadline`
    /// (a time of the clock), or it has come.
    pub(crate) fn drain(&self, deadline: Duration) {
        let Some(destination) = self.destination.clone() else {
            return self.put_all_away();
        };
        self.rescan();
        loop {
            let now = self.clock.now();
            if now >= deadline {
                return;
            }
            match self.next_step(now) {
                Step::Send(job) => {
                    let left = deadline.saturating_sub(self.clock.now());
                    let timeout = left.min(self.config.attempt_timeout());
                    self.attempt(&*destination, job, timeout);
                }
                Step::Wait(until) if until < deadline => drop(self.wait(self.lock(), until)),
                Step::Busy => {
                    let state = self.lock();
                    drop(self.wait(state, deadline.min(now + Duration::from_millis(50))));
                }
                Step::Wait(_) | Step::Idle => return,
            }
        }
    }

    /// Looks what is in the spool, and books what others have taken up.
    fn rescan(&self) {
        let Some(spool) = &self.spool else { return };
        let gone = spool.scan();
        let mut state = self.lock();
        for points in gone {
            state.settle(points, true);
            state.ledger.handed_over += points;
        }
    }

    fn next_step(&self, now: Duration) -> Step {
        self.shrink();
        let limit = self.config.breaker_failures as u32;
        let mut state = self.lock();
        let due = {
            let State {
                queue, breakers, ..
            } = &*state;
            queue.due(now, |endpoint| {
                let breaker = breakers.get(endpoint).copied().unwrap_or_default();
                breaker.ready_at(limit)
            })
        };
        if let Due::Now(place) = due {
            let State {
                queue, breakers, ..
            } = &mut *state;
            if let Some(entry) = queue.get_mut(place) {
                entry.sending = true;
                let endpoint = entry.batch.payload.path.to_owned();
                breakers.entry(endpoint).or_default().sent(limit);
                return Step::Send(Job::Queued {
                    place,
                    batch: Arc::clone(&entry.batch),
                    written: entry.written,
                });
            }
        }
        if state.thread.closing_is_over() {
            // The thread came late: what is left has been put away.
            return Step::Idle;
        }
        let spooling = state.spool_attempts > 0;
        drop(state);
        let spooled = self.next_of_spool(now, limit);
        match (spooled, due) {
            (Step::Send(job), _) => Step::Send(job),
            (Step::Wait(a), Due::At(b)) => Step::Wait(a.min(b)),
            (Step::Wait(at), _) | (_, Due::At(at)) => Step::Wait(at),
            (_, Due::Sending) => Step::Busy,
            _ if spooling => Step::Busy,
            _ => Step::Idle,
        }
    }

    /// A batch of the spool whose endpoint is ready.
    fn next_of_spool(&self, now: Duration, limit: u32) -> Step {
        let Some(spool) = &self.spool else {
            return Step::Idle;
        };
        let mut next: Option<Duration> = None;
        loop {
            let claimed = spool.claim(now);
            let mut state = self.lock();
            for damaged in &claimed.damaged {
                state.ledger.spool_damaged_files += 1;
                if let Some(points) = damaged {
                    state.settle(*points, true);
                    state
                        .ledger
                        .drop_points(DropCause::SpoolFailed, *points, false);
                }
            }
            let Some(claim) = claimed.claim else {
                let at = claimed.next_at.into_iter().chain(next).min();
                return at.map_or(Step::Idle, Step::Wait);
            };
            let breaker = state
                .breakers
                .entry(claim.batch.payload.path.to_owned())
                .or_default();
            match breaker.ready_at(limit) {
                Some(at) if at <= now => {
                    breaker.sent(limit);
                    state.spool_attempts += 1;
                    return Step::Send(Job::Spooled(claim));
                }
                other => {
                    // While a probe is out a second will tell; `now` would be asked at once again.
                    let at = other.unwrap_or(now + Duration::from_secs(1));
                    next = Some(next.map_or(at, |n| n.min(at)));
                    drop(state);
                    spool.release(claim, at, false, false);
                }
            }
        }
    }

    /// Moves everything out of the queue: into the spool, or into the books as dropped.
    pub(crate) fn put_all_away(&self) {
        loop {
            let entry = self.lock().queue.take_oldest();
            let Some(entry) = entry else { return };
            self.put_away(entry, DropCause::Closed);
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("config", &self.config)
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}
