//! Lines on standard output or another descriptor, for log forwarders.

use std::io::{stderr, stdout};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{FileType, Mode, OFlags};

use super::write::{Lines, Way};
use super::{Delivery, Destination};
use crate::{Attempt, Batch, ClientConfig, ClientConfigError, FailCause};

/// Writes bodies of lines to a descriptor: one `write` for each body if the other side has room for
/// it, more if not, and no line is ever left half written for good.
///
/// The descriptor's own flags stay as they are, since others write to it too. A pipe is therefore
/// opened once more, without blocking; where that is not allowed (a pipe of another user), it is
/// written to in pieces that cannot block. A closed pipe is noticed before writing, so that no
/// SIGPIPE is raised.
#[derive(Debug)]
pub struct LogDestination {
    descriptor: Descriptor,
    lines: Lines,
}

#[derive(Clone, Debug)]
enum Descriptor {
    Stdout,
    Stderr,
    Owned(Arc<OwnedFd>),
}

impl LogDestination {
    /// Writes to standard output or standard error, as the option `log_fd` says.
    ///
    /// # Errors
    /// Another descriptor: it must come from who owns it, through [`LogDestination::from_fd`].
    pub fn new(config: &ClientConfig) -> Result<LogDestination, ClientConfigError> {
        let descriptor = match config.log_fd {
            1 => Descriptor::Stdout,
            2 => Descriptor::Stderr,
            _ => {
                return Err(ClientConfigError::Conflict {
                    name: "log_fd",
                    remedy: "in Rust it is 1 or 2; hand others over with LogDestination::from_fd",
                });
            }
        };
        Ok(LogDestination::on(descriptor))
    }

    /// Writes to this descriptor, and closes it with the last client that uses it.
    #[must_use]
    pub fn from_fd(fd: OwnedFd) -> LogDestination {
        LogDestination::on(Descriptor::Owned(Arc::new(fd)))
    }

    fn on(descriptor: Descriptor) -> LogDestination {
        LogDestination {
            descriptor,
            lines: Lines::default(),
        }
    }
}

impl Destination for LogDestination {
    fn deliver(&self, batch: &Batch, from: usize, timeout: Duration) -> Delivery {
        let until = Instant::now() + timeout;
        let (stdout, stderr) = (stdout(), stderr());
        let fd = match &self.descriptor {
            Descriptor::Stdout => stdout.as_fd(),
            Descriptor::Stderr => stderr.as_fd(),
            Descriptor::Owned(fd) => fd.as_fd(),
        };
        let body = &batch.payload.body;
        match way(fd) {
            Ok((Some(own), way)) => self.lines.deliver(own.as_fd(), way, body, from, until),
            Ok((None, way)) => self.lines.deliver(fd, way, body, from, until),
            Err(error) => Delivery {
                written: from,
                ..Attempt::Failed {
                    cause: FailCause::Transport,
                    uncertain: false,
                    detail: error.to_string(),
                }
                .into()
            },
        }
    }

    fn reopen(&self) -> Arc<dyn Destination> {
        Arc::new(LogDestination::on(self.descriptor.clone()))
    }

    fn describe(&self, _batch: &Batch) -> String {
        match &self.descriptor {
            Descriptor::Stdout => "standard output".to_owned(),
            Descriptor::Stderr => "standard error".to_owned(),
            Descriptor::Owned(fd) => format!("descriptor {}", fd.as_raw_fd()),
        }
    }
}

/// How to write to a descriptor; for a pipe with a descriptor of our own, if there can be one.
fn way(fd: BorrowedFd<'_>) -> rustix::io::Result<(Option<OwnedFd>, Way)> {
    let stat = rustix::fs::fstat(fd)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Socket => Ok((None, Way::Socket)),
        FileType::Fifo => {
            let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
            let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            match rustix::fs::open(path, flags, Mode::empty()) {
                Ok(own) => Ok((Some(own), Way::Whole)),
                // Nobody reads: what a write would answer, without its signal.
                Err(rustix::io::Errno::NXIO) => Err(rustix::io::Errno::PIPE),
                Err(_) => Ok((None, Way::Pieces)),
            }
        }
        _ => Ok((None, Way::Whole)),
    }
}
