//! A metrics intake on one's own machine: accepts payloads, merges and stores them, answers queries.

#![forbid(unsafe_code)]

pub mod http;
