//! What a program pays before its first point: loading the shared object and making an engine, in
//! time and in resident memory. Every sample is a process of its own (`src/bin/startup.rs`).
//!
//! Not under criterion, which measures inside one process.

use std::process::Command;

use pointmill_benches::figure::{Figure, Unit, quartiles};
use pointmill_benches::harness::Options;

const PROCESSES: usize = 50;

fn main() {
    let options = Options::from_args();
    let processes = if options.once { 1 } else { PROCESSES };
    // The first one brings the file into the page cache.
    let _ = sample();
    let samples: Vec<[f64; 4]> = (0..processes).map(|_| sample()).collect();
    let figure = |row: &str, subject: &str, unit, of: &dyn Fn(&[f64; 4]) -> f64| {
        let [low, value, high] = quartiles(&mut samples.iter().map(of).collect::<Vec<_>>());
        Figure {
            low,
            high,
            samples: processes as u64,
            ..Figure::single("startup", row, subject, unit, value)
        }
    };
    let time = "load the library + new engine";
    let memory = "resident memory of an idle engine";
    options.report(&[
        figure(time, "pointmill", Unit::Ns, &|s| s[0] + s[1]),
        figure(time, "the library", Unit::Ns, &|s| s[0]),
        figure(time, "the engine", Unit::Ns, &|s| s[1]),
        figure(memory, "pointmill", Unit::Bytes, &|s| s[3]),
        figure(memory, "the library's pages", Unit::Bytes, &|s| s[2]),
    ]);
}

fn sample() -> [f64; 4] {
    let output = Command::new(env!("CARGO_BIN_EXE_startup"))
        .output()
        .expect("it can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("it prints numbers");
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map(|n| n.parse().expect("a number"))
        .collect();
    numbers.try_into().expect("four numbers")
}
