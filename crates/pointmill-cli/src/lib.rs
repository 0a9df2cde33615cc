//! The `pointmill` command as a library: one module a verb, each usable on bytes in memory.
//!
//! | verb | module | does |
//! | --- | --- | --- |
//! | `report` | [`report`] | aggregates files of points and prints percentiles |
//!
//! The binary parses arguments, wires the verbs to the terminal and turns their outcome into an
//! exit status; everything else is here, so that tests and benches run the same code.

pub mod report;
