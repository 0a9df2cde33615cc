//! The intake as its clients meet it: started in the process, spoken to over sockets.

mod dogstatsd;
mod expect;
mod faults;
mod model;
mod robust;
mod routes;
mod store;
mod support;
