//! What is built once and used by several verbs: the static library, the command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, install, process, root, target_dir};

/// Builds the C library with the release profile; the path of `libpointmill.a`. Cheap when nothing changed.
pub(crate) fn static_library() -> Result<PathBuf, String> {
    Ok(install::build()?.join("libpointmill.a"))
}

/// The architecture that packages are built for: `POINTMILL_ARCH`, or that of this machine.
pub(crate) fn arch() -> String {
    std::env::var("POINTMILL_ARCH").unwrap_or_else(|_| std::env::consts::ARCH.to_owned())
}

/// The C compiler for it: `CC`, or `cc`.
pub(crate) fn cc() -> OsString {
    std::env::var_os("CC").unwrap_or_else(|| "cc".into())
}

/// The GNU strip that knows objects of `arch`.
pub(crate) fn strip(arch: &str) -> String {
    if arch == std::env::consts::ARCH {
        "strip".to_owned()
    } else {
        format!("{arch}-linux-gnu-strip")
    }
}

/// Builds the command as the tests do, so that nothing is built twice, and returns its path.
pub(crate) fn command() -> Result<PathBuf, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--package", "pointmill-cli"]);
    process::run(cargo.current_dir(root()))?;
    Ok(target_dir().join("debug/pointmill"))
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
        Command::new(strip(&arch()))
            .arg("--strip-debug")
            .arg("-o")
            .arg(lib.join("libpointmill.a"))
            .arg(archive),
    )?;
    Ok(())
}
