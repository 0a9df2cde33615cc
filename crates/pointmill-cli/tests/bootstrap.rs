//! `bootstrap`, the verb forward as a Lambda function: a Runtime API on loopback hands it
//! invocations, `pointmill intake` takes what it sends.

#![cfg(unix)]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Longest wait for anything that must happen.
const AMPLE: Duration = Duration::from_secs(120);

const ARN: &str = "arn:aws:lambda:eu-west-3:210987654321:function:dd-fwd";

const EXTENSIONS: &str = "/2020-01-01/extension/";
const RUNTIME: &str = "/2018-06-01/runtime/";

/// What an invocation came to.
#[derive(Debug)]
struct Answered {
    request_id: String,
    /// `response` or `error`.
    how: String,
    body: Value,
}

struct Event {
    body: String,
    timeout: Duration,
}

/// The Runtime API and the Extensions API of one sandbox.
struct RuntimeApi {
    address: String,
    events: Sender<Event>,
    answers: Receiver<Answered>,
}

struct Served {
    events: Mutex<Receiver<Event>>,
    answers: Mutex<Sender<Answered>>,
    number: Mutex<u64>,
    /// Whether extensions may register.
    extensions: bool,
}

impl RuntimeApi {
    fn start(extensions: bool) -> RuntimeApi {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let ((events, to_hand_out), (noted, answers)) = (channel(), channel());
        let served = Arc::new(Served {
            events: Mutex::new(to_hand_out),
            answers: Mutex::new(noted),
            number: Mutex::new(0),
            extensions,
        });
        // Ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                thread::spawn(move || served.converse(stream));
            }
        });
        RuntimeApi {
            address,
            events,
            answers,
        }
    }

    /// Hands an event over and waits for the answer.
    fn invoke(&self, body: &str, timeout: Duration) -> Answered {
        let body = body.to_owned();
        self.events.send(Event { body, timeout }).unwrap();
        self.answers.recv_timeout(AMPLE).expect("an answer")
    }
}

