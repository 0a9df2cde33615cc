//! `pointmill forward` as its users meet it: logs in, points, logs, an account and an exit status
//! out.
//!
//! Points of the sample logs are compared with `testdata/forwarder/expected`. After a wanted change,
//! run the tests with `POINTMILL_BLESS=1` and review the difference.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use support::{Ran, finished};

fn testdata(name: &str) -> PathBuf {
    support::testdata("forwarder").join(name)
}

/// The command in the directory of the samples, without the tester's own settings.
fn forward(args: &[&str]) -> Command {
    let mut command = support::pointmill(&[&["forward"], args].concat());
    command.current_dir(testdata("")).env_clear();
    command
}

fn run(args: &[&str]) -> Ran {
    finished(forward(args).output().unwrap())
}

/// The account, which is the last line of standard error.
fn account(ran: &Ran) -> Value {
    let line = ran.err.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {}", ran.err))
}

fn golden(name: &str, text: &str) {
    support::golden(&testdata("expected").join(name), text);
}

const PLACE: [&str; 4] = ["--region", "eu-west-3", "--account-id", "210987654321"];

#[test]
fn every_sample_gives_its_points_and_its_account() {
    for (name, file, args) in [
        (
            "python",
            "python.log",
            &["--function=checkout", "--functions=functions.json"][..],
        ),
        ("node", "node.log", &["--function=Tiles"]),
        ("java", "java-tail.log", &["--function=posting"]),
        (
            "go",
            "go-json.log",
            &[
                "--format=lines",
                "--function=Ledger",
                "--architecture=arm64",
            ],
        ),
        ("monitoring", "monitoring.log", &["--function=Shop-Api"]),
        (
            "cloudwatch",
            "cloudwatch.json",
            &["--functions=functions.json"],
        ),
        ("telemetry", "telemetry.ndjson", &["--architecture=arm64"]),
    ] {
        let shown = ["--dry-run", "--show=points", "--account=json", file];
        let ran = run(&[&shown, args, &PLACE].concat());
        assert_eq!(ran.status, 0, "{name}: {}", ran.err);
        golden(&format!("{name}.points"), &ran.out);
        let books = account(&ran);
        assert_eq!(books["balanced"], true, "{name}");
        assert_eq!(books["points"], ran.out.lines().count(), "{name}");
        assert!(books["points"].as_u64() > Some(3), "{name}: {}", ran.err);
        golden(&format!("{name}.account"), &format!("{books:#}\n"));
    }
}

#[test]
fn the_table_is_for_eyes_and_strict_is_for_scripts() {
    let args = [
        "--dry-run",
        "--by=functionname",
        "--function=checkout",
        "python.log",
    ];
    let ran = run(&args);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(
        ran.out
            .contains("aws.lambda.enhanced.estimated_cost  (distribution)"),
        "{}",
        ran.out
    );
    assert!(
        ran.err.contains("python.log:11: value_not_a_number"),
        "{}",
        ran.err
    );
    assert!(
        ran.err
            .contains("2 refused (1 missing_key, 1 value_not_a_number)"),
        "{}",
        ran.err
    );
    assert_eq!(run(&[&args[..], &["--strict"]].concat()).status, 1);
}

#[test]
fn logs_go_on_without_the_metrics() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rest.log");
    let logs = ["--logs", path.to_str().unwrap()];
    let args = [&["--dry-run", "--account=json", "python.log"], &logs[..]].concat();
    let ran = run(&args);
    let rest = fs::read_to_string(&path).unwrap();
    let expected: String = fs::read_to_string(testdata("python.log"))
        .unwrap()
        .lines()
        .filter(|line| {
            !line.starts_with('{') || line.contains("\"12.5\"") || line.contains("items")
        })
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    assert_eq!(rest, expected);
    assert_eq!(account(&ran)["logs_sent"], expected.lines().count());
    // The switch of Datadog's forwarder, on what would go to standard output.
    let to_log = |value: &str| {
        let mut command = forward(&["--to=log", "python.log"]);
        finished(command.env("DD_FORWARD_LOG", value).output().unwrap()).out
    };
    assert!(to_log("true").contains("Traceback"));
    let without = to_log("false");
    assert!(!without.contains("Traceback") && without.contains("\"m\":\"shop.basket.total\""));
}

