//! Every program in every way of building and running it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::install::NATIVE_STATIC_LIBS;
use crate::process;

/// The programs of `crates/pointmill-capi/ctest` (and of `examples`), with the arguments that keep
/// them short under Valgrind.
const PROGRAMS: [Program; 14] = [
    Program::new("layout"),
    Program::new("library"),
    Program::new("sketch"),
    Program::new("config"),
    Program::new("engine"),
    Program::new("snapshot"),
    Program::new("payloads"),
    Program::new("misuse"),
    Program {
        short: &["500"],
        ..Program::new("threads")
    },
    Program::new("fork"),
    Program::new("client"),
    Program::new("lambda"),
    Program {
        also: &["header_twice_other"],
        ..Program::new("header_twice")
    },
    Program {
        folder: "examples",
        ..Program::new("first")
    },
];

struct Program {
    name: &'static str,
    folder: &'static str,
    /// Further files of the same program.
    also: &'static [&'static str],
    short: &'static [&'static str],
}

impl Program {
    const fn new(name: &'static str) -> Program {
        Program {
            name,
            folder: "ctest",
            also: &[],
            short: &[],
        }
    }
}

/// Where things are, and which compilers to use.
pub(crate) struct Setting {
    pub(crate) package: PathBuf,
    pub(crate) include: PathBuf,
    /// Where the libraries are.
    pub(crate) built: PathBuf,
    /// Where what is built here goes.
    pub(crate) scratch: PathBuf,
    pub(crate) cc: String,
    cxx: String,
}

