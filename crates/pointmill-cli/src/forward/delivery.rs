//! Points to a destination, by way of an engine and a client.
//!
//! ```text
//! distributions, histograms ─▶ engine of 10 s ─▶ client ─┐
//! MONITORING counts, gauges ─▶ engine of 1 s  ─▶ client ─┼─▶ destination
//! MONITORING checks ─────────▶ Direct ────────────────────┘
//! ```
//!
//! Counts and gauges have an engine of their own, since what is added up or replaced is that of one
//! timestamp, not of ten seconds. It is made when the first such point comes.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pointmill::{Config, Engine, Flush, Kind, RecordError, Stats};
use pointmill_deliver::{Client, ClientConfig, ClientStats, DestinationKind, KeySource};
use pointmill_forwarder::{Point, PointKind};

use super::ForwardError;
use super::direct::{Direct, http};

/// Points between two flushes of input that comes without a pause.
const FLUSH_POINTS: u64 = 1 << 16;

/// Checks in one body.
const CHECKS_MAX: usize = 500;

/// Unix seconds.
pub(super) fn now_unix_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

/// An engine and what delivers its flushes.
#[derive(Debug)]
struct Lane {
    engine: Engine,
    client: Client,
    since_flush: u64,
}

impl Lane {
    fn new(
        config: &ClientConfig,
        key: Option<&Arc<dyn KeySource>>,
        interval_s: u64,
    ) -> Result<Lane, ForwardError> {
        let mut engine = Config::default();
        engine.interval_s = interval_s;
        engine.threads_max = 2;
        engine.arena_bytes = 256 << 20;
        engine.contexts_max = 1 << 16;
        engine.tags_max = 1_000;
        engine.name_bytes_max = 4_096;
        engine.tag_bytes_max = 4_096;
        // Logs are forwarded whenever they come; what is too old for the intake, it will say.
        engine.past_max_s = 1 << 40;
        engine.future_max_s = 1 << 40;
        let failed = |what: String| ForwardError::Io(what);
        let engine = Engine::new(&engine, now_unix_s()).map_err(|e| failed(e.to_string()))?;
        engine.tick(now_unix_s());
        let client = match config.destination {
            DestinationKind::Http if key.is_some() => {
                Client::with_destination(&engine, config, Arc::new(http(config, key)?))
            }
            _ => Client::new(&engine, config),
        };
        let client = client.map_err(|error| ForwardError::Usage(error.to_string()))?;
        Ok(Lane {
            engine,
            client,
            since_flush: 0,
        })
    }

    fn record(&mut self, kind: Kind, point: &Point<'_>) -> Result<(), RecordError> {
        let context = self.engine.context(kind, point.name, point.tags)?;
        match point.unix_s {
            Some(unix_s) => self.engine.record_at(context, point.value, unix_s)?,
            None => self.engine.record(context, point.value)?,
        }
        self.since_flush += 1;
        if self.since_flush >= FLUSH_POINTS {
            self.flush(Duration::from_secs(10));
        }
        Ok(())
    }

    fn flush(&mut self, timeout: Duration) {
        self.since_flush = 0;
        // Closed only after the last flush.
        let _ = self.client.flush(Flush::All, timeout);
    }
}

/// What became of the points.
#[derive(Clone, Debug, Default)]
pub(super) struct Delivered {
    /// Of the engines, added up.
    pub(super) stats: Vec<Stats>,
    /// Of the clients.
    pub(super) ledgers: Vec<ClientStats>,
    /// Why the last attempt failed, or empty.
    pub(super) last_failure: String,
    /// Points that no engine took, with the last reason.
    pub(super) refused: u64,
    pub(super) refused_why: String,
    pub(super) checks_sent: u64,
    pub(super) checks_lost: u64,
    /// Checks that the destination has no form for.
    pub(super) checks_not_carried: u64,
}

impl Delivered {
    /// Spool files that were put aside, with the points of some former run.
    pub(super) fn damaged_files(&self) -> u64 {
        let files = self.ledgers.iter().map(|ledger| ledger.spool_damaged_files);
        files.sum()
    }

    /// Whether everything has arrived.
    pub(super) fn is_complete(&self) -> bool {
        self.refused + self.checks_lost + self.checks_not_carried + self.damaged_files() == 0
            && self.ledgers.iter().all(|ledger| {
                ledger.waiting() == 0 && ledger.dropped() == 0 && ledger.skipped() == 0
            })
            && self.stats.iter().all(|stats| stats.dropped() == 0)
    }
}

/// Engines, clients and checks.
#[derive(Debug)]
pub(super) struct Delivery {
    config: ClientConfig,
    key: Option<Arc<dyn KeySource>>,
    main: Lane,
    sums: Option<Lane>,
    checks: Option<Direct>,
    waiting_checks: Vec<u8>,
    waiting_checks_n: usize,
    done: Delivered,
}

