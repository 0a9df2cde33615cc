//! Where batches go: one attempt at a time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Attempt, Batch, ClientConfig, ClientConfigError, DestinationKind};

mod callback;
mod dogstatsd;
mod file;
mod http;
mod log;
mod write;

pub use callback::CallbackDestination;
pub use dogstatsd::DogstatsdDestination;
pub use file::FileDestination;
pub use http::{FixedKey, HttpDestination, KeySource};
pub use log::LogDestination;

/// Something that takes batches.
///
/// Attempts come from any thread, several at once. An attempt ends within its time, whatever the
/// other side does; what it came to is all it says, pauses and repetitions are the client's.
pub trait Destination: Send + Sync + fmt::Debug {
    /// One attempt to deliver what is left of the batch's body from byte `from` on (not 0 only after
    /// an attempt that wrote a part, see [`Delivery::written`]), within `timeout`.
    fn deliver(&self, batch: &Batch, from: usize, timeout: Duration) -> Delivery;

    /// The same destination for a forked child: nothing is shared with the parent that the child
    /// could disturb, and no lock is taken, since its holder may not exist in the child.
    fn reopen(&self) -> Arc<dyn Destination>;

    /// Where the batch would go, for a message to a person; without secrets.
    fn describe(&self, batch: &Batch) -> String;
}

/// What an attempt came to, and how far it got.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// What it came to.
    pub attempt: Attempt,
    /// Bytes of the body that have been delivered for good, up to the end of a line: the next
    /// attempt goes on there. Destinations that take a body as a whole leave it at 0.
    pub written: usize,
    /// Whether a kept connection had gone stale and a new one was used at once.
    pub stale_connection: bool,
    /// Whether the destination may have taken the batch on the stale connection, whatever it has
    /// answered on the new one.
    pub uncertain: bool,
}

impl From<Attempt> for Delivery {
    fn from(attempt: Attempt) -> Delivery {
        Delivery {
            attempt,
            written: 0,
            stale_connection: false,
            uncertain: false,
        }
    }
}

/// Makes the destination that a configuration names; `None` for the spool.
pub(crate) fn open(
    config: &ClientConfig,
) -> Result<Option<Arc<dyn Destination>>, ClientConfigError> {
    Ok(Some(match config.destination {
        DestinationKind::Http => Arc::new(HttpDestination::new(config)?),
        DestinationKind::Log => Arc::new(LogDestination::new(config)?),
        DestinationKind::Dogstatsd => Arc::new(DogstatsdDestination::new(config)?),
        DestinationKind::File => Arc::new(FileDestination::new(config)),
        DestinationKind::Spool => return Ok(None),
    }))
}
