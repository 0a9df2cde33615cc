//! What the library exports, what is listed, and what the C programs call: three times the same.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::Tally;
use super::matrix::{Setting, plain_binaries};
use crate::install::NATIVE_STATIC_LIBS;
use crate::process;

pub(crate) fn check(tally: &Tally, setting: &Setting) {
    tally.check(
        "the shared library exports what is listed, and nothing else",
        exports(setting),
    );
    tally.check("the C programs call every function", called(setting));
    tally.check("the soname carries the ABI major", soname(setting));
    tally.check(
        "the static library needs what is documented",
        native_static_libs(),
    );
}

fn listed() -> Result<BTreeSet<String>, String> {
    let path = crate::root().join("include/symbols.txt");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("function "));
    Ok(names
        .filter_map(|rest| rest.split(' ').next())
        .map(str::to_owned)
        .collect())
}

fn exports(setting: &Setting) -> Result<(), String> {
    let mut nm = Command::new("nm");
    nm.args(["-D", "--defined-only", "--format=posix"])
        .arg(setting.built.join("libpointmill.so"));
    let output = process::run(&mut nm)?;
    let exported = output
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned);
    same(&exported.collect(), "exported", &listed()?, "listed")
}

fn called(setting: &Setting) -> Result<(), String> {
    let mut called = BTreeSet::new();
    for binary in plain_binaries(setting) {
        let mut nm = Command::new("nm");
        nm.args(["-D", "--undefined-only", "--format=posix"])
            .arg(binary);
        let output = process::run(&mut nm)?;
        let names = output.lines().filter_map(|line| line.split(' ').next());
        called.extend(
            names
                .filter(|name| name.starts_with("pointmill_"))
                .map(str::to_owned),
        );
    }
    same(&called, "called", &listed()?, "listed")
}

fn same(a: &BTreeSet<String>, is_a: &str, b: &BTreeSet<String>, is_b: &str) -> Result<(), String> {
    let only_a = a
        .difference(b)
        .map(|name| format!("{name} is {is_a}, not {is_b}"));
    let only_b = b
        .difference(a)
        .map(|name| format!("{name} is {is_b}, not {is_a}"));
    let faults: Vec<String> = only_a.chain(only_b).collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

fn soname(setting: &Setting) -> Result<(), String> {
    let mut readelf = Command::new("readelf");
    readelf.arg("-d").arg(setting.built.join("libpointmill.so"));
    let output = process::run(&mut readelf)?;
    let line = output
        .lines()
        .find(|line| line.contains("(SONAME)"))
        .unwrap_or("no soname");
    if line.contains("[libpointmill.so.0]") {
        Ok(())
    } else {
        Err(line.trim().to_owned())
    }
}

fn native_static_libs() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "rustc",
        "--package",
        "pointmill-capi",
        "--lib",
        "--crate-type",
        "staticlib",
    ]);
    command
        .args(["--", "--print", "native-static-libs"])
        .current_dir(crate::root());
    let output = process::output(&mut command)?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = text
        .lines()
        .find_map(|line| line.split("native-static-libs: ").nth(1));
    let said = said.ok_or_else(|| format!("rustc did not say; its output was:\n{text}"))?;
    let unique = |libs: &str| libs.split_whitespace().map(str::to_owned).collect();
    same(
        &unique(said),
        "asked for by rustc",
        &unique(NATIVE_STATIC_LIBS),
        "documented",
    )
}
