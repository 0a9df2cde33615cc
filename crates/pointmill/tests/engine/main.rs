//! The engine from outside: against a naive model, at its limits, without allocations, on many
//! threads, and across a fork.

mod alloc;
#[cfg(unix)]
mod fork;
mod limits;
mod model;
mod snapshot;
mod threads;
mod time;
