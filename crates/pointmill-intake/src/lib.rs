//! A metrics intake on one's own machine: it takes what Datadog's intake takes, merges and stores it,
//! and answers percentiles over any tags.
//!
//! ```text
//! HTTP ──▶ accept ──┐
//! DogStatsD ────────┴─▶ Batch ──▶ store: one writer ──▶ memory, SQLite
//!                                          │
//!                 /v1, assertions ◀── query┘  sketches are merged, never percentiles
//! ```
//!
//! [`Intake::start`] runs one inside a process, on a free port, for tests; the command
//! `pointmill intake` runs one by itself.
//!
//! ```
//! use pointmill_intake::{Intake, IntakeConfig};
//!
//! let config = IntakeConfig { listen: "127.0.0.1:0".parse()?, ..IntakeConfig::default() };
//! let intake = Intake::start(config)?;
//! println!("listening on http://{}", intake.address());
//! intake.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod accept;
mod app;
pub mod batch;
mod config;
mod dogstatsd;
pub mod expect;
pub mod fault;
pub mod http;
mod intake;
mod names;
pub mod query;
pub mod refused;
pub mod site;
pub mod store;

pub use app::Received;
pub use config::{DogstatsdAddress, IntakeConfig, MEMORY_MIN};
pub use intake::{Intake, Signals, StartError};
