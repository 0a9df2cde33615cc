//! What all routes and listeners share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, watch};

use crate::batch::Rules;
use crate::config::{IntakeConfig, Shares};
use crate::fault::Faults;
use crate::refused::{Refusals, now};
use crate::store::Store;

/// The state of a running intake.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: IntakeConfig,
    pub(crate) shares: Shares,
    pub(crate) store: Arc<Store>,
    pub(crate) refused: Refusals,
    pub(crate) faults: Faults,
    pub(crate) counters: Counters,
    pub(crate) started: Instant,
    pub(crate) permits: Permits,
    pub(crate) resets: AtomicU64,
    pub(crate) stop: watch::Sender<bool>,
}

/// What is limited, and how much of it there is.
#[derive(Debug)]
pub(crate) struct Permits {
    /// Kibibytes of bodies on their way.
    pub(crate) body_kib: Arc<Semaphore>,
    /// Kibibytes of bodies that have been read and wait to be stored.
    pub(crate) batch_kib: Arc<Semaphore>,
    /// Small bodies being read.
    pub(crate) decode: Arc<Semaphore>,
    /// Large bodies being read: one.
    pub(crate) decode_large: Arc<Semaphore>,
    /// Queries being answered.
    pub(crate) queries: Arc<Semaphore>,
    /// Streams of events.
    pub(crate) streams: Arc<Semaphore>,
}

/// What happened, since the start or the last reset.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    pub(crate) bodies: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) entries: AtomicU64,
    pub(crate) values: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) service_checks: AtomicU64,
    pub(crate) datagrams: AtomicU64,
    pub(crate) faults: AtomicU64,
    /// Not reset: connections that are open.
    pub(crate) connections: AtomicU64,
}

/// The books, as `/v1/status` shows them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Received {
    /// HTTP requests.
    pub requests: u64,
    /// Bodies stored.
    pub bodies: u64,
    /// Their bytes, as sent.
    pub bytes: u64,
    /// Contexts times intervals in them.
    pub entries: u64,
    /// Values behind those.
    pub values: u64,
    /// Bodies with a batch id already known.
    pub duplicates: u64,
    /// Events.
    pub events: u64,
    /// Service checks.
    pub service_checks: u64,
    /// DogStatsD packets.
    pub datagrams: u64,
}

pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    pub(crate) fn received(&self) -> Received {
        Received {
            requests: get(&self.requests),
            bodies: get(&self.bodies),
            bytes: get(&self.bytes),
            entries: get(&self.entries),
            values: get(&self.values),
            duplicates: get(&self.duplicates),
            events: get(&self.events),
            service_checks: get(&self.service_checks),
            datagrams: get(&self.datagrams),
        }
    }

    pub(crate) fn faults(&self) -> u64 {
        get(&self.faults)
    }

    pub(crate) fn connections(&self) -> u64 {
        get(&self.connections)
    }

    fn reset(&self) {
        let all = [
            &self.requests,
            &self.bodies,
            &self.bytes,
            &self.entries,
            &self.values,
            &self.duplicates,
            &self.events,
            &self.service_checks,
            &self.datagrams,
            &self.faults,
        ];
        all.into_iter()
            .for_each(|counter| counter.store(0, Ordering::Relaxed));
    }
}

impl App {
    pub(crate) fn new(config: IntakeConfig, store: Arc<Store>) -> App {
        let shares = config.shares();
        let cores = std::thread::available_parallelism().map_or(2, |n| n.get());
        let permits = |n| Arc::new(Semaphore::new(n));
        App {
            shares,
            store,
            refused: Refusals::default(),
            faults: Faults::new(config.faults.clone()),
            counters: Counters::default(),
            started: Instant::now(),
            permits: Permits {
                body_kib: permits(shares.bodies >> 10),
                batch_kib: permits(shares.batches >> 10),
                decode: permits(cores.min(4)),
                decode_large: permits(1),
                queries: permits(cores.clamp(2, 4)),
                streams: permits(64),
            },
            resets: AtomicU64::new(0),
            stop: watch::Sender::new(false),
            config,
        }
    }

    /// Whether a key is the one that is set; any is if none is. Takes the same time whatever the key,
    /// but for its length.
    pub(crate) fn key_fits(&self, key: Option<&str>) -> bool {
        match &self.config.api_key {
            None => true,
            Some(wanted) => {
                key.is_some_and(|key| bool::from(key.as_bytes().ct_eq(wanted.as_bytes())))
            }
        }
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules {
            interval_s: self.config.store.interval_s,
            lower_case_tags: self.config.lower_case_tags,
            now: self.config.strict_times.then(|| now() as i64),
        }
    }

    /// Waits until the intake is stopped.
    pub(crate) async fn stopped(&self) {
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Forgets everything.
    pub(crate) async fn reset(&self) -> Result<(), crate::store::StoreError> {
        self.store.reset().await?;
        self.refused.clear();
        self.faults.set(Vec::new());
        self.counters.reset();
        self.resets.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
