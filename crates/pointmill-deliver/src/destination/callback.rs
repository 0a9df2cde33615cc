//! A function of the program as the destination.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Delivery, Destination};
use crate::{Attempt, Batch};

type Send = dyn Fn(&Batch, Duration) -> Attempt + std::marker::Send + Sync;

/// Hands each batch to a function.
#[derive(Clone)]
pub struct CallbackDestination {
    send: Arc<Send>,
}

impl CallbackDestination {
    /// `send` gets each batch, and the time it may take, on the thread that flushes. It must not
    /// call back into its client.
    #[must_use]
    pub fn new(
        send: impl Fn(&Batch, Duration) -> Attempt + std::marker::Send + Sync + 'static,
    ) -> CallbackDestination {
        CallbackDestination {
            send: Arc::new(send),
        }
    }
}

impl Destination for CallbackDestination {
    fn deliver(&self, batch: &Batch, _from: usize, timeout: Duration) -> Delivery {
        (self.send)(batch, timeout).into()
    }

    fn reopen(&self) -> Arc<dyn Destination> {
        Arc::new(self.clone())
    }

    fn describe(&self, batch: &Batch) -> String {
        format!("callback for {}", batch.payload.path)
    }
}

impl fmt::Debug for CallbackDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackDestination")
    }
}
