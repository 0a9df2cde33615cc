//! What the fuzz targets run. The same functions replay `regressions/` in the tests of
//! pointmill-wire, pointmill-deliver, pointmill-forwarder and pointmill-capi, without a fuzzer.

pub mod capi;
pub mod forwarder;
pub mod harness;
pub mod retry_after;
