//! Ten thousand schedules of everything that can go wrong between a client and its intake: every
//! point arrives exactly once or stands in the books.
//!
//! Time is virtual and the intake is a struct, so a schedule takes milliseconds. The same faults
//! through real sockets are in `sockets.rs`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Chance, StillClock, small_engine};
use pointmill::{Flush, Kind};
use pointmill_deliver::{
    Attempt, Batch, BatchId, Client, ClientConfig, Clock, Delivery, Destination, DropCause,
    FailCause, Parts,
};
use pointmill_wire::{DecodeLimits, decompress, series_v2};

const SCHEDULES: u64 = 10_000;

/// What the air between client and intake is like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Weather {
    Clear,
    /// Anything may happen.
    Storm,
    /// Nothing gets through.
    Dead,
    /// 5xx and nothing else.
    Errors,
}

#[derive(Debug)]
struct Intake {
    chance: Chance,
    clock: Arc<StillClock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    weather: Weather,
    /// Largest body, as bytes.
    body_max: usize,
    /// Whether 400 and 403 may be answered.
    final_refusals: bool,
    taken: HashMap<BatchId, u64>,
    /// What has arrived, by metric.
    arrived: HashMap<String, f64>,
}

impl Intake {
    fn take(&self, state: &mut State, batch: &Batch) {
        let known = state.taken.keys().any(|taken| batch.id.is_within(taken));
        if known {
            return;
        }
        // The halves of a batch that has been taken as a whole would be here twice.
        assert!(!state.taken.keys().any(|taken| taken.is_within(&batch.id)));
        state.taken.insert(batch.id.clone(), batch.points());
        let encoding = batch.payload.content_encoding;
        let body = decompress(encoding, &batch.payload.body, 1 << 20).unwrap();
        let payload = series_v2::decode_json(&body, &DecodeLimits::default()).unwrap();
        for series in payload.series {
            let sum: f64 = series.points.iter().map(|point| point.value).sum();
            *state.arrived.entry(series.metric).or_default() += sum;
        }
    }

    fn failed(cause: FailCause, uncertain: bool) -> Attempt {
        Attempt::Failed {
            cause,
            uncertain,
            detail: "as the schedule says".to_owned(),
        }
    }

    fn status(&self, code: u16) -> Attempt {
        let retry_after = match code {
            429 | 503 if self.chance.one_in(2) => Some(Duration::from_secs(self.chance.below(40))),
            _ => None,
        };
        Attempt::Status { code, retry_after }
    }

    /// An answer that the intake means: what it has taken it has taken.
    fn answer(&self, state: &mut State, batch: &Batch) -> Attempt {
        let known = state.taken.keys().any(|taken| batch.id.is_within(taken));
        if !known && batch.payload.body.len() > state.body_max {
            return self.status(413);
        }
        self.take(state, batch);
        self.status(202)
    }

    fn attempt(&self, batch: &Batch, timeout: Duration) -> Attempt {
        let mut state = self.state.lock().unwrap();
        let state = &mut *state;
        let lost_answer = |state: &mut State| {
            if self.chance.one_in(2) {
                self.take(state, batch);
            }
        };
        let roll = match state.weather {
            Weather::Clear => 100,
            Weather::Storm => self.chance.below(14),
            Weather::Dead => self.chance.below(2),
            Weather::Errors => 6,
        };
        let known = state.taken.keys().any(|taken| batch.id.is_within(taken));
        match roll {
            0 => Self::failed(FailCause::Connect, false),
            1 => {
                // It hangs before the body is through.
                self.clock.advance(timeout);
                Self::failed(FailCause::Timeout, false)
            }
            2 => {
                self.clock.advance(timeout);
                lost_answer(state);
                Self::failed(FailCause::Timeout, true)
            }
            3 => Self::failed(FailCause::Transport, false),
            4 => {
                lost_answer(state);
                Self::failed(FailCause::Transport, true)
            }
            5 => {
                lost_answer(state);
                Self::failed(FailCause::Answer, true)
            }
            6 => self.status([500, 502, 503, 504][self.chance.below(4) as usize]),
            7 => self.status(429),
            8 => self.status(408),
            9 if !known => self.status(413),
            10 if !known && state.final_refusals => {
                self.status([400, 403, 422][self.chance.below(3) as usize])
            }
            11 => {
                self.clock.advance(timeout.mul_f64(0.9));
                self.answer(state, batch)
            }
            _ => self.answer(state, batch),
        }
    }
}

