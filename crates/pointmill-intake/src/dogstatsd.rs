//! DogStatsD: packets from UDP and Unix sockets, put together for a moment and then stored.
//!
//! | type | stored as |
//! | --- | --- |
//! | `c` | count: the values, each divided by the rate |
//! | `g` | gauge: the last value |
//! | `d` | distribution: each value with the weight of the rate |
//! | `h`, `ms` | histogram: a sketch too, under the name as sent |
//! | `s` | gauge: distinct strings in the interval |
//!
//! An Agent would send a histogram on as series (`.avg`, `.95percentile`, …); here it keeps its name
//! and can be asked for any of them. Events and service checks are counted. What cannot be read is
//! refused message by message. `dd.internal.…` tags are left out, as an Agent does.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ddsketch_agent::{Profile, Sketch, Summary};
use pointmill::Kind;
use pointmill_wire::dogstatsd::{Message, Metric, MetricType, parse};
use tokio::io::AsyncReadExt;
use tokio::net::{UdpSocket, UnixDatagram, UnixListener, UnixStream};

use crate::app::{App, add};
use crate::batch::{Batch, BatchBuilder};
use crate::config::DogstatsdAddress;
use crate::refused::{Cause, Refusal, now};

/// How long values wait to be stored together.
const FLUSH: Duration = Duration::from_millis(100);

/// The largest UDP payload; an Agent's buffer for Unix sockets is smaller.
const PACKET_MAX: usize = 65_535;

/// Contexts put together at most; the packet that reaches this waits for the store.
const PENDING_MAX: usize = 50_000;

/// Distinct strings of all sets of an interval; further ones are refused.
const SET_STRINGS_MAX: usize = 200_000;

/// Packets read at the end: more than a socket's buffer holds, and a bound for who goes on sending.
const LEFT_MAX: usize = 10_000;

/// Connections to a stream socket at once.
const STREAMS_MAX: usize = 256;

/// A socket, and what is removed with it.
#[derive(Debug)]
pub(crate) enum Listener {
    Udp(UdpSocket),
    Datagram(UnixDatagram, PathGuard),
    Stream(UnixListener, PathGuard),
}

/// Removes the socket's file at the end.
#[derive(Debug)]
pub(crate) struct PathGuard(PathBuf);

impl Drop for PathGuard {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    pub(crate) async fn bind(address: &DogstatsdAddress) -> io::Result<Listener> {
        Ok(match address {
            DogstatsdAddress::Udp(address) => Listener::Udp(UdpSocket::bind(address).await?),
            DogstatsdAddress::Datagram(path) => {
                clear(path, |path| {
                    std::os::unix::net::UnixDatagram::unbound().and_then(|s| s.connect(path))
                })?;
                Listener::Datagram(UnixDatagram::bind(path)?, PathGuard(path.clone()))
            }
            DogstatsdAddress::Stream(path) => {
                clear(path, |path| {
                    std::os::unix::net::UnixStream::connect(path).map(drop)
                })?;
                Listener::Stream(UnixListener::bind(path)?, PathGuard(path.clone()))
            }
        })
    }

    /// The address, with the port that was taken if 0 was asked for.
    pub(crate) fn address(&self) -> io::Result<DogstatsdAddress> {
        Ok(match self {
            Listener::Udp(socket) => DogstatsdAddress::Udp(socket.local_addr()?),
            Listener::Datagram(_, path) => DogstatsdAddress::Datagram(path.0.clone()),
            Listener::Stream(_, path) => DogstatsdAddress::Stream(path.0.clone()),
        })
    }

    /// What reads packets that have arrived, without waiting. It asks the system: the runtime knows of
    /// a packet only when it has been told.
    fn into_recv(self) -> io::Result<Option<Recv>> {
        Ok(match self {
            Listener::Udp(socket) => {
                let socket = socket.into_std()?;
                Some(Box::new(move |buffer| socket.recv(buffer)))
            }
            Listener::Datagram(socket, path) => {
                let socket = socket.into_std()?;
                Some(Box::new(move |buffer| {
                    let _removed_with_this = &path;
                    socket.recv(buffer)
                }))
            }
            Listener::Stream(..) => None,
        })
    }
}

type Recv = Box<dyn Fn(&mut [u8]) -> io::Result<usize> + Send>;

/// Removes a socket's file that a killed process has left.
fn clear(path: &Path, connect: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file that is no socket; name another path",
        )),
        Ok(_) if connect(path).is_ok() => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another process listens there; name another path",
        )),
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

/// Values put together.
#[derive(Debug, Default)]
struct Pending {
    contexts: HashMap<Key, Value>,
}

/// Kind, name, tags as sent, start of the interval.
type Key = (u8, String, String, i64);

