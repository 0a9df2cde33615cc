//! What delivery costs: nothing to the thread that records, and how much to the one that flushes.
//!
//! ```text
//! recorder   t0; record; t1; record; t2 …                 every difference goes into a histogram
//! beside     a client in the background, its intake dead, takes and tries every second;
//!            or a thread that flushes every second and throws the snapshot away
//!
//! flush      1,000 points in 20 contexts: taken, encoded, compressed, posted to an intake on
//!            loopback that answers 202 at once, on a connection that is kept
//! ```
//!
//! Not under criterion: the first asks for the far end of a distribution, the second waits for
//! another process' answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use pointmill::{ContextId, Engine, Flush, Kind};
use pointmill_benches::engine::{context, engine};
use pointmill_benches::figure::{Figure, Unit};
use pointmill_benches::harness::Options;
use pointmill_benches::workload::values;
use pointmill_deliver::{Client, ClientConfig};

const SUITE: &str = "delivery";
const CONTEXTS: usize = 20;
const POINTS: usize = 1_000;

fn main() {
    let options = Options::from_args();
    let budget = if options.once {
        Duration::from_millis(20)
    } else {
        options.budget
    };
    let mut figures = record_beside(budget);
    figures.push(end_to_end(budget));
    options.report(&figures);
}

fn contexts(engine: &Engine) -> Vec<ContextId> {
    (0..CONTEXTS)
        .map(|i| context(engine, Kind::Distribution, i))
        .collect()
}

fn config(url: &str) -> ClientConfig {
    let mut config = ClientConfig::default();
    for (name, value) in [("url", url), ("flush_interval_s", "1")] {
        config.set(name, value).expect("sound options");
    }
    config
}

/// A record's time with delivery to nobody beside it, and with a thread that only flushes.
fn record_beside(budget: Duration) -> Vec<Figure> {
    // Taken and given back, so that nobody listens there.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let dead = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let with = engine();
    let client = Client::new(&with, &config(&dead)).expect("a sound client");
    let without = engine();
    let stop = Arc::new(AtomicBool::new(false));
    let flusher = {
        let (engine, stop) = (without.clone(), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
                let _ = engine.flush(unix_s(), Flush::Closed);
            }
        })
    };
    let mut subjects = [
        (
            "pointmill, client with a dead intake",
            with.clone(),
            histogram(),
        ),
        ("pointmill, no client", without, histogram()),
    ];
    let start = Instant::now();
    while start.elapsed() < 3 * budget {
        for (_, engine, times) in &mut subjects {
            slice(engine, times, Duration::from_millis(250).min(budget));
        }
    }
    stop.store(true, Ordering::Relaxed);
    flusher.join().expect("it only flushes");
    client.close(Duration::ZERO);
    assert!(client.stats().balances());
    [("p50", 0.5), ("p99.9", 0.999), ("p99.99", 0.9999)]
        .into_iter()
        .flat_map(|(name, q)| {
            let row = format!("record while delivery is under way, {name}");
            subjects.iter().map(move |(subject, _, times)| {
                let ns = times.value_at_quantile(q) as f64;
                let mut figure = Figure::single(SUITE, &row, subject, Unit::Ns, ns);
                figure.samples = times.len();
                figure
            })
        })
        .collect()
}

fn slice(engine: &Engine, times: &mut Histogram<u64>, length: Duration) {
    let ids = contexts(engine);
    let end = Instant::now() + length;
    let mut last = Instant::now();
    while last < end {
        for (i, v) in values().iter().enumerate() {
            let _ = engine.record(ids[i % CONTEXTS], *v);
            let now = Instant::now();
            times.saturating_record((now - last).as_nanos() as u64);
            // The histogram's own work is not a record's.
            last = Instant::now();
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("sound bounds")
}

/// From the call of flush to the intake's answer.
fn end_to_end(budget: Duration) -> Figure {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(&stream);
        }
    });
    let engine = engine();
    let ids = contexts(&engine);
    let mut options = config(&url);
    options.set("background", "false").expect("a flag");
    let client = Client::new(&engine, &options).expect("a sound client");
    let mut times = Vec::new();
    let start = Instant::now();
    while times.len() < 20 || start.elapsed() < budget {
        for (i, v) in values()[..POINTS].iter().enumerate() {
            let _ = engine.record(ids[i % CONTEXTS], *v);
        }
        let begin = Instant::now();
        let report = client.flush(Flush::All, Duration::from_secs(10));
        times.push(begin.elapsed().as_nanos() as f64);
        assert!(
            report.is_ok_and(|report| report.complete()),
            "{}",
            client.last_failure()
        );
    }
    times.sort_by(f64::total_cmp);
    let at = |q: f64| times[((times.len() - 1) as f64 * q) as usize];
    let row = "flush 1,000 points in 20 contexts to an intake on loopback";
    let mut figure = Figure::single(SUITE, row, "pointmill", Unit::Ns, at(0.5));
    (figure.low, figure.high) = (at(0.25), at(0.75));
    figure.samples = times.len() as u64;
    figure
}

/// Answers every request with 202.
fn serve(mut stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    let mut body = Vec::new();
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        body.resize(length, 0);
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
        if reader.read_exact(&mut body).is_err() || stream.write_all(answer).is_err() {
            return;
        }
    }
}

fn unix_s() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.map_or(0, |d| d.as_secs() as i64)
}
