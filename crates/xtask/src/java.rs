//! `cargo xtask java`: the Java package, its shim compiled over the static library, and tested.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use zip::{ZipArchive, ZipWriter};

use crate::object::Object;
use crate::{Outcome, native, process, root};

/// What the build needs, in the folder of a JDK.
const HEADER: &str = "include/jni.h";
/// The oldest JDK whose JVM warns of native code.
const WARNS: u32 = 24;

/// Compiles the shim, builds the jar and its manual; unless `--build` is given, runs every test, with a
/// newer JDK once more if there is one. `--bench` measures instead, `--bench load` only what loading adds.
pub(crate) fn run(args: &[&str]) -> Outcome {
    if !matches!(args, [] | ["--build"] | ["--bench"] | ["--bench", "load"]) {
        return Err(
            format!("java takes --build, --bench, --bench load or nothing, not {args:?}").into(),
        );
    }
    let package = root().join("bindings/java");
    let jdks = jdks();
    // The oldest that can compile for Java 11 and check the manual.
    let (version, jdk) = jdks.iter().find(|(version, _)| *version >= 17).ok_or(
        "no JDK of 17 or newer in JAVA_HOME or /usr/lib/jvm; install openjdk-17-jdk-headless",
    )?;
    println!("   JDK {version} ({})", jdk.display());
    shim(&package, jdk)?;
    if !args.is_empty() {
        maven(&package, jdk, &["package", "-DskipTests"])?;
        without_folders(&package)?;
        return match args {
            ["--bench"] => calls(&package, jdk).and_then(|()| load(&package, &jdks)),
            ["--bench", _] => load(&package, &jdks),
            _ => Ok(()),
        };
    }
    maven(&package, jdk, &["package", "javadoc:javadoc"])?;
    without_folders(&package)?;
    match jdks.iter().rev().find(|(version, _)| *version >= WARNS) {
        Some((version, jdk)) => {
            println!("   JDK {version} ({})", jdk.display());
            // What a JVM may do otherwise: warnings, threads, how a function ends.
            let some = "-Dtest=LoadTest,EngineTest,ClientTest,DDLambdaTest,RuntimeTest#coldAndWarm";
            maven(&package, jdk, &["surefire:test", some])
        }
        None => {
            println!("   left out: no JDK of {WARNS} or newer");
            Ok(())
        }
    }
}

/// The JDKs of this machine with their version, the oldest first.
fn jdks() -> Vec<(u32, PathBuf)> {
    let mut folders: Vec<PathBuf> = std::env::var_os("JAVA_HOME")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    if let Ok(list) = std::fs::read_dir("/usr/lib/jvm") {
        folders.extend(list.filter_map(Result::ok).map(|entry| entry.path()));
    }
    let mut found: Vec<(u32, PathBuf)> = folders
        .into_iter()
        .filter(|folder| folder.join(HEADER).exists())
        .filter_map(|folder| Some((version(&folder)?, folder)))
        .collect();
    found.sort();
    found
}

/// The number before the first dot of `JAVA_VERSION="17.0.15"` in a JDK's file `release`.
fn version(jdk: &Path) -> Option<u32> {
    let release = std::fs::read_to_string(jdk.join("release")).ok()?;
    let text = release
        .lines()
        .find_map(|line| line.strip_prefix("JAVA_VERSION=\""))?;
    text.split(['.', '"', '-', '+']).next()?.parse().ok()
}

