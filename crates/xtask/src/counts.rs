//! `cargo xtask counts`: instructions of the hot functions under callgrind, against
//! `benches/counts.toml`.
//!
//! ```text
//! counts --list ──▶ each case: valgrind --toggle-collect=pointmill_counted counts CASE
//!                              instructions / operations, compared with the committed number
//! ```
//!
//! Times vary with the machine's other work by more than a lost inlining costs; instructions do
//! not. They do vary with compiler and processor, which the file names; on another kind of
//! processor there is nothing to compare with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, bench, process};

/// How far a count may move, as a share of the committed one. What moves by itself is the hash's
/// seed, which is new in every process: well below this.
const TOLERANCE: f64 = 0.02;

pub(crate) fn run(args: &[&str]) -> Outcome {
    let bless = match args {
        [] => false,
        ["--bless"] => true,
        _ => return Err("counts takes nothing but --bless".into()),
    };
    if !process::exists("valgrind") {
        return Err("counts needs valgrind; install it (Debian: apt-get install valgrind)".into());
    }
    let mut build = bench::cargo();
    bench::run_shown(build.args(["build", "--quiet", "--release", "--bin", "counts"]))?;
    let program = bench::benches().join("target/release/counts");
    let host = process::run(Command::new(&program).arg("--host"))?
        .trim()
        .to_owned();
    let rustc = rustc()?;
    let file = bench::benches().join("counts.toml");
    let known = Known::read(&file)?;
    if !bless && known.host != host {
        println!(
            "{} holds counts of {}, this is {host}: nothing compared",
            file.display(),
            known.host
        );
        return Ok(());
    }
    let mut counts = BTreeMap::new();
    let mut moved = Vec::new();
    for line in process::run(Command::new(&program).arg("--list"))?.lines() {
        let (case, operations) = line.split_once(' ').ok_or("an unreadable list of cases")?;
        let count = instructions(&program, case)? as f64 / operations.parse::<f64>()?;
        let before = known.counts.get(case).copied();
        let change = before.map(|before| count / before - 1.0);
        let shown = change.map_or("new".to_owned(), |c| format!("{:+.2} %", 100.0 * c));
        println!("{case:<28} {count:>12.2}  {shown}");
        if change.is_none_or(|change| change.abs() > TOLERANCE) {
            moved.push(case.to_owned());
        }
        counts.insert(case.to_owned(), count);
    }
    moved.extend(
        known
            .counts
            .keys()
            .filter(|case| !counts.contains_key(*case))
            .cloned(),
    );
    if bless {
        std::fs::write(
            &file,
            Known {
                host,
                rustc,
                counts,
            }
            .to_text(),
        )?;
        println!("written: {}", file.display());
        return Ok(());
    }
    if known.rustc != rustc {
        println!(
            "note: the counts were taken with rustc {}, this is {rustc}",
            known.rustc
        );
    }
    if moved.is_empty() {
        return Ok(());
    }
    let share = 100.0 * TOLERANCE;
    let cases = moved.join(", ");
    Err(format!(
        "moved by more than {share} %, new or gone: {cases}. Find out why; if it is meant, \
         run cargo xtask counts --bless and commit {}",
        file.display()
    )
    .into())
}

fn rustc() -> Result<String, String> {
    let text = process::run(Command::new("rustc").arg("-vV"))?;
    let release = text.lines().find_map(|line| line.strip_prefix("release: "));
    Ok(release.unwrap_or("unknown").to_owned())
}

/// Instructions that one case executes inside the counted function.
fn instructions(program: &Path, case: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let out = Scratch::new(case);
    process::run(
        Command::new("valgrind")
            .args(["--tool=callgrind", "--collect-atstart=no"])
            .arg("--toggle-collect=pointmill_counted")
            .arg(format!("--callgrind-out-file={}", out.0.display()))
            .arg(program)
            .arg(case),
    )?;
    let text = std::fs::read_to_string(&out.0)?;
    let sum = text
        .lines()
        .find_map(|line| {
            line.strip_prefix("summary: ")
                .or_else(|| line.strip_prefix("totals: "))
        })
        .ok_or("callgrind wrote no sum")?
        .trim()
        .parse()?;
    if sum == 0 {
        return Err(format!("{case}: nothing counted; is pointmill_counted still called?").into());
    }
    Ok(sum)
}

/// A file that goes when it is no longer needed.
struct Scratch(PathBuf);

impl Scratch {
    fn new(case: &str) -> Scratch {
        let name = format!("callgrind.{case}.{}", std::process::id());
        Scratch(bench::benches().join("target").join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What `counts.toml` says.
#[derive(Default)]
struct Known {
    host: String,
    rustc: String,
    counts: BTreeMap<String, f64>,
}

impl Known {
    /// Reads the file; nothing is known if there is none.
    fn read(file: &Path) -> Result<Known, Box<dyn std::error::Error>> {
        if !file.exists() {
            return Ok(Known::default());
        }
        Known::parse(&std::fs::read_to_string(file)?)
    }

    /// The part of TOML that [`Known::to_text`] writes.
    fn parse(text: &str) -> Result<Known, Box<dyn std::error::Error>> {
        let mut known = Known::default();
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '['])) {
            let (name, value) = line
                .split_once('=')
                .ok_or_else(|| format!("counts.toml: no value in {line:?}"))?;
            let (name, value) = (name.trim(), value.trim());
            match name {
                "host" => known.host = value.trim_matches('"').to_owned(),
                "rustc" => known.rustc = value.trim_matches('"').to_owned(),
                _ => drop(known.counts.insert(name.to_owned(), value.parse()?)),
            }
        }
        Ok(known)
    }

    fn to_text(&self) -> String {
        let mut text = format!(
            "# Instructions of the hot functions under callgrind, an operation each; see\n\
             # benches/src/bin/counts.rs for what each case does. Compared by `cargo xtask counts`,\n\
             # written by `cargo xtask counts --bless`.\n\n\
             host = \"{}\"\nrustc = \"{}\"\n\n[instructions]\n",
            self.host, self.rustc
        );
        for (case, count) in &self.counts {
            let _ = writeln!(text, "{case} = {count:.3}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let counts = BTreeMap::from([("record".to_owned(), 12.5), ("insert".to_owned(), 5.125)]);
        let known = Known {
            host: "h".into(),
            rustc: "1.2.3".into(),
            counts,
        };
        let read = Known::parse(&known.to_text()).unwrap();
        assert_eq!(
            (read.host, read.rustc, read.counts),
            (known.host, known.rustc, known.counts)
        );
    }

    #[test]
    fn a_line_without_a_value_is_an_error() {
        assert!(Known::parse("record 12").is_err());
        assert!(Known::parse("record = twelve").is_err());
    }
}