impl Delivery {
    /// Sends as `config` says, with its key or one that `key` looks up.
    pub(super) fn new(
        config: ClientConfig,
        key: Option<Arc<dyn KeySource>>,
    ) -> Result<Delivery, ForwardError> {
        let main = Lane::new(&config, key.as_ref(), 10)?;
        let checks = match config.destination {
            DestinationKind::Http => Some(Direct::http(&config, key.as_ref())?),
            DestinationKind::Dogstatsd => Some(Direct::dogstatsd(&config)?),
            _ => None,
        };
        Ok(Delivery {
            config,
            key,
            main,
            sums: None,
            checks,
            waiting_checks: Vec::new(),
            waiting_checks_n: 0,
            done: Delivered::default(),
        })
    }

    pub(super) fn point(&mut self, point: &Point<'_>) {
        let outcome = match point.kind {
            PointKind::Check => return self.check(point),
            PointKind::Distribution => self.main.record(Kind::Distribution, point),
            PointKind::Histogram => self.main.record(Kind::Histogram, point),
            PointKind::Count | PointKind::Gauge => {
                let kind = match point.kind {
                    PointKind::Count => Kind::Count,
                    _ => Kind::Gauge,
                };
                let lane = match &mut self.sums {
                    Some(lane) => lane,
                    // The same configuration has made a lane before.
                    none => match Lane::new(&self.config, self.key.as_ref(), 1) {
                        Ok(lane) => none.insert(lane),
                        Err(error) => return self.refuse(error.to_string()),
                    },
                };
                lane.record(kind, point)
            }
        };
        if let Err(error) = outcome {
            self.refuse(error.to_string());
        }
    }

    fn refuse(&mut self, why: String) {
        self.done.refused += 1;
        self.done.refused_why = why;
    }

    fn check(&mut self, point: &Point<'_>) {
        let body = &mut self.waiting_checks;
        let unix_s = point.unix_s.unwrap_or_else(now_unix_s);
        match self.config.destination {
            DestinationKind::Http => {
                body.push(if body.is_empty() { b'[' } else { b',' });
                let check = serde_json::json!({
                    "check": point.name,
                    "status": point.value as u8,
                    "timestamp": unix_s,
                    "host_name": "",
                    "tags": point.tags,
                });
                body.extend(check.to_string().as_bytes());
            }
            DestinationKind::Dogstatsd => {
                let safe = |text: &str| text.replace(['\n', '|', ','], "_");
                let tags: Vec<String> = point.tags.iter().map(|tag| safe(tag)).collect();
                let (name, status) = (safe(point.name), point.value as u8);
                let tags = tags.join(",");
                body.extend(format!("_sc|{name}|{status}|d:{unix_s}|#{tags}").as_bytes());
            }
            _ => {
                self.done.checks_not_carried += 1;
                return;
            }
        }
        self.waiting_checks_n += 1;
        let one_each = self.config.destination == DestinationKind::Dogstatsd;
        if one_each || self.waiting_checks_n >= CHECKS_MAX {
            self.send_checks();
        }
    }

    /// Checks are not sent after this moment.
    pub(super) fn send_checks_until(&mut self, until: Instant) {
        if let Some(direct) = &mut self.checks {
            direct.send_until(until);
        }
    }

    fn send_checks(&mut self) {
        let n = std::mem::take(&mut self.waiting_checks_n) as u64;
        let mut body = std::mem::take(&mut self.waiting_checks);
        let Some(direct) = self.checks.as_mut().filter(|_| n > 0) else {
            return;
        };
        let path = match self.config.destination {
            DestinationKind::Http => {
                body.push(b']');
                "/api/v1/check_run"
            }
            _ => "",
        };
        match direct.send(path, body, n) {
            Ok(()) => self.done.checks_sent += n,
            Err(why) => {
                self.done.checks_lost += n;
                self.done.last_failure = why;
            }
        }
    }

    /// Sends what there is, for at most `timeout`.
    pub(super) fn flush(&mut self, timeout: Duration) {
        self.send_checks();
        for lane in std::iter::once(&mut self.main).chain(&mut self.sums) {
            lane.engine.tick(now_unix_s());
            lane.flush(timeout);
        }
    }

    /// What became of the points so far.
    pub(super) fn delivered(&self) -> Delivered {
        let mut done = self.done.clone();
        for lane in std::iter::once(&self.main).chain(&self.sums) {
            done.stats.push(lane.engine.stats());
            done.ledgers.push(lane.client.stats());
            let failure = lane.client.last_failure();
            if !failure.is_empty() {
                done.last_failure = failure;
            }
        }
        done
    }

    /// Sends everything, for at most `timeout`, and ends.
    pub(super) fn close(mut self, timeout: Duration) -> Delivered {
        self.send_checks();
        for lane in std::iter::once(&self.main).chain(&self.sums) {
            lane.client.close(timeout);
        }
        self.delivered()
    }
}
