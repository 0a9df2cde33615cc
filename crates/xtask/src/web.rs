//! `cargo xtask web`: the page of the local intake, from TypeScript to the files that the binary carries.

use std::process::Command;

use crate::{Outcome, process, root};

/// Installs what the page is built with (pinned by its lock file), checks types, bundles.
pub(crate) fn run(args: &[&str]) -> Outcome {
    if !args.is_empty() {
        return Err(format!("web takes no argument, not {args:?}").into());
    }
    let web = root().join("crates/pointmill-intake/web");
    // node_modules is kept: `npm ci` only when the lock file is newer than what it made last.
    let (lock, made) = (
        web.join("package-lock.json"),
        web.join("node_modules/.package-lock.json"),
    );
    let age = |path| std::fs::metadata(path).and_then(|meta| meta.modified());
    if !matches!((age(&made), age(&lock)), (Ok(made), Ok(lock)) if made >= lock) {
        // Nothing that is installed needs its scripts to run.
        let ci = [
            "ci",
            "--ignore-scripts",
            "--no-fund",
            "--no-audit",
            "--loglevel=error",
        ];
        process::fetch(Command::new("npm").args(ci).current_dir(&web))?;
    }
    npm(&web, &["run", "--silent", "check"])?;
    npm(&web, &["run", "--silent", "build"])
}

fn npm(folder: &std::path::Path, args: &[&str]) -> Outcome {
    let status = Command::new("npm")
        .args(args)
        .current_dir(folder)
        .status()
        .map_err(|error| format!("npm: {error}; install Node.js with npm"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("npm {} ended with {status}", args.join(" ")).into())
    }
}
