//! The installed tree: found by pkg-config and by CMake, also after it has been moved.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Tally;
use super::matrix::Setting;
use crate::process;

pub(crate) fn check(tally: &Tally, setting: &Setting) {
    let prefix = match moved_tree(setting) {
        Ok(prefix) => prefix,
        Err(error) => return tally.check("install", Err(error)),
    };
    tally.check("install lays the tree out", laid_out(&prefix));
    tally.check("pkg-config: shared", pkg_config(setting, &prefix, false));
    tally.check("pkg-config: static", pkg_config(setting, &prefix, true));
    tally.check("CMake: shared and static", cmake(setting, &prefix));
    tally.check(
        "examples/flights.c on a small file",
        flights(setting, &prefix),
    );
    tally.check(
        "examples/lambda.c to the command's own intake",
        lambda(setting, &prefix),
    );
}

/// Installs into one folder and moves it to another: nothing in it may remember the first.
fn moved_tree(setting: &Setting) -> Result<PathBuf, String> {
    let (first, prefix) = (setting.scratch.join("first"), setting.scratch.join("moved"));
    for folder in [&first, &prefix] {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
    }
    crate::install::install(&setting.built, &first)?;
    fs::rename(&first, &prefix).map_err(|error| format!("{}: {error}", prefix.display()))?;
    Ok(prefix)
}

fn laid_out(prefix: &Path) -> Result<(), String> {
    let files = [
        "include/pointmill.h",
        "lib/libpointmill.a",
        "lib/libpointmill.so",
        "lib/libpointmill.so.0",
        "lib/pkgconfig/pointmill.pc",
        "lib/cmake/pointmill/pointmillConfig.cmake",
        "lib/cmake/pointmill/pointmillConfigVersion.cmake",
    ];
    for file in files {
        let path = prefix.join(file);
        // Follows links: one that leads nowhere is not there.
        let length = fs::metadata(&path)
            .map_err(|error| format!("{file}: {error}"))?
            .len();
        if length == 0 {
            return Err(format!("{file} is empty"));
        }
        let text = fs::read(&path).unwrap_or_default();
        if file.contains("pkgconfig") || file.contains("cmake") {
            let text = String::from_utf8_lossy(&text);
            if text.contains('@') || text.contains("/ctest/first") {
                return Err(format!(
                    "{file} has a placeholder or an absolute path in it"
                ));
            }
        }
    }
    Ok(())
}

fn pkg_config(setting: &Setting, prefix: &Path, fixed: bool) -> Result<(), String> {
    let mut query = Command::new("pkg-config");
    query
        .args(["--cflags", "--libs"])
        .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    if fixed {
        query.arg("--static");
    }
    let mut flags = process::run(query.arg("pointmill"))?;
    if fixed {
        // With both libraries in one folder the linker prefers the shared one.
        flags = flags.replace("-lpointmill", "-l:libpointmill.a");
    }
    let binary = setting.scratch.join(if fixed {
        "pkg-config-static"
    } else {
        "pkg-config-shared"
    });
    let mut compile = Command::new(&setting.cc);
    compile
        .arg("-std=c11")
        .arg(setting.package.join("examples/first.c"));
    compile
        .args(flags.split_whitespace())
        .arg("-o")
        .arg(&binary);
    process::run(&mut compile)?;
    let path = if fixed {
        PathBuf::new()
    } else {
        prefix.join("lib")
    };
    median_of(&process::run(
        Command::new(&binary).env("LD_LIBRARY_PATH", path),
    )?)
}

fn median_of(output: &str) -> Result<(), String> {
    // 14.0 is the median of the three values; the sketch is within 1/129 of it.
    let value = output
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse::<f64>().ok());
    match value {
        Some(value) if (value - 14.0).abs() <= 14.0 / 129.0 => Ok(()),
        _ => Err(format!("the program printed {output:?}")),
    }
}

fn cmake(setting: &Setting, prefix: &Path) -> Result<(), String> {
    let build = setting.scratch.join("cmake");
    if build.exists() {
        fs::remove_dir_all(&build).map_err(|error| format!("{}: {error}", build.display()))?;
    }
    let mut configure = Command::new("cmake");
    configure
        .arg("-S")
        .arg(setting.package.join("ctest/cmake"))
        .arg("-B")
        .arg(&build);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    process::run(configure.arg(format!("-DCMAKE_C_COMPILER={}", setting.cc)))?;
    process::run(Command::new("cmake").arg("--build").arg(&build))?;
    for program in ["with_shared", "with_static"] {
        median_of(&process::run(&mut Command::new(build.join(program)))?)?;
    }
    let shared = process::run(
        Command::new("readelf")
            .arg("-d")
            .arg(build.join("with_shared")),
    )?;
    let fixed = process::run(
        Command::new("readelf")
            .arg("-d")
            .arg(build.join("with_static")),
    )?;
    if !shared.contains("libpointmill.so.0") || fixed.contains("libpointmill") {
        return Err("the targets link the wrong library".to_owned());
    }
    Ok(())
}

