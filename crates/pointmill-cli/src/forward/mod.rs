//! `pointmill forward`: Lambda logs and telemetry in, metrics and the remaining logs out.
//!
//! ```text
//! files │ stdin │ invocations (bootstrap)
//!    └─▶ pointmill_forwarder::Reader ─┬ points ─▶ metrics: table │ lines of points │ delivery
//!                                     ├ logs   ─▶ logs: stdout │ file │ intake │ nowhere
//!                                     └ complaints, account ─▶ stderr
//! ```

pub mod bootstrap;
pub mod command;
mod delivery;
mod direct;
mod logs;
mod metrics;
mod say;
mod settings;
mod shutdown;
mod tags;

use std::time::Instant;

use pointmill_forwarder::{Complaint, Log, Output, Point};

use logs::Logs;
use metrics::Metrics;

/// Complaints shown one by one before only their number is.
const COMPLAINTS_MAX: u64 = 100;

/// The characters of a message that a complaint quotes.
const EXCERPT_CHARS: usize = 80;

/// Everything that comes out of a reader, on its way.
#[derive(Debug)]
struct Sinks {
    metrics: Metrics,
    logs: Logs,
    /// The name of the present input.
    input: String,
    complaints: u64,
}

impl Sinks {
    /// Logs and checks are not sent after this moment.
    fn send_until(&mut self, until: Instant) {
        self.logs.send_until(until);
        if let Some(delivery) = self.metrics.delivery() {
            delivery.send_checks_until(until);
        }
    }
}

impl Output for Sinks {
    fn point(&mut self, point: &Point<'_>) {
        self.metrics.point(point);
    }

    fn log(&mut self, log: &Log<'_>) {
        self.logs.log(log);
    }

    fn complain(&mut self, number: u64, complaint: Complaint<'_>) {
        self.complaints += 1;
        if self.complaints > COMPLAINTS_MAX {
            return;
        }
        let input = &self.input;
        match complaint {
            Complaint::Event(cause, "") => say::line(&format!("{input}:{number}: {cause}")),
            Complaint::Event(cause, message) => {
                let text = crate::report::text::printable(message.trim_end());
                let text: String = text.chars().take(EXCERPT_CHARS).collect();
                say::line(&format!("{input}:{number}: {cause}: {text}"));
            }
            Complaint::Envelope(cause) => say::line(&format!("{input}:{number}: {cause}")),
        }
    }
}

/// Why a run could not be done.
#[derive(Debug)]
enum ForwardError {
    /// The arguments or the environment do not fit together.
    Usage(String),
    /// An input or output failed.
    Io(String),
}

impl std::fmt::Display for ForwardError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ForwardError::Usage(text) | ForwardError::Io(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ForwardError {}
