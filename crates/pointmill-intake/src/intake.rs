//! An intake, started and stopped.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::app::{App, Received};
use crate::config::{DogstatsdAddress, IntakeConfig};
use crate::dogstatsd::{Listener, Receiver};
use crate::fault::Fault;
use crate::http::Server;
use crate::refused::{RefusedList, now};
use crate::store::{Store, StoreError};

/// A running intake. Dropping it stops it.
#[derive(Debug)]
pub struct Intake {
    app: Arc<App>,
    address: SocketAddr,
    dogstatsd: Vec<DogstatsdAddress>,
    runtime: Option<Runtime>,
    tasks: Vec<JoinHandle<()>>,
}

/// Ctrl-C and SIGTERM, caught.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// Why an intake cannot be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    Bind {
        /// The address.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The store cannot be opened.
    Store(StoreError),
    /// Threads cannot be started.
    Runtime(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind { address, source } => {
                let hint = match source.kind() {
                    io::ErrorKind::AddrInUse => {
                        "is another intake or Agent running? choose another"
                    }
                    io::ErrorKind::AddrNotAvailable => "name an address of this machine",
                    // The cause says it all.
                    _ => return write!(f, "cannot listen on {address}: {source}"),
                };
                write!(f, "cannot listen on {address}: {source}; {hint}")
            }
            StartError::Store(error) => error.fmt(f),
            StartError::Runtime(error) => write!(f, "cannot start threads: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// How often what is older than the retention is deleted.
const EXPIRE: Duration = Duration::from_secs(60);

impl Intake {
    /// Starts an intake on threads of its own. When this returns it is listening.
    ///
    /// # Errors
    /// [`StartError`]: an address is taken, the file cannot be opened.
    pub fn start(mut config: IntakeConfig) -> Result<Intake, StartError> {
        config.store.bytes_max = config.shares().store;
        let store = Arc::new(Store::open(config.store.clone()).map_err(StartError::Store)?);
        let threads = std::thread::available_parallelism()
            .map_or(2, |n| n.get())
            .clamp(2, 8);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            // Bodies being read, queries, and some to spare.
            .max_blocking_threads(16)
            .thread_name("intake")
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        let addresses = config.dogstatsd.clone();
        let listeners = runtime.block_on(async {
            let mut listeners = Vec::new();
            for address in &addresses {
                let bound = Listener::bind(address).await;
                let bound = bound.map_err(|source| StartError::Bind {
                    address: address.to_string(),
                    source,
                });
                listeners.push(bound?);
            }
            Ok(listeners)
        })?;
        config.dogstatsd = listeners
            .iter()
            .filter_map(|listener| listener.address().ok())
            .collect();
        let dogstatsd = config.dogstatsd.clone();
        let app = Arc::new(App::new(config, store));
        let server = runtime.block_on(Server::bind(app.clone()));
        let fail = |source| StartError::Bind {
            address: app.config.listen.to_string(),
            source,
        };
        let server = server.map_err(fail)?;
        let address = server.address().map_err(fail)?;
        let mut tasks = vec![
            runtime.spawn(server.run()),
            runtime.spawn(expire(app.clone())),
        ];
        let receiver = Arc::new(Receiver::new(app.clone()));
        if !listeners.is_empty() {
            tasks.extend(
                listeners
                    .into_iter()
                    .map(|listener| runtime.spawn(receiver.clone().listen(listener))),
            );
            tasks.push(runtime.spawn(receiver.flush_regularly()));
        }
        Ok(Intake {
            app,
            address,
            dogstatsd,
            runtime: Some(runtime),
            tasks,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it takes DogStatsD.
    #[must_use]
    pub fn dogstatsd(&self) -> &[DogstatsdAddress] {
        &self.dogstatsd
    }

    /// Its store, to ask and to fill it without HTTP.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.app.store
    }

    /// What it has received.
    #[must_use]
    pub fn received(&self) -> Received {
        self.app.counters.received()
    }

    /// What it has refused: the newest `limit`, and the counters.
    #[must_use]
    pub fn refused(&self, limit: usize) -> RefusedList {
        self.app.refused.list(limit)
    }

    /// Puts another script of faults in place.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.app.faults.set(faults);
    }

    /// Forgets everything: points, counters, refusals, batch ids and faults.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn reset(&self) -> Result<(), StoreError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(self.app.reset()),
            None => Err(StoreError::Closed),
        }
    }

    /// Catches Ctrl-C and SIGTERM from now on; wait for them with [`Intake::wait`].
    ///
    /// # Errors
    /// The system's.
    pub fn signals(&self) -> io::Result<Signals> {
        let Some(runtime) = &self.runtime else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let _inside = runtime.enter();
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Signals {
            interrupt,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal (true), at most so long (false).
    pub fn wait(&self, signals: &mut Signals, at_most: Duration) -> bool {
        let Some(runtime) = &self.runtime else {
            return true;
        };
        runtime.block_on(async {
            tokio::select! {
                _ = signals.interrupt.recv() => true,
                _ = signals.terminate.recv() => true,
                () = tokio::time::sleep(at_most) => false,
            }
        })
    }

    /// Stops as [`Intake::close`] does.
    pub fn stop(mut self) {
        self.close();
    }

    /// Stops: no further connection, what is under way is answered, everything received is written.
    /// The books and the store can still be asked.
    pub fn close(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        let _ = self.app.stop.send_replace(true);
        runtime.block_on(async {
            for task in self.tasks.drain(..) {
                let _ = task.await;
            }
            self.app.store.close().await;
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.close();
    }
}

async fn expire(app: Arc<App>) {
    loop {
        // What the file refuses today is deleted the next time.
        let _ = app.store.expire(now() as i64).await;
        if tokio::time::timeout(EXPIRE, app.stopped()).await.is_ok() {
            return;
        }
    }
}