/// The intake as a client sees it.
#[derive(Clone, Debug)]
struct Route(Arc<Intake>);

impl Destination for Route {
    fn deliver(&self, batch: &Batch, _from: usize, timeout: Duration) -> Delivery {
        assert!(timeout > Duration::ZERO);
        self.0.attempt(batch, timeout).into()
    }

    fn reopen(&self) -> Arc<dyn Destination> {
        Arc::new(self.clone())
    }

    fn describe(&self, batch: &Batch) -> String {
        batch.payload.path.to_owned()
    }
}

struct Schedule {
    seed: u64,
    chance: Chance,
    clock: Arc<StillClock>,
    intake: Arc<Intake>,
    client: Client,
    /// What was recorded, by metric.
    recorded: HashMap<String, f64>,
    spool: Option<tempfile::TempDir>,
}

impl Schedule {
    fn new(seed: u64) -> Schedule {
        let chance = Chance::new(seed);
        let clock = Arc::new(StillClock::default());
        let intake = Arc::new(Intake {
            chance: Chance::new(seed ^ 0xabcd),
            clock: Arc::clone(&clock),
            state: Mutex::new(State {
                weather: Weather::Storm,
                body_max: [200, 1_000, usize::MAX][chance.below(3) as usize],
                final_refusals: chance.one_in(3),
                taken: HashMap::new(),
                arrived: HashMap::new(),
            }),
        });
        let mut config = ClientConfig::default();
        let mut set = |name: &str, value: &str| config.set(name, value).unwrap();
        set("background", "false");
        set("format", "series_v2");
        set(
            "compression",
            if chance.one_in(20) { "zstd" } else { "none" },
        );
        set("breaker_failures", &(1 + chance.below(6)).to_string());
        set("retry_max_ms", &(500 + chance.below(60_000)).to_string());
        if chance.one_in(4) {
            set(
                "queue_bytes_max",
                &(4_096 + chance.below(8_192)).to_string(),
            );
        }
        if chance.one_in(6) {
            set("batch_age_max_s", &(1 + chance.below(60)).to_string());
        }
        let spool = chance.one_in(8).then(|| tempfile::tempdir().unwrap());
        if let Some(spool) = &spool {
            set("spool_dir", spool.path().to_str().unwrap());
            set("spool_sync", "false");
            set("queue_bytes_max", "4096");
            set(
                "spool_bytes_max",
                &(4_096 + chance.below(8_192)).to_string(),
            );
        }
        let parts = Parts {
            destination: Some(Arc::new(Route(Arc::clone(&intake)))),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(Chance::new(seed ^ 0x1234)),
        };
        let client = Client::with_parts(&small_engine(), &config, parts).unwrap();
        Schedule {
            seed,
            chance,
            clock,
            intake,
            client,
            recorded: HashMap::new(),
            spool,
        }
    }

    fn weather(&self, weather: Weather) {
        self.intake.state.lock().unwrap().weather = weather;
    }

    fn round(&mut self) {
        let kinds = [
            Weather::Clear,
            Weather::Storm,
            Weather::Storm,
            Weather::Dead,
            Weather::Errors,
        ];
        self.weather(kinds[self.chance.below(5) as usize]);
        let metrics = 1 + self.chance.below(12);
        for _ in 0..self.chance.below(40) {
            let name = format!("c{:02}", self.chance.below(metrics));
            let engine = self.client.engine();
            engine
                .record_named(Kind::Count, &[&name, "env:test"], 1.0)
                .unwrap();
            *self.recorded.entry(name).or_default() += 1.0;
        }
        let timeout = Duration::from_millis(self.chance.below(20_000));
        self.client.flush(Flush::All, timeout).unwrap();
        self.check();
        self.clock
            .advance(Duration::from_millis(self.chance.below(20_000)));
    }

