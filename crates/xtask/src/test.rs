//! `cargo xtask test`: every test there is, in the order in which they fail fastest.
//!
//! Each stage prints what it runs and that runner's own output. All stages run, so that one look
//! shows everything that is broken; the status says whether all went well.

use std::process::Command;

use crate::{Outcome, process, root, target_dir};

struct Stage {
    name: &'static str,
    why: &'static str,
    command: Vec<&'static str>,
    /// Set for this stage only.
    env: Vec<(&'static str, String)>,
    /// A program without which the stage says so and is left out.
    needs: Option<&'static str>,
}

fn stages() -> Vec<Stage> {
    let stage = |name, why, command: &[&'static str]| Stage {
        name,
        why,
        command: command.to_vec(),
        env: Vec::new(),
        needs: None,
    };
    let xtask = |name, why, args: &[&'static str]| {
        let mut command = vec!["cargo", "xtask"];
        command.extend(args);
        stage(name, why, &command)
    };
    vec![
        Stage {
            needs: Some("npm"),
            ..xtask(
                "web",
                "the page that the intake's binary carries; first, for all that is built later",
                &["web"],
            )
        },
        stage(
            "format",
            "one layout for all",
            &["cargo", "fmt", "--all", "--check"],
        ),
        xtask(
            "generated",
            "header, symbols and tables equal their sources",
            &["gen", "--check"],
        ),
        stage(
            "lints",
            "the workspace's lints hold everywhere",
            &[
                "cargo",
                "clippy",
                "--quiet",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        ),
        stage(
            "rust",
            "unit, property, vector and conformance tests",
            &["cargo", "test", "--workspace"],
        ),
        Stage {
            env: vec![
                ("RUSTFLAGS", "--cfg loom".into()),
                (
                    "CARGO_TARGET_DIR",
                    target_dir().join("loom").display().to_string(),
                ),
            ],
            ..stage(
                "loom",
                "the hand-over of points under every interleaving",
                &["cargo", "test", "--package", "pointmill", "--lib", "model"],
            )
        },
        Stage {
            env: vec![("RUSTDOCFLAGS", "-D warnings".into())],
            ..stage(
                "docs",
                "no broken link in the documentation",
                &[
                    "cargo",
                    "doc",
                    "--quiet",
                    "--workspace",
                    "--no-deps",
                    "--document-private-items",
                ],
            )
        },
        xtask(
            "c",
            "every function from C11 and C++17, sanitized and under Valgrind",
            &["ctest"],
        ),
        xtask(
            "size",
            "the library with delivery and without it, stripped, within their limits",
            &["size"],
        ),
        xtask(
            "python",
            "the Python package: its wheel, installed into an empty environment",
            &["python"],
        ),
        Stage {
            needs: Some("npm"),
            ..stage(
                "node",
                "the Node package: built, packed, installed into an empty folder, tested there",
                &["node", "bindings/node/scripts/check.mjs"],
            )
        },
        Stage {
            needs: Some("gem"),
            ..xtask(
                "ruby",
                "the Ruby package: its gems, installed into empty folders, with the extension and through Fiddle",
                &["ruby"],
            )
        },
        Stage {
            needs: Some("gofmt"),
            ..xtask(
                "go",
                "the Go package, raced, and Datadog's own Go modules as judges",
                &["go"],
            )
        },
        Stage {
            needs: Some("mvn"),
            ..xtask(
                "java",
                "the Java package on the JDKs there are, and Datadog's own sketches as judge",
                &["java"],
            )
        },
        Stage {
            needs: Some("npm"),
            ..xtask(
                "clients",
                "Datadog's own clients send to the intake, and the numbers come out right",
                &["clients"],
            )
        },
        Stage {
            needs: Some("chromium"),
            ..xtask(
                "page",
                "the intake's page in a browser, over a month of flights",
                &["page"],
            )
        },
        Stage {
            needs: Some("valgrind"),
            ..xtask(
                "counts",
                "instructions of the hot functions, which noise cannot move",
                &["counts"],
            )
        },
    ]
}

/// Runs all stages, or those named.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let stages = stages();
    if let Some(unknown) = args
        .iter()
        .find(|arg| stages.iter().all(|stage| stage.name != **arg))
    {
        let names: Vec<_> = stages.iter().map(|stage| stage.name).collect();
        return Err(format!("no stage {unknown:?}; there are {}", names.join(", ")).into());
    }
    let chosen = |stage: &&Stage| args.is_empty() || args.contains(&stage.name);
    let (mut failed, mut left_out) = (Vec::new(), Vec::new());
    for stage in stages.iter().filter(chosen) {
        println!(
            "\n== {}: {}\n   {}",
            stage.name,
            stage.why,
            stage.command.join(" ")
        );
        if let Some(program) = stage.needs.filter(|program| !process::exists(program)) {
            println!("   left out: {program} is not installed");
            left_out.push(stage.name);
            continue;
        }
        let started = std::time::Instant::now();
        let status = Command::new(stage.command[0])
            .args(&stage.command[1..])
            .envs(stage.env.iter().map(|(name, value)| (name, value)))
            .current_dir(root())
            .status()?;
        println!("   {status} after {:.0} s", started.elapsed().as_secs_f64());
        if !status.success() {
            failed.push(stage.name);
        }
    }
    println!();
    if !left_out.is_empty() {
        println!("left out: {}", left_out.join(", "));
    }
    if failed.is_empty() {
        println!("all stages passed");
        Ok(())
    } else {
        Err(format!("failed: {}", failed.join(", ")).into())
    }
}
