//! A small HTTP intake on loopback that can misbehave in every way a schedule asks for.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use pointmill_deliver::BatchId;
use pointmill_wire::{DecodeLimits, decompress, series_v2, sketch_payload};

/// What the intake does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Takes the body, unless it has it, and answers 202.
    Take,
    /// As `Take`, byte by byte.
    TakeSlowly,
    /// As `Take`, and closes the connection although nothing has said so.
    TakeAndClose,
    /// Takes the body and closes without an answer.
    TakeAndVanish,
    /// Takes the body and answers something that is not HTTP.
    TakeAndBabble,
    /// Takes the body and says nothing for longer than anybody waits.
    TakeAndHang,
    /// Closes as soon as the request line is there.
    Reset,
    /// Reads nothing for a while, then closes.
    Hang,
    /// A status, with a further header.
    Status(u16, &'static str),
}

#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Values of all points taken, by metric: sums of series, counts of sketches.
    pub(crate) metrics: HashMap<String, f64>,
    pub(crate) ids: Vec<BatchId>,
    /// Headers of the last request, names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) request_line: String,
    pub(crate) requests: usize,
    pub(crate) connections: usize,
}

type Script = dyn FnMut(usize) -> Act + Send;

#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
    script: Arc<Mutex<Box<Script>>>,
}

impl Intake {
    /// An intake that asks `script` with the number of each request.
    pub(crate) fn new(script: impl FnMut(usize) -> Act + Send + 'static) -> Intake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let intake = Intake {
            address: listener.local_addr().unwrap(),
            taken: Arc::default(),
            script: Arc::new(Mutex::new(Box::new(script))),
        };
        let server = intake.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || drop(server.serve(stream)));
            }
        });
        intake
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap()
    }

    pub(crate) fn total(&self) -> f64 {
        self.taken().metrics.values().sum()
    }

    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        self.taken().connections += 1;
        stream.set_nodelay(true)?;
        self.converse(&mut &stream)
    }

    /// Answers requests until the connection ends.
    pub(crate) fn converse<S>(&self, stream: &mut S) -> io::Result<()>
    where
        S: Read + Write,
    {
        loop {
            let mut reader = BufReader::new(&mut *stream);
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let act = {
                let mut taken = self.taken();
                taken.requests += 1;
                taken.request_line.clone_from(&line);
                (self.script.lock().unwrap())(taken.requests - 1)
            };
            match act {
                Act::Reset => return Ok(()),
                Act::Hang => {
                    thread::sleep(Duration::from_millis(150));
                    return Ok(());
                }
                _ => {}
            }
            let (headers, body) = read_rest(&mut reader, matches!(act, Act::TakeSlowly))?;
            drop(reader);
            self.taken().headers.clone_from(&headers);
            if !matches!(act, Act::Status(..)) {
                self.take(&headers, &body);
            }
            let (code, header, closes) = match act {
                Act::TakeAndVanish => return Ok(()),
                Act::TakeAndHang => {
                    thread::sleep(Duration::from_millis(150));
                    return Ok(());
                }
                Act::TakeAndBabble => {
                    stream.write_all(b"\x16\x03\x01 I am not a web server\r\n\r\n")?;
                    return Ok(());
                }
                Act::Status(code, header) => (code, header, false),
                Act::TakeAndClose => (202, "", true),
                _ => (202, "", false),
            };
            let answer = format!("HTTP/1.1 {code} X\r\nContent-Length: 2\r\n{header}\r\n{{}}");
            stream.write_all(answer.as_bytes())?;
            if closes {
                return Ok(());
            }
        }
    }

    fn take(&self, headers: &HashMap<String, String>, body: &[u8]) {
        let id = BatchId::from_text(&headers["dd-pointmill-batch"]).unwrap();
        let mut taken = self.taken();
        // The second way round is a request that was given up long ago and sent in halves since, and
        // is read only now; the halves that are missing are still to come.
        let mut known = taken.ids.iter();
        if known.any(|known| id.is_within(known) || known.is_within(&id)) {
            return;
        }
        taken.ids.push(id);
        let encoding = headers.get("content-encoding").map_or("", String::as_str);
        let body = decompress(encoding, body, 1 << 22).unwrap();
        let limits = DecodeLimits::default();
        if headers["content-type"] == "application/json" {
            for series in series_v2::decode_json(&body, &limits).unwrap().series {
                let sum: f64 = series.points.iter().map(|p| p.value).sum();
                *taken.metrics.entry(series.metric).or_default() += sum;
            }
        } else {
            for sketch in sketch_payload::decode(&body, &limits).unwrap().sketches {
                let count: i64 = sketch.dogsketches.iter().map(|d| d.cnt).sum();
                *taken.metrics.entry(sketch.metric).or_default() += count as f64;
            }
        }
    }
}

fn read_rest(
    reader: &mut impl BufRead,
    slowly: bool,
) -> io::Result<(HashMap<String, String>, Vec<u8>)> {
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let len: usize = headers
        .get("content-length")
        .map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; len];
    if !slowly {
        reader.read_exact(&mut body)?;
        return Ok((headers, body));
    }
    for piece in body.chunks_mut(len.div_ceil(4).max(1)) {
        thread::sleep(Duration::from_millis(2));
        reader.read_exact(piece)?;
    }
    Ok((headers, body))
}
