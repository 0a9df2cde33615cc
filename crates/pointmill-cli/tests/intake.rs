//! `pointmill intake`, `query` and `replay` as their users meet them: processes that talk to each
//! other, what they print and how they end.

mod support;

use std::fs;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use support::{Intake, Ran, run};

/// Rows of a distribution over two days: 90 of A, 10 of B.
fn csv(dir: &Path) -> String {
    let path = dir.join("points.csv");
    let mut file = fs::File::create(&path).unwrap();
    writeln!(file, "t,ms,shop").unwrap();
    for i in 0..100 {
        let shop = if i % 10 == 0 { "B" } else { "A" };
        writeln!(file, "{},{},{shop}", 1_700_000_000 + i * 1_800, i + 1).unwrap();
    }
    writeln!(file, "1700000000,no number,A").unwrap();
    path.to_str().unwrap().to_owned()
}

const REPLAY: [&str; 6] = [
    "replay",
    "--name=latency",
    "--value=ms",
    "--time=t",
    "--tags=shop",
    "--api-key=k",
];

fn replay(intake: &Intake, file: &str, more: &[&str]) -> Ran {
    intake.run(&[&REPLAY[..], more, &[file]].concat())
}

fn query(intake: &Intake, args: &[&str]) -> Ran {
    intake.run(&[&["query", "--api-key=k"], args].concat())
}

/// Waits until a question has this answer.
fn eventually(intake: &Intake, args: &[&str], wanted: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let ran = query(intake, args);
        if ran.out == wanted {
            return;
        }
        assert!(Instant::now() < end, "{} and not {wanted}", ran.out);
        std::thread::sleep(Duration::from_millis(50));
    }
}

const COUNTS: &str = "shop,count,sum,min,max\nA,90,4590,2,100\nB,10,460,1,91\n";
const ASK: [&str; 4] = [
    "latency",
    "--agg=count,sum,min,max",
    "--by=shop",
    "--format=csv",
];

#[test]
fn what_is_replayed_can_be_asked_for_and_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let file = csv(dir.path());
    let store = dir.path().join("s.db");
    let options = [
        "--store",
        store.to_str().unwrap(),
        "--retention=0",
        "--api-key=k",
    ];
    let intake = Intake::start(&options);
    assert!(intake.said.contains("s.db"), "{}", intake.said);
    let ran = replay(&intake, &file, &[]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert!(
        ran.err.contains("100 points in") && ran.err.contains("1 rows left out"),
        "{}",
        ran.err
    );
    let asked = query(&intake, &ASK);
    assert_eq!(
        (asked.status, asked.out.as_str()),
        (0, COUNTS),
        "{}",
        asked.err
    );
    // Ctrl-C ends it with everything that was answered in the file.
    let ended = intake.interrupt();
    assert_eq!((ended.status, ended.out.as_str()), (0, ""));
    assert!(
        ended.err.contains("100 values stored; 0 refused"),
        "{}",
        ended.err
    );
    let intake = Intake::start(&options);
    assert_eq!(query(&intake, &ASK).out, COUNTS);
    let json: Value = serde_json::from_str(
        &query(
            &intake,
            &["latency", "--format=json", "--step=12h", "--filter=shop:B"],
        )
        .out,
    )
    .unwrap();
    assert_eq!(json["groups"][0]["total"]["count"], 10.0);
    let steps = json["groups"][0]["series"]["count"].as_array().unwrap();
    assert_eq!(steps.iter().filter_map(Value::as_f64).sum::<f64>(), 10.0);
    let stepped = query(
        &intake,
        &["latency", "--agg=count", "--step=1d", "--format=csv"],
    )
    .out;
    assert_eq!(
        stepped.lines().next().unwrap().split(',').count(),
        2,
        "{stepped}"
    );
    let list = query(&intake, &["--format=csv"]).out;
    assert!(list.contains("latency,distribution"), "{list}");
    // SIGTERM, as a service manager sends it, does the same.
    support::signal(&intake.child, "TERM");
    assert_eq!(intake.end().status, 0);
}