#[test]
fn wrong_arguments_are_answered_with_what_is_right() {
    for (args, status, hint) in [
        (&["--no-such"][..], 2, "unexpected argument"),
        (&["--format=nonsense", "python.log"], 2, "cloudwatch"),
        (
            &["--dry-run", "--to=log", "python.log"],
            2,
            "cannot be used with",
        ),
        (&["python.log"], 2, "DD_API_KEY_SECRET_ARN"),
        (
            &["--show=table", "--to=log", "python.log"],
            2,
            "standard output",
        ),
        (&["--dry-run", "--arn=x", "python.log"], 2, "arn:PARTITION"),
        (
            &["--dry-run", "--price=gold=1", "python.log"],
            2,
            "arm64=USD",
        ),
        (&["--dry-run", "--cache=c", "python.log"], 2, "--functions"),
        (
            &["--dry-run", "--functions=python.log", "python.log"],
            1,
            "python.log",
        ),
        (&["--dry-run", "no-such-file"], 1, "no-such-file"),
        (&["--dry-run", "."], 1, "directory"),
    ] {
        let ran = run(args);
        assert_eq!(ran.status, status, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(hint), "{args:?}: {}", ran.err);
        assert!(ran.out.is_empty(), "{args:?}: {}", ran.out);
    }
}

#[test]
fn an_empty_input_is_no_error_and_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty.log");
    fs::write(&path, "").unwrap();
    let ran = run(&["--dry-run", path.to_str().unwrap()]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    assert!(
        ran.err.contains("is empty") && ran.err.contains("0 events"),
        "{}",
        ran.err
    );
}

