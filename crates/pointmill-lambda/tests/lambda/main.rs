//! The object as a wrapper uses it, against pipes, sockets and small servers of its own.

mod aws;
mod fork;
mod freeze;
mod invocations;
mod ledger;
mod modes;
mod outside;
mod support;
