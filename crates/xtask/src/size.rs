//! `cargo xtask size`: what `libpointmill.so` weighs, stripped, with delivery and without.
//!
//! With delivery, most is HTTP, TLS and the root certificates; without it, std with its formatting
//! and backtraces (0.4 MB) and zstd (0.1 MB).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::run as run_command;
use crate::{Outcome, install, root, target_dir};

/// Bytes of the whole library, at most. The aim was 4 MB; this holds what has been reached (3.24 MB).
const WITH_DELIVERY_MAX: u64 = 3_300_000;

/// Bytes without delivery, at most: the aim. Reached are 0.99 MB.
const WITHOUT_DELIVERY_MAX: u64 = 1_000_000;

pub(crate) fn run(args: &[&str]) -> Outcome {
    if !args.is_empty() {
        return Err(format!("size takes no arguments, not {args:?}").into());
    }
    let with = install::build()?.join("libpointmill.so");
    let without = build_without_delivery(&target_dir())?;
    let mut too_large = false;
    for (what, library, max) in [
        ("with delivery", with, WITH_DELIVERY_MAX),
        ("without", without, WITHOUT_DELIVERY_MAX),
    ] {
        let bytes = stripped_len(&library)?;
        println!("{what:14} {bytes:>9} bytes, at most {max}");
        too_large |= bytes > max;
    }
    if too_large {
        return Err(
            "a library has grown past its limit; `cargo tree` and `nm --size-sort -S` tell why"
                .into(),
        );
    }
    Ok(())
}

/// In a folder of its own below `target`: the library beside the C programs is the whole one.
pub(crate) fn build_without_delivery(target: &Path) -> Result<PathBuf, String> {
    let folder = target.join("without-delivery");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--package", "pointmill-capi"])
        .args(["--no-default-features", "--target-dir"])
        .arg(&folder)
        .current_dir(root());
    run_command(&mut command)?;
    Ok(folder.join("release/libpointmill.so"))
}

fn stripped_len(library: &Path) -> Result<u64, String> {
    let stripped = library.with_extension("so.stripped");
    let mut command = Command::new("strip");
    command.arg("-o").arg(&stripped).arg(library);
    run_command(&mut command)?;
    let metadata = fs::metadata(&stripped);
    let len = metadata
        .map_err(|error| format!("{}: {error}", stripped.display()))?
        .len();
    let _ = fs::remove_file(&stripped);
    Ok(len)
}
