//! DogStatsD datagrams to an Agent's socket.

use std::io;
use std::net::{ToSocketAddrs, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use super::write::{Way, wait_writable, write_until};
use super::{Delivery, Destination};
use crate::url::Target;
use crate::{Attempt, Batch, ClientConfig, ClientConfigError, FailCause};

/// Sends each body as one datagram, or on a stream socket behind its length as u32 little-endian.
///
/// The protocol has no answer: accepted means that the system has taken the datagram. What the
/// system refuses (no socket there, no room in its buffer) is kept and tried again; what is lost
/// between two hosts nobody learns.
#[derive(Debug)]
pub struct DogstatsdDestination {
    target: Target,
    socket: Mutex<Option<OwnedFd>>,
}

impl DogstatsdDestination {
    /// Sends to the socket that the option `dogstatsd_url` names. It is opened when first needed,
    /// and again after a failure.
    ///
    /// # Errors
    /// The URL is none.
    pub fn new(config: &ClientConfig) -> Result<DogstatsdDestination, ClientConfigError> {
        let target = Target::parse(&config.dogstatsd_url);
        let target = target.map_err(|allowed| ClientConfigError::BadValue {
            name: "dogstatsd_url",
            value: config.dogstatsd_url.clone(),
            allowed,
        })?;
        Ok(DogstatsdDestination {
            target,
            socket: Mutex::new(None),
        })
    }

    fn open(&self) -> io::Result<OwnedFd> {
        match &self.target {
            Target::Udp(host) => {
                let address = host
                    .to_socket_addrs()?
                    .next()
                    .ok_or(io::ErrorKind::NotFound)?;
                let any = if address.is_ipv4() {
                    "0.0.0.0:0"
                } else {
                    "[::]:0"
                };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                Ok(socket.into())
            }
            Target::UnixDatagram(path) => unix(path, SocketType::DGRAM),
            Target::UnixStream(path) => unix(path, SocketType::STREAM),
        }
    }

    fn send(&self, socket: &OwnedFd, body: &[u8], until: Instant) -> io::Result<()> {
        if matches!(self.target, Target::UnixStream(_)) {
            let len = u32::try_from(body.len()).map_err(|_| Errno::MSGSIZE)?;
            let frame = [&len.to_le_bytes()[..], body].concat();
            let (_, error) = write_until(socket.as_fd(), Way::Socket, &frame, until);
            return error.map_or(Ok(()), Err);
        }
        loop {
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            match rustix::net::send(socket, body, flags) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::NOBUFS) => {
                    if !wait_writable(socket.as_fd(), until)? {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    // Ready for a smaller one perhaps; not a busy loop.
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn unix(path: &Path, kind: SocketType) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

impl Destination for DogstatsdDestination {
    fn deliver(&self, batch: &Batch, _from: usize, timeout: Duration) -> Delivery {
        let until = Instant::now() + timeout;
        // Held during the sending: a frame must not be cut by another one. Sending waits only for
        // a receiver that is slow, and at most its own time.
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |cause, error: io::Error| Attempt::Failed {
            cause,
            uncertain: false,
            detail: error.to_string(),
        };
        let open = match socket.take().map_or_else(|| self.open(), Ok) {
            Ok(open) => open,
            Err(error) => return failed(FailCause::Connect, error).into(),
        };
        let error = match self.send(&open, &batch.payload.body, until) {
            Ok(()) => {
                *socket = Some(open);
                return Attempt::Accepted.into();
            }
            Err(error) => error,
        };
        if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) {
            *socket = Some(open);
            return Attempt::TooLarge.into();
        }
        // The socket is closed and opened anew: an Agent that was restarted has another one.
        match error.kind() {
            io::ErrorKind::TimedOut => failed(FailCause::Timeout, error).into(),
            _ => failed(FailCause::Transport, error).into(),
        }
    }

    fn reopen(&self) -> Arc<dyn Destination> {
        Arc::new(DogstatsdDestination {
            target: self.target.clone(),
            socket: Mutex::new(None),
        })
    }

    fn describe(&self, _batch: &Batch) -> String {
        match &self.target {
            Target::Udp(host) => format!("udp://{host}"),
            Target::UnixDatagram(path) => format!("unix://{}", path.display()),
            Target::UnixStream(path) => format!("unixstream://{}", path.display()),
        }
    }
}
