//! What the tests of the command share.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

/// A file of the repository's test data.
pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata")).join(name)
}

/// The command, without the tester's own settings, its standard input empty.
pub(crate) fn pointmill(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointmill"));
    command
        .args(args)
        .env_remove("COLUMNS")
        .env_remove("POINTMILL_API_KEY")
        .stdin(Stdio::null());
    command
}

/// What a run has left.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn finished(output: Output) -> Ran {
    Ran {
        status: output.status.code().expect("not ended by a signal"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the command to its end.
pub(crate) fn run(args: &[&str]) -> Ran {
    finished(pointmill(args).output().unwrap())
}

/// Runs a command to its end with `input` as its standard input.
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    finished(child.wait_with_output().unwrap())
}

/// Compares with a file, or writes it if that is asked for by `POINTMILL_BLESS=1`.
pub(crate) fn golden(path: &Path, text: &str) {
    if std::env::var_os("POINTMILL_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(expected, text, "{}", path.display());
}

/// Sends a signal by name: INT, TERM.
pub(crate) fn signal(child: &Child, name: &str) {
    let kill = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
}

/// A running `pointmill intake`, killed when it is dropped.
pub(crate) struct Intake {
    pub(crate) child: Child,
    pub(crate) url: String,
    /// Everything it said until it was ready.
    pub(crate) said: String,
    err: BufReader<ChildStderr>,
}

impl Intake {
    /// Starts one on a free port, with further options.
    pub(crate) fn start(args: &[&str]) -> Intake {
        let mut child = pointmill(&[&["intake", "--listen=127.0.0.1:0"], args].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("stored in") {
            let read = err.read_line(&mut said).unwrap();
            assert!(read > 0, "the intake ended: {said}");
        }
        let (_, rest) = said.split_once("listening on ").unwrap();
        let url = rest
            .lines()
            .next()
            .unwrap()
            .trim_end_matches('/')
            .to_owned();
        Intake {
            child,
            url,
            said,
            err,
        }
    }

    /// Runs another verb against it.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(&[args, &["--url", &self.url]].concat())
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        let (mut out, mut err) = (String::new(), String::new());
        self.err.read_to_string(&mut err).unwrap();
        let stdout = self.child.stdout.as_mut().unwrap();
        stdout.read_to_string(&mut out).unwrap();
        let status = self.child.wait().unwrap();
        Ran {
            status: status.code().expect("not ended by a signal"),
            out,
            err,
        }
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn interrupt(self) -> Ran {
        signal(&self.child, "INT");
        self.end()
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
