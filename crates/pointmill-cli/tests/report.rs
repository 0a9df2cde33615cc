//! `pointmill report` as its users meet it: files in, text and an exit status out.
//!
//! Outputs are compared with the files in `testdata/cli`. After a wanted change, run the tests
//! with `POINTMILL_BLESS=1` and review the difference.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use support::{Ran, finished, run_with};

fn testdata(name: &str) -> PathBuf {
    support::testdata("cli").join(name)
}

/// The command in the directory of the test data, so that messages have short names.
fn pointmill(args: &[&str]) -> Command {
    let mut command = support::pointmill(args);
    command.current_dir(testdata(""));
    command
}

fn report(args: &[&str]) -> Ran {
    finished(pointmill(&[&["report"], args].concat()).output().unwrap())
}

fn report_stdin(args: &[&str], input: &[u8]) -> Ran {
    run_with(&mut pointmill(&[&["report"], args].concat()), input)
}

fn json(args: &[&str]) -> (Value, Ran) {
    let ran = report(&[&["--format", "json"], args].concat());
    let value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.err));
    (value, ran)
}

fn golden(name: &str, text: &str) {
    support::golden(&testdata(name), text);
}

#[test]
fn each_input_kind_gives_its_rows() {
    for (name, args) in [
        ("mixed", &["mixed.dogstatsd"][..]),
        ("lambda", &["lambda.log"]),
        ("numbers", &["numbers.txt", "--name", "n"]),
        (
            "delays",
            &[
                "delays.csv",
                "--value=delay_min",
                "--time=unix_s",
                "--tags=origin",
            ],
        ),
    ] {
        for format in ["table", "json", "csv"] {
            let ran = report(&[args, &["--format", format]].concat());
            assert_eq!(ran.status, 0, "{name}: {}", ran.err);
            golden(&format!("{name}.{format}.expected"), &ran.out);
        }
        let (guessed, _) = json(args);
        assert_eq!(guessed["ledger"]["balanced"], true);
        assert_eq!(guessed["ledger"]["bad_lines"], 0);
    }
}

#[test]
fn a_format_said_is_the_format_guessed() {
    for (format, args) in [
        ("dogstatsd", &["mixed.dogstatsd"][..]),
        ("loglines", &["lambda.log"]),
        ("values", &["numbers.txt"]),
        ("csv", &["delays.csv", "--value=delay_min"]),
    ] {
        let said = report(&[args, &["--input", format, "--format", "json"]].concat());
        let guessed = report(&[args, &["--format", "json"]].concat());
        assert_eq!((said.status, said.out), (0, guessed.out), "{}", said.err);
    }
}

#[test]
fn packed_files_and_standard_input_read_like_plain_files() {
    let plain = fs::read(testdata("delays.csv")).unwrap();
    let (a, b) = plain.split_at(plain.len() / 2);
    let gzip = |part: &[u8]| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(part).unwrap();
        writer.finish().unwrap()
    };
    let zstd = |part: &[u8]| zstd::stream::encode_all(part, 1).unwrap();
    let args = ["--value=delay_min", "--tags=origin", "--format=csv"];
    let expected = report(&[&["delays.csv"], &args[..]].concat()).out;
    let dir = tempfile::tempdir().unwrap();
    for (name, packed) in [
        ("one.gz", gzip(&plain)),
        ("two-members.gz", [gzip(a), gzip(b)].concat()),
        ("one.zst", zstd(&plain)),
        ("no-extension", [zstd(a), zstd(b)].concat()),
        ("plain", plain.clone()),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, &packed).unwrap();
        let ran = report(&[&[path.to_str().unwrap()], &args[..]].concat());
        assert_eq!(
            (ran.status, ran.out),
            (0, expected.clone()),
            "{name}: {}",
            ran.err
        );
        for stdin in [&["-"][..], &[]] {
            let ran = report_stdin(&[stdin, &args[..]].concat(), &packed);
            assert_eq!(
                (ran.status, ran.out),
                (0, expected.clone()),
                "{name}: {}",
                ran.err
            );
        }
    }
}

