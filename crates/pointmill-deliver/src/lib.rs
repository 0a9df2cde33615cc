//! Bytes to their destination: encoded payloads go out, or stand in the ledger.
//!
//! ```text
//! Engine ──flush──▶ Encoder ──▶ Batch ──▶ Queue ──▶ Destination      accepted
//!                                          │  ▲          │
//!                                 too much │  └──────────┘ no answer, 429, 5xx: kept
//!                                          ▼
//!                                        Spool ──▶ Destination, of this process or a later one
//!                                          │
//!                                          ▼ too much, too old, refused
//!                                        dropped, by cause
//! ```
//!
//! [`Client`] holds all of it. In explicit mode nothing happens outside its calls; in background
//! mode one thread flushes at the end of every interval. Recording threads never meet a lock of
//! this crate: they know the engine only.
//!
//! The books of delivery are a [`ClientStats`]:
//! `flushed + adopted = accepted + queued + spooled + handed_over + skipped + dropped`.
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use pointmill::{Config, Engine, Flush, Kind};
//! use pointmill_deliver::{Attempt, CallbackDestination, Client, ClientConfig};
//!
//! let engine = Engine::new(&Config::default(), 1_700_000_000)?;
//! let mut config = ClientConfig::default();
//! config.set("background", "false")?;
//! let send = CallbackDestination::new(|batch, _timeout| {
//!     assert_eq!(batch.payload.path, "/api/beta/sketches");
//!     Attempt::Accepted
//! });
//! let client = Client::with_destination(&engine, &config, std::sync::Arc::new(send))?;
//! engine.record_named(Kind::Distribution, &["latency", "env:prod"], 0.2)?;
//! let report = client.flush(Flush::All, Duration::from_secs(1))?;
//! assert!(report.complete());
//! assert_eq!(client.stats().accepted, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod background;
mod batch;
mod client;
mod clock;
mod config;

mod destination;
mod hub;
mod ledger;
mod metrics;
mod outcome;
mod pace;
mod queue;
mod settle;
mod spool;
mod url;

pub use batch::{Batch, BatchId};
pub use client::{Client, Closed, FlushReport, Parts};
pub use clock::{Clock, Entropy, SystemClock, SystemEntropy};
pub use config::{ClientConfig, ClientConfigError, ClientOption, DestinationKind};
pub use destination::{
    CallbackDestination, Delivery, Destination, DogstatsdDestination, FileDestination, FixedKey,
    HttpDestination, KeySource, LogDestination,
};
pub use ledger::{ClientStats, DropCause, FailCause};
pub use outcome::{Attempt, parse_retry_after};