#[test]
fn packed_files_and_standard_input_read_like_plain_files() {
    let plain = fs::read(testdata("python.log")).unwrap();
    let expected = run(&["--dry-run", "--show=points", "python.log"]).out;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    for bytes in [gzip.finish().unwrap(), plain] {
        let mut child = forward(&["--dry-run", "--show=points"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let ran = finished(child.wait_with_output().unwrap());
        assert_eq!((ran.status, &ran.out), (0, &expected), "{}", ran.err);
    }
}

#[test]
fn a_closed_pipe_ends_the_run_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.log");
    let line = "{\"m\":\"shop.n\",\"v\":1,\"e\":1767225590,\"t\":[]}\n";
    fs::write(&path, line.repeat(200_000)).unwrap();
    let mut child = forward(&["--dry-run", "--show=points", path.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(first.contains("shop.n"));
    let ran = finished(child.wait_with_output().unwrap());
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(!ran.err.contains("cannot write"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_sigterm_send_what_had_been_read() {
    for (name, status) in [("INT", 130), ("TERM", 143)] {
        let ran = interrupted(name);
        assert_eq!(ran.status, status, "{}", ran.err);
        let points = ran.out.lines().count() as u64;
        assert_eq!(account(&ran)["points"], points, "{}", ran.err);
    }
}

/// Ended by a signal after its first point; what it has printed is whole.
fn interrupted(name: &str) -> Ran {
    let mut child = forward(&["--dry-run", "--show=points", "--account=json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines = "{\"m\":\"shop.n\",\"v\":1,\"e\":1767225590,\"t\":[]}\n".repeat(10_000);
    stdin.write_all(lines.as_bytes()).unwrap();
    // The first points show that the handler is in place and the input is being read.
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut points = String::new();
    out.read_line(&mut points).unwrap();
    support::signal(&child, name);
    out.read_to_string(&mut points).unwrap();
    let ran = finished(child.wait_with_output().unwrap());
    drop(stdin);
    Ran { out: points, ..ran }
}

#[test]
fn metrics_and_checks_reach_an_agent() {
    let agent = UdpSocket::bind("127.0.0.1:0").unwrap();
    agent
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let url = format!("udp://{}", agent.local_addr().unwrap());
    let args = [
        "--dogstatsd",
        &url,
        "--logs=none",
        "--account=json",
        "monitoring.log",
    ];
    let ran = run(&args);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let books = account(&ran);
    assert_eq!(books["delivered"]["checks_sent"], 1);
    assert_eq!(
        books["delivered"]["accepted"],
        books["delivered"]["flushed"]
    );
    let mut all = String::new();
    let mut datagram = [0; 65_536];
    while !(all.contains("_sc|") && all.contains("shop.wait") && all.contains("shop.queue")) {
        let n = agent.recv(&mut datagram).expect("all of them arrive");
        all += std::str::from_utf8(&datagram[..n]).unwrap();
        all.push('\n');
    }
    for expected in [
        "_sc|shop.up|0|d:1767225840|#env:prod",
        "shop.orders:7|c",
        "shop.orders:1|c",
        "shop.queue:2|g",
    ] {
        assert!(all.contains(expected), "{expected} in {all}");
    }
}

/// Path and body of every request.
type Requests = Mutex<Vec<(String, Vec<u8>)>>;

/// Answers every request with 202 and notes its path and body.
fn intake() -> (String, Arc<Requests>) {
    server("202 Accepted", "{}")
}

/// Answers every request with the same and notes its path and body.
fn server(status: &'static str, answer: &'static str) -> (String, Arc<Requests>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::default();
    let noted = Arc::clone(&seen);
    // Ends with the test's process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let noted = Arc::clone(&noted);
            thread::spawn(move || serve(stream, &noted, status, answer));
        }
    });
    (url, seen)
}

fn serve(stream: TcpStream, noted: &Requests, status: &str, answer: &str) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut path, mut length, mut line) = (String::new(), 0, String::new());
        while stream.read_line(&mut line).ok()? > 2 {
            if path.is_empty() {
                path = line.split(' ').nth(1)?.to_owned();
            }
            let header = line.to_ascii_lowercase();
            if let Some(n) = header.strip_prefix("content-length:") {
                length = n.trim().parse().ok()?;
            }
            line.clear();
        }
        if path.is_empty() {
            return None;
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        noted.lock().unwrap().push((path, body));
        let length = answer.len();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{answer}");
        stream.get_mut().write_all(answer.as_bytes()).ok()?;
    }
}

#[test]
fn metrics_checks_and_logs_reach_the_intake() {
    let (url, seen) = intake();
    let args = [
        "--url",
        &url,
        "--logs=http",
        "--account=json",
        "monitoring.log",
        "python.log",
    ];
    let ran = finished(forward(&args).env("DD_API_KEY", "k").output().unwrap());
    assert_eq!(ran.status, 0, "{}", ran.err);
    let books = account(&ran);
    let delivered = &books["delivered"];
    assert_eq!(delivered["accepted"], delivered["flushed"]);
    assert_eq!(
        (&books["logs_lost"], &delivered["checks_sent"]),
        (&0.into(), &1.into())
    );
    let seen = seen.lock().unwrap();
    let body = |route: &str| {
        let found = seen.iter().find(|(path, _)| path == route);
        found
            .unwrap_or_else(|| panic!("{route}: {}", ran.err))
            .1
            .clone()
    };
    let checks: Value = serde_json::from_slice(&body("/api/v1/check_run")).unwrap();
    assert_eq!(
        (&checks[0]["check"], &checks[0]["status"]),
        (&"shop.up".into(), &0.into())
    );
    let logs = seen.iter().filter(|(path, _)| path == "/api/v2/logs");
    let logs = logs.map(|(_, body)| serde_json::from_slice::<Vec<Value>>(body).unwrap());
    let logs: Vec<Value> = logs.flatten().collect();
    assert_eq!(books["logs_sent"], logs.len());
    assert_eq!(logs[0]["ddsource"], "lambda");
    assert!(!body("/api/beta/sketches").is_empty() && !body("/api/v2/series").is_empty());
}

#[test]
fn an_intake_that_is_down_is_said_and_nothing_is_lost_with_a_spool() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().to_str().unwrap();
    let args = [
        "--url",
        &url,
        "--logs=none",
        "--timeout-s=1",
        "--account=json",
        "python.log",
    ];
    let ran = run(&args);
    assert_eq!(ran.status, 1, "{}", ran.err);
    assert!(
        account(&ran)["delivered"]["dropped"]["closed"].as_u64() > Some(0),
        "{}",
        ran.err
    );
    let ran = run(&[&args[..], &["--spool", spool]].concat());
    let books = account(&ran);
    assert_eq!(
        books["delivered"]["waiting"], books["delivered"]["flushed"],
        "{}",
        ran.err
    );
    assert!(fs::read_dir(spool).unwrap().count() > 0);
}

#[test]
fn damaged_spool_files_are_said() {
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().to_str().unwrap();
    let args = ["--logs=none", "--timeout-s=1", "--spool", spool];
    let down = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", down.local_addr().unwrap());
    drop(down);
    let ran = run(&[&args[..], &["--url", &url, "python.log"]].concat());
    assert!(ran.err.contains("waiting in the spool"), "{}", ran.err);
    for file in fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
    let (url, _) = intake();
    let ran = run(&[&args[..], &["--url", &url, "python.log"]].concat());
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("damaged files of the spool"),
        "{}",
        ran.err
    );
}

#[test]
fn the_cache_file_serves_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache.json");
    let args = |functions: &str| {
        let functions = format!("--functions={functions}");
        let cache = format!("--cache={}", cache.display());
        run(&[
            &[
                "--dry-run",
                "--show=points",
                "--function=checkout",
                "python.log",
                &functions,
                &cache,
            ],
            &PLACE[..],
        ]
        .concat())
    };
    let first = args("functions.json");
    assert!(first.out.contains("team:fruit_veg"), "{}", first.err);
    let nobody = dir.path().join("none.json");
    fs::write(&nobody, "{}").unwrap();
    let second = args(nobody.to_str().unwrap());
    assert_eq!(second.out, first.out, "known from the cache alone");
}

/// With AWS at `url`.
fn fetching_tags(url: &str, more: &[&str]) -> Ran {
    let args = [
        "--dry-run",
        "--show=points",
        "--function=Checkout",
        "python.log",
    ];
    let mut command = forward(&[&args[..], more, &PLACE].concat());
    command
        .env("DD_FETCH_LAMBDA_TAGS", "true")
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "hush");
    finished(command.output().unwrap())
}

