//! The `pointmill` command as a library: one module a verb, each usable on bytes in memory.
//!
//! | verb | module | does |
//! | --- | --- | --- |
//! | `report` | [`report`] | aggregates files of points and prints percentiles |
//! | `intake` | [`intake`] | takes, stores and shows metrics on one's own machine |
//! | `query` | [`query`] | asks a running intake |
//! | `replay` | [`replay`] | sends a file of points to an intake, at a chosen speed |
//! | `forward` | [`forward`] | turns Lambda logs and telemetry into metrics and sends them |
//!
//! The binary parses arguments, wires the verbs to the terminal and turns their outcome into an
//! exit status; everything else is here, so that tests and benches run the same code.

pub mod forward;
pub mod http;
pub mod intake;
pub mod query;
pub mod replay;
pub mod report;
pub mod stop;
