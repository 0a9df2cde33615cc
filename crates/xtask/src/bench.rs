//! `cargo xtask bench`: every suite of `benches/`, one table, one record.
//!
//! ```text
//! build libpointmill (the C ABI is measured through it)
//! each suite --paired ──▶ figures (lines of JSON) ──▶ the table ──▶ benches/record/TARGET/DATE
//! ```
//!
//! The suites are a workspace of their own, so that the rivals' dependencies are not ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, root};

/// The suites, in the order of the table.
const SUITES: [&str; 11] = [
    "sketch", "merge", "record", "by_name", "latency", "flush", "delivery", "lambda", "decode",
    "memory", "startup",
];

/// Seconds for one contest, and when only a first impression is wanted.
const SECONDS: &str = "3";
const SECONDS_QUICK: &str = "0.3";

pub(crate) fn run(args: &[&str]) -> Outcome {
    let quick = args.contains(&"--quick");
    let named: Vec<&str> = args
        .iter()
        .copied()
        .filter(|arg| *arg != "--quick")
        .collect();
    if let Some(unknown) = named.iter().find(|name| !SUITES.contains(name)) {
        return Err(format!("no suite {unknown:?}; there are {}", SUITES.join(", ")).into());
    }
    build_library()?;
    // Of this run alone: another may be under way.
    let figures = benches().join(format!("target/figures.{}.jsonl", std::process::id()));
    let seconds = if quick { SECONDS_QUICK } else { SECONDS };
    for suite in SUITES
        .iter()
        .filter(|suite| named.is_empty() || named.contains(suite))
    {
        println!("\n== {suite}");
        let mut command = cargo();
        command.args(["bench", "--quiet", "--bench", suite, "--", "--paired"]);
        run_shown(command.args(["--seconds", seconds, "--out"]).arg(&figures))?;
    }
    println!();
    let mut command = cargo();
    command
        .args(["run", "--quiet", "--release", "--bin", "table", "--"])
        .arg(&figures);
    // A record stands for the whole, measured as long as it takes.
    if named.is_empty() && !quick {
        command.arg("--record").arg(benches().join("record"));
        command.args(["--command", "cargo xtask bench"]);
    }
    run_shown(&mut command)?;
    std::fs::remove_file(&figures)?;
    Ok(())
}

/// The benches' workspace.
pub(crate) fn benches() -> PathBuf {
    root().join("benches")
}

/// cargo in the benches' workspace, building where that workspace's files are ignored.
pub(crate) fn cargo() -> Command {
    let mut command = cargo_in(&benches());
    command.env("CARGO_TARGET_DIR", benches().join("target"));
    command
}

fn cargo_in(dir: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(dir);
    command
}

/// The shared object, beside the suites' own programs.
fn build_library() -> Outcome {
    let mut command = cargo_in(&root());
    command.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "pointmill-capi",
    ]);
    run_shown(command.arg("--target-dir").arg(benches().join("target")))
}

/// Runs a command whose output is for the reader.
pub(crate) fn run_shown(command: &mut Command) -> Outcome {
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} ended with {status}").into())
    }
}
