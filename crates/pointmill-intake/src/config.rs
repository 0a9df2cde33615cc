//! How an intake is run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::fault::Fault;
use crate::store::StoreConfig;

/// Everything an intake can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeConfig {
    /// Where HTTP is served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where DogStatsD is taken.
    pub dogstatsd: Vec<DogstatsdAddress>,
    /// The key every request must carry, if there is one.
    pub api_key: Option<String>,
    /// The store. Its `bytes_max` is derived from [`IntakeConfig::memory_max`] by [`Intake::start`](crate::Intake::start).
    pub store: StoreConfig,
    /// Most bytes of memory, all together.
    pub memory_max: usize,
    /// Refuse points more than an hour old or ten minutes ahead.
    pub strict_times: bool,
    /// Tags in lower case.
    pub lower_case_tags: bool,
    /// Faults from the start.
    pub faults: Vec<Fault>,
    /// Most connections at once; further ones are answered 503.
    pub connections_max: usize,
    /// How long headers may take, and how long a connection may be idle.
    pub header_timeout: Duration,
    /// How long a body may take.
    pub body_timeout: Duration,
}

/// Least memory an intake runs with: the largest body a route takes, read once.
pub const MEMORY_MIN: usize = 256 << 20;

impl Default for IntakeConfig {
    /// `127.0.0.1:8126`, no DogStatsD, no key, in memory, one gibibyte.
    fn default() -> IntakeConfig {
        IntakeConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 8126)),
            dogstatsd: Vec::new(),
            api_key: None,
            store: StoreConfig::default(),
            memory_max: 1 << 30,
            strict_times: false,
            lower_case_tags: false,
            faults: Vec::new(),
            connections_max: 2_000,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
        }
    }
}

/// Where DogStatsD is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DogstatsdAddress {
    /// A UDP port.
    Udp(SocketAddr),
    /// A Unix datagram socket.
    Datagram(PathBuf),
    /// A Unix stream socket, each packet preceded by its length.
    Stream(PathBuf),
}

impl DogstatsdAddress {
    /// Reads `127.0.0.1:8125`, `unix:PATH` or `unixstream:PATH`.
    ///
    /// # Errors
    /// The forms there are.
    pub fn parse(text: &str) -> Result<DogstatsdAddress, String> {
        if let Some(path) = text
            .strip_prefix("unixstream:")
            .filter(|path| !path.is_empty())
        {
            return Ok(DogstatsdAddress::Stream(
                path.trim_start_matches("//").into(),
            ));
        }
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(DogstatsdAddress::Datagram(
                path.trim_start_matches("//").into(),
            ));
        }
        let address = text
            .trim_start_matches("udp:")
            .replace("localhost", "127.0.0.1");
        let address = address.parse().map(DogstatsdAddress::Udp);
        address.map_err(|_| {
            format!("{text:?} is no address; write 127.0.0.1:8125, unix:PATH or unixstream:PATH")
        })
    }
}

impl std::fmt::Display for DogstatsdAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DogstatsdAddress::Udp(address) => write!(f, "{address}"),
            DogstatsdAddress::Datagram(path) => write!(f, "unix:{}", path.display()),
            DogstatsdAddress::Stream(path) => write!(f, "unixstream:{}", path.display()),
        }
    }
}

/// How the memory is shared out.
///
/// | what | share |
/// | --- | --- |
/// | contexts and intervals | half |
/// | bodies on their way | a sixteenth |
/// | bodies that have been read and wait to be stored | a sixteenth |
/// | the one large body being read, unpacked and decoded | the rest, up to a quarter |
/// | connections, small bodies being read, queries | the rest |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    pub(crate) store: usize,
    pub(crate) bodies: usize,
    pub(crate) batches: usize,
    /// Most bytes of a body unpacked, if less than its route allows.
    pub(crate) unpacked: usize,
}

impl IntakeConfig {
    pub(crate) fn shares(&self) -> Shares {
        let memory = self.memory_max.max(MEMORY_MIN);
        Shares {
            store: memory / 2,
            bodies: memory / 16,
            batches: memory / 16,
            unpacked: memory / 8,
        }
    }
}
