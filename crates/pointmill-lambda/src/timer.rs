//! The thread that flushes at the end of every interval and before a deadline.
//!
//! One a process, started at the first invocation or by the first point outside of one, and again in
//! a forked child. Points outside of an invocation wake it where they only have to be written.
//! It holds the object weakly, so that dropping the object ends it.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::fork::OwnProcess;
use crate::raw::lock;
use crate::state::State;

#[derive(Debug, Default)]
pub(crate) struct Timer {
    turn: Mutex<Turn>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Turn {
    running: bool,
    stopped: bool,
    /// Somebody wants a flush now.
    poked: bool,
    /// A deadline came while the thread was awake: how long it sleeps is to be settled anew.
    rearmed: bool,
    /// When the thread wakes, in milliseconds since 1970-01-01 UTC; 0 while it is awake.
    wake_unix_ms: i64,
}

impl Timer {
    /// Starts the thread if none runs.
    pub(crate) fn start(&self, process: &Arc<OwnProcess<State>>) -> Result<(), std::io::Error> {
        let mut turn = lock(&self.turn);
        if turn.running || turn.stopped {
            return Ok(());
        }
        let process = Arc::downgrade(process);
        std::thread::Builder::new()
            .name("pointmill-lambda".to_owned())
            .spawn(move || run(&process))?;
        turn.running = true;
        Ok(())
    }

    pub(crate) fn is_running(&self) -> bool {
        lock(&self.turn).running
    }

    /// Wakes the thread if it would sleep past this moment.
    pub(crate) fn wake_by(&self, unix_ms: i64) {
        let mut turn = lock(&self.turn);
        if turn.wake_unix_ms > unix_ms {
            self.changed.notify_all();
        }
        turn.rearmed = turn.wake_unix_ms == 0;
    }

    /// Asks for a flush now.
    pub(crate) fn poke(&self) {
        if !std::mem::replace(&mut lock(&self.turn).poked, true) {
            self.changed.notify_all();
        }
    }

    /// Ends the thread; it is not waited for, since it may be sending.
    pub(crate) fn stop(&self) {
        lock(&self.turn).stopped = true;
        self.changed.notify_all();
    }

    /// Waits until `unix_ms`, or until something changes. `None`: it is over; `Some(true)`: a flush
    /// is asked for.
    fn wait(&self, now_unix_ms: i64, unix_ms: i64) -> Option<bool> {
        let mut turn = lock(&self.turn);
        let rearmed = std::mem::take(&mut turn.rearmed);
        if !turn.stopped && !turn.poked && !rearmed && unix_ms > now_unix_ms {
            turn.wake_unix_ms = unix_ms;
            let time = Duration::from_millis((unix_ms - now_unix_ms).unsigned_abs());
            let waited = self.changed.wait_timeout(turn, time);
            turn = waited.unwrap_or_else(PoisonError::into_inner).0;
            turn.wake_unix_ms = 0;
        }
        if turn.stopped {
            turn.running = false;
            return None;
        }
        Some(std::mem::take(&mut turn.poked))
    }
}

fn run(process: &Weak<OwnProcess<State>>) {
    loop {
        // Held for one turn only, so that an object that is dropped meanwhile goes away.
        let Some(process) = process.upgrade() else {
            return;
        };
        let state = process.get(State::for_child);
        let now = state.now_ms();
        let wake = state.next_turn(now).min(now + TURN_MAX_MS);
        let Some(poked) = state.timer.wait(now, wake) else {
            return;
        };
        state.turn(poked);
    }
}

/// Longest sleep: an object that was dropped is noticed after this time.
const TURN_MAX_MS: i64 = 10_000;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// The time to sleep was chosen before the deadline was known.
    #[test]
    fn a_deadline_that_comes_while_the_thread_is_awake_is_not_slept_past() {
        let timer = Timer::default();
        let started = Instant::now();
        timer.wake_by(1);
        assert_eq!(timer.wait(0, 60_000), Some(false));
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_poke_ends_one_wait_and_is_answered_once() {
        let timer = Timer::default();
        timer.poke();
        timer.poke();
        assert_eq!(timer.wait(0, 60_000), Some(true));
        assert_eq!(timer.wait(0, 1), Some(false));
    }
}
