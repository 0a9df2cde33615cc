//! `cargo xtask bench`: every suite of `benches/`, one table, one record.
//!
//! ```text
//! build libpointmill (the C ABI is measured through it), with delivery and without
//! each suite --paired ──▶ its figures (lines of JSON) ──▶ the table ──▶ benches/record/TARGET/DATE
//! ```
//!
//! A suite with its rivals is one run; suites can be measured at different hours, each when the
//! machine is quiet. The figures of each are kept until it is measured again, and `--record` makes a
//! record of what is kept.
//!
//! The suites are a workspace of their own, so that the rivals' dependencies are not ours.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Outcome, root, size};

/// The suites, in the order of the table.
const SUITES: [&str; 11] = [
    "sketch", "merge", "record", "by_name", "latency", "flush", "delivery", "lambda", "decode",
    "memory", "startup",
];

/// Seconds for one contest, and when only a first impression is wanted.
const SECONDS: &str = "3";
const SECONDS_QUICK: &str = "0.3";

/// Figures older than this are of another day's code.
const KEPT_FOR: Duration = Duration::from_secs(12 * 3600);

pub(crate) fn run(args: &[&str]) -> Outcome {
    let quick = args.contains(&"--quick");
    let record_only = args.contains(&"--record");
    let named: Vec<&str> = args
        .iter()
        .copied()
        .filter(|arg| !["--quick", "--record"].contains(arg))
        .collect();
    if let Some(unknown) = named.iter().find(|name| !SUITES.contains(name)) {
        return Err(format!("no suite {unknown:?}; there are {}", SUITES.join(", ")).into());
    }
    if record_only {
        if quick || !named.is_empty() {
            return Err("--record takes what earlier runs have measured, and nothing else".into());
        }
        return table(&SUITES, true, false);
    }
    let suites: Vec<&str> = SUITES
        .into_iter()
        .filter(|suite| named.is_empty() || named.contains(suite))
        .collect();
    build_library()?;
    for suite in &suites {
        measure(suite, quick)?;
    }
    println!();
    // A record stands for the whole, measured as long as it takes.
    table(&suites, named.is_empty() && !quick, quick)
}

/// Runs a suite; its figures take the place of those that were kept.
fn measure(suite: &str, quick: bool) -> Outcome {
    println!("\n== {suite}");
    let (kept, seconds) = (
        figures(suite, quick),
        if quick { SECONDS_QUICK } else { SECONDS },
    );
    if let Some(folder) = kept.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let unfinished = kept.with_extension(format!("{}.unfinished", std::process::id()));
    let mut command = cargo();
    command.args(["bench", "--quiet", "--bench", suite, "--", "--paired"]);
    run_shown(
        command
            .args(["--seconds", seconds, "--out"])
            .arg(&unfinished),
    )?;
    std::fs::rename(&unfinished, &kept)?;
    Ok(())
}

/// Shows the table of some suites' figures, and writes the record.
fn table(suites: &[&str], record: bool, quick: bool) -> Outcome {
    let mut all = String::new();
    for suite in suites {
        let file = figures(suite, quick);
        let is_fresh = || {
            file.metadata()?
                .modified()?
                .elapsed()
                .map_err(std::io::Error::other)
        };
        if !is_fresh().is_ok_and(|age| age < KEPT_FOR) {
            return Err(
                format!("no figures of {suite} from today; cargo xtask bench {suite}").into(),
            );
        }
        all.push_str(&std::fs::read_to_string(file)?);
    }
    // Of this run alone: another may be under way.
    let together = benches().join(format!("target/figures.{}.jsonl", std::process::id()));
    std::fs::write(&together, all)?;
    let mut command = cargo();
    command
        .args(["run", "--quiet", "--release", "--bin", "table", "--"])
        .arg(&together);
    if record {
        command.arg("--record").arg(benches().join("record"));
        command.args(["--command", "cargo xtask bench"]);
    }
    let shown = run_shown(&mut command);
    std::fs::remove_file(&together)?;
    shown
}

/// Where a suite's figures are kept.
fn figures(suite: &str, quick: bool) -> PathBuf {
    let folder = if quick { "figures-quick" } else { "figures" };
    benches()
        .join("target")
        .join(folder)
        .join(format!("{suite}.jsonl"))
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

/// The shared object, beside the suites' own programs, and the one without delivery below them.
fn build_library() -> Outcome {
    size::build_without_delivery(&benches().join("target"))?;
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