impl Served {
    fn converse(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let (line, headers, body) = request(&mut stream)?;
            let path = line.split(' ').nth(1)?;
            let (status, headers, answer) = self.answer(path, &headers, &body)?;
            let mut text = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n",
                answer.len()
            );
            for (name, value) in headers {
                text += &format!("{name}: {value}\r\n");
            }
            let out = stream.get_mut();
            out.write_all((text + "\r\n" + &answer).as_bytes()).ok()?;
        }
    }

    #[allow(clippy::type_complexity)]
    fn answer(
        &self,
        path: &str,
        headers: &HashMap<String, String>,
        body: &[u8],
    ) -> Option<(u16, Vec<(&'static str, String)>, String)> {
        if let Some(path) = path.strip_prefix(EXTENSIONS) {
            return match path {
                "register" if self.extensions => {
                    assert_eq!(headers["lambda-extension-name"], "pointmill-forward");
                    let events: Value = serde_json::from_slice(body).unwrap();
                    assert_eq!(events, json!({"events": []}));
                    let id = vec![("Lambda-Extension-Identifier", "id-1".to_owned())];
                    Some((200, id, "{}".to_owned()))
                }
                "event/next" => {
                    assert_eq!(headers["lambda-extension-identifier"], "id-1");
                    // Lambda has no event for it.
                    thread::sleep(AMPLE);
                    None
                }
                _ => Some((404, Vec::new(), String::new())),
            };
        }
        let path = path.strip_prefix(RUNTIME)?;
        if path == "invocation/next" {
            let event = self.events.lock().unwrap().recv().ok()?;
            let mut number = self.number.lock().unwrap();
            *number += 1;
            let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + event.timeout;
            let headers = vec![
                ("Lambda-Runtime-Aws-Request-Id", format!("request-{number}")),
                (
                    "Lambda-Runtime-Deadline-Ms",
                    deadline.as_millis().to_string(),
                ),
                ("Lambda-Runtime-Invoked-Function-Arn", ARN.to_owned()),
                ("Content-Type", "application/json".to_owned()),
            ];
            return Some((200, headers, event.body));
        }
        let (request_id, how) = path.strip_prefix("invocation/")?.split_once('/')?;
        let answered = Answered {
            request_id: request_id.to_owned(),
            how: how.to_owned(),
            body: serde_json::from_slice(body).unwrap_or(Value::Null),
        };
        self.answers.lock().unwrap().send(answered).ok()?;
        Some((202, Vec::new(), r#"{"status":"OK"}"#.to_owned()))
    }
}

/// First line, headers (names in lower case) and body of the next request.
fn request(
    stream: &mut BufReader<TcpStream>,
) -> Option<(String, HashMap<String, String>, Vec<u8>)> {
    let (mut first, mut headers, mut line) = (String::new(), HashMap::new(), String::new());
    while stream.read_line(&mut line).ok()? > 2 {
        match line.trim_end().split_once(": ") {
            Some((name, value)) if !first.is_empty() => {
                headers.insert(name.to_ascii_lowercase(), value.to_owned());
            }
            _ => first = line.trim_end().to_owned(),
        }
        line.clear();
    }
    if first.is_empty() {
        return None;
    }
    let length = headers.get("content-length");
    let mut body = vec![0; length.map_or(0, |n| n.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some((first, headers, body))
}

/// A program that ends with the test.
struct Running {
    child: Child,
    /// What it has said so far.
    said: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Running {
    fn start(command: &mut Command) -> Running {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said: Arc<Mutex<String>> = Arc::default();
        let (noted, from) = (Arc::clone(&said), child.stderr.take().unwrap());
        let note = move |from: ChildStderr| {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                *noted.lock().unwrap() += &(line + "\n");
            }
        };
        Running {
            child,
            said,
            reader: Some(thread::spawn(move || note(from))),
        }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits for the end and for all that was said.
    fn end(&mut self) -> (ExitStatus, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < AMPLE, "does not end: {}", self.said());
            thread::sleep(Duration::from_millis(10));
        };
        self.reader.take().unwrap().join().unwrap();
        (status, self.said())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An intake, the command's own.
struct Intake {
    url: String,
    _running: Running,
}

impl Intake {
    fn start(args: &[&str]) -> Intake {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointmill"));
        command
            .env_clear()
            .args(["intake", "--listen=127.0.0.1:0"])
            .args(args);
        let running = Running::start(&mut command);
        let start = Instant::now();
        let url = loop {
            let said = running.said();
            let rest = said.split_once("listening on ").map(|(_, rest)| rest);
            if let Some((url, _)) = rest.and_then(|rest| rest.split_once("/\n")) {
                break url.to_owned();
            }
            assert!(start.elapsed() < AMPLE, "{said}");
            thread::sleep(Duration::from_millis(10));
        };
        Intake {
            url,
            _running: running,
        }
    }

    fn get(&self, path: &str) -> Value {
        let mut answer = ureq::get(format!("{}{path}", self.url)).call().unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }

    /// Values of each metric, by its name.
    fn counts(&self) -> HashMap<String, u64> {
        let dump = self.get("/v1/dump");
        let mut counts = HashMap::new();
        for series in dump["series"]
            .as_array()
            .unwrap_or_else(|| panic!("{dump:#}"))
        {
            let points = series["points"].as_array().unwrap().iter();
            let n: u64 = points.map(|point| point["count"].as_u64().unwrap()).sum();
            *counts
                .entry(series["metric"].as_str().unwrap().to_owned())
                .or_default() += n;
        }
        counts
    }
}

/// The function, with nothing but these variables.
fn function(api: &RuntimeApi, variables: &[(&str, &str)]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointmill"));
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", &api.address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "dd-fwd")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/dd-fwd")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
        .env("DD_FORWARD_LOG", "false")
        .envs(variables.iter().copied());
    Running::start(&mut command)
}

fn testdata(name: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/forwarder");
    fs::read_to_string(dir.join(name)).unwrap()
}

/// The events of the sample: as CloudWatch, Kinesis and Firehose hand them over.
fn events() -> Vec<String> {
    let text = testdata("cloudwatch.json");
    let documents = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    documents
        .map(|document| document.unwrap().to_string())
        .collect()
}

/// Values of each metric that the command makes of the same events.
fn expected() -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    for line in testdata("expected/cloudwatch.points").lines() {
        let point: Value = serde_json::from_str(line).unwrap();
        *counts
            .entry(point["metric"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    counts
}

fn books(said: &str) -> Value {
    let line = said.lines().rfind(|line| line.starts_with('{'));
    serde_json::from_str(line.unwrap_or_else(|| panic!("{said}"))).unwrap()
}

fn terminate(function: &Running) {
    let killed = Command::new("kill")
        .args(["-TERM", &function.child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
}

fn functions_file() -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/forwarder");
    dir.join("functions.json").display().to_string()
}

#[test]
fn events_are_answered_and_their_metrics_arrive() {
    let intake = Intake::start(&[]);
    let api = RuntimeApi::start(true);
    let functions = functions_file();
    let mut function = function(
        &api,
        &[
            ("DD_API_KEY", "k"),
            ("DD_API_URL", &intake.url),
            ("POINTMILL_FUNCTIONS", &functions),
        ],
    );
    for (i, event) in events().iter().enumerate() {
        let answered = api.invoke(event, Duration::from_secs(60));
        assert_eq!(answered.how, "response", "{answered:?}");
        assert_eq!(answered.request_id, format!("request-{}", i + 1));
        assert_eq!(answered.body, Value::Null);
    }
    // Everything was sent before the answer.
    assert_eq!(intake.counts(), expected());
    let dump = intake.get("/v1/dump").to_string();
    for tag in [
        "team:fruit_veg",
        "forwardername:dd-fwd",
        "edge_master_name:header-fixer",
    ] {
        assert!(dump.contains(tag), "{tag}: {dump}");
    }
    // Firehose gets its records back.
    let event: Value = serde_json::from_str(&events()[0]).unwrap();
    let record = json!({"recordId": "7", "data": event["awslogs"]["data"]});
    let event = json!({"records": [record]}).to_string();
    let answered = api.invoke(&event, Duration::from_secs(60));
    let returned = &answered.body["records"][0];
    assert_eq!(
        (
            &returned["recordId"],
            &returned["result"],
            &returned["data"]
        ),
        (&json!("7"), &json!("Ok"), &record["data"])
    );
    terminate(&function);
    let (status, said) = function.end();
    assert!(status.success(), "{said}");
    let books = books(&said);
    assert_eq!(books["balanced"], true, "{said}");
    let delivered = &books["delivered"];
    assert_eq!(delivered["accepted"], delivered["flushed"], "{said}");
    assert!(!said.contains("SIGTERM"), "{said}");
}

#[test]
fn what_is_no_event_costs_itself_and_is_said() {
    let intake = Intake::start(&[]);
    let api = RuntimeApi::start(false);
    let function = function(&api, &[("DD_API_URL", &intake.url)]);
    let patience = Duration::from_secs(60);
    for nonsense in [
        r#"{"nonsense":1}"#,
        r#"{"awslogs":{"data":"!"}}"#,
        "[]",
        "5",
    ] {
        let answered = api.invoke(nonsense, patience);
        assert_eq!(answered.how, "response", "{nonsense}: {answered:?}");
    }
    // What is not even JSON the runtime client refuses.
    let answered = api.invoke("{", patience);
    assert_eq!(answered.how, "error", "{answered:?}");
    let answered = api.invoke(&events()[0], patience);
    assert_eq!(answered.how, "response", "{answered:?}");
    assert!(intake.counts().contains_key("aws.lambda.enhanced.duration"));
    // An empty list has nothing to refuse. This Lambda knows no extensions, which costs the end of
    // the sandbox only. What was said may take a moment to be read.
    let start = Instant::now();
    loop {
        let said = function.said();
        let told = said.lines().rfind(|line| line.starts_with('{'));
        let books: Value = told.map_or(Value::Null, |line| serde_json::from_str(line).unwrap());
        let refused = books["envelopes_refused"].as_object();
        let refused: u64 =
            refused.map_or(0, |causes| causes.values().filter_map(Value::as_u64).sum());
        if refused == 3 && said.contains("no SIGTERM") {
            break;
        }
        assert!(start.elapsed() < AMPLE, "{said}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn settings_that_do_not_fit_are_the_answer_to_every_invocation() {
    let api = RuntimeApi::start(true);
    let function = function(&api, &[]);
    for _ in 0..2 {
        let answered = api.invoke(&events()[0], Duration::from_secs(60));
        assert_eq!(answered.how, "error", "{answered:?}");
        assert!(
            answered.body.to_string().contains("DD_API_KEY_SECRET_ARN"),
            "{answered:?}"
        );
    }
    drop(function);
}

#[test]
fn an_intake_that_is_down_fails_no_invocation_and_gets_everything_later() {
    let intake = Intake::start(&["--fault", "status=503,count=3"]);
    let api = RuntimeApi::start(true);
    let mut function = function(&api, &[("DD_API_KEY", "k"), ("DD_API_URL", &intake.url)]);
    let total: u64 = expected().values().sum();
    // As little time as there may be: what is not sent in it is kept.
    for event in events() {
        let answered = api.invoke(&event, Duration::from_millis(600));
        assert_eq!(answered.how, "response", "{answered:?}");
    }
    let start = Instant::now();
    while intake.counts().values().sum::<u64>() < total {
        assert!(start.elapsed() < AMPLE, "{}", function.said());
        let answered = api.invoke(r#"{"awslogs":{"data":""}}"#, Duration::from_secs(10));
        assert_eq!(answered.how, "response", "{answered:?}");
    }
    assert_eq!(intake.counts(), expected(), "once each");
    terminate(&function);
    let (status, said) = function.end();
    assert!(status.success(), "{said}");
    assert!(said.contains("503"), "{said}");
}

#[test]
fn the_end_of_the_sandbox_leaves_no_point_uncounted() {
    let intake = Intake::start(&["--fault", "status=503"]);
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().to_str().unwrap();
    for spool in [None, Some(spool)] {
        let api = RuntimeApi::start(true);
        let mut variables = vec![("DD_API_KEY", "k"), ("DD_API_URL", intake.url.as_str())];
        variables.extend(spool.map(|dir| ("POINTMILL_SPOOL", dir)));
        let mut function = function(&api, &variables);
        api.invoke(&events()[0], Duration::from_millis(600));
        terminate(&function);
        let (status, said) = function.end();
        assert!(status.success(), "{said}");
        let books = books(&said);
        let delivered = &books["delivered"];
        let flushed = delivered["flushed"].as_u64().unwrap();
        assert!(flushed > 0, "{said}");
        let (dropped, waiting) = match spool {
            None => (flushed, 0),
            Some(_) => (0, flushed),
        };
        assert_eq!(delivered["dropped"]["closed"], dropped, "{said}");
        assert_eq!(delivered["waiting"], waiting, "{said}");
    }
    assert!(fs::read_dir(dir.path()).unwrap().count() > 0);
}

#[test]
fn a_program_of_its_name_says_what_it_is_for() {
    let dir = tempfile::tempdir().unwrap();
    let bootstrap = dir.path().join("bootstrap");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pointmill"), &bootstrap).unwrap();
    let output = Command::new(&bootstrap).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("pointmill forward"), "{said}");
    // With arguments the command is the command, also inside a function.
    let output = Command::new(env!("CARGO_BIN_EXE_pointmill"))
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
        .arg("--version")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
