//! What the fuzz targets run. The same functions replay `regressions/` in the tests of
//! pointmill-wire and pointmill-capi, without a fuzzer.

pub mod capi;
pub mod harness;
