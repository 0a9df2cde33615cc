//! The one thread of a client, and the end of both.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pointmill::Flush;

use crate::hub::Hub;

/// Where the thread stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ThreadState {
    /// Never started, or ended by an error; may be started.
    #[default]
    None,
    Running,
    /// The client is closed and everything has been put away.
    Over,
}

impl ThreadState {
    /// Whether the close of the client has gone past the point where it collects what is left.
    pub(crate) fn closing_is_over(self) -> bool {
        self == ThreadState::Over
    }
}

/// Tells the hub when the thread ends, however it ends.
struct Ends(Arc<Hub>);

impl Drop for Ends {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.thread == ThreadState::Running {
            state.thread = ThreadState::None;
        }
        drop(state);
        self.0.notify();
    }
}

impl Hub {
    /// Starts the thread if one is wanted and none runs. If the system gives none, the next call
    /// tries again; until then batches go out with flushes only.
    pub(crate) fn start_thread(hub: &Arc<Hub>) {
        if !hub.config.background || hub.closed.load(Ordering::Acquire) {
            return;
        }
        let mut state = hub.lock();
        if state.thread != ThreadState::None {
            return;
        }
        state.thread = ThreadState::Running;
        drop(state);
        let ends = Ends(Arc::clone(hub));
        let thread = std::thread::Builder::new()
            .name("pointmill".to_owned())
            // Encoding and TLS stay far below this; the default is 2 MiB.
            .stack_size(512 << 10);
        // On failure the closure is dropped, and with it `ends`.
        let spawned = thread.spawn(move || ends.0.run());
        hub.lock().handle = spawned.ok();
    }

    /// The thread: at every step of the clock it tells the engine the time, and at every
    /// `flush_interval_s` it flushes the closed intervals.
    fn run(&self) {
        let flush_s = self.config.flush_interval_s;
        let mut flush_at = next_multiple(self.unix_s(), flush_s);
        // An engine may hold closed intervals from before.
        self.take(Flush::Closed);
        while !self.closed.load(Ordering::Acquire) {
            let now = self.unix_s();
            if now >= flush_at || flush_at - now > flush_s {
                // The second case: the clock was set back.
                flush_at = next_multiple(now, flush_s);
                self.take(Flush::Closed);
                let limit = Duration::from_millis(self.config.flush_timeout_ms);
                self.drain(self.clock.now() + limit);
                continue;
            }
            self.engine.tick(i64::try_from(now).unwrap_or(i64::MAX));
            let interval_s = u64::from(self.interval_s.load(Ordering::Relaxed).max(1));
            self.sleep_until_unix(flush_at.min(next_multiple(now, interval_s)));
        }
    }

    fn unix_s(&self) -> u64 {
        self.clock.unix_ms() / 1_000
    }

    /// Waits until the wall clock shows `unix_s`, or the client is closed.
    fn sleep_until_unix(&self, unix_s: u64) {
        let wait_ms = (unix_s * 1_000).saturating_sub(self.clock.unix_ms());
        let until = self.clock.now() + Duration::from_millis(wait_ms);
        let mut state = self.lock();
        while self.clock.now() < until && !self.closed.load(Ordering::Acquire) {
            state = self.wait(state, until);
        }
    }

    /// The end: everything is taken and sent until `deadline`, the thread ends, the rest is put
    /// away. The caller has set `closed`.
    pub(crate) fn finish(&self, deadline: Duration) {
        drop(self.lock());
        self.notify();
        self.take(Flush::All);
        self.drain(deadline);
        let mut state = self.lock();
        while state.thread == ThreadState::Running && self.clock.now() < deadline {
            state = self.wait(state, deadline);
        }
        // A thread that is still inside an attempt ends after it and puts its batch away itself.
        let ended = state.thread != ThreadState::Running;
        let handle = state.handle.take().filter(|_| ended);
        state.thread = ThreadState::Over;
        drop(state);
        // It has said that it ends, so this takes no time; afterwards nothing of it is left.
        if let Some(handle) = handle {
            let _ = handle.join();
        }
        self.put_all_away();
    }
}

fn next_multiple(unix_s: u64, of: u64) -> u64 {
    (unix_s / of + 1) * of
}

#[cfg(test)]
mod tests {
    use super::next_multiple;

    #[test]
    fn flushes_fall_on_multiples() {
        for (now, of, next) in [(0, 10, 10), (9, 10, 10), (10, 10, 20), (7, 1, 8)] {
            assert_eq!(next_multiple(now, of), next);
        }
    }
}
