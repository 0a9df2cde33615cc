//! `cargo xtask dist`: what is handed to others, for every target that can be built here, under
//! `target/dist/VERSION`.
//!
//! ```text
//! zig, for glibc 2.17 ─▶ libpointmill.so, .a ─┬─▶ tar of C: header, libraries, pkg-config, CMake
//!                                             ├─▶ wheel, npm package, Go module, jar, gem
//!                                             └─▶ Lambda layers of Python, Node, Java, Ruby
//! every object: symbols it shows, glibc it asks for, libraries it needs; every file: its size
//! ```
//!
//! Packages are built by their own verbs and scripts, which take three variables: `POINTMILL_BUILT`
//! (the folder of the libraries), `POINTMILL_ARCH` (their architecture) and `CC`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::run as run_command;
use crate::{Outcome, native, object, process, target_dir};

mod packages;
mod tools;
mod zip;

use packages::Packer;
use tools::Tools;

/// What one thing is called by everybody.
struct Target {
    arch: &'static str,
    rust: &'static str,
    zig: &'static str,
    debian: &'static str,
    node: &'static str,
}

const TARGETS: &[Target] = &[
    Target {
        arch: "x86_64",
        rust: "x86_64-unknown-linux-gnu",
        zig: "x86_64-linux-gnu",
        debian: "amd64",
        node: "x64",
    },
    Target {
        arch: "aarch64",
        rust: "aarch64-unknown-linux-gnu",
        zig: "aarch64-linux-gnu",
        debian: "arm64",
        node: "arm64",
    },
];

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// "2.17", as zig and cargo-zigbuild take it.
fn floor() -> String {
    let (major, minor) = object::GLIBC_FLOOR;
    format!("{major}.{minor}")
}

pub(crate) fn run(args: &[&str]) -> Outcome {
    let mut wanted = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let arch = (*arg == "--target").then(|| rest.next()).flatten();
        let known = TARGETS
            .iter()
            .find(|target| arch.is_some_and(|arch| *arch == target.arch));
        wanted.push(
            known.ok_or("dist takes --target x86_64 and --target aarch64, or nothing for both")?,
        );
    }
    let asked = !wanted.is_empty();
    if !asked {
        wanted.extend(TARGETS);
    }

    let folder = target_dir().join("dist");
    let out = folder.join(VERSION);
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out)?;
    let tools = Tools::new(&folder)?;
    let mut packer = Packer::new(&tools, &folder, &out)?;
    let mut left_out = Vec::new();
    for target in wanted {
        println!("== {}", target.rust);
        match libraries(&tools, target, &folder) {
            Ok(built) => packer.target(target, &built)?,
            // Only what was not asked for may be missing.
            Err(error) if !asked && target.arch != std::env::consts::ARCH => {
                println!("   left out: {error}");
                left_out.push(target.rust);
            }
            Err(error) => return Err(error.into()),
        }
    }
    packer.finish()?;
    report(&out, &left_out)
}

/// Both libraries, stripped.
fn libraries(tools: &Tools, target: &Target, folder: &Path) -> Result<PathBuf, String> {
    let strip = native::strip(target.arch);
    if !process::exists(&strip) {
        return Err(format!(
            "{strip} is missing; Debian's binutils for {} bring it",
            target.zig
        ));
    }
    let built = tools.libraries(target)?;
    let stripped = folder.join("stripped").join(target.arch);
    fs::create_dir_all(&stripped).map_err(|error| error.to_string())?;
    for (name, how) in [
        ("libpointmill.so", "--strip-unneeded"),
        ("libpointmill.a", "--strip-debug"),
    ] {
        run_command(
            Command::new(&strip)
                .args([how, "-o"])
                .arg(stripped.join(name))
                .arg(built.join(name)),
        )?;
    }
    Ok(stripped)
}

/// Prints what was made and writes SHA256SUMS; an error if a file is larger than it may be.
fn report(out: &Path, left_out: &[&str]) -> Outcome {
    let mut names: Vec<String> = fs::read_dir(out)?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let sums = run_command(Command::new("sha256sum").args(&names).current_dir(out))?;
    fs::write(out.join("SHA256SUMS"), sums)?;
    println!("== {}", out.display());
    let mut too_large = Vec::new();
    for name in &names {
        let (bytes, max) = (
            fs::metadata(out.join(name))?.len(),
            packages::bytes_max(name),
        );
        println!("   {bytes:>9} bytes, at most {max:>9}  {name}");
        if bytes > max {
            too_large.push(name.as_str());
        }
    }
    if !left_out.is_empty() {
        println!("   left out: {}", left_out.join(", "));
    }
    if too_large.is_empty() {
        Ok(())
    } else {
        Err(format!("too large: {}", too_large.join(", ")).into())
    }
}
