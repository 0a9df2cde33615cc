//! A sandbox that is frozen in the middle of an invocation, as SIGSTOP does it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pointmill_lambda::{Invocation, Lambda, Language, Outcome};

use crate::support::{ARN, Server, source};

const URL: &str = "POINTMILL_TEST_FROZEN_URL";

/// The function, in a process of its own: it is this test, started with the variable above.
fn function(url: &str) {
    let mut source = source(Language::Python, &[("DD_API_KEY", "k")]);
    source.set("url", url).unwrap();
    source.set("flush_timeout_ms", "20000").unwrap();
    let lambda = Lambda::new(&source).unwrap();
    for round in 0..3 {
        let token = lambda.begin(&Invocation {
            invoked_function_arn: ARN,
            ..Invocation::default()
        });
        for _ in 0..1000 {
            lambda.metric(&["frozen", "k:v"], 1.0).unwrap();
        }
        eprintln!("recorded {round}");
        // The freeze comes here, or while the request is under way.
        std::thread::sleep(Duration::from_millis(200));
        let budget = lambda.end(token, &Outcome::default()).unwrap();
        assert!(lambda.flush(budget).unwrap().complete());
    }
    let stats = lambda.stats();
    assert!(stats.balances());
    assert_eq!(stats.accepted, 3003);
    eprintln!("done {}", stats.invocations_open);
    std::io::stderr().flush().unwrap();
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .arg(name)
        .arg(child.id().to_string())
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_frozen_and_thawed_sandbox_loses_nothing() {
    if let Ok(url) = std::env::var(URL) {
        return function(&url);
    }
    let server = Server::start(|_| {
        std::thread::sleep(Duration::from_millis(100));
        (202, "{}".to_owned())
    });
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "freeze::a_frozen_and_thawed_sandbox_loses_nothing",
            "--nocapture",
        ])
        .env(URL, &server.url)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let started = Instant::now();
    let mut rounds = 0;
    let mut last = String::new();
    while let Some(Ok(line)) = lines.next() {
        assert!(started.elapsed() < Duration::from_secs(100), "stuck");
        if line.starts_with("recorded") {
            // At once, then in the middle of the sleep, then while the request is under way.
            std::thread::sleep(Duration::from_millis(120 * rounds));
            signal(&child, "-STOP");
            std::thread::sleep(Duration::from_millis(700));
            signal(&child, "-CONT");
            rounds += 1;
        }
        last = line;
    }
    assert!(child.wait().unwrap().success(), "{last}");
    assert_eq!((rounds, last.as_str()), (3, "done 0"));
}