#[test]
fn a_chosen_speed_takes_its_time_and_now_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let file = csv(dir.path());
    let intake = Intake::start(&["--api-key=k", "--retention=0"]);
    // 178,200 s of the file's time.
    let started = Instant::now();
    let ran = replay(&intake, &file, &["--speed=100000", "--now"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(started.elapsed() >= Duration::from_millis(1_700));
    assert_eq!(query(&intake, &ASK).out, COUNTS);
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs() as i64;
    let from = (now - 600).to_string();
    assert_eq!(
        query(&intake, &[&ASK[..], &["--from", &from]].concat()).out,
        COUNTS
    );
}

#[test]
fn keys_are_asked_for_and_named_when_they_are_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let intake = Intake::start(&["--api-key=k"]);
    for (args, hint) in [
        (&["query"][..], "API key"),
        (&["query", "--api-key=other"], "API key"),
        (
            &[
                "replay",
                "--name=n",
                "--value=ms",
                "--time=t",
                &csv(dir.path()),
            ],
            "API key",
        ),
    ] {
        let ran = intake.run(args);
        assert_eq!(
            (ran.status, ran.out.as_str()),
            (1, ""),
            "{args:?}: {}",
            ran.err
        );
        assert!(
            ran.err.contains("403") && ran.err.contains(hint),
            "{args:?}: {}",
            ran.err
        );
    }
    assert_eq!(query(&intake, &[]).status, 0);
}

#[test]
fn expectations_decide_the_status() {
    let dir = tempfile::tempdir().unwrap();
    let file = csv(dir.path());
    let expected = dir.path().join("expected.toml");
    let text = "[[expect]]\nmetric = \"latency\"\nagg = \"p50\"\nat_most = LIMIT\n\n\
                [[expect]]\nmetric = \"latency\"\nequals = 100\ncontexts = 2\n\n\
                [refused]\nat_most = 0\n";
    for (limit, met) in [("60", true), ("40", false)] {
        fs::write(&expected, text.replace("LIMIT", limit)).unwrap();
        let intake = Intake::start(&[
            "--api-key=k",
            "--retention=0",
            "--assert",
            expected.to_str().unwrap(),
        ]);
        assert_eq!(replay(&intake, &file, &[]).status, 0);
        let ended = intake.interrupt();
        assert_eq!(ended.status, i32::from(!met), "{}{}", ended.out, ended.err);
        assert_eq!(
            ended.out.matches("FAIL").count(),
            usize::from(!met),
            "{}",
            ended.out
        );
        assert_eq!(
            ended.out.matches("ok ").count(),
            4 - usize::from(!met),
            "{}",
            ended.out
        );
    }
    // Met, it ends by itself; not met, when its time is over.
    fs::write(&expected, text.replace("LIMIT", "60")).unwrap();
    let options = [
        "--api-key=k",
        "--retention=0",
        "--until-met",
        "--assert",
        expected.to_str().unwrap(),
    ];
    let intake = Intake::start(&[&options[..], &["--for=300s"]].concat());
    assert_eq!(replay(&intake, &file, &[]).status, 0);
    assert_eq!(intake.end().status, 0);
    let late = Intake::start(&[&options[..], &["--for=1s"]].concat()).end();
    assert_eq!(late.status, 1);
    assert!(
        late.out.contains("FAIL") && late.out.contains("latency"),
        "{}",
        late.out
    );
}

#[test]
fn dogstatsd_comes_over_unix_and_udp_sockets() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("dsd.sock");
    let unix = format!("unix:{}", socket.display());
    let intake = Intake::start(&[
        "--api-key=k",
        "--dogstatsd",
        &unix,
        "--dogstatsd=127.0.0.1:0",
    ]);
    let (_, rest) = intake.said.split_once("DogStatsD at 127").unwrap();
    let udp = format!("127{}", rest.lines().next().unwrap());
    let sender = UnixDatagram::unbound().unwrap();
    sender
        .send_to(b"hits:2|c|#shop:A\nhits:3|c|#shop:B", &socket)
        .unwrap();
    let ask = ["hits", "--agg=sum", "--format=csv"];
    eventually(&intake, &ask, "sum\n5\n");
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .send_to(b"hits:4|c|#shop:A", udp.as_str())
        .unwrap();
    eventually(&intake, &ask, "sum\n9\n");
    assert_eq!(
        query(&intake, &["hits", "--agg=sum", "--by=shop", "--format=csv"]).out,
        "shop,sum\nA,6\nB,3\n"
    );
    assert_eq!(intake.interrupt().status, 0);
    assert!(!socket.exists(), "the socket is taken away at the end");
}

