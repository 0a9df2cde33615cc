//! One attempt and what follows from it, for the batch, its endpoint and the books.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::hub::{Hub, Job, State};
use crate::outcome::{RETRY_AFTER_MAX, Verdict};
use crate::spool::Claim;
use crate::{Attempt, Batch, Delivery, Destination, DropCause, FailCause};

impl Hub {
    pub(crate) fn attempt(&self, destination: &dyn Destination, job: Job, timeout: Duration) {
        let endpoint = job.batch().payload.path;
        if self.is_expired(job.batch()) {
            if let Some(breaker) = self.lock().breakers.get_mut(endpoint) {
                breaker.not_sent();
            }
            self.settle_dropped(job, DropCause::Expired, false);
            return;
        }
        let from = match &job {
            Job::Queued { written, .. } => *written,
            Job::Spooled(_) => 0,
        };
        // A destination of the program's own may panic; the batch must not hang for that.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            destination.deliver(job.batch(), from, timeout)
        }));
        let delivery = outcome.unwrap_or_else(|_| {
            let attempt = Attempt::Failed {
                cause: FailCause::Transport,
                uncertain: true,
                detail: "the destination panicked".to_owned(),
            };
            attempt.into()
        });
        self.book(destination, job, delivery);
        self.notify();
    }

    fn is_expired(&self, batch: &Batch) -> bool {
        let age_ms = self.clock.unix_ms().saturating_sub(batch.created_unix_ms);
        age_ms > self.config.batch_age_max_s * 1_000
    }

    /// Books what an attempt came to, and does what follows.
    fn book(&self, destination: &dyn Destination, job: Job, delivery: Delivery) {
        let verdict = delivery.attempt.verdict();
        let no_answer = matches!(
            delivery.attempt,
            Attempt::Failed {
                uncertain: true,
                ..
            }
        );
        let uncertain = delivery.uncertain || no_answer;
        let points = job.batch().points();
        let endpoint = job.batch().payload.path;
        {
            let mut state = self.lock();
            state.ledger.requests += 1;
            state.ledger.stale_connections += u64::from(delivery.stale_connection);
            if uncertain {
                state.ledger.uncertain += points;
            }
            if verdict != Verdict::Accepted {
                let text = delivery.attempt.describe();
                state.last_failure = format!("{}: {text}", destination.describe(job.batch()));
            }
            let breaker = state.breakers.entry(endpoint.to_owned()).or_default();
            if !matches!(verdict, Verdict::Keep { .. }) {
                breaker.answered();
            }
        }
        match verdict {
            Verdict::Accepted => self.settle_accepted(job),
            Verdict::Drop(cause) => {
                self.lock().ledger.fail(FailCause::Status);
                self.settle_dropped(job, cause, uncertain);
            }
            Verdict::Split => {
                self.lock().ledger.fail(FailCause::Status);
                self.split(job, uncertain);
            }
            Verdict::Keep { cause, after } => {
                self.keep(job, cause, after, uncertain, delivery.written);
            }
        }
    }

    fn settle_accepted(&self, job: Job) {
        match job {
            Job::Queued { place, batch, .. } => {
                let mut state = self.lock();
                state.queue.remove(place);
                state.ledger.accepted += batch.points();
            }
            Job::Spooled(claim) => {
                let (points, own) = (claim.batch.points(), claim.own);
                self.discard(claim);
                let mut state = self.lock();
                state.spool_attempts -= 1;
                state.settle(points, own);
                state.ledger.accepted += points;
            }
        }
    }

    fn settle_dropped(&self, job: Job, cause: DropCause, more_uncertain: bool) {
        match job {
            Job::Queued { place, batch, .. } => {
                let mut state = self.lock();
                let entry = state.queue.remove(place);
                let uncertain = more_uncertain || entry.is_some_and(|e| e.uncertain);
                state.ledger.drop_points(cause, batch.points(), uncertain);
            }
            Job::Spooled(claim) => {
                let (points, own) = (claim.batch.points(), claim.own);
                let uncertain = more_uncertain || claim.uncertain;
                self.discard(claim);
                let mut state = self.lock();
                state.spool_attempts -= 1;
                state.settle(points, own);
                state.ledger.drop_points(cause, points, uncertain);
            }
        }
    }

    fn discard(&self, claim: Claim) {
        if let Some(spool) = &self.spool {
            spool.discard(claim);
        }
    }

    /// Cuts a batch in two, or drops what cannot be cut.
    fn split(&self, job: Job, more_uncertain: bool) {
        // A body that cannot be unpacked again cannot be made smaller either.
        let Ok(Some(halves)) = job.batch().split() else {
            return self.settle_dropped(job, DropCause::TooLarge, more_uncertain);
        };
        match job {
            Job::Queued { place, .. } => {
                let mut state = self.lock();
                let entry = state.queue.remove(place);
                let uncertain = more_uncertain || entry.is_some_and(|entry| entry.uncertain);
                state.ledger.splits += 1;
                for half in halves {
                    state.queue.push(half, uncertain);
                }
            }
            Job::Spooled(claim) => {
                let (points, own) = (claim.batch.points(), claim.own);
                // The halves are on the disk before the whole is gone: after a crash in between a
                // receiver knows either by the other's identity.
                if let Some(spool) = &self.spool {
                    for half in &halves {
                        self.store(spool, half, more_uncertain || claim.uncertain);
                    }
                }
                self.discard(claim);
                let mut state = self.lock();
                state.spool_attempts -= 1;
                state.ledger.splits += 1;
                state.settle(points, own);
            }
        }
    }

    fn keep(
        &self,
        job: Job,
        cause: FailCause,
        after: Option<Duration>,
        uncertain: bool,
        written: usize,
    ) {
        let now = self.clock.now();
        let asked = after.map(|after| now + after.min(RETRY_AFTER_MAX));
        let pause = |failures| self.backoff.pause(failures, &*self.entropy);
        let limit = self.config.breaker_failures as u32;
        let endpoint = job.batch().payload.path.to_owned();
        let mut state = self.lock();
        state.ledger.fail(cause);
        state
            .breakers
            .entry(endpoint)
            .or_default()
            .failed(limit, now, asked, pause);
        match job {
            Job::Queued { place, .. } => {
                let Some(entry) = state.queue.get_mut(place) else {
                    return;
                };
                entry.sending = false;
                entry.failures += 1;
                entry.not_before = (now + pause(entry.failures)).max(asked.unwrap_or_default());
                entry.uncertain |= uncertain;
                entry.written = entry.written.max(written);
                if self.closed.load(Ordering::Relaxed) && state.thread.closing_is_over() {
                    // Nobody comes back for it.
                    if let Some(entry) = state.queue.remove(place) {
                        drop(state);
                        self.put_away(entry, DropCause::Closed);
                    }
                }
            }
            Job::Spooled(claim) => {
                state.spool_attempts -= 1;
                drop(state);
                if let Some(spool) = &self.spool {
                    let at = now + pause(spool.failures(&claim) + 1);
                    spool.release(claim, at.max(asked.unwrap_or_default()), true, uncertain);
                }
            }
        }
    }
}

impl State {
    /// Points of a spool file have found their end elsewhere in the books.
    pub(crate) fn settle(&mut self, points: u64, own: bool) {
        if own {
            self.ledger.spooled -= points;
            self.ledger.batches_spooled -= 1;
        } else {
            self.ledger.adopted += points;
        }
    }
}
