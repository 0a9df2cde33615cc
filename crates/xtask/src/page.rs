//! `cargo xtask page`: the intake's page in headless Chromium, on real data. Pictures are kept.

use std::process::Command;

use crate::{Outcome, native, process, root, target_dir, web};

/// Builds page and command, and runs the browser over them.
pub(crate) fn run(args: &[&str]) -> Outcome {
    if !args.is_empty() {
        return Err(format!("page takes no argument, not {args:?}").into());
    }
    let browser = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| process::exists(name))
        .ok_or("no Chromium: install the package chromium")?;
    web::run(&[])?;
    let command = native::command()?;
    let shots = target_dir().join("page");
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec", "test/"])
        .current_dir(root().join("crates/pointmill-intake/web"))
        .env("POINTMILL", command)
        .env("CHROMIUM", which(browser)?)
        .env("SHOTS", &shots)
        .status()?;
    if !status.success() {
        return Err(format!(
            "the page's tests ended with {status}; pictures are in {}",
            shots.display()
        )
        .into());
    }
    println!("   pictures are in {}", shots.display());
    Ok(())
}

/// The browser's path; what starts it wants one.
fn which(program: &str) -> Result<String, String> {
    let path = process::run(
        Command::new("sh")
            .arg("-c")
            .arg(format!("command -v {program}")),
    )?;
    Ok(path.trim().to_owned())
}
