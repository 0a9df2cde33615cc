//! `cargo xtask ruby`: the gems of bindings/ruby, and its tests against what has been installed from
//! them.
//!
//! ```text
//! bindings/ruby + header + licence ──▶ target/ruby/source
//!    ├─ source gem ──installed──▶ target/ruby/compiled      compiled with warnings as errors
//!    │      └─ its object + libpointmill.so ──▶ platform gem ──installed──▶ target/ruby/platform
//!    │             └─ the tests, with the extension and once more through Fiddle
//!    └─ source gem, without a compiler ──installed──▶ target/ruby/bare      it works, through Fiddle
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::run as run_command;
use crate::{Outcome, install, native, root, target_dir};

pub(crate) fn run(args: &[&str]) -> Outcome {
    if !matches!(args, [] | ["--gems" | "--bench"]) {
        return Err(format!("ruby takes --gems, --bench or nothing, not {args:?}").into());
    }
    let built = install::build()?;
    run_command(
        Command::new("ruby")
            .arg(package().join("scripts/gen.rb"))
            .arg("--check"),
    )?;
    let folder = target_dir().join("ruby");
    let source = lay_out(&folder)?;

    let source_gem = gem(&source, &folder, false)?;
    let compiled = folder.join("compiled");
    let library = built.join("libpointmill.a");
    install_gem(
        &source_gem,
        &compiled,
        &[
            ("POINTMILL_STATIC_LIBRARY", library.as_os_str()),
            // Another compiler than Ruby's own has words for Ruby's headers.
            (
                "POINTMILL_CFLAGS",
                if args == ["--gems"] { "" } else { "-Werror" }.as_ref(),
            ),
            ("POINTMILL_CC", &native::cc()),
        ],
    )?;
    take_object(&compiled, &source)?;
    run_command(
        Command::new(native::strip(&native::arch()))
            .arg("--strip-unneeded")
            .arg("-o")
            .arg(source.join("lib/pointmill/libpointmill.so"))
            .arg(built.join("libpointmill.so")),
    )?;
    let platform_gem = gem(&source, &folder, true)?;
    for gem in [&source_gem, &platform_gem] {
        println!("{}: {} bytes", gem.display(), fs::metadata(gem)?.len());
    }
    if args == ["--gems"] {
        return Ok(());
    }
    let platform = folder.join("platform");
    install_gem(&platform_gem, &platform, &[])?;
    if args == ["--bench"] {
        return bench(&platform);
    }
    tests(&platform, &[])?;
    tests(&platform, &[("POINTMILL_FALLBACK", "1".as_ref())])?;
    without_compiler(&source_gem, &folder.join("bare"), &built)
}

/// A copy of the package with the header and the licence; building leaves the package itself clean.
fn lay_out(folder: &Path) -> Result<PathBuf, String> {
    let source = folder.join("source");
    let _ = fs::remove_dir_all(folder);
    let include = source.join("ext/pointmill/include");
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    run_command(Command::new("cp").arg("-R").arg(package()).arg(&source))?;
    fs::create_dir_all(&include).map_err(|error| error.to_string())?;
    for (from, to) in [("include/pointmill.h", &include), ("LICENSE", &source)] {
        run_command(Command::new("cp").arg(root().join(from)).arg(to))?;
    }
    Ok(source)
}

/// Builds the source gem, or the one for this machine.
fn gem(source: &Path, folder: &Path, platform: bool) -> Result<PathBuf, String> {
    let name = if platform {
        "platform.gem"
    } else {
        "source.gem"
    };
    let file = folder.join(name);
    run_command(
        Command::new("gem")
            .args(["build", "--norc", "pointmill.gemspec", "--output"])
            .arg(&file)
            .env("POINTMILL_PLATFORM_GEM", if platform { "1" } else { "0" })
            .current_dir(source),
    )?;
    Ok(file)
}

/// Installs a gem from its file into a folder of its own; nothing is asked of a registry.
fn install_gem(
    gem: &Path,
    home: &Path,
    env: &[(&str, &std::ffi::OsStr)],
) -> Result<String, String> {
    run_command(
        Command::new("gem")
            .args(["install", "--norc", "--local", "--no-document", "--force"])
            .arg("--install-dir")
            .arg(home)
            .arg(gem)
            .envs(env.iter().copied())
            // A gem is installed where nobody has set up anything.
            .env_remove("GEM_HOME")
            .env_remove("RUBYLIB"),
    )
}

/// The object that installing has compiled, to where a platform gem keeps that of each Ruby.
fn take_object(home: &Path, source: &Path) -> Outcome {
    let version = "print RUBY_VERSION[/\\A\\d+\\.\\d+/]";
    let minor = run_command(Command::new("ruby").args(["-e", version]))?;
    let find = "print Dir[File.join(ARGV[0], 'gems/pointmill-*/lib/pointmill/native.so')].first";
    let object = run_command(Command::new("ruby").args(["-e", find]).arg(home))?;
    if object.is_empty() {
        return Err("the source gem was installed without its extension".into());
    }
    let into = source.join("lib/pointmill").join(minor);
    fs::create_dir_all(&into)?;
    fs::copy(object, into.join("native.so"))?;
    Ok(())
}

/// Runs every test against the gem of a folder.
fn tests(home: &Path, env: &[(&str, &std::ffi::OsStr)]) -> Outcome {
    let all = "Dir[File.join(ARGV.shift, 'test_*.rb')].sort.each { |file| require file }";
    let status = Command::new("ruby")
        .args(["-W:no-experimental", "-e", all, "--"])
        .arg(package().join("test"))
        .env("GEM_HOME", home)
        .env_remove("RUBYLIB")
        .envs(env.iter().copied())
        .current_dir(package())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the Ruby tests ended with {status}").into())
    }
}

/// Measures; the answers are checked there.
fn bench(home: &Path) -> Outcome {
    for name in ["calls", "load"] {
        let mut ruby = Command::new("ruby");
        ruby.arg(package().join("benches").join(name).with_extension("rb"))
            .env("GEM_HOME", home)
            .env_remove("RUBYLIB")
            // What is written by Lambda's log mode.
            .stdout(std::process::Stdio::null());
        let status = ruby.status()?;
        if !status.success() {
            return Err(format!("benches/{name}.rb ended with {status}").into());
        }
    }
    Ok(())
}

/// Where there is no compiler the source gem installs all the same, and uses the shared library.
fn without_compiler(gem: &Path, home: &Path, built: &Path) -> Outcome {
    let told = install_gem(gem, home, &[("POINTMILL_CC", "no-such-compiler".as_ref())])?;
    let program = "require 'pointmill'; engine = Pointmill::Engine.new; engine.record_count('m', 2); \
                   print engine.flush(all: true).first.value, Pointmill.const_source_location(:Library).nil?";
    let said = run_command(
        Command::new("ruby")
            .args(["-e", program])
            .env("GEM_HOME", home)
            .env("POINTMILL_LIBRARY", built.join("libpointmill.so"))
            .env_remove("RUBYLIB"),
    )?;
    if said == "2.0false" {
        Ok(())
    } else {
        Err(format!("without a compiler the gem said {said:?}; installing it said {told}").into())
    }
}

fn package() -> PathBuf {
    root().join("bindings/ruby")
}