/// Two origins, small enough to know every answer.
const FLIGHTS: &str = "\
unix_s,delay_min,distance_mi,origin,destination
978307260,10,100,AAA,BBB
978307270,20,100,AAA,CCC
978307280,40,100,AAA,BBB
978307290,-5,700,BBB,AAA
978307290,nothing,700,BBB,AAA
";

/// Builds an example against the installed tree.
fn example(setting: &Setting, prefix: &Path, name: &str) -> Result<PathBuf, String> {
    let binary = setting.scratch.join(name);
    let mut compile = Command::new(&setting.cc);
    compile.args([
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-O1",
    ]);
    compile.arg("-I").arg(prefix.join("include"));
    compile.arg(setting.package.join(format!("examples/{name}.c")));
    compile
        .arg("-L")
        .arg(prefix.join("lib"))
        .arg("-lpointmill")
        .arg("-o")
        .arg(&binary);
    process::run(&mut compile)?;
    Ok(binary)
}

fn flights(setting: &Setting, prefix: &Path) -> Result<(), String> {
    let csv = setting.scratch.join("flights.csv");
    fs::write(&csv, FLIGHTS).map_err(|error| format!("{}: {error}", csv.display()))?;
    let binary = example(setting, prefix, "flights")?;
    let mut command = Command::new(&binary);
    let output = process::output(command.arg(&csv).env("LD_LIBRARY_PATH", prefix.join("lib")))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let starts = [
        "metric,kind,tags,count,min,max,sum,avg,p50,p75,p95,p99,last",
        "flight.delay,distribution,origin:AAA,3,10,40,70,23.3333333333333",
        "flight.delay,distribution,origin:BBB,1,-5,-5,-5,-5,-5,-5,-5,-5,",
        "flight.distance,distribution,origin:AAA,3,100,100,300,100,100,100,100,100,",
        "flight.distance,distribution,origin:BBB,1,700,700,700,700,700,700,700,700,",
    ];
    let lines: Vec<&str> = stdout.lines().collect();
    let fits = lines.len() == starts.len()
        && lines
            .iter()
            .zip(starts)
            .all(|(line, start)| line.starts_with(start));
    if !output.status.success() || !fits || !stderr.contains(":6: not a flight") {
        return Err(format!("{}\n{stdout}{stderr}", output.status));
    }
    Ok(())
}

/// What the function of `examples/lambda.c` sends: a hundred points an invocation, one in four large.
const EXPECTED: &str = r#"
[[expect]]
metric = "coffee.seconds"
agg = "count"
equals = 300
contexts = 2

[[expect]]
metric = "coffee.seconds"
filter = "size:large"
agg = "max"
equals = 51.6
tolerance = 0.001

[refused]
at_most = 0
"#;

/// An invocation from begin to flush against `pointmill intake`, which says what has arrived.
fn lambda(setting: &Setting, prefix: &Path) -> Result<(), String> {
    let binary = example(setting, prefix, "lambda")?;
    let mut build = Command::new(env!("CARGO"));
    process::run(build.args(["build", "--quiet", "--workspace", "--bin", "pointmill"]))?;
    let expected = setting.scratch.join("lambda.toml");
    fs::write(&expected, EXPECTED).map_err(|error| format!("{}: {error}", expected.display()))?;
    let mut intake = Command::new(crate::target_dir().join("debug/pointmill"))
        .args(["intake", "--listen", "127.0.0.1:0", "--for", "120s"])
        .args(["--until-met", "--assert"])
        .arg(&expected)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("pointmill intake: {error}"))?;
    let mut first = String::new();
    if let Some(stderr) = intake.stderr.as_mut() {
        let read = BufReader::new(stderr).read_line(&mut first);
        read.map_err(|error| error.to_string())?;
    }
    let url = first.trim_end().trim_end_matches('/').rsplit(' ').next();
    let mut function = Command::new(&binary);
    function
        .env_clear()
        .env("LD_LIBRARY_PATH", prefix.join("lib"))
        .env("DD_API_KEY", "k")
        .env("DATADOG_HOST", url.unwrap_or_default());
    let ran = process::run(&mut function);
    if ran.is_err() {
        let _ = intake.kill();
    }
    let received = intake
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    ran?;
    if received.status.success() {
        return Ok(());
    }
    let findings = String::from_utf8_lossy(&received.stdout);
    Err(format!("{}\n{findings}", received.status))
}
