//! The project's own commands, one module a verb: `cargo xtask VERB`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod bench;
mod clients;
mod counts;
mod ctest;
mod dist;
mod r#gen;
mod go;
mod install;
mod java;
mod native;
mod object;
mod page;
mod process;
mod python;
mod ruby;
mod size;
mod test;
mod web;

/// What a verb ends with; the error is shown as it is.
type Outcome = Result<(), Box<dyn std::error::Error>>;

const HELP: &str = "\
cargo xtask VERB

  gen              write include/pointmill.h and include/symbols.txt from crates/pointmill-capi
  gen --check      compare instead of write; non-zero status if anything differs
  ctest            build and run the C and C++ programs of crates/pointmill-capi/ctest:
                   C11 and C++17, shared and static, plain, sanitized, under Valgrind
  ctest --quick    C11 and C++17 against the shared library only, plain
  dist [--target ARCH]…
                   packages, C tarball and Lambda layers for glibc 2.17, checked, under target/dist; ARCH is
                   x86_64 or aarch64, by default both
  go               the Go package: header and archive laid out, vetted, tested, raced
  go --build       lay out only
  install --prefix DIR
                   lay out include/, lib/, pkg-config and CMake files under DIR
  java             the Java package: shim compiled, jar and manual built, tested by Maven on the JDKs there are
  java --build     shim and jar only
  java --bench [load]
                   what calls cost and loading adds, beside what the package stands in for (JMH); or loading only
  bench [--quick] [SUITE…]
                   pointmill beside its rivals: one table, and a record under benches/record
  bench --record   a record of the suites as they were measured last, each by itself
  clients          Datadog's own clients of PyPI and npm send to the intake
  counts           instructions of the hot functions (valgrind) against benches/counts.toml
  counts --bless   write that file instead
  python           build the wheel of bindings/python and run its tests against the installed wheel
  python --wheel   build it only
  python --bench   measure it beside datadog_lambda
  ruby             the gems of bindings/ruby, and its tests against the installed platform gem
  ruby --gems      build them only
  ruby --bench     measure calls and load
  size             bytes of the stripped library with delivery and without, against their limits
  page             the page of the local intake in headless Chromium, with pictures
  web              the page of the local intake, before the binary that carries it
  test [STAGE…]    every test there is, or the named stages of it
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.split_first() {
        Some((&"bench", rest)) => bench::run(rest),
        Some((&"clients", rest)) => clients::run(rest),
        Some((&"counts", rest)) => counts::run(rest),
        Some((&"gen", rest)) => r#gen::run(rest),
        Some((&"ctest", rest)) => ctest::run(rest),
        Some((&"dist", rest)) => dist::run(rest),
        Some((&"go", rest)) => go::run(rest),
        Some((&"install", rest)) => install::run(rest),
        Some((&"java", rest)) => java::run(rest),
        Some((&"page", rest)) => page::run(rest),
        Some((&"python", rest)) => python::run(rest),
        Some((&"ruby", rest)) => ruby::run(rest),
        Some((&"size", rest)) => size::run(rest),
        Some((&"test", rest)) => test::run(rest),
        Some((&"web", rest)) => web::run(rest),
        None | Some((&("help" | "--help" | "-h"), _)) => {
            print!("{HELP}");
            Ok(())
        }
        Some((verb, _)) => Err(format!("no verb {verb:?}\n\n{HELP}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's root folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Where cargo puts what it builds.
fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
