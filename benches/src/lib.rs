//! What the suites share: the workload, the harness, the rivals' set-up, the table.
//!
//! ```text
//! benches/*.rs   contests: subjects that do the same work on the same values
//!    │  plain             criterion: every subject with its statistics
//!    │  --paired          slices of all subjects in turn; medians, and medians of ratios
//!    ▼
//! figures (lines of JSON)  ──▶  bin/table: ratios, goals, the record
//! ```
//!
//! The table's ratios come from the paired form: on a machine with other work, two numbers measured
//! minutes apart differ by more than what one wants to know, while two slices that follow each
//! other within milliseconds have the same neighbours.

pub mod allocations;
pub mod c_abi;
pub mod cpu_time;
pub mod engine;
pub mod figure;
pub mod goals;
pub mod harness;
pub mod rivals;
pub mod threads;
pub mod workload;
