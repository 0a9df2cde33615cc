//! Delivery from the outside: faults, sockets, processes, files.

mod common;
mod faults;
mod intake;
mod lines;
mod process;
mod sockets;
mod spool;
mod tls;
