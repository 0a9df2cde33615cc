//! Ctrl-C and SIGTERM: the first ends the reading, so that what had been read is dealt with, the
//! second ends the process.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

/// How long a signal may go unnoticed by a pause.
const LOOK: Duration = Duration::from_millis(50);

/// Whether a signal has come.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    raised: Arc<AtomicBool>,
    status: Arc<AtomicU8>,
}

impl Stop {
    /// Catches both signals from now on.
    ///
    /// # Errors
    /// The system's.
    pub fn on_signals() -> io::Result<Stop> {
        let stop = Stop::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let inside = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        drop(inside);
        let told = stop.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                loop {
                    // Statuses as shells give them: 128 and the signal's number.
                    let status = runtime.block_on(async {
                        tokio::select! {
                            _ = interrupt.recv() => 130,
                            _ = terminate.recv() => 143,
                        }
                    });
                    told.status.store(status, Ordering::Relaxed);
                    if told.raised.swap(true, Ordering::Release) {
                        std::process::exit(i32::from(status));
                    }
                }
            })?;
        Ok(stop)
    }

    /// As [`Stop::on_signals`]; where that fails, `say` is told and signals end the process.
    pub fn on_signals_or(say: impl FnOnce(&str)) -> Stop {
        Stop::on_signals().unwrap_or_else(|error| {
            say(&format!("Ctrl-C will end the run at once: {error}"));
            Stop::default()
        })
    }

    /// Whether a signal has come.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// The flag itself, for threads that read.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.raised)
    }

    /// The exit status of a run that a signal has ended: 130 or 143.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.status.load(Ordering::Relaxed))
    }

    /// Waits until `due`, or until a signal comes.
    pub fn sleep_until(&self, due: Instant) {
        while !self.is_raised() {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(LOOK));
        }
    }
}
