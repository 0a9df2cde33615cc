//! The port: takes connections, limits them, and gives each its time.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};

use crate::app::App;

/// How long a client may leave an answer unread.
const WRITE_STALL: Duration = Duration::from_secs(30);

/// How long requests under way have when the intake is stopped.
const GRACE: Duration = Duration::from_secs(5);

/// The answer to a connection too many.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Connections too many that are told so at the same time, and how long that may take.
const TOLD_AT_ONCE: usize = 64;
const TELLING: Duration = Duration::from_secs(1);

/// Tells a client to come again. What it has sent is read: a connection closed over unread bytes is
/// reset, and the answer would be lost.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(BUSY).await?;
    stream.shutdown().await?;
    let mut unread = [0; 4_096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// The port.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    app: Arc<App>,
}

impl Server {
    pub(crate) async fn bind(app: Arc<App>) -> io::Result<Server> {
        let listener = TcpListener::bind(app.config.listen).await?;
        Ok(Server { listener, app })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the intake is stopped, then lets what is under way come to its end.
    pub(crate) async fn run(self) {
        let routes = super::routes(self.app.clone());
        let room = Arc::new(Semaphore::new(connections_max(
            self.app.config.connections_max,
        )));
        let telling = Arc::new(Semaphore::new(TOLD_AT_ONCE));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = self.app.stopped() => break,
                Some(_) = connections.join_next() => continue,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // Out of files: those that are open end some time.
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            match room.clone().try_acquire_owned() {
                Err(_) => {
                    // Beyond those that are being told, nobody is.
                    if let Ok(permit) = telling.clone().try_acquire_owned() {
                        connections.spawn(async move {
                            let _ = tokio::time::timeout(TELLING, turn_away(stream)).await;
                            drop(permit);
                        });
                    }
                }
                Ok(permit) => {
                    let (app, routes) = (self.app.clone(), routes.clone());
                    connections.spawn(async move {
                        app.counters.connections.fetch_add(1, Ordering::Relaxed);
                        serve(&app, routes, stream).await;
                        app.counters.connections.fetch_sub(1, Ordering::Relaxed);
                        drop(permit);
                    });
                }
            }
        }
        drop(self.listener);
        let end = sleep(GRACE);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return connections.shutdown().await,
                next = connections.join_next() => if next.is_none() { return },
            }
        }
    }
}

/// As many connections as asked for, if that many files may be open; the limit is raised as far as
/// it goes.
fn connections_max(wanted: usize) -> usize {
    /// For the store, the standard streams, DogStatsD and those that are turned away.
    const OTHERS: u64 = 64 + TOLD_AT_ONCE as u64;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    wanted
        .min(usize::try_from(files.saturating_sub(OTHERS)).unwrap_or(usize::MAX))
        .max(1)
}

async fn serve(app: &Arc<App>, routes: axum::Router, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let cut = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(Guarded {
        stream,
        cut: cut.clone(),
        stalled: None,
    });
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (app, routes, cut) = (app.clone(), routes.clone(), cut.clone());
        async move {
            let answer = super::handle(&app, routes, request.map(Body::new)).await;
            if answer.is_err() {
                cut.store(true, Ordering::Relaxed);
            }
            answer
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(app.config.header_timeout)
        .max_buf_size(64 << 10);
    let connection = builder.serve_connection(io, service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = app.stopped() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// A connection that gives up on a client that does not read, and is reset instead of closed if a
/// fault asks for it.
struct Guarded {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.cut.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl Guarded {
    /// Lets a write through, or counts the time it stands still.
    fn watch(
        &mut self,
        cx: &mut Context<'_>,
        poll: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(WRITE_STALL)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
