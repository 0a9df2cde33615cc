//! The metrics intake by HTTP/1.1, with or without TLS.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ureq::config::{AutoHeaderValue, Config};
use ureq::http::{Request, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};
use ureq::{Agent, Proxy, SendBody};

use super::{Delivery, Destination};
use crate::url::goes_past_proxy;
use crate::{
    Attempt, Batch, BatchId, ClientConfig, ClientConfigError, FailCause, parse_retry_after,
};

/// Where the API key comes from.
pub trait KeySource: Send + Sync + fmt::Debug {
    /// The key; empty sends none. Called before every attempt, so it answers from memory when it
    /// can. The text of an error must not hold a secret.
    ///
    /// # Errors
    /// It cannot be had now; the batch is kept and tried again.
    fn key(&self, timeout: Duration) -> Result<Arc<str>, String>;

    /// The intake has refused this key. `true`: ask [`KeySource::key`] once more at once, since
    /// there may be another one.
    fn refused(&self, key: &str) -> bool {
        let _ = key;
        false
    }
}

/// A key that is known from the start.
#[derive(Clone)]
pub struct FixedKey(Arc<str>);

impl FixedKey {
    /// This key.
    #[must_use]
    pub fn new(key: &str) -> FixedKey {
        FixedKey(key.into())
    }
}

impl KeySource for FixedKey {
    fn key(&self, _timeout: Duration) -> Result<Arc<str>, String> {
        Ok(Arc::clone(&self.0))
    }
}

impl fmt::Debug for FixedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FixedKey")
    }
}

/// Connections are not used again after this; common servers and address translators close idle
/// ones after 60 s and more.
const IDLE_MAX: Duration = Duration::from_secs(45);

/// If the wall clock has gone this much further than the other one, the machine has slept.
const SLEPT: Duration = Duration::from_secs(2);

/// Posts bodies to the intake.
///
/// Connections are kept and used again. One that has gone stale meanwhile (the server closed it,
/// the sandbox was frozen) is replaced at once, within the same attempt. Every request names its
/// batch in the header [`BatchId::HEADER`].
///
/// Host names are looked up on a thread that ends with the look-up, because the system's function
/// for it knows no time limit; a URL with an address needs none.
#[derive(Debug)]
pub struct HttpDestination {
    target: Arc<Target>,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Target {
    base: String,
    config: Config,
    key: Arc<dyn KeySource>,
}

#[derive(Debug)]
struct Kept {
    agent: Agent,
    used: (Instant, SystemTime),
}

impl HttpDestination {
    /// Posts to the intake that the options `url` or `site` name, with the option `api_key`.
    ///
    /// # Errors
    /// No key, a proxy that is none, a file of certificates that cannot be read.
    pub fn new(config: &ClientConfig) -> Result<HttpDestination, ClientConfigError> {
        // An intake of one's own needs no key, so only the public one asks for it here.
        if config.api_key.is_empty() && config.url.is_empty() && !config.site.contains("://") {
            return Err(ClientConfigError::Conflict {
                name: "api_key",
                remedy: "the intake needs one; set it, or set url to an intake that does not",
            });
        }
        HttpDestination::with_key(config, Arc::new(FixedKey::new(&config.api_key)))
    }

    /// The same with a key from elsewhere.
    ///
    /// # Errors
    /// As [`HttpDestination::new`], but for the key.
    pub fn with_key(
        config: &ClientConfig,
        key: Arc<dyn KeySource>,
    ) -> Result<HttpDestination, ClientConfigError> {
        let base = config.intake_url();
        let target = Arc::new(Target {
            config: agent_config(config, &base)?,
            base,
            key,
        });
        Ok(HttpDestination::on(target))
    }

    fn on(target: Arc<Target>) -> HttpDestination {
        let kept = Mutex::new(Kept {
            agent: target.agent(),
            used: (Instant::now(), SystemTime::now()),
        });
        HttpDestination { target, kept }
    }

    /// The agent with its connections, unless they must be stale.
    fn agent(&self) -> Agent {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (Instant::now(), SystemTime::now());
        let idle = now.0.saturating_duration_since(kept.used.0);
        let by_wall = now.1.duration_since(kept.used.1).unwrap_or_default();
        if idle > IDLE_MAX || by_wall > idle + SLEPT {
            kept.agent = self.target.agent();
        }
        kept.used = now;
        kept.agent.clone()
    }