#[test]
fn wrong_arguments_name_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let file = csv(dir.path());
    let broken = dir.path().join("broken.toml");
    fs::write(&broken, "[[expect]]\nmetrik = 1\n").unwrap();
    let broken = broken.to_str().unwrap();
    for (args, status, hint) in [
        (&["intake", "--no-such"][..], 2, "unexpected argument"),
        (&["intake", "--listen=here"], 2, "write 127.0.0.1:8126"),
        (&["intake", "--retention=soon"], 2, "30s, 15m, 2h or 7d"),
        (&["intake", "--memory-max=1MiB"], 2, "at least 256 MiB"),
        (&["intake", "--memory-max=much"], 2, "512MiB or 2GiB"),
        (&["intake", "--dogstatsd=nowhere"], 2, "unix:"),
        (&["intake", "--fault=explode"], 2, "--fault"),
        (&["intake", "--until-met"], 2, "--assert"),
        (&["intake", "--interval=0"], 2, "1..=3600"),
        (&["intake", "--assert=no-such.toml"], 2, "no-such.toml"),
        (&["intake", "--assert", broken], 2, "metrik"),
        (
            &["intake", "--store=/no/such/folder/s.db"],
            1,
            "name a file that can be written",
        ),
        (&["query", "--url=ftp://x"], 2, "http://127.0.0.1:8126"),
        (&["query", "--url="], 2, "http://127.0.0.1:8126"),
        (&["query", "--url=http://"], 2, "http://127.0.0.1:8126"),
        (&["query", "--format=xml"], 2, "table, json, csv"),
        (
            &["replay", "--name=", "--value=ms", "--time=t", &file],
            2,
            "--name",
        ),
        (
            &["replay", "--name=n", "--value=ms", "--time=t", "/dev/null"],
            1,
            "is empty",
        ),
        (&["replay", &file], 2, "--name"),
        (
            &[
                "replay",
                "--name=n",
                "--value=ms",
                "--time=t",
                "--speed=0",
                &file,
            ],
            2,
            "above 0",
        ),
        (
            &["replay", "--name=n", "--value=seconds", "--time=t", &file],
            2,
            "there are t, ms, shop",
        ),
        (
            &[
                "replay",
                "--name=n",
                "--value=ms",
                "--time=t",
                "no-such.csv",
            ],
            1,
            "no-such.csv",
        ),
    ] {
        let ran = run(args);
        assert_eq!(ran.status, status, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(hint), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
}

#[test]
fn a_question_that_cannot_be_answered_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let intake = Intake::start(&["--api-key=k", "--retention=0"]);
    assert_eq!(replay(&intake, &csv(dir.path()), &[]).status, 0);
    for (args, hint) in [
        (&["latencies"][..], "no metric is called \"latencies\""),
        (&["latency", "--agg=p101"], "p0 to p100"),
        (&["latency", "--step=7s"], "multiple of the interval"),
        (&["latency", "--from=tomorrow"], "Unix seconds"),
        (&["latency", "--kind=gauge"], "no gauge is called"),
        (&["latency", "--order=loudest"], "no aggregation"),
    ] {
        let ran = query(&intake, args);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{args:?}");
        assert!(ran.err.contains(hint), "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_port_in_use_and_an_intake_that_is_not_there_are_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = run(&["intake", "--listen", &address]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains(&address) && ran.err.contains("another intake"),
        "{}",
        ran.err
    );
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp = socket.local_addr().unwrap().to_string();
    let ran = run(&["intake", "--listen=127.0.0.1:0", "--dogstatsd", &udp]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains(&udp), "{}", ran.err);
    let dir = tempfile::tempdir().unwrap();
    let file = csv(dir.path());
    let replay = [&REPLAY[..], &[file.as_str()]].concat();
    // A port that was free a moment ago may be another's by now; nobody is given this one.
    let nobody = "127.0.0.1:9";
    for args in [&["query"][..], &replay] {
        let ran = run(&[args, &["--url", nobody]].concat());
        assert_eq!((ran.status, ran.out.as_str()), (1, ""));
        assert!(
            ran.err.contains(nobody) && ran.err.contains("pointmill intake"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn faults_are_sent_again_and_nothing_counts_twice() {
    let dir = tempfile::tempdir().unwrap();
    let file = csv(dir.path());
    let fault = "--fault=status=503,retry_after=0,count=1,stored";
    let intake = Intake::start(&[
        "--api-key=k",
        "--retention=0",
        fault,
        "--fault=reset,count=1",
    ]);
    let ran = replay(&intake, &file, &[]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(query(&intake, &ASK).out, COUNTS);
}

#[test]
fn beyond_loopback_without_a_key_there_is_a_warning() {
    let usual = Intake::start(&[]);
    assert!(
        usual.url.starts_with("http://127.0.0.1:") && !usual.said.contains("warning"),
        "{}",
        usual.said
    );
    let mut command = support::pointmill(&["intake", "--listen=0.0.0.0:0", "--for=1s"]);
    let ran = support::finished(command.output().unwrap());
    assert!(
        ran.err.contains("warning: everybody") && ran.err.contains("--api-key"),
        "{}",
        ran.err
    );
    let mut command = support::pointmill(&["intake", "--listen=0.0.0.0:0", "--for=1s"]);
    let ran = support::finished(command.env("POINTMILL_API_KEY", "k").output().unwrap());
    assert!(!ran.err.contains("warning"), "{}", ran.err);
}

#[test]
fn a_damaged_row_costs_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.csv");
    fs::write(
        &path,
        b"t,ms,shop\n1700000000,1,A\n1700000001,2\n1700000002,x,A\n1700000003,4,\xff\n1700000004,8,A\n",
    )
    .unwrap();
    let intake = Intake::start(&["--api-key=k", "--retention=0"]);
    let ran = replay(&intake, path.to_str().unwrap(), &[]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(
        ran.err.contains("3 points in") && ran.err.contains("2 rows left out"),
        "{}",
        ran.err
    );
    let asked = query(&intake, &["latency", "--agg=count,sum", "--format=csv"]);
    assert_eq!(asked.out, "count,sum\n3,13\n");
}

#[test]
fn a_stranger_column_does_not_flood_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wide.csv");
    fs::write(&path, format!("\u{1b}[2J,{}\n1,2\n", "x".repeat(1 << 20))).unwrap();
    let ran = run(&[&REPLAY[..], &[path.to_str().unwrap()]].concat());
    assert_eq!(ran.status, 2, "{}", ran.err);
    assert!(
        ran.err.len() < 2_000 && !ran.err.contains('\u{1b}'),
        "{}",
        ran.err
    );
}

#[test]
fn a_replay_that_is_stopped_has_sent_what_it_had_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("slow.csv");
    let rows: String = (0..100_000)
        .map(|i| format!("{},1,A\n", 1_700_000_000 + i))
        .collect();
    fs::write(&path, format!("t,ms,shop\n{rows}")).unwrap();
    let intake = Intake::start(&["--api-key=k", "--retention=0"]);
    for (name, status) in [("INT", 130), ("TERM", 143)] {
        let before = query(&intake, &["latency", "--agg=count", "--format=csv"]).out;
        let child = support::pointmill(&REPLAY)
            .args(["--speed=100", "--url", &intake.url])
            .arg(&path)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // It is in the middle once more has arrived.
        let end = Instant::now() + Duration::from_secs(60);
        while query(&intake, &["latency", "--agg=count", "--format=csv"]).out == before {
            assert!(Instant::now() < end, "nothing arrives");
            std::thread::sleep(Duration::from_millis(50));
        }
        support::signal(&child, name);
        let ran = support::finished(child.wait_with_output().unwrap());
        assert_eq!(ran.status, status, "{}", ran.err);
        assert!(ran.err.contains("stopped before the end"), "{}", ran.err);
        assert!(!ran.err.contains("not sent"), "{}", ran.err);
        let (_, said) = ran.err.split_once("pointmill: ").unwrap();
        let sent: f64 = said.split(' ').next().unwrap().parse().unwrap();
        let count =
            |out: &str| -> f64 { out.lines().nth(1).map_or(0.0, |line| line.parse().unwrap()) };
        let after = query(&intake, &["latency", "--agg=count", "--format=csv"]).out;
        assert_eq!(count(&after) - count(&before), sent);
    }
}

#[test]
fn a_replay_that_fails_says_how_far_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let intake = Intake::start(&["--api-key=k", "--fault=status=400"]);
    let ran = replay(&intake, &csv(dir.path()), &[]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("400") && ran.err.contains("100 rows read and not sent"),
        "{}",
        ran.err
    );
}

#[test]
fn expectations_see_what_arrived_last() {
    let dir = tempfile::tempdir().unwrap();
    let expected = dir.path().join("expected.toml");
    fs::write(
        &expected,
        "[[expect]]\nmetric = \"last.words\"\nagg = \"sum\"\nequals = 7\n",
    )
    .unwrap();
    let expected = expected.to_str().unwrap();
    for _ in 0..5 {
        let intake = Intake::start(&["--dogstatsd=127.0.0.1:0", "--assert", expected]);
        let (_, rest) = intake.said.split_once("DogStatsD at ").unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .send_to(b"last.words:7|c", rest.lines().next().unwrap())
            .unwrap();
        let ended = intake.interrupt();
        assert_eq!(ended.status, 0, "{}{}", ended.out, ended.err);
    }
}
