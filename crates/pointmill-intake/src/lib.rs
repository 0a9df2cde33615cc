//! A metrics intake on one's own machine: accepts payloads, merges and stores them, answers queries.

#![forbid(unsafe_code)]

pub mod accept;
pub mod batch;
pub mod http;
mod names;
pub mod query;
pub mod refused;
pub mod store;
