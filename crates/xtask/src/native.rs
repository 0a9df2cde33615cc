//! What is built once and used by several verbs: the static library, the command.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, process, root, target_dir};

/// Builds `libpointmill.a` with the release profile and returns its path. Cheap when nothing changed.
pub(crate) fn static_library() -> Result<PathBuf, String> {
    release("pointmill-capi")?;
    Ok(target_dir().join("release/libpointmill.a"))
}

/// Builds the command with the release profile and returns its path.
pub(crate) fn command() -> Result<PathBuf, String> {
    release("pointmill-cli")?;
    Ok(target_dir().join("release/pointmill"))
}

fn release(package: &str) -> Result<(), String> {
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--package", package])
        .current_dir(root())
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("cargo build of {package} ended with {status}"))
    }
}

/// Puts the header and the archive, without debug information, where a package looks for them:
/// `folder/include/pointmill.h` and `folder/PLATFORM/libpointmill.a`.
pub(crate) fn lay_out(folder: &Path, platform: &str) -> Outcome {
    let archive = static_library()?;
    let (include, lib) = (folder.join("include"), folder.join(platform));
    std::fs::create_dir_all(&include)?;
    std::fs::create_dir_all(&lib)?;
    std::fs::copy(
        root().join("include/pointmill.h"),
        include.join("pointmill.h"),
    )?;
    process::run(
        Command::new("strip")
            .arg("--strip-debug")
            .arg("-o")
            .arg(lib.join("libpointmill.a"))
            .arg(archive),
    )?;
    Ok(())
}