#[derive(Debug)]
enum Value {
    Number { points: u64, value: f64 },
    Sketch(Box<Sketch>),
}

/// The distinct strings of sets, for the intervals that may still grow.
#[derive(Debug, Default)]
struct Sets {
    strings: HashMap<Key, HashSet<String>>,
    total: usize,
}

/// What all sockets feed.
#[derive(Debug)]
pub(crate) struct Receiver {
    app: Arc<App>,
    pending: Mutex<Pending>,
    sets: Mutex<Sets>,
}

impl Receiver {
    pub(crate) fn new(app: Arc<App>) -> Receiver {
        Receiver {
            app,
            pending: Mutex::default(),
            sets: Mutex::default(),
        }
    }

    /// Reads a socket until the intake is stopped, then what had arrived by then.
    pub(crate) async fn listen(self: Arc<Receiver>, listener: Listener) {
        self.read(&listener).await;
        if let Ok(Some(left)) = listener.into_recv() {
            let mut buffer = vec![0; PACKET_MAX];
            for _ in 0..LEFT_MAX {
                let Ok(length) = left(&mut buffer) else { break };
                self.packet(&buffer[..length]).await;
            }
        }
        self.flush().await;
    }

    async fn read(self: &Arc<Receiver>, listener: &Listener) {
        let mut buffer = vec![0; PACKET_MAX];
        let streams = Arc::new(tokio::sync::Semaphore::new(STREAMS_MAX));
        loop {
            let received = tokio::select! {
                received = self.receive(listener, &streams, &mut buffer) => received,
                () = self.app.stopped() => return,
            };
            match received {
                Ok(length) => self.packet(&buffer[..length]).await,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// The next packet; connections to a stream socket have tasks of their own.
    async fn receive(
        self: &Arc<Receiver>,
        listener: &Listener,
        streams: &Arc<tokio::sync::Semaphore>,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let listener = match listener {
            Listener::Udp(socket) => return socket.recv(buffer).await,
            Listener::Datagram(socket, _) => return socket.recv(buffer).await,
            Listener::Stream(listener, _) => listener,
        };
        loop {
            let permit = streams.clone().acquire_owned().await;
            let permit = permit.map_err(io::Error::other)?;
            let (stream, _) = listener.accept().await?;
            let receiver = self.clone();
            tokio::spawn(async move {
                receiver.read_stream(stream).await;
                drop(permit);
            });
        }
    }

    /// Packets with their lengths in front, until the end of the stream or a length that is none.
    async fn read_stream(&self, mut stream: UnixStream) {
        let mut buffer = vec![0; PACKET_MAX];
        loop {
            let length = tokio::select! {
                length = stream.read_u32_le() => length,
                () = self.app.stopped() => return,
            };
            let Ok(length) = length else { return };
            let Some(packet) = buffer.get_mut(..length as usize) else {
                let text = format!(
                    "a packet of {length} bytes; send at most {PACKET_MAX}, each after its length in 4 bytes"
                );
                return self.refuse(Cause::TooLarge, text, None, length as usize);
            };
            if stream.read_exact(packet).await.is_err() {
                return self.refuse(
                    Cause::Timeout,
                    "a packet was cut short".to_owned(),
                    None,
                    length as usize,
                );
            }
            self.packet(&buffer[..length as usize]).await;
        }
    }

    async fn packet(&self, packet: &[u8]) {
        add(&self.app.counters.datagrams, 1);
        let full = {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            for message in parse(packet) {
                match message {
                    Ok(Message::Metric(metric)) => self.metric(&mut pending, &metric, packet.len()),
                    Ok(Message::Event(_)) => add(&self.app.counters.events, 1),
                    Ok(Message::ServiceCheck(_)) => add(&self.app.counters.service_checks, 1),
                    Err(error) => self.refuse(
                        Cause::Message,
                        error.to_string(),
                        Some(error.offset),
                        packet.len(),
                    ),
                }
            }
            pending.contexts.len() >= PENDING_MAX
        };
        if full {
            self.flush().await;
        }
    }

    fn refuse(&self, cause: Cause, message: String, offset: Option<usize>, bytes: usize) {
        let refusal = Refusal::new("dogstatsd", cause, message);
        self.app.refused.add(Refusal {
            offset,
            bytes: bytes as u64,
            ..refusal
        });
    }

    fn metric(&self, pending: &mut Pending, metric: &Metric<'_>, bytes: usize) {
        let kind = match metric.metric_type {
            MetricType::Count => Kind::Count,
            MetricType::Gauge | MetricType::Set => Kind::Gauge,
            MetricType::Distribution => Kind::Distribution,
            MetricType::Histogram | MetricType::Timing => Kind::Histogram,
        };
        let rate = if metric.rate > 0.0 && metric.rate <= 1.0 {
            metric.rate
        } else {
            1.0
        };
        let start = self
            .app
            .rules()
            .start(metric.timestamp.unwrap_or_else(|| now() as i64));
        let key = (
            kind as u8,
            metric.name.to_owned(),
            metric.tags.as_str().to_owned(),
            start,
        );
        if metric.metric_type == MetricType::Set {
            return self.set(pending, key, metric.raw_values, bytes);
        }
        for value in metric.values.clone() {
            if !value.is_finite() {
                let text = format!(
                    "{}: the value is not a finite number; send finite numbers",
                    metric.name
                );
                self.refuse(Cause::Value, text, None, bytes);
                continue;
            }
            match kind {
                Kind::Count | Kind::Gauge => {
                    let joined = pending.contexts.entry(key.clone());
                    let joined = joined.or_insert(Value::Number {
                        points: 0,
                        value: 0.0,
                    });
                    if let Value::Number { points, value: sum } = joined {
                        *points += 1;
                        *sum = if kind == Kind::Gauge {
                            value
                        } else {
                            *sum + value / rate
                        };
                    }
                }
                Kind::Distribution | Kind::Histogram => {
                    let sketch = pending
                        .contexts
                        .entry(key.clone())
                        .or_insert_with(|| Value::Sketch(Box::default()));
                    if let Value::Sketch(sketch) = sketch
                        && let Err(error) = sketch.insert_sampled(value, rate)
                    {
                        self.refuse(
                            Cause::Value,
                            format!("{}: {error}", metric.name),
                            None,
                            bytes,
                        );
                    }
                }
            }
        }
    }

    fn set(&self, pending: &mut Pending, key: Key, member: &str, bytes: usize) {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        // An interval that has been over for a minute does not grow any more.
        if sets.total >= SET_STRINGS_MAX {
            let over = now() as i64 - 60;
            sets.strings.retain(|key, _| key.3 >= over);
            sets.total = sets.strings.values().map(HashSet::len).sum();
        }
        if sets.total >= SET_STRINGS_MAX {
            let text = format!("more than {SET_STRINGS_MAX} distinct strings in sets; use fewer");
            return self.refuse(Cause::Overload, text, None, bytes);
        }
        let strings = sets.strings.entry(key.clone()).or_default();
        let new = strings.insert(member.to_owned());
        let distinct = strings.len() as f64;
        sets.total += usize::from(new);
        let joined = pending.contexts.entry(key).or_insert(Value::Number {
            points: 0,
            value: 0.0,
        });
        if let Value::Number { points, value } = joined {
            *points += 1;
            *value = distinct;
        }
    }

    /// Stores from time to time what has been put together; at the end, all that is left.
    pub(crate) async fn flush_regularly(self: Arc<Receiver>) {
        loop {
            let stopped = tokio::time::timeout(FLUSH, self.app.stopped())
                .await
                .is_ok();
            self.flush().await;
            if stopped {
                return;
            }
        }
    }

    async fn flush(&self) {
        let pending =
            std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if pending.contexts.is_empty() {
            return;
        }
        let batch = self.batch(pending);
        let entries = batch.snapshot.len() as u64;
        match self.app.store.store(batch).await {
            Ok(receipt) => {
                add(&self.app.counters.entries, receipt.entries);
                add(&self.app.counters.values, receipt.values);
            }
            Err(error) => {
                let refusal = Refusal::new("dogstatsd", error.cause(), error.to_string());
                self.app.refused.add(Refusal { entries, ..refusal });
            }
        }
    }

    fn batch(&self, pending: Pending) -> Batch {
        let mut builder = BatchBuilder::new(self.app.rules());
        for ((kind, name, tags, start), value) in pending.contexts {
            let kind = Kind::from_number(kind.into()).unwrap_or(Kind::Gauge);
            let tags = tags
                .split(',')
                .filter(|tag| !tag.starts_with("dd.internal."));
            let Some(series) = builder.series(0, kind, &name, "", tags, 1) else {
                continue;
            };
            match value {
                Value::Number { points, value } => builder.scalar(0, series, start, points, value),
                Value::Sketch(sketch) => {
                    let summary: Summary = sketch.summary();
                    let bins = sketch.bins(Profile::U32);
                    let bins = bins
                        .keys
                        .iter()
                        .copied()
                        .zip(bins.counts.iter().map(|n| u64::from(*n)));
                    builder.sketch(0, series, start, summary, bins);
                }
            }
        }
        let (batch, complaints, _) = builder.finish();
        for complaint in complaints {
            let refusal = Refusal::new("dogstatsd", complaint.cause, complaint.message);
            self.app.refused.add(Refusal {
                entries: complaint.entries,
                ..refusal
            });
        }
        batch
    }
}
