//! Bodies that no engine aggregates, checks and logs, straight to a destination.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pointmill_deliver::{
    Attempt, Batch, BatchId, ClientConfig, Destination, DogstatsdDestination, HttpDestination,
    KeySource, SystemEntropy,
};
use pointmill_wire::Payload;

use super::ForwardError;

/// Attempts for one body, with a pause that doubles between them.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// An intake with the key of the configuration, or with one that is looked up.
pub(super) fn http(
    config: &ClientConfig,
    key: Option<&Arc<dyn KeySource>>,
) -> Result<HttpDestination, ForwardError> {
    let made = match key {
        Some(key) => HttpDestination::with_key(config, Arc::clone(key)),
        None => HttpDestination::new(config),
    };
    made.map_err(|error| ForwardError::Usage(error.to_string()))
}

/// Sends one body after the other, each until it has arrived or [`ATTEMPTS`] have failed.
#[derive(Debug)]
pub(super) struct Direct {
    destination: Arc<dyn Destination>,
    attempt_timeout: Duration,
    /// Nothing is tried after this moment.
    until: Option<Instant>,
}

impl Direct {
    pub(super) fn http(
        config: &ClientConfig,
        key: Option<&Arc<dyn KeySource>>,
    ) -> Result<Direct, ForwardError> {
        Ok(Direct::with(Arc::new(http(config, key)?), config))
    }

    pub(super) fn dogstatsd(config: &ClientConfig) -> Result<Direct, ForwardError> {
        let made = DogstatsdDestination::new(config);
        let destination = made.map_err(|error| ForwardError::Usage(error.to_string()))?;
        Ok(Direct::with(Arc::new(destination), config))
    }

    fn with(destination: Arc<dyn Destination>, config: &ClientConfig) -> Direct {
        Direct {
            destination,
            attempt_timeout: Duration::from_millis(config.attempt_timeout_ms),
            until: None,
        }
    }

    /// Nothing is tried after this moment.
    pub(super) fn send_until(&mut self, until: Instant) {
        self.until = Some(until);
    }

    /// Time for one attempt; zero when there is none left.
    fn attempt_timeout(&self) -> Duration {
        let left = self
            .until
            .map(|until| until.saturating_duration_since(Instant::now()));
        left.map_or(self.attempt_timeout, |left| left.min(self.attempt_timeout))
    }

    /// Sends `body`, which stands for `n` checks or logs. The error says why it was given up.
    pub(super) fn send(&mut self, path: &'static str, body: Vec<u8>, n: u64) -> Result<(), String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let created = now.map_or(0, |now| now.as_millis());
        let batch = Batch {
            id: BatchId::new(&SystemEntropy),
            created_unix_ms: u64::try_from(created).unwrap_or(u64::MAX),
            payload: Payload::from_parts((path, "application/json", ""), body, 1, n, Vec::new()),
        };
        let place = self.destination.describe(&batch);
        let mut why = format!("{place}: no time was left for it");
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                thread::sleep((PAUSE * 2_u32.pow(attempt - 1)).min(self.attempt_timeout()));
            }
            let timeout = self.attempt_timeout();
            if timeout.is_zero() {
                break;
            }
            let delivery = self.destination.deliver(&batch, 0, timeout);
            match delivery.attempt {
                Attempt::Accepted
                | Attempt::Status {
                    code: 200..=299, ..
                } => return Ok(()),
                Attempt::Status {
                    code: code @ (400 | 401 | 403 | 413),
                    ..
                } => {
                    let remedy = match code {
                        401 | 403 => "; check the API key and the site",
                        _ => "",
                    };
                    return Err(format!("{place}: status {code}{remedy}"));
                }
                Attempt::Status { code, .. } => why = format!("{place}: status {code}"),
                Attempt::Failed { detail, .. } => why = format!("{place}: {detail}"),
                other => return Err(format!("{place}: {other:?}")),
            }
        }
        Err(why)
    }
}