    /// An agent without connections, from now on for everybody.
    fn fresh_agent(&self) -> Agent {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.agent = self.target.agent();
        kept.agent.clone()
    }

    fn post(&self, agent: &Agent, batch: &Batch, key: &str, timeout: Duration) -> Posted {
        let payload = &batch.payload;
        let mut request = Request::post(format!("{}{}", self.target.base, payload.path))
            .header(header::CONTENT_TYPE, payload.content_type)
            .header(header::CONTENT_LENGTH, payload.body.len())
            .header(BatchId::HEADER, batch.id.as_str());
        if !payload.content_encoding.is_empty() {
            request = request.header(header::CONTENT_ENCODING, payload.content_encoding);
        }
        if !key.is_empty() {
            request = request.header("DD-API-KEY", key);
        }
        let mut body = Counted {
            body: &payload.body,
        };
        let outcome = request
            .body(SendBody::from_reader(&mut body))
            .map_err(ureq::Error::Http);
        CONNECTION.set(Connection::Kept);
        let outcome = outcome.and_then(|request| {
            let request = agent
                .configure_request(request)
                .timeout_global(Some(timeout))
                .build();
            agent.run(request)
        });
        let whole = body.body.is_empty();
        match outcome {
            Ok(mut response) => {
                let after = response.headers().get(header::RETRY_AFTER);
                let after = after.and_then(|value| value.to_str().ok());
                let retry_after = after.and_then(|text| parse_retry_after(text, unix_ms()));
                let code = response.status().as_u16();
                // Read to its end, so that the connection can be used again. The status alone
                // decides, so what goes wrong from here on does not matter.
                let _ = response
                    .body_mut()
                    .with_config()
                    .limit(64 << 10)
                    .read_to_vec();
                Posted::Answered(Attempt::Status { code, retry_after })
            }
            Err(error) => {
                let connection = CONNECTION.get();
                Posted::Failed {
                    attempt: failure(&error, connection, whole),
                    stale: connection == Connection::Kept && is_disconnect(&error),
                    uncertain: whole,
                }
            }
        }
    }
}

enum Posted {
    Answered(Attempt),
    Failed {
        attempt: Attempt,
        /// A connection that was kept from an earlier request was closed by the other side.
        stale: bool,
        uncertain: bool,
    },
}

impl Destination for HttpDestination {
    fn deliver(&self, batch: &Batch, _from: usize, timeout: Duration) -> Delivery {
        let until = Instant::now() + timeout;
        let left = || {
            until
                .saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1))
        };
        let mut stale_connection = false;
        let mut key_asked = false;
        let mut was_uncertain = false;
        let mut agent = self.agent();
        loop {
            let key = match self.target.key.key(left()) {
                Ok(key) => key,
                Err(detail) => {
                    let attempt = Attempt::Failed {
                        cause: FailCause::Key,
                        uncertain: false,
                        detail,
                    };
                    return Delivery {
                        stale_connection,
                        uncertain: was_uncertain,
                        ..attempt.into()
                    };
                }
            };
            let attempt = match self.post(&agent, batch, &key, left()) {
                Posted::Failed {
                    stale: true,
                    uncertain,
                    ..
                } if !stale_connection => {
                    stale_connection = true;
                    was_uncertain = uncertain;
                    agent = self.fresh_agent();
                    continue;
                }
                Posted::Failed { attempt, .. } => attempt,
                Posted::Answered(attempt) => {
                    let refused = matches!(
                        attempt,
                        Attempt::Status {
                            code: 401 | 403,
                            ..
                        }
                    );
                    if refused && !key_asked && self.target.key.refused(&key) {
                        key_asked = true;
                        continue;
                    }
                    attempt
                }
            };
            return Delivery {
                attempt,
                written: 0,
                stale_connection,
                uncertain: was_uncertain,
            };
        }
    }

    fn reopen(&self) -> Arc<dyn Destination> {
        Arc::new(HttpDestination::on(Arc::clone(&self.target)))
    }

    fn describe(&self, batch: &Batch) -> String {
        let (base, path) = (&self.target.base, batch.payload.path);
        match self.target.config.proxy() {
            Some(proxy) => {
                let (host, port) = (proxy.host(), proxy.port());
                format!("POST {base}{path} through the proxy {host}:{port}")
            }
            None => format!("POST {base}{path}"),
        }
    }
}

