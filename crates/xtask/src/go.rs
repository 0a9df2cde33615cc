//! `cargo xtask go`: the Go package, built on the static library and tested.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, native, process, root};

/// Lays out header and archive; unless `--build` is given, vets and runs every test, once more
/// under the race detector.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let only_build = match args {
        [] => false,
        ["--build"] => true,
        other => return Err(format!("go takes --build or nothing, not {other:?}").into()),
    };
    let package = root().join("bindings/go");
    native::lay_out(&package.join("native"), platform()?)?;
    if only_build {
        return Ok(());
    }
    let unformatted = Command::new("gofmt").arg("-l").arg(&package).output()?;
    if !unformatted.stdout.is_empty() {
        let list = String::from_utf8_lossy(&unformatted.stdout).into_owned();
        return Err(format!("gofmt would change\n{list}").into());
    }
    modules(&package)?;
    go(&package, &["vet", "./..."])?;
    go(&package, &["test", "./..."])?;
    go(&package, &["test", "-race", "./..."])?;
    // Modules of their own: what their tests need is no business of the package's users.
    for module in ["judges", "sandbox"] {
        let module = package.join(module);
        modules(&module)?;
        go(&module, &["vet", "./..."])?;
        go(&module, &["test", "./..."])?;
    }
    Ok(())
}

fn platform() -> Result<&'static str, String> {
    match native::arch().as_str() {
        "x86_64" => Ok("linux_amd64"),
        "aarch64" => Ok("linux_arm64"),
        other => Err(format!("the Go package has no archive for {other}")),
    }
}

/// Gets what go.mod asks for, unless it is there.
fn modules(folder: &Path) -> Result<String, String> {
    process::fetch(
        Command::new("go")
            .args(["mod", "download"])
            .current_dir(folder),
    )
}

fn go(folder: &Path, args: &[&str]) -> Outcome {
    println!("   go {} ({})", args.join(" "), folder.display());
    // -mod=readonly is the default: go.mod and go.sum pin everything.
    let status = Command::new("go").args(args).current_dir(folder).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("go {} ended with {status}", args.join(" ")).into())
    }
}
