//! `cargo xtask gen`: what is derived from `crates/pointmill-capi` and committed.
//!
//! ```text
//! crates/pointmill-capi/src ──surface──▶ functions, structs, constants, opaque types
//!      ├─ manual    every function's comment is complete and names only what exists
//!      ├─ symbols   include/symbols.txt: nothing listed there may vanish or change
//!      ├─ header    include/pointmill.h, by cbindgen
//!      ├─ python    exceptions, counters and ctypes declarations of bindings/python
//!      ├─ node      codes and fields of bindings/node, by its own script from the header
//!      └─ ruby      exceptions, counters, types and Fiddle declarations of bindings/ruby, likewise
//! ```

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Outcome, process};

mod header;
mod manual;
mod python;
mod surface;
mod symbols;

pub(crate) use surface::Surface;

pub(crate) fn run(args: &[&str]) -> Outcome {
    let check = match args {
        [] => false,
        ["--check"] => true,
        _ => return Err(format!("gen takes only --check, not {args:?}").into()),
    };
    let root = crate::root();
    let surface = Surface::read(&root.join("crates/pointmill-capi"))?;
    manual::check(&surface)?;

    let symbols_path = root.join("include/symbols.txt");
    let committed = fs::read_to_string(&symbols_path).unwrap_or_default();
    let symbols = symbols::renewed(&surface, &committed)?;
    let header = header::render(&surface, &root)?;
    emit(&symbols_path, &symbols, check)?;
    emit(&root.join("include/pointmill.h"), &header, check)?;
    let package = root.join("bindings/python/src/pointmill");
    let stats = root.join("bindings/python/csrc/stats.inc");
    emit(
        &package.join("errors.py"),
        &python::errors(&surface)?,
        check,
    )?;
    emit(
        &package.join("_declarations.py"),
        &python::declarations(&surface)?,
        check,
    )?;
    emit(&stats, &python::stats(&surface)?, check)?;
    let stubs = package.join("_counters.pyi");
    emit(&stubs, &python::counter_stubs(&surface)?, check)?;
    node_tables(&root, check)?;
    ruby_tables(&root, check)
}

/// The same for Ruby.
fn ruby_tables(root: &Path, check: bool) -> Outcome {
    if !process::exists("ruby") {
        println!("bindings/ruby is left as it is: ruby is not installed");
        return Ok(());
    }
    let mut command = Command::new("ruby");
    command.arg(root.join("bindings/ruby/scripts/gen.rb"));
    if check {
        command.arg("--check");
    }
    print!("{}", process::run(&mut command)?);
    Ok(())
}

/// The Node package's tables come from the header by a script of its own; without Node they stay.
fn node_tables(root: &Path, check: bool) -> Outcome {
    if !process::exists("node") {
        println!("bindings/node/lib/generated.js is left as it is: node is not installed");
        return Ok(());
    }
    let mut command = Command::new("node");
    command.arg(root.join("bindings/node/scripts/gen.mjs"));
    if check {
        command.arg("--check");
    }
    print!("{}", process::run(&mut command)?);
    Ok(())
}

/// Writes a file if it differs; with `check` that is an error instead.
fn emit(path: &Path, text: &str, check: bool) -> Outcome {
    let committed = fs::read_to_string(path).unwrap_or_default();
    let shown = path.display();
    if committed == text {
        println!("{shown} is up to date");
        return Ok(());
    }
    if check {
        let line = committed
            .lines()
            .zip(text.lines())
            .take_while(|(a, b)| a == b)
            .count()
            + 1;
        return Err(format!(
            "{shown} is not what the source says (first difference in line {line}); run `cargo xtask gen` and commit the result"
        )
        .into());
    }
    fs::write(path, text).map_err(|error| format!("{shown}: {error}"))?;
    println!("{shown} written");
    Ok(())
}