impl Setting {
    pub(crate) fn new(built: &Path) -> Result<Setting, String> {
        let root = crate::root();
        let scratch = crate::target_dir().join("ctest");
        fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
        let tool =
            |name: &str, otherwise: &str| std::env::var(name).unwrap_or(otherwise.to_owned());
        let setting = Setting {
            package: root.join("crates/pointmill-capi"),
            include: root.join("include"),
            built: built.to_path_buf(),
            scratch,
            cc: tool("CC", "cc"),
            cxx: tool("CXX", "c++"),
        };
        for tool in [&setting.cc, &setting.cxx, "nm", "valgrind"] {
            if !process::exists(tool) {
                return Err(format!(
                    "{tool} is needed; install it (gcc, g++, binutils, valgrind)"
                ));
            }
        }
        // A program asks for the soname; cargo's file has the plain name only.
        let soname = setting.scratch.join("libpointmill.so.0");
        let _ = fs::remove_file(&soname);
        std::os::unix::fs::symlink(built.join("libpointmill.so"), &soname)
            .map_err(|error| format!("{}: {error}", soname.display()))?;
        Ok(setting)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Language {
    C11,
    Cxx17,
}

#[derive(Clone, Copy, PartialEq)]
enum Link {
    Shared,
    Static,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Plain,
    Sanitized,
    Valgrind,
}

/// One program, built and run in one way.
pub(crate) struct Job {
    program: &'static Program,
    language: Language,
    link: Link,
    mode: Mode,
}

/// All of them, or those of `--quick`.
pub(crate) fn jobs(quick: bool) -> Vec<Job> {
    let mut jobs = Vec::new();
    for program in &PROGRAMS {
        for language in [Language::C11, Language::Cxx17] {
            for link in [Link::Shared, Link::Static] {
                for mode in [Mode::Plain, Mode::Sanitized, Mode::Valgrind] {
                    let quick_one = link == Link::Shared && mode == Mode::Plain;
                    // The compiler's language is the same to Valgrind.
                    let double = mode == Mode::Valgrind && language == Language::Cxx17;
                    if !double && (quick_one || !quick) {
                        jobs.push(Job {
                            program,
                            language,
                            link,
                            mode,
                        });
                    }
                }
            }
        }
    }
    jobs
}

/// The files that the plain shared C11 builds leave: what they need of the library is looked at.
pub(crate) fn plain_binaries(setting: &Setting) -> Vec<PathBuf> {
    jobs(true)
        .iter()
        .filter(|job| job.language == Language::C11)
        .map(|job| job.binary(setting))
        .collect()
}

impl Job {
    pub(crate) fn name(&self) -> String {
        let language = if self.language == Language::C11 {
            "c11"
        } else {
            "c++17"
        };
        let link = if self.link == Link::Shared {
            "shared"
        } else {
            "static"
        };
        let mode = match self.mode {
            Mode::Plain => "plain",
            Mode::Sanitized => "asan+ubsan",
            Mode::Valgrind => "valgrind",
        };
        format!("{language} {link} {mode} {}", self.program.name)
    }

    fn binary(&self, setting: &Setting) -> PathBuf {
        setting.scratch.join(self.name().replace(' ', "-"))
    }

    /// The number of tests passed; on failure also the number failed, and what was printed.
    pub(crate) fn run(&self, setting: &Setting) -> Result<usize, (usize, usize, String)> {
        let broken = |error: String| (0, 1, error);
        process::run(&mut self.compile(setting)).map_err(broken)?;
        self.instrumented(setting).map_err(broken)?;
        let mut command = self.execute(setting);
        let output = process::output(&mut command).map_err(broken)?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let passed = stdout
            .lines()
            .filter(|line| line.starts_with("pass "))
            .count();
        let failed = stdout
            .lines()
            .filter(|line| line.starts_with("FAIL "))
            .count();
        if output.status.success() && failed == 0 {
            // An example has no tests in it; that it ran is one.
            return Ok(passed.max(1));
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        let text = format!("{}\n{stdout}{stderr}", output.status);
        Err((passed, failed.max(1), text))
    }

    fn compile(&self, setting: &Setting) -> Command {
        let (compiler, language): (_, &[&str]) = match self.language {
            Language::C11 => (&setting.cc, &["-std=c11"]),
            Language::Cxx17 => (&setting.cxx, &["-x", "c++", "-std=c++17"]),
        };
        let mut command = Command::new(compiler);
        command
            .args(language)
            .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-O1"]);
        // C11 alone hides what POSIX adds (fork, threads) from the system's headers.
        command
            .arg("-D_POSIX_C_SOURCE=200809L")
            .arg("-I")
            .arg(&setting.include);
        if self.mode == Mode::Sanitized {
            command.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
        }
        let folder = setting.package.join(self.program.folder);
        for name in std::iter::once(&self.program.name).chain(self.program.also) {
            command.arg(folder.join(format!("{name}.c")));
        }
        command.args(["-x", "none"]);
        match self.link {
            Link::Shared => {
                command.arg(setting.built.join("libpointmill.so"));
                command.arg(format!("-Wl,-rpath,{}", setting.scratch.display()));
            }
            Link::Static => {
                command.arg(setting.built.join("libpointmill.a"));
                command.args(NATIVE_STATIC_LIBS.split(' '));
            }
        }
        command
            .args(["-lm", "-lpthread", "-o"])
            .arg(self.binary(setting));
        command
    }

    /// That the sanitizers are in a sanitized binary, and in no other.
    fn instrumented(&self, setting: &Setting) -> Result<(), String> {
        let symbols = process::run(Command::new("nm").arg(self.binary(setting)))?;
        for symbol in ["__asan_init", "__ubsan_handle_type_mismatch_v1"] {
            // UBSan leaves its mark only in a program that gives it something to check.
            let needed = symbol == "__asan_init";
            let found = symbols.contains(symbol);
            if found && self.mode != Mode::Sanitized
                || needed && found != (self.mode == Mode::Sanitized)
            {
                return Err(format!(
                    "{symbol} is {}in the binary",
                    if found { "" } else { "not " }
                ));
            }
        }
        Ok(())
    }

    fn execute(&self, setting: &Setting) -> Command {
        let binary = self.binary(setting);
        if self.mode != Mode::Valgrind {
            let mut command = Command::new(binary);
            command.env("ASAN_OPTIONS", "detect_leaks=1");
            return command;
        }
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--leak-check=full", "--error-exitcode=99"]);
        // Not "possible": a thread that is told to end and not waited for may still hold its
        // thread-local storage when the process ends.
        command.arg("--errors-for-leak-kinds=definite,indirect");
        command.arg(binary).args(self.program.short);
        command
    }
}
