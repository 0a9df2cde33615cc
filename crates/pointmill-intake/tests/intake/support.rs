//! What the tests share.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ddsketch_agent::{Profile, Sketch};
use pointmill_intake::{Intake, IntakeConfig};
use pointmill_wire::sketch_payload::{Dogsketch, SketchMessage, SketchPayload};
use serde_json::Value;

pub(crate) fn config() -> IntakeConfig {
    IntakeConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..IntakeConfig::default()
    }
}

pub(crate) fn start() -> Intake {
    Intake::start(config()).unwrap()
}

/// Status and body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) retry_after: Option<String>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

pub(crate) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into()
}

fn read<E: std::fmt::Debug>(response: Result<ureq::http::Response<ureq::Body>, E>) -> Answer {
    let mut response = response.unwrap();
    let retry_after = response
        .headers()
        .get("retry-after")
        .map(|v| v.to_str().unwrap().to_owned());
    Answer {
        status: response.status().as_u16(),
        body: response.body_mut().read_to_string().unwrap(),
        retry_after,
    }
}

pub(crate) fn get(intake: &Intake, path: &str) -> Answer {
    read(
        agent()
            .get(format!("http://{}{path}", intake.address()))
            .call(),
    )
}

pub(crate) fn delete(intake: &Intake, path: &str) -> Answer {
    read(
        agent()
            .delete(format!("http://{}{path}", intake.address()))
            .call(),
    )
}

pub(crate) fn post(intake: &Intake, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut request = agent().post(format!("http://{}{path}", intake.address()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    read(request.send(body))
}

/// The number under a pointer of `/v1/status`.
pub(crate) fn status(intake: &Intake, pointer: &str) -> u64 {
    get(intake, "/v1/status")
        .json()
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap()
}

/// The number of one aggregation over everything of a metric.
pub(crate) fn total(intake: &Intake, metric: &str, agg: &str) -> Option<f64> {
    let answer = get(intake, &format!("/v1/query?metric={metric}&agg={agg}")).json();
    answer["groups"][0]["total"][agg].as_f64()
}

pub(crate) fn sketch(values: &[f64]) -> Sketch {
    let mut sketch = Sketch::new();
    assert_eq!(sketch.insert_many(values), 0);
    sketch
}

pub(crate) fn dog(ts: i64, values: &[f64]) -> Dogsketch {
    let sketch = sketch(values);
    let (summary, bins) = (sketch.summary(), sketch.bins(Profile::U32));
    Dogsketch {
        ts,
        cnt: summary.count as i64,
        min: summary.min,
        max: summary.max,
        avg: summary.avg,
        sum: summary.sum,
        k: bins.keys,
        n: bins.counts,
    }
}

pub(crate) fn message(metric: &str, tags: &[&str], dogsketches: Vec<Dogsketch>) -> SketchMessage {
    SketchMessage {
        metric: metric.to_owned(),
        tags: tags.iter().map(ToString::to_string).collect(),
        dogsketches,
        ..SketchMessage::default()
    }
}

pub(crate) fn payload(sketches: Vec<SketchMessage>) -> Vec<u8> {
    SketchPayload {
        sketches,
        ..SketchPayload::default()
    }
    .encode()
}

/// Waits for something that happens soon.
pub(crate) fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !happened() {
        assert!(Instant::now() < end, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends bytes as they are and reads what comes until the other side closes.
pub(crate) fn raw(intake: &Intake, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(intake.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
