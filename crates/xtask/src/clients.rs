//! `cargo xtask clients`: Datadog's own clients, unmodified, send to the intake, and the numbers come
//! out right.
//!
//! ```text
//! PyPI, at the versions of tests/clients/requirements.txt ──▶ target/clients/venv ──▶ test_python.py
//! npm, at those of tests/clients/package-lock.json and bindings/node/peers ─────────▶ node.test.mjs
//! ```

use std::path::Path;
use std::process::Command;

use crate::{Outcome, native, process, python, root, target_dir};

/// Gets the clients where they are not there yet, and lets them judge.
pub(crate) fn run(args: &[&str]) -> Outcome {
    if !args.is_empty() {
        return Err(format!("clients takes no argument, not {args:?}").into());
    }
    let command = native::command()?;
    let clients = root().join("tests/clients");
    let requirements = clients.join("requirements.txt");
    let python = python::environment(&target_dir().join("clients/venv"), &requirements, false)?;
    // datadog-lambda-js is one of the Node package's peers.
    for folder in [&clients, &root().join("bindings/node/peers")] {
        npm_ci(folder)?;
    }
    let outcomes = [
        judge(
            Command::new(python).args(["-B", "-m", "unittest", "test_python"]),
            &clients,
            &command,
        ),
        judge(
            Command::new("node").args(["--test", "--test-reporter=spec", "node.test.mjs"]),
            &clients,
            &command,
        ),
    ];
    outcomes.into_iter().collect()
}

fn judge(program: &mut Command, clients: &Path, command: &Path) -> Outcome {
    let status = program
        .current_dir(clients)
        .env("POINTMILL", command)
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} ended with {status}", program.get_program().display()).into())
    }
}

/// Installs what a lock file names, unless that has been done. Nothing needs its scripts to run.
fn npm_ci(folder: &Path) -> Outcome {
    let age = |name: &str| std::fs::metadata(folder.join(name)).and_then(|meta| meta.modified());
    let made = age("node_modules/.package-lock.json");
    if matches!((made, age("package-lock.json")), (Ok(made), Ok(lock)) if made >= lock) {
        return Ok(());
    }
    let args = ["ci", "--silent", "--omit=optional", "--ignore-scripts"];
    process::fetch(Command::new("npm").args(args).current_dir(folder))?;
    Ok(())
}