impl Target {
    fn agent(&self) -> Agent {
        let connector = Noting(DefaultConnector::default());
        Agent::with_parts(self.config.clone(), connector, AddressResolver::default())
    }
}

/// What the agents are made with. Nothing of it comes from the environment.
fn agent_config(config: &ClientConfig, base: &str) -> Result<Config, ClientConfigError> {
    let host = base
        .parse::<Uri>()
        .ok()
        .and_then(|uri| uri.host().map(str::to_owned));
    let past = goes_past_proxy(&config.no_proxy, &host.unwrap_or_default());
    let proxy = if config.proxy.is_empty() || past {
        None
    } else {
        let parsed = Proxy::new(&config.proxy);
        Some(parsed.map_err(|error| ClientConfigError::Unusable {
            name: "proxy",
            value: "***".to_owned(),
            cause: error.to_string(),
        })?)
    };
    Ok(Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(proxy)
        .user_agent(concat!("pointmill/", env!("CARGO_PKG_VERSION")))
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .max_idle_connections(4)
        .max_idle_connections_per_host(4)
        .max_idle_age(IDLE_MAX)
        .tls_config(TlsConfig::builder().root_certs(roots(config)?).build())
        .build())
}

fn roots(config: &ClientConfig) -> Result<RootCerts, ClientConfigError> {
    if config.ca_file.is_empty() {
        return Ok(RootCerts::WebPki);
    }
    let unusable = |cause: String| ClientConfigError::Unusable {
        name: "ca_file",
        value: config.ca_file.clone(),
        cause,
    };
    let pem = std::fs::read(&config.ca_file).map_err(|error| unusable(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| unusable(e.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(unusable("it holds no certificate in PEM form".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

/// Hands the body over and knows what is left of it.
struct Counted<'a> {
    body: &'a [u8],
}

impl Read for Counted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.body.read(buf)
    }
}

/// What is known of the connection of the request that this thread is making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    /// From an earlier request.
    Kept,
    /// Being made.
    Opening,
    /// Made for this request.
    Opened,
}

thread_local! {
    static CONNECTION: Cell<Connection> = const { Cell::new(Connection::Kept) };
}

/// Notes that a connection is made, which the agent does not tell.
#[derive(Debug)]
struct Noting(DefaultConnector);

impl Connector<()> for Noting {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        CONNECTION.set(Connection::Opening);
        let made = self.0.connect(details, chained)?;
        CONNECTION.set(Connection::Opened);
        Ok(made)
    }
}

/// Looks names up as the default does, and starts no thread for what is an address already.
#[derive(Debug, Default)]
struct AddressResolver(DefaultResolver);

impl Resolver for AddressResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let Ok(address) = host.parse() else {
            let found = self.0.resolve(uri, config, timeout);
            if found.is_err() {
                // A name that is not found is a connection that cannot be made.
                CONNECTION.set(Connection::Opening);
            }
            return found;
        };
        let default = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let mut addresses = self.empty();
        addresses.push(SocketAddr::new(address, uri.port_u16().unwrap_or(default)));
        Ok(addresses)
    }
}

/// Whether the other side has closed the connection.
fn is_disconnect(error: &ureq::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof,
    };
    let ureq::Error::Io(error) = error else {
        return false;
    };
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
    )
}

fn failure(error: &ureq::Error, connection: Connection, whole: bool) -> Attempt {
    let cause = match error {
        ureq::Error::Timeout(_) => FailCause::Timeout,
        _ if connection == Connection::Opening => FailCause::Connect,
        ureq::Error::HostNotFound | ureq::Error::BadUri(_) | ureq::Error::Tls(_) => {
            FailCause::Connect
        }
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed => FailCause::Transport,
        _ => FailCause::Answer,
    };
    Attempt::Failed {
        cause,
        uncertain: whole,
        detail: error.to_string(),
    }
}

fn unix_ms() -> u64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since_epoch.as_millis() as u64
}
