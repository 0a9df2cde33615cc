//! Whole lines to a descriptor that may be slow, full or closed, within a time.

use std::borrow::Cow;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;

use super::Delivery;
use crate::{Attempt, FailCause};

/// Bytes that a pipe takes in one piece if it can be written to at all (POSIX: at least 512; Linux
/// has 4096, and never blocks a writer of that much after poll has said that there is room).
const PIPE_BUF: usize = 4096;

/// How a descriptor is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// All at once: files, and what does not block by itself.
    Whole,
    /// A pipe that would block: only as much as poll promises room for.
    Pieces,
    /// A socket: without waiting, and without SIGPIPE.
    Socket,
}

/// Waits until the descriptor can be written to. `false`: not within the time.
pub(super) fn wait_writable(fd: BorrowedFd<'_>, until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timespec = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
        match poll(&mut fds, Some(&timespec)) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let seen = fds[0].revents();
        if seen.contains(PollFlags::NVAL) {
            return Err(Errno::BADF.into());
        }
        // The reader has gone. Writing now would raise SIGPIPE, which ends a program that has not
        // asked to be spared.
        if seen.intersects(PollFlags::ERR | PollFlags::HUP) && !seen.contains(PollFlags::OUT)
            || seen.contains(PollFlags::ERR)
        {
            return Err(Errno::PIPE.into());
        }
        return Ok(true);
    }
}

/// Writes `bytes` until `until`. How many were written, and what stopped it: `None` is nothing.
pub(super) fn write_until(
    fd: BorrowedFd<'_>,
    way: Way,
    bytes: &[u8],
    until: Instant,
) -> (usize, Option<io::Error>) {
    let mut done = 0;
    while done < bytes.len() {
        match wait_writable(fd, until) {
            Ok(true) => {}
            Ok(false) => return (done, Some(io::ErrorKind::TimedOut.into())),
            Err(error) => return (done, Some(error)),
        }
        let rest = &bytes[done..];
        let outcome = match way {
            Way::Whole => rustix::io::write(fd, rest),
            Way::Pieces => rustix::io::write(fd, piece(rest)),
            Way::Socket => rustix::net::send(fd, rest, SendFlags::NOSIGNAL | SendFlags::DONTWAIT),
        };
        match outcome {
            Ok(0) => return (done, Some(io::ErrorKind::WriteZero.into())),
            Ok(n) => done += n,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                // Ready and not ready: a terminal or a socket under pressure. Not a busy loop.
                std::thread::sleep(Duration::from_millis(1));
                if Instant::now() >= until {
                    return (done, Some(io::ErrorKind::TimedOut.into()));
                }
            }
            Err(error) => return (done, Some(error.into())),
        }
    }
    (done, None)
}

/// As many whole lines as fit into a piece; a longer line is cut.
fn piece(bytes: &[u8]) -> &[u8] {
    let most = &bytes[..bytes.len().min(PIPE_BUF)];
    let end = most
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(most.len(), |at| at + 1);
    &most[..end]
}

/// Keeps lines whole over several attempts: what is cut off in the middle of a line is finished
/// before anything else is written.
#[derive(Debug, Default)]
pub(super) struct Lines {
    unfinished: Mutex<Vec<u8>>,
}

impl Lines {
    /// Writes what is unfinished and then the body from byte `from` on.
    pub(super) fn deliver(
        &self,
        fd: BorrowedFd<'_>,
        way: Way,
        body: &[u8],
        from: usize,
        until: Instant,
    ) -> Delivery {
        let body = with_line_end(body);
        let Some(mut unfinished) = self.lock(until) else {
            return stopped(from, io::ErrorKind::TimedOut.into());
        };
        let (done, error) = write_until(fd, way, &unfinished, until);
        unfinished.drain(..done);
        if let Some(error) = error {
            return stopped(from, error);
        }
        let from = from.min(body.len());
        let (done, error) = write_until(fd, way, &body[from..], until);
        let Some(error) = error else {
            return Attempt::Accepted.into();
        };
        let at = from + done;
        let whole = at == 0 || body[at - 1] == b'\n';
        if whole {
            return stopped(at, error);
        }
        let rest = body[at..].iter().position(|b| *b == b'\n');
        let end = rest.map_or(body.len(), |n| at + n + 1);
        unfinished.extend_from_slice(&body[at..end]);
        stopped(end, error)
    }

    /// Another caller may be writing; it ends within its own time.
    fn lock(&self, until: Instant) -> Option<MutexGuard<'_, Vec<u8>>> {
        loop {
            match self.unfinished.try_lock() {
                Ok(guard) => return Some(guard),
                Err(TryLockError::Poisoned(error)) => return Some(PoisonError::into_inner(error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => return None,
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

/// DogStatsD bodies have no line feed at their end.
fn with_line_end(body: &[u8]) -> Cow<'_, [u8]> {
    match body.last() {
        None | Some(b'\n') => Cow::Borrowed(body),
        Some(_) => Cow::Owned([body, b"\n"].concat()),
    }
}

fn stopped(written: usize, error: io::Error) -> Delivery {
    let cause = match error.kind() {
        io::ErrorKind::TimedOut => FailCause::Timeout,
        _ => FailCause::Transport,
    };
    let attempt = Attempt::Failed {
        cause,
        uncertain: false,
        detail: error.to_string(),
    };
    Delivery {
        written,
        ..attempt.into()
    }
}