#[test]
fn tags_of_functions_come_from_aws_behind_those_of_the_file() {
    let (url, seen) = server(
        "200 OK",
        r#"{"PaginationToken":"","ResourceTagMappingList":[
            {"ResourceARN":"arn:aws:lambda:eu-west-3:210987654321:function:Checkout",
             "Tags":[{"Key":"Cost Center","Value":"R&D: 42"},{"Key":"empty","Value":""}]}]}"#,
    );
    let ran = fetching_tags(&url, &[]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(
        ran.out.contains("\"cost_center:r_d:_42\",\"empty\""),
        "{} {}",
        ran.out,
        ran.err
    );
    // One list for all lines.
    let requests = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(requests.len(), 1);
    let body: Value = serde_json::from_slice(&requests[0].1).unwrap();
    assert_eq!(body["ResourceTypeFilters"], serde_json::json!(["lambda"]));
    // Of a function that the file knows, the file's tags are taken.
    let ran = fetching_tags(&url, &["--functions=functions.json"]);
    assert!(ran.out.contains("team:fruit_veg"), "{}", ran.err);
    assert!(!ran.out.contains("cost_center"), "{}", ran.err);
}

const SECRET: &str = "arn:aws:secretsmanager:eu-west-3:210987654321:secret:dd";

#[test]
fn the_key_is_looked_up_where_its_name_is_given() {
    let (intake, taken) = intake();
    let (aws, asked) = server("200 OK", r#"{"SecretString":"sesame"}"#);
    let forward = |aws: &str, more: &[&str]| {
        let args = ["--timeout-s=1", "--function=checkout", "python.log"];
        let mut command = forward(&[&args[..], more, &PLACE].concat());
        command
            .env("DD_API_URL", &intake)
            .env("DD_API_KEY_SECRET_ARN", SECRET)
            .env("AWS_ENDPOINT_URL", aws)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "hush");
        finished(command.output().unwrap())
    };
    let ran = forward(&aws, &["--logs=http"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let paths = |seen: &Requests| -> Vec<String> {
        let requests = std::mem::take(&mut *seen.lock().unwrap());
        requests.into_iter().map(|(path, _)| path).collect()
    };
    let sent = paths(&taken);
    assert!(
        sent.iter().any(|path| path.contains("sketches")),
        "{sent:?}"
    );
    assert!(sent.iter().any(|path| path.contains("logs")), "{sent:?}");
    assert_eq!(paths(&asked).len(), 1, "asked once for all that is sent");
    // A key that is told goes first, and nobody is asked.
    assert_eq!(
        forward(&aws, &["--logs=none", "--set=api_key=told"]).status,
        0
    );
    assert!(paths(&asked).is_empty() && !paths(&taken).is_empty());
    // One that cannot be had is said, with the points that wait for it.
    let (denied, _) = server("400 Bad Request", r#"{"__type":"AccessDeniedException"}"#);
    let ran = forward(&denied, &["--logs=none"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("API key") && ran.err.contains("AccessDenied"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("hush"), "{}", ran.err);
}

#[test]
fn tags_that_cannot_be_had_are_said_and_cost_nothing_else() {
    let denied = r#"{"__type":"AccessDeniedException","Message":"no tag:GetResources"}"#;
    let (url, seen) = server("400 Bad Request", denied);
    let ran = fetching_tags(&url, &[]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(
        ran.out.contains("aws.lambda.enhanced.duration"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("AccessDeniedException"), "{}", ran.err);
    assert!(!ran.err.contains("hush"), "{}", ran.err);
    assert_eq!(seen.lock().unwrap().len(), 1, "asked once");
}
