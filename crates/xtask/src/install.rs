//! `cargo xtask install --prefix DIR`: header, libraries, pkg-config and CMake files, laid out as a
//! distribution would. The tree can be moved: both files find it relative to themselves.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::r#gen::Surface;
use crate::process::run as run_command;

/// What a program that links libpointmill.a needs besides. What rustc says for
/// x86_64-unknown-linux-gnu (`--print native-static-libs`); `ctest` compares.
pub(crate) const NATIVE_STATIC_LIBS: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

pub(crate) fn run(args: &[&str]) -> Outcome {
    let ["--prefix", prefix] = args else {
        return Err("install needs --prefix DIR and takes nothing else".into());
    };
    let built = build()?;
    install(&built, Path::new(prefix))?;
    println!("installed under {prefix}");
    Ok(())
}

/// Builds both libraries in release and returns the folder they are in. `POINTMILL_BUILT` names a folder
/// that has them already, from another machine or for another target: nothing is built then.
pub(crate) fn build() -> Result<PathBuf, String> {
    if let Some(folder) = std::env::var_os("POINTMILL_BUILT") {
        let folder = PathBuf::from(folder);
        return match folder.join("libpointmill.a").try_exists() {
            Ok(true) => Ok(folder),
            _ => Err(format!(
                "POINTMILL_BUILT: {} has no libpointmill.a; unset it to build one here",
                folder.display()
            )),
        };
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--package", "pointmill-capi"]);
    run_command(command.current_dir(crate::root()))?;
    Ok(crate::target_dir().join("release"))
}

/// Lays out the tree under `prefix`. Files of an earlier run are replaced.
pub(crate) fn install(built: &Path, prefix: &Path) -> Result<(), String> {
    let root = crate::root();
    let package = root.join("crates/pointmill-capi");
    let surface = Surface::read(&package)?;
    let major = surface
        .value("POINTMILL_ABI_MAJOR")
        .ok_or("no POINTMILL_ABI_MAJOR")?;
    let version = env!("CARGO_PKG_VERSION");

    let lib = prefix.join("lib");
    let (pkgconfig, cmake) = (lib.join("pkgconfig"), lib.join("cmake/pointmill"));
    for folder in [&prefix.join("include"), &pkgconfig, &cmake] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    copy(
        &root.join("include/pointmill.h"),
        &prefix.join("include/pointmill.h"),
    )?;
    copy(&built.join("libpointmill.a"), &lib.join("libpointmill.a"))?;

    // The file carries the release, the name a program asks for carries the ABI.
    let file = format!("libpointmill.so.{version}");
    let soname = format!("libpointmill.so.{major}");
    copy(&built.join("libpointmill.so"), &lib.join(&file))?;
    link(&file, &lib.join(&soname))?;
    link(&soname, &lib.join("libpointmill.so"))?;

    let templates = [
        ("pointmill.pc.in", pkgconfig.join("pointmill.pc")),
        (
            "pointmillConfig.cmake.in",
            cmake.join("pointmillConfig.cmake"),
        ),
        (
            "pointmillConfigVersion.cmake.in",
            cmake.join("pointmillConfigVersion.cmake"),
        ),
    ];
    for (template, path) in templates {
        let template = package.join("packaging").join(template);
        let text = fs::read_to_string(&template)
            .map_err(|error| format!("{}: {error}", template.display()))?
            .replace("@VERSION@", version)
            .replace("@ABI_MAJOR@", major)
            .replace("@NATIVE_STATIC_LIBS@", NATIVE_STATIC_LIBS)
            .replace(
                "@NATIVE_STATIC_LIBS_LIST@",
                &NATIVE_STATIC_LIBS.replace(' ', ";"),
            );
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to)
        .map(|_| ())
        .map_err(|error| format!("{} to {}: {error}", from.display(), to.display()))
}

fn link(to: &str, path: &Path) -> Result<(), String> {
    // Replaced, not followed; that there is none yet is fine.
    let _ = fs::remove_file(path);
    symlink(to, path).map_err(|error| format!("{}: {error}", path.display()))
}
