//! What a program pays before its first point: loading the shared object and making an engine, in
//! time and in resident memory. Every sample is a process of its own (`src/bin/startup.rs`).
//!
//! Not under criterion, which measures inside one process.

use std::path::{Path, PathBuf};
use std::process::Command;

use pointmill_benches::c_abi;
use pointmill_benches::figure::{Figure, Unit, quartiles};
use pointmill_benches::harness::Options;

const PROCESSES: usize = 50;

fn main() {
    let options = Options::from_args();
    let processes = if options.once { 1 } else { PROCESSES };
    let time = "load the library + new engine";
    let memory = "resident memory of an idle engine";
    let (whole, core) = (c_abi::library_path(), without_delivery());
    let (whole, core) = (samples(&whole, processes), samples(&core, processes));
    let figure = |of: &[Sample], row: &str, subject: &str, unit, value: &dyn Fn(&Sample) -> f64| {
        let mut values: Vec<f64> = of.iter().map(value).collect();
        let [low, value, high] = quartiles(&mut values);
        Figure {
            low,
            high,
            samples: processes as u64,
            ..Figure::single("startup", row, subject, unit, value)
        }
    };
    options.report(&[
        figure(&whole, time, "pointmill", Unit::Ns, &|s| s[0] + s[1]),
        figure(&whole, time, "the library", Unit::Ns, &|s| s[0]),
        figure(&whole, time, "the engine", Unit::Ns, &|s| s[1]),
        figure(&core, time, "without delivery", Unit::Ns, &|s| s[0] + s[1]),
        figure(&whole, memory, "pointmill", Unit::Bytes, &|s| s[3]),
        figure(&whole, memory, "the library's pages", Unit::Bytes, &|s| {
            s[2]
        }),
        figure(
            &whole,
            memory,
            "both, no pages of a file",
            Unit::Bytes,
            &|s| s[4],
        ),
        figure(&core, memory, "without delivery", Unit::Bytes, &|s| s[3]),
        figure(
            &core,
            memory,
            "without delivery, the library's pages",
            Unit::Bytes,
            &|s| s[2],
        ),
        figure(
            &core,
            memory,
            "without delivery, both, no pages of a file",
            Unit::Bytes,
            &|s| s[4],
        ),
    ]);
}

/// What `src/bin/startup.rs` prints.
type Sample = [f64; 5];

/// The library without delivery, where `cargo xtask bench` builds it.
fn without_delivery() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/without-delivery/release/libpointmill.so")
}

fn samples(library: &Path, processes: usize) -> Vec<Sample> {
    // The first one brings the file into the page cache.
    let _ = sample(library);
    (0..processes).map(|_| sample(library)).collect()
}

fn sample(library: &Path) -> Sample {
    let output = Command::new(env!("CARGO_BIN_EXE_startup"))
        .env("POINTMILL_LIBRARY", library)
        .output()
        .expect("it can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("it prints numbers");
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map(|n| n.parse().expect("a number"))
        .collect();
    numbers.try_into().expect("five numbers")
}