    /// What must hold at every quiescent moment.
    fn check(&self) {
        let books = self.client.stats();
        assert!(books.balances(), "seed {}: {books:?}", self.seed);
        let state = self.intake.state.lock().unwrap();
        let mut arrived_in_all = 0.0;
        for (name, arrived) in &state.arrived {
            let recorded = self.recorded[name];
            assert!(
                *arrived <= recorded,
                "seed {}: {name} arrived twice: {books:?}",
                self.seed
            );
            arrived_in_all += arrived;
        }
        let recorded: f64 = self.recorded.values().sum();
        assert_eq!(books.flushed as f64, recorded, "seed {}", self.seed);
        let points: u64 = state.taken.values().sum();
        assert_eq!(points as f64, arrived_in_all, "seed {}", self.seed);
        // Accepted means arrived; what has arrived is accepted, still waiting for its answer, or
        // dropped with the remark that it may have arrived.
        assert!(
            points >= books.accepted,
            "seed {}: {points} {books:?}",
            self.seed
        );
        let most = books.accepted + books.waiting() + books.dropped_uncertain;
        assert!(points <= most, "seed {}: {points} {books:?}", self.seed);
    }

    fn run(mut self) -> Client {
        // A spool is needed only when more comes than the queue holds.
        let rounds = if self.spool.is_some() { 20 } else { 6 };
        for _ in 0..=self.chance.below(rounds) {
            self.round();
        }
        if self.chance.one_in(5) {
            // The end comes in bad weather.
            self.client
                .close(Duration::from_millis(self.chance.below(3_000)));
            self.check();
            let books = self.client.stats();
            assert_eq!(books.queued, 0, "seed {}", self.seed);
            return self.client;
        }
        self.weather(Weather::Clear);
        for _ in 0..200 {
            if self.client.stats().waiting() == 0 {
                break;
            }
            self.client
                .flush(Flush::All, Duration::from_secs(120))
                .unwrap();
            self.check();
            self.clock.advance(Duration::from_secs(1));
        }
        let report = self.client.close(Duration::from_secs(60));
        self.check();
        let books = self.client.stats();
        assert_eq!(
            (report.waiting, books.waiting()),
            (0, 0),
            "seed {}: {books:?}",
            self.seed
        );
        self.client
    }
}

#[test]
fn every_point_arrives_exactly_once_or_stands_in_the_books() {
    let seeds = match std::env::var("POINTMILL_SEED") {
        Ok(seed) => seed.parse::<u64>().map(|seed| seed..seed + 1).unwrap(),
        Err(_) => 0..SCHEDULES,
    };
    let many = seeds.end - seeds.start > 1;
    let mut seen: HashMap<&str, u64> = HashMap::new();
    for seed in seeds {
        let books = Schedule::new(seed).run().stats();
        let mut saw = |what, n: u64| *seen.entry(what).or_default() += n;
        saw("accepted", books.accepted);
        saw("splits", books.splits);
        saw("uncertain", books.uncertain);
        saw("spooled at the end", books.spooled);
        for cause in DropCause::ALL {
            saw(cause.name(), books.dropped_for(cause));
        }
        for cause in FailCause::ALL {
            saw(cause.name(), books.failed_for(cause));
        }
    }
    // That the schedules reach what they are for.
    // Of these the disk, the key's source and the encoder have tests of their own.
    let never = ["not_encoded", "spool_failed", "key"];
    for (what, n) in &seen {
        assert!(
            !many || *n > 0 || never.contains(what),
            "no schedule saw {what}: {seen:?}"
        );
    }
}