/// `native/PLATFORM/libpointmill_jni.so`, which shows one symbol.
fn shim(package: &Path, jdk: &Path) -> Outcome {
    let folder = package.join("native");
    let platform = format!("linux-{}", native::arch());
    native::lay_out(&folder, &platform)?;
    let sources = package.join("csrc");
    let library = folder.join(&platform).join("libpointmill_jni.so");
    let mut cc = Command::new(native::cc());
    cc.args(["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden"])
        .args(["-Wall", "-Wextra", "-Werror", "-DPOINTMILL_STATIC"])
        .arg("-I")
        .arg(folder.join("include"))
        .arg("-I")
        .arg(jdk.join("include"))
        .arg("-I")
        .arg(jdk.join("include/linux"));
    for name in ["texts", "engine", "snapshot", "sketch", "client", "lambda"] {
        cc.arg(sources.join(name).with_extension("c"));
    }
    cc.arg(folder.join(&platform).join("libpointmill.a"))
        // What unwinds a panic is linked in: another library is another file to find and to map.
        .args(["-lm", "-ldl", "-lpthread", "-lgcc_eh"])
        .arg(format!(
            "-Wl,--version-script={}",
            sources.join("exports.map").display()
        ))
        .args(["-Wl,--gc-sections", "-Wl,-z,now", "-s", "-o"])
        .arg(&library);
    process::run(&mut cc)?;
    let shown = Object::read(&library)?.shown;
    if shown == ["JNI_OnLoad"] {
        Ok(())
    } else {
        Err(format!(
            "{} shows more than JNI_OnLoad: {shown:?}",
            library.display()
        )
        .into())
    }
}

/// Leaves the entries of folders out of the jar. A JVM that opens it reads every entry's name, long before
/// it compiles what reads them: without these, half a millisecond less.
fn without_folders(package: &Path) -> Outcome {
    let jar = package.join(format!(
        "target/pointmill-{}.jar",
        env!("CARGO_PKG_VERSION")
    ));
    let unfinished = jar.with_extension("jar.unfinished");
    let mut from = ZipArchive::new(File::open(&jar)?)?;
    let mut to = ZipWriter::new(File::create(&unfinished)?);
    for place in 0..from.len() {
        let entry = from.by_index_raw(place)?;
        if !entry.is_dir() {
            to.raw_copy_file(entry)?;
        }
    }
    to.finish()?;
    fs::rename(&unfinished, &jar)?;
    Ok(())
}

/// What calls cost, beside the rivals; prints tables.
fn calls(package: &Path, jdk: &Path) -> Outcome {
    let folder = package.join("benches");
    maven(&folder, jdk, &["process-classes"])?;
    measure(&folder, jdk, "org.openjdk.jmh.Main", "http")?;
    measure(&folder, jdk, "io.github.pointmill.benches.LogMode", "log")
}

/// What loading adds to a bare start, on the oldest and the newest JDK that can; prints a table for each.
fn load(package: &Path, jdks: &[(u32, PathBuf)]) -> Outcome {
    let folder = package.join("benches");
    let able: Vec<_> = jdks.iter().filter(|(version, _)| *version >= 17).collect();
    let mut ends = vec![able[0], able[able.len() - 1]];
    ends.dedup_by_key(|(version, _)| *version);
    maven(&folder, &ends[0].1, &["process-classes"])?;
    for (_, jdk) in ends {
        measure(&folder, jdk, "io.github.pointmill.benches.Load", "http")?;
    }
    Ok(())
}

/// Runs a program of the benches, with the mode that `DDLambda` shall have.
fn measure(folder: &Path, jdk: &Path, program: &str, mode: &str) -> Outcome {
    let mut java = Command::new(jdk.join("bin/java"));
    java.arg("-cp")
        .arg("target/classes:target/lib/*")
        .arg(program)
        .env("POINTMILL_LAMBDA_MODE", mode)
        .env("DD_API_KEY", "none")
        .current_dir(folder);
    if mode == "log" {
        // Millions of lines; the figures come on the other stream.
        java.stdout(std::process::Stdio::null());
    }
    let status = java.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{program} ended with {status}").into())
    }
}

fn maven(package: &Path, jdk: &Path, goals: &[&str]) -> Outcome {
    println!("   mvn {} ({})", goals.join(" "), package.display());
    // Versions of all plugins and dependencies stand in pom.xml.
    let mut mvn = Command::new("mvn");
    mvn.args(["--batch-mode", "--quiet", "--no-transfer-progress"])
        .args(goals)
        .env("JAVA_HOME", jdk)
        .current_dir(package);
    let output = process::run(&mut mvn)?;
    // The tests run under -Xcheck:jni, which says what is wrong and goes on.
    if output.contains("in native method") || output.contains("WARNING: JNI") {
        return Err(format!("-Xcheck:jni complains:\n{output}").into());
    }
    print!("{output}");
    Ok(())
}
