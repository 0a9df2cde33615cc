//! An engine with delivery.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pointmill::{Engine, Flush};
use pointmill_wire::Payload;

use crate::destination;
use crate::hub::Hub;
use crate::{
    ClientConfig, ClientConfigError, ClientStats, Clock, Destination, Entropy, SystemClock,
    SystemEntropy,
};

/// Delivers what an engine aggregates.
///
/// Every call may come from any thread, several at once. Recording goes to the [`Engine`], which a
/// client keeps alive, and never waits for a client.
///
/// A forked child's client begins with nothing: it shares neither the parent's batches nor its
/// connections, and has its own thread from the child's first call on ([`Client::start`] is one).
/// What it needs to know of a fork is the process id, asked for in every call.
///
/// Dropping a client that was not closed closes it without time to send: what is left goes to the
/// spool, or is dropped and counted in books that nobody can read any more. Call [`Client::close`].
pub struct Client {
    root: Process,
}

/// A client in one process; the children's hang on their parent's.
struct Process {
    id: u32,
    hub: Arc<Hub>,
    child: OnceLock<Box<Process>>,
}

/// What a client is made of beside the options.
#[derive(Debug)]
pub struct Parts {
    /// Where batches go; `None` for the spool only.
    pub destination: Option<Arc<dyn Destination>>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives identities and lengths of pauses.
    pub entropy: Arc<dyn Entropy>,
}

/// What a flush came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlushReport {
    /// Points that the destination has taken since the call began.
    pub accepted: u64,
    /// Points that are still to be sent, in the queue or the spool; they are kept.
    pub waiting: u64,
    /// Points given up since the call began; [`Client::stats`] says why.
    pub dropped: u64,
    /// Points that the format could not carry since the call began.
    pub skipped: u64,
}

impl FlushReport {
    /// Whether everything has arrived.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.waiting == 0 && self.dropped == 0 && self.skipped == 0
    }
}

/// The client has been closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client has been closed; make a new one")
    }
}

impl std::error::Error for Closed {}

impl Client {
    /// A client with the destination that `config` names. With the option `background` its thread
    /// starts here.
    ///
    /// # Errors
    /// [`ClientConfigError`]: options that contradict each other, or name what cannot be used. No
    /// connection is made here, so an intake that is down is no error.
    pub fn new(engine: &Engine, config: &ClientConfig) -> Result<Client, ClientConfigError> {
        config.check()?;
        let destination = destination::open(config)?;
        Client::with_parts(engine, config, Parts::new(destination))
    }

    /// A client with a destination of the caller's. The option `destination` still tells the
    /// format, if none is set.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_destination(
        engine: &Engine,
        config: &ClientConfig,
        destination: Arc<dyn Destination>,
    ) -> Result<Client, ClientConfigError> {
        Client::with_parts(engine, config, Parts::new(Some(destination)))
    }

    /// A client with destination, clock and chance of the caller's.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_parts(
        engine: &Engine,
        config: &ClientConfig,
        parts: Parts,
    ) -> Result<Client, ClientConfigError> {
        config.check()?;
        let Parts {
            destination,
            clock,
            entropy,
        } = parts;
        let hub = Hub::new(engine, config, destination, clock, entropy);
        hub.try_out()?;
        let client = Client {
            root: Process {
                id: std::process::id(),
                hub: Arc::new(hub),
                child: OnceLock::new(),
            },
        };
        client.start();
        Ok(client)
    }

    /// The hub of this process. A child makes its own on its first call.
    fn hub(&self) -> &Arc<Hub> {
        let id = std::process::id();
        let mut process = &self.root;
        while process.id != id {
            process = process.child.get().unwrap_or_else(|| {
                // Not get_or_init: a fork while another thread is inside it would leave the next
                // child waiting for ever. This way only the store of a pointer can be cut off.
                let fresh = Process {
                    id,
                    hub: Arc::new(process.hub.renew()),
                    child: OnceLock::new(),
                };
                let _ = process.child.set(Box::new(fresh));
                // Set just now, or by another thread a moment earlier.
                process.child.wait()
            });
        }
        &process.hub
    }

    /// Starts the thread of this process if the option `background` asks for one and none runs:
    /// for the child's side of a fork. Every other call does the same.
    pub fn start(&self) {
        Hub::start_thread(self.hub());
    }

    /// Takes the closed intervals from the engine (all of them with [`Flush::All`]), sends them and
    /// what was kept before, for at most `timeout`. With a timeout of zero nothing is sent.
    ///
    /// Returns early when everything has arrived, and when nothing more can be tried within the
    /// time. What has not arrived is kept.
    ///
    /// # Errors
    /// [`Closed`].
    pub fn flush(&self, which: Flush, timeout: Duration) -> Result<FlushReport, Closed> {
        let hub = self.hub();
        if hub.closed.load(Ordering::Acquire) {
            return Err(Closed);
        }
        Hub::start_thread(hub);
        let deadline = hub.clock.now().saturating_add(timeout);
        let before = hub.ledger();
        hub.take(which);
        hub.drain(deadline);
        Ok(FlushReport::between(&before, &hub.ledger()))
    }

    /// Queues payloads that were not made of the engine's points, in this order; the next flush sends
    /// them. In the books their points are flushed ones. For a destination of lines a body holds
    /// whole lines, for DogStatsD one datagram.
    ///
    /// # Errors
    /// [`Closed`]; nothing was queued.
    pub fn hand_in(&self, payloads: Vec<Payload>) -> Result<(), Closed> {
        let hub = self.hub();
        if hub.closed.load(Ordering::Acquire) {
            return Err(Closed);
        }
        hub.hand_in(payloads);
        Ok(())
    }

    /// Takes everything from the engine, sends for at most `timeout`, and ends: the thread stops,
    /// what has not arrived goes to the spool, or without one is dropped as
    /// [`DropCause::Closed`](crate::DropCause::Closed). A second call does nothing.
    pub fn close(&self, timeout: Duration) -> FlushReport {
        let hub = self.hub();
        let before = hub.ledger();
        if !hub.closed.swap(true, Ordering::AcqRel) {
            hub.finish(hub.clock.now().saturating_add(timeout));
        }
        FlushReport::between(&before, &hub.ledger())
    }

    /// The books.
    #[must_use]
    pub fn stats(&self) -> ClientStats {
        let hub = self.hub();
        Hub::start_thread(hub);
        hub.ledger()
    }

    /// What the last attempt that did not deliver came to, for a person; empty if there was none.
    /// Never holds a key.
    #[must_use]
    pub fn last_failure(&self) -> String {
        self.hub().last_failure()
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.root.hub.engine
    }
}

impl Parts {
    /// A destination with the system's clock and chance.
    #[must_use]
    pub fn new(destination: Option<Arc<dyn Destination>>) -> Parts {
        Parts {
            destination,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

impl FlushReport {
    fn between(before: &ClientStats, after: &ClientStats) -> FlushReport {
        FlushReport {
            accepted: after.accepted - before.accepted,
            waiting: after.waiting(),
            dropped: after.dropped() - before.dropped(),
            skipped: after.skipped() - before.skipped(),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Only of this process: a child that never used the client has nothing to close.
        let id = std::process::id();
        let mut process = Some(&self.root);
        while let Some(p) = process {
            if p.id == id {
                if !p.hub.closed.swap(true, Ordering::AcqRel) {
                    p.hub.finish(p.hub.clock.now());
                }
                return;
            }
            process = p.child.get().map(|child| &**child);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.root.hub).finish()
    }
}