#[test]
fn several_files_make_one_report() {
    let (value, _) = json(&["lambda.log", "mixed.dogstatsd", "--by="]);
    let row = value["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["metric"] == "page.load");
    // Three from the log; four values, one a point, one of rate 0.5 from the capture.
    assert_eq!(row.unwrap()["count"], 9, "{value}");
    assert_eq!(value["ledger"]["lines"], 16);
}

#[test]
fn by_keeps_the_tags_asked_for() {
    let tags = |by: &str| {
        let (value, _) = json(&["mixed.dogstatsd", by]);
        let rows = value["rows"].as_array().unwrap().clone();
        let rows = rows.into_iter().filter(|row| row["metric"] == "page.load");
        rows.map(|row| format!("{}={}", row["tags"], row["count"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        tags("--by=route"),
        [r#"["route:cart"]=1"#, r#"["route:home"]=5"#]
    );
    assert_eq!(tags("--by=env"), [r#"["env:prod"]=6"#]);
    assert_eq!(tags("--by="), ["[]=6"]);
    assert_eq!(
        tags("--by=route,env"),
        [
            r#"["env:prod","route:cart"]=1"#,
            r#"["env:prod","route:home"]=5"#
        ]
    );
    // As the shell writes an empty value that stands for itself.
    let ran = report(&["mixed.dogstatsd", "--by", "", "--format", "json"]);
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(value["rows"].as_array().unwrap().len(), 4);
}

#[test]
fn bad_lines_are_shown_with_their_place_and_counted() {
    let (value, ran) = json(&["bad.dogstatsd"]);
    assert_eq!(ran.status, 0);
    golden("bad.dogstatsd.stderr.expected", &ran.err);
    assert_eq!(value["rows"][0]["count"], 2);
    let ledger = &value["ledger"];
    assert_eq!(
        (&ledger["lines"], &ledger["bad_lines"]),
        (&7.into(), &4.into())
    );
    assert_eq!(ledger["rejected_not_finite"], 1);
    assert_eq!(ledger["balanced"], true);

    let args = [
        "bad.csv",
        "--value=delay_min",
        "--time=unix_s",
        "--tags=origin",
    ];
    let (value, ran) = json(&args);
    assert_eq!(ran.status, 0);
    golden("bad.csv.stderr.expected", &ran.err);
    assert_eq!(
        value["rows"][0]["count"], 2,
        "33 and 9, whose row an open quote did not swallow"
    );
    assert_eq!(value["ledger"]["bad_lines"], 8);
}

#[test]
fn strict_turns_bad_lines_into_a_failure_after_the_report() {
    let ran = report(&["bad.dogstatsd", "--strict", "--format=csv"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.out.contains("page.load"),
        "the report is printed all the same"
    );
    assert_eq!(report(&["mixed.dogstatsd", "--strict"]).status, 0);
}

#[test]
fn many_bad_lines_do_not_flood_the_terminal() {
    let input = "1\n".repeat(3) + &"no\n".repeat(5_000);
    let ran = report_stdin(&["--input=values"], input.as_bytes());
    assert!(ran.err.lines().count() < 110, "{}", ran.err.lines().count());
    assert!(
        ran.err.contains("5000 of 5003 lines were bad"),
        "{}",
        ran.err
    );
}

#[test]
fn an_empty_input_has_no_rows_and_a_note() {
    for input in [&b""[..], b"\n\n \n"] {
        let ran = report_stdin(&["--format=json"], input);
        assert_eq!(ran.status, 0);
        let value: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(value["rows"], Value::Array(Vec::new()));
        assert_eq!(value["ledger"]["balanced"], true);
        assert!(ran.err.contains("stdin is empty"), "{}", ran.err);
    }
    let ran = report(&["empty.txt"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    assert!(ran.err.contains("empty.txt is empty"), "{}", ran.err);
    // A header alone is no point either.
    let ran = report_stdin(&["--value=v", "--format=csv"], b"v,w\n");
    assert_eq!((ran.status, ran.out.lines().count()), (0, 1));
}

#[test]
fn tables_and_plots_stay_within_the_width() {
    let long_tags = "m:1.23456789:9e99:-1e-9|d|#region:somewhere-very-far-away-1,k:v,another:one\n";
    let many = [
        "--percentiles=1,5,10,25,50,75,90,95,99,99.9,99.99",
        "--plot",
    ];
    for columns in ["80", "40", "200"] {
        let mut command = pointmill(&[&["report"], &many[..]].concat());
        let mut child = command
            .env("COLUMNS", columns)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(long_tags.as_bytes())
            .unwrap();
        let ran = finished(child.wait_with_output().unwrap());
        let width: usize = columns.parse().unwrap();
        for line in ran.out.lines() {
            assert!(line.chars().count() <= width, "{columns}: {line}");
        }
        for header in ["count", "min", "avg", "max", "sum", "p1", "p50", "p99.99"] {
            let found = ran.out.split_whitespace().any(|word| word == header);
            assert!(found, "{header} is missing at {columns}:\n{}", ran.out);
        }
    }
    let ran = report(&["numbers.txt", "--plot"]);
    golden("numbers.plot.expected", &ran.out);
}

#[test]
fn a_heading_stands_in_one_line_above_short_tags() {
    let ran = report_stdin(&[], b"m:1|d|#a:b\n");
    let lines: Vec<&str> = ran.out.lines().map(str::trim).collect();
    assert_eq!(lines.len(), 3, "{}", ran.out);
    assert!(lines[1].starts_with("tags  count"), "{}", ran.out);
    assert!(lines[2].starts_with("a:b"), "{}", ran.out);
}

#[test]
fn nothing_in_a_name_commands_the_terminal() {
    let ran = report_stdin(
        &["--input=dogstatsd"],
        b"a\x1b[31m:1|d|#t:\x1b]0;x\x07\nb:\x1b[2J|c\n",
    );
    assert!(
        !ran.out.contains('\x1b') && !ran.err.contains('\x1b'),
        "{:?} {:?}",
        ran.out,
        ran.err
    );
    assert!(ran.out.contains("u{1b}"), "{}", ran.out);
}

#[test]
fn wrong_arguments_are_answered_with_the_remedy_and_status_2() {
    for (args, says) in [
        (&["--bogus"][..], "--bogus"),
        (
            &["--percentiles=50,x", "numbers.txt"],
            "give numbers from 0 to 100",
        ),
        (
            &["--percentiles=101", "numbers.txt"],
            "give numbers from 0 to 100",
        ),
        (&["--input=xml", "numbers.txt"], "dogstatsd"),
        (&["--format=json", "--plot", "numbers.txt"], "--plot"),
        (&["delays.csv"], "--value COL"),
        (
            &["delays.csv", "--input=csv"],
            "the columns are unix_s, delay_min, origin, destination, city",
        ),
        (
            &["delays.csv", "--value=delay"],
            "--value delay: no such column; the columns are unix_s",
        ),
        (
            &["delays.csv", "--value=delay_min", "--tags=origin,dest"],
            "--tags dest: no such column",
        ),
        (
            &["delays.csv", "--value=delay_min", "--time=t"],
            "--time t: no such column",
        ),
        (
            &["mixed.dogstatsd", "--input=dogstatsd", "--value=x"],
            "no use for --value",
        ),
        (&["mixed.dogstatsd", "--name=x"], "no use for --name"),
        (&["numbers.txt", "--payload=."], "not empty"),
    ] {
        let ran = report(args);
        assert_eq!(ran.status, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
    let ran = finished(pointmill(&[]).output().unwrap());
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("report"), "{}", ran.err);
}

#[test]
fn an_input_in_doubt_shows_its_first_line() {
    let ran = report_stdin(&[], b"hello world\n");
    assert_eq!(ran.status, 2);
    assert!(
        ran.err.contains("\"hello world\"") && ran.err.contains("--input"),
        "{}",
        ran.err
    );
}

#[test]
fn missing_and_damaged_files_fail_by_name() {
    let ran = report(&["numbers.txt", "no-such-file"]);
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (1, ""),
        "found out before the work begins"
    );
    assert!(ran.err.contains("no-such-file"), "{}", ran.err);
    assert_eq!(report(&["."]).status, 1);

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.gz");
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    writer.write_all("1\n".repeat(400_000).as_bytes()).unwrap();
    let mut packed = writer.finish().unwrap();
    packed.truncate(packed.len() / 2);
    fs::write(&path, packed).unwrap();
    let ran = report(&["numbers.txt", path.to_str().unwrap(), "--format=json"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("cut.gz"), "{}", ran.err);
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    let count = value["rows"][0]["count"].as_u64().unwrap();
    assert!(count > 100_000, "what could be read is reported: {count}");
}

#[test]
fn top_keeps_the_busiest_rows() {
    let (value, _) = json(&["mixed.dogstatsd", "--top=1"]);
    let rows = value["rows"].as_array().unwrap();
    let row = rows
        .iter()
        .filter(|row| row["metric"] == "page.load")
        .collect::<Vec<_>>();
    assert_eq!(row.len(), 1);
    assert_eq!(row[0]["tags"][1], "route:home");
    assert_eq!(rows.len(), 4, "one of each metric");
    let ran = report(&["mixed.dogstatsd", "--top=1"]);
    assert!(ran.out.contains("top 1 of 2"), "{}", ran.out);
}

#[test]
fn help_teaches_by_example() {
    let ran = report(&["--help"]);
    assert_eq!(ran.status, 0);
    for word in [
        "Examples:",
        "--by origin",
        "gzip",
        "1/129",
        "manifest.json",
        "Exit status",
    ] {
        assert!(ran.out.contains(word), "{word}: {}", ran.out);
    }
    assert!(report(&["-h"]).out.len() < ran.out.len());
}

#[test]
fn the_documentation_has_the_help_as_it_is() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CLI.md"));
    let text = fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once("```text\n").unwrap();
    let (help, after) = rest.split_once("```\n").unwrap();
    let answer = report(&["--help"]).out;
    let answer: String = answer
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    if std::env::var_os("POINTMILL_BLESS").is_some() {
        fs::write(path, format!("{before}```text\n{answer}```\n{after}")).unwrap();
        return;
    }
    assert_eq!(help, answer, "run the test with POINTMILL_BLESS=1");
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_opened_once() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let child = pointmill(&["report", "--format=csv", pipe.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Opening waits for the reader; a reader that came and went would break the write.
    fs::OpenOptions::new()
        .write(true)
        .open(&pipe)
        .unwrap()
        .write_all(b"1\n2\n")
        .unwrap();
    let ran = finished(child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("values,distribution,,2,"), "{}", ran.out);
}

#[cfg(unix)]
#[test]
fn ctrl_c_prints_what_was_read() {
    let mut child = pointmill(&["report", "--input=values", "--format=json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"1\n2\nno\n").unwrap();
    stdin.flush().unwrap();
    // Its complaint about the third line says that the first two have been read.
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut complaint = String::new();
    err.read_line(&mut complaint).unwrap();
    assert!(complaint.starts_with("stdin:3:"), "{complaint}");
    support::signal(&child, "INT");
    // Its standard input is still open: the signal alone ends it.
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(130));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["rows"][0]["count"], 2);
    let notes: Vec<String> = err.lines().map(Result::unwrap).collect();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("stopped before the end")),
        "{notes:?}"
    );
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    // Far more rows than a pipe holds, so that the write meets the closed end.
    let input: String = (0..20_000).map(|i| format!("m:{i}|d|#i:{i}\n")).collect();
    for format in ["table", "json", "csv"] {
        let mut child = pointmill(&["report", "--format", format])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let ran = finished(child.wait_with_output().unwrap());
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{format}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = pointmill(&["report", "numbers.txt"])
        .stdout(full)
        .output()
        .unwrap();
    let ran = finished(output);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("cannot write standard output"),
        "{}",
        ran.err
    );

    // Files that may not grow stand for the full disk behind --payload.
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("payloads");
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec {} report mixed.dogstatsd --payload {}",
        env!("CARGO_BIN_EXE_pointmill"),
        target.display()
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(testdata(""))
        .output()
        .unwrap();
    let ran = finished(output);
    assert_eq!(ran.status, 1, "{}", ran.err);
    assert!(
        ran.err.contains("cannot write") && ran.err.contains("payloads/00001-"),
        "{}",
        ran.err
    );
    assert!(!target.join("manifest.json").exists());
}

/// Whether this command carries the page; without npm it is built without.
fn has_page(dir: &Path) -> bool {
    let path = dir.join("probe.html");
    let ran = report(&["numbers.txt", "--html", path.to_str().unwrap()]);
    if ran.status == 0 {
        return true;
    }
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("cargo xtask web"), "{}", ran.err);
    assert!(!path.exists());
    println!("left out: this command was built without its page; cargo xtask web");
    false
}

#[test]
fn html_is_one_file_or_none() {
    let dir = tempfile::tempdir().unwrap();
    if !has_page(dir.path()) {
        return;
    }
    let path = dir.path().join("r.html");
    let to = |path: &Path| format!("--html={}", path.display());
    let names = || {
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = names();
    for (args, status, hint) in [
        // What cannot be written is said before the work, and nothing is printed.
        (
            vec!["numbers.txt".to_owned(), to(dir.path())],
            1,
            "directory",
        ),
        (
            vec![
                "numbers.txt".to_owned(),
                "--html=/no/such/folder/r.html".to_owned(),
            ],
            1,
            "/no/such/folder/r.html",
        ),
        (
            vec!["no-such-file".to_owned(), to(&path)],
            1,
            "no-such-file",
        ),
        (
            vec!["numbers.txt".to_owned(), "--time=t".to_owned(), to(&path)],
            2,
            "--value",
        ),
    ] {
        let ran = report(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(
            (ran.status, ran.out.as_str()),
            (status, ""),
            "{args:?}: {}",
            ran.err
        );
        assert!(ran.err.contains(hint), "{args:?}: {}", ran.err);
        assert_eq!(names(), before, "{args:?}");
    }
    fs::write(&path, "what was there").unwrap();
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec {} report numbers.txt {}",
        env!("CARGO_BIN_EXE_pointmill"),
        to(&path)
    );
    let mut full = Command::new("sh");
    let ran = finished(
        full.args(["-c", &script])
            .current_dir(testdata(""))
            .output()
            .unwrap(),
    );
    assert_eq!(ran.status, 1, "{}", ran.err);
    assert!(
        ran.err.contains("cannot write") && ran.err.contains("r.html"),
        "{}",
        ran.err
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "what was there");
    let ran = report(&["mixed.dogstatsd", &to(&path)]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let page = fs::read_to_string(&path).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("<title>mixed.dogstatsd</title>"));
    assert!(
        ran.err.contains(&format!("{} bytes in", page.len())),
        "{}",
        ran.err
    );
    // Nothing in it asks for anything.
    for outward in ["src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!page.contains(outward), "{outward}");
    }
    let ran = report(&["numbers.txt", "--html=/dev/full"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("cannot write /dev/full"), "{}", ran.err);
}
