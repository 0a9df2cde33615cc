//! `cargo xtask python`: the wheel of bindings/python, and its tests in an environment that has
//! nothing but the wheel and what tests need. `--wheel` stops there, `--bench` measures instead.
//!
//! ```text
//! libpointmill.a + libpointmill.so (release)
//!    └─ wheel ──▶ target/python/wheels
//!          └─ installed into a new environment, target/python/venv
//!                └─ pytest: with the extension, beside datadog_lambda in target/python/incumbent;
//!                   once more over ctypes
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::run as run_command;
use crate::{Outcome, install, process, root, target_dir};

/// What tests need, and what they compare with.
const TESTS: &str = "requirements-test.txt";
const INCUMBENT: &str = "requirements-incumbent.txt";

/// The interpreters that will do, best first. The wheel is for every CPython from 3.11 on.
const INTERPRETERS: &[&str] = &[
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "python3",
];

pub(crate) fn run(args: &[&str]) -> Outcome {
    let (wheel_only, bench) = match args {
        [] => (false, false),
        ["--wheel"] => (true, false),
        ["--bench"] => (false, true),
        _ => return Err(format!("python takes --wheel or --bench, not {args:?}").into()),
    };
    let built = install::build()?;
    let folder = target_dir().join("python");
    let tools = environment(&folder.join("tools"), TESTS, false)?;
    let wheel = build_wheel(&tools, &built, &folder)?;
    println!("{}: {} bytes", wheel.display(), fs::metadata(&wheel)?.len());
    if wheel_only {
        return Ok(());
    }
    let incumbent = environment(&folder.join("incumbent"), INCUMBENT, false)?;
    let python = environment(&folder.join("venv"), TESTS, true)?;
    run_command(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "-q",
                "install",
                "--no-deps",
                "--force-reinstall",
            ])
            .arg(&wheel),
    )?;
    let beside = ("POINTMILL_INCUMBENT", incumbent.as_os_str());
    if bench {
        let script = package().join("benches/bench.py");
        let table = run_command(Command::new(&python).arg(script).envs([beside]))?;
        print!("{table}");
        return Ok(());
    }
    let archive = built.join("libpointmill.a");
    pytest(
        &python,
        &[
            beside,
            ("POINTMILL_WHEEL", wheel.as_os_str()),
            ("POINTMILL_STATIC_LIBRARY", archive.as_os_str()),
        ],
    )?;
    let library = built.join("libpointmill.so");
    pytest(
        &python,
        &[
            ("POINTMILL_FALLBACK", "1".as_ref()),
            ("POINTMILL_LIBRARY", library.as_os_str()),
        ],
    )
}

/// Every minor version of Python that is here, as a program.
pub(crate) fn interpreters() -> impl Iterator<Item = &'static str> {
    let exact = |name: &&str| *name != "python3";
    let named = INTERPRETERS.iter().copied().filter(exact);
    // A name that pyenv knows and does not serve is there as well, and ends with an error.
    named.filter(|name| process::run(Command::new(name).args(["-c", ""])).is_ok())
}

/// An environment with the packages of a file of requirements (of the Python package, unless the path
/// is absolute), made anew if `fresh`; its interpreter.
pub(crate) fn environment(
    folder: &Path,
    requirements: impl AsRef<Path>,
    fresh: bool,
) -> Result<PathBuf, String> {
    let python = folder.join("bin/python");
    let requirements = package().join(requirements);
    let done = folder.join("requirements.done");
    let wanted = fs::read(&requirements).map_err(|error| error.to_string())?;
    if !fresh && fs::read(&done).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    let base = INTERPRETERS
        .iter()
        .find(|name| {
            let version = "import sys, venv; sys.exit(sys.version_info < (3, 11))";
            Command::new(name)
                .args(["-c", version])
                .output()
                .is_ok_and(|output| output.status.success())
        })
        .ok_or("no Python from 3.11 on; install python3 and python3-venv")?;
    run_command(
        Command::new(base)
            .args(["-m", "venv", "--clear"])
            .arg(folder),
    )?;
    let pip = [
        "-m",
        "pip",
        "-q",
        "install",
        "--disable-pip-version-check",
        "-r",
    ];
    process::fetch(Command::new(&python).args(pip).arg(&requirements))?;
    fs::write(&done, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

/// The wheel for this machine, the only file in its folder.
fn build_wheel(python: &Path, built: &Path, folder: &Path) -> Result<PathBuf, String> {
    let wheels = folder.join("wheels");
    // Setuptools builds inside the source folder; a copy keeps that clean.
    let source = folder.join("source");
    let _ = fs::remove_dir_all(&wheels);
    let _ = fs::remove_dir_all(&source);
    fs::create_dir_all(source.join("bindings")).map_err(|error| error.to_string())?;
    let into = [
        (package(), source.join("bindings")),
        (root().join("include"), source.clone()),
    ];
    for (from, to) in into {
        run_command(Command::new("cp").arg("-R").arg(from).arg(to))?;
    }
    run_command(
        Command::new(python)
            .args([
                "-m",
                "pip",
                "-q",
                "wheel",
                "--no-deps",
                "--no-build-isolation",
                "-w",
            ])
            .arg(&wheels)
            .arg(source.join("bindings/python"))
            .env("POINTMILL_STATIC_LIBRARY", built.join("libpointmill.a")),
    )?;
    let mut found = fs::read_dir(&wheels).map_err(|error| error.to_string())?;
    let entry = found.next().ok_or("no wheel was built")?;
    let wheel = entry.map_err(|error| error.to_string())?.path();
    run_command(
        Command::new(python)
            .arg(package().join("tools/repack.py"))
            .arg(&wheel),
    )?;
    Ok(wheel)
}

fn pytest(python: &Path, env: &[(&str, &std::ffi::OsStr)]) -> Outcome {
    let status = Command::new(python)
        .args(["-m", "pytest", "-p", "no:cacheprovider"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(env.iter().copied())
        .current_dir(package())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("pytest ended with {status}").into())
    }
}

fn package() -> PathBuf {
    root().join("bindings/python")
}
