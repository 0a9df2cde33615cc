//! What stands for the outside: a log, an extension, an HTTP server.

use std::io::{PipeReader, Read, Write, pipe};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pointmill_deliver::Clock;
use pointmill_lambda::settings::Source;
use pointmill_lambda::{Lambda, Language, Parts};

/// Time for what must succeed. A busy machine may take its turn; whoever needs all of it has failed.
pub(crate) const AMPLE: Duration = Duration::from_secs(120);

pub(crate) const ARN: &str = "arn:aws:lambda:us-east-1:123497598159:function:my-fn";

/// Settings with no extension in sight.
pub(crate) fn source(language: Language, variables: &[(&str, &str)]) -> Source {
    let mut source = Source::new(language);
    source.set("extension_path", "/nowhere/at/all").unwrap();
    source.set("layer_tag", "layer").unwrap();
    for (name, value) in variables {
        source.variable(name, value);
    }
    source
}

/// An object whose log is a pipe.
pub(crate) fn with_log(source: &Source) -> (Lambda, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    let parts = Parts {
        log: Some(writer.into()),
        ..Parts::default()
    };
    (Lambda::with_parts(source, parts).unwrap(), reader)
}

/// A clock that starts one second into an interval of ten, so that a test which ends before the
/// interval sees no flush of an interval.
#[derive(Debug)]
pub(crate) struct EarlyClock(Instant);

impl EarlyClock {
    pub(crate) fn new() -> EarlyClock {
        EarlyClock(Instant::now())
    }
}

impl Clock for EarlyClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        1_700_000_001_000 + self.now().as_millis() as u64
    }

    fn skip(&self, _wait: Duration) -> bool {
        false
    }
}

/// An object whose log is a pipe, and its clock.
pub(crate) fn with_log_early(source: &Source) -> (Lambda, PipeReader, Arc<EarlyClock>) {
    let (reader, writer) = pipe().unwrap();
    let clock = Arc::new(EarlyClock::new());
    let parts = Parts {
        log: Some(writer.into()),
        clock: Arc::clone(&clock) as _,
    };
    (Lambda::with_parts(source, parts).unwrap(), reader, clock)
}

/// A clock whose wall stands still, so that no interval ends.
#[derive(Debug)]
pub(crate) struct StillClock(Instant);

impl StillClock {
    pub(crate) const UNIX_S: i64 = 1_700_000_000;

    pub(crate) fn new() -> StillClock {
        StillClock(Instant::now())
    }
}

impl Clock for StillClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        StillClock::UNIX_S as u64 * 1_000
    }

    fn skip(&self, _wait: Duration) -> bool {
        false
    }
}

/// An object whose log is a pipe and whose wall clock stands still.
pub(crate) fn with_log_still(source: &Source) -> (Lambda, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    let parts = Parts {
        log: Some(writer.into()),
        clock: Arc::new(StillClock::new()),
    };
    (Lambda::with_parts(source, parts).unwrap(), reader)
}

/// What is in the pipe now: at least one byte is waited for.
pub(crate) fn read_log(log: &mut PipeReader) -> String {
    let mut bytes = vec![0; 1 << 20];
    let n = log.read(&mut bytes).unwrap();
    String::from_utf8(bytes[..n].to_vec()).unwrap()
}

/// An object in extension mode, and the extension's socket.
pub(crate) fn with_extension(language: Language) -> (Lambda, UdpSocket, Source) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(AMPLE)).unwrap();
    let mut source = source(language, &[]);
    source.set("extension_path", "/proc/self/exe").unwrap();
    let url = format!("udp://{}", socket.local_addr().unwrap());
    source.set("dogstatsd_url", &url).unwrap();
    // What one flush sends is in as few datagrams as can be.
    source.set("flush_in_thread", "false").unwrap();
    (Lambda::new(&source).unwrap(), socket, source)
}

/// The lines of the next datagram.
pub(crate) fn datagram(socket: &UdpSocket) -> Vec<String> {
    let mut bytes = [0; 65_536];
    let n = socket.recv(&mut bytes).unwrap();
    let text = std::str::from_utf8(&bytes[..n]).unwrap();
    text.split('\n').map(str::to_owned).collect()
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

/// A server on loopback that answers as it is told and remembers what it was asked.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn start(
        answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &seen, &*answer));
            }
        });
        Server { url, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request) -> (u16, String),
) {
    let mut bytes = Vec::new();
    loop {
        let Some(request) = next_request(&mut stream, &mut bytes) else {
            return;
        };
        seen.lock().unwrap().push(request.clone());
        let (status, body) = answer(&request);
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn next_request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut lines = head.split("\r\n");
            let line = lines.next()?.to_owned();
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect();
            let mut request = Request {
                line,
                headers,
                body: Vec::new(),
            };
            let length: usize = request.header("content-length").parse().unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                request.body = bytes[end + 4..end + 4 + length].to_vec();
                bytes.drain(..end + 4 + length);
                return Some(request);
            }
        }
        let mut more = [0; 16_384];
        match stream.read(&mut more) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&more[..n]),
            _ => return None,
        }
    }
}
