//! Running other programs, with errors that show the command.

use std::fmt::Write as _;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

/// Runs a command; an error unless it ends with status 0. Returns its standard output.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let mut text = format!("{} ended with {}", shown(command), output.status);
    for stream in [&output.stdout, &output.stderr] {
        let stream = String::from_utf8_lossy(stream);
        if !stream.trim().is_empty() {
            let _ = write!(text, "\n{}", stream.trim_end());
        }
    }
    Err(text)
}

/// Runs a command that downloads. Of many downloads one may fail: it is tried twice more, after a pause.
pub(crate) fn fetch(command: &mut Command) -> Result<String, String> {
    for pause_s in [5, 30] {
        match run(command) {
            Ok(output) => return Ok(output),
            Err(error) => println!("{error}\n   tried again in {pause_s} s"),
        }
        thread::sleep(Duration::from_secs(pause_s));
    }
    run(command)
}

/// Runs a command, whatever its status.
pub(crate) fn output(command: &mut Command) -> Result<Output, String> {
    command
        .output()
        .map_err(|error| format!("{}: {error}", shown(command)))
}

/// Whether a program of this name can be started; some do not know `--version`, which is fine.
pub(crate) fn exists(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        let _ = write!(text, " {}", arg.to_string_lossy());
    }
    text
}
